//! What a kernel wrote, compared with its reference.

use super::case::{Case, Data, Expected, Float, Values};
use super::row::{KernelRow, Tolerance};
use half::f16;

/// How one output compares with the reference.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputVerdict {
    /// The parameter.
    pub name: &'static str,
    /// The rule.
    pub tolerance: Tolerance,
    /// The greatest error as a fraction of what the rule allows: at most 1 is right.
    pub worst_error: f64,
    /// Where it is: the element, what came out, what should have.
    pub worst: Option<(usize, f64, f64)>,
}

/// How a kernel's outputs compare with the reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Each output.
    pub outputs: Vec<OutputVerdict>,
}

impl Verdict {
    /// The greatest error of all outputs, as a fraction of what is allowed.
    pub fn worst_error(&self) -> f64 {
        self.outputs.iter().map(|output| output.worst_error).fold(0.0, f64::max)
    }

    /// Whether every element of every output is right.
    pub fn is_ok(&self) -> bool {
        self.worst_error() <= 1.0
    }
}

/// Compares what a kernel wrote with its reference, by the tolerances of the row.
pub fn compare(row: &KernelRow, case: &Case, outputs: &[(u32, Data)]) -> Verdict {
    compare_with(row, case, outputs, &(row.reference)(case))
}

/// Compares what a kernel wrote with what somebody else expects, by the tolerances of the row.
pub fn compare_with(row: &KernelRow, case: &Case, outputs: &[(u32, Data)], expected: &[Expected]) -> Verdict {
    let compared = row.params.iter().filter_map(|param| {
        let tolerance = param.tolerance()?;
        if !param.is_used(&case.params) {
            return None;
        }
        let got = outputs.iter().find(|(index, _)| *index == param.index).map(|(_, data)| data);
        let want = expected.iter().find(|expected| expected.index == param.index);
        let (worst_error, worst) = match (got, want) {
            (Some(got), Some(want)) => worst_of(got, &want.values, tolerance),
            _ => (f64::INFINITY, None),
        };
        Some(OutputVerdict { name: param.name, tolerance, worst_error, worst })
    });
    Verdict { outputs: compared.collect() }
}

/// The greatest error as a fraction of what is allowed, and (element, got, wanted) where it is. Infinite
/// when the number or type of the elements is wrong.
fn worst_of(got: &Data, want: &Values, tolerance: Tolerance) -> (f64, Option<(usize, f64, f64)>) {
    let errors: Vec<(f64, f64, f64)> = match (got, want) {
        (Data::F32(got), Values::Floats { terms, elements }) if got.len() == elements.len() => got
            .iter()
            .zip(elements)
            .map(|(&got, want)| (float_error(got, want, *terms, tolerance), got.into(), want.value))
            .collect(),
        (Data::F16(got), Values::Floats { terms, elements }) if got.len() == elements.len() => got
            .iter()
            .zip(elements)
            .map(|(&got, want)| (half_error(got, want, *terms, tolerance), got.into(), want.value))
            .collect(),
        (Data::I8(got), Values::Rounded(values)) if got.len() == values.len() => {
            rounding_errors(got.iter().map(|&got| got.into()), values)
        }
        (Data::U8(got), Values::Rounded(values)) if got.len() == values.len() => {
            rounding_errors(got.iter().map(|&got| got.into()), values)
        }
        (Data::U32(got), Values::Bits { words, undecided }) if got.len() == words.len() => got
            .iter()
            .zip(words.iter().zip(undecided))
            .map(|(&got, (&want, &free))| {
                let wrong = (got ^ want) & !free;
                (if wrong == 0 { 0.0 } else { f64::INFINITY }, got.into(), want.into())
            })
            .collect(),
        _ => return (f64::INFINITY, None),
    };
    let worst = errors.iter().enumerate().max_by(|(_, a), (_, b)| a.0.total_cmp(&b.0));
    worst.map_or((0.0, None), |(at, &(error, got, want))| (error, Some((at, got, want))))
}

fn float_error(got: f32, want: &Float, terms: f64, tolerance: Tolerance) -> f64 {
    error_of(got.into(), (want.value as f32).into(), want, allowed(want, terms, tolerance))
}

/// Formulas are in float32, and what comes out is rounded once more.
fn half_error(got: f16, want: &Float, terms: f64, tolerance: Tolerance) -> f64 {
    let rounding = if tolerance == Tolerance::Exact { 0.0 } else { half_ulp(want.value) / 2.0 };
    let allowed = allowed(want, terms, tolerance) + rounding;
    error_of(got.into(), f16::from_f64(want.value).into(), want, allowed)
}

/// What float32 may be off by.
fn allowed(want: &Float, terms: f64, tolerance: Tolerance) -> f64 {
    match tolerance {
        Tolerance::Exact | Tolerance::NearTies => 0.0,
        Tolerance::Ulp(ulps) => f64::from(ulps) * ulp(want.value),
        Tolerance::Sum => terms * 2f64.powi(-24) * want.magnitude,
    }
}

/// The error as a fraction of what is allowed; `rounded` is the value as the type of the result holds it.
fn error_of(got: f64, rounded: f64, want: &Float, allowed: f64) -> f64 {
    if want.value.is_nan() || got.is_nan() {
        return if want.value.is_nan() == got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    // What the type cannot hold becomes an infinity, which is then the right result.
    if got == want.value || got == rounded {
        return 0.0;
    }
    // Numbers below the least normal float32 may be flushed to zero.
    let error = (got - want.value).abs() / (allowed + want.slack + f64::from(f32::MIN_POSITIVE));
    if error.is_nan() { f64::INFINITY } else { error }
}

/// The unit in the last place of a float32 near a value.
fn ulp(value: f64) -> f64 {
    let exponent = value.abs().max(f32::MIN_POSITIVE.into()).log2().floor();
    2f64.powf(exponent - 23.0)
}

/// The unit in the last place of a half near a value. Halves below the least normal one are never flushed.
fn half_ulp(value: f64) -> f64 {
    let exponent = value.abs().max(f16::MIN_POSITIVE.into()).log2().floor();
    2f64.powf(exponent - 10.0)
}

/// For each rounded value: its error, what came out, what should have.
fn rounding_errors(got: impl Iterator<Item = f64>, want: &[f64]) -> Vec<(f64, f64, f64)> {
    got.zip(want).map(|(got, &want)| (rounding_error(got, want), got, want)).collect()
}

/// 0 when `got` is a rounding of something within 1e-6 of `want`, which is right only at ties.
fn rounding_error(got: f64, want: f64) -> f64 {
    let right = (want - 1e-6).round_ties_even() <= got && got <= (want + 1e-6).round_ties_even();
    if right { 0.0 } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float_errors_are_fractions_of_the_tolerance() {
        let check = |got: f32, want: f64, tolerance, expect: f64| {
            let want = Float { value: want, magnitude: 4.0, slack: 0.0 };
            let error = float_error(got, &want, 2.0, tolerance);
            assert!(
                error == expect || (error - expect).abs() < 1e-6,
                "{got} {want:?}: {error}, not {expect}"
            );
        };
        let step = f32::EPSILON;
        check(1.0, 1.0, Tolerance::Exact, 0.0);
        check(0.1, 0.1, Tolerance::Exact, 0.0);
        check(1.0 + 4.0 * step, 1.0, Tolerance::Ulp(4), 1.0);
        check(1.0 + 8.0 * step, 1.0, Tolerance::Ulp(4), 2.0);
        check(1.0 + 4.0 * step, 1.0, Tolerance::Sum, 1.0);
        check(f32::NAN, f64::NAN, Tolerance::Exact, 0.0);
        check(f32::NAN, 1.0, Tolerance::Sum, f64::INFINITY);
        check(1.0, f64::NAN, Tolerance::Sum, f64::INFINITY);
        check(f32::INFINITY, f64::INFINITY, Tolerance::Sum, 0.0);
        check(f32::INFINITY, 1e300, Tolerance::Sum, 0.0);
        check(f32::INFINITY, f64::NEG_INFINITY, Tolerance::Sum, f64::INFINITY);
        assert!(float_error(1.0 + step, &Float::from(1.0), 1.0, Tolerance::Exact) > 1.0);
    }

    #[test]
    fn half_results_may_be_rounded_once_more() {
        let check = |got: f32, want: f64, tolerance, expect: f64| {
            let error = half_error(f16::from_f32(got), &Float::from(want), 1.0, tolerance);
            assert!(
                error == expect || (error - expect).abs() < 0.02,
                "{got} for {want}: {error}, not {expect}"
            );
        };
        let step = f16::EPSILON.to_f32();
        check(1.0, 1.0, Tolerance::Exact, 0.0);
        check(0.1, 0.1, Tolerance::Exact, 0.0);
        check(1.0, 1.0 + f64::from(step) * 0.499, Tolerance::Ulp(4), 0.0);
        check(1.0 + step, 1.0 + f64::from(step) * 0.499, Tolerance::Ulp(4), 1.0);
        check(1.0 + step, 1.0, Tolerance::Ulp(4), 2.0);
        check(f32::INFINITY, 70000.0, Tolerance::Ulp(4), 0.0);
        check(f32::NAN, f64::NAN, Tolerance::Exact, 0.0);
        check(6e-8, 5.5e-8, Tolerance::Ulp(4), 0.0);
        assert!(half_error(f16::from_f32(1.0 + step), &Float::from(1.0), 1.0, Tolerance::Exact) > 1.0);
    }

    #[test]
    fn integers_may_differ_at_ties_only() {
        for (got, want, right) in [
            (2.0, 2.4, true),
            (3.0, 2.4, false),
            (2.0, 2.5, true),
            (3.0, 2.5, true),
            (3.0, 2.499_999_5, true),
            (3.0, 2.499_99, false),
            (1.0, 2.5, false),
        ] {
            assert_eq!(rounding_error(got, want) == 0.0, right, "{got} for {want}");
        }
    }

    #[test]
    fn units_in_the_last_place() {
        assert_eq!(ulp(1.0), f64::from(f32::EPSILON));
        assert_eq!(ulp(-1.5), f64::from(f32::EPSILON));
        assert_eq!(ulp(0.75), f64::from(f32::EPSILON) / 2.0);
    }

    #[test]
    fn missing_elements_are_infinitely_wrong() {
        let want = Expected::floats(0, [1.0, 2.0]).values;
        assert_eq!(worst_of(&Data::F32(vec![1.0]), &want, Tolerance::Ulp(4)).0, f64::INFINITY);
        assert_eq!(worst_of(&Data::U32(vec![1, 2]), &want, Tolerance::Ulp(4)).0, f64::INFINITY);
        assert_eq!(worst_of(&Data::F32(vec![1.0, 3.0]), &want, Tolerance::Ulp(4)).1, Some((1, 3.0, 2.0)));
    }
}

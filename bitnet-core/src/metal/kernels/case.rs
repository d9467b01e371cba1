//! A kernel's operands as data: run on a device, and compared with the reference.

use super::encode::{Arg, encode};
use super::row::{Access, Element, KernelRow, ParamKind, Tolerance};
use super::shape::Shape;
use crate::metal::{BitNetShaders, MetalError, create_buffer, read_buffer};
use bytemuck::NoUninit;

/// Elements of a buffer.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// `float`
    F32(Vec<f32>),
    /// `uint`
    U32(Vec<u32>),
    /// `char`
    I8(Vec<i8>),
}

impl Data {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Data::F32(v) => v.len(),
            Data::U32(v) => v.len(),
            Data::I8(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes in memory.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Data::F32(v) => bytemuck::cast_slice(v),
            Data::U32(v) => bytemuck::cast_slice(v),
            Data::I8(v) => bytemuck::cast_slice(v),
        }
    }

    /// `len` elements that no kernel means: what it does not overwrite shows.
    fn poison(element: Element, len: usize) -> Self {
        match element {
            Element::F32 => Data::F32(vec![f32::from_bits(0x7fc0_dead); len]),
            Element::U32 => Data::U32(vec![0xdead_beef; len]),
            Element::I8 => Data::I8(vec![-128; len]),
        }
    }
}

/// Operands of one launch.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is special about it.
    pub label: String,
    /// The shape that `params` describes.
    pub shape: Shape,
    /// The bytes of the parameter struct.
    pub params: Vec<u8>,
    /// Contents of the buffers that the kernel reads, by index. Optional ones that `params` does not ask
    /// for are absent.
    pub buffers: Vec<(u32, Data)>,
}

impl Case {
    /// A case with these parameters and no buffers.
    pub fn new<P: NoUninit>(label: impl Into<String>, shape: Shape, params: &P) -> Self {
        Self { label: label.into(), shape, params: bytemuck::bytes_of(params).to_vec(), buffers: Vec::new() }
    }

    /// The case with one buffer more.
    #[must_use]
    pub fn with(mut self, index: u32, data: Data) -> Self {
        self.buffers.push((index, data));
        self
    }

    /// The contents of a buffer; `None` if it is absent.
    pub fn data(&self, index: u32) -> Option<&Data> {
        self.buffers.iter().find(|(at, _)| *at == index).map(|(_, data)| data)
    }

    /// The floats of a buffer in double precision; none if it is absent or holds something else.
    pub fn floats(&self, index: u32) -> Vec<f64> {
        match self.data(index) {
            Some(Data::F32(values)) => values.iter().map(|&v| v.into()).collect(),
            _ => Vec::new(),
        }
    }

    /// The words of a buffer; none if it is absent or holds something else.
    pub fn words(&self, index: u32) -> &[u32] {
        match self.data(index) {
            Some(Data::U32(values)) => values,
            _ => &[],
        }
    }
}

/// What a buffer should hold after a launch.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The parameter.
    pub index: u32,
    /// Its contents.
    pub values: Values,
}

/// Contents that a reference expects.
#[derive(Clone, Debug)]
pub enum Values {
    /// Floats.
    Floats {
        /// Terms of the longest sum behind each, the roundings of a product or quotient counted with them.
        terms: f64,
        /// The values.
        elements: Vec<Float>,
    },
    /// Integers, before rounding.
    Rounded(Vec<f64>),
    /// Bits.
    Bits {
        /// The words.
        words: Vec<u32>,
        /// Bits that may come out either way, since they lie on the border.
        undecided: Vec<u32>,
    },
}

/// A float that a reference expects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Float {
    /// The value.
    pub value: f64,
    /// Σ|terms|: the magnitudes that add up to it, which its rounding errors are in proportion to.
    pub magnitude: f64,
    /// More that it may be off by, for another reason than rounding.
    pub slack: f64,
}

impl From<f64> for Float {
    fn from(value: f64) -> Self {
        Self { value, magnitude: value.abs(), slack: 0.0 }
    }
}

impl Expected {
    /// Floats that are each the sum of so many terms.
    pub(crate) fn sums(index: u32, terms: f64, elements: Vec<Float>) -> Self {
        Self { index, values: Values::Floats { terms, elements } }
    }

    /// Floats that no sum stands behind.
    pub(crate) fn floats(index: u32, values: impl IntoIterator<Item = f64>) -> Self {
        Self::sums(index, 1.0, values.into_iter().map(Float::from).collect())
    }

    /// Words that must be met bit by bit.
    pub(crate) fn bits(index: u32, words: Vec<u32>) -> Self {
        let undecided = vec![0; words.len()];
        Self { index, values: Values::Bits { words, undecided } }
    }
}

/// A function whose derivative a kernel computes.
pub struct Derivative {
    /// The kernel's parameter that holds the derivative.
    pub index: u32,
    /// Where it is taken.
    pub at: Vec<f64>,
    /// The function.
    pub function: Function,
}

/// A function of many variables.
pub type Function = Box<dyn Fn(&[f64]) -> f64>;

/// Runs a kernel on a case's operands. Gives the contents of what it writes, by index: exactly as many
/// elements as the row says, so that a write past the end is an error and one left out shows.
///
/// # Errors
/// What [`encode`](fn@encode) gives, or what went wrong while the kernel ran.
pub fn run_case(
    shaders: &BitNetShaders,
    row: &KernelRow,
    case: &Case,
) -> Result<Vec<(u32, Data)>, MetalError> {
    let mut buffers = Vec::new();
    let mut outputs = Vec::new();
    for param in row.params {
        let ParamKind::Buffer { element, access, least, .. } = param.kind else { continue };
        if !param.is_used(&case.params) {
            continue;
        }
        let given = case.data(param.index).cloned();
        let data = given.unwrap_or_else(|| Data::poison(element, least(&case.shape) as usize));
        if access != Access::Read && data.is_empty() {
            outputs.push((param.index, element, None));
        }
        if !data.is_empty() {
            let buffer = create_buffer(shaders.device(), data.bytes())?;
            if access != Access::Read {
                outputs.push((param.index, element, Some(buffer.clone())));
            }
            buffers.push((param.index, buffer));
        }
    }
    let mut args: Vec<_> = buffers.iter().map(|(index, buffer)| (*index, Arg::Buffer(buffer, 0))).collect();
    args.push((row.constants().0, Arg::Bytes(&case.params)));

    let command_buffer = shaders.device().new_command_queue().new_command_buffer();
    let encoder = command_buffer.new_compute_command_encoder();
    encode(shaders, &encoder, row.function, &case.shape, &args)?;
    encoder.end_encoding();
    command_buffer.commit();
    command_buffer.wait_until_completed()?;

    outputs
        .into_iter()
        .map(|(index, element, buffer)| {
            let Some(buffer) = buffer else { return Ok((index, Data::poison(element, 0))) };
            Ok((
                index,
                match element {
                    Element::F32 => Data::F32(read_buffer(&buffer)?),
                    Element::U32 => Data::U32(read_buffer(&buffer)?),
                    Element::I8 => Data::I8(read_buffer(&buffer)?),
                },
            ))
        })
        .collect()
}

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
    let expected = (row.reference)(case);
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
        (Data::I8(got), Values::Rounded(values)) if got.len() == values.len() => got
            .iter()
            .zip(values)
            .map(|(&got, &want)| (rounding_error(got.into(), want), got.into(), want))
            .collect(),
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
    let got_wide = f64::from(got);
    if want.value.is_nan() || got.is_nan() {
        return if want.value.is_nan() == got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    // What float32 cannot hold becomes an infinity, which is then the right result.
    if got_wide == want.value || got == want.value as f32 {
        return 0.0;
    }
    let allowed = match tolerance {
        Tolerance::Exact | Tolerance::NearTies => 0.0,
        Tolerance::Ulp(ulps) => f64::from(ulps) * ulp(want.value),
        Tolerance::Sum => terms * 2f64.powi(-24) * want.magnitude,
    };
    // Numbers below the least normal one may be flushed to zero.
    let error = (got_wide - want.value).abs();
    let error = error / (allowed + want.slack + f64::from(f32::MIN_POSITIVE));
    if error.is_nan() { f64::INFINITY } else { error }
}

/// The unit in the last place of a float32 near a value.
fn ulp(value: f64) -> f64 {
    let exponent = value.abs().max(f32::MIN_POSITIVE.into()).log2().floor();
    2f64.powf(exponent - 23.0)
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

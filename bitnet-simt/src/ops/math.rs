//! The floating-point functions of the table on a lane.
//!
//! `precise` computes in float64 and rounds, so a result is within one ulp. `fast` takes the float32 function
//! where there is one; both give NaN for NaN and handle infinities. `half` and `bfloat` arguments come as
//! float32; the instruction after rounds the result.

use bitnet_msl::ir::{MathFn, Scalar};

use super::float;

/// Functions of one argument that give a float.
pub(crate) fn unary(f: MathFn, ty: Scalar, precise: bool, x: f32) -> f32 {
    match f {
        MathFn::Abs => x.abs(),
        MathFn::Ceil => libm::ceilf(x),
        MathFn::Floor => libm::floorf(x),
        MathFn::Trunc => libm::truncf(x),
        MathFn::Rint => libm::rintf(x),
        MathFn::Round => libm::roundf(x),
        MathFn::Fract => fract(x, ty),
        MathFn::Sign => sign(x),
        MathFn::Sqrt => x.sqrt(),
        MathFn::Rsqrt => (1.0 / f64::from(x).sqrt()) as f32,
        MathFn::Cospi => cospi(x),
        MathFn::Sinpi => sinpi(x),
        MathFn::Tanpi => tanpi(x),
        _ if precise => transcendental(f, f64::from(x)) as f32,
        _ => fast_transcendental(f, x),
    }
}

fn transcendental(f: MathFn, x: f64) -> f64 {
    match f {
        MathFn::Acos => libm::acos(x),
        MathFn::Acosh => libm::acosh(x),
        MathFn::Asin => libm::asin(x),
        MathFn::Asinh => libm::asinh(x),
        MathFn::Atan => libm::atan(x),
        MathFn::Atanh => libm::atanh(x),
        MathFn::Cos => libm::cos(x),
        MathFn::Cosh => libm::cosh(x),
        MathFn::Exp => libm::exp(x),
        MathFn::Exp2 => libm::exp2(x),
        MathFn::Exp10 => libm::exp10(x),
        MathFn::Log => libm::log(x),
        MathFn::Log2 => libm::log2(x),
        MathFn::Log10 => libm::log10(x),
        MathFn::Sin => libm::sin(x),
        MathFn::Sinh => libm::sinh(x),
        MathFn::Tan => libm::tan(x),
        MathFn::Tanh => libm::tanh(x),
        _ => f64::NAN,
    }
}

fn fast_transcendental(f: MathFn, x: f32) -> f32 {
    match f {
        MathFn::Acos => libm::acosf(x),
        MathFn::Asin => libm::asinf(x),
        MathFn::Atan => libm::atanf(x),
        MathFn::Cos => libm::cosf(x),
        MathFn::Cosh => libm::coshf(x),
        MathFn::Exp => libm::expf(x),
        MathFn::Exp2 => libm::exp2f(x),
        MathFn::Log => libm::logf(x),
        MathFn::Log2 => libm::log2f(x),
        MathFn::Sin => libm::sinf(x),
        MathFn::Sinh => libm::sinhf(x),
        MathFn::Tan => libm::tanf(x),
        MathFn::Tanh => libm::tanhf(x),
        _ => transcendental(f, f64::from(x)) as f32,
    }
}

/// Functions of two arguments. The second of `ldexp` is an integer in the bits of `b`.
pub(crate) fn binary(f: MathFn, ty: Scalar, precise: bool, a: u32, b: u32) -> f32 {
    let (x, y) = (f32::from_bits(a), f32::from_bits(b));
    match f {
        MathFn::Atan2 if precise => libm::atan2(f64::from(x), f64::from(y)) as f32,
        MathFn::Atan2 => libm::atan2f(x, y),
        MathFn::Copysign => x.copysign(y),
        MathFn::Fdim => fdim(x, y),
        MathFn::Fmod => libm::fmodf(x, y),
        MathFn::Ldexp => libm::ldexp(f64::from(x), b as i32) as f32,
        MathFn::Max => float::max(x, y),
        MathFn::Min => float::min(x, y),
        MathFn::Nextafter => nextafter(x, y, ty),
        // The float32 function of libm is several ulp off for large results; both take the float64 one.
        MathFn::Pow => libm::pow(f64::from(x), f64::from(y)) as f32,
        MathFn::Powr => powr(x, y),
        _ => f32::NAN,
    }
}

/// Functions that ask about a float: `bool`s and `ilogb`, as the bits of the result.
pub(crate) fn classify(f: MathFn, ty: Scalar, x: f32) -> u32 {
    match f {
        MathFn::IsFinite => x.is_finite().into(),
        MathFn::IsInf => x.is_infinite().into(),
        MathFn::IsNan => x.is_nan().into(),
        MathFn::IsNormal => (x.is_finite() && x.abs() >= least_normal(ty)).into(),
        MathFn::SignBit => x.is_sign_negative().into(),
        _ => libm::ilogbf(x) as u32,
    }
}

fn least_normal(ty: Scalar) -> f32 {
    if ty == Scalar::F16 { 1.0 / 16_384.0 } else { f32::MIN_POSITIVE }
}

/// x − floor(x), kept below one.
fn fract(x: f32, ty: Scalar) -> f32 {
    let ulp = match ty {
        Scalar::F16 => 1.0 / 2048.0,
        Scalar::BF16 => 1.0 / 256.0,
        _ => f32::EPSILON / 2.0,
    };
    let part = x - libm::floorf(x);
    if part > 1.0 - ulp { 1.0 - ulp } else { part }
}

/// ±1, ±0; NaN gives 0.
fn sign(x: f32) -> f32 {
    if x.is_nan() {
        0.0
    } else if x == 0.0 {
        x
    } else {
        1f32.copysign(x)
    }
}

fn fdim(x: f32, y: f32) -> f32 {
    if x.is_nan() || y.is_nan() {
        f32::NAN
    } else if x > y {
        x - y
    } else {
        0.0
    }
}

/// x^y for x ≥ 0 as exp(y·log x): NaN for negative x and for 0⁰, ∞⁰, 1^∞.
fn powr(x: f32, y: f32) -> f32 {
    let undefined =
        x < 0.0 || (x == 0.0 && y == 0.0) || (x.is_infinite() && y == 0.0) || (x == 1.0 && y.is_infinite());
    if undefined || x.is_nan() || y.is_nan() {
        return f32::NAN;
    }
    libm::pow(f64::from(x.abs()), f64::from(y)) as f32
}

/// The argument of a function of period 2, exactly reduced to −1 … 1.
fn half_turns(x: f32) -> f64 {
    let x = f64::from(x);
    x - 2.0 * libm::rint(x / 2.0)
}

fn cospi(x: f32) -> f32 {
    let turns = half_turns(x);
    // cos(π/2) is not 0 with the nearest float64 to π/2, but cospi(0.5) is.
    if turns.abs() == 0.5 { 0.0 } else { libm::cos(turns * std::f64::consts::PI) as f32 }
}

fn sinpi(x: f32) -> f32 {
    let turns = half_turns(x);
    if turns.abs() == 1.0 || turns == 0.0 {
        return 0f32.copysign(x);
    }
    libm::sin(turns * std::f64::consts::PI) as f32
}

fn tanpi(x: f32) -> f32 {
    let turns = half_turns(x);
    match turns.abs() {
        0.0 => 0f32.copysign(x),
        1.0 => 0f32.copysign(-x),
        0.5 => f32::INFINITY.copysign(turns as f32),
        _ => libm::tan(turns * std::f64::consts::PI) as f32,
    }
}

/// The next value of the type after `x` in the direction of `y`.
fn nextafter(x: f32, y: f32, ty: Scalar) -> f32 {
    if x.is_nan() || y.is_nan() {
        return f32::NAN;
    }
    if x == y {
        return y;
    }
    // Sign and magnitude of the type's own bits; the next magnitude is the next integer.
    let bits = |x: f32| match ty {
        Scalar::F16 => super::half::half_to_bits(x.to_bits()),
        Scalar::BF16 => super::half::bfloat_to_bits(x.to_bits()),
        _ => x.to_bits(),
    };
    let from_bits = |bits: u32| match ty {
        Scalar::F16 => f32::from_bits(super::half::half_from_bits(bits)),
        Scalar::BF16 => f32::from_bits(super::half::bfloat_from_bits(bits)),
        _ => f32::from_bits(bits),
    };
    if x == 0.0 {
        return from_bits(1).copysign(y);
    }
    let away_from_zero = (y > x) == (x > 0.0);
    from_bits(if away_from_zero { bits(x) + 1 } else { bits(x) - 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distance in units in the last place; NaN equals NaN.
    fn ulps(a: f32, b: f32) -> u32 {
        if a == b || a.is_nan() && b.is_nan() {
            return 0;
        }
        let key = |x: f32| (x.to_bits() as i32) ^ (((x.to_bits() as i32) >> 31) as u32 >> 1) as i32;
        key(a).abs_diff(key(b))
    }

    const EDGES: [f32; 9] =
        [0.0, -0.0, 1.0, -1.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MAX, 1e-45];

    fn check(f: MathFn, range: f32, reference: fn(f64) -> f64) {
        let inner = (-2000..=2000).map(|i| i as f32 / 2000.0 * range);
        for x in inner.chain(EDGES) {
            let expect = reference(f64::from(x)) as f32;
            let (precise, fast) = (unary(f, Scalar::F32, true, x), unary(f, Scalar::F32, false, x));
            assert!(ulps(precise, expect) <= 1, "{f:?}({x}) is {precise}, not {expect}");
            assert!(ulps(fast, expect) <= 2, "fast {f:?}({x}) is {fast}, not {expect}");
        }
    }

    #[test]
    fn functions_of_one_argument_are_within_their_ulps() {
        check(MathFn::Acos, 1.1, f64::acos);
        check(MathFn::Acosh, 100.0, f64::acosh);
        check(MathFn::Asin, 1.1, f64::asin);
        check(MathFn::Asinh, 100.0, f64::asinh);
        check(MathFn::Atan, 100.0, f64::atan);
        check(MathFn::Atanh, 1.1, f64::atanh);
        check(MathFn::Cos, 100.0, f64::cos);
        check(MathFn::Cosh, 95.0, f64::cosh);
        check(MathFn::Exp, 110.0, f64::exp);
        check(MathFn::Exp2, 155.0, f64::exp2);
        check(MathFn::Exp10, 46.0, |x| 10f64.powf(x));
        check(MathFn::Log, 1e6, f64::ln);
        check(MathFn::Log2, 1e6, f64::log2);
        check(MathFn::Log10, 1e6, f64::log10);
        check(MathFn::Sin, 100.0, f64::sin);
        check(MathFn::Sinh, 95.0, f64::sinh);
        check(MathFn::Tan, 100.0, f64::tan);
        check(MathFn::Tanh, 10.0, f64::tanh);
        check(MathFn::Sqrt, 1e30, f64::sqrt);
        check(MathFn::Rsqrt, 1e30, |x| 1.0 / x.sqrt());
        check(MathFn::Rint, 20.0, f64::round_ties_even);
        check(MathFn::Round, 20.0, f64::round);
        check(MathFn::Floor, 20.0, f64::floor);
        check(MathFn::Ceil, 20.0, f64::ceil);
        check(MathFn::Trunc, 20.0, f64::trunc);
        check(MathFn::Abs, 20.0, f64::abs);
    }

    #[test]
    fn half_turn_functions_are_exact_at_quarters() {
        for (f, x, expect) in [
            (MathFn::Cospi, 0.5, 0.0),
            (MathFn::Cospi, 1.0, -1.0),
            (MathFn::Cospi, 16_777_216.0, 1.0),
            (MathFn::Sinpi, 1.0, 0.0),
            (MathFn::Sinpi, -0.5, -1.0),
            (MathFn::Tanpi, 0.25, 1.0),
            (MathFn::Tanpi, 0.5, f32::INFINITY),
            (MathFn::Sinpi, f32::INFINITY, f32::NAN),
        ] {
            assert!(ulps(unary(f, Scalar::F32, true, x), expect) <= 1, "{f:?}({x})");
        }
    }

    #[test]
    fn functions_of_two_arguments() {
        let call = |f, x: f32, y: f32| binary(f, Scalar::F32, true, x.to_bits(), y.to_bits());
        let nan = f32::NAN;
        for (f, x, y, expect) in [
            (MathFn::Atan2, 1.0, -1.0, 3.0 * std::f32::consts::FRAC_PI_4),
            (MathFn::Copysign, 3.0, -0.0, -3.0),
            (MathFn::Fdim, 3.0, 1.0, 2.0),
            (MathFn::Fdim, 1.0, 3.0, 0.0),
            (MathFn::Fmod, -5.5, 2.0, -1.5),
            (MathFn::Max, nan, 1.0, 1.0),
            (MathFn::Min, -1.0, nan, -1.0),
            (MathFn::Nextafter, 0.0, -1.0, -1e-45),
            (MathFn::Nextafter, 1.0, 2.0, 1.0 + f32::EPSILON),
            (MathFn::Nextafter, -1.0, 0.0, -1.0 + f32::EPSILON / 2.0),
            (MathFn::Pow, 2.0, 10.0, 1024.0),
            (MathFn::Pow, -2.0, 3.0, -8.0),
            (MathFn::Pow, nan, 0.0, 1.0),
            (MathFn::Powr, -2.0, 3.0, nan),
            (MathFn::Powr, 0.0, 0.0, nan),
            (MathFn::Powr, 3.0, 2.0, 9.0),
        ] {
            assert!(ulps(call(f, x, y), expect) <= 1, "{f:?}({x}, {y}) is {}, not {expect}", call(f, x, y));
        }
        assert_eq!(binary(MathFn::Ldexp, Scalar::F32, true, 1.5f32.to_bits(), -3i32 as u32), 0.1875);
        assert_eq!(binary(MathFn::Ldexp, Scalar::F32, true, 1f32.to_bits(), 200), f32::INFINITY);
        assert_eq!(
            binary(MathFn::Nextafter, Scalar::F16, true, 1f32.to_bits(), 2f32.to_bits()),
            1.0 + 1.0 / 1024.0
        );
        assert_eq!(
            binary(MathFn::Nextafter, Scalar::BF16, true, 1f32.to_bits(), 0f32.to_bits()),
            1.0 - 1.0 / 256.0
        );
    }

    #[test]
    fn parts_signs_and_classes() {
        assert_eq!(unary(MathFn::Fract, Scalar::F32, true, -0.25), 0.75);
        assert!(unary(MathFn::Fract, Scalar::F32, true, -1e-20) < 1.0);
        assert!(unary(MathFn::Fract, Scalar::F16, true, -1e-6) <= 0.999_511_7);
        assert_eq!(unary(MathFn::Sign, Scalar::F32, true, -7.0), -1.0);
        assert_eq!(unary(MathFn::Sign, Scalar::F32, true, f32::NAN), 0.0);
        let class = |f, ty, x| classify(f, ty, x);
        assert_eq!(class(MathFn::IsNormal, Scalar::F32, 1e-5), 1);
        assert_eq!(class(MathFn::IsNormal, Scalar::F16, 1e-5), 0);
        assert_eq!(class(MathFn::IsNormal, Scalar::F32, 1e-40), 0);
        assert_eq!(class(MathFn::IsNan, Scalar::F32, f32::NAN), 1);
        assert_eq!(class(MathFn::IsInf, Scalar::F32, f32::NEG_INFINITY), 1);
        assert_eq!(class(MathFn::IsFinite, Scalar::F32, f32::MAX), 1);
        assert_eq!(class(MathFn::SignBit, Scalar::F32, -0.0), 1);
        assert_eq!(class(MathFn::Ilogb, Scalar::F32, 10.0), 3);
        assert_eq!(class(MathFn::Ilogb, Scalar::F32, 1e-40) as i32, -133);
    }
}

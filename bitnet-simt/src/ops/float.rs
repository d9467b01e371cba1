//! float32 arithmetic on a lane. Rust's `+ − × ÷` and square root are correctly rounded on every machine.

pub(crate) fn add(a: f32, b: f32) -> f32 {
    a + b
}

pub(crate) fn sub(a: f32, b: f32) -> f32 {
    a - b
}

pub(crate) fn mul(a: f32, b: f32) -> f32 {
    a * b
}

pub(crate) fn div(a: f32, b: f32) -> f32 {
    a / b
}

/// `fmod`: the sign of the dividend, exact.
pub(crate) fn rem(a: f32, b: f32) -> f32 {
    libm::fmodf(a, b)
}

pub(crate) fn eq(a: f32, b: f32) -> bool {
    a == b
}

pub(crate) fn ne(a: f32, b: f32) -> bool {
    a != b
}

pub(crate) fn lt(a: f32, b: f32) -> bool {
    a < b
}

pub(crate) fn le(a: f32, b: f32) -> bool {
    a <= b
}

/// The lesser; of a number and a NaN the number.
pub(crate) fn min(a: f32, b: f32) -> f32 {
    if a < b || b.is_nan() { a } else { b }
}

/// The greater; of a number and a NaN the number.
pub(crate) fn max(a: f32, b: f32) -> f32 {
    if a > b || b.is_nan() { a } else { b }
}

/// a·b + c, rounded once.
///
/// The product is exact in float64. The sum is rounded to odd there, which keeps what the second rounding,
/// to float32, needs to know (S. Boldo and G. Melquiond, "Emulation of a FMA and correctly rounded sums",
/// IEEE Transactions on Computers 57 (4), 2008).
pub(crate) fn fma(a: f32, b: f32, c: f32) -> f32 {
    let (product, addend) = (f64::from(a) * f64::from(b), f64::from(c));
    let sum = product + addend;
    let addend_kept = sum - product;
    let error = (product - (sum - addend_kept)) + (addend - addend_kept);
    let bits = sum.to_bits();
    let toward_zero = (error < 0.0) != (sum < 0.0);
    let odd = if toward_zero { bits.wrapping_sub(1) } else { bits.wrapping_add(1) };
    // Not for infinities and NaN: their error is NaN.
    let inexact = error.abs() > 0.0;
    f64::from_bits(if inexact && bits & 1 == 0 { odd } else { bits }) as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EDGES: [f32; 16] = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        1.5,
        f32::MIN_POSITIVE,
        -f32::MIN_POSITIVE,
        1e-45,
        -1e-45,
        f32::MAX,
        f32::MIN,
        f32::EPSILON,
        16_777_217.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];

    fn same(a: f32, b: f32) -> bool {
        a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
    }

    #[test]
    fn arithmetic_is_double_arithmetic_rounded() {
        for a in EDGES {
            for b in EDGES {
                let (x, y) = (f64::from(a), f64::from(b));
                for (got, expect) in [
                    (add(a, b), x + y),
                    (sub(a, b), x - y),
                    (mul(a, b), x * y),
                    (div(a, b), x / y),
                    (rem(a, b), x % y),
                ] {
                    assert!(same(got, expect as f32), "{a}, {b}: {got} is not {expect}");
                }
            }
        }
    }

    #[test]
    fn minimum_and_maximum_prefer_numbers_to_nan() {
        assert_eq!((min(1.0, 2.0), max(1.0, 2.0)), (1.0, 2.0));
        assert_eq!((min(f32::NAN, 2.0), min(2.0, f32::NAN)), (2.0, 2.0));
        assert_eq!((max(f32::NAN, 2.0), max(2.0, f32::NAN)), (2.0, 2.0));
        assert!(min(f32::NAN, f32::NAN).is_nan() && max(f32::NAN, f32::NAN).is_nan());
        assert_eq!(
            (min(f32::NEG_INFINITY, 2.0), max(f32::INFINITY, 2.0)),
            (f32::NEG_INFINITY, f32::INFINITY)
        );
    }

    #[test]
    fn comparisons_with_nan_are_false_but_for_ne() {
        for x in EDGES {
            assert!(!eq(x, f32::NAN) && !lt(x, f32::NAN) && !le(f32::NAN, x) && ne(x, f32::NAN));
        }
        assert!(eq(0.0, -0.0) && le(-0.0, 0.0) && !lt(-0.0, 0.0));
    }

    #[test]
    fn fma_rounds_once_at_the_edges() {
        for a in EDGES {
            for b in EDGES {
                for c in EDGES {
                    let (got, expect) = (fma(a, b, c), libm::fmaf(a, b, c));
                    assert!(same(got, expect), "{a} * {b} + {c}: {got} is not {expect}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn fma_rounds_once(a: u32, b: u32, c: u32) {
            let [a, b, c] = [a, b, c].map(f32::from_bits);
            prop_assert!(same(fma(a, b, c), libm::fmaf(a, b, c)), "{a} * {b} + {c}");
        }

        #[test]
        fn fma_of_near_cancellations_rounds_once(a in 1.0f32..2.0, b in 1.0f32..2.0, ulps in -3i32..3) {
            let c = -f32::from_bits((a * b).to_bits().wrapping_add_signed(ulps));
            prop_assert!(same(fma(a, b, c), libm::fmaf(a, b, c)), "{a} * {b} + {c}");
        }
    }
}

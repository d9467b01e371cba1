//! `half` and `bfloat` bits, from and to double precision.

use crate::ir::Scalar;

/// Shape of a 16-bit format: bits of the fraction, and the exponent bias.
fn shape(scalar: Scalar) -> (u32, i32) {
    match scalar {
        Scalar::F16 => (10, 15),
        _ => (7, 127),
    }
}

/// The value of a 16-bit float.
pub(super) fn from_bits16(scalar: Scalar, bits: u16) -> f64 {
    let (fraction_bits, bias) = shape(scalar);
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let fraction = f64::from(bits & ((1 << fraction_bits) - 1)) / f64::from(1u32 << fraction_bits);
    let exponent = i32::from((bits & 0x7fff) >> fraction_bits);
    let greatest = 2 * bias + 1;
    match exponent {
        0 => sign * fraction * 2f64.powi(1 - bias),
        e if e == greatest && fraction == 0.0 => sign * f64::INFINITY,
        e if e == greatest => f64::NAN,
        e => sign * (1.0 + fraction) * 2f64.powi(e - bias),
    }
}

/// The nearest 16-bit float, ties to even; too large ones become infinite.
pub(super) fn to_bits16(scalar: Scalar, value: f64) -> u16 {
    let (fraction_bits, bias) = shape(scalar);
    let infinity = ((2 * bias + 1) as u16) << fraction_bits;
    let sign = u16::from(value.is_sign_negative()) << 15;
    if value.is_nan() {
        return infinity | 1 << (fraction_bits - 1);
    }
    let magnitude = value.abs();
    let least_exponent = 1 - bias;
    // The exponent field of a double is exact where `log2` might round up to the next power.
    let exponent = ((magnitude.to_bits() >> 52) as i32 - 1023).max(least_exponent);
    if exponent > bias {
        return sign | infinity;
    }
    let steps = (magnitude / 2f64.powi(exponent - fraction_bits as i32)).round_ties_even() as u32;
    // Adding, not joining, lets a fraction that rounded up carry into the exponent, up to infinity.
    let bits = (((exponent - least_exponent) as u32) << fraction_bits) + steps;
    sign | (bits as u16).min(infinity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scalar: Scalar, value: f64, bits: u16) {
        assert_eq!(to_bits16(scalar, value), bits, "{value} as {}", scalar.msl_name());
    }

    #[test]
    fn halves_round_to_nearest_even() {
        check(Scalar::F16, 1.0, 0x3c00);
        check(Scalar::F16, -2.5, 0xc100);
        check(Scalar::F16, 65504.0, 0x7bff);
        check(Scalar::F16, 65519.0, 0x7bff);
        check(Scalar::F16, 65520.0, 0x7c00);
        check(Scalar::F16, 1.0 + 2f64.powi(-11), 0x3c00);
        check(Scalar::F16, 1.0 + 3.0 * 2f64.powi(-11), 0x3c02);
        check(Scalar::F16, 2f64.powi(-24), 0x0001);
        check(Scalar::F16, 2f64.powi(-25), 0x0000);
        check(Scalar::F16, 1.5 * 2f64.powi(-25), 0x0001);
        check(Scalar::F16, -0.0, 0x8000);
        check(Scalar::F16, f64::NEG_INFINITY, 0xfc00);
    }

    #[test]
    fn bfloats_are_the_upper_half_of_a_float() {
        check(Scalar::BF16, 1.0, 0x3f80);
        check(Scalar::BF16, f64::from(f32::MAX), 0x7f80);
        check(Scalar::BF16, 3.0e-39, 0x0021);
        check(Scalar::BF16, f64::INFINITY, 0x7f80);
    }

    #[test]
    fn every_16_bit_pattern_survives_the_way_through_double() {
        for scalar in [Scalar::F16, Scalar::BF16] {
            for bits in 0..=u16::MAX {
                let value = from_bits16(scalar, bits);
                if !value.is_nan() {
                    check(scalar, value, bits);
                }
            }
        }
    }
}

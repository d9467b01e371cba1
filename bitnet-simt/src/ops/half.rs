//! `half` and `bfloat`: registers hold them as float32 bits of the same value.
//!
//! Arithmetic is float32 arithmetic followed by [`round_half`] or [`round_bfloat`]; for + − × ÷ and square
//! root that is the correctly rounded result, because 24 bits are at least 2·11 + 2. Written without
//! branches so that loops over lanes become vector code.

/// The sign bit of a float.
const SIGN: u32 = 0x8000_0000;
/// The bits of +∞; larger magnitudes are NaN.
const INFINITY: u32 = 0x7f80_0000;
/// Set in quiet NaNs.
const QUIET: u32 = 0x0040_0000;
/// 2⁻¹⁴, the least normal half.
const LEAST_NORMAL_HALF: u32 = 0x3880_0000;

/// Rounds float32 bits to the nearest half, ties to even, as float32 bits.
pub(crate) fn round_half(x: u32) -> u32 {
    let magnitude = x & !SIGN;
    let normal = (magnitude + 0xfff + ((magnitude >> 13) & 1)) & !0x1fff;
    // 65536 and above is past the largest half, 65504, and so is what rounds to it.
    let normal = if normal >= 0x4780_0000 { INFINITY } else { normal };
    // An ulp of 0.5 is 2⁻²⁴, the distance of subnormal halves: the addition rounds.
    let subnormal = ((f32::from_bits(magnitude) + 0.5) - 0.5).to_bits();
    let finite = if magnitude < LEAST_NORMAL_HALF { subnormal } else { normal };
    let nan = (magnitude | QUIET) & !0x1fff;
    (x & SIGN) | if magnitude > INFINITY { nan } else { finite }
}

/// Rounds float32 bits to the nearest bfloat, ties to even, as float32 bits.
pub(crate) fn round_bfloat(x: u32) -> u32 {
    let rounded = x.wrapping_add(0x7fff + ((x >> 16) & 1));
    let nan = x | QUIET;
    (if x & !SIGN > INFINITY { nan } else { rounded }) & 0xffff_0000
}

/// The 16 bits of a half, from float32 bits of its value.
pub(crate) fn half_to_bits(x: u32) -> u32 {
    let magnitude = x & !SIGN;
    // Exact: a subnormal half is a multiple of 2⁻²⁴ below 1024 of them.
    let subnormal = (f32::from_bits(magnitude) * 16_777_216.0) as i32 as u32;
    let normal = (magnitude.wrapping_sub(LEAST_NORMAL_HALF - 0x0080_0000)) >> 13;
    let special = 0x7c00 | ((magnitude & 0x007f_ffff) >> 13);
    let finite = if magnitude < LEAST_NORMAL_HALF { subnormal } else { normal };
    ((x & SIGN) >> 16) | if magnitude >= INFINITY { special } else { finite }
}

/// Float32 bits of the half with these 16 bits.
pub(crate) fn half_from_bits(bits: u32) -> u32 {
    let magnitude = bits & 0x7fff;
    let subnormal = (magnitude as i32 as f32 * (1.0 / 16_777_216.0)).to_bits();
    let normal = (magnitude << 13) + (LEAST_NORMAL_HALF - 0x0080_0000);
    let special = INFINITY | ((magnitude & 0x3ff) << 13);
    let finite = if magnitude < 0x400 { subnormal } else { normal };
    ((bits & 0x8000) << 16) | if magnitude >= 0x7c00 { special } else { finite }
}

/// The 16 bits of a bfloat, from float32 bits of its value.
pub(crate) fn bfloat_to_bits(x: u32) -> u32 {
    x >> 16
}

/// Float32 bits of the bfloat with these 16 bits.
pub(crate) fn bfloat_from_bits(bits: u32) -> u32 {
    bits << 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::half::{bf16, f16};

    /// Values around every place where rounding changes its mind, and a walk over all exponents.
    fn samples() -> impl Iterator<Item = u32> {
        let walk = (0..=u32::MAX / 0x1357).map(|i| i * 0x1357);
        let ties =
            (0..=0xffffu32).flat_map(|h| [-1i32, 0, 1].map(|d| (h << 16 | 0x8000).wrapping_add_signed(d)));
        let half_ties = (0..=0xffffu32).flat_map(|h| {
            let base = half_from_bits(h);
            [-1i32, 0, 1].map(|d| base.wrapping_add(0x1000).wrapping_add_signed(d))
        });
        walk.chain(ties).chain(half_ties)
    }

    #[test]
    fn every_half_survives_the_way_through_float() {
        for bits in 0..=0xffffu32 {
            let float = half_from_bits(bits);
            let expect = f16::from_bits(bits as u16);
            assert!(expect.is_nan() || f32::from_bits(float) == expect.to_f32());
            assert_eq!(half_to_bits(float), bits);
            assert_eq!(bfloat_to_bits(bfloat_from_bits(bits)), bits);
            let rounded = round_half(float);
            assert!(rounded == float || expect.is_nan() && f32::from_bits(rounded).is_nan());
        }
    }

    #[test]
    fn rounding_is_to_nearest_even() {
        for x in samples() {
            let float = f32::from_bits(x);
            if float.is_nan() {
                assert!(f32::from_bits(round_half(x)).is_nan() && f32::from_bits(round_bfloat(x)).is_nan());
                continue;
            }
            assert_eq!(half_to_bits(round_half(x)), u32::from(f16::from_f32(float).to_bits()), "{x:#x}");
            assert_eq!(bfloat_to_bits(round_bfloat(x)), u32::from(bf16::from_f32(float).to_bits()), "{x:#x}");
        }
    }
}

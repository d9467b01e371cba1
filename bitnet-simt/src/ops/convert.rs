//! Numeric conversions and the way of scalars between memory and registers.

use bitnet_msl::ir::Scalar;

use super::half;

/// float → integer of up to 32 bits: truncates, saturates, NaN gives 0.
pub(crate) fn float_to_int(x: f32, to: Scalar) -> u32 {
    match to {
        Scalar::Bool => u32::from(x != 0.0),
        Scalar::I8 => x as i8 as i32 as u32,
        Scalar::U8 => u32::from(x as u8),
        Scalar::I16 => x as i16 as i32 as u32,
        Scalar::U16 => u32::from(x as u16),
        Scalar::I32 => x as i32 as u32,
        _ => x as u32,
    }
}

/// float → `long` or `ulong`: truncates, saturates, NaN gives 0.
pub(crate) fn float_to_long(x: f32, to: Scalar) -> u64 {
    if to == Scalar::I64 { x as i64 as u64 } else { x as u64 }
}

/// `long` or `ulong` → a float of any kind, correctly rounded.
pub(crate) fn long_to_float(x: u64, from: Scalar, to: Scalar) -> u32 {
    let negative = from == Scalar::I64 && (x as i64) < 0;
    match to {
        Scalar::BF16 => integer_to_bfloat(if negative { x.wrapping_neg() } else { x }, negative),
        // Whatever float32 cannot hold exactly is past the largest half anyway.
        Scalar::F16 => half::round_half(long_to_float(x, from, Scalar::F32)),
        _ if from == Scalar::I64 => (x as i64 as f32).to_bits(),
        _ => (x as f32).to_bits(),
    }
}

/// An integer as bfloat, rounded once (by way of float32 it would be twice).
pub(crate) fn integer_to_bfloat(magnitude: u64, negative: bool) -> u32 {
    let excess = (64 - magnitude.leading_zeros()).saturating_sub(8);
    let kept = magnitude >> excess;
    let rest = magnitude - (kept << excess);
    let tie = if excess == 0 { 1 } else { 1u64 << (excess - 1) };
    let up = rest > tie || (rest == tie && excess > 0 && kept & 1 == 1);
    // At most nine bits, scaled by a power of two below 2⁵⁷: exact.
    let value = (kept + u64::from(up)) as f32 * (1u64 << excess) as f32;
    (if negative { -value } else { value }).to_bits()
}

/// What a register holds for a scalar of up to 32 bits with these bits in memory.
pub(crate) fn decode(raw: u32, ty: Scalar) -> u32 {
    match ty {
        Scalar::Bool => u32::from(raw & 0xff != 0),
        Scalar::I8 => raw as u8 as i8 as i32 as u32,
        Scalar::U8 => raw & 0xff,
        Scalar::I16 => raw as u16 as i16 as i32 as u32,
        Scalar::U16 => raw & 0xffff,
        Scalar::F16 => half::half_from_bits(raw & 0xffff),
        Scalar::BF16 => half::bfloat_from_bits(raw & 0xffff),
        _ => raw,
    }
}

/// The bits in memory of a scalar of up to 32 bits that a register holds; bits past its size are unspecified.
pub(crate) fn encode(value: u32, ty: Scalar) -> u32 {
    match ty {
        Scalar::F16 => half::half_to_bits(value),
        Scalar::BF16 => half::bfloat_to_bits(value),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float_to_integer_truncates_saturates_and_forgives_nan() {
        let check = |x: f32, to: Scalar, expect: i64| {
            assert_eq!(float_to_int(x, to), expect as u32, "{x} to {to:?}");
        };
        for (x, to, expect) in [
            (1.9, Scalar::I32, 1),
            (-1.9, Scalar::I32, -1),
            (3e9, Scalar::I32, i64::from(i32::MAX)),
            (-3e9, Scalar::I32, i64::from(i32::MIN)),
            (f32::NAN, Scalar::I32, 0),
            (3e9, Scalar::U32, 3_000_000_000),
            (-1.0, Scalar::U32, 0),
            (f32::INFINITY, Scalar::U32, i64::from(u32::MAX)),
            (300.0, Scalar::U8, 255),
            (-300.0, Scalar::I8, -128),
            (40_000.0, Scalar::I16, 32_767),
            (-0.5, Scalar::U16, 0),
            (f32::NAN, Scalar::Bool, 1),
            (-0.0, Scalar::Bool, 0),
        ] {
            check(x, to, expect);
        }
        assert_eq!(float_to_long(-1e30, Scalar::I64), i64::MIN as u64);
        assert_eq!(float_to_long(1e30, Scalar::U64), u64::MAX);
        assert_eq!(float_to_long(f32::NAN, Scalar::U64), 0);
    }

    #[test]
    fn integers_become_bfloats_with_one_rounding() {
        // Halfway between two bfloats plus a little that float32 would lose.
        let x = (1u64 << 40) + (1 << 32) + 1;
        assert_eq!(f32::from_bits(integer_to_bfloat(x, false)), (1u64 << 40) as f32 + (1u64 << 33) as f32);
        for (x, expect) in [
            (0, 0.0),
            (1, 1.0),
            (255, 255.0),
            (257, 256.0),
            (259, 260.0),
            (u64::MAX, 18_446_744_073_709_551_616.0),
        ] {
            assert_eq!(f32::from_bits(integer_to_bfloat(x, false)), expect);
            assert_eq!(f32::from_bits(integer_to_bfloat(x, true)), -expect);
        }
        assert_eq!(f32::from_bits(long_to_float(-3i64 as u64, Scalar::I64, Scalar::F16)), -3.0);
        assert_eq!(f32::from_bits(long_to_float(70_000, Scalar::U64, Scalar::F16)), f32::INFINITY);
        assert_eq!(f32::from_bits(long_to_float(u64::MAX, Scalar::U64, Scalar::F32)), 1.844_674_4e19);
    }

    #[test]
    fn scalars_survive_the_way_through_memory() {
        for (ty, value) in [
            (Scalar::Bool, 1),
            (Scalar::I8, -5i32 as u32),
            (Scalar::U8, 250),
            (Scalar::I16, -300i32 as u32),
            (Scalar::U16, 65_000),
            (Scalar::I32, u32::MAX),
            (Scalar::F32, 0x7fc0_0001),
            (Scalar::F16, 1.5f32.to_bits()),
            (Scalar::BF16, (-1e30f32).to_bits() & 0xffff_0000),
        ] {
            assert_eq!(decode(encode(value, ty), ty), value, "{ty:?}");
        }
        assert_eq!(decode(0x1ff, Scalar::Bool), 1);
    }
}

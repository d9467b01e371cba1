//! Integer functions of the table, for every width: computed exactly in 128 bits, then wrapped or saturated.

use bitnet_msl::ir::{MathFn, Scalar, int_range};

/// Width in bits.
fn width(ty: Scalar) -> u32 {
    ty.size_bytes() * 8
}

/// The value that a lane's bits (sign- or zero-extended to 64) stand for.
pub(crate) fn value(bits: u64, ty: Scalar) -> i128 {
    if ty.is_signed() { i128::from(bits as i64) } else { i128::from(bits) }
}

/// The value modulo 2^width, as a lane holds it: sign- or zero-extended to 64 bits.
pub(crate) fn wrap(value: i128, ty: Scalar) -> u64 {
    let unused = 64 - width(ty);
    let bits = (value as u64) << unused;
    if ty.is_signed() { ((bits as i64) >> unused) as u64 } else { bits >> unused }
}

/// The low bits alone.
fn unsigned(value: i128, ty: Scalar) -> u64 {
    (value as u64) & (u64::MAX >> (64 - width(ty)))
}

fn saturate(value: i128, ty: Scalar) -> i128 {
    let (least, greatest) = int_range(ty).unwrap_or((0, 0));
    value.clamp(least, greatest)
}

/// Functions of one operand.
pub(crate) fn unary(f: MathFn, ty: Scalar, a: u64) -> u64 {
    let (a, bits) = (value(a, ty), unsigned(value(a, ty), ty));
    let result = match f {
        MathFn::Abs => a.abs(),
        MathFn::Sign => a.signum(),
        MathFn::Clz => i128::from(bits.leading_zeros() - (64 - width(ty))),
        MathFn::Ctz => i128::from(bits.trailing_zeros().min(width(ty))),
        MathFn::Popcount => i128::from(bits.count_ones()),
        MathFn::ReverseBits => i128::from(bits.reverse_bits() >> (64 - width(ty))),
        _ => a,
    };
    wrap(result, ty)
}

/// Functions of two operands. The absolute difference is of the unsigned type.
pub(crate) fn binary(f: MathFn, ty: Scalar, a: u64, b: u64) -> u64 {
    let (x, y) = (value(a, ty), value(b, ty));
    let result = match f {
        MathFn::Max => x.max(y),
        MathFn::Min => x.min(y),
        MathFn::AbsDiff => return unsigned((x - y).abs(), ty),
        MathFn::AddSat => saturate(x + y, ty),
        MathFn::SubSat => saturate(x - y, ty),
        MathFn::Hadd => (x + y) >> 1,
        MathFn::Rhadd => (x + y + 1) >> 1,
        MathFn::Mulhi if ty == Scalar::U64 => ((u128::from(a) * u128::from(b)) >> 64) as i128,
        MathFn::Mulhi => (x * y) >> width(ty),
        MathFn::Mul24 => low24(x, ty) * low24(y, ty),
        MathFn::Rotate => rotate(unsigned(x, ty), y, ty),
        _ => x,
    };
    wrap(result, ty)
}

/// Functions of three operands; for `extract_bits` these are (value, offset, bits).
pub(crate) fn ternary(f: MathFn, ty: Scalar, a: u64, b: u64, c: u64) -> u64 {
    let (x, y, z) = (value(a, ty), value(b, ty), value(c, ty));
    match f {
        MathFn::Mad24 => wrap(low24(x, ty) * low24(y, ty) + z, ty),
        MathFn::MadSat if ty == Scalar::U64 => {
            let exact = (u128::from(a) * u128::from(b)).saturating_add(u128::from(c));
            u64::try_from(exact).unwrap_or(u64::MAX)
        }
        MathFn::MadSat => wrap(saturate(x * y + z, ty), ty),
        _ => extract_bits(ty, a, b as u32, c as u32),
    }
}

fn low24(x: i128, ty: Scalar) -> i128 {
    if ty.is_signed() { i128::from(((x as i32) << 8) >> 8) } else { x & 0xff_ffff }
}

fn rotate(bits: u64, by: i128, ty: Scalar) -> i128 {
    let by = by.rem_euclid(i128::from(width(ty))) as u32;
    let bits = u128::from(bits);
    ((bits << by) | (bits >> (width(ty) - by).min(127))) as i128
}

/// `bits` bits from `offset` on, extended by the type's sign. What lies past the width is left out.
pub(crate) fn extract_bits(ty: Scalar, a: u64, offset: u32, bits: u32) -> u64 {
    let width = width(ty);
    let offset = offset.min(width);
    let bits = bits.min(width - offset);
    if bits == 0 {
        return 0;
    }
    let field = (unsigned(i128::from(a), ty) >> offset) << (64 - bits);
    if ty.is_signed() { ((field as i64) >> (64 - bits)) as u64 } else { field >> (64 - bits) }
}

/// `base` with `bits` bits from `offset` on replaced by the low bits of `insert`.
pub(crate) fn insert_bits(ty: Scalar, base: u64, insert: u64, offset: u32, bits: u32) -> u64 {
    let width = width(ty);
    let offset = offset.min(width);
    let bits = bits.min(width - offset);
    if bits == 0 {
        return base;
    }
    let mask = (u64::MAX >> (64 - bits)) << offset;
    wrap(i128::from((base & !mask) | ((insert << offset) & mask)), ty)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of (function, type, operands, result), all as values of the type.
    fn check(rows: &[(MathFn, Scalar, &[i128], i128)]) {
        for &(f, ty, operands, expect) in rows {
            let bits: Vec<u64> = operands.iter().map(|&x| wrap(x, ty)).collect();
            let got = match bits[..] {
                [a] => unary(f, ty, a),
                [a, b] => binary(f, ty, a, b),
                [a, b, c] => ternary(f, ty, a, b, c),
                _ => unreachable!("rows have one to three operands"),
            };
            assert_eq!(value(got, ty), expect, "{f:?} of {operands:?} as {ty:?}");
        }
    }

    #[test]
    fn bits_are_counted_within_the_width() {
        use MathFn::*;
        check(&[
            (Clz, Scalar::U8, &[1], 7),
            (Clz, Scalar::I16, &[0], 16),
            (Clz, Scalar::I32, &[-1], 0),
            (Clz, Scalar::U64, &[1], 63),
            (Ctz, Scalar::U8, &[0], 8),
            (Ctz, Scalar::U32, &[8], 3),
            (Popcount, Scalar::I8, &[-1], 8),
            (Popcount, Scalar::I64, &[-1], 64),
            (ReverseBits, Scalar::U8, &[1], 128),
            (ReverseBits, Scalar::I32, &[1], i32::MIN as i128),
            (Rotate, Scalar::U8, &[0x81, 1], 3),
            (Rotate, Scalar::U32, &[0x8000_0000, 33], 1),
            (Rotate, Scalar::U64, &[5, 0], 5),
            (Rotate, Scalar::I32, &[1, -1], i32::MIN as i128),
        ]);
    }

    #[test]
    fn saturation_and_means_do_not_overflow() {
        use MathFn::*;
        let max64 = i128::from(u64::MAX);
        check(&[
            (AddSat, Scalar::U8, &[200, 100], 255),
            (AddSat, Scalar::I32, &[i32::MIN as i128, -1], i32::MIN as i128),
            (AddSat, Scalar::U64, &[max64, 1], max64),
            (SubSat, Scalar::U32, &[1, 2], 0),
            (SubSat, Scalar::I16, &[-32_768, 1], -32_768),
            (Hadd, Scalar::U32, &[u32::MAX as i128, u32::MAX as i128 - 1], u32::MAX as i128 - 1),
            (Rhadd, Scalar::I8, &[-3, 0], -1),
            (Hadd, Scalar::I8, &[-3, 0], -2),
            (AbsDiff, Scalar::U32, &[1, 3], 2),
            (Mulhi, Scalar::U32, &[u32::MAX as i128, u32::MAX as i128], u32::MAX as i128 - 1),
            (Mulhi, Scalar::I32, &[i32::MIN as i128, 2], -1),
            (Mulhi, Scalar::U64, &[max64, max64], max64 - 1),
            (Mulhi, Scalar::I64, &[i64::MIN as i128, i64::MIN as i128], 1 << 62),
            (MadSat, Scalar::I32, &[65_536, 65_536, 1], i32::MAX as i128),
            (MadSat, Scalar::I8, &[-100, 2, 5], -128),
            (MadSat, Scalar::U64, &[max64, max64, max64], max64),
            (MadSat, Scalar::I64, &[i64::MIN as i128, i64::MIN as i128, -1], i64::MAX as i128),
            (Mul24, Scalar::U32, &[0x0100_0003, 2], 6),
            (Mad24, Scalar::I32, &[-2, 3, 10], 4),
            (Abs, Scalar::I32, &[i32::MIN as i128], i32::MIN as i128),
            (Abs, Scalar::I8, &[-7], 7),
            (Max, Scalar::I16, &[-1, 1], 1),
            (Max, Scalar::U64, &[max64, 1], max64),
            (Min, Scalar::I64, &[-1, 1], -1),
        ]);
        assert_eq!(binary(MathFn::AbsDiff, Scalar::I8, wrap(-128, Scalar::I8), 127), 255);
    }

    #[test]
    fn bit_fields_end_at_the_width() {
        assert_eq!(extract_bits(Scalar::U32, 0xabcd, 4, 8), 0xbc);
        assert_eq!(value(extract_bits(Scalar::I32, 0xf0, 4, 4), Scalar::I32), -1);
        assert_eq!(extract_bits(Scalar::U32, 0xf000_0000, 28, 99), 0xf);
        assert_eq!(extract_bits(Scalar::U32, 5, 40, 3), 0);
        assert_eq!(extract_bits(Scalar::U64, u64::MAX, 0, 64), u64::MAX);
        assert_eq!(insert_bits(Scalar::U32, 0xffff_ffff, 0, 8, 8), 0xffff_00ff);
        assert_eq!(insert_bits(Scalar::U8, 0, 0xff, 4, 99), 0xf0);
        assert_eq!(insert_bits(Scalar::U32, 7, 0, 3, 0), 7);
    }
}

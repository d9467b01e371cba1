//! Integers of up to 32 bits, on the bits of a lane. Narrow integers come sign- or zero-extended; results
//! that may leave their range are normalised by the instruction after.

pub(crate) fn add(a: u32, b: u32) -> u32 {
    a.wrapping_add(b)
}

pub(crate) fn sub(a: u32, b: u32) -> u32 {
    a.wrapping_sub(b)
}

pub(crate) fn mul(a: u32, b: u32) -> u32 {
    a.wrapping_mul(b)
}

/// By zero gives 0, `INT_MIN / -1` gives `INT_MIN`.
pub(crate) fn div_s(a: u32, b: u32) -> u32 {
    if b == 0 { 0 } else { (a as i32).wrapping_div(b as i32) as u32 }
}

/// By zero gives 0.
pub(crate) fn div_u(a: u32, b: u32) -> u32 {
    a.checked_div(b).unwrap_or(0)
}

/// By zero gives 0.
pub(crate) fn rem_s(a: u32, b: u32) -> u32 {
    if b == 0 { 0 } else { (a as i32).wrapping_rem(b as i32) as u32 }
}

/// By zero gives 0.
pub(crate) fn rem_u(a: u32, b: u32) -> u32 {
    a.checked_rem(b).unwrap_or(0)
}

pub(crate) fn shl(a: u32, b: u32) -> u32 {
    a.wrapping_shl(b)
}

pub(crate) fn shr_s(a: u32, b: u32) -> u32 {
    (a as i32).wrapping_shr(b) as u32
}

pub(crate) fn shr_u(a: u32, b: u32) -> u32 {
    a.wrapping_shr(b)
}

pub(crate) fn and(a: u32, b: u32) -> u32 {
    a & b
}

pub(crate) fn or(a: u32, b: u32) -> u32 {
    a | b
}

pub(crate) fn xor(a: u32, b: u32) -> u32 {
    a ^ b
}

pub(crate) fn neg(a: u32) -> u32 {
    a.wrapping_neg()
}

pub(crate) fn not(a: u32) -> u32 {
    !a
}

/// `!` of a `bool`.
pub(crate) fn not_bool(a: u32) -> u32 {
    a ^ 1
}

pub(crate) fn sext8(a: u32) -> u32 {
    a as u8 as i8 as i32 as u32
}

pub(crate) fn zext8(a: u32) -> u32 {
    a & 0xff
}

pub(crate) fn sext16(a: u32) -> u32 {
    a as u16 as i16 as i32 as u32
}

pub(crate) fn zext16(a: u32) -> u32 {
    a & 0xffff
}

pub(crate) fn eq(a: u32, b: u32) -> bool {
    a == b
}

pub(crate) fn ne(a: u32, b: u32) -> bool {
    a != b
}

pub(crate) fn lt_s(a: u32, b: u32) -> bool {
    (a as i32) < b as i32
}

pub(crate) fn le_s(a: u32, b: u32) -> bool {
    a as i32 <= b as i32
}

pub(crate) fn lt_u(a: u32, b: u32) -> bool {
    a < b
}

pub(crate) fn le_u(a: u32, b: u32) -> bool {
    a <= b
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGES: [u32; 12] =
        [0, 1, 2, 7, 31, 32, 33, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_fffe, 0xffff_ffff];

    /// Compares with exact arithmetic in 128 bits, wrapped.
    fn check(f: fn(u32, u32) -> u32, signed: bool, reference: fn(i128, i128) -> i128) {
        let wide = |n: u32| if signed { i128::from(n as i32) } else { i128::from(n) };
        for a in EDGES {
            for b in EDGES {
                assert_eq!(f(a, b), reference(wide(a), wide(b)) as u32, "{a:#x}, {b:#x}");
            }
        }
    }

    #[test]
    fn arithmetic_wraps() {
        check(add, true, |a, b| a + b);
        check(sub, true, |a, b| a - b);
        check(mul, true, |a, b| a * b);
        check(mul, false, |a, b| a * b);
        check(|a, _| neg(a), true, |a, _| -a);
    }

    #[test]
    fn division_by_zero_gives_zero_and_overflow_wraps() {
        check(div_s, true, |a, b| if b == 0 { 0 } else { a / b });
        check(div_u, false, |a, b| if b == 0 { 0 } else { a / b });
        check(rem_s, true, |a, b| if b == 0 { 0 } else { a % b });
        check(rem_u, false, |a, b| if b == 0 { 0 } else { a % b });
    }

    #[test]
    fn shift_counts_are_taken_modulo_the_width() {
        check(shl, false, |a, b| a << (b % 32));
        check(shr_u, false, |a, b| a >> (b % 32));
        check(shr_s, true, |a, b| a >> (b & 31));
    }

    #[test]
    fn bits_and_extensions() {
        check(and, false, |a, b| a & b);
        check(or, false, |a, b| a | b);
        check(xor, false, |a, b| a ^ b);
        check(|a, _| not(a), true, |a, _| !a);
        check(|a, _| sext8(a), false, |a, _| i128::from(a as i8));
        check(|a, _| sext16(a), false, |a, _| i128::from(a as i16));
        check(|a, _| zext8(a), false, |a, _| i128::from(a as u8));
        check(|a, _| zext16(a), false, |a, _| i128::from(a as u16));
        assert_eq!((not_bool(0), not_bool(1)), (1, 0));
    }

    #[test]
    fn comparisons_read_the_sign() {
        check(|a, b| lt_s(a, b).into(), true, |a, b| (a < b).into());
        check(|a, b| le_s(a, b).into(), true, |a, b| (a <= b).into());
        check(|a, b| lt_u(a, b).into(), false, |a, b| (a < b).into());
        check(|a, b| le_u(a, b).into(), false, |a, b| (a <= b).into());
        check(|a, b| eq(a, b).into(), false, |a, b| (a == b).into());
        check(|a, b| ne(a, b).into(), false, |a, b| (a != b).into());
    }
}

//! `long` and `ulong`, on the bits of a lane.

pub(crate) fn add(a: u64, b: u64) -> u64 {
    a.wrapping_add(b)
}

pub(crate) fn sub(a: u64, b: u64) -> u64 {
    a.wrapping_sub(b)
}

pub(crate) fn mul(a: u64, b: u64) -> u64 {
    a.wrapping_mul(b)
}

/// By zero gives 0, `LONG_MIN / -1` gives `LONG_MIN`.
pub(crate) fn div_s(a: u64, b: u64) -> u64 {
    if b == 0 { 0 } else { (a as i64).wrapping_div(b as i64) as u64 }
}

/// By zero gives 0.
pub(crate) fn div_u(a: u64, b: u64) -> u64 {
    a.checked_div(b).unwrap_or(0)
}

/// By zero gives 0.
pub(crate) fn rem_s(a: u64, b: u64) -> u64 {
    if b == 0 { 0 } else { (a as i64).wrapping_rem(b as i64) as u64 }
}

/// By zero gives 0.
pub(crate) fn rem_u(a: u64, b: u64) -> u64 {
    a.checked_rem(b).unwrap_or(0)
}

pub(crate) fn shl(a: u64, b: u64) -> u64 {
    a.wrapping_shl(b as u32)
}

pub(crate) fn shr_s(a: u64, b: u64) -> u64 {
    (a as i64).wrapping_shr(b as u32) as u64
}

pub(crate) fn shr_u(a: u64, b: u64) -> u64 {
    a.wrapping_shr(b as u32)
}

pub(crate) fn and(a: u64, b: u64) -> u64 {
    a & b
}

pub(crate) fn or(a: u64, b: u64) -> u64 {
    a | b
}

pub(crate) fn xor(a: u64, b: u64) -> u64 {
    a ^ b
}

pub(crate) fn neg(a: u64) -> u64 {
    a.wrapping_neg()
}

pub(crate) fn not(a: u64) -> u64 {
    !a
}

pub(crate) fn eq(a: u64, b: u64) -> bool {
    a == b
}

pub(crate) fn ne(a: u64, b: u64) -> bool {
    a != b
}

pub(crate) fn lt_s(a: u64, b: u64) -> bool {
    (a as i64) < b as i64
}

pub(crate) fn le_s(a: u64, b: u64) -> bool {
    a as i64 <= b as i64
}

pub(crate) fn lt_u(a: u64, b: u64) -> bool {
    a < b
}

pub(crate) fn le_u(a: u64, b: u64) -> bool {
    a <= b
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGES: [u64; 10] = [0, 1, 7, 63, 64, 65, (1 << 63) - 1, 1 << 63, u64::MAX - 1, u64::MAX];

    /// Compares with exact arithmetic in 128 bits, wrapped.
    fn check(f: fn(u64, u64) -> u64, signed: bool, reference: fn(i128, i128) -> i128) {
        let wide = |n: u64| if signed { i128::from(n as i64) } else { i128::from(n) };
        for a in EDGES {
            for b in EDGES {
                assert_eq!(f(a, b), reference(wide(a), wide(b)) as u64, "{a:#x}, {b:#x}");
            }
        }
    }

    #[test]
    fn arithmetic_wraps() {
        check(add, true, |a, b| a + b);
        check(sub, true, |a, b| a - b);
        check(mul, true, |a, b| a * b);
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
        check(shl, false, |a, b| ((a as u128) << (b % 64)) as i128);
        check(shr_u, false, |a, b| a >> (b % 64));
        check(shr_s, true, |a, b| a >> (b & 63));
    }

    #[test]
    fn bits_and_comparisons() {
        check(and, false, |a, b| a & b);
        check(or, false, |a, b| a | b);
        check(xor, false, |a, b| a ^ b);
        check(|a, _| not(a), true, |a, _| !a);
        check(|a, b| lt_s(a, b).into(), true, |a, b| (a < b).into());
        check(|a, b| le_s(a, b).into(), true, |a, b| (a <= b).into());
        check(|a, b| lt_u(a, b).into(), false, |a, b| (a < b).into());
        check(|a, b| le_u(a, b).into(), false, |a, b| (a <= b).into());
        check(|a, b| eq(a, b).into(), false, |a, b| (a == b).into());
        check(|a, b| ne(a, b).into(), false, |a, b| (a != b).into());
    }
}

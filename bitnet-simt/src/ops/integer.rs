//! Integer arithmetic on the bits of a lane, written once for all widths: `integer_functions` defines it for
//! a module ([`int`](super::int), [`long`](super::long)), with its tests.

/// Defines the functions for an unsigned type and the signed one of the same width.
macro_rules! integer_functions {
    ($unsigned:ident, $signed:ident) => {
        pub(crate) fn add(a: $unsigned, b: $unsigned) -> $unsigned {
            a.wrapping_add(b)
        }

        pub(crate) fn sub(a: $unsigned, b: $unsigned) -> $unsigned {
            a.wrapping_sub(b)
        }

        pub(crate) fn mul(a: $unsigned, b: $unsigned) -> $unsigned {
            a.wrapping_mul(b)
        }

        /// By zero gives 0, the least number by −1 gives itself.
        pub(crate) fn div_s(a: $unsigned, b: $unsigned) -> $unsigned {
            if b == 0 { 0 } else { (a as $signed).wrapping_div(b as $signed) as $unsigned }
        }

        /// By zero gives 0.
        pub(crate) fn div_u(a: $unsigned, b: $unsigned) -> $unsigned {
            a.checked_div(b).unwrap_or(0)
        }

        /// By zero gives 0.
        pub(crate) fn rem_s(a: $unsigned, b: $unsigned) -> $unsigned {
            if b == 0 { 0 } else { (a as $signed).wrapping_rem(b as $signed) as $unsigned }
        }

        /// By zero gives 0.
        pub(crate) fn rem_u(a: $unsigned, b: $unsigned) -> $unsigned {
            a.checked_rem(b).unwrap_or(0)
        }

        pub(crate) fn shl(a: $unsigned, b: $unsigned) -> $unsigned {
            a.wrapping_shl(b as u32)
        }

        pub(crate) fn shr_s(a: $unsigned, b: $unsigned) -> $unsigned {
            (a as $signed).wrapping_shr(b as u32) as $unsigned
        }

        pub(crate) fn shr_u(a: $unsigned, b: $unsigned) -> $unsigned {
            a.wrapping_shr(b as u32)
        }

        pub(crate) fn and(a: $unsigned, b: $unsigned) -> $unsigned {
            a & b
        }

        pub(crate) fn or(a: $unsigned, b: $unsigned) -> $unsigned {
            a | b
        }

        pub(crate) fn xor(a: $unsigned, b: $unsigned) -> $unsigned {
            a ^ b
        }

        pub(crate) fn neg(a: $unsigned) -> $unsigned {
            a.wrapping_neg()
        }

        pub(crate) fn not(a: $unsigned) -> $unsigned {
            !a
        }

        pub(crate) fn eq(a: $unsigned, b: $unsigned) -> bool {
            a == b
        }

        pub(crate) fn ne(a: $unsigned, b: $unsigned) -> bool {
            a != b
        }

        pub(crate) fn lt_s(a: $unsigned, b: $unsigned) -> bool {
            (a as $signed) < b as $signed
        }

        pub(crate) fn le_s(a: $unsigned, b: $unsigned) -> bool {
            a as $signed <= b as $signed
        }

        pub(crate) fn lt_u(a: $unsigned, b: $unsigned) -> bool {
            a < b
        }

        pub(crate) fn le_u(a: $unsigned, b: $unsigned) -> bool {
            a <= b
        }

        #[cfg(test)]
        mod arithmetic {
            use super::*;

            const BITS: i128 = <$unsigned>::BITS as i128;

            /// Compares with exact arithmetic in 128 bits, wrapped.
            pub(super) fn check(
                f: fn($unsigned, $unsigned) -> $unsigned,
                signed: bool,
                reference: fn(i128, i128) -> i128,
            ) {
                let wide = |n: $unsigned| if signed { i128::from(n as $signed) } else { i128::from(n) };
                let (max, half) = (<$unsigned>::MAX, 1 << (<$unsigned>::BITS - 1));
                let shifts = [BITS - 1, BITS, BITS + 1].map(|n| n as $unsigned);
                let edges = [0, 1, 2, 7, half - 1, half, half + 1, max - 1, max];
                let edges = || edges.into_iter().chain(shifts);
                for (a, b) in edges().flat_map(|a| edges().map(move |b| (a, b))) {
                    assert_eq!(f(a, b), reference(wide(a), wide(b)) as $unsigned, "{a:#x}, {b:#x}");
                }
            }

            #[test]
            fn wraps() {
                check(add, true, |a, b| a + b);
                check(sub, true, |a, b| a - b);
                check(mul, true, |a, b| a * b);
                check(|a, _| neg(a), true, |a, _| -a);
            }

            #[test]
            fn divided_by_zero_gives_zero_and_overflow_wraps() {
                check(div_s, true, |a, b| if b == 0 { 0 } else { a / b });
                check(div_u, false, |a, b| if b == 0 { 0 } else { a / b });
                check(rem_s, true, |a, b| if b == 0 { 0 } else { a % b });
                check(rem_u, false, |a, b| if b == 0 { 0 } else { a % b });
            }

            #[test]
            fn takes_shift_counts_modulo_the_width() {
                check(shl, false, |a, b| ((a as u128) << (b % BITS)) as i128);
                check(shr_u, false, |a, b| a >> (b % BITS));
                check(shr_s, true, |a, b| a >> (b & (BITS - 1)));
            }

            #[test]
            fn has_bits_and_comparisons() {
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
    };
}
pub(super) use integer_functions;

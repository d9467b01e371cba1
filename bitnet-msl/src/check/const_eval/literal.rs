//! Types of literals.

use crate::ast::{FloatSuffix, IntSuffix};
use crate::ir::Scalar;

/// The type of an integer literal (C++ \[lex.icon\]): the first that holds it. Decimal ones without suffix have no
/// unsigned types to choose from.
pub(crate) fn int_literal_type(value: u64, suffix: IntSuffix) -> Scalar {
    let fits = |scalar: Scalar| {
        let bits = scalar.size_bytes() * 8 - u32::from(scalar.is_signed());
        value.checked_shr(bits).unwrap_or(0) == 0
    };
    let candidates: &[Scalar] = match (suffix.unsigned, suffix.long) {
        (false, false) if suffix.decimal => &[Scalar::I32, Scalar::I64],
        (false, false) => &[Scalar::I32, Scalar::U32, Scalar::I64],
        (true, false) => &[Scalar::U32],
        (false, true) => &[Scalar::I64],
        (true, true) => &[],
    };
    candidates.iter().copied().find(|&scalar| fits(scalar)).unwrap_or(Scalar::U64)
}

/// The type of a floating-point literal: without suffix `float`, there being no `double`.
pub(crate) fn float_literal_type(suffix: FloatSuffix) -> Scalar {
    match suffix {
        FloatSuffix::None | FloatSuffix::F => Scalar::F32,
        FloatSuffix::H => Scalar::F16,
        FloatSuffix::Bf => Scalar::BF16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_literals_take_the_first_type_that_holds_them() {
        let cases = [
            (7, "", Scalar::I32),
            (0x7fff_ffff, "", Scalar::I32),
            (0x8000_0000, "x", Scalar::U32),
            (0xffff_ffff, "x", Scalar::U32),
            (0x8000_0000, "", Scalar::I64),
            (1 << 40, "", Scalar::I64),
            (u64::MAX, "", Scalar::U64),
            (7, "u", Scalar::U32),
            (1 << 32, "u", Scalar::U64),
            (7, "l", Scalar::I64),
            (1 << 63, "l", Scalar::U64),
            (7, "ul", Scalar::U64),
        ];
        for (value, text, expect) in cases {
            let suffix = IntSuffix {
                decimal: !text.contains('x'),
                unsigned: text.contains('u'),
                long: text.contains('l'),
            };
            assert_eq!(int_literal_type(value, suffix), expect, "{value}{text}");
        }
    }

    #[test]
    fn floats_without_suffix_are_float() {
        assert_eq!(float_literal_type(FloatSuffix::None), Scalar::F32);
        assert_eq!(float_literal_type(FloatSuffix::H), Scalar::F16);
        assert_eq!(float_literal_type(FloatSuffix::Bf), Scalar::BF16);
    }
}

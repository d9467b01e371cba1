//! Implicit conversions and how they rank (C++ \[over.ics.scs\], with MSL's scalar-to-vector conversion).

use crate::ir::{Scalar, Type, TypeId, TypeTable};

/// How far an argument's type is from a parameter's. Less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ConversionRank {
    /// The same type.
    Exact,
    /// A small integer or `bool` to `int`.
    Promotion,
    /// Any other conversion: between numbers, scalar to vector, packed to unpacked vector, adding `const`.
    Conversion,
}

/// The rank of the implicit conversion between two types, `None` where there is none.
pub(crate) fn conversion_rank(from: TypeId, to: TypeId, types: &TypeTable) -> Option<ConversionRank> {
    if from == to {
        return Some(ConversionRank::Exact);
    }
    match (types.get(from), types.get(to)) {
        (Type::Scalar(from), Type::Scalar(to)) => scalar_rank(from, to),
        (Type::Scalar(from), Type::Vector { elem, .. }) => {
            scalar_rank(from, elem).map(|_| ConversionRank::Conversion)
        }
        (Type::Vector { elem: e1, len: l1, .. }, Type::Vector { elem: e2, len: l2, .. }) => {
            (e1 == e2 && l1 == l2).then_some(ConversionRank::Conversion)
        }
        (
            Type::Pointer { space: s1, pointee: p1, is_const: false },
            Type::Pointer { space: s2, pointee: p2, is_const: true },
        ) => (s1 == s2 && p1 == p2).then_some(ConversionRank::Conversion),
        _ => None,
    }
}

/// The rank between scalars. `bfloat` converts to `float` and no other floating-point type, and none
/// converts to it (MSL 2.1).
fn scalar_rank(from: Scalar, to: Scalar) -> Option<ConversionRank> {
    use Scalar::{BF16, Bool, F16, F32, I8, I16, I32, U8, U16};
    match (from, to) {
        (a, b) if a == b => Some(ConversionRank::Exact),
        (BF16, F16) | (F16 | F32, BF16) => None,
        (Bool | I8 | U8 | I16 | U16, I32) => Some(ConversionRank::Promotion),
        _ => Some(ConversionRank::Conversion),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: Type, to: Type, expect: Option<ConversionRank>) {
        let mut types = TypeTable::default();
        let (from, to) = (types.intern(from), types.intern(to));
        assert_eq!(conversion_rank(from, to, &types), expect);
    }

    fn vector(elem: Scalar, len: u8) -> Type {
        Type::Vector { elem, len, packed: false }
    }

    #[test]
    fn small_integers_promote_to_int_only() {
        for small in [Scalar::Bool, Scalar::I8, Scalar::U8, Scalar::I16, Scalar::U16] {
            check(Type::Scalar(small), Type::Scalar(Scalar::I32), Some(ConversionRank::Promotion));
            check(Type::Scalar(small), Type::Scalar(Scalar::U32), Some(ConversionRank::Conversion));
        }
    }

    #[test]
    fn bfloat_converts_to_float_alone() {
        check(Type::Scalar(Scalar::BF16), Type::Scalar(Scalar::F32), Some(ConversionRank::Conversion));
        check(Type::Scalar(Scalar::BF16), Type::Scalar(Scalar::F16), None);
        check(Type::Scalar(Scalar::F32), Type::Scalar(Scalar::BF16), None);
        check(Type::Scalar(Scalar::F16), Type::Scalar(Scalar::BF16), None);
    }

    #[test]
    fn scalars_convert_to_vectors_but_vectors_to_nothing_else() {
        check(Type::Scalar(Scalar::I32), vector(Scalar::F32, 4), Some(ConversionRank::Conversion));
        check(vector(Scalar::F16, 4), vector(Scalar::F32, 4), None);
        check(vector(Scalar::F32, 4), Type::Scalar(Scalar::F32), None);
        let packed = Type::Vector { elem: Scalar::F32, len: 3, packed: true };
        check(packed, vector(Scalar::F32, 3), Some(ConversionRank::Conversion));
    }
}

//! What an atomic read-modify-write puts in place of the old value, on the bits in memory.

use bitnet_msl::ir::{AtomicFn, Scalar};

use super::float;

/// Defines integer atomics of one width.
macro_rules! integer_atomics {
    ($name:ident, $unsigned:ident, $signed:ident) => {
        fn $name(f: AtomicFn, signed: bool, old: $unsigned, operand: $unsigned) -> $unsigned {
            match f {
                AtomicFn::Add => old.wrapping_add(operand),
                AtomicFn::Sub => old.wrapping_sub(operand),
                AtomicFn::Min if signed => (old as $signed).min(operand as $signed) as $unsigned,
                AtomicFn::Max if signed => (old as $signed).max(operand as $signed) as $unsigned,
                AtomicFn::Min => old.min(operand),
                AtomicFn::Max => old.max(operand),
                AtomicFn::And => old & operand,
                AtomicFn::Or => old | operand,
                AtomicFn::Xor => old ^ operand,
                AtomicFn::Exchange => operand,
            }
        }
    };
}
integer_atomics!(apply_u32, u32, i32);
integer_atomics!(apply_u64, u64, i64);

/// The new bits of an atomic of up to 32 bits.
pub(crate) fn apply(f: AtomicFn, ty: Scalar, old: u32, operand: u32) -> u32 {
    if ty == Scalar::F32 {
        return apply_float(f, f32::from_bits(old), f32::from_bits(operand)).to_bits();
    }
    apply_u32(f, ty.is_signed(), old, operand)
}

/// The new bits of a 64-bit atomic.
pub(crate) fn apply_long(f: AtomicFn, ty: Scalar, old: u64, operand: u64) -> u64 {
    apply_u64(f, ty.is_signed(), old, operand)
}

fn apply_float(f: AtomicFn, old: f32, operand: f32) -> f32 {
    match f {
        AtomicFn::Add => old + operand,
        AtomicFn::Sub => old - operand,
        AtomicFn::Min => float::min(old, operand),
        AtomicFn::Max => float::max(old, operand),
        _ => operand,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_wrap_and_compare_by_sign() {
        let minus = -1i32 as u32;
        for (f, ty, old, operand, expect) in [
            (AtomicFn::Add, Scalar::U32, u32::MAX, 2, 1),
            (AtomicFn::Sub, Scalar::I32, 1, 2, minus),
            (AtomicFn::Min, Scalar::I32, minus, 1, minus),
            (AtomicFn::Min, Scalar::U32, minus, 1, 1),
            (AtomicFn::Max, Scalar::I32, minus, 1, 1),
            (AtomicFn::Max, Scalar::U32, minus, 1, minus),
            (AtomicFn::And, Scalar::U32, 6, 3, 2),
            (AtomicFn::Or, Scalar::U32, 6, 3, 7),
            (AtomicFn::Xor, Scalar::U32, 6, 3, 5),
            (AtomicFn::Exchange, Scalar::U32, 6, 3, 3),
        ] {
            assert_eq!(apply(f, ty, old, operand), expect, "{f:?} {ty:?}");
            let long = apply_long(
                f,
                if ty.is_signed() { Scalar::I64 } else { Scalar::U64 },
                old as i32 as u64,
                operand as i32 as u64,
            );
            assert_eq!(long as u32, expect, "{f:?} {ty:?} in 64 bits");
        }
    }

    #[test]
    fn floats_add_and_exchange() {
        let call = |f, a: f32, b: f32| f32::from_bits(apply(f, Scalar::F32, a.to_bits(), b.to_bits()));
        assert_eq!(call(AtomicFn::Add, 1.5, 2.0), 3.5);
        assert_eq!(call(AtomicFn::Sub, 1.5, 2.0), -0.5);
        assert_eq!(call(AtomicFn::Exchange, 1.5, 2.0), 2.0);
        assert_eq!((call(AtomicFn::Min, 1.5, 2.0), call(AtomicFn::Max, 1.5, 2.0)), (1.5, 2.0));
    }
}

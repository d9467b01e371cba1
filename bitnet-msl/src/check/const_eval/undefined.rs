//! Arithmetic on constants that C++ leaves undefined: it has a value when the program runs, but is no part of a
//! constant expression (C++ \[expr.const\]).

use super::scalar::ConstValue;
use crate::ir::{BinaryOp, Op, Scalar, UnaryOp, int_range};
use std::fmt;

/// Why an operation on constants is undefined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Undefined {
    /// The exact result does not fit the type.
    Overflow(i128, Scalar),
    DivisionByZero,
    /// The count is negative or not smaller than the width of the type.
    ShiftCount(i128, Scalar),
    /// The left operand of `<<`.
    ShiftOfNegative(i128),
    /// `<<` moves bits out of the type.
    ShiftOverflow(i128, i128, Scalar),
    /// A float becomes an integer that does not hold it.
    OutOfRange(f64, Scalar),
    /// A floating-point operation has no result.
    NotANumber,
}

impl fmt::Display for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Overflow(value, scalar) => {
                write!(f, "the value {value} is outside the range of `{}`", scalar.msl_name())
            }
            Self::DivisionByZero => f.write_str("division by zero"),
            Self::ShiftCount(count, scalar) => {
                let bits = scalar.size_bytes() * 8;
                write!(f, "a shift of `{}`, which has {bits} bits, by {count}", scalar.msl_name())
            }
            Self::ShiftOfNegative(value) => write!(f, "a left shift of the negative value {value}"),
            Self::ShiftOverflow(value, count, scalar) => {
                write!(f, "{value} << {count} moves bits out of `{}`", scalar.msl_name())
            }
            Self::OutOfRange(value, scalar) => {
                write!(f, "the value {value} is outside the range of `{}`", scalar.msl_name())
            }
            Self::NotANumber => f.write_str("the result is not a number"),
        }
    }
}

/// What is undefined about an operation on scalars, or one component of it on vectors, whose result has the type
/// `to`. Ops that are not named here are always defined.
pub(crate) fn undefined(op: &Op, operands: &[ConstValue], to: Scalar) -> Option<Undefined> {
    match (op, operands) {
        (Op::Unary(UnaryOp::Neg, _), [a]) => overflow(-a.integer()?, a.scalar),
        (Op::Binary(op, ..), [a, b]) if a.scalar.is_float() => undefined_float(*op, *a, *b),
        (Op::Binary(op, ..), [a, b]) => undefined_int(*op, a.integer()?, b.integer()?, a.scalar),
        (Op::Convert(_), [a]) => out_of_range(*a, to),
        _ => None,
    }
}

/// A result that a signed type does not hold. Unsigned ones wrap.
fn overflow(value: i128, scalar: Scalar) -> Option<Undefined> {
    let (least, greatest) = int_range(scalar)?;
    let fits = !scalar.is_signed() || (least..=greatest).contains(&value);
    (!fits).then_some(Undefined::Overflow(value, scalar))
}

fn undefined_int(op: BinaryOp, a: i128, b: i128, scalar: Scalar) -> Option<Undefined> {
    match op {
        BinaryOp::Add => overflow(a + b, scalar),
        BinaryOp::Sub => overflow(a - b, scalar),
        // Factors of 64 bits have a product of 128, unsigned ones one of more.
        BinaryOp::Mul => overflow(a.wrapping_mul(b), scalar),
        BinaryOp::Div | BinaryOp::Rem if b == 0 => Some(Undefined::DivisionByZero),
        // The remainder is undefined where the quotient is.
        BinaryOp::Div | BinaryOp::Rem => overflow(a / b, scalar),
        BinaryOp::Shl | BinaryOp::Shr => undefined_shift(op, a, b, scalar),
        BinaryOp::And | BinaryOp::Or | BinaryOp::Xor => None,
    }
}

fn undefined_shift(op: BinaryOp, a: i128, count: i128, scalar: Scalar) -> Option<Undefined> {
    let bits = scalar.size_bytes() * 8;
    if !(0..i128::from(bits)).contains(&count) {
        return Some(Undefined::ShiftCount(count, scalar));
    }
    if op == BinaryOp::Shr || !scalar.is_signed() {
        return None;
    }
    if a < 0 {
        return Some(Undefined::ShiftOfNegative(a));
    }
    // The bits may reach the sign, but not beyond.
    let fits = (a << count) >> bits == 0;
    (!fits).then_some(Undefined::ShiftOverflow(a, count, scalar))
}

/// Floats may become infinite, but neither divide by zero nor lose their value.
fn undefined_float(op: BinaryOp, a: ConstValue, b: ConstValue) -> Option<Undefined> {
    if op == BinaryOp::Div && b.as_f64() == 0.0 {
        return Some(Undefined::DivisionByZero);
    }
    let result = ConstValue::binary(op, a, b)?;
    result.as_f64().is_nan().then_some(Undefined::NotANumber)
}

fn out_of_range(value: ConstValue, to: Scalar) -> Option<Undefined> {
    let (least, greatest) = int_range(to).filter(|_| value.scalar.is_float() && to != Scalar::Bool)?;
    let float = value.as_f64();
    // The bounds are exact where they are compared: 64-bit ones are powers of two, less one that no float has.
    let whole = float.trunc();
    let fits = whole >= least as f64 && whole < greatest as f64 + if to.size_bytes() < 8 { 1.0 } else { 0.0 };
    (!fits).then_some(Undefined::OutOfRange(float, to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Value;

    const A: Value = Value(0);
    const B: Value = Value(1);

    fn int(value: i128) -> ConstValue {
        ConstValue::int(Scalar::I32, value)
    }

    fn float(value: f32) -> ConstValue {
        ConstValue::float(Scalar::F32, f64::from(value))
    }

    #[track_caller]
    fn check_binary(op: BinaryOp, a: ConstValue, b: ConstValue, expect: Option<Undefined>) {
        assert_eq!(undefined(&Op::Binary(op, A, B), &[a, b], a.scalar), expect);
    }

    #[test]
    fn signed_arithmetic_overflows_and_unsigned_wraps() {
        let uint = |value| ConstValue::int(Scalar::U32, value);
        let max = i128::from(i32::MAX);
        check_binary(BinaryOp::Add, int(max), int(1), Some(Undefined::Overflow(max + 1, Scalar::I32)));
        check_binary(BinaryOp::Add, int(max), int(0), None);
        check_binary(BinaryOp::Mul, int(65536), int(65536), Some(Undefined::Overflow(1 << 32, Scalar::I32)));
        check_binary(BinaryOp::Div, int(-max - 1), int(-1), Some(Undefined::Overflow(max + 1, Scalar::I32)));
        check_binary(BinaryOp::Rem, int(7), int(0), Some(Undefined::DivisionByZero));
        check_binary(BinaryOp::Sub, uint(3), uint(4), None);
        check_binary(BinaryOp::Div, uint(3), uint(0), Some(Undefined::DivisionByZero));
        let negated = undefined(&Op::Unary(UnaryOp::Neg, A), &[int(-max - 1)], Scalar::I32);
        assert_eq!(negated, Some(Undefined::Overflow(max + 1, Scalar::I32)));
        let ulong = ConstValue { scalar: Scalar::U64, bits: u64::MAX };
        check_binary(BinaryOp::Mul, ulong, ulong, None);
    }

    #[test]
    fn shifts_stay_within_the_type() {
        check_binary(BinaryOp::Shl, int(1), int(31), None);
        check_binary(BinaryOp::Shl, int(1), int(32), Some(Undefined::ShiftCount(32, Scalar::I32)));
        check_binary(BinaryOp::Shr, int(1), int(-1), Some(Undefined::ShiftCount(-1, Scalar::I32)));
        check_binary(BinaryOp::Shl, int(3), int(31), Some(Undefined::ShiftOverflow(3, 31, Scalar::I32)));
        check_binary(BinaryOp::Shl, int(-1), int(1), Some(Undefined::ShiftOfNegative(-1)));
        check_binary(BinaryOp::Shr, int(-8), int(1), None);
        let long = ConstValue::int(Scalar::I64, 1);
        check_binary(BinaryOp::Shl, long, ConstValue::int(Scalar::I64, 63), None);
    }

    #[test]
    fn floats_may_be_infinite_but_have_a_value() {
        check_binary(BinaryOp::Mul, float(f32::MAX), float(10.0), None);
        check_binary(BinaryOp::Div, float(1.0), float(0.0), Some(Undefined::DivisionByZero));
        let infinite = float(f32::INFINITY);
        check_binary(BinaryOp::Sub, infinite, infinite, Some(Undefined::NotANumber));
    }

    #[test]
    fn floats_convert_to_integers_that_hold_them() {
        let cases = [
            (1.5, Scalar::I32, true),
            (2_147_483_520.0, Scalar::I32, true),
            (2_147_483_648.0, Scalar::I32, false),
            (-2_147_483_648.0, Scalar::I32, true),
            (-0.5, Scalar::U32, true),
            (-1.0, Scalar::U8, false),
            (255.9, Scalar::U8, true),
            (256.0, Scalar::U8, false),
            (9.0e18, Scalar::I64, true),
            (9.3e18, Scalar::I64, false),
            (18_446_744_073_709_551_616.0, Scalar::U64, false),
            (f32::NAN, Scalar::I32, false),
            (1e20, Scalar::Bool, true),
            (1e20, Scalar::F16, true),
        ];
        for (value, to, defined) in cases {
            let found = undefined(&Op::Convert(A), &[float(value)], to);
            assert_eq!(found.is_none(), defined, "{value} to {}: {found:?}", to.msl_name());
        }
    }
}

//! Scalar constants and the arithmetic of the IR on them.

use super::float;
use crate::ir::{BinaryOp, CompareOp, MathFn, Scalar, UnaryOp, int_range};

/// A scalar constant: its bits in its type, zero-extended, as `Op::Const` holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConstValue {
    /// The type.
    pub(crate) scalar: Scalar,
    /// The bits; `bool` is 0 or 1.
    pub(crate) bits: u64,
}

impl ConstValue {
    /// An integer or `bool`, wrapped to its width.
    pub(crate) fn int(scalar: Scalar, value: i128) -> Self {
        let width = scalar.size_bytes() * 8;
        let bits = match scalar {
            Scalar::Bool => u64::from(value != 0),
            _ => value as u64 & (u64::MAX >> (64 - width)),
        };
        Self { scalar, bits }
    }

    /// A `bool`.
    pub(crate) fn bool(value: bool) -> Self {
        Self::int(Scalar::Bool, i128::from(value))
    }

    /// A float, rounded to its type.
    pub(crate) fn float(scalar: Scalar, value: f64) -> Self {
        let bits = match scalar {
            Scalar::F32 => u64::from((value as f32).to_bits()),
            _ => u64::from(float::to_bits16(scalar, value)),
        };
        Self { scalar, bits }
    }

    /// The value of an integer or `bool`; floats truncate, saturate at 64 bits, and NaN is 0.
    pub(crate) fn as_int(self) -> i128 {
        if self.scalar.is_float() {
            return self.as_f64() as i128;
        }
        let unused = 64 - self.scalar.size_bytes() * 8;
        match self.scalar.is_signed() {
            true => i128::from((self.bits << unused) as i64 >> unused),
            false => i128::from(self.bits),
        }
    }

    /// The value of an integer or `bool`; `None` for floats.
    pub(crate) fn integer(self) -> Option<i128> {
        (!self.scalar.is_float()).then(|| self.as_int())
    }

    /// The value in double precision; exact but for integers beyond 2⁵³.
    pub(crate) fn as_f64(self) -> f64 {
        match self.scalar {
            Scalar::F32 => f64::from(f32::from_bits(self.bits as u32)),
            Scalar::F16 | Scalar::BF16 => float::from_bits16(self.scalar, self.bits as u16),
            _ => self.as_int() as f64,
        }
    }

    /// Whether it is not zero.
    pub(crate) fn is_true(self) -> bool {
        match self.scalar.is_float() {
            true => self.as_f64() != 0.0,
            false => self.bits != 0,
        }
    }

    /// The value as another type, as `Op::Convert` does it.
    pub(crate) fn convert(self, to: Scalar) -> Self {
        if to == self.scalar {
            return self;
        }
        match to {
            Scalar::Bool => Self::bool(self.is_true()),
            // Not by way of a double, which would round twice.
            Scalar::F32 if !self.scalar.is_float() => {
                Self { scalar: to, bits: u64::from((self.as_int() as f32).to_bits()) }
            }
            _ if to.is_float() => Self::float(to, self.as_f64()),
            _ if self.scalar.is_float() => {
                let (least, greatest) = int_range(to).unwrap_or((0, 0));
                Self::int(to, self.as_int().clamp(least, greatest))
            }
            _ => Self::int(to, self.as_int()),
        }
    }

    /// A unary op; `None` where the type has none.
    pub(crate) fn unary(self, op: UnaryOp) -> Option<Self> {
        match op {
            UnaryOp::LogicalNot => (self.scalar == Scalar::Bool).then(|| Self::bool(self.bits == 0)),
            UnaryOp::Neg if self.scalar.is_float() => {
                let sign = 1 << (self.scalar.size_bytes() * 8 - 1);
                Some(Self { bits: self.bits ^ sign, ..self })
            }
            UnaryOp::Neg if self.scalar.is_int() => Some(Self::int(self.scalar, -self.as_int())),
            UnaryOp::BitNot if self.scalar.is_int() => Some(Self::int(self.scalar, !self.as_int())),
            _ => None,
        }
    }

    /// A binary op on two values of one type; `None` where the type has none.
    pub(crate) fn binary(op: BinaryOp, a: Self, b: Self) -> Option<Self> {
        if a.scalar != b.scalar {
            return None;
        }
        match a.scalar.is_float() {
            true => float_binary(op, a.as_f64(), b.as_f64()).map(|value| Self::float(a.scalar, value)),
            false => int_binary(op, a, b).map(|value| Self::int(a.scalar, value)),
        }
    }

    /// A comparison of two values of one type.
    pub(crate) fn compare(op: CompareOp, a: Self, b: Self) -> bool {
        match a.scalar.is_float() {
            true => compare(op, &a.as_f64(), &b.as_f64()),
            false => compare(op, &a.as_int(), &b.as_int()),
        }
    }

    /// A function of the table on operands of one type; `None` for those not worth folding.
    pub(crate) fn math(function: MathFn, args: &[Self]) -> Option<Self> {
        let scalar = args.first()?.scalar;
        if !scalar.is_float() {
            let ints: Vec<_> = args.iter().map(|a| a.as_int()).collect();
            return int_math(function, &ints).map(|value| Self::int(scalar, value));
        }
        let floats: Vec<_> = args.iter().map(|a| a.as_f64()).collect();
        let class = match function {
            MathFn::IsNan => Some(floats[0].is_nan()),
            MathFn::IsInf => Some(floats[0].is_infinite()),
            MathFn::IsFinite => Some(floats[0].is_finite()),
            MathFn::SignBit => Some(floats[0].is_sign_negative()),
            _ => None,
        };
        match (class, function) {
            (Some(class), _) => Some(Self::bool(class)),
            (None, MathFn::Ilogb) => Some(Self::int(Scalar::I32, ilogb(floats[0]))),
            (None, _) => float_math(function, &floats).map(|value| Self::float(scalar, value)),
        }
    }
}

fn compare<T: PartialOrd>(op: CompareOp, a: &T, b: &T) -> bool {
    match op {
        CompareOp::Eq => a == b,
        CompareOp::Ne => a != b,
        CompareOp::Lt => a < b,
        CompareOp::Le => a <= b,
        CompareOp::Gt => a > b,
        CompareOp::Ge => a >= b,
    }
}

/// Rounding the double result to `float` or less is the correctly rounded result: a double has more
/// than twice the digits.
fn float_binary(op: BinaryOp, a: f64, b: f64) -> Option<f64> {
    match op {
        BinaryOp::Add => Some(a + b),
        BinaryOp::Sub => Some(a - b),
        BinaryOp::Mul => Some(a * b),
        BinaryOp::Div => Some(a / b),
        _ => None,
    }
}

fn int_binary(op: BinaryOp, a: ConstValue, b: ConstValue) -> Option<i128> {
    let is_bool = a.scalar == Scalar::Bool;
    let (x, y) = (a.as_int(), b.as_int());
    let count = (y.rem_euclid(i128::from(a.scalar.size_bytes() * 8))) as u32;
    Some(match op {
        BinaryOp::And => x & y,
        BinaryOp::Or => x | y,
        BinaryOp::Xor => x ^ y,
        _ if is_bool => return None,
        BinaryOp::Add => x + y,
        BinaryOp::Sub => x - y,
        BinaryOp::Mul => x.wrapping_mul(y),
        BinaryOp::Div => x.checked_div(y).unwrap_or(0),
        BinaryOp::Rem => x.checked_rem(y).unwrap_or(0),
        BinaryOp::Shl => x << count,
        BinaryOp::Shr => x >> count,
    })
}

fn int_math(function: MathFn, args: &[i128]) -> Option<i128> {
    match (function, args) {
        (MathFn::Abs, [x]) => Some(x.abs()),
        (MathFn::Min, [x, y]) => Some(*x.min(y)),
        (MathFn::Max, [x, y]) => Some(*x.max(y)),
        _ => None,
    }
}

fn float_math(function: MathFn, args: &[f64]) -> Option<f64> {
    match *args {
        [x] => float_math1(function, x),
        [x, y] => Some(match function {
            MathFn::Atan2 => x.atan2(y),
            MathFn::Copysign => x.copysign(y),
            MathFn::Fmod => x % y,
            // Two powers, for one could overflow where the product does not.
            MathFn::Ldexp => {
                let exponent = y.clamp(-1000.0, 1000.0) as i32;
                x * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2)
            }
            MathFn::Max => x.max(y),
            MathFn::Min => x.min(y),
            MathFn::Pow | MathFn::Powr => x.powf(y),
            _ => return None,
        }),
        [x, y, z] if function == MathFn::Fma => Some(x.mul_add(y, z)),
        _ => None,
    }
}

/// The unbiased exponent; the least `int` for zero, the greatest for infinities and NaN.
fn ilogb(x: f64) -> i128 {
    match x.abs() {
        0.0 => i128::from(i32::MIN),
        x if !x.is_finite() => i128::from(i32::MAX),
        // Values of 32 bits and less are normal as doubles.
        x => i128::from((x.to_bits() >> 52) as i32 - 1023),
    }
}

fn float_math1(function: MathFn, x: f64) -> Option<f64> {
    Some(match function {
        MathFn::Abs => x.abs(),
        MathFn::Acos => x.acos(),
        MathFn::Acosh => x.acosh(),
        MathFn::Asin => x.asin(),
        MathFn::Asinh => x.asinh(),
        MathFn::Atan => x.atan(),
        MathFn::Atanh => x.atanh(),
        MathFn::Ceil => x.ceil(),
        MathFn::Cos => x.cos(),
        MathFn::Cosh => x.cosh(),
        MathFn::Exp => x.exp(),
        MathFn::Exp2 => x.exp2(),
        MathFn::Exp10 => 10f64.powf(x),
        MathFn::Floor => x.floor(),
        MathFn::Log => x.ln(),
        MathFn::Log2 => x.log2(),
        MathFn::Log10 => x.log10(),
        MathFn::Rint => x.round_ties_even(),
        MathFn::Round => x.round(),
        MathFn::Rsqrt => x.sqrt().recip(),
        MathFn::Sin => x.sin(),
        MathFn::Sinh => x.sinh(),
        MathFn::Sqrt => x.sqrt(),
        MathFn::Tan => x.tan(),
        MathFn::Tanh => x.tanh(),
        MathFn::Trunc => x.trunc(),
        _ => return None,
    })
}

/// The type of a small integer or `bool` in arithmetic (C++ \[conv.prom\]); other types stay.
pub(crate) fn promote(scalar: Scalar) -> Scalar {
    match scalar {
        Scalar::Bool | Scalar::I8 | Scalar::U8 | Scalar::I16 | Scalar::U16 => Scalar::I32,
        other => other,
    }
}

/// The type in which two operands are joined (C++ \[expr.arith.conv\]); `bfloat` and `half` have none but
/// `float`.
pub(crate) fn common_scalar(a: Scalar, b: Scalar) -> Scalar {
    let (a, b) = (promote(a), promote(b));
    match (a.is_float(), b.is_float()) {
        _ if a == b => a,
        (true, true) => Scalar::F32,
        (true, false) => a,
        (false, true) => b,
        // Promoted integers are 4 or 8 bytes; the wider one wins, then the unsigned one. `Scalar` has
        // the same order, and a `long` holds every `uint`.
        (false, false) => a.max(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn int(value: i32) -> ConstValue {
        ConstValue::int(Scalar::I32, i128::from(value))
    }

    fn float(value: f32) -> ConstValue {
        ConstValue::float(Scalar::F32, f64::from(value))
    }

    #[track_caller]
    fn check_int(op: BinaryOp, a: i32, b: i32, expect: i32) {
        assert_eq!(ConstValue::binary(op, int(a), int(b)), Some(int(expect)), "{a} {} {b}", op.mnemonic());
    }

    #[test]
    fn integer_arithmetic_wraps_and_never_traps() {
        check_int(BinaryOp::Add, i32::MAX, 1, i32::MIN);
        check_int(BinaryOp::Mul, 1 << 20, 1 << 20, 0);
        check_int(BinaryOp::Div, 7, 0, 0);
        check_int(BinaryOp::Rem, 7, 0, 0);
        check_int(BinaryOp::Div, i32::MIN, -1, i32::MIN);
        check_int(BinaryOp::Div, -7, 2, -3);
        check_int(BinaryOp::Rem, -7, 2, -1);
        check_int(BinaryOp::Shl, 1, 33, 2);
        check_int(BinaryOp::Shr, -8, 1, -4);
    }

    #[test]
    fn conversions_follow_the_convert_op() {
        let cases = [
            (float(-1.75), Scalar::I32, int(-1)),
            (float(f32::NAN), Scalar::I32, int(0)),
            (float(1e20), Scalar::I32, int(i32::MAX)),
            (float(-5.0), Scalar::U8, ConstValue::int(Scalar::U8, 0)),
            (int(-1), Scalar::U16, ConstValue::int(Scalar::U16, 0xffff)),
            (int(300), Scalar::U8, ConstValue::int(Scalar::U8, 44)),
            (int(2), Scalar::Bool, ConstValue::bool(true)),
            (float(0.25), Scalar::Bool, ConstValue::bool(true)),
            (float(-0.0), Scalar::Bool, ConstValue::bool(false)),
            (int(-3), Scalar::F16, ConstValue { scalar: Scalar::F16, bits: 0xc200 }),
        ];
        for (from, to, expect) in cases {
            assert_eq!(from.convert(to), expect, "{from:?} to {}", to.msl_name());
        }
    }

    #[test]
    fn operands_meet_in_the_type_of_c() {
        use Scalar as S;
        let cases = [
            (S::I8, S::U8, S::I32),
            (S::Bool, S::Bool, S::I32),
            (S::I32, S::U32, S::U32),
            (S::U32, S::I64, S::I64),
            (S::I64, S::U64, S::U64),
            (S::U64, S::F16, S::F16),
            (S::F16, S::F32, S::F32),
            (S::BF16, S::I32, S::BF16),
            (S::BF16, S::BF16, S::BF16),
        ];
        for (a, b, expect) in cases {
            assert_eq!(common_scalar(a, b), expect, "{} with {}", a.msl_name(), b.msl_name());
            assert_eq!(common_scalar(b, a), expect, "{} with {}", b.msl_name(), a.msl_name());
        }
    }

    proptest! {
        #[test]
        fn int_operations_equal_those_of_the_machine(a in any::<i32>(), b in any::<i32>()) {
            check_int(BinaryOp::Add, a, b, a.wrapping_add(b));
            check_int(BinaryOp::Sub, a, b, a.wrapping_sub(b));
            check_int(BinaryOp::Mul, a, b, a.wrapping_mul(b));
            check_int(BinaryOp::Xor, a, b, a ^ b);
            check_int(BinaryOp::Shr, a, b, a.wrapping_shr(b as u32));
        }

        #[test]
        fn ulong_products_keep_the_low_bits(a in any::<u64>(), b in any::<u64>()) {
            let ulong = |v: u64| ConstValue { scalar: Scalar::U64, bits: v };
            let product = ConstValue::binary(BinaryOp::Mul, ulong(a), ulong(b));
            prop_assert_eq!(product, Some(ulong(a.wrapping_mul(b))));
        }

        #[test]
        fn float_operations_equal_those_of_the_machine(a in any::<f32>(), b in any::<f32>()) {
            let cases = [(BinaryOp::Add, a + b), (BinaryOp::Mul, a * b), (BinaryOp::Div, a / b)];
            for (op, expect) in cases {
                let result = ConstValue::binary(op, float(a), float(b)).map(|v| f32::from_bits(v.bits as u32));
                prop_assert!(result == Some(expect) || (expect.is_nan() && result.is_some_and(f32::is_nan)));
            }
        }
    }
}

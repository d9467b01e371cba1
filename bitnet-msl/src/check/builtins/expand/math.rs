//! Composite common, integer, relational and mathematical functions (MSL 6.2 to 6.5).

use super::Call;
use crate::ir::{BinaryOp, CompareOp, MathFn, Op, UnaryOp, Value};

/// `min(max(x, least), greatest)`.
pub(in crate::check::builtins) fn clamp(call: &mut Call<'_>, args: &[Value]) -> Value {
    let raised = call.math(MathFn::Max, &[args[0], args[1]]);
    call.math(MathFn::Min, &[raised, args[2]])
}

/// `x + (y - x) * a`.
pub(in crate::check::builtins) fn mix(call: &mut Call<'_>, args: &[Value]) -> Value {
    let range = call.sub(args[1], args[0]);
    let part = call.mul(range, args[2]);
    call.add(args[0], part)
}

/// Clamps to 0 … 1.
pub(in crate::check::builtins) fn saturate(call: &mut Call<'_>, args: &[Value]) -> Value {
    let (zero, one) = (call.number(0.0, args[0]), call.number(1.0, args[0]));
    clamp(call, &[args[0], zero, one])
}

/// `t²(3 - 2t)` with `t = saturate((x - edge0) / (edge1 - edge0))`.
pub(in crate::check::builtins) fn smoothstep(call: &mut Call<'_>, args: &[Value]) -> Value {
    let (edge0, edge1, x) = (args[0], args[1], args[2]);
    let (above, width) = (call.sub(x, edge0), call.sub(edge1, edge0));
    let ratio = call.binary(BinaryOp::Div, above, width);
    let t = saturate(call, &[ratio]);
    let (two, three) = (call.number(2.0, t), call.number(3.0, t));
    let double = call.mul(two, t);
    let slope = call.sub(three, double);
    let square = call.mul(t, t);
    call.mul(square, slope)
}

/// 0 below the edge, else 1.
pub(in crate::check::builtins) fn step(call: &mut Call<'_>, args: &[Value]) -> Value {
    let below = call.compare(CompareOp::Lt, args[1], args[0]);
    let (zero, one) = (call.number(0.0, args[1]), call.number(1.0, args[1]));
    call.choose(below, zero, one)
}

/// `mulhi(a, b) + c`.
pub(in crate::check::builtins) fn madhi(call: &mut Call<'_>, args: &[Value]) -> Value {
    let high = call.math(MathFn::Mulhi, &[args[0], args[1]]);
    call.add(high, args[2])
}

/// All components of a `bool` vector.
pub(in crate::check::builtins) fn all(call: &mut Call<'_>, args: &[Value]) -> Value {
    join(call, BinaryOp::And, args[0])
}

/// Any component of a `bool` vector.
pub(in crate::check::builtins) fn any(call: &mut Call<'_>, args: &[Value]) -> Value {
    join(call, BinaryOp::Or, args[0])
}

/// Components joined by an operator.
pub(super) fn join(call: &mut Call<'_>, op: BinaryOp, value: Value) -> Value {
    let (_, len) = call.shape(value);
    if len == 1 {
        return value;
    }
    let first = call.extract(value, 0);
    (1..len).fold(first, |joined, index| {
        let component = call.extract(value, index);
        call.binary(op, joined, component)
    })
}

/// Neither is NaN.
pub(in crate::check::builtins) fn isordered(call: &mut Call<'_>, args: &[Value]) -> Value {
    let unordered = isunordered(call, args);
    call.unary(UnaryOp::LogicalNot, unordered)
}

/// One is NaN.
pub(in crate::check::builtins) fn isunordered(call: &mut Call<'_>, args: &[Value]) -> Value {
    let (x, y) = (call.classify(MathFn::IsNan, args[0]), call.classify(MathFn::IsNan, args[1]));
    call.binary(BinaryOp::Or, x, y)
}

/// `c ? b : a`: the condition comes last and picks the *second* value.
pub(in crate::check::builtins) fn select(call: &mut Call<'_>, args: &[Value]) -> Value {
    call.choose(args[2], args[1], args[0])
}

/// `x / y`.
pub(in crate::check::builtins) fn divide(call: &mut Call<'_>, args: &[Value]) -> Value {
    call.binary(BinaryOp::Div, args[0], args[1])
}

/// The greatest of three.
pub(in crate::check::builtins) fn max3(call: &mut Call<'_>, args: &[Value]) -> Value {
    let two = call.math(MathFn::Max, &args[..2]);
    call.math(MathFn::Max, &[two, args[2]])
}

/// The least of three.
pub(in crate::check::builtins) fn min3(call: &mut Call<'_>, args: &[Value]) -> Value {
    let two = call.math(MathFn::Min, &args[..2]);
    call.math(MathFn::Min, &[two, args[2]])
}

/// The middle one of three: `max(min(x, y), min(max(x, y), z))`.
pub(in crate::check::builtins) fn median3(call: &mut Call<'_>, args: &[Value]) -> Value {
    let least = call.math(MathFn::Min, &args[..2]);
    let greatest = call.math(MathFn::Max, &args[..2]);
    let upper = call.math(MathFn::Min, &[greatest, args[2]]);
    call.math(MathFn::Max, &[least, upper])
}

/// Mantissa in ½ … 1 and exponent; zeros, infinities and NaN come back with exponent 0.
pub(in crate::check::builtins) fn frexp(call: &mut Call<'_>, args: &[Value]) -> Value {
    let (x, out) = (args[0], args[1]);
    let int_type = call.builder.pointee(out);
    let logb = call.emit(Op::Math(MathFn::Ilogb, call.precision, vec![x]), int_type);
    let one = call.number(1.0, logb);
    let exponent = call.add(logb, one);
    let shift = call.unary(UnaryOp::Neg, exponent);
    let mantissa = call.math(MathFn::Ldexp, &[x, shift]);

    let zero = call.number(0.0, x);
    let is_zero = call.compare(CompareOp::Eq, x, zero);
    let is_finite = call.classify(MathFn::IsFinite, x);
    let is_special = call.unary(UnaryOp::LogicalNot, is_finite);
    let is_special = call.binary(BinaryOp::Or, is_zero, is_special);

    let no_exponent = call.number(0.0, exponent);
    let exponent = call.choose(is_special, no_exponent, exponent);
    call.builder.store(out, exponent, call.span);
    call.choose(is_special, x, mantissa)
}

/// Fraction and whole part, both with the sign of `x`; the fraction of an infinity is zero.
pub(in crate::check::builtins) fn modf(call: &mut Call<'_>, args: &[Value]) -> Value {
    let (x, out) = (args[0], args[1]);
    let whole = call.math(MathFn::Trunc, &[x]);
    call.builder.store(out, whole, call.span);
    let rest = call.sub(x, whole);
    let is_infinite = call.classify(MathFn::IsInf, x);
    let zero = call.number(0.0, x);
    let fraction = call.choose(is_infinite, zero, rest);
    call.math(MathFn::Copysign, &[fraction, x])
}

/// Returns the sine and stores the cosine.
pub(in crate::check::builtins) fn sincos(call: &mut Call<'_>, args: &[Value]) -> Value {
    let cosine = call.math(MathFn::Cos, &args[..1]);
    let sine = call.math(MathFn::Sin, &args[..1]);
    call.builder.store(args[1], cosine, call.span);
    sine
}

//! Geometric functions (MSL 6.7).

use super::Call;
use super::math::join;
use crate::ir::{BinaryOp, CompareOp, MathFn, Op, Precision, UnaryOp, Value};

/// `Σ a[i] b[i]`.
pub(in crate::check::builtins) fn dot(call: &mut Call<'_>, args: &[Value]) -> Value {
    let products = call.mul(args[0], args[1]);
    join(call, BinaryOp::Add, products)
}

/// `dot(x, x)`.
pub(in crate::check::builtins) fn length_squared(call: &mut Call<'_>, args: &[Value]) -> Value {
    dot(call, &[args[0], args[0]])
}

/// `√ dot(x, x)`.
pub(in crate::check::builtins) fn length(call: &mut Call<'_>, args: &[Value]) -> Value {
    let square = length_squared(call, args);
    call.math(MathFn::Sqrt, &[square])
}

/// `length(a - b)`.
pub(in crate::check::builtins) fn distance(call: &mut Call<'_>, args: &[Value]) -> Value {
    let difference = call.sub(args[0], args[1]);
    length(call, &[difference])
}

/// `length_squared(a - b)`.
pub(in crate::check::builtins) fn distance_squared(call: &mut Call<'_>, args: &[Value]) -> Value {
    let difference = call.sub(args[0], args[1]);
    length_squared(call, &[difference])
}

/// `x / length(x)`; the fast version multiplies by the reciprocal square root.
pub(in crate::check::builtins) fn normalize(call: &mut Call<'_>, args: &[Value]) -> Value {
    let x = args[0];
    let square = length_squared(call, &[x]);
    let (op, function) = match call.precision {
        Precision::Fast => (BinaryOp::Mul, MathFn::Rsqrt),
        Precision::Precise => (BinaryOp::Div, MathFn::Sqrt),
    };
    let scale = call.math(function, &[square]);
    let scale = call.spread(scale, x);
    call.binary(op, x, scale)
}

/// `a.yzx * b.zxy - a.zxy * b.yzx`.
pub(in crate::check::builtins) fn cross(call: &mut Call<'_>, args: &[Value]) -> Value {
    let ty = call.result;
    let mut turned = |value, order| call.emit(Op::Swizzle(value, order), ty);
    let (a1, b1) = (turned(args[0], [1, 2, 0, 0]), turned(args[1], [2, 0, 1, 0]));
    let (a2, b2) = (turned(args[0], [2, 0, 1, 0]), turned(args[1], [1, 2, 0, 0]));
    let (first, second) = (call.mul(a1, b1), call.mul(a2, b2));
    call.sub(first, second)
}

/// `dot(nref, i) < 0 ? n : -n`, arguments `n`, `i`, `nref`.
pub(in crate::check::builtins) fn faceforward(call: &mut Call<'_>, args: &[Value]) -> Value {
    let cosine = dot(call, &[args[2], args[1]]);
    let zero = call.number(0.0, cosine);
    let faces = call.compare(CompareOp::Lt, cosine, zero);
    let turned = call.unary(UnaryOp::Neg, args[0]);
    call.choose(faces, args[0], turned)
}

/// `i - 2 dot(n, i) n`, arguments `i`, `n`.
pub(in crate::check::builtins) fn reflect(call: &mut Call<'_>, args: &[Value]) -> Value {
    let (incident, normal) = (args[0], args[1]);
    let cosine = dot(call, &[normal, incident]);
    let two = call.number(2.0, cosine);
    let scale = call.mul(two, cosine);
    let scale = call.spread(scale, normal);
    let change = call.mul(scale, normal);
    call.sub(incident, change)
}

/// `eta i - (eta d + √k) n` with `d = dot(n, i)`, `k = 1 - eta²(1 - d²)`; zero for `k < 0`.
pub(in crate::check::builtins) fn refract(call: &mut Call<'_>, args: &[Value]) -> Value {
    let (incident, normal, eta) = (args[0], args[1], args[2]);
    let cosine = dot(call, &[normal, incident]);
    let one = call.number(1.0, eta);
    let cosine_squared = call.mul(cosine, cosine);
    let sine_squared = call.sub(one, cosine_squared);
    let eta_squared = call.mul(eta, eta);
    let bent = call.mul(eta_squared, sine_squared);
    let k = call.sub(one, bent);

    let zero = call.number(0.0, k);
    let is_reflected = call.compare(CompareOp::Lt, k, zero);
    let root = call.math(MathFn::Sqrt, &[k]);
    let along = call.mul(eta, cosine);
    let along = call.add(along, root);
    let (along, eta) = (call.spread(along, normal), call.spread(eta, incident));
    let (kept, removed) = (call.mul(eta, incident), call.mul(along, normal));
    let refracted = call.sub(kept, removed);
    let nothing = call.number(0.0, refracted);
    call.choose(is_reflected, nothing, refracted)
}

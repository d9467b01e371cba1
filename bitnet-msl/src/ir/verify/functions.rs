//! Arity and types of the mathematical and lane functions.

use super::ops::{has_shape, shape};
use super::{Check, FunctionVerifier, require};
use crate::ir::{LaneFn, MathFn, Scalar, Type, Value};

/// Component types that a function takes.
#[derive(Clone, Copy)]
enum Domain {
    Float,
    Int,
    Number,
    /// `int` and `uint`.
    Int32,
}

/// What a function gives for operands with component `T`.
#[derive(Clone, Copy)]
enum Gives {
    T,
    Bool,
    Int,
    Unsigned,
}

/// Domain, number of operands of type `T`, types of the operands after them, result.
fn signature(function: MathFn) -> (Domain, usize, &'static [Scalar], Gives) {
    use MathFn as M;
    const NONE: &[Scalar] = &[];
    match function {
        M::Abs => (Domain::Number, 1, NONE, Gives::T),
        M::Max | M::Min => (Domain::Number, 2, NONE, Gives::T),
        M::Atan2 | M::Copysign | M::Fdim | M::Fmod | M::Nextafter | M::Pow | M::Powr => {
            (Domain::Float, 2, NONE, Gives::T)
        }
        M::Fma => (Domain::Float, 3, NONE, Gives::T),
        M::Ldexp => (Domain::Float, 1, &[Scalar::I32], Gives::T),
        M::Ilogb => (Domain::Float, 1, NONE, Gives::Int),
        M::IsFinite | M::IsInf | M::IsNan | M::IsNormal | M::SignBit => (Domain::Float, 1, NONE, Gives::Bool),
        M::AbsDiff => (Domain::Int, 2, NONE, Gives::Unsigned),
        M::AddSat | M::SubSat | M::Hadd | M::Rhadd | M::Mulhi | M::Rotate => (Domain::Int, 2, NONE, Gives::T),
        M::Clz | M::Ctz | M::Popcount | M::ReverseBits => (Domain::Int, 1, NONE, Gives::T),
        M::MadSat => (Domain::Int, 3, NONE, Gives::T),
        M::Mul24 => (Domain::Int32, 2, NONE, Gives::T),
        M::Mad24 => (Domain::Int32, 3, NONE, Gives::T),
        M::ExtractBits => (Domain::Int, 1, &[Scalar::U32, Scalar::U32], Gives::T),
        M::InsertBits => (Domain::Int, 2, &[Scalar::U32, Scalar::U32], Gives::T),
        _ => (Domain::Float, 1, NONE, Gives::T),
    }
}

impl Domain {
    fn has(self, scalar: Scalar) -> bool {
        match self {
            Domain::Float => scalar.is_float(),
            Domain::Int => scalar.is_int(),
            Domain::Number => scalar != Scalar::Bool,
            Domain::Int32 => matches!(scalar, Scalar::I32 | Scalar::U32),
        }
    }
}

/// Checks a mathematical function.
pub(super) fn math(v: &FunctionVerifier<'_>, function: MathFn, args: &[Value], ty: Type) -> Check {
    let (domain, count, rest, gives) = signature(function);
    let rule = || format!("{} takes its number of operands, of types it has", function.mnemonic());
    if args.len() != count + rest.len() {
        return Err(rule());
    }
    let t = v.type_of(args[0]);
    let Some((elem, len)) = shape(t).filter(|(elem, _)| domain.has(*elem)) else { return Err(rule()) };
    let firsts = args[..count].iter().all(|&arg| v.type_of(arg) == t);
    let lasts = args[count..].iter().zip(rest).all(|(&arg, &scalar)| {
        // The exponents of `ldexp` come one for each component, the offsets of bit fields once.
        let len = if function == MathFn::Ldexp { len } else { 1 };
        has_shape(v.type_of(arg), scalar, len)
    });
    if !(firsts && lasts) {
        return Err(rule());
    }
    let result = match gives {
        Gives::T => ty == t,
        Gives::Bool => has_shape(ty, Scalar::Bool, len),
        Gives::Int => has_shape(ty, Scalar::I32, len),
        Gives::Unsigned => shape(ty).is_some_and(|(r, n)| {
            n == len && r.is_int() && !r.is_signed() && r.size_bytes() == elem.size_bytes()
        }),
    };
    require(result, &format!("{} gives its result type", function.mnemonic()))
}

/// Checks a function over lanes.
pub(super) fn lane(v: &FunctionVerifier<'_>, function: LaneFn, args: &[Value], ty: Type) -> Check {
    use LaneFn as L;
    let rule = format!("{} takes its operands and gives its result type", function.mnemonic());
    let types: Vec<_> = args.iter().map(|&arg| v.type_of(arg)).collect();
    let is_number = |t: Type| shape(t).is_some_and(|(elem, _)| elem != Scalar::Bool);
    let is_int = |t: Type| shape(t).is_some_and(|(elem, _)| elem.is_int());
    let bool_type = Type::Scalar(Scalar::Bool);
    let ulong_type = Type::Scalar(Scalar::U64);
    let lane_type = Type::Scalar(Scalar::U16);
    let fits = match (function, &types[..]) {
        (L::All | L::Any, [a]) => *a == bool_type && ty == bool_type,
        (L::Ballot, [a]) => *a == bool_type && ty == ulong_type,
        (L::ActiveThreadsMask | L::ThreadsMask, []) => ty == ulong_type,
        (L::IsFirst, []) => ty == bool_type,
        (L::And | L::Or | L::Xor, [a]) => is_int(*a) && ty == *a,
        (
            L::Sum
            | L::Product
            | L::Min
            | L::Max
            | L::BroadcastFirst
            | L::PrefixInclusiveSum
            | L::PrefixExclusiveSum
            | L::PrefixInclusiveProduct
            | L::PrefixExclusiveProduct,
            [a],
        ) => is_number(*a) && ty == *a,
        (
            L::Broadcast
            | L::Shuffle
            | L::ShuffleUp
            | L::ShuffleDown
            | L::ShuffleXor
            | L::RotateUp
            | L::RotateDown,
            [a, lane],
        ) => is_number(*a) && ty == *a && *lane == lane_type,
        (L::ShuffleAndFillUp | L::ShuffleAndFillDown, [a, fill, delta]) => {
            is_number(*a) && fill == a && ty == *a && *delta == lane_type
        }
        _ => false,
    };
    require(fits, &rule)
}

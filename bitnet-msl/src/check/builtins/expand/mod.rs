//! Turns a resolved call with converted arguments into IR.
//!
//! Elementary functions become one op. Composite ones (`dot`, `mix`, `frexp`, …) become a few: one small
//! function each, in [`math`], [`geometry`], [`matrix`],
//! [`memory`] and [`votes`].

pub(super) mod geometry;
pub(super) mod math;
pub(super) mod matrix;
pub(super) mod memory;
pub(super) mod votes;

use super::names::mem_flags_from_bits;
use super::resolve::Resolved;
use super::signature::Lowering;
use crate::check::builder::FunctionBuilder;
use crate::check::const_eval::{self, ConstValue};
use crate::ir::{BinaryOp, CompareOp, MathFn, Op, Precision, Scalar, Type, TypeId, UnaryOp, Value};
use crate::source::Span;

/// Expands one function: emits ops and returns the result. Where the function returns `void`, what
/// comes back is the acting op and means nothing.
pub(crate) type ExpandFn = fn(&mut Call<'_>, &[Value]) -> Value;

/// Why a resolved call has no IR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpandError {
    /// The `mem_flags` of a barrier are computed at run time.
    FlagsNotConstant,
}

/// Emits the IR of a call. `args` have the types of `resolved.params`.
pub(crate) fn expand(
    builder: &mut FunctionBuilder,
    resolved: &Resolved,
    args: &[Value],
    precision: Precision,
    span: Span,
) -> Result<Value, ExpandError> {
    let mut call = Call { builder, result: resolved.result, precision, span };
    Ok(match resolved.lowering {
        Lowering::Math(function) => call.emit(Op::Math(function, precision, args.to_vec()), resolved.result),
        Lowering::Lane(function, scope) => {
            call.emit(Op::Lane(function, scope, args.to_vec()), resolved.result)
        }
        Lowering::Barrier(scope) => {
            let flags =
                args.first().and_then(|&v| call.constant_bits(v)).ok_or(ExpandError::FlagsNotConstant)?;
            call.emit(Op::Barrier(scope, mem_flags_from_bits(flags)), resolved.result)
        }
        Lowering::Expand(function) => function(&mut call, args),
    })
}

/// A call under expansion: where ops go, and what they all share.
pub(crate) struct Call<'b> {
    builder: &'b mut FunctionBuilder,
    result: TypeId,
    precision: Precision,
    span: Span,
}

impl Call<'_> {
    fn emit(&mut self, op: Op, ty: TypeId) -> Value {
        self.builder.emit(op, ty, self.span)
    }

    fn type_of(&self, value: Value) -> TypeId {
        self.builder.type_of(value)
    }

    /// Component and number of components of a scalar or vector value.
    fn shape(&self, value: Value) -> (Scalar, u8) {
        match self.builder.type_table().get(self.type_of(value)) {
            Type::Scalar(elem) => (elem, 1),
            Type::Vector { elem, len, .. } => (elem, len),
            other => unreachable!("resolution lets only scalars and vectors through, not {other:?}"),
        }
    }

    /// A function of the operands' own type.
    fn math(&mut self, function: MathFn, args: &[Value]) -> Value {
        let ty = self.type_of(args[0]);
        self.emit(Op::Math(function, self.precision, args.to_vec()), ty)
    }

    /// `isnan` and its kin: `bool` for each component.
    fn classify(&mut self, function: MathFn, x: Value) -> Value {
        let (_, len) = self.shape(x);
        let ty = self.builder.vector_type(Scalar::Bool, len);
        self.emit(Op::Math(function, self.precision, vec![x]), ty)
    }

    fn binary(&mut self, op: BinaryOp, a: Value, b: Value) -> Value {
        self.builder.binary(op, a, b, self.span)
    }

    fn add(&mut self, a: Value, b: Value) -> Value {
        self.binary(BinaryOp::Add, a, b)
    }

    fn sub(&mut self, a: Value, b: Value) -> Value {
        self.binary(BinaryOp::Sub, a, b)
    }

    fn mul(&mut self, a: Value, b: Value) -> Value {
        self.binary(BinaryOp::Mul, a, b)
    }

    fn unary(&mut self, op: UnaryOp, x: Value) -> Value {
        let ty = self.type_of(x);
        self.emit(Op::Unary(op, x), ty)
    }

    fn compare(&mut self, op: CompareOp, a: Value, b: Value) -> Value {
        self.builder.compare(op, a, b, self.span)
    }

    /// `cond ? a : b`.
    fn choose(&mut self, cond: Value, a: Value, b: Value) -> Value {
        let ty = self.type_of(a);
        self.emit(Op::Select(cond, a, b), ty)
    }

    /// A number in the component type of `like`, in all components.
    fn number(&mut self, value: f64, like: Value) -> Value {
        let (elem, _) = self.shape(like);
        let number = ConstValue::float(Scalar::F32, value).convert(elem);
        let scalar = self.builder.const_scalar(elem, number.bits, self.span);
        self.spread(scalar, like)
    }

    /// A scalar in all components of a value with the shape of `like`.
    fn spread(&mut self, scalar: Value, like: Value) -> Value {
        let ty = self.type_of(like);
        self.builder.splat(scalar, ty, self.span)
    }

    fn extract(&mut self, vector: Value, index: u8) -> Value {
        self.builder.extract(vector, u32::from(index), self.span)
    }

    /// The bits of a scalar that is constant.
    fn constant_bits(&self, value: Value) -> Option<u64> {
        let bytes = const_eval::fold(self.builder.function(), value, self.builder.type_table(), &[])?;
        let mut bits = [0; 8];
        bits.get_mut(..bytes.len())?.copy_from_slice(&bytes);
        Some(u64::from_le_bytes(bits))
    }
}

#[cfg(test)]
mod tests;

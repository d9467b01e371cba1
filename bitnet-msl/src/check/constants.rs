//! Constant expressions: lowered like any others, then folded.

use super::Checker;
use super::const_eval::{ConstValue, fold};
use super::operand::Rvalue;
use super::scope::NamespaceId;
use super::types::QualType;
use crate::ast;
use crate::diag::{Code, Diagnostic};
use crate::ir::{MAX_TYPE_SIZE_BYTES, Op, Scalar, Type, TypeId, Value};
use crate::source::Span;

/// Largest constant object, so that a short text cannot make a large module.
const MAX_CONSTANT_BYTES: u32 = 16 << 20;

/// A program-scope constant whose initialiser depends on function constants.
#[derive(Debug)]
pub(super) struct Deferred<'a> {
    pub(super) init: &'a ast::Init,
    pub(super) ty: QualType,
    pub(super) namespace: NamespaceId,
}

impl<'a> Checker<'a> {
    /// The value of a scalar constant expression.
    pub(super) fn constant_value(&mut self, expr: &'a ast::Expr, what: &str) -> Option<ConstValue> {
        self.unevaluated(|c| {
            let read = c.value(expr)?;
            c.known_value(&read, what)
        })
    }

    /// The constant that a value is; reports one that is not known.
    fn known_value(&mut self, read: &Rvalue, what: &str) -> Option<ConstValue> {
        match self.fold_expression(read.value) {
            Some(constant) => Some(constant),
            None => self.not_constant(read.span, what),
        }
    }

    /// The value of an integer constant expression.
    pub(super) fn constant_int(&mut self, expr: &'a ast::Expr, what: &str) -> Option<i128> {
        let value = self.unevaluated(|c| {
            let read = c.value(expr)?;
            if read.enumeration.is_some_and(|enumeration| c.is_scoped(enumeration)) {
                let int = QualType::plain(c.builder.scalar_type(Scalar::I32));
                c.cannot_convert(&read, int, None);
                return None;
            }
            c.known_value(&read, what)
        })?;
        if value.scalar.is_float() {
            self.error(
                Code::E0314,
                expr.span,
                format!("{what} is an integer, not a {}", value.scalar.msl_name()),
            );
            return None;
        }
        Some(value.as_int())
    }

    /// The value of a constant condition.
    pub(super) fn constant_condition(&mut self, expr: &'a ast::Expr, what: &str) -> Option<bool> {
        self.unevaluated(|c| {
            let operand = c.expr(expr)?;
            let value = c.condition(operand)?;
            match c.fold_expression(value) {
                Some(constant) => Some(constant.is_true()),
                None => c.not_constant(expr.span, what),
            }
        })
    }

    pub(super) fn not_constant<T>(&mut self, span: Span, what: &str) -> Option<T> {
        self.report(
            Diagnostic::new(Code::E0314, span, format!("{what} must be a constant expression"))
                .at("not known at compile time"),
        );
        None
    }

    /// The constant that a scalar value folds to, where `constexpr` functions may be called.
    pub(super) fn fold_expression(&mut self, value: Value) -> Option<ConstValue> {
        self.fold_calls(value)?;
        self.fold_scalar(value)
    }

    /// The constant that a scalar value folds to.
    pub(super) fn fold_scalar(&self, value: Value) -> Option<ConstValue> {
        let scalar = self.as_scalar(self.builder.type_of(value))?;
        let bytes = self.fold_bytes(value)?;
        let mut bits = [0; 8];
        bits.get_mut(..bytes.len())?.copy_from_slice(&bytes);
        Some(ConstValue { scalar, bits: u64::from_le_bytes(bits) })
    }

    /// The bytes that a value folds to.
    pub(super) fn fold_bytes(&self, value: Value) -> Option<Vec<u8>> {
        if self.size_bytes(self.builder.type_of(value)) > MAX_CONSTANT_BYTES {
            return None;
        }
        fold(self.builder.function(), value, self.builder.type_table(), &self.globals)
    }

    /// The bytes of a program-scope constant. `None` where the value is not constant.
    pub(super) fn constant_bytes(
        &mut self,
        init: &'a ast::Init,
        ty: QualType,
        span: Span,
    ) -> Option<ConstantInit> {
        debug_assert!(u64::from(MAX_CONSTANT_BYTES) < MAX_TYPE_SIZE_BYTES);
        if self.size_bytes(ty.ty) > MAX_CONSTANT_BYTES {
            self.error(Code::E0315, span, "a constant variable takes at most 16 MiB");
            return None;
        }
        self.unevaluated(|c| {
            let first = c.builder.function().insts.len();
            let value = c.init_value(init, ty, None)?;
            let value = c.packed_like(value, ty.ty, span);
            if let Some(bytes) = c.fold_calls(value).and_then(|()| c.fold_bytes(value)) {
                return Some(ConstantInit::Bytes(bytes));
            }
            let insts = &c.builder.function().insts[first..];
            let depends = insts
                .iter()
                .any(|inst| matches!(inst.op, Op::FunctionConstant(_) | Op::IsFunctionConstantDefined(_)));
            if depends && insts.iter().all(|inst| inst.op.is_pure()) {
                return Some(ConstantInit::Deferred);
            }
            c.not_constant(span, "the initialiser of a program-scope variable")
        })
    }

    /// Emits the value of a constant that depends on function constants.
    pub(super) fn deferred_value(&mut self, index: u32) -> Option<Value> {
        let Deferred { init, ty, namespace } = self.deferred[index as usize];
        let place = self.scopes.enter(namespace, u32::MAX);
        let value = self.init_value(init, ty, None);
        self.scopes.leave(place);
        value
    }

    /// A template argument, case label and so on as the type that takes it; `None` if it does not fit.
    pub(super) fn constant_as(&self, value: ConstValue, ty: TypeId) -> Option<ConstValue> {
        match self.ty(ty) {
            Type::Scalar(Scalar::Bool) => Some(value.convert(Scalar::Bool)),
            Type::Scalar(scalar) => {
                let converted = value.convert(scalar);
                (scalar.is_float() || converted.as_int() == value.as_int()).then_some(converted)
            }
            _ => None,
        }
    }
}

/// What became of the initialiser of a program-scope constant.
#[derive(Debug)]
pub(super) enum ConstantInit {
    Bytes(Vec<u8>),
    Deferred,
}

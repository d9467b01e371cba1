//! Constant expressions: lowered like any others, then evaluated.

use super::Checker;
use super::const_eval::ConstValue;
use super::evaluate::{NotConstant, Rule};
use super::scope::NamespaceId;
use super::types::{Enumeration, QualType};
use crate::ast;
use crate::diag::{Code, Diagnostic};
use crate::ir::{MAX_TYPE_SIZE_BYTES, Op, Scalar, Value};
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

/// The value of a constant expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConstantOperand {
    pub(super) value: ConstValue,
    pub(super) enumeration: Option<Enumeration>,
}

impl<'a> Checker<'a> {
    /// The value of a scalar constant expression.
    pub(super) fn constant_operand_of(&mut self, expr: &'a ast::Expr, what: &str) -> Option<ConstantOperand> {
        self.unevaluated(|c| {
            let mark = c.builder.mark();
            let read = c.value(expr)?;
            match c.scalar_constant_of(mark, read.value) {
                Ok(value) => Some(ConstantOperand { value, enumeration: read.enumeration }),
                Err(why) => c.not_constant(expr.span, what, &why),
            }
        })
    }

    /// The value of an integer constant expression; a scoped enumeration is none.
    pub(super) fn constant_int(&mut self, expr: &'a ast::Expr, what: &str) -> Option<i128> {
        let ConstantOperand { value, enumeration } = self.constant_operand_of(expr, what)?;
        let scoped = enumeration.filter(|&enumeration| self.is_scoped(enumeration));
        let shown = match scoped {
            Some(enumeration) => self.enumeration_name(enumeration),
            None if value.scalar.is_float() => value.scalar.msl_name().to_owned(),
            None => return Some(value.as_int()),
        };
        let mut diagnostic =
            Diagnostic::new(Code::E0314, expr.span, format!("{what} is an integer, not a `{shown}`"));
        if scoped.is_some() {
            diagnostic = diagnostic.note("a scoped enumeration converts explicitly only: int(x)");
        }
        self.report(diagnostic);
        None
    }

    /// The value of a constant condition.
    pub(super) fn constant_condition(&mut self, expr: &'a ast::Expr, what: &str) -> Option<bool> {
        self.unevaluated(|c| {
            let mark = c.builder.mark();
            let operand = c.expr(expr)?;
            let value = c.condition(operand)?;
            match c.scalar_constant_of(mark, value) {
                Ok(constant) => Some(constant.is_true()),
                Err(why) => c.not_constant(expr.span, what, &why),
            }
        })
    }

    /// Reports that something is no constant expression, and why.
    pub(super) fn not_constant<T>(&mut self, span: Span, what: &str, why: &NotConstant) -> Option<T> {
        let diagnostic = Diagnostic::new(Code::E0314, span, format!("{what} must be a constant expression"));
        let mut diagnostic = if why.span == span || why.span == Span::default() {
            diagnostic.at(why.reason.to_string())
        } else {
            diagnostic.label(why.span, why.reason.to_string())
        };
        if let Some(note) = why.reason.note() {
            diagnostic = diagnostic.note(note);
        }
        self.report(diagnostic);
        None
    }

    /// The bytes of a program-scope constant. `None` where the value is not known before the program runs.
    pub(super) fn constant_bytes(
        &mut self,
        init: &'a ast::Init,
        ty: QualType,
        is_constexpr: bool,
        span: Span,
    ) -> Option<ConstantInit> {
        debug_assert!(u64::from(MAX_CONSTANT_BYTES) < MAX_TYPE_SIZE_BYTES);
        if self.size_bytes(ty.ty) > MAX_CONSTANT_BYTES {
            self.error(Code::E0315, span, "a constant variable takes at most 16 MiB");
            return None;
        }
        self.unevaluated(|c| {
            let (mark, first) = (c.builder.mark(), c.builder.function().insts.len());
            let value = c.init_value(init, ty, None)?;
            let value = c.packed_like(value, ty.ty, span);
            let why = match c.constant_bytes_of(mark, value, Rule::Core) {
                Ok(bytes) => return Some(ConstantInit::Core(bytes)),
                Err(why) => why,
            };
            if is_constexpr {
                return c.not_constant(span, "the initialiser of a constexpr variable", &why);
            }
            let why = match c.constant_bytes_of(mark, value, Rule::Initialiser) {
                Ok(bytes) => return Some(ConstantInit::Bytes(bytes)),
                Err(why) => why,
            };
            if c.depends_on_function_constants(first) {
                return Some(ConstantInit::Deferred);
            }
            c.not_constant(span, "the initialiser of a program-scope variable", &why)
        })
    }

    /// Whether the instructions from a number on only compute, from function constants.
    fn depends_on_function_constants(&self, first: usize) -> bool {
        let insts = &self.builder.function().insts[first..];
        let depends = insts
            .iter()
            .any(|inst| matches!(inst.op, Op::FunctionConstant(_) | Op::IsFunctionConstantDefined(_)));
        depends && insts.iter().all(|inst| inst.op.is_pure())
    }

    /// Emits the value of a constant that depends on function constants.
    pub(super) fn deferred_value(&mut self, index: u32) -> Option<Value> {
        let Deferred { init, ty, namespace } = self.deferred[index as usize];
        let place = self.scopes.enter(namespace, u32::MAX);
        let value = self.init_value(init, ty, None);
        self.scopes.leave(place);
        value
    }

    /// A constant converted as C++ converts template arguments (\[expr.const\], converted constant expressions):
    /// `None` if the value does not fit, or the types do not convert.
    pub(super) fn converted_constant(&self, from: ConstantOperand, to: QualType) -> Option<ConstValue> {
        let scalar = self.as_scalar(to.ty)?;
        let value = from.value;
        if to.enumeration.is_some() {
            return (from.enumeration == to.enumeration).then_some(value);
        }
        if from.enumeration.is_some_and(|enumeration| self.is_scoped(enumeration)) {
            return None;
        }
        let converted = value.convert(scalar);
        let fits = match (value.scalar.is_float(), scalar.is_float()) {
            (false, false) => converted.as_int() == value.as_int(),
            (true, false) | (false, true) => false,
            (true, true) => value.scalar == scalar,
        };
        fits.then_some(converted)
    }
}

/// Whether constant expressions may read a `const` variable of the type that is not `constexpr`.
pub(super) fn is_integral(scalar: Option<Scalar>) -> bool {
    scalar.is_some_and(|scalar| !scalar.is_float())
}

/// What became of the initialiser of a program-scope constant.
#[derive(Debug)]
pub(super) enum ConstantInit {
    /// A constant expression.
    Core(Vec<u8>),
    /// Known before the program runs, but no constant expression.
    Bytes(Vec<u8>),
    Deferred,
}

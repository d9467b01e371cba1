//! Assignment, compound assignment, `++` and `--`.

use super::Checker;
use super::convert::Wanted;
use super::lookup::LookupKind;
use super::operand::{Operand, Rvalue};
use super::types::QualType;
use crate::ast::{self, InfixOp, PrefixOp};
use crate::ir::{Scalar, Type};
use crate::source::Span;

impl<'a> Checker<'a> {
    /// `place = value` and `place op= value`. The result is the place.
    pub(super) fn assign(
        &mut self,
        op: Option<InfixOp>,
        place: &'a ast::Expr,
        value: &'a ast::Expr,
        span: Span,
    ) -> Option<Operand> {
        let target = self.place(place);
        let target = target.and_then(|target| match op {
            None => self.assigned_object(target),
            Some(_) => Some(target),
        });
        let target = match target {
            Some(target) => self.check_writable(&target, span).map(|()| target),
            None => None,
        };
        let target = target.and_then(|target| self.check_assignable(&target, span).map(|()| target));
        let Some(target) = target else {
            if !matches!(value.kind, ast::ExprKind::InitList(_)) {
                self.expr(value);
            }
            return None;
        };
        let to = target.qual().unqualified();
        let result = match op {
            None => {
                let wanted = self.wanted_by_place(place, &target);
                self.initial_value(value, to, wanted.as_ref())?
            }
            Some(op) => self.combined(op, &target, value, span)?,
        };
        self.write(&target, result, span);
        Some(Operand { span, ..target })
    }

    /// What `=` writes: a struct that a function has returned is an object too, although nobody sees it again.
    fn assigned_object(&mut self, target: Operand) -> Option<Operand> {
        if target.is_place() || !matches!(self.ty(target.ty), Type::Struct(_)) {
            return Some(target);
        }
        let ptr = self.materialise(target)?;
        Some(Operand::memory(ptr, target.qual(), target.span))
    }

    /// The value that `place op= value` stores.
    fn combined(
        &mut self,
        op: InfixOp,
        target: &Operand,
        value: &'a ast::Expr,
        span: Span,
    ) -> Option<crate::ir::Value> {
        let right = self.value(value)?;
        let old = self.read(*target)?;
        let result = match self.ty(old.ty) {
            Type::Matrix { .. } => self.matrix_compound(op, old, right, span)?,
            _ => self.infix(op, old, right, span)?,
        };
        self.back_to_place(result, target, span)
    }

    /// A result of arithmetic as the place's type again.
    fn back_to_place(&mut self, result: Rvalue, target: &Operand, span: Span) -> Option<crate::ir::Value> {
        let to = QualType { ty: self.value_type(target), ..target.qual().unqualified() };
        let result = Rvalue { span, ..result };
        if self.implicit_rank(&result, to).is_none() {
            self.cannot_convert(&result, to, None);
            return None;
        }
        Some(self.convert_value(result.value, result.ty, to.ty, span))
    }

    /// `++x`, `x++`, `--x`, `x--`.
    pub(super) fn step(
        &mut self,
        expr: &'a ast::Expr,
        increment: bool,
        postfix: bool,
        span: Span,
    ) -> Option<Operand> {
        let target = self.place(expr)?;
        self.check_writable(&target, span)?;
        let old = self.read(target)?;
        if self.as_scalar(old.ty) == Some(Scalar::Bool) || old.enumeration.is_some() {
            let shown = self.display_qual(self.rvalue_qual(&old));
            let sign = if increment { "++" } else { "--" };
            self.error(crate::diag::Code::E0305, span, format!("`{sign}` is not defined for `{shown}`"));
            return None;
        }
        if !matches!(self.ty(old.ty), Type::Scalar(_) | Type::Vector { .. } | Type::Pointer { .. }) {
            let op = if increment { PrefixOp::Inc } else { PrefixOp::Dec };
            self.prefix_value(op, old, span);
            return None;
        }
        let one = self.builder.const_i32(1, span);
        let one = self.rvalue(one, span);
        let op = if increment { InfixOp::Add } else { InfixOp::Sub };
        let new = self.infix(op, old, one, span)?;
        let new = self.back_to_place(new, &target, span)?;
        self.write(&target, new, span);
        Some(if postfix { Operand::value(old.value, old.ty, span) } else { Operand { span, ..target } })
    }

    /// What a diagnostic says of the variable that an assignment writes.
    fn wanted_by_place(&self, place: &ast::Expr, target: &Operand) -> Option<Wanted> {
        let ast::ExprKind::Path(path) = &place.kind else { return None };
        let [segment] = &path.segments[..] else { return None };
        let found = self.scopes.lookup(&segment.name.name, LookupKind::Ordinary)?;
        let [binding] = &found.program[..] else { return None };
        Some(Wanted {
            span: binding.span,
            message: format!("declared here as `{}`", self.display(target.ty)),
        })
    }
}

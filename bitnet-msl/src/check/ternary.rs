//! Operators that choose what to evaluate: `?:`, `&&`, `||`.

use super::Checker;
use super::operand::{Operand, Rvalue};
use super::types::QualType;
use crate::ast::{self, InfixOp};
use crate::diag::{Code, Diagnostic};
use crate::ir::{BinaryOp, Block, Op, Scalar, Stmt, Type, TypeId, Value};
use crate::source::Span;

/// One side of a choice: its code, and its result if it has one.
struct Side {
    block: Block,
    value: Option<Rvalue>,
}

impl<'a> Checker<'a> {
    /// `a && b` and `a || b`. The right side is branched around only if it does more than compute.
    pub(super) fn logical(
        &mut self,
        op: InfixOp,
        a: &'a ast::Expr,
        b: &'a ast::Expr,
        span: Span,
    ) -> Option<Operand> {
        let left = self.expr(a);
        if left.is_some_and(|left| matches!(self.ty(left.ty), Type::Vector { .. })) {
            return self.vector_logical(op, left?, b, span);
        }
        let left = left.and_then(|left| self.condition(left));
        self.builder.begin_block();
        let right = self.expr(b).and_then(|right| self.condition(right));
        let block = self.builder.end_block();
        let (left, right) = (left?, right?);
        let is_and = op == InfixOp::LogicalAnd;
        if let Some(known) = self.scalar_constant(left) {
            if known.is_true() != is_and {
                return Some(self.constant_operand(known, span));
            }
            self.builder.append_block(block);
            return Some(Operand::value(right, self.builder.type_of(right), span));
        }
        let value = if self.builder.is_speculatable(&block) {
            self.builder.append_block(block);
            let binary = if is_and { BinaryOp::And } else { BinaryOp::Or };
            self.emit_binary(binary, left, right, span)
        } else {
            self.short_circuit(left, block, right, is_and, span)
        };
        Some(Operand::value(value, self.builder.type_of(value), span))
    }

    fn short_circuit(
        &mut self,
        left: Value,
        mut block: Block,
        right: Value,
        is_and: bool,
        span: Span,
    ) -> Value {
        let ty = self.builder.scalar_type(Scalar::Bool);
        let result = self.builder.new_local_addr("%logical", ty, span);
        self.builder.store(result, left, span);
        block.0.push(Stmt::Store { ptr: result, value: right, span });
        let (then, other) = if is_and { (block, Block::default()) } else { (Block::default(), block) };
        self.builder.push_stmt(Stmt::If { cond: left, then, other, span });
        self.builder.load(result, span)
    }

    /// On vectors both sides are evaluated, component by component.
    fn vector_logical(
        &mut self,
        op: InfixOp,
        left: Operand,
        b: &'a ast::Expr,
        span: Span,
    ) -> Option<Operand> {
        let right = self.value(b)?;
        let left = self.read(left)?;
        if self.shape(left.ty)?.1 != self.shape(right.ty).map_or(0, |(_, len)| len) {
            return self.wrong_operands(op, &left, &right, span, None);
        }
        let x = self.convert_components(left.value, Scalar::Bool, left.span);
        let y = self.convert_components(right.value, Scalar::Bool, right.span);
        let binary = if op == InfixOp::LogicalAnd { BinaryOp::And } else { BinaryOp::Or };
        let value = self.builder.binary(binary, x, y, span);
        Some(Operand::value(value, self.builder.type_of(value), span))
    }

    /// `cond ? a : b`.
    pub(super) fn ternary(
        &mut self,
        cond: &'a ast::Expr,
        a: &'a ast::Expr,
        b: &'a ast::Expr,
        span: Span,
    ) -> Option<Operand> {
        let condition = self.expr(cond).and_then(|operand| self.condition(operand));
        let mut then = self.side(a);
        let mut other = self.side(b);
        let (x, y) = (then.value?, other.value?);
        let ty = self.choice_type(&x, &y, span)?;
        let condition = condition?;
        let x = self.convert_side(&mut then, x, ty.ty);
        let y = self.convert_side(&mut other, y, ty.ty);
        if let Some(known) = self.scalar_constant(condition) {
            let (side, value) = if known.is_true() { (then, x) } else { (other, y) };
            self.builder.append_block(side.block);
            return Some(self.choice(value, ty, span));
        }
        if self.ty(ty.ty) == Type::Void {
            self.builder.push_stmt(Stmt::If { cond: condition, then: then.block, other: other.block, span });
            return Some(Operand::value(x, ty.ty, span));
        }
        let selectable =
            !matches!(self.ty(ty.ty), Type::Struct(_) | Type::Matrix { .. } | Type::Array { .. });
        if selectable
            && self.builder.is_speculatable(&then.block)
            && self.builder.is_speculatable(&other.block)
        {
            self.builder.append_block(then.block);
            self.builder.append_block(other.block);
            let value = self.builder.emit(Op::Select(condition, x, y), ty.ty, span);
            return Some(self.choice(value, ty, span));
        }
        let result = self.builder.new_local_addr("%choice", ty.ty, span);
        then.block.0.push(Stmt::Store { ptr: result, value: x, span });
        other.block.0.push(Stmt::Store { ptr: result, value: y, span });
        self.builder.push_stmt(Stmt::If { cond: condition, then: then.block, other: other.block, span });
        let value = self.builder.load(result, span);
        Some(self.choice(value, ty, span))
    }

    fn choice(&self, value: Value, ty: QualType, span: Span) -> Operand {
        let operand = Operand::value(value, ty.ty, span);
        Operand { enumeration: ty.enumeration, ..operand }
    }

    /// Emits one side into a block of its own.
    fn side(&mut self, expr: &'a ast::Expr) -> Side {
        self.builder.begin_block();
        let value = match self.expr(expr) {
            Some(operand) => self.read(operand),
            None => None,
        };
        Side { block: self.builder.end_block(), value }
    }

    fn convert_side(&mut self, side: &mut Side, value: Rvalue, to: TypeId) -> Value {
        self.builder.reopen_block(std::mem::take(&mut side.block));
        let is_pointer = matches!(self.ty(to), Type::Pointer { .. });
        let is_zero = value.is_null || (is_pointer && self.as_scalar(value.ty).is_some());
        let converted = if is_pointer && is_zero {
            self.builder.zero(to, value.span)
        } else {
            self.convert_value(value.value, value.ty, to, value.span)
        };
        side.block = self.builder.end_block();
        converted
    }

    /// The type in which both sides of a choice meet.
    fn choice_type(&mut self, x: &Rvalue, y: &Rvalue, span: Span) -> Option<QualType> {
        if x.ty == y.ty && x.enumeration == y.enumeration && !x.is_null {
            return Some(QualType { ty: x.ty, is_const: false, enumeration: x.enumeration });
        }
        let scoped = |e: Option<_>| e.is_some_and(|e| self.is_scoped(e));
        if !scoped(x.enumeration)
            && !scoped(y.enumeration)
            && let Some(ty) = self.meeting_type(x, y)
        {
            return Some(QualType::plain(ty));
        }
        let show =
            |v: &Rvalue| if v.is_null { "nullptr".into() } else { self.display_qual(self.rvalue_qual(v)) };
        let (left, right) = (show(x), show(y));
        let diagnostic = match (self.ty(x.ty), self.ty(y.ty)) {
            (Type::Pointer { space: s1, .. }, Type::Pointer { space: s2, .. }) if s1 != s2 => {
                self.wrong_space(y.span, &right, &left, s2.msl_name(), s1.msl_name())
            }
            _ => Diagnostic::new(Code::E0301, span, format!("`{left}` and `{right}` have no common type")),
        };
        self.report(diagnostic.label(x.span, format!("`{left}`")).label(y.span, format!("`{right}`")));
        None
    }

    fn meeting_type(&mut self, x: &Rvalue, y: &Rvalue) -> Option<TypeId> {
        let zero = |c: &Self, v: &Rvalue| {
            v.is_null
                || (c.builder.inst(v.value).op == Op::Const(0)
                    && c.as_scalar(v.ty).is_some_and(Scalar::is_int))
        };
        match (self.ty(x.ty), self.ty(y.ty)) {
            (Type::Scalar(a), Type::Scalar(b)) if !x.is_null && !y.is_null => {
                let mixed = matches!((a, b), (Scalar::F16, Scalar::BF16) | (Scalar::BF16, Scalar::F16));
                (!mixed).then(|| self.builder.scalar_type(super::const_eval::common_scalar(a, b)))
            }
            (Type::Vector { .. }, Type::Scalar(_)) => self.type_rank(y.ty, x.ty).map(|_| x.ty),
            (Type::Scalar(_), Type::Vector { .. }) => self.type_rank(x.ty, y.ty).map(|_| y.ty),
            (
                Type::Pointer { space: s1, pointee: p1, is_const: c1 },
                Type::Pointer { space: s2, pointee: p2, is_const: c2 },
            ) => (s1 == s2 && p1 == p2).then(|| self.builder.pointer_type(s1, p1, c1 || c2)),
            (Type::Pointer { .. }, _) if zero(self, y) => Some(x.ty),
            (_, Type::Pointer { .. }) if zero(self, x) => Some(y.ty),
            _ => None,
        }
    }
}

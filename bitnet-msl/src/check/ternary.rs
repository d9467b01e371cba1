//! Operators that choose what to evaluate: `?:`, `&&`, `||`.

use super::Checker;
use super::arith::scalar_beside_vector;
use super::operand::{Operand, OperandKind, Origin, Rvalue, Want};
use super::types::QualType;
use crate::ast::{self, InfixOp};
use crate::diag::{Code, Diagnostic};
use crate::ir::{AddressSpace, BinaryOp, Block, Op, Scalar, Stmt, Type, TypeId, Value};
use crate::source::Span;

/// One side of a choice: its code, and its result if it has one.
struct Side<R> {
    block: Block,
    result: R,
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

    /// `cond ? a : b`. Of two places of one type it is a place itself, if one is wanted (C++ \[expr.cond\]); reading
    /// the sides and choosing between their values is cheaper.
    pub(super) fn ternary(
        &mut self,
        cond: &'a ast::Expr,
        a: &'a ast::Expr,
        b: &'a ast::Expr,
        want: Want,
        span: Span,
    ) -> Option<Operand> {
        let condition = self.expr(cond).and_then(|operand| self.condition(operand));
        let (then, other) = (self.side(a, want), self.side(b, want));
        let (then, other) = (then?, other?);
        let as_place = want == Want::Place || self.is_uncopyable(&then.result);
        if as_place && let Some((space, ty)) = self.common_place(&then.result, &other.result) {
            return self.choose_place(condition?, then, other, (space, ty), span);
        }
        let (then, other) = (self.read_side(then), self.read_side(other));
        let (mut then, mut other) = (then?, other?);
        let ty = self.choice_type(&then.result, &other.result, span)?;
        let condition = condition?;
        let x = self.convert_side(&mut then, ty.ty);
        let y = self.convert_side(&mut other, ty.ty);
        let value = self.choose(condition, (then.block, x), (other.block, y), ty.ty, span);
        Some(Operand::value_of(value, ty, span))
    }

    /// Either value, after its code has run.
    fn choose(
        &mut self,
        cond: Value,
        (mut then, x): (Block, Value),
        (mut other, y): (Block, Value),
        ty: TypeId,
        span: Span,
    ) -> Value {
        if let Some(known) = self.scalar_constant(cond) {
            let (block, value) = if known.is_true() { (then, x) } else { (other, y) };
            self.builder.append_block(block);
            return value;
        }
        if self.ty(ty) == Type::Void {
            self.builder.push_stmt(Stmt::If { cond, then, other, span });
            return x;
        }
        let selectable = !matches!(self.ty(ty), Type::Struct(_) | Type::Matrix { .. } | Type::Array { .. });
        if selectable && self.builder.is_speculatable(&then) && self.builder.is_speculatable(&other) {
            self.builder.append_block(then);
            self.builder.append_block(other);
            return self.builder.emit(Op::Select(cond, x, y), ty, span);
        }
        let result = self.builder.new_local_addr("%choice", ty, span);
        then.0.push(Stmt::Store { ptr: result, value: x, span });
        other.0.push(Stmt::Store { ptr: result, value: y, span });
        self.builder.push_stmt(Stmt::If { cond, then, other, span });
        self.builder.load(result, span)
    }

    /// The address space and type of the place that two places can be: both of one type, and as const and volatile as
    /// either of them.
    fn common_place(&self, x: &Operand, y: &Operand) -> Option<(AddressSpace, QualType)> {
        let in_memory = |operand: &Operand| matches!(operand.kind, OperandKind::Memory(_));
        let space = self.place_space(x).filter(|&space| self.place_space(y) == Some(space))?;
        if !in_memory(x) || !in_memory(y) || !x.qual().is_similar(y.qual()) {
            return None;
        }
        let is_const = x.is_const || y.is_const;
        let is_volatile = x.is_volatile || y.is_volatile;
        Some((space, QualType { is_const, is_volatile, ..x.qual() }))
    }

    fn choose_place(
        &mut self,
        cond: Value,
        then: Side<Operand>,
        other: Side<Operand>,
        (space, ty): (AddressSpace, QualType),
        span: Span,
    ) -> Option<Operand> {
        let pointer = self.pointer_to(space, ty);
        let mut address = |side: Side<Operand>| {
            self.builder.reopen_block(side.block);
            let ptr = self.address_of(&side.result).map(|ptr| self.as_pointer_type(ptr, pointer, span));
            Some((self.builder.end_block(), ptr?))
        };
        let (then, other) = (address(then)?, address(other)?);
        let ptr = self.choose(cond, then, other, pointer, span);
        Some(Operand::memory(ptr, ty, span))
    }

    /// Emits one side into a block of its own.
    fn side(&mut self, expr: &'a ast::Expr, want: Want) -> Option<Side<Operand>> {
        self.builder.begin_block();
        let result = self.wanted(expr, want);
        let block = self.builder.end_block();
        Some(Side { block, result: result? })
    }

    fn read_side(&mut self, side: Side<Operand>) -> Option<Side<Rvalue>> {
        self.builder.reopen_block(side.block);
        let result = self.read(side.result);
        let block = self.builder.end_block();
        Some(Side { block, result: result? })
    }

    fn convert_side(&mut self, side: &mut Side<Rvalue>, to: TypeId) -> Value {
        self.builder.reopen_block(std::mem::take(&mut side.block));
        let value = side.result;
        let converted = match value.origin {
            Origin::Nullptr | Origin::Zero if self.is_pointer(to) => self.builder.zero(to, value.span),
            _ => self.convert_value(value.value, value.ty, to, value.span),
        };
        side.block = self.builder.end_block();
        converted
    }

    /// The type in which both sides of a choice meet.
    fn choice_type(&mut self, x: &Rvalue, y: &Rvalue, span: Span) -> Option<QualType> {
        if x.ty == y.ty && x.enumeration == y.enumeration && !x.is_null() && !y.is_null() {
            return Some(self.rvalue_qual(x));
        }
        let scoped = |e: Option<_>| e.is_some_and(|e| self.is_scoped(e));
        if !scoped(x.enumeration)
            && !scoped(y.enumeration)
            && let Some(ty) = self.meeting_type(x, y)
        {
            return Some(QualType::plain(ty));
        }
        let show =
            |v: &Rvalue| if v.is_null() { "nullptr".into() } else { self.display_qual(self.rvalue_qual(v)) };
        let (left, right): (String, String) = (show(x), show(y));
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
        let is_null = |v: &Rvalue| matches!(v.origin, Origin::Nullptr | Origin::Zero);
        match (self.ty(x.ty), self.ty(y.ty)) {
            (Type::Scalar(a), Type::Scalar(b)) if !x.is_null() && !y.is_null() => {
                let mixed = matches!((a, b), (Scalar::F16, Scalar::BF16) | (Scalar::BF16, Scalar::F16));
                (!mixed).then(|| self.builder.scalar_type(super::const_eval::common_scalar(a, b)))
            }
            (Type::Vector { elem, .. }, Type::Scalar(scalar)) => {
                scalar_beside_vector(elem, scalar).is_ok().then_some(x.ty)
            }
            (Type::Scalar(scalar), Type::Vector { elem, .. }) => {
                scalar_beside_vector(elem, scalar).is_ok().then_some(y.ty)
            }
            (Type::Pointer { .. }, Type::Pointer { .. }) => self.composite_pointer(x.ty, y.ty),
            (Type::Pointer { .. }, _) if is_null(y) => Some(x.ty),
            (_, Type::Pointer { .. }) if is_null(x) => Some(y.ty),
            _ => None,
        }
    }
}

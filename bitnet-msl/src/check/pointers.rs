//! Pointers: conversions, arithmetic, comparisons, null.

use super::Checker;
use super::arith::{InfixKind, infix_info};
use super::builtins::ConversionRank;
use super::const_eval::ConstValue;
use super::operand::{Operand, OperandKind, Origin, Rvalue};
use super::parts::Pointee;
use super::types::QualType;
use crate::ast::InfixOp;
use crate::diag::Code;
use crate::ir::{CompareOp, Op, Scalar, Type, TypeId, UnaryOp, Value};
use crate::source::Span;

impl<'a> Checker<'a> {
    /// `nullptr`, or a literal 0 where a pointer is wanted: nothing else is a null pointer constant, whatever its value
    /// (C++ \[conv.ptr\], as changed by CWG 903).
    pub(super) fn is_null_constant(&self, operand: &Operand) -> bool {
        matches!(operand.kind, OperandKind::Null | OperandKind::Zero(_))
    }

    pub(super) fn is_pointer(&self, ty: TypeId) -> bool {
        matches!(self.ty(ty), Type::Pointer { .. })
    }

    /// How well a pointer converts to another one: qualifiers may be added, and the pointee forgotten
    /// (C++ \[conv.qual\], \[conv.ptr\]).
    pub(super) fn pointer_rank(&self, from: TypeId, to: TypeId) -> Option<ConversionRank> {
        let (from, to) = (self.pointee(from)?, self.pointee(to)?);
        let keeps = from.space == to.space && from.ty.keeps_qualifiers(to.ty);
        let fits = from.ty.is_similar(to.ty) || self.ty(to.ty.ty) == Type::Void;
        (keeps && fits).then_some(ConversionRank::Conversion)
    }

    /// The pointer type in which two pointers meet, to be compared or chosen from (C++ \[expr.type\]).
    pub(super) fn composite_pointer(&mut self, a: TypeId, b: TypeId) -> Option<TypeId> {
        let (a, b) = (self.pointee(a)?, self.pointee(b)?);
        if a.space != b.space {
            return None;
        }
        let is_void = |pointee: &Pointee| self.ty(pointee.ty.ty) == Type::Void;
        let pointee = match () {
            () if a.ty.is_similar(b.ty) || is_void(&a) => a.ty,
            () if is_void(&b) => b.ty,
            () => return None,
        };
        let is_const = a.ty.is_const || b.ty.is_const;
        let is_volatile = a.ty.is_volatile || b.ty.is_volatile;
        Some(self.pointer_to(a.space, QualType { is_const, is_volatile, ..pointee }))
    }

    /// `p + n`, `n + p`, `p - n`, `p - q` and comparisons.
    pub(super) fn pointer_infix(&mut self, op: InfixOp, a: Rvalue, b: Rvalue, span: Span) -> Option<Rvalue> {
        let is_index =
            |c: &Self, v: &Rvalue| c.as_scalar(v.ty).is_some_and(|s| !s.is_float()) && !v.is_null();
        let (points_a, points_b) = (self.is_pointer(a.ty), self.is_pointer(b.ty));
        match op {
            InfixOp::Add | InfixOp::Sub if points_a && is_index(self, &b) => {
                let value = self.pointer_offset(a, b, op == InfixOp::Sub, span)?;
                Some(Rvalue { value, span, ..a })
            }
            InfixOp::Add if is_index(self, &a) && points_b => {
                let value = self.pointer_offset(b, a, false, span)?;
                Some(Rvalue { value, span, ..b })
            }
            InfixOp::Sub if points_a && points_b => {
                let (x, y) = self.same_pointers(op, a, b, span)?;
                let long = self.builder.scalar_type(Scalar::I64);
                let value = self.builder.emit(Op::PtrDiff(x, y), long, span);
                Some(self.rvalue(value, span))
            }
            _ => {
                let InfixKind::Compare(compare) = infix_info(op).1 else {
                    return self.wrong_operands(op, &a, &b, span, None);
                };
                let (x, y) = self.same_pointers(op, a, b, span)?;
                let value = self.builder.compare(compare, x, y, span);
                Some(self.rvalue(value, span))
            }
        }
    }

    /// `nullptr == nullptr` and kin: what null pointer constants are to each other. `None` for other operands.
    pub(super) fn null_infix(&mut self, op: InfixOp, a: &Rvalue, b: &Rvalue, span: Span) -> Option<Rvalue> {
        let is_constant = |v: &Rvalue| matches!(v.origin, Origin::Nullptr | Origin::Zero);
        if !(a.is_null() || b.is_null()) || !(is_constant(a) && is_constant(b)) {
            return None;
        }
        let InfixKind::Compare(compare @ (CompareOp::Eq | CompareOp::Ne)) = infix_info(op).1 else {
            return None;
        };
        let value = self.builder.const_bool(compare == CompareOp::Eq, span);
        Some(self.rvalue(value, span))
    }

    /// A pointer moved by an integer number of elements.
    pub(super) fn pointer_offset(
        &mut self,
        ptr: Rvalue,
        index: Rvalue,
        back: bool,
        span: Span,
    ) -> Option<Value> {
        if self.points_to_void(ptr.ty) {
            self.error(Code::E0305, span, "a pointer to void has no elements to count");
            return None;
        }
        let index = self.index_value(index)?;
        let index = if back { self.negated_index(index, span) } else { index };
        Some(self.builder.emit(Op::PtrAdd(ptr.value, index), ptr.ty, span))
    }

    fn points_to_void(&self, ty: TypeId) -> bool {
        self.pointee(ty).is_some_and(|pointee| self.ty(pointee.ty.ty) == Type::Void)
    }

    /// An index in reverse. Unsigned ones widen first, so that `p - 1u` goes back.
    fn negated_index(&mut self, index: Value, span: Span) -> Value {
        let wide = self.convert_scalar(index, Scalar::I64, span);
        if let Some(constant) = self.scalar_constant(wide) {
            let negated = ConstValue::int(Scalar::I64, -constant.as_int());
            return self.builder.const_scalar(Scalar::I64, negated.bits, span);
        }
        let ty = self.builder.type_of(wide);
        self.builder.emit(Op::Unary(UnaryOp::Neg, wide), ty, span)
    }

    /// An integer value as an index: `bool` becomes `int`.
    pub(super) fn index_value(&mut self, index: Rvalue) -> Option<Value> {
        let scoped = index.enumeration.is_some_and(|e| self.is_scoped(e));
        match self.as_scalar(index.ty) {
            Some(Scalar::Bool) => Some(self.convert_scalar(index.value, Scalar::I32, index.span)),
            Some(scalar) if scalar.is_int() && !scoped => Some(index.value),
            _ => {
                let shown = self.display_qual(self.rvalue_qual(&index));
                self.error(
                    Code::E0327,
                    index.span,
                    format!("`{shown}` cannot be a subscript: an integer is needed"),
                );
                None
            }
        }
    }

    /// Two pointers as values of one type.
    fn same_pointers(&mut self, op: InfixOp, a: Rvalue, b: Rvalue, span: Span) -> Option<(Value, Value)> {
        if let Some(pair) = self.beside_null(op, &a, &b, span) {
            return pair;
        }
        let (Some(x), Some(y)) = (self.pointee(a.ty), self.pointee(b.ty)) else {
            return self.not_a_pointer(op, &a, &b, span);
        };
        if x.space != y.space {
            let (from, to) = (self.display(b.ty), self.display(a.ty));
            let diagnostic = self
                .wrong_space(b.span, &from, &to, y.space.msl_name(), x.space.msl_name())
                .label(a.span, format!("points into {} memory", x.space.msl_name()));
            self.report(diagnostic);
            return None;
        }
        if op == InfixOp::Sub && (self.points_to_void(a.ty) || self.points_to_void(b.ty)) {
            return self.wrong_operands(op, &a, &b, span, Some("void has no size to count in"));
        }
        let Some(ty) = self.composite_pointer(a.ty, b.ty) else {
            return self.wrong_operands(op, &a, &b, span, Some("the pointers point to different types"));
        };
        Some((self.as_pointer_type(a.value, ty, a.span), self.as_pointer_type(b.value, ty, b.span)))
    }

    /// A pointer and a null pointer constant; `None` for other operands.
    fn beside_null(
        &mut self,
        op: InfixOp,
        a: &Rvalue,
        b: &Rvalue,
        span: Span,
    ) -> Option<Option<(Value, Value)>> {
        let is_null = |v: &Rvalue| matches!(v.origin, Origin::Nullptr | Origin::Zero);
        let ty = match (self.is_pointer(a.ty), self.is_pointer(b.ty)) {
            (true, _) if is_null(b) => a.ty,
            (_, true) if is_null(a) => b.ty,
            _ => return None,
        };
        if !matches!(op, InfixOp::Eq | InfixOp::Ne) {
            let note =
                "null is equal to a pointer or not, and neither before nor behind it: compare with == or !=";
            return Some(self.wrong_operands(op, a, b, span, Some(note)));
        }
        let null = self.builder.zero(ty, if is_null(b) { b.span } else { a.span });
        Some(Some(if is_null(b) { (a.value, null) } else { (null, b.value) }))
    }

    fn not_a_pointer<T>(&mut self, op: InfixOp, a: &Rvalue, b: &Rvalue, span: Span) -> Option<T> {
        let is_zero = |c: &Self, v: &Rvalue| c.scalar_constant(v.value).is_some_and(|c| !c.is_true());
        let note = (is_zero(self, a) || is_zero(self, b))
            .then_some("of all integers only a literal 0 is a null pointer; write nullptr");
        self.wrong_operands(op, a, b, span, note)
    }
}

//! Explicit conversions: `(T)x`, `static_cast`, `reinterpret_cast`, `const_cast`.

use super::Checker;
use super::operand::{Operand, OperandKind, Rvalue};
use super::types::{Declared, QualType};
use crate::ast::{self, CastKind};
use crate::diag::{Code, Diagnostic};
use crate::ir::{AddressSpace, Op, Type, Value};
use crate::source::Span;

impl<'a> Checker<'a> {
    /// A cast expression.
    pub(super) fn cast(
        &mut self,
        kind: CastKind,
        ty: &'a ast::TypeExpr,
        expr: &'a ast::Expr,
        span: Span,
    ) -> Option<Operand> {
        let target = self.declared_type(ty);
        let operand = self.expr(expr);
        let (target, operand) = (target?, operand?);
        if let Some(space) = target.reference {
            return self.reference_cast(target.ty, space, operand, span);
        }
        self.cast_operand(kind, target, operand, span)
    }

    /// A cast of an operand to an object type.
    pub(super) fn cast_operand(
        &mut self,
        kind: CastKind,
        target: Declared,
        operand: Operand,
        span: Span,
    ) -> Option<Operand> {
        let to = target.ty.unqualified();
        if self.ty(to.ty) == Type::Void {
            let zero = self.builder.const_i32(0, span);
            return Some(Operand::value(zero, to.ty, span));
        }
        if matches!(self.ty(to.ty), Type::Pointer { .. }) {
            return self.pointer_cast(kind, to, operand, span);
        }
        let from = self.read(operand)?;
        if matches!(kind, CastKind::Reinterpret | CastKind::Const) && from.ty != to.ty {
            return self.cannot_cast(
                &from,
                to,
                span,
                "use as_type<T>(x) to keep the bits, T(x) to convert the value",
            );
        }
        let value = self.explicit_conversion(from, to, span)?;
        let operand = Operand::value(value, self.builder.type_of(value), span);
        Some(Operand { enumeration: to.enumeration, ..operand })
    }

    /// The value of `T(x)` for one argument and types without constructors.
    pub(super) fn explicit_conversion(&mut self, from: Rvalue, to: QualType, span: Span) -> Option<Value> {
        if from.is_null {
            return self.cannot_cast(&from, to, span, "nullptr becomes pointers only");
        }
        match (self.ty(from.ty), self.ty(to.ty)) {
            (Type::Vector { len: n, .. }, Type::Vector { elem, len, .. }) if n == len => {
                Some(self.convert_components(from.value, elem, span))
            }
            (Type::Scalar(_), Type::Scalar(scalar)) => Some(self.convert_scalar(from.value, scalar, span)),
            (Type::Scalar(_), Type::Vector { elem, len, .. }) => {
                let component = self.convert_scalar(from.value, elem, span);
                let ty = self.builder.vector_type(elem, len);
                Some(self.builder.splat(component, ty, span))
            }
            (Type::Matrix { cols: c1, rows: r1, .. }, Type::Matrix { elem, cols: c2, rows: r2 })
                if (c1, r1) == (c2, r2) =>
            {
                let mut columns = Vec::with_capacity(usize::from(c2));
                for i in 0..u32::from(c2) {
                    let column = self.builder.extract(from.value, i, span);
                    columns.push(self.convert_components(column, elem, span));
                }
                Some(self.builder.emit(Op::Compose(columns), to.ty, span))
            }
            (Type::Pointer { .. }, Type::Scalar(crate::ir::Scalar::Bool)) => {
                Some(self.convert_value(from.value, from.ty, to.ty, span))
            }
            _ if from.ty == to.ty => Some(from.value),
            _ => self.cannot_cast(&from, to, span, "convert component by component, or through a scalar"),
        }
    }

    fn pointer_cast(
        &mut self,
        kind: CastKind,
        to: QualType,
        operand: Operand,
        span: Span,
    ) -> Option<Operand> {
        if self.is_null_constant(&operand) {
            let value = self.builder.zero(to.ty, span);
            return Some(Operand::value(value, to.ty, span));
        }
        let from = self.read(operand)?;
        let (
            Type::Pointer { space: s1, pointee: p1, is_const: c1 },
            Type::Pointer { space: s2, pointee: p2, is_const: c2 },
        ) = (self.ty(from.ty), self.ty(to.ty))
        else {
            return self.cannot_cast(&from, to, span, "only pointers become pointers");
        };
        let (from_text, to_text) = (self.display(from.ty), self.display(to.ty));
        if s1 != s2 {
            let diagnostic = self.wrong_space(from.span, &from_text, &to_text, s1.msl_name(), s2.msl_name());
            self.report(diagnostic);
            return None;
        }
        let loses_const = c1 && !c2 && !matches!(kind, CastKind::C | CastKind::Const);
        if loses_const {
            self.error(
                Code::E0303,
                span,
                format!("this cast from `{from_text}` to `{to_text}` would lose const"),
            );
            return None;
        }
        let is_void = |c: &Self, ty| c.ty(ty) == Type::Void;
        let unrelated = p1 != p2 && !is_void(self, p1) && !is_void(self, p2);
        if unrelated && matches!(kind, CastKind::Static | CastKind::Const) {
            self.report(
                Diagnostic::new(Code::E0323, span, format!("`{from_text}` and `{to_text}` are unrelated"))
                    .note("use reinterpret_cast to look at memory as another type"),
            );
            return None;
        }
        let value = self.as_pointer_type(from.value, to.ty, span);
        Some(Operand::value(value, to.ty, span))
    }

    /// `(device T &)x`: the same place as another type.
    fn reference_cast(
        &mut self,
        to: QualType,
        space: AddressSpace,
        operand: Operand,
        span: Span,
    ) -> Option<Operand> {
        let ptr = self.address_of(&operand)?;
        let from_space = self.place_space(&operand)?;
        if from_space != space {
            let from = format!("{} {}", from_space.msl_name(), self.display(operand.ty));
            let wanted = format!("{} {} &", space.msl_name(), self.display(to.ty));
            let diagnostic =
                self.wrong_space(operand.span, &from, &wanted, from_space.msl_name(), space.msl_name());
            self.report(diagnostic);
            return None;
        }
        let ty = self.builder.pointer_type(space, to.ty, to.is_const);
        let ptr = self.as_pointer_type(ptr, ty, span);
        Some(Operand { kind: OperandKind::Memory(ptr), ..Operand::memory(ptr, to, span) })
    }

    fn cannot_cast<T>(&mut self, from: &Rvalue, to: QualType, span: Span, note: &str) -> Option<T> {
        let shown_from =
            if from.is_null { "nullptr".into() } else { self.display_qual(self.rvalue_qual(from)) };
        let shown_to = self.display_qual(to);
        self.report(
            Diagnostic::new(Code::E0323, span, format!("`{shown_from}` cannot be cast to `{shown_to}`"))
                .note(note),
        );
        None
    }
}

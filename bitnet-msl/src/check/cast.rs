//! Explicit conversions: `(T)x`, `static_cast`, `reinterpret_cast`, `const_cast`.

use super::Checker;
use super::operand::{Operand, Rvalue};
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
        let is_reference = target.is_some_and(|target| target.reference.is_some());
        let operand = if is_reference { self.place(expr) } else { self.expr(expr) };
        let (target, operand) = (target?, operand?);
        if let Some(space) = target.reference {
            return self.reference_cast(kind, (target.ty, space), operand, span);
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
        if self.is_pointer(to.ty) {
            return self.pointer_cast(kind, to, operand, span);
        }
        if kind == CastKind::Const {
            let shown = self.display_qual(to);
            self.report(
                Diagnostic::new(Code::E0323, span, format!("const_cast does not make a `{shown}`"))
                    .note("const_cast changes the qualifiers of what a pointer or reference leads to"),
            );
            return None;
        }
        if self.ty(to.ty) == Type::Void {
            let zero = self.builder.const_i32(0, span);
            return Some(Operand::value(zero, to.ty, span));
        }
        let from = self.read(operand)?;
        if kind == CastKind::Reinterpret && !self.is_reinterpreted_as_itself(&from, to) {
            return self.cannot_cast(
                &from,
                to,
                span,
                "use as_type<T>(x) to keep the bits, T(x) to convert the value",
            );
        }
        let value = self.explicit_conversion(from, to, span)?;
        Some(Operand::value_of(value, to, span))
    }

    /// The only values that reinterpret_cast takes, pointers apart: integers, enumerations and vectors, to their own
    /// type (C++ \[expr.reinterpret.cast\]).
    fn is_reinterpreted_as_itself(&self, from: &Rvalue, to: QualType) -> bool {
        let takes = match self.ty(to.ty) {
            Type::Scalar(scalar) => !scalar.is_float(),
            Type::Vector { .. } => true,
            _ => false,
        };
        takes && self.rvalue_qual(from) == to
    }

    /// The value of `T(x)` for one argument and types without constructors.
    pub(super) fn explicit_conversion(&mut self, from: Rvalue, to: QualType, span: Span) -> Option<Value> {
        if from.is_null() {
            return self.cannot_cast(&from, to, span, "nullptr becomes pointers only");
        }
        if let Some(value) = self.vote_conversion(&from, to, span) {
            return value;
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
        let (Some(source), Some(target)) = (self.pointee(from.ty), self.pointee(to.ty)) else {
            return self.cannot_cast(&from, to, span, "only pointers become pointers");
        };
        let (from_text, to_text) = (self.display(from.ty), self.display(to.ty));
        if source.space != target.space {
            let names = (source.space.msl_name(), target.space.msl_name());
            let diagnostic = self.wrong_space(from.span, &from_text, &to_text, names.0, names.1);
            self.report(diagnostic);
            return None;
        }
        let is_void = |ty: QualType| self.ty(ty.ty) == Type::Void;
        let related = source.ty.is_similar(target.ty)
            || kind == CastKind::Static && (is_void(source.ty) || is_void(target.ty));
        if !related && matches!(kind, CastKind::Static | CastKind::Const) {
            self.report(
                Diagnostic::new(Code::E0323, span, format!("`{from_text}` and `{to_text}` are unrelated"))
                    .note("use reinterpret_cast to look at memory as another type"),
            );
            return None;
        }
        self.check_cast_qualifiers(kind, (source.ty, &from_text), (target.ty, &to_text), span)?;
        let value = self.as_pointer_type(from.value, to.ty, span);
        Some(Operand::value(value, to.ty, span))
    }

    /// Whether a cast may lead from one pointee or referent to another: static_cast and reinterpret_cast keep `const`
    /// and `volatile`.
    fn check_cast_qualifiers(
        &mut self,
        kind: CastKind,
        (from, from_text): (QualType, &str),
        (to, to_text): (QualType, &str),
        span: Span,
    ) -> Option<()> {
        if from.keeps_qualifiers(to) || matches!(kind, CastKind::C | CastKind::Const) {
            return Some(());
        }
        let lost = from.lost_qualifier(to);
        self.error(
            Code::E0303,
            span,
            format!("this cast from `{from_text}` to `{to_text}` would lose {lost}"),
        );
        None
    }

    /// `(device T &)x`: the same place as another type.
    fn reference_cast(
        &mut self,
        kind: CastKind,
        (to, space): (QualType, AddressSpace),
        operand: Operand,
        span: Span,
    ) -> Option<Operand> {
        if kind == CastKind::Static {
            let ptr = self.bind_reference(operand, to, space, None)?;
            return Some(Operand::memory(ptr, to, span));
        }
        let ptr = self.address_of(&operand)?;
        let from_space = self.place_space(&operand)?;
        let from = format!("{} {}", from_space.msl_name(), self.display_qual(operand.qual()));
        let wanted = format!("{} {} &", space.msl_name(), self.display_qual(to));
        if from_space != space {
            let diagnostic =
                self.wrong_space(operand.span, &from, &wanted, from_space.msl_name(), space.msl_name());
            self.report(diagnostic);
            return None;
        }
        if kind == CastKind::Const && !operand.qual().is_similar(to) {
            self.report(
                Diagnostic::new(Code::E0323, span, format!("`{from}` and `{wanted}` are unrelated"))
                    .note("const_cast changes qualifiers only"),
            );
            return None;
        }
        self.check_cast_qualifiers(kind, (operand.qual(), &from), (to, &wanted), span)?;
        let ty = self.pointer_to(space, to);
        let ptr = self.as_pointer_type(ptr, ty, span);
        Some(Operand::memory(ptr, to, span))
    }

    /// Reports that a cast does not exist.
    pub(super) fn cannot_cast<T>(
        &mut self,
        from: &Rvalue,
        to: QualType,
        span: Span,
        note: &str,
    ) -> Option<T> {
        let shown_from =
            if from.is_null() { "nullptr".into() } else { self.display_qual(self.rvalue_qual(from)) };
        let shown_to = self.display_qual(to);
        self.report(
            Diagnostic::new(Code::E0323, span, format!("`{shown_from}` cannot be cast to `{shown_to}`"))
                .note(note),
        );
        None
    }
}

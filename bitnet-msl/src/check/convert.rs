//! Implicit conversions: which there are, how they rank, and their code.

use super::Checker;
use super::builtins::{ConversionRank, conversion_rank};
use super::const_eval::undefined;
use super::operand::{Operand, OperandKind, Rvalue};
use super::types::{Enumeration, QualType};
use crate::diag::{Code, Diagnostic};
use crate::ir::{CompareOp, Op, Scalar, Type, TypeId, Value};
use crate::source::Span;

/// The declaration that wants a value: labelled when a conversion to it fails.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// `declared here as …`, `parameter …`.
    pub(super) span: Span,
    pub(super) message: String,
}

impl<'a> Checker<'a> {
    /// Reads an operand and converts it to a type, as initialisation, assignment, arguments and `return` do.
    pub(super) fn convert(
        &mut self,
        operand: Operand,
        to: QualType,
        wanted: Option<&Wanted>,
    ) -> Option<Value> {
        let to_type = self.ty(to.ty);
        if matches!(to_type, Type::Pointer { .. }) && self.is_null_constant(&operand) {
            return Some(self.builder.zero(to.ty, operand.span));
        }
        let from = self.read(operand)?;
        if self.implicit_rank(&from, to).is_none() {
            self.cannot_convert(&from, to, wanted);
            return None;
        }
        if !operand.is_place() {
            self.check_copy(&operand)?;
        }
        Some(self.convert_value(from.value, from.ty, to.ty, from.span))
    }

    /// How well a value converts implicitly, `None` if it does not.
    pub(super) fn implicit_rank(&self, from: &Rvalue, to: QualType) -> Option<ConversionRank> {
        if let Some(rank) = self.enumeration_rank(from.enumeration, to) {
            return rank;
        }
        if from.is_null() {
            return matches!(self.ty(to.ty), Type::Pointer { .. }).then_some(ConversionRank::Conversion);
        }
        self.type_rank(from.ty, to.ty)
    }

    /// Decides conversions from and to enumerations, `None` where their integer decides.
    fn enumeration_rank(&self, from: Option<Enumeration>, to: QualType) -> Option<Option<ConversionRank>> {
        match (from, to.enumeration) {
            (None, None) => None,
            (Some(a), Some(b)) if a == b => Some(Some(ConversionRank::Exact)),
            (_, Some(_)) => Some(None),
            (Some(from), None) if self.is_scoped(from) => Some(None),
            (Some(_), None) => None,
        }
    }

    /// How well one type converts to another.
    pub(super) fn type_rank(&self, from: TypeId, to: TypeId) -> Option<ConversionRank> {
        if from == to {
            return Some(ConversionRank::Exact);
        }
        if let Some(rank) = conversion_rank(from, to, self.builder.type_table()) {
            return Some(rank);
        }
        match (self.ty(from), self.ty(to)) {
            (Type::Pointer { .. }, Type::Pointer { .. }) => self.pointer_rank(from, to),
            (Type::Pointer { .. }, Type::Scalar(Scalar::Bool)) => Some(ConversionRank::Conversion),
            _ => None,
        }
    }

    /// Code of a conversion that was found to exist.
    pub(super) fn convert_value(&mut self, value: Value, from: TypeId, to: TypeId, span: Span) -> Value {
        if from == to {
            return value;
        }
        match (self.ty(from), self.ty(to)) {
            (Type::Scalar(_), Type::Scalar(scalar)) => self.convert_scalar(value, scalar, span),
            (Type::Scalar(_), Type::Vector { elem, .. }) => {
                let component = self.convert_scalar(value, elem, span);
                self.builder.splat(component, to, span)
            }
            (Type::Pointer { .. }, Type::Pointer { .. }) => self.as_pointer_type(value, to, span),
            (Type::Pointer { .. }, Type::Scalar(_)) => {
                let null = self.builder.zero(from, span);
                self.builder.compare(CompareOp::Ne, value, null, span)
            }
            _ => self.builder.emit(Op::Convert(value), to, span),
        }
    }

    /// A scalar as another one. Constants convert at once, where the type holds them.
    pub(super) fn convert_scalar(&mut self, value: Value, to: Scalar, span: Span) -> Value {
        if self.as_scalar(self.builder.type_of(value)) == Some(to) {
            return value;
        }
        let op = Op::Convert(value);
        match self.scalar_constant(value).filter(|c| undefined(&op, &[*c], to).is_none()) {
            Some(constant) => self.builder.const_scalar(to, constant.convert(to).bits, span),
            None => {
                let ty = self.builder.scalar_type(to);
                self.builder.emit(op, ty, span)
            }
        }
    }

    /// Components of a vector (or a scalar) as another scalar type, as constructors and casts convert them.
    pub(super) fn convert_components(&mut self, value: Value, to: Scalar, span: Span) -> Value {
        match self.ty(self.builder.type_of(value)) {
            Type::Vector { elem, len, .. } if elem != to => {
                let ty = self.builder.vector_type(to, len);
                self.builder.emit(Op::Convert(value), ty, span)
            }
            Type::Scalar(_) => self.convert_scalar(value, to, span),
            _ => value,
        }
    }

    /// A value as the `bool` of a condition.
    pub(super) fn condition(&mut self, operand: Operand) -> Option<Value> {
        if matches!(operand.kind, OperandKind::Null) {
            return Some(self.builder.const_bool(false, operand.span));
        }
        let read = self.read(operand)?;
        let scoped = read.enumeration.is_some_and(|e| self.is_scoped(e));
        match self.ty(read.ty) {
            Type::Scalar(_) if !scoped => Some(self.convert_scalar(read.value, Scalar::Bool, read.span)),
            Type::Pointer { .. } => {
                let bool_type = self.builder.scalar_type(Scalar::Bool);
                Some(self.convert_value(read.value, read.ty, bool_type, read.span))
            }
            other => {
                let shown = self.display_qual(self.rvalue_qual(&read));
                let mut diagnostic =
                    Diagnostic::new(Code::E0321, read.span, format!("`{shown}` cannot be a condition"));
                if matches!(other, Type::Vector { .. }) {
                    diagnostic =
                        diagnostic.note("use all(v), any(v) or, for a choice by component, select(a, b, v)");
                }
                self.report(diagnostic);
                None
            }
        }
    }

    pub(super) fn rvalue_qual(&self, value: &Rvalue) -> QualType {
        QualType { enumeration: value.enumeration, ..QualType::plain(value.ty) }
    }

    /// Reports that a conversion does not exist, and why.
    pub(super) fn cannot_convert(&mut self, from: &Rvalue, to: QualType, wanted: Option<&Wanted>) {
        let shown_from =
            if from.is_null() { "nullptr".into() } else { self.display_qual(self.rvalue_qual(from)) };
        let shown_to = self.display_qual(to);
        let mut diagnostic = self.conversion_problem(from, to, &shown_from, &shown_to);
        if let Some(wanted) = wanted {
            diagnostic = diagnostic.label(wanted.span, wanted.message.clone());
        }
        self.report(diagnostic);
    }

    fn conversion_problem(&self, from: &Rvalue, to: QualType, from_text: &str, to_text: &str) -> Diagnostic {
        let span = from.span;
        let plain = format!("`{from_text}` does not convert to `{to_text}`");
        if from.enumeration != to.enumeration {
            let note = format!("convert explicitly: {to_text}(x) or static_cast<{to_text}>(x)");
            return Diagnostic::new(Code::E0301, span, plain).note(note);
        }
        match (self.ty(from.ty), self.ty(to.ty)) {
            (Type::Pointer { space: s1, .. }, Type::Pointer { space: s2, .. }) if s1 != s2 => {
                self.wrong_space(span, from_text, to_text, s1.msl_name(), s2.msl_name())
            }
            (Type::Pointer { .. }, Type::Pointer { .. }) => {
                self.pointer_problem(from, to, from_text, to_text)
            }
            (Type::Vector { len, .. }, Type::Vector { len: wanted, .. }) if len == wanted => {
                Diagnostic::new(Code::E0302, span, plain)
                    .note(format!("vectors convert explicitly only: {to_text}(v) [MSL 2.2]"))
            }
            (Type::Vector { .. }, Type::Vector { .. } | Type::Scalar(_)) => {
                Diagnostic::new(Code::E0302, span, plain)
                    .note("select the components that are meant, as in v.x or v.xyz [MSL 2.2]")
            }
            (Type::Scalar(a), Type::Scalar(Scalar::BF16) | Type::Vector { elem: Scalar::BF16, .. }) => {
                Diagnostic::new(Code::E0301, span, plain)
                    .note(format!("{} converts to bfloat explicitly only: bfloat(x) [MSL 2.1]", a.msl_name()))
            }
            (Type::Scalar(Scalar::BF16), _) => Diagnostic::new(Code::E0301, span, plain)
                .note("bfloat converts implicitly to float only, not to half [MSL 2.1]"),
            _ => Diagnostic::new(Code::E0301, span, plain),
        }
    }

    fn pointer_problem(&self, from: &Rvalue, to: QualType, from_text: &str, to_text: &str) -> Diagnostic {
        if let (Some(source), Some(target)) = (self.pointee(from.ty), self.pointee(to.ty))
            && (source.ty.is_similar(target.ty) || self.ty(target.ty.ty) == Type::Void)
        {
            let lost = source.ty.lost_qualifier(target.ty);
            let message = format!("`{from_text}` given to `{to_text}` would lose {lost}");
            return Diagnostic::new(Code::E0303, from.span, message)
                .at(format!("points to something that is {lost}"));
        }
        Diagnostic::new(Code::E0304, from.span, format!("`{from_text}` does not convert to `{to_text}`"))
            .note(format!("pointers to different types need a cast: ({to_text})p"))
    }

    /// A pointer of one address space where one of another is wanted.
    pub(super) fn wrong_space(
        &self,
        span: Span,
        from: &str,
        to: &str,
        from_space: &str,
        to_space: &str,
    ) -> Diagnostic {
        Diagnostic::new(
            Code::E0401,
            span,
            format!("`{from}` cannot become `{to}`: the address spaces differ"),
        )
        .at(format!("points into {from_space} memory"))
        .note(format!("no conversion leads from {from_space} to {to_space} memory; copy the data [MSL 4]"))
    }
}

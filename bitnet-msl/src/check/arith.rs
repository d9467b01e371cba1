//! Operators on values: arithmetic, comparisons, bits, pointers; the usual conversions of C++ and MSL.

use super::Checker;
use super::builtins::BuiltinEnum;
use super::const_eval::{ConstValue, common_scalar, promote, undefined};
use super::operand::{Operand, Origin, Rvalue};
use super::types::Enumeration;
use crate::ast::{InfixOp, PrefixOp};
use crate::diag::{Code, Diagnostic};
use crate::ir::{BinaryOp, CompareOp, Op, Scalar, Type, TypeId, UnaryOp, Value};
use crate::source::Span;

/// What an infix operator is to the IR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InfixKind {
    Binary(BinaryOp),
    Compare(CompareOp),
    LogicalAnd,
    LogicalOr,
}

/// The spelling of an operator and what it is to the IR.
pub(super) fn infix_info(op: InfixOp) -> (&'static str, InfixKind) {
    use InfixKind::{Binary, Compare};
    match op {
        InfixOp::Add => ("+", Binary(BinaryOp::Add)),
        InfixOp::Sub => ("-", Binary(BinaryOp::Sub)),
        InfixOp::Mul => ("*", Binary(BinaryOp::Mul)),
        InfixOp::Div => ("/", Binary(BinaryOp::Div)),
        InfixOp::Rem => ("%", Binary(BinaryOp::Rem)),
        InfixOp::Shl => ("<<", Binary(BinaryOp::Shl)),
        InfixOp::Shr => (">>", Binary(BinaryOp::Shr)),
        InfixOp::And => ("&", Binary(BinaryOp::And)),
        InfixOp::Or => ("|", Binary(BinaryOp::Or)),
        InfixOp::Xor => ("^", Binary(BinaryOp::Xor)),
        InfixOp::LogicalAnd => ("&&", InfixKind::LogicalAnd),
        InfixOp::LogicalOr => ("||", InfixKind::LogicalOr),
        InfixOp::Eq => ("==", Compare(CompareOp::Eq)),
        InfixOp::Ne => ("!=", Compare(CompareOp::Ne)),
        InfixOp::Lt => ("<", Compare(CompareOp::Lt)),
        InfixOp::Le => ("<=", Compare(CompareOp::Le)),
        InfixOp::Gt => (">", Compare(CompareOp::Gt)),
        InfixOp::Ge => (">=", Compare(CompareOp::Ge)),
    }
}

/// Whether a scalar beside a vector becomes its component type, and if not why.
pub(super) fn scalar_beside_vector(elem: Scalar, scalar: Scalar) -> Result<(), &'static str> {
    match (scalar, elem) {
        (s, e) if s.is_float() && !e.is_float() => {
            Err("a float beside a vector of integers would lose its fraction")
        }
        (Scalar::F16 | Scalar::F32, Scalar::BF16) | (Scalar::BF16, Scalar::F16) => {
            Err("convert explicitly [MSL 2.1]")
        }
        _ => Ok(()),
    }
}

impl<'a> Checker<'a> {
    /// `a op b` for every operator that evaluates both sides.
    pub(super) fn infix(&mut self, op: InfixOp, a: Rvalue, b: Rvalue, span: Span) -> Option<Rvalue> {
        if let Some(result) = self.enum_infix(op, &a, &b, span) {
            return result;
        }
        if let Some(result) = self.null_infix(op, &a, &b, span) {
            return Some(result);
        }
        match (self.ty(a.ty), self.ty(b.ty)) {
            (Type::Pointer { .. }, _) | (_, Type::Pointer { .. }) => self.pointer_infix(op, a, b, span),
            (Type::Matrix { .. }, _) | (_, Type::Matrix { .. }) => self.matrix_infix(op, a, b, span),
            (Type::Scalar(_) | Type::Vector { .. }, Type::Scalar(_) | Type::Vector { .. })
                if !a.is_null() && !b.is_null() =>
            {
                self.numeric_infix(op, a, b, span)
            }
            _ => self.wrong_operands(op, &a, &b, span, None),
        }
    }

    /// Operators on enumerations: `|` of flags; scoped ones compare with their own kind only.
    fn enum_infix(&mut self, op: InfixOp, a: &Rvalue, b: &Rvalue, span: Span) -> Option<Option<Rvalue>> {
        let scoped = |c: &Self, v: &Rvalue| v.enumeration.is_some_and(|e| c.is_scoped(e));
        if !scoped(self, a) && !scoped(self, b) {
            return None;
        }
        if a.enumeration != b.enumeration {
            return Some(self.wrong_operands(
                op,
                a,
                b,
                span,
                Some("a scoped enumeration converts explicitly only"),
            ));
        }
        if self.is_vote(self.rvalue_qual(a)) {
            let note = "votes have no operators: convert them to simd_vote::vote_t first [MSL 6.9.2]";
            return Some(self.wrong_operands(op, a, b, span, Some(note)));
        }
        let flags = a.enumeration == Some(Enumeration::Library(BuiltinEnum::MemFlags));
        match infix_info(op).1 {
            InfixKind::Compare(_) => None,
            InfixKind::Binary(binary @ (BinaryOp::Or | BinaryOp::And)) if flags => {
                let value = self.emit_binary(binary, a.value, b.value, span);
                Some(Some(Rvalue { value, span, ..*a }))
            }
            _ => Some(self.wrong_operands(
                op,
                a,
                b,
                span,
                Some("a scoped enumeration converts explicitly only"),
            )),
        }
    }

    fn numeric_infix(&mut self, op: InfixOp, a: Rvalue, b: Rvalue, span: Span) -> Option<Rvalue> {
        if matches!(op, InfixOp::Shl | InfixOp::Shr) {
            return self.shift(op, a, b, span);
        }
        let ty = self.common_type(op, &a, &b, span)?;
        let (elem, _) = self.shape(ty)?;
        let bits = matches!(op, InfixOp::And | InfixOp::Or | InfixOp::Xor);
        if elem.is_float() && (bits || op == InfixOp::Rem) {
            let hint = if op == InfixOp::Rem {
                "for floating-point numbers use fmod(a, b)"
            } else {
                "bits of a float: as_type<uint>(x)"
            };
            return self.wrong_operands(op, &a, &b, span, Some(hint));
        }
        let compares = matches!(infix_info(op).1, InfixKind::Compare(_));
        if elem == Scalar::Bool && !bits && !compares {
            return self.wrong_operands(
                op,
                &a,
                &b,
                span,
                Some("vectors of bool take comparisons and &, |, ^ only"),
            );
        }
        let x = self.convert_value(a.value, a.ty, ty, a.span);
        let y = self.convert_value(b.value, b.ty, ty, b.span);
        let value = match infix_info(op).1 {
            InfixKind::Binary(binary) => self.emit_binary(binary, x, y, span),
            InfixKind::Compare(compare) => self.emit_compare(compare, x, y, span),
            InfixKind::LogicalAnd | InfixKind::LogicalOr => return None,
        };
        Some(self.rvalue(value, span))
    }

    /// The type in which two numeric operands meet.
    pub(super) fn common_type(&mut self, op: InfixOp, a: &Rvalue, b: &Rvalue, span: Span) -> Option<TypeId> {
        match (self.ty(a.ty), self.ty(b.ty)) {
            (Type::Scalar(x), Type::Scalar(y)) => {
                if matches!((x, y), (Scalar::F16, Scalar::BF16) | (Scalar::BF16, Scalar::F16)) {
                    self.wrong_operands::<()>(
                        op,
                        a,
                        b,
                        span,
                        Some("half and bfloat have no common type: convert to float"),
                    );
                    return None;
                }
                Some(self.builder.scalar_type(common_scalar(x, y)))
            }
            (Type::Vector { elem, .. }, Type::Scalar(scalar)) => match scalar_beside_vector(elem, scalar) {
                Ok(()) => Some(a.ty),
                Err(hint) => self.wrong_operands(op, a, b, span, Some(hint)),
            },
            (Type::Scalar(scalar), Type::Vector { elem, .. }) => match scalar_beside_vector(elem, scalar) {
                Ok(()) => Some(b.ty),
                Err(hint) => self.wrong_operands(op, a, b, span, Some(hint)),
            },
            (Type::Vector { .. }, Type::Vector { .. }) if a.ty == b.ty => Some(a.ty),
            _ => self.wrong_operands(op, a, b, span, Some("vector operands need the same type [MSL 2.2]")),
        }
    }

    /// Shifts: the result has the left operand's promoted type.
    fn shift(&mut self, op: InfixOp, a: Rvalue, b: Rvalue, span: Span) -> Option<Rvalue> {
        let (Some((left, left_len)), Some((right, right_len))) = (self.shape(a.ty), self.shape(b.ty)) else {
            return None;
        };
        if left.is_float() || right.is_float() || (right_len > 1 && left_len != right_len) {
            return self.wrong_operands(op, &a, &b, span, None);
        }
        let elem = if left_len == 1 { promote(left) } else { left };
        let ty = self.builder.vector_type(elem, left_len);
        let x = self.convert_value(a.value, a.ty, ty, a.span);
        let count = self.convert_components(b.value, elem, b.span);
        let y = if right_len == 1 { self.builder.splat(count, ty, b.span) } else { count };
        let InfixKind::Binary(binary) = infix_info(op).1 else { return None };
        let value = self.emit_binary(binary, x, y, span);
        Some(self.rvalue(value, span))
    }

    /// `+x`, `-x`, `~x`, `!x`.
    pub(super) fn prefix_value(&mut self, op: PrefixOp, x: Rvalue, span: Span) -> Option<Rvalue> {
        if op == PrefixOp::Not {
            return self.logical_not(x, span);
        }
        if op == PrefixOp::Plus && self.is_pointer(x.ty) {
            return Some(Rvalue { span, ..x });
        }
        let scoped = x.enumeration.is_some_and(|e| self.is_scoped(e));
        let Some((elem, len)) = self.shape(x.ty).filter(|_| !scoped && !x.is_null()) else {
            return self.wrong_operand(op, &x, span);
        };
        if op == PrefixOp::BitNot && elem.is_float() {
            return self.wrong_operand(op, &x, span);
        }
        let value = if len == 1 { self.convert_scalar(x.value, promote(elem), x.span) } else { x.value };
        let unary = match op {
            PrefixOp::Neg => UnaryOp::Neg,
            PrefixOp::BitNot => UnaryOp::BitNot,
            _ => return Some(self.rvalue(value, span)),
        };
        let op = Op::Unary(unary, value);
        let constant = self.scalar_constant(value).filter(|c| undefined(&op, &[*c], c.scalar).is_none());
        if let Some(folded) = constant.and_then(|c| c.unary(unary)) {
            let value = self.builder.const_scalar(folded.scalar, folded.bits, span);
            return Some(self.rvalue(value, span));
        }
        let ty = self.builder.type_of(value);
        let value = self.builder.emit(op, ty, span);
        Some(self.rvalue(value, span))
    }

    fn logical_not(&mut self, x: Rvalue, span: Span) -> Option<Rvalue> {
        let value = if let Type::Vector { .. } = self.ty(x.ty) {
            self.convert_components(x.value, Scalar::Bool, x.span)
        } else {
            self.condition(Operand::of(x))?
        };
        if let Some(constant) = self.scalar_constant(value) {
            let value = self.builder.const_bool(!constant.is_true(), span);
            return Some(self.rvalue(value, span));
        }
        let ty = self.builder.type_of(value);
        let value = self.builder.emit(Op::Unary(UnaryOp::LogicalNot, value), ty, span);
        Some(self.rvalue(value, span))
    }

    fn wrong_operand<T>(&mut self, op: PrefixOp, x: &Rvalue, span: Span) -> Option<T> {
        let sign = match op {
            PrefixOp::Plus => "+",
            PrefixOp::Neg => "-",
            PrefixOp::BitNot => "~",
            PrefixOp::Not => "!",
            PrefixOp::Inc => "++",
            PrefixOp::Dec => "--",
            PrefixOp::Deref => "*",
            PrefixOp::AddressOf => "&",
        };
        let shown = self.display_qual(self.rvalue_qual(x));
        let mut diagnostic =
            Diagnostic::new(Code::E0305, span, format!("`{sign}` is not defined for `{shown}`"));
        if matches!(self.ty(x.ty), Type::Matrix { .. }) {
            let note = format!("matrices have no unary operators [MSL 3.2]; subtract: {shown}(0) - m");
            diagnostic = diagnostic.note(note);
        }
        self.report(diagnostic);
        None
    }

    /// A binary operation on operands of one type; constants are computed at once, unless the result is undefined:
    /// then it is no constant expression, which shows later.
    pub(super) fn emit_binary(&mut self, op: BinaryOp, a: Value, b: Value, span: Span) -> Value {
        if let (Some(x), Some(y)) = (self.scalar_constant(a), self.scalar_constant(b))
            && undefined(&Op::Binary(op, a, b), &[x, y], x.scalar).is_none()
            && let Some(folded) = ConstValue::binary(op, x, y)
        {
            return self.builder.const_scalar(folded.scalar, folded.bits, span);
        }
        self.builder.binary(op, a, b, span)
    }

    fn emit_compare(&mut self, op: CompareOp, a: Value, b: Value, span: Span) -> Value {
        if let (Some(x), Some(y)) = (self.scalar_constant(a), self.scalar_constant(b)) {
            return self.builder.const_bool(ConstValue::compare(op, x, y), span);
        }
        self.builder.compare(op, a, b, span)
    }

    /// The constant that a scalar value is. What the library's functions give is none, even if it is known.
    pub(super) fn scalar_constant(&self, value: Value) -> Option<ConstValue> {
        if self.builder.known_facts().library_results.contains(&value) {
            return None;
        }
        let inst = self.builder.inst(value);
        match (&inst.op, self.ty(inst.ty)) {
            (Op::Const(bits), Type::Scalar(scalar)) => Some(ConstValue { scalar, bits: *bits }),
            (Op::Zero, Type::Scalar(scalar)) => Some(ConstValue { scalar, bits: 0 }),
            _ => None,
        }
    }

    /// A value with its own type.
    pub(super) fn rvalue(&self, value: Value, span: Span) -> Rvalue {
        let ty = self.builder.type_of(value);
        Rvalue { value, ty, enumeration: None, origin: Origin::Computed, span }
    }

    /// Reports that an operator takes no such operands.
    pub(super) fn wrong_operands<T>(
        &mut self,
        op: InfixOp,
        a: &Rvalue,
        b: &Rvalue,
        span: Span,
        note: Option<&str>,
    ) -> Option<T> {
        let show = |c: &Self, v: &Rvalue| {
            if v.is_null() { "nullptr".into() } else { c.display_qual(c.rvalue_qual(v)) }
        };
        let (left, right) = (show(self, a), show(self, b));
        let sign = infix_info(op).0;
        let message = format!("`{sign}` is not defined for `{left}` and `{right}`");
        let mut diagnostic = Diagnostic::new(Code::E0305, span, message)
            .label(a.span, format!("`{left}`"))
            .label(b.span, format!("`{right}`"));
        if let Some(note) = note {
            diagnostic = diagnostic.note(note);
        }
        self.report(diagnostic);
        None
    }
}

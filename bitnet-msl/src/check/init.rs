//! Initialisers: of variables, arguments and `return`.

use super::Checker;
use super::convert::Wanted;
use super::types::QualType;
use crate::ast::{self, ExprKind, Init};
use crate::diag::{Code, Diagnostic};
use crate::ir::{Op, Type, TypeId, Value};
use crate::source::Span;

impl<'a> Checker<'a> {
    /// The value that an expression or braced list gives to something of a type. Vectors come unpacked.
    pub(super) fn initial_value(
        &mut self,
        expr: &'a ast::Expr,
        to: QualType,
        wanted: Option<&Wanted>,
    ) -> Option<Value> {
        if let ExprKind::InitList(parts) = &expr.kind {
            return self.nested(expr.span, |c| c.list_value(parts, to, wanted, expr.span));
        }
        if matches!(self.ty(to.ty), Type::Array { .. }) {
            self.expr(expr)?;
            let shown = self.display(to.ty);
            self.report(
                Diagnostic::new(Code::E0316, expr.span, format!("`{shown}` is initialised by a braced list"))
                    .note("arrays are not copied as a whole; copy element by element"),
            );
            return None;
        }
        let operand = self.expr(expr)?;
        let target = QualType { ty: self.unpacked_type(to.ty), ..to };
        self.convert(operand, target, wanted)
    }

    /// The value of a variable's initialiser.
    pub(super) fn init_value(
        &mut self,
        init: &'a Init,
        to: QualType,
        wanted: Option<&Wanted>,
    ) -> Option<Value> {
        match init {
            Init::Copy(expr) => self.initial_value(expr, to, wanted),
            Init::Brace(parts, span) => self.list_value(parts, to, wanted, *span),
            Init::Paren(args, span) => {
                let target = super::types::Declared { ty: to, space: None, reference: None };
                match &args[..] {
                    [one]
                        if !matches!(one.kind, ExprKind::InitList(_))
                            && !matches!(
                                self.ty(to.ty),
                                Type::Scalar(_) | Type::Vector { .. } | Type::Matrix { .. }
                            ) =>
                    {
                        self.initial_value(one, to, wanted)
                    }
                    _ => {
                        let operand = self.construct(target, args, false, *span)?;
                        self.read(operand).map(|read| read.value)
                    }
                }
            }
        }
    }

    /// A vector value packed if the type is.
    pub(super) fn packed_like(&mut self, value: Value, ty: TypeId, span: Span) -> Value {
        match self.ty(ty) {
            Type::Vector { packed: true, .. } if self.builder.type_of(value) != ty => {
                self.builder.emit(Op::Convert(value), ty, span)
            }
            _ => value,
        }
    }
}

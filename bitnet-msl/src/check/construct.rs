//! `T(args)` and `T{args}`: scalars, vectors, matrices, structs.

use super::Checker;
use super::list::Missing;
use super::operand::{Operand, Rvalue};
use super::types::{Declared, QualType};
use crate::ast;
use crate::diag::{Code, Diagnostic};
use crate::ir::{Op, Scalar, Type, TypeId, Value};
use crate::source::Span;

impl<'a> Checker<'a> {
    /// `T(args)` with the type as written.
    pub(super) fn construct_expr(
        &mut self,
        ty: &'a ast::TypeExpr,
        args: &'a [ast::Expr],
        braces: bool,
        span: Span,
    ) -> Option<Operand> {
        let target = self.declared_type(ty);
        let Some(target) = target else {
            for arg in args {
                self.discarded(arg);
            }
            return None;
        };
        self.construct(target, args, braces, span)
    }

    /// `T(args)`.
    pub(super) fn construct(
        &mut self,
        target: Declared,
        args: &'a [ast::Expr],
        braces: bool,
        span: Span,
    ) -> Option<Operand> {
        let to = target.ty.unqualified();
        let aggregate = matches!(self.ty(to.ty), Type::Struct(_) | Type::Array { .. });
        let one_list = matches!(args, [ast::Expr { kind: ast::ExprKind::InitList(_), .. }]);
        if (braces || one_list) && self.ty(to.ty) != Type::Void {
            let value = self.list_value(args, to, None, span)?;
            return Some(Operand::value_of(value, to, span));
        }
        if args.is_empty() && !aggregate && self.ty(to.ty) != Type::Void {
            let ty = self.unpacked_type(to.ty);
            let value = self.builder.zero(ty, span);
            return Some(Operand::value_of(value, to, span));
        }
        match (self.ty(to.ty), args) {
            (Type::Vector { elem, len, .. }, _) => {
                let operand = self.construct_vector(elem, len, args, span)?;
                Some(Operand { ty: to.ty, ..operand })
            }
            (Type::Matrix { elem, cols, rows }, _) => {
                self.construct_matrix(to.ty, (elem, cols, rows), args, span)
            }
            (Type::Struct(_), []) => {
                self.check_default_constructible(to, span)?;
                let value = self.missing_value(to, Missing::Default, span)?;
                Some(Operand::value_of(value, to, span))
            }
            (_, [arg]) => {
                let operand = self.expr(arg)?;
                self.cast_operand(ast::CastKind::C, target, operand, span)
            }
            _ => {
                let shown = self.display_qual(to);
                for arg in args {
                    self.discarded(arg);
                }
                let mut diagnostic = Diagnostic::new(
                    Code::E0310,
                    span,
                    format!("`{shown}` cannot be made from {} arguments in parentheses", args.len()),
                );
                if aggregate {
                    diagnostic = diagnostic.note(format!("initialise its members with braces: {shown}{{…}}"));
                }
                self.report(diagnostic);
                None
            }
        }
    }

    /// The type that values of a type have: packed vectors unpack.
    pub(super) fn unpacked_type(&mut self, ty: TypeId) -> TypeId {
        match self.ty(ty) {
            Type::Vector { elem, len, packed: true } => self.builder.vector_type(elem, len),
            _ => ty,
        }
    }

    /// All arguments, checked even if one of them is wrong.
    fn argument_values(&mut self, args: &'a [ast::Expr]) -> Option<Vec<Rvalue>> {
        let values: Vec<Option<Rvalue>> = args.iter().map(|arg| self.value(arg)).collect();
        values.into_iter().collect()
    }

    fn construct_vector(
        &mut self,
        elem: Scalar,
        len: u8,
        args: &'a [ast::Expr],
        span: Span,
    ) -> Option<Operand> {
        let values = self.argument_values(args)?;
        let ty = self.builder.vector_type(elem, len);
        if let [value] = values[..] {
            let fits = match self.shape(value.ty) {
                Some((_, n)) => n == 1 || n == len,
                None => true,
            };
            if fits {
                let result = self.explicit_conversion(value, QualType::plain(ty), span)?;
                return Some(Operand::value(result, ty, span));
            }
        }
        let components = self.components(&values, elem, ty)?;
        if components.len() != usize::from(len) {
            return self.wrong_count(ty, usize::from(len), components.len(), "components", span);
        }
        let value = self.builder.emit(Op::Compose(components), ty, span);
        Some(Operand::value(value, ty, span))
    }

    /// The components of scalars and vectors, converted to a scalar type.
    pub(super) fn components(
        &mut self,
        values: &[Rvalue],
        elem: Scalar,
        target: TypeId,
    ) -> Option<Vec<Value>> {
        let mut components = Vec::new();
        for value in values {
            let scalar_type = self.builder.scalar_type(elem);
            match self.ty(value.ty) {
                Type::Scalar(_) if self.implicit_rank(value, QualType::plain(scalar_type)).is_some() => {
                    components.push(self.convert_scalar(value.value, elem, value.span));
                }
                Type::Vector { elem: from, len, .. } if from == elem => {
                    for i in 0..u32::from(len) {
                        components.push(self.builder.extract(value.value, i, value.span));
                    }
                }
                _ => {
                    let to = match self.ty(value.ty) {
                        Type::Vector { len, .. } => self.builder.vector_type(elem, len),
                        _ => scalar_type,
                    };
                    let shown = self.display(target);
                    let wanted = super::convert::Wanted {
                        span: value.span,
                        message: format!("as components of `{shown}`"),
                    };
                    self.cannot_convert(value, QualType::plain(to), Some(&wanted));
                    return None;
                }
            }
        }
        Some(components)
    }

    fn wrong_count<T>(&mut self, ty: TypeId, want: usize, got: usize, what: &str, span: Span) -> Option<T> {
        let shown = self.display(ty);
        let problem = if got < want { "too few" } else { "too many" };
        self.report(
            Diagnostic::new(
                Code::E0310,
                span,
                format!("{problem} {what} for `{shown}`: {got} instead of {want}"),
            )
            .note("the arguments fill the type exactly, or one scalar fills all of it [MSL 2.2.1]"),
        );
        None
    }

    /// A matrix from columns, from all components, from a scalar for the diagonal, or from another matrix.
    fn construct_matrix(
        &mut self,
        ty: TypeId,
        (elem, cols, rows): (Scalar, u8, u8),
        args: &'a [ast::Expr],
        span: Span,
    ) -> Option<Operand> {
        let values = self.argument_values(args)?;
        let value = match &values[..] {
            [one] if matches!(self.ty(one.ty), Type::Matrix { .. }) => {
                self.explicit_conversion(*one, QualType::plain(ty), span)?
            }
            [one] if self.as_scalar(one.ty).is_some() => {
                let diagonal = self.components(&values, elem, ty)?[0];
                self.diagonal_matrix(ty, (elem, cols, rows), diagonal, span)
            }
            _ => self.matrix_of(ty, (elem, cols, rows), &values, span)?,
        };
        Some(Operand::value(value, ty, span))
    }

    fn diagonal_matrix(
        &mut self,
        ty: TypeId,
        (elem, cols, rows): (Scalar, u8, u8),
        diagonal: Value,
        span: Span,
    ) -> Value {
        let zero = self.builder.const_scalar(elem, 0, span);
        let column_type = self.builder.vector_type(elem, rows);
        let columns = (0..cols)
            .map(|c| {
                let parts = (0..rows).map(|r| if r == c { diagonal } else { zero }).collect();
                self.builder.emit(Op::Compose(parts), column_type, span)
            })
            .collect();
        self.builder.emit(Op::Compose(columns), ty, span)
    }

    /// A matrix of column vectors or of all its components, column after column.
    pub(super) fn matrix_of(
        &mut self,
        ty: TypeId,
        (elem, cols, rows): (Scalar, u8, u8),
        values: &[Rvalue],
        span: Span,
    ) -> Option<Value> {
        let column_type = self.builder.vector_type(elem, rows);
        let by_column = values.iter().all(|v| v.ty == column_type);
        let by_component = values.iter().all(|v| self.as_scalar(v.ty).is_some());
        let (cols, rows) = (usize::from(cols), usize::from(rows));
        let columns: Vec<Value> = if by_column && values.len() == cols {
            values.iter().map(|v| v.value).collect()
        } else if by_component && values.len() == cols * rows {
            let components = self.components(values, elem, ty)?;
            components
                .chunks(rows)
                .map(|column| self.builder.emit(Op::Compose(column.to_vec()), column_type, span))
                .collect()
        } else {
            let shown = self.display(ty);
            let column = self.display(column_type);
            self.report(
                Diagnostic::new(Code::E0310, span, format!("these arguments do not make a `{shown}`")).note(format!(
                    "it takes {cols} columns of `{column}`, {} scalars, or one scalar for the diagonal [MSL 2.3.1]",
                    cols * rows
                )),
            );
            return None;
        };
        Some(self.builder.emit(Op::Compose(columns), ty, span))
    }
}

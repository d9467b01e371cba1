//! Matrices: operators and products as operations on their columns (MSL specification, 2.3.2, 3.2).
//!
//! The operators are function templates of the library over the component type. So operands do not convert: a scalar
//! factor is of the component type, and a packed vector is no vector to them. There are no unary ones, and of the
//! compound assignments there are `m += n`, `m -= n` and `m *= s` (a method, whose argument does convert).

use super::Checker;
use super::arith::infix_info;
use super::convert::Wanted;
use super::operand::{Origin, Rvalue};
use super::types::QualType;
use crate::ast::InfixOp;
use crate::diag::{Code, Diagnostic};
use crate::ir::{BinaryOp, Op, Scalar, Type, TypeId, Value};
use crate::source::Span;

/// Component type, columns, rows.
type Shape = (Scalar, u8, u8);

impl<'a> Checker<'a> {
    fn matrix_shape(&self, ty: TypeId) -> Option<Shape> {
        match self.ty(ty) {
            Type::Matrix { elem, cols, rows } => Some((elem, cols, rows)),
            _ => None,
        }
    }

    /// `m + n`, `m - n`, `m * n`, `m * v`, `v * m`, `m * s`, `s * m`.
    pub(super) fn matrix_infix(&mut self, op: InfixOp, a: Rvalue, b: Rvalue, span: Span) -> Option<Rvalue> {
        let value = match (op, self.matrix_shape(a.ty), self.matrix_shape(b.ty)) {
            (InfixOp::Add | InfixOp::Sub, Some(x), Some(y)) if x == y => {
                let binary = if op == InfixOp::Add { BinaryOp::Add } else { BinaryOp::Sub };
                self.by_column(a, x, span, |c, i, column| {
                    let other = c.builder.extract(b.value, i, span);
                    c.builder.binary(binary, column, other, span)
                })
            }
            (InfixOp::Mul, Some((e1, cols, rows)), Some((e2, ..))) if e1 == e2 => {
                return self.matrix_product(a, (e1, cols, rows), b, span);
            }
            (InfixOp::Mul, Some(shape), None) => return self.matrix_times(a, shape, b, span),
            (InfixOp::Mul, None, Some(shape)) => return self.times_matrix(a, b, shape, span),
            _ => return self.wrong_operands(op, &a, &b, span, None),
        };
        Some(self.rvalue(value, span))
    }

    /// `m op= x`.
    pub(super) fn matrix_compound(
        &mut self,
        op: InfixOp,
        m: Rvalue,
        x: Rvalue,
        span: Span,
    ) -> Option<Rvalue> {
        let shape = self.matrix_shape(m.ty)?;
        match (op, self.matrix_shape(x.ty)) {
            (InfixOp::Add | InfixOp::Sub, Some(_)) => self.matrix_infix(op, m, x, span),
            (InfixOp::Mul, None) if self.as_scalar(x.ty).is_some() => {
                let elem = QualType::plain(self.builder.scalar_type(shape.0));
                if self.implicit_rank(&x, elem).is_none() {
                    let shown = self.display(m.ty);
                    let wanted = Wanted { span: m.span, message: format!("a `{shown}` is multiplied") };
                    self.cannot_convert(&x, elem, Some(&wanted));
                    return None;
                }
                let factor = self.convert_scalar(x.value, shape.0, x.span);
                Some(self.matrix_scaled(m, shape, factor, span))
            }
            (_, other) => {
                let (left, right) = (self.display(m.ty), self.display_qual(self.rvalue_qual(&x)));
                let message = format!("`{}=` is not defined for `{left}` and `{right}`", infix_info(op).0);
                let note = match other {
                    Some(_) => "matrices take += and -= with a matrix, not *=: write m = m * n [MSL 3.2]",
                    None => "matrices take *= with a scalar, += and -= with a matrix [MSL 3.2]",
                };
                self.report(Diagnostic::new(Code::E0305, span, message).note(note));
                None
            }
        }
    }

    /// A matrix of each column put through `f`.
    fn by_column(
        &mut self,
        m: Rvalue,
        (_, cols, _): Shape,
        span: Span,
        mut f: impl FnMut(&mut Self, u32, Value) -> Value,
    ) -> Value {
        let mut columns = Vec::with_capacity(usize::from(cols));
        for i in 0..u32::from(cols) {
            let column = self.builder.extract(m.value, i, span);
            columns.push(f(self, i, column));
        }
        self.builder.emit(Op::Compose(columns), m.ty, span)
    }

    /// Why an operand beside a matrix is none of its operators', if the reason is not the number of components.
    fn beside_matrix(&self, elem: Scalar, x: &Rvalue) -> Option<String> {
        let name = elem.msl_name();
        match self.ty(x.ty) {
            Type::Scalar(_) => {
                let note =
                    format!("a factor beside a matrix of {name} is a {name}: write {name}(x) [MSL 3.2]");
                Some(note)
            }
            Type::Vector { len, .. } if x.origin == Origin::Packed => {
                let note = "a packed vector is no vector to the operators of matrices";
                Some(format!("{note}: write {name}{len}(x) [MSL 2.2.3]"))
            }
            _ => None,
        }
    }

    fn is_factor(&self, elem: Scalar, x: &Rvalue) -> bool {
        self.as_scalar(x.ty) == Some(elem) && x.enumeration.is_none()
    }

    /// Matrix by vector or scalar.
    fn matrix_times(&mut self, m: Rvalue, shape: Shape, x: Rvalue, span: Span) -> Option<Rvalue> {
        let (elem, cols, _) = shape;
        match self.ty(x.ty) {
            Type::Scalar(_) if self.is_factor(elem, &x) => Some(self.matrix_scaled(m, shape, x.value, span)),
            Type::Vector { elem: other, len, .. }
                if other == elem && len == cols && x.origin != Origin::Packed =>
            {
                let value = self.combine_columns(m.value, shape, x.value, span);
                Some(self.rvalue(value, span))
            }
            _ => {
                let note = self.beside_matrix(elem, &x);
                let note = note.as_deref().unwrap_or("a vector on the right needs a component a column");
                self.wrong_operands(InfixOp::Mul, &m, &x, span, Some(note))
            }
        }
    }

    /// Vector or scalar by matrix.
    fn times_matrix(&mut self, x: Rvalue, m: Rvalue, shape: Shape, span: Span) -> Option<Rvalue> {
        let (elem, cols, rows) = shape;
        match self.ty(x.ty) {
            Type::Scalar(_) if self.is_factor(elem, &x) => Some(self.matrix_scaled(m, shape, x.value, span)),
            Type::Vector { elem: other, len, .. }
                if other == elem && len == rows && x.origin != Origin::Packed =>
            {
                let mut components = Vec::with_capacity(usize::from(cols));
                for i in 0..u32::from(cols) {
                    let column = self.builder.extract(m.value, i, span);
                    let product = self.builder.binary(BinaryOp::Mul, x.value, column, span);
                    components.push(self.sum_of_components(product, len, span));
                }
                let ty = self.builder.vector_type(elem, cols);
                let value = self.builder.emit(Op::Compose(components), ty, span);
                Some(self.rvalue(value, span))
            }
            _ => {
                let note = self.beside_matrix(elem, &x);
                let note = note.as_deref().unwrap_or("a vector on the left needs a component a row");
                self.wrong_operands(InfixOp::Mul, &x, &m, span, Some(note))
            }
        }
    }

    fn sum_of_components(&mut self, vector: Value, len: u8, span: Span) -> Value {
        let mut sum = self.builder.extract(vector, 0, span);
        for i in 1..u32::from(len) {
            let next = self.builder.extract(vector, i, span);
            sum = self.builder.binary(BinaryOp::Add, sum, next, span);
        }
        sum
    }

    /// A matrix by a scalar of its component type.
    fn matrix_scaled(&mut self, m: Rvalue, shape: Shape, factor: Value, span: Span) -> Rvalue {
        let (elem, _, rows) = shape;
        let column_type = self.builder.vector_type(elem, rows);
        let factor = self.builder.splat(factor, column_type, span);
        let value = self
            .by_column(m, shape, span, |c, _, column| c.builder.binary(BinaryOp::Mul, column, factor, span));
        self.rvalue(value, span)
    }

    /// Sum over columns of column × component: a matrix by a column vector.
    fn combine_columns(&mut self, m: Value, (elem, cols, rows): Shape, v: Value, span: Span) -> Value {
        let column_type = self.builder.vector_type(elem, rows);
        let mut sum = None;
        for i in 0..u32::from(cols) {
            let column = self.builder.extract(m, i, span);
            let component = self.builder.extract(v, i, span);
            let factor = self.builder.splat(component, column_type, span);
            let term = self.builder.binary(BinaryOp::Mul, column, factor, span);
            sum = Some(match sum {
                None => term,
                Some(sum) => self.builder.binary(BinaryOp::Add, sum, term, span),
            });
        }
        sum.unwrap_or(v)
    }

    /// Matrix by matrix: each column of the right one through the left one.
    fn matrix_product(&mut self, a: Rvalue, shape: Shape, b: Rvalue, span: Span) -> Option<Rvalue> {
        let (elem, cols, rows) = shape;
        let (_, b_cols, b_rows) = self.matrix_shape(b.ty)?;
        if b_rows != cols {
            let note = "the left matrix needs as many columns as the right one has rows";
            return self.wrong_operands(InfixOp::Mul, &a, &b, span, Some(note));
        }
        let mut columns = Vec::with_capacity(usize::from(b_cols));
        for i in 0..u32::from(b_cols) {
            let column = self.builder.extract(b.value, i, span);
            columns.push(self.combine_columns(a.value, shape, column, span));
        }
        let ty = self.builder.types().intern(Type::Matrix { elem, cols: b_cols, rows });
        let value = self.builder.emit(Op::Compose(columns), ty, span);
        Some(self.rvalue(value, span))
    }
}

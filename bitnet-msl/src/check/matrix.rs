//! Matrices: operators and products as operations on their columns (MSL specification, 2.3.2).

use super::Checker;
use super::operand::Rvalue;
use crate::ast::{InfixOp, PrefixOp};
use crate::ir::{BinaryOp, Op, Scalar, Type, TypeId, UnaryOp, Value};
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

    pub(super) fn matrix_prefix(&mut self, op: PrefixOp, x: Rvalue, span: Span) -> Option<Rvalue> {
        let shape = self.matrix_shape(x.ty)?;
        let value = self.by_column(x, shape, span, |c, _, column| match op {
            PrefixOp::Neg => {
                let ty = c.builder.type_of(column);
                c.builder.emit(Op::Unary(UnaryOp::Neg, column), ty, span)
            }
            _ => column,
        });
        Some(self.rvalue(value, span))
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

    /// Matrix by vector or scalar.
    fn matrix_times(&mut self, m: Rvalue, shape: Shape, x: Rvalue, span: Span) -> Option<Rvalue> {
        let (elem, cols, _) = shape;
        match self.ty(x.ty) {
            Type::Scalar(_) => self.matrix_scaled(m, shape, x, span),
            Type::Vector { elem: other, len, .. } if other == elem && len == cols => {
                let value = self.combine_columns(m.value, shape, x.value, span);
                Some(self.rvalue(value, span))
            }
            _ => self.wrong_operands(
                InfixOp::Mul,
                &m,
                &x,
                span,
                Some("a vector on the right needs a component a column"),
            ),
        }
    }

    /// Vector or scalar by matrix.
    fn times_matrix(&mut self, x: Rvalue, m: Rvalue, shape: Shape, span: Span) -> Option<Rvalue> {
        let (elem, cols, rows) = shape;
        match self.ty(x.ty) {
            Type::Scalar(_) => self.matrix_scaled(m, shape, x, span),
            Type::Vector { elem: other, len, .. } if other == elem && len == rows => {
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
            _ => self.wrong_operands(
                InfixOp::Mul,
                &x,
                &m,
                span,
                Some("a vector on the left needs a component a row"),
            ),
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

    fn matrix_scaled(&mut self, m: Rvalue, shape: Shape, s: Rvalue, span: Span) -> Option<Rvalue> {
        let (elem, _, rows) = shape;
        let scalar = self.builder.scalar_type(elem);
        if self.type_rank(s.ty, scalar).is_none() {
            return self.wrong_operands(InfixOp::Mul, &m, &s, span, None);
        }
        let factor = self.convert_scalar(s.value, elem, s.span);
        let column_type = self.builder.vector_type(elem, rows);
        let factor = self.builder.splat(factor, column_type, s.span);
        let value = self
            .by_column(m, shape, span, |c, _, column| c.builder.binary(BinaryOp::Mul, column, factor, span));
        Some(self.rvalue(value, span))
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

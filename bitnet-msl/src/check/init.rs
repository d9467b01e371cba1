//! Initialisers: of variables, arguments and `return`; braced lists of aggregates.

use super::Checker;
use super::convert::Wanted;
use super::operand::Rvalue;
use super::types::QualType;
use crate::ast::{self, ExprKind, Init};
use crate::diag::{Code, Diagnostic};
use crate::ir::{Op, StructId, Type, TypeId, Value};
use crate::source::Span;

/// Arrays with more elements can be zero-initialised only: every element is a value of its own.
const MAX_LISTED_ELEMENTS: u32 = 1 << 16;

impl<'a> Checker<'a> {
    /// The value that an expression or braced list gives to something of a type. Vectors come unpacked.
    pub(super) fn initial_value(
        &mut self,
        expr: &'a ast::Expr,
        to: QualType,
        wanted: Option<&Wanted>,
    ) -> Option<Value> {
        if let ExprKind::InitList(parts) = &expr.kind {
            return self.nested(expr.span, |c| c.list_value(parts, to, expr.span));
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
            Init::Brace(parts, span) => self.list_value(parts, to, *span),
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

    /// The value of `{ parts }` as a type. Parts left out are zero.
    pub(super) fn list_value(&mut self, parts: &'a [ast::Expr], to: QualType, span: Span) -> Option<Value> {
        match self.ty(to.ty) {
            Type::Scalar(_) | Type::Pointer { .. } => match parts {
                [] => Some(self.builder.zero(to.ty, span)),
                [part] => self.initial_value(part, to, None),
                _ => self.too_many(to.ty, 1, parts, span),
            },
            Type::Vector { elem, len, .. } => self.vector_list(elem, len, parts, span),
            Type::Matrix { elem, cols, rows } => {
                if parts.is_empty() {
                    return Some(self.builder.zero(to.ty, span));
                }
                let column = self.builder.vector_type(elem, rows);
                let mut values = Vec::with_capacity(parts.len());
                for part in parts {
                    values.push(match &part.kind {
                        ExprKind::InitList(_) => {
                            let value = self.initial_value(part, QualType::plain(column), None)?;
                            self.rvalue(value, part.span)
                        }
                        _ => self.value(part)?,
                    });
                }
                self.matrix_of(to.ty, (elem, cols, rows), &values, span)
            }
            Type::Array { .. } | Type::Struct(_) => {
                let mut rest = parts.iter().peekable();
                let value = self.aggregate(&mut rest, to, span)?;
                if rest.peek().is_some() {
                    let room = self.builder.type_table().part_count(to.ty).unwrap_or(0);
                    return self.too_many(to.ty, room, parts, span);
                }
                Some(value)
            }
            Type::Void | Type::Atomic(_) => {
                let shown = self.display(to.ty);
                self.error(Code::E0316, span, format!("`{shown}` takes no braced list"));
                None
            }
        }
    }

    fn vector_list(
        &mut self,
        elem: crate::ir::Scalar,
        len: u8,
        parts: &'a [ast::Expr],
        span: Span,
    ) -> Option<Value> {
        let ty = self.builder.vector_type(elem, len);
        let mut values = Vec::with_capacity(parts.len());
        for part in parts {
            values.push(self.value(part)?);
        }
        if let [Rvalue { value, ty: from, .. }] = values[..]
            && from == ty
        {
            return Some(value);
        }
        let mut components = self.components(&values, elem, ty)?;
        if components.len() > usize::from(len) {
            return self.too_many(ty, u32::from(len), parts, span);
        }
        while components.len() < usize::from(len) {
            components.push(self.builder.const_scalar(elem, 0, span));
        }
        Some(self.builder.emit(Op::Compose(components), ty, span))
    }

    /// An array or struct from the next parts of a list: nested lists, or without inner braces.
    fn aggregate(
        &mut self,
        parts: &mut std::iter::Peekable<std::slice::Iter<'a, ast::Expr>>,
        to: QualType,
        span: Span,
    ) -> Option<Value> {
        if parts.peek().is_none() && !self.has_default_members(to.ty) {
            return Some(self.builder.zero(to.ty, span));
        }
        match self.ty(to.ty) {
            Type::Array { elem, len } => {
                let elem = self.element_of(to, elem);
                let mut values = Vec::new();
                while values.len() < len as usize && parts.peek().is_some() {
                    values.push(self.aggregate_part(parts, elem, span)?);
                }
                self.array_value(values, elem, len, to.ty, span)
            }
            Type::Struct(id) => self.struct_parts(parts, id, to.ty, span),
            _ => self.aggregate_part(parts, to, span),
        }
    }

    /// An array of the values given and, for the rest, of what its elements are without initialiser.
    fn array_value(
        &mut self,
        mut values: Vec<Value>,
        elem: QualType,
        len: u32,
        ty: TypeId,
        span: Span,
    ) -> Option<Value> {
        if values.iter().all(|&value| self.is_zero(value)) && !self.has_default_members(elem.ty) {
            return Some(self.builder.zero(ty, span));
        }
        if len > MAX_LISTED_ELEMENTS {
            let message = format!("an array of {len} elements is too large to initialise with a list");
            self.error(Code::E0315, span, message);
            return None;
        }
        if values.len() < len as usize {
            let rest = self.default_value(elem, span)?;
            values.resize(len as usize, rest);
        }
        Some(self.builder.emit(Op::Compose(values), ty, span))
    }

    fn is_zero(&self, value: Value) -> bool {
        matches!(self.builder.inst(value).op, Op::Const(0) | Op::Zero)
    }

    fn struct_parts(
        &mut self,
        parts: &mut std::iter::Peekable<std::slice::Iter<'a, ast::Expr>>,
        id: StructId,
        ty: TypeId,
        span: Span,
    ) -> Option<Value> {
        let info = self.builder.type_table().get_struct(id);
        let (is_union, field_types) = (info.is_union, info.fields.iter().map(|f| f.ty).collect::<Vec<_>>());
        if parts.peek().is_some() {
            self.check_aggregate(id, span)?;
        }
        if is_union {
            return self.union_value(parts, id, &field_types, ty, span);
        }
        let mut values = Vec::with_capacity(field_types.len());
        for (index, field_type) in field_types.into_iter().enumerate() {
            let qual = self.field_qual(id, index, field_type);
            values.push(match parts.peek() {
                Some(_) => self.aggregate_part(parts, qual, span)?,
                None => self.default_member(id, index, qual, &values, span)?,
            });
        }
        Some(self.builder.emit(Op::Compose(values), ty, span))
    }

    /// A list initialises the first member of a union; the other bytes are zero.
    fn union_value(
        &mut self,
        parts: &mut std::iter::Peekable<std::slice::Iter<'a, ast::Expr>>,
        id: StructId,
        field_types: &[TypeId],
        ty: TypeId,
        span: Span,
    ) -> Option<Value> {
        let zero = self.builder.zero(ty, span);
        let Some(&first) = field_types.first().filter(|_| parts.peek().is_some()) else { return Some(zero) };
        let qual = self.field_qual(id, 0, first);
        let value = self.aggregate_part(parts, qual, span)?;
        let ptr = self.builder.new_local_addr("%union", ty, span);
        self.builder.store(ptr, zero, span);
        let member = self.builder.field_addr(ptr, 0, span);
        self.builder.store(member, value, span);
        Some(self.builder.load(ptr, span))
    }

    /// One part of an aggregate, as memory holds it.
    fn aggregate_part(
        &mut self,
        parts: &mut std::iter::Peekable<std::slice::Iter<'a, ast::Expr>>,
        to: QualType,
        span: Span,
    ) -> Option<Value> {
        let next = parts.peek()?;
        let is_list = matches!(next.kind, ExprKind::InitList(_));
        if !is_list && matches!(self.ty(to.ty), Type::Array { .. }) {
            // Braces of inner arrays may be left out.
            return self.aggregate(parts, to, span);
        }
        let part = parts.next()?;
        let value = self.initial_value(part, to, None)?;
        Some(self.packed_like(value, to.ty, part.span))
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

    fn too_many<T>(&mut self, ty: TypeId, room: u32, parts: &[ast::Expr], span: Span) -> Option<T> {
        let shown = self.display(ty);
        let what = if room == 1 { "part" } else { "parts" };
        let at = parts.get(room as usize).map_or(span, |part| part.span);
        self.report(
            Diagnostic::new(Code::E0316, at, format!("too many initialisers for `{shown}`"))
                .at(format!("`{shown}` has {room} {what}")),
        );
        None
    }
}

//! Braced lists (C++ \[dcl.init.list\], \[dcl.init.aggr\]): what each clause initialises, and what the missing ones
//! leave.

use super::Checker;
use super::builder::Mark;
use super::convert::Wanted;
use super::operand::{Operand, Rvalue};
use super::types::QualType;
use crate::ast::{self, ExprKind};
use crate::diag::{Code, Diagnostic};
use crate::ir::{Op, Scalar, StructId, Type, TypeId, Value};
use crate::source::Span;

/// Arrays with more elements can be zero-initialised only: every element is a value of its own.
const MAX_LISTED_ELEMENTS: u32 = 1 << 16;

/// How something is initialised that no clause is left for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// `T x;`
    Default,
    /// `T x{}`, and what a list leaves out.
    EmptyList,
}

/// A clause that has been evaluated.
#[derive(Clone, Copy, Debug)]
struct Clause {
    operand: Operand,
    mark: Mark,
}

/// The clauses of a list that nothing has taken yet.
#[derive(Debug)]
struct Clauses<'a> {
    /// The first one, if it was evaluated to see what it initialises.
    evaluated: Option<Clause>,
    rest: &'a [ast::Expr],
}

impl<'a> Clauses<'a> {
    fn new(rest: &'a [ast::Expr]) -> Self {
        Self { evaluated: None, rest }
    }

    fn is_empty(&self) -> bool {
        self.evaluated.is_none() && self.rest.is_empty()
    }

    fn first_span(&self) -> Option<Span> {
        let evaluated = self.evaluated.map(|clause| clause.operand.span);
        evaluated.or(self.rest.first().map(|expr| expr.span))
    }

    /// Takes the next clause if it is a list.
    fn take_list(&mut self) -> Option<&'a ast::Expr> {
        let (first, rest) = self.rest.split_first().filter(|_| self.evaluated.is_none())?;
        if !is_list(first) {
            return None;
        }
        self.rest = rest;
        Some(first)
    }
}

fn is_list(expr: &ast::Expr) -> bool {
    matches!(expr.kind, ExprKind::InitList(_))
}

impl<'a> Checker<'a> {
    /// The value of `{ parts }` as a type.
    pub(super) fn list_value(
        &mut self,
        parts: &'a [ast::Expr],
        to: QualType,
        wanted: Option<&Wanted>,
        span: Span,
    ) -> Option<Value> {
        match self.ty(to.ty) {
            Type::Scalar(_) | Type::Pointer { .. } => match parts {
                [] => Some(self.builder.zero(to.ty, span)),
                [part] if is_list(part) => self.initial_value(part, to, wanted),
                [_] => {
                    let clause = self.next_clause(&mut Clauses::new(parts))?;
                    self.convert_listed(clause.operand, clause.mark, to, wanted)
                }
                _ => self.too_many(to.ty, 1, parts[1].span),
            },
            Type::Vector { elem, len, .. } => self.vector_list(elem, len, parts, span),
            Type::Matrix { elem, cols, rows } => self.matrix_list(to.ty, (elem, cols, rows), parts, span),
            Type::Array { .. } | Type::Struct(_) => self.aggregate_list(parts, to, span),
            Type::Void | Type::Atomic(_) => {
                let shown = self.display(to.ty);
                self.error(Code::E0316, span, format!("`{shown}` takes no braced list"));
                None
            }
        }
    }

    fn vector_list(&mut self, elem: Scalar, len: u8, parts: &'a [ast::Expr], span: Span) -> Option<Value> {
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
            let at = parts.get(usize::from(len)).map_or(span, |part| part.span);
            return self.too_many(ty, u32::from(len), at);
        }
        while components.len() < usize::from(len) {
            components.push(self.builder.const_scalar(elem, 0, span));
        }
        Some(self.builder.emit(Op::Compose(components), ty, span))
    }

    fn matrix_list(
        &mut self,
        ty: TypeId,
        (elem, cols, rows): (Scalar, u8, u8),
        parts: &'a [ast::Expr],
        span: Span,
    ) -> Option<Value> {
        if parts.is_empty() {
            return Some(self.builder.zero(ty, span));
        }
        let column = self.builder.vector_type(elem, rows);
        let mut values = Vec::with_capacity(parts.len());
        for part in parts {
            values.push(match is_list(part) {
                true => {
                    let value = self.initial_value(part, QualType::plain(column), None)?;
                    self.rvalue(value, part.span)
                }
                false => self.value(part)?,
            });
        }
        self.matrix_of(ty, (elem, cols, rows), &values, span)
    }

    /// A struct, union or array from a list of its own.
    fn aggregate_list(&mut self, parts: &'a [ast::Expr], to: QualType, span: Span) -> Option<Value> {
        let mut clauses = Clauses::new(parts);
        // `{x}` copies an x of the same type.
        if let ([only], Type::Struct(_)) = (parts, self.ty(to.ty))
            && !is_list(only)
        {
            let clause = self.next_clause(&mut clauses)?;
            if clause.operand.ty == to.ty {
                return self.convert(clause.operand, to, None);
            }
            clauses.evaluated = Some(clause);
        }
        let value = self.aggregate(&mut clauses, to, span)?;
        if let Some(at) = clauses.first_span() {
            let room = self.builder.type_table().part_count(to.ty).unwrap_or(0);
            return self.too_many(to.ty, room, at);
        }
        Some(value)
    }

    /// How many elements the clauses of `T a[] = {…}` initialise: several may make one, if it is an aggregate.
    pub(super) fn listed_len(&mut self, elem: QualType, parts: &'a [ast::Expr], span: Span) -> Option<u32> {
        let is_aggregate = matches!(self.ty(elem.ty), Type::Struct(_) | Type::Array { .. });
        let counted = if is_aggregate && !parts.iter().all(is_list) {
            self.unevaluated(|c| {
                c.quietly(|c| {
                    let mut clauses = Clauses::new(parts);
                    let mut len = 0;
                    while !clauses.is_empty() {
                        c.part(&mut clauses, elem, span)?;
                        len += 1;
                    }
                    Some(len)
                })
            })
        } else {
            None
        };
        // What is wrong with the clauses is said where they get their type.
        counted.or(u32::try_from(parts.len()).ok())
    }

    /// An aggregate from the next clauses of a list.
    fn aggregate(&mut self, clauses: &mut Clauses<'a>, to: QualType, span: Span) -> Option<Value> {
        if clauses.is_empty() {
            return self.missing_value(to, Missing::EmptyList, span);
        }
        match self.ty(to.ty) {
            Type::Array { elem, len } => {
                let elem = self.element_of(to, elem);
                let mut values = Vec::new();
                while values.len() < len as usize && !clauses.is_empty() {
                    values.push(self.part(clauses, elem, span)?);
                }
                self.array_value(values, elem, len, to.ty, span)
            }
            Type::Struct(id) => self.struct_parts(clauses, id, to.ty, span),
            _ => self.part(clauses, to, span),
        }
    }

    /// An array of the values given and, for the rest, of what its elements are without clause.
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
        self.check_listed(len, span)?;
        if values.len() < len as usize {
            let rest = self.missing_value(elem, Missing::EmptyList, span)?;
            values.resize(len as usize, rest);
        }
        Some(self.builder.emit(Op::Compose(values), ty, span))
    }

    fn check_listed(&mut self, len: u32, span: Span) -> Option<()> {
        if len > MAX_LISTED_ELEMENTS {
            let message = format!("an array of {len} elements is too large to initialise with a list");
            self.error(Code::E0315, span, message);
            return None;
        }
        Some(())
    }

    fn check_default_members(&mut self, ty: TypeId, span: Span) -> Option<()> {
        let defaults = self.defaults(ty);
        if defaults.any && defaults.count > MAX_LISTED_ELEMENTS {
            let shown = self.display(ty);
            self.error(Code::E0315, span, format!("`{shown}` has too many members to give each its value"));
            return None;
        }
        Some(())
    }

    fn is_zero(&self, value: Value) -> bool {
        matches!(self.builder.inst(value).op, Op::Const(0) | Op::Zero)
    }

    fn field_types(&self, id: StructId) -> Vec<TypeId> {
        self.builder.type_table().get_struct(id).fields.iter().map(|field| field.ty).collect()
    }

    fn struct_parts(
        &mut self,
        clauses: &mut Clauses<'a>,
        id: StructId,
        ty: TypeId,
        span: Span,
    ) -> Option<Value> {
        self.check_aggregate(id, span)?;
        let field_types = self.field_types(id);
        if self.builder.type_table().get_struct(id).is_union {
            // A list initialises the first member of a union.
            let Some(&first) = field_types.first() else { return Some(self.builder.zero(ty, span)) };
            let qual = self.field_qual(id, 0, first);
            let value = self.part(clauses, qual, span)?;
            return Some(self.union_of(0, value, ty, span));
        }
        self.check_default_members(ty, span)?;
        let mut values = Vec::with_capacity(field_types.len());
        for (index, field_type) in field_types.into_iter().enumerate() {
            let qual = self.field_qual(id, index, field_type);
            values.push(match clauses.is_empty() {
                false => self.part(clauses, qual, span)?,
                true => self.missing_member(id, index, qual, Missing::EmptyList, &values, span)?,
            });
        }
        Some(self.builder.emit(Op::Compose(values), ty, span))
    }

    /// A union one of whose members has a value; the other bytes are zero.
    fn union_of(&mut self, member: usize, value: Value, ty: TypeId, span: Span) -> Value {
        let zero = self.builder.zero(ty, span);
        let ptr = self.builder.new_local_addr("%union", ty, span);
        self.builder.store(ptr, zero, span);
        let at = self.builder.field_addr(ptr, member as u32, span);
        self.builder.store(at, value, span);
        self.builder.load(ptr, span)
    }

    /// The value of something that no clause is left for.
    pub(super) fn missing_value(&mut self, ty: QualType, how: Missing, span: Span) -> Option<Value> {
        if !self.has_default_members(ty.ty) {
            return Some(self.builder.zero(ty.ty, span));
        }
        self.check_default_members(ty.ty, span)?;
        self.nested(span, |c| match c.ty(ty.ty) {
            Type::Array { elem, len } => {
                c.check_listed(len, span)?;
                let one = c.missing_value(c.element_of(ty, elem), how, span)?;
                Some(c.builder.emit(Op::Compose(vec![one; len as usize]), ty.ty, span))
            }
            Type::Struct(id) if c.builder.type_table().get_struct(id).is_union => {
                c.missing_union(id, ty.ty, how, span)
            }
            Type::Struct(id) => {
                let mut values = Vec::new();
                for (index, field_type) in c.field_types(id).into_iter().enumerate() {
                    let qual = c.field_qual(id, index, field_type);
                    let value = c.missing_member(id, index, qual, how, &values, span)?;
                    values.push(value);
                }
                Some(c.builder.emit(Op::Compose(values), ty.ty, span))
            }
            _ => Some(c.builder.zero(ty.ty, span)),
        })
    }

    /// The member of a union with an initialiser of its own has its value; in an empty list else the first one.
    fn missing_union(&mut self, id: StructId, ty: TypeId, how: Missing, span: Span) -> Option<Value> {
        let member = match (self.initialised_member(id), how) {
            (Some(member), _) => member,
            (None, Missing::EmptyList) => 0,
            (None, Missing::Default) => return self.no_default_value(id, span),
        };
        let qual = self.field_qual(id, member, self.field_types(id)[member]);
        let value = self.missing_member(id, member, qual, how, &[], span)?;
        Some(self.union_of(member, value, ty, span))
    }

    fn no_default_value<T>(&mut self, id: StructId, span: Span) -> Option<T> {
        let name = self.builder.type_table().get_struct(id).name.clone();
        let declared = self.struct_span(id);
        let mut diagnostic = Diagnostic::new(
            Code::E0316,
            span,
            format!("union `{name}` has no default value: a member of it has members with initialisers"),
        )
        .note("give it a value, or one of its members an initialiser");
        if let Some(declared) = declared {
            diagnostic = diagnostic.label(declared, format!("`{name}` is declared here"));
        }
        self.report(diagnostic);
        None
    }

    /// One part of an aggregate, as memory holds it: from a list of its own, from a clause, or, where the braces of an
    /// aggregate were left out, from as many clauses as it has parts.
    fn part(&mut self, clauses: &mut Clauses<'a>, to: QualType, span: Span) -> Option<Value> {
        if let Some(list) = clauses.take_list() {
            let value = self.initial_value(list, to, None)?;
            return Some(self.packed_like(value, to.ty, list.span));
        }
        if matches!(self.ty(to.ty), Type::Array { .. }) {
            return self.nested(span, |c| c.aggregate(clauses, to, span));
        }
        let clause = self.next_clause(clauses)?;
        if let Type::Struct(id) = self.ty(to.ty)
            && clause.operand.ty != to.ty
        {
            if self.builder.type_table().get_struct(id).fields.is_empty() {
                let shown = self.display(to.ty);
                let message = format!("`{shown}` has no members: its braces cannot be left out");
                self.error(Code::E0316, clause.operand.span, message);
                return None;
            }
            clauses.evaluated = Some(clause);
            return self.nested(span, |c| c.aggregate(clauses, to, span));
        }
        let at = clause.operand.span;
        let value = self.convert_listed(clause.operand, clause.mark, to, None)?;
        Some(self.packed_like(value, to.ty, at))
    }

    /// Takes the next clause, which is no list, and evaluates it.
    fn next_clause(&mut self, clauses: &mut Clauses<'a>) -> Option<Clause> {
        if let Some(clause) = clauses.evaluated.take() {
            return Some(clause);
        }
        let (first, rest) = clauses.rest.split_first()?;
        clauses.rest = rest;
        let mark = self.builder.mark();
        let operand = self.expr(first)?;
        Some(Clause { operand, mark })
    }

    fn too_many<T>(&mut self, ty: TypeId, room: u32, at: Span) -> Option<T> {
        let shown = self.display(ty);
        let what = if room == 1 { "part" } else { "parts" };
        self.report(
            Diagnostic::new(Code::E0316, at, format!("too many initialisers for `{shown}`"))
                .at(format!("`{shown}` has {room} {what}")),
        );
        None
    }
}

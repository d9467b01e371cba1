//! Members of structs and components of vectors.

use super::Checker;
use super::operand::{Operand, OperandKind, Want};
use super::suggest::closest;
use super::types::QualType;
use crate::ast;
use crate::diag::{Code, Diagnostic};
use crate::ir::{StructId, Type};
use crate::source::Span;

impl<'a> Checker<'a> {
    /// `base.name` and `base->name`.
    pub(super) fn member(
        &mut self,
        base: &'a ast::Expr,
        segment: &'a ast::PathSegment,
        arrow: bool,
        want: Want,
        span: Span,
    ) -> Option<Operand> {
        let operand = self.member_base(base, arrow, want)?;
        self.member_of(operand, segment, span)
    }

    /// What stands before `.` or `->`: the object that has the member.
    pub(super) fn member_base(&mut self, base: &'a ast::Expr, arrow: bool, want: Want) -> Option<Operand> {
        if arrow {
            let pointer = self.value(base)?;
            return self.deref(pointer, base.span);
        }
        self.wanted(base, want)
    }

    /// The type with which a member was declared; the inner `None` for components of vectors.
    pub(super) fn declared_member(
        &mut self,
        base: &Operand,
        segment: &ast::PathSegment,
    ) -> Option<Option<QualType>> {
        let Type::Struct(mut id) = self.ty(base.ty) else { return Some(None) };
        let Some(path) = self.field_path(id, &segment.name.name) else {
            return self.no_such_field(id, &segment.name);
        };
        self.check_access(id, &segment.name)?;
        let mut declared = QualType::plain(base.ty);
        for index in path {
            let field = self.builder.type_table().get_struct(id).fields[index].ty;
            declared = self.field_qual(id, index, field);
            if let Type::Struct(inner) = self.ty(declared.ty) {
                id = inner;
            }
        }
        Some(Some(declared))
    }

    /// A member of an object.
    pub(super) fn member_of(
        &mut self,
        operand: Operand,
        segment: &ast::PathSegment,
        span: Span,
    ) -> Option<Operand> {
        match self.ty(operand.ty) {
            Type::Struct(id) => self.field(operand, id, &segment.name, span),
            Type::Vector { len, .. } => {
                let (components, count) = self.swizzle(&segment.name, len)?;
                self.select_components(operand, components, count, span)
            }
            Type::Pointer { .. } => {
                let shown = self.display(operand.ty);
                let name = &segment.name.name;
                self.report(
                    Diagnostic::new(
                        Code::E0309,
                        segment.name.span,
                        format!("`{shown}` is a pointer: it has no members"),
                    )
                    .at(format!("write `->{name}`")),
                );
                None
            }
            _ => {
                let shown = self.display(operand.ty);
                self.error(Code::E0309, segment.name.span, format!("`{shown}` has no members"));
                None
            }
        }
    }

    fn field(&mut self, base: Operand, id: StructId, name: &ast::Ident, span: Span) -> Option<Operand> {
        let Some(path) = self.field_path(id, &name.name) else { return self.no_such_field(id, name) };
        self.check_access(id, name)?;
        let mut at = base;
        for index in path {
            at = self.field_at(at, index, span)?;
        }
        Some(at)
    }

    /// The way to a member: its number, after those of the anonymous structs and unions it lies in.
    fn field_path(&self, id: StructId, name: &str) -> Option<Vec<usize>> {
        let fields = &self.builder.type_table().get_struct(id).fields;
        if let Some(index) = fields.iter().position(|field| field.name == name && !name.is_empty()) {
            return Some(vec![index]);
        }
        let anonymous = fields.iter().enumerate().filter(|(_, field)| field.name.is_empty());
        anonymous.into_iter().find_map(|(index, field)| match self.ty(field.ty) {
            Type::Struct(inner) => {
                let mut path = self.field_path(inner, name)?;
                path.insert(0, index);
                Some(path)
            }
            _ => None,
        })
    }

    fn field_at(&mut self, base: Operand, index: usize, span: Span) -> Option<Operand> {
        let Type::Struct(id) = self.ty(base.ty) else { return None };
        let info = self.builder.type_table().get_struct(id);
        let field_type = info.fields[index].ty;
        let qual = self.field_qual(id, index, field_type);
        let index = index as u32;
        match base.kind {
            OperandKind::Memory(ptr) => {
                let at = self.builder.field_addr(ptr, index, span);
                let ty = QualType {
                    is_const: base.is_const || qual.is_const,
                    is_volatile: base.is_volatile || qual.is_volatile,
                    ..qual
                };
                Some(Operand::memory(at, ty, span))
            }
            _ => {
                let whole = self.read(base)?;
                // The members of a union share bytes: only memory can show one as another.
                let is_union = self.builder.type_table().get_struct(id).is_union;
                if is_union || matches!(self.ty(field_type), Type::Array { .. }) {
                    let ptr = self.materialise(Operand::value(whole.value, whole.ty, span))?;
                    let at = self.builder.field_addr(ptr, index, span);
                    return Some(Operand::memory(at, QualType { is_const: true, ..qual }, span));
                }
                let value = self.builder.extract(whole.value, index, span);
                Some(Operand::value_of(value, qual, span))
            }
        }
    }

    fn no_such_field<T>(&mut self, id: StructId, name: &ast::Ident) -> Option<T> {
        let info = self.builder.type_table().get_struct(id);
        let message = format!("`{}` has no member `{}`", info.name, name.name);
        let mut diagnostic = Diagnostic::new(Code::E0309, name.span, message);
        if let Some(hint) = closest(&name.name, info.fields.iter().map(|f| f.name.as_str())) {
            diagnostic = diagnostic.at(format!("did you mean `{hint}`?"));
        }
        if let Some(declared) = self.structs.get(&id.0) {
            diagnostic = diagnostic.label(declared.span, format!("`{}` is declared here", info.name));
        }
        self.report(diagnostic);
        None
    }

    /// The components that a swizzle names.
    fn swizzle(&mut self, name: &ast::Ident, len: u8) -> Option<([u8; 4], u8)> {
        let text = name.name.as_str();
        let position =
            |set: &str| -> Option<Vec<u8>> { text.chars().map(|c| set.find(c).map(|i| i as u8)).collect() };
        let Some(components) = position("xyzw").or_else(|| position("rgba")) else {
            let is_component = |c: char| "xyzwrgba".contains(c);
            let message = if text.chars().all(is_component) {
                format!("swizzle `{text}` mixes xyzw and rgba")
            } else {
                format!("a vector has no member `{text}`")
            };
            let code = if text.chars().all(is_component) { Code::E0308 } else { Code::E0309 };
            self.report(
                Diagnostic::new(code, name.span, message)
                    .note("the components of a vector are x, y, z, w or r, g, b, a [MSL 2.2]"),
            );
            return None;
        };
        if components.len() > 4 {
            self.error(Code::E0308, name.span, format!("swizzle `{text}` has more than four components"));
            return None;
        }
        if components.iter().any(|&c| c >= len) {
            self.error(
                Code::E0308,
                name.span,
                format!("swizzle `{text}` goes past the {len} components of the vector"),
            );
            return None;
        }
        let mut all = [0; 4];
        all[..components.len()].copy_from_slice(&components);
        Some((all, components.len() as u8))
    }

    /// Components of a vector: still a place where the vector is one.
    pub(super) fn select_components(
        &mut self,
        base: Operand,
        components: [u8; 4],
        len: u8,
        span: Span,
    ) -> Option<Operand> {
        let (elem, _) = self.shape(base.ty)?;
        let ty = self.builder.vector_type(elem, len);
        let kind = match base.kind {
            OperandKind::Memory(ptr) => OperandKind::Swizzle(ptr, components, len),
            OperandKind::Swizzle(ptr, of, _) => {
                OperandKind::Swizzle(ptr, components.map(|c| of[usize::from(c)]), len)
            }
            _ => {
                let whole = self.read(base)?;
                OperandKind::Value(self.take_components(whole.value, components, len, span))
            }
        };
        Some(Operand::new(kind, QualType { ty, ..base.qual() }, span))
    }
}

//! Structs, unions and enumerations.

use super::Checker;
use super::const_eval::ConstValue;
use super::member_defaults::{Defaults, Place};
use super::members::{DeletedFunctions, MemberNames};
use super::scope::{Decl, Names, NamespaceId};
use super::types::{Declared, EnumInfo, Enumeration, QualType};
use crate::ast::{self, Tag};
use crate::diag::{Code, Diagnostic};
use crate::ir::{Scalar, StructId, Type, TypeId, int_range};
use crate::source::Span;
use std::rc::Rc;

/// What the checker knows of a struct beyond its layout.
#[derive(Debug)]
pub(super) struct StructInfo<'a> {
    /// The name in the definition.
    pub(super) span: Span,
    pub(super) fields: Vec<FieldInfo<'a>>,
    /// A `class`: nobody else may name its members.
    pub(super) is_private: bool,
    pub(super) deleted: DeletedFunctions,
    /// The namespace around it: calls with it look there for functions.
    pub(super) namespace: NamespaceId,
    pub(super) defaults: Defaults,
    /// Where its default initialisers stand; `None` without any.
    pub(super) place: Option<Place<'a>>,
    /// The types and enumerators that it declares.
    pub(super) members: Rc<Names<'a>>,
}

/// What the checker knows of a member beyond its place.
#[derive(Debug)]
pub(super) struct FieldInfo<'a> {
    pub(super) name: &'a ast::Ident,
    pub(super) ty: QualType,
    pub(super) init: Option<&'a ast::Expr>,
    /// Members that `init` uses, by number.
    pub(super) uses: Vec<usize>,
    /// How many instructions `init` takes.
    pub(super) instructions: u32,
}

impl<'a> Checker<'a> {
    /// A struct or enumeration defined where a type stands.
    pub(super) fn inline_type(&mut self, item: &'a ast::Item) -> Option<Declared> {
        match &item.kind {
            ast::ItemKind::Struct(decl) => self.struct_decl(decl, item.span),
            ast::ItemKind::Enum(decl) => self.enum_decl(decl),
            _ => None,
        }
    }

    /// Declares a struct and returns it.
    pub(super) fn struct_decl(&mut self, decl: &'a ast::StructDecl, span: Span) -> Option<Declared> {
        if let Some(name) = &decl.name {
            self.check_struct_name(name, decl)?;
        }
        let Some(fields) = &decl.fields else { return None };
        let declared = self.define_struct(decl, fields, span);
        if let Some(name) = &decl.name {
            let named = if decl.is_named_by_typedef { Decl::Alias } else { Decl::Type };
            self.scopes.declare(&name.name, declared.map_or(Decl::Poison, named), name.span);
        }
        // Its own name is complete in them.
        if let Some(Type::Struct(id)) = declared.map(|declared| self.ty(declared.ty.ty)) {
            self.check_member_defaults(id);
        }
        declared
    }

    /// Declares the name of a struct, still without members. `None` if it cannot be defined.
    fn check_struct_name(&mut self, name: &'a ast::Ident, decl: &ast::StructDecl) -> Option<()> {
        let tag = if decl.is_union { Tag::Union } else { Tag::Struct };
        let defines = decl.fields.is_some();
        match self.scopes.declared_before(&name.name).map(|earlier| (earlier.decl, earlier.span)) {
            None if self.is_global_library_type(&name.name) => {
                self.declared_by_library(name);
                self.scopes.declare(&name.name, Decl::Poison, name.span);
                return None;
            }
            None => {}
            Some((Decl::Poison, _)) if defines => {}
            Some((Decl::Poison, _)) => return None,
            Some((earlier, at)) => {
                let earlier_tag = match earlier {
                    Decl::Incomplete(_, tag) => Some(tag),
                    Decl::Type(declared) => self.tag_of(declared).filter(|_| !defines),
                    _ => None,
                };
                let Some(earlier_tag) = earlier_tag else {
                    self.declared_twice(name, at);
                    return None;
                };
                if earlier_tag != tag {
                    self.tags_disagree(name, at, earlier_tag);
                    return None;
                }
                if !defines {
                    return None;
                }
            }
        }
        self.scopes.declare(&name.name, Decl::Incomplete(name.span, tag), name.span);
        Some(())
    }

    /// Reports a type that two declarations call by different words.
    fn tags_disagree(&mut self, name: &ast::Ident, earlier: Span, tag: Tag) {
        let message = format!("`{}` was declared as a {}", name.name, tag.word());
        self.report(Diagnostic::new(Code::E0213, name.span, message).label(earlier, "first declared here"));
    }

    fn define_struct(
        &mut self,
        decl: &'a ast::StructDecl,
        fields: &'a [ast::FieldDecl],
        span: Span,
    ) -> Option<Declared> {
        let shown = decl.name.as_ref().map_or("(anonymous struct)", |name| name.name.as_str());
        let mut laid_out: Vec<(String, TypeId)> = Vec::with_capacity(fields.len());
        let mut infos = Vec::with_capacity(fields.len());
        let mut complete = true;
        let mut names = MemberNames::default();
        self.scopes.push_block();
        for field in fields {
            let Some(ty) = self.field_type(field) else {
                complete = false;
                continue;
            };
            if is_only_declared(field) {
                continue;
            }
            complete &= self.add_member_names(&mut names, shown, field, ty.ty).is_some();
            laid_out.push((field.name.name.clone(), ty.ty));
            let init = field.init.as_ref();
            infos.push(FieldInfo { name: &field.name, ty, init, uses: Vec::new(), instructions: 0 });
        }
        let members = Rc::new(self.scopes.pop_block());
        self.check_union_defaults(decl.is_union, &infos);
        if !complete {
            return None;
        }
        let Some(id) = self.builder.types().add_struct(shown.to_owned(), laid_out, decl.is_union) else {
            self.error(Code::E0315, span, format!("`{shown}` takes more than 1 GiB"));
            return None;
        };
        let name_span = decl.name.as_ref().map_or(span, |name| name.span);
        let info = StructInfo {
            span: name_span,
            is_private: decl.is_private,
            deleted: self.deleted_functions(&infos, decl.is_union),
            defaults: self.defaults_of(decl.is_union, &infos),
            fields: infos,
            namespace: self.scopes.current_namespace(),
            members,
            place: None,
        };
        self.structs.insert(id.0, info);
        let ty = self.builder.types().intern(Type::Struct(id));
        Some(Declared::plain(self.bounded(ty, span)?))
    }

    fn field_type(&mut self, field: &'a ast::FieldDecl) -> Option<QualType> {
        let declared = self.declared_type(&field.ty)?;
        let shown = self.display(declared.ty.ty);
        if declared.reference.is_some() {
            self.report(
                Diagnostic::new(Code::E0320, field.ty.span, "members that are references are not supported")
                    .note("store a pointer"),
            );
            return None;
        }
        if self.ty(declared.ty.ty) == Type::Void {
            self.error(Code::E0320, field.ty.span, "a member cannot be void");
            return None;
        }
        if let Some((space, span)) = declared.space {
            self.report(Diagnostic::new(Code::E0406, span, "a member has no address space of its own").note(
                format!(
                    "it lies where its struct lies; for a pointer write `{} {shown} *`",
                    space.msl_name()
                ),
            ));
            return None;
        }
        Some(declared.ty)
    }

    /// The type of a member with what the layout does not keep.
    pub(super) fn field_qual(&self, id: StructId, index: usize, ty: TypeId) -> QualType {
        match self.structs.get(&id.0) {
            Some(info) => info.fields.get(index).map_or(QualType::plain(ty), |field| field.ty),
            None => QualType::plain(self.array_of_library(id).unwrap_or(ty)),
        }
    }

    /// The member of a union that has an initialiser of its own.
    pub(super) fn initialised_member(&self, id: StructId) -> Option<usize> {
        self.structs.get(&id.0).and_then(|info| info.fields.iter().position(|field| field.init.is_some()))
    }

    /// The name in the definition of a struct.
    pub(super) fn struct_span(&self, id: StructId) -> Option<Span> {
        self.structs.get(&id.0).map(|info| info.span)
    }

    /// Declares an enumeration and returns it.
    pub(super) fn enum_decl(&mut self, decl: &'a ast::EnumDecl) -> Option<Declared> {
        let fixed = match &decl.underlying {
            None => decl.scoped.then_some(Scalar::I32),
            Some(ty) => Some(self.underlying_scalar(ty)?),
        };
        let index = match self.earlier_enum(decl, fixed)? {
            Some(index) => index,
            None => self.new_enum(decl, fixed),
        };
        let Some(variants) = &decl.variants else {
            return Some(self.name_enum(decl, index, fixed.unwrap_or(Scalar::I32)));
        };
        let values = self.enumerators(variants, fixed.unwrap_or(Scalar::I32))?;
        let scalar = fixed.unwrap_or_else(|| holding_scalar(&values));
        let info = &mut self.enums[index as usize];
        info.is_opaque = false;
        info.range = fixed.unwrap_or_else(|| range_of(&values));
        self.finish_enumerators(variants, decl.scoped, index, &values, scalar);
        Some(self.name_enum(decl, index, scalar))
    }

    fn underlying_scalar(&mut self, ty: &'a ast::TypeExpr) -> Option<Scalar> {
        let qual = self.object_type(ty)?;
        let scalar = self.as_scalar(qual.ty).filter(|s| !s.is_float());
        if scalar.is_none() {
            let shown = self.display(qual.ty);
            self.error(
                Code::E0320,
                ty.span,
                format!("`{shown}` cannot hold an enumeration: an integer type can"),
            );
        }
        scalar
    }

    fn new_enum(&mut self, decl: &'a ast::EnumDecl, fixed: Option<Scalar>) -> u32 {
        let name = decl.name.as_ref().map_or("(anonymous enum)", |name| name.name.as_str()).to_owned();
        let namespace = self.scopes.current_namespace();
        let range = fixed.unwrap_or(Scalar::I32);
        self.enums.push(EnumInfo {
            name,
            scoped: decl.scoped,
            range,
            is_opaque: true,
            namespace,
            variants: Vec::new(),
        });
        self.enums.len() as u32 - 1
    }

    /// The enumeration that `enum E : T;` has declared before, or that it repeats. `None` if the declarations disagree.
    fn earlier_enum(&mut self, decl: &'a ast::EnumDecl, fixed: Option<Scalar>) -> Option<Option<u32>> {
        let Some(name) = &decl.name else { return Some(None) };
        let Some(earlier) = self.scopes.declared_before(&name.name) else { return Some(None) };
        let index = match earlier.decl {
            Decl::Poison => return Some(None),
            Decl::Type(Declared {
                ty: QualType { enumeration: Some(Enumeration::User(index)), .. }, ..
            }) => Some(index),
            _ => None,
        };
        let is_repeated = |index: &u32| self.enums[*index as usize].is_opaque || decl.variants.is_none();
        let Some(index) = index.filter(is_repeated) else {
            self.declared_twice(name, earlier.span);
            return None;
        };
        let (info, ty) = (&self.enums[index as usize], earlier.decl.as_type()?.ty);
        if info.scoped != decl.scoped || fixed != self.as_scalar(ty.ty) {
            let message =
                format!("`{}` was declared with another type, or as another kind of enum", name.name);
            self.report(
                Diagnostic::new(Code::E0213, name.span, message).label(earlier.span, "first declared here"),
            );
            return None;
        }
        Some(Some(index))
    }

    /// Declares the name of an enumeration, unless an earlier declaration has done so.
    fn name_enum(&mut self, decl: &'a ast::EnumDecl, index: u32, scalar: Scalar) -> Declared {
        let ty = self.builder.scalar_type(scalar);
        let qual = QualType { enumeration: Some(Enumeration::User(index)), ..QualType::plain(ty) };
        let declared = Declared { ty: qual, space: None, reference: None };
        if let Some(name) = &decl.name {
            let earlier = self.scopes.declared_before(&name.name).and_then(|earlier| earlier.decl.as_type());
            if earlier.is_none_or(|earlier| earlier.ty != qual) {
                let named = if decl.is_named_by_typedef { Decl::Alias } else { Decl::Type };
                self.declare(name, named(declared));
            }
        }
        declared
    }

    /// The values of an enumeration's names, which later ones may use.
    fn enumerators(&mut self, variants: &'a [Enumerator], scalar: Scalar) -> Option<Vec<i128>> {
        let mut values = Vec::with_capacity(variants.len());
        let mut next = 0i128;
        self.scopes.push_block();
        let mut complete = true;
        for (name, value) in variants {
            let value = match value {
                Some(expr) => self.constant_int(expr, "the value of an enumerator"),
                None => Some(next),
            };
            let Some(value) = value else {
                complete = false;
                continue;
            };
            next = value + 1;
            values.push(value);
            let constant = ConstValue::int(scalar, value);
            self.scopes.declare(&name.name, Decl::Constant(constant, None), name.span);
        }
        self.scopes.pop_block();
        complete.then_some(values)
    }

    fn finish_enumerators(
        &mut self,
        variants: &'a [Enumerator],
        scoped: bool,
        index: u32,
        values: &[i128],
        scalar: Scalar,
    ) {
        let (least, greatest) = int_range(scalar).unwrap_or((i128::MIN, i128::MAX));
        for ((name, _), &value) in variants.iter().zip(values) {
            if !(least..=greatest).contains(&value) {
                let shown = scalar.msl_name();
                self.error(
                    Code::E0314,
                    name.span,
                    format!("the value {value} of `{}` does not fit `{shown}`", name.name),
                );
            }
            let constant = ConstValue::int(scalar, value);
            self.enums[index as usize].variants.push((name.name.clone(), constant));
            if !scoped {
                self.declare(name, Decl::Constant(constant, Some(Enumeration::User(index))));
            }
        }
    }
}

/// The type that other compilers keep an enumeration in: unsigned if no value is negative.
fn range_of(values: &[i128]) -> Scalar {
    match (holding_scalar(values), values.iter().all(|&value| value >= 0)) {
        (Scalar::I32, true) => Scalar::U32,
        (Scalar::I64, true) => Scalar::U64,
        (scalar, _) => scalar,
    }
}

/// An enumerator and its value, if written.
type Enumerator = (ast::Ident, Option<ast::Expr>);

/// Whether a struct only declares the type that a member would have: `struct S { struct T { … }; };`.
fn is_only_declared(field: &ast::FieldDecl) -> bool {
    let ast::TypeExprKind::Inline(item) = &field.ty.kind else { return false };
    let is_anonymous = matches!(&item.kind, ast::ItemKind::Struct(decl) if decl.name.is_none());
    field.name.name.is_empty() && !is_anonymous
}

/// The type of an enumeration without one of its own: the first of int, uint, long, ulong that holds all values.
fn holding_scalar(values: &[i128]) -> Scalar {
    [Scalar::I32, Scalar::U32, Scalar::I64, Scalar::U64]
        .into_iter()
        .find(|&scalar| {
            let (least, greatest) = int_range(scalar).unwrap_or((0, 0));
            values.iter().all(|value| (least..=greatest).contains(value))
        })
        .unwrap_or(Scalar::U64)
}

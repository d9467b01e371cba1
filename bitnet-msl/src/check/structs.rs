//! Structs, unions and enumerations.

use super::Checker;
use super::const_eval::ConstValue;
use super::list::Missing;
use super::members::{DeletedFunctions, MemberNames};
use super::scope::{Decl, Names, NamespaceId};
use super::types::{Declared, EnumInfo, Enumeration, QualType};
use crate::ast::{self, Tag};
use crate::diag::{Code, Diagnostic};
use crate::ir::{Scalar, StructId, Type, TypeId, Value, int_range};
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
    /// The namespace around it: calls with it look there for functions, and its default member initialisers for names.
    pub(super) namespace: NamespaceId,
    defaults: Defaults,
    /// The types and enumerators that it declares.
    pub(super) members: Rc<Names<'a>>,
    /// The struct around it.
    outer: Option<StructId>,
    /// Declared in a function: its initialisers see what is around them.
    is_local: bool,
}

/// What becomes of a struct that is declared without a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    /// Some member gets a value, its own or of a struct in it.
    pub(super) any: bool,
    /// Every member gets one; of a union, one does.
    pub(super) all: bool,
    /// How many values that takes: members, and members of members.
    pub(super) count: u32,
}

impl Defaults {
    /// Of what has no members with initialisers.
    const NONE: Self = Self { any: false, all: false, count: 1 };

    fn of_members(is_union: bool, members: &[Self]) -> Self {
        let any = members.iter().any(|member| member.any);
        let all = if is_union { any } else { members.iter().all(|member| member.all) };
        let count = members.iter().fold(1u32, |sum, member| sum.saturating_add(member.count));
        Self { any, all, count }
    }
}

/// What the checker knows of a member beyond its place.
#[derive(Debug)]
pub(super) struct FieldInfo<'a> {
    pub(super) name: &'a ast::Ident,
    pub(super) ty: QualType,
    pub(super) init: Option<&'a ast::Expr>,
    /// Members that `init` uses, by number.
    pub(super) uses: Vec<usize>,
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
        self.scopes.push_struct();
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
            infos.push(FieldInfo { name: &field.name, ty, init, uses: Vec::new() });
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
        let defaults: Vec<Defaults> = infos
            .iter()
            .map(|field: &FieldInfo<'a>| match field.init {
                Some(_) => Defaults { any: true, all: true, count: 1 },
                None => self.defaults(field.ty.ty),
            })
            .collect();
        self.adopt(id, &members, &infos);
        let info = StructInfo {
            span: name_span,
            is_private: decl.is_private,
            deleted: self.deleted_functions(&infos, decl.is_union),
            fields: infos,
            namespace: self.scopes.current_namespace(),
            defaults: Defaults::of_members(decl.is_union, &defaults),
            members,
            outer: None,
            is_local: self.scopes.is_in_function(),
        };
        self.structs.insert(id.0, info);
        self.check_member_defaults(id);
        let ty = self.builder.types().intern(Type::Struct(id));
        Some(Declared::plain(self.bounded(ty, span)?))
    }

    /// A union gets one value where it has no initialiser.
    fn check_union_defaults(&mut self, is_union: bool, fields: &[FieldInfo<'a>]) {
        let mut defaults = fields.iter().filter(|field| is_union && field.init.is_some());
        if let (Some(first), Some(second)) = (defaults.next(), defaults.next()) {
            self.report(
                Diagnostic::new(Code::E0316, second.name.span, "a union has one default initialiser at most")
                    .label(first.name.span, "this member has one already"),
            );
        }
    }

    /// Notes the struct around the structs that it declares.
    fn adopt(&mut self, outer: StructId, members: &Names<'a>, fields: &[FieldInfo<'a>]) {
        let named =
            members.values().filter_map(|member| member.decl.as_type()).map(|declared| declared.ty.ty);
        let types: Vec<TypeId> = named.chain(fields.iter().map(|field| field.ty.ty)).collect();
        for ty in types {
            if let Type::Struct(inner) = self.ty(ty)
                && let Some(info) = self.structs.get_mut(&inner.0)
            {
                info.outer.get_or_insert(outer);
            }
        }
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

    /// What becomes of something of a type that is declared without a value. All elements of an array are one.
    pub(super) fn defaults(&self, ty: TypeId) -> Defaults {
        match self.ty(ty) {
            Type::Array { elem, .. } => self.defaults(elem),
            Type::Struct(id) => self.structs.get(&id.0).map_or(Defaults::NONE, |info| info.defaults),
            _ => Defaults::NONE,
        }
    }

    /// Whether something without initialiser still gets a value: a struct whose members have defaults.
    pub(super) fn has_default_members(&self, ty: TypeId) -> bool {
        self.defaults(ty).any
    }

    /// The member of a union that has an initialiser of its own.
    pub(super) fn initialised_member(&self, id: StructId) -> Option<usize> {
        self.structs.get(&id.0).and_then(|info| info.fields.iter().position(|field| field.init.is_some()))
    }

    /// The name in the definition of a struct.
    pub(super) fn struct_span(&self, id: StructId) -> Option<Span> {
        self.structs.get(&id.0).map(|info| info.span)
    }

    /// The value of a member that no clause of a list is left for, after those in front of it.
    pub(super) fn missing_member(
        &mut self,
        id: StructId,
        index: usize,
        ty: QualType,
        how: Missing,
        earlier: &[Value],
        span: Span,
    ) -> Option<Value> {
        let info = self.structs.get(&id.0);
        let init = info.and_then(|info| {
            let namespace = (!info.is_local).then_some(info.namespace);
            info.fields.get(index).and_then(|field| field.init).map(|init| (init, namespace))
        });
        let Some((init, namespace)) = init else { return self.missing_value(ty, how, span) };
        let place = namespace.map(|namespace| self.scopes.enter(namespace, u32::MAX));
        let blocks = self.enter_struct(id);
        self.scopes.push_block();
        self.declare_used_members(id, index, earlier);
        let value = self.initial_value(init, ty, None);
        for _ in 0..=blocks {
            self.scopes.pop_block();
        }
        if let Some(place) = place {
            self.scopes.leave(place);
        }
        value.map(|value| self.packed_like(value, ty.ty, span))
    }

    /// Makes the names of a struct and of those around it visible. Returns how many blocks that opens.
    pub(super) fn enter_struct(&mut self, id: StructId) -> usize {
        let mut around = vec![id];
        while let Some(outer) =
            around.last().and_then(|id| self.structs.get(&id.0)).and_then(|info| info.outer)
        {
            around.push(outer);
        }
        let members = around.iter().rev().filter_map(|id| self.structs.get(&id.0)).map(|info| &info.members);
        let members: Vec<_> = members.map(Rc::clone).collect();
        let blocks = members.len();
        members.into_iter().for_each(|members| self.scopes.push_members(members));
        blocks
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

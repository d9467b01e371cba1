//! Structs, unions and enumerations.

use super::Checker;
use super::const_eval::ConstValue;
use super::list::Missing;
use super::members::{DeletedFunctions, MemberNames};
use super::scope::{Decl, NamespaceId};
use super::types::{Declared, EnumInfo, Enumeration, QualType};
use crate::ast;
use crate::diag::{Code, Diagnostic};
use crate::ir::{Scalar, StructId, Type, TypeId, Value, int_range};
use crate::source::Span;

/// What the checker knows of a struct beyond its layout.
#[derive(Debug)]
pub(super) struct StructInfo<'a> {
    /// The name in the definition.
    pub(super) span: Span,
    pub(super) fields: Vec<FieldInfo<'a>>,
    /// A `class`: nobody else may name its members.
    pub(super) is_private: bool,
    pub(super) deleted: DeletedFunctions,
    /// Where default member initialisers look up names.
    namespace: NamespaceId,
    defaults: Defaults,
    /// Declared in a block: its initialisers see what is around them.
    is_local: bool,
}

impl StructInfo<'_> {
    /// The namespace where default member initialisers look up names; `None` if that is the block around.
    pub(super) fn outer_namespace(&self) -> Option<NamespaceId> {
        (!self.is_local).then_some(self.namespace)
    }
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
        let Some(fields) = &decl.fields else {
            return self.forward_declaration(decl);
        };
        let earlier = decl.name.as_ref().and_then(|name| self.scopes.innermost(&name.name));
        if let (Some(name), Some(earlier)) = (&decl.name, earlier)
            && !matches!(earlier.decl, Decl::Poison | Decl::Incomplete(_))
        {
            self.report(
                Diagnostic::new(Code::E0204, name.span, format!("`{}` is declared twice", name.name))
                    .label(earlier.span, "first declared here"),
            );
            return None;
        }
        if let Some(name) = &decl.name {
            self.scopes.declare(&name.name, Decl::Incomplete(name.span), name.span);
        }
        let declared = self.define_struct(decl, fields, span);
        if let Some(name) = &decl.name {
            self.scopes.declare(&name.name, declared.map_or(Decl::Poison, Decl::Type), name.span);
        }
        declared
    }

    fn forward_declaration<T>(&mut self, decl: &'a ast::StructDecl) -> Option<T> {
        let name = decl.name.as_ref()?;
        if self.scopes.innermost(&name.name).is_none() {
            self.scopes.declare(&name.name, Decl::Incomplete(name.span), name.span);
        }
        None
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
        for field in fields {
            let Some(ty) = self.field_type(field) else {
                complete = false;
                continue;
            };
            complete &= self.add_member_names(&mut names, shown, field, ty.ty).is_some();
            laid_out.push((field.name.name.clone(), ty.ty));
            let init = field.init.as_ref();
            infos.push(FieldInfo { name: &field.name, ty, init, uses: Vec::new() });
        }
        self.check_union_defaults(decl.is_union, &infos);
        if !complete {
            return None;
        }
        let Some(id) = self.builder.types().add_struct(shown.to_owned(), laid_out, decl.is_union) else {
            self.error(Code::E0315, span, format!("`{shown}` takes more than 1 GiB"));
            return None;
        };
        let name_span = decl.name.as_ref().map_or(span, |name| name.span);
        let members: Vec<Defaults> = infos
            .iter()
            .map(|field: &FieldInfo<'a>| match field.init {
                Some(_) => Defaults { any: true, all: true, count: 1 },
                None => self.defaults(field.ty.ty),
            })
            .collect();
        let info = StructInfo {
            span: name_span,
            is_private: decl.is_private,
            deleted: self.deleted_functions(&infos, decl.is_union),
            fields: infos,
            namespace: self.scopes.current_namespace(),
            defaults: Defaults::of_members(decl.is_union, &members),
            is_local: self.scopes.is_in_block(),
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
            info.fields.get(index).and_then(|f| f.init).map(|init| (init, info.outer_namespace()))
        });
        let Some((init, namespace)) = init else { return self.missing_value(ty, how, span) };
        let place = namespace.map(|namespace| self.scopes.enter(namespace, u32::MAX));
        self.scopes.push_block();
        self.declare_used_members(id, index, earlier);
        let value = self.initial_value(init, ty, None);
        self.scopes.pop_block();
        if let Some(place) = place {
            self.scopes.leave(place);
        }
        value.map(|value| self.packed_like(value, ty.ty, span))
    }

    /// Declares an enumeration and returns it.
    pub(super) fn enum_decl(&mut self, decl: &'a ast::EnumDecl) -> Option<Declared> {
        let scalar = match &decl.underlying {
            None => None,
            Some(ty) => {
                let qual = self.object_type(ty)?;
                let scalar = self.as_scalar(qual.ty).filter(|s| !s.is_float());
                if scalar.is_none() {
                    let shown = self.display(qual.ty);
                    self.error(
                        Code::E0320,
                        ty.span,
                        format!("`{shown}` cannot hold an enumeration: an integer type can"),
                    );
                    return None;
                }
                scalar
            }
        };
        let index = self.enums.len() as u32;
        let name = decl.name.as_ref().map_or("(anonymous enum)", |name| name.name.as_str()).to_owned();
        let range = scalar.unwrap_or(Scalar::I32);
        self.enums.push(EnumInfo { name, scoped: decl.scoped, range, variants: Vec::new() });
        let values = self.enumerators(decl, range)?;
        if scalar.is_none() {
            self.enums[index as usize].range = underlying_scalar(&values);
        }
        let scalar = scalar.unwrap_or_else(|| holding_scalar(&values));
        self.finish_enumerators(decl, index, &values, scalar);
        let ty = self.builder.scalar_type(scalar);
        let qual = QualType { enumeration: Some(Enumeration::User(index)), ..QualType::plain(ty) };
        let declared = Declared { ty: qual, space: None, reference: None };
        if let Some(name) = &decl.name {
            self.declare(name, Decl::Type(declared));
        }
        Some(declared)
    }

    /// The values of an enumeration's names, which later ones may use.
    fn enumerators(&mut self, decl: &'a ast::EnumDecl, scalar: Scalar) -> Option<Vec<i128>> {
        let mut values = Vec::with_capacity(decl.variants.len());
        let mut next = 0i128;
        self.scopes.push_block();
        let mut complete = true;
        for (name, value) in &decl.variants {
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

    fn finish_enumerators(&mut self, decl: &'a ast::EnumDecl, index: u32, values: &[i128], scalar: Scalar) {
        let (least, greatest) = int_range(scalar).unwrap_or((i128::MIN, i128::MAX));
        for ((name, _), &value) in decl.variants.iter().zip(values) {
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
            if !decl.scoped {
                self.declare(name, Decl::Constant(constant, Some(Enumeration::User(index))));
            }
        }
    }
}

/// The type that other compilers keep an enumeration in: unsigned if no value is negative.
fn underlying_scalar(values: &[i128]) -> Scalar {
    match (holding_scalar(values), values.iter().all(|&value| value >= 0)) {
        (Scalar::I32, true) => Scalar::U32,
        (Scalar::I64, true) => Scalar::U64,
        (scalar, _) => scalar,
    }
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

//! Rules about the members of structs and unions: names that clash, members that hinder copies, members that must be
//! initialised, access.

use super::Checker;
use super::operand::Operand;
use super::structs::FieldInfo;
use super::types::QualType;
use crate::ast;
use crate::diag::{Code, Diagnostic};
use crate::ir::{StructId, Type, TypeId};
use crate::options::LanguageVersion;
use crate::source::Span;
use std::collections::HashMap;

/// The member because of which a special member function of its struct is deleted.
#[derive(Clone, Debug)]
pub(super) struct DeletedBy {
    /// Its name in the text.
    span: Span,
    /// `a`, or `s.a` for a member of a member.
    path: String,
    /// `const` or `atomic`.
    what: &'static str,
}

impl DeletedBy {
    /// ``its member `s.a` is const``
    fn reason(&self) -> String {
        format!("its member `{}` is {}", self.path, self.what)
    }

    /// The same for a struct that has the struct as a member.
    fn of_member(self, name: &str, span: Span) -> Self {
        match (name.is_empty(), self.path.is_empty()) {
            (true, _) => self,
            (false, true) => Self { span, path: name.to_owned(), ..self },
            (false, false) => Self { path: format!("{name}.{}", self.path), ..self },
        }
    }
}

/// The special member functions that a struct does not have because of its members (C++ \[class.ctor\], \[class.copy\]).
#[derive(Clone, Debug, Default)]
pub(super) struct DeletedFunctions {
    copy_constructor: Option<DeletedBy>,
    copy_assignment: Option<DeletedBy>,
    /// Objects need an initialiser.
    default_constructor: Option<DeletedBy>,
}

/// A function that the compiler makes for a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SpecialFunction {
    CopyConstructor,
    CopyAssignment,
    DefaultConstructor,
}

/// The names of a struct's members, those of anonymous structs and unions included.
#[derive(Default)]
pub(super) struct MemberNames<'a> {
    seen: HashMap<&'a str, Span>,
}

impl<'a> Checker<'a> {
    /// Adds the names that a member brings. Reports one that is there already.
    pub(super) fn add_member_names(
        &mut self,
        names: &mut MemberNames<'a>,
        owner: &str,
        field: &'a ast::FieldDecl,
        ty: TypeId,
    ) -> Option<()> {
        let mut added = Vec::new();
        if field.name.name.is_empty() {
            self.anonymous_names(ty, &mut added);
        } else {
            added.push(&field.name);
        }
        let mut result = Some(());
        for name in added {
            if let Some(first) = names.seen.insert(&name.name, name.span) {
                let message = format!("`{owner}` has two members named `{}`", name.name);
                self.report(
                    Diagnostic::new(Code::E0204, name.span, message).label(first, "first declared here"),
                );
                result = None;
            }
        }
        result
    }

    /// The names that are found through an anonymous member.
    fn anonymous_names(&self, ty: TypeId, names: &mut Vec<&'a ast::Ident>) {
        let Type::Struct(id) = self.ty(ty) else { return };
        let Some(info) = self.structs.get(&id.0) else { return };
        for field in &info.fields {
            if field.name.name.is_empty() {
                self.anonymous_names(field.ty.ty, names);
            } else {
                names.push(field.name);
            }
        }
    }

    /// The special member functions that a struct of these members does not have.
    pub(super) fn deleted_functions(&self, fields: &[FieldInfo<'a>], is_union: bool) -> DeletedFunctions {
        let mut found = DeletedFunctions::default();
        for field in fields {
            let (name, span) = (&field.name.name, field.name.span);
            let inner =
                |function| self.deleted_by(field.ty.ty, function).map(|inner| inner.of_member(name, span));
            found.copy_constructor =
                found.copy_constructor.or_else(|| inner(SpecialFunction::CopyConstructor));
            let is_const = || DeletedBy { span, path: name.clone(), what: "const" };
            let is_const = field.ty.is_const.then(is_const);
            found.copy_assignment = found
                .copy_assignment
                .or_else(|| is_const.clone())
                .or_else(|| inner(SpecialFunction::CopyAssignment));
            if field.init.is_none() && !is_union {
                let is_const = is_const.filter(|_| !self.is_initialised_by_itself(field.ty.ty));
                found.default_constructor = found
                    .default_constructor
                    .or(is_const)
                    .or_else(|| inner(SpecialFunction::DefaultConstructor));
            }
        }
        found
    }

    /// Why objects of a type have no such function, if so.
    fn deleted_by(&self, ty: TypeId, function: SpecialFunction) -> Option<DeletedBy> {
        match self.ty(ty) {
            Type::Array { elem, .. } => self.deleted_by(elem, function),
            Type::Atomic(_) if function != SpecialFunction::DefaultConstructor => {
                Some(DeletedBy { span: Span::default(), path: String::new(), what: "atomic" })
            }
            Type::Struct(id) => match self.structs.get(&id.0) {
                Some(info) => {
                    let found = &info.deleted;
                    match function {
                        SpecialFunction::CopyConstructor => found.copy_constructor.clone(),
                        SpecialFunction::CopyAssignment => found.copy_assignment.clone(),
                        SpecialFunction::DefaultConstructor => found.default_constructor.clone(),
                    }
                }
                None => self.array_struct(ty).and_then(|(elem, _)| self.deleted_by(elem, function)),
            },
            _ => None,
        }
    }

    /// Whether objects of a struct cannot be copied.
    pub(super) fn is_uncopyable(&self, operand: &Operand) -> bool {
        let is_struct = matches!(self.ty(operand.ty), Type::Struct(_));
        is_struct
            && (operand.is_volatile
                || self.deleted_by(operand.ty, SpecialFunction::CopyConstructor).is_some())
    }

    /// Reports an object without initialiser whose type wants one.
    pub(super) fn check_default_constructible(&mut self, ty: QualType, span: Span) -> Option<()> {
        let Some(deleted_by) = self.deleted_by(ty.ty, SpecialFunction::DefaultConstructor) else {
            return Some(());
        };
        let shown = self.display(ty.ty);
        let message = format!("a `{shown}` needs an initialiser: {}", deleted_by.reason());
        self.report(
            Diagnostic::new(Code::E0316, span, message)
                .label(deleted_by.span, "gets its value where the object is made")
                .note("initialise the object with a list, or give the member a default initialiser"),
        );
        None
    }

    /// Reports a copy of a struct that cannot be copied. A value that was just made is a copy before C++17 only.
    pub(super) fn check_copy(&mut self, operand: &Operand) -> Option<()> {
        if !matches!(self.ty(operand.ty), Type::Struct(_)) {
            return Some(());
        }
        if operand.is_volatile {
            return self.volatile_struct(operand.ty, operand.span);
        }
        let elided = !operand.is_place() && self.options.language_version >= LanguageVersion::Metal4_0;
        match self.deleted_by(operand.ty, SpecialFunction::CopyConstructor) {
            Some(deleted_by) if !elided => {
                let note = "copy the members one by one, atomic ones with atomic_load_explicit [MSL 6.15]";
                self.cannot_copy(operand.ty, &deleted_by, "copied", note, operand.span)
            }
            _ => Some(()),
        }
    }

    /// Reports an assignment to a struct that cannot be assigned as a whole.
    pub(super) fn check_assignable(&mut self, target: &Operand, span: Span) -> Option<()> {
        if !matches!(self.ty(target.ty), Type::Struct(_)) {
            return Some(());
        }
        if target.is_volatile {
            return self.volatile_struct(target.ty, span);
        }
        let Some(deleted_by) = self.deleted_by(target.ty, SpecialFunction::CopyAssignment) else {
            return Some(());
        };
        self.cannot_copy(target.ty, &deleted_by, "assigned", "assign the other members one by one", span)
    }

    fn cannot_copy<T>(
        &mut self,
        ty: TypeId,
        deleted_by: &DeletedBy,
        what: &str,
        note: &str,
        span: Span,
    ) -> Option<T> {
        let message = format!("a `{}` cannot be {what}: {}", self.display(ty), deleted_by.reason());
        self.report(
            Diagnostic::new(Code::E0340, span, message).label(deleted_by.span, "this member").note(note),
        );
        None
    }

    fn volatile_struct<T>(&mut self, ty: TypeId, span: Span) -> Option<T> {
        let message = format!("a volatile `{}` is neither copied nor assigned as a whole", self.display(ty));
        self.report(
            Diagnostic::new(Code::E0340, span, message).note(
                "the copy constructor and assignment of a struct take no volatile one: copy its members",
            ),
        );
        None
    }

    /// Reports a member that only its class may name.
    pub(super) fn check_access(&mut self, id: StructId, name: &ast::Ident) -> Option<()> {
        let Some(info) = self.structs.get(&id.0).filter(|info| info.is_private) else { return Some(()) };
        let declared = info.span;
        let owner = self.builder.type_table().get_struct(id).name.clone();
        let message = format!("`{}` is a private member of `{owner}`", name.name);
        self.report(
            Diagnostic::new(Code::E0341, name.span, message)
                .label(declared, "declared as a class")
                .note("the members of a class are private: declare it as a struct"),
        );
        None
    }

    /// Reports a list of values for the members of a class.
    pub(super) fn check_aggregate(&mut self, id: StructId, span: Span) -> Option<()> {
        let Some(info) = self.structs.get(&id.0).filter(|info| info.is_private && !info.fields.is_empty())
        else {
            return Some(());
        };
        let declared = info.span;
        let owner = self.builder.type_table().get_struct(id).name.clone();
        let message = format!("`{owner}` has private members, which a list cannot initialise");
        self.report(
            Diagnostic::new(Code::E0341, span, message)
                .label(declared, "declared as a class")
                .note("the members of a class are private: declare it as a struct"),
        );
        None
    }
}

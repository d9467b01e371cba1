//! Using directives and using declarations.

use super::Checker;
use super::function::{OverloadKind, SetId};
use super::scope::Decl;
use crate::ast;
use crate::diag::{Code, Diagnostic};
use crate::source::Span;

impl<'a> Checker<'a> {
    /// `using namespace n;`.
    pub(super) fn using_namespace(&mut self, path: &'a ast::Path) {
        match self.lookup_path(path) {
            Some(Decl::Namespace(namespace)) if self.scopes.use_namespace(namespace) => {}
            Some(Decl::Namespace(_)) => self.too_many_directives(path.span),
            Some(Decl::Poison) => {}
            _ => {
                let name = self.path_text(path);
                self.error(Code::E0203, path.span, format!("there is no namespace `{name}`"));
            }
        }
    }

    /// Reports a namespace that would be one too many to look through.
    pub(super) fn too_many_directives(&mut self, span: Span) {
        self.report(
            Diagnostic::new(
                Code::E0608,
                span,
                "this many using directives and inline namespaces are not supported",
            )
            .note("name the namespaces, or declare the names that are needed: `using n::name;`"),
        );
    }

    /// `using n::name;`.
    pub(super) fn using_declaration(&mut self, path: &'a ast::Path) {
        let Some(last) = path.segments.last() else { return };
        match self.lookup_path(path) {
            Some(Decl::Functions(set)) => self.use_functions(&last.name, set, path.span),
            Some(decl) => self.use_name(&last.name, decl, path.span),
            None if self.is_library_path(path) => self.use_name(&last.name, Decl::Library, path.span),
            None => {
                self.unknown_name::<()>(path);
            }
        }
    }

    /// Declares a name that stands for what it stands for elsewhere. It may do so already.
    fn use_name(&mut self, name: &'a ast::Ident, decl: Decl, span: Span) {
        match self.scopes.declared_before(&name.name) {
            Some(earlier) if super::lookup::is_same_entity(earlier.decl, decl) => {}
            Some(earlier) if !matches!((earlier.decl, decl), (Decl::Poison, _) | (_, Decl::Poison)) => {
                self.used_twice(name, earlier.span, span);
            }
            // `using metal::uint;` outside of all namespaces, where the library has declared the same.
            None if matches!(decl, Decl::Library) && self.is_global_library_type(&name.name) => {}
            _ => {
                self.scopes.declare(&name.name, decl, span);
            }
        }
    }

    /// Declares functions of another namespace as overloads of the name here: those that stand before.
    fn use_functions(&mut self, name: &'a ast::Ident, set: SetId, span: Span) {
        let own = match self.scopes.declared_before(&name.name) {
            Some(earlier) => match earlier.decl {
                Decl::Functions(own) => own,
                Decl::Poison => return,
                _ => return self.used_twice(name, earlier.span, span),
            },
            None => {
                let own = self.functions.add_set();
                self.scopes.declare(&name.name, Decl::Functions(own), span);
                own
            }
        };
        let known: Vec<OverloadKind> = self.functions.set(own).iter().map(|overload| overload.kind).collect();
        for overload in self.functions.set(set) {
            if self.scopes.sees(overload.order) && !known.contains(&overload.kind) {
                self.functions.add_overload(own, overload);
            }
        }
    }

    fn used_twice(&mut self, name: &ast::Ident, earlier: Span, span: Span) {
        self.report(
            Diagnostic::new(Code::E0204, span, format!("`{}` is declared here already", name.name))
                .label(earlier, "first declared here")
                .note("a using declaration declares the name, as any other declaration does"),
        );
    }
}

//! How a name is found: from inside blocks and namespaces, with what using directives make visible, and with the
//! names of the library (C++ \[basic.lookup\], \[namespace.udir\]).
//!
//! A using directive makes the names of a namespace visible as if they were declared in the nearest namespace that
//! encloses both. Where two namespaces declare a name at the same level, functions overload each other; anything
//! else is ambiguous.
//!
//! **Invariant:** the library's names take part in every look-up that reaches their namespace, so that what the
//! program declares hides them, stands beside them or is ambiguous with them as in any other namespace.

use super::Checker;
use super::builtins::has_fast_version;
use super::function::{OverloadKind, SetId};
use super::library::LibraryName;
use super::scope::{Binding, Decl, GLOBAL, METAL_FAST, METAL_PRECISE, Namespace, NamespaceId, Scopes};
use super::types::Enumeration;
use crate::ast;
use crate::diag::{Code, Diagnostic};
use crate::ir::StructId;
use crate::source::Span;

/// A namespace that a using directive makes visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Visible {
    namespace: NamespaceId,
    /// The namespace beside whose names its names stand.
    beside: NamespaceId,
}

/// What one level of a look-up has of a name: never nothing.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Declarations of the program.
    pub(super) program: Vec<Binding>,
    /// Declarations of the library.
    pub(super) library: Vec<(NamespaceId, LibraryName)>,
}

impl Found {
    fn one(binding: Binding) -> Self {
        Self { program: vec![binding], library: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.program.is_empty() && self.library.is_empty()
    }
}

/// Which declarations a look-up takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookupKind {
    /// Every one.
    Ordinary,
    /// Those of types and namespaces: before `::` nothing else counts (C++ \[basic.lookup.qual\]), so that a function
    /// `fast` does not hide the namespace.
    Qualifier,
    /// Those of types: after `struct` nothing else counts (C++ \[basic.lookup.elab\]).
    Tag,
}

impl LookupKind {
    fn takes(self, decl: &Decl) -> bool {
        match self {
            LookupKind::Ordinary => true,
            LookupKind::Qualifier => decl.is_type_or_namespace(),
            LookupKind::Tag => decl.is_type() || matches!(decl, Decl::Poison),
        }
    }

    fn takes_library(self, name: LibraryName) -> bool {
        self == LookupKind::Ordinary || matches!(name, LibraryName::Type(_) | LibraryName::Template)
    }
}

impl<'a> Scopes<'a> {
    /// A name as seen from here.
    pub(super) fn lookup(&self, name: &str, kind: LookupKind) -> Option<Found> {
        let in_blocks = self.blocks.iter().rev().filter_map(|block| block.get(name));
        if let Some(binding) = in_blocks.into_iter().find(|binding| kind.takes(&binding.decl)) {
            return Some(Found::one(*binding));
        }
        let mut at = Some(self.current);
        while let Some(namespace) = at {
            let mut found = Found::default();
            self.collect(namespace, name, kind, &mut found);
            for visible in self.visible().iter().filter(|visible| visible.beside == namespace) {
                // Behind `fast::` every function is taken; only some are there to be ambiguous with those of `metal`.
                let is_precision = matches!(visible.namespace, METAL_FAST | METAL_PRECISE);
                if !is_precision || has_fast_version(name) {
                    self.collect(visible.namespace, name, kind, &mut found);
                }
            }
            if !found.is_empty() {
                return Some(found);
            }
            at = self.namespaces[namespace.0 as usize].parent;
        }
        None
    }

    /// A name of a namespace, or else of those that it uses (C++ \[namespace.qual\]).
    pub(super) fn lookup_in(&self, namespace: NamespaceId, name: &str, kind: LookupKind) -> Option<Found> {
        let mut level = self.with_inline(namespace);
        let mut seen = level.clone();
        while !level.is_empty() {
            let mut found = Found::default();
            level.iter().for_each(|&at| self.collect(at, name, kind, &mut found));
            if !found.is_empty() {
                return Some(found);
            }
            let mut next = Vec::new();
            for at in level {
                for directive in &self.namespaces[at.0 as usize].scope.using {
                    if self.sees(directive.order) && !seen.contains(&directive.namespace) {
                        seen.push(directive.namespace);
                        next.push(directive.namespace);
                    }
                }
            }
            level = next;
        }
        None
    }

    /// The functions of a name that a namespace itself declares.
    pub(super) fn functions_in(&self, namespace: NamespaceId, name: &str) -> Option<SetId> {
        match self.namespaces[namespace.0 as usize].scope.get(name)?.decl {
            Decl::Functions(set) => Some(set),
            _ => None,
        }
    }

    /// The namespaces in which functions for a type of one are looked for: it, the inline ones in it, and, if it is
    /// inline itself, those around it.
    pub(super) fn associated(&self, namespace: NamespaceId) -> Vec<NamespaceId> {
        let mut outermost = namespace;
        while let Namespace { is_inline: true, parent: Some(parent), .. } =
            self.namespaces[outermost.0 as usize]
        {
            outermost = parent;
        }
        self.with_inline(outermost)
    }

    /// A namespace and the inline ones in it, whose names are its own.
    fn with_inline(&self, namespace: NamespaceId) -> Vec<NamespaceId> {
        let mut all = vec![namespace];
        let mut next = 0;
        while let Some(&at) = all.get(next) {
            next += 1;
            let used = self.namespaces[at.0 as usize].scope.using.iter().map(|directive| directive.namespace);
            let is_member = |used: &NamespaceId| {
                let used = &self.namespaces[used.0 as usize];
                used.is_inline && used.parent == Some(at)
            };
            all.extend(used.filter(is_member));
        }
        all
    }

    /// Adds what a namespace itself declares.
    fn collect(&self, namespace: NamespaceId, name: &str, kind: LookupKind, found: &mut Found) {
        let declared = self.namespaces[namespace.0 as usize].scope.get(name);
        found.program.extend(declared.filter(|b| self.sees(b.order) && kind.takes(&b.decl)));
        let of_library =
            super::library::declared_in(namespace, name, self.version).filter(|&n| kind.takes_library(n));
        found.library.extend(of_library.map(|library| (namespace, library)));
    }

    /// What using directives make visible here.
    fn visible(&self) -> &[Visible] {
        self.visible.get_or_init(|| {
            let mut found = Vec::new();
            for directive in self.blocks.iter().flat_map(|block| &block.using) {
                self.follow(directive.namespace, self.current, &mut found);
            }
            let mut at = Some(self.current);
            while let Some(namespace) = at {
                let Namespace { parent, scope, .. } = &self.namespaces[namespace.0 as usize];
                for directive in scope.using.iter().filter(|directive| self.sees(directive.order)) {
                    self.follow(directive.namespace, namespace, &mut found);
                }
                at = *parent;
            }
            found
        })
    }

    /// Adds a namespace that a directive in another one names, and those that it uses itself.
    fn follow(&self, namespace: NamespaceId, from: NamespaceId, found: &mut Vec<Visible>) {
        let mut queue = vec![namespace];
        while let Some(namespace) = queue.pop() {
            let visible = Visible { namespace, beside: self.common(namespace, from) };
            if found.contains(&visible) {
                continue;
            }
            found.push(visible);
            let used = &self.namespaces[namespace.0 as usize].scope.using;
            queue.extend(used.iter().filter(|d| self.sees(d.order)).map(|d| d.namespace));
        }
    }

    /// The nearest namespace that encloses both.
    fn common(&self, a: NamespaceId, b: NamespaceId) -> NamespaceId {
        let mut at = a;
        while !self.encloses(at, b) {
            let Some(parent) = self.namespaces[at.0 as usize].parent else { return GLOBAL };
            at = parent;
        }
        at
    }

    fn encloses(&self, outer: NamespaceId, inner: NamespaceId) -> bool {
        let mut at = Some(inner);
        while let Some(namespace) = at.filter(|&at| at != outer) {
            at = self.namespaces[namespace.0 as usize].parent;
        }
        at.is_some()
    }

    /// Every name visible from here, for "did you mean".
    pub(super) fn visible_names(&self) -> Vec<&'a str> {
        let mut names: Vec<&'a str> = self.blocks.iter().flat_map(|block| block.names()).collect();
        let mut at = Some(self.current);
        while let Some(namespace) = at {
            let namespace = &self.namespaces[namespace.0 as usize];
            names.extend(namespace.scope.names());
            at = namespace.parent;
        }
        names.sort_unstable();
        names
    }
}

/// What comes of a look-up.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    /// A type or constant of the library, or nothing that can be used.
    Library,
    /// Functions, which overload each other wherever they stand.
    Functions,
    /// Anything else, declared by the program.
    One(Decl),
    /// Several things of which it can only be one.
    Ambiguous,
}

/// What stands before the last `::` of a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Qualifier {
    /// A namespace.
    Namespace(NamespaceId),
    /// An enumeration of the program.
    Enum(u32),
    /// A struct of the program.
    Struct(StructId),
    /// Another type.
    Type,
}

impl<'a> Checker<'a> {
    /// What a path stands for: declarations of the program, functions of the library, or both together. `None` for
    /// types and constants of the library and for what nobody declares.
    pub(super) fn lookup_path(&mut self, path: &'a ast::Path) -> Option<Decl> {
        let found = match self.find_path(path)? {
            Place::Found(found) => found,
            Place::Enum(enumeration) => {
                let last = path.segments.last()?;
                return self.enumerator(enumeration, &last.name);
            }
        };
        self.settle(path, &found)
    }

    /// What the scopes have of a path.
    fn find_path(&self, path: &ast::Path) -> Option<Place> {
        let (last, qualifiers) = path.segments.split_last()?;
        let name = last.name.name.as_str();
        let kind = if path.tag.is_some() { LookupKind::Tag } else { LookupKind::Ordinary };
        if qualifiers.is_empty() && !path.global {
            return self.scopes.lookup(name, kind).map(Place::Found);
        }
        match self.lookup_qualifiers(path)? {
            Qualifier::Namespace(namespace) => self.scopes.lookup_in(namespace, name, kind).map(Place::Found),
            Qualifier::Enum(enumeration) => Some(Place::Enum(enumeration)),
            Qualifier::Struct(id) => {
                let member = self.structs.get(&id.0)?.members.get(name)?;
                Some(Place::Found(Found::one(*member)))
            }
            Qualifier::Type => None,
        }
    }

    /// The declaration that a look-up means; reports one that could mean several.
    fn settle(&mut self, path: &ast::Path, found: &Found) -> Option<Decl> {
        match self.meaning(found) {
            Meaning::Library => None,
            Meaning::One(decl) => Some(decl),
            Meaning::Functions => {
                let mut sets: Vec<SetId> = Vec::new();
                for binding in &found.program {
                    if let Decl::Functions(set) = binding.decl
                        && !sets.contains(&set)
                    {
                        sets.push(set);
                    }
                }
                for &(namespace, name) in &found.library {
                    let kind = match name {
                        LibraryName::Function(name) => OverloadKind::Library(namespace, name),
                        LibraryName::Unsupported(name, param) => OverloadKind::Unsupported(name, param),
                        _ => continue,
                    };
                    sets.push(self.functions.library_set(kind));
                }
                Some(Decl::Functions(self.functions.union(sets)?))
            }
            Meaning::Ambiguous => {
                self.ambiguous_name(&path.segments.last()?.name, path.span, found);
                Some(Decl::Poison)
            }
        }
    }

    fn meaning(&self, found: &Found) -> Meaning {
        let program = &found.program;
        if let Some(poison) = program.iter().find(|binding| matches!(binding.decl, Decl::Poison)) {
            return Meaning::One(poison.decl);
        }
        let of_program = program.iter().all(|binding| matches!(binding.decl, Decl::Functions(_)));
        let of_library = found.library.iter().all(|(_, name)| name.is_function());
        if of_program && of_library {
            return Meaning::Functions;
        }
        let Some((first, rest)) = program.split_first() else { return Meaning::Library };
        if program.iter().all(|binding| matches!(binding.decl, Decl::Library)) {
            return Meaning::Library;
        }
        let same = rest.iter().all(|binding| is_same_entity(first.decl, binding.decl));
        if same && (found.library.is_empty() || self.is_library_entity(first.decl, found)) {
            return Meaning::One(first.decl);
        }
        Meaning::Ambiguous
    }

    /// Whether a declaration of the program is an alias of the library's type of that name.
    fn is_library_entity(&self, decl: Decl, found: &Found) -> bool {
        let Some(declared) = decl.as_type() else { return false };
        let is_same = |(_, name): &(NamespaceId, LibraryName)| match name {
            LibraryName::Type(Some(ty)) => self.is_plain_type(declared, *ty),
            _ => false,
        };
        found.library.iter().all(is_same)
    }

    fn ambiguous_name(&mut self, name: &ast::Ident, span: Span, found: &Found) {
        let last = name.name.as_str();
        let mut diagnostic = Diagnostic::new(Code::E0212, span, format!("`{last}` is ambiguous"));
        let of_program = found.program.iter().filter(|binding| binding.span != Span::default());
        for binding in of_program.take(4) {
            diagnostic = diagnostic.label(binding.span, "declared here");
        }
        let library = found.library.iter().find(|(namespace, _)| *namespace != GLOBAL);
        diagnostic = match library {
            Some((_, kind)) => {
                let mut diagnostic = diagnostic.note(format!(
                    "`using namespace metal;` makes {} `metal::{last}` of the library visible beside it",
                    kind.describe()
                ));
                if found.program.iter().any(|binding| self.is_global(last, binding)) {
                    diagnostic = diagnostic.note(format!(
                        "rename it, or write `::{last}` for the program's and `metal::{last}` for the library's"
                    ));
                }
                diagnostic
            }
            None => diagnostic.note("name the namespace that is meant, with `::`"),
        };
        self.report(diagnostic.note(
            "names of namespaces that are visible together overload each other if they are functions; other names exclude each other (C++ [namespace.udir])",
        ));
    }

    fn is_global(&self, name: &str, binding: &Binding) -> bool {
        let found = self.scopes.lookup_in(GLOBAL, name, LookupKind::Ordinary);
        found.is_some_and(|found| found.program.iter().any(|global| global.order == binding.order))
    }

    /// What the parts of a path before the last one stand for, as far as the program or `metal` has them.
    pub(super) fn lookup_qualifiers(&self, path: &ast::Path) -> Option<Qualifier> {
        let (_, qualifiers) = path.segments.split_last()?;
        self.qualifiers(path.global, qualifiers)
    }

    fn qualifiers(&self, is_global: bool, qualifiers: &[ast::PathSegment]) -> Option<Qualifier> {
        let mut at = is_global.then_some(Qualifier::Namespace(GLOBAL));
        for segment in qualifiers {
            at = Some(self.qualifier(&self.find_qualifier(at, &segment.name.name)?)?);
        }
        at
    }

    /// What stands before `::`, behind other qualifiers or as seen from here.
    fn find_qualifier(&self, at: Option<Qualifier>, name: &str) -> Option<Found> {
        match at {
            None => self.scopes.lookup(name, LookupKind::Qualifier),
            Some(Qualifier::Namespace(namespace)) => {
                self.scopes.lookup_in(namespace, name, LookupKind::Qualifier)
            }
            Some(Qualifier::Struct(id)) => {
                self.structs.get(&id.0)?.members.get(name).map(|member| Found::one(*member))
            }
            Some(Qualifier::Enum(_) | Qualifier::Type) => None,
        }
    }

    /// Reports the part before the last `::` of a path that means several things, if one does.
    pub(super) fn is_qualifier_ambiguous(&mut self, path: &ast::Path) -> bool {
        let mut at = path.global.then_some(Qualifier::Namespace(GLOBAL));
        for segment in path.segments.iter().rev().skip(1).rev() {
            let Some(found) = self.find_qualifier(at, &segment.name.name) else { return false };
            if matches!(self.meaning(&found), Meaning::Ambiguous) {
                self.ambiguous_name(&segment.name, segment.name.span, &found);
                return true;
            }
            at = self.qualifier(&found);
        }
        false
    }

    fn qualifier(&self, found: &Found) -> Option<Qualifier> {
        let Meaning::One(decl) = self.meaning(found) else { return None };
        if let Decl::Namespace(namespace) = decl {
            return Some(Qualifier::Namespace(namespace));
        }
        let declared = decl.as_type()?;
        Some(match (declared.ty.enumeration, self.ty(declared.ty.ty)) {
            (Some(Enumeration::User(index)), _) => Qualifier::Enum(index),
            (None, crate::ir::Type::Struct(id)) if self.structs.contains_key(&id.0) => Qualifier::Struct(id),
            _ => Qualifier::Type,
        })
    }

    /// Whether the library, and not the program, declares a name that the first `count` parts of a path spell.
    pub(super) fn is_of_library(&self, path: &ast::Path, count: usize) -> bool {
        let Some((last, qualifiers)) = path.segments.get(..count).and_then(<[_]>::split_last) else {
            return false;
        };
        let name = last.name.name.as_str();
        let found = match qualifiers {
            [] if !path.global => self.scopes.lookup(name, LookupKind::Ordinary),
            _ => match self.qualifiers(path.global, qualifiers) {
                Some(Qualifier::Namespace(namespace)) => {
                    self.scopes.lookup_in(namespace, name, LookupKind::Ordinary)
                }
                _ => None,
            },
        };
        found.is_some_and(|found| matches!(self.meaning(&found), Meaning::Library))
    }

    fn enumerator(&mut self, index: u32, name: &ast::Ident) -> Option<Decl> {
        let info = &self.enums[index as usize];
        let found = info.variants.iter().find(|(variant, _)| *variant == name.name);
        if let Some((_, value)) = found {
            return Some(Decl::Constant(*value, Some(Enumeration::User(index))));
        }
        let message = format!("`{}` has no enumerator `{}`", info.name, name.name);
        let names: Vec<&str> = info.variants.iter().map(|(variant, _)| variant.as_str()).collect();
        let hint = super::suggest::closest(&name.name, names).map(str::to_owned);
        let mut diagnostic = Diagnostic::new(Code::E0203, name.span, message);
        if let Some(hint) = hint {
            diagnostic = diagnostic.at(format!("did you mean `{hint}`?"));
        }
        self.report(diagnostic);
        Some(Decl::Poison)
    }
}

/// What the scopes have of a path.
enum Place {
    Found(Found),
    /// A name of an enumeration.
    Enum(u32),
}

/// Whether two declarations declare one thing, under one name.
pub(super) fn is_same_entity(a: Decl, b: Decl) -> bool {
    match (a, b) {
        (Decl::Variable(a), Decl::Variable(b)) => a == b,
        (Decl::Functions(a), Decl::Functions(b)) => a == b,
        (Decl::Constant(a, of_a), Decl::Constant(b, of_b)) => a == b && of_a == of_b && of_a.is_some(),
        (Decl::Namespace(a), Decl::Namespace(b)) => a == b,
        (Decl::ClassTemplate(a), Decl::ClassTemplate(b))
        | (Decl::Incomplete(a, _), Decl::Incomplete(b, _))
        | (Decl::FunctionType(a), Decl::FunctionType(b)) => a == b,
        (Decl::LoggerType, Decl::LoggerType) | (Decl::Library, Decl::Library) => true,
        (Decl::Logger(a), Decl::Logger(b)) => a == b,
        _ => match (a.as_type(), b.as_type()) {
            (Some(a), Some(b)) => a.ty == b.ty && a.reference == b.reference,
            _ => false,
        },
    }
}

//! Names: namespaces, blocks, and how a name is found from inside them.

use super::Checker;
use super::const_eval::ConstValue;
use super::function::SetId;
use super::types::{Declared, Enumeration};
use crate::ast;
use crate::diag::{Code, Diagnostic};
use crate::ir::LoggerId;
use crate::source::Span;
use std::collections::HashMap;

/// A variable of the checker's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VarId(pub(super) u32);

/// A namespace of [`Scopes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NamespaceId(u32);

/// The global namespace.
pub(super) const GLOBAL: NamespaceId = NamespaceId(0);
/// `metal`: the standard library, to which programs may add.
pub(super) const METAL: NamespaceId = NamespaceId(1);
/// `metal::fast`.
pub(super) const METAL_FAST: NamespaceId = NamespaceId(2);
/// `metal::precise`.
pub(super) const METAL_PRECISE: NamespaceId = NamespaceId(3);

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Decl {
    /// A variable or parameter.
    Variable(VarId),
    /// All functions and function templates of the name in one namespace.
    Functions(SetId),
    /// A type.
    Type(Declared),
    /// An enumerator or a template's value parameter.
    Constant(ConstValue, Option<Enumeration>),
    /// A namespace.
    Namespace(NamespaceId),
    /// A template of a struct, alias or variable; declared here.
    ClassTemplate(Span),
    /// A struct whose definition has not ended: named here.
    Incomplete(Span),
    /// `typedef R name(…)`, or the type of a function: instantiations are declared with it.
    FunctionType(Span),
    /// `using metal::exp;`.
    Library(NamespaceId),
    /// `os_log`.
    LoggerType,
    /// A variable of type `os_log`; `None` is `os_log_default`.
    Logger(Option<LoggerId>),
    /// Declared with an error that has been reported.
    Poison,
}

/// A name in a scope.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binding {
    pub(super) decl: Decl,
    pub(super) span: Span,
    /// Position among all declarations: an instance of a template sees those before the template.
    order: u32,
}

/// The names of a namespace or a block.
#[derive(Debug, Default)]
struct Scope<'a> {
    names: HashMap<&'a str, Binding>,
    /// `using namespace`.
    using: Vec<NamespaceId>,
}

#[derive(Debug)]
struct Namespace<'a> {
    parent: Option<NamespaceId>,
    scope: Scope<'a>,
}

/// Every scope, and the place from which names are looked up.
#[derive(Debug)]
pub(super) struct Scopes<'a> {
    namespaces: Vec<Namespace<'a>>,
    /// Blocks around the place, innermost last.
    blocks: Vec<Scope<'a>>,
    current: NamespaceId,
    next_order: u32,
    /// Declarations of namespaces after this one are not visible.
    visible_until: u32,
}

/// The blocks and namespace of another place, put aside by [`Scopes::enter`].
#[derive(Debug)]
pub(super) struct SavedPlace<'a> {
    blocks: Vec<Scope<'a>>,
    current: NamespaceId,
    visible_until: u32,
}

impl<'a> Scopes<'a> {
    pub(super) fn new() -> Self {
        let namespace = |parent| Namespace { parent, scope: Scope::default() };
        let mut scopes = Self {
            namespaces: vec![
                namespace(None),
                namespace(Some(GLOBAL)),
                namespace(Some(METAL)),
                namespace(Some(METAL)),
            ],
            blocks: Vec::new(),
            current: GLOBAL,
            next_order: 0,
            visible_until: u32::MAX,
        };
        for (parent, name, id) in
            [(GLOBAL, "metal", METAL), (METAL, "fast", METAL_FAST), (METAL, "precise", METAL_PRECISE)]
        {
            scopes.declare_in(parent, name, Decl::Namespace(id), Span::default());
        }
        scopes
    }

    /// The number of the next declaration.
    pub(super) fn order(&self) -> u32 {
        self.next_order
    }

    /// Whether a declaration with this number is visible from here.
    pub(super) fn sees(&self, order: u32) -> bool {
        order < self.visible_until
    }

    /// Whether a block declares the name.
    pub(super) fn is_local(&self, name: &str) -> bool {
        self.blocks.iter().any(|block| block.names.contains_key(name))
    }

    /// Whether this place is within a block.
    pub(super) fn is_in_block(&self) -> bool {
        !self.blocks.is_empty()
    }

    pub(super) fn current_namespace(&self) -> NamespaceId {
        self.current
    }

    /// Goes to a place in a namespace, outside of all blocks, that sees the declarations before `visible_until`.
    pub(super) fn enter(&mut self, namespace: NamespaceId, visible_until: u32) -> SavedPlace<'a> {
        SavedPlace {
            blocks: std::mem::take(&mut self.blocks),
            current: std::mem::replace(&mut self.current, namespace),
            visible_until: std::mem::replace(&mut self.visible_until, visible_until),
        }
    }

    /// Goes back.
    pub(super) fn leave(&mut self, place: SavedPlace<'a>) {
        self.blocks = place.blocks;
        self.current = place.current;
        self.visible_until = place.visible_until;
    }

    pub(super) fn push_block(&mut self) {
        self.blocks.push(Scope::default());
    }

    pub(super) fn pop_block(&mut self) {
        self.blocks.pop();
    }

    /// Opens (or opens again) a namespace inside the current one.
    pub(super) fn open_namespace(&mut self, name: Option<&'a str>, span: Span) -> NamespaceId {
        let parent = self.current;
        // An anonymous namespace is one whose names are visible around it.
        let key = name.unwrap_or("(anonymous)");
        if let Some(Binding { decl: Decl::Namespace(id), .. }) =
            self.namespaces[parent.0 as usize].scope.names.get(key)
        {
            self.current = *id;
            return parent;
        }
        let id = NamespaceId(self.namespaces.len() as u32);
        self.namespaces.push(Namespace { parent: Some(parent), scope: Scope::default() });
        self.declare_in(parent, key, Decl::Namespace(id), span);
        if name.is_none() {
            self.namespaces[parent.0 as usize].scope.using.push(id);
        }
        self.current = id;
        parent
    }

    /// Goes back to the namespace that [`Scopes::open_namespace`] returned.
    pub(super) fn close_namespace(&mut self, parent: NamespaceId) {
        self.current = parent;
    }

    /// `using namespace`.
    pub(super) fn use_namespace(&mut self, namespace: NamespaceId) {
        let scope = match self.blocks.last_mut() {
            Some(block) => block,
            None => &mut self.namespaces[self.current.0 as usize].scope,
        };
        if !scope.using.contains(&namespace) {
            scope.using.push(namespace);
        }
    }

    /// Declares a name in the innermost scope and returns what it stood for there.
    pub(super) fn declare(&mut self, name: &'a str, decl: Decl, span: Span) -> Option<Binding> {
        match self.blocks.last_mut() {
            Some(block) => block.names.insert(name, Binding { decl, span, order: 0 }),
            None => self.declare_in(self.current, name, decl, span),
        }
    }

    /// Declares a name of the standard library.
    pub(super) fn declare_library(&mut self, name: &'static str, decl: Decl, span: Span) {
        self.declare_in(METAL, name, decl, span);
    }

    fn declare_in(
        &mut self,
        namespace: NamespaceId,
        name: &'a str,
        decl: Decl,
        span: Span,
    ) -> Option<Binding> {
        let order = self.next_order;
        self.next_order += 1;
        self.namespaces[namespace.0 as usize].scope.names.insert(name, Binding { decl, span, order })
    }

    /// What the innermost scope says of a name.
    pub(super) fn innermost(&self, name: &str) -> Option<Binding> {
        match self.blocks.last() {
            Some(block) => block.names.get(name).copied(),
            None => self.namespaces[self.current.0 as usize].scope.names.get(name).copied(),
        }
    }

    /// A name of a namespace and of those it uses.
    pub(super) fn lookup_in(&self, namespace: NamespaceId, name: &str) -> Option<Binding> {
        self.find_in(namespace, name, |_| true)
    }

    /// A name as seen from here.
    pub(super) fn lookup(&self, name: &str) -> Option<Binding> {
        self.find(name, |_| true)
    }

    /// What stands before `::`: in a namespace, or as seen from here. Only namespaces and types count
    /// (C++ \[basic.lookup.qual\]), so that a function `fast` does not hide the namespace.
    fn lookup_qualifier(&self, namespace: Option<NamespaceId>, name: &str) -> Option<Binding> {
        let qualifies = |decl: &Decl| {
            matches!(
                decl,
                Decl::Namespace(_)
                    | Decl::Type(_)
                    | Decl::ClassTemplate(_)
                    | Decl::Incomplete(_)
                    | Decl::Poison
            )
        };
        match namespace {
            Some(namespace) => self.find_in(namespace, name, qualifies),
            None => self.find(name, qualifies),
        }
    }

    fn find_in(&self, namespace: NamespaceId, name: &str, accept: fn(&Decl) -> bool) -> Option<Binding> {
        let mut seen = vec![namespace];
        let mut next = 0;
        while let Some(&at) = seen.get(next) {
            next += 1;
            let scope = &self.namespaces[at.0 as usize].scope;
            let found = scope.names.get(name).filter(|b| b.order < self.visible_until && accept(&b.decl));
            if let Some(binding) = found {
                return Some(*binding);
            }
            for used in &scope.using {
                if !seen.contains(used) {
                    seen.push(*used);
                }
            }
        }
        None
    }

    fn find(&self, name: &str, accept: fn(&Decl) -> bool) -> Option<Binding> {
        let in_blocks = self.blocks.iter().rev().filter_map(|block| block.names.get(name));
        if let Some(binding) = in_blocks.into_iter().find(|binding| accept(&binding.decl)) {
            return Some(*binding);
        }
        let mut at = Some(self.current);
        while let Some(namespace) = at {
            if let Some(binding) = self.find_in(namespace, name, accept) {
                return Some(binding);
            }
            at = self.namespaces[namespace.0 as usize].parent;
        }
        let mut used = self.blocks.iter().rev().flat_map(|block| &block.using);
        used.find_map(|&namespace| self.find_in(namespace, name, accept))
    }

    /// Whether names of the standard library are visible without `metal::`.
    pub(super) fn uses_metal(&self) -> bool {
        if self.blocks.iter().any(|block| block.using.contains(&METAL)) {
            return true;
        }
        let mut at = Some(self.current);
        while let Some(namespace) = at {
            if namespace == METAL || self.uses(namespace, METAL) {
                return true;
            }
            at = self.namespaces[namespace.0 as usize].parent;
        }
        false
    }

    fn uses(&self, namespace: NamespaceId, target: NamespaceId) -> bool {
        self.namespaces[namespace.0 as usize].scope.using.contains(&target)
    }

    /// Every name visible from here, for "did you mean".
    pub(super) fn visible_names(&self) -> Vec<&'a str> {
        let mut names: Vec<&'a str> =
            self.blocks.iter().flat_map(|block| block.names.keys().copied()).collect();
        let mut at = Some(self.current);
        while let Some(namespace) = at {
            let namespace = &self.namespaces[namespace.0 as usize];
            names.extend(namespace.scope.names.keys().copied());
            at = namespace.parent;
        }
        names.sort_unstable();
        names
    }
}

impl<'a> Checker<'a> {
    /// What a path stands for, as far as the program declared it. Says nothing if it did not.
    pub(super) fn lookup_path(&mut self, path: &'a ast::Path) -> Option<Decl> {
        let (last, qualifiers) = path.segments.split_last()?;
        if qualifiers.is_empty() && !path.global {
            return self.scopes.lookup(&last.name.name).map(|binding| binding.decl);
        }
        match self.lookup_qualifiers(path)? {
            Qualifier::Namespace(namespace) => {
                self.scopes.lookup_in(namespace, &last.name.name).map(|binding| binding.decl)
            }
            Qualifier::Enum(enumeration) => self.enumerator(enumeration, &last.name),
            Qualifier::Type => None,
        }
    }

    /// What the parts of a path before the last one stand for, as far as the program or `metal` has them.
    pub(super) fn lookup_qualifiers(&self, path: &ast::Path) -> Option<Qualifier> {
        let (_, qualifiers) = path.segments.split_last()?;
        let mut at = path.global.then_some(GLOBAL);
        for (index, segment) in qualifiers.iter().enumerate() {
            let name = &segment.name.name;
            let found = self.scopes.lookup_qualifier(at, name);
            match found?.decl {
                Decl::Namespace(namespace) => at = Some(namespace),
                Decl::Type(declared) if index + 1 == qualifiers.len() => {
                    return Some(match declared.ty.enumeration {
                        Some(Enumeration::User(index)) => Qualifier::Enum(index),
                        _ => Qualifier::Type,
                    });
                }
                _ => return None,
            }
        }
        at.map(Qualifier::Namespace)
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

    /// Declares a name. Two declarations in one scope are an error.
    pub(super) fn declare(&mut self, name: &'a ast::Ident, decl: Decl) {
        if let Some(earlier) = self.scopes.innermost(&name.name)
            && !matches!(earlier.decl, Decl::Poison)
        {
            self.report(
                Diagnostic::new(Code::E0204, name.span, format!("`{}` is declared twice", name.name))
                    .label(earlier.span, "first declared here"),
            );
        }
        self.scopes.declare(&name.name, decl, name.span);
    }

    /// A path as messages print it.
    pub(super) fn path_text(&self, path: &ast::Path) -> String {
        let names: Vec<&str> = path.segments.iter().map(|s| s.name.name.as_str()).collect();
        names.join("::")
    }
}

/// What stands before the last `::` of a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Qualifier {
    /// A namespace.
    Namespace(NamespaceId),
    /// An enumeration of the program.
    Enum(u32),
    /// Another type.
    Type,
}

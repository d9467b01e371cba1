//! Names: namespaces, blocks and structs, and what they declare. How a name is found from inside them is in
//! [`super::lookup`].

use super::Checker;
use super::const_eval::ConstValue;
use super::function::SetId;
use super::lookup::Visible;
use super::types::{Declared, Enumeration};
use crate::ast::{self, Tag};
use crate::diag::{Code, Diagnostic};
use crate::ir::LoggerId;
use crate::options::LanguageVersion;
use crate::source::Span;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::rc::Rc;

/// A variable of the checker's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct VarId(pub(super) u32);

/// A namespace of [`Scopes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NamespaceId(pub(super) u32);

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
    /// A parameter, in a default argument of its function: not to be used there. Declared here.
    Parameter(Span),
    /// All functions and function templates of the name in one namespace, or that a look-up found.
    Functions(SetId),
    /// A template's parameter of function pointer type: the functions that it was given.
    FunctionArgument(SetId),
    /// A struct, union or enumeration by the name of its own.
    Type(Declared),
    /// Another name of a type: an alias, or a template's type parameter.
    Alias(Declared),
    /// An enumerator or a template's value parameter.
    Constant(ConstValue, Option<Enumeration>),
    /// A namespace.
    Namespace(NamespaceId),
    /// A template of a struct, alias or variable; declared here.
    ClassTemplate(Span),
    /// A struct whose definition has not ended: named here.
    Incomplete(Span, Tag),
    /// `typedef R name(…)`, or the type of a function: instantiations are declared with it.
    FunctionType(Span),
    /// A type, template or constant of the library, by a using declaration.
    Library,
    /// `os_log`.
    LoggerType,
    /// A variable of type `os_log`; `None` is `os_log_default`.
    Logger(Option<LoggerId>),
    /// Declared with an error that has been reported.
    Poison,
}

impl Decl {
    /// The type that the name names.
    pub(super) fn as_type(self) -> Option<Declared> {
        match self {
            Decl::Type(declared) | Decl::Alias(declared) => Some(declared),
            _ => None,
        }
    }

    /// Whether the name may stand before `::` or after `struct`: other names do not hide it there.
    pub(super) fn is_type_or_namespace(self) -> bool {
        self.is_type() || matches!(self, Decl::Namespace(_) | Decl::Poison)
    }

    /// Whether the name is one of a type or of a template of types.
    pub(super) fn is_type(self) -> bool {
        matches!(
            self,
            Decl::Type(_)
                | Decl::Alias(_)
                | Decl::ClassTemplate(_)
                | Decl::Incomplete(..)
                | Decl::LoggerType
                | Decl::FunctionType(_)
        )
    }
}

/// A name in a scope.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binding {
    pub(super) decl: Decl,
    pub(super) span: Span,
    /// Position among all declarations: an instance of a template sees those before the template.
    pub(super) order: u32,
}

/// A using directive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Directive {
    pub(super) namespace: NamespaceId,
    /// Position among all declarations.
    pub(super) order: u32,
}

/// The names that a scope declares.
pub(super) type Names<'a> = HashMap<&'a str, Binding>;

/// The names of a namespace, a block or a struct.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    names: Names<'a>,
    /// Names that are shared: of a struct that is complete, or of a block that was kept.
    members: Option<Rc<Names<'a>>>,
    /// `using namespace`, and the namespaces inside this one whose names are its own as well.
    pub(super) using: Vec<Directive>,
    /// Declares nothing that the scope around declares: the body of a statement with a head.
    is_body: bool,
}

/// What a block declares, kept beyond its end.
#[derive(Clone, Debug)]
pub(super) struct Kept<'a> {
    names: Rc<Names<'a>>,
    using: Vec<Directive>,
}

impl<'a> Scope<'a> {
    fn len(&self) -> usize {
        self.names.len() + self.members.as_ref().map_or(0, |members| members.len())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Binding> {
        self.names.get(name).or_else(|| self.members.as_ref()?.get(name))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.names.keys().copied()
    }
}

#[derive(Debug)]
pub(super) struct Namespace<'a> {
    pub(super) parent: Option<NamespaceId>,
    pub(super) scope: Scope<'a>,
    pub(super) is_inline: bool,
}

/// Every scope, and the place from which names are looked up.
#[derive(Debug)]
pub(super) struct Scopes<'a> {
    pub(super) namespaces: Vec<Namespace<'a>>,
    /// Blocks around the place, innermost last.
    pub(super) blocks: Vec<Scope<'a>>,
    pub(super) current: NamespaceId,
    next_order: u32,
    /// Declarations of namespaces after this one are not visible.
    pub(super) visible_until: u32,
    /// How many using directives the namespaces hold.
    directives: usize,
    /// How many names of blocks are kept.
    kept_names: usize,
    /// What using directives make visible at the place, once somebody has asked.
    pub(super) visible: OnceCell<Vec<Visible>>,
    /// Decides which names the library has.
    pub(super) version: LanguageVersion,
}

/// The blocks and namespace of another place, put aside by [`Scopes::enter`].
#[derive(Debug)]
pub(super) struct SavedPlace<'a> {
    blocks: Vec<Scope<'a>>,
    current: NamespaceId,
    visible_until: u32,
    visible: OnceCell<Vec<Visible>>,
}

/// How many using directives may be in effect, in namespaces and in blocks. Each one costs every look-up.
const MAX_DIRECTIVES: usize = 32;

/// How many names of blocks may be kept: each struct in a function that has default initialisers keeps those around it.
const MAX_KEPT_NAMES: usize = 1 << 16;

impl<'a> Scopes<'a> {
    pub(super) fn new(version: LanguageVersion) -> Self {
        let namespace = |parent| Namespace { parent, scope: Scope::default(), is_inline: false };
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
            directives: 0,
            kept_names: 0,
            visible: OnceCell::new(),
            version,
        };
        for (parent, name, id) in
            [(GLOBAL, "metal", METAL), (METAL, "fast", METAL_FAST), (METAL, "precise", METAL_PRECISE)]
        {
            scopes.declare_in(parent, name, Decl::Namespace(id), Span::default());
        }
        scopes
    }

    /// A number for a declaration that adds to a name declared before: each overload has one of its own, so that a
    /// template sees those before it and no others.
    pub(super) fn take_order(&mut self) -> u32 {
        let order = self.next_order;
        self.next_order += 1;
        order
    }

    /// Whether a declaration with this number is visible from here.
    pub(super) fn sees(&self, order: u32) -> bool {
        order < self.visible_until
    }

    /// The declarations that are visible from here: those before this one.
    pub(super) fn horizon(&self) -> u32 {
        self.next_order.min(self.visible_until)
    }

    /// Whether the place lies in a function or struct.
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
            visible: std::mem::take(&mut self.visible),
        }
    }

    /// Goes back.
    pub(super) fn leave(&mut self, place: SavedPlace<'a>) {
        self.blocks = place.blocks;
        self.current = place.current;
        self.visible_until = place.visible_until;
        self.visible = place.visible;
    }

    pub(super) fn push_block(&mut self) {
        self.blocks.push(Scope::default());
    }

    /// Opens the block of a statement whose head stands in the block around it: what the head declares cannot be
    /// declared again in it (C++ \[stmt.stmt\]).
    pub(super) fn push_body(&mut self) {
        self.blocks.push(Scope { is_body: true, ..Scope::default() });
    }

    /// The names of the blocks around this place, for another look from here. `replace` says what is kept of a variable
    /// if not itself. `None` if too much has been kept already.
    pub(super) fn keep_blocks(&mut self, replace: impl Fn(VarId) -> Option<Decl>) -> Option<Vec<Kept<'a>>> {
        let names: usize = self.blocks.iter().map(Scope::len).sum();
        self.kept_names += names;
        if self.kept_names > MAX_KEPT_NAMES {
            return None;
        }
        let keep = |block: &Scope<'a>| {
            let mut names = block.members.as_deref().cloned().unwrap_or_default();
            names.extend(&block.names);
            for binding in names.values_mut() {
                if let Decl::Variable(id) = binding.decl {
                    binding.decl = replace(id).unwrap_or(binding.decl);
                }
            }
            Kept { names: Rc::new(names), using: block.using.clone() }
        };
        Some(self.blocks.iter().map(keep).collect())
    }

    /// Goes into a block that has been kept.
    pub(super) fn push_kept(&mut self, kept: Kept<'a>) {
        self.visible.take();
        self.blocks.push(Scope { members: Some(kept.names), using: kept.using, ..Scope::default() });
    }

    /// Goes into a struct, whose names are visible in it.
    pub(super) fn push_members(&mut self, members: Rc<Names<'a>>) {
        self.blocks.push(Scope { members: Some(members), ..Scope::default() });
    }

    /// Closes the innermost block and gives its names.
    pub(super) fn pop_block(&mut self) -> Names<'a> {
        let Some(block) = self.blocks.pop() else { return Names::default() };
        if !block.using.is_empty() {
            self.visible.take();
        }
        block.names
    }

    /// Whether namespaces can hold one more using directive.
    pub(super) fn takes_directive(&self) -> bool {
        self.directives < MAX_DIRECTIVES
    }

    /// Opens (or opens again) a namespace inside the current one.
    pub(super) fn open_namespace(
        &mut self,
        name: Option<&'a str>,
        is_inline: bool,
        span: Span,
    ) -> NamespaceId {
        self.visible.take();
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
        self.namespaces.push(Namespace { parent: Some(parent), scope: Scope::default(), is_inline });
        self.declare_in(parent, key, Decl::Namespace(id), span);
        if name.is_none() || is_inline {
            let order = self.next_order;
            self.namespaces[parent.0 as usize].scope.using.push(Directive { namespace: id, order });
            self.directives += usize::from(is_inline);
        }
        self.current = id;
        parent
    }

    /// Goes back to the namespace that [`Scopes::open_namespace`] returned.
    pub(super) fn close_namespace(&mut self, parent: NamespaceId) {
        self.visible.take();
        self.current = parent;
    }

    /// `using namespace`. `false` if there are too many of them.
    pub(super) fn use_namespace(&mut self, namespace: NamespaceId) -> bool {
        let in_blocks: usize = self.blocks.iter().map(|block| block.using.len()).sum();
        let order = self.take_order();
        let (scope, count) = match self.blocks.last_mut() {
            Some(block) => (block, in_blocks),
            None => (&mut self.namespaces[self.current.0 as usize].scope, self.directives),
        };
        if scope.using.iter().any(|directive| directive.namespace == namespace) {
            return true;
        }
        if count >= MAX_DIRECTIVES {
            return false;
        }
        scope.using.push(Directive { namespace, order });
        if self.blocks.is_empty() {
            self.directives += 1;
        }
        self.visible.take();
        true
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
        let order = self.take_order();
        self.namespaces[namespace.0 as usize].scope.names.insert(name, Binding { decl, span, order })
    }

    /// What the innermost scope says of a name.
    pub(super) fn innermost(&self, name: &str) -> Option<Binding> {
        match self.blocks.last() {
            Some(block) => block.get(name).copied(),
            None => self.namespaces[self.current.0 as usize].scope.names.get(name).copied(),
        }
    }

    /// What keeps the innermost scope from declaring a name: it has done so, or the head that it is the body of has.
    pub(super) fn declared_before(&self, name: &str) -> Option<Binding> {
        for block in self.blocks.iter().rev() {
            if let Some(binding) = block.get(name) {
                return Some(*binding);
            }
            if !block.is_body {
                return None;
            }
        }
        self.innermost(name)
    }
}

impl<'a> Checker<'a> {
    /// Declares a name. Two declarations in one scope are an error.
    pub(super) fn declare(&mut self, name: &'a ast::Ident, decl: Decl) {
        if let Some(earlier) = self.scopes.declared_before(&name.name)
            && !matches!(earlier.decl, Decl::Poison)
        {
            self.declared_twice(name, earlier.span);
        } else if self.is_global_library_type(&name.name) {
            self.declared_by_library(name);
            self.scopes.declare(&name.name, Decl::Poison, name.span);
            return;
        }
        self.scopes.declare(&name.name, decl, name.span);
    }

    /// Reports a name that one scope declares as two things.
    pub(super) fn declared_twice(&mut self, name: &ast::Ident, earlier: Span) {
        self.report(
            Diagnostic::new(Code::E0204, name.span, format!("`{}` is declared twice", name.name))
                .label(earlier, "first declared here"),
        );
    }

    /// Reports a name of the program that is one of the library's global types.
    pub(super) fn declared_by_library(&mut self, name: &ast::Ident) {
        let message = format!("`{}` is a type that the library has declared", name.name);
        self.report(
            Diagnostic::new(Code::E0204, name.span, message)
                .note("scalar and vector types are declared in the global namespace [MSL 2.1, 2.2]; use another name, or a namespace of your own"),
        );
    }

    /// A path as messages print it.
    pub(super) fn path_text(&self, path: &ast::Path) -> String {
        let names: Vec<&str> = path.segments.iter().map(|s| s.name.name.as_str()).collect();
        names.join("::")
    }
}

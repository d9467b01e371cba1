//! What the names of the program are, as far as the grammar asks: types, templates, values, namespaces.

use std::collections::{HashMap, HashSet};

use super::vocabulary;

/// What a name is to the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A type.
    Type,
    /// A template that makes types.
    TypeTemplate,
    /// A function or variable template.
    ValueTemplate,
    /// A variable, function, enumerator or member.
    Value,
    /// A namespace.
    Namespace,
    /// Not declared: perhaps a function of the standard library, perhaps a mistake.
    Unknown,
}

impl Class {
    /// Whether the name, with or without template arguments, names a type.
    pub(super) fn is_type(self) -> bool {
        matches!(self, Class::Type | Class::TypeTemplate)
    }

    /// What a declaration of this class declares behind `template <…>`.
    pub(super) fn templated(self) -> Class {
        if self.is_type() { Class::TypeTemplate } else { Class::ValueTemplate }
    }
}

/// How many `using namespace` of the program's own namespaces are followed at a time. Each one costs every
/// look-up; what lies beyond only loses the names' classes.
const MAX_USED_NAMESPACES: usize = 32;

/// The names of one `{ … }`.
type Scope = HashMap<String, Class>;

/// The names visible at the place the parser has reached.
///
/// **Invariant:** `scopes` is never empty; its first scope is the global one.
#[derive(Debug)]
pub(super) struct Names {
    scopes: Vec<Scope>,
    /// Namespaces that `using namespace` made visible, each with the number of scopes around it.
    used: Vec<(usize, String)>,
    /// Names declared in namespaces, as `outer::inner::name`.
    qualified: HashMap<String, Class>,
    /// Namespaces the program has opened.
    opened: HashSet<String>,
    /// The namespace around this place, as `outer::inner`; empty outside.
    namespace: String,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            scopes: vec![Scope::default()],
            used: Vec::new(),
            qualified: HashMap::new(),
            opened: HashSet::new(),
            namespace: String::new(),
        }
    }
}

/// A name followed out part by part, as its path is read.
#[derive(Debug)]
pub(super) struct Walk {
    global: bool,
    /// The parts so far, joined.
    prefix: String,
    class: Option<Class>,
}

impl Walk {
    /// The start of a path; `global` if it begins with `::`.
    pub(super) fn new(global: bool) -> Self {
        Self { global, prefix: String::new(), class: None }
    }

    /// Goes on by one part and says what the path is up to there.
    pub(super) fn step(&mut self, names: &Names, part: &str) -> Class {
        let class = match self.class {
            None if self.global => names.lookup_global(part),
            None => names.lookup(part),
            Some(class) if class.is_type() => names.lookup_member(&self.prefix, part),
            Some(_) => names.lookup_in(&self.prefix, part),
        };
        if self.class.is_some() {
            self.prefix.push_str("::");
        }
        self.prefix.push_str(part);
        self.class = Some(class);
        class
    }
}

impl Names {
    /// How many scopes are open.
    pub(super) fn depth(&self) -> usize {
        self.scopes.len()
    }

    /// Opens a scope.
    pub(super) fn push(&mut self) {
        self.scopes.push(Scope::default());
    }

    /// Closes scopes until `depth` are left.
    pub(super) fn truncate(&mut self, depth: usize) {
        self.scopes.truncate(depth.max(1));
        while self.used.last().is_some_and(|(scopes, _)| *scopes > self.scopes.len()) {
            self.used.pop();
        }
    }

    /// Declares a name in the innermost scope.
    pub(super) fn declare(&mut self, name: &str, class: Class) {
        self.declare_at(self.scopes.len() - 1, name, class);
    }

    /// Declares a name in the scope with this number.
    pub(super) fn declare_at(&mut self, scope: usize, name: &str, class: Class) {
        let Some(scope) = self.scopes.get_mut(scope) else { return };
        let slot = scope.entry(name.to_owned()).or_insert(class);
        // A plain overload beside a function template leaves the name a template.
        if !(*slot == Class::ValueTemplate && class == Class::Value) {
            *slot = class;
        }
        if !self.namespace.is_empty() {
            let known = self.qualified.entry(format!("{}::{name}", self.namespace)).or_insert(class);
            if *known != Class::ValueTemplate {
                *known = class;
            }
        }
    }

    /// Goes into a namespace; the result is for [`Self::leave_namespace`].
    pub(super) fn enter_namespace(&mut self, name: &str) -> String {
        self.declare(name, Class::Namespace);
        let inner = if self.namespace.is_empty() { name.to_owned() } else { self.join(name) };
        self.opened.insert(inner.clone());
        std::mem::replace(&mut self.namespace, inner)
    }

    /// Goes back to the namespace around.
    pub(super) fn leave_namespace(&mut self, outer: String) {
        self.namespace = outer;
    }

    /// Makes the names of a namespace visible without its name.
    pub(super) fn use_namespace(&mut self, path: &str) {
        let inner = self.join(path);
        let found = [inner, path.to_owned()].into_iter().find(|n| self.opened.contains(n));
        let is_new = |name: &String| !self.used.iter().any(|(_, used)| used == name);
        if let Some(found) = found.filter(is_new)
            && self.used.len() < MAX_USED_NAMESPACES
        {
            self.used.push((self.scopes.len(), found));
        }
    }

    /// What an unqualified name is.
    pub(super) fn lookup(&self, name: &str) -> Class {
        if let Some(class) = self.scopes.iter().rev().find_map(|scope| scope.get(name)) {
            return *class;
        }
        let used =
            || self.used.iter().rev().find_map(|(_, n)| self.qualified.get(&format!("{n}::{name}")).copied());
        self.enclosing(name).or_else(used).unwrap_or_else(|| vocabulary::standard(name))
    }

    fn lookup_global(&self, name: &str) -> Class {
        self.scopes[0].get(name).copied().unwrap_or_else(|| vocabulary::standard(name))
    }

    fn lookup_in(&self, prefix: &str, name: &str) -> Class {
        let path = format!("{prefix}::{name}");
        if let Some(class) = self.enclosing(&path).or_else(|| self.qualified.get(&path).copied()) {
            class
        } else if self.opened.contains(&path) {
            Class::Namespace
        } else if prefix.split("::").all(vocabulary::is_standard_namespace) {
            vocabulary::standard(name)
        } else {
            Class::Unknown
        }
    }

    /// What a member of a type is: a value, unless the type declares a type of the name.
    fn lookup_member(&self, prefix: &str, name: &str) -> Class {
        let path = format!("{prefix}::{name}");
        let here = self.scopes.iter().rev().find_map(|scope| scope.get(&path)).copied();
        here.or_else(|| self.enclosing(&path)).or_else(|| self.qualified.get(&path).copied()).unwrap_or_else(
            || vocabulary::standard_member(prefix.rsplit("::").next().unwrap_or_default(), name),
        )
    }

    /// What a path is in the namespaces around this place, innermost first.
    fn enclosing(&self, path: &str) -> Option<Class> {
        let mut outer = self.namespace.as_str();
        while !outer.is_empty() {
            if let Some(class) = self.qualified.get(&format!("{outer}::{path}")) {
                return Some(*class);
            }
            outer = outer.rfind("::").map_or("", |end| &outer[..end]);
        }
        None
    }

    fn join(&self, name: &str) -> String {
        format!("{}::{name}", self.namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(names: &Names, path: &str) -> Class {
        let mut walk = Walk::new(path.starts_with("::"));
        path.split("::").filter(|p| !p.is_empty()).map(|p| walk.step(names, p)).last().expect("a part")
    }

    #[test]
    fn inner_scopes_shadow_and_end() {
        let mut names = Names::default();
        names.declare("S", Class::Type);
        names.push();
        names.declare("S", Class::Value);
        names.declare("half", Class::Value);
        assert_eq!((names.lookup("S"), names.lookup("half")), (Class::Value, Class::Value));
        assert_eq!(walk(&names, "::S"), Class::Type);
        names.truncate(1);
        assert_eq!((names.lookup("S"), names.lookup("half")), (Class::Type, Class::Type));
    }

    #[test]
    fn overload_beside_a_template_leaves_it_a_template() {
        let mut names = Names::default();
        names.declare("f", Class::ValueTemplate);
        names.declare("f", Class::Value);
        assert_eq!(names.lookup("f"), Class::ValueTemplate);
    }

    #[test]
    fn namespaces_keep_their_names() {
        let mut names = Names::default();
        names.push();
        let outer = names.enter_namespace("n");
        names.declare("S", Class::Type);
        names.leave_namespace(outer);
        names.truncate(1);
        for (path, class) in [
            ("n::S", Class::Type),
            ("S", Class::Unknown),
            ("metal::uint", Class::Type),
            ("::metal::uint", Class::Type),
            ("metal::fast::exp", Class::Unknown),
            ("metal::vec", Class::TypeTemplate),
            ("float4::x", Class::Value),
            ("n::T", Class::Unknown),
        ] {
            assert_eq!(walk(&names, path), class, "{path}");
        }
        names.use_namespace("n");
        assert_eq!(names.lookup("S"), Class::Type);
    }
}

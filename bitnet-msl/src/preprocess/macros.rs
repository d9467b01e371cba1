//! Macros and the table of them.

use std::rc::Rc;

use crate::lex::{RawToken, Symbol};
use crate::source::Span;

/// A macro.
pub(super) struct Macro {
    pub(super) name: Symbol,
    /// The name in its `#define`; `None` if it stands in no text.
    pub(super) span: Option<Span>,
    pub(super) kind: MacroKind,
}

/// What a macro's name stands for.
pub(super) enum MacroKind {
    /// The body, with the arguments of a call put in.
    Defined {
        /// Of a function-like macro.
        params: Option<Params>,
        /// The body as substitution goes through it.
        items: Vec<Item>,
        /// The body as written, to compare definitions.
        body: Vec<RawToken>,
    },
    /// Something that depends on the place or the surroundings.
    Builtin(Builtin),
}

/// The parameters of a function-like macro.
#[derive(PartialEq, Eq)]
pub(super) struct Params {
    /// In order. The last one of a variadic macro takes the rest: `__VA_ARGS__` or a name of its own.
    pub(super) names: Vec<Symbol>,
    pub(super) variadic: bool,
}

/// Macros that no body can express.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Builtin {
    /// `__LINE__`
    Line,
    /// `__FILE__`
    File,
    /// `__COUNTER__`
    Counter,
    /// `__has_include(…)`
    HasInclude,
    /// Clang's `__has_feature(…)` and kin: this front end has none of what they ask for.
    FeatureTest,
}

/// One operand of a body: what stands between two `##`, or a token that has none beside it.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) piece: Piece,
    pub(super) space_before: bool,
    /// `##` stands before it.
    pub(super) joined: bool,
}

/// What an [`Item`] puts into the expansion.
#[derive(Debug)]
pub(super) enum Piece {
    /// The token.
    Token(RawToken),
    /// The argument, fully expanded.
    Param(usize),
    /// The argument as written: the operand of a `##`.
    RawParam(usize),
    /// The argument's spelling: the operand of a `#`.
    Stringized(usize),
    /// `, ## rest`: the comma and the rest, or nothing if the rest is empty (GNU).
    CommaAndRest(RawToken, usize),
    /// `__VA_OPT__(…)`: its content if the rest is not empty (C++20).
    IfRest(usize, Vec<Item>),
}

impl Macro {
    /// Whether two definitions say the same (C11 6.10.3 paragraph 2).
    pub(super) fn same_as(&self, other: &Macro) -> bool {
        let same_token = |(i, (a, b)): (usize, (&RawToken, &RawToken))| {
            a.text == b.text && a.kind == b.kind && (i == 0 || a.space_before == b.space_before)
        };
        match (&self.kind, &other.kind) {
            (
                MacroKind::Defined { params: p, body: a, .. },
                MacroKind::Defined { params: q, body: b, .. },
            ) => p == q && a.len() == b.len() && a.iter().zip(b).enumerate().all(same_token),
            (MacroKind::Builtin(a), MacroKind::Builtin(b)) => a == b,
            _ => false,
        }
    }
}

/// The macros defined at a point of the text, by name.
#[derive(Default)]
pub(super) struct MacroTable {
    slots: Vec<Slot>,
}

#[derive(Clone, Default)]
struct Slot {
    definition: Option<Rc<Macro>>,
    /// An expansion of it is being read: its name is not expanded meanwhile.
    expanding: bool,
}

impl MacroTable {
    pub(super) fn get(&self, name: Symbol) -> Option<&Rc<Macro>> {
        self.slots.get(name.index())?.definition.as_ref()
    }

    /// Adds a macro and returns the one it replaces.
    pub(super) fn insert(&mut self, definition: Macro) -> Option<Rc<Macro>> {
        self.slot(definition.name).definition.replace(Rc::new(definition))
    }

    pub(super) fn remove(&mut self, name: Symbol) {
        self.slot(name).definition = None;
    }

    pub(super) fn is_expanding(&self, name: Symbol) -> bool {
        self.slots.get(name.index()).is_some_and(|slot| slot.expanding)
    }

    pub(super) fn set_expanding(&mut self, name: Symbol, expanding: bool) {
        self.slot(name).expanding = expanding;
    }

    fn slot(&mut self, name: Symbol) -> &mut Slot {
        if self.slots.len() <= name.index() {
            self.slots.resize(name.index() + 1, Slot::default());
        }
        &mut self.slots[name.index()]
    }
}

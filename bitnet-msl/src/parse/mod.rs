//! From tokens to the syntax tree: recursive descent with a table of names and with recovery.
//!
//! C++ cannot be parsed without knowing which names are types and which are templates: `a * b;` and
//! `f < g > (x)` mean different things. `names` keeps that knowledge, scope by scope; `lookahead`
//! uses it to decide before a token is consumed, so that the parser never goes back.
//!
//! Every production returns `Parsed`: an error has been reported already when it comes back, and the
//! nearest statement, member or declaration skips to where the text makes sense again (`recovery`).
//!
//! **Invariant:** [`parse`] ends on any tokens: no panic, and every loop consumes a token or stops.
//!
//! **Invariant:** the tree has a bounded height ([`MAX_NESTING`], [`MAX_EXPRESSION_HEIGHT`],
//! [`MAX_ELSE_IFS`], [`MAX_DECLARATOR_PARTS`]), so that walking or dropping it recursively is safe.

mod attributes;
mod cursor;
mod declarators;
mod expressions;
mod functions;
mod items;
mod lookahead;
mod names;
mod paths;
mod primaries;
mod recovery;
mod specifiers;
mod statements;
mod structs;
mod switches;
mod templates;
mod vocabulary;

use crate::ast::{Ident, TranslationUnit};
use crate::diag::Diagnostics;
use crate::lex::token::Token;
use crate::source::Span;
use cursor::Mark;
use names::Names;
use recovery::Reported;

/// How deep parentheses, blocks, statements, template arguments and declarators may nest, together.
pub const MAX_NESTING: usize = 128;

/// How many levels one expression may have. Chains such as `a + b + c` count: each operator is a level.
pub const MAX_EXPRESSION_HEIGHT: u32 = 512;

/// How many `else if` may lie on the way to one statement.
pub const MAX_ELSE_IFS: usize = 256;

/// How many `*`, `&`, `[n]` and parameter lists one declarator may have.
pub const MAX_DECLARATOR_PARTS: usize = 32;

/// How many parts a qualified name may have.
const MAX_PATH_PARTS: usize = 32;

/// What an expression inside a type costs of [`MAX_NESTING`]. The heights of a type and of the expression
/// around it are counted apart; this bounds how often they can alternate.
const EXPRESSION_IN_TYPE_COST: usize = 16;

/// The result of a production. An error has been reported when it is returned.
type Parsed<T> = Result<T, Reported>;

/// Parses the tokens of a file. What is wrong with them goes to `diagnostics`; the tree holds the rest.
pub fn parse(tokens: &[Token], diagnostics: &mut Diagnostics) -> TranslationUnit {
    TranslationUnit { items: Parser::new(tokens, diagnostics).translation_unit() }
}

/// The state of a parse.
struct Parser<'t> {
    tokens: &'t [Token],
    diagnostics: &'t mut Diagnostics,
    /// What the names declared so far are.
    names: Names,
    /// Names that the declarations and statements at work have declared, each with the number of scopes open
    /// around it.
    declared: Vec<(usize, Ident)>,
    /// The next token.
    here: Mark,
    /// Where the token before it stands.
    prev: Span,
    /// Levels of [`MAX_NESTING`] in use.
    depth: usize,
    /// Levels of [`MAX_ELSE_IFS`] in use.
    else_ifs: usize,
    /// Whether `>` ends the innermost template argument list instead of comparing.
    greater_closes: bool,
    /// Whether a limit was reached in the statement that is being given up.
    is_too_deep: bool,
    /// Inside `template <…>`: the scope in which the templated name is to be declared.
    template_scope: Option<usize>,
}

impl<'t> Parser<'t> {
    fn new(tokens: &'t [Token], diagnostics: &'t mut Diagnostics) -> Self {
        Self {
            tokens,
            diagnostics,
            names: Names::default(),
            declared: Vec::new(),
            here: Mark::default(),
            prev: tokens.first().map_or(Span::default(), |t| Span { hi: t.span.lo, ..t.span }),
            depth: 0,
            else_ifs: 0,
            greater_closes: false,
            is_too_deep: false,
            template_scope: None,
        }
    }

    /// Parses one level deeper, or refuses when the limit is reached.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.nested_by(1, parse)
    }

    /// Parses `cost` levels deeper, or refuses when the limit is reached.
    fn nested_by<T>(&mut self, cost: usize, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth + cost > MAX_NESTING {
            return Err(self.too_deep("nesting", MAX_NESTING));
        }
        self.depth += cost;
        let parsed = parse(self);
        self.depth -= cost;
        parsed
    }

    /// Parses in a scope of its own.
    fn scoped<T>(&mut self, parse: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.names.depth();
        self.names.push();
        let parsed = parse(self);
        self.names.truncate(outer);
        parsed
    }

    /// Parses with `>` as an operator (`false`) or as the end of a template argument list (`true`).
    fn with_greater<T>(&mut self, closes: bool, parse: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.greater_closes, closes);
        let parsed = parse(self);
        self.greater_closes = before;
        parsed
    }
}

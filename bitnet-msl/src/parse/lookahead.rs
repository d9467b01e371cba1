//! Deciding what comes next without consuming it: a type or a value, a cast or a parenthesis, a declaration
//! or an expression. Everything here only looks.

use super::cursor::Mark;
use super::names::{Class, Walk};
use super::vocabulary;
use super::{MAX_PATH_PARTS, Parser};
use crate::lex::token::{Punct, TokenKind};

/// How far a list of template arguments is looked through. Longer ones are not recognised ahead of parsing.
const MAX_LOOK: usize = 1024;

/// The same for a list after a name of which nothing is known. Every `a < b` of such a name is looked through.
const MAX_GUESS: usize = 64;

/// A type's specifiers, found by looking ahead.
#[derive(Clone, Copy, Debug)]
pub(super) struct TypeAhead {
    /// The first token after them.
    pub(super) end: Mark,
    /// A qualifier or keyword says that this cannot be an expression.
    pub(super) certain: bool,
}

impl Parser<'_> {
    /// Looks through a path. Gives the token after it, and what it names.
    fn path_ahead(&self, from: Mark) -> Option<(Mark, Class)> {
        let global = self.punct_at(from) == Some(Punct::ColonColon);
        let mut at = if global { from.skip(1) } else { from };
        let mut walk = Walk::new(global);
        for _ in 0..MAX_PATH_PARTS {
            let word = self.word_at(at).filter(|w| !vocabulary::is_keyword(w))?;
            let class = walk.step(&self.names, word);
            at = at.skip(1);
            if self.opens_arguments(class, at) {
                at = self.arguments_ahead(at, false)?;
            }
            if self.punct_at(at) != Some(Punct::ColonColon) {
                return Some((at, class));
            }
            at = at.skip(1);
            if self.word_at(at) == Some("template") {
                at = at.skip(1);
            }
        }
        None
    }

    /// Whether a `<` at a mark opens the template arguments of a name of this class.
    pub(super) fn opens_arguments(&self, class: Class, at: Mark) -> bool {
        if self.punct_at(at) != Some(Punct::Less) {
            return false;
        }
        match class {
            Class::TypeTemplate | Class::ValueTemplate => true,
            Class::Type | Class::Value => false,
            // Nothing is known of the name. `f < g > (x)` is meant as a call far more often than as two
            // comparisons, as with functions of the standard library.
            Class::Namespace | Class::Unknown => self
                .arguments_ahead(at, true)
                .is_some_and(|end| matches!(self.punct_at(end), Some(Punct::OpenParen | Punct::ColonColon))),
        }
    }

    /// Looks through `< … >`. Gives the token after it. When it is only a guess that `<` opens arguments,
    /// `&&` and `||` speak against it.
    fn arguments_ahead(&self, from: Mark, is_guess: bool) -> Option<Mark> {
        let (mut at, mut angles, mut brackets) = (from, 0usize, 0usize);
        let mut after_template = true;
        let limit = if is_guess { MAX_GUESS } else { MAX_LOOK };
        while at.index - from.index < limit {
            match self.punct_at(at) {
                Some(Punct::OpenParen | Punct::OpenBracket) => brackets += 1,
                Some(Punct::CloseParen | Punct::CloseBracket) => brackets = brackets.checked_sub(1)?,
                Some(Punct::Semicolon | Punct::OpenBrace | Punct::CloseBrace) => return None,
                Some(Punct::Less) if brackets == 0 && after_template => angles += 1,
                Some(Punct::AndAnd | Punct::OrOr) if is_guess && brackets == 0 && angles == 1 => return None,
                _ if matches!(self.kind_at(at), TokenKind::Eof) => return None,
                _ if brackets == 0 => {
                    if let Some(after) = self.greater_at(at) {
                        angles -= 1;
                        if angles == 0 {
                            return Some(after);
                        }
                        at = after;
                        continue;
                    }
                }
                _ => {}
            }
            after_template = self.word_at(at).is_some_and(|w| self.names.lookup(w) != Class::Value);
            at = at.skip(1);
        }
        None
    }

    /// Looks through the specifiers of a type.
    pub(super) fn type_ahead(&self, from: Mark) -> Option<TypeAhead> {
        let (mut at, mut certain, mut has_type) = (from, false, false);
        loop {
            match self.word_at(at) {
                Some("coherent") => match self.coherent_ahead(at) {
                    Some(end) => (at, certain) = (end, true),
                    None => break,
                },
                Some(word) if vocabulary::is_type_qualifier(word) => (at, certain) = (at.skip(1), true),
                Some(word) if vocabulary::is_integer_word(word) => (at, has_type) = (at.skip(1), true),
                Some("auto") if !has_type => (at, has_type) = (at.skip(1), true),
                Some("decltype") if !has_type => (at, has_type) = (self.group_ahead(at.skip(1)), true),
                Some("struct" | "class" | "union" | "enum") => {
                    return Some(TypeAhead { end: at.skip(2), certain: true });
                }
                Some("typename") => {
                    let (end, _) = self.path_ahead(at.skip(1))?;
                    (at, has_type) = (end, true);
                }
                _ if has_type => break,
                _ => match self.path_ahead(at) {
                    Some((end, class)) if class.is_type() || certain && class != Class::Value => {
                        (at, has_type) = (end, true);
                    }
                    _ => break,
                },
            }
        }
        (has_type || certain).then_some(TypeAhead { end: at, certain })
    }

    /// Looks through `coherent` and `coherent(device)`.
    fn coherent_ahead(&self, at: Mark) -> Option<Mark> {
        if self.punct_at(at.skip(1)) == Some(Punct::OpenParen) {
            matches!(self.word_at(at.skip(2)), Some("device" | "system")).then(|| at.skip(4))
        } else {
            self.word_at(at.skip(1)).map(|_| at.skip(1))
        }
    }

    /// Looks through `( … )`. Gives the token after it, or the mark itself if there is none.
    fn group_ahead(&self, from: Mark) -> Mark {
        let mut open = 0usize;
        for index in from.index..from.index + MAX_LOOK {
            let at = Mark { index, split: false };
            match self.punct_at(at) {
                Some(Punct::OpenParen) => open += 1,
                Some(Punct::CloseParen) if open <= 1 => return at.skip(1),
                Some(Punct::CloseParen) => open -= 1,
                Some(Punct::Semicolon) => break,
                _ => {}
            }
        }
        from
    }

    /// Whether a type, and not an expression that starts with one such as `T(x)`, comes at a mark.
    pub(super) fn at_type(&self, from: Mark) -> bool {
        let Some(ahead) = self.type_ahead(from) else { return false };
        if ahead.certain {
            return true;
        }
        match self.punct_at(ahead.end) {
            Some(Punct::OpenParen) => self.abstract_group_at(ahead.end),
            Some(Punct::OpenBrace | Punct::ColonColon | Punct::Dot) => false,
            _ => true,
        }
    }

    /// Whether `(*)` or `(&)` comes: part of a type without a name.
    fn abstract_group_at(&self, at: Mark) -> bool {
        matches!(self.punct_at(at.skip(1)), Some(Punct::Star | Punct::And))
            && self.punct_at(at.skip(2)) == Some(Punct::CloseParen)
    }

    /// Whether the `(` that comes next opens a cast.
    pub(super) fn at_cast(&self) -> bool {
        let inner = self.ahead(1);
        self.at_type(inner) || self.unknown_cast_at(inner)
    }

    /// Whether `U *)` or `U) x` comes, where nothing is known of the name `U`. No expression looks so.
    fn unknown_cast_at(&self, from: Mark) -> bool {
        let Some((mut at, Class::Unknown)) = self.path_ahead(from) else { return false };
        let name_end = at;
        while matches!(self.punct_at(at), Some(Punct::Star | Punct::And)) {
            at = at.skip(1);
        }
        if self.punct_at(at) != Some(Punct::CloseParen) {
            return false;
        }
        at != name_end
            || match self.kind_at(at.skip(1)) {
                TokenKind::Ident(word) => !vocabulary::is_keyword(word),
                TokenKind::Int(..) | TokenKind::Float(..) => true,
                _ => false,
            }
    }

    /// Whether a statement that comes next declares variables.
    pub(super) fn at_declaration(&self) -> bool {
        if self.word().is_some_and(vocabulary::is_storage_word) {
            return true;
        }
        match self.type_ahead(self.here) {
            Some(ahead) if ahead.certain => true,
            Some(ahead) => match self.punct_at(ahead.end) {
                Some(Punct::OpenParen) => self.pointer_declarator_at(ahead.end),
                Some(Punct::OpenBrace | Punct::ColonColon | Punct::Dot) => false,
                _ => true,
            },
            None => self.unknown_declaration_at(self.here),
        }
    }

    /// Whether `(*name)` comes: the declarator of a pointer to a function or an array.
    fn pointer_declarator_at(&self, at: Mark) -> bool {
        matches!(self.punct_at(at.skip(1)), Some(Punct::Star | Punct::And))
            && self.word_at(at.skip(2)).is_some()
            && self.punct_at(at.skip(3)) == Some(Punct::CloseParen)
            && matches!(self.punct_at(at.skip(4)), Some(Punct::OpenParen | Punct::OpenBracket))
    }

    /// Whether `U x` or `U *x =` comes, where nothing is known of the name `U`: a declaration with a type
    /// that was misspelt or is missing.
    pub(super) fn unknown_declaration_at(&self, from: Mark) -> bool {
        let Some((mut at, Class::Unknown)) = self.path_ahead(from) else { return false };
        let name_end = at;
        while matches!(self.punct_at(at), Some(Punct::Star | Punct::And)) {
            at = at.skip(1);
        }
        let declares = self.word_at(at).is_some_and(|w| !vocabulary::is_keyword(w));
        if at == name_end {
            return declares;
        }
        let after = self.punct_at(at.skip(1));
        let ends = [Punct::Assign, Punct::Semicolon, Punct::Comma, Punct::CloseParen, Punct::OpenBracket];
        declares && after.is_some_and(|p| ends.contains(&p))
    }

    /// Whether the `(` that comes next opens the parameters of a function, not the initialiser of a variable.
    pub(super) fn at_parameters(&self) -> bool {
        let inner = self.ahead(1);
        match self.punct_at(inner) {
            Some(Punct::CloseParen | Punct::Ellipsis) => true,
            Some(Punct::OpenBracket) => self.punct_at(inner.skip(1)) == Some(Punct::OpenBracket),
            _ => {
                let pointer = |t: TypeAhead| self.pointer_declarator_at(t.end);
                self.at_type(inner)
                    || self.type_ahead(inner).is_some_and(pointer)
                    || self.unknown_declaration_at(inner)
            }
        }
    }
}

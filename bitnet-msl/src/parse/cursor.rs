//! The position in the token list, and looking at what stands there.

use super::Parser;
use crate::lex::token::{Punct, TokenKind};
use crate::source::Span;

/// A position in the token list. `split` says that the first `>` of `>>`, `>=` or `>>=` is already used up,
/// as in `vec<vec<T>>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) index: usize,
    pub(super) split: bool,
}

impl Mark {
    /// The position `count` tokens on.
    pub(super) fn skip(self, count: usize) -> Self {
        Self { index: self.index + count, split: false }
    }
}

/// What is left of a punctuation mark after its first `>` is used up.
fn after_greater(punct: Punct) -> Option<Punct> {
    match punct {
        Punct::Shr => Some(Punct::Greater),
        Punct::GreaterEqual => Some(Punct::Assign),
        Punct::ShrAssign => Some(Punct::GreaterEqual),
        _ => None,
    }
}

impl<'t> Parser<'t> {
    /// The token at a mark. Past the end there is only the end.
    pub(super) fn kind_at(&self, mark: Mark) -> &'t TokenKind {
        self.tokens.get(mark.index).map_or(&TokenKind::Eof, |t| &t.kind)
    }

    /// The punctuation at a mark.
    pub(super) fn punct_at(&self, mark: Mark) -> Option<Punct> {
        match self.kind_at(mark) {
            TokenKind::Punct(p) if mark.split => after_greater(*p),
            TokenKind::Punct(p) => Some(*p),
            _ => None,
        }
    }

    /// The identifier or keyword at a mark.
    pub(super) fn word_at(&self, mark: Mark) -> Option<&'t str> {
        match self.kind_at(mark) {
            TokenKind::Ident(word) => Some(word),
            _ => None,
        }
    }

    /// Where the closing `>` at a mark ends, if there is one.
    pub(super) fn greater_at(&self, mark: Mark) -> Option<Mark> {
        match self.punct_at(mark)? {
            Punct::Greater => Some(mark.skip(1)),
            p if !mark.split && after_greater(p).is_some() => Some(Mark { split: true, ..mark }),
            _ => None,
        }
    }

    /// The token `count` after the next one.
    pub(super) fn ahead(&self, count: usize) -> Mark {
        if count == 0 { self.here } else { self.here.skip(count) }
    }

    /// The next token.
    pub(super) fn kind(&self) -> &'t TokenKind {
        self.kind_at(self.here)
    }

    /// The next token, if it is punctuation.
    pub(super) fn punct(&self) -> Option<Punct> {
        self.punct_at(self.here)
    }

    /// The next token, if it is an identifier or keyword.
    pub(super) fn word(&self) -> Option<&'t str> {
        self.word_at(self.here)
    }

    /// Where the next token stands; the end of the last one at the end.
    pub(super) fn span(&self) -> Span {
        self.tokens.get(self.here.index).map_or(self.prev.end(), |t| t.span)
    }

    /// From the start of a production to the last token consumed.
    pub(super) fn since(&self, start: Span) -> Span {
        start.to(self.prev)
    }

    pub(super) fn at(&self, punct: Punct) -> bool {
        self.punct() == Some(punct)
    }

    pub(super) fn at_word(&self, word: &str) -> bool {
        self.word() == Some(word)
    }

    pub(super) fn at_end(&self) -> bool {
        matches!(self.kind(), TokenKind::Eof)
    }

    /// Whether `[[` comes next.
    pub(super) fn at_attributes(&self) -> bool {
        self.at(Punct::OpenBracket) && self.punct_at(self.ahead(1)) == Some(Punct::OpenBracket)
    }

    /// Consumes the next token. The end is never passed.
    pub(super) fn bump(&mut self) {
        if !self.at_end() {
            self.prev = self.span();
            self.here = self.here.skip(1);
        }
    }

    pub(super) fn eat(&mut self, punct: Punct) -> bool {
        let found = self.at(punct);
        if found {
            self.bump();
        }
        found
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.bump();
        }
        found
    }

    /// Consumes the `>` that ends a template argument list, if it comes next.
    pub(super) fn eat_greater(&mut self) -> bool {
        let Some(after) = self.greater_at(self.here) else { return false };
        self.prev = self.span();
        self.here = after;
        true
    }
}

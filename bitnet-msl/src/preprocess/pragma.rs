//! `#pragma` and `_Pragma`. None of them changes what a kernel computes here, so the known ones are dropped.

use super::Preprocessor;
use crate::diag::Code;
use crate::lex::token::Punct;
use crate::lex::{RawKind, RawToken, lex_fragment};
use crate::source::Span;

/// First words of the pragmas that real shaders use.
const KNOWN: &[&str] = &[
    "METAL",
    "unroll",
    "nounroll",
    "clang",
    "GCC",
    "mark",
    "region",
    "endregion",
    "message",
    "STDC",
    "warning",
];

impl Preprocessor<'_> {
    /// `#pragma words`.
    pub(super) fn pragma(&mut self, words: &[RawToken], span: Span) {
        let Some(first) = words.first() else { return };
        let word = self.text(first);
        if word == "once" {
            self.once.extend(self.files.last().map(|file| file.lexer.file()));
        } else if !KNOWN.contains(&word) {
            let message = format!("unknown pragma `{}`", self.quote(words));
            self.report(Code::E0110, span, message);
        }
    }

    /// `_Pragma("words")`; its name was just read.
    pub(super) fn pragma_operator(&mut self, name: RawToken) {
        let string = if self.accept_open_paren() { self.next_expanded() } else { None };
        let closed =
            string.is_some() && self.next_expanded().is_some_and(|token| token.is(Punct::CloseParen));
        let Some(string) = string.filter(|token| closed && token.kind == RawKind::Str) else {
            self.report(Code::E0104, name.span, "_Pragma takes one string, as in _Pragma(\"unroll\")");
            return;
        };
        let words = self.text(&string).trim_matches('"').replace("\\\"", "\"").replace("\\\\", "\\");
        let words = lex_fragment(&words, name.span, &mut self.names);
        self.pragma(&words, name.span);
    }
}

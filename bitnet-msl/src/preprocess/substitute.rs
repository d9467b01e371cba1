//! Puts the arguments of a call into a macro's body: `#`, `##`, `__VA_ARGS__`, `__VA_OPT__`.

use std::ops::Range;

use super::macros::{Item, Piece};
use super::{MAX_SPELLING_BYTES, Preprocessor};
use crate::diag::{Code, Diagnostic};
use crate::lex::{RawKind, RawToken, join};
use crate::source::Span;

/// How many bytes of a made spelling cost one step of work.
const BYTES_PER_STEP: usize = 16;

/// The arguments of one call.
#[derive(Default)]
pub(super) struct Call {
    tokens: Vec<RawToken>,
    ends: Vec<usize>,
    /// The arguments fully expanded, by index, as far as they were asked for.
    expanded: Vec<Option<Vec<RawToken>>>,
}

impl Call {
    /// How many arguments have ended.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn clear(&mut self) {
        *self = Call::default();
    }

    pub(super) fn push(&mut self, token: RawToken) {
        self.tokens.push(token);
    }

    pub(super) fn end_argument(&mut self) {
        self.ends.push(self.tokens.len());
        self.expanded.push(None);
    }

    fn range(&self, index: usize) -> Range<usize> {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        start..self.ends[index]
    }

    /// An argument as written.
    pub(super) fn raw(&self, index: usize) -> &[RawToken] {
        &self.tokens[self.range(index)]
    }

    /// All tokens, commas between arguments left out.
    pub(super) fn into_tokens(self) -> Vec<RawToken> {
        self.tokens
    }
}

impl Preprocessor<'_> {
    /// The items with the call's arguments put in. The body's own tokens take the span of the use, `site`;
    /// those of arguments keep theirs.
    pub(super) fn substitute(&mut self, items: &[Item], call: &mut Call, site: Span) -> Vec<RawToken> {
        let mut out: Vec<RawToken> = Vec::with_capacity(items.len());
        // Whether the operand left of a `##` was empty (C11's placemarker).
        let mut left_is_empty = true;
        for item in items {
            if self.stopped {
                break;
            }
            let start = out.len();
            self.put(&item.piece, call, site, &mut out);
            self.spend(out.len() - start, site);
            if let Some(first) = out.get_mut(start) {
                first.space_before = item.space_before;
            }
            let is_empty = out.len() == start;
            if item.joined && !left_is_empty {
                if !is_empty {
                    self.join_at(start, site, &mut out);
                }
            } else {
                left_is_empty = is_empty;
            }
        }
        out
    }

    fn put(&mut self, piece: &Piece, call: &mut Call, site: Span, out: &mut Vec<RawToken>) {
        match piece {
            Piece::Token(token) => out.push(RawToken { span: site, ..*token }),
            Piece::Param(index) => out.extend_from_slice(self.expanded(call, *index, site)),
            Piece::RawParam(index) => out.extend_from_slice(call.raw(*index)),
            Piece::Stringized(index) => out.extend(self.stringize(call.raw(*index), site)),
            Piece::CommaAndRest(comma, index) => {
                if !call.raw(*index).is_empty() {
                    out.push(RawToken { span: site, ..*comma });
                    out.extend_from_slice(self.expanded(call, *index, site));
                }
            }
            Piece::IfRest(index, content) => {
                if !self.expanded(call, *index, site).is_empty() {
                    out.extend(self.substitute(content, call, site));
                }
            }
        }
    }

    /// An argument expanded as if it were the whole file, once for all its uses.
    fn expanded<'c>(&mut self, call: &'c mut Call, index: usize, site: Span) -> &'c [RawToken] {
        if call.expanded[index].is_none() {
            let tokens = self.expand_list(call.raw(index).to_vec(), site);
            call.expanded[index] = Some(tokens);
        }
        call.expanded[index].as_deref().unwrap_or_default()
    }

    /// Joins the token at `right` to the one before it.
    fn join_at(&mut self, right: usize, site: Span, out: &mut Vec<RawToken>) {
        let (left, token) = (out[right - 1], out[right]);
        let bytes = self.text(&left).len() + self.text(&token).len();
        if !self.may_spell(bytes, site) {
            return;
        }
        match join(left, token, site, &mut self.names) {
            Some(joined) => {
                out[right - 1] = joined;
                out.remove(right);
            }
            None => {
                let message =
                    format!("`{}` and `{}` do not join to one token", self.text(&left), self.text(&token));
                let place = "## in the expansion of this macro";
                self.push(Diagnostic::new(Code::E0112, site, message).at(place));
            }
        }
    }

    /// `#param`: the argument's spelling as a string literal (C11 6.10.3.2).
    fn stringize(&mut self, argument: &[RawToken], site: Span) -> Option<RawToken> {
        let mut text = String::from("\"");
        for (i, token) in argument.iter().enumerate() {
            if i > 0 && token.space_before {
                text.push(' ');
            }
            let spelling = self.text(token);
            if text.len() + spelling.len() > MAX_SPELLING_BYTES {
                self.may_spell(text.len() + spelling.len(), site);
                return None;
            }
            let has_escapes =
                matches!(token.kind, RawKind::Str | RawKind::Char | RawKind::Unclosed | RawKind::Unknown);
            for c in spelling.chars() {
                if has_escapes && matches!(c, '"' | '\\') {
                    text.push('\\');
                }
                text.push(c);
            }
        }
        text.push('"');
        self.may_spell(text.len(), site);
        let text = self.names.intern(&text);
        Some(RawToken { kind: RawKind::Str, text, span: site, space_before: false, painted: false })
    }

    /// Counts a spelling about to be made; false, and the run ends, if it is too long.
    fn may_spell(&mut self, bytes: usize, site: Span) -> bool {
        self.spend(1 + bytes / BYTES_PER_STEP, site);
        if bytes > MAX_SPELLING_BYTES {
            self.stop(site, &format!("# or ## makes a token of more than {MAX_SPELLING_BYTES} bytes"));
        }
        !self.stopped
    }
}

//! Directives: which there are, and the small ones.

use super::{LineOverride, Preprocessor};
use crate::diag::Code;
use crate::lex::{RawKind, RawToken, parse_integer};
use crate::source::Span;

/// How much of a text a message quotes, in characters.
const QUOTED_CHARS: usize = 200;

impl Preprocessor<'_> {
    /// Carries out the directive whose `#` was just read, in a branch that is taken.
    pub(super) fn directive(&mut self, hash: Span) {
        let line = self.rest_of_line();
        let Some((name, rest)) = line.split_first() else { return };
        let span = hash.to(name.span);
        let word = self.names.text(name.text).clone();
        match &*word {
            "if" | "ifdef" | "ifndef" => self.open_conditional(&word, rest, span),
            "elif" | "elifdef" | "elifndef" | "else" | "endif" => {
                self.continue_conditional(&word, rest, span)
            }
            "define" => self.define(rest, span),
            "undef" => self.undef(rest, span),
            "include" => self.include(rest, span, false),
            "import" => self.include(rest, span, true),
            "pragma" => self.pragma(rest, span),
            "error" => self.report(Code::E0109, span, format!("#error {}", self.quote(rest))),
            "warning" => self.report(Code::E0113, span, format!("#warning {}", self.quote(rest))),
            "line" => self.line_directive(rest, span),
            _ if name.kind == RawKind::Number => self.line_directive(&line, span),
            _ => {
                let message = format!("unknown directive `#{}`", self.quote(&line[..1]));
                self.report(Code::E0104, span, message);
            }
        }
    }

    /// The tokens up to the end of the line.
    pub(super) fn rest_of_line(&mut self) -> Vec<RawToken> {
        let mut line = Vec::new();
        while let Some(token) =
            self.files.last_mut().and_then(|file| file.lexer.next_in_line(&mut self.names))
        {
            line.push(token);
        }
        if let Some(last) = line.last() {
            self.spend(line.len(), last.span);
        }
        line
    }

    /// `#line 10 "name"`, which generated sources hold. It changes `__LINE__` and `__FILE__`; diagnostics show
    /// the real text.
    fn line_directive(&mut self, operands: &[RawToken], span: Span) {
        let operands = self.expand_list(operands.to_vec(), span);
        let number =
            operands.first().filter(|t| t.kind == RawKind::Number).map(|t| parse_integer(self.text(t)));
        let Some(Ok((number, _))) = number.filter(|n| n.as_ref().is_ok_and(|(n, _)| *n <= i32::MAX as u64))
        else {
            self.report(Code::E0104, span, "#line takes a number and, if wanted, a file name in quotes");
            return;
        };
        let real = self.sources.get(span.file).map_or(0, |file| file.line_of(span.lo as usize) as i64 + 1);
        let name = operands
            .get(1)
            .filter(|t| t.kind == RawKind::Str)
            .map(|t| self.text(t).trim_matches('"').to_owned());
        // The number is that of the next line.
        self.line_overrides.insert(span.file, LineOverride { delta: number as i64 - (real + 1), name });
    }

    /// Tokens as text for a message.
    pub(super) fn quote(&self, tokens: &[RawToken]) -> String {
        let mut text = String::new();
        for (i, token) in tokens.iter().enumerate() {
            if i > 0 && token.space_before {
                text.push(' ');
            }
            text.push_str(self.text(token));
            if text.len() > 4 * QUOTED_CHARS {
                break;
            }
        }
        match text.char_indices().nth(QUOTED_CHARS) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

//! `#if` and kin: which branch is read.

use super::Preprocessor;
use crate::diag::{Code, Diagnostic};
use crate::lex::RawToken;
use crate::source::Span;

/// An open `#if` of a file.
pub(super) struct Conditional {
    /// The `#if`.
    pub(super) span: Span,
    /// No further branch may be taken: one was, or the whole stands in a branch that is not.
    decided: bool,
    /// The branch being read is the taken one.
    active: bool,
    /// `#else` was seen.
    had_else: bool,
}

impl Preprocessor<'_> {
    /// `#if`, `#ifdef` or `#ifndef` in a branch that is taken.
    pub(super) fn open_conditional(&mut self, word: &str, operands: &[RawToken], span: Span) {
        let active = self.holds(word, operands, span);
        self.push_conditional(Conditional { span, decided: active, active, had_else: false });
    }

    /// `#elif`, `#else` or `#endif` and kin, in any branch.
    pub(super) fn continue_conditional(&mut self, word: &str, operands: &[RawToken], span: Span) {
        let Some(conditional) = self.files.last_mut().and_then(|file| file.conditionals.pop()) else {
            self.report(Code::E0105, span, format!("#{word} without #if"));
            return;
        };
        if word == "endif" {
            return;
        }
        if conditional.had_else {
            let diagnostic = Diagnostic::new(Code::E0105, span, format!("#{word} after #else"));
            self.push(diagnostic.label(conditional.span, "of this conditional"));
        }
        let is_else = word == "else";
        let active = !conditional.decided && (is_else || self.holds(word, operands, span));
        self.push_conditional(Conditional {
            span: conditional.span,
            decided: conditional.decided || active,
            active,
            had_else: conditional.had_else || is_else,
        });
    }

    fn push_conditional(&mut self, conditional: Conditional) {
        if let Some(file) = self.files.last_mut() {
            file.conditionals.push(conditional);
        }
    }

    /// Passes over text up to the next branch that is taken, or to the end of the file. Only conditionals count
    /// in it; everything else may be prose.
    pub(super) fn skip_branch_not_taken(&mut self) {
        while let Some(file) = self.files.last_mut().filter(|_| !self.stopped) {
            if file.conditionals.last().is_none_or(|c| c.active) {
                return;
            }
            let Some(hash) = file.lexer.skip_to_directive() else { return };
            let Some(name) = file.lexer.next_in_line(&mut self.names) else { continue };
            let span = hash.to(name.span);
            let word = self.names.text(name.text).clone();
            match &*word {
                "if" | "ifdef" | "ifndef" => {
                    self.push_conditional(Conditional {
                        span,
                        decided: true,
                        active: false,
                        had_else: false,
                    });
                }
                "elif" | "elifdef" | "elifndef" | "else" | "endif" => {
                    let operands = self.rest_of_line();
                    self.continue_conditional(&word, &operands, span);
                }
                _ => {}
            }
        }
    }

    /// Whether the condition of `#if`, `#ifdef`, `#elif`, … holds. A malformed one is reported and does not.
    fn holds(&mut self, word: &str, operands: &[RawToken], span: Span) -> bool {
        if matches!(word, "if" | "elif") {
            return self.evaluate(operands, span);
        }
        let Some(name) = operands.first().and_then(RawToken::name) else {
            self.report(Code::E0104, span, format!("#{word} takes the name of a macro"));
            return false;
        };
        self.macros.get(name).is_some() == word.ends_with("ifdef")
    }
}

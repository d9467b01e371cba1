//! Saying what is wrong, and skipping to where the text makes sense again.

use super::{Parsed, Parser};
use crate::ast::Ident;
use crate::diag::{Code, Diagnostic};
use crate::lex::token::{Punct, TokenKind};
use crate::parse::vocabulary;
use crate::source::Span;

/// Proof that a problem has been reported. Only this module makes one.
#[derive(Debug)]
pub(super) struct Reported(());

/// How a token reads in a message.
fn describe(kind: &TokenKind) -> String {
    match kind {
        TokenKind::Ident(word) => format!("`{word}`"),
        TokenKind::Int(value, _) => format!("number {value}"),
        TokenKind::Float(value, _) => format!("number {value}"),
        TokenKind::Char(_) => "a character literal".into(),
        TokenKind::Str(_) => "a string literal".into(),
        TokenKind::Punct(punct) => format!("`{}`", punct.text()),
        TokenKind::LoggingHeader => "`#include <metal_logging>`".into(),
        TokenKind::Eof => "the end of the file".into(),
    }
}

/// Reporting.
impl Parser<'_> {
    /// The next token, as it reads in a message.
    pub(super) fn found(&self) -> String {
        match self.punct() {
            Some(punct) => format!("`{}`", punct.text()),
            None => describe(self.kind()),
        }
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) -> Reported {
        self.diagnostics.push(diagnostic);
        Reported(())
    }

    /// Reports a syntax error at the next token.
    pub(super) fn expected(&mut self, what: &str) -> Reported {
        let message = format!("expected {what}, found {}", self.found());
        self.report(Diagnostic::new(Code::E0201, self.span(), message).at(format!("expected {what}")))
    }

    /// Reports a syntax error.
    pub(super) fn syntax_error(&mut self, span: Span, message: impl Into<String>) -> Reported {
        self.report(Diagnostic::new(Code::E0201, span, message))
    }

    /// Reports something that MSL leaves out of C++.
    pub(super) fn unavailable(&mut self, span: Span, what: &str) -> Reported {
        let message = format!("MSL has no {what}");
        let rule = "the Metal Shading Language leaves this part of C++ out [MSL 1.5]";
        self.report(Diagnostic::new(Code::E0601, span, message).note(rule))
    }

    /// Reports something that is valid but not supported here. `what` ends in a verb.
    pub(super) fn unsupported(&mut self, span: Span, what: &str) -> Reported {
        self.unsupported_as(Code::E0608, span, what)
    }

    /// Reports something that is valid but not supported here, under a code of its own.
    pub(super) fn unsupported_as(&mut self, code: Code, span: Span, what: &str) -> Reported {
        let message = format!("{what} not supported yet");
        let note = "this is valid MSL, but this front end cannot compile it";
        self.report(Diagnostic::new(code, span, message).note(note))
    }

    /// Reports that a limit on the size of the tree is reached.
    pub(super) fn too_deep(&mut self, what: &str, limit: usize) -> Reported {
        self.is_too_deep = true;
        let message = format!("{what} is deeper than {limit} levels");
        self.report(
            Diagnostic::new(Code::E0202, self.span(), message)
                .note("split the code: name parts of it with variables, or move them into functions"),
        )
    }
}

/// Consuming what must be there.
impl Parser<'_> {
    /// Consumes punctuation that must come next.
    pub(super) fn expect(&mut self, punct: Punct, place: &str) -> Parsed<()> {
        if self.eat(punct) {
            return Ok(());
        }
        Err(self.expected(&format!("`{}` {place}", punct.text())))
    }

    /// Consumes the partner of an opening bracket.
    pub(super) fn expect_close(&mut self, close: Punct, open: Span) -> Parsed<()> {
        if self.eat(close) {
            return Ok(());
        }
        Err(self.unclosed(close, open))
    }

    /// Reports that the partner of an opening bracket is missing.
    pub(super) fn unclosed(&mut self, close: Punct, open: Span) -> Reported {
        let text = close.text();
        let message = format!("expected `{text}`, found {}", self.found());
        self.report(
            Diagnostic::new(Code::E0201, self.span(), message)
                .at(format!("expected `{text}`"))
                .label(open, "opened here"),
        )
    }

    /// Consumes the `;` after something. If it is missing but the next token can start a new statement, it is
    /// reported and taken as written.
    pub(super) fn expect_semicolon(&mut self, after: &str) -> Parsed<()> {
        if self.eat(Punct::Semicolon) {
            return Ok(());
        }
        let message = format!("expected `;` after {after}, found {}", self.found());
        let place = self.prev.end();
        let missing = self.report(Diagnostic::new(Code::E0201, place, message).at("expected `;`"));
        let goes_on = self.word().is_some() || self.at(Punct::CloseBrace) || self.at_attributes();
        if goes_on { Ok(()) } else { Err(missing) }
    }

    /// Consumes the name of something that is being declared or looked up.
    pub(super) fn name(&mut self, what: &str) -> Parsed<Ident> {
        match self.word() {
            Some(word) if vocabulary::is_keyword(word) => {
                let message = format!("expected {what}, found the keyword `{word}`");
                Err(self.syntax_error(self.span(), message))
            }
            Some(word) => {
                let ident = Ident { name: word.to_owned(), span: self.span() };
                self.bump();
                Ok(ident)
            }
            None => Err(self.expected(what)),
        }
    }

    /// Consumes a name that is being declared.
    pub(super) fn new_name(&mut self, what: &str) -> Parsed<Ident> {
        match self.word() {
            Some(word) if vocabulary::is_type_keyword(word) => {
                let message = format!("expected {what}, found the type `{word}`");
                Err(self.syntax_error(self.span(), message))
            }
            _ => self.name(what),
        }
    }
}

/// Skipping.
impl Parser<'_> {
    /// Whether a word comes next that only stands outside functions.
    pub(super) fn at_top_level_word(&self) -> bool {
        let next = self.word_at(self.ahead(1));
        match self.word() {
            Some("kernel" | "vertex" | "fragment") => next.is_some(),
            Some("namespace") => true,
            Some("template") => self.punct_at(self.ahead(1)).is_some(),
            _ => false,
        }
    }

    /// Skips a bracket and everything up to its partner, or one other token.
    pub(super) fn skip_group(&mut self) {
        let mut open = 0usize;
        loop {
            match self.punct() {
                Some(Punct::OpenParen | Punct::OpenBracket | Punct::OpenBrace) => open += 1,
                Some(Punct::CloseParen | Punct::CloseBracket | Punct::CloseBrace) => {
                    open = open.saturating_sub(1);
                }
                _ if self.at_end() => return,
                _ => {}
            }
            self.bump();
            if open == 0 {
                return;
            }
        }
    }

    /// Skips the rest of a statement: past its `;`, or up to the `}` around it, to a body, or to a word that
    /// starts a statement. What was too deep is skipped with all the statements inside it.
    pub(super) fn skip_statement(&mut self) {
        let whole = std::mem::take(&mut self.is_too_deep);
        let mut after_paren = false;
        loop {
            match self.punct() {
                Some(Punct::Semicolon) => {
                    self.bump();
                    // An `else` here belongs to an `if` that was given up.
                    if !self.at_word("else") {
                        return;
                    }
                }
                Some(Punct::CloseBrace) => return,
                Some(Punct::OpenBrace) if after_paren && !whole => return,
                Some(Punct::OpenBrace) => {
                    self.skip_group();
                    if after_paren && !self.at_word("else") {
                        return;
                    }
                }
                _ if self.at_end() || self.at_top_level_word() => return,
                _ if whole && self.at_word("for") => {
                    self.bump();
                    if self.at(Punct::OpenParen) {
                        self.skip_group();
                    }
                }
                _ if !whole && self.at_statement_word() => return,
                _ => {
                    after_paren = self.at(Punct::CloseParen);
                    self.bump();
                    continue;
                }
            }
            after_paren = false;
        }
    }

    fn at_statement_word(&self) -> bool {
        matches!(
            self.word(),
            Some("if" | "for" | "while" | "do" | "switch" | "return" | "break" | "continue")
        )
    }

    /// Skips to the `}` of a list in braces and past it, or up to the end of the statement.
    pub(super) fn skip_list(&mut self) {
        loop {
            match self.punct() {
                Some(Punct::CloseBrace) => return self.bump(),
                Some(Punct::Semicolon) => return,
                Some(Punct::OpenBrace) => self.skip_group(),
                _ if self.at_end() => return,
                _ => self.bump(),
            }
        }
    }

    /// Skips an `if` with all that its `else` brings.
    pub(super) fn skip_if_chain(&mut self) {
        loop {
            if self.eat_word("if") && self.at(Punct::OpenParen) {
                self.skip_group();
            }
            if self.at(Punct::OpenBrace) {
                self.skip_group();
            } else {
                self.skip_statement();
            }
            if !self.eat_word("else") {
                self.is_too_deep = false;
                return;
            }
        }
    }

    /// Skips to the `)` of a statement's header and past it, or up to the `{` of its body. False if neither
    /// comes before the end of the statement.
    pub(super) fn skip_header(&mut self, has_semicolons: bool) -> bool {
        let mut open = 0usize;
        loop {
            match self.punct() {
                Some(Punct::OpenParen) => open += 1,
                Some(Punct::CloseParen) if open == 0 => {
                    self.bump();
                    return true;
                }
                Some(Punct::CloseParen) => open -= 1,
                Some(Punct::OpenBrace) => return true,
                Some(Punct::CloseBrace) => return false,
                Some(Punct::Semicolon) if !has_semicolons => return false,
                _ if self.at_end() => return false,
                _ => {}
            }
            self.bump();
        }
    }

    /// Skips a member of a struct: past its `;` or body, or up to the `}` of the struct.
    pub(super) fn skip_member(&mut self) {
        loop {
            match self.punct() {
                Some(Punct::Semicolon) => return self.bump(),
                Some(Punct::CloseBrace) => return,
                Some(Punct::OpenBrace) => {
                    self.skip_group();
                    // `S() : a{1}, b{2} { … }` has braces before its body.
                    if !self.at(Punct::Comma) && !self.at(Punct::OpenBrace) {
                        self.eat(Punct::Semicolon);
                        return;
                    }
                }
                Some(Punct::OpenParen | Punct::OpenBracket) => self.skip_group(),
                _ if self.at_end() || self.at_top_level_word() && self.word() != Some("template") => return,
                _ => self.bump(),
            }
        }
    }

    /// Skips a declaration: past its `;` or its braces, or up to a word that starts another.
    pub(super) fn skip_item(&mut self, start: usize) {
        self.is_too_deep = false;
        if self.here.index == start {
            // The token that could not start a declaration.
            if !matches!(self.punct(), Some(Punct::OpenBrace | Punct::Semicolon | Punct::CloseBrace)) {
                self.bump();
            }
        }
        loop {
            match self.punct() {
                Some(Punct::Semicolon) => return self.bump(),
                Some(Punct::CloseBrace) => return,
                Some(Punct::OpenBrace) => {
                    self.skip_group();
                    self.eat(Punct::Semicolon);
                    return;
                }
                _ if self.at_end() || self.at_top_level_word() => return,
                _ if matches!(self.word(), Some("typedef" | "using" | "static_assert")) => return,
                _ => self.bump(),
            }
        }
    }
}

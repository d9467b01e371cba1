//! `switch` with its sections.

use super::{Parsed, Parser};
use crate::ast::{Expr, StmtKind, SwitchSection};
use crate::diag::{Code, Diagnostic};
use crate::lex::token::Punct;
use crate::source::Span;

impl Parser<'_> {
    /// Parses a switch.
    pub(super) fn switch(&mut self) -> Parsed<StmtKind> {
        self.bump();
        let value = self.header("switch", false, |p| p.expression())?;
        let open = self.span();
        self.expect(Punct::OpenBrace, "to open the switch")?;
        let sections = self.scoped(|p| p.nested(|p| p.sections()))?;
        if !self.eat(Punct::CloseBrace) && !self.diagnostics.is_full() {
            self.unclosed(Punct::CloseBrace, open);
        }
        Ok(value.map_or(StmtKind::Error(Vec::new()), |value| StmtKind::Switch(Box::new(value), sections)))
    }

    fn sections(&mut self) -> Parsed<Vec<SwitchSection>> {
        let mut sections = Vec::new();
        while !self.at(Punct::CloseBrace) && !self.at_end() && !self.at_top_level_word() {
            let start = self.span();
            let mut labels = Vec::new();
            while self.at_label() {
                labels.extend(self.label());
            }
            if labels.is_empty() && !self.at_label() && sections.is_empty() {
                self.report(
                    Diagnostic::new(Code::E0208, start, "statement in a switch before its first label")
                        .note("no `case` leads here, so it would never run"),
                );
            }
            let before = self.here;
            let stmts = self.statements(Self::at_label);
            if self.here == before && labels.is_empty() {
                break;
            }
            sections.push(SwitchSection { labels, stmts });
        }
        Ok(sections)
    }

    fn at_label(&self) -> bool {
        matches!(self.word(), Some("case" | "default"))
    }

    /// Parses `case value:` or `default:`. None if it was wrong; what follows the colon is still read.
    fn label(&mut self) -> Option<(Option<Expr>, Span)> {
        let start = self.span();
        let is_case = self.at_word("case");
        self.bump();
        match self.label_value(is_case) {
            Ok(value) => Some((value, self.since(start))),
            Err(_) => {
                self.skip_label();
                None
            }
        }
    }

    fn label_value(&mut self, is_case: bool) -> Parsed<Option<Expr>> {
        let value = if is_case { Some(self.conditional_expression()?) } else { None };
        if self.at(Punct::Ellipsis) {
            return Err(self.unsupported(self.span(), "a range of labels is"));
        }
        self.expect(Punct::Colon, "after the label")?;
        Ok(value)
    }

    fn skip_label(&mut self) {
        while !self.at_end() && !self.at(Punct::CloseBrace) && !self.at(Punct::OpenBrace) {
            let done = self.at(Punct::Colon) || self.at(Punct::Semicolon);
            self.bump();
            if done {
                return;
            }
        }
    }
}

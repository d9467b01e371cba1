//! `[[…]]` and `__attribute__((…))`.

use super::{Parsed, Parser};
use crate::ast::{Attr, FunctionStage, Ident};
use crate::lex::token::{Punct, TokenKind};
use crate::parse::names::Class;

impl Parser<'_> {
    /// Parses all `[[…]]` that come next and adds what they hold.
    pub(super) fn attributes(&mut self, attrs: &mut Vec<Attr>) -> Parsed<()> {
        while self.at_attributes() {
            let open = self.span();
            self.bump();
            self.bump();
            while !self.at(Punct::CloseBracket) {
                attrs.push(self.attribute()?);
                if !self.eat(Punct::Comma) {
                    break;
                }
            }
            self.expect_close(Punct::CloseBracket, open)?;
            self.expect_close(Punct::CloseBracket, open)?;
        }
        Ok(())
    }

    fn attribute(&mut self) -> Parsed<Attr> {
        let mut name = self.attribute_name()?;
        while self.eat(Punct::ColonColon) {
            let part = self.attribute_name()?;
            name.name.push_str("::");
            name.name.push_str(&part.name);
            name.span = name.span.to(part.span);
        }
        let open = self.span();
        let args =
            if self.eat(Punct::OpenParen) { self.arguments(Punct::CloseParen, open)? } else { Vec::new() };
        Ok(Attr { name, args })
    }

    /// Any word can be an attribute's name: `[[kernel]]`.
    fn attribute_name(&mut self) -> Parsed<Ident> {
        let Some(word) = self.word() else { return Err(self.expected("the name of an attribute")) };
        let ident = Ident { name: word.to_owned(), span: self.span() };
        self.bump();
        Ok(ident)
    }

    /// Skips `__attribute__((…))`. Hints to the optimiser mean nothing here; a changed layout would.
    pub(super) fn gnu_attribute(&mut self) -> Parsed<()> {
        let start = self.span();
        self.bump();
        if !self.at(Punct::OpenParen) {
            return Err(self.expected("`((` after `__attribute__`"));
        }
        let first = self.here.index;
        self.skip_group();
        let inside = self.tokens.get(first..self.here.index).unwrap_or(&[]);
        let changes_layout = inside.iter().any(|t| match &t.kind {
            TokenKind::Ident(word) => {
                matches!(&**word, "packed" | "__packed__" | "aligned" | "__aligned__" | "ext_vector_type")
            }
            _ => false,
        });
        if changes_layout {
            return Err(self.unsupported(self.since(start), "an `__attribute__` that changes a layout is"));
        }
        Ok(())
    }

    /// Whether an `__attribute__` comes next.
    pub(super) fn at_gnu_attribute(&self) -> bool {
        matches!(self.word(), Some("__attribute__" | "__attribute"))
            && self.names.lookup("__attribute__") == Class::Unknown
    }
}

/// Takes `[[kernel]]`, `[[vertex]]` and kin out of a list of attributes.
pub(super) fn take_stage(attrs: &mut Vec<Attr>) -> Option<FunctionStage> {
    let mut stage = None;
    attrs.retain(|attr| {
        let found = stage_of(&attr.name.name);
        stage = stage.or(found);
        found.is_none()
    });
    stage
}

/// The stage that a word or attribute gives a function.
pub(super) fn stage_of(word: &str) -> Option<FunctionStage> {
    match word {
        "kernel" => Some(FunctionStage::Kernel),
        "vertex" | "fragment" | "mesh" | "object" | "intersection" => Some(FunctionStage::Graphics),
        _ => None,
    }
}

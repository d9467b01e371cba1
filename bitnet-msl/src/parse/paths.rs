//! Names with their qualifiers and template arguments.

use super::names::{Class, Walk};
use super::{EXPRESSION_IN_TYPE_COST, MAX_PATH_PARTS, Parsed, Parser, vocabulary};
use crate::ast::{Expr, Path, PathSegment, TemplateArg};
use crate::diag::{Code, Diagnostic};
use crate::lex::token::Punct;

impl Parser<'_> {
    /// Parses a path and says what it names.
    pub(super) fn path(&mut self) -> Parsed<(Path, Class)> {
        let start = self.span();
        let global = self.eat(Punct::ColonColon);
        let mut walk = Walk::new(global);
        let mut segments = Vec::new();
        loop {
            if segments.len() == MAX_PATH_PARTS {
                return Err(self.too_deep("a qualified name", MAX_PATH_PARTS));
            }
            let is_template = !segments.is_empty() && self.eat_word("template");
            if (global || !segments.is_empty()) && self.word().is_some_and(vocabulary::is_cpp_type_keyword) {
                return Ok((self.qualified_keyword()?, Class::Type));
            }
            let name = self.name("a name")?;
            let class = walk.step(&self.names, &name.name);
            let has_args = is_template && self.at(Punct::Less) || self.opens_arguments(class, self.here);
            let args = if has_args { Some(self.template_args()?) } else { None };
            segments.push(PathSegment { name, args });
            let goes_on = self.at(Punct::ColonColon) && self.word_at(self.ahead(1)).is_some();
            if !goes_on || self.word_at(self.ahead(1)) == Some("operator") {
                return Ok((Path { span: self.since(start), tag: None, global, segments }, class));
            }
            self.bump();
        }
    }

    /// Reports `metal::int`, and takes it as `int`.
    fn qualified_keyword(&mut self) -> Parsed<Path> {
        let mut name = self.name("a name")?;
        let message = format!("`{}` is a keyword: it belongs to no namespace", name.name);
        self.report(
            Diagnostic::new(Code::E0201, name.span, message).at(format!("write `{}` alone", name.name)),
        );
        match name.name.as_str() {
            "unsigned" => name.name = "uint".into(),
            "signed" => name.name = "int".into(),
            _ => {}
        }
        let span = name.span;
        Ok(Path { span, tag: None, global: false, segments: vec![PathSegment { name, args: None }] })
    }

    /// Parses `< … >`.
    pub(super) fn template_args(&mut self) -> Parsed<Vec<TemplateArg>> {
        let open = self.span();
        self.expect(Punct::Less, "before the template arguments")?;
        let mut args = Vec::new();
        self.with_greater(true, |p| {
            p.nested(|p| {
                while p.greater_at(p.here).is_none() {
                    args.push(p.template_arg()?);
                    if !p.eat(Punct::Comma) {
                        break;
                    }
                }
                Ok(())
            })
        })?;
        if self.eat_greater() { Ok(args) } else { Err(self.unclosed(Punct::Greater, open)) }
    }

    fn template_arg(&mut self) -> Parsed<TemplateArg> {
        let arg = if self.at_type(self.here) {
            TemplateArg::Type(self.type_id()?)
        } else {
            TemplateArg::Expr(self.expression_in_type(|p| p.assignment_expression())?)
        };
        if self.at(Punct::Ellipsis) {
            return Err(self.unsupported(self.span(), "expanding a parameter pack is"));
        }
        Ok(arg)
    }

    /// Parses an expression that is part of a type: a template argument, the size of an array.
    pub(super) fn expression_in_type(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Parsed<Expr>,
    ) -> Parsed<Expr> {
        self.nested_by(EXPRESSION_IN_TYPE_COST, parse)
    }
}

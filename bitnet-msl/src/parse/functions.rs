//! Functions and their parameters.

use super::declarators::{Declarator, Naming};
use super::names::Class;
use super::specifiers::Specifiers;
use super::{Parsed, Parser};
use crate::ast::{Block, FunctionDecl, Ident, ParamDecl, TypeExprKind};
use crate::lex::token::Punct;
use crate::source::Span;

impl Parser<'_> {
    /// Parses parameters up to and with the `)`. The `(` at `open` has been consumed.
    pub(super) fn params(&mut self, open: Span) -> Parsed<Vec<ParamDecl>> {
        let mut params = Vec::new();
        if self.at_word("void") && self.punct_at(self.ahead(1)) == Some(Punct::CloseParen) {
            self.bump();
        }
        if self.eat(Punct::CloseParen) {
            return Ok(params);
        }
        loop {
            if self.at(Punct::Ellipsis) {
                return Err(self.unavailable(self.span(), "functions with `...` parameters"));
            }
            params.push(self.param()?);
            if !self.eat(Punct::Comma) {
                self.expect_close(Punct::CloseParen, open)?;
                return Ok(params);
            }
        }
    }

    fn param(&mut self) -> Parsed<ParamDecl> {
        let start = self.span();
        let specifiers = self.specifiers()?;
        self.refuse_storage(&specifiers, "a parameter");
        if self.at(Punct::Ellipsis) {
            return Err(self.unsupported(self.span(), "a parameter pack is"));
        }
        let mut declarator = self.declarator(Naming::Optional)?;
        let mut attrs = specifiers.attrs;
        attrs.append(&mut declarator.attrs);
        let default = if self.eat(Punct::Assign) { Some(self.initializer_clause()?) } else { None };
        let name = declarator.name.take();
        Ok(ParamDecl { span: self.since(start), name, ty: declarator.apply(specifiers.base), attrs, default })
    }

    /// Parses what follows the declarator of a function.
    pub(super) fn function(
        &mut self,
        specifiers: Specifiers,
        mut declarator: Declarator,
        name: Ident,
    ) -> Parsed<FunctionDecl> {
        let params = declarator.take_params().unwrap_or_default();
        self.declare_here(&name, Class::Value);
        let mut attrs = specifiers.attrs;
        attrs.append(&mut declarator.attrs);
        let mut ret = declarator.apply(specifiers.base);
        self.eat_word("noexcept");
        if self.eat(Punct::Arrow) {
            let trailing = self.type_id()?;
            if matches!(ret.kind, TypeExprKind::Auto) {
                ret = trailing;
            }
        }
        self.attributes(&mut attrs)?;
        let body = self.function_body(&params)?;
        let (is_constexpr, is_static) = (specifiers.storage.is_constexpr, specifiers.storage.is_static);
        let stage = specifiers.stage;
        Ok(FunctionDecl { name, stage, is_constexpr, is_static, ret, params, attrs, body })
    }

    /// Parses `{ … }` or the `;` of a prototype.
    fn function_body(&mut self, params: &[ParamDecl]) -> Parsed<Option<Block>> {
        if self.eat(Punct::Semicolon) {
            return Ok(None);
        }
        if self.at(Punct::Assign) {
            return Err(self.unsupported(self.span(), "`= delete` and `= default` are"));
        }
        if self.at_word("try") {
            return Err(self.unavailable(self.span(), "exceptions"));
        }
        if !self.at(Punct::OpenBrace) {
            return Err(self.expected("`{` or `;` after the parameters"));
        }
        let block = self.scoped(|p| {
            for name in params.iter().filter_map(|param| param.name.as_ref()) {
                p.names.declare(&name.name, Class::Value);
            }
            p.block()
        })?;
        Ok(Some(block))
    }

    /// Declares a name of the class, or a template of it inside `template <…>`.
    pub(super) fn declare_here(&mut self, name: &Ident, class: Class) {
        let scope = self.template_scope.take();
        self.declared.push((scope.map_or(self.names.depth(), |scope| scope + 1), name.clone()));
        match scope {
            Some(scope) => self.names.declare_at(scope, &name.name, class.templated()),
            None => self.names.declare(&name.name, class),
        }
    }
}

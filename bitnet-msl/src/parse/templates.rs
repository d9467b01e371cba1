//! Templates and their explicit instantiations.

use super::declarators::Naming;
use super::names::Class;
use super::{Parsed, Parser};
use crate::ast::{Ident, InstantiationDecl, ItemKind, TemplateDecl, TemplateParam, TemplateParamKind};
use crate::diag::{Code, Diagnostic};
use crate::lex::token::Punct;

impl Parser<'_> {
    /// Parses what `template` starts.
    pub(super) fn template(&mut self) -> Parsed<ItemKind> {
        self.bump();
        if !self.at(Punct::Less) {
            return self.instantiation();
        }
        let outer = self.names.depth();
        self.names.push();
        let parsed = self.template_declaration(outer - 1);
        self.template_scope = None;
        self.names.truncate(outer);
        parsed
    }

    fn template_declaration(&mut self, scope: usize) -> Parsed<ItemKind> {
        let params = self.template_params()?;
        if self.at_word("template") {
            return Err(self.unsupported_as(Code::E0602, self.span(), "a template of a template is"));
        }
        // The name belongs to the scope around the parameters, and is known inside its own body.
        self.template_scope = Some(scope);
        let start = self.span();
        let mut items = Vec::new();
        self.item(&mut items)?;
        match (items.pop(), items.pop()) {
            (Some(item), None) => Ok(ItemKind::Template(TemplateDecl { params, item: Box::new(item) })),
            _ => {
                let span = self.since(start);
                Err(self.unsupported_as(Code::E0602, span, "a template that declares several things is"))
            }
        }
    }

    fn template_params(&mut self) -> Parsed<Vec<TemplateParam>> {
        let open = self.span();
        self.bump();
        let mut params = Vec::new();
        self.with_greater(true, |p| {
            while p.greater_at(p.here).is_none() {
                params.push(p.template_param()?);
                if !p.eat(Punct::Comma) {
                    break;
                }
            }
            Ok(())
        })?;
        if self.eat_greater() { Ok(params) } else { Err(self.unclosed(Punct::Greater, open)) }
    }

    fn template_param(&mut self) -> Parsed<TemplateParam> {
        let start = self.span();
        if self.at_word("template") {
            return Err(self.unsupported_as(Code::E0602, start, "a template as a template parameter is"));
        }
        // `typename T::type N` is a value of a dependent type.
        let is_type = matches!(self.word(), Some("typename" | "class"))
            && !matches!(self.punct_at(self.ahead(2)), Some(Punct::ColonColon | Punct::Less));
        let (name, kind, is_pack) = if is_type {
            self.bump();
            let is_pack = self.eat(Punct::Ellipsis);
            let name =
                if self.word().is_some() { Some(self.new_name("a template parameter")?) } else { None };
            let default = if self.eat(Punct::Assign) { Some(self.type_id()?) } else { None };
            (name, TemplateParamKind::Type(default), is_pack)
        } else {
            self.value_param()?
        };
        if let Some(name) = &name {
            let class = if is_type { Class::Type } else { Class::Value };
            self.names.declare(&name.name, class);
        }
        Ok(TemplateParam { span: self.since(start), name, kind, is_pack })
    }

    fn value_param(&mut self) -> Parsed<(Option<Ident>, TemplateParamKind, bool)> {
        let specifiers = self.specifiers()?;
        self.refuse_storage(&specifiers, "a template parameter");
        let is_pack = self.eat(Punct::Ellipsis);
        let mut declarator = self.declarator(Naming::Optional)?;
        let name = declarator.name.take();
        let default = if self.eat(Punct::Assign) { Some(self.assignment_expression()?) } else { None };
        Ok((name, TemplateParamKind::Value(declarator.apply(specifiers.base), default), is_pack))
    }

    /// Parses an explicit instantiation, in any of its spellings. `template` has been consumed.
    fn instantiation(&mut self) -> Parsed<ItemKind> {
        let start = self.span();
        if matches!(self.word(), Some("struct" | "class" | "union")) {
            return Err(self.unsupported_as(
                Code::E0602,
                start,
                "instantiating a struct template explicitly is",
            ));
        }
        let specifiers = self.specifiers()?;
        if specifiers.storage.is_static {
            self.syntax_error(specifiers.start, "an instantiation cannot be `static`");
        }
        let mut attrs = specifiers.attrs;
        let ty = self.pointers(specifiers.base)?;
        let (path, _) = self.path()?;
        let has_args = path.segments.last().is_some_and(|s| s.args.is_some());
        if !has_args && self.at(Punct::Less) {
            let name = path.segments.last().map_or("", |s| s.name.name.as_str());
            let message = format!("`{name}` is not a function template");
            return Err(self.report(
                Diagnostic::new(Code::E0201, path.span, message)
                    .note("the template is declared before it is instantiated"),
            ));
        }
        let open = self.span();
        let params = if self.eat(Punct::OpenParen) { Some(self.params(open)?) } else { None };
        self.attributes(&mut attrs)?;
        self.expect_semicolon("the instantiation")?;
        Ok(ItemKind::Instantiation(InstantiationDecl { attrs, path, params, ty }))
    }
}

//! Declarations outside functions, and those that may also stand inside.

use super::declarators::{Declarator, Naming};
use super::names::Class;
use super::specifiers::{Elaborated, Specifiers};
use super::{Parsed, Parser};
use crate::ast::{
    AliasDecl, EnumDecl, Expr, ExprKind, Ident, Init, Item, ItemKind, NamespaceDecl, Path, StructDecl, Tag,
    TypeExprKind, VarDecl,
};
use crate::diag::{Code, Diagnostic};
use crate::lex::token::{Punct, TokenKind};

impl Parser<'_> {
    /// Parses a whole file.
    pub(super) fn translation_unit(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        while !self.at_end() && !self.diagnostics.is_full() {
            self.items(&mut items);
            if self.at(Punct::CloseBrace) {
                self.syntax_error(self.span(), "`}` without an opening `{`");
                self.bump();
                self.eat(Punct::Semicolon);
            }
        }
        items
    }

    /// Parses declarations up to the end or to a `}`.
    fn items(&mut self, items: &mut Vec<Item>) {
        while !self.at_end() && !self.at(Punct::CloseBrace) && !self.diagnostics.is_full() {
            let (first, start) = (self.here.index, self.span());
            let (scopes, declared) = (self.names.depth(), self.declared.len());
            let result = self.item(items);
            let names = self.declared_since(declared, scopes);
            if result.is_err() {
                self.names.truncate(scopes);
                self.template_scope = None;
                self.greater_closes = false;
                self.skip_item(first);
                items.push(Item { span: self.since(start), kind: ItemKind::Error(names) });
            }
        }
    }

    /// The names that have been declared in this scope, and not within it, since there were so many. They are
    /// forgotten.
    pub(super) fn declared_since(&mut self, start: usize, scopes: usize) -> Vec<Ident> {
        let declared = self.declared.drain(start..);
        declared.filter(|(depth, _)| *depth == scopes).map(|(_, name)| name).collect()
    }

    /// Parses one declaration; it may make several items.
    pub(super) fn item(&mut self, items: &mut Vec<Item>) -> Parsed<()> {
        let start = self.span();
        let kind = match self.word() {
            None if self.eat(Punct::Semicolon) => ItemKind::Empty,
            None if *self.kind() == TokenKind::LoggingHeader => {
                self.bump();
                ItemKind::LoggingHeader
            }
            Some("namespace") => self.namespace(false)?,
            Some("inline") if self.word_at(self.ahead(1)) == Some("namespace") => {
                self.bump();
                self.namespace(true)?
            }
            Some("template") => self.nested(|p| p.template())?,
            Some("typedef" | "using" | "static_assert" | "_Static_assert") => {
                return self.local_item(items);
            }
            Some("extern") if matches!(self.kind_at(self.ahead(1)), TokenKind::Str(_)) => {
                return Err(self.unsupported(start, "a linkage specification is"));
            }
            Some("extern") if self.word_at(self.ahead(1)) == Some("template") => {
                return Err(self.unsupported(start, "`extern template` is"));
            }
            _ => return self.declaration(items),
        };
        items.push(Item { span: self.since(start), kind });
        Ok(())
    }

    /// Parses a declaration that may stand in functions too and starts with a keyword of its own.
    pub(super) fn local_item(&mut self, items: &mut Vec<Item>) -> Parsed<()> {
        let start = self.span();
        let kind = match self.word() {
            Some("typedef") => return self.typedef(items),
            Some("using") => self.using()?,
            _ => self.static_assert()?,
        };
        items.push(Item { span: self.since(start), kind });
        Ok(())
    }

    fn namespace(&mut self, is_inline: bool) -> Parsed<ItemKind> {
        self.bump();
        let mut names = Vec::new();
        while self.word().is_some() {
            names.push(self.new_name("the name of a namespace")?);
            if !self.eat(Punct::ColonColon) {
                break;
            }
        }
        if self.at(Punct::Assign) {
            return Err(self.unsupported(self.span(), "a namespace alias is"));
        }
        self.nested_by(names.len().max(1), |p| p.namespace_body(names, is_inline))
    }

    /// Parses `{ … }` of a namespace; `a::b` makes one inside the other.
    fn namespace_body(&mut self, names: Vec<Ident>, is_inline: bool) -> Parsed<ItemKind> {
        let open = self.span();
        self.expect(Punct::OpenBrace, "to open the namespace")?;
        let depth = self.names.depth();
        let mut outer = Vec::new();
        for name in &names {
            outer.push(self.names.enter_namespace(&name.name));
            self.names.push();
        }
        let mut items = Vec::new();
        self.items(&mut items);
        self.names.truncate(depth);
        for name in outer.into_iter().rev() {
            self.names.leave_namespace(name);
        }
        if !self.eat(Punct::CloseBrace) && !self.diagnostics.is_full() {
            self.unclosed(Punct::CloseBrace, open);
        }
        let span = self.since(open);
        let mut names = names.into_iter().rev();
        let innermost = NamespaceDecl { name: names.next(), is_inline, items };
        Ok(names.fold(ItemKind::Namespace(innermost), |kind, name| {
            let items = vec![Item { span, kind }];
            ItemKind::Namespace(NamespaceDecl { name: Some(name), is_inline: false, items })
        }))
    }

    fn using(&mut self) -> Parsed<ItemKind> {
        self.bump();
        if self.eat_word("namespace") {
            let (path, _) = self.path()?;
            self.names.use_namespace(&joined(&path));
            self.expect_semicolon("the using directive")?;
            return Ok(ItemKind::UsingNamespace(path));
        }
        if self.at_word("enum") {
            return Err(self.unsupported(self.span(), "`using enum` is"));
        }
        if self.punct_at(self.ahead(1)) == Some(Punct::Assign) {
            let name = self.new_name("a name for the type")?;
            self.bump();
            let ty = self.type_id()?;
            self.declare_here(&name, Class::Type);
            self.expect_semicolon("the type alias")?;
            return Ok(ItemKind::Alias(AliasDecl { name, ty }));
        }
        let (path, class) = self.path()?;
        let kind = if path.segments.len() == 1 && !path.global {
            self.unqualified_using(path, class)?
        } else {
            if let (Some(last), true) = (path.segments.last(), class != Class::Unknown) {
                self.names.declare(&last.name.name, class);
            }
            ItemKind::UsingDeclaration(path)
        };
        self.expect_semicolon("the using declaration")?;
        Ok(kind)
    }

    /// Reports a using declaration that names nothing of a namespace. `using metal;` is taken as the directive that was
    /// meant.
    fn unqualified_using(&mut self, path: Path, class: Class) -> Parsed<ItemKind> {
        let name = joined(&path);
        let diagnostic =
            Diagnostic::new(Code::E0201, path.span, format!("`using {name}` names nothing of a namespace"));
        if class != Class::Namespace {
            let note = "a using declaration names what a namespace declares: `using n::name;`";
            return Err(self.report(diagnostic.note(note)));
        }
        self.report(diagnostic.at(format!("write `using namespace {name};`")));
        self.names.use_namespace(&name);
        Ok(ItemKind::UsingNamespace(path))
    }

    fn static_assert(&mut self) -> Parsed<ItemKind> {
        self.bump();
        let open = self.span();
        self.expect(Punct::OpenParen, "after `static_assert`")?;
        let condition = self.assignment_expression()?;
        let mut message = None;
        if self.eat(Punct::Comma) {
            let text = self.assignment_expression()?;
            match text.kind {
                ExprKind::Str(text) => message = Some(text),
                _ => return Err(self.syntax_error(text.span, "the message is a string literal")),
            }
        }
        self.expect_close(Punct::CloseParen, open)?;
        self.expect_semicolon("the assertion")?;
        Ok(ItemKind::StaticAssert(Box::new(condition), message))
    }

    /// Parses `typedef T a, *b;`.
    fn typedef(&mut self, items: &mut Vec<Item>) -> Parsed<()> {
        let start = self.span();
        self.bump();
        let mut specifiers = self.specifiers()?;
        self.refuse_storage(&specifiers, "a typedef");
        let mut hoisted = self.hoist(&mut specifiers);
        loop {
            let mut declarator = self.declarator(Naming::Optional)?;
            let Some(name) = declarator.name.take() else {
                return Err(self.expected("a name for the type"));
            };
            self.names.declare(&name.name, Class::Type);
            if hoisted.is_none() && declarator.is_plain() {
                self.name_anonymous(&mut specifiers, &name);
                hoisted = self.hoist(&mut specifiers);
            }
            items.extend(hoisted.take());
            let ty = declarator.apply(specifiers.base.clone());
            if !names_itself(&ty.kind, &name) {
                let kind = ItemKind::Alias(AliasDecl { name, ty });
                items.push(Item { span: self.since(start), kind });
            }
            if !self.eat(Punct::Comma) {
                return self.expect_semicolon("the typedef");
            }
        }
    }

    /// Gives `typedef struct { … } S;` its name, as C++ does.
    fn name_anonymous(&mut self, specifiers: &mut Specifiers, name: &Ident) {
        let TypeExprKind::Inline(item) = &mut specifiers.base.kind else { return };
        let (slot, is_named_by_typedef) = match &mut item.kind {
            ItemKind::Struct(decl) => (&mut decl.name, &mut decl.is_named_by_typedef),
            ItemKind::Enum(decl) => (&mut decl.name, &mut decl.is_named_by_typedef),
            _ => return,
        };
        if slot.is_none() {
            *slot = Some(name.clone());
            *is_named_by_typedef = true;
        }
        if let ItemKind::Struct(StructDecl { is_named_by_typedef: true, fields: Some(fields), .. }) =
            &item.kind
        {
            self.declare_members(&name.name, fields);
        }
    }

    /// Parses a function, variables or a type.
    fn declaration(&mut self, items: &mut Vec<Item>) -> Parsed<()> {
        let mut specifiers = self.specifiers()?;
        if self.type_declaration(&specifiers) {
            let item = self.finish_type_declaration(specifiers)?;
            items.push(item);
            return Ok(());
        }
        items.extend(self.hoist(&mut specifiers));
        let start = specifiers.start;
        let mut declarator = self.declarator(Naming::Required)?;
        let Some(name) = declarator.name.take() else { return Err(self.expected("a name")) };
        let kind = if declarator.is_function() {
            ItemKind::Function(self.function(specifiers, declarator, name)?)
        } else {
            ItemKind::Variables(self.variables(&specifiers, declarator, name)?)
        };
        items.push(Item { span: self.since(start), kind });
        Ok(())
    }

    /// Whether the specifiers stand for themselves: `struct S { … };`.
    pub(super) fn type_declaration(&self, specifiers: &Specifiers) -> bool {
        let defines = matches!(specifiers.base.kind, TypeExprKind::Inline(_));
        // After `}` of a definition a keyword or the end means that the `;` was left out.
        self.at(Punct::Semicolon)
            || defines && (self.at_end() || self.at(Punct::CloseBrace) || self.at_new_declaration())
    }

    fn at_new_declaration(&self) -> bool {
        let after = self.punct_at(self.ahead(1));
        match self.word() {
            Some("kernel" | "template" | "struct" | "typedef" | "using" | "namespace" | "enum" | "void") => {
                true
            }
            Some("static" | "inline" | "constexpr" | "constant" | "device" | "threadgroup") => true,
            // `struct S { … } float f()`: a type and not the name of a variable.
            Some(_) => after.is_none() && self.word_at(self.ahead(1)).is_some(),
            None => false,
        }
    }

    /// Consumes the `;` after a type and makes the item.
    pub(super) fn finish_type_declaration(&mut self, mut specifiers: Specifiers) -> Parsed<Item> {
        let span = specifiers.base.span;
        if let TypeExprKind::Inline(_) = specifiers.base.kind {
            let word = self.word_of_definition(&specifiers);
            self.expect_semicolon(&format!("the {word}"))?;
            let span = self.since(specifiers.start);
            if self.refuse_nameless(&specifiers).is_err() {
                return Ok(Item { span, kind: ItemKind::Error(Vec::new()) });
            }
            return match std::mem::replace(&mut specifiers.base.kind, TypeExprKind::Error) {
                TypeExprKind::Inline(item) => Ok(Item { span, ..*item }),
                _ => Ok(Item { span, kind: ItemKind::Error(Vec::new()) }),
            };
        }
        self.bump();
        match specifiers.elaborated {
            Some(Elaborated { name, tag }) if tag != Tag::Enum => {
                let attrs = specifiers.attrs;
                let decl = StructDecl {
                    name: Some(name),
                    is_union: tag == Tag::Union,
                    is_private: false,
                    is_named_by_typedef: false,
                    fields: None,
                    attrs,
                };
                Ok(Item { span: self.since(specifiers.start), kind: ItemKind::Struct(decl) })
            }
            _ => {
                // Behind the `;`: the next declaration is none of the mistake's business.
                self.syntax_error(span, "the declaration declares no name");
                Ok(Item { span, kind: ItemKind::Error(Vec::new()) })
            }
        }
    }

    /// Reports a struct that can never be used: it has no name, and declares no variable.
    fn refuse_nameless(&mut self, specifiers: &Specifiers) -> Parsed<()> {
        let span = specifiers.base.span;
        let TypeExprKind::Inline(item) = &specifiers.base.kind else { return Ok(()) };
        match &item.kind {
            ItemKind::Struct(StructDecl { name: None, is_union: true, .. }) => {
                Err(self.unsupported(span, "a union without a name, outside of a struct, is"))
            }
            ItemKind::Struct(StructDecl { name: None, .. }) => {
                Err(self.syntax_error(span, "a struct without a name declares nothing here"))
            }
            _ => Ok(()),
        }
    }

    fn word_of_definition(&self, specifiers: &Specifiers) -> &'static str {
        match &specifiers.base.kind {
            TypeExprKind::Inline(item) => match &item.kind {
                ItemKind::Struct(StructDecl { is_union: true, .. }) => "union",
                ItemKind::Enum(EnumDecl { .. }) => "enumeration",
                _ => "struct",
            },
            _ => "type",
        }
    }

    /// Parses the variables of a declaration and its `;`. The first declarator has been consumed.
    pub(super) fn variables(
        &mut self,
        specifiers: &Specifiers,
        first: Declarator,
        name: Ident,
    ) -> Parsed<Vec<VarDecl>> {
        let mut variables = vec![self.variable(specifiers, first, name)?];
        while self.eat(Punct::Comma) {
            if matches!(specifiers.base.kind, TypeExprKind::Inline(_)) {
                return Err(
                    self.unsupported(specifiers.base.span, "several variables of a type without a name are")
                );
            }
            let mut declarator = self.declarator(Naming::Required)?;
            let Some(name) = declarator.name.take() else { return Err(self.expected("a name")) };
            variables.push(self.variable(specifiers, declarator, name)?);
        }
        self.expect_semicolon("the declaration")?;
        Ok(variables)
    }

    /// Declares one variable and parses its initialiser.
    pub(super) fn variable(
        &mut self,
        specifiers: &Specifiers,
        mut declarator: Declarator,
        name: Ident,
    ) -> Parsed<VarDecl> {
        if declarator.is_function() {
            return Err(self.unsupported(declarator.span, "declaring a function here is"));
        }
        self.declare_here(&name, Class::Value);
        let mut attrs = specifiers.attrs.clone();
        attrs.append(&mut declarator.attrs);
        let start = declarator.span;
        let ty = declarator.apply(specifiers.base.clone());
        let init = self.initializer()?;
        Ok(VarDecl {
            span: self.since(start),
            name,
            ty,
            is_constexpr: specifiers.storage.is_constexpr,
            is_static: specifiers.storage.is_static,
            is_extern: specifiers.storage.is_extern,
            attrs,
            init,
        })
    }

    fn initializer(&mut self) -> Parsed<Option<Init>> {
        let open = self.span();
        if self.eat(Punct::Assign) {
            return Ok(Some(Init::Copy(self.initializer_clause()?)));
        }
        if self.eat(Punct::OpenParen) {
            let args = self.arguments(Punct::CloseParen, open)?;
            return Ok(Some(Init::Paren(args, self.since(open))));
        }
        if self.eat(Punct::OpenBrace) {
            let args = self.arguments(Punct::CloseBrace, open)?;
            return Ok(Some(Init::Brace(args, self.since(open))));
        }
        Ok(None)
    }

    /// Parses `expr` or `{…}`.
    pub(super) fn initializer_clause(&mut self) -> Parsed<Expr> {
        let start = self.span();
        if !self.eat(Punct::OpenBrace) {
            return self.assignment_expression();
        }
        let args = self.arguments(Punct::CloseBrace, start)?;
        Ok(Expr { span: self.since(start), kind: ExprKind::InitList(args) })
    }

    /// Reports a prototype among statements.
    pub(super) fn refuse_local_function(&mut self, declarator: &Declarator) -> Parsed<()> {
        if !declarator.is_function() {
            return Ok(());
        }
        Err(self.report(
            Diagnostic::new(
                Code::E0608,
                declarator.span,
                "declaring a function inside a function is not supported",
            )
            .note("functions are declared outside; a variable without arguments is declared without `()`"),
        ))
    }
}

fn joined(path: &Path) -> String {
    path.segments.iter().map(|s| s.name.name.as_str()).collect::<Vec<_>>().join("::")
}

/// Whether `typedef struct S { … } S;` would make an alias of itself.
fn names_itself(ty: &TypeExprKind, name: &Ident) -> bool {
    matches!(ty, TypeExprKind::Named(path)
        if !path.global && path.segments.len() == 1 && path.segments[0].args.is_none()
            && path.segments[0].name.name == name.name)
}

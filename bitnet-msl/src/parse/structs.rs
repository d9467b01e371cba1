//! Structs, unions and enumerations.

use super::declarators::Naming;
use super::names::Class;
use super::specifiers::{Elaborated, named};
use super::{Parsed, Parser};
use crate::ast::{
    Attr, EnumDecl, Expr, FieldDecl, Ident, Item, ItemKind, Path, PathSegment, Quals, StructDecl, Tag,
    TypeExpr, TypeExprKind,
};
use crate::diag::Code;
use crate::lex::token::Punct;
use crate::source::Span;

/// Longest full name of a member type that is kept, so that long names of many types take no room.
const MAX_MEMBER_PATH_BYTES: usize = 1 << 10;

impl Parser<'_> {
    /// Parses `struct S`, with its body if there is one.
    pub(super) fn struct_specifier(&mut self, elaborated: &mut Option<Elaborated>) -> Parsed<TypeExprKind> {
        let start = self.span();
        let (is_union, is_class) = (self.at_word("union"), self.at_word("class"));
        self.bump();
        let mut attrs = Vec::new();
        self.attributes(&mut attrs)?;
        if self.at_gnu_attribute() {
            self.gnu_attribute()?;
        }
        if self.at_word("alignas") {
            return Err(self.unsupported(self.span(), "`alignas` is"));
        }
        let name = if self.word().is_some() { Some(self.new_name("a name for the struct")?) } else { None };
        if self.at(Punct::Less) {
            return self.specialised_struct(name, start);
        }
        if !self.at(Punct::OpenBrace) && !self.at(Punct::Colon) {
            let Some(name) = name else { return Err(self.expected("a name or `{` after `struct`")) };
            let tag = if is_union { Tag::Union } else { Tag::Struct };
            return Ok(self.elaborated_type(elaborated, name, tag));
        }
        if let Some(name) = &name {
            self.declare_here(name, Class::Type);
        }
        self.template_scope = None;
        if self.at(Punct::Colon) {
            self.refuse_bases()?;
        }
        let (fields, has_labels) = self.nested(|p| p.scoped(|p| p.struct_body(name.as_ref())))?;
        if let Some(name) = &name {
            self.declare_members(&name.name, &fields);
        }
        if self.at_gnu_attribute() {
            self.gnu_attribute()?;
        }
        let is_private = is_class && !has_labels;
        let is_named_by_typedef = false;
        let decl =
            StructDecl { name, is_union, is_private, is_named_by_typedef, fields: Some(fields), attrs };
        Ok(TypeExprKind::Inline(Box::new(Item { span: self.since(start), kind: ItemKind::Struct(decl) })))
    }

    /// `struct S` or `enum S` as a type, or as a forward declaration if `;` follows.
    fn elaborated_type(
        &mut self,
        elaborated: &mut Option<Elaborated>,
        name: Ident,
        tag: Tag,
    ) -> TypeExprKind {
        if self.at(Punct::Semicolon) {
            self.declare_here(&name, Class::Type);
        }
        *elaborated = Some(Elaborated { name: name.clone(), tag });
        tagged(name, tag)
    }

    /// `struct S<float> x` names a type; `struct S<float> { … }` specialises a template.
    fn specialised_struct(&mut self, name: Option<Ident>, start: Span) -> Parsed<TypeExprKind> {
        let args = self.template_args()?;
        match name {
            Some(name) if !self.at(Punct::OpenBrace) && !self.at(Punct::Colon) => {
                let span = self.since(start);
                let segments = vec![PathSegment { name, args: Some(args) }];
                Ok(TypeExprKind::Named(Path { span, tag: None, global: false, segments }))
            }
            _ => {
                let span = self.since(start);
                Err(self.unsupported_as(Code::E0602, span, "specialising a struct template is"))
            }
        }
    }

    /// Makes the types that a struct declares known by their full names.
    pub(super) fn declare_members(&mut self, owner: &str, fields: &[FieldDecl]) {
        let mut names = Vec::new();
        member_names(owner, fields, &mut names);
        for (name, class) in names {
            self.names.declare(&name, class);
        }
    }

    fn refuse_bases(&mut self) -> Parsed<()> {
        self.unsupported_as(Code::E0606, self.span(), "deriving from a base type is");
        while !self.at(Punct::OpenBrace) {
            if self.at_end() || self.at(Punct::Semicolon) || self.at(Punct::CloseBrace) {
                return Err(self.expected("`{`"));
            }
            self.bump();
        }
        Ok(())
    }

    /// Parses `{ … }` of a struct. Also says whether labels such as `public:` are in it.
    fn struct_body(&mut self, name: Option<&Ident>) -> Parsed<(Vec<FieldDecl>, bool)> {
        let open = self.span();
        self.expect(Punct::OpenBrace, "to open the struct")?;
        let (mut fields, mut has_labels) = (Vec::new(), false);
        loop {
            if self.eat(Punct::CloseBrace) {
                return Ok((fields, has_labels));
            }
            if self.skip_access() {
                has_labels = true;
                continue;
            }
            if self.at_end() || self.at_top_level_word() && !self.at_word("template") {
                return Err(self.unclosed(Punct::CloseBrace, open));
            }
            let first = self.here;
            if self.member(name, &mut fields).is_err() {
                self.skip_member();
                if self.here == first && !self.at(Punct::CloseBrace) {
                    self.bump();
                }
            }
        }
    }

    /// Parses one member declaration.
    fn member(&mut self, owner: Option<&Ident>, fields: &mut Vec<FieldDecl>) -> Parsed<()> {
        if self.eat(Punct::Semicolon) {
            return Ok(());
        }
        self.refuse_member(owner)?;
        let mut specifiers = self.specifiers()?;
        if let Some(span) = specifiers.storage.place {
            let what =
                if specifiers.storage.is_static { "a static member is" } else { "a member function is" };
            return Err(self.unsupported_as(Code::E0606, span, what));
        }
        if self.at(Punct::Semicolon) && matches!(specifiers.base.kind, TypeExprKind::Inline(_)) {
            fields.push(unnamed_field(specifiers.base, specifiers.attrs));
            return self.expect_semicolon("the member");
        }
        if let Some(item) = self.hoist(&mut specifiers) {
            let kind = TypeExprKind::Inline(Box::new(item));
            let ty = TypeExpr { span: specifiers.base.span, quals: Quals::default(), kind };
            fields.push(unnamed_field(ty, Vec::new()));
        }
        loop {
            let mut declarator = self.declarator(Naming::Required)?;
            let Some(name) = declarator.name.take() else {
                return Err(self.expected("the name of a member"));
            };
            if declarator.is_function() {
                return Err(self.unsupported_as(Code::E0606, name.span, "a member function is"));
            }
            if self.at(Punct::Colon) {
                return Err(self.unsupported(self.span(), "a bit-field is"));
            }
            let mut attrs = specifiers.attrs.clone();
            attrs.append(&mut declarator.attrs);
            let ty = declarator.apply(specifiers.base.clone());
            let init = self.member_initializer()?;
            fields.push(FieldDecl { name, ty, attrs, init });
            if !self.eat(Punct::Comma) {
                return self.expect_semicolon("the member");
            }
        }
    }

    fn member_initializer(&mut self) -> Parsed<Option<Expr>> {
        if self.eat(Punct::Assign) || self.at(Punct::OpenBrace) {
            return self.initializer_clause().map(Some);
        }
        Ok(None)
    }

    /// Reports `public:` and kin.
    fn skip_access(&mut self) -> bool {
        let found = matches!(self.word(), Some("public" | "private" | "protected"))
            && self.punct_at(self.ahead(1)) == Some(Punct::Colon);
        if found {
            self.unsupported_as(Code::E0606, self.span(), "access to members is public; changing it is");
            self.bump();
            self.bump();
        }
        found
    }

    /// Reports members that are not data.
    fn refuse_member(&mut self, owner: Option<&Ident>) -> Parsed<()> {
        let span = self.span();
        let next = self.punct_at(self.ahead(1));
        let what = match self.word() {
            Some("using" | "typedef") => "a type alias inside a struct is",
            Some("static_assert") => "an assertion inside a struct is",
            Some("template") => "a member template is",
            Some("operator") => "a member operator is",
            Some(word) if next == Some(Punct::OpenParen) && owner.is_some_and(|o| o.name == word) => {
                "a constructor is"
            }
            None if self.at(Punct::Tilde) => "a destructor is",
            _ => return Ok(()),
        };
        Err(self.unsupported_as(Code::E0606, span, what))
    }

    /// Parses `enum E`, with its body if there is one.
    ///
    /// `typedef enum E : T E; enum E : T { … };` is what the macro `NS_ENUM` makes in headers that shaders share with
    /// the host: C++ has the first one only as a declaration of its own.
    pub(super) fn enum_specifier(&mut self, elaborated: &mut Option<Elaborated>) -> Parsed<TypeExprKind> {
        let start = self.span();
        self.bump();
        let scoped = self.eat_word("class") || self.eat_word("struct");
        let name =
            if self.word().is_some() { Some(self.new_name("a name for the enumeration")?) } else { None };
        let has_type = self.at(Punct::Colon);
        let underlying = if self.eat(Punct::Colon) { Some(self.type_id()?) } else { None };
        let is_opaque = self.at(Punct::Semicolon) && name.is_some() && (has_type || scoped)
            || has_type && name.as_ref().is_some_and(|name| self.word() == Some(&name.name));
        if !self.at(Punct::OpenBrace) && !is_opaque {
            if has_type {
                return Err(self.expected("`{` after the type of the enumeration"));
            }
            let Some(name) = name else { return Err(self.expected("a name or `{` after `enum`")) };
            return Ok(self.elaborated_type(elaborated, name, Tag::Enum));
        }
        if let Some(name) = &name {
            self.declare_here(name, Class::Type);
        }
        let variants = if is_opaque { None } else { Some(self.enumerators(scoped)?) };
        let decl = EnumDecl { name, scoped, is_named_by_typedef: false, underlying, variants };
        Ok(TypeExprKind::Inline(Box::new(Item { span: self.since(start), kind: ItemKind::Enum(decl) })))
    }

    fn enumerators(&mut self, scoped: bool) -> Parsed<Vec<(Ident, Option<Expr>)>> {
        let open = self.span();
        self.bump();
        let mut variants = Vec::new();
        while !self.at(Punct::CloseBrace) {
            let name = self.new_name("an enumerator")?;
            self.attributes(&mut Vec::new())?;
            let value = if self.eat(Punct::Assign) { Some(self.assignment_expression()?) } else { None };
            if !scoped {
                self.declare_here(&name, Class::Value);
            }
            variants.push((name, value));
            if !self.eat(Punct::Comma) {
                break;
            }
        }
        self.expect_close(Punct::CloseBrace, open)?;
        Ok(variants)
    }
}

/// A type that stands in a struct with no member's name after it.
fn unnamed_field(ty: TypeExpr, attrs: Vec<Attr>) -> FieldDecl {
    FieldDecl { name: Ident { name: String::new(), span: ty.span }, ty, attrs, init: None }
}

/// Adds the types and enumerators that the fields of a struct declare, behind `S::`.
fn member_names(prefix: &str, fields: &[FieldDecl], names: &mut Vec<(String, Class)>) {
    for field in fields {
        let TypeExprKind::Inline(item) = &field.ty.kind else { continue };
        match &item.kind {
            ItemKind::Struct(StructDecl { name: Some(name), fields: Some(fields), .. }) => {
                if let Some(path) = member_path(prefix, name) {
                    member_names(&path, fields, names);
                    names.push((path, Class::Type));
                }
            }
            ItemKind::Enum(decl) => {
                let path = decl.name.as_ref().and_then(|name| member_path(prefix, name));
                names.extend(path.map(|path| (path, Class::Type)));
            }
            _ => {}
        }
    }
}

fn member_path(prefix: &str, name: &Ident) -> Option<String> {
    (prefix.len() + name.name.len() < MAX_MEMBER_PATH_BYTES).then(|| format!("{prefix}::{}", name.name))
}

/// `struct S` as a type.
fn tagged(name: Ident, tag: Tag) -> TypeExprKind {
    match named(name) {
        TypeExprKind::Named(path) => TypeExprKind::Named(Path { tag: Some(tag), ..path }),
        kind => kind,
    }
}

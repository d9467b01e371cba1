//! Declarators: the name and the `*`, `&`, `[n]` and `(…)` around it.

use super::{MAX_DECLARATOR_PARTS, Parsed, Parser};
use crate::ast::{Attr, Expr, Ident, ParamDecl, Quals, TypeExpr, TypeExprKind};
use crate::diag::{Code, Diagnostic};
use crate::lex::token::Punct;
use crate::parse::names::Class;
use crate::parse::vocabulary;
use crate::source::Span;

/// Whether a declarator has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// A variable or member; `(` after the name may start an initialiser.
    Required,
    /// A function parameter.
    Optional,
    /// A type-id.
    Forbidden,
}

/// One step from the name outward.
#[derive(Debug)]
enum Part {
    Pointer(Quals),
    Reference,
    Array(Option<Box<Expr>>),
    Function(Vec<ParamDecl>),
}

/// A declarator as parsed.
#[derive(Debug)]
pub(super) struct Declarator {
    pub(super) span: Span,
    pub(super) name: Option<Ident>,
    pub(super) attrs: Vec<Attr>,
    /// Parts in the order in which the type reads from the name: `*a[3]` is an array of pointers.
    parts: Vec<(Part, Span)>,
}

impl Declarator {
    /// Whether this declares a function.
    pub(super) fn is_function(&self) -> bool {
        matches!(self.parts.first(), Some((Part::Function(_), _)))
    }

    /// Whether there is nothing around the name.
    pub(super) fn is_plain(&self) -> bool {
        self.parts.is_empty()
    }

    /// Takes the parameters off a function's declarator; what is left makes the return type.
    pub(super) fn take_params(&mut self) -> Option<Vec<ParamDecl>> {
        if !self.is_function() {
            return None;
        }
        match self.parts.remove(0).0 {
            Part::Function(params) => Some(params),
            _ => None,
        }
    }

    /// The declared type.
    pub(super) fn apply(self, base: TypeExpr) -> TypeExpr {
        let start = base.span;
        self.parts.into_iter().rev().fold(base, |inner, (part, span)| {
            let inner = Box::new(inner);
            let (quals, kind) = match part {
                Part::Pointer(quals) => (quals, TypeExprKind::Pointer(inner)),
                Part::Reference => (Quals::default(), TypeExprKind::Reference(inner)),
                Part::Array(size) => (Quals::default(), TypeExprKind::Array(inner, size)),
                Part::Function(params) => (Quals::default(), TypeExprKind::Function(inner, params)),
            };
            TypeExpr { span: start.to(span), quals, kind }
        })
    }
}

impl Parser<'_> {
    /// Parses a declarator.
    pub(super) fn declarator(&mut self, naming: Naming) -> Parsed<Declarator> {
        let mut declarator =
            Declarator { span: self.span(), name: None, attrs: Vec::new(), parts: Vec::new() };
        self.declarator_into(naming, &mut declarator)?;
        declarator.span = self.since(declarator.span);
        Ok(declarator)
    }

    fn declarator_into(&mut self, naming: Naming, declarator: &mut Declarator) -> Parsed<()> {
        let mut pointers = self.pointer_parts(&mut declarator.attrs)?;
        if self.at_declarator_group(naming) {
            let open = self.span();
            self.bump();
            self.nested(|p| p.declarator_into(naming, declarator))?;
            self.expect_close(Punct::CloseParen, open)?;
        } else {
            declarator.name = self.declarator_name(naming)?;
        }
        self.suffix_parts(naming, declarator)?;
        pointers.reverse();
        declarator.parts.append(&mut pointers);
        if declarator.parts.len() > MAX_DECLARATOR_PARTS {
            return Err(self.too_deep("a declarator", MAX_DECLARATOR_PARTS));
        }
        Ok(())
    }

    /// Parses `*`, `&` and their qualifiers.
    pub(super) fn pointers(&mut self, base: TypeExpr) -> Parsed<TypeExpr> {
        let (mut attrs, span) = (Vec::new(), self.span());
        let mut parts = self.pointer_parts(&mut attrs)?;
        parts.reverse();
        Ok(Declarator { span, name: None, attrs, parts }.apply(base))
    }

    fn pointer_parts(&mut self, attrs: &mut Vec<Attr>) -> Parsed<Vec<(Part, Span)>> {
        let mut parts = Vec::new();
        loop {
            let start = self.span();
            if self.eat(Punct::Star) {
                let mut quals = Quals::default();
                while self.qualifier(&mut quals) {}
                parts.push((Part::Pointer(quals), self.since(start)));
            } else if self.eat(Punct::And) {
                if matches!(parts.last(), Some((Part::Reference, _))) {
                    self.syntax_error(start, "there are no references to references");
                }
                self.reference_quals();
                parts.push((Part::Reference, self.since(start)));
            } else if self.at(Punct::AndAnd) {
                return Err(self.unsupported(start, "an rvalue reference is"));
            } else if self.at_attributes() {
                self.attributes(attrs)?;
            } else {
                return Ok(parts);
            }
            if parts.len() > MAX_DECLARATOR_PARTS {
                return Err(self.too_deep("a declarator", MAX_DECLARATOR_PARTS));
            }
        }
    }

    /// Consumes what follows the `&` of a reference, which cannot be qualified itself.
    fn reference_quals(&mut self) {
        let span = self.span();
        let mut quals = Quals::default();
        while self.qualifier(&mut quals) {}
        if quals.is_const || quals.is_volatile {
            self.report(
                Diagnostic::new(
                    Code::E0201,
                    self.since(span),
                    "a reference cannot be const or volatile itself",
                )
                .note("it always refers to what it was bound to; write `const` before the `&`"),
            );
        }
    }

    /// Whether the `(` that comes next encloses a part of the declarator, as in `(*f)(float)`.
    fn at_declarator_group(&self, naming: Naming) -> bool {
        if !self.at(Punct::OpenParen) {
            return false;
        }
        let inner = self.ahead(1);
        match self.punct_at(inner) {
            Some(Punct::Star | Punct::And | Punct::OpenParen) => true,
            Some(_) => false,
            None => {
                naming != Naming::Forbidden
                    && self.word_at(inner).is_some_and(|w| !vocabulary::is_keyword(w))
                    && !self.at_type(inner)
                    && matches!(
                        self.punct_at(inner.skip(1)),
                        Some(Punct::CloseParen | Punct::OpenBracket | Punct::OpenParen)
                    )
            }
        }
    }

    fn declarator_name(&mut self, naming: Naming) -> Parsed<Option<Ident>> {
        let start = self.span();
        match self.word() {
            _ if naming == Naming::Forbidden => return Ok(None),
            Some("operator") => {
                return Err(self.unsupported_as(Code::E0606, start, "declaring an operator is"));
            }
            Some(_) => {}
            None if naming == Naming::Optional && self.at(Punct::Ellipsis) => {
                return Err(self.unsupported(start, "a parameter pack is"));
            }
            None if naming == Naming::Optional => return Ok(None),
            None => return Err(self.expected("a name")),
        }
        let name = self.new_name("a name")?;
        if self.at(Punct::ColonColon) {
            return Err(self.unsupported_as(Code::E0606, start, "defining a member outside its type is"));
        }
        let class = self.names.lookup(&name.name);
        let is_template = matches!(class, Class::ValueTemplate | Class::TypeTemplate);
        if naming == Naming::Required && is_template && self.at(Punct::Less) {
            return Err(self.unsupported_as(Code::E0602, start, "an explicit specialisation is"));
        }
        Ok(Some(name))
    }

    fn suffix_parts(&mut self, naming: Naming, declarator: &mut Declarator) -> Parsed<()> {
        loop {
            let start = self.span();
            if self.at_attributes() {
                self.attributes(&mut declarator.attrs)?;
            } else if self.at_gnu_attribute() {
                self.gnu_attribute()?;
            } else if self.eat(Punct::OpenBracket) {
                let size =
                    if self.at(Punct::CloseBracket) { None } else { Some(Box::new(self.array_size()?)) };
                self.expect_close(Punct::CloseBracket, start)?;
                declarator.parts.push((Part::Array(size), self.since(start)));
            } else if self.at(Punct::OpenParen) && (naming != Naming::Required || self.at_parameters()) {
                self.bump();
                let params = self.nested(|p| p.with_greater(false, |p| p.params(start)))?;
                declarator.parts.push((Part::Function(params), self.since(start)));
            } else {
                return Ok(());
            }
            if declarator.parts.len() > MAX_DECLARATOR_PARTS {
                return Err(self.too_deep("a declarator", MAX_DECLARATOR_PARTS));
            }
        }
    }

    fn array_size(&mut self) -> Parsed<Expr> {
        self.with_greater(false, |p| p.expression_in_type(|p| p.expression()))
    }
}

//! The innermost parts of expressions: literals, names, constructions, casts by keyword.

use super::expressions::Tree;
use super::names::Class;
use super::{Parsed, Parser};
use crate::ast::{CastKind, ExprKind, Quals, TypeExpr, TypeExprKind};
use crate::diag::{Code, Diagnostic};
use crate::lex::token::{Punct, TokenKind};
use crate::source::Span;

impl Parser<'_> {
    /// Parses an expression without operators.
    pub(super) fn primary(&mut self) -> Parsed<Tree> {
        let start = self.span();
        let kind = match self.kind() {
            TokenKind::Int(value, suffix) => ExprKind::Int(*value, *suffix),
            TokenKind::Float(value, suffix) => ExprKind::Float(*value, *suffix),
            TokenKind::Char(value) => ExprKind::Char(*value),
            TokenKind::Str(_) => return Ok(self.string()),
            TokenKind::Ident(word) => return self.word_primary(word),
            TokenKind::Punct(_) => return self.punct_primary(),
            TokenKind::LoggingHeader | TokenKind::Eof => return Err(self.expected("an expression")),
        };
        self.bump();
        Ok(Tree::leaf(start, kind))
    }

    /// Parses string literals, which join.
    fn string(&mut self) -> Tree {
        let start = self.span();
        let mut text = String::new();
        while let TokenKind::Str(part) = self.kind() {
            text.push_str(part);
            self.bump();
        }
        Tree::leaf(self.since(start), ExprKind::Str(text))
    }

    fn punct_primary(&mut self) -> Parsed<Tree> {
        let start = self.span();
        match self.punct() {
            Some(Punct::OpenParen) => {
                self.bump();
                let inner = self.nested(|p| p.with_greater(false, |p| p.comma_tree()))?;
                if self.at(Punct::Ellipsis) {
                    return Err(self.unsupported(self.span(), "a fold expression is"));
                }
                self.expect_close(Punct::CloseParen, start)?;
                self.grow(start, inner.height, ExprKind::Paren(Box::new(inner.expr)))
            }
            Some(Punct::ColonColon) => self.path_primary(),
            Some(Punct::OpenBracket) => Err(self.unsupported(start, "a lambda is")),
            Some(Punct::Ellipsis) => Err(self.unsupported(start, "a parameter pack is")),
            Some(Punct::OpenBrace) => {
                self.syntax_error(
                    start,
                    "expected an expression, found `{`; braces only follow a type or `=`",
                );
                Err(self.expected("an expression"))
            }
            _ => Err(self.expected("an expression")),
        }
    }

    fn word_primary(&mut self, word: &str) -> Parsed<Tree> {
        let start = self.span();
        let literal = match word {
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            "nullptr" => ExprKind::Nullptr,
            "static_cast" => return self.keyword_cast(CastKind::Static),
            "reinterpret_cast" => return self.keyword_cast(CastKind::Reinterpret),
            "const_cast" => return self.keyword_cast(CastKind::Const),
            "sizeof" => return self.sizeof_type(),
            "alignof" | "_Alignof" => return self.alignof(),
            "this" => return Err(self.unsupported(start, "`this` is")),
            "operator" => return Err(self.unsupported(start, "calling an operator by name is")),
            "dynamic_cast" => return Err(self.unavailable(start, "`dynamic_cast`")),
            "typeid" => return Err(self.unavailable(start, "`typeid`")),
            "new" | "delete" => return Err(self.unavailable(start, "`new` and `delete`")),
            "throw" => return Err(self.unavailable(start, "exceptions")),
            _ => return self.name_primary(),
        };
        self.bump();
        Ok(Tree::leaf(start, literal))
    }

    /// Parses a name or a construction that starts with a type.
    fn name_primary(&mut self) -> Parsed<Tree> {
        let (start, first) = (self.span(), self.here);
        let is_plain_word = self.word().is_some_and(|w| {
            super::vocabulary::is_integer_word(w) || super::vocabulary::is_type_qualifier(w)
        });
        if !is_plain_word && !matches!(self.word(), Some("decltype" | "typename" | "auto")) {
            return self.path_primary();
        }
        let specifiers = self.specifiers()?;
        // `unsigned int(x)`: only a type of one word can be called (C++ [expr.type.conv]).
        if is_plain_word && self.here != first.skip(1) && !specifiers.is_wrong {
            let span = specifiers.base.span;
            self.report(
                Diagnostic::new(Code::E0201, span, "a type of several words is not called like a function")
                    .note("write a name of one word, as in uint(x), or a cast: (unsigned int)x"),
            );
        }
        self.construct(start, specifiers.base)
    }

    fn path_primary(&mut self) -> Parsed<Tree> {
        let start = self.span();
        let (path, class) = self.path()?;
        let constructs = match self.punct() {
            Some(Punct::OpenParen) => class.is_type(),
            Some(Punct::OpenBrace) => class.is_type() || class == Class::Unknown,
            _ => false,
        };
        let span = path.span;
        if !constructs {
            return Ok(Tree::leaf(span, ExprKind::Path(path)));
        }
        self.construct(start, TypeExpr { span, quals: Quals::default(), kind: TypeExprKind::Named(path) })
    }

    /// Parses `(…)` or `{…}` after a type.
    pub(super) fn construct(&mut self, start: Span, ty: TypeExpr) -> Parsed<Tree> {
        let open = self.span();
        let braces = self.at(Punct::OpenBrace);
        if !braces && !self.at(Punct::OpenParen) {
            return Err(self.expected("`(` or `{` after the type"));
        }
        self.bump();
        let close = if braces { Punct::CloseBrace } else { Punct::CloseParen };
        let (args, below) = self.argument_trees(close, open)?;
        self.grow(start, below, ExprKind::Construct { ty: Box::new(ty), args, braces })
    }

    /// Parses `static_cast<T>(x)` and kin.
    fn keyword_cast(&mut self, cast: CastKind) -> Parsed<Tree> {
        let start = self.span();
        self.bump();
        let angle = self.span();
        self.expect(Punct::Less, "before the type of the cast")?;
        let ty = self.with_greater(true, |p| p.type_id())?;
        if !self.eat_greater() {
            return Err(self.unclosed(Punct::Greater, angle));
        }
        let open = self.span();
        self.expect(Punct::OpenParen, "before the value of the cast")?;
        let value = self.nested(|p| p.with_greater(false, |p| p.comma_tree()))?;
        self.expect_close(Punct::CloseParen, open)?;
        self.grow(start, value.height, ExprKind::Cast(cast, Box::new(ty), Box::new(value.expr)))
    }

    /// Parses `(T)`.
    pub(super) fn parenthesised_type(&mut self) -> Parsed<TypeExpr> {
        let open = self.span();
        self.expect(Punct::OpenParen, "before the type")?;
        let ty = self.with_greater(false, |p| p.type_id())?;
        self.expect_close(Punct::CloseParen, open)?;
        Ok(ty)
    }

    /// Whether the `sizeof` that comes next is of a type.
    pub(super) fn at_sizeof_type(&self) -> bool {
        match self.punct_at(self.ahead(1)) {
            Some(Punct::OpenParen) => self.at_type(self.ahead(2)),
            Some(Punct::Ellipsis) => true,
            _ => false,
        }
    }

    fn sizeof_type(&mut self) -> Parsed<Tree> {
        let start = self.span();
        self.bump();
        if self.at(Punct::Ellipsis) {
            return Err(self.unsupported(start, "`sizeof...` is"));
        }
        let ty = self.parenthesised_type()?;
        Ok(Tree::leaf(self.since(start), ExprKind::SizeofType(Box::new(ty))))
    }

    fn alignof(&mut self) -> Parsed<Tree> {
        let start = self.span();
        self.bump();
        let ty = self.parenthesised_type()?;
        Ok(Tree::leaf(self.since(start), ExprKind::AlignofType(Box::new(ty))))
    }
}

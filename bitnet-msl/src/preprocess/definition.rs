//! `#define` and `#undef`: from a line of tokens to a macro.

use std::collections::{HashMap, HashSet};
use std::mem;

use super::Preprocessor;
use super::macros::{Item, Macro, MacroKind, Params, Piece};
use crate::diag::{Code, Diagnostic};
use crate::lex::token::Punct;
use crate::lex::{RawToken, Symbol};
use crate::source::Span;

/// What is wrong with a definition, and where.
type Fault = (Span, &'static str);

impl Preprocessor<'_> {
    /// `#define name body` or `#define name(params) body`. `line` is what follows the directive's name.
    pub(super) fn define(&mut self, line: &[RawToken], directive: Span) {
        match self.definition(line, directive) {
            Ok(definition) => self.add_macro(definition),
            Err((span, message)) => self.report(Code::E0112, span, message),
        }
    }

    fn definition(&self, line: &[RawToken], directive: Span) -> Result<Macro, Fault> {
        let Some((first, rest)) = line.split_first() else { return Err((directive, "#define takes a name")) };
        let name = self.macro_name(first)?;
        // Only a `(` right behind the name opens parameters; after a blank it belongs to the body.
        let takes_arguments = rest.first().is_some_and(|t| t.is(Punct::OpenParen) && !t.space_before);
        let (params, body) = if takes_arguments {
            let (params, used) = self.parameters(rest, first.span)?;
            (Some(params), &rest[used..])
        } else {
            (None, rest)
        };
        let items = Body::new(self, params.as_ref()).items(body)?;
        let kind = MacroKind::Defined { params, items, body: body.to_vec() };
        Ok(Macro { name, span: Some(first.span), kind })
    }

    /// The name that a macro is to have.
    pub(super) fn macro_name(&self, token: &RawToken) -> Result<Symbol, Fault> {
        let Some(name) = token.name() else {
            return Err((token.span, "the name of a macro is an identifier"));
        };
        let known = &self.known;
        if [known.defined, known.va_args, known.va_opt, known.pragma_operator].contains(&name) {
            return Err((token.span, "this name belongs to the preprocessor and cannot be a macro"));
        }
        Ok(name)
    }

    /// The parameter list from its `(`, and how many tokens it takes.
    fn parameters(&self, tokens: &[RawToken], name: Span) -> Result<(Params, usize), Fault> {
        const RULE: &str = "macro parameters are different names, separated by commas, `...` last";
        let is = |at: usize, punct: Punct| tokens.get(at).is_some_and(|t| t.is(punct));
        let mut params = Params { names: Vec::new(), variadic: false };
        if is(1, Punct::CloseParen) {
            return Ok((params, 2));
        }
        let mut seen = HashSet::new();
        let mut at = 1;
        loop {
            let fault = (tokens.get(at).map_or(name, |t| t.span), RULE);
            if is(at, Punct::Ellipsis) {
                params.names.push(self.known.va_args);
                params.variadic = true;
            } else {
                let param = tokens.get(at).and_then(RawToken::name).ok_or(fault)?;
                if param == self.known.va_args || !seen.insert(param) {
                    return Err(fault);
                }
                params.names.push(param);
                // GNU: `args...` names the rest.
                if is(at + 1, Punct::Ellipsis) {
                    params.variadic = true;
                    at += 1;
                }
            }
            at += 1;
            if is(at, Punct::CloseParen) {
                return Ok((params, at + 1));
            }
            if !is(at, Punct::Comma) || params.variadic {
                return Err((tokens.get(at).map_or(fault.0, |t| t.span), RULE));
            }
            at += 1;
        }
    }

    /// Adds a macro; a macro of the text that it silently changes is a warning.
    fn add_macro(&mut self, definition: Macro) {
        let (name, span) = (definition.name, definition.span);
        if let Some(earlier) = self.macros.get(name).filter(|earlier| !earlier.same_as(&definition)).cloned()
            && let (Some(span), Some(before)) = (span, earlier.span)
        {
            let message = format!("macro `{}` is redefined differently", self.names.text(name));
            let diagnostic = Diagnostic::new(Code::E0111, span, message).label(before, "defined here before");
            self.push(diagnostic.note("write #undef first to say that this is meant"));
        }
        self.macros.insert(definition);
    }

    /// `#undef name`.
    pub(super) fn undef(&mut self, line: &[RawToken], directive: Span) {
        match line.first().ok_or((directive, "#undef takes a name")).and_then(|token| self.macro_name(token))
        {
            Ok(name) => self.macros.remove(name),
            Err((span, message)) => self.report(Code::E0112, span, message),
        }
    }

    /// A macro without parameters that stands in no text.
    pub(super) fn predefine(&mut self, name: Symbol, body: Vec<RawToken>) {
        match Body::new(self, None).items(&body) {
            Ok(items) => {
                let kind = MacroKind::Defined { params: None, items, body };
                self.macros.insert(Macro { name, span: None, kind });
            }
            Err((span, message)) => self.report(Code::E0112, span, message),
        }
    }
}

/// Cuts a body into items.
struct Body {
    /// Of a function-like macro: the numbers of its parameters.
    params: Option<HashMap<Symbol, usize>>,
    /// The parameter that takes the rest.
    rest: Option<usize>,
    va_args: Symbol,
    va_opt: Symbol,
}

impl Body {
    fn new(preprocessor: &Preprocessor<'_>, params: Option<&Params>) -> Self {
        let numbered = |p: &Params| p.names.iter().enumerate().map(|(i, name)| (*name, i)).collect();
        Self {
            params: params.map(numbered),
            rest: params.filter(|p| p.variadic).map(|p| p.names.len() - 1),
            va_args: preprocessor.known.va_args,
            va_opt: preprocessor.known.va_opt,
        }
    }

    fn items(&self, body: &[RawToken]) -> Result<Vec<Item>, Fault> {
        let mut items: Vec<Item> = Vec::with_capacity(body.len());
        let mut at = 0;
        let mut joined = false;
        while let Some(token) = body.get(at) {
            if token.is(Punct::HashHash) {
                if items.is_empty() || joined || at + 1 == body.len() {
                    return Err((token.span, "## needs a token on both sides"));
                }
                joined = true;
                at += 1;
                continue;
            }
            let (piece, used) = self.piece(&body[at..])?;
            at += used;
            let item = Item { piece, space_before: token.space_before, joined: mem::take(&mut joined) };
            match items.last_mut().filter(|_| item.joined) {
                Some(left) => {
                    let right = self.join(left, item);
                    items.extend(right);
                }
                None => items.push(item),
            }
        }
        Ok(items)
    }

    /// Makes two items operands of the `##` between them: neither is expanded. `None` if one item is left of them.
    fn join(&self, left: &mut Item, mut right: Item) -> Option<Item> {
        if let (Piece::Token(comma), Piece::Param(index)) = (&left.piece, &right.piece)
            && comma.is(Punct::Comma)
            && self.rest == Some(*index)
            && !left.joined
        {
            left.piece = Piece::CommaAndRest(*comma, *index);
            return None;
        }
        for piece in [&mut left.piece, &mut right.piece] {
            if let Piece::Param(index) = *piece {
                *piece = Piece::RawParam(index);
            }
        }
        Some(right)
    }

    /// The piece that the body starts with, and how many tokens it takes.
    fn piece(&self, body: &[RawToken]) -> Result<(Piece, usize), Fault> {
        let token = body[0];
        let param = |t: Option<&RawToken>| self.params.as_ref()?.get(&t?.name()?).copied();
        if token.is(Punct::Hash) && self.params.is_some() {
            return match param(body.get(1)) {
                Some(index) => Ok((Piece::Stringized(index), 2)),
                None => Err((token.span, "# must stand before a parameter of the macro")),
            };
        }
        if let Some(index) = param(Some(&token)) {
            return Ok((Piece::Param(index), 1));
        }
        if token.name() == Some(self.va_opt) {
            return self.if_rest(body);
        }
        if token.name() == Some(self.va_args) {
            return Err((token.span, "__VA_ARGS__ stands in macros whose parameters end with `...`"));
        }
        Ok((Piece::Token(token), 1))
    }

    /// `__VA_OPT__(…)`
    fn if_rest(&self, body: &[RawToken]) -> Result<(Piece, usize), Fault> {
        let fault = |message| (body[0].span, message);
        let rest = self.rest.ok_or(fault("__VA_OPT__ stands in macros whose parameters end with `...`"))?;
        if !body.get(1).is_some_and(|t| t.is(Punct::OpenParen)) {
            return Err(fault("__VA_OPT__ takes its content in parentheses"));
        }
        let mut depth = 0usize;
        for (at, token) in body.iter().enumerate().skip(1) {
            if token.is(Punct::OpenParen) {
                depth += 1;
            } else if token.is(Punct::CloseParen) {
                depth -= 1;
            } else if token.name() == Some(self.va_opt) {
                return Err((token.span, "__VA_OPT__ does not nest"));
            }
            if depth == 0 {
                return Ok((Piece::IfRest(rest, self.items(&body[2..at])?), at + 1));
            }
        }
        Err(fault("__VA_OPT__( has no closing `)`"))
    }
}

//! Macro expansion: a stack of expansions above the files, read token by token.

use super::macros::{Builtin, Macro, MacroKind, Params};
use super::substitute::Call;
use super::{MAX_ARGUMENT_DEPTH, Preprocessor};
use crate::diag::{Code, Diagnostic};
use crate::lex::token::Punct;
use crate::lex::{RawKind, RawToken, Symbol};
use crate::source::Span;

/// Tokens waiting to be read before the files'.
pub(super) struct Expansion {
    tokens: std::vec::IntoIter<RawToken>,
    /// The macro that made them; its name is not expanded while they last.
    of: Option<Symbol>,
    /// A list being expanded on its own: reading stops at its end instead of going on below.
    isolated: bool,
}

impl Preprocessor<'_> {
    /// The next token after expansion; `None` at the end of everything, or of an isolated list.
    pub(super) fn next_expanded(&mut self) -> Option<RawToken> {
        loop {
            let token = self.next_unexpanded()?;
            let Some(name) = token.name().filter(|_| !token.painted) else { return Some(token) };
            if self.in_condition && name == self.known.defined {
                return Some(self.defined_operator(token));
            }
            let Some(definition) = self.macros.get(name).cloned() else { return Some(token) };
            match &definition.kind {
                MacroKind::Builtin(builtin) => {
                    if let Some(value) = self.builtin(*builtin, token) {
                        return Some(value);
                    }
                }
                MacroKind::Defined { params: None, items, .. } => {
                    let tokens = self.substitute(items, &mut Call::default(), token.span);
                    self.push_expansion(&definition, tokens, token);
                }
                MacroKind::Defined { params: Some(params), items, .. } => {
                    if !self.accept_open_paren() {
                        return Some(token);
                    }
                    let Some(mut call) = self.arguments(&definition, params, token) else { continue };
                    let tokens = self.substitute(items, &mut call, token.span);
                    self.push_expansion(&definition, tokens, token);
                }
            }
        }
    }

    /// The next token of the innermost expansion, or of the files. Names of macros that are being expanded come
    /// out painted.
    pub(super) fn next_unexpanded(&mut self) -> Option<RawToken> {
        while !self.stopped {
            let Some(expansion) = self.expansions.last_mut() else { return self.next_in_files() };
            if let Some(mut token) = expansion.tokens.next() {
                token.painted |= token.name().is_some_and(|name| self.macros.is_expanding(name));
                self.spend(1, token.span);
                return Some(token);
            }
            if expansion.isolated {
                return None;
            }
            self.pop_expansion();
        }
        None
    }

    fn push_expansion(&mut self, definition: &Macro, mut tokens: Vec<RawToken>, site: RawToken) {
        if let Some(first) = tokens.first_mut() {
            first.space_before = site.space_before;
        }
        self.macros.set_expanding(definition.name, true);
        self.expansions.push(Expansion {
            tokens: tokens.into_iter(),
            of: Some(definition.name),
            isolated: false,
        });
    }

    fn pop_expansion(&mut self) {
        if let Some(name) = self.expansions.pop().and_then(|expansion| expansion.of) {
            self.macros.set_expanding(name, false);
        }
    }

    /// Passes over a `(` if one comes next: a function-like macro's name without one is an ordinary name.
    pub(super) fn accept_open_paren(&mut self) -> bool {
        while let Some(expansion) = self.expansions.last_mut() {
            if let Some(token) = expansion.tokens.as_slice().first() {
                let found = token.is(Punct::OpenParen);
                if found {
                    expansion.tokens.next();
                }
                return found;
            }
            if expansion.isolated {
                return false;
            }
            self.pop_expansion();
        }
        self.files.last_mut().is_some_and(|file| file.lexer.accept_open_paren())
    }

    /// Reads the arguments of a call up to its `)`. `None` after a reported error.
    fn arguments(&mut self, definition: &Macro, params: &Params, name: RawToken) -> Option<Call> {
        let mut call = self.split_arguments(params, name)?;
        let wanted = params.names.len();
        if wanted == 0 && call.len() == 1 && call.raw(0).is_empty() {
            call.clear();
        }
        // A variadic macro may be called without its rest.
        if params.variadic && call.len() + 1 == wanted {
            call.end_argument();
        }
        if call.len() == wanted {
            return Some(call);
        }
        let least = if params.variadic { "at least " } else { "" };
        let needed = wanted - usize::from(params.variadic);
        let plural = if needed == 1 { "" } else { "s" };
        let message = format!(
            "macro `{}` takes {least}{needed} argument{plural}, but gets {}",
            self.text(&name),
            call.len()
        );
        let mut diagnostic = Diagnostic::new(Code::E0107, name.span, message);
        if let Some(span) = definition.span {
            diagnostic = diagnostic.label(span, "macro defined here");
        }
        self.push(diagnostic);
        None
    }

    /// Splits a call at its commas outside parentheses. The last parameter of a variadic macro takes the rest.
    fn split_arguments(&mut self, params: &Params, name: RawToken) -> Option<Call> {
        let mut call = Call::default();
        let mut depth = 0usize;
        while let Some(token) = self.next_unexpanded() {
            let in_rest = params.variadic && call.len() + 1 == params.names.len();
            match token.kind {
                RawKind::Punct(Punct::CloseParen) if depth == 0 => {
                    call.end_argument();
                    return Some(call);
                }
                RawKind::Punct(Punct::Comma) if depth == 0 && !in_rest => {
                    call.end_argument();
                    continue;
                }
                RawKind::Punct(Punct::OpenParen) => depth += 1,
                RawKind::Punct(Punct::CloseParen) => depth -= 1,
                _ => {}
            }
            call.push(token);
        }
        let message = format!("the arguments of macro `{}` have no closing `)`", self.text(&name));
        self.report(Code::E0107, name.span, message);
        None
    }

    /// Expands a list of tokens to its end, without looking at what follows it.
    pub(super) fn expand_list(&mut self, tokens: Vec<RawToken>, site: Span) -> Vec<RawToken> {
        if self.argument_depth == MAX_ARGUMENT_DEPTH {
            self.stop(site, &format!("macro calls nest deeper than {MAX_ARGUMENT_DEPTH} in macro arguments"));
            return Vec::new();
        }
        self.argument_depth += 1;
        let floor = self.expansions.len();
        self.expansions.push(Expansion { tokens: tokens.into_iter(), of: None, isolated: true });
        let mut out = Vec::new();
        while let Some(token) = self.next_expanded() {
            out.push(token);
        }
        while self.expansions.len() > floor {
            self.pop_expansion();
        }
        self.argument_depth -= 1;
        out
    }

    /// What a built-in macro stands for; `None` after a reported error.
    fn builtin(&mut self, builtin: Builtin, token: RawToken) -> Option<RawToken> {
        let (kind, text) = match builtin {
            Builtin::Line => (RawKind::Number, self.line_of(token.span).to_string()),
            Builtin::File => (RawKind::Str, self.quoted_file_name(token.span)),
            Builtin::Counter => {
                self.counter += 1;
                (RawKind::Number, (self.counter - 1).to_string())
            }
            Builtin::HasInclude => {
                let operand = self.parenthesised(token)?;
                (RawKind::Number, u8::from(self.has_include(operand, token)).to_string())
            }
            Builtin::FeatureTest => {
                self.parenthesised(token)?;
                (RawKind::Number, "0".to_owned())
            }
        };
        let text = self.names.intern(&text);
        Some(RawToken { kind, text, ..token })
    }

    /// The tokens between the parentheses that must follow `name`.
    pub(super) fn parenthesised(&mut self, name: RawToken) -> Option<Vec<RawToken>> {
        if !self.accept_open_paren() {
            let message = format!("`{}` takes its operand in parentheses", self.text(&name));
            self.report(Code::E0107, name.span, message);
            return None;
        }
        let one = Params { names: vec![name.text], variadic: true };
        Some(self.split_arguments(&one, name)?.into_tokens())
    }

    /// The line of a place, as `#line` has it.
    fn line_of(&self, span: Span) -> i64 {
        let real = self.sources.get(span.file).map_or(0, |file| file.line_of(span.lo as usize) as i64 + 1);
        real + self.line_overrides.get(&span.file).map_or(0, |o| o.delta)
    }

    fn quoted_file_name(&self, span: Span) -> String {
        let presumed = self.line_overrides.get(&span.file).and_then(|o| o.name.as_deref());
        let real = || self.sources.get(span.file).map_or("", |file| file.name.as_str());
        let name = presumed.unwrap_or_else(real);
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
    }
}

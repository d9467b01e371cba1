//! Preprocessing tokens and the lexer that makes them.

use std::borrow::Cow;
use std::rc::Rc;

use super::scan::{Scanner, after_splice};
use super::token::Punct;
use super::{Interner, Symbol};
use crate::source::{FileId, Span};

/// What a preprocessing token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawKind {
    /// Identifier or keyword.
    Ident,
    /// Anything that starts like a number; decoded later, since `##` can still change it.
    Number,
    /// String literal with its quotes.
    Str,
    /// Character literal with its quotes.
    Char,
    /// Operator or punctuation.
    Punct(Punct),
    /// String or character literal that its line ends.
    Unclosed,
    /// Characters that start no token.
    Unknown,
}

/// A preprocessing token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawToken {
    pub(crate) kind: RawKind,
    /// The spelling, without line splices.
    pub(crate) text: Symbol,
    pub(crate) span: Span,
    /// White space stands before it; `#` keeps that as one blank.
    pub(crate) space_before: bool,
    /// An identifier that must never be expanded again ("painted blue", C11 6.10.3.4).
    pub(crate) painted: bool,
}

impl RawToken {
    pub(crate) fn is(&self, punct: Punct) -> bool {
        self.kind == RawKind::Punct(punct)
    }

    /// The token's spelling if it is an identifier.
    pub(crate) fn name(&self) -> Option<Symbol> {
        (self.kind == RawKind::Ident).then_some(self.text)
    }
}

/// Cuts one file into tokens. It shares the text, so that the source map stays free for changes.
pub(crate) struct Lexer {
    file: FileId,
    text: Rc<str>,
    pos: usize,
    /// A line started since the last token.
    at_line_start: bool,
    /// White space was passed since the last token.
    after_space: bool,
    open_comment: Option<Span>,
}

impl Lexer {
    pub(crate) fn new(file: FileId, text: Rc<str>) -> Self {
        let pos = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { file, text, pos, at_line_start: true, after_space: false, open_comment: None }
    }

    pub(crate) fn file(&self) -> FileId {
        self.file
    }

    /// The empty span at the end of the file.
    pub(crate) fn end_span(&self) -> Span {
        self.span(self.text.len(), self.text.len())
    }

    /// Where a comment started that the end of the file cut off.
    pub(crate) fn open_comment(&self) -> Option<Span> {
        self.open_comment
    }

    /// The next token; `None` at the end of the file.
    pub(crate) fn next(&mut self, names: &mut Interner) -> Option<RawToken> {
        self.skip_blanks();
        (self.pos < self.text.len()).then(|| self.token(names))
    }

    /// The next token of this line; `None` at its end.
    pub(crate) fn next_in_line(&mut self, names: &mut Interner) -> Option<RawToken> {
        self.skip_blanks();
        (self.pos < self.text.len() && !self.at_line_start).then(|| self.token(names))
    }

    /// Passes over the `#` of a directive if one comes next, and returns its span.
    pub(crate) fn start_directive(&mut self) -> Option<Span> {
        self.skip_blanks();
        (self.at_line_start && self.byte() == Some(b'#')).then(|| self.pass_byte())
    }

    /// Passes over everything up to and including the next directive's `#`. `None` at the end of the file.
    pub(crate) fn skip_to_directive(&mut self) -> Option<Span> {
        loop {
            let directive = self.start_directive();
            if directive.is_some() || self.pos >= self.text.len() {
                return directive;
            }
            self.scan();
        }
    }

    /// Passes over a `(` if one comes next.
    pub(crate) fn accept_open_paren(&mut self) -> bool {
        self.skip_blanks();
        let found = self.byte() == Some(b'(');
        if found {
            self.pass_byte();
        }
        found
    }

    fn span(&self, lo: usize, hi: usize) -> Span {
        Span::new(self.file, lo as u32, hi as u32)
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    fn pass_byte(&mut self) -> Span {
        self.scan();
        self.span(self.pos - 1, self.pos)
    }

    /// Passes over one token: its kind, and its spelling, of which splices are taken out.
    fn scan(&mut self) -> (RawKind, Cow<'_, str>) {
        let mut scanner = Scanner::new(&self.text, self.pos);
        let kind = scanner.token();
        let spelling = &self.text[self.pos..scanner.end()];
        self.pos = scanner.end();
        self.at_line_start = false;
        self.after_space = false;
        (
            kind,
            if scanner.spliced() { Cow::Owned(without_splices(spelling)) } else { Cow::Borrowed(spelling) },
        )
    }

    fn token(&mut self, names: &mut Interner) -> RawToken {
        let (lo, space_before) = (self.pos, self.after_space || self.at_line_start);
        let (kind, spelling) = self.scan();
        let text = match kind {
            RawKind::Punct(punct) => punct.into(),
            _ => names.intern(&spelling),
        };
        RawToken { kind, text, span: self.span(lo, self.pos), space_before, painted: false }
    }

    /// Passes over white space, comments and splices, and notes what it saw.
    fn skip_blanks(&mut self) {
        while let Some(byte) = self.byte() {
            match byte {
                b'\n' => {
                    self.at_line_start = true;
                    self.pos += 1;
                }
                b' ' | b'\t' | b'\r' | 0x0b | 0x0c => {
                    self.after_space = true;
                    self.pos += 1;
                }
                b'\\' => match after_splice(self.text.as_bytes(), self.pos) {
                    Some(next) => self.pos = next,
                    None => return,
                },
                b'/' => {
                    let mut ahead = Scanner::new(&self.text, self.pos);
                    ahead.bump();
                    match ahead.peek() {
                        Some(b'/') => self.skip_line_comment(),
                        Some(b'*') => {
                            ahead.bump();
                            self.skip_block_comment(ahead.end());
                        }
                        _ => return,
                    }
                }
                _ => return,
            }
        }
    }

    /// A `//` comment goes up to its line end; a backslash there splices the next line to it.
    fn skip_line_comment(&mut self) {
        self.after_space = true;
        loop {
            let Some(length) = self.text[self.pos..].find('\n') else {
                self.pos = self.text.len();
                return;
            };
            let line = &self.text[self.pos..self.pos + length];
            self.pos += length;
            if !line.trim_end_matches([' ', '\t', '\r']).ends_with('\\') {
                return;
            }
            self.pos += 1;
        }
    }

    /// A block comment counts as one blank, even when it spans lines. `body` is the position after its `/*`.
    fn skip_block_comment(&mut self, body: usize) {
        let lo = self.pos;
        self.after_space = true;
        self.pos = body;
        while let Some(length) = self.text[self.pos..].find('*') {
            self.pos += length + 1;
            let mut ahead = Scanner::new(&self.text, self.pos);
            if ahead.peek() == Some(b'/') {
                ahead.bump();
                self.pos = ahead.end();
                return;
            }
        }
        self.pos = self.text.len();
        self.open_comment = Some(self.span(lo, body));
    }
}

fn without_splices(spelling: &str) -> String {
    let mut out = String::with_capacity(spelling.len());
    let mut rest = 0;
    while let Some(at) = spelling[rest..].find('\\').map(|at| rest + at) {
        let next = after_splice(spelling.as_bytes(), at);
        let kept = if next.is_some() { at } else { at + 1 };
        out.push_str(&spelling[rest..kept]);
        rest = next.unwrap_or(kept);
    }
    out.push_str(&spelling[rest..]);
    out
}

/// Cuts a text that stands in no file (the body of a macro that an option defines). The tokens take `span`.
pub(crate) fn lex_fragment(text: &str, span: Span, names: &mut Interner) -> Vec<RawToken> {
    let mut lexer = Lexer::new(span.file, text.into());
    std::iter::from_fn(|| lexer.next(names)).map(|token| RawToken { span, ..token }).collect()
}

/// The one token that two spellings make when `##` joins them, if they make one.
pub(crate) fn join(left: RawToken, right: RawToken, span: Span, names: &mut Interner) -> Option<RawToken> {
    let text = format!("{}{}", names.text(left.text), names.text(right.text));
    let mut scanner = Scanner::new(&text, 0);
    let kind = scanner.token();
    if scanner.end() != text.len() || matches!(kind, RawKind::Unclosed | RawKind::Unknown) {
        return None;
    }
    let text = names.intern(&text);
    Some(RawToken { kind, text, span, space_before: left.space_before, painted: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let mut names = Interner::new();
        let tokens = lex_fragment(text, Span::default(), &mut names);
        let spellings: Vec<&str> = tokens.iter().map(|t| &**names.text(t.text)).collect();
        assert_eq!(spellings, expected, "{text:?}");
    }

    #[test]
    fn splices_vanish_inside_every_kind_of_token() {
        check("ab\\\ncd", &["abcd"]);
        check("1\\\n2 \"x\\\ny\" +\\\n= <\\\r\n<\\ \n=", &["12", "\"xy\"", "+=", "<<="]);
        check("/\\\n/ comment \\\n goes on\nx", &["x"]);
        check("/\\\n* comment *\\\n/x", &["x"]);
        check("\\\n\\\n", &[]);
        check("a\\", &["a", "\\"]);
        check("\"\\\\\\\n\"", &["\"\\\\\""]);
    }

    #[test]
    fn numbers_take_what_c_gives_them() {
        check("1.5e-3f+2", &["1.5e-3f", "+", "2"]);
        check("0x1p+3.x", &["0x1p+3.x"]);
        check("1'000' '", &["1'000", "' '"]);
        check("v.x .5", &["v", ".", "x", ".5"]);
    }

    #[test]
    fn the_byte_order_mark_is_passed_over() {
        check("\u{feff}x", &["x"]);
    }

    #[test]
    fn literals_without_end_stop_at_the_line() {
        check("\"a\nb 'c\nd", &["\"a", "b", "'c", "d"]);
        check("\"a\\", &["\"a\\"]);
    }

    #[test]
    fn unknown_characters_come_in_runs() {
        check("a é€\u{fffd}b $@ c\0d", &["a", "é€\u{fffd}", "b", "$@", "c", "\0", "d"]);
    }
}

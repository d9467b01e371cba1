//! The shape of tokens: where the one that starts here ends, and what it is.

use super::raw::RawKind;
use super::token::Punct;

/// Reads characters with line splices (a backslash at the end of a line) taken out (C11 5.1.1.2, phase 2).
#[derive(Clone, Copy)]
pub(super) struct Scanner<'t> {
    bytes: &'t [u8],
    pos: usize,
    /// One past the last byte taken.
    end: usize,
    /// A splice lies between the bytes taken.
    spliced: bool,
}

/// If a splice starts at `pos`, the position after it. Blanks may stand between backslash and line end.
pub(super) fn after_splice(bytes: &[u8], pos: usize) -> Option<usize> {
    if bytes.get(pos) != Some(&b'\\') {
        return None;
    }
    let blanks = bytes[pos + 1..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
    let end = pos + 1 + blanks;
    (bytes.get(end) == Some(&b'\n')).then_some(end + 1)
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str, pos: usize) -> Self {
        Self { bytes: text.as_bytes(), pos, end: pos, spliced: false }
    }

    /// The next character's first byte.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(next) = after_splice(self.bytes, self.pos) {
            self.pos = next;
        }
        self.bytes.get(self.pos).copied()
    }

    /// Takes the byte that [`Scanner::peek`] saw.
    pub(super) fn bump(&mut self) {
        self.spliced |= self.pos != self.end;
        self.pos += 1;
        self.end = self.pos;
    }

    pub(super) fn end(&self) -> usize {
        self.end
    }

    pub(super) fn spliced(&self) -> bool {
        self.spliced
    }

    fn peek_second(mut self) -> Option<u8> {
        self.peek()?;
        self.bump();
        self.peek()
    }

    fn take_while(&mut self, accept: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&accept) {
            self.bump();
        }
    }

    /// Takes one token. There must be one: neither the end of the text nor white space lies ahead.
    pub(super) fn token(&mut self) -> RawKind {
        match self.peek() {
            Some(b'A'..=b'Z' | b'a'..=b'z' | b'_') => {
                self.take_while(is_name_byte);
                RawKind::Ident
            }
            Some(b'0'..=b'9') => self.number(),
            Some(b'.') if self.peek_second().is_some_and(|b| b.is_ascii_digit()) => self.number(),
            Some(b'"') => self.quoted(b'"', RawKind::Str),
            Some(b'\'') => self.quoted(b'\'', RawKind::Char),
            _ => self.punct().map_or_else(|| self.unknown(), RawKind::Punct),
        }
    }

    /// A preprocessing number (C11 6.4.8): more than any real number, so that errors name the whole of it.
    fn number(&mut self) -> RawKind {
        let mut previous = 0;
        while let Some(byte) = self.peek() {
            let sign = matches!(byte, b'+' | b'-') && matches!(previous, b'e' | b'E' | b'p' | b'P');
            let separator = byte == b'\'' && self.peek_second().is_some_and(is_name_byte);
            if !(is_name_byte(byte) || byte == b'.' || sign || separator) {
                break;
            }
            previous = byte;
            self.bump();
        }
        RawKind::Number
    }

    /// A literal up to its quote, or up to the end of the line if it has none.
    fn quoted(&mut self, quote: u8, kind: RawKind) -> RawKind {
        self.bump();
        while let Some(byte) = self.peek().filter(|b| *b != b'\n') {
            self.bump();
            if byte == quote {
                return kind;
            }
            if byte == b'\\' && self.peek().is_some_and(|b| b != b'\n') {
                self.bump();
            }
        }
        RawKind::Unclosed
    }

    fn punct(&mut self) -> Option<Punct> {
        let mut ahead = [0; 3];
        let mut look = *self;
        for byte in &mut ahead {
            let Some(found) = look.peek() else { break };
            *byte = found;
            look.bump();
        }
        let punct = Punct::ALL.iter().copied().find(|p| ahead.starts_with(p.text().as_bytes()))?;
        for _ in punct.text().bytes() {
            self.peek();
            self.bump();
        }
        Some(punct)
    }

    /// A run of characters that start no token.
    fn unknown(&mut self) -> RawKind {
        self.take_while(|b| match b {
            b'$' | b'@' | b'`' | b'\\' => true,
            b'\n' | b'\t' | b'\r' | 0x0b | 0x0c => false,
            _ => b.is_ascii_control() || !b.is_ascii(),
        });
        RawKind::Unknown
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

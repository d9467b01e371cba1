//! Turns expanded preprocessing tokens into the parser's tokens: numbers, strings and characters get their values.

use std::iter::Peekable;
use std::rc::Rc;
use std::str::Chars;

use super::number::parse_number;
use super::token::{Punct, TokenKind};
use super::{Interner, RawKind, RawToken};
use crate::ast::IntSuffix;
use crate::diag::Code;

/// What is wrong with a token, and what stands in for it so that parsing goes on.
pub(crate) struct DecodeError {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) note: Option<&'static str>,
    pub(crate) stand_in: Option<TokenKind>,
}

impl DecodeError {
    fn new(code: Code, message: String, stand_in: Option<TokenKind>) -> Self {
        Self { code, message, note: None, stand_in }
    }

    fn note(self, note: &'static str) -> Self {
        Self { note: Some(note), ..self }
    }
}

/// The parser's token.
pub(crate) fn decode(raw: &RawToken, names: &Interner) -> Result<TokenKind, DecodeError> {
    let text = names.text(raw.text);
    match raw.kind {
        RawKind::Ident => {
            Ok(alternative(text).map_or_else(|| TokenKind::Ident(Rc::clone(text)), TokenKind::Punct))
        }
        RawKind::Number => parse_number(text).map_err(|message| {
            let zero = TokenKind::Int(0, IntSuffix { decimal: true, unsigned: false, long: false });
            DecodeError::new(Code::E0103, message, Some(zero))
        }),
        RawKind::Str => match unescape(text) {
            Ok(value) => Ok(TokenKind::Str(value.into())),
            Err(message) => Err(DecodeError::new(Code::E0116, message, Some(TokenKind::Str("".into())))),
        },
        RawKind::Char => character(text)
            .map(TokenKind::Char)
            .map_err(|message| DecodeError::new(Code::E0116, message, Some(TokenKind::Char(0)))),
        RawKind::Punct(punct @ (Punct::Hash | Punct::HashHash)) => {
            let message = format!("`{}` outside a preprocessor directive", punct.text());
            Err(DecodeError::new(Code::E0104, message, None))
        }
        RawKind::Punct(punct) => Ok(TokenKind::Punct(punct)),
        RawKind::Unclosed => Err(unclosed(text)),
        RawKind::Unknown => Err(unknown(text)),
    }
}

/// The operators that C++ lets one spell as words (C++14 2.6).
pub(crate) fn alternative(name: &str) -> Option<Punct> {
    Some(match name {
        "and" => Punct::AndAnd,
        "and_eq" => Punct::AndAssign,
        "bitand" => Punct::And,
        "bitor" => Punct::Or,
        "compl" => Punct::Tilde,
        "not" => Punct::Not,
        "not_eq" => Punct::NotEqual,
        "or" => Punct::OrOr,
        "or_eq" => Punct::OrAssign,
        "xor" => Punct::Xor,
        "xor_eq" => Punct::XorAssign,
        _ => return None,
    })
}

fn unclosed(text: &str) -> DecodeError {
    let (what, stand_in) = if text.starts_with('"') {
        ("string", TokenKind::Str("".into()))
    } else {
        ("character literal", TokenKind::Char(0))
    };
    DecodeError::new(Code::E0102, format!("{what} without end"), Some(stand_in))
        .note("close it on the same line")
}

fn unknown(text: &str) -> DecodeError {
    let first = text.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
    let message = if first == char::REPLACEMENT_CHARACTER {
        "bytes that are not UTF-8 text".to_owned()
    } else {
        format!("character {first:?} cannot start a token")
    };
    DecodeError::new(Code::E0101, message, None).note("MSL source is ASCII outside comments and strings")
}

/// The value of a character literal; `spelling` holds its quotes.
pub(crate) fn character(spelling: &str) -> Result<u32, String> {
    let text = unescape(spelling)?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok(c as u32),
        _ => Err("a character literal holds exactly one character".to_owned()),
    }
}

/// The text between the quotes with its escapes replaced (C++14 2.13.3).
fn unescape(spelling: &str) -> Result<String, String> {
    let inner = spelling.get(1..spelling.len().saturating_sub(1)).unwrap_or("");
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => escape(&mut chars)?,
            char::REPLACEMENT_CHARACTER => {
                return Err("the literal holds bytes that are not UTF-8 text".to_owned());
            }
            _ => c,
        });
    }
    Ok(out)
}

/// One escape, after its backslash.
fn escape(chars: &mut Peekable<Chars<'_>>) -> Result<char, String> {
    let Some(kind) = chars.next() else { return Err("backslash at the end of the literal".to_owned()) };
    Ok(match kind {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'v' => '\x0b',
        '\\' | '\'' | '"' | '?' => kind,
        '0'..='7' => return digits(kind.to_digit(8).unwrap_or(0), 8, 2, 0xff, chars),
        'x' => match chars.next().and_then(|c| c.to_digit(16)) {
            Some(first) => return digits(first, 16, usize::MAX, 0xff, chars),
            None => return Err("\\x needs hexadecimal digits".to_owned()),
        },
        'u' | 'U' => return digits(0, 16, if kind == 'u' { 4 } else { 8 }, 0x10_ffff, chars),
        _ => return Err(format!("unknown escape `\\{}`", kind.escape_default())),
    })
}

/// The character whose number is `value` followed by up to `most` more digits.
fn digits(
    mut value: u32,
    radix: u32,
    most: usize,
    max: u32,
    chars: &mut Peekable<Chars<'_>>,
) -> Result<char, String> {
    let mut taken = 0;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(radix)).filter(|_| taken < most) {
        value = value.saturating_mul(radix).saturating_add(digit);
        taken += 1;
        chars.next();
    }
    let fits = value <= max;
    char::from_u32(value).filter(|_| fits).ok_or_else(|| "the escape is out of range".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_have_the_values_c_gives_them() {
        for (spelling, expected) in [
            (r#""""#, ""),
            (r#""a\tb\n""#, "a\tb\n"),
            (r#""\101\x42\u0043""#, "ABC"),
            (r#""\0""#, "\0"),
            (r#""\"\\\'\?""#, "\"\\'?"),
            ("\"caf\u{e9}\"", "caf\u{e9}"),
        ] {
            assert_eq!(unescape(spelling).as_deref(), Ok(expected), "{spelling}");
        }
        for spelling in
            [r#""\q""#, r#""\x""#, r#""\xfff""#, r#""\777""#, r#""\uD800""#, "\"\u{fffd}\"", r#""\""#]
        {
            assert!(unescape(spelling).is_err(), "{spelling}");
        }
    }

    #[test]
    fn character_literals_hold_one_character() {
        assert_eq!(character("'a'"), Ok(97));
        assert_eq!(character(r"'\n'"), Ok(10));
        assert!(character("''").is_err());
        assert!(character("'ab'").is_err());
    }
}

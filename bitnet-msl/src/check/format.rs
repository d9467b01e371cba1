//! Formats of logged messages: C's conversion specifications, and vectors of them.
//!
//! `%[flags][width][.precision][v2|v3|v4][length]letter`, as C's `printf` and, for vectors, as OpenCL C 6.15.14.2.

use crate::ir::{Conversion, ConversionFlags, ConversionKind, MAX_CONVERSION_WIDTH};

/// Longest format, in bytes.
pub(super) const MAX_FORMAT_BYTES: usize = 4096;

/// A part of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Printed as it is.
    Text(String),
    /// Prints the next argument.
    Value(Spec),
}

/// A conversion specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) conversion: Conversion,
    pub(super) length: Length,
    /// Components of a vector; `None` for scalars.
    pub(super) vector: Option<u8>,
    /// As it was written, for messages.
    pub(super) text: String,
}

/// A length modifier: what it says of the argument, or of the components of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// None: up to 32 bits; 32 bits for vectors.
    Default,
    /// `hh`: printed as 8 bits.
    Byte,
    /// `h`: printed as 16 bits.
    Short,
    /// `hl`, for vectors only: 32 bits.
    Word,
    /// `l`: 64 bits; of a `float`, nothing.
    Long,
    /// `ll`, `j`, `z`, `t`, for scalars only: 64 bits.
    LongLong,
}

/// What is wrong with a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FormatError {
    pub(super) message: String,
    /// What to write instead.
    pub(super) note: &'static str,
}

/// Takes a format apart.
pub(super) fn parse(format: &str) -> Result<Vec<Piece>, FormatError> {
    if format.len() > MAX_FORMAT_BYTES {
        return Err(FormatError {
            message: format!("the format has {} bytes, more than {MAX_FORMAT_BYTES}", format.len()),
            note: "log it in parts",
        });
    }
    if format.contains('\0') {
        let message = "the format holds a null character".to_owned();
        return Err(FormatError { message, note: "what stands after it would not be printed" });
    }
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("%%") {
            text.push('%');
            rest = after;
            continue;
        }
        let (spec, after) = Reader { all: rest, rest: &rest[1..] }.spec()?;
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        pieces.push(Piece::Value(spec));
        rest = after;
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

/// Reads one conversion specification.
struct Reader<'f> {
    /// From the `%` on.
    all: &'f str,
    rest: &'f str,
}

impl<'f> Reader<'f> {
    fn spec(mut self) -> Result<(Spec, &'f str), FormatError> {
        let flags = self.flags();
        let width = self.number("width")?.unwrap_or(0);
        let precision = match self.eat(".") {
            true => Some(self.number("precision")?.unwrap_or(0)),
            false => None,
        };
        let vector = self.vector()?;
        let length = self.length(vector.is_some())?;
        let kind = self.kind()?;
        let spec = Spec {
            conversion: Conversion { kind, flags, width, precision },
            length,
            vector,
            text: self.read().to_owned(),
        };
        self.check(&spec)?;
        Ok((spec, self.rest))
    }

    /// What has been read so far.
    fn read(&self) -> &'f str {
        &self.all[..self.all.len() - self.rest.len()]
    }

    fn error(&self, what: &str, note: &'static str) -> FormatError {
        FormatError { message: format!("`{}` {what}", self.read()), note }
    }

    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn flags(&mut self) -> ConversionFlags {
        let mut flags = ConversionFlags::default();
        loop {
            let flag = match self.rest.as_bytes().first() {
                Some(b'-') => &mut flags.left,
                Some(b'+') => &mut flags.plus,
                Some(b' ') => &mut flags.space,
                Some(b'#') => &mut flags.alternate,
                Some(b'0') => &mut flags.zero,
                _ => return flags,
            };
            *flag = true;
            self.rest = &self.rest[1..];
        }
    }

    fn number(&mut self, what: &str) -> Result<Option<u16>, FormatError> {
        if self.eat("*") {
            let what = format!("takes its {what} from an argument, which logging does not support");
            return Err(self.error(&what, "write the number into the format"));
        }
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        if digits.is_empty() {
            return Ok(None);
        }
        let number = digits.parse::<u16>().ok().filter(|&number| number <= MAX_CONVERSION_WIDTH);
        number.map(Some).ok_or_else(|| {
            self.error(&format!("has too large a {what}"), "widths and precisions go up to 1024")
        })
    }

    fn vector(&mut self) -> Result<Option<u8>, FormatError> {
        if !self.eat("v") {
            return Ok(None);
        }
        for (text, len) in [("2", 2), ("3", 3), ("4", 4)] {
            if self.eat(text) {
                return Ok(Some(len));
            }
        }
        Err(self.error("names no vector", "vectors have 2, 3 or 4 components: %v4f"))
    }

    fn length(&mut self, is_vector: bool) -> Result<Length, FormatError> {
        let lengths = [
            ("hh", Length::Byte),
            ("hl", Length::Word),
            ("h", Length::Short),
            ("ll", Length::LongLong),
            ("l", Length::Long),
            ("j", Length::LongLong),
            ("z", Length::LongLong),
            ("t", Length::LongLong),
        ];
        let found = lengths.into_iter().find(|(text, _)| self.eat(text)).map(|(_, length)| length);
        if found == Some(Length::Word) && !is_vector {
            return Err(self.error("is for vectors only", "scalars of 32 bits take no length modifier"));
        }
        Ok(found.unwrap_or(Length::Default))
    }

    fn kind(&mut self) -> Result<ConversionKind, FormatError> {
        let Some(letter) = self.rest.chars().next() else {
            return Err(self.error("ends the format", "a percent sign is written %%"));
        };
        let mnemonic = if letter == 'i' { 'd' } else { letter };
        let known = ConversionKind::ALL.iter().find(|kind| kind.mnemonic().starts_with(mnemonic));
        self.rest = &self.rest[letter.len_utf8()..];
        known.copied().ok_or_else(|| match letter {
            's' => self.error("prints a string, and shaders have none", "write the text into the format"),
            'n' => self.error("writes through a pointer, which logging does not support", CONVERSIONS),
            'L' => self.error("prints a `long double`, which MSL does not have", CONVERSIONS),
            _ => self.error("is no conversion", CONVERSIONS),
        })
    }

    /// Refuses what is put together wrongly.
    fn check(&self, spec: &Spec) -> Result<(), FormatError> {
        use ConversionKind as K;
        let is_vector = spec.vector.is_some();
        let fits = match spec.conversion.kind {
            K::Char | K::Pointer if is_vector => return Err(self.error("prints no vectors", CONVERSIONS)),
            K::Char | K::Pointer => spec.length == Length::Default,
            K::Signed | K::Unsigned | K::Octal | K::Hex | K::HexUpper => {
                !(is_vector && spec.length == Length::LongLong)
            }
            _ if is_vector => matches!(spec.length, Length::Default | Length::Short | Length::Word),
            _ => matches!(spec.length, Length::Default | Length::Long),
        };
        match fits {
            true => Ok(()),
            false => Err(self.error("has a length modifier that means nothing here", CONVERSIONS)),
        }
    }
}

const CONVERSIONS: &str = "there are d i u o x X c for integers, f F e E g G a A for floats, p for pointers; \
                           h, hh and l before integers of other sizes; v2, v3, v4 for vectors";

#[cfg(test)]
mod tests {
    use super::*;

    /// The specifications of a format as they are understood: without length modifiers, then what they said.
    #[track_caller]
    fn check(format: &str, expect: &[&str]) {
        let pieces = parse(format).unwrap_or_else(|error| panic!("{format}: {}", error.message));
        let shown: Vec<String> = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Value(Spec { conversion, length, vector, text }) => {
                    assert!(format.contains(text.as_str()), "{text} is not in {format}");
                    format!("{conversion} {length:?} {}", vector.unwrap_or(1))
                }
            })
            .collect();
        assert_eq!(shown, expect, "{format}");
    }

    #[track_caller]
    fn refuse(format: &str, expect: &str) {
        let error = parse(format).expect_err(format);
        assert!(error.message.contains(expect), "{format}: {}", error.message);
    }

    #[test]
    fn specifications_are_taken_apart() {
        check("", &[]);
        check("no value: 100%%!", &["no value: 100%!"]);
        check("%d", &["%d Default 1"]);
        check("a %i,%5u%%", &["a ", "%d Default 1", ",", "%5u Default 1", "%"]);
        check("%-+ #08.3f|", &["%-+ #08.3f Default 1", "|"]);
        check("%.e %.0g", &["%.0e Default 1", " ", "%.0g Default 1"]);
        check(
            "%hhx%hd%lu%llX%zu",
            &["%x Byte 1", "%d Short 1", "%u Long 1", "%X LongLong 1", "%u LongLong 1"],
        );
        check("%lf %c %p %a", &["%f Long 1", " ", "%c Default 1", " ", "%p Default 1", " ", "%a Default 1"]);
        check(
            "%v4f %6.2v3hlf %v2hf %v4hhu %v2ld",
            &["%f Default 4", " ", "%6.2f Word 3", " ", "%f Short 2", " ", "%u Byte 4", " ", "%d Long 2"],
        );
        check("größer: %d °", &["größer: ", "%d Default 1", " °"]);
    }

    #[test]
    fn wrong_specifications_are_named() {
        for (format, expect) in [
            ("100%", "`%` ends the format"),
            ("%5.", "`%5.` ends the format"),
            ("%s", "`%s` prints a string"),
            ("%n", "`%n` writes through a pointer"),
            ("%y", "`%y` is no conversion"),
            ("%ä", "`%ä` is no conversion"),
            ("%*d", "takes its width from an argument"),
            ("%.*f", "takes its precision from an argument"),
            ("%1025d", "too large a width"),
            ("%.99999999999999999999f", "too large a precision"),
            ("%v5f", "`%v` names no vector"),
            ("%v4c", "prints no vectors"),
            ("%v4lf", "length modifier"),
            ("%v4hhf", "length modifier"),
            ("%v4lld", "length modifier"),
            ("%hlf", "`%hl` is for vectors only"),
            ("%hf", "length modifier"),
            ("%lc", "length modifier"),
            ("%hp", "length modifier"),
            ("%Lf", "long double"),
            ("a\0b", "null character"),
        ] {
            refuse(format, expect);
        }
        refuse(&"x".repeat(MAX_FORMAT_BYTES + 1), "more than 4096");
    }
}

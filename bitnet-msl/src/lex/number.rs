//! Decodes number literals: integers of four bases, decimal and hexadecimal floating point, MSL's suffixes.

use crate::ast::{FloatSuffix, IntSuffix};
use crate::lex::token::TokenKind;

/// Decodes a number's spelling. The error says what is wrong with it.
pub(crate) fn parse_number(spelling: &str) -> Result<TokenKind, String> {
    let text = without_separators(spelling)?;
    let is_hex = text.starts_with("0x");
    let is_float =
        if is_hex { text.contains(['.', 'p']) } else { text.contains(['.', 'e']) && !text.starts_with("0b") };
    if !is_float {
        let (value, suffix) = integer(&text).map_err(|why| describe(spelling, why))?;
        return Ok(TokenKind::Int(value, suffix));
    }
    let digits = if is_hex {
        hex_float_digits(&text)
    } else {
        text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | 'e' | '+' | '-')).unwrap_or(text.len())
    };
    let suffix = match &text[digits..] {
        "" => FloatSuffix::None,
        "f" => FloatSuffix::F,
        "h" => FloatSuffix::H,
        "bf" => FloatSuffix::Bf,
        _ => return Err(describe(spelling, "floating-point suffixes are f, h and bf")),
    };
    let value = if is_hex { hex_float(&text[..digits]) } else { text[..digits].parse().ok() };
    value
        .map(|v| TokenKind::Float(v, suffix))
        .ok_or_else(|| describe(spelling, "its digits or exponent are malformed"))
}

/// Decodes an integer's spelling.
pub(crate) fn parse_integer(spelling: &str) -> Result<(u64, IntSuffix), String> {
    integer(&without_separators(spelling)?).map_err(|why| describe(spelling, why))
}

fn describe(spelling: &str, why: &str) -> String {
    let shown: String = spelling.chars().take(40).collect();
    let dots = if shown.len() < spelling.len() { "…" } else { "" };
    format!("`{shown}{dots}` is not a number: {why}")
}

/// The spelling in lower case without `'`, which must stand between digits.
fn without_separators(spelling: &str) -> Result<String, String> {
    let lower = spelling.to_ascii_lowercase();
    let bytes = lower.as_bytes();
    let is_digit = |at: Option<&u8>| at.is_some_and(u8::is_ascii_hexdigit);
    for (i, _) in lower.match_indices('\'') {
        if !(is_digit(bytes.get(i.wrapping_sub(1))) && is_digit(bytes.get(i + 1))) {
            return Err(describe(spelling, "' stands between digits only"));
        }
    }
    Ok(lower.replace('\'', ""))
}

/// `text` is in lower case.
fn integer(text: &str) -> Result<(u64, IntSuffix), &'static str> {
    let (digits, suffix_text) = text.split_at(text.trim_end_matches(['u', 'l']).len());
    let (unsigned, long) = match suffix_text {
        "" => (false, false),
        "u" => (true, false),
        "l" => (false, true),
        "ul" | "lu" => (true, true),
        _ if suffix_text.contains("ll") => return Err("MSL has no `long long`; `l` has 64 bits"),
        _ => return Err("integer suffixes are u, l and ul"),
    };
    let (radix, body) = match digits.as_bytes() {
        [b'0', b'x', ..] => (16, &digits[2..]),
        [b'0', b'b', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if body.is_empty() {
        return Err("digits are missing");
    }
    if !body.bytes().all(|b| char::from(b).is_digit(radix)) {
        return Err(match radix {
            8 if body.bytes().all(|b| b.is_ascii_digit()) => "it starts with 0, so its digits go from 0 to 7",
            10 if body.ends_with(['f', 'h']) => "a floating-point number needs a point or an exponent",
            _ => "it holds characters that are no digits",
        });
    }
    let value = u64::from_str_radix(body, radix).map_err(|_| "it does not fit in 64 bits")?;
    Ok((value, IntSuffix { decimal: radix == 10, unsigned, long }))
}

/// Where the suffix of a hexadecimal floating-point number starts. Its mantissa takes `f` and `b` as digits, so a
/// suffix can stand after the exponent only.
fn hex_float_digits(text: &str) -> usize {
    let Some(exponent) = text.find('p') else { return text.len() };
    let is_exponent = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-');
    text[exponent + 1..].find(|c| !is_exponent(c)).map_or(text.len(), |n| exponent + 1 + n)
}

/// `0x1.8p3`, correctly rounded: further digits than fit in 64 bits count as one sticky bit.
fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.strip_prefix("0x")?.split_once('p')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut bits = 0u64;
    let mut power = -4 * i64::try_from(fraction.len()).ok()?;
    for c in whole.chars().chain(fraction.chars()) {
        let digit = u64::from(c.to_digit(16)?);
        if bits >> 58 == 0 {
            bits = bits << 4 | digit;
        } else {
            bits |= u64::from(digit != 0);
            power += 4;
        }
    }
    let sign = if exponent.starts_with('-') { -1 } else { 1 };
    let magnitude = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if magnitude.is_empty() || !magnitude.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // An exponent beyond an i64 is zero or infinity whatever the mantissa.
    let exponent = sign * magnitude.parse::<i64>().unwrap_or(i64::MAX / 2);
    Some(scale(bits, power.saturating_add(exponent)))
}

/// `bits · 2^power`, rounded once (twice below the normal doubles, where no type of MSL has a value).
fn scale(bits: u64, power: i64) -> f64 {
    let top = power.saturating_add(i64::from(64 - bits.leading_zeros()));
    if bits == 0 || top < -1074 {
        return 0.0;
    }
    if top > 1024 {
        return f64::INFINITY;
    }
    // In two steps, since 2^power alone may leave the range that the product is in.
    let half = (power / 2) as i32;
    bits as f64 * 2f64.powi(half) * 2f64.powi(power as i32 - half)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_float(text: &str, expected: f64) {
        let TokenKind::Float(value, _) = parse_number(text).expect(text) else { panic!("{text} is a float") };
        assert_eq!(value.to_bits(), expected.to_bits(), "{text}: {value:e}, not {expected:e}");
    }

    #[test]
    fn hexadecimal_floats_are_rounded_once() {
        check_float("0x1.8p3", 12.0);
        check_float("0x1p-2f", 0.25);
        check_float("0x.8p0", 0.5);
        check_float("0x1.fffffep127f", f64::from(f32::MAX));
        check_float("0x1.0p-1074", 5e-324);
        check_float("0x1.8p-1074", 1e-323);
        check_float("0x1p-1076", 0.0);
        check_float("0x1.fffffffffffffp1023", f64::MAX);
        check_float("0x1p1024", f64::INFINITY);
        check_float("0x0p99999999999999999999", 0.0);
        check_float("0x1p-99999999999999999999", 0.0);
        check_float("0x1.00000000000008p0", 1.0);
        check_float("0x1.000000000000081p0", 1.0 + f64::EPSILON);
        check_float("0x1.00000000000018p0", 1.0 + 2.0 * f64::EPSILON);
        check_float("0x0.00000000000000000000000000001p0", 2f64.powi(-116));
    }

    #[test]
    fn decimal_floats_keep_double_precision() {
        check_float("3.14159265358979323846264338327950288f", std::f64::consts::PI);
        check_float("1e-5h", 1e-5);
        check_float("1'0.2'5bf", 10.25);
    }

    #[test]
    fn errors_say_what_is_wrong() {
        for (text, expected) in [
            ("08", "its digits go from 0 to 7"),
            ("1ull", "no `long long`"),
            ("0x", "digits are missing"),
            ("1f", "needs a point or an exponent"),
            ("1.0q", "suffixes are f, h and bf"),
            ("1e", "exponent"),
            ("1.2.3", "malformed"),
            ("0x1.8", "malformed"),
            ("18446744073709551616", "64 bits"),
            ("0b12", "no digits"),
            ("1''0", "between digits"),
        ] {
            let message = parse_number(text).expect_err(text);
            assert!(message.contains(expected), "{text}: {message}");
        }
    }
}

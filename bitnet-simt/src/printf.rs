//! Conversions of C's `printf` (ISO C 7.21.6.1), on values of shaders.
//!
//! Where C leaves a choice, this is what Apple's C library does: NaN has no sign, a null pointer is `0x0`.

use bitnet_msl::ir::{Conversion, ConversionKind};

/// Digits after the point of `%f`, `%e` and `%g` that name no precision.
const DEFAULT_PRECISION: usize = 6;

/// What a conversion has made of a value, but for its width.
struct Field {
    /// `-`, `+`, a blank or nothing, then `0x` if there is one.
    prefix: String,
    digits: String,
    /// Zeros may fill the width.
    zeros: bool,
}

/// Prints one component of an argument: an integer that was sign- or zero-extended, the bits of a `float`, a pointer.
pub(crate) fn print(out: &mut String, conversion: &Conversion, bits: u64) {
    use ConversionKind as K;
    let field = match conversion.kind {
        K::Signed => signed(conversion, bits as i64),
        K::Unsigned => unsigned(conversion, bits.to_string(), ""),
        K::Octal => octal(conversion, bits),
        K::Hex => unsigned(conversion, format!("{bits:x}"), if bits == 0 { "" } else { "0x" }),
        K::HexUpper => unsigned(conversion, format!("{bits:X}"), if bits == 0 { "" } else { "0X" }),
        K::Char => character(bits as u8),
        K::Pointer => Field { prefix: "0x".into(), digits: format!("{bits:x}"), zeros: false },
        _ => float(conversion, f64::from(f32::from_bits(bits as u32))),
    };
    pad(out, conversion, &field);
}

fn pad(out: &mut String, conversion: &Conversion, field: &Field) {
    let len = field.prefix.len() + field.digits.chars().count();
    let missing = usize::from(conversion.width).saturating_sub(len);
    let (left, zero) = (conversion.flags.left, conversion.flags.zero && field.zeros);
    let fill = |out: &mut String, with: char| out.extend(std::iter::repeat_n(with, missing));
    if !left && !zero {
        fill(out, ' ');
    }
    out.push_str(&field.prefix);
    if !left && zero {
        fill(out, '0');
    }
    out.push_str(&field.digits);
    if left {
        fill(out, ' ');
    }
}

fn sign(conversion: &Conversion, is_negative: bool) -> String {
    match (is_negative, conversion.flags.plus, conversion.flags.space) {
        (true, _, _) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    }
    .into()
}

/// Digits with as many zeros before them as the precision asks for. Of zero, precision 0 leaves nothing.
fn with_precision(conversion: &Conversion, digits: String) -> String {
    match conversion.precision.map(usize::from) {
        Some(0) if digits == "0" => String::new(),
        Some(precision) => format!("{digits:0>precision$}"),
        None => digits,
    }
}

fn signed(conversion: &Conversion, value: i64) -> Field {
    Field {
        prefix: sign(conversion, value < 0),
        digits: with_precision(conversion, value.unsigned_abs().to_string()),
        zeros: conversion.precision.is_none(),
    }
}

fn unsigned(conversion: &Conversion, digits: String, alternate: &str) -> Field {
    Field {
        prefix: if conversion.flags.alternate { alternate.into() } else { String::new() },
        digits: with_precision(conversion, digits),
        zeros: conversion.precision.is_none(),
    }
}

fn octal(conversion: &Conversion, value: u64) -> Field {
    let mut digits = with_precision(conversion, format!("{value:o}"));
    if conversion.flags.alternate && !digits.starts_with('0') {
        digits.insert(0, '0');
    }
    Field { prefix: String::new(), digits, zeros: conversion.precision.is_none() }
}

/// A byte past ASCII is no character by itself.
fn character(code: u8) -> Field {
    let character = if code.is_ascii() { char::from(code) } else { char::REPLACEMENT_CHARACTER };
    Field { prefix: String::new(), digits: character.into(), zeros: false }
}

fn float(conversion: &Conversion, value: f64) -> Field {
    use ConversionKind as K;
    let (kind, is_upper) = match conversion.kind {
        K::FixedUpper => (K::Fixed, true),
        K::ExponentUpper => (K::Exponent, true),
        K::GeneralUpper => (K::General, true),
        K::HexFloatUpper => (K::HexFloat, true),
        kind => (kind, false),
    };
    let mut field = if value.is_nan() {
        Field { prefix: String::new(), digits: "nan".into(), zeros: false }
    } else if value.is_infinite() {
        Field { prefix: sign(conversion, value < 0.0), digits: "inf".into(), zeros: false }
    } else {
        let magnitude = value.abs();
        let precision = conversion.precision.map_or(DEFAULT_PRECISION, usize::from);
        let alternate = conversion.flags.alternate;
        let digits = match kind {
            K::Exponent => exponent(magnitude, precision, alternate),
            K::General => general(magnitude, precision, alternate),
            K::HexFloat => hexadecimal(magnitude, conversion.precision.map(usize::from), alternate),
            _ => fixed(magnitude, precision, alternate),
        };
        let base = if kind == K::HexFloat { "0x" } else { "" };
        Field { prefix: sign(conversion, value.is_sign_negative()) + base, digits, zeros: true }
    };
    if is_upper {
        field.prefix.make_ascii_uppercase();
        field.digits.make_ascii_uppercase();
    }
    field
}

/// `ddd.ddd`. The alternate form keeps the point without digits after it.
fn fixed(magnitude: f64, precision: usize, alternate: bool) -> String {
    let mut text = format!("{magnitude:.precision$}");
    if alternate && precision == 0 {
        text.push('.');
    }
    text
}

/// `d.ddde±dd`.
fn exponent(magnitude: f64, precision: usize, alternate: bool) -> String {
    let (digits, exponent) = scientific(magnitude, precision);
    let point = if alternate && precision == 0 { "." } else { "" };
    format!("{digits}{point}{}", exponent_suffix('e', exponent, 2))
}

/// The digits of `d.ddd`, rounded, and the power of ten.
fn scientific(magnitude: f64, precision: usize) -> (String, i32) {
    let text = format!("{magnitude:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (digits.into(), exponent.parse().unwrap_or(0))
}

fn exponent_suffix(letter: char, exponent: i32, digits: usize) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{letter}{sign}{:0>digits$}", exponent.unsigned_abs())
}

/// `%f` or `%e`, whichever fits the exponent, without zeros at the end unless the form is the alternate one.
fn general(magnitude: f64, precision: usize, alternate: bool) -> String {
    let significant = precision.max(1);
    let (digits, exponent) = scientific(magnitude, significant - 1);
    let trim = |text: String| match text.contains('.') && !alternate {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    };
    let point = |digits: usize| if alternate && digits == 0 { "." } else { "" };
    if (-4..significant as i64).contains(&i64::from(exponent)) {
        let after_point = (significant as i64 - 1 - i64::from(exponent)) as usize;
        return trim(format!("{magnitude:.after_point$}")) + point(after_point);
    }
    trim(digits) + point(significant - 1) + &exponent_suffix('e', exponent, 2)
}

/// `h.hhhp±d`, without its `0x`. Without precision: all digits, no zeros at the end.
fn hexadecimal(magnitude: f64, precision: Option<usize>, alternate: bool) -> String {
    const FRACTION_BITS: u32 = 52;
    const FRACTION_DIGITS: usize = 13;
    let bits = magnitude.to_bits();
    // Values come from `float`, whose subnormals are normal here.
    let (mut mantissa, exponent) = match bits {
        0 => (0, 0),
        _ => {
            let fraction = bits & ((1 << FRACTION_BITS) - 1);
            (1 << FRACTION_BITS | fraction, (bits >> FRACTION_BITS) as i32 - 1023)
        }
    };
    if let Some(precision) = precision.filter(|&precision| precision < FRACTION_DIGITS) {
        let dropped = (FRACTION_DIGITS - precision) as u32 * 4;
        let (half, rest) = (1u64 << (dropped - 1), mantissa & ((1 << dropped) - 1));
        mantissa >>= dropped;
        mantissa += u64::from(rest > half || (rest == half && mantissa & 1 == 1));
        mantissa <<= dropped;
    }
    let fraction = format!("{:013x}", mantissa & ((1 << FRACTION_BITS) - 1));
    let fraction = match precision {
        Some(precision) => format!("{:0<precision$}", &fraction[..precision.min(FRACTION_DIGITS)]),
        None => fraction.trim_end_matches('0').to_string(),
    };
    let point = if fraction.is_empty() && !alternate { "" } else { "." };
    format!("{:x}{point}{fraction}{}", mantissa >> FRACTION_BITS, exponent_suffix('p', exponent, 1))
}

#[cfg(test)]
mod tests;

//! Conversions, against what C prints.

use super::*;
use bitnet_msl::ir::ConversionFlags;

/// Rows of specification, bits of the value in hexadecimal and what glibc 2.36's `printf` makes of them (integers
/// as `long`, floats promoted), with tabs between.
const CASES: &str = include_str!("cases.txt");

fn conversion(spec: &str) -> Conversion {
    let rest = spec.strip_prefix('%').expect("a specification starts with %");
    let numbers = rest.trim_start_matches(['-', '+', ' ', '#', '0']);
    let flag = |c: char| rest[..rest.len() - numbers.len()].contains(c);
    let flags = ConversionFlags {
        left: flag('-'),
        plus: flag('+'),
        space: flag(' '),
        alternate: flag('#'),
        zero: flag('0'),
    };
    let letter = numbers.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let numbers = &numbers[..numbers.len() - letter.len()];
    let number = |text: &str| if text.is_empty() { 0 } else { text.parse().expect("a number") };
    let (width, precision) = match numbers.split_once('.') {
        Some((width, precision)) => (number(width), Some(number(precision))),
        None => (number(numbers), None),
    };
    let kind = ConversionKind::ALL.iter().find(|kind| kind.mnemonic() == letter).expect("a letter");
    Conversion { kind: *kind, flags, width, precision }
}

fn printed(spec: &str, bits: u64) -> String {
    let mut out = String::new();
    print(&mut out, &conversion(spec), bits);
    out
}

#[test]
fn values_print_as_in_c() {
    let mut rows = 0;
    for row in CASES.lines() {
        let [spec, bits, expect] = row.splitn(3, '\t').collect::<Vec<_>>()[..] else {
            panic!("`{row}` is not specification, value, text")
        };
        let value = u64::from_str_radix(bits, 16).expect("hexadecimal bits");
        assert_eq!(printed(spec, value), expect, "{spec} of {bits}");
        rows += 1;
    }
    assert!(rows >= 400, "{rows} rows");
}

#[test]
fn what_c_leaves_open_is_as_in_apples_library() {
    let nan = u64::from(f32::NAN.to_bits());
    let negative_nan = u64::from((-f32::NAN).to_bits());
    for (spec, bits, expect) in [
        ("%f", nan, "nan"),
        ("%+f", nan, "nan"),
        ("%e", negative_nan, "nan"),
        ("%06G", nan, "   NAN"),
        ("%-6.2a|", nan, "nan   "),
        ("%p", 0, "0x0"),
        ("%p", 0x0001_0000_0000_0010, "0x1000000000010"),
        ("%20p", 0xabc, "               0xabc"),
        ("%c", 0x20, " "),
        ("%3c", 0xe9, "  \u{fffd}"),
    ] {
        assert_eq!(printed(spec.trim_end_matches('|'), bits), expect, "{spec}");
    }
}

#[test]
fn great_widths_and_precisions_are_exact() {
    let max = u64::from(f32::MAX.to_bits());
    assert_eq!(printed("%f", max), format!("{:.6}", f64::from(f32::MAX)));
    assert_eq!(printed("%1024d", 1).len(), 1024);
    assert_eq!(printed("%.1024d", 1).len(), 1024);
    // 2^-149, the least float, has 149 digits after the point.
    let least = printed("%.149f", 1);
    assert!(least.starts_with("0.000") && least.ends_with("125"), "{least}");
    assert_eq!(printed("%.151f", 1), format!("{least}00"));
}

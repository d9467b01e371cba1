//! The lexer and the preprocessor: what text becomes which tokens, and what is reported.

use std::collections::BTreeMap;

use bitnet_msl::CompileOptions;
use bitnet_msl::diag::{Diagnostics, RenderStyle, render};
use bitnet_msl::lex::token::{Token, TokenKind};
use bitnet_msl::preprocess::preprocess;
use bitnet_msl::source::SourceMap;
use insta::assert_snapshot;
use proptest::prelude::*;

struct Outcome {
    tokens: Vec<Token>,
    codes: Vec<&'static str>,
    rendered: String,
}

fn run(text: &str, options: &CompileOptions) -> Outcome {
    let mut sources = SourceMap::default();
    let main = sources.add("t.metal", text);
    let mut diagnostics = Diagnostics::default();
    let tokens = preprocess(main, &mut sources, options, &mut diagnostics);
    let list = diagnostics.into_sorted();
    let rendered = render(&list, &sources, RenderStyle::Plain);
    Outcome { tokens, codes: list.iter().map(|d| d.code.info().name).collect(), rendered }
}

fn spell(token: &Token) -> String {
    match &token.kind {
        TokenKind::Ident(name) => name.to_string(),
        TokenKind::Int(value, suffix) => {
            format!("{value}{}{}", if suffix.unsigned { "u" } else { "" }, if suffix.long { "l" } else { "" })
        }
        TokenKind::Float(value, suffix) => format!("{value:?}{suffix:?}"),
        TokenKind::Char(value) => format!("'{value}'"),
        TokenKind::Str(text) => format!("{text:?}"),
        TokenKind::Punct(punct) => punct.text().to_owned(),
        TokenKind::LoggingHeader => "<metal_logging>".to_owned(),
        TokenKind::Eof => "<eof>".to_owned(),
    }
}

fn spelled(outcome: &Outcome) -> String {
    outcome.tokens[..outcome.tokens.len() - 1].iter().map(spell).collect::<Vec<_>>().join(" ")
}

/// The text becomes exactly these tokens and nothing is reported.
fn check(text: &str, expected: &str) {
    let outcome = run(text, &CompileOptions::default());
    assert_eq!(outcome.codes, Vec::<&str>::new(), "{text}\n{}", outcome.rendered);
    assert_eq!(spelled(&outcome), expected, "{text}");
}

/// Exactly these codes are reported.
fn check_codes(text: &str, codes: &[&str]) {
    let outcome = run(text, &CompileOptions::default());
    let head: String = text.chars().take(200).collect();
    assert_eq!(outcome.codes, codes, "{head}\n{}", outcome.rendered);
}

#[test]
fn numbers_have_values_and_suffixes() {
    for (text, expected) in [
        ("0 1 42", "0 1 42"),
        ("1u 2U 3l 4ul 5LU", "1u 2u 3l 4ul 5ul"),
        ("0x1F 0XffU 0b101 017", "31 255u 5 15"),
        ("1'000'000", "1000000"),
        ("18446744073709551615ul", "18446744073709551615ul"),
        ("1.0 .5 1. 1e3 1.5e-3", "1.0None 0.5None 1.0None 1000.0None 0.0015None"),
        ("1.0f 2.h 3.0bf 1.f 1e-5f", "1.0F 2.0H 3.0Bf 1.0F 1e-5F"),
        ("0x1.8p3 0x1p-2f", "12.0None 0.25F"),
        ("a.x 1.xx", "a . x 0"),
    ] {
        let outcome = run(text, &CompileOptions::default());
        assert_eq!(spelled(&outcome), expected, "{text}");
    }
}

#[test]
fn malformed_literals_are_reported() {
    for text in
        ["0x", "0b12", "09", "1ull", "1.0q", "99999999999999999999", "0x1.8", "1e", "1f", "1h", "0x1E+2"]
    {
        check_codes(text, &["E0103"]);
    }
    for text in ["'ab'", "''", "\"\\q\"", "'\\xfff'", "\"\u{fffd}\""] {
        check_codes(text, &["E0116"]);
    }
    check_codes("\"abc", &["E0102"]);
    check_codes("'a", &["E0102"]);
    check_codes("int x; /* never closed", &["E0102"]);
    check_codes("int $x; caf\u{e9}", &["E0101", "E0101"]);
}

#[test]
fn comments_and_splices_are_blanks() {
    check("a/**/b // c\nd /* e\nf */ g", "a b d g");
    check("thread\\\ngroup 1\\\n2 +\\\r\n= \"a\\\nb\"", "threadgroup 12 += \"ab\"");
    check("a \\\n b // c \\\n still comment\nd", "a b d");
}

#[test]
fn the_longest_operator_wins() {
    check("a<<=b>>=c->d++ + ++e...", "a <<= b >>= c -> d ++ + ++ e ...");
}

#[test]
fn object_like_macros_expand_and_never_themselves() {
    check("#define N 32\nN+N", "32 + 32");
    check("#define a b\n#define b a\na b", "a b");
    check("#define f f + 1\nf", "f + 1");
    check("#define N 1\n#undef N\nN", "N");
    check("#define EMPTY\nx EMPTY y", "x y");
}

#[test]
fn function_like_macros_take_arguments() {
    check("#define ADD(a, b) ((a) + (b))\nADD(1, f(2, 3))", "( ( 1 ) + ( f ( 2 , 3 ) ) )");
    check("#define F() x\nF() F", "x F");
    check("#define F(x) <x>\nF()", "< >");
    check("#define F(x) x\nF(1\n + 2)", "1 + 2");
    check("#define CALL(f, ...) f(__VA_ARGS__)\nCALL(g, 1, 2) CALL(h)", "g ( 1 , 2 ) h ( )");
    check("#define G F\n#define F(x) x x\nG(1)", "1 1");
}

#[test]
fn stringizing_and_pasting_follow_c11() {
    check("#define S(x) #x\nS( a  +  \"b\\n\" )", "\"a + \\\"b\\\\n\\\"\"");
    check("#define J(a, b) a ## b\nJ(x, 1) J(1, 2) J(, y) J(z, )", "x1 12 y z");
    check("#define S(x) #x\n#define X(x) S(x)\n#define N 4\nS(N) X(N)", "\"N\" \"4\"");
    check("#define NAME(t) \"gemv_\" #t\nNAME(float)", "\"gemv_\" \"float\"");
}

/// The examples of C11 6.10.3.5 (3 and 7), whose results the standard gives.
#[test]
fn the_standards_own_examples_expand_as_it_says() {
    let definitions = "#define x 3\n#define f(a) f(x * (a))\n#undef x\n#define x 2\n#define g f\n#define z z[0]\n\
                       #define h g(~\n#define m(a) a(w)\n#define w 0,1\n#define t(a) a\n#define p() int\n\
                       #define q(x) x\n#define r(x,y) x ## y\n#define str(x) # x\n";
    for (text, expected) in [
        (
            "f(y+1) + f(f(z)) % t(t(g)(0) + t)(1);",
            "f(2 * (y+1)) + f(2 * (f(2 * (z[0])))) % f(2 * (0)) + t(1);",
        ),
        ("g(x+(3,4)-w) | h 5) & m\n(f)^m(m);", "f(2 * (2+(3,4)-0,1)) | f(2 * ( ~ 5)) & f(2 * (0,1))^m(0,1);"),
        ("p() i[q()] = { q(1), r(2,3), r(4,), r(,5), r(,) };", "int i[] = { 1, 23, 4, 5, };"),
        ("char c[2][6] = { str(hello), str() };", "char c[2][6] = { \"hello\", \"\" };"),
    ] {
        let outcome = run(&format!("{definitions}{text}"), &CompileOptions::default());
        let reference = run(expected, &CompileOptions::default());
        assert_eq!(spelled(&outcome), spelled(&reference), "{text}");
        assert!(outcome.codes.is_empty(), "{}", outcome.rendered);
    }
    check(
        "#define t(x,y,z) x ## y ## z\nint j[] = { t(1,2,3), t(,4,5), t(6,,7), t(8,9,), t(10,,), t(,11,), t(,,12), t(,,) };",
        "int j [ ] = { 123 , 45 , 67 , 89 , 10 , 11 , 12 , } ;",
    );
}

#[test]
fn names_left_alone_stay_so() {
    // `foo` is painted while the arguments of `id` are read, and its expansion has ended when they are rescanned.
    check("#define id(x) x\n#define foo id(foo\nfoo )", "foo");
    check("#define f(a) a + f\nf(1)(2)", "1 + f ( 2 )");
    check("#define AND and\na AND b", "a && b");
}

#[test]
fn the_rest_of_variadic_macros_may_be_empty() {
    check("#define LOG(f, ...) g(f, ## __VA_ARGS__)\nLOG(1) LOG(1, 2, 3)", "g ( 1 ) g ( 1 , 2 , 3 )");
    check("#define LOG(f, args...) g(f, ## args)\nLOG(1) LOG(1, 2)", "g ( 1 ) g ( 1 , 2 )");
    check("#define LOG(f, ...) g(f __VA_OPT__(,) __VA_ARGS__)\nLOG(1) LOG(1, 2)", "g ( 1 ) g ( 1 , 2 )");
    check("#define F(x, ...) x ## __VA_OPT__(a x ## b)\nF(1) F(y, 2)", "1 ya yb");
}

#[test]
fn directives_within_macro_calls_are_carried_out() {
    check("#define F(x) [x]\nF(1\n#if 1\n+ 2\n#else\n+ 3\n#endif\n)", "[ 1 + 2 ]");
    check("#define F(x) [x]\nF\n#undef F\n(1)", "F ( 1 )");
}

#[test]
fn place_macros_name_the_use() {
    check("#define WHERE __FILE__ __LINE__\n\nWHERE", "\"t.metal\" 3");
    check("#line 40 \"gen.metal\"\n__LINE__ __FILE__\n__LINE__", "40 \"gen.metal\" 41");
    check("__COUNTER__ __COUNTER__", "0 1");
}

#[test]
fn the_standard_librarys_constants_are_macros() {
    check("METAL_FUNC INFINITY NAN", "inline __bitnet_inf __bitnet_nan");
    check("FLT_MAX HALF_MAX", "3.4028234663852886e38F 65504.0H");
    check("M_PI_F M_PI_H M_PI_BF", "3.141592653589793F 3.141592653589793H 3.141592653589793Bf");
    check("INT_MIN UINT_MAX", "( - 2147483647 - 1 ) 4294967295u");
    // A source that does not include the standard library may define them itself.
    check("#define M_PI_F 3.0f\nM_PI_F", "3.0F");
}

#[test]
fn tokens_of_a_macro_stand_at_its_use_and_arguments_where_they_are() {
    let text = "#define TWICE(x) (x) + y\nTWICE(z)";
    let outcome = run(text, &CompileOptions::default());
    let places: Vec<&str> = outcome.tokens.iter().map(|t| &text[t.span.range()]).collect();
    assert_eq!(places, ["TWICE", "z", "TWICE", "TWICE", "TWICE", ""]);
}

#[test]
fn conditions_choose_branches() {
    check("#if 1\na\n#else\nb\n#endif", "a");
    check("#if 0\na\n#elif 2 > 1\nb\n#elif 1\nc\n#else\nd\n#endif", "b");
    check("#ifdef X\na\n#endif\n#ifndef X\nb\n#endif", "b");
    check("#define X\n#if defined(X) && !defined Y\na\n#endif", "a");
    check("#if 0\n#if 1\na\n#else\nb\n#endif\n#elif 1\nc\n#endif", "c");
    check("#if __METAL_VERSION__ >= 310 && defined(__METAL__)\na\n#endif", "a");
    check("#if __has_include(<metal_stdlib>) && !__has_include(\"none.h\")\na\n#endif", "a");
    check(
        "#if (1 ? 2 : 3) == 2 && -1 < 0 && ~0 == -1 && 7 / 2 % 2 == 1 && (1 << 4 | 3) == 19\na\n#endif",
        "a",
    );
    check("#if 0 && 1 / 0 || 1 ? 1 : 1 % 0\na\n#endif", "a");
    check("#define HAS_METAL defined(__METAL__)\n#if HAS_METAL and not defined NOPE\na\n#endif", "a");
    check("#define STD <metal_stdlib>\n#if __has_include(STD) && !__has_feature(modules)\na\n#endif", "a");
    check("#if -1 > 0u && 'a' == 97 && true && 0x10 == 16 && (2 || 0 && 0)\na\n#endif", "a");
    check("#ifdef __has_include\n#if 1\n#elif nonsense +\n#endif\na\n#endif", "a");
    check("#if UNKNOWN\na\n#else\nb\n#endif", "b");
    check("#if 0\n#error not reached\n'unclosed is fine in prose, \"too\n#endif", "");
}

#[test]
fn wrong_directives_are_reported() {
    check_codes("#if 1\na", &["E0105"]);
    check_codes("#endif", &["E0105"]);
    check_codes("#else", &["E0105"]);
    check_codes("#if 1\n#else\n#else\n#endif", &["E0105"]);
    check_codes("#if 1 +\n#endif", &["E0114"]);
    check_codes("#if 1 / 0\n#endif", &["E0114"]);
    check_codes("#nonsense", &["E0104"]);
    check_codes("#include \"absent.h\"", &["E0106"]);
    check_codes("#include", &["E0104"]);
    check_codes("#error you can't do this", &["E0109"]);
    check_codes("#if (1\n#endif", &["E0114"]);
    check_codes("#if defined\n#endif", &["E0114"]);
    check_codes("#if 1 2\n#endif", &["E0114"]);
    check_codes("#line x", &["E0104"]);
    check_codes("#define F(...) __VA_OPT__(\nF()", &["E0112"]);
    check_codes("#define F(x) __VA_ARGS__", &["E0112"]);
    check_codes("#define defined 1", &["E0112"]);
    check_codes("#define 1 2", &["E0112"]);
    check_codes("#undef", &["E0112"]);
    check_codes("#ifdef\n#endif", &["E0104"]);
    check_codes("_Pragma(unroll)", &["E0104"]);
    check_codes("#if 0\n#endif\n#endif", &["E0105"]);
    check_codes("#warning look here", &["E0113"]);
    check_codes("#pragma frobnicate", &["E0110"]);
    check_codes("#define F(x) #y", &["E0112"]);
    check_codes("#define F(x, x) x", &["E0112"]);
    check_codes("#define P ## x", &["E0112"]);
    check_codes("#define", &["E0112"]);
    check_codes("#define A 1\n#define A 2", &["E0111"]);
    check_codes("#define A 1\n#define A 1", &[]);
    check_codes("#define F(a) a\nF(1, 2)", &["E0107"]);
    check_codes("#define F(a) a\nF(1", &["E0107"]);
    check_codes("#define J(a, b) a ## b\nJ(+, x)", &["E0112"]);
    check_codes("a # b", &["E0104"]);
}

#[test]
fn known_pragmas_are_silent() {
    check(
        "#pragma unroll\n#pragma mark - Don't\n#pragma METAL fp math_mode(safe)\n#pragma once\na _Pragma(\"clang loop unroll(full)\") b",
        "a b",
    );
}

#[test]
fn includes_come_from_the_given_files_only() {
    let includes = [
        ("a.h", "#pragma once\n#define A 1\n#include \"b.h\"\na"),
        ("b.h", "#ifndef B\n#define B\nb A\n#endif"),
        ("loop.h", "#include \"loop.h\"\n"),
        ("lib/x.h", "#include \"y.h\"\n#include \"../b.h\"\nx"),
        ("lib/y.h", "y __FILE__"),
        ("open.h", "#if 1\n/* no end"),
    ];
    let includes: BTreeMap<String, String> = includes.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let options = CompileOptions { includes, ..CompileOptions::default() };
    for (text, expected) in [
        ("#include <metal_stdlib>\n#include \"a.h\"\n#include \"a.h\"\n#include \"b.h\"\nend", "b 1 a end"),
        ("#include \"lib/x.h\"\n#include <lib/y.h>", "y \"lib/y.h\" b A x y \"lib/y.h\""),
        ("#define FILE \"b.h\"\n#include FILE", "b A"),
        ("#import \"lib/y.h\"\n#import \"lib/y.h\"\n#include <simd/simd.h>", "y \"lib/y.h\""),
    ] {
        let outcome = run(text, &options);
        assert_eq!(outcome.codes, Vec::<&str>::new(), "{text}\n{}", outcome.rendered);
        assert_eq!(spelled(&outcome), expected, "{text}");
    }
    assert_eq!(run("#include \"loop.h\"", &options).codes, ["E0108"]);
    assert_eq!(run("#include \"nope.h\"", &options).codes, ["E0106"]);
    assert_eq!(run("#include <metal_imaginary>", &options).codes, ["E0106"]);
    assert_eq!(run("#include \"open.h\"\nend", &options).codes, ["E0105", "E0102"]);
}

#[test]
fn the_hosts_defines_are_macros() {
    let defines = [("TILE", "32"), ("NAME", "k")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let options = CompileOptions { defines, ..CompileOptions::default() };
    assert_eq!(spelled(&run("TILE NAME", &options)), "32 k");
    let defines = [("PASTE".to_owned(), "## x".to_owned())].into();
    let options = CompileOptions { defines, ..CompileOptions::default() };
    assert_eq!(run("PASTE", &options).codes, ["E0112"]);
    let defines = [("not a name".to_owned(), "1".to_owned()), ("defined".to_owned(), "1".to_owned())].into();
    let options = CompileOptions { defines, ..CompileOptions::default() };
    assert_eq!(run("", &options).codes, ["E0112"]);
}

#[test]
fn reports_show_the_macro_s_definition() {
    let outcome = run("#define F(a) a\nint x = F(1, 2);\n", &CompileOptions::default());
    assert_snapshot!(outcome.rendered, @r"
    error[E0107]: macro `F` takes 1 argument, but gets 2
      --> t.metal:2:9
      |
    1 | #define F(a) a
      |         - macro defined here
    2 | int x = F(1, 2);
      |         ^
    ");
}

#[test]
fn bombs_and_floods_end_soon() {
    let mut bomb = String::from("#define A0 x x\n");
    for i in 1..40 {
        bomb.push_str(&format!("#define A{i} A{0} A{0}\n", i - 1));
    }
    bomb.push_str("A39");
    check_codes(&bomb, &["E0108"]);
    let nested = format!("#define F(x) x\n{}1{}", "F(".repeat(5_000), ")".repeat(5_000));
    check_codes(&nested, &["E0108"]);
    check_codes(&format!("#if {}1\n#endif", "(".repeat(100_000)), &["E0114"]);
    check_codes(&format!("#if {}1\n#endif", "!".repeat(100_000)), &["E0114"]);
    check_codes(&format!("#if {}1\n#endif", "1?1:".repeat(100_000)), &["E0114"]);
    check_codes(&"x ".repeat(5_000_000), &["E0108"]);
    check_codes(&" ".repeat(17 << 20), &["E0115"]);
    let longer = |op: &str| {
        let lines: String = (0..40).map(|i| format!("#define L{i}(x) L{}(x {op} x)\n", i + 1)).collect();
        format!("{lines}#define L40(x) S(x)\n#define S(x) #x\nL0(abc)")
    };
    check_codes(&longer("##"), &["E0108"]);
    check_codes(&longer("+"), &["E0108"]);
    let chain: String = (0..200_000).map(|i| format!("#define c{i} c{}\n", i + 1)).collect();
    check_codes(&format!("{chain}c0"), &[]);
    let params: String = (0..300_000).map(|i| format!("p{i},")).collect();
    check_codes(&format!("#define F({params} last) last\nF(1)"), &["E0107"]);
    check_codes(&format!("#define F(x) x\nF({}", "(".repeat(500_000)), &["E0107"]);
    check_codes(&format!("{}x", "\\\n".repeat(3_000_000)), &[]);
    check_codes(&"__LINE__ ".repeat(900_000), &[]);
    check_codes(&format!("\"{}\"", "a".repeat(10_000_000)), &[]);
    let nest = |n: usize| format!("#if {}<x>{}\n#endif", "__has_include(".repeat(n), ")".repeat(n));
    check_codes(&nest(100_000), &["E0108"]);
    for flood in ["@ ", "'\n", "#if\n", "#pragma x\n", "#\0\n", "1x ", "#error\n"] {
        let outcome = run(&flood.repeat(1_000_000), &CompileOptions::default());
        assert!(outcome.codes.len() >= 100, "{flood:?}: {}", outcome.codes.len());
        assert!(outcome.rendered.len() < 1 << 20, "{flood:?}: {} bytes", outcome.rendered.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_ends_in_tokens(text in "(?s).{0,200}") {
        let outcome = run(&text, &CompileOptions::default());
        prop_assert_eq!(outcome.tokens.iter().filter(|t| t.kind == TokenKind::Eof).count(), 1);
        prop_assert_eq!(&outcome.tokens[outcome.tokens.len() - 1].kind, &TokenKind::Eof);
    }

    #[test]
    fn any_mix_of_directives_ends_in_tokens(parts in proptest::collection::vec(prop_oneof![
        Just("#define F(x, ...) x ## y #x __VA_ARGS__\n"), Just("#define A F(A, F)\n"), Just("F("), Just(")"),
        Just("A "), Just(","), Just("#if A\n"), Just("#elif defined(A\n"), Just("#endif\n"), Just("#undef A\n"),
        Just("_Pragma("), Just("\"x\""), Just("#include A\n"), Just("##"), Just("\\\n"), Just("/*"), Just("__LINE__"),
    ], 0..40)) {
        let outcome = run(&parts.concat(), &CompileOptions::default());
        prop_assert_eq!(&outcome.tokens[outcome.tokens.len() - 1].kind, &TokenKind::Eof);
    }
}

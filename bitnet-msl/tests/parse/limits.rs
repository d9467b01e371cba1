//! Endless, deep and random text: bounded work, bounded stack.

use std::time::{Duration, Instant};

use bitnet_msl::diag::{Code, Diagnostics};
use bitnet_msl::lex::token::{Punct, Token, TokenKind};
use bitnet_msl::parse::{MAX_EXPRESSION_HEIGHT, parse};
use bitnet_msl::source::{FileId, Span};
use proptest::prelude::*;

use super::{read, read_clean};

/// Runs on a thread with the stack that tests and pools commonly have.
fn on_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run).expect("a thread");
    thread.join().expect("no overflow and no panic");
}

/// Parses a text that must be refused for its depth, walks the tree and drops it.
fn check_too_deep(text: String) {
    on_small_stack(move || {
        let start = Instant::now();
        let (unit, diagnostics, _) = read(&text);
        let head: String = text.chars().take(60).collect();
        let found: Vec<_> = diagnostics.iter().map(|d| (d.code, &d.message)).collect();
        assert!(found.iter().any(|(code, _)| *code == Code::E0202), "{head}: {found:?}");
        assert!(found.len() <= 3, "{head}: {found:?}");
        let _ = unit.items.iter().map(super::dump::item).count();
        drop(unit.clone());
        drop(unit);
        assert!(start.elapsed() < Duration::from_secs(5), "{head}");
    });
}

fn in_function(body: &str) -> String {
    format!("void f(int a, int b, device int *p) {{ {body} }}")
}

#[test]
fn deep_nesting_is_refused() {
    let n = 10_000;
    let closed = |open: &str, inner: &str, close: &str| {
        in_function(&format!("{}{inner}{};", open.repeat(n), close.repeat(n)))
    };
    check_too_deep(closed("(", "a", ")"));
    check_too_deep(closed("{", "a;", "}"));
    check_too_deep(closed("p[", "a", "]"));
    check_too_deep(closed("f(", "a", ")"));
    check_too_deep(closed("!", "a", ""));
    check_too_deep(closed("*", "p", ""));
    check_too_deep(closed("- ", "a", ""));
    check_too_deep(closed("(float)", "a", ""));
    check_too_deep(closed("a ? b : ", "a", ""));
    check_too_deep(closed("a ? ", "a", ": b"));
    check_too_deep(closed("a = ", "a", ""));
    check_too_deep(closed("sizeof ", "a", ""));
    check_too_deep(closed("static_cast<int>(", "a", ")"));
    check_too_deep(in_function(&format!("int x[] = {}1{};", "{".repeat(n), "}".repeat(n))));
    check_too_deep(closed("if (a) ", "b", ""));
    check_too_deep(closed("if (a) ", "b", "; else b"));
    check_too_deep(closed("while (a) ", "b", ""));
    check_too_deep(closed("for (;;) ", "b", ""));
    check_too_deep(closed("do ", "b", "; while (a)"));
    check_too_deep(closed("switch (a) { case 1: ", "b;", "}"));
    check_too_deep(in_function(&format!("int {}x;", "*".repeat(n))));
    check_too_deep(in_function(&format!("int {}x{};", "(".repeat(n), ")".repeat(n))));
    check_too_deep(in_function(&format!("int x{};", "[1]".repeat(n))));
    check_too_deep(in_function(&format!("{}int{} x;", "metal::vec<".repeat(n), ">".repeat(n))));
    check_too_deep(in_function(&format!("{}int, 2{} x;", "metal::vec<".repeat(n), ">>".repeat(n / 2))));
    check_too_deep(in_function(&format!("{}a{} x;", "decltype(".repeat(n), ")".repeat(n))));
    check_too_deep(format!("{}int x;{}", "namespace n { ".repeat(n), "}".repeat(n)));
    check_too_deep(format!("namespace n{} {{ int x; }}", "::n".repeat(n)));
    check_too_deep(in_function(&format!("n{}::x;", "::n".repeat(n))));
    check_too_deep(format!("{}int x;{};", "struct S { ".repeat(n), "} s;".repeat(n)));
    check_too_deep(format!("void f({}int{});", "int (*x)(".repeat(n), ")".repeat(n)));
}

#[test]
fn long_chains_are_refused() {
    let n = 100_000;
    let chain = |first: &str, link: &str| in_function(&format!("{first}{};", link.repeat(n)));
    check_too_deep(chain("a = a", " + a"));
    check_too_deep(chain("a", ", a"));
    check_too_deep(chain("a", " && a || b"));
    check_too_deep(chain("p", "[0]"));
    check_too_deep(chain("p", ".x"));
    check_too_deep(chain("p", "(1)"));
    check_too_deep(chain("p", "++"));
    check_too_deep(chain("if (a) {}", " else if (b) {}"));
}

#[test]
fn unclosed_brackets_without_end_are_refused() {
    for text in [
        "(",
        "{",
        "[",
        "vec<",
        "f<",
        "template <",
        "struct S {",
        "namespace n {",
        "if (",
        "a ? ",
        "case ",
        "[[",
    ] {
        for (head, repeated) in
            [("", text.to_owned()), ("void f() { ", text.to_owned()), ("int x = ", text.to_owned())]
        {
            let text = format!("{head}{}", repeated.repeat(20_000));
            on_small_stack(move || {
                let start = Instant::now();
                let (_, diagnostics, _) = read(&text);
                assert!(!diagnostics.is_empty());
                assert!(start.elapsed() < Duration::from_secs(5), "{}", &text[..20]);
            });
        }
    }
}

#[test]
fn what_people_write_is_within_the_limits() {
    on_small_stack(|| {
        let height = MAX_EXPRESSION_HEIGHT as usize;
        let chain = |links: usize| in_function(&format!("a = a{};", " + a".repeat(links)));
        read_clean(&chain(height - 10));
        read_clean(&in_function(&format!("a = {}a{};", "(".repeat(100), ")".repeat(100))));
        read_clean(&in_function(&format!("if (a) {{}}{}", " else if (b) {}".repeat(200))));
        read_clean(&in_function(&format!("int x[] = {{{}}};", "1 + 2, ".repeat(100_000))));
        read_clean(&in_function(&"a = a + b;".repeat(50_000)));
        read_clean(&"void g() { int x = 1; }\n".repeat(5_000));
    });
}

#[test]
fn looking_ahead_stays_cheap() {
    let check = |text: String| {
        let start = Instant::now();
        read(&text);
        let head: String = text.chars().take(60).collect();
        assert!(start.elapsed() < Duration::from_secs(5), "{head}");
    };
    let n = 50_000;
    check(in_function(&format!("int x[] = {{{}}};", "u < v, ".repeat(n))));
    check(in_function(&"u < v; ".repeat(n)));
    check(in_function(&format!("{}a;", "(u)".repeat(n))));
    check(in_function(&format!("int x = (u{});", "*".repeat(n))));
    check(in_function(&format!("int x = ({} int);", "const ".repeat(n))));
    check((0..5_000).map(|i| format!("namespace n{i} {{}} using namespace n{i}; int x{i};")).collect());
    check(format!("[[a{}]] void f();", "::a".repeat(n)));
}

/// Tokens that a parser meets, in proportions that reach deep into it.
fn token() -> impl Strategy<Value = TokenKind> {
    let words = prop::sample::select(vec![
        "kernel",
        "void",
        "float",
        "int",
        "unsigned",
        "long",
        "device",
        "constant",
        "threadgroup",
        "const",
        "struct",
        "enum",
        "class",
        "union",
        "typedef",
        "using",
        "namespace",
        "template",
        "typename",
        "decltype",
        "auto",
        "if",
        "else",
        "for",
        "while",
        "do",
        "switch",
        "case",
        "default",
        "break",
        "return",
        "sizeof",
        "static_cast",
        "operator",
        "static",
        "constexpr",
        "vec",
        "metal",
        "x",
        "y",
        "f",
        "T",
        "S",
        "__attribute__",
        "goto",
        "this",
        "coherent",
        "static_assert",
        "extern",
        "virtual",
        "public",
        "true",
        "inline",
    ]);
    prop_oneof![
        4 => words.prop_map(|w| TokenKind::Ident(w.into())),
        4 => prop::sample::select(Punct::ALL).prop_map(TokenKind::Punct),
        2 => prop::sample::select(vec![
            Punct::OpenParen, Punct::CloseParen, Punct::OpenBrace, Punct::CloseBrace, Punct::OpenBracket,
            Punct::CloseBracket, Punct::Less, Punct::Greater, Punct::Semicolon, Punct::Comma, Punct::Star,
            Punct::Assign, Punct::ColonColon, Punct::Shr,
        ]).prop_map(TokenKind::Punct),
        1 => any::<u64>().prop_map(|v| {
            TokenKind::Int(v, bitnet_msl::ast::IntSuffix { decimal: true, unsigned: false, long: false })
        }),
        1 => Just(TokenKind::Str("s".into())),
    ]
}

fn tokens(kinds: Vec<TokenKind>, has_end: bool) -> Vec<Token> {
    let end = has_end.then_some(TokenKind::Eof);
    kinds
        .into_iter()
        .chain(end)
        .enumerate()
        .map(|(i, kind)| Token { kind, span: Span::new(FileId(0), i as u32 * 2, i as u32 * 2 + 1) })
        .collect()
}

/// The tokens of a program that uses most of the grammar.
fn program() -> Vec<TokenKind> {
    let text = r#"
        using namespace metal;
        constant int n [[function_constant(0)]];
        struct S { float x[2]; device S *next; uint k = 3; };
        enum class E : uint { A, B = 1 << 2 };
        namespace m { template <typename T, int N = 4> T f(thread const vec<T, N> &v) { return v[N - 1]; } }
        template <typename T, typename U = enable_if_t<is_same_v<T, float>>>
        [[kernel]] void k(device T *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
            threadgroup float t[32][2];
            for (int j = 0, l = 1; j < 4 && l > (n); ++j) { if (j == 2) continue; else if (j > 3) break; t[j][l] += 1; }
            switch (n) { case 1: case 2: x[i] = (T)m::f<float, 4>(float4(1)); break; default: { return; } }
            do { auto y = as_type<uint>(1.0f) >> 3; x[i]++; } while (--x[i] > 0 ? true : false);
            if constexpr (sizeof(T) > 2) S s = {{1, 2}, nullptr}; while (int z = n) z -= 1;
        }
        template [[host_name("k_" "float")]] [[kernel]] decltype(k<float>) k<float>;
    "#;
    let mut sources = bitnet_msl::source::SourceMap::default();
    let main = sources.add("t.metal", text);
    let (options, mut diagnostics) = (bitnet_msl::CompileOptions::default(), Diagnostics::default());
    let tokens = bitnet_msl::preprocess::preprocess(main, &mut sources, &options, &mut diagnostics);
    parse(&tokens, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{:?}", diagnostics.list());
    tokens.into_iter().map(|t| t.kind).filter(|k| *k != TokenKind::Eof).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn broken_programs_end_in_a_tree(edits in prop::collection::vec((any::<prop::sample::Index>(), token()), 1..6)) {
        let mut kinds = program();
        for (index, kind) in edits {
            let at = index.index(kinds.len());
            match kind {
                TokenKind::Int(..) => drop(kinds.remove(at)),
                TokenKind::Str(_) => kinds.truncate(at.max(kinds.len() / 2)),
                kind => kinds.insert(at, kind),
            }
        }
        let mut diagnostics = Diagnostics::default();
        let unit = parse(&tokens(kinds, true), &mut diagnostics);
        let gave_up = unit.items.iter().any(|i| super::dump::item(i).contains("error)"));
        prop_assert!(!gave_up || diagnostics.has_errors());
    }

    #[test]
    fn random_tokens_end_in_a_tree(kinds in prop::collection::vec(token(), 0..200), has_end: bool) {
        let mut diagnostics = Diagnostics::default();
        let unit = parse(&tokens(kinds, has_end), &mut diagnostics);
        // Whatever was given up must have been reported.
        let gave_up = unit.items.iter().any(|i| super::dump::item(i).contains("error)"));
        prop_assert!(!gave_up || diagnostics.has_errors());
    }
}

#[test]
fn no_tokens_at_all() {
    let mut diagnostics = Diagnostics::default();
    assert!(parse(&[], &mut diagnostics).items.is_empty());
    assert!(!diagnostics.has_errors());
}

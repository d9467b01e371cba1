//! Texts made to hurt: each ends in diagnostics or a module, soon, and can be rendered.

use std::time::{Duration, Instant};

use bitnet_msl::diag::{MAX_DIAGNOSTICS, RenderStyle, Severity};
use bitnet_msl::{Compilation, CompileOptions, compile, compile_bytes};
use proptest::prelude::*;

/// Each text is to end within a second on a quiet machine with optimised code. Ten times that, and as much again
/// for unoptimised code, is a hang.
const HANG: Duration = Duration::from_secs(20);

/// What holds of every compilation.
fn check_sound(name: &str, started: Instant, compilation: &Compilation) {
    let rendered = compilation.render(RenderStyle::Plain);
    let elapsed = started.elapsed();
    assert!(elapsed < HANG, "{name} took {elapsed:?}");
    assert!(rendered.len() < 1 << 20, "{name}: {} bytes of diagnostics", rendered.len());
    assert!(compilation.diagnostics.len() <= MAX_DIAGNOSTICS, "{name}");
    let has_errors = compilation.diagnostics.iter().any(|d| d.severity == Severity::Error);
    let internal = compilation.diagnostics.iter().find(|d| d.code.info().name == "E0699");
    assert!(internal.is_none(), "{name}: {rendered}");
    if compilation.omitted == 0 {
        assert_ne!(
            has_errors,
            compilation.module.is_some(),
            "{name}: a module exists if there are no errors\n{rendered}"
        );
    }
}

/// The text is refused with at least one of the codes.
fn check_refused(name: &str, text: &str, codes: &[&str]) {
    let started = Instant::now();
    let compilation = compile("hostile.metal", text, &CompileOptions::default());
    check_sound(name, started, &compilation);
    let found: Vec<_> = compilation.errors().map(|d| d.code.info().name).collect();
    assert!(found.iter().any(|code| codes.contains(code)), "{name}: none of {codes:?} in {found:?}");
}

/// Nothing is said about what comes out, but it does.
fn check_ends(name: &str, text: &str) {
    let started = Instant::now();
    let compilation = compile("hostile.metal", text, &CompileOptions::default());
    check_sound(name, started, &compilation);
}

fn kernel(body: &str) -> String {
    format!("kernel void k(device int *x) {{ {body} }}\n")
}

#[test]
fn nesting_is_refused_at_a_bound() {
    let deep = |open: &str, middle: &str, close: &str| {
        kernel(&format!("{}{middle}{};", open.repeat(50_000), close.repeat(50_000)))
    };
    for (name, text) in [
        ("parentheses", deep("x[0] = (", "1", ")")),
        ("parentheses alone", deep("(", "1", ")")),
        ("open parentheses", deep("(", "", "")),
        ("blocks", deep("{", "", "}")),
        ("subscripts", deep("x[", "0", "]")),
        ("calls", deep("f(", "0", ")")),
        ("prefixes", deep("x[0] = -", "1", "")),
        ("minus signs", deep("- ", "1", "")),
        ("not signs", deep("!", "1", "")),
        ("dereferences", deep("*", "x", "")),
        ("conditionals", deep("1 ? 1 : ", "0", "")),
        ("assignments", deep("x[0] = ", "0", "")),
        ("casts", deep("(int)", "0", "")),
        ("if", deep("if (1) ", ";", "")),
        ("else if", deep("if (1) ; else ", ";", "")),
        ("for", deep("for (;;) ", ";", "")),
        ("do", deep("do ", ";", " while (1);")),
        ("switch", deep("switch (1) case 1: ", ";", "")),
        ("braced initialisers", deep("int a = {", "0", "}")),
        ("braces", deep("{{", "", "")),
        ("attributes", deep("[[", "a", "]]")),
        ("templates", format!("{}int x;", "template <".repeat(200_000))),
        ("template arguments", format!("{} x;", "vec<".repeat(200_000))),
        ("namespaces", format!("{}{}", "namespace a {".repeat(200_000), "}".repeat(200_000))),
        ("structs", format!("{}{}", "struct a {".repeat(200_000), "};".repeat(200_000))),
        ("declarators", format!("int {}x;", "(*".repeat(200_000))),
        ("pointers", kernel(&format!("int {}p;", "thread *".repeat(200_000)))),
        ("array dimensions", kernel(&format!("int a{};", "[1]".repeat(200_000)))),
        ("decltype", kernel(&format!("{}1{} y;", "decltype(".repeat(200_000), ")".repeat(200_000)))),
        ("sizeof", deep("sizeof ", "1", "")),
    ] {
        check_refused(
            name,
            &text,
            &["E0201", "E0202", "E0203", "E0208", "E0501", "E0402", "E0302", "E0602", "E0608"],
        );
    }
}

#[test]
fn long_things_end_soon() {
    for (name, text) in [
        ("a sum", kernel(&format!("x[0] = {}1;", "1 + ".repeat(200_000)))),
        ("a comma list", kernel(&format!("{}1;", "1, ".repeat(200_000)))),
        ("member accesses", kernel(&format!("x{};", ".x".repeat(200_000)))),
        ("postfix operators", kernel(&format!("x{};", "++".repeat(200_000)))),
        ("statements", kernel(&"x[0] += 1; ".repeat(50_000))),
        ("empty statements", kernel(&";".repeat(500_000))),
        ("functions", (0..20_000).map(|i| format!("int f{i}(int a) {{ return a; }}\n")).collect()),
        ("functions of one name", "int f(int a) { return a; }\n".repeat(20_000)),
        ("overloads", (0..200).map(|i| format!("int f(int a, int (&b)[{}]);\n", i + 1)).collect()),
        ("globals", (0..20_000).map(|i| format!("constant int g{i} = {i};\n")).collect()),
        ("unknown names", kernel(&(0..20_000).map(|i| format!("y{i} = 1; ")).collect::<String>())),
        ("parameters", {
            let parameters: String = (0..20_000).map(|i| format!("int p{i}, ")).collect();
            format!("void f({parameters} int last) {{}}\n")
        }),
        ("an initialiser", format!("constant int a[200000] = {{ {} }};\n", "1, ".repeat(200_000))),
        ("a huge array", kernel("thread int a[4000000000];")),
        ("a product of huge arrays", kernel("int a[65536][65536][65536][65536];")),
        ("a string", kernel(&format!("\"{}\";", "a".repeat(10_000_000)))),
        ("a name", format!("int {};", "a".repeat(10_000_000))),
        ("a number", format!("constant float f = {}.0;", "9".repeat(1_000_000))),
        ("an exponent", format!("constant float f = 1e{};", "9".repeat(1_000_000))),
        ("a line", "int a; ".repeat(1_400_000)),
        ("a line of nothing known", "$ ".repeat(5_000_000)),
        ("closing braces", "}".repeat(500_000)),
        ("semicolons", ";".repeat(500_000)),
        ("hashes", "#".repeat(5_000_000)),
        ("nothing but less-than", "<".repeat(900_000)),
        ("nothing but double colons", "::".repeat(500_000)),
        ("one word again", "template ".repeat(500_000)),
        ("type words", "unsigned ".repeat(500_000)),
        ("brackets", "[".repeat(900_000)),
    ] {
        check_ends(name, &text);
    }
}

#[test]
fn templates_cannot_multiply_without_end() {
    let recursive =
        "template <int N> int f() { return f<N + 1>(); }\nkernel void k(device int *x) { x[0] = f<0>(); }\n";
    check_refused("a template that instantiates itself", recursive, &["E0210"]);
    let doubling = "template <int N, int M> int f() { return f<N + 1, M>() + f<N + 1, M + 1>(); }\n\
                    kernel void k(device int *x) { x[0] = f<0, 0>(); }\n";
    check_refused("a template that doubles", doubling, &["E0210"]);
}

#[test]
fn constant_expressions_cannot_run_without_end() {
    check_ends(
        "a constant that loops",
        "constexpr int f(int n) { while (true) n++; return n; }\nconstant int x = f(1);\n",
    );
    check_ends("recursion", "constexpr int f(int n) { return f(n) + f(n); }\nconstant int x = f(1);\n");
    check_ends(
        "division",
        "constant int x = 1 / 0; constant int y = 1 % 0; constant int z = (-2147483647 - 1) / -1;\n",
    );
    check_ends("shifts", "constant int x = 1 << 40; constant int y = 1 >> -1; constant long z = 1l << 64;\n");
}

const SIGNS: &[u8] = b"(){}[]<>;:,.*&=+-#\"'\\/ \nax0";

#[test]
fn any_bytes_end_in_diagnostics() {
    let mut state = 0x1234_5678_9abc_def0_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    let noise: Vec<u8> = (0..1_000_000).map(|_| random()).collect();
    let printable: Vec<u8> = noise.iter().map(|b| b' ' + b % 95).collect();
    let punctuation: Vec<u8> = noise.iter().map(|b| SIGNS[*b as usize % SIGNS.len()]).collect();
    for (name, bytes) in [
        ("noise", noise),
        ("printable noise", printable),
        ("punctuation", punctuation),
        ("NULs", vec![0; 10_000_000]),
        ("0xff", vec![0xff; 5_000_000]),
        ("newlines", vec![b'\n'; 10_000_000]),
        ("carriage returns", vec![b'\r'; 10_000_000]),
        ("backslashes", vec![b'\\'; 5_000_000]),
        ("quotes", vec![b'\''; 5_000_001]),
        ("too much", vec![b' '; 20_000_000]),
    ] {
        let started = Instant::now();
        let compilation = compile_bytes("hostile.metal", &bytes, &CompileOptions::default());
        check_sound(name, started, &compilation);
    }
}

#[test]
fn bytes_that_are_no_text_are_found_where_they_matter() {
    let codes = |bytes: &[u8]| -> Vec<&str> {
        let compilation = compile_bytes("bytes.metal", bytes, &CompileOptions::default());
        compilation.errors().map(|d| d.code.info().name).collect()
    };
    assert_eq!(codes(b"// caf\xe9\n"), [""; 0]);
    assert_eq!(codes(b"\xff\xfe\n"), ["E0101"]);
    assert_eq!(codes(b"static_assert(true, \"caf\xe9\");\n"), ["E0116"]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_compiles_or_is_refused(text in "(?s).{0,300}") {
        let started = Instant::now();
        check_sound("text", started, &compile("any.metal", &text, &CompileOptions::default()));
    }

    #[test]
    fn any_bytes_compile_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let started = Instant::now();
        check_sound("bytes", started, &compile_bytes("any.metal", &bytes, &CompileOptions::default()));
    }

    /// Words of the language in any order get further than characters do.
    #[test]
    fn any_words_compile_or_are_refused(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..60)) {
        let started = Instant::now();
        let text = words.join(" ");
        check_sound(&text, started, &compile("any.metal", &text, &CompileOptions::default()));
    }
}

const WORDS: &[&str] = &[
    "kernel",
    "void",
    "k",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "[[",
    "]]",
    "<",
    ">",
    ">>",
    ",",
    ";",
    ":",
    "::",
    "?",
    "=",
    "==",
    "+",
    "-",
    "*",
    "&",
    "&&",
    "!",
    "~",
    "++",
    ".",
    "->",
    "...",
    "device",
    "constant",
    "threadgroup",
    "thread",
    "int",
    "uint",
    "float",
    "half",
    "float4",
    "bool",
    "auto",
    "const",
    "constexpr",
    "static",
    "inline",
    "struct",
    "union",
    "enum",
    "class",
    "template",
    "typename",
    "using",
    "namespace",
    "metal",
    "typedef",
    "decltype",
    "sizeof",
    "as_type",
    "if",
    "else",
    "for",
    "while",
    "do",
    "switch",
    "case",
    "default",
    "break",
    "continue",
    "return",
    "true",
    "false",
    "nullptr",
    "buffer",
    "thread_position_in_grid",
    "host_name",
    "\"name\"",
    "'c'",
    "0",
    "1",
    "2.5f",
    "0x10u",
    "x",
    "y",
    "T",
    "f",
    "vec",
    "simd_sum",
    "min",
    "xyzw",
    "x.xy",
    "operator",
    "this",
    "goto",
    "static_assert",
    "\n#define x y\n",
    "\n#if x\n",
    "\n#else\n",
    "\n#endif\n",
    "kernel void k(device float *x, uint i [[thread_position_in_grid]]) {",
    "template <typename T> T f(T x) {",
    "x[0] = 1;",
    "return x;",
    "}",
];

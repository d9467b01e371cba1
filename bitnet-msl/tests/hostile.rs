//! Texts made to hurt: each ends in diagnostics or a module, soon, and can be rendered.

use std::time::{Duration, Instant};

use bitnet_msl::diag::{MAX_DIAGNOSTICS, RenderStyle, Severity};
use bitnet_msl::{Compilation, CompileOptions, OptimizationLevel, compile, compile_bytes, ir};
use proptest::prelude::*;

/// Each text is to end within a second on a quiet machine with optimised code. Ten times that, and as much again
/// for unoptimised code, is a hang.
const HANG: Duration = Duration::from_secs(20);

/// Options that leave the passes to [`check_sound`].
fn unoptimised() -> CompileOptions {
    CompileOptions { optimization_level: OptimizationLevel::None, ..CompileOptions::default() }
}

/// What holds of every compilation: of what lowering made and of what the passes of each level make of it.
fn check_sound(name: &str, started: Instant, compilation: &Compilation) {
    for level in OptimizationLevel::ALL {
        let Some(mut module) = compilation.module.clone() else { break };
        let started = Instant::now();
        let result = ir::passes::optimize(&mut module, level);
        let (level, elapsed) = (level.name(), started.elapsed());
        assert!(result.is_ok(), "{name} at {level}: {result:?}");
        assert!(elapsed < HANG, "{name} at {level} took {elapsed:?}");
    }
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
    let compilation = compile("hostile.metal", text, &unoptimised());
    check_sound(name, started, &compilation);
    let found: Vec<_> = compilation.errors().map(|d| d.code.info().name).collect();
    assert!(found.iter().any(|code| codes.contains(code)), "{name}: none of {codes:?} in {found:?}");
}

/// Nothing is said about what comes out, but it does.
fn check_ends(name: &str, text: &str) {
    let started = Instant::now();
    let compilation = compile("hostile.metal", text, &unoptimised());
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

/// Sources that passes could make large, or lose their way in.
#[test]
fn passes_end_soon_on_what_could_multiply() {
    let calls = |count: usize, body: &dyn Fn(usize) -> String| -> String {
        let functions = (1..count).map(|i| format!("int f{i}(int a) {{ {} }}\n", body(i)));
        let last = kernel(&format!("x[0] = f{}(x[1]);", count - 1));
        format!("int f0(int a) {{ return a * a + 1; }}\n{}{last}", functions.collect::<String>())
    };
    for (name, text) in [
        ("calls that double", calls(40, &|i| format!("return f{0}(a) + f{0}(a + 1);", i - 1))),
        (
            "a long chain of calls",
            calls(2_000, &|i| format!("if (a > {i}) {{ a = f{}(a); }} return a;", i - 1)),
        ),
        (
            "calls of one function",
            kernel(&"x[0] = f0(x[0]); ".repeat(5_000)).replacen(
                "kernel",
                "int f0(int a) { return a * a + a / 3; }\nkernel",
                1,
            ),
        ),
        (
            "early returns",
            calls(2, &|_| {
                (0..2_000).map(|i| format!("if (a == {i}) return {i}; ")).collect::<String>() + "return a;"
            }),
        ),
        (
            "nested early returns",
            calls(2, &|_| {
                "if (a > 0) { a -= f0(a); ".repeat(60) + "return a; " + &"} ".repeat(60) + "return 0;"
            }),
        ),
        (
            "loops in loops",
            kernel(&format!(
                "{} x[0] += x[1] * x[2] + 3; {}",
                (0..60)
                    .map(|i| format!("for (int i{i} = 0; i{i} < x[{i}] * 3; ++i{i}) {{ "))
                    .collect::<String>(),
                "} ".repeat(60)
            )),
        ),
        (
            "invariants",
            kernel(&format!(
                "int a = x[0]; for (int i = 0; i < a; ++i) {{ {} }}",
                (0..5_000).map(|i| format!("x[i] += a * {i}; ")).collect::<String>()
            )),
        ),
        (
            "expressions that come again",
            kernel(
                &(0..5_000)
                    .map(|i| format!("x[{i}] = (x[0] * {0} + x[1]) / ({0} - x[2]); ", i % 7))
                    .collect::<String>(),
            ),
        ),
        (
            "variables",
            kernel(&format!(
                "{} {} x[0] = v0;",
                (0..2_000).map(|i| format!("int v{i} = {i}; ")).collect::<String>(),
                (0..2_000).map(|i| format!("v{} += v{}; ", i, (i * 7) % 2_000)).collect::<String>()
            )),
        ),
        ("what is never reached", kernel(&format!("return; {}", "x[0] += 1; return; ".repeat(5_000)))),
        ("branches that are known", kernel(&"if (true) { x[0] += 1; } else { x[0] -= 1; } ".repeat(5_000))),
    ] {
        check_ends(name, &text);
        assert!(compile("hostile.metal", &text, &unoptimised()).module.is_some(), "{name} is accepted");
    }
}

#[test]
fn types_within_each_other_are_refused_at_a_bound() {
    let chain = |count: usize, first: &str, link: &dyn Fn(usize) -> String, last: &str| {
        let links: String = (0..count).map(|i| link(i) + "\n").collect();
        format!("{first}\n{links}{last}\n")
    };
    for count in [200, 300, 30_000] {
        let kernel = format!("kernel void k(device T{count} *x) {{ }}");
        let typedef = |what: &'static str| {
            move |i: usize| {
                format!(
                    "typedef {};",
                    what.replace("N", &format!("T{i}")).replace("M", &format!("T{}", i + 1))
                )
            }
        };
        let pointers: String = (0..count).map(|i| format!("auto p{} = &p{i};\n", i + 1)).collect();
        for (name, text) in [
            ("arrays", chain(count, "typedef int T0;", &typedef("N M[1]"), &kernel)),
            ("pointers", chain(count, "typedef int T0;", &typedef("device N *M"), &kernel)),
            (
                "structs",
                chain(
                    count,
                    "struct T0 { int a; };",
                    &|i| format!("struct T{} {{ T{i} s; }};", i + 1),
                    &kernel,
                ),
            ),
            ("addresses", self::kernel(&format!("int p0 = 1; {pointers} x[0] = p0;"))),
        ] {
            let name = format!("{count} {name}");
            if count > 256 { check_refused(&name, &text, &["E0315"]) } else { check_ends(&name, &text) }
        }
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
    let endless = "constexpr int f(int n) { while (true) n = n & 7; return n; }\n";
    let many: String = (0..3000).map(|i| format!("const int x{i} = f({i});")).collect();
    check_ends("many that loop, none of which has to be constant", &format!("{endless}{}", kernel(&many)));
    let many: String = (0..3000).map(|i| format!("constexpr int x{i} = f({i});")).collect();
    check_refused("many that loop", &format!("{endless}{}", kernel(&many)), &["E0314"]);
    let copies = "struct B { int a[100000]; };\n\
                  constexpr B g(B b, int n) { B c = b; c.a[n] = n; return c; }\n\
                  constexpr int f() { B b = {}; for (int i = 0; i < 100000; i++) b = g(b, i); return b.a[1]; }\n\
                  constant constexpr int x = f();\n";
    check_refused("copies of large structs", copies, &["E0314"]);
    let deep = "struct B { int a[1000000]; };\n\
                constexpr int f(int n) { B b = {}; return n == 0 ? b.a[0] : f(n - 1) + b.a[n]; }\n\
                constant constexpr int x = f(500);\n";
    check_refused("large variables in many calls", deep, &["E0314"]);
    let reads: String = (0..3000).map(|i| format!("int a{i}[T[{i}]]; a{i}[0] = 1;")).collect();
    let table = format!("constexpr int T[60000] = {{{}}};", "1, ".repeat(60_000));
    check_ends("a large table that is read often", &kernel(&format!("{table}{reads}")));
}

#[test]
fn braced_lists_end_soon() {
    check_refused(
        "parts that take nothing",
        "struct E {}; constant E e[1000000000] = {1};\n",
        &["E0316", "E0315"],
    );
    check_refused("elements without end", "struct E {}; constant E e[] = {1, 2};\n", &["E0316"]);
    let defaults = "struct S { int a = 1; };\n";
    check_refused("defaults", &format!("{defaults}{}", kernel("S s[200000000]; x[0] = s[1].a;")), &["E0315"]);
    let nested: String = (0..27).map(|i| format!("struct S{} {{ S{i} a; S{i} b; }};\n", i + 1)).collect();
    for (first, last, refused) in [("int a;", 27, false), ("int a = 1;", 27, true), ("int a = 1;", 14, false)]
    {
        let body = kernel(&format!("S{last} s; x[0] = 1;"));
        let text = format!("struct S0 {{ {first} }};\n{nested}{body}");
        match refused {
            true => check_refused(first, &text, &["E0315"]),
            false => check_ends(first, &text),
        }
    }
    let unions: String = (0..400).map(|i| format!("union U{} {{ U{i} a; int b; }};\n", i + 1)).collect();
    check_ends(
        "unions",
        &format!("union U0 {{ int a = 1; }};\n{unions}{}", kernel("U400 u = {{}}; x[0] = u.b;")),
    );
    let arrays = format!("int a{} = {{{}}};", "[1]".repeat(100), "1");
    check_ends("braces that are left out", &kernel(&arrays));
    let many = format!("uchar a[] = {{{}}}; x[0] = a[0];", "x[0], ".repeat(60_000));
    check_refused("many that narrow", &kernel(&many), &["E0334"]);
    let inner = format!("x[0] = {}x[0]{};", "int{long{".repeat(60), "}}".repeat(60));
    check_refused("narrowing within narrowing", &kernel(&inner), &["E0334"]);
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
        let compilation = compile_bytes("hostile.metal", &bytes, &unoptimised());
        check_sound(name, started, &compilation);
    }
}

#[test]
fn bytes_that_are_no_text_are_found_where_they_matter() {
    let codes = |bytes: &[u8]| -> Vec<&str> {
        let compilation = compile_bytes("bytes.metal", bytes, &unoptimised());
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
        check_sound("text", started, &compile("any.metal", &text, &unoptimised()));
    }

    #[test]
    fn any_bytes_compile_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let started = Instant::now();
        check_sound("bytes", started, &compile_bytes("any.metal", &bytes, &unoptimised()));
    }

    /// Words of the language in any order get further than characters do.
    #[test]
    fn any_words_compile_or_are_refused(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..60)) {
        let started = Instant::now();
        let text = words.join(" ");
        check_sound(&text, started, &compile("any.metal", &text, &unoptimised()));
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

#[test]
fn logging_is_bounded() {
    let program = |globals: &str, body: &str| {
        format!("#include <metal_logging>\nusing namespace metal;\n{globals}\n{}", kernel(body))
    };
    let log = |format: &str| program("", &format!("os_log_default.log(\"{format}\");"));
    check_refused("a long format", &log(&"x".repeat(1 << 20)), &["E0332"]);
    check_refused("a long width", &log(&format!("%{}d", "9".repeat(4000))), &["E0332"]);
    check_refused("many conversions without arguments", &log(&"%d".repeat(2000)), &["E0333"]);
    check_refused("flags without end", &log(&format!("%{}", "0-+ #".repeat(800))), &["E0332"]);
    let loggers: String = (0..20_000).map(|i| format!("constant os_log l{i}(\"s{i}\", \"c\");\n")).collect();
    check_ends("many loggers", &program(&loggers, "l7.log(\"text\");"));
    let calls: String = (0..20_000).map(|i| format!("os_log_default.log(\"{i} %d\", {i});\n")).collect();
    check_ends("many messages", &program("", &calls));
    let template = format!(
        "template <int N> void f() {{ os_log_default.log(\"{} %d\", N); if (N > 0) f<(N > 0 ? N - 1 : 0)>(); }}",
        "x".repeat(4000)
    );
    check_ends("a message in many instances", &program(&template, "f<400>();"));
}

/// Structs that each have two members of the one before, `levels` of them.
fn doubled(levels: usize, keyword: &str, first: &str, init: &str) -> String {
    let mut text = format!("{keyword} S0 {{ {first} }};\n");
    for level in 1..levels {
        let inner = level - 1;
        text += &format!("{keyword} S{level} {{ S{inner} a{init}; S{inner} b{init}; }};\n");
    }
    text
}

#[test]
fn structs_that_double_are_measured_when_they_are_defined() {
    let last = "struct T { const S39 x; };\nkernel void k(device int *out) { S39 s; T t; out[0] = 1; }";
    let lists = doubled(40, "struct", "int a = 1; int b = 2;", "{}");
    check_refused("initialisers that double", &(lists + last), &["E0315"]);
    let sums = (1..40).fold("struct S0 { int a = 1; int b = a + 1; };\n".to_owned(), |text, level| {
        let (inner, value) = (level - 1, format!("S{}{{}}", level - 1));
        text + &format!("struct S{level} {{ S{inner} c{{}}; int a = {value}.a + {value}.b; int b = a; }};\n")
    });
    check_refused("initialisers that double in expressions", &(sums + last), &["E0315"]);
    check_refused("unions that double", &(doubled(40, "union", "int a; int b;", "") + last), &["E0316"]);
    let members = doubled(16, "struct", "int a = 1; int b = 2;", "");
    check_ends("members that double", &(members + "kernel void k(device int *out) { S15 s; out[0] = 1; }"));
    let itself = "struct S { int a = S{}.b + S{}.b; int b = 1; };\nkernel void k(device int *out) { S s; out[0] = 1; }";
    check_refused("a struct that is part of its own default", itself, &["E0316"]);
    let by_template = "template <typename T> constexpr T make() { return T{}; }\n\
        struct S { int a = make<S>().b + make<S>().b; int b = 1; };\n\
        kernel void k(device int *out) { S s; out[0] = 1; }";
    check_ends("a struct that a template makes for its own default", by_template);
    let locals = (0..5000).fold("kernel void k(device int *out) {\n".to_owned(), |text, i| {
        text + &format!("struct L{i} {{ int a = 1; }};\n")
    });
    check_refused("structs in a function", &(locals + "L7 l; out[0] = l.a; }"), &["E0608"]);
}

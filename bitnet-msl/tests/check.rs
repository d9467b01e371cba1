//! What lowering makes: values of constant expressions, the shape of the code, bounds on hostile nesting.

use bitnet_msl::ir::{Binding, GlobalKind, Module, Op, Stmt, ThreadAttribute};
use bitnet_msl::{CompileOptions, LanguageVersion, OptimizationLevel, compile, ir};

/// The module as lowering makes it.
fn module(text: &str) -> Module {
    let text = format!("#include <metal_stdlib>\nusing namespace metal;\n{text}");
    let options = CompileOptions { optimization_level: OptimizationLevel::None, ..CompileOptions::default() };
    let compilation = compile("check.metal", &text, &options);
    let rendered = compilation.render(bitnet_msl::diag::RenderStyle::Plain);
    compilation.module.unwrap_or_else(|| panic!("{rendered}"))
}

/// The bytes that a constant of a type gets from an initialiser.
#[track_caller]
fn check_bytes(ty: &str, initialiser: &str, expect: &[u8]) {
    let text = format!(
        "struct S {{ char a; float2 b; short c[3]; }};\n\
         union U {{ uint u; float f; }};\n\
         constant {ty} value[1] = {{{initialiser}}};\n\
         kernel void k(device {ty} *out, uint i [[thread_position_in_grid]]) {{ out[0] = value[i]; }}\n"
    );
    let module = module(&text);
    let constants: Vec<_> = module
        .globals
        .iter()
        .map(|global| match &global.kind {
            GlobalKind::Constant(bytes) => bytes.as_slice(),
            GlobalKind::Threadgroup => &[],
        })
        .collect();
    assert_eq!(constants, [expect], "{ty} value = {initialiser}");
}

#[track_caller]
fn check_int(expression: &str, expect: i32) {
    check_bytes("int", expression, &expect.to_le_bytes());
}

#[track_caller]
fn check_float(expression: &str, expect: f32) {
    check_bytes("float", expression, &expect.to_le_bytes());
}

#[test]
fn integer_constants_follow_cpp() {
    check_int("7 / 2 - 7 % 3", 2);
    check_int("-7 / 2", -3);
    check_int("-1 < 1u", 0);
    check_int("-1 < 1l", 1);
    check_int("uchar(200) + uchar(100)", 300);
    check_int("uchar(uchar(200) + uchar(100))", 44);
    check_int("char(200)", -56);
    check_int("(1 << 31) >> 31", -1);
    check_int("int(1u << 31 >> 31)", 1);
    check_int("int(-1u >> 4)", 0x0fff_ffff);
    check_int("~0 & 0xf0 | 3 ^ 1", 0xf2);
    check_int("(true ? 1 : 2, 3)", 3);
    check_int("int(3.99f) + int(-3.99f)", 0);
    check_int("int(1e20f)", i32::MAX);
    check_int("as_type<int>(1.0f)", 0x3f80_0000);
    check_int("sizeof(S) + alignof(float4)", 40);
    check_int("3 > 2 > 1", 0);
    check_int("-2147483648", i32::MIN);
    check_int("2147483648 > 0", 1);
    check_int("int(sizeof(2147483648) + sizeof(0x80000000))", 12);
    check_int("!5 + !0", 1);
    check_int("min(3, 4) * clamp(9, 0, 5)", 15);
}

#[test]
fn floating_point_constants_are_rounded_to_their_type() {
    check_float("0.1", 0.1);
    check_float("1 / 3.0f", 1.0 / 3.0);
    check_float("1 / 3", 0.0);
    check_float("float(0.1h)", 0.099_975_586);
    check_float("1.0h / 3", 0.333_251_95);
    check_float("float(bfloat(1.003f))", 1.0);
    check_float("M_PI_F", std::f32::consts::PI);
    check_float("-INFINITY", f32::NEG_INFINITY);
    check_float("numeric_limits<half>::max()", 65504.0);
    check_float("float3(1, 2, 3).zyx.y", 2.0);
    check_float("(float2x2(1, 2, 3, 4) * float2(1, 10)).y", 42.0);
    check_float("dot(float2(1, 2), float2(3, 4))", 11.0);
}

#[test]
fn aggregates_are_laid_out_with_padding() {
    let f = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
    check_bytes("float3", "{1, 2, 3}", &f(&[1.0, 2.0, 3.0, 0.0]));
    check_bytes("packed_float3", "{1, 2, 3}", &f(&[1.0, 2.0, 3.0]));
    check_bytes("float3", "2", &f(&[2.0, 2.0, 2.0, 0.0]));
    check_bytes("float2x2", "{float2(1, 2), float2(3, 4)}", &f(&[1.0, 2.0, 3.0, 4.0]));
    check_bytes("uchar4", "{1, 2}", &[1, 2, 0, 0]);
    let mut s = vec![0; 24];
    (s[0], s[16], s[20]) = (5, 7, 9);
    s[8..16].copy_from_slice(&f(&[1.0, 2.0]));
    check_bytes("S", "{5, {1, 2}, {7, 0, 9}}", &s);
    check_bytes("S", "{5, {1, 2}, 7, 0, 9}", &s);
    check_bytes("S", "{}", &[0; 24]);
    check_bytes("ulong", "1ul << 40", &(1u64 << 40).to_le_bytes());
    check_bytes("bool", "bool(2.5f)", &[1]);
}

#[test]
fn indices_that_are_left_out_are_the_first_free_ones() {
    let text = "kernel void k(device int *a, device int *b [[buffer(0)]], constant int &c,
        threadgroup int *s, threadgroup int *t [[threadgroup(0)]], ushort2 p [[thread_position_in_grid]]) {}";
    let module = module(text);
    let bindings: Vec<_> = module.kernels[0].params.iter().map(|param| param.binding).collect();
    let expect = [
        Binding::Buffer { index: 1, is_reference: false },
        Binding::Buffer { index: 0, is_reference: false },
        Binding::Buffer { index: 2, is_reference: true },
        Binding::Threadgroup { index: 1 },
        Binding::Threadgroup { index: 0 },
        Binding::Attribute(ThreadAttribute::ThreadPositionInGrid),
    ];
    assert_eq!(bindings, expect);
}

#[test]
fn only_what_kernels_reach_is_in_the_module() {
    let text = "
        constant int used[2] = {1, 2};
        constant int unused[2] = {1, 2};
        int helper(int i) { return used[i]; }
        int other(int i) { return unused[i]; }
        template <typename T> T never(T x) { return x.nothing; }
        template <typename T> T twice(T x) { return x + x; }
        kernel void k(device int *x) { x[0] = twice(helper(x[1])) + twice(1); }";
    let module = module(text);
    let names: Vec<_> = module.functions.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["k", "helper", "twice<int>"]);
    assert_eq!(module.globals.len(), 1);
    assert_eq!(module.globals[0].name, "used");
}

/// How many statements of a kind a kernel has, nested ones included.
fn count(block: &ir::Block, is_kind: fn(&Stmt) -> bool) -> usize {
    let nested = |stmt: &Stmt| match stmt {
        Stmt::If { then, other, .. } => count(then, is_kind) + count(other, is_kind),
        Stmt::Loop { body, continuing, .. } => count(body, is_kind) + count(continuing, is_kind),
        Stmt::Switch { sections, .. } => sections.iter().map(|s| count(&s.body, is_kind)).sum(),
        _ => 0,
    };
    block.0.iter().map(|stmt| usize::from(is_kind(stmt)) + nested(stmt)).sum()
}

#[track_caller]
fn check_branches(body: &str, expect: usize) {
    let text = format!(
        "int f(int x) {{ return x; }}\n\
         kernel void k(device int *x, uint i [[thread_position_in_grid]]) {{ int a = x[0], b = x[1]; {body} }}"
    );
    let module = module(&text);
    let kernel = module.function(module.kernels[0].function);
    assert_eq!(count(&kernel.body, |s| matches!(s, Stmt::If { .. })), expect, "{body}");
}

#[test]
fn choices_branch_only_where_a_side_does_more_than_compute() {
    check_branches("x[2] = a > b ? a : b;", 0);
    check_branches("x[2] = a > b && b > 0 || a < 3;", 0);
    check_branches("x[2] = a > b ? x[3] : b;", 1);
    check_branches("x[2] = a > b && x[3] > 0;", 1);
    check_branches("x[2] = a > b || f(a) > 0;", 1);
    check_branches("x[2] = a > b ? a++ : b;", 1);
}

#[test]
fn conditions_that_are_known_leave_no_branch() {
    check_branches("constexpr int n = 4; if (n > 3) x[2] = 1; else x[3] = 1;", 0);
    check_branches("if (sizeof(int) == 8) x[2] = x[3];", 0);
    check_branches("x[2] = 2 > 1 ? x[3] : f(x[4]);", 0);
    check_branches("x[2] = false && x[3];", 0);
    check_branches("while (true) { x[2] = 1; break; x[3] = 1; }", 0);
}

#[test]
fn code_that_is_never_reached_is_checked_and_dropped() {
    let module = module(
        "kernel void k(device int *x) { x[0] = 1; return; x[1] = 2; threadgroup int t[4]; t[0] = 1; }",
    );
    let kernel = module.function(module.kernels[0].function);
    assert_eq!(count(&kernel.body, |s| matches!(s, Stmt::Store { .. })), 1);
    assert!(module.globals.is_empty(), "a variable in dead code takes no threadgroup memory");
}

#[test]
fn a_swizzled_store_reads_changes_and_writes_the_whole_vector() {
    let module = module("kernel void k(device float4 *v) { v[0].zx = v[1].xy; }");
    let kernel = module.function(module.kernels[0].function);
    let inserts: Vec<u32> = kernel
        .insts
        .iter()
        .filter_map(|inst| match inst.op {
            Op::Insert(_, _, at) => Some(at),
            _ => None,
        })
        .collect();
    assert_eq!(inserts, [2, 0]);
    assert_eq!(count(&kernel.body, |s| matches!(s, Stmt::Store { .. })), 1);
}

#[test]
fn fast_math_and_namespaces_choose_the_precision() {
    let check = |fast_math: bool, call: &str, expect: ir::Precision| {
        let text = format!(
            "#include <metal_stdlib>\nusing namespace metal;\nkernel void k(device float *x) {{ x[0] = {call}(x[1]); }}"
        );
        let options = CompileOptions { fast_math, ..CompileOptions::default() };
        let module = compile("check.metal", &text, &options).module.expect("the kernel is right");
        let precisions: Vec<_> = module.functions[0]
            .insts
            .iter()
            .filter_map(|inst| match inst.op {
                Op::Math(_, precision, _) => Some(precision),
                _ => None,
            })
            .collect();
        assert_eq!(precisions, [expect], "{call} with fast_math {fast_math}");
    };
    check(true, "exp", ir::Precision::Fast);
    check(false, "exp", ir::Precision::Precise);
    check(true, "precise::exp", ir::Precision::Precise);
    check(false, "metal::fast::exp", ir::Precision::Fast);
}

/// As deep as the parser lets it be, in every shape at once: checking has to survive it, on a small stack.
#[test]
fn nesting_within_the_bounds_of_the_parser_does_not_overflow_the_stack() {
    let texts = [
        ("ternaries", format!("x[0] = {}0;", "x[0] ? 1 : ".repeat(500))),
        ("assignments", format!("{}1;", "x[0] = ".repeat(500))),
        ("prefixes", format!("x[0] = {}x[0];", "- ".repeat(500))),
        ("logical", format!("x[0] = {}1;", "x[0] && ".repeat(500))),
        ("commas", format!("{}x[0] = 1;", "x[0], ".repeat(500))),
        ("calls", format!("x[0] = {}1{};", "f(".repeat(120), ")".repeat(120))),
        ("casts", format!("x[0] = {}1;", "(int)".repeat(500))),
        ("braces", format!("int a = {}1{};", "{".repeat(120), "}".repeat(120))),
        ("blocks", format!("{}x[0] = {}1;{}", "{".repeat(110), "- ".repeat(380), "}".repeat(110))),
        ("else ifs", format!("{} x[0] = 1;", "if (x[0]) x[1] = 1; else ".repeat(250))),
        ("subscripts", format!("x[0] = {}0{};", "x[".repeat(120), "]".repeat(120))),
        ("swizzles", format!("float4 v = 1; v = v{};", ".xyzw".repeat(500))),
    ];
    for (name, body) in texts {
        let text = format!("int f(int x) {{ return x; }}\nkernel void k(device int *x) {{ {body} }}");
        let checked = std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(move || compile("check.metal", &text, &CompileOptions::default()).errors().count())
            .expect("a thread starts")
            .join();
        assert!(checked.is_ok(), "{name}");
    }
}

#[test]
fn many_unknown_names_beside_many_known_ones_end_soon() {
    let mut text: String = (0..10_000).map(|i| format!("constant int global_{i} = {i};\n")).collect();
    text.push_str("kernel void k(device int *x) {\n");
    text.extend((0..10_000).map(|i| format!("x[0] = globl_{i};\n")));
    text.push_str("}\n");
    let started = std::time::Instant::now();
    let compilation = compile("check.metal", &text, &CompileOptions::default());
    assert!(compilation.omitted > 9_000, "{}", compilation.omitted);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn auto_template_parameters_come_with_4_0() {
    let text = "template <auto N> int f() { return N; }\n\
                kernel void k(device int *x) { x[0] = f<3>() + f<4u>(); }\n";
    for (version, expect) in [(LanguageVersion::Metal3_2, 1), (LanguageVersion::Metal4_0, 0)] {
        let options = CompileOptions { language_version: version, ..CompileOptions::default() };
        let errors = compile("check.metal", text, &options).errors().count();
        assert_eq!(errors, expect, "{version:?}");
    }
}

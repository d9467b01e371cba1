//! Golden IR of small kernels before and after a pass; what a pass makes is verified, and printed beside its source.

use super::*;
use crate::ir::print::print;
use crate::{CompileOptions, compile};

/// A source as lowering makes it.
fn lowered(body: &str) -> Module {
    let options = CompileOptions { optimization_level: OptimizationLevel::None, ..CompileOptions::default() };
    let text = format!("#include <metal_stdlib>\nusing namespace metal;\n{body}");
    let compilation = compile("pass.metal", &text, &options);
    let rendered = compilation.render(crate::diag::RenderStyle::Plain);
    compilation.module.unwrap_or_else(|| panic!("{rendered}"))
}

/// Runs a pass over all functions of a source and compares with the snapshot of that name.
fn check(name: &'static str, source: &str, pass: impl Fn(&mut Function, &Context<'_>) -> bool) {
    check_module(name, source, |module| {
        for index in 0..module.functions.len() {
            let passes = FunctionPasses { index, references: references(module, index), asks: false };
            passes.run(module, name, &pass).unwrap_or_else(|fault| panic!("{name}: {}", fault.error));
        }
    });
}

fn check_module(name: &str, source: &str, pass: impl Fn(&mut Module)) {
    let mut module = lowered(source);
    let before = functions_of(&module);
    pass(&mut module);
    let after = functions_of(&module);
    verify(&module).unwrap_or_else(|error| panic!("{name}: {error}\n{after}"));
    pass(&mut module);
    assert_eq!(functions_of(&module), after, "{name}: a second time changes nothing");
    insta::assert_snapshot!(name, format!("{}\n\n---- before\n{before}\n---- after\n{after}", source.trim()));
}

/// The text of a module up to its kernels' bindings.
fn functions_of(module: &Module) -> String {
    let text = print(module);
    text.lines().take_while(|line| !line.starts_with("kernel ")).map(|line| format!("{line}\n")).collect()
}

const LIMITS: inline::Limits = inline::Limits { callee_insts: 512, caller_insts: 4_000 };

#[test]
fn calls_become_the_code_of_functions() {
    for (name, source) in [
        (
            "inline_a_value",
            "float square(float x) { return x * x; }
             kernel void k(device float *x) { x[0] = square(square(x[1])); }",
        ),
        (
            "inline_early_returns",
            "float clipped(float x) {
                 if (x < 0.0f) return 0.0f;
                 if (x > 6.0f) { x = 6.0f; } else { return x; }
                 return x * 0.5f;
             }
             kernel void k(device float *x) { x[0] = clipped(x[1]) + clipped(x[2]); }",
        ),
        (
            "inline_not_a_return_in_a_loop",
            "int find(device int *x) {
                 for (int i = 0; i < 8; ++i) { if (x[i] == 0) return i; }
                 return 8;
             }
             kernel void k(device int *x) { x[0] = find(x + 1); }",
        ),
        (
            "inline_not_recursion",
            "int leaf(int x) { return x + 1; }
             int down(int x) { return x > 0 ? down(x - 1) + leaf(x) : 0; }
             int above(int x) { return down(x); }
             kernel void k(device int *x) { x[0] = above(x[1]); }",
        ),
        (
            "inline_into_a_loop_makes_unset_variables_zero",
            "int odd(int x) { int y; if (x & 1) { y = x; } return y; }
             int set(int x) { int y; if (x & 1) { y = x; } else { y = 1; } int z = y; return z; }
             kernel void k(device int *x) { for (int i = 0; i < 4; ++i) { x[i] = odd(x[i]) + set(i); } }",
        ),
    ] {
        check_module(name, source, |module| {
            inline::inline(module, LIMITS);
        });
    }
}

#[test]
fn variables_that_only_calls_kept_in_memory_are_promoted() {
    let source = "
        void add(thread float &sum, float x) { sum += x; }
        void put(thread float4 &v, int i) { v[i] = 1.0f; }
        kernel void k(device float *x, uint i [[thread_position_in_grid]]) {
            float sum = 0.0f;
            for (int j = 0; j < 4; ++j) { add(sum, x[j]); }
            float4 v = float4(0.0f);
            put(v, int(i));
            x[i] = sum + v.x;
        }";
    check_module("promotion_after_inline", source, |module| {
        inline::inline(module, LIMITS);
        for function in &mut module.functions {
            promote_with(function, &module.types, DynamicComponents::InMemory);
        }
    });
}

#[test]
fn what_is_known_is_folded() {
    for (name, source) in [
        (
            "fold_constants",
            "constant uint BITS[4] = {1u, 2u, 4u, 8u};
             constant uint4 LOW = uint4(1u, 2u, 4u, 8u);
             kernel void k(device uint *x, device float *y, device half *h) {
                 const uint n = 6;
                 x[0] = n * 7 + BITS[2] - (0xffffffffu + 2u);
                 x[1] = (x[1] & LOW.w) + uint(int(-7) / 2) + (1u << 33u);
                 y[0] = 1.5f * 2.0f + sqrt(2.0f);
                 h[0] = half(0.1f) * 3.0h;
             }",
        ),
        (
            "fold_integer_identities",
            "kernel void k(device int *x, uint i [[thread_position_in_grid]]) {
                 int a = x[i];
                 x[0] = a + 0; x[1] = a * 1; x[2] = a * 0; x[3] = a - a; x[4] = a ^ a; x[5] = a & -1;
                 x[6] = a | 0; x[7] = a << 0; x[8] = a / 1; x[9] = a % 1; x[10] = -(-a); x[11] = ~~a;
                 x[12] = a == a ? 1 : 2; x[13] = int(a < 3) != 0 ? a : a; x[14] = !!(a < 4) ? 5 : 6;
             }",
        ),
        (
            "fold_not_floats_that_could_differ",
            "kernel void k(device float *x, uint i [[thread_position_in_grid]]) {
                 float a = x[i];
                 x[0] = a + 0.0f; x[1] = a * 1.0f; x[2] = a * 0.0f; x[3] = a - a; x[4] = a / 1.0f;
                 x[5] = a == a ? 1.0f : 2.0f; x[6] = 0.0f / 0.0f; x[7] = sin(1.0f); x[8] = -(-a);
                 x[9] = max(0.0f, -0.0f);
             }",
        ),
        (
            "fold_integer_division_by_zero_stays",
            "kernel void k(device int *x) { int zero = 0; x[0] = 7 / zero; x[1] = 7 % zero; }",
        ),
        (
            "fold_branches",
            "template <bool B> void pick(device int *x) { if (B) { x[0] = 1; } else { x[0] = 2; } }
             kernel void k(device int *x) {
                 pick<true>(x);
                 if (sizeof(int) == 8) { x[1] = 3; return; }
                 if (x[2] > 0) { } else { }
                 do { x[3] = 4; } while (false);
                 while (true) { x[4] = 5; break; x[5] = 6; }
                 while (false) { x[6] = 7; }
                 return;
                 x[7] = 8;
             }",
        ),
        (
            "fold_components",
            "kernel void k(device float4 *x, uint i [[thread_position_in_grid]]) {
                 float4 v = x[i];
                 v.y = 2.0f;
                 x[0] = float4(v.y, v.xyzw.z, float2(v.x, 3.0f).y, v[3]);
                 x[1] = float4(i).wzyx.xyzw;
             }",
        ),
    ] {
        check(name, source, fold::fold);
    }
}

#[test]
fn what_is_computed_twice_is_computed_once() {
    for (name, source) in [
        (
            "share_pure_ops",
            "kernel void k(device int *x, uint i [[thread_position_in_grid]]) {
                 int n = int(i);
                 if (n > 4) { x[0] = n * n + 3; x[1] = (n * n + 3) / 5; } else { x[2] = n * n; }
                 x[3] = n * n;
             }",
        ),
        (
            "share_loads_until_a_write",
            "kernel void k(device int *x, device const int *y, threadgroup int *t, constant int *c,
                           uint i [[thread_position_in_grid]]) {
                 int a = y[i] + y[i] + t[i] + c[i];
                 x[i] = a;
                 int b = y[i] + t[i] + c[i];
                 threadgroup_barrier(mem_flags::mem_threadgroup);
                 x[i + 1] = b + t[i] + c[i];
             }",
        ),
        (
            "share_not_across_the_head_of_a_loop",
            "kernel void k(device const int *flag, device int *x, constant int &c) {
                 int n = flag[0] + c;
                 while (flag[0] == 0) { n += c; }
                 x[0] = n + flag[0];
             }",
        ),
        (
            "share_not_what_was_stored",
            "kernel void k(device int *x, uint i [[thread_position_in_grid]]) { x[0] = int(i); x[1] = x[0]; }",
        ),
        (
            "share_not_over_lanes",
            "kernel void k(device int *x, uint i [[thread_position_in_grid]]) {
                 int a = simd_sum(x[i]);
                 if (i < 3) { x[0] = a + simd_sum(x[i]); }
             }",
        ),
        (
            "share_not_what_becomes_part_of_its_use",
            "kernel void k(device int *x, uint i [[thread_position_in_grid]]) {
                 int n = int(i), a = n, b = n;
                 for (int j = 0; j < n + 1; ++j) { a = n + 1; b += a; }
                 if (n < 3) { x[0] = a; }
                 if (n < 3) { x[1] = b; }
             }",
        ),
    ] {
        check(name, source, subexpressions::share);
    }
}

#[test]
fn what_a_loop_does_not_change_leaves_it() {
    for (name, source) in [
        (
            "hoist_pure_ops",
            "kernel void k(device int *x, uint n [[thread_position_in_grid]]) {
                 for (uint i = 0; i < n * 3; ++i) {
                     for (uint j = 0; j < 4; ++j) { x[i * 4 + j] = int(n / 7 + i * n); }
                 }
             }",
        ),
        (
            "hoist_loads_of_references_that_have_been_read",
            "struct Params { uint count; float scale; };
             kernel void k(device float *x, constant Params &p, constant Params &q,
                           uint n [[thread_position_in_grid]]) {
                 for (uint i = n; i < p.count; i += 2) { x[i] *= p.scale + q.scale; }
             }",
        ),
        (
            "hoist_not_loads_that_may_trap_or_change",
            "kernel void k(device float *x, device const float *y, constant float *c, constant uint &m,
                           uint n [[thread_position_in_grid]]) {
                 for (uint i = n; y[0] > 0.0f; i += m) { x[i] = c[1] + y[1]; }
                 do { x[n] = c[2]; } while (c[3] > 0.0f);
             }",
        ),
        (
            "hoist_not_out_of_branches",
            "kernel void k(device int *x, uint n [[thread_position_in_grid]]) {
                 for (uint i = 0; i < n; ++i) { if (x[i] > 0) { x[i] = int(n * n / 3); } }
             }",
        ),
    ] {
        check(name, source, |function, cx| invariants::hoist(function, cx, invariants::From::Iterations));
    }
    let source = "
        kernel void k(device int *x, uint n [[thread_position_in_grid]]) {
            for (uint i = 0; i < n; ++i) { if (x[i] > 0) { x[i] = int(n * n / 3); } }
        }";
    check("hoist_out_of_branches", source, |f, cx| invariants::hoist(f, cx, invariants::From::Branches));
}

#[test]
fn what_nobody_needs_goes() {
    for (name, source) in [
        (
            "dead_values_and_variables",
            "kernel void k(device int *x, uint i [[thread_position_in_grid]]) {
                 int a = int(i) * 5;
                 int counts_itself = a + 1;
                 for (int n = 0; n < 3; ++n) { counts_itself += n; }
                 int c = 1;
                 if (i > 2) { c = int(i); c = 3; }
                 x[i] = c;
             }",
        ),
        (
            "dead_loads_stay",
            "kernel void k(device int *x, uint i [[thread_position_in_grid]]) {
                 int a = x[i];
                 float4 v = float4(1.0f);
                 float b = v[i];
             }",
        ),
    ] {
        // Lowering ends with promotion, which has dropped what is dead: the snapshot shows that it has.
        check(name, source, |function, _| {
            dead_code::drop_dead_code(function);
            true
        });
    }
}

#[test]
fn levels_do_more_and_more() {
    let source = "
        struct Params { uint rows; uint columns; };
        float part(device const float *x, constant Params &p, uint row) {
            float sum = 0.0f;
            for (uint i = 0; i < p.columns; ++i) { sum += x[row * p.columns + i] / float(p.columns); }
            return sum;
        }
        kernel void k(device float *x, constant Params &p, uint row [[thread_position_in_grid]]) {
            if (row < p.rows) { x[row] = part(x, p, row) + part(x, p, row + 1); }
        }";
    for level in [OptimizationLevel::Default, OptimizationLevel::Full] {
        check_module(&format!("level_{}", level.name()), source, |module| {
            optimize(module, level).unwrap_or_else(|fault| panic!("{}: {}", fault.pass, fault.error));
        });
    }
    let mut none = lowered(source);
    let before = print(&none);
    optimize(&mut none, OptimizationLevel::None).unwrap_or_else(|fault| panic!("{}", fault.error));
    assert_eq!(print(&none), before);
}

#[test]
fn a_pass_that_breaks_a_function_is_named() {
    let mut module = lowered("kernel void k(device int *x) { x[0] = 1; }");
    let passes = FunctionPasses { index: 0, references: Vec::new(), asks: false };
    let fault = passes.run(&mut module, "vandal", |function, _| {
        function.body.0.clear();
        true
    });
    // Release builds check at the end only.
    assert_eq!(fault.err().map(|fault| fault.pass), cfg!(debug_assertions).then_some("vandal"));
}

#[test]
fn a_function_constant_that_is_asked_about_may_still_be_left_out() {
    let source = "
        constant int a [[function_constant(0)]];
        bool is_there() { return is_function_constant_defined(a); }
        kernel void k(device int *x) { if (x[1] > 0) { is_there(); } x[0] = a; }";
    let mut module = lowered(source);
    optimize(&mut module, OptimizationLevel::Full).unwrap_or_else(|fault| panic!("{}", fault.error));
    let asks = |f: &Function| f.has_op(|op| matches!(op, Op::IsFunctionConstantDefined(_)));
    assert!(module.functions.iter().any(asks), "{}", print(&module));
}

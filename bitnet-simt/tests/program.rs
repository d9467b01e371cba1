//! What the interface promises beside the results of kernels: errors of programs, the words of traps, counters,
//! order, and storage that is used again.

use bitnet_msl::ir::{self, LaneFn, LaneScope, Op, Scalar, Stmt, Type, Value};
use bitnet_msl::source::Span;
use bitnet_msl::{CompileOptions, compile};
use bitnet_simt::{
    Bound, Counters, ExitedLanes, FunctionConstants, Grid, Launch, Memory, Observer, Program, ProgramError,
    RunOptions, SpaceBytes, Trap, TrapKind,
};

const HEAD: &str = "#include <metal_stdlib>\nusing namespace metal;\n";

fn module(text: &str) -> ir::Module {
    let compilation = compile("k.metal", &format!("{HEAD}{text}"), &CompileOptions::default());
    let errors: Vec<_> = compilation.errors().map(|error| error.message.clone()).collect();
    compilation.module.unwrap_or_else(|| panic!("{errors:?}"))
}

fn program(text: &str) -> Program {
    Program::new(&module(text), "k", &FunctionConstants::new()).expect("small and without constants")
}

fn threads(n: u32) -> Launch {
    Launch::new(Grid::Threads([n, 1, 1]), [32, 1, 1])
}

fn trap(program: &Program, launch: &Launch) -> Trap {
    *program.run(launch, &RunOptions::checked()).expect_err("it goes wrong")
}

const ADD_ONE: &str =
    "kernel void k(device int *x [[buffer(0)]], uint i [[thread_position_in_grid]]) { x[i] += 1; }";

#[test]
fn a_trap_is_one_sentence() {
    let text = "kernel void k(device int *out [[buffer(1)]], uint i [[thread_position_in_grid]]) {\n    out[i] = 1;\n}\n";
    let launch = threads(8).bind(1, Bound::Buffer { memory: Memory::new_zeroed(20), offset_bytes: 0 });
    let found = trap(&program(text), &launch);
    assert_eq!(
        found.to_string(),
        "kernel `k`: thread (5, 0, 0) of threadgroup (0, 0, 0) wrote 4 bytes at offset 20 of buffer 1 `out`, \
         which is 20 bytes long, at k.metal:4:5"
    );
    assert_eq!((found.kind, found.thread, found.location.line), (TrapKind::OutOfBounds, [5, 0, 0], 4));
}

#[test]
fn without_source_places_a_trap_names_kernel_and_thread() {
    let text = "kernel void k(device int *out [[buffer(1)]], uint i [[thread_position_in_grid]]) {\n  \
                if (i < 3) { out[i] = 1; } else { for (int n = 0; n < 2; n++) { out[i] = n; } }\n}\n";
    let mut module = module(text);
    module.strip_spans();
    let program = Program::new(&module, "k", &FunctionConstants::new()).expect("small and without constants");
    let launch = threads(8).bind(1, Bound::Buffer { memory: Memory::new_zeroed(20), offset_bytes: 0 });
    assert_eq!(
        trap(&program, &launch).to_string(),
        "kernel `k`: thread (5, 0, 0) of threadgroup (0, 0, 0) wrote 4 bytes at offset 20 of buffer 1 `out`, \
         which is 20 bytes long"
    );
    assert!(module.functions.iter().flat_map(|f| &f.insts).all(|inst| inst.span == Span::default()));
}

#[test]
fn threadgroup_variables_of_any_size_are_refused_at_the_launch() {
    let uses = |i: u32| format!("  threadgroup float t{i}[1 << 27]; t{i}[0] = 1; x[{i}] = t{i}[0];\n");
    let body: String = (0..12).map(uses).collect();
    let program = program(&format!("kernel void k(device float *x [[buffer(0)]]) {{\n{body}}}\n"));
    assert_eq!(
        trap(&program, &threads(1)).to_string(),
        "kernel `k`: needs 4294967295 bytes of threadgroup memory, 32768 are allowed"
    );
}

#[test]
fn both_places_of_a_divergent_barrier_are_named() {
    let text = "kernel void k(uint i [[thread_position_in_grid]]) {\n  if (i < 32) {\n    \
                threadgroup_barrier(mem_flags::mem_none);\n  } else {\n    \
                threadgroup_barrier(mem_flags::mem_device);\n  }\n}\n";
    let launch = Launch::new(Grid::Threads([64, 1, 1]), [64, 1, 1]);
    let found = trap(&program(text), &launch);
    assert_eq!((found.kind, found.location.line), (TrapKind::DivergentBarrier, 7));
    let (other, what) = found.related.clone().expect("the other barrier");
    assert_eq!((other.line, what.as_str()), (5, "the other barrier is"));
    assert!(found.to_string().ends_with("at k.metal:7:5; the other barrier is at k.metal:5:5"), "{found}");
}

#[test]
fn launches_that_do_not_fit_are_refused() {
    let kernel = program(ADD_ONE);
    let message = |launch: &Launch| {
        let found = trap(&kernel, launch);
        assert_eq!(found.kind, TrapKind::BadLaunch);
        found.to_string()
    };
    let empty = Launch::new(Grid::Threads([1; 3]), [0, 1, 1]);
    assert_eq!(message(&empty), "kernel `k`: a threadgroup of (0, 1, 1) threads is not one of 1 to 1024");
    let large = Launch::new(Grid::Threads([1; 3]), [32, 32, 2]);
    assert!(message(&large).contains("(32, 32, 2)"));
    let huge = Launch::new(Grid::Threadgroups([u32::MAX; 3]), [1; 3]);
    assert!(message(&huge).contains("more threadgroups"));
    let memory = program(
        "kernel void k(device int *x [[buffer(0)]], threadgroup int *t [[threadgroup(0)]], \
         uint i [[thread_index_in_threadgroup]]) { t[i] = 1; x[i] = t[i]; }",
    );
    let launch = threads(1).buffer(0, &Memory::new_zeroed(4)).threadgroup_memory(0, 40_000);
    assert_eq!(trap(&memory, &launch).kind, TrapKind::BadLaunch);
}

#[test]
fn the_process_goes_on_after_a_trap() {
    let kernel = program(ADD_ONE);
    let memory = Memory::new_zeroed(64 * 4);
    let short = Memory::new_zeroed(40);
    for _ in 0..3 {
        assert_eq!(trap(&kernel, &threads(64).buffer(0, &short)).thread, [10, 0, 0]);
        kernel.run(&threads(64).buffer(0, &memory), &RunOptions::default()).expect("in bounds");
    }
    assert_eq!(memory.to_vec::<i32>(), [3; 64]);
}

#[test]
fn programs_that_cannot_be_made_say_why() {
    let constants = module(
        "constant int width [[function_constant(7)]];\n\
         kernel void k(device int *x [[buffer(0)]]) { x[0] = width; }\n",
    );
    let make = |name: &str, given: &FunctionConstants| {
        Program::new(&constants, name, given).map(|_| ()).expect_err("no")
    };
    let none = FunctionConstants::new();
    assert_eq!(make("l", &none).to_string(), "the module has no kernel `l`");
    assert_eq!(make("k", &none), ProgramError::MissingFunctionConstant { name: "width".into(), id: 7 });
    let wrong = ProgramError::FunctionConstantSize { name: "width".into(), expected: 4, given: 1 };
    assert_eq!(make("k", &FunctionConstants::new().set(7, &[1])), wrong);
    for given in
        [none.clone().set(7, &5i32.to_le_bytes()), none.clone().set_named("width", &5i32.to_le_bytes())]
    {
        let kernel = Program::new(&constants, "k", &given).expect("all constants have values");
        let memory = Memory::new_zeroed(4);
        kernel.run(&threads(1).buffer(0, &memory), &RunOptions::default()).expect("in bounds");
        assert_eq!(memory.to_vec::<i32>(), [5]);
    }
    let large = module(
        "struct Big { int a[100000]; };\nkernel void k(device Big *x [[buffer(0)]]) { x[1] = x[0]; }\n",
    );
    let error = Program::new(&large, "k", &none).map(|_| ()).expect_err("too many cells");
    assert!(matches!(error, ProgramError::TooLarge { .. }), "{error}");
    let deep = module(
        "kernel void k(device int *x [[buffer(0)]]) { int a[1000000]; a[x[0]] = 1; x[1] = a[x[2]]; }\n",
    );
    let error = Program::new(&deep, "k", &none).map(|_| ()).expect_err("too much memory");
    assert!(error.to_string().contains("bytes of variables of one thread"), "{error}");
}

#[test]
fn uninitialised_memory_does_not_depend_on_what_ran_before() {
    let text = "kernel void k(device int *out [[buffer(0)]], constant int &fill [[buffer(1)]], \
                uint t [[thread_index_in_threadgroup]], uint i [[thread_position_in_grid]]) {\n\
                threadgroup int shared_words[32];\n int own[4]; int never;\n\
                if (fill != 0) { shared_words[t] = fill; own[t & 3] = fill; never = fill; }\n\
                out[i] = shared_words[31 - t] + own[(t + 1) & 3] + never;\n}\n";
    let kernel = program(text);
    let out = Memory::new_zeroed(256);
    let launch = |fill: i32| threads(64).buffer(0, &out).bytes(1, &fill.to_le_bytes());
    for fill in [0, 7, 0] {
        kernel.run(&launch(fill), &RunOptions { threads: 1, ..RunOptions::default() }).expect("in bounds");
    }
    assert_eq!(out.to_vec::<i32>(), [0; 64]);
}

#[test]
fn counters_count() {
    let text = "kernel void k(device const float *x [[buffer(0)]], device float *out [[buffer(1)]], \
                uint i [[thread_position_in_grid]], uint t [[thread_index_in_threadgroup]]) {\n\
                threadgroup float tile[64];\n tile[t] = x[i];\n threadgroup_barrier(mem_flags::mem_threadgroup);\n\
                float y = tile[63 - t];\n if (i % 2 == 0) { y = simd_sum(y); }\n out[i] = y;\n}\n";
    let kernel = program(text);
    let (x, out) = (Memory::from_slice(&[1f32; 128]), Memory::new_zeroed(512));
    let launch = Launch::new(Grid::Threads([128, 1, 1]), [64, 1, 1]).buffer(0, &x).buffer(1, &out);
    let mut counters = Counters::default();
    let stats = kernel.run_observed(&launch, &RunOptions::default(), &mut counters).expect("in bounds");
    assert_eq!((stats.threadgroups, stats.threads), (2, 128));
    assert_eq!((counters.threadgroups, counters.barriers, counters.lane_ops), (2, 4, 4));
    assert_eq!(counters.loads, SpaceBytes { device: 512, threadgroup: 512, ..SpaceBytes::default() });
    assert_eq!(counters.stores, SpaceBytes { device: 512, threadgroup: 512, ..SpaceBytes::default() });
    assert_eq!((counters.branches, counters.divergent_branches), (4, 4));
    assert!(counters.instructions > 40);
    let mut again = Counters::default();
    kernel
        .run_observed(&launch, &RunOptions { threads: 1, ..RunOptions::default() }, &mut again)
        .expect("in bounds");
    assert_eq!(counters, again);
    assert_eq!(counters.fork(), Counters::default());
}

#[test]
fn kernels_whose_atomics_show_the_order_run_in_order() {
    let check = |body: &str, expect: bool| {
        let text = format!(
            "kernel void k(device atomic_uint *a [[buffer(0)]], device atomic_float *f [[buffer(1)]], \
             device uint *out [[buffer(2)]], uint i [[thread_position_in_grid]]) {{\n\
             threadgroup atomic_uint local_sum;\n{body}\n}}\n"
        );
        assert_eq!(program(&text).runs_in_order(), expect, "{body}");
    };
    let relaxed = "memory_order_relaxed";
    check("out[i] = i;", false);
    check(&format!("atomic_fetch_add_explicit(a, 1u, {relaxed});"), false);
    check(
        &format!("atomic_fetch_add_explicit(a, 1u, {relaxed}); atomic_fetch_sub_explicit(a, 1u, {relaxed});"),
        false,
    );
    check(&format!("out[i] = atomic_fetch_add_explicit(&local_sum, 1u, {relaxed});"), false);
    check(&format!("out[i] = atomic_fetch_add_explicit(a, 1u, {relaxed});"), true);
    check(
        &format!("atomic_fetch_add_explicit(a, 1u, {relaxed}); atomic_fetch_max_explicit(a, 9u, {relaxed});"),
        true,
    );
    check(&format!("atomic_fetch_add_explicit(f, 1.0f, {relaxed});"), true);
    check(&format!("atomic_exchange_explicit(a, 1u, {relaxed});"), true);
    check(&format!("atomic_store_explicit(a, 1u, {relaxed});"), true);
    check(&format!("out[i] = atomic_load_explicit(a, {relaxed});"), true);
}

#[test]
fn the_disassembly_names_each_instruction() {
    let text = program(ADD_ONE).disassemble();
    for part in ["function 0:", "load", "add.i", "store", "exit"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn options_check_more_when_asked() {
    assert_eq!(RunOptions::default().exited_lanes, ExitedLanes::Ignore);
    assert_eq!(RunOptions::checked().exited_lanes, ExitedLanes::Error);
}

/// A kernel made by hand, for what no MSL function gives: `out[thread] = f(long(thread))` over lanes.
fn wide_lane_module(f: LaneFn, scope: LaneScope) -> ir::Module {
    let mut module = ir::Module::default();
    let types = &mut module.types;
    let (uint, long) = (types.intern(Type::Scalar(Scalar::U32)), types.intern(Type::Scalar(Scalar::I64)));
    let (short, void) = (types.intern(Type::Scalar(Scalar::U16)), types.intern(Type::Void));
    let space = ir::AddressSpace::Device;
    let pointer = types.intern(Type::Pointer { space, pointee: long, is_const: false });
    let one_operand = matches!(f, LaneFn::Sum | LaneFn::Max | LaneFn::PrefixInclusiveSum);
    let args = match (one_operand, f) {
        (true, _) => vec![Value(2)],
        (_, LaneFn::ShuffleAndFillDown) => vec![Value(2), Value(2), Value(3)],
        _ => vec![Value(2), Value(3)],
    };
    let ops = [
        (Op::Param(0), pointer),
        (Op::Param(1), uint),
        (Op::Convert(Value(1)), long),
        (Op::Const(2), short),
        (Op::Lane(f, scope, args), long),
        (Op::PtrAdd(Value(0), Value(1)), pointer),
    ];
    let insts = ops.into_iter().map(|(op, ty)| ir::Inst { op, ty, span: Default::default() }).collect();
    let mut body: Vec<Stmt> = (0..6).map(|value| Stmt::Eval(Value(value))).collect();
    body.push(Stmt::Store { ptr: Value(5), value: Value(4), span: Default::default() });
    let params = vec![pointer, uint];
    module.functions.push(ir::Function {
        name: "k".into(),
        params,
        ret: void,
        locals: Vec::new(),
        insts,
        body: ir::Block(body),
        span: Default::default(),
    });
    let attribute = ir::Binding::Attribute(ir::ThreadAttribute::ThreadPositionInGrid);
    let buffer = ir::Binding::Buffer { index: 0, is_reference: false };
    let param = |name: &str, ty, binding| ir::KernelParam {
        name: name.into(),
        ty,
        binding,
        span: Default::default(),
    };
    module.kernels.push(ir::Kernel {
        name: "k".into(),
        function: ir::FuncId(0),
        params: vec![param("out", pointer, buffer), param("i", uint, attribute)],
        max_total_threads_per_threadgroup: None,
        span: Default::default(),
    });
    assert_eq!(ir::verify::verify(&module), Ok(()));
    module
}

#[test]
fn lane_functions_take_wide_values() {
    let check = |f, scope, expect: [i64; 3]| {
        let kernel =
            Program::new(&wide_lane_module(f, scope), "k", &FunctionConstants::new()).expect("small");
        let out = Memory::new_zeroed(256);
        kernel.run(&threads(32).buffer(0, &out), &RunOptions::default()).expect("in bounds");
        let got = out.to_vec::<i64>();
        assert_eq!([got[0], got[5], got[31]], expect, "{f:?} {scope:?}");
    };
    check(LaneFn::Sum, LaneScope::Simdgroup, [496; 3]);
    check(LaneFn::Max, LaneScope::Quad, [3, 7, 31]);
    check(LaneFn::PrefixInclusiveSum, LaneScope::Simdgroup, [0, 15, 496]);
    check(LaneFn::Broadcast, LaneScope::Simdgroup, [2; 3]);
    check(LaneFn::ShuffleXor, LaneScope::Simdgroup, [2, 7, 29]);
    check(LaneFn::ShuffleDown, LaneScope::Quad, [2, 7, 31]);
    check(LaneFn::ShuffleAndFillDown, LaneScope::Simdgroup, [2, 7, 1]);
}

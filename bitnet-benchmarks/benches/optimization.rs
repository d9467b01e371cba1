//! What the levels of optimisation are worth: instructions executed and time on one core, for three kernels of the
//! shaders; and what the compilation of each shader file takes at each level.
//!
//! The levels must come to the same bits before anything is timed.

use std::time::Duration;

use bitnet_benchmarks::{best_time, report};
use bitnet_core::metal::kernels::params::{BitLinearParams, LayerNormParams, SoftmaxParams};
use bitnet_core::metal::kernels::{SHADERS, built_in_includes};
use bitnet_msl::{CompileOptions, OptimizationLevel, compile};
use bitnet_simt::{Counters, FunctionConstants, Grid, Launch, Memory, Program, RunOptions};
use criterion::{Criterion, criterion_group, criterion_main};

/// What a shader file may take to compile.
const COMPILE_BUDGET: Duration = Duration::from_millis(20);

/// Runs of each program of which the fastest counts.
const ROUNDS: usize = 20;

/// Threads of the launches: of one simdgroup each, so that one core has work enough.
const GRID: Grid = Grid::Threads([1024, 1, 1]);
const GROUP: [u32; 3] = [256, 1, 1];

/// A kernel with the buffers it works on.
struct Work {
    shader: &'static str,
    kernel: &'static str,
    launch: Launch,
    outputs: Vec<Memory>,
}

fn numbers(count: usize) -> Memory {
    let values: Vec<f32> = (0..count).map(|i| ((i * 37 % 101) as f32 - 50.0) / 16.0).collect();
    Memory::from_bytes(bytemuck::cast_slice(&values))
}

fn floats(count: usize) -> Memory {
    Memory::new_zeroed(count * 4)
}

fn bitlinear_forward() -> Work {
    const K: usize = 4096;
    const N: usize = 4096;
    let words: Vec<u32> = (0..N * K / 32).map(|i| (i as u32).wrapping_mul(2_654_435_761)).collect();
    let params = BitLinearParams {
        input_size: K as u32,
        output_size: N as u32,
        batch_size: 1,
        group_size: 0,
        has_bias: 0,
        has_scales: 0,
    };
    let output = floats(N);
    let launch = Launch::new(GRID, GROUP)
        .buffer(0, &numbers(K))
        .buffer(1, &Memory::from_bytes(bytemuck::cast_slice(&words)))
        .buffer(3, &output)
        .bytes(4, bytemuck::bytes_of(&params));
    Work { shader: "bitlinear", kernel: "bitlinear_forward", launch, outputs: vec![output] }
}

const ROWS: usize = 256;
const SIZE: usize = 1024;

fn softmax_forward() -> Work {
    let params = SoftmaxParams { size: SIZE as u32, rows: ROWS as u32 };
    let output = floats(ROWS * SIZE);
    let launch = Launch::new(GRID, GROUP)
        .buffer(0, &numbers(ROWS * SIZE))
        .buffer(1, &output)
        .bytes(2, bytemuck::bytes_of(&params));
    Work { shader: "activation", kernel: "softmax_forward", launch, outputs: vec![output] }
}

fn layer_norm_forward() -> Work {
    let params = LayerNormParams { size: SIZE as u32, rows: ROWS as u32, epsilon: 1e-5 };
    let outputs = vec![floats(ROWS * SIZE), floats(ROWS), floats(ROWS)];
    let launch = Launch::new(GRID, GROUP)
        .buffer(0, &numbers(ROWS * SIZE))
        .buffer(1, &numbers(SIZE))
        .buffer(2, &numbers(SIZE))
        .buffer(3, &outputs[0])
        .bytes(4, bytemuck::bytes_of(&params))
        .buffer(5, &outputs[1])
        .buffer(6, &outputs[2]);
    Work { shader: "activation", kernel: "layer_norm_forward", launch, outputs }
}

fn options(level: OptimizationLevel) -> CompileOptions {
    CompileOptions { optimization_level: level, includes: built_in_includes(), ..CompileOptions::default() }
}

fn program(work: &Work, level: OptimizationLevel) -> Program {
    let (_, text) = SHADERS.iter().find(|(name, _)| *name == work.shader).expect("the shader is built in");
    let module = compile(work.shader, text, &options(level)).module.expect("the shaders compile");
    Program::new(&module, work.kernel, &FunctionConstants::new()).expect("the kernel is there")
}

/// Times the programs in turn, so that all meet the same machine; the least time of each.
fn best_times(programs: &[Program], launch: &Launch, options: &RunOptions) -> Vec<Duration> {
    let mut best = vec![Duration::MAX; programs.len()];
    for _ in 0..ROUNDS {
        for (program, best) in programs.iter().zip(&mut best) {
            let time = best_time(1, || drop(program.run(launch, options).expect("the kernel runs")));
            *best = time.min(*best);
        }
    }
    best
}

fn levels(c: &mut Criterion) {
    let one_core = RunOptions { threads: 1, ..RunOptions::default() };
    for work in [bitlinear_forward(), softmax_forward(), layer_norm_forward()] {
        let programs = OptimizationLevel::ALL.map(|level| program(&work, level));
        let runs: Vec<(u64, Vec<Vec<u8>>)> = programs
            .iter()
            .map(|program| {
                let mut counters = Counters::default();
                program.run_observed(&work.launch, &one_core, &mut counters).expect("the kernel runs");
                (counters.instructions, work.outputs.iter().map(|output| output.to_vec()).collect())
            })
            .collect();
        let times = best_times(&programs, &work.launch, &one_core);
        for (i, level) in OptimizationLevel::ALL.into_iter().enumerate() {
            let what = format!("{} at {}", work.kernel, level.name());
            let (instructions, bytes) = &runs[i];
            assert!(*bytes == runs[0].1, "{what} comes to other bits");
            let ratio = *instructions as f64 / runs[0].0 as f64;
            println!("{what}: {instructions} instructions, {ratio:.3} of those at none");
            report(&what, times[i], "at none", times[0]);
            c.bench_function(&what, |b| {
                b.iter(|| drop(programs[i].run(&work.launch, &one_core).expect("the kernel runs")));
            });
        }
    }
}

fn compile_time(c: &mut Criterion) {
    for (name, text) in SHADERS {
        for level in OptimizationLevel::ALL {
            let options = options(level);
            let time = best_time(20, || drop(compile(name, text, &options)));
            let what = format!("compile {name}.metal at {}", level.name());
            report(&what, time, "budget", COMPILE_BUDGET);
            c.bench_function(&what, |b| b.iter(|| compile(name, text, &options)));
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = levels, compile_time
}
criterion_main!(benches);

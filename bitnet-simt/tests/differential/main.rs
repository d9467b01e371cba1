//! Random programs: each does what its threads alone would do, and the same at every level of optimisation.
//!
//! Each seed makes a kernel with helpers, variables, nested branches, loops with `break` and `continue`, switches, early
//! returns, vectors, arrays, memory through two pointers, and expressions that come again. Programs whose threads keep
//! apart run as MSL on the executor, and thread by thread with a plain evaluator. Programs whose lanes share memory, use
//! functions over lanes and go out of bounds are compared with themselves, unoptimised: memory, and traps with thread,
//! place and message.

mod evaluate;
mod program;
mod text;

use bitnet_msl::diag::RenderStyle;
use bitnet_msl::{CompileOptions, OptimizationLevel, compile};
use bitnet_simt::{FunctionConstants, Grid, Launch, Memory, Program, RunOptions, RunStats, Trap};
use evaluate::{World, call};
use program::{Function, Lanes, Stmt, functions};
use text::msl;

/// Threads of the launch: one full simdgroup, and one that is not.
const THREADS: u32 = 45;

/// The constant parameters.
const CONSTANTS: [i32; 2] = [5, -9];

/// Elements of memory for each thread, or for all of them.
fn memory_len(lanes: Lanes) -> usize {
    match lanes {
        Lanes::Apart => THREADS as usize * 8,
        Lanes::Together => 30,
    }
}

/// What `out` and the memory hold after a run, and how it ended.
type Outcome = (Vec<i32>, Vec<i32>, Result<RunStats, Trap>);

fn run(text: &str, lanes: Lanes, level: OptimizationLevel) -> Result<(Outcome, Program), String> {
    let options = CompileOptions { optimization_level: level, ..CompileOptions::default() };
    let compilation = compile("random.metal", text, &options);
    let Some(module) = &compilation.module else {
        return Err(format!("does not compile: {}", compilation.render(RenderStyle::Plain)));
    };
    let program = Program::new(module, "k", &FunctionConstants::new()).map_err(|error| error.to_string())?;
    let (out, memory) = (Memory::new_zeroed(THREADS as usize * 4), Memory::new_zeroed(memory_len(lanes) * 4));
    let launch = Launch::new(Grid::Threads([THREADS, 1, 1]), [THREADS, 1, 1])
        .buffer(0, &out)
        .buffer(1, &memory)
        .buffer(2, &memory)
        .bytes(3, &CONSTANTS.map(i32::to_le_bytes).concat());
    let options = RunOptions { threads: 1, max_instructions: Some(1 << 30), ..RunOptions::default() };
    let result = program.run(&launch, &options).map_err(|trap| *trap);
    Ok(((out.to_vec(), memory.to_vec(), result), program))
}

/// What the evaluator makes of a program.
fn evaluated(functions: &[Function]) -> (Vec<i32>, Vec<i32>) {
    let (mut out, mut memory) = (Vec::new(), Vec::new());
    for tid in 0..THREADS as i32 {
        let mut world = World { functions, tid, constants: CONSTANTS, memory: [0; 8] };
        out.push(call(&mut world, 2, tid.wrapping_sub(3), 11));
        memory.extend(world.memory);
    }
    (out, memory)
}

/// The difference between the executor at some level and the evaluator or the unoptimised program, if there is one.
fn difference(functions: &[Function], lanes: Lanes) -> Option<String> {
    let text = msl(functions, lanes);
    let mut expected = (lanes == Lanes::Apart).then(|| evaluated(functions)).map(|(out, memory)| {
        let threads = u64::from(THREADS);
        (out, memory, Ok(RunStats { threadgroups: 1, threads, warnings: Vec::new() }))
    });
    OptimizationLevel::ALL.into_iter().find_map(|level| {
        let (outcome, program) = match run(&text, lanes, level) {
            Ok(run) => run,
            Err(error) => return Some(error),
        };
        let expect = expected.get_or_insert_with(|| outcome.clone());
        let (level, code) = (level.name(), program.disassemble());
        (outcome != *expect).then(|| format!("got {outcome:?}\nnot {expect:?}\nat {level}\n{code}"))
    })
}

/// Removes the statement with this number, counted through all blocks; false if there are not so many.
fn remove_stmt(block: &mut Vec<Stmt>, number: &mut usize) -> bool {
    for i in 0..block.len() {
        if *number == 0 {
            // What was inside stays, so that a branch that does not matter goes by itself.
            let inside = match &block[i] {
                Stmt::If(_, then, _) if !matches!(then[..], [Stmt::Break | Stmt::Continue]) => then.clone(),
                _ => Vec::new(),
            };
            block.splice(i..=i, inside);
            return true;
        }
        *number -= 1;
        let removed = match &mut block[i] {
            Stmt::If(_, then, other) => remove_stmt(then, number) || remove_stmt(other, number),
            Stmt::For(_, _, body) | Stmt::DoWhile(_, _, body) => remove_stmt(body, number),
            Stmt::Switch(_, sections) => sections.iter_mut().any(|(body, _)| remove_stmt(body, number)),
            _ => false,
        };
        if removed {
            return true;
        }
    }
    false
}

/// Smaller functions that still make a difference.
fn shrink(mut functions: Vec<Function>, lanes: Lanes) -> Vec<Function> {
    let mut progress = true;
    while progress {
        progress = false;
        for index in 0..functions.len() {
            let mut at = 0;
            loop {
                let mut smaller = functions.clone();
                if !remove_stmt(&mut smaller[index].body, &mut at.clone()) {
                    break;
                }
                if difference(&smaller, lanes).is_some_and(|text| text.starts_with("got")) {
                    (functions, progress) = (smaller, true);
                } else {
                    at += 1;
                }
            }
        }
    }
    functions
}

fn check(seed: u64, lanes: Lanes) {
    let made = functions(seed, lanes);
    if difference(&made, lanes).is_some() {
        let small = shrink(made, lanes);
        let report = difference(&small, lanes).unwrap_or_default();
        panic!("seed {seed}:\n{}\n{report}", msl(&small, lanes));
    }
}

#[test]
fn random_programs_do_what_each_thread_alone_would_do() {
    for seed in 0..600 {
        check(seed, Lanes::Apart);
    }
}

#[test]
fn random_programs_of_lanes_together_do_the_same_at_every_level() {
    let mut traps = 0;
    for seed in 0..600 {
        check(seed, Lanes::Together);
        let text = msl(&functions(seed, Lanes::Together), Lanes::Together);
        let outcome = run(&text, Lanes::Together, OptimizationLevel::None);
        traps += usize::from(outcome.is_ok_and(|((_, _, result), _)| result.is_err()));
    }
    // Programs that all trap, or none, would compare next to nothing.
    assert!((30..570).contains(&traps), "{traps} of 600 programs trap");
}

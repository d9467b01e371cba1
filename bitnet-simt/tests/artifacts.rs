//! Mutated artifacts whose checksum holds: what the verifier lets pass, the executor must be able to run.
//!
//! `BITNET_FUZZ_CASES` sets how many mutants there are; the seed is fixed, so that a failure can be repeated.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use bitnet_msl::artifact::{decode, encode, payload, seal};
use bitnet_msl::ir::{Binding, Block, Module, Stmt, print};
use bitnet_msl::source::Span;
use bitnet_msl::{CompileOptions, compile};
use bitnet_simt::{FunctionConstants, Grid, Launch, Memory, Program, RunOptions};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

fn shaders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/fixtures/run", "../bitnet-msl/tests/fixtures/ok"];
    let entries =
        folders.iter().flat_map(|folder| fs::read_dir(root.join(folder)).expect("the folder exists"));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "metal"));
    files.sort();
    files
}

/// The payloads of all fixtures, without source texts: a change in those changes nothing.
fn corpus() -> Vec<Vec<u8>> {
    let payload_of = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("fixtures are text");
        let compiled = compile("fuzz.metal", &text, &CompileOptions::default()).module;
        let mut module = compiled.unwrap_or_else(|| panic!("{} does not compile", path.display()));
        module.strip_spans();
        let artifact = encode(&module, "").expect("fixtures are small");
        payload(&artifact).expect("just made").to_vec()
    };
    shaders().into_iter().map(payload_of).collect()
}

/// One to three changes of single bytes: most numbers of a module are one byte long.
fn mutate(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = bytes[at].wrapping_add(1),
            2 => bytes[at] = bytes[at].wrapping_sub(1),
            3 => bytes[at] = bytes[random.below(bytes.len())],
            _ => bytes[at] = random.below(16) as u8,
        }
    }
    bytes
}

/// Makes every kernel into a program and runs it over 40 threads with small buffers. How many ran.
fn run_all(module: &Module) -> usize {
    let program = |kernel: &str| Program::new(module, kernel, &FunctionConstants::new()).ok();
    let programs: Vec<Program> = module.kernels.iter().filter_map(|kernel| program(&kernel.name)).collect();
    for program in &programs {
        let mut launch = Launch::new(Grid::Threads([40, 1, 1]), [36, 1, 1]);
        for param in program.params() {
            launch = match param.binding {
                Binding::Buffer { index, .. } => {
                    launch.buffer(index as usize, &Memory::from_bytes(&[1; 512]))
                }
                Binding::Threadgroup { index } => launch.threadgroup_memory(index, 512),
                Binding::Attribute(_) => launch,
            };
        }
        let options = RunOptions { threads: 1, max_instructions: Some(20_000), ..RunOptions::checked() };
        // A trap is as good an end as a result.
        let _ = program.run(&launch, &options);
    }
    programs.len()
}

#[test]
fn mutants_that_the_verifier_accepts_can_be_run() {
    let cases = std::env::var("BITNET_FUZZ_CASES")
        .map_or(1500, |n| n.parse().expect("BITNET_FUZZ_CASES is a number"));
    let corpus = corpus();
    assert!(corpus.len() >= 40, "only {} shaders to mutate", corpus.len());
    let mut random = Random(3);
    let (mut accepted, mut refused, mut ran) = (0, 0, 0);
    let mut failures = Vec::new();
    for case in 0..cases {
        let Ok(artifact) = decode(&seal(&mutate(&corpus, &mut random))) else {
            refused += 1;
            continue;
        };
        accepted += 1;
        match catch_unwind(AssertUnwindSafe(|| run_all(&artifact.module))) {
            Ok(count) => ran += count,
            Err(_) => failures.push(format!("case {case}:\n{}", print::print(&artifact.module))),
        }
    }
    println!("{accepted} mutants were accepted and {ran} kernels of theirs run, {refused} were refused");
    assert!(failures.is_empty(), "the executor panicked {} times, first in {}", failures.len(), failures[0]);
    assert!(accepted > 0 && refused > 0 && ran > 0, "{accepted}, {refused}, {ran}");
}

#[test]
fn the_deepest_blocks_that_an_artifact_may_have_can_be_run() {
    let text = "kernel void k(device int *x [[buffer(0)]]) { x[0] = 7; }\n";
    let mut module = compile("deep.metal", text, &CompileOptions::default()).module.expect("it is right");
    let wrapped = |module: &mut Module| {
        let body = &mut module.functions[0].body;
        let mut inner = std::mem::take(body);
        // Behind the kernel's return it is never reached, which is allowed.
        inner.0.push(Stmt::Break);
        *body = Block(vec![Stmt::Loop { body: inner, continuing: Block::default(), span: Span::default() }]);
    };
    let mut deepest = encode(&module, "").expect("it is small");
    for _ in 0..2000 {
        wrapped(&mut module);
        let Ok(deeper) = encode(&module, "") else { break };
        deepest = deeper;
    }
    assert!(encode(&module, "").is_err(), "there is a bound");
    let module = decode(&deepest).expect("just written").module;
    let program = Program::new(&module, "k", &FunctionConstants::new()).expect("small enough");
    let memory = Memory::new_zeroed(4);
    let launch = Launch::new(Grid::Threads([1, 1, 1]), [1, 1, 1]).buffer(0, &memory);
    program.run(&launch, &RunOptions::default()).unwrap_or_else(|trap| panic!("{trap}"));
    assert_eq!(memory.to_vec::<i32>(), [7]);
}

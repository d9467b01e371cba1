//! The kernels, on each device there is: the table against the shaders, every kernel against its reference, backward
//! kernels against central differences and PyTorch, grids, threads, and what a launch refuses.

mod all_floats;
mod eight_bit;
mod gradients;
mod grids;
mod launch;
mod philox;
mod pytorch;
mod random_shapes;
mod references;
#[path = "../support/mod.rs"]
mod support;
mod table;

use bitnet_core::metal::BitNetShaders;
use bitnet_core::metal::kernels::case::Data;
use bitnet_core::metal::kernels::{Case, KernelRow, compare, run_case};
use support::name;

/// What a kernel writes for a case.
fn run(shaders: &BitNetShaders, row: &KernelRow, case: &Case) -> Vec<(u32, Data)> {
    run_case(shaders, row, case).unwrap_or_else(|error| panic!("{}: {error}", name(row, case)))
}

/// The complaint about a case whose outputs are not what the reference says.
fn complaint(row: &KernelRow, case: &Case, outputs: &[(u32, Data)]) -> Option<String> {
    let verdict = compare(row, case, outputs);
    let wrong = verdict.outputs.iter().filter(|output| output.worst_error > 1.0);
    let wrong: Vec<String> = wrong.map(|output| format!("{output:?}")).collect();
    (!wrong.is_empty()).then(|| format!("{}: {}", name(row, case), wrong.join(", ")))
}

/// Equal bit by bit, NaN included.
fn same_bits(a: &[(u32, Data)], b: &[(u32, Data)]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && a.1.bytes() == b.1.bytes())
}

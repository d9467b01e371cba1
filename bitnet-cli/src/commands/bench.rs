//! `bitnet bench`: how long kernels take at a size, beside what the memory of the machine allows.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use bitnet_core::metal::kernels::{Launch, Size, case_of_size, compare, measure};
use bitnet_core::metal::{BitNetShaders, MetalError};
use serde::Serialize;

use crate::cli::BenchArgs;
use crate::commands::kernels::{self, Version};
use crate::device::{self, DeviceReport, System};
use crate::output;

/// Time for one kernel, alone and among all.
const BUDGETS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(150));

/// The figures of one version of a kernel.
#[derive(Serialize)]
struct Figures {
    kernel: String,
    precision: String,
    size: String,
    median_seconds: f64,
    fastest_seconds: f64,
    runs: usize,
    bytes: u64,
    bytes_per_second: f64,
    /// Time over the time in which memory moves as many bytes.
    times_the_limit: f64,
}

/// What `--json` prints.
#[derive(Serialize)]
struct JsonReport {
    version: &'static str,
    device: DeviceReport,
    system: System,
    memory_bytes_per_second: f64,
    kernels: Vec<Figures>,
}

pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let names: Vec<String> = args.kernel.iter().cloned().collect();
    let versions = kernels::versions(&names, args.precision.map(Into::into))?;
    let device = device::open(args.device)?;
    let config = kernels::shader_config(args.shader_dir.as_ref());
    let shaders = BitNetShaders::with_config(device.clone(), config)?;
    let budget = if names.is_empty() { BUDGETS.1 } else { BUDGETS.0 };
    let limit = measure::memory_bandwidth(&device)?;
    let mut out = io::stdout().lock();
    if !args.json {
        writeln!(out, "device  {}", device.name())?;
        writeln!(out, "limit   {:.1} GB/s, bytes read and written by a copy in memory", limit / 1e9)?;
        writeln!(out)?;
        print_headings(&mut out)?;
    }
    let mut all = Vec::new();
    for version in versions {
        let figures = measure(&shaders, version, args.size, budget, limit)?;
        if !args.json {
            print_figures(&mut out, &figures)?;
        }
        all.push(figures);
    }
    if args.json {
        drop(out);
        output::print_json(&JsonReport {
            version: env!("CARGO_PKG_VERSION"),
            device: DeviceReport::of(&device),
            system: System::this(),
            memory_bytes_per_second: limit,
            kernels: all,
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks what the kernel gives at this size, then times it.
fn measure(
    shaders: &BitNetShaders,
    (row, precision): Version,
    size: Size,
    budget: Duration,
    limit: f64,
) -> anyhow::Result<Figures> {
    let name = row.kernel_name(precision).into_owned();
    let case = case_of_size(row, size)?.in_precision(row, precision);
    let launch = Launch::new(shaders, row, &case).with_context(|| name.clone())?;
    let outputs = launch.run().and_then(|_| launch.outputs()).with_context(|| name.clone())?;
    let verdict = compare(row, &case, &outputs);
    ensure!(verdict.is_ok(), "{name} is wrong at {size}, so it is not timed: {:?}", verdict.outputs);
    let timing: Result<_, MetalError> = measure::time(&launch, budget);
    let timing = timing.with_context(|| name.clone())?;
    let (seconds, bytes) = (timing.median.as_secs_f64().max(1e-9), measure::bytes_moved(row, &case));
    Ok(Figures {
        kernel: name,
        precision: precision.to_string(),
        size: size.to_string(),
        median_seconds: seconds,
        fastest_seconds: timing.fastest.as_secs_f64(),
        runs: timing.runs,
        bytes,
        bytes_per_second: bytes as f64 / seconds,
        times_the_limit: seconds * limit / bytes.max(1) as f64,
    })
}

fn print_headings(out: &mut impl Write) -> io::Result<()> {
    let [kernel, size, median, runs, moved, rate, limit] =
        ["kernel", "size", "median", "runs", "moved", "GB/s", "× limit"];
    writeln!(out, "{kernel:<32} {size:>14} {median:>10} {runs:>6} {moved:>10} {rate:>8} {limit:>8}")
}

fn print_figures(out: &mut impl Write, figures: &Figures) -> io::Result<()> {
    writeln!(
        out,
        "{:<32} {:>14} {:>10} {:>6} {:>10} {:>8.3} {:>8.1}",
        figures.kernel,
        figures.size,
        output::human_time(figures.median_seconds),
        figures.runs,
        output::human_bytes(figures.bytes),
        figures.bytes_per_second / 1e9,
        figures.times_the_limit
    )
}

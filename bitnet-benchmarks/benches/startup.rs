//! From the start of a process to the first result of a kernel, as a user meets it: with the shader compiled, and with
//! the shader from the cache on disk. The benchmark starts itself anew for each sample.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use std::{env, iter};

use bitnet_benchmarks::results::{Limit, Measurement, Results};
use bitnet_benchmarks::{percentile, report};
use bitnet_core::metal::kernels::{Size, case_of_size, compare, run_case};
use bitnet_core::metal::{BitNetShaderFunction, BitNetShaders, Device, HostOptions, ShaderCompilerConfig};

/// Set in the processes that are timed: the directory of their cache.
const CHILD: &str = "BITNET_BENCH_STARTUP_CACHE";
/// What a start with a warm cache may take.
const LIMIT: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    match env::var_os(CHILD) {
        Some(cache) => first_result(Path::new(&cache)),
        None => time_starts(),
    }
}

/// What a process does that is timed: one launch, its result compared with the reference.
fn first_result(cache: &Path) -> ExitCode {
    let config =
        ShaderCompilerConfig { cache_directory: Some(cache.to_owned()), ..ShaderCompilerConfig::default() };
    let device = Device::host(HostOptions::default());
    let shaders = BitNetShaders::with_config(device, config).expect("the built-in shaders need no directory");
    let row = BitNetShaderFunction::BitLinearForward.row();
    let case = case_of_size(row, Size { rows: 1, columns: 64, outputs: 64 }).expect("the kernel takes it");
    let outputs = run_case(&shaders, row, &case).expect("the kernel runs");
    ExitCode::from(u8::from(!compare(row, &case, &outputs).is_ok()))
}

fn start(cache: &Path) -> Duration {
    let program = env::current_exe().expect("a running program has a path");
    let started = Instant::now();
    let status = Command::new(program).env(CHILD, cache).status().expect("it starts once more");
    let time = started.elapsed();
    assert!(status.success(), "the first result is wrong");
    time
}

fn time_starts() -> ExitCode {
    // `cargo test` runs everything once.
    let samples = if env::args().any(|arg| arg == "--bench") { 41 } else { 1 };
    let about =
        "A whole process from its start to the first result of a kernel; the limit is for a warm cache.";
    let mut results = Results::new("startup", about, "samples", "the host device".to_owned());
    let warm = tempfile::tempdir().expect("there is a temporary directory");
    start(warm.path());
    let cold = || start(tempfile::tempdir().expect("there is a temporary directory").path());
    let cached = || start(warm.path());
    let series: [(&str, &dyn Fn() -> Duration); 2] = [("cold", &cold), ("cached", &cached)];
    for (name, sample) in series {
        let mut times: Vec<Duration> = iter::repeat_with(sample).take(samples).collect();
        let median = percentile(&mut times, 50);
        report(&format!("start to first result, {name}, 50 % within"), median, "limit", LIMIT);
        report(
            &format!("start to first result, {name}, 90 % within"),
            percentile(&mut times, 90),
            "limit",
            LIMIT,
        );
        results.measurements.push(Measurement {
            name: "start to first result".to_owned(),
            series: name.to_owned(),
            size: format!("{samples} samples"),
            extent: samples as f64,
            seconds: median.as_secs_f64(),
            limit: Some(Limit { name: "limit".to_owned(), seconds: LIMIT.as_secs_f64() }),
        });
    }
    results.finish().expect("the report can be written");
    ExitCode::SUCCESS
}

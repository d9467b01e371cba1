//! How long a shader compiler takes until it has each built-in shader: from the text, and from the cache on disk.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bitnet_benchmarks::results::{Limit, Measurement, Results, measure};
use bitnet_benchmarks::{best_time, report};
use bitnet_core::metal::kernels::SHADERS;
use bitnet_core::metal::{Device, HostOptions, ShaderCompiler, ShaderCompilerConfig};
use criterion::{Criterion, criterion_group, criterion_main};

/// What a shader file may take.
const BUDGET: Duration = Duration::from_millis(20);

/// A compiler that has nothing in memory, and nothing on disk either unless it is given a directory.
fn compiler(device: &Device, cache: Option<&Path>) -> ShaderCompiler {
    let config = ShaderCompilerConfig {
        enable_caching: cache.is_some(),
        cache_directory: cache.map(PathBuf::from),
        ..ShaderCompilerConfig::default()
    };
    ShaderCompiler::new(device, config).expect("the built-in shaders need no directory")
}

/// Compiles or loads a shader, by a compiler of its own each time; says whether it came from the disk.
fn compile(device: &Device, cache: Option<&Path>, name: &str) -> bool {
    let compiler = compiler(device, cache);
    let shader = compiler.compile_shader(name).expect("the built-in shaders compile");
    assert!(!shader.library().function_names().expect("it is compiled").is_empty(), "{name} has no kernels");
    compiler.cache_statistics().disk_hits == 1
}

fn shader_compile(c: &mut Criterion) {
    let device = Device::host(HostOptions::default());
    let directory = tempfile::tempdir().expect("there is a temporary directory");
    let about = "Each built-in shader until it is ready, from its text and from the cache; the limit is what a file may take.";
    let mut results = Results::new("shader_compile", about, "lines", "one core".to_owned());
    let mut group = c.benchmark_group("compile");
    for (name, text) in SHADERS {
        let lines = text.lines().count();
        assert!(!compile(&device, Some(directory.path()), name), "{name} was in an empty cache");
        for (series, cache) in [("cold", None), ("cached", Some(directory.path()))] {
            assert_eq!(compile(&device, cache, name), cache.is_some(), "{name}, {series}");
            let time = best_time(20, || {
                compile(&device, cache, name);
            });
            report(&format!("{name}.metal, {lines} lines, {series}"), time, "budget", BUDGET);
            let seconds = measure(&mut group, &format!("{name} {series}"), |iterations| {
                let started = Instant::now();
                for _ in 0..iterations {
                    compile(&device, cache, name);
                }
                started.elapsed()
            });
            results.measurements.extend(seconds.map(|seconds| Measurement {
                name: format!("{name}.metal"),
                series: series.to_owned(),
                size: format!("{lines} lines"),
                extent: lines as f64,
                seconds,
                limit: Some(Limit { name: "budget".to_owned(), seconds: BUDGET.as_secs_f64() }),
            }));
        }
    }
    group.finish();
    results.finish().expect("the report can be written");
}

criterion_group!(benches, shader_compile);
criterion_main!(benches);

//! How long each built-in shader takes from text to verified IR.

use std::time::Duration;

use bitnet_benchmarks::{best_time, report};
use bitnet_core::metal::kernels::SHADERS;
use bitnet_msl::diag::RenderStyle;
use bitnet_msl::{CompileOptions, compile};
use criterion::{Criterion, criterion_group, criterion_main};

/// What a shader file may take.
const BUDGET: Duration = Duration::from_millis(20);

fn shader_compile(c: &mut Criterion) {
    let options = CompileOptions::default();
    for (name, text) in SHADERS {
        let compilation = compile(name, text, &options);
        assert!(compilation.module.is_some(), "{}", compilation.render(RenderStyle::Plain));
        let time = best_time(20, || drop(compile(name, text, &options)));
        report(&format!("{name}.metal, {} lines", text.lines().count()), time, "budget", BUDGET);
        c.bench_function(&format!("compile {name}.metal"), |b| b.iter(|| compile(name, text, &options)));
    }
}

criterion_group!(benches, shader_compile);
criterion_main!(benches);

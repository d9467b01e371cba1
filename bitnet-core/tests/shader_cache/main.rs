//! The shader compiler's configuration and its cache, by what they do: every option, a warm cache, entries that are
//! not what they should be, directories that cannot be written, errors, processes that are killed, processes in crowds.

mod disk;
mod errors;
mod options;
mod processes;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bitnet_core::metal::testing::on_each_device;
use bitnet_core::metal::*;
use tempfile::TempDir;

fn host() -> Device {
    Device::host(HostOptions::default())
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("there is a temporary directory")
}

fn write(directory: &Path, name: &str, text: &str) {
    fs::write(directory.join(name), text).expect("it can be written");
}

/// A directory with one shader, `own`, whose kernel `k` writes the value of an expression.
fn shader(expression: &str) -> TempDir {
    let directory = directory();
    let text = format!("kernel void k(device float *out [[buffer(0)]]) {{\n    out[0] = {expression};\n}}\n");
    write(directory.path(), "own.metal", &text);
    directory
}

/// A configuration with this directory of shaders, and this one for the cache.
fn config(shaders: &Path, cache: &Path) -> ShaderCompilerConfig {
    ShaderCompilerConfig {
        shader_directory: shaders.to_owned(),
        cache_directory: Some(cache.to_owned()),
        ..ShaderCompilerConfig::default()
    }
}

fn compiler(config: ShaderCompilerConfig) -> ShaderCompiler {
    compiler_for(&host(), config)
}

fn compiler_for(device: &Device, config: ShaderCompilerConfig) -> ShaderCompiler {
    ShaderCompiler::new(device, config).expect("the directory can be read")
}

/// What kernel `k` of shader `own` writes.
fn value(compiler: &ShaderCompiler) -> f32 {
    let function = compiler.get_compute_function("own", "k").unwrap_or_else(|error| panic!("{error}"));
    run(&function, 1).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a kernel that takes one buffer of one number over some threads.
fn run(function: &Function, threads: u64) -> Result<f32, MetalError> {
    let device = function.device();
    let pipeline = device.new_compute_pipeline_state_with_function(function)?;
    let buffer = create_buffer(device, &[0.0f32])?;
    let command_buffer = device.new_command_queue().new_command_buffer();
    let encoder = command_buffer.new_compute_command_encoder();
    encoder.set_compute_pipeline_state(&pipeline);
    encoder.set_buffer(0, Some(&buffer), 0);
    dispatch_compute(&encoder, MTLSize::new(threads, 1, 1), MTLSize::new(1, 1, 1));
    encoder.end_encoding();
    command_buffer.commit();
    command_buffer.wait_until_completed()?;
    Ok(read_buffer(&buffer)?[0])
}

/// Memory hits, disk hits, misses.
fn statistics(compiler: &ShaderCompiler) -> (u64, u64, u64) {
    let CacheStatistics { memory_hits, disk_hits, misses } = compiler.cache_statistics();
    (memory_hits, disk_hits, misses)
}

/// What `act` gives, and what it said to the log, a line a message.
fn logged<T>(act: impl FnOnce() -> T) -> (T, Vec<String>) {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no writer panics").extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .finish();
    let result = tracing::subscriber::with_default(subscriber, act);
    let text = String::from_utf8(log.0.lock().expect("no writer panics").clone()).expect("messages are text");
    (result, text.lines().map(str::to_owned).collect())
}

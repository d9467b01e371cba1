//! What a dispatch costs beside the work of its kernel: encoding an empty kernel, and its way from `commit` to the end
//! of `wait_until_completed`, each beside its limit.

use std::time::{Duration, Instant};

use bitnet_benchmarks::results::{Limit, Measurement, Results, measure};
use bitnet_benchmarks::{percentile, report};
use bitnet_core::metal::{
    Buffer, CommandBuffer, CommandQueue, CompileOptions, ComputePipelineState, Device, HostOptions, MTLSize,
    create_buffer, read_buffer,
};
use criterion::{Criterion, criterion_group, criterion_main};

/// `empty` is what is timed; `mark` takes the same way and leaves something to look at.
const SOURCE: &str = "
kernel void empty(device uint *out [[buffer(0)]], uint i [[thread_position_in_grid]]) {}
kernel void mark(device uint *out [[buffer(0)]], uint i [[thread_position_in_grid]]) { out[i] = i + 1; }
";
/// What encoding may take.
const ENCODE_LIMIT: Duration = Duration::from_micros(10);
/// What commit and completion may take together.
const COMPLETE_LIMIT: Duration = Duration::from_micros(50);
/// Dispatches that are timed one by one.
const SAMPLES: usize = 20_000;

/// Threads of a threadgroup.
const THREADS: u32 = 32;
/// Threadgroups of a launch that is larger than one, but not worth the other cores.
const THREADGROUPS: u32 = 8;

struct Bench {
    queue: CommandQueue,
    empty: ComputePipelineState,
    mark: ComputePipelineState,
    out: Buffer,
}

impl Bench {
    fn new() -> Self {
        let device = Device::host(HostOptions::default());
        let library =
            device.new_library_with_source(SOURCE, &CompileOptions::default()).expect("it compiles");
        let pipeline = |name| {
            let function = library.get_function(name, None).expect("the kernel is there");
            device.new_compute_pipeline_state_with_function(&function).expect("it is executable")
        };
        let out = [0u32; (THREADS * THREADGROUPS) as usize];
        Self {
            queue: device.new_command_queue(),
            empty: pipeline("empty"),
            mark: pipeline("mark"),
            out: create_buffer(&device, &out).expect("there is memory"),
        }
    }

    fn encode(&self, pipeline: &ComputePipelineState, threadgroups: u32) -> CommandBuffer {
        let command_buffer = self.queue.new_command_buffer();
        let encoder = command_buffer.new_compute_command_encoder();
        encoder.set_compute_pipeline_state(pipeline);
        encoder.set_buffer(0, Some(&self.out), 0);
        let size = |threads: u32| MTLSize::new(threads.into(), 1, 1);
        encoder.dispatch_threads(size(threadgroups * THREADS), size(THREADS));
        encoder.end_encoding();
        command_buffer
    }

    fn complete(command_buffer: &CommandBuffer) {
        command_buffer.commit();
        command_buffer.wait_until_completed().expect("the kernel runs");
    }

    fn check(&self) {
        Self::complete(&self.encode(&self.mark, THREADGROUPS));
        let expect: Vec<u32> = (1..=THREADS * THREADGROUPS).collect();
        assert_eq!(read_buffer::<u32>(&self.out).expect("it can be read"), expect);
    }

    /// How long encoding took, and what came after it, of each of many dispatches.
    fn time(&self, threadgroups: u32) -> (Vec<Duration>, Vec<Duration>) {
        let timed = |_| {
            let started = Instant::now();
            let command_buffer = self.encode(&self.empty, threadgroups);
            let encoded = Instant::now();
            Self::complete(&command_buffer);
            (encoded - started, encoded.elapsed())
        };
        (0..SAMPLES).map(timed).unzip()
    }
}

fn report_times(what: &str, mut times: Vec<Duration>, limit: Duration) {
    for percent in [50, 90, 99] {
        report(&format!("{what}, {percent} % within"), percentile(&mut times, percent), "limit", limit);
    }
}

fn dispatch(c: &mut Criterion) {
    let bench = Bench::new();
    bench.check();
    let (encodes, completes) = bench.time(1);
    report_times("encode an empty kernel", encodes, ENCODE_LIMIT);
    report_times("from commit to completion", completes, COMPLETE_LIMIT);
    let (_, completes) = bench.time(THREADGROUPS);
    report_times(&format!("the same of {THREADGROUPS} threadgroups"), completes, COMPLETE_LIMIT);

    let about = "What a launch costs beside its work; the limits are what it may cost.";
    let mut results = Results::new("dispatch", about, "threadgroups", "the host device".to_owned());
    let mut group = c.benchmark_group("dispatch");
    for threadgroups in [1, THREADGROUPS] {
        let encode = measure(&mut group, &format!("encode, {threadgroups} threadgroups"), |iterations| {
            let started = Instant::now();
            (0..iterations).for_each(|_| drop(bench.encode(&bench.empty, threadgroups)));
            started.elapsed()
        });
        let complete = measure(&mut group, &format!("complete, {threadgroups} threadgroups"), |iterations| {
            let one = |_| {
                let command_buffer = bench.encode(&bench.empty, threadgroups);
                let started = Instant::now();
                Bench::complete(&command_buffer);
                started.elapsed()
            };
            (0..iterations).map(one).sum()
        });
        for (name, seconds, limit) in
            [("encode", encode, ENCODE_LIMIT), ("commit to completion", complete, COMPLETE_LIMIT)]
        {
            results.measurements.extend(seconds.map(|seconds| Measurement {
                name: name.to_owned(),
                series: "empty kernel".to_owned(),
                size: format!("{threadgroups} threadgroups"),
                extent: threadgroups.into(),
                seconds,
                limit: Some(Limit { name: "limit".to_owned(), seconds: limit.as_secs_f64() }),
            }));
        }
    }
    group.finish();
    results.finish().expect("the report can be written");
}

criterion_group!(benches, dispatch);
criterion_main!(benches);

//! How committed work runs: in order, beside the host, and on after an error.

use std::thread;

use bitnet_core::metal::*;

const SHADER: &str = r#"
#include <metal_stdlib>
using namespace metal;

// x = 10·x + digit: what is left tells the order of the runs.
kernel void append(device uint *x [[buffer(0)]], constant uint &digit [[buffer(1)]]) {
    x[0] = x[0] * 10 + digit;
}

kernel void add_one(device uint *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
    x[i] += 1;
}

// Runs until somebody sets the flag.
kernel void await_flag(device atomic_uint *flag [[buffer(0)]]) {
    while (atomic_load_explicit(flag, memory_order_relaxed) == 0) {
    }
}

kernel void set_flag(device atomic_uint *flag [[buffer(0)]]) {
    atomic_store_explicit(flag, 1, memory_order_relaxed);
}

kernel void write_at(device uint *x [[buffer(0)]], constant uint &index [[buffer(1)]]) {
    x[index] = 7;
}

kernel void use_if(device uint *x [[buffer(0)]],
                   device uint *optional [[buffer(1)]],
                   constant uint &use [[buffer(2)]]) {
    if (use != 0) {
        x[0] = optional[0];
    }
}
"#;

const LEAVES_EARLY: &str = r#"
#include <metal_stdlib>
using namespace metal;

kernel void leaves_early(device uint *x [[buffer(0)]], uint i [[thread_index_in_threadgroup]]) {
    if (i == 1) {
        return;
    }
    threadgroup_barrier(mem_flags::mem_device);
    x[i] = 1;
}
"#;

const ONE: MTLSize = MTLSize::new(1, 1, 1);

struct Bench {
    device: Device,
    queue: CommandQueue,
    library: Library,
}

impl Bench {
    /// With a budget of instructions, so that a test that would wait for ever fails.
    fn new() -> Self {
        let options = HostOptions { max_instructions: Some(4_000_000_000), ..HostOptions::default() };
        let device = Device::host(options);
        let library = device.new_library_with_source(SHADER, &CompileOptions::default());
        let library = library.unwrap_or_else(|error| panic!("{error}"));
        Self { queue: device.new_command_queue(), library, device }
    }

    fn pipeline(&self, name: &str) -> ComputePipelineState {
        let function = self.library.get_function(name, None).expect("it is there");
        self.device.new_compute_pipeline_state_with_function(&function).expect("it suits the device")
    }

    fn buffer(&self, values: &[u32]) -> Buffer {
        create_buffer(&self.device, values).expect("not empty")
    }

    /// Commits one run of a kernel on this queue; `digit` is bound to index 1, if given.
    fn commit(
        &self,
        queue: &CommandQueue,
        kernel: &str,
        buffer: &Buffer,
        digit: Option<u32>,
    ) -> CommandBuffer {
        let command_buffer = queue.new_command_buffer();
        let encoder = command_buffer.new_compute_command_encoder();
        encoder.set_compute_pipeline_state(&self.pipeline(kernel));
        encoder.set_buffer(0, Some(buffer), 0);
        if let Some(digit) = digit {
            set_compute_bytes(&encoder, &digit, 1);
        }
        dispatch_compute(&encoder, ONE, ONE);
        encoder.end_encoding();
        command_buffer.commit();
        command_buffer
    }
}

fn values(buffer: &Buffer) -> Vec<u32> {
    read_buffer(buffer).expect("whole elements")
}

#[track_caller]
fn completes(command_buffer: &CommandBuffer) {
    let result = command_buffer.wait_until_completed();
    assert_eq!(result.map_err(|error| error.to_string()), Ok(()));
    assert_eq!(command_buffer.status(), MTLCommandBufferStatus::Completed);
}

#[test]
fn command_buffers_of_a_queue_run_in_the_order_of_their_commits() {
    let bench = Bench::new();
    let x = bench.buffer(&[0]);
    let all: Vec<_> = (1..=9).map(|digit| bench.commit(&bench.queue, "append", &x, Some(digit))).collect();
    all.iter().rev().for_each(completes);
    assert_eq!(values(&x), [123_456_789]);
}

#[test]
fn order_is_that_of_commits_not_of_creation() {
    let bench = Bench::new();
    let x = bench.buffer(&[0]);
    let record = |digit: u32| {
        let command_buffer = bench.queue.new_command_buffer();
        let encoder = command_buffer.new_compute_command_encoder();
        encoder.set_compute_pipeline_state(&bench.pipeline("append"));
        encoder.set_buffer(0, Some(&x), 0);
        set_compute_bytes(&encoder, &digit, 1);
        dispatch_compute(&encoder, ONE, ONE);
        encoder.end_encoding();
        command_buffer
    };
    let (first, second) = (record(1), record(2));
    second.commit();
    first.commit();
    completes(&first);
    assert_eq!(values(&x), [21]);
}

#[test]
fn dispatches_and_encoders_of_a_command_buffer_run_in_order() {
    let bench = Bench::new();
    let x = bench.buffer(&[0]);
    let command_buffer = bench.queue.new_command_buffer();
    for digits in [[1u32, 2], [3, 4]] {
        let encoder = command_buffer.new_compute_command_encoder();
        encoder.set_compute_pipeline_state(&bench.pipeline("append"));
        encoder.set_buffer(0, Some(&x), 0);
        for digit in digits {
            set_compute_bytes(&encoder, &digit, 1);
            dispatch_compute(&encoder, ONE, ONE);
        }
        encoder.end_encoding();
    }
    command_buffer.commit();
    completes(&command_buffer);
    assert_eq!(values(&x), [1234]);
}

#[test]
fn commit_does_not_wait_for_the_run() {
    let bench = Bench::new();
    let (flag, x) = (bench.buffer(&[0]), bench.buffer(&[0]));
    let waiting = bench.commit(&bench.queue, "await_flag", &flag, None);
    let behind = bench.commit(&bench.queue, "append", &x, Some(5));
    assert!(waiting.status() < MTLCommandBufferStatus::Completed);
    assert_eq!(behind.status(), MTLCommandBufferStatus::Committed);
    assert_eq!((waiting.gpu_duration(), waiting.gpu_end_time()), (None, 0.0));
    write_buffer(&flag, 0, &[1u32]).expect("in range");
    completes(&waiting);
    completes(&behind);
    assert_eq!(values(&x), [5]);
}

#[test]
fn queues_run_beside_each_other() {
    let bench = Bench::new();
    let flag = bench.buffer(&[0]);
    let waiting = bench.commit(&bench.queue, "await_flag", &flag, None);
    let other = bench.device.new_command_queue();
    completes(&bench.commit(&other, "set_flag", &flag, None));
    completes(&waiting);
}

#[test]
fn run_times_are_in_order() {
    let bench = Bench::new();
    let x = bench.buffer(&[0]);
    let (first, second) = (
        bench.commit(&bench.queue, "append", &x, Some(1)),
        bench.commit(&bench.queue, "append", &x, Some(2)),
    );
    completes(&second);
    let times =
        [first.gpu_start_time(), first.gpu_end_time(), second.gpu_start_time(), second.gpu_end_time()];
    assert!(times.is_sorted(), "{times:?}");
    assert!(times[3] > 0.0, "{times:?}");
    let duration = second.gpu_duration().expect("it has run").as_secs_f64();
    assert!((duration - (times[3] - times[2])).abs() < 1e-6, "{duration} of {times:?}");
}

#[test]
fn threads_share_a_queue() {
    let bench = Bench::new();
    let x = bench.buffer(&[0; 8]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    let command_buffer = bench.queue.new_command_buffer();
                    let encoder = command_buffer.new_compute_command_encoder();
                    encoder.set_compute_pipeline_state(&bench.pipeline("add_one"));
                    encoder.set_buffer(0, Some(&x), 0);
                    dispatch_compute(&encoder, MTLSize::new(8, 1, 1), MTLSize::new(8, 1, 1));
                    encoder.end_encoding();
                    command_buffer.commit();
                    completes(&command_buffer);
                }
            });
        }
    });
    assert_eq!(values(&x), [100; 8]);
}

#[test]
fn a_trap_fails_its_command_buffer_and_the_queue_goes_on() {
    let bench = Bench::new();
    let x = bench.buffer(&[0; 4]);
    let trapped = bench.commit(&bench.queue, "write_at", &x, Some(4));
    let next = bench.commit(&bench.queue, "write_at", &x, Some(3));
    completes(&next);

    let error = trapped.wait_until_completed().expect_err("a write past the end");
    let trap = error.trap().expect("a trap");
    assert_eq!((trap.kind, trap.kernel.as_str()), (TrapKind::OutOfBounds, "write_at"));
    assert_eq!(SHADER.lines().nth(trap.location.line as usize - 1), Some("    x[index] = 7;"));
    assert_eq!(trapped.status(), MTLCommandBufferStatus::Error);
    assert_eq!(trapped.error().map(|error| error.to_string()), Some(error.to_string()));
    assert_eq!(values(&x), [0, 0, 0, 7]);
}

#[test]
fn a_trap_stops_what_is_left_of_its_command_buffer() {
    let bench = Bench::new();
    let x = bench.buffer(&[0; 4]);
    let command_buffer = bench.queue.new_command_buffer();
    let encoder = command_buffer.new_compute_command_encoder();
    encoder.set_compute_pipeline_state(&bench.pipeline("write_at"));
    encoder.set_buffer(0, Some(&x), 0);
    for index in [1u32, 9, 2] {
        set_compute_bytes(&encoder, &index, 1);
        dispatch_compute(&encoder, ONE, ONE);
    }
    encoder.end_encoding();
    command_buffer.commit();
    assert!(command_buffer.wait_until_completed().is_err());
    assert_eq!(values(&x), [0, 7, 0, 0]);
}

#[test]
fn endless_shaders_end_at_their_budget() {
    let device = Device::host(HostOptions { max_instructions: Some(10_000), ..HostOptions::default() });
    let library = device.new_library_with_source(SHADER, &CompileOptions::default()).expect("it compiles");
    let bench = Bench { queue: device.new_command_queue(), library, device };
    let endless = bench.commit(&bench.queue, "await_flag", &bench.buffer(&[0]), None);
    let error = endless.wait_until_completed().expect_err("the flag is never set");
    assert_eq!(error.trap().map(|trap| trap.kind), Some(TrapKind::InstructionBudget));
}

#[test]
fn a_buffer_set_to_none_traps_only_when_it_is_accessed() {
    let bench = Bench::new();
    let run = |use_it: u32| {
        let x = bench.buffer(&[3]);
        let command_buffer = bench.queue.new_command_buffer();
        let encoder = command_buffer.new_compute_command_encoder();
        encoder.set_compute_pipeline_state(&bench.pipeline("use_if"));
        encoder.set_buffer(0, Some(&x), 0);
        encoder.set_buffer(1, None, 0);
        set_compute_bytes(&encoder, &use_it, 2);
        dispatch_compute(&encoder, ONE, ONE);
        encoder.end_encoding();
        command_buffer.commit();
        command_buffer.wait_until_completed()
    };
    assert_eq!(run(0).map_err(|error| error.to_string()), Ok(()));
    let error = run(1).expect_err("nothing is bound");
    assert_eq!(error.trap().map(|trap| trap.kind), Some(TrapKind::UnboundBuffer));
}

#[test]
fn work_goes_on_when_its_objects_are_dropped() {
    let bench = Bench::new();
    let x = bench.buffer(&[0]);
    let other = bench.device.new_command_queue();
    let last = bench.commit(&other, "append", &x, Some(4));
    drop(other);
    completes(&last);
    assert_eq!(values(&x), [4]);
}

#[test]
fn an_empty_command_buffer_completes() {
    let bench = Bench::new();
    let command_buffer = bench.queue.new_command_buffer();
    assert_eq!(command_buffer.status(), MTLCommandBufferStatus::NotEnqueued);
    command_buffer.commit();
    completes(&command_buffer);
}

#[test]
fn bindings_are_as_they_were_at_the_dispatch() {
    let bench = Bench::new();
    let (x, y) = (bench.buffer(&[0; 4]), bench.buffer(&[0; 4]));
    let command_buffer = bench.queue.new_command_buffer();
    let encoder = command_buffer.new_compute_command_encoder();
    encoder.set_compute_pipeline_state(&bench.pipeline("write_at"));
    encoder.set_buffer(0, Some(&x), 4);
    set_compute_bytes(&encoder, &1u32, 1);
    dispatch_compute(&encoder, ONE, ONE);
    encoder.set_buffer(0, Some(&y), 0);
    set_compute_bytes(&encoder, &3u32, 1);
    dispatch_compute(&encoder, ONE, ONE);
    set_compute_bytes(&encoder, &0u32, 1);
    encoder.end_encoding();
    command_buffer.commit();
    completes(&command_buffer);
    assert_eq!((values(&x), values(&y)), (vec![0, 0, 7, 0], vec![0, 0, 0, 7]));
}

#[test]
fn checks_find_threads_that_leave_before_a_barrier() {
    let run = |checks: bool| {
        let device = Device::host(HostOptions { checks, ..HostOptions::default() });
        let library = device.new_library_with_source(LEAVES_EARLY, &CompileOptions::default())?;
        let function = library.get_function("leaves_early", None)?;
        let command_buffer = device.new_command_queue().new_command_buffer();
        let encoder = command_buffer.new_compute_command_encoder();
        encoder.set_compute_pipeline_state(&device.new_compute_pipeline_state_with_function(&function)?);
        encoder.set_buffer(0, Some(&create_buffer(&device, &[0u32; 4])?), 0);
        dispatch_compute(&encoder, MTLSize::new(4, 1, 1), MTLSize::new(4, 1, 1));
        encoder.end_encoding();
        command_buffer.commit();
        command_buffer.wait_until_completed()
    };
    assert_eq!(run(false).map_err(|error| error.to_string()), Ok(()));
    let error = run(true).expect_err("thread 1 does not reach the barrier");
    assert_eq!(error.trap().map(|trap| trap.kind), Some(TrapKind::DivergentBarrier), "{error}");
}

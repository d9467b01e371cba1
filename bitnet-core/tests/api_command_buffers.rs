//! How committed work runs: in order, beside the host, and on after an error. What does not need traps, or
//! a kernel that waits for the host, is tested on every device there is.

use std::sync::mpsc::channel;
use std::thread;

use bitnet_core::metal::testing::on_each_device;
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
        Self::on(&Device::host(options))
    }

    fn on(device: &Device) -> Self {
        let device = device.clone();
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
    on_each_device(|device| {
        let bench = Bench::on(device);
        let x = bench.buffer(&[0]);
        let all: Vec<_> =
            (1..=9).map(|digit| bench.commit(&bench.queue, "append", &x, Some(digit))).collect();
        all.iter().rev().for_each(completes);
        assert_eq!(values(&x), [123_456_789]);
    });
}

/// Whoever waits may run what is in the queue. That never makes two command buffers of a queue run at once:
/// `x[0] += 1` would lose counts.
#[test]
fn command_buffers_run_one_at_a_time_however_many_threads_wait() {
    const THREADS: u32 = 8;
    const EACH: u32 = 50;
    on_each_device(|device| {
        let bench = Bench::on(device);
        let x = bench.buffer(&[0]);
        thread::scope(|scope| {
            for waits_for_each in [true, false].repeat(THREADS as usize / 2) {
                let (bench, x) = (&bench, &x);
                scope.spawn(move || {
                    let mut last = None;
                    for _ in 0..EACH {
                        let committed = bench.commit(&bench.queue, "add_one", x, None);
                        if waits_for_each {
                            completes(&committed);
                        }
                        last = Some(committed);
                    }
                    completes(&last.expect("there was one"));
                });
            }
        });
        assert_eq!(values(&x), [THREADS * EACH]);
    });
}

#[test]
fn what_nobody_waits_for_runs_all_the_same() {
    on_each_device(|device| {
        let bench = Bench::on(device);
        let (x, y) = (bench.buffer(&[0]), bench.buffer(&[0]));
        let ignored: Vec<_> =
            (1..=3).map(|digit| bench.commit(&bench.queue, "append", &x, Some(digit))).collect();
        let other = bench.device.new_command_queue();
        completes(&bench.commit(&other, "append", &y, Some(7)));
        while ignored.iter().any(|command_buffer| command_buffer.status() < MTLCommandBufferStatus::Completed)
        {
            thread::yield_now();
        }
        assert_eq!((values(&x), values(&y)), (vec![123], vec![7]));
    });
}

#[test]
fn order_is_that_of_commits_not_of_creation() {
    on_each_device(|device| {
        let bench = Bench::on(device);
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
    });
}

#[test]
fn dispatches_and_encoders_of_a_command_buffer_run_in_order() {
    on_each_device(|device| {
        let bench = Bench::on(device);
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
    });
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
    on_each_device(|device| {
        let bench = Bench::on(device);
        let x = bench.buffer(&[0]);
        let (first, second) = (
            bench.commit(&bench.queue, "append", &x, Some(1)),
            bench.commit(&bench.queue, "append", &x, Some(2)),
        );
        completes(&second);
        let times =
            [first.gpu_start_time(), first.gpu_end_time(), second.gpu_start_time(), second.gpu_end_time()];
        // A GPU may begin with the second while the first one ends.
        let [first_start, first_end, second_start, second_end] = times;
        assert!(first_start <= first_end && second_start <= second_end, "{times:?}");
        assert!(first_start <= second_start && first_end <= second_end && second_end > 0.0, "{times:?}");
        assert!(device.kind() == DeviceKind::Metal || first_end <= second_start, "{times:?}");
        let duration = second.gpu_duration().expect("it has run").as_secs_f64();
        assert!((duration - (times[3] - times[2])).abs() < 1e-6, "{duration} of {times:?}");
    });
}

#[test]
fn threads_share_a_queue() {
    on_each_device(|device| {
        let bench = Bench::on(device);
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
    });
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
    on_each_device(|device| {
        let bench = Bench::on(device);
        let x = bench.buffer(&[0]);
        let other = bench.device.new_command_queue();
        let last = bench.commit(&other, "append", &x, Some(4));
        drop(other);
        completes(&last);
        assert_eq!(values(&x), [4]);
    });
}

#[test]
fn an_empty_command_buffer_completes() {
    on_each_device(|device| {
        let bench = Bench::on(device);
        let command_buffer = bench.queue.new_command_buffer();
        assert_eq!(command_buffer.status(), MTLCommandBufferStatus::NotEnqueued);
        command_buffer.commit();
        completes(&command_buffer);
    });
}

#[test]
fn bindings_are_as_they_were_at_the_dispatch() {
    on_each_device(|device| {
        let bench = Bench::on(device);
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
    });
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

/// Records one `append` of a digit, without committing it.
fn recorded(bench: &Bench, x: &Buffer, digit: u32) -> CommandBuffer {
    let command_buffer = bench.queue.new_command_buffer();
    let encoder = command_buffer.new_compute_command_encoder();
    encoder.set_compute_pipeline_state(&bench.pipeline("append"));
    encoder.set_buffer(0, Some(x), 0);
    set_compute_bytes(&encoder, &digit, 1);
    dispatch_compute(&encoder, ONE, ONE);
    encoder.end_encoding();
    command_buffer
}

#[test]
fn enqueued_command_buffers_run_in_the_order_of_their_turns() {
    on_each_device(|device| {
        let bench = Bench::on(device);
        let x = bench.buffer(&[0]);
        let [first, second, third, dropped] = [1, 2, 3, 9].map(|digit| recorded(&bench, &x, digit));
        first.enqueue();
        assert_eq!(first.status(), MTLCommandBufferStatus::Enqueued);
        first.enqueue();
        dropped.enqueue();
        second.enqueue();
        third.commit();
        second.commit();
        assert_eq!(second.status(), MTLCommandBufferStatus::Committed, "it waits for its turn");
        first.commit();
        completes(&first);
        assert_eq!(third.status(), MTLCommandBufferStatus::Committed, "it waits for one that never comes");
        drop(dropped);
        completes(&third);
        assert_eq!(values(&x), [123]);
    });
}

#[test]
fn a_misused_command_buffer_gives_up_its_turn() {
    on_each_device(|device| {
        let bench = Bench::on(device);
        let x = bench.buffer(&[0]);
        let (misused, next) = (recorded(&bench, &x, 1), recorded(&bench, &x, 2));
        misused.enqueue();
        misused.new_compute_command_encoder();
        next.commit();
        misused.commit();
        assert!(misused.wait_until_completed().is_err());
        completes(&next);
        assert_eq!(values(&x), [2]);
        misused.enqueue();
        assert_eq!(misused.status(), MTLCommandBufferStatus::Error);
    });
}

#[test]
fn handlers_are_called_once_and_in_order() {
    on_each_device(|device| {
        let bench = Bench::on(device);
        let x = bench.buffer(&[0]);
        let command_buffer = recorded(&bench, &x, 7);
        let (sender, calls) = channel();
        for (scheduled, completed) in [("scheduled 1", "completed 1"), ("scheduled 2", "completed 2")] {
            let (to_scheduled, to_completed, x) = (sender.clone(), sender.clone(), x.clone());
            command_buffer.add_scheduled_handler(move |command_buffer| {
                let early = command_buffer.status() < MTLCommandBufferStatus::Completed;
                to_scheduled.send((scheduled, early)).expect("the test listens");
            });
            command_buffer.add_completed_handler(move |command_buffer| {
                let waited = command_buffer.wait_until_completed().is_ok();
                let done = command_buffer.status() == MTLCommandBufferStatus::Completed;
                let seen = waited && done && values(&x) == [7];
                to_completed.send((completed, seen)).expect("the test listens");
            });
        }
        drop(sender);
        command_buffer.commit();
        completes(&command_buffer);
        // Waiting is over only when the handlers are, so all have sent by now.
        let calls: Vec<_> = calls.try_iter().collect();
        let expect = ["scheduled 1", "scheduled 2", "completed 1", "completed 2"].map(|call| (call, true));
        assert_eq!(calls, expect, "{}", device.name());
    });
}

#[test]
fn completed_handlers_see_the_error() {
    let bench = Bench::new();
    let x = bench.buffer(&[0; 4]);
    let (sender, calls) = channel();
    let commit = |name: &'static str, command_buffer: &CommandBuffer| {
        let sender = sender.clone();
        command_buffer.add_scheduled_handler(|_| {});
        command_buffer.add_completed_handler(move |command_buffer| {
            let is_error = command_buffer.status() == MTLCommandBufferStatus::Error;
            sender.send((name, is_error && command_buffer.error().is_some())).expect("the test listens");
        });
        command_buffer.commit();
        assert!(command_buffer.wait_until_completed().is_err());
    };
    let trapped = bench.queue.new_command_buffer();
    let encoder = trapped.new_compute_command_encoder();
    encoder.set_compute_pipeline_state(&bench.pipeline("write_at"));
    encoder.set_buffer(0, Some(&x), 0);
    set_compute_bytes(&encoder, &4u32, 1);
    dispatch_compute(&encoder, ONE, ONE);
    encoder.end_encoding();
    commit("trapped", &trapped);
    let misused = bench.queue.new_command_buffer();
    misused.new_compute_command_encoder();
    commit("misused", &misused);
    assert_eq!(calls.try_iter().collect::<Vec<_>>(), [("trapped", true), ("misused", true)]);
}

#[test]
fn a_handler_that_panics_or_commits_does_no_harm() {
    on_each_device(|device| {
        let bench = Bench::on(device);
        let x = bench.buffer(&[0]);
        let (first, second) = (recorded(&bench, &x, 1), recorded(&bench, &x, 2));
        let next = second.clone();
        first.add_completed_handler(|_| panic!("on purpose"));
        first.add_completed_handler(move |_| next.commit());
        first.commit();
        completes(&first);
        completes(&second);
        assert_eq!(values(&x), [12]);
    });
}

#[test]
fn a_misused_command_buffer_has_given_up_its_turn_when_its_handlers_are_called() {
    on_each_device(|device| {
        let bench = Bench::on(device);
        let x = bench.buffer(&[0]);
        let (misused, retry) = (device.new_command_queue(), recorded(&bench, &x, 3));
        let first = misused.new_command_buffer();
        let next = misused.new_command_buffer();
        let _open = first.new_compute_command_encoder();
        first.add_completed_handler(move |_| {
            next.commit();
            completes(&next);
        });
        first.commit();
        assert!(first.wait_until_completed().is_err());
        retry.commit();
        completes(&retry);
        assert_eq!(values(&x), [3]);
    });
}

/// On the host device; Metal promises nothing.
#[test]
fn a_completed_handler_may_wait_for_what_comes_next() {
    let device = Device::host(HostOptions::default());
    let bench = Bench::on(&device);
    let x = bench.buffer(&[0]);
    let [first, second, third] = [1, 2, 3].map(|digit| recorded(&bench, &x, digit));
    let (next, last) = (second.clone(), third.clone());
    first.add_completed_handler(move |_| {
        next.commit();
        completes(&next);
    });
    second.add_completed_handler(move |_| {
        last.commit();
        completes(&last);
    });
    first.commit();
    completes(&first);
    assert_eq!(values(&x), [123]);
}

#[test]
fn handlers_come_before_the_commit() {
    on_each_device(|device| {
        for call in ["add_scheduled_handler", "add_completed_handler"] {
            let command_buffer = device.new_command_queue().new_command_buffer();
            command_buffer.commit();
            completes(&command_buffer);
            match call {
                "add_scheduled_handler" => command_buffer.add_scheduled_handler(|_| {}),
                _ => command_buffer.add_completed_handler(|_| {}),
            }
            let error = command_buffer.error().expect("too late");
            assert_eq!(error.validation(), Some(&ValidationError::AlreadyCommitted { call }));
        }
    });
}

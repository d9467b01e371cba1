//! What shaders log: to handlers of log states and to `tracing`, in order, bounded, and before the command buffer
//! has ended for anybody.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, Once};

use bitnet_core::metal::testing::{name_of, on_each_device_as, skip};
use bitnet_core::metal::*;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

const SHADER: &str = r#"#include <metal_stdlib>
#include <metal_logging>
using namespace metal;

constant os_log logger("com.example.bitnet", "tests");

kernel void count(uint i [[thread_position_in_grid]]) {
    logger.log_info("thread %u", i);
}

kernel void levels() {
    logger.log_debug("debug");
    logger.log_info("info");
    os_log_default.log("notice");
    logger.log_error("error");
    logger.log_fault("fault");
}

kernel void chatter(device uint *done [[buffer(0)]], constant uint &count [[buffer(1)]],
                    uint i [[thread_position_in_grid]]) {
    for (uint n = 0; n < count; n++) {
        logger.log("message %u of thread %u", n, i);
    }
    done[i] = count;
}

kernel void log_and_trap(device uint *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
    if (i % 32 == 0) {
        logger.log("before %u", i);
    }
    x[i] = 1;
    if (i % 32 == 0) {
        logger.log("after %u", i);
    }
}

// What Metal makes of the format of a vector is not known.
#ifdef ON_HOST
kernel void greet(uint3 i [[thread_position_in_grid]]) {
    logger.log_info("hello from %v3u\n", i);
}
#endif
"#;

/// A message as it came, without borrows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Message {
    level: MTLLogLevel,
    subsystem: Option<String>,
    category: Option<String>,
    message: String,
    shown: String,
}

#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Vec<Message>>>);

impl Taken {
    fn take(&self) -> Vec<Message> {
        std::mem::take(&mut self.0.lock().expect("no handler panics while it holds the lock"))
    }

    fn texts(&self) -> Vec<String> {
        self.take().into_iter().map(|message| message.message).collect()
    }

    fn handler(&self) -> impl Fn(&LogMessage<'_>) + Send + Sync + 'static {
        let taken = self.clone();
        move |message: &LogMessage<'_>| {
            taken.0.lock().expect("no handler panics while it holds the lock").push(Message {
                level: message.level,
                subsystem: message.subsystem.map(str::to_owned),
                category: message.category.map(str::to_owned),
                message: message.message.to_owned(),
                shown: message.to_string(),
            });
        }
    }
}

/// Events of target [`LOG_TARGET`] that any thread makes, as text.
static EVENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps events in [`EVENTS`]: queues have threads of their own, so that only a subscriber for all threads sees them.
struct Recorder;

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == LOG_TARGET
    }

    fn event(&self, event: &Event<'_>) {
        struct Text(String, String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
                match field.name() {
                    "message" => self.0 = format!("{value:?}"),
                    name => self.1 += &format!(" {name}={value:?}"),
                }
            }

            fn record_str(&mut self, field: &Field, value: &str) {
                self.1 += &format!(" {}={value}", field.name());
            }
        }
        let mut text = Text(String::new(), String::new());
        event.record(&mut text);
        let (level, target) = (event.metadata().level(), event.metadata().target());
        EVENTS
            .lock()
            .expect("recording does not panic")
            .push(format!("{level} {target}: {}{}", text.0, text.1));
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// What is recorded while `work` runs. One at a time.
fn events_during(work: impl FnOnce()) -> Vec<String> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    static RECORDER: Once = Once::new();
    let guard = ONE_AT_A_TIME.lock();
    RECORDER.call_once(|| tracing::subscriber::set_global_default(Recorder).expect("nobody else sets one"));
    work();
    let events = std::mem::take(&mut *EVENTS.lock().expect("recording does not panic"));
    drop(guard);
    events
}

/// Runs a test on each device that hands on what shaders log.
fn with_logging<F: Fn(&Device)>(test: F) {
    let name = name_of::<F>();
    on_each_device_as(name, |device| {
        match device.new_log_state_with_descriptor(&LogStateDescriptor::default()) {
            Ok(_) => test(device),
            Err(error @ MetalError::LoggingUnavailable { .. }) if device.kind() == DeviceKind::Metal => {
                skip(name, device, &error.to_string());
            }
            Err(error) => panic!("{error}"),
        }
    });
}

fn device(threads: usize) -> Device {
    Device::host(HostOptions { threads: Some(threads), ..HostOptions::default() })
}

fn state(device: &Device, descriptor: LogStateDescriptor) -> (LogState, Taken) {
    let state = device.new_log_state_with_descriptor(&descriptor).expect("the host device has logging");
    let taken = Taken::default();
    state.add_log_handler(taken.handler());
    (state, taken)
}

/// Encodes a dispatch of this many threads in threadgroups of 32.
fn encode(command_buffer: &CommandBuffer, kernel: &str, threads: u64, bind: impl Fn(&ComputeCommandEncoder)) {
    let device = command_buffer.device();
    let mut options = CompileOptions::default();
    if device.kind() == DeviceKind::Host {
        options.defines.insert("ON_HOST", "1");
    }
    let library = device
        .new_library_with_named_source("log", SHADER, &options)
        .unwrap_or_else(|error| panic!("{error}"));
    let function = library.get_function(kernel, None).expect("it is there");
    let pipeline = device.new_compute_pipeline_state_with_function(&function).expect("it suits the device");
    let encoder = command_buffer.new_compute_command_encoder();
    encoder.set_compute_pipeline_state(&pipeline);
    bind(&encoder);
    encoder.dispatch_threads(MTLSize::new(threads, 1, 1), MTLSize::new(32, 1, 1));
    encoder.end_encoding();
}

fn run(command_buffer: &CommandBuffer) -> Result<(), String> {
    command_buffer.commit();
    command_buffer.wait_until_completed().map_err(|error| error.to_string())
}

#[test]
fn messages_say_who_logged_them_and_where() {
    let device = device(1);
    let (state, taken) = state(&device, LogStateDescriptor::default());
    let queue = device.new_command_queue_with_log_state(&state);
    let command_buffer = queue.new_command_buffer();
    encode(&command_buffer, "greet", 34, |_| {});
    assert_eq!(run(&command_buffer), Ok(()));
    let messages = taken.take();
    assert_eq!(messages.len(), 34);
    let expect = Message {
        level: MTLLogLevel::Info,
        subsystem: Some("com.example.bitnet".into()),
        category: Some("tests".into()),
        message: "hello from 33,0,0\n".into(),
        shown: "log.metal:40: thread (33, 0, 0) in threadgroup (1, 0, 0): hello from 33,0,0\n".into(),
    };
    assert_eq!(messages[33], expect);
}

/// In any order: only the host device promises one.
#[test]
fn every_message_reaches_the_state_of_its_queue() {
    with_logging(|device| {
        let (state, taken) = state(device, LogStateDescriptor::default());
        let command_buffer = device.new_command_queue_with_log_state(&state).new_command_buffer();
        encode(&command_buffer, "count", 70, |_| {});
        assert_eq!(run(&command_buffer), Ok(()));
        let messages = taken.take();
        let mut texts: Vec<_> = messages.iter().map(|message| message.message.clone()).collect();
        let mut expected: Vec<_> = (0..70).map(|i| format!("thread {i}")).collect();
        texts.sort_unstable();
        expected.sort_unstable();
        assert_eq!(texts, expected);
        for message in messages {
            assert_eq!(message.level, MTLLogLevel::Info);
            assert_eq!(message.subsystem.as_deref(), Some("com.example.bitnet"));
            assert_eq!(message.category.as_deref(), Some("tests"));
        }
    });
}

#[test]
fn levels_below_the_states_are_not_kept() {
    with_logging(|device| {
        for (index, level) in MTLLogLevel::ALL.into_iter().enumerate() {
            let (state, taken) = state(device, LogStateDescriptor { level, ..LogStateDescriptor::default() });
            let command_buffer = device.new_command_queue().new_command_buffer_with_log_state(&state);
            encode(&command_buffer, "levels", 1, |_| {});
            assert_eq!(run(&command_buffer), Ok(()));
            let mut levels: Vec<_> = taken.take().iter().map(|message| message.level).collect();
            levels.sort_unstable();
            assert_eq!(levels, MTLLogLevel::ALL[index..]);
        }
    });
}

#[test]
fn only_the_default_logger_has_no_subsystem() {
    let device = device(1);
    let (state, taken) = state(&device, LogStateDescriptor::default());
    let command_buffer = device.new_command_queue().new_command_buffer_with_log_state(&state);
    encode(&command_buffer, "levels", 1, |_| {});
    assert_eq!(run(&command_buffer), Ok(()));
    let (with, without): (Vec<_>, Vec<_>) =
        taken.take().into_iter().partition(|message| message.subsystem.is_some());
    assert!(with.iter().all(|message| message.category.is_some()), "{with:?}");
    let levels: Vec<_> = without.iter().map(|message| (message.level, &message.category)).collect();
    assert_eq!(levels, [(MTLLogLevel::Notice, &None)]);
}

#[test]
fn messages_come_in_the_order_of_dispatches_and_threadgroups_on_any_number_of_cpu_threads() {
    let mut outcomes = Vec::new();
    for threads in [1, 2, 5, 8] {
        let device = device(threads);
        let (state, taken) = state(&device, LogStateDescriptor::default());
        let queue = device.new_command_queue_with_log_state(&state);
        let done = device.new_buffer(4 * 1000, MTLResourceOptions::default()).expect("a buffer");
        let command_buffer = queue.new_command_buffer();
        encode(&command_buffer, "greet", 500, |_| {});
        encode(&command_buffer, "chatter", 1000, |encoder| {
            encoder.set_buffer(0, Some(&done), 0);
            set_compute_bytes(encoder, &2u32, 1);
        });
        assert_eq!(run(&command_buffer), Ok(()));
        outcomes.push(taken.take());
    }
    let first = &outcomes[0];
    assert_eq!(first.len(), 500 + 2000);
    assert_eq!(first[499].message, "hello from 499,0,0\n");
    // A simdgroup is in lockstep: its threads log their first messages, then their second ones.
    assert_eq!(first[500 + 31].message, "message 0 of thread 31");
    assert_eq!(first[500 + 32].message, "message 1 of thread 0");
    assert_eq!(first[500 + 64].message, "message 0 of thread 32");
    assert!(outcomes.iter().all(|outcome| outcome == first));
}

#[test]
fn a_command_buffers_state_goes_before_its_queues() {
    with_logging(|device| {
        let (of_queue, queue_taken) = state(device, LogStateDescriptor::default());
        let (own, own_taken) = state(device, LogStateDescriptor::default());
        let queue = device.new_command_queue_with_log_state(&of_queue);
        let command_buffer = queue.new_command_buffer_with_log_state(&own);
        encode(&command_buffer, "count", 1, |_| {});
        assert_eq!(run(&command_buffer), Ok(()));
        assert_eq!((queue_taken.texts().len(), own_taken.texts().len()), (0, 1));
        let command_buffer = queue.new_command_buffer();
        encode(&command_buffer, "count", 2, |_| {});
        assert_eq!(run(&command_buffer), Ok(()));
        assert_eq!((queue_taken.texts().len(), own_taken.texts().len()), (2, 0));
    });
}

#[test]
fn what_was_logged_before_a_trap_arrives() {
    for threads in [1, 6] {
        let device = device(threads);
        let (state, taken) = state(&device, LogStateDescriptor::default());
        let queue = device.new_command_queue_with_log_state(&state);
        let x = device.new_buffer(4 * 40, MTLResourceOptions::default()).expect("a buffer");
        let command_buffer = queue.new_command_buffer();
        encode(&command_buffer, "log_and_trap", 3200, |encoder| encoder.set_buffer(0, Some(&x), 0));
        let error = run(&command_buffer).expect_err("it writes past the end");
        assert!(error.contains("thread (40, 0, 0)"), "{error}");
        assert_eq!(taken.texts(), ["before 0", "after 0", "before 32"]);
    }
}

#[test]
fn a_loop_that_logs_without_end_is_bounded_and_what_is_dropped_is_counted() {
    let mut outcomes = Vec::new();
    for threads in [1, 4] {
        let device = device(threads);
        let descriptor = LogStateDescriptor { buffer_size: 1024, ..LogStateDescriptor::default() };
        let (state, taken) = state(&device, descriptor);
        let done = device.new_buffer(4 * 64, MTLResourceOptions::default()).expect("a buffer");
        let queue = device.new_command_queue_with_log_state(&state);
        let command_buffer = queue.new_command_buffer();
        encode(&command_buffer, "chatter", 64, |encoder| {
            encoder.set_buffer(0, Some(&done), 0);
            set_compute_bytes(encoder, &1_000_000u32, 1);
        });
        let warnings = events_during(|| assert_eq!(run(&command_buffer), Ok(())));
        assert_eq!(read_buffer::<u32>(&done).expect("whole elements"), [1_000_000; 64]);
        outcomes.push((taken.texts(), warnings));
    }
    let (texts, warnings) = &outcomes[0];
    // 64 bytes and the text for each record.
    let used: usize = texts.iter().map(|text| 64 + text.len()).sum();
    assert!(used <= 1024 && used + 64 + texts[0].len() + 1 > 1024, "{used} bytes of 1024");
    let dropped = 64_000_000 - texts.len();
    let expect = format!(
        "WARN bitnet::shader: shaders logged more than the log's 1024 bytes hold; {dropped} messages were dropped"
    );
    assert_eq!(*warnings, [expect]);
    assert_eq!(outcomes[0], outcomes[1]);
}

#[test]
fn a_handler_that_panics_does_not_stop_the_queue() {
    with_logging(|device| {
        let (state, taken) = state(device, LogStateDescriptor::default());
        state.add_log_handler(|_| panic!("a handler's fault"));
        let queue = device.new_command_queue_with_log_state(&state);
        for _ in 0..2 {
            let command_buffer = queue.new_command_buffer();
            encode(&command_buffer, "count", 1, |_| {});
            assert_eq!(run(&command_buffer), Ok(()));
            assert_eq!(taken.texts(), ["thread 0"]);
        }
    });
}

#[test]
fn without_handlers_messages_become_events() {
    let device = Device::host(HostOptions {
        log: LogStateDescriptor { level: MTLLogLevel::Info, ..LogStateDescriptor::default() },
        ..HostOptions::default()
    });
    let command_buffer = device.new_command_queue().new_command_buffer();
    encode(&command_buffer, "levels", 1, |_| {});
    encode(&command_buffer, "greet", 1, |_| {});
    let events = events_during(|| assert_eq!(run(&command_buffer), Ok(())));
    let place = |line: u32| format!("log.metal:{line}: thread (0, 0, 0) in threadgroup (0, 0, 0)");
    let of = "subsystem=com.example.bitnet category=tests";
    assert_eq!(
        events,
        [
            format!("INFO bitnet::shader: {}: info {of}", place(13)),
            format!("INFO bitnet::shader: {}: notice", place(14)),
            format!("ERROR bitnet::shader: {}: error {of}", place(15)),
            format!("ERROR bitnet::shader: {}: fault {of}", place(16)),
            format!("INFO bitnet::shader: {}: hello from 0,0,0 {of}", place(40)),
        ]
    );
}

#[test]
fn the_recipe_of_the_documentation_prints_what_it_says() {
    let page = include_str!("../../CONTRIBUTING.md");
    let recipe = page.split("## Recipe: debugging shaders").nth(1).expect("the recipe is there");
    let shader = recipe.split("```metal\n").nth(1).and_then(|rest| rest.split("```").next());
    let device = device(1);
    let library = device
        .new_library_with_named_source(
            "scale",
            shader.expect("the recipe has a shader"),
            &CompileOptions::default(),
        )
        .unwrap_or_else(|error| panic!("{error}"));
    let pipeline = device
        .new_compute_pipeline_state_with_function(&library.get_function("scale", None).expect("it is there"))
        .expect("it suits the device");
    let x = create_buffer(&device, &[1.5f32, 2.5, 3.5]).expect("not empty");
    let (state, taken) = state(&device, LogStateDescriptor::default());
    let command_buffer = device.new_command_queue_with_log_state(&state).new_command_buffer();
    let encoder = command_buffer.new_compute_command_encoder();
    encoder.set_compute_pipeline_state(&pipeline);
    encoder.set_buffer(0, Some(&x), 0);
    encoder.dispatch_threads(MTLSize::new(3, 1, 1), MTLSize::new(3, 1, 1));
    encoder.end_encoding();
    assert_eq!(run(&command_buffer), Ok(()));
    let shown: Vec<_> = taken.take().into_iter().map(|message| message.shown).collect();
    assert_eq!(shown.len(), 2);
    assert!(recipe.contains(&shown[1]), "the page does not say `{}`", shown[1]);
}

#[test]
fn sizes_that_metal_refuses_are_refused() {
    with_logging(|device| {
        for size in [0, 1023, (1 << 30) + 1] {
            let descriptor = LogStateDescriptor { buffer_size: size, ..LogStateDescriptor::default() };
            let error = device.new_log_state_with_descriptor(&descriptor).expect_err("out of range");
            let expect = format!("a log state's buffer of {size} bytes has not between 1 KB and 1 GB");
            assert_eq!(error.to_string(), expect);
        }
    });
}

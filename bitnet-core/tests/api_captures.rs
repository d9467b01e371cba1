//! Captures: what becomes of the commands, on every device there is, and what the host device writes of them.

use std::path::Path;

use bitnet_core::metal::testing::on_each_device;
use bitnet_core::metal::*;
use serde_json::{Value, json};

const SHADER: &str = "
    kernel void twice(device uint *x [[buffer(0)]], constant uint &count [[buffer(1)]],
                      uint i [[thread_position_in_grid]]) {
        if (i < count) {
            x[i] *= 2;
        }
    }";

struct Bench {
    queue: CommandQueue,
    pipeline: ComputePipelineState,
    x: Buffer,
}

impl Bench {
    fn new(device: &Device) -> Self {
        let library =
            device.new_library_with_source(SHADER, &CompileOptions::default()).expect("it compiles");
        let function = library.get_function("twice", None).expect("it is there");
        Self {
            queue: device.new_command_queue(),
            pipeline: device.new_compute_pipeline_state_with_function(&function).expect("it suits"),
            x: create_buffer(device, &[1u32, 2, 3, 4]).expect("16 bytes"),
        }
    }

    fn host() -> Self {
        Self::new(&Device::host(HostOptions::default()))
    }

    fn device(&self) -> &Device {
        self.queue.device()
    }

    /// A command buffer that doubles `count` elements.
    fn doubling(&self, count: u32) -> CommandBuffer {
        let command_buffer = self.queue.new_command_buffer();
        let encoder = command_buffer.new_compute_command_encoder();
        self.double(&encoder, count);
        encoder.end_encoding();
        command_buffer
    }

    fn double(&self, encoder: &ComputeCommandEncoder, count: u32) {
        encoder.set_compute_pipeline_state(&self.pipeline);
        encoder.set_buffer(0, Some(&self.x), 0);
        set_compute_bytes(encoder, &count, 1);
        dispatch_compute(encoder, MTLSize::new(32, 1, 1), MTLSize::new(32, 1, 1));
    }

    fn values(&self) -> Vec<u32> {
        read_buffer(&self.x).expect("4 numbers")
    }
}

/// The events of a document. Those that begin have the time of their end too: `until`.
fn events(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("it is there");
    let document: Value = serde_json::from_str(&text).expect("it is JSON");
    let (mut events, mut open): (Vec<Value>, Vec<usize>) = Default::default();
    for event in document["traceEvents"].as_array().expect("a list") {
        if event["ph"] == "E" {
            let begun = open.pop().expect("something has begun");
            events[begun]["until"] = event["ts"].clone();
            continue;
        }
        if event["ph"] == "B" {
            open.push(events.len());
        }
        events.push(event.clone());
    }
    assert!(open.is_empty(), "{open:?} have not ended");
    events
}

fn named<'a>(events: &'a [Value], name: &str) -> &'a Value {
    let mut found = events.iter().filter(|event| event["name"] == name);
    let event = found.next().unwrap_or_else(|| panic!("no event '{name}'"));
    assert!(found.next().is_none(), "two events '{name}'");
    event
}

/// When an event begins and ends.
fn times(event: &Value) -> (f64, f64) {
    (event["ts"].as_f64().expect("a time"), event["until"].as_f64().expect("a time"))
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, MetalError>, path: &Path, reason: &str) {
    let expect = format!("cannot capture to '{}': {reason}", path.display());
    assert_eq!(result.expect_err(reason).to_string(), expect);
}

#[test]
fn what_is_captured_runs_as_ever_and_leaves_a_document() {
    on_each_device(|device| {
        let (bench, folder) = (Bench::new(device), tempfile::tempdir().expect("a folder"));
        let path = folder.path().join("commands").with_extension(device.capture_extension());
        let captured = device.capture(&path, || {
            let command_buffer = bench.doubling(4);
            command_buffer.commit();
            command_buffer.wait_until_completed()
        });
        let may = device.kind() == DeviceKind::Host
            || ["MTL_CAPTURE_ENABLED", "METAL_CAPTURE_ENABLED"]
                .iter()
                .any(|name| std::env::var(name).is_ok_and(|value| value == "1"));
        match captured {
            Ok(result) => {
                assert!(may && path.exists());
                assert_eq!(result.map_err(|error| error.to_string()), Ok(()));
                assert_eq!(bench.values(), [2, 4, 6, 8]);
                refused(device.capture(&path, || ()), &path, "it is there already");
            }
            Err(error) => {
                assert!(!may, "{error}");
                let reason = "run the process with MTL_CAPTURE_ENABLED=1 in its environment (before macOS 14, \
                              METAL_CAPTURE_ENABLED=1), and make no log state in it";
                assert_eq!(error.to_string(), format!("cannot capture to '{}': {reason}", path.display()));
            }
        }
    });
}

#[test]
fn the_document_of_another_device_is_refused() {
    on_each_device(|device| {
        let (bench, path) = (Bench::new(device), Path::new("commands.trace"));
        let tool = match device.kind() {
            DeviceKind::Host => {
                ".json, which Perfetto (https://ui.perfetto.dev) and Chrome's tracing page show"
            }
            DeviceKind::Metal => ".gputrace, which Xcode shows",
        };
        let reason = format!("this device captures to documents named {tool}");
        refused(device.capture(path, || bench.doubling(4).commit()), path, &reason);
        assert_eq!(bench.values(), [1, 2, 3, 4], "nothing has run");
    });
}

#[test]
fn a_trace_shows_labels_groups_commands_and_arguments() {
    let (bench, folder) = (Bench::host(), tempfile::tempdir().expect("a folder"));
    let path = folder.path().join("commands.json");
    bench.queue.set_label("training");
    bench.x.set_label("weights");
    let before = bench.doubling(1);
    let captured = bench.device().capture(&path, || {
        // It was made before, and is not in the document.
        before.commit();
        let command_buffer = bench.queue.new_command_buffer();
        command_buffer.set_label("step 3");
        command_buffer.push_debug_group("forward");
        let encoder = command_buffer.new_compute_command_encoder();
        encoder.set_label("layer 1");
        encoder.push_debug_group("norm");
        encoder.insert_debug_signpost("here");
        bench.double(&encoder, 4);
        encoder.pop_debug_group();
        encoder.end_encoding();
        command_buffer.pop_debug_group();
        let blit = command_buffer.new_blit_command_encoder();
        blit.fill_buffer(&bench.x, 8, 4, 7);
        blit.end_encoding();
        // Nobody waits for it.
        command_buffer.commit();
    });
    assert_eq!(captured.map_err(|error| error.to_string()), Ok(()));
    assert_eq!(bench.values(), [4, 4, 0x0707_0707, 8]);

    let events = events(&path);
    assert_eq!(named(&events, "process_name")["args"]["name"], bench.device().name());
    assert_eq!(named(&events, "thread_name")["args"]["name"], "training");
    let nested = ["step 3", "forward", "layer 1", "norm", "twice"];
    for pair in nested.windows(2) {
        let [(start, end), (inner_start, inner_end)] = [0, 1].map(|i| times(named(&events, pair[i])));
        assert!(start <= inner_start && inner_end <= end, "{} is not in {}", pair[1], pair[0]);
    }
    let categories = nested.map(|name| named(&events, name)["cat"].as_str().expect("a category"));
    assert_eq!(categories, ["command buffer", "debug group", "encoder", "debug group", "command"]);
    let buffer = |offset: u32| json!({ "label": "weights", "offset": offset, "length": 16 });
    let expect = json!({
        "grid": "32×1×1 threads", "threadgroup": "32×1×1",
        "buffers": { "0 x": buffer(0), "1 count": { "bytes": [4, 0, 0, 0] } },
    });
    assert_eq!(named(&events, "twice")["args"], expect);
    assert_eq!(named(&events, "fill")["args"], json!({ "to": buffer(8), "bytes": 4, "value": 7 }));
    assert!(times(named(&events, "fill")).0 >= times(named(&events, "twice")).1);
    assert_eq!(named(&events, "here")["ph"], "i");
    assert_eq!(named(&events, "blit encoder")["cat"], "encoder");
}

#[test]
fn a_trap_is_in_the_trace() {
    let (bench, folder) = (Bench::host(), tempfile::tempdir().expect("a folder"));
    let path = folder.path().join("commands.json");
    let captured = bench.device().capture(&path, || {
        let command_buffer = bench.queue.new_command_buffer();
        let encoder = command_buffer.new_compute_command_encoder();
        for count in [4, 5, 4] {
            bench.double(&encoder, count);
        }
        encoder.end_encoding();
        command_buffer.commit();
        command_buffer.wait_until_completed()
    });
    let trap = captured.expect("the document is written").expect_err("a write past the end").to_string();
    let events = events(&path);
    assert_eq!(named(&events, "command buffer")["args"]["error"], trap);
    let errors: Vec<_> =
        events.iter().filter(|event| event["name"] == "twice").map(|event| &event["args"]["error"]).collect();
    assert_eq!(errors, [&Value::Null, &json!(trap)], "the third one did not run");
}

#[test]
fn a_capture_that_cannot_be_written_is_refused_before_anything_is_done() {
    let (bench, folder) = (Bench::host(), tempfile::tempdir().expect("a folder"));
    let path = folder.path().join("missing/commands.json");
    let error = bench.device().capture(&path, || bench.doubling(4).commit()).expect_err("no such folder");
    assert!(error.to_string().starts_with(&format!("cannot capture to '{}': ", path.display())), "{error}");
    assert_eq!(bench.values(), [1, 2, 3, 4]);
}

#[test]
fn one_capture_runs_at_a_time_and_a_panic_ends_it() {
    let (bench, folder) = (Bench::host(), tempfile::tempdir().expect("a folder"));
    let path = |name: &str| folder.path().join(name);
    let inner = bench.device().capture(&path("outer.json"), || {
        bench.device().capture(&path("inner.json"), || bench.doubling(4).commit())
    });
    refused(inner.expect("the outer one is written"), &path("inner.json"), "another capture is running");
    let panics = || bench.device().capture(&path("panic.json"), || panic!("in the work"));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).expect_err("it panics");
    let again = bench.device().capture(&path("again.json"), || bench.doubling(4).commit());
    assert_eq!(again.map_err(|error| error.to_string()), Ok(()));
    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("a file").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    assert_eq!(names, ["again.json", "outer.json"]);
}

/// The handler of a command buffer may capture others of its queue: whoever waits runs them.
#[test]
fn a_handler_may_capture() {
    let (bench, folder) = (Bench::host(), tempfile::tempdir().expect("a folder"));
    let path = folder.path().join("commands.json");
    let (first, queue) = (bench.doubling(4), bench.queue.clone());
    let (document, next) =
        (path.clone(), Bench { queue, pipeline: bench.pipeline.clone(), x: bench.x.clone() });
    first.add_completed_handler(move |_| {
        next.device().capture(&document, || next.doubling(4).commit()).expect("it is written");
    });
    first.commit();
    assert_eq!(first.wait_until_completed().map_err(|error| error.to_string()), Ok(()));
    assert_eq!(events(&path).iter().filter(|event| event["name"] == "twice").count(), 1);
    assert_eq!(bench.values(), [4, 8, 12, 16]);
}

/// What is behind a command buffer that nobody has committed may never run: the capture does not wait for it.
#[test]
fn a_command_buffer_whose_turn_has_not_come_is_left_out() {
    let (bench, folder) = (Bench::host(), tempfile::tempdir().expect("a folder"));
    let path = folder.path().join("commands.json");
    let first = bench.doubling(1);
    first.enqueue();
    let second = bench.device().capture(&path, || {
        let second = bench.doubling(4);
        second.commit();
        second
    });
    let second = second.expect("the document is written");
    assert!(events(&path).iter().all(|event| event["name"] != "twice"));
    first.commit();
    assert_eq!(second.wait_until_completed().map_err(|error| error.to_string()), Ok(()));
    assert_eq!(bench.values(), [4, 4, 6, 8]);
}

/// Whoever hands a command buffer to the queue, the commit of it returned within the capture.
#[test]
fn what_many_threads_commit_is_all_in_the_document() {
    let (bench, folder) = (Bench::host(), tempfile::tempdir().expect("a folder"));
    let path = folder.path().join("commands.json");
    let captured = bench.device().capture(&path, || {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..25).for_each(|_| bench.doubling(4).commit()));
            }
        });
    });
    assert_eq!(captured.map_err(|error| error.to_string()), Ok(()));
    assert_eq!(events(&path).iter().filter(|event| event["name"] == "twice").count(), 8 * 25);
}

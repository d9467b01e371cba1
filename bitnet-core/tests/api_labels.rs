//! Labels and debug groups: objects keep them, errors name them, and groups are closed where they open.

use bitnet_core::metal::testing::on_each_device;
use bitnet_core::metal::*;

const SHADER: &str =
    "kernel void write_at(device uint *x [[buffer(0)]], constant uint &i [[buffer(1)]]) { x[i] = 7; }";
const ONE: MTLSize = MTLSize::new(1, 1, 1);

struct Bench {
    command_buffer: CommandBuffer,
    pipeline: ComputePipelineState,
    x: Buffer,
}

impl Bench {
    fn new(device: &Device) -> Self {
        let library =
            device.new_library_with_source(SHADER, &CompileOptions::default()).expect("it compiles");
        let function = library.get_function("write_at", None).expect("it is there");
        let pipeline = device.new_compute_pipeline_state_with_function(&function).expect("it suits");
        let x = create_buffer(device, &[0u32; 4]).expect("16 bytes");
        Self { command_buffer: device.new_command_queue().new_command_buffer(), pipeline, x }
    }

    fn host() -> Self {
        Self::new(&Device::host(HostOptions::default()))
    }

    fn write_at(&self, encoder: &ComputeCommandEncoder, index: u32) {
        encoder.set_compute_pipeline_state(&self.pipeline);
        encoder.set_buffer(0, Some(&self.x), 0);
        set_compute_bytes(encoder, &index, 1);
        dispatch_compute(encoder, ONE, ONE);
    }

    fn finish(&self) -> Option<MetalError> {
        self.command_buffer.commit();
        self.command_buffer.wait_until_completed().err()
    }
}

#[test]
fn objects_keep_their_labels() {
    on_each_device(|device| {
        let queue = device.new_command_queue();
        let (library, bench) = (device.new_default_library(), Bench::new(device));
        let encoder = bench.command_buffer.new_compute_command_encoder();
        let check = |set: &dyn Fn(&str), get: &dyn Fn() -> Option<String>| {
            assert_eq!(get(), None);
            for label in ["first", "größer"] {
                set(label);
                assert_eq!(get().as_deref(), Some(label));
            }
        };
        check(&|label| queue.set_label(label), &|| queue.label());
        check(&|label| library.set_label(label), &|| library.label());
        check(&|label| bench.x.set_label(label), &|| bench.x.label());
        check(&|label| bench.command_buffer.set_label(label), &|| bench.command_buffer.label());
        check(&|label| encoder.set_label(label), &|| encoder.label());
        encoder.end_encoding();
        let blit = bench.command_buffer.new_blit_command_encoder();
        check(&|label| blit.set_label(label), &|| blit.label());
        blit.end_encoding();
        assert!(bench.finish().is_none());
        assert_eq!(bench.pipeline.label(), "write_at");
    });
}

#[test]
fn a_descriptor_labels_its_pipeline() {
    on_each_device(|device| {
        let library =
            device.new_library_with_source(SHADER, &CompileOptions::default()).expect("it compiles");
        let function = library.get_function("write_at", None).expect("it is there");
        let mut descriptor = ComputePipelineDescriptor::new(&function);
        descriptor.label = Some("writer".to_owned());
        let pipeline = device.new_compute_pipeline_state_with_descriptor(&descriptor).expect("it suits");
        assert_eq!((pipeline.label(), pipeline.reflection().name.as_str()), ("writer", "write_at"));
    });
}

#[test]
fn labelled_work_runs_as_any_other() {
    on_each_device(|device| {
        let bench = Bench::new(device);
        bench.command_buffer.set_label("step");
        bench.command_buffer.push_debug_group("all");
        let encoder = bench.command_buffer.new_compute_command_encoder();
        encoder.set_label("writes");
        for index in [0, 2] {
            encoder.push_debug_group("one write");
            encoder.insert_debug_signpost("now");
            bench.write_at(&encoder, index);
            encoder.pop_debug_group();
        }
        encoder.end_encoding();
        let blit = bench.command_buffer.new_blit_command_encoder();
        blit.push_debug_group("clear");
        blit.insert_debug_signpost("and now");
        blit.fill_buffer(&bench.x, 12, 4, 1);
        blit.pop_debug_group();
        blit.end_encoding();
        bench.command_buffer.pop_debug_group();
        assert_eq!(bench.finish().map(|error| error.to_string()), None);
        assert_eq!(read_buffer::<u32>(&bench.x).expect("4 numbers"), [7, 0, 7, 0x0101_0101]);
    });
}

#[test]
fn a_trap_names_where_it_happened() {
    let bench = Bench::host();
    bench.command_buffer.set_label("step 3");
    bench.command_buffer.push_debug_group("backward");
    let encoder = bench.command_buffer.new_compute_command_encoder();
    encoder.set_label("writes");
    encoder.push_debug_group("layer 1");
    bench.write_at(&encoder, 1);
    encoder.pop_debug_group();
    encoder.push_debug_group("layer 2");
    bench.write_at(&encoder, 9);
    encoder.pop_debug_group();
    encoder.end_encoding();
    bench.command_buffer.pop_debug_group();
    let error = bench.finish().expect("a write past the end");
    let place = error.place().expect("labels");
    assert_eq!(place.to_string(), "command buffer 'step 3', encoder 'writes', group 'backward / layer 2'");
    assert_eq!(error.trap().map(|trap| trap.kind), Some(TrapKind::OutOfBounds));
    let text = error.to_string();
    assert!(text.starts_with(&format!("{place}: ")) && text.contains("write_at"), "{text}");
    assert_eq!(read_buffer::<u32>(&bench.x).expect("4 numbers"), [0, 7, 0, 0]);
}

/// Records a misuse in a labelled command buffer, and compares both what is wrong and where.
fn check(device: &Device, misuse: impl Fn(&CommandBuffer), expect: &ValidationError, text: &str) {
    let bench = Bench::new(device);
    bench.command_buffer.set_label("step");
    misuse(&bench.command_buffer);
    let error = bench.finish().unwrap_or_else(|| panic!("no error: {text}"));
    assert_eq!((error.validation(), error.to_string().as_str()), (Some(expect), text));
}

#[test]
fn a_misuse_names_where_it_happened() {
    on_each_device(|device| {
        check(
            device,
            |command_buffer| {
                let encoder = command_buffer.new_compute_command_encoder();
                encoder.set_label("writes");
                encoder.push_debug_group("outer");
                encoder.push_debug_group("inner");
                encoder.set_bytes(0, &[]);
                encoder.end_encoding();
            },
            &ValidationError::EmptyBytes { index: 0 },
            "command buffer 'step', encoder 'writes', group 'outer / inner': set_bytes: no bytes given for index 0",
        );
    });
}

#[test]
fn debug_groups_are_closed_where_they_open() {
    on_each_device(|device| {
        check_debug_groups(device);
    });
}

fn check_debug_groups(device: &Device) {
    let check = |misuse: &dyn Fn(&CommandBuffer), expect: &ValidationError, text: &str| {
        check(device, misuse, expect, text);
    };
    let encoder = |misuse: fn(&ComputeCommandEncoder)| {
        move |command_buffer: &CommandBuffer| {
            let encoder = command_buffer.new_compute_command_encoder();
            misuse(&encoder);
            encoder.end_encoding();
        }
    };
    let none_open = ValidationError::NoDebugGroup { call: "pop_debug_group" };
    let none_open_text = "command buffer 'step': pop_debug_group: no debug group is open";
    check(&encoder(|encoder| encoder.pop_debug_group()), &none_open, none_open_text);
    check(&CommandBuffer::pop_debug_group, &none_open, none_open_text);
    check(
        &encoder(|encoder| encoder.push_debug_group("open")),
        &ValidationError::DebugGroupOpen { call: "end_encoding", group: "open".to_owned() },
        "command buffer 'step', group 'open': end_encoding: the debug group 'open' has not been closed; call \
         pop_debug_group first",
    );
    check(
        &|command_buffer| command_buffer.push_debug_group("around"),
        &ValidationError::DebugGroupOpen { call: "commit", group: "around".to_owned() },
        "command buffer 'step', group 'around': commit: the debug group 'around' has not been closed; call \
         pop_debug_group first",
    );
    check(
        &|command_buffer| {
            let encoder = command_buffer.new_compute_command_encoder();
            command_buffer.push_debug_group("around");
            encoder.end_encoding();
        },
        &ValidationError::EncoderOpen { call: "push_debug_group" },
        "command buffer 'step': push_debug_group: the command buffer's last encoder has not ended; call \
         end_encoding first",
    );
}

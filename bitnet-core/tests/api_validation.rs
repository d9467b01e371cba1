//! Every misuse of the API, and what is said about it, the same on every device.

use bitnet_core::metal::testing::{name_of, on_each_device, on_each_device_as};
use bitnet_core::metal::*;
use bitnet_core::msl::reflect::ParamSource;

const SHADER: &str = r#"
#include <metal_stdlib>
using namespace metal;

struct Params { uint count; float scale; };

kernel void scale(device const float *input [[buffer(0)]],
                  device float *output [[buffer(1)]],
                  constant Params &params [[buffer(2)]],
                  uint i [[thread_position_in_grid]]) {
    if (i < params.count) {
        output[i] = input[i] * params.scale;
    }
}

[[max_total_threads_per_threadgroup(64)]]
kernel void narrow(device float *data [[buffer(0)]], uint i [[thread_position_in_grid]]) {
    data[i] = 1.0f;
}

kernel void shared_memory(device float *data [[buffer(0)]],
                          threadgroup float *scratch [[threadgroup(1)]],
                          uint i [[thread_index_in_threadgroup]]) {
    threadgroup float own[64];
    own[i % 64] = data[i];
    // So that there is something to keep in `own`.
    threadgroup_barrier(mem_flags::mem_threadgroup);
    scratch[i] = own[63 - i % 64];
    data[i] = scratch[i];
}

struct Wide { float4 x; float4 y; };

kernel void wide_memory(device float *data [[buffer(0)]], threadgroup Wide *scratch [[threadgroup(0)]],
                        uint2 i [[thread_position_in_grid]], ushort group [[threadgroup_position_in_grid]],
                        ushort2 inside [[thread_position_in_threadgroup]]) {
    scratch[inside.x].x = data[group];
    data[i.x + i.y] = scratch[inside.x].x[inside.y];
}
"#;

const THREAD: MTLSize = MTLSize::new(1, 1, 1);

/// A device with the shader's pipelines, and an encoder about to be misused.
struct Bench {
    queue: CommandQueue,
    command_buffer: CommandBuffer,
    encoder: ComputeCommandEncoder,
    scale: ComputePipelineState,
    narrow: ComputePipelineState,
    shared_memory: ComputePipelineState,
    wide_memory: ComputePipelineState,
    /// 16 floats.
    data: Buffer,
    /// The same of another device.
    foreign_data: Buffer,
    foreign_scale: ComputePipelineState,
}

fn library(device: &Device) -> Library {
    device.new_library_with_source(SHADER, &CompileOptions::default()).expect("it compiles")
}

fn pipeline(library: &Library, name: &str) -> ComputePipelineState {
    let function = library.get_function(name, None).expect("it is there");
    let device = library.device();
    device.new_compute_pipeline_state_with_function(&function).expect("it suits the device")
}

impl Bench {
    fn new(device: &Device) -> Self {
        let other = Device::host(HostOptions { error_mode: ErrorMode::Ignore, ..HostOptions::default() });
        let queue = device.new_command_queue();
        let command_buffer = queue.new_command_buffer();
        let library = library(device);
        Bench {
            encoder: command_buffer.new_compute_command_encoder(),
            scale: pipeline(&library, "scale"),
            narrow: pipeline(&library, "narrow"),
            shared_memory: pipeline(&library, "shared_memory"),
            wide_memory: pipeline(&library, "wide_memory"),
            data: create_buffer(device, &[1.0f32; 16]).expect("16 floats"),
            foreign_data: create_buffer(&other, &[1.0f32; 16]).expect("16 floats"),
            foreign_scale: pipeline(&self::library(&other), "scale"),
            command_buffer,
            queue,
        }
    }

    /// Sets all that `scale` takes.
    fn bind_scale(&self) {
        self.encoder.set_compute_pipeline_state(&self.scale);
        self.encoder.set_buffer(0, Some(&self.data), 0);
        self.encoder.set_buffer(1, Some(&self.data), 0);
        self.encoder.set_bytes(2, &[0; 8]);
    }

    fn dispatch(&self, threads: u64, threadgroup: MTLSize) {
        self.encoder.dispatch_threads(MTLSize::new(threads, 1, 1), threadgroup);
    }
}

/// Misuses a fresh encoder and checks that encoder, command buffer and wait all give the error, and that
/// nothing ran.
fn check<M: Fn(&Bench)>(misuse: M, expect: ValidationError, text: &str) {
    on_each_device_as(name_of::<M>(), |device| check_on(device, &misuse, &expect, text));
}

fn check_on(device: &Device, misuse: impl Fn(&Bench), expect: &ValidationError, text: &str) {
    let bench = Bench::new(device);
    misuse(&bench);
    let error = bench.encoder.error().expect("the encoder knows of the misuse");
    assert_eq!(error.validation(), Some(expect));
    assert_eq!(error.to_string(), text);

    bench.encoder.end_encoding();
    bench.command_buffer.commit();
    let waited =
        bench.command_buffer.wait_until_completed().expect_err("the misuse fails the command buffer");
    assert_eq!(waited.validation(), Some(expect));
    assert_eq!(bench.command_buffer.error().map(|error| error.to_string()).as_deref(), Some(text));
    assert_eq!(bench.command_buffer.status(), MTLCommandBufferStatus::Error);
    assert_eq!(read_buffer::<f32>(&bench.data).expect("16 floats"), [1.0; 16]);
}

fn k(name: &str) -> String {
    name.to_owned()
}

/// A buffer of `scale`.
fn buffer(index: u32, name: &str) -> KernelParameter {
    KernelParameter { kernel: k("scale"), source: ParamSource::Buffer, index, name: k(name) }
}

/// Threadgroup memory of `shared_memory`.
fn memory(index: u32, name: &str) -> KernelParameter {
    KernelParameter { kernel: k("shared_memory"), source: ParamSource::Threadgroup, index, name: k(name) }
}

#[test]
fn indices_past_the_last_one_are_refused() {
    let expect = |call, index| ValidationError::BindingIndex { call, index };
    check(
        |b| b.encoder.set_buffer(31, Some(&b.data), 0),
        expect("set_buffer", 31),
        "set_buffer: index 31 is past the last one, 30",
    );
    check(
        |b| b.encoder.set_buffer(u64::MAX, None, 0),
        expect("set_buffer", u64::MAX),
        "set_buffer: index 18446744073709551615 is past the last one, 30",
    );
    check(
        |b| b.encoder.set_bytes(31, &[0; 4]),
        expect("set_bytes", 31),
        "set_bytes: index 31 is past the last one, 30",
    );
    check(
        |b| b.encoder.set_threadgroup_memory_length(31, 16),
        expect("set_threadgroup_memory_length", 31),
        "set_threadgroup_memory_length: index 31 is past the last one, 30",
    );
}

#[test]
fn offsets_past_the_end_are_refused() {
    for offset in [64, 65, u64::MAX] {
        check(
            |b| b.encoder.set_buffer(0, Some(&b.data), offset),
            ValidationError::OffsetPastEnd { index: 0, offset, length: 64 },
            &format!(
                "set_buffer: offset {offset} is past the end of the buffer at index 0, which is 64 bytes long"
            ),
        );
    }
}

#[test]
fn inline_constants_have_bounds() {
    check(
        |b| b.encoder.set_bytes(2, &[]),
        ValidationError::EmptyBytes { index: 2 },
        "set_bytes: no bytes given for index 2",
    );
    check(
        |b| b.encoder.set_bytes(2, &[0; 4097]),
        ValidationError::BytesTooLong { index: 2, length: 4097 },
        "set_bytes: 4097 bytes for index 2 are more than 4096; use a buffer",
    );
    check(
        |b| {
            b.bind_scale();
            b.encoder.set_bytes(1, &[0; 64]);
            b.dispatch(1, THREAD);
        },
        ValidationError::BytesForWritable { parameter: buffer(1, "output") },
        "kernel 'scale': buffer 1 ('output') is set by set_bytes, but the kernel may write it; use a buffer",
    );
}

#[test]
fn objects_of_another_device_are_refused() {
    check(
        |b| b.encoder.set_buffer(0, Some(&b.foreign_data), 0),
        ValidationError::WrongDevice { call: "set_buffer", object: "buffer" },
        "set_buffer: the buffer belongs to another device",
    );
    check(
        |b| b.encoder.set_compute_pipeline_state(&b.foreign_scale),
        ValidationError::WrongDevice { call: "set_compute_pipeline_state", object: "pipeline" },
        "set_compute_pipeline_state: the pipeline belongs to another device",
    );
}

#[test]
fn a_function_of_another_device_makes_no_pipeline() {
    on_each_device(|device| {
        let other = Device::host(HostOptions::default());
        let function = library(&other).get_function("scale", None).expect("it is there");
        let error = device.new_compute_pipeline_state_with_function(&function).expect_err("another device");
        assert_eq!(
            error.to_string(),
            "new_compute_pipeline_state_with_function: the function belongs to another device"
        );
    });
}

#[test]
fn a_dispatch_needs_a_pipeline() {
    check(
        |b| b.dispatch(1, THREAD),
        ValidationError::NoPipeline,
        "dispatch: no compute pipeline state is set",
    );
}

#[test]
fn a_dispatch_needs_every_buffer() {
    check(
        |b| {
            b.encoder.set_compute_pipeline_state(&b.scale);
            b.encoder.set_buffer(0, Some(&b.data), 0);
            b.encoder.set_bytes(2, &[0; 8]);
            b.dispatch(1, THREAD);
        },
        ValidationError::MissingBuffer { parameter: buffer(1, "output") },
        "kernel 'scale': buffer 1 ('output') is not set",
    );
    check(
        |b| {
            b.bind_scale();
            b.encoder.set_buffer(2, None, 0);
            b.dispatch(1, THREAD);
        },
        ValidationError::NilReference { parameter: buffer(2, "params") },
        "kernel 'scale': buffer 2 ('params') is set to none, but it is a reference",
    );
}

#[test]
fn what_is_bound_holds_one_value_at_least() {
    let expect = |length| ValidationError::BindingTooShort {
        parameter: buffer(2, "params"),
        type_name: k("constant Params &"),
        length,
        needed: 8,
    };
    check(
        |b| {
            b.bind_scale();
            b.encoder.set_bytes(0, &[0; 3]);
            b.dispatch(1, THREAD);
        },
        ValidationError::BindingTooShort {
            parameter: buffer(0, "input"),
            type_name: k("device const float *"),
            length: 3,
            needed: 4,
        },
        "kernel 'scale': buffer 0 ('input') has 3 bytes, but 'device const float *' takes 4",
    );
    check(
        |b| {
            b.bind_scale();
            b.encoder.set_bytes(2, &[0; 7]);
            b.dispatch(1, THREAD);
        },
        expect(7),
        "kernel 'scale': buffer 2 ('params') has 7 bytes, but 'constant Params &' takes 8",
    );
    check(
        |b| {
            b.bind_scale();
            b.encoder.set_buffer(2, Some(&b.data), 60);
            b.dispatch(1, THREAD);
        },
        expect(4),
        "kernel 'scale': buffer 2 ('params') has 4 bytes, but 'constant Params &' takes 8",
    );
}

#[test]
fn offsets_suit_type_and_address_space() {
    let expect = |index, name, offset| ValidationError::OffsetMisaligned {
        parameter: buffer(index, name),
        offset,
        alignment: 4,
    };
    check(
        |b| {
            b.bind_scale();
            b.encoder.set_buffer(0, Some(&b.data), 2);
            b.dispatch(1, THREAD);
        },
        expect(0, "input", 2),
        "kernel 'scale': buffer 0 ('input') has the offset 2, which is not a multiple of 4",
    );
    check(
        |b| {
            b.bind_scale();
            b.encoder.set_buffer(2, Some(&b.data), 1);
            b.dispatch(1, THREAD);
        },
        expect(2, "params", 1),
        "kernel 'scale': buffer 2 ('params') has the offset 1, which is not a multiple of 4",
    );
}

#[test]
fn threadgroups_have_threads_and_not_too_many() {
    let size = MTLSize::new;
    for threadgroup in [size(0, 1, 1), size(1, 0, 1), size(1, 1, 0)] {
        check(
            |b| {
                b.bind_scale();
                b.dispatch(1, threadgroup);
            },
            ValidationError::EmptyThreadgroup { kernel: k("scale"), threadgroup },
            &format!("kernel 'scale': a threadgroup of {threadgroup} has no threads"),
        );
    }
    on_each_device(|device| {
        let limit = device.limits().max_total_threads_per_threadgroup;
        for threadgroup in [size(limit + 1, 1, 1), size(32, limit / 32 + 1, 1), size(1 << 32, 1 << 32, 1)] {
            check_on(
                device,
                |b| {
                    b.bind_scale();
                    b.dispatch(1, threadgroup);
                },
                &ValidationError::ThreadgroupTooLarge { kernel: k("scale"), threadgroup, limit },
                &format!(
                    "kernel 'scale': a threadgroup of {threadgroup} is larger than the device's limit of {limit} threads"
                ),
            );
        }
    });
    let threadgroup = size(65, 1, 1);
    check(
        |b| {
            b.encoder.set_compute_pipeline_state(&b.narrow);
            b.encoder.set_buffer(0, Some(&b.data), 0);
            b.dispatch(1, threadgroup);
        },
        ValidationError::ThreadgroupTooLargeForPipeline { kernel: k("narrow"), threadgroup, limit: 64 },
        "kernel 'narrow': a threadgroup of 65×1×1 is larger than its pipeline's limit of 64 threads",
    );
}

#[test]
fn grids_fit_thread_positions() {
    let grid = MTLSize::new(1 << 32, 1, 1);
    check(
        |b| {
            b.bind_scale();
            b.encoder.dispatch_threads(grid, THREAD);
        },
        ValidationError::GridTooLarge { kernel: k("scale"), grid },
        "kernel 'scale': a grid of 4294967296×1×1 threads is larger than 2³²−1 along some dimension",
    );
    check(
        |b| {
            b.bind_scale();
            b.encoder.dispatch_thread_groups(MTLSize::new(1 << 27, 1, 1), MTLSize::new(32, 1, 1));
        },
        ValidationError::GridTooLarge { kernel: k("scale"), grid },
        "kernel 'scale': a grid of 4294967296×1×1 threads is larger than 2³²−1 along some dimension",
    );
}

#[test]
fn kernels_can_count_what_they_ask_for() {
    let refused = |grid: MTLSize, threadgroup: MTLSize, name: &str, attribute, type_name: &str, along| {
        let (count, dimension) = along;
        check(
            |b| {
                b.encoder.set_compute_pipeline_state(&b.wide_memory);
                b.encoder.set_buffer(0, Some(&b.data), 0);
                b.encoder.set_threadgroup_memory_length(0, 1024);
                b.encoder.dispatch_threads(grid, threadgroup);
            },
            ValidationError::ParameterCannotCount {
                kernel: k("wide_memory"),
                name: name.to_owned(),
                attribute,
                type_name: type_name.to_owned(),
                count,
                dimension,
            },
            &format!(
                "kernel 'wide_memory': '{name}' [[{attribute}]] is of type '{type_name}', which cannot count {count} \
                 along the {dimension}; it has to have more components, or wider ones"
            ),
        );
    };
    let size = MTLSize::new;
    let (thread, threadgroup) = ("thread_position_in_grid", "threadgroup_position_in_grid");
    refused(size(1, 1, 2), size(1, 1, 2), "i", thread, "uint2", (2, "depth"));
    refused(size(4, 5, 1), size(4, 2, 1), "group", threadgroup, "ushort", (3, "height"));
    refused(size(1 << 20, 1, 1), size(16, 1, 1), "group", threadgroup, "ushort", (65536, "width"));
}

#[test]
fn threadgroup_memory_has_a_length_and_not_too_much() {
    let bind = |b: &Bench| {
        b.encoder.set_compute_pipeline_state(&b.shared_memory);
        b.encoder.set_buffer(0, Some(&b.data), 0);
    };
    check(
        |b| {
            bind(b);
            b.dispatch(1, THREAD);
        },
        ValidationError::MissingThreadgroupMemory { parameter: memory(1, "scratch") },
        "kernel 'shared_memory': threadgroup memory 1 ('scratch') has no length",
    );
    check(
        |b| b.encoder.set_threadgroup_memory_length(1, 8),
        ValidationError::ThreadgroupMemoryAlignment { index: 1, length: 8 },
        "set_threadgroup_memory_length: 8 bytes for index 1 are not a multiple of 16",
    );
    check(
        |b| {
            b.encoder.set_compute_pipeline_state(&b.wide_memory);
            b.encoder.set_buffer(0, Some(&b.data), 0);
            b.encoder.set_threadgroup_memory_length(0, 16);
            b.dispatch(1, THREAD);
        },
        ValidationError::BindingTooShort {
            parameter: KernelParameter { kernel: k("wide_memory"), ..memory(0, "scratch") },
            type_name: "threadgroup Wide *".to_owned(),
            length: 16,
            needed: 32,
        },
        "kernel 'wide_memory': threadgroup memory 0 ('scratch') has 16 bytes, but 'threadgroup Wide *' takes 32",
    );
    on_each_device(|device| {
        let limit = device.limits().max_threadgroup_memory_length;
        // The kernel declares 256 bytes itself.
        let own = pipeline(&library(device), "shared_memory").static_threadgroup_memory_length();
        assert!(own >= 256, "{own}");
        let length = limit + own;
        check_on(
            device,
            |b| {
                bind(b);
                b.encoder.set_threadgroup_memory_length(1, limit);
                b.dispatch(1, THREAD);
            },
            &ValidationError::ThreadgroupMemoryTooLong { kernel: k("shared_memory"), length, limit },
            &format!(
                "kernel 'shared_memory': {length} bytes of threadgroup memory are more than the device's {limit}"
            ),
        );
    });
}

#[test]
fn encoders_end_once_and_then_take_nothing() {
    type Call = (&'static str, fn(&Bench));
    let calls: [Call; 7] = [
        ("set_compute_pipeline_state", |b| b.encoder.set_compute_pipeline_state(&b.scale)),
        ("set_buffer", |b| b.encoder.set_buffer(0, Some(&b.data), 0)),
        ("set_bytes", |b| b.encoder.set_bytes(0, &[0; 4])),
        ("set_threadgroup_memory_length", |b| b.encoder.set_threadgroup_memory_length(0, 16)),
        ("dispatch_threads", |b| b.encoder.dispatch_threads(THREAD, THREAD)),
        ("dispatch_thread_groups", |b| b.encoder.dispatch_thread_groups(THREAD, THREAD)),
        ("end_encoding", |b| b.encoder.end_encoding()),
    ];
    for (call, misuse) in calls {
        check(
            |b| {
                b.encoder.end_encoding();
                misuse(b);
            },
            ValidationError::EncoderEnded { call },
            &format!("{call}: the encoder has ended"),
        );
    }
}

#[test]
fn one_encoder_at_a_time() {
    on_each_device(|device| {
        let bench = Bench::new(device);
        let second = bench.command_buffer.new_compute_command_encoder();
        second.set_bytes(0, &[0; 4]);
        second.end_encoding();
        let expect = ValidationError::EncoderOpen { call: "new_compute_command_encoder" };
        assert_eq!(second.error().as_ref().and_then(MetalError::validation), Some(&expect));
        assert_eq!(bench.encoder.error().map(|error| error.to_string()), None);
        bench.encoder.end_encoding();
        bench.command_buffer.commit();
        let error = bench.command_buffer.wait_until_completed().expect_err("the second encoder");
        assert_eq!(
            error.to_string(),
            "new_compute_command_encoder: the command buffer's last encoder has not ended; call end_encoding first"
        );
    });
}

#[test]
fn encoders_one_after_the_other_start_with_nothing_bound() {
    on_each_device(|device| {
        let bench = Bench::new(device);
        bench.bind_scale();
        bench.encoder.end_encoding();
        let second = bench.command_buffer.new_compute_command_encoder();
        second.set_compute_pipeline_state(&bench.scale);
        second.dispatch_threads(THREAD, THREAD);
        let expect = ValidationError::MissingBuffer { parameter: buffer(0, "input") };
        assert_eq!(second.error().as_ref().and_then(MetalError::validation), Some(&expect));
    });
}

#[test]
fn commit_needs_ended_encoders() {
    on_each_device(|device| {
        let bench = Bench::new(device);
        bench.command_buffer.commit();
        let error = bench.command_buffer.wait_until_completed().expect_err("an encoder is open");
        assert_eq!(error.validation(), Some(&ValidationError::CommitWithOpenEncoder));
        assert_eq!(
            error.to_string(),
            "commit: an encoder of the command buffer has not ended; call end_encoding first"
        );
        assert_eq!(bench.command_buffer.status(), MTLCommandBufferStatus::Error);
    });
}

#[test]
fn a_command_buffer_is_committed_once() {
    on_each_device(|device| {
        let bench = Bench::new(device);
        bench.encoder.end_encoding();
        bench.command_buffer.commit();
        assert!(bench.command_buffer.wait_until_completed().is_ok());
        bench.command_buffer.commit();
        let error = bench.command_buffer.wait_until_completed().expect_err("committed twice");
        assert_eq!(error.validation(), Some(&ValidationError::AlreadyCommitted { call: "commit" }));
        assert_eq!(error.to_string(), "commit: the command buffer has been committed");
        let encoder = bench.command_buffer.new_compute_command_encoder();
        assert_eq!(
            encoder.error().map(|error| error.to_string()).as_deref(),
            Some("new_compute_command_encoder: the command buffer has been committed")
        );
    });
}

#[test]
fn waiting_before_commit_is_refused_and_does_no_harm() {
    on_each_device(|device| {
        let bench = Bench::new(device);
        bench.encoder.end_encoding();
        let error = bench.command_buffer.wait_until_completed().expect_err("it would wait for ever");
        assert_eq!(error.validation(), Some(&ValidationError::NotCommitted));
        assert_eq!(
            error.to_string(),
            "wait_until_completed: the command buffer has not been committed, so it would never complete"
        );
        bench.command_buffer.commit();
        assert!(bench.command_buffer.wait_until_completed().is_ok());
    });
}

#[test]
fn the_first_misuse_is_the_one_reported() {
    check(
        |b| {
            b.encoder.set_bytes(2, &[]);
            b.encoder.set_buffer(31, None, 0);
            b.dispatch(1, THREAD);
        },
        ValidationError::EmptyBytes { index: 2 },
        "set_bytes: no bytes given for index 2",
    );
}

#[test]
fn a_misused_command_buffer_leaves_others_alone() {
    on_each_device(|device| {
        let bench = Bench::new(device);
        bench.encoder.set_bytes(2, &[]);
        bench.encoder.end_encoding();
        bench.command_buffer.commit();
        let next = bench.queue.new_command_buffer();
        let encoder = next.new_compute_command_encoder();
        encoder.set_compute_pipeline_state(&bench.scale);
        let output = create_buffer(device, &[0.0f32; 16]).expect("16 floats");
        encoder.set_buffer(0, Some(&bench.data), 0);
        encoder.set_buffer(1, Some(&output), 0);
        encoder.set_bytes(2, bytemuck::cast_slice(&[16u32, 3.0f32.to_bits()]));
        encoder.dispatch_threads(MTLSize::new(16, 1, 1), MTLSize::new(32, 1, 1));
        encoder.end_encoding();
        next.commit();
        assert!(bench.command_buffer.wait_until_completed().is_err());
        assert_eq!(next.wait_until_completed().map_err(|error| error.to_string()), Ok(()));
        assert_eq!(read_buffer::<f32>(&output).expect("16 floats"), [3.0; 16]);
    });
}

#[test]
fn empty_grids_run_nothing_and_are_no_error() {
    on_each_device(|device| {
        let bench = Bench::new(device);
        bench.bind_scale();
        for (x, y, z) in [(0, 1, 1), (1, 0, 1), (1, 1, 0)] {
            bench.encoder.dispatch_threads(MTLSize::new(x, y, z), THREAD);
            bench.encoder.dispatch_thread_groups(MTLSize::new(x, y, z), THREAD);
        }
        bench.encoder.end_encoding();
        bench.command_buffer.commit();
        assert_eq!(bench.command_buffer.wait_until_completed().map_err(|error| error.to_string()), Ok(()));
        assert_eq!(read_buffer::<f32>(&bench.data).expect("16 floats"), [1.0; 16]);
    });
}

#[test]
fn under_assert_the_misused_call_panics_and_the_command_buffer_still_fails() {
    let device = Device::host(HostOptions { error_mode: ErrorMode::Assert, ..HostOptions::default() });
    let command_buffer = device.new_command_queue().new_command_buffer();
    let encoder = command_buffer.new_compute_command_encoder();
    let misuse = std::panic::AssertUnwindSafe(|| encoder.set_bytes(0, &[]));
    let panic = std::panic::catch_unwind(misuse).expect_err("asserted");
    let text = panic.downcast_ref::<String>().map(String::as_str);
    assert_eq!(text, Some("set_bytes: no bytes given for index 0"));
    encoder.end_encoding();
    command_buffer.commit();
    assert!(command_buffer.wait_until_completed().is_err());
}

#[test]
fn buffers_have_bounds() {
    on_each_device(|device| {
        let check = |result: Result<(), MetalError>, text: &str| {
            assert_eq!(result.map_err(|error| error.to_string()), Err(text.to_owned()));
        };
        let shared = MTLResourceOptions::StorageModeShared;
        check(device.new_buffer(0, shared).map(drop), "a buffer cannot have a length of zero bytes");
        check(create_buffer::<f32>(device, &[]).map(drop), "a buffer cannot have a length of zero bytes");
        let limit = device.max_buffer_length();
        check(
            device.new_buffer(limit + 1, shared).map(drop),
            &format!(
                "a buffer of {} bytes is longer than the {limit} bytes that the device allows",
                limit + 1
            ),
        );
        let buffer = device.new_buffer(10, shared).expect("10 bytes");
        check(buffer.read(8, &mut [0; 3]), "3 bytes at offset 8 do not lie within a buffer of 10 bytes");
        check(
            buffer.write(u64::MAX, &[0]),
            "1 bytes at offset 18446744073709551615 do not lie within a buffer of 10 bytes",
        );
        check(
            read_buffer::<u32>(&buffer).map(drop),
            "a buffer of 10 bytes does not hold a whole number of elements of 4 bytes",
        );
        let private = device.new_buffer(4, MTLResourceOptions::StorageModePrivate).expect("4 bytes");
        let text = "a buffer with private storage cannot be read or written by the host";
        check(private.read(0, &mut [0]), text);
        check(private.write(0, &[0]), text);
    });
}

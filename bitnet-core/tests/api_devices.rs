//! Devices: which there are, what they can do, and what they refuse. On every device there is.

use std::fs;
use std::path::Path;

use bitnet_core::metal::testing::on_each_device;
use bitnet_core::metal::*;

const SHADER: &str = r#"
#include <metal_stdlib>
using namespace metal;

// A thread a place: counts visits, so that a grid that covers a place twice, or not, shows.
kernel void visit(device atomic_uint *visits [[buffer(0)]],
                  uint3 at [[thread_position_in_grid]],
                  uint3 size [[threads_per_grid]]) {
    atomic_fetch_add_explicit(&visits[(at.z * size.y + at.y) * size.x + at.x], 1u, memory_order_relaxed);
}

kernel void group_size(device uint *sizes [[buffer(0)]],
                       uint i [[thread_position_in_grid]],
                       uint size [[threads_per_threadgroup]]) {
    sizes[i] = size;
}

kernel void wanted_group_size(device uint *sizes [[buffer(0)]],
                              uint i [[thread_position_in_grid]],
                              uint size [[dispatch_threads_per_threadgroup]]) {
    sizes[i] = size;
}

kernel void twice(device uint *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
    x[i] *= 2;
}
"#;

fn pipeline(device: &Device, name: &str) -> ComputePipelineState {
    let library = device.new_library_with_source(SHADER, &CompileOptions::default());
    let function = library.and_then(|library| library.get_function(name, None));
    let pipeline = function.and_then(|f| device.new_compute_pipeline_state_with_function(&f));
    pipeline.unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a kernel over a grid of threads, with one buffer of `count` zeros, and gives what it wrote.
fn run(
    device: &Device,
    kernel: &str,
    count: u64,
    threads: [u64; 3],
    group: [u64; 3],
) -> Result<Vec<u32>, MetalError> {
    let buffer = device.new_buffer(4 * count, MTLResourceOptions::StorageModeShared)?;
    let command_buffer = device.new_command_queue().new_command_buffer();
    let encoder = command_buffer.new_compute_command_encoder();
    encoder.set_compute_pipeline_state(&pipeline(device, kernel));
    encoder.set_buffer(0, Some(&buffer), 0);
    let size = |[x, y, z]: [u64; 3]| MTLSize::new(x, y, z);
    encoder.dispatch_threads(size(threads), size(group));
    encoder.end_encoding();
    command_buffer.commit();
    command_buffer.wait_until_completed()?;
    read_buffer(&buffer)
}

fn uniform_host() -> Device {
    Device::host(HostOptions { non_uniform_threadgroups: false, ..HostOptions::default() })
}

#[test]
fn metal_is_one_device_or_says_why_not() {
    match (Device::metal(), Device::metal()) {
        (Ok(first), Ok(second)) => {
            assert_eq!(first, second);
            assert_eq!(first.kind(), DeviceKind::Metal);
            assert_eq!(Device::system_default().map(|device| device.kind()).ok(), Some(DeviceKind::Metal));
        }
        (Err(error), Err(_)) => {
            let MetalError::NoMetalDevice { reason } = &error else { panic!("{error:?}") };
            assert_eq!(error.to_string(), format!("no Metal device: {reason}"));
            assert!(!reason.is_empty());
            assert_eq!(Device::system_default().map(|device| device.kind()).ok(), Some(DeviceKind::Host));
        }
        (first, second) => panic!("once there, once not: {first:?}, {second:?}"),
    }
}

#[test]
fn limits_are_what_every_gpu_has_at_least() {
    on_each_device(|device| {
        let limits = device.limits();
        assert!(!device.name().is_empty());
        assert!(limits.max_total_threads_per_threadgroup >= 512, "{limits:?}");
        assert!(limits.max_threadgroup_memory_length >= 16 * 1024, "{limits:?}");
        assert!(limits.max_buffer_length >= 256 << 20, "{limits:?}");
        assert!([4, 8, 16, 32, 64].contains(&limits.thread_execution_width), "{limits:?}");
        let plain = pipeline(device, "twice");
        assert_eq!(plain.thread_execution_width(), limits.thread_execution_width);
        assert!(plain.max_total_threads_per_threadgroup() <= limits.max_total_threads_per_threadgroup);
        assert_eq!(plain.static_threadgroup_memory_length(), 0);
        let all = MTLGPUFamily::ALL.map(|(family, _)| family);
        let supported: Vec<_> = all.into_iter().filter(|family| device.supports_family(*family)).collect();
        assert_eq!(supported, device.families());
        assert_eq!(supported.is_empty(), device.kind() == DeviceKind::Host);
    });
}

#[test]
fn families_have_numbers_of_their_own() {
    let mut numbers = MTLGPUFamily::ALL.map(|(_, number)| number);
    assert!(MTLGPUFamily::ALL.is_sorted_by_key(|(family, _)| *family));
    numbers.sort_unstable();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
}

#[test]
fn uneven_grids_are_covered_once() {
    let check = |device: &Device| {
        for (threads, group) in [
            ([100, 1, 1], [32, 1, 1]),
            ([5, 1, 1], [32, 1, 1]),
            ([37, 9, 2], [32, 8, 1]),
            ([64, 4, 2], [16, 2, 2]),
        ] {
            let count = threads.iter().product();
            let visits = run(device, "visit", count, threads, group);
            let visits = visits.unwrap_or_else(|error| panic!("{}: {error}", device.name()));
            assert_eq!(visits, vec![1; count as usize], "{threads:?} by {group:?} on {}", device.name());
        }
    };
    on_each_device(|device| check(device));
    check(&uniform_host());
}

#[test]
fn threadgroups_of_one_size_never_differ_from_what_a_kernel_can_tell() {
    let uneven = Device::host(HostOptions::default());
    let sizes = |device: &Device, kernel: &str, threads: u64| {
        run(device, kernel, threads, [threads, 1, 1], [32, 1, 1]).map_err(|error| error.to_string())
    };
    for threads in [5, 32, 64] {
        let expect = sizes(&uneven, "group_size", threads);
        assert_eq!(sizes(&uniform_host(), "group_size", threads), expect, "{threads} threads");
    }
    let refused = |kernel: &str, threads: u64| {
        Err(format!(
            "kernel '{kernel}': a grid of {threads}×1×1 threads is no whole number of threadgroups of 32×1×1, and \
             the device has no smaller ones at the edges (its GPU is of none of the families Apple4, Mac2, Metal3)"
        ))
    };
    assert_eq!(sizes(&uneven, "group_size", 40), Ok([vec![32; 32], vec![8; 8]].concat()));
    assert_eq!(sizes(&uniform_host(), "group_size", 40), refused("group_size", 40));
    assert_eq!(sizes(&uneven, "wanted_group_size", 5), Ok(vec![32; 5]));
    assert_eq!(sizes(&uniform_host(), "wanted_group_size", 5), refused("wanted_group_size", 5));
}

#[test]
fn kernels_of_the_table_run_where_threadgroups_are_of_one_size() {
    let shaders = BitNetShaders::new(uniform_host()).expect("built in");
    for row in kernels::TABLE {
        for size in [1usize, 33, 1000] {
            let params = shaders.calculate_dispatch_params(row.function, size);
            let (threads, group) = params.unwrap_or_else(|error| panic!("{error}"));
            assert!(threads.width.is_multiple_of(group.width), "{}: {threads} by {group}", row.name);
        }
    }
}

#[test]
fn bytes_become_a_buffer_where_they_are() {
    on_each_device(|device| {
        let numbers: Vec<u32> = (0..5000).collect();
        let mut bytes = PageBytes::zeroed(4 * numbers.len());
        bytes.copy_from_slice(bytemuck::cast_slice(&numbers));
        let buffer = device.new_buffer_with_bytes_no_copy(bytes).expect("20 kB");
        assert_eq!((buffer.length(), buffer.resource_options()), (20_000, MTLResourceOptions::default()));
        let command_buffer = device.new_command_queue().new_command_buffer();
        let encoder = command_buffer.new_compute_command_encoder();
        encoder.set_compute_pipeline_state(&pipeline(device, "twice"));
        encoder.set_buffer(0, Some(&buffer), 0);
        encoder.dispatch_threads(MTLSize::new(5000, 1, 1), MTLSize::new(50, 1, 1));
        encoder.end_encoding();
        command_buffer.commit();
        assert_eq!(command_buffer.wait_until_completed().map_err(|error| error.to_string()), Ok(()));
        let doubled: Vec<u32> = numbers.iter().map(|n| 2 * n).collect();
        assert_eq!(read_buffer::<u32>(&buffer).expect("whole numbers"), doubled);
        let empty = device.new_buffer_with_bytes_no_copy(PageBytes::zeroed(0));
        assert_eq!(
            empty.map(drop).map_err(|error| error.to_string()),
            Err("a buffer cannot have a length of zero bytes".to_owned())
        );
    });
}

#[test]
fn archives_hold_what_pipelines_are_made_of() {
    on_each_device(|device| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pipelines.metalar");
        let library =
            device.new_library_with_source(SHADER, &CompileOptions::default()).expect("it compiles");
        let function = library.get_function("twice", None).expect("it is there");
        let make = |archive: &BinaryArchive| {
            let mut descriptor = ComputePipelineDescriptor::new(&function);
            descriptor.binary_archive = Some(archive);
            device.new_compute_pipeline_state_with_descriptor(&descriptor).expect("it suits the device");
        };
        let saved = |archive: &BinaryArchive| archive.save().map_err(|error| error.to_string());
        let archive = device.new_binary_archive(&path).expect("a new archive");
        assert_eq!((archive.path(), saved(&archive)), (&*path, Ok(false)));
        make(&archive);
        let keeps_code = device.limits().binary_archives;
        assert_eq!(saved(&archive), Ok(keeps_code));
        assert_eq!(path.exists(), keeps_code);
        let again = device.new_binary_archive(&path).expect("the same archive");
        make(&again);
        assert_eq!(saved(&again), Ok(false), "nothing is new");

        fs::write(&path, b"no archive").expect("a file");
        let anew = device.new_binary_archive(&path).expect("what cannot be used is replaced");
        make(&anew);
        assert_eq!(saved(&anew), Ok(keeps_code));
        let names =
            fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("a file").file_name());
        assert_eq!(names.collect::<Vec<_>>(), ["pipelines.metalar"], "nothing is left beside it");
    });
}

#[test]
fn the_disk_cache_keeps_machine_code_where_there_is_some() {
    on_each_device(|device| {
        let folder = tempfile::tempdir().expect("a folder");
        for run in ["first", "second"] {
            let config = ShaderCompilerConfig {
                cache_directory: Some(folder.path().to_owned()),
                ..ShaderCompilerConfig::default()
            };
            let shaders = BitNetShaders::with_config(device.clone(), config).expect("the folder is there");
            let pipeline = shaders.get_pipeline(BitNetShaderFunction::ReluForward);
            assert_eq!(pipeline.map(|p| p.label().to_owned()).ok().as_deref(), Some("relu_forward"), "{run}");
            let cache = shaders.compiler().disk_cache().expect("it has a folder");
            let key = shaders.compiler().cache_key("activation").expect("it is built in");
            assert_eq!(cache.archive_path(&key).exists(), device.limits().binary_archives, "{run}");
        }
    });
}

#[test]
fn an_archive_of_another_device_makes_no_pipeline() {
    let (device, other) = (Device::host(HostOptions::default()), Device::host(HostOptions::default()));
    let library = device.new_library_with_source(SHADER, &CompileOptions::default()).expect("it compiles");
    let function = library.get_function("twice", None).expect("it is there");
    let archive = other.new_binary_archive(Path::new("unused")).expect("an archive");
    let mut descriptor = ComputePipelineDescriptor::new(&function);
    descriptor.binary_archive = Some(&archive);
    let error = device.new_compute_pipeline_state_with_descriptor(&descriptor).expect_err("another device");
    assert_eq!(
        error.to_string(),
        "new_compute_pipeline_state_with_descriptor: the binary archive belongs to another device"
    );
}

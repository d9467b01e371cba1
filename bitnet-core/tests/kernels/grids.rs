//! Any grid gives the right results; grids of whole simdgroups, and any number of CPU threads, the same
//! ones bit by bit.

use super::support::{all_cases, name, shaders_of, with_shaders};
use super::{complaint, run, same_bits};
use bitnet_core::metal::kernels::case::Data;
use bitnet_core::metal::kernels::row::{Element, ParamKind};
use bitnet_core::metal::kernels::{Case, KernelRow, TABLE};
use bitnet_core::metal::{BitNetShaders, Buffer, Device, HostOptions, MTLSize, create_buffer};

/// Launches by hand, as one who knows nothing of the row's geometry, on a grid of `threads`. What the kernel's
/// pipeline does not take is cut down to what it does: whole simdgroups, if the threadgroup had whole ones.
fn run_on_grid(
    shaders: &BitNetShaders,
    row: &KernelRow,
    case: &Case,
    (threads, threadgroup): (u64, u64),
) -> Vec<(u32, Data)> {
    let device = shaders.device();
    let command_buffer = device.new_command_queue().new_command_buffer();
    let encoder = command_buffer.new_compute_command_encoder();
    let mut written: Vec<(u32, Element, Buffer)> = Vec::new();
    for param in row.params {
        let ParamKind::Buffer { element, least, .. } = param.kind else {
            encoder.set_bytes(param.index.into(), &case.params);
            continue;
        };
        if !param.is_used(&case.params) {
            encoder.set_buffer(param.index.into(), None, 0);
            continue;
        }
        let zeros = vec![0u8; (least(&case.shape) * element.size_bytes(case.precision)) as usize];
        let bytes = case.data(param.index).map_or(zeros.as_slice(), Data::bytes);
        let buffer = create_buffer(device, bytes).expect("cases on grids have no empty buffers");
        encoder.set_buffer(param.index.into(), Some(&buffer), 0);
        if param.tolerance().is_some() {
            written.push((param.index, element, buffer));
        }
    }
    for function in row.prologue().into_iter().chain([row.function]) {
        let pipeline =
            shaders.get_pipeline_in(function, case.precision).expect("the built-in shaders compile");
        let threadgroup = threadgroup.min(pipeline.max_total_threads_per_threadgroup());
        encoder.set_compute_pipeline_state(&pipeline);
        encoder.dispatch_threads(MTLSize::new(threads, 1, 1), MTLSize::new(threadgroup, 1, 1));
    }
    encoder.end_encoding();
    command_buffer.commit();
    command_buffer.wait_until_completed().unwrap_or_else(|error| panic!("{}: {error}", name(row, case)));
    let contents = |(index, element, buffer): &(u32, Element, Buffer)| {
        let data = Data::read(buffer, *element, case.precision);
        (*index, data.expect("a shared buffer of whole elements"))
    };
    written.iter().map(contents).collect()
}

/// The cases of moderate size that have no empty buffers.
fn cases(device: &Device, row: &'static KernelRow) -> impl Iterator<Item = Case> {
    let sizes = |case: &Case| case.buffers.iter().map(|(_, data)| data.len()).collect::<Vec<_>>();
    all_cases(device, row).filter(move |case| sizes(case).iter().all(|len| (1..3000).contains(len)))
}

#[test]
fn grids_of_whole_simdgroups_give_the_same_bits() {
    with_shaders(|shaders| {
        let width = shaders.device().limits().thread_execution_width;
        for row in TABLE {
            for case in cases(shaders.device(), row) {
                let expected = run(shaders, row, &case);
                for (simdgroups, per_threadgroup) in [(1, 1), (3, 2), (32, 8), (128, 32)] {
                    let grid = (simdgroups * width, per_threadgroup * width);
                    let outputs = run_on_grid(shaders, row, &case, grid);
                    assert!(same_bits(&outputs, &expected), "{} on {grid:?}", name(row, &case));
                }
            }
        }
    });
}

#[test]
fn any_grid_gives_right_results() {
    with_shaders(|shaders| {
        for row in TABLE {
            for case in cases(shaders.device(), row) {
                for grid in [(1, 1), (5, 32), (5, 33), (45, 20), (70, 33), (1000, 7)] {
                    let outputs = run_on_grid(shaders, row, &case, grid);
                    assert_eq!(complaint(row, &case, &outputs), None, "on {grid:?}");
                }
            }
        }
    });
}

#[test]
fn results_do_not_depend_on_the_number_of_cpu_threads() {
    let with = |threads| Device::host(HostOptions { threads: Some(threads), ..HostOptions::default() });
    let devices = [1, 2, 7].map(|threads| shaders_of(&with(threads)));
    for row in TABLE {
        for case in all_cases(devices[0].device(), row) {
            let expected = run(&devices[0], row, &case);
            for device in &devices[1..] {
                let outputs = run(device, row, &case);
                assert!(same_bits(&outputs, &expected), "{}", name(row, &case));
            }
        }
    }
}

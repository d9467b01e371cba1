//! How long kernels take, and what the memory of the machine allows.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use super::case::Case;
use super::launch::Launch;
use super::row::{Access, KernelRow, ParamKind};
use crate::metal::{CompileOptions, Device, DeviceKind, MTLSize, MetalError, create_buffer, read_buffer};

/// Runs at least and at most, whatever the time that they take.
const RUNS: std::ops::RangeInclusive<usize> = 3..=10_000;
/// Bytes that are copied to find out how fast memory is: far more than caches hold.
const COPIED_BYTES: usize = 64 << 20;
/// How often they are copied; the fastest counts, as the one that nothing disturbed.
const COPIES: usize = 5;

/// How long the runs of a kernel took on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The middle of all runs.
    pub median: Duration,
    /// The fastest run.
    pub fastest: Duration,
    /// How many there were.
    pub runs: usize,
}

/// Times a launch over and over for about so long, after one run that is not counted.
///
/// # Errors
/// As [`Launch::run`].
pub fn time(launch: &Launch<'_>, budget: Duration) -> Result<Timing, MetalError> {
    launch.run()?;
    let started = Instant::now();
    let mut times = Vec::new();
    while times.len() < *RUNS.start() || (started.elapsed() < budget && times.len() < *RUNS.end()) {
        times.push(launch.run()?);
    }
    times.sort();
    Ok(Timing { median: times[times.len() / 2], fastest: times[0], runs: times.len() })
}

/// Bytes that a kernel must at least move between memory and device for a case: each operand once, those that
/// are updated in place twice, what it makes for itself not at all.
pub fn bytes_moved(row: &KernelRow, case: &Case) -> u64 {
    let used = row.params.iter().filter(|param| param.is_used(&case.params));
    let bytes = used.filter_map(|param| {
        let ParamKind::Buffer { element, access, least, .. } = param.kind else { return None };
        let times = match access {
            Access::Read | Access::Write(_) => 1,
            Access::ReadWrite(_) => 2,
            Access::Scratch(_) => 0,
        };
        Some(times * least(&case.shape) * element.size_bytes(case.precision))
    });
    bytes.sum()
}

/// Bytes a second, read and written ones together, that a copy from memory to memory moves: on a Metal device by a
/// kernel, on the host device by all cores in compiled code.
///
/// # Errors
/// If the device has no room for the buffers, or copies wrongly.
pub fn memory_bandwidth(device: &Device) -> Result<f64, MetalError> {
    let time = match device.kind() {
        DeviceKind::Metal => time_of_copy_kernel(device, COPIED_BYTES / 16)?,
        DeviceKind::Host => time_of_host_copy(),
    };
    Ok(2.0 * COPIED_BYTES as f64 / time.as_secs_f64().max(1e-9))
}

fn time_of_host_copy() -> Duration {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let chunk = COPIED_BYTES.div_ceil(threads);
    let (from, mut to) = (vec![1u8; COPIED_BYTES], vec![0u8; COPIED_BYTES]);
    let mut copy = || {
        let started = Instant::now();
        thread::scope(|scope| {
            for (from, to) in from.chunks(chunk).zip(to.chunks_mut(chunk)) {
                scope.spawn(move || black_box(to).copy_from_slice(from));
            }
        });
        started.elapsed()
    };
    (0..COPIES).map(|_| copy()).min().unwrap_or_default()
}

const COPY_KERNEL: &str = "kernel void copy(device const float4 *from [[buffer(0)]], \
                           device float4 *to [[buffer(1)]], uint i [[thread_position_in_grid]]) { to[i] = from[i]; }";

/// The time in which a kernel copies so many `float4`.
fn time_of_copy_kernel(device: &Device, count: usize) -> Result<Duration, MetalError> {
    let library = device.new_library_with_named_source("copy", COPY_KERNEL, &CompileOptions::default())?;
    let pipeline = device.new_compute_pipeline_state_with_function(&library.get_function("copy", None)?)?;
    let elements: Vec<[f32; 4]> = (0..count).map(|i| [i as f32; 4]).collect();
    let from = create_buffer(device, &elements)?;
    let to = create_buffer(device, &vec![[f32::NAN; 4]; count])?;
    let queue = device.new_command_queue();
    let mut fastest = Duration::MAX;
    for _ in 0..COPIES {
        let command_buffer = queue.new_command_buffer();
        let encoder = command_buffer.new_compute_command_encoder();
        encoder.set_compute_pipeline_state(&pipeline);
        encoder.set_buffer(0, Some(&from), 0);
        encoder.set_buffer(1, Some(&to), 0);
        let group = pipeline.max_total_threads_per_threadgroup().min(256);
        encoder.dispatch_threads(MTLSize::new(count as u64, 1, 1), MTLSize::new(group, 1, 1));
        encoder.end_encoding();
        command_buffer.commit();
        command_buffer.wait_until_completed()?;
        fastest = fastest.min(command_buffer.gpu_duration().unwrap_or_default());
    }
    if read_buffer::<[f32; 4]>(&to)? != elements {
        return Err(MetalError::DeviceFailed { reason: "a kernel that copies gave other bytes".to_owned() });
    }
    Ok(fastest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metal::kernels::sized::{Size, case_of_size};
    use crate::metal::kernels::{BitNetShaderFunction as F, Precision};
    use crate::metal::{BitNetShaders, HostOptions};

    #[test]
    fn the_copy_kernel_copies() {
        let device = Device::host(HostOptions::default());
        time_of_copy_kernel(&device, 1000).expect("the host device copies as well");
    }

    #[test]
    fn bytes_count_every_operand_in_its_precision() {
        let size = Size { rows: 2, columns: 64, outputs: 3 };
        let check = |function: F, precision, expect| {
            let case = case_of_size(function.row(), size).expect("a small size");
            let case = case.in_precision(function.row(), precision);
            assert_eq!(bytes_moved(function.row(), &case), expect, "{function:?} {precision}");
        };
        check(F::ReluForward, Precision::Single, 2 * 4 * 128);
        check(F::ReluForward, Precision::Half, 2 * 2 * 128);
        check(F::AdamWStep, Precision::Single, (3 * 2 + 1) * 4 * 128);
        // Activations, packed weights, bias, results, scales.
        check(F::BitLinearForward, Precision::Single, 4 * (128 + 3 * 2 + 3 + 6 + 3));
    }

    #[test]
    fn a_kernel_is_run_a_few_times_at_least() {
        let shaders = BitNetShaders::new(Device::host(HostOptions::default())).expect("built-in shaders");
        let row = F::SoftmaxForward.row();
        let case = case_of_size(row, Size { rows: 3, columns: 40, outputs: 1 }).expect("a small size");
        let launch = Launch::new(&shaders, row, &case).expect("small buffers");
        let timing = time(&launch, Duration::ZERO).expect("it runs");
        assert_eq!(timing.runs, *RUNS.start());
        assert!(timing.fastest <= timing.median, "{timing:?}");
    }
}

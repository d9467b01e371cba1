//! Every kernel of the table, in every precision, over sizes, beside the time in which the machine's memory moves the
//! kernel's operands once. Results are compared with the reference before anything is timed.

use std::cell::LazyCell;
use std::time::Duration;

use bitnet_benchmarks::results::{Limit, Measurement, Results, measure};
use bitnet_core::metal::kernels::measure::{bytes_moved, memory_bandwidth};
use bitnet_core::metal::kernels::{Case, KernelRow, Launch, Size, TABLE, case_of_size, compare};
use bitnet_core::metal::{BitNetShaders, Device};
use criterion::{Criterion, criterion_group, criterion_main};

/// From what fits into the first cache to what a layer of a language model has; `--quick` leaves out the last.
const SIZES: [Size; 3] = [size(1, 64, 64), size(4, 256, 256), size(8, 1024, 1024)];

const fn size(rows: u32, columns: u32, outputs: u32) -> Size {
    Size { rows, columns, outputs }
}

fn kernels(c: &mut Criterion) {
    let device = Device::system_default().expect("the environment is right");
    let shaders = BitNetShaders::new(device.clone()).expect("the built-in shaders need no directory");
    let bandwidth = memory_bandwidth(&device).expect("the device copies");
    let machine = format!("{}, memory copied at {:.1} GB/s", device.name(), bandwidth / 1e9);
    println!("{machine}");
    let about = "The device's own time for one launch of each kernel; sizes are rows × columns × outputs.";
    let mut results = Results::new("kernels", about, "bytes moved", machine);
    let quick = std::env::args().any(|arg| arg == "--quick");
    let sizes = if quick { &SIZES[..SIZES.len() - 1] } else { &SIZES[..] };
    for row in TABLE {
        let mut group = c.benchmark_group(row.name);
        group.sample_size(10);
        group.warm_up_time(Duration::from_millis(20)).measurement_time(Duration::from_millis(200));
        for &precision in row.precisions() {
            for &size in sizes {
                // Made when it turns out to be wanted: criterion's command line may leave kernels out.
                let case = LazyCell::new(|| {
                    let case = case_of_size(row, size).expect("every kernel takes these sizes");
                    case.in_precision(row, precision)
                });
                let launch = LazyCell::new(|| checked_launch(&shaders, row, &case));
                let seconds = measure(&mut group, &format!("{precision} {size}"), |iterations| {
                    (0..iterations).map(|_| launch.run().expect("it ran before")).sum()
                });
                let Some(seconds) = seconds else { continue };
                let bytes = bytes_moved(row, &case) as f64;
                let limit = Limit { name: format!("memory, {precision}"), seconds: bytes / bandwidth };
                results.measurements.push(Measurement {
                    name: row.name.to_owned(),
                    series: precision.to_string(),
                    size: size.to_string(),
                    extent: bytes,
                    seconds,
                    limit: Some(limit),
                });
            }
        }
        group.finish();
    }
    results.finish().expect("the report can be written");
}

/// A launch that has run once and given the right results.
fn checked_launch<'a>(shaders: &'a BitNetShaders, row: &'static KernelRow, case: &'a Case) -> Launch<'a> {
    let name = row.kernel_name(case.precision);
    let launch = Launch::new(shaders, row, case).unwrap_or_else(|error| panic!("{name}: {error}"));
    launch.run().unwrap_or_else(|error| panic!("{name}: {error}"));
    let outputs = launch.outputs().unwrap_or_else(|error| panic!("{name}: {error}"));
    let verdict = compare(row, case, &outputs);
    assert!(verdict.is_ok(), "{name} at {}: {:?}", case.label, verdict.outputs);
    launch
}

criterion_group! {
    name = benches;
    // The report has the charts; criterion's own would take longer than the measuring.
    config = Criterion::default().without_plots();
    targets = kernels
}
criterion_main!(benches);

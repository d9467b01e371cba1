//! `bitlinear_forward` of one row of activations with 4096×4096 1-bit weights, executed as MSL on one core, beside the
//! same arithmetic as compiled Rust and beside the time that reading the weights takes.

use std::time::{Duration, Instant};

use bitnet_benchmarks::results::{Limit, Measurement, Results, measure};
use bitnet_benchmarks::{best_time, native_matvec, read_bandwidth_bytes_per_s, report};
use bitnet_core::metal::kernels::params::BitLinearParams;
use bitnet_core::metal::kernels::{Arg, Grouping, Shape, encode};
use bitnet_core::metal::{
    BitNetShaderFunction, BitNetShaders, Buffer, Device, HostOptions, create_buffer, read_buffer,
};
use criterion::{Criterion, criterion_group, criterion_main};

const K: usize = 4096;
const N: usize = 4096;
/// What the product may take.
const BUDGET: Duration = Duration::from_millis(250);

struct Operands {
    activations: Vec<f32>,
    weights: Vec<u32>,
}

/// Numbers that are small multiples of 1/8, so that every sum of them is exact in float32.
fn operands() -> Operands {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state
    };
    let activations = (0..K).map(|_| ((next() >> 16) % 17) as f32 / 8.0 - 1.0).collect();
    let weights = (0..N * K / 32).map(|_| next() ^ next() >> 15).collect();
    Operands { activations, weights }
}

/// Encodes, runs and waits.
fn launch(shaders: &BitNetShaders, input: &Buffer, weights: &Buffer, output: &Buffer) {
    let params = BitLinearParams {
        input_size: K as u32,
        output_size: N as u32,
        batch_size: 1,
        group_size: 0,
        has_bias: 0,
        has_scales: 0,
    };
    let queue = shaders.device().new_command_queue();
    let command_buffer = queue.new_command_buffer();
    let encoder = command_buffer.new_compute_command_encoder();
    let shape = Shape::linear(1, K as u32, N as u32, Grouping::Row);
    let args = [
        (0, Arg::Buffer(input, 0)),
        (1, Arg::Buffer(weights, 0)),
        (3, Arg::Buffer(output, 0)),
        (4, Arg::Bytes(bytemuck::bytes_of(&params))),
    ];
    encode(shaders, &encoder, BitNetShaderFunction::BitLinearForward, &shape, &args)
        .expect("the launch is right");
    encoder.end_encoding();
    command_buffer.commit();
    command_buffer.wait_until_completed().expect("the kernel runs");
}

fn bitlinear(c: &mut Criterion) {
    let Operands { activations, weights } = operands();
    let mut native = vec![0.0f32; N];
    native_matvec(&activations, &weights, N, &mut native);
    let native_time = best_time(10, || native_matvec(&activations, &weights, N, &mut native));
    let stream_time = Duration::from_secs_f64((weights.len() * 4) as f64 / read_bandwidth_bytes_per_s());

    let about =
        "Time from encoding to completion; the limit is the same product in compiled Rust on one core.";
    let machine = format!("{} bytes of packed weights", weights.len() * 4);
    let mut results = Results::new("bitlinear", about, "cores", machine);
    let mut group = c.benchmark_group("bitlinear_forward as MSL");
    group.sample_size(10);
    for threads in [1, 2] {
        let device = Device::host(HostOptions { threads: Some(threads), ..HostOptions::default() });
        let shaders = BitNetShaders::new(device.clone()).expect("the shaders compile");
        let input = create_buffer(&device, &activations).expect("there is memory");
        let packed = create_buffer(&device, &weights).expect("there is memory");
        let output = create_buffer(&device, &vec![f32::NAN; N]).expect("there is memory");
        launch(&shaders, &input, &packed, &output);
        assert_eq!(read_buffer::<f32>(&output).expect("it can be read"), native, "exact sums must agree");

        let time = best_time(5, || launch(&shaders, &input, &packed, &output));
        let what = format!("bitlinear_forward 1×{K}×{N} as MSL on {threads} core(s)");
        report(&what, time, "budget", BUDGET);
        report(&what, time, "compiled Rust, one core", native_time);
        report(&what, time, "reading the weights, one core", stream_time);
        let seconds = measure(&mut group, &format!("{threads} core(s)"), |iterations| {
            let started = Instant::now();
            (0..iterations).for_each(|_| launch(&shaders, &input, &packed, &output));
            started.elapsed()
        });
        results.measurements.extend(seconds.map(|seconds| Measurement {
            name: format!("bitlinear_forward 1×{K}×{N}"),
            series: "as MSL".to_owned(),
            size: format!("{threads} core(s)"),
            extent: threads as f64,
            seconds,
            limit: Some(Limit {
                name: "compiled Rust, one core".to_owned(),
                seconds: native_time.as_secs_f64(),
            }),
        }));
    }
    group.finish();
    results.finish().expect("the report can be written");
}

criterion_group!(benches, bitlinear);
criterion_main!(benches);

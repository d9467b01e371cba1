//! 8-bit quantisation against ONNX Runtime, and what a comparison element by element does not show.

use super::support::{shaders_of, with_shaders};
use super::{complaint, run};
use bitnet_core::metal::BitNetShaderFunction as F;
use bitnet_core::metal::kernels::case::Data;
use bitnet_core::metal::kernels::params::{
    ActivationGroupParams, DynamicQuantizeParams, GradientGroupParams, KernelParams, MixedPrecisionParams,
};
use bitnet_core::metal::kernels::verify::Way;
use bitnet_core::metal::kernels::{Case, TABLE};
use bitnet_core::metal::testing::on_each_device;
use bitnet_core::metal::{
    BitNetShaders, CompileOptions, Device, HostOptions, LanguageVersion, ShaderCompilerConfig,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde::Deserialize;

fn case<P: KernelParams>(label: &str, params: &P) -> Case {
    Case::new(label, params.shape().expect("parameters that the kernel takes"), params)
}

/// What `tests/vectors/make_onnx.py` writes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    made_by: String,
    cases: Vec<Vector>,
}

/// One tensor and what DynamicQuantizeLinear makes of it; floats by their bits.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    label: String,
    x_bits: Vec<u32>,
    y: Vec<u8>,
    scale_bits: u32,
    zero_point: u8,
}

fn onnx_vectors() -> Vectors {
    let text = include_str!("../vectors/onnx_dynamic_quantize_linear.json");
    serde_json::from_str(text).expect("the script writes what is read here")
}

/// Quantised elements, scale and zero point are those of ONNX Runtime, bit by bit.
fn check_onnx(shaders: &BitNetShaders) {
    let vectors = onnx_vectors();
    assert!(vectors.made_by.starts_with("onnxruntime 1."), "{}", vectors.made_by);
    assert!(vectors.cases.len() > 40 && vectors.cases.iter().any(|vector| vector.x_bits.len() > 5000));
    for vector in &vectors.cases {
        let scale = f32::from_bits(vector.scale_bits);
        if shaders.device().limits().flushes_subnormals && scale < f32::MIN_POSITIVE {
            continue; // ONNX Runtime counts with what such a device takes for zeros.
        }
        let x: Vec<f32> = vector.x_bits.iter().map(|&bits| f32::from_bits(bits)).collect();
        let (count, label) = (x.len() as u32, &vector.label);
        let tensor = case(label, &DynamicQuantizeParams::of(count));
        let row = case(label, &ActivationGroupParams { input_size: count, batch_size: 1, group_size: 0 });
        let expected = [
            (1, Data::U8(vector.y.clone())),
            (2, Data::F32(vec![scale])),
            (3, Data::U8(vec![vector.zero_point])),
        ];
        for (function, case) in [(F::DynamicQuantizeActivations, tensor), (F::QuantizeActivations8Bit, row)] {
            let outputs = run(shaders, function.row(), &case.with(0, Data::F32(x.clone())));
            assert_eq!(outputs, expected, "{function:?} ({label})");
        }
    }
}

#[test]
fn quantised_activations_are_those_of_onnx_runtime() {
    with_shaders(|shaders| {
        check_onnx(shaders);
    });
}

/// In versions of the language with and without `math_mode` pragmas, with simdgroup reductions and without.
#[test]
fn quantised_activations_are_those_of_onnx_runtime_in_every_way_of_compiling() {
    on_each_device(|device| {
        for language_version in
            [LanguageVersion::Metal2_3, LanguageVersion::Metal3_1, LanguageVersion::Metal3_2]
        {
            let compile_options = CompileOptions { language_version, ..CompileOptions::default() };
            let config = ShaderCompilerConfig { compile_options, ..ShaderCompilerConfig::default() };
            for way in Way::all(device, &config) {
                check_onnx(&way.shaders(device, &config).expect("no directory is needed"));
            }
        }
    });
}

#[test]
fn quantised_activations_are_those_of_onnx_runtime_without_simdgroup_reductions() {
    let options = HostOptions { simdgroup_reductions: false, ..HostOptions::default() };
    check_onnx(&shaders_of(&Device::host(options)));
}

/// So many elements that parts are longer than they would be in a smaller tensor.
#[test]
fn a_large_tensor_is_quantised_as_one() {
    with_shaders(|shaders| {
        let count = 1_050_003;
        let mut x: Vec<f32> = (0..count).map(|i| (f64::from(i) * 0.37).sin() as f32).collect();
        (x[700_001], x[count as usize - 1]) = (3.5, -2.25);
        let params = DynamicQuantizeParams::of(count);
        assert_eq!(params.parts, 1024);
        let case = case("1 050 003", &params).with(0, Data::F32(x));
        let row = F::DynamicQuantizeActivations.row();
        let outputs = run(shaders, row, &case);
        assert_eq!(outputs[1].1, Data::F32(vec![5.75 / 255.0]));
        assert_eq!(complaint(row, &case, &outputs), None);
    });
}

/// A kernel that is launched first gets the arguments of the one it is launched for, and fills its scratch.
#[test]
fn prologues_take_what_their_kernels_are_given() {
    let mut prologues = 0;
    for row in TABLE {
        let Some(prologue) = row.prologue().map(F::row) else { continue };
        prologues += 1;
        assert!(row.precisions().iter().all(|precision| prologue.precisions().contains(precision)));
        assert_eq!(prologue.prologue(), None, "{} is no first kernel", prologue.name);
        for param in prologue.params {
            let same = row.param(param.index).unwrap_or_else(|| panic!("{}: '{}'", row.name, param.name));
            assert_eq!((param.name, param.element()), (same.name, same.element()), "{}", row.name);
            assert!(param.tolerance().is_none() || same.tolerance().is_none(), "{} is lost", param.name);
        }
        for case in (row.cases)() {
            assert_eq!((prologue.constants().1.shape)(&case.params), Ok(case.shape), "{}", case.label);
        }
    }
    assert!(prologues > 0);
}

const COPIES: usize = 3000;

/// Many copies of one row of gradients, quantised: the means of the columns of q·scale, and the scale.
fn mean_of_copies(shaders: &BitNetShaders, row: &[f32], stochastic: u32, seed_low: u32) -> (Vec<f64>, f64) {
    let (input_size, batch_size) = (row.len() as u32, COPIES as u32);
    let params =
        GradientGroupParams { input_size, batch_size, group_size: 0, stochastic, seed_low, seed_high: 0 };
    let case = case("copies", &params).with(0, Data::F32(row.repeat(COPIES)));
    let outputs = run(shaders, F::QuantizeGradients.row(), &case);
    let [(1, Data::I8(quantized)), (2, Data::F32(scales))] = &outputs[..] else { panic!("{outputs:?}") };
    let scale = f64::from(scales[0]);
    let sum = |k: usize| quantized.iter().skip(k).step_by(row.len()).map(|&q| f64::from(q)).sum::<f64>();
    ((0..row.len()).map(|k| sum(k) * scale / COPIES as f64).collect(), scale)
}

/// The mean of `COPIES` roundings, up or down by chance, is off by σ ≤ scale / (2·√COPIES); by five times
/// that once in two million. The seed is fixed, so that the test gives one result for ever.
#[test]
fn the_mean_of_stochastically_quantised_gradients_is_the_gradient() {
    with_shaders(|shaders| {
        let row: Vec<f32> = (0..41).map(|i| ((f64::from(i) * 1.7).sin() * 3e-4) as f32).collect();
        let worst = |(means, scale): (Vec<f64>, f64)| {
            let errors = means.iter().zip(&row).map(|(mean, &g)| (mean - f64::from(g)).abs());
            errors.fold(0.0, f64::max) * 2.0 * (COPIES as f64).sqrt() / scale
        };
        for seed in [1, 2, 3] {
            let error = worst(mean_of_copies(shaders, &row, 1, seed));
            assert!(error < 5.0, "seed {seed}: {error} σ");
        }
        let nearest = worst(mean_of_copies(shaders, &row, 0, 1));
        assert!(nearest > 20.0, "rounding to nearest is biased, by {nearest} σ");
    });
}

#[test]
fn seeds_make_stochastic_rounding_what_it_is() {
    with_shaders(|shaders| {
        let row: Vec<f32> = (0..64).map(|i| (f64::from(i) * 0.9).cos() as f32).collect();
        let of_seed = |seed| mean_of_copies(shaders, &row, 1, seed).0;
        assert_eq!(of_seed(5), of_seed(5));
        assert_ne!(of_seed(5), of_seed(6));
    });
}

/// Sizes, zero points, bytes and words of a product whose scales are all 1.
type Product = (MixedPrecisionParams, Vec<u8>, Vec<u8>, Vec<u32>);

fn products() -> impl Strategy<Value = Product> {
    (1u32..40, 1u32..400, 1u32..20, 0u32..2, 0u32..5, 0u32..2)
        .prop_map(|(batch_size, input_size, output_size, has_zero_points, groups, activation_scales)| {
            MixedPrecisionParams {
                input_size,
                output_size,
                batch_size,
                group_size: 32 * groups,
                weight_scales: 0,
                activation_scales: 2 * activation_scales,
                has_zero_points,
                has_bias: 0,
            }
        })
        .prop_flat_map(|params| {
            let shape = params.shape().expect("multiples of 32");
            let bytes = |count: u64| vec(any::<u8>(), count as usize);
            let words = vec(any::<u32>(), shape.packed() as usize);
            (Just(params), bytes(shape.inputs()), bytes(shape.activation_scales()), words)
        })
}

/// Σ w·(q − zero point) of output n of row m.
fn exact_sum((params, activations, zero_points, words): &Product, m: usize, n: usize) -> i64 {
    let (columns, is_unsigned) = (params.input_size as usize, params.has_zero_points != 0);
    let group = if params.group_size == 0 { columns } else { params.group_size as usize };
    let term = |k: usize| {
        let byte = activations[m * columns + k];
        let zero_point = match (is_unsigned, params.activation_scales) {
            (false, _) => 0,
            (true, 0) => zero_points[0],
            (true, _) => zero_points[m * columns.div_ceil(group) + k / group],
        };
        let q = if is_unsigned { i64::from(byte) } else { i64::from(byte.cast_signed()) };
        let bit = words[n * columns.div_ceil(32) + k / 32] >> (k % 32) & 1;
        (2 * i64::from(bit) - 1) * (q - i64::from(zero_point))
    };
    (0..columns).map(term).sum()
}

/// The sums are below 2²⁴, so that float holds them.
#[test]
fn the_integer_part_of_a_product_is_exact() {
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    with_shaders(|shaders| {
        let is_exact = |product: Product| {
            let (expected, outputs) = (exact_sums(&product), outputs_of(shaders, &product));
            prop_assert_eq!(outputs, vec![(5, Data::F32(expected))], "{:?}", product.0);
            Ok(())
        };
        TestRunner::new(config.clone()).run(&products(), is_exact).unwrap_or_else(|error| panic!("{error}"));
    });
}

fn exact_sums(product: &Product) -> Vec<f32> {
    let (rows, columns) = (product.0.batch_size as usize, product.0.output_size as usize);
    (0..rows * columns).map(|i| exact_sum(product, i / columns, i % columns) as f32).collect()
}

fn outputs_of(shaders: &BitNetShaders, product: &Product) -> Vec<(u32, Data)> {
    let (params, activations, zero_points, words) = product.clone();
    let scales = Data::F32(vec![1.0; zero_points.len()]);
    let mut case =
        case("random", &params).with(0, Data::U8(activations)).with(1, Data::U32(words)).with(2, scales);
    if params.has_zero_points != 0 {
        case = case.with(3, Data::U8(zero_points));
    }
    run(shaders, F::MixedPrecisionMatmul.row(), &case)
}

//! Kernels over shapes and data that nobody chose.

use super::support::with_shaders_as;
use super::{complaint, run};
use bitnet_core::metal::kernels::Case;
use bitnet_core::metal::kernels::case::Data;
use bitnet_core::metal::kernels::params::{
    ActivationGroupParams, BinarizeParams, BitLinearGradParams, BitLinearParams, DynamicQuantizeParams,
    GradientGroupParams, KernelParams, LayerNormParams, MixedPrecisionParams, QuantizeActivationsParams,
    RmsNormParams, SoftmaxParams,
};
use bitnet_core::metal::{BitNetShaderFunction as F, BitNetShaders};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

fn floats(count: u64) -> impl Strategy<Value = Data> {
    vec(-4.0f32..4.0, count as usize).prop_map(Data::F32)
}

fn positive(count: u64) -> impl Strategy<Value = Data> {
    vec(0.0f32..1.0, count as usize).prop_map(Data::F32)
}

fn words(count: u64) -> impl Strategy<Value = Data> {
    vec(any::<u32>(), count as usize).prop_map(Data::U32)
}

/// A case of these parameters, its buffers yet to be filled.
fn empty<P: KernelParams>(params: &P) -> Case {
    Case::new("random", params.shape().expect("group sizes are multiples of 32"), params)
}

fn group_size() -> impl Strategy<Value = u32> {
    (0u32..5).prop_map(|n| 32 * n)
}

fn forward() -> impl Strategy<Value = Case> {
    (1u32..12, 1u32..700, 1u32..50, group_size(), 0u32..2, 0u32..2)
        .prop_map(|(batch_size, input_size, output_size, group_size, has_bias, has_scales)| {
            empty(&BitLinearParams { input_size, output_size, batch_size, group_size, has_bias, has_scales })
        })
        .prop_flat_map(|case| {
            let shape = case.shape;
            let data =
                (floats(shape.inputs()), words(shape.packed()), floats(shape.output), floats(shape.scales()));
            (Just(case), data)
        })
        .prop_map(|(case, (x, w, bias, scales))| case.with(0, x).with(1, w).with(2, bias).with(5, scales))
}

fn backward_input() -> impl Strategy<Value = Case> {
    (1u32..20, 1u32..130, 1u32..50, group_size(), 0u32..2)
        .prop_map(|(batch_size, input_size, output_size, group_size, has_scales)| {
            let has_bias = 0;
            empty(&BitLinearParams { input_size, output_size, batch_size, group_size, has_bias, has_scales })
        })
        .prop_flat_map(|case| {
            let shape = case.shape;
            (Just(case), floats(shape.outputs()), words(shape.packed()), floats(shape.scales()))
        })
        .prop_map(|(case, dy, w, scales)| case.with(0, dy).with(1, w).with(4, scales))
}

fn backward_weights() -> impl Strategy<Value = Case> {
    (1u32..40, 1u32..70, 1u32..40, 0u32..2, 0u32..2)
        .prop_map(|(batch_size, input_size, output_size, has_bias, clip_latent)| {
            empty(&BitLinearGradParams { input_size, output_size, batch_size, has_bias, clip_latent })
        })
        .prop_flat_map(|case| {
            let shape = case.shape;
            (Just(case), floats(shape.outputs()), floats(shape.inputs()), floats(shape.weights()))
        })
        .prop_map(|(case, dy, x, latent)| case.with(0, dy).with(1, x).with(5, latent))
}

fn binarize() -> impl Strategy<Value = Case> {
    (1u32..200, 1u32..40, group_size(), 0u32..2)
        .prop_map(|(input_size, output_size, group_size, per_tensor)| {
            empty(&BinarizeParams { input_size, output_size, group_size, per_tensor })
        })
        .prop_flat_map(|case| (Just(case.clone()), floats(case.shape.weights())))
        .prop_map(|(case, latent)| case.with(0, latent))
}

fn quantize() -> impl Strategy<Value = Case> {
    (1u32..200, 1u32..9)
        .prop_map(|(input_size, batch_size)| {
            empty(&QuantizeActivationsParams { input_size, batch_size, write_dequantized: 1 })
        })
        .prop_flat_map(|case| (Just(case.clone()), floats(case.shape.inputs()), -30i32..30))
        .prop_map(|(case, x, exponent)| {
            let Data::F32(x) = x else { unreachable!("floats() makes floats") };
            case.with(0, Data::F32(x.into_iter().map(|x| x * 2f32.powi(exponent)).collect()))
        })
}

fn bytes(count: u64) -> impl Strategy<Value = Data> {
    vec(any::<u8>(), count as usize).prop_map(Data::U8)
}

/// The case with the buffer 0 filled with floats about zero, or far from it.
fn with_shifted(case: Case) -> impl Strategy<Value = Case> {
    (Just(case.clone()), floats(case.shape.inputs()), -8.0f32..8.0).prop_map(|(case, x, shift)| {
        let Data::F32(x) = x else { unreachable!("floats() makes floats") };
        case.with(0, Data::F32(x.into_iter().map(|x| x + shift).collect()))
    })
}

fn quantize_8bit() -> impl Strategy<Value = Case> {
    (1u32..300, 1u32..9, group_size())
        .prop_map(|(input_size, batch_size, group_size)| {
            empty(&ActivationGroupParams { input_size, batch_size, group_size })
        })
        .prop_flat_map(with_shifted)
}

fn dequantize_8bit() -> impl Strategy<Value = Case> {
    (1u32..300, 1u32..9, group_size())
        .prop_map(|(input_size, batch_size, group_size)| {
            empty(&ActivationGroupParams { input_size, batch_size, group_size })
        })
        .prop_flat_map(|case| {
            let (inputs, scales) = (case.shape.inputs(), case.shape.activation_scales());
            (Just(case), bytes(inputs), floats(scales), bytes(scales))
        })
        .prop_map(|(case, q, scales, zero_points)| case.with(0, q).with(1, scales).with(2, zero_points))
}

fn dynamic_quantize() -> impl Strategy<Value = Case> {
    (0u32..4000).prop_map(|count| empty(&DynamicQuantizeParams::of(count))).prop_flat_map(with_shifted)
}

fn quantize_gradients() -> impl Strategy<Value = Case> {
    (1u32..200, 1u32..9, group_size(), 0u32..2, any::<u32>(), any::<u32>())
        .prop_map(|(input_size, batch_size, group_size, stochastic, seed_low, seed_high)| {
            empty(&GradientGroupParams {
                input_size,
                batch_size,
                group_size,
                stochastic,
                seed_low,
                seed_high,
            })
        })
        .prop_flat_map(|case| (Just(case.clone()), floats(case.shape.inputs()), -60i32..60))
        .prop_map(|(case, x, exponent)| {
            let Data::F32(x) = x else { unreachable!("floats() makes floats") };
            case.with(0, Data::F32(x.into_iter().map(|x| x * 2f32.powi(exponent)).collect()))
        })
}

fn mixed_precision() -> impl Strategy<Value = Case> {
    (1u32..40, 1u32..300, 1u32..30, group_size(), (0u32..3, 0u32..3), (0u32..2, 0u32..2))
        .prop_map(|(batch_size, input_size, output_size, group_size, scales, flags)| {
            empty(&MixedPrecisionParams {
                input_size,
                output_size,
                batch_size,
                group_size,
                weight_scales: scales.0,
                activation_scales: scales.1,
                has_zero_points: flags.0,
                has_bias: flags.1,
            })
        })
        .prop_flat_map(|case| {
            let (shape, scales) = (case.shape, case.shape.activation_scales());
            let activations = (bytes(shape.inputs()), floats(scales), bytes(scales));
            let weights = (words(shape.packed()), floats(shape.scales()), floats(shape.output));
            (Just(case), activations, weights)
        })
        .prop_map(|(case, (q, scales, zero_points), (w, weight_scales, bias))| {
            case.with(0, q)
                .with(1, w)
                .with(2, scales)
                .with(3, zero_points)
                .with(4, bias)
                .with(7, weight_scales)
        })
}

fn layer_norm() -> impl Strategy<Value = Case> {
    (1u32..200, 1u32..9)
        .prop_map(|(size, rows)| empty(&LayerNormParams { size, rows, epsilon: 1e-5 }))
        .prop_flat_map(|case| {
            let shape = case.shape;
            (Just(case), floats(shape.inputs()), floats(shape.input), floats(shape.input))
        })
        .prop_map(|(case, x, gamma, beta)| case.with(0, x).with(1, gamma).with(2, beta))
}

fn rms_norm() -> impl Strategy<Value = Case> {
    (1u32..200, 1u32..9)
        .prop_map(|(size, rows)| empty(&RmsNormParams { size, rows, epsilon: 1e-5 }))
        .prop_flat_map(|case| {
            let shape = case.shape;
            (Just(case), floats(shape.inputs()), floats(shape.input))
        })
        .prop_map(|(case, x, gamma)| case.with(0, x).with(1, gamma))
}

fn rms_norm_backward() -> impl Strategy<Value = Case> {
    (1u32..200, 1u32..9)
        .prop_map(|(size, rows)| empty(&RmsNormParams { size, rows, epsilon: 1e-5 }))
        .prop_flat_map(|case| {
            let (inputs, columns, rows) = (case.shape.inputs(), case.shape.input, case.shape.batch);
            (Just(case), floats(inputs), floats(inputs), floats(columns), positive(rows))
        })
        .prop_map(|(case, dy, x, gamma, rstd)| case.with(0, dy).with(1, x).with(2, gamma).with(3, rstd))
}

fn softmax_backward() -> impl Strategy<Value = Case> {
    (1u32..200, 1u32..9)
        .prop_map(|(size, rows)| empty(&SoftmaxParams { size, rows }))
        .prop_flat_map(|case| {
            let inputs = case.shape.inputs();
            (Just(case), floats(inputs), positive(inputs))
        })
        .prop_map(|(case, dy, y)| case.with(0, dy).with(1, y))
}

fn softmax() -> impl Strategy<Value = Case> {
    (1u32..200, 1u32..9)
        .prop_map(|(size, rows)| empty(&SoftmaxParams { size, rows }))
        .prop_flat_map(|case| (Just(case.clone()), floats(case.shape.inputs())))
        .prop_map(|(case, x)| case.with(0, x))
}

/// Checks kernels with cases of a strategy, on each device. Buffers that the parameters do not ask for are left out.
fn agree(functions: &[F], cases: impl Strategy<Value = Case>) {
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    with_shaders_as(&format!("random_shapes::{}_agrees", functions[0].name()), |shaders| {
        let agrees = |case: Case| functions.iter().try_for_each(|&f| agrees(shaders, f, case.clone()));
        TestRunner::new(config.clone()).run(&cases, agrees).unwrap_or_else(|error| panic!("{error}"));
    });
}

fn agrees(shaders: &BitNetShaders, function: F, mut case: Case) -> Result<(), TestCaseError> {
    let row = function.row();
    let is_used = |index| row.param(index).is_some_and(|param| param.is_used(&case.params));
    case.buffers.retain(|(index, _)| is_used(*index));
    for &precision in row.precisions() {
        let case = case.clone().in_precision(row, precision);
        let outputs = run(shaders, row, &case);
        prop_assert_eq!(complaint(row, &case, &outputs), None, "{:?}", case.shape);
    }
    Ok(())
}

#[test]
fn bitlinear_forward_agrees() {
    agree(&[F::BitLinearForward], forward());
}

#[test]
fn bitlinear_backward_input_agrees() {
    agree(&[F::BitLinearBackwardInput], backward_input());
}

#[test]
fn bitlinear_backward_weights_agrees() {
    agree(&[F::BitLinearBackwardWeights], backward_weights());
}

#[test]
fn binarize_weights_agrees() {
    agree(&[F::BinarizeWeights], binarize());
}

#[test]
fn quantize_activations_agrees() {
    agree(&[F::QuantizeActivations], quantize());
}

#[test]
fn quantize_activations_8bit_agrees() {
    agree(&[F::QuantizeActivations8Bit], quantize_8bit());
}

#[test]
fn dequantize_activations_8bit_agrees() {
    agree(&[F::DequantizeActivations8Bit], dequantize_8bit());
}

#[test]
fn dynamic_quantize_activations_agrees() {
    agree(&[F::DynamicQuantizeActivations, F::DynamicQuantizeRanges], dynamic_quantize());
}

#[test]
fn quantize_gradients_agrees() {
    agree(&[F::QuantizeGradients], quantize_gradients());
}

#[test]
fn mixed_precision_matmul_agrees() {
    agree(&[F::MixedPrecisionMatmul], mixed_precision());
}

#[test]
fn layer_norm_forward_agrees() {
    agree(&[F::LayerNormForward], layer_norm());
}

#[test]
fn softmax_forward_agrees() {
    agree(&[F::SoftmaxForward], softmax());
}

#[test]
fn softmax_backward_agrees() {
    agree(&[F::SoftmaxBackward], softmax_backward());
}

#[test]
fn rms_norm_forward_agrees() {
    agree(&[F::RmsNormForward], rms_norm());
}

#[test]
fn rms_norm_backward_agrees() {
    agree(&[F::RmsNormBackward], rms_norm_backward());
}

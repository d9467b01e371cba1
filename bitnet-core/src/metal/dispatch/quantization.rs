//! Dispatch helpers for the kernels of `quantization.metal`. M = `batch_size`, K = `input_size`, N = `output_size`; a
//! `group_size` of 0 means a whole row.

use super::dispatch_helpers;
use crate::metal::Buffer;
use crate::metal::kernels::params::{
    ActivationGroupParams, DynamicQuantizeParams, GradientGroupParams, MixedPrecisionParams,
    WeightGroupParams,
};

dispatch_helpers! {
    /// `quantize_weights_1bit`: for each group of `input` (N, K) the signs, packed, and the mean of the magnitudes.
    fn dispatch_quantize_weights_1bit for QuantizeWeights1Bit (
        input: &Buffer, weights: &Buffer, scales: &Buffer;
        input_size: u32, output_size: u32, group_size: u32,
    ) -> WeightGroupParams { input_size, output_size, group_size };

    /// `dequantize_weights_1bit`: `output` (N, K) is its group's scale where the bit is set, else minus that.
    fn dispatch_dequantize_weights_1bit for DequantizeWeights1Bit (
        weights: &Buffer, scales: &Buffer, output: &Buffer;
        input_size: u32, output_size: u32, group_size: u32,
    ) -> WeightGroupParams { input_size, output_size, group_size };

    /// `quantize_activations_8bit`: each group of `input` (M, K) in uint8, with a scale and a zero point.
    fn dispatch_quantize_activations_8bit for QuantizeActivations8Bit (
        input: &Buffer, quantized: &Buffer, scales: &Buffer, zero_points: &Buffer;
        input_size: u32, batch_size: u32, group_size: u32,
    ) -> ActivationGroupParams { input_size, batch_size, group_size };

    /// `dequantize_activations_8bit`: `output` (M, K) = (quantised value − zero point) · scale.
    fn dispatch_dequantize_activations_8bit for DequantizeActivations8Bit (
        quantized: &Buffer, scales: &Buffer, zero_points: &Buffer, output: &Buffer;
        input_size: u32, batch_size: u32, group_size: u32,
    ) -> ActivationGroupParams { input_size, batch_size, group_size };

    /// `dynamic_quantize_ranges`: the range of each part of `count` elements, for
    /// [`dispatch_dynamic_quantize_activations`], which needs them.
    fn dispatch_dynamic_quantize_ranges for DynamicQuantizeRanges (input: &Buffer, ranges: &Buffer; count: u32)
    -> DynamicQuantizeParams::of(count);

    /// `dynamic_quantize_activations`: `count` elements in uint8 with one `scale` and one `zero_point`, as ONNX's
    /// `DynamicQuantizeLinear`. Dispatch [`dispatch_dynamic_quantize_ranges`] first.
    fn dispatch_dynamic_quantize_activations for DynamicQuantizeActivations (
        input: &Buffer, quantized: &Buffer, scale: &Buffer, zero_point: &Buffer, ranges: &Buffer; count: u32,
    ) -> DynamicQuantizeParams::of(count);

    /// `quantize_gradients`: each group of `gradients` (M, K) in int8 with a scale, rounded to nearest; with a
    /// `seed`, up or down at random, so that the mean is the gradient.
    fn dispatch_quantize_gradients for QuantizeGradients (
        gradients: &Buffer, quantized: &Buffer, scales: &Buffer;
        input_size: u32, batch_size: u32, group_size: u32, seed: Option<u64>,
    ) -> GradientGroupParams {
        input_size, batch_size, group_size,
        stochastic: seed.is_some().into(),
        seed_low: seed.unwrap_or(0) as u32,
        seed_high: (seed.unwrap_or(0) >> 32) as u32,
    };

    /// `mixed_precision_matmul`: 8-bit `activations` (M, K) times packed weights. What the scales are for is in
    /// `sizes`; its flags for zero points and bias follow from what is bound.
    fn dispatch_mixed_precision_matmul for MixedPrecisionMatmul (
        activations: &Buffer, weights: &Buffer, activation_scales: &Buffer, zero_points: Option<&Buffer>,
        bias: Option<&Buffer>, output: &Buffer, weight_scales: Option<&Buffer>;
        sizes: &MixedPrecisionParams,
    ) -> MixedPrecisionParams {
        has_zero_points: zero_points.is_some().into(),
        has_bias: bias.is_some().into(),
        ..*sizes
    };
}

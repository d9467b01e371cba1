//! Dispatch helpers for the kernels of `bitlinear.metal`. M = `batch_size`, K = `input_size`, N = `output_size`;
//! packed weights are N rows of ⌈K/32⌉ words, bit i of word j being column 32·j + i, 1 for +1 and 0 for −1.

use super::dispatch_helpers;
use crate::metal::Buffer;
use crate::metal::kernels::Grouping;
use crate::metal::kernels::params::{
    BinarizeParams, BitLinearGradParams, BitLinearParams, QuantizeActivationsParams,
};

dispatch_helpers! {
    /// `bitlinear_forward` with every scale 1: `output` (M, N) = `input` (M, K) · weightsᵀ + `bias` (N).
    fn dispatch_bitlinear_forward for BitLinearForward (
        input: &Buffer, weights: &Buffer, bias: Option<&Buffer>, output: &Buffer;
        input_size: u32, output_size: u32, batch_size: u32,
    ) -> BitLinearParams {
        input_size, output_size, batch_size,
        group_size: 0,
        has_bias: bias.is_some().into(),
        has_scales: 0,
    };

    /// `bitlinear_forward` with a scale for each group of `group_size` columns of a row of the weights, or for
    /// each row if that is 0.
    fn dispatch_bitlinear_forward_scaled for BitLinearForward (
        input: &Buffer, weights: &Buffer, bias: Option<&Buffer>, output: &Buffer, scales: &Buffer;
        input_size: u32, output_size: u32, batch_size: u32, group_size: u32,
    ) -> BitLinearParams {
        input_size, output_size, batch_size, group_size,
        has_bias: bias.is_some().into(),
        has_scales: 1,
    };

    /// `bitlinear_backward_input`: `grad_input` (M, K) = `grad_output` (M, N) · weights, with a scale (without any,
    /// every scale is 1) for each group of `group_size` columns, or for each row if that is 0.
    fn dispatch_bitlinear_backward_input for BitLinearBackwardInput (
        grad_output: &Buffer, weights: &Buffer, grad_input: &Buffer, scales: Option<&Buffer>;
        input_size: u32, output_size: u32, batch_size: u32, group_size: u32,
    ) -> BitLinearParams {
        input_size, output_size, batch_size, group_size,
        has_bias: 0,
        has_scales: scales.is_some().into(),
    };

    /// `bitlinear_backward_weights`: `grad_weights` (N, K) = `grad_output` (M, N)ᵀ · `input` (M, K), straight through
    /// to the latent weights, zero where one of `latent` (N, K) exceeds 1 in magnitude; `grad_bias` (N) is the sum
    /// of the rows of `grad_output`.
    fn dispatch_bitlinear_backward_weights for BitLinearBackwardWeights (
        grad_output: &Buffer, input: &Buffer, grad_weights: &Buffer,
        grad_bias: Option<&Buffer>, latent: Option<&Buffer>;
        input_size: u32, output_size: u32, batch_size: u32,
    ) -> BitLinearGradParams {
        input_size, output_size, batch_size,
        has_bias: grad_bias.is_some().into(),
        clip_latent: latent.is_some().into(),
    };

    /// `binarize_weights`: for each group of `latent` (N, K) the signs of its weights less their mean, packed, and
    /// the mean of their magnitudes.
    fn dispatch_binarize_weights for BinarizeWeights (
        latent: &Buffer, weights: &Buffer, scales: &Buffer;
        input_size: u32, output_size: u32, grouping: Grouping,
    ) -> BinarizeParams {
        input_size, output_size,
        group_size: grouping.size(),
        per_tensor: u32::from(grouping == Grouping::Tensor),
    };

    /// `quantize_activations`: each row of `input` (M, K) in int8, `quantized` times its scale of `scales` (M);
    /// `dequantized` (M, K) gets that product.
    fn dispatch_quantize_activations for QuantizeActivations (
        input: &Buffer, quantized: &Buffer, scales: &Buffer, dequantized: Option<&Buffer>;
        input_size: u32, batch_size: u32,
    ) -> QuantizeActivationsParams {
        input_size, batch_size,
        write_dequantized: dequantized.is_some().into(),
    };
}

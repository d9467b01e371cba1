//! Dispatch helpers for normalisation, over `rows` rows of `size` elements.

use super::dispatch_helpers;
use crate::metal::Buffer;
use crate::metal::kernels::params::{LayerNormParams, RmsNormParams, SoftmaxParams};

dispatch_helpers! {
    /// `layer_norm_forward`: each row less its mean, times 1/√(variance + ε), times `gamma` plus `beta` (both
    /// (size)); `mean` and `rstd` (both (rows)) keep what the backward needs.
    fn dispatch_layer_norm_forward for LayerNormForward (
        input: &Buffer, gamma: &Buffer, beta: &Buffer, output: &Buffer, mean: &Buffer, rstd: &Buffer;
        size: u32, rows: u32, epsilon: f32,
    ) -> LayerNormParams { size, rows, epsilon };

    /// `layer_norm_backward`: the gradients of input, `gamma` and `beta`, from the forward's `mean` and `rstd`.
    fn dispatch_layer_norm_backward for LayerNormBackward (
        grad_output: &Buffer, input: &Buffer, gamma: &Buffer, mean: &Buffer, rstd: &Buffer,
        grad_input: &Buffer, grad_gamma: &Buffer, grad_beta: &Buffer;
        size: u32, rows: u32, epsilon: f32,
    ) -> LayerNormParams { size, rows, epsilon };

    /// `rms_norm_forward`: each row times 1/√(mean square + ε), times `gamma` (size); `rstd` (rows) keeps what the
    /// backward needs.
    fn dispatch_rms_norm_forward for RmsNormForward (
        input: &Buffer, gamma: &Buffer, output: &Buffer, rstd: &Buffer;
        size: u32, rows: u32, epsilon: f32,
    ) -> RmsNormParams { size, rows, epsilon };

    /// `rms_norm_backward`: the gradients of input and `gamma`, from the forward's `rstd`.
    fn dispatch_rms_norm_backward for RmsNormBackward (
        grad_output: &Buffer, input: &Buffer, gamma: &Buffer, rstd: &Buffer,
        grad_input: &Buffer, grad_gamma: &Buffer;
        size: u32, rows: u32, epsilon: f32,
    ) -> RmsNormParams { size, rows, epsilon };

    /// `softmax_forward`: exp(x − max) / Σ exp(x − max) of each row.
    fn dispatch_softmax_forward for SoftmaxForward (input: &Buffer, output: &Buffer; size: u32, rows: u32)
    -> SoftmaxParams { size, rows };

    /// `softmax_backward`: y·(dY − Σ dY·y) of each row, y the forward's `output`.
    fn dispatch_softmax_backward for SoftmaxBackward (
        grad_output: &Buffer, output: &Buffer, grad_input: &Buffer; size: u32, rows: u32,
    ) -> SoftmaxParams { size, rows };
}

//! Dispatch helpers for the element-wise kernels of `activation.metal`: forward, and the gradient of the input from
//! that of the output.

use super::dispatch_helpers;
use crate::metal::Buffer;
use crate::metal::kernels::params::{DropoutParams, ElementwiseParams, LeakyReluParams};

dispatch_helpers! {
    /// `relu_forward`: max(x, 0) of `count` elements.
    fn dispatch_relu_forward for ReluForward (input: &Buffer, output: &Buffer; count: u32)
    -> ElementwiseParams { count };

    /// `relu_backward`: `grad_output` where `input` is positive, else 0.
    fn dispatch_relu_backward for ReluBackward (
        grad_output: &Buffer, input: &Buffer, grad_input: &Buffer; count: u32,
    ) -> ElementwiseParams { count };

    /// `relu_squared_forward`: max(x, 0)² of `count` elements.
    fn dispatch_relu_squared_forward for ReluSquaredForward (input: &Buffer, output: &Buffer; count: u32)
    -> ElementwiseParams { count };

    /// `relu_squared_backward`: `grad_output` · 2·max(x, 0).
    fn dispatch_relu_squared_backward for ReluSquaredBackward (
        grad_output: &Buffer, input: &Buffer, grad_input: &Buffer; count: u32,
    ) -> ElementwiseParams { count };

    /// `gelu_forward`: x·Φ(x) of `count` elements, Φ the normal distribution.
    fn dispatch_gelu_forward for GeluForward (input: &Buffer, output: &Buffer; count: u32)
    -> ElementwiseParams { count };

    /// `gelu_backward`: `grad_output` · (Φ(x) + x·φ(x)), φ the normal density.
    fn dispatch_gelu_backward for GeluBackward (
        grad_output: &Buffer, input: &Buffer, grad_input: &Buffer; count: u32,
    ) -> ElementwiseParams { count };

    /// `gelu_tanh_forward`: ½x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) of `count` elements.
    fn dispatch_gelu_tanh_forward for GeluTanhForward (input: &Buffer, output: &Buffer; count: u32)
    -> ElementwiseParams { count };

    /// `gelu_tanh_backward`: `grad_output` times the derivative of `gelu_tanh_forward` at `input`.
    fn dispatch_gelu_tanh_backward for GeluTanhBackward (
        grad_output: &Buffer, input: &Buffer, grad_input: &Buffer; count: u32,
    ) -> ElementwiseParams { count };

    /// `swish_forward`: x·σ(x) of `count` elements.
    fn dispatch_swish_forward for SwishForward (input: &Buffer, output: &Buffer; count: u32)
    -> ElementwiseParams { count };

    /// `swish_backward`: `grad_output` · σ(x)·(1 + x·σ(−x)).
    fn dispatch_swish_backward for SwishBackward (
        grad_output: &Buffer, input: &Buffer, grad_input: &Buffer; count: u32,
    ) -> ElementwiseParams { count };

    /// `sigmoid_forward`: σ(x) = 1/(1 + exp(−x)) of `count` elements.
    fn dispatch_sigmoid_forward for SigmoidForward (input: &Buffer, output: &Buffer; count: u32)
    -> ElementwiseParams { count };

    /// `sigmoid_backward`: `grad_output` · y·(1 − y), y the forward's `output`.
    fn dispatch_sigmoid_backward for SigmoidBackward (
        grad_output: &Buffer, output: &Buffer, grad_input: &Buffer; count: u32,
    ) -> ElementwiseParams { count };

    /// `tanh_forward`: tanh(x) of `count` elements.
    fn dispatch_tanh_forward for TanhForward (input: &Buffer, output: &Buffer; count: u32)
    -> ElementwiseParams { count };

    /// `tanh_backward`: `grad_output` · (1 − y²), y the forward's `output`.
    fn dispatch_tanh_backward for TanhBackward (
        grad_output: &Buffer, output: &Buffer, grad_input: &Buffer; count: u32,
    ) -> ElementwiseParams { count };

    /// `leaky_relu_forward`: x where it is positive, else `slope`·x, of `count` elements.
    fn dispatch_leaky_relu_forward for LeakyReluForward (
        input: &Buffer, output: &Buffer; count: u32, slope: f32,
    ) -> LeakyReluParams { count, slope };

    /// `leaky_relu_backward`: `grad_output` where `input` is positive, else `slope` times that.
    fn dispatch_leaky_relu_backward for LeakyReluBackward (
        grad_output: &Buffer, input: &Buffer, grad_input: &Buffer; count: u32, slope: f32,
    ) -> LeakyReluParams { count, slope };

    /// `fused_relu_dropout`: max(x, 0) / (1 − `probability`), or 0 with that probability, by Philox keyed by `seed`;
    /// a bit of `mask` (⌈count / 32⌉ words) for each element that passed.
    fn dispatch_fused_relu_dropout for FusedReluDropout (
        input: &Buffer, output: &Buffer, mask: Option<&Buffer>;
        count: u32, probability: f32, seed: u64,
    ) -> DropoutParams {
        count, probability,
        seed_low: seed as u32,
        seed_high: (seed >> 32) as u32,
        write_mask: mask.is_some().into(),
    };

    /// `fused_relu_dropout_backward`: `grad_output` / (1 − `probability`) where the bit of `mask` is set, else 0.
    fn dispatch_fused_relu_dropout_backward for FusedReluDropoutBackward (
        grad_output: &Buffer, mask: &Buffer, grad_input: &Buffer; count: u32, probability: f32,
    ) -> DropoutParams { count, probability, ..DropoutParams::default() };
}

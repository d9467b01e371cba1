//! Rows of the kernels of BitLinear layers.

use super::BitNetShaderFunction as F;
use crate::metal::kernels::cases::bitlinear as cases;
use crate::metal::kernels::params::{
    BinarizeParams, BitLinearGradParams, BitLinearParams, KernelParams, QuantizeActivationsParams,
};
use crate::metal::kernels::reference::{bitlinear as reference, quantization};
use crate::metal::kernels::row::Element::{F32, I8, Real, U32};
use crate::metal::kernels::row::Tolerance::{NearTies, Sum, Ulp};
use crate::metal::kernels::row::{KernelRow, Work, constants, read, write};
use crate::metal::kernels::shape::{Grouping, Shape};

pub(super) const BITLINEAR_FORWARD: KernelRow = KernelRow {
    function: F::BitLinearForward,
    shader: "bitlinear",
    name: "bitlinear_forward",
    summary: "Y[m,n] = bias[n] + Σ_k X[m,k]·s[n,g(k)]·w[n,k] with 1-bit w",
    params: &[
        read(0, "input", Real, Shape::inputs),
        read(1, "weights", U32, Shape::packed),
        read(2, "bias", Real, |s| s.output).when(|p| BitLinearParams::from_bytes(p).has_bias != 0),
        write(3, "output", Real, Shape::outputs, Sum),
        constants(4, BitLinearParams::LAYOUT),
        read(5, "scales", F32, Shape::scales).when(|p| BitLinearParams::from_bytes(p).has_scales != 0),
    ],
    work: bitlinear_forward_work,
    reference: reference::forward,
    gradient: None,
    cases: cases::bitlinear_forward,
    half: true,
};

pub(super) const BITLINEAR_BACKWARD_INPUT: KernelRow = KernelRow {
    function: F::BitLinearBackwardInput,
    shader: "bitlinear",
    name: "bitlinear_backward_input",
    summary: "dX[m,k] = Σ_n dY[m,n]·s[n,g(k)]·w[n,k]",
    params: &[
        read(0, "grad_output", Real, Shape::outputs),
        read(1, "weights", U32, Shape::packed),
        write(2, "grad_input", Real, Shape::inputs, Sum),
        constants(3, BitLinearParams::LAYOUT),
        read(4, "scales", F32, Shape::scales).when(|p| BitLinearParams::from_bytes(p).has_scales != 0),
    ],
    work: |s| Work::Simdgroups(s.batch.div_ceil(8) * s.words()),
    reference: reference::backward_input,
    gradient: Some(reference::backward_input_gradient),
    cases: cases::bitlinear_backward_input,
    half: true,
};

pub(super) const BITLINEAR_BACKWARD_WEIGHTS: KernelRow = KernelRow {
    function: F::BitLinearBackwardWeights,
    shader: "bitlinear",
    name: "bitlinear_backward_weights",
    summary: "dW[n,k] = Σ_m dY[m,n]·X[m,k], straight through to the latent weights; db[n] = Σ_m dY[m,n]",
    params: &[
        read(0, "grad_output", Real, Shape::outputs),
        read(1, "input", Real, Shape::inputs),
        write(2, "grad_weights", F32, Shape::weights, Sum),
        write(3, "grad_bias", F32, |s| s.output, Sum)
            .when(|p| BitLinearGradParams::from_bytes(p).has_bias != 0),
        constants(4, BitLinearGradParams::LAYOUT),
        read(5, "latent", F32, Shape::weights).when(|p| BitLinearGradParams::from_bytes(p).clip_latent != 0),
    ],
    work: |s| Work::Simdgroups(s.output.div_ceil(8) * s.words() + s.output.div_ceil(32)),
    reference: reference::backward_weights,
    gradient: Some(reference::backward_weights_gradient),
    cases: cases::bitlinear_backward_weights,
    half: true,
};

pub(super) const BINARIZE_WEIGHTS: KernelRow = KernelRow {
    function: F::BinarizeWeights,
    shader: "bitlinear",
    name: "binarize_weights",
    summary: "per group: bits of Sign(W − mean W), scale mean|W|",
    params: &[
        read(0, "latent", F32, Shape::weights),
        write(1, "weights", U32, Shape::packed, NearTies),
        write(2, "scales", F32, Shape::scales, Sum),
        constants(3, BinarizeParams::LAYOUT),
    ],
    work: |s| match s.grouping {
        Grouping::Tensor if s.scales() > 0 => Work::Threadgroup,
        _ => Work::Simdgroups(s.scales()),
    },
    reference: quantization::binarize_weights,
    gradient: None,
    cases: cases::binarize_weights,
    half: false,
};

pub(super) const QUANTIZE_ACTIVATIONS: KernelRow = KernelRow {
    function: F::QuantizeActivations,
    shader: "bitlinear",
    name: "quantize_activations",
    summary: "per row: γ = max|x|, q = clamp(rint(127·x / γ), −128, 127), scale γ/127",
    params: &[
        read(0, "input", Real, Shape::inputs),
        write(1, "quantized", I8, Shape::inputs, NearTies),
        write(2, "scales", F32, |s| s.batch, Ulp(4)),
        constants(3, QuantizeActivationsParams::LAYOUT),
        write(4, "dequantized", Real, Shape::inputs, Ulp(4))
            .when(|p| QuantizeActivationsParams::from_bytes(p).write_dequantized != 0),
    ],
    work: |s| Work::Simdgroups(s.batch),
    reference: quantization::quantize_activations,
    gradient: None,
    cases: cases::quantize_activations,
    half: true,
};

/// Two ways through `bitlinear_forward` (see the shader): a simdgroup for four outputs of all rows, or for
/// 32 outputs of four rows. The shader chooses by the same rule.
fn bitlinear_forward_work(shape: &Shape) -> Work {
    const WIDE_ROWS: u64 = 4;
    const WIDE_WORDS: u64 = 16;
    Work::Simdgroups(if shape.batch >= WIDE_ROWS || shape.words() < WIDE_WORDS {
        shape.batch.div_ceil(4) * shape.output.div_ceil(32)
    } else {
        shape.output.div_ceil(4)
    })
}

//! Rows of the kernels for 8-bit activations and gradients.

use super::BitNetShaderFunction as F;
use crate::metal::kernels::cases::eight_bit as cases;
use crate::metal::kernels::params::{
    ActivationGroupParams, DynamicQuantizeParams, GradientGroupParams, KernelParams, MixedPrecisionParams,
};
use crate::metal::kernels::reference::eight_bit as reference;
use crate::metal::kernels::row::Element::{F32, I8, Real, U8, U32};
use crate::metal::kernels::row::Tolerance::{Exact, NearTies, Sum};
use crate::metal::kernels::row::{KernelRow, Work, constants, read, scratch, write};
use crate::metal::kernels::shape::Shape;

pub(super) const QUANTIZE_ACTIVATIONS_8BIT: KernelRow = KernelRow {
    function: F::QuantizeActivations8Bit,
    shader: "quantization",
    name: "quantize_activations_8bit",
    summary: "per group, with 0 in the range: scale = (max − min)/255, q = clamp(rint(x/scale) + zero point, 0, 255)",
    params: &[
        read(0, "input", Real, Shape::inputs),
        write(1, "quantized", U8, Shape::inputs, Exact),
        write(2, "scales", F32, Shape::activation_scales, Exact),
        write(3, "zero_points", U8, Shape::activation_scales, Exact),
        constants(4, ActivationGroupParams::LAYOUT),
    ],
    work: |s| Work::Simdgroups(s.activation_scales()),
    reference: reference::quantize_activations,
    gradient: None,
    cases: cases::quantize_activations_8bit,
    half: true,
};

pub(super) const DEQUANTIZE_ACTIVATIONS_8BIT: KernelRow = KernelRow {
    function: F::DequantizeActivations8Bit,
    shader: "quantization",
    name: "dequantize_activations_8bit",
    summary: "x̂ = (q − zero point)·scale",
    params: &[
        read(0, "quantized", U8, Shape::inputs),
        read(1, "scales", F32, Shape::activation_scales),
        read(2, "zero_points", U8, Shape::activation_scales),
        write(3, "output", Real, Shape::inputs, Exact),
        constants(4, ActivationGroupParams::LAYOUT),
    ],
    work: |s| Work::Threads(s.batch * s.input.div_ceil(4)),
    reference: reference::dequantize_activations,
    gradient: None,
    cases: cases::dequantize_activations_8bit,
    half: true,
};

pub(super) const DYNAMIC_QUANTIZE_RANGES: KernelRow = KernelRow {
    function: F::DynamicQuantizeRanges,
    shader: "quantization",
    name: "dynamic_quantize_ranges",
    summary: "the range of each part of a tensor, for dynamic_quantize_activations",
    params: &[
        read(0, "input", Real, Shape::inputs),
        constants(4, DynamicQuantizeParams::LAYOUT),
        write(5, "ranges", U32, ranges, Exact),
    ],
    work: |s| Work::Simdgroups(parts(s)),
    reference: reference::dynamic_quantize_ranges,
    gradient: None,
    cases: cases::dynamic_quantize,
    half: true,
};

pub(super) const DYNAMIC_QUANTIZE_ACTIVATIONS: KernelRow = KernelRow {
    function: F::DynamicQuantizeActivations,
    shader: "quantization",
    name: "dynamic_quantize_activations",
    summary: "the whole tensor as one group of quantize_activations_8bit: ONNX DynamicQuantizeLinear",
    params: &[
        read(0, "input", Real, Shape::inputs),
        write(1, "quantized", U8, Shape::inputs, Exact),
        write(2, "scale", F32, Shape::activation_scales, Exact),
        write(3, "zero_point", U8, Shape::activation_scales, Exact),
        constants(4, DynamicQuantizeParams::LAYOUT),
        scratch(5, "ranges", U32, ranges, F::DynamicQuantizeRanges),
    ],
    work: |s| Work::Simdgroups(parts(s)),
    reference: reference::quantize_activations,
    gradient: None,
    cases: cases::dynamic_quantize,
    half: true,
};

pub(super) const QUANTIZE_GRADIENTS: KernelRow = KernelRow {
    function: F::QuantizeGradients,
    shader: "quantization",
    name: "quantize_gradients",
    summary: "per group: scale = max|g|/127, q = g/scale to nearest, or at random by its fraction; Philox by (seed, index)",
    params: &[
        read(0, "gradients", Real, Shape::inputs),
        write(1, "quantized", I8, Shape::inputs, NearTies),
        write(2, "scales", F32, Shape::activation_scales, Exact),
        constants(3, GradientGroupParams::LAYOUT),
    ],
    work: |s| Work::Simdgroups(s.activation_scales()),
    reference: reference::quantize_gradients,
    gradient: None,
    cases: cases::quantize_gradients,
    half: true,
};

pub(super) const MIXED_PRECISION_MATMUL: KernelRow = KernelRow {
    function: F::MixedPrecisionMatmul,
    shader: "quantization",
    name: "mixed_precision_matmul",
    summary: "Y[m,n] = bias[n] + Σ_g s_w[n,g]·s_a[m,·]·Σ_{k∈g} w[n,k]·(q[m,k] − zero point), 1-bit w, 8-bit q, the inner sum exact",
    params: &[
        read(0, "activations", U8, Shape::inputs),
        read(1, "weights", U32, Shape::packed),
        read(2, "activation_scales", F32, Shape::activation_scales),
        read(3, "zero_points", U8, Shape::activation_scales)
            .when(|p| MixedPrecisionParams::from_bytes(p).has_zero_points != 0),
        read(4, "bias", Real, |s| s.output).when(|p| MixedPrecisionParams::from_bytes(p).has_bias != 0),
        write(5, "output", Real, Shape::outputs, Sum),
        constants(6, MixedPrecisionParams::LAYOUT),
        read(7, "weight_scales", F32, Shape::scales)
            .when(|p| MixedPrecisionParams::from_bytes(p).weight_scales != 0),
    ],
    work: mixed_precision_matmul_work,
    reference: reference::mixed_precision_matmul,
    gradient: None,
    cases: cases::mixed_precision_matmul,
    half: true,
};

/// A simdgroup takes eight outputs: of 32 rows, a lane each, or of one. The shader chooses by the same rule.
fn mixed_precision_matmul_work(shape: &Shape) -> Work {
    const WIDE_ROWS: u64 = 32;
    let rows = if shape.batch >= WIDE_ROWS { WIDE_ROWS } else { 1 };
    Work::Simdgroups(shape.batch.div_ceil(rows) * shape.output.div_ceil(8))
}

/// Parts of the tensor, each a simdgroup's work.
fn parts(shape: &Shape) -> u64 {
    DynamicQuantizeParams::parts_of(shape.inputs())
}

/// Two bounds for each part.
fn ranges(shape: &Shape) -> u64 {
    2 * parts(shape)
}

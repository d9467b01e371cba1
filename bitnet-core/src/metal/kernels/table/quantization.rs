//! Rows of the quantisation kernels.

use super::BitNetShaderFunction as F;
use crate::metal::kernels::cases::quantization as cases;
use crate::metal::kernels::params::{KernelParams, WeightGroupParams};
use crate::metal::kernels::reference::quantization as reference;
use crate::metal::kernels::row::Element::{F32, Real, U32};
use crate::metal::kernels::row::Tolerance::{Exact, Sum};
use crate::metal::kernels::row::{KernelRow, Work, constants, read, write};
use crate::metal::kernels::shape::Shape;

pub(super) const QUANTIZE_WEIGHTS_1BIT: KernelRow = KernelRow {
    function: F::QuantizeWeights1Bit,
    shader: "quantization",
    name: "quantize_weights_1bit",
    summary: "per group: bits of Sign(w), scale mean|w|",
    params: &[
        read(0, "input", F32, Shape::weights),
        write(1, "weights", U32, Shape::packed, Exact),
        write(2, "scales", F32, Shape::scales, Sum),
        constants(3, WeightGroupParams::LAYOUT),
    ],
    work: |s| Work::Simdgroups(s.scales()),
    reference: reference::quantize_weights_1bit,
    gradient: None,
    cases: cases::quantize_weights_1bit,
    half: false,
};

pub(super) const DEQUANTIZE_WEIGHTS_1BIT: KernelRow = KernelRow {
    function: F::DequantizeWeights1Bit,
    shader: "quantization",
    name: "dequantize_weights_1bit",
    summary: "ŵ = β·(2b − 1)",
    params: &[
        read(0, "weights", U32, Shape::packed),
        read(1, "scales", F32, Shape::scales),
        write(2, "output", Real, Shape::weights, Exact),
        constants(3, WeightGroupParams::LAYOUT),
    ],
    work: |s| Work::Simdgroups(s.packed()),
    reference: reference::dequantize_weights_1bit,
    gradient: None,
    cases: cases::dequantize_weights_1bit,
    half: true,
};

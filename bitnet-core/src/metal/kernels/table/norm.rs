//! Rows of the normalisations.

use super::BitNetShaderFunction as F;
use crate::metal::kernels::cases::norm as cases;
use crate::metal::kernels::params::{KernelParams, LayerNormParams};
use crate::metal::kernels::reference::norm as reference;
use crate::metal::kernels::row::Element::F32;
use crate::metal::kernels::row::Tolerance::Sum;
use crate::metal::kernels::row::{KernelRow, Work, constants, read, write};
use crate::metal::kernels::shape::Shape;

pub(super) const LAYER_NORM_FORWARD: KernelRow = KernelRow {
    function: F::LayerNormForward,
    shader: "activation",
    name: "layer_norm_forward",
    summary: "per row: y = (x − mean)·rstd·γ + β, rstd = 1/√(variance + ε)",
    params: &[
        read(0, "input", F32, Shape::inputs),
        read(1, "gamma", F32, |s| s.input),
        read(2, "beta", F32, |s| s.input),
        write(3, "output", F32, Shape::inputs, Sum),
        constants(4, LayerNormParams::LAYOUT),
        write(5, "mean", F32, |s| s.batch, Sum),
        write(6, "rstd", F32, |s| s.batch, Sum),
    ],
    work: |s| Work::Simdgroups(s.batch),
    reference: reference::layer_norm_forward,
    gradient: None,
    cases: cases::layer_norm_forward,
    half: false,
};

pub(super) const LAYER_NORM_BACKWARD: KernelRow = KernelRow {
    function: F::LayerNormBackward,
    shader: "activation",
    name: "layer_norm_backward",
    summary: "dX, dγ = Σ_m dY·x̂ and dβ = Σ_m dY of the layer norm",
    params: &[
        read(0, "grad_output", F32, Shape::inputs),
        read(1, "input", F32, Shape::inputs),
        read(2, "gamma", F32, |s| s.input),
        read(3, "mean", F32, |s| s.batch),
        read(4, "rstd", F32, |s| s.batch),
        write(5, "grad_input", F32, Shape::inputs, Sum),
        write(6, "grad_gamma", F32, |s| s.input, Sum),
        write(7, "grad_beta", F32, |s| s.input, Sum),
        constants(8, LayerNormParams::LAYOUT),
    ],
    work: |s| Work::Simdgroups(s.batch + s.words()),
    reference: reference::layer_norm_backward,
    gradient: Some(reference::layer_norm_gradient),
    cases: cases::layer_norm_backward,
    half: false,
};

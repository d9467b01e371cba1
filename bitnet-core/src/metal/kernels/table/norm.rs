//! Rows of the normalisations.

use super::BitNetShaderFunction as F;
use crate::metal::kernels::cases::norm as cases;
use crate::metal::kernels::params::{KernelParams, LayerNormParams, RmsNormParams};
use crate::metal::kernels::reference::norm as reference;
use crate::metal::kernels::row::Element::{F32, Real};
use crate::metal::kernels::row::Tolerance::Sum;
use crate::metal::kernels::row::{KernelRow, Work, constants, read, write};
use crate::metal::kernels::shape::Shape;

pub(super) const LAYER_NORM_FORWARD: KernelRow = KernelRow {
    function: F::LayerNormForward,
    shader: "activation",
    name: "layer_norm_forward",
    summary: "per row: y = (x − mean)·rstd·γ + β, rstd = 1/√(variance + ε)",
    params: &[
        read(0, "input", Real, Shape::inputs),
        read(1, "gamma", F32, |s| s.input),
        read(2, "beta", F32, |s| s.input),
        write(3, "output", Real, Shape::inputs, Sum),
        constants(4, LayerNormParams::LAYOUT),
        write(5, "mean", F32, |s| s.batch, Sum),
        write(6, "rstd", F32, |s| s.batch, Sum),
    ],
    work: |s| Work::Simdgroups(s.batch),
    reference: reference::layer_norm_forward,
    gradient: None,
    cases: cases::layer_norm_forward,
    half: true,
};

pub(super) const LAYER_NORM_BACKWARD: KernelRow = KernelRow {
    function: F::LayerNormBackward,
    shader: "activation",
    name: "layer_norm_backward",
    summary: "dX, dγ = Σ_m dY·x̂ and dβ = Σ_m dY of the layer norm",
    params: &[
        read(0, "grad_output", Real, Shape::inputs),
        read(1, "input", Real, Shape::inputs),
        read(2, "gamma", F32, |s| s.input),
        read(3, "mean", F32, |s| s.batch),
        read(4, "rstd", F32, |s| s.batch),
        write(5, "grad_input", Real, Shape::inputs, Sum),
        write(6, "grad_gamma", F32, |s| s.input, Sum),
        write(7, "grad_beta", F32, |s| s.input, Sum),
        constants(8, LayerNormParams::LAYOUT),
    ],
    work: |s| Work::Simdgroups(s.batch + s.words()),
    reference: reference::layer_norm_backward,
    gradient: Some(reference::layer_norm_gradient),
    cases: cases::layer_norm_backward,
    half: true,
};

pub(super) const RMS_NORM_FORWARD: KernelRow = KernelRow {
    function: F::RmsNormForward,
    shader: "activation",
    name: "rms_norm_forward",
    summary: "per row: y = x·rstd·γ, rstd = 1/√(mean(x²) + ε)",
    params: &[
        read(0, "input", Real, Shape::inputs),
        read(1, "gamma", F32, |s| s.input),
        write(2, "output", Real, Shape::inputs, Sum),
        constants(3, RmsNormParams::LAYOUT),
        write(4, "rstd", F32, |s| s.batch, Sum),
    ],
    work: |s| Work::Simdgroups(s.batch),
    reference: reference::rms_norm_forward,
    gradient: None,
    cases: cases::rms_norm_forward,
    half: true,
};

pub(super) const RMS_NORM_BACKWARD: KernelRow = KernelRow {
    function: F::RmsNormBackward,
    shader: "activation",
    name: "rms_norm_backward",
    summary: "dX and dγ = Σ_m dY·x̂ of the RMS norm",
    params: &[
        read(0, "grad_output", Real, Shape::inputs),
        read(1, "input", Real, Shape::inputs),
        read(2, "gamma", F32, |s| s.input),
        read(3, "rstd", F32, |s| s.batch),
        write(4, "grad_input", Real, Shape::inputs, Sum),
        write(5, "grad_gamma", F32, |s| s.input, Sum),
        constants(6, RmsNormParams::LAYOUT),
    ],
    work: |s| Work::Simdgroups(s.batch + s.words()),
    reference: reference::rms_norm_backward,
    gradient: Some(reference::rms_norm_gradient),
    cases: cases::rms_norm_backward,
    half: true,
};

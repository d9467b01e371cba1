//! Rows of the element-wise activations and of dropout.

use super::BitNetShaderFunction as F;
use crate::metal::kernels::cases::activation as cases;
use crate::metal::kernels::params::{DropoutParams, ElementwiseParams, KernelParams};
use crate::metal::kernels::reference::activation as reference;
use crate::metal::kernels::row::Element::{F32, Real, U32};
use crate::metal::kernels::row::Tolerance::{Exact, Ulp};
use crate::metal::kernels::row::{KernelRow, Work, constants, read, write};
use crate::metal::kernels::shape::Shape;

pub(super) const RELU_FORWARD: KernelRow = KernelRow {
    function: F::ReluForward,
    shader: "activation",
    name: "relu_forward",
    summary: "y = max(x, 0)",
    params: &[
        read(0, "input", Real, Shape::inputs),
        write(1, "output", Real, Shape::inputs, Exact),
        constants(2, ElementwiseParams::LAYOUT),
    ],
    work: |s| Work::Threads(s.inputs()),
    reference: reference::relu_forward,
    gradient: None,
    cases: cases::relu_forward,
    half: true,
};

pub(super) const RELU_BACKWARD: KernelRow = KernelRow {
    function: F::ReluBackward,
    shader: "activation",
    name: "relu_backward",
    summary: "dx = dy where x > 0, else 0",
    params: &[
        read(0, "grad_output", Real, Shape::inputs),
        read(1, "input", Real, Shape::inputs),
        write(2, "grad_input", Real, Shape::inputs, Exact),
        constants(3, ElementwiseParams::LAYOUT),
    ],
    work: |s| Work::Threads(s.inputs()),
    reference: reference::relu_backward,
    gradient: Some(reference::relu_gradient),
    cases: cases::relu_backward,
    half: true,
};

pub(super) const FUSED_RELU_DROPOUT: KernelRow = KernelRow {
    function: F::FusedReluDropout,
    shader: "activation",
    name: "fused_relu_dropout",
    summary: "y = max(x, 0) / (1 − p) with probability 1 − p, else 0; Philox by (seed, index)",
    params: &[
        read(0, "input", F32, Shape::inputs),
        write(1, "output", F32, Shape::inputs, Ulp(4)),
        constants(2, DropoutParams::LAYOUT),
        write(3, "mask", U32, Shape::mask_words, Exact)
            .when(|p| DropoutParams::from_bytes(p).write_mask != 0),
    ],
    work: |s| Work::Threads(s.mask_words()),
    reference: reference::fused_relu_dropout,
    gradient: None,
    cases: cases::fused_relu_dropout,
    half: false,
};

pub(super) const FUSED_RELU_DROPOUT_BACKWARD: KernelRow = KernelRow {
    function: F::FusedReluDropoutBackward,
    shader: "activation",
    name: "fused_relu_dropout_backward",
    summary: "dx = dy / (1 − p) where the mask is set, else 0",
    params: &[
        read(0, "grad_output", F32, Shape::inputs),
        read(1, "mask", U32, Shape::mask_words),
        write(2, "grad_input", F32, Shape::inputs, Ulp(4)),
        constants(3, DropoutParams::LAYOUT),
    ],
    work: |s| Work::Threads(s.inputs()),
    reference: reference::fused_relu_dropout_backward,
    gradient: Some(reference::fused_relu_dropout_gradient),
    cases: cases::fused_relu_dropout_backward,
    half: false,
};

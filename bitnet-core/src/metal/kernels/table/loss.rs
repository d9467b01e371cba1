//! Rows of softmax and the losses.

use super::BitNetShaderFunction as F;
use crate::metal::kernels::cases::loss as cases;
use crate::metal::kernels::params::{CrossEntropyParams, KernelParams, SoftmaxParams};
use crate::metal::kernels::reference::loss as reference;
use crate::metal::kernels::row::Element::{F32, Real, U32};
use crate::metal::kernels::row::Tolerance::Sum;
use crate::metal::kernels::row::{KernelRow, Work, constants, read, write};
use crate::metal::kernels::shape::Shape;

pub(super) const SOFTMAX_FORWARD: KernelRow = KernelRow {
    function: F::SoftmaxForward,
    shader: "activation",
    name: "softmax_forward",
    summary: "per row: exp(x − max) / Σ exp(x − max)",
    params: &[
        read(0, "input", Real, Shape::inputs),
        write(1, "output", Real, Shape::inputs, Sum),
        constants(2, SoftmaxParams::LAYOUT),
    ],
    work: |s| Work::Simdgroups(s.batch),
    reference: reference::softmax_forward,
    gradient: None,
    cases: cases::softmax_forward,
    half: true,
};

pub(super) const SOFTMAX_BACKWARD: KernelRow = KernelRow {
    function: F::SoftmaxBackward,
    shader: "activation",
    name: "softmax_backward",
    summary: "per row: dX = y·(dY − Σ dY·y), from the output",
    params: &[
        read(0, "grad_output", Real, Shape::inputs),
        read(1, "output", Real, Shape::inputs),
        write(2, "grad_input", Real, Shape::inputs, Sum),
        constants(3, SoftmaxParams::LAYOUT),
    ],
    work: |s| Work::Simdgroups(s.batch),
    reference: reference::softmax_backward,
    gradient: Some(reference::softmax_gradient),
    cases: cases::softmax_backward,
    half: true,
};

pub(super) const CROSS_ENTROPY_FORWARD: KernelRow = KernelRow {
    function: F::CrossEntropyForward,
    shader: "activation",
    name: "cross_entropy_forward",
    summary: "per row: −log softmax(logits)[label]",
    params: &[
        read(0, "logits", Real, Shape::inputs),
        read(1, "labels", U32, |s| s.batch),
        write(2, "losses", F32, |s| s.batch, Sum),
        constants(3, CrossEntropyParams::LAYOUT),
    ],
    work: |s| Work::Simdgroups(s.batch),
    reference: reference::cross_entropy_forward,
    gradient: None,
    cases: cases::cross_entropy_forward,
    half: true,
};

pub(super) const CROSS_ENTROPY_BACKWARD: KernelRow = KernelRow {
    function: F::CrossEntropyBackward,
    shader: "activation",
    name: "cross_entropy_backward",
    summary: "dlogits = scale·(softmax(logits) − onehot(label))",
    params: &[
        read(0, "logits", Real, Shape::inputs),
        read(1, "labels", U32, |s| s.batch),
        write(2, "grad_logits", Real, Shape::inputs, Sum),
        constants(3, CrossEntropyParams::LAYOUT),
    ],
    work: |s| Work::Simdgroups(s.batch),
    reference: reference::cross_entropy_backward,
    gradient: Some(reference::cross_entropy_gradient),
    cases: cases::cross_entropy_backward,
    half: true,
};

//! Rows of the optimisers' steps.

use super::BitNetShaderFunction as F;
use crate::metal::kernels::cases::optimizer as cases;
use crate::metal::kernels::params::{AdamWParams, KernelParams, SgdParams};
use crate::metal::kernels::reference::optimizer as reference;
use crate::metal::kernels::row::Element::F32;
use crate::metal::kernels::row::Tolerance::Sum;
use crate::metal::kernels::row::{KernelRow, Work, constants, read, update};
use crate::metal::kernels::shape::Shape;

pub(super) const ADAMW_STEP: KernelRow = KernelRow {
    function: F::AdamWStep,
    shader: "activation",
    name: "adamw_step",
    summary: "one step of Adam with decoupled weight decay, in place",
    params: &[
        update(0, "parameters", F32, Shape::inputs, Sum),
        read(1, "gradients", F32, Shape::inputs),
        update(2, "first_moment", F32, Shape::inputs, Sum),
        update(3, "second_moment", F32, Shape::inputs, Sum),
        constants(4, AdamWParams::LAYOUT),
    ],
    work: |s| Work::Threads(s.inputs()),
    reference: reference::adamw_step,
    gradient: None,
    cases: cases::adamw_step,
    half: false,
};

pub(super) const SGD_STEP: KernelRow = KernelRow {
    function: F::SgdStep,
    shader: "activation",
    name: "sgd_step",
    summary: "one step of gradient descent with momentum, in place",
    params: &[
        update(0, "parameters", F32, Shape::inputs, Sum),
        read(1, "gradients", F32, Shape::inputs),
        update(2, "momentum", F32, Shape::inputs, Sum).when(|p| SgdParams::from_bytes(p).momentum != 0.0),
        constants(3, SgdParams::LAYOUT),
    ],
    work: |s| Work::Threads(s.inputs()),
    reference: reference::sgd_step,
    gradient: None,
    cases: cases::sgd_step,
    half: false,
};

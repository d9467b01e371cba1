//! Row of `example_kernel`.

use super::BitNetShaderFunction as F;
use crate::metal::kernels::cases::example_kernel as cases;
use crate::metal::kernels::params::{ElementwiseParams, KernelParams};
use crate::metal::kernels::reference::example_kernel as reference;
use crate::metal::kernels::row::Element::Real;
use crate::metal::kernels::row::Tolerance::Ulp;
use crate::metal::kernels::row::{KernelRow, Work, constants, read, write};
use crate::metal::kernels::shape::Shape;

pub(super) const EXAMPLE_KERNEL: KernelRow = KernelRow {
    function: F::ExampleKernel,
    shader: "example_kernel",
    name: "example_kernel",
    summary: "y = x²",
    params: &[
        read(0, "input", Real, Shape::inputs),
        write(1, "output", Real, Shape::inputs, Ulp(4)),
        constants(2, ElementwiseParams::LAYOUT),
    ],
    work: |s| Work::Threads(s.inputs()),
    reference: reference::example_kernel,
    gradient: None,
    cases: cases::example_kernel,
    half: true,
};

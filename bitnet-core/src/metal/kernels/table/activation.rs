//! Rows of the element-wise activations and of dropout.

use super::BitNetShaderFunction as F;
use crate::metal::kernels::case::{Case, Derivative, Expected};
use crate::metal::kernels::cases::activation as cases;
use crate::metal::kernels::params::{DropoutParams, ElementwiseParams, KernelParams, LeakyReluParams};
use crate::metal::kernels::reference::activation as reference;
use crate::metal::kernels::row::Element::{Real, U32};
use crate::metal::kernels::row::Tolerance::{Exact, Ulp};
use crate::metal::kernels::row::{KernelRow, Param, Work, constants, read, write};
use crate::metal::kernels::shape::Shape;

/// What kernels that compute y = f(x) have in common.
const fn forward(
    function: F,
    name: &'static str,
    summary: &'static str,
    reference: fn(&Case) -> Vec<Expected>,
) -> KernelRow {
    KernelRow {
        function,
        shader: "activation",
        name,
        summary,
        params: const {
            &[
                read(0, "input", Real, Shape::inputs),
                write(1, "output", Real, Shape::inputs, Ulp(4)),
                constants(2, ElementwiseParams::LAYOUT),
            ]
        },
        work: |s| Work::Threads(s.inputs()),
        reference,
        gradient: None,
        cases: cases::forward,
        half: true,
    }
}

/// What kernels that compute dx = dy·f'(x) have in common.
const fn backward(
    function: F,
    name: &'static str,
    summary: &'static str,
    reference: fn(&Case) -> Vec<Expected>,
    gradient: fn(&Case) -> Vec<Derivative>,
) -> KernelRow {
    KernelRow {
        function,
        shader: "activation",
        name,
        summary,
        params: const {
            &[
                read(0, "grad_output", Real, Shape::inputs),
                read(1, "input", Real, Shape::inputs),
                write(2, "grad_input", Real, Shape::inputs, Ulp(4)),
                constants(3, ElementwiseParams::LAYOUT),
            ]
        },
        work: |s| Work::Threads(s.inputs()),
        reference,
        gradient: Some(gradient),
        cases: cases::backward,
        half: true,
    }
}

/// Parameters of kernels that take the output of the forward, as their derivative is a function of it.
const FROM_OUTPUT: &[Param] = &[
    read(0, "grad_output", Real, Shape::inputs),
    read(1, "output", Real, Shape::inputs),
    write(2, "grad_input", Real, Shape::inputs, Ulp(4)),
    constants(3, ElementwiseParams::LAYOUT),
];

pub(super) const RELU_FORWARD: KernelRow = KernelRow {
    params: &[
        read(0, "input", Real, Shape::inputs),
        write(1, "output", Real, Shape::inputs, Exact),
        constants(2, ElementwiseParams::LAYOUT),
    ],
    ..forward(F::ReluForward, "relu_forward", "y = max(x, 0)", |c| reference::forward(c, reference::relu))
};

pub(super) const RELU_BACKWARD: KernelRow = KernelRow {
    params: &[
        read(0, "grad_output", Real, Shape::inputs),
        read(1, "input", Real, Shape::inputs),
        write(2, "grad_input", Real, Shape::inputs, Exact),
        constants(3, ElementwiseParams::LAYOUT),
    ],
    ..backward(
        F::ReluBackward,
        "relu_backward",
        "dx = dy where x > 0, else 0; NaN where x is (PyTorch: dy)",
        |c| reference::backward(c, reference::relu_derivative),
        |c| reference::gradient(c, reference::relu),
    )
};

pub(super) const RELU_SQUARED_FORWARD: KernelRow =
    forward(F::ReluSquaredForward, "relu_squared_forward", "y = max(x, 0)²", |c| {
        reference::forward(c, reference::relu_squared)
    });

pub(super) const RELU_SQUARED_BACKWARD: KernelRow = backward(
    F::ReluSquaredBackward,
    "relu_squared_backward",
    "dx = dy·2·max(x, 0)",
    |c| reference::backward(c, reference::relu_squared_derivative),
    |c| reference::gradient(c, reference::relu_squared),
);

pub(super) const GELU_FORWARD: KernelRow =
    forward(F::GeluForward, "gelu_forward", "y = x·Φ(x) = ½x·(1 + erf(x/√2))", |c| {
        reference::forward(c, reference::gelu)
    });

pub(super) const GELU_BACKWARD: KernelRow = backward(
    F::GeluBackward,
    "gelu_backward",
    "dx = dy·(Φ(x) + x·φ(x)), φ the normal density",
    |c| reference::backward(c, reference::gelu_derivative),
    |c| reference::gradient(c, reference::gelu),
);

pub(super) const GELU_TANH_FORWARD: KernelRow = forward(
    F::GeluTanhForward,
    "gelu_tanh_forward",
    "y = ½x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))",
    |c| reference::forward(c, reference::gelu_tanh),
);

pub(super) const GELU_TANH_BACKWARD: KernelRow = backward(
    F::GeluTanhBackward,
    "gelu_tanh_backward",
    "dx = dy·f'(x) for gelu_tanh",
    |c| reference::backward(c, reference::gelu_tanh_derivative),
    |c| reference::gradient(c, reference::gelu_tanh),
);

pub(super) const SWISH_FORWARD: KernelRow =
    forward(F::SwishForward, "swish_forward", "y = x·σ(x)", |c| reference::forward(c, reference::swish));

pub(super) const SWISH_BACKWARD: KernelRow = backward(
    F::SwishBackward,
    "swish_backward",
    "dx = dy·σ(x)·(1 + x·σ(−x))",
    |c| reference::backward(c, reference::swish_derivative),
    |c| reference::gradient(c, reference::swish),
);

pub(super) const SIGMOID_FORWARD: KernelRow =
    forward(F::SigmoidForward, "sigmoid_forward", "y = σ(x) = 1/(1 + exp(−x))", |c| {
        reference::forward(c, reference::sigmoid)
    });

pub(super) const SIGMOID_BACKWARD: KernelRow = KernelRow {
    params: FROM_OUTPUT,
    cases: cases::sigmoid_backward,
    ..backward(
        F::SigmoidBackward,
        "sigmoid_backward",
        "dx = dy·y·(1 − y), from the output",
        |c| reference::backward(c, reference::sigmoid_derivative_at_output),
        |c| reference::gradient_from_output(c, reference::sigmoid, reference::logit),
    )
};

pub(super) const TANH_FORWARD: KernelRow =
    forward(F::TanhForward, "tanh_forward", "y = tanh(x)", |c| reference::forward(c, f64::tanh));

pub(super) const TANH_BACKWARD: KernelRow = KernelRow {
    params: FROM_OUTPUT,
    cases: cases::tanh_backward,
    ..backward(
        F::TanhBackward,
        "tanh_backward",
        "dx = dy·(1 − y²), from the output",
        |c| reference::backward(c, reference::tanh_derivative_at_output),
        |c| reference::gradient_from_output(c, f64::tanh, f64::atanh),
    )
};

pub(super) const LEAKY_RELU_FORWARD: KernelRow = KernelRow {
    params: &[
        read(0, "input", Real, Shape::inputs),
        write(1, "output", Real, Shape::inputs, Ulp(4)),
        constants(2, LeakyReluParams::LAYOUT),
    ],
    cases: cases::leaky_relu_forward,
    ..forward(
        F::LeakyReluForward,
        "leaky_relu_forward",
        "y = x where x > 0, else slope·x",
        reference::leaky_relu_forward,
    )
};

pub(super) const LEAKY_RELU_BACKWARD: KernelRow = KernelRow {
    params: &[
        read(0, "grad_output", Real, Shape::inputs),
        read(1, "input", Real, Shape::inputs),
        write(2, "grad_input", Real, Shape::inputs, Ulp(4)),
        constants(3, LeakyReluParams::LAYOUT),
    ],
    cases: cases::leaky_relu_backward,
    ..backward(
        F::LeakyReluBackward,
        "leaky_relu_backward",
        "dx = dy where x > 0, else slope·dy; NaN where x is (PyTorch: slope·dy)",
        reference::leaky_relu_backward,
        reference::leaky_relu_gradient,
    )
};

pub(super) const FUSED_RELU_DROPOUT: KernelRow = KernelRow {
    function: F::FusedReluDropout,
    shader: "activation",
    name: "fused_relu_dropout",
    summary: "y = max(x, 0) / (1 − p) with probability 1 − p, else 0; Philox by (seed, index)",
    params: &[
        read(0, "input", Real, Shape::inputs),
        write(1, "output", Real, Shape::inputs, Ulp(4)),
        constants(2, DropoutParams::LAYOUT),
        write(3, "mask", U32, Shape::mask_words, Exact)
            .when(|p| DropoutParams::from_bytes(p).write_mask != 0),
    ],
    work: |s| Work::Threads(s.mask_words()),
    reference: reference::fused_relu_dropout,
    gradient: None,
    cases: cases::fused_relu_dropout,
    half: true,
};

pub(super) const FUSED_RELU_DROPOUT_BACKWARD: KernelRow = KernelRow {
    function: F::FusedReluDropoutBackward,
    shader: "activation",
    name: "fused_relu_dropout_backward",
    summary: "dx = dy / (1 − p) where the mask is set, else 0",
    params: &[
        read(0, "grad_output", Real, Shape::inputs),
        read(1, "mask", U32, Shape::mask_words),
        write(2, "grad_input", Real, Shape::inputs, Ulp(4)),
        constants(3, DropoutParams::LAYOUT),
    ],
    work: |s| Work::Threads(s.inputs()),
    reference: reference::fused_relu_dropout_backward,
    gradient: Some(reference::fused_relu_dropout_gradient),
    cases: cases::fused_relu_dropout_backward,
    half: true,
};

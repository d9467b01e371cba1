//! The kernel table: everything the project knows about each kernel, one row a kernel.
//!
//! To add a kernel: write it in its `.metal` file, add a variant to [`BitNetShaderFunction`], a reference
//! in `reference/`, cases in `cases.rs`, and the row here. The tests compare the row with what the front
//! end sees in the shader, and run every case against the reference.

use super::cases;
use super::params::{
    AdamWParams, BinarizeParams, BitLinearGradParams, BitLinearParams, CrossEntropyParams, DropoutParams,
    ElementwiseParams, KernelParams, LayerNormParams, QuantizeActivationsParams, SoftmaxParams,
    WeightGroupParams,
};
use super::reference::{activation, bitlinear, loss, norm, optimizer, quantization};
use super::row::Element::{F32, I8, U32};
use super::row::Tolerance::{Exact, NearTies, Sum, Ulp};
use super::row::{KernelRow, Work, constants, read, update, write};
use super::shape::{Grouping, Shape};

/// The kernels, one variant a row of [`TABLE`].
///
/// **Invariant:** the rows of [`TABLE`] come in the order of the variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BitNetShaderFunction {
    /// `bitlinear_forward`
    BitLinearForward,
    /// `bitlinear_backward_input`
    BitLinearBackwardInput,
    /// `bitlinear_backward_weights`
    BitLinearBackwardWeights,
    /// `binarize_weights`
    BinarizeWeights,
    /// `quantize_activations`
    QuantizeActivations,
    /// `quantize_weights_1bit`
    QuantizeWeights1Bit,
    /// `dequantize_weights_1bit`
    DequantizeWeights1Bit,
    /// `relu_forward`
    ReluForward,
    /// `relu_backward`
    ReluBackward,
    /// `fused_relu_dropout`
    FusedReluDropout,
    /// `fused_relu_dropout_backward`
    FusedReluDropoutBackward,
    /// `layer_norm_forward`
    LayerNormForward,
    /// `layer_norm_backward`
    LayerNormBackward,
    /// `softmax_forward`
    SoftmaxForward,
    /// `cross_entropy_forward`
    CrossEntropyForward,
    /// `cross_entropy_backward`
    CrossEntropyBackward,
    /// `adamw_step`
    AdamWStep,
}

impl BitNetShaderFunction {
    /// The kernel's row of the table.
    pub fn row(self) -> &'static KernelRow {
        &TABLE[self as usize]
    }

    /// The shader file that holds the kernel, without `.metal`.
    pub fn shader(self) -> &'static str {
        self.row().shader
    }

    /// The kernel's name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The function with this kernel name.
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.function)
    }
}

use BitNetShaderFunction as F;

/// All kernels, in the order of [`BitNetShaderFunction`].
pub static TABLE: &[KernelRow] = &[
    KernelRow {
        function: F::BitLinearForward,
        shader: "bitlinear",
        name: "bitlinear_forward",
        summary: "Y[m,n] = bias[n] + Σ_k X[m,k]·s[n,g(k)]·w[n,k] with 1-bit w",
        params: &[
            read(0, "input", F32, Shape::inputs),
            read(1, "weights", U32, Shape::packed),
            read(2, "bias", F32, |s| s.output).when(|p| BitLinearParams::from_bytes(p).has_bias != 0),
            write(3, "output", F32, Shape::outputs, Sum),
            constants(4, BitLinearParams::LAYOUT),
            read(5, "scales", F32, Shape::scales).when(|p| BitLinearParams::from_bytes(p).has_scales != 0),
        ],
        work: bitlinear_forward_work,
        reference: bitlinear::forward,
        gradient: None,
        cases: cases::bitlinear_forward,
    },
    KernelRow {
        function: F::BitLinearBackwardInput,
        shader: "bitlinear",
        name: "bitlinear_backward_input",
        summary: "dX[m,k] = Σ_n dY[m,n]·s[n,g(k)]·w[n,k]",
        params: &[
            read(0, "grad_output", F32, Shape::outputs),
            read(1, "weights", U32, Shape::packed),
            write(2, "grad_input", F32, Shape::inputs, Sum),
            constants(3, BitLinearParams::LAYOUT),
            read(4, "scales", F32, Shape::scales).when(|p| BitLinearParams::from_bytes(p).has_scales != 0),
        ],
        work: |s| Work::Simdgroups(s.batch.div_ceil(8) * s.words()),
        reference: bitlinear::backward_input,
        gradient: Some(bitlinear::backward_input_gradient),
        cases: cases::bitlinear_backward_input,
    },
    KernelRow {
        function: F::BitLinearBackwardWeights,
        shader: "bitlinear",
        name: "bitlinear_backward_weights",
        summary: "dW[n,k] = Σ_m dY[m,n]·X[m,k], straight through to the latent weights; db[n] = Σ_m dY[m,n]",
        params: &[
            read(0, "grad_output", F32, Shape::outputs),
            read(1, "input", F32, Shape::inputs),
            write(2, "grad_weights", F32, Shape::weights, Sum),
            write(3, "grad_bias", F32, |s| s.output, Sum)
                .when(|p| BitLinearGradParams::from_bytes(p).has_bias != 0),
            constants(4, BitLinearGradParams::LAYOUT),
            read(5, "latent", F32, Shape::weights)
                .when(|p| BitLinearGradParams::from_bytes(p).clip_latent != 0),
        ],
        work: |s| Work::Simdgroups(s.output.div_ceil(8) * s.words() + s.output.div_ceil(32)),
        reference: bitlinear::backward_weights,
        gradient: Some(bitlinear::backward_weights_gradient),
        cases: cases::bitlinear_backward_weights,
    },
    KernelRow {
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
    },
    KernelRow {
        function: F::QuantizeActivations,
        shader: "bitlinear",
        name: "quantize_activations",
        summary: "per row: γ = max|x|, q = clamp(rint(127·x / γ), −128, 127), scale γ/127",
        params: &[
            read(0, "input", F32, Shape::inputs),
            write(1, "quantized", I8, Shape::inputs, NearTies),
            write(2, "scales", F32, |s| s.batch, Ulp(4)),
            constants(3, QuantizeActivationsParams::LAYOUT),
            write(4, "dequantized", F32, Shape::inputs, Ulp(4))
                .when(|p| QuantizeActivationsParams::from_bytes(p).write_dequantized != 0),
        ],
        work: |s| Work::Simdgroups(s.batch),
        reference: quantization::quantize_activations,
        gradient: None,
        cases: cases::quantize_activations,
    },
    KernelRow {
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
        reference: quantization::quantize_weights_1bit,
        gradient: None,
        cases: cases::quantize_weights_1bit,
    },
    KernelRow {
        function: F::DequantizeWeights1Bit,
        shader: "quantization",
        name: "dequantize_weights_1bit",
        summary: "ŵ = β·(2b − 1)",
        params: &[
            read(0, "weights", U32, Shape::packed),
            read(1, "scales", F32, Shape::scales),
            write(2, "output", F32, Shape::weights, Exact),
            constants(3, WeightGroupParams::LAYOUT),
        ],
        work: |s| Work::Simdgroups(s.packed()),
        reference: quantization::dequantize_weights_1bit,
        gradient: None,
        cases: cases::dequantize_weights_1bit,
    },
    KernelRow {
        function: F::ReluForward,
        shader: "activation",
        name: "relu_forward",
        summary: "y = max(x, 0)",
        params: &[
            read(0, "input", F32, Shape::inputs),
            write(1, "output", F32, Shape::inputs, Exact),
            constants(2, ElementwiseParams::LAYOUT),
        ],
        work: |s| Work::Threads(s.inputs()),
        reference: activation::relu_forward,
        gradient: None,
        cases: cases::relu_forward,
    },
    KernelRow {
        function: F::ReluBackward,
        shader: "activation",
        name: "relu_backward",
        summary: "dx = dy where x > 0, else 0",
        params: &[
            read(0, "grad_output", F32, Shape::inputs),
            read(1, "input", F32, Shape::inputs),
            write(2, "grad_input", F32, Shape::inputs, Exact),
            constants(3, ElementwiseParams::LAYOUT),
        ],
        work: |s| Work::Threads(s.inputs()),
        reference: activation::relu_backward,
        gradient: Some(activation::relu_gradient),
        cases: cases::relu_backward,
    },
    KernelRow {
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
        reference: activation::fused_relu_dropout,
        gradient: None,
        cases: cases::fused_relu_dropout,
    },
    KernelRow {
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
        reference: activation::fused_relu_dropout_backward,
        gradient: Some(activation::fused_relu_dropout_gradient),
        cases: cases::fused_relu_dropout_backward,
    },
    KernelRow {
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
        reference: norm::layer_norm_forward,
        gradient: None,
        cases: cases::layer_norm_forward,
    },
    KernelRow {
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
        reference: norm::layer_norm_backward,
        gradient: Some(norm::layer_norm_gradient),
        cases: cases::layer_norm_backward,
    },
    KernelRow {
        function: F::SoftmaxForward,
        shader: "activation",
        name: "softmax_forward",
        summary: "per row: exp(x − max) / Σ exp(x − max)",
        params: &[
            read(0, "input", F32, Shape::inputs),
            write(1, "output", F32, Shape::inputs, Sum),
            constants(2, SoftmaxParams::LAYOUT),
        ],
        work: |s| Work::Simdgroups(s.batch),
        reference: loss::softmax_forward,
        gradient: None,
        cases: cases::softmax_forward,
    },
    KernelRow {
        function: F::CrossEntropyForward,
        shader: "activation",
        name: "cross_entropy_forward",
        summary: "per row: −log softmax(logits)[label]",
        params: &[
            read(0, "logits", F32, Shape::inputs),
            read(1, "labels", U32, |s| s.batch),
            write(2, "losses", F32, |s| s.batch, Sum),
            constants(3, CrossEntropyParams::LAYOUT),
        ],
        work: |s| Work::Simdgroups(s.batch),
        reference: loss::cross_entropy_forward,
        gradient: None,
        cases: cases::cross_entropy_forward,
    },
    KernelRow {
        function: F::CrossEntropyBackward,
        shader: "activation",
        name: "cross_entropy_backward",
        summary: "dlogits = scale·(softmax(logits) − onehot(label))",
        params: &[
            read(0, "logits", F32, Shape::inputs),
            read(1, "labels", U32, |s| s.batch),
            write(2, "grad_logits", F32, Shape::inputs, Sum),
            constants(3, CrossEntropyParams::LAYOUT),
        ],
        work: |s| Work::Simdgroups(s.batch),
        reference: loss::cross_entropy_backward,
        gradient: Some(loss::cross_entropy_gradient),
        cases: cases::cross_entropy_backward,
    },
    KernelRow {
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
        reference: optimizer::adamw_step,
        gradient: None,
        cases: cases::adamw_step,
    },
];

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

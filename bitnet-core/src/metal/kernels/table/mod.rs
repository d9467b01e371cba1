//! The kernel table: everything the project knows about each kernel, one row a kernel.
//!
//! To add a kernel: write it in its `.metal` file, add a variant to [`BitNetShaderFunction`], and a reference,
//! cases and a row in the files of its family in `reference/`, `cases/` and `table/`. The tests compare the row
//! with what the front end sees in the shader, and run every case against the reference.

mod activation;
mod bitlinear;
mod loss;
mod norm;
mod optimizer;
mod quantization;

use super::row::{KernelRow, Precision};

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

    /// The function with this kernel name, in single precision.
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.function)
    }

    /// The function and the version of it that have this name in the shader: `relu_forward_f16` too.
    pub fn version_from_name(name: &str) -> Option<(Self, Precision)> {
        let versions = TABLE.iter().flat_map(|row| row.precisions().iter().map(move |p| (row, *p)));
        versions.into_iter().find(|(row, p)| row.kernel_name(*p) == name).map(|(row, p)| (row.function, p))
    }
}

/// All kernels, in the order of [`BitNetShaderFunction`].
pub static TABLE: &[KernelRow] = &[
    bitlinear::BITLINEAR_FORWARD,
    bitlinear::BITLINEAR_BACKWARD_INPUT,
    bitlinear::BITLINEAR_BACKWARD_WEIGHTS,
    bitlinear::BINARIZE_WEIGHTS,
    bitlinear::QUANTIZE_ACTIVATIONS,
    quantization::QUANTIZE_WEIGHTS_1BIT,
    quantization::DEQUANTIZE_WEIGHTS_1BIT,
    activation::RELU_FORWARD,
    activation::RELU_BACKWARD,
    activation::FUSED_RELU_DROPOUT,
    activation::FUSED_RELU_DROPOUT_BACKWARD,
    norm::LAYER_NORM_FORWARD,
    norm::LAYER_NORM_BACKWARD,
    loss::SOFTMAX_FORWARD,
    loss::CROSS_ENTROPY_FORWARD,
    loss::CROSS_ENTROPY_BACKWARD,
    optimizer::ADAMW_STEP,
];

//! The kernel table: everything the project knows about each kernel, one row a kernel.
//!
//! To add a kernel: write it in its `.metal` file, add a variant to [`BitNetShaderFunction`], and a reference,
//! cases and a row in the files of its family in `reference/`, `cases/` and `table/`. The tests compare the row
//! with what the front end sees in the shader, and run every case against the reference.

mod activation;
mod bitlinear;
mod eight_bit;
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
    /// `quantize_activations_8bit`
    QuantizeActivations8Bit,
    /// `dequantize_activations_8bit`
    DequantizeActivations8Bit,
    /// `dynamic_quantize_ranges`, the first half of the next
    DynamicQuantizeRanges,
    /// `dynamic_quantize_activations`: [`encode`](super::encode::encode) launches `dynamic_quantize_ranges`
    /// before it
    DynamicQuantizeActivations,
    /// `quantize_gradients`
    QuantizeGradients,
    /// `mixed_precision_matmul`
    MixedPrecisionMatmul,
    /// `relu_forward`
    ReluForward,
    /// `relu_backward`
    ReluBackward,
    /// `relu_squared_forward`
    ReluSquaredForward,
    /// `relu_squared_backward`
    ReluSquaredBackward,
    /// `gelu_forward`
    GeluForward,
    /// `gelu_backward`
    GeluBackward,
    /// `gelu_tanh_forward`
    GeluTanhForward,
    /// `gelu_tanh_backward`
    GeluTanhBackward,
    /// `swish_forward`
    SwishForward,
    /// `swish_backward`
    SwishBackward,
    /// `sigmoid_forward`
    SigmoidForward,
    /// `sigmoid_backward`
    SigmoidBackward,
    /// `tanh_forward`
    TanhForward,
    /// `tanh_backward`
    TanhBackward,
    /// `leaky_relu_forward`
    LeakyReluForward,
    /// `leaky_relu_backward`
    LeakyReluBackward,
    /// `fused_relu_dropout`
    FusedReluDropout,
    /// `fused_relu_dropout_backward`
    FusedReluDropoutBackward,
    /// `layer_norm_forward`
    LayerNormForward,
    /// `layer_norm_backward`
    LayerNormBackward,
    /// `rms_norm_forward`
    RmsNormForward,
    /// `rms_norm_backward`
    RmsNormBackward,
    /// `softmax_forward`
    SoftmaxForward,
    /// `softmax_backward`
    SoftmaxBackward,
    /// `cross_entropy_forward`
    CrossEntropyForward,
    /// `cross_entropy_backward`
    CrossEntropyBackward,
    /// `adamw_step`
    AdamWStep,
    /// `sgd_step`
    SgdStep,
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
    eight_bit::QUANTIZE_ACTIVATIONS_8BIT,
    eight_bit::DEQUANTIZE_ACTIVATIONS_8BIT,
    eight_bit::DYNAMIC_QUANTIZE_RANGES,
    eight_bit::DYNAMIC_QUANTIZE_ACTIVATIONS,
    eight_bit::QUANTIZE_GRADIENTS,
    eight_bit::MIXED_PRECISION_MATMUL,
    activation::RELU_FORWARD,
    activation::RELU_BACKWARD,
    activation::RELU_SQUARED_FORWARD,
    activation::RELU_SQUARED_BACKWARD,
    activation::GELU_FORWARD,
    activation::GELU_BACKWARD,
    activation::GELU_TANH_FORWARD,
    activation::GELU_TANH_BACKWARD,
    activation::SWISH_FORWARD,
    activation::SWISH_BACKWARD,
    activation::SIGMOID_FORWARD,
    activation::SIGMOID_BACKWARD,
    activation::TANH_FORWARD,
    activation::TANH_BACKWARD,
    activation::LEAKY_RELU_FORWARD,
    activation::LEAKY_RELU_BACKWARD,
    activation::FUSED_RELU_DROPOUT,
    activation::FUSED_RELU_DROPOUT_BACKWARD,
    norm::LAYER_NORM_FORWARD,
    norm::LAYER_NORM_BACKWARD,
    norm::RMS_NORM_FORWARD,
    norm::RMS_NORM_BACKWARD,
    loss::SOFTMAX_FORWARD,
    loss::SOFTMAX_BACKWARD,
    loss::CROSS_ENTROPY_FORWARD,
    loss::CROSS_ENTROPY_BACKWARD,
    optimizer::ADAMW_STEP,
    optimizer::SGD_STEP,
];

//! The backward pass of one layer: straight through the rounding of the activations and the signs of the
//! weights, the identity for both ("Training Tips, Code and FAQ" of BitNet b1.58: `x + stop(q(x) − x)`).
//!
//! dX̂ = dY·ŵ and dW = dYᵀ·x̂ with the quantised x̂ and ŵ = β·(±1) of the forward pass; α, β and the rows'
//! scales are constants in it.

use bitnet_core::metal::kernels::params::{BitLinearGradParams, DropoutParams};
use bitnet_core::metal::{BitNetShaderFunction as F, Buffer, MetalError};

use super::forward::{Activations, LayerBuffers};
use super::gpu::{Gpu, Recorder, View};
use super::optimizer::Parameter;
use crate::shape::LayerShape;

/// Gradients that pass through one layer, for as many rows as it has room for.
pub(crate) struct Gradients {
    pub(crate) output: Buffer, // (rows, outputs), of what the layer gives before ReLU
    normed: Buffer,            // (rows, inputs), of what the norm gives
    input: Buffer,             // (rows, inputs)
}

impl Gradients {
    pub(crate) fn new(gpu: &Gpu, shape: LayerShape, rows: usize) -> Result<Self, MetalError> {
        Ok(Self {
            output: gpu.zeros(rows * shape.outputs)?,
            normed: gpu.zeros(rows * shape.inputs)?,
            input: gpu.zeros(rows * shape.inputs)?,
        })
    }
}

/// What of a layer learns.
pub(crate) struct Parameters {
    pub(crate) latent: Parameter,
    pub(crate) bias: Parameter,
    pub(crate) gain: Parameter,
    pub(crate) shift: Parameter,
}

impl Parameters {
    pub(crate) fn all(&self) -> [&Parameter; 4] {
        [&self.latent, &self.bias, &self.gain, &self.shift]
    }
}

/// From the gradient of the layer's output to those of its parameters and of its input.
pub(crate) fn record_layer_backward(
    recorder: &Recorder<'_>,
    layer: &LayerBuffers,
    activations: &Activations,
    gradients: &Gradients,
    parameters: &Parameters,
    rows: usize,
    input: View<'_>,
) -> Result<(), MetalError> {
    recorder.launch(
        F::BitLinearBackwardWeights,
        &[
            (0, (&gradients.output).into()),
            (1, (&activations.dequantized).into()),
            (2, (&parameters.latent.gradient).into()),
            (3, (&parameters.bias.gradient).into()),
        ],
        4,
        &BitLinearGradParams {
            input_size: layer.shape.inputs as u32,
            output_size: layer.shape.outputs as u32,
            batch_size: rows as u32,
            has_bias: 1,
            clip_latent: 0,
        },
    )?;
    recorder.launch(
        F::BitLinearBackwardInput,
        &[
            (0, (&gradients.output).into()),
            (1, (&layer.weights).into()),
            (2, (&gradients.normed).into()),
            (4, (&layer.scales).into()),
        ],
        3,
        &layer.linear_params(rows, false),
    )?;
    recorder.launch(
        F::LayerNormBackward,
        &[
            (0, (&gradients.normed).into()),
            (1, input),
            (2, (&layer.gain).into()),
            (3, (&activations.mean).into()),
            (4, (&activations.rstd).into()),
            (5, (&gradients.input).into()),
            (6, (&parameters.gain.gradient).into()),
            (7, (&parameters.shift.gradient).into()),
        ],
        8,
        &layer.norm_params(rows),
    )
}

/// ReLU and dropout between layers, in training.
pub(crate) struct Rectifier {
    mask: Buffer, // u32 (⌈rows·outputs / 32⌉): which elements passed
}

impl Rectifier {
    pub(crate) fn new(gpu: &Gpu, shape: LayerShape, rows: usize) -> Result<Self, MetalError> {
        Ok(Self { mask: gpu.zeros((rows * shape.outputs).div_ceil(32))? })
    }

    pub(crate) fn record_forward(
        &self,
        recorder: &Recorder<'_>,
        activations: &Activations,
        dropout: &DropoutParams,
    ) -> Result<(), MetalError> {
        recorder.launch(
            F::FusedReluDropout,
            &[
                (0, (&activations.output).into()),
                (1, (&activations.rectified).into()),
                (3, (&self.mask).into()),
            ],
            2,
            dropout,
        )
    }

    /// From the gradient of the next layer's input to that of this layer's output.
    pub(crate) fn record_backward(
        &self,
        recorder: &Recorder<'_>,
        next: &Gradients,
        this: &Gradients,
        dropout: &DropoutParams,
    ) -> Result<(), MetalError> {
        recorder.launch(
            F::FusedReluDropoutBackward,
            &[(0, (&next.input).into()), (1, (&self.mask).into()), (2, (&this.output).into())],
            3,
            dropout,
        )
    }
}

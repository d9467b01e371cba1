//! The forward pass of one layer, for training and for use alike.

use bitnet_core::metal::kernels::params::{
    BitLinearParams, ElementwiseParams, LayerNormParams, QuantizeActivationsParams,
};
use bitnet_core::metal::{BitNetShaderFunction as F, Buffer, MetalError};

use super::gpu::{Gpu, Recorder, View};
use crate::shape::LayerShape;

/// What a layer knows: all that a model file holds of it.
pub(crate) struct LayerBuffers {
    pub(crate) shape: LayerShape,
    pub(crate) norm_epsilon: f32,
    pub(crate) weights: Buffer, // u32 (outputs, row_words)
    pub(crate) scales: Buffer,  // (outputs, groups)
    pub(crate) bias: Buffer,    // (outputs)
    pub(crate) gain: Buffer,    // (inputs)
    pub(crate) shift: Buffer,   // (inputs)
}

impl LayerBuffers {
    pub(crate) fn linear_params(&self, rows: usize, has_bias: bool) -> BitLinearParams {
        BitLinearParams {
            input_size: self.shape.inputs as u32,
            output_size: self.shape.outputs as u32,
            batch_size: rows as u32,
            group_size: self.shape.group_size(),
            has_bias: u32::from(has_bias),
            has_scales: 1,
        }
    }

    pub(crate) fn norm_params(&self, rows: usize) -> LayerNormParams {
        LayerNormParams { size: self.shape.inputs as u32, rows: rows as u32, epsilon: self.norm_epsilon }
    }
}

/// What one layer computes on the way, for as many rows as it has room for.
pub(crate) struct Activations {
    normed: Buffer,                 // (rows, inputs)
    pub(crate) mean: Buffer,        // (rows)
    pub(crate) rstd: Buffer,        // (rows)
    quantized: Buffer,              // i8 (rows, inputs)
    row_scales: Buffer,             // (rows)
    pub(crate) dequantized: Buffer, // (rows, inputs): what the weights are multiplied with
    pub(crate) output: Buffer,      // (rows, outputs)
    pub(crate) rectified: Buffer,   // (rows, outputs): the next layer's input
}

impl Activations {
    pub(crate) fn new(gpu: &Gpu, shape: LayerShape, rows: usize) -> Result<Self, MetalError> {
        Ok(Self {
            normed: gpu.zeros(rows * shape.inputs)?,
            mean: gpu.zeros(rows)?,
            rstd: gpu.zeros(rows)?,
            quantized: gpu.zero_bytes(rows * shape.inputs)?,
            row_scales: gpu.zeros(rows)?,
            dequantized: gpu.zeros(rows * shape.inputs)?,
            output: gpu.zeros(rows * shape.outputs)?,
            rectified: gpu.zeros(rows * shape.outputs)?,
        })
    }
}

/// Norm, quantisation and product: `input` (rows, inputs) to `output` (rows, outputs).
pub(crate) fn record_layer(
    recorder: &Recorder<'_>,
    layer: &LayerBuffers,
    activations: &Activations,
    rows: usize,
    input: View<'_>,
    output: View<'_>,
) -> Result<(), MetalError> {
    recorder.launch(
        F::LayerNormForward,
        &[
            (0, input),
            (1, (&layer.gain).into()),
            (2, (&layer.shift).into()),
            (3, (&activations.normed).into()),
            (5, (&activations.mean).into()),
            (6, (&activations.rstd).into()),
        ],
        4,
        &layer.norm_params(rows),
    )?;
    recorder.launch(
        F::QuantizeActivations,
        &[
            (0, (&activations.normed).into()),
            (1, (&activations.quantized).into()),
            (2, (&activations.row_scales).into()),
            (4, (&activations.dequantized).into()),
        ],
        3,
        &QuantizeActivationsParams {
            input_size: layer.shape.inputs as u32,
            batch_size: rows as u32,
            write_dequantized: 1,
        },
    )?;
    recorder.launch(
        F::BitLinearForward,
        &[
            (0, (&activations.dequantized).into()),
            (1, (&layer.weights).into()),
            (2, (&layer.bias).into()),
            (3, output),
            (5, (&layer.scales).into()),
        ],
        4,
        &layer.linear_params(rows, true),
    )
}

/// ReLU between layers, without dropout: for use.
pub(crate) fn record_relu(
    recorder: &Recorder<'_>,
    activations: &Activations,
    count: usize,
) -> Result<(), MetalError> {
    recorder.launch(
        F::ReluForward,
        &[(0, (&activations.output).into()), (1, (&activations.rectified).into())],
        2,
        &ElementwiseParams { count: count as u32 },
    )
}

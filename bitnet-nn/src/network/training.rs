//! The whole network in training: a step is one recording of everything from binarisation to AdamW.

use bitnet_core::metal::kernels::params::{BinarizeParams, CrossEntropyParams, DropoutParams};
use bitnet_core::metal::{BitNetShaderFunction as F, MetalError};

use super::backward::{Gradients, Parameters, Rectifier, record_layer_backward};
use super::forward::{Activations, LayerBuffers, record_layer};
use super::gpu::{Gpu, Recorder, View, read};
use super::optimizer::Parameter;
use crate::checkpoint::{LatentLayer, TensorState};
use crate::config::WeightScale;
use crate::model::PackedLayer;
use crate::rng::{Purpose, Stream};
use crate::schedule::StepSettings;
use crate::shape::{LayerShape, NORM_EPSILON};

struct TrainingLayer {
    packed: LayerBuffers,
    parameters: Parameters,
    activations: Activations,
    gradients: Gradients,
    rectifier: Rectifier,
}

/// A network with latent weights, its optimiser state and all buffers that a step needs.
pub(crate) struct TrainingNetwork {
    layers: Vec<TrainingLayer>,
    dropout: f32,
}

/// The operands of one step: `rows` rows, and where its results go.
#[derive(Clone, Copy)]
pub(crate) struct StepInput<'a> {
    pub(crate) rows: usize,
    pub(crate) images: View<'a>, // (rows, features)
    pub(crate) labels: View<'a>, // u32 (rows)
    pub(crate) logits: View<'a>, // (rows, classes)
    pub(crate) losses: View<'a>, // (rows)
    /// What this step's dropout masks follow from.
    pub(crate) masks: Stream,
}

/// The parameters that a run under `seed` starts from: latent weights uniform in ±1/√inputs, as PyTorch's
/// linear layers are, zero biases and norms that do nothing yet.
pub(crate) fn start(shapes: &[LayerShape], seed: u64) -> Vec<LatentLayer> {
    let layer = |(index, &shape): (usize, &LayerShape)| {
        let stream = Stream::new(seed, Purpose::Weights, index as u64);
        let bound = 1.0 / (shape.inputs as f32).sqrt();
        let weight = |i: usize| (2.0 * stream.uniform(i as u64) - 1.0) * bound;
        LatentLayer {
            shape,
            latent: TensorState::start((0..shape.weights()).map(weight).collect()),
            bias: TensorState::start(vec![0.0; shape.outputs]),
            gain: TensorState::start(vec![1.0; shape.inputs]),
            shift: TensorState::start(vec![0.0; shape.inputs]),
        }
    };
    shapes.iter().enumerate().map(layer).collect()
}

impl TrainingNetwork {
    /// On the device, for steps of up to `rows` rows.
    pub(crate) fn new(
        gpu: &Gpu,
        layers: &[LatentLayer],
        rows: usize,
        dropout: f32,
    ) -> Result<Self, MetalError> {
        let layers =
            layers.iter().map(|layer| TrainingLayer::new(gpu, layer, rows)).collect::<Result<_, _>>()?;
        Ok(Self { layers, dropout })
    }

    /// A whole step: binarisation, forward pass, loss, backward pass, optimiser.
    pub(crate) fn record_step(
        &self,
        recorder: &Recorder<'_>,
        input: StepInput<'_>,
        by: StepSettings,
    ) -> Result<(), MetalError> {
        self.record_gradients(recorder, input)?;
        for parameter in self.layers.iter().flat_map(|layer| layer.parameters.all()) {
            parameter.record_step(recorder, by)?;
        }
        Ok(())
    }

    /// A step without its end: the parameters stay as they are.
    pub(crate) fn record_gradients(
        &self,
        recorder: &Recorder<'_>,
        input: StepInput<'_>,
    ) -> Result<(), MetalError> {
        self.record_binarize(recorder)?;
        self.record_forward(recorder, input)?;
        self.record_loss(recorder, input)?;
        self.record_backward(recorder, input)
    }

    fn record_binarize(&self, recorder: &Recorder<'_>) -> Result<(), MetalError> {
        self.layers.iter().try_for_each(|layer| layer.record_binarize(recorder))
    }

    fn record_forward(&self, recorder: &Recorder<'_>, input: StepInput<'_>) -> Result<(), MetalError> {
        let last = self.layers.len() - 1;
        let mut from = input.images;
        for (index, layer) in self.layers.iter().enumerate() {
            let activations = &layer.activations;
            let to = if index == last { input.logits } else { (&activations.output).into() };
            record_layer(recorder, &layer.packed, activations, input.rows, from, to)?;
            if index < last {
                layer.rectifier.record_forward(recorder, activations, &self.dropout_params(index, input))?;
                from = (&activations.rectified).into();
            }
        }
        Ok(())
    }

    fn record_loss(&self, recorder: &Recorder<'_>, input: StepInput<'_>) -> Result<(), MetalError> {
        let last = self.last();
        let params = CrossEntropyParams {
            classes: last.packed.shape.outputs as u32,
            rows: input.rows as u32,
            scale: 1.0 / input.rows as f32,
        };
        recorder.launch(
            F::CrossEntropyForward,
            &[(0, input.logits), (1, input.labels), (2, input.losses)],
            3,
            &params,
        )?;
        recorder.launch(
            F::CrossEntropyBackward,
            &[(0, input.logits), (1, input.labels), (2, (&last.gradients.output).into())],
            3,
            &params,
        )
    }

    fn record_backward(&self, recorder: &Recorder<'_>, input: StepInput<'_>) -> Result<(), MetalError> {
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let before = index.checked_sub(1).map(|before| &self.layers[before]);
            let from = before.map_or(input.images, |before| (&before.activations.rectified).into());
            record_layer_backward(
                recorder,
                &layer.packed,
                &layer.activations,
                &layer.gradients,
                &layer.parameters,
                input.rows,
                from,
            )?;
            if let Some(before) = before {
                let dropout = self.dropout_params(index - 1, input);
                before.rectifier.record_backward(recorder, &layer.gradients, &before.gradients, &dropout)?;
            }
        }
        Ok(())
    }

    fn dropout_params(&self, layer: usize, input: StepInput<'_>) -> DropoutParams {
        let key = input.masks.bits(layer as u64);
        DropoutParams {
            count: (input.rows * self.layers[layer].packed.shape.outputs) as u32,
            probability: self.dropout,
            seed_low: key as u32,
            seed_high: (key >> 32) as u32,
            write_mask: 1,
        }
    }

    fn last(&self) -> &TrainingLayer {
        self.layers.last().expect("a network has at least one layer")
    }

    /// The layers as a model keeps them: the latent weights binarised as they are now.
    pub(crate) fn packed(&self, gpu: &Gpu) -> Result<Vec<PackedLayer>, MetalError> {
        gpu.run(|recorder| self.record_binarize(recorder))?;
        let packed = |layer: &TrainingLayer| {
            let buffers = &layer.packed;
            Ok(PackedLayer {
                shape: buffers.shape,
                weights: read(&buffers.weights)?,
                scales: PackedLayer::kept_scales(buffers.shape, read(&buffers.scales)?),
                bias: read(&buffers.bias)?,
                gain: read(&buffers.gain)?,
                shift: read(&buffers.shift)?,
            })
        };
        self.layers.iter().map(packed).collect()
    }

    /// The parameters and their optimiser state as they are now.
    pub(crate) fn latent(&self) -> Result<Vec<LatentLayer>, MetalError> {
        let latent = |layer: &TrainingLayer| {
            Ok(LatentLayer {
                shape: layer.packed.shape,
                latent: layer.parameters.latent.state()?,
                bias: layer.parameters.bias.state()?,
                gain: layer.parameters.gain.state()?,
                shift: layer.parameters.shift.state()?,
            })
        };
        self.layers.iter().map(latent).collect()
    }

    /// The gradients of the last step by layer: latent weights, bias, gain, shift.
    #[cfg(test)]
    pub(super) fn gradients(&self) -> Result<Vec<[Vec<f32>; 4]>, MetalError> {
        let of = |layer: &TrainingLayer| {
            let [latent, bias, gain, shift] =
                layer.parameters.all().map(|parameter| read(&parameter.gradient));
            Ok([latent?, bias?, gain?, shift?])
        };
        self.layers.iter().map(of).collect()
    }
}

impl TrainingLayer {
    fn new(gpu: &Gpu, layer: &LatentLayer, rows: usize) -> Result<Self, MetalError> {
        let shape = layer.shape;
        let parameters = Parameters {
            latent: Parameter::new(gpu, &layer.latent, true)?,
            bias: Parameter::new(gpu, &layer.bias, false)?,
            gain: Parameter::new(gpu, &layer.gain, false)?,
            shift: Parameter::new(gpu, &layer.shift, false)?,
        };
        let packed = LayerBuffers {
            shape,
            norm_epsilon: NORM_EPSILON,
            weights: gpu.zeros(shape.packed_words())?,
            scales: gpu.zeros(shape.device_scales())?,
            bias: parameters.bias.value.clone(),
            gain: parameters.gain.value.clone(),
            shift: parameters.shift.value.clone(),
        };
        Ok(Self {
            packed,
            parameters,
            activations: Activations::new(gpu, shape, rows)?,
            gradients: Gradients::new(gpu, shape, rows)?,
            rectifier: Rectifier::new(gpu, shape, rows)?,
        })
    }

    fn record_binarize(&self, recorder: &Recorder<'_>) -> Result<(), MetalError> {
        let shape = self.packed.shape;
        recorder.launch(
            F::BinarizeWeights,
            &[
                (0, (&self.parameters.latent.value).into()),
                (1, (&self.packed.weights).into()),
                (2, (&self.packed.scales).into()),
            ],
            3,
            &BinarizeParams {
                input_size: shape.inputs as u32,
                output_size: shape.outputs as u32,
                group_size: shape.group_size(),
                per_tensor: u32::from(shape.weight_scale == WeightScale::Tensor),
            },
        )
    }
}

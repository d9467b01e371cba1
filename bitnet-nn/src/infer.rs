//! Reading images with a model: from its packed weights, scales, biases and norms, on a device.
//!
//! The scores that training reports come from here too, so that a saved model gives exactly them.

use bitnet_core::metal::kernels::params::SoftmaxParams;
use bitnet_core::metal::{BitNetShaderFunction as F, Buffer, Device, MetalError};

use crate::data::{Dataset, DatasetShape, Samples};
use crate::metrics::{Confusion, Metrics};
use crate::model::{Model, PackedLayer};
use crate::network::{Activations, Gpu, LayerBuffers, read, record_layer, record_relu};

/// Rows that go through the network at once: bounds memory, changes no result, for every kernel works row
/// by row.
const CHUNK_ROWS: usize = 256;

/// What a model makes of some images.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// The most probable class of each image; of equals the first.
    pub classes: Vec<u32>,
    /// The probability of each class, row-major (images, classes).
    pub probabilities: Vec<f32>,
}

/// A model on a device, ready to read images.
pub struct Predictor {
    gpu: Gpu,
    layers: Vec<(LayerBuffers, Activations)>,
    images: Buffer,        // (CHUNK_ROWS, features)
    probabilities: Buffer, // (CHUNK_ROWS, classes)
    data: DatasetShape,
}

/// Why images could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PredictError {
    /// The device failed.
    #[error(transparent)]
    Metal(#[from] MetalError),
    /// The pixels are no whole number of images.
    #[error("{pixels} pixels are no whole number of images of {features}")]
    Pixels {
        /// Pixels given.
        pixels: usize,
        /// Pixels of an image.
        features: usize,
    },
    /// The model was made for other images.
    #[error(
        "the model reads images of {} × {} pixels in {} classes; {} has {} × {} pixels in {}",
        model.width, model.height, model.classes, data.name, data.width, data.height, data.classes
    )]
    OtherData {
        /// What the model was trained on.
        model: DatasetShape,
        /// What it was given.
        data: DatasetShape,
    },
    /// The network gives no number for an image.
    #[error("image {image}: the network's output is not a number")]
    NotANumber {
        /// The index of the image.
        image: usize,
    },
}

impl Predictor {
    /// Puts a model on a device.
    ///
    /// # Errors
    /// If the device has no room or cannot compile its shaders.
    pub fn new(device: &Device, model: &Model) -> Result<Self, MetalError> {
        Self::with_gpu(Gpu::new(device)?, model)
    }

    pub(crate) fn with_gpu(gpu: Gpu, model: &Model) -> Result<Self, MetalError> {
        let load = |layer: &PackedLayer| {
            let buffers = LayerBuffers {
                shape: layer.shape,
                norm_epsilon: model.norm_epsilon,
                weights: gpu.buffer(&layer.weights)?,
                scales: gpu.buffer(&layer.device_scales())?,
                bias: gpu.buffer(&layer.bias)?,
                gain: gpu.buffer(&layer.gain)?,
                shift: gpu.buffer(&layer.shift)?,
            };
            Ok((buffers, Activations::new(&gpu, layer.shape, CHUNK_ROWS)?))
        };
        let layers = model.layers.iter().map(load).collect::<Result<_, MetalError>>()?;
        let images = gpu.zeros(CHUNK_ROWS * model.data.features())?;
        let probabilities = gpu.zeros(CHUNK_ROWS * model.data.classes)?;
        Ok(Self { gpu, layers, images, probabilities, data: model.data.clone() })
    }

    /// Reads images, row-major (images, features), with pixels from 0 to 1.
    ///
    /// # Errors
    /// If the pixels are no whole number of images, the device fails, or the network gives no number.
    pub fn predict(&self, images: &[f32]) -> Result<Predictions, PredictError> {
        let (features, classes) = (self.data.features(), self.data.classes);
        if !images.len().is_multiple_of(features) {
            return Err(PredictError::Pixels { pixels: images.len(), features });
        }
        let mut probabilities = Vec::with_capacity(images.len() / features * classes);
        for chunk in images.chunks(CHUNK_ROWS * features) {
            let rows = chunk.len() / features;
            self.run_chunk(chunk, rows)?;
            probabilities.extend_from_slice(&read::<f32>(&self.probabilities)?[..rows * classes]);
        }
        let best = |(image, row): (usize, &[f32])| argmax(row).ok_or(PredictError::NotANumber { image });
        let classes = probabilities.chunks_exact(classes).enumerate().map(best).collect::<Result<_, _>>()?;
        Ok(Predictions { classes, probabilities })
    }

    fn run_chunk(&self, images: &[f32], rows: usize) -> Result<(), MetalError> {
        self.images.write(0, bytemuck::cast_slice(images))?;
        let last = self.layers.len() - 1;
        self.gpu.run(|recorder| {
            let mut from = &self.images;
            for (index, (layer, activations)) in self.layers.iter().enumerate() {
                record_layer(recorder, layer, activations, rows, from.into(), (&activations.output).into())?;
                if index < last {
                    record_relu(recorder, activations, rows * layer.shape.outputs)?;
                    from = &activations.rectified;
                }
            }
            recorder.launch(
                F::SoftmaxForward,
                &[(0, (&self.layers[last].1.output).into()), (1, (&self.probabilities).into())],
                2,
                &SoftmaxParams { size: self.data.classes as u32, rows: rows as u32 },
            )
        })
    }

    /// Reads labelled images and counts.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn evaluate(&self, samples: &Samples) -> Result<Metrics, PredictError> {
        let Predictions { classes: predicted, probabilities } = self.predict(samples.images())?;
        let rows = probabilities.chunks_exact(self.data.classes);
        let confidence = rows.zip(&predicted).map(|(row, &class)| row[class as usize]).collect();
        let confusion = Confusion::new(self.data.classes, samples.labels(), &predicted);
        Ok(Metrics { accuracy: confusion.score().accuracy(), confusion, predicted, confidence })
    }
}

impl Model {
    /// Reads images, row-major (images, features), with pixels from 0 to 1. To read many times, keep a
    /// [`Predictor`].
    ///
    /// # Errors
    /// As [`Predictor::predict`].
    pub fn predict(&self, device: &Device, images: &[f32]) -> Result<Predictions, PredictError> {
        Predictor::new(device, self)?.predict(images)
    }

    /// Reads the test images of a data set.
    ///
    /// # Errors
    /// If the data set's images or classes are not what the model was trained for, and as
    /// [`Predictor::predict`].
    pub fn evaluate(&self, device: &Device, dataset: &Dataset) -> Result<Metrics, PredictError> {
        let (model, data) = (&self.data, dataset.shape());
        if (model.width, model.height, model.classes) != (data.width, data.height, data.classes) {
            return Err(PredictError::OtherData { model: model.clone(), data: data.clone() });
        }
        Predictor::new(device, self)?.evaluate(dataset.test())
    }
}

/// The index of the largest value, of equals the first; `None` if one is not a number.
pub(crate) fn argmax(row: &[f32]) -> Option<u32> {
    let mut best = 0;
    for (index, value) in row.iter().enumerate() {
        if value.is_nan() {
            return None;
        }
        if *value > row[best] {
            best = index;
        }
    }
    Some(best as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_largest_values_is_chosen_and_nan_is_no_choice() {
        assert_eq!(argmax(&[0.1, 0.7, 0.7, 0.2]), Some(1));
        assert_eq!(argmax(&[-1.0, -2.0]), Some(0));
        assert_eq!(argmax(&[f32::NEG_INFINITY, f32::NEG_INFINITY]), Some(0));
        assert_eq!(argmax(&[0.0, f32::NAN]), None);
    }
}

//! A trained network as it is kept and used: packed 1-bit weights, their scales, biases and norms. No
//! latent weights.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::WeightScale;
use crate::data::DatasetShape;
use crate::metrics::{ModelSize, Score};
use crate::model_file::{self, ModelFile, ModelFileError};
use crate::shape::LayerShape;

/// One BitLinear layer with the layer norm before it.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedLayer {
    pub(crate) shape: LayerShape,
    pub(crate) weights: Vec<u32>, // (outputs, row_words): bit i of word j is column 32j + i, 1 is +1
    pub(crate) scales: Vec<f32>,  // shape.kept_scales()
    pub(crate) bias: Vec<f32>,    // (outputs)
    pub(crate) gain: Vec<f32>,    // (inputs), the norm's γ
    pub(crate) shift: Vec<f32>,   // (inputs), the norm's β
}

impl PackedLayer {
    /// The sizes.
    pub fn shape(&self) -> LayerShape {
        self.shape
    }

    /// The packed weights, row by row: bit `i` (least significant first) of word `j` is column 32`j` + `i`;
    /// 1 is +1, 0 is −1; bits past the last column are 0.
    pub fn weights(&self) -> &[u32] {
        &self.weights
    }

    /// The scales β: (outputs, groups), or a single one for the whole matrix.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// The sign of one weight, +1 or −1, or `None` outside of the matrix.
    pub fn sign(&self, row: usize, column: usize) -> Option<i8> {
        if row >= self.shape.outputs || column >= self.shape.inputs {
            return None;
        }
        let word = self.weights[row * self.shape.row_words() + column / 32];
        Some(if word >> (column % 32) & 1 == 1 { 1 } else { -1 })
    }

    /// The scales as kernels read them, (outputs, groups).
    pub(crate) fn device_scales(&self) -> Vec<f32> {
        match self.shape.weight_scale {
            WeightScale::Tensor => vec![self.scales[0]; self.shape.device_scales()],
            WeightScale::Row | WeightScale::Group(_) => self.scales.clone(),
        }
    }

    /// The scales to keep, of those that `binarize_weights` writes.
    pub(crate) fn kept_scales(shape: LayerShape, mut device: Vec<f32>) -> Vec<f32> {
        device.truncate(shape.kept_scales().iter().product());
        device
    }
}

/// How a model came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRecord {
    /// The seed of the run.
    pub seed: u64,
    /// Passes over the training rows.
    pub epochs: u32,
    /// The test images read correctly by this model, from its packed weights.
    pub test: Score,
}

/// A trained network.
///
/// **Invariant:** the layers chain from the data set's features to its classes; every number is finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub(crate) data: DatasetShape,
    pub(crate) norm_epsilon: f32,
    pub(crate) layers: Vec<PackedLayer>,
    pub(crate) training: TrainingRecord,
}

impl Model {
    /// The data set that the model was trained on: image size, classes, normalisation.
    pub fn data(&self) -> &DatasetShape {
        &self.data
    }

    /// The layers, from the input on.
    pub fn layers(&self) -> &[PackedLayer] {
        &self.layers
    }

    /// The widths of the hidden layers.
    pub fn hidden(&self) -> Vec<usize> {
        self.layers.iter().skip(1).map(|layer| layer.shape.inputs).collect()
    }

    /// Seed, epochs and test score of the training.
    pub fn training(&self) -> TrainingRecord {
        self.training
    }

    /// What the model takes beside the same network in float32.
    pub fn size(&self) -> ModelSize {
        self.layers.iter().fold(ModelSize::default(), |sum, layer| ModelSize {
            weights: sum.weights + layer.shape.weights() as u64,
            weight_bytes: sum.weight_bytes + 4 * layer.weights.len() as u64,
            scale_bytes: sum.scale_bytes + 4 * layer.scales.len() as u64,
            other_bytes: sum.other_bytes
                + 4 * (layer.bias.len() + layer.gain.len() + layer.shift.len()) as u64,
        })
    }

    /// Writes the model as a safetensors file, whole or not at all.
    ///
    /// # Errors
    /// If the directory does not exist or may not be written, or the disk is full; `path` is then as it was.
    pub fn save(&self, path: &Path) -> Result<(), ModelFileError> {
        model_file::write(path, &model_file::serialize_model(self))
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// If the file cannot be read or anything in it is not as it should be: names file, tensor and what was
    /// expected.
    pub fn load(path: &Path) -> Result<Self, ModelFileError> {
        match model_file::read(path)? {
            ModelFile::Model(model) => Ok(model),
            ModelFile::Checkpoint(_) => Err(model_file::wrong_kind(path, "a checkpoint", "a model")),
        }
    }
}

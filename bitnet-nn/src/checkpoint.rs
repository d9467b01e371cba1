//! A training run between two epochs: all that is needed to go on as if it had never stopped.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::TrainConfig;
use crate::data::{Dataset, DatasetShape};
use crate::metrics::Score;
use crate::model_file::{self, ModelFile, ModelFileError};
use crate::shape::LayerShape;

/// One parameter tensor with its AdamW state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TensorState {
    pub(crate) value: Vec<f32>,
    pub(crate) first_moment: Vec<f32>,
    pub(crate) second_moment: Vec<f32>,
}

/// The parameters of one layer in training.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LatentLayer {
    pub(crate) shape: LayerShape,
    pub(crate) latent: TensorState, // (outputs, inputs)
    pub(crate) bias: TensorState,   // (outputs)
    pub(crate) gain: TensorState,   // (inputs)
    pub(crate) shift: TensorState,  // (inputs)
}

/// One finished epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochRecord {
    /// Counted from 1.
    pub epoch: u32,
    /// The mean loss of the epoch's training rows, each taken when its batch was learned.
    pub loss: f64,
    /// Training rows read correctly, each just before its batch was learned.
    pub train: Score,
    /// Test rows read correctly after the epoch, from packed weights.
    pub test: Score,
}

/// The scores of an epoch as a checkpoint keeps them; its loss follows from the losses of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EpochScores {
    pub(crate) train: Score,
    pub(crate) test: Score,
}

/// What a run has been through, for plots and records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The mean loss of each step's batch.
    pub step_losses: Vec<f32>,
    /// The finished epochs.
    pub epochs: Vec<EpochRecord>,
}

/// A training run between two epochs.
///
/// There is no generator state to keep: every random number follows from the seed and what it is for (the
/// epoch, the layer), so that the number of finished epochs is the position.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub(crate) config: TrainConfig,
    pub(crate) data: DatasetShape,
    /// [`Dataset::fingerprint`](crate::data::Dataset::fingerprint) of the data.
    pub(crate) fingerprint: u64,
    pub(crate) layers: Vec<LatentLayer>,
    pub(crate) epochs: Vec<EpochScores>,
    pub(crate) step_losses: Vec<f32>,
}

impl Checkpoint {
    /// The settings of the run.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// The data set of the run.
    pub fn data(&self) -> &DatasetShape {
        &self.data
    }

    /// Epochs finished.
    pub fn epochs_done(&self) -> u32 {
        self.epochs.len() as u32
    }

    /// Whether the run was made with this data set; its name may be another.
    pub(crate) fn is_of(&self, dataset: &Dataset) -> bool {
        let same_shape =
            DatasetShape { name: self.data.name.clone(), ..dataset.shape().clone() } == self.data;
        let rows = (dataset.train().len() as u64, dataset.test().len() as u64);
        let same_rows = self.epochs.iter().all(|scores| (scores.train.total, scores.test.total) == rows);
        same_shape && same_rows && self.fingerprint == dataset.fingerprint()
    }

    /// Writes the checkpoint as a safetensors file, whole or not at all.
    ///
    /// # Errors
    /// If the directory does not exist or may not be written, or the disk is full; `path` is then as it was.
    pub fn save(&self, path: &Path) -> Result<(), ModelFileError> {
        model_file::write(path, &model_file::serialize_checkpoint(self))
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// If the file cannot be read or anything in it is not as it should be: names file, tensor and what was
    /// expected.
    pub fn load(path: &Path) -> Result<Self, ModelFileError> {
        match model_file::read(path)? {
            ModelFile::Checkpoint(checkpoint) => Ok(checkpoint),
            ModelFile::Model(_) => Err(model_file::wrong_kind(path, "a model", "a checkpoint")),
        }
    }
}

//! Models and checkpoints as bytes, and as files.

use std::collections::HashMap;
use std::path::Path;

use bitnet_core::whole_file;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::header::{CheckpointDocument, Document, KEY, ModelDocument};
use super::{
    Float, LOSSES, ModelFault, ModelFileError, first_moment_name, latent_name, scale_name,
    second_moment_name, weight_name,
};
use crate::checkpoint::{Checkpoint, TensorState};
use crate::config::WeightScale;
use crate::model::Model;

/// The bytes of a model's file. Equal models give equal bytes.
pub fn serialize_model(model: &Model) -> Vec<u8> {
    let document = Document::Model(ModelDocument {
        version: Document::version(),
        data: model.data.clone(),
        hidden: model.hidden(),
        weight_scale: model.layers.first().map_or(WeightScale::Tensor, |layer| layer.shape.weight_scale),
        norm_epsilon: model.norm_epsilon,
        training: model.training,
    });
    let mut tensors = Tensors::default();
    for (index, layer) in model.layers.iter().enumerate() {
        let shape = layer.shape;
        tensors.words(weight_name(index), vec![shape.outputs, shape.row_words()], &layer.weights);
        tensors.floats(scale_name(index), shape.kept_scales(), &layer.scales);
        tensors.floats(Float::Bias.name(index), vec![shape.outputs], &layer.bias);
        tensors.floats(Float::Gain.name(index), vec![shape.inputs], &layer.gain);
        tensors.floats(Float::Shift.name(index), vec![shape.inputs], &layer.shift);
    }
    tensors.finish(&document)
}

/// The bytes of a checkpoint's file. Equal checkpoints give equal bytes.
pub fn serialize_checkpoint(checkpoint: &Checkpoint) -> Vec<u8> {
    let document = Document::Checkpoint(CheckpointDocument {
        version: Document::version(),
        data: checkpoint.data.clone(),
        data_fingerprint: format!("{:016x}", checkpoint.fingerprint),
        config: checkpoint.config.clone(),
        epochs: checkpoint.epochs.clone(),
    });
    let mut tensors = Tensors::default();
    for (index, layer) in checkpoint.layers.iter().enumerate() {
        let shape = layer.shape;
        tensors.state(latent_name(index), vec![shape.outputs, shape.inputs], &layer.latent);
        tensors.state(Float::Bias.name(index), vec![shape.outputs], &layer.bias);
        tensors.state(Float::Gain.name(index), vec![shape.inputs], &layer.gain);
        tensors.state(Float::Shift.name(index), vec![shape.inputs], &layer.shift);
    }
    tensors.floats(LOSSES.to_owned(), vec![checkpoint.step_losses.len()], &checkpoint.step_losses);
    tensors.finish(&document)
}

#[derive(Default)]
struct Tensors(Vec<(String, Dtype, Vec<usize>, Vec<u8>)>);

impl Tensors {
    fn words(&mut self, name: String, shape: Vec<usize>, words: &[u32]) {
        self.0.push((name, Dtype::U32, shape, words.iter().flat_map(|word| word.to_le_bytes()).collect()));
    }

    fn floats(&mut self, name: String, shape: Vec<usize>, floats: &[f32]) {
        self.0.push((name, Dtype::F32, shape, floats.iter().flat_map(|float| float.to_le_bytes()).collect()));
    }

    fn state(&mut self, name: String, shape: Vec<usize>, state: &TensorState) {
        self.floats(first_moment_name(&name), shape.clone(), &state.first_moment);
        self.floats(second_moment_name(&name), shape.clone(), &state.second_moment);
        self.floats(name, shape, &state.value);
    }

    fn finish(&self, document: &Document) -> Vec<u8> {
        let views = self.0.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes);
            (name.as_str(), view.expect("a model's vectors are as long as its shapes say"))
        });
        let metadata = HashMap::from([(KEY.to_owned(), document.to_json())]);
        safetensors::serialize(views, Some(metadata))
            .expect("the header is small and its tensors are consistent")
    }
}

/// Puts `bytes` at `path`, whole or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), ModelFileError> {
    whole_file::write(path, bytes).map_err(|source| write_failed(path, source))
}

/// Whether a file could be written to `path` later: asked before hours of training, not after.
///
/// # Errors
/// If `path` is a directory, or its directory does not exist or may not be written.
pub fn check_destination(path: &Path) -> Result<(), ModelFileError> {
    whole_file::check_destination(path).map_err(|source| write_failed(path, source))
}

fn write_failed(path: &Path, source: std::io::Error) -> ModelFileError {
    ModelFileError { file: path.to_owned(), fault: ModelFault::Write(source) }
}

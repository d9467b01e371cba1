//! Reading: strict, for a weight read from the wrong place looks like any other weight.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};

use super::header::{CheckpointDocument, Document, KEY, ModelDocument};
use super::{
    Float, LOSSES, ModelFault, ModelFile, ModelFileError, first_moment_name, latent_name, scale_name,
    second_moment_name, weight_name,
};
use crate::checkpoint::{Checkpoint, LatentLayer, TensorState};
use crate::config::WeightScale;
use crate::data::DatasetShape;
use crate::model::{Model, PackedLayer};
use crate::shape::{self, LayerShape};

/// A checkpoint of the largest network has 3 GiB of weights and moments.
const MAX_FILE_BYTES: u64 = 4 << 30;
/// A header is a few hundred bytes a layer, and a checkpoint's 80 an epoch.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// Reads a model or a checkpoint.
///
/// # Errors
/// Names the file and what in it is not as it should be.
pub fn read(path: &Path) -> Result<ModelFile, ModelFileError> {
    let attempt = || {
        let file = File::open(path).map_err(ModelFault::Read)?;
        // A device or a pipe may never end.
        let about = file.metadata().map_err(ModelFault::Read)?;
        if !about.is_file() {
            return Err(ModelFault::Read(std::io::Error::other("not a regular file")));
        }
        if about.len() > MAX_FILE_BYTES {
            return Err(ModelFault::FileSize { limit: MAX_FILE_BYTES });
        }
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(ModelFault::Read)?;
        parse(&bytes)
    };
    attempt().map_err(|fault| ModelFileError { file: path.to_owned(), fault })
}

pub(super) fn parse(bytes: &[u8]) -> Result<ModelFile, ModelFault> {
    if let Some(length) = bytes.first_chunk::<8>() {
        let found = u64::from_le_bytes(*length);
        if found > MAX_HEADER_BYTES {
            return Err(ModelFault::HeaderSize { found, limit: MAX_HEADER_BYTES });
        }
    }
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(ModelFault::Container)?;
    let entries = metadata.metadata().iter().flatten();
    let keys: BTreeSet<&str> = entries.clone().map(|(key, _)| key.as_str()).collect();
    let Some(text) = entries.clone().find(|(key, _)| *key == KEY && keys.len() == 1).map(|(_, text)| text)
    else {
        let found = if keys.is_empty() { "none".to_owned() } else { Vec::from_iter(keys).join(", ") };
        return Err(ModelFault::Foreign { found });
    };
    let document = Document::from_json(text)?;
    let mut tensors = Tensors::new(bytes)?;
    let file = match document {
        Document::Model(document) => ModelFile::Model(model(document, &mut tensors)?),
        Document::Checkpoint(document) => ModelFile::Checkpoint(checkpoint(document, &mut tensors)?),
    };
    tensors.finish()?;
    Ok(file)
}

fn model(document: ModelDocument, tensors: &mut Tensors<'_>) -> Result<Model, ModelFault> {
    let ModelDocument { version: _, data, hidden, weight_scale, norm_epsilon, training } = document;
    check_data(&data)?;
    if !(norm_epsilon > 0.0 && norm_epsilon.is_finite()) {
        return Err(field("norm_epsilon", format!("{norm_epsilon} is no finite number above 0")));
    }
    if training.test.correct > training.test.total {
        return Err(field("training.test", "more correct than there are".to_owned()));
    }
    check_groups(weight_scale)?;
    let shapes = shape::layers(&data, &hidden, weight_scale).map_err(ModelFault::Network)?;
    let layer = |(index, &shape): (usize, &LayerShape)| packed_layer(index, shape, tensors);
    let layers = shapes.iter().enumerate().map(layer).collect::<Result<_, _>>()?;
    Ok(Model { data, norm_epsilon, layers, training })
}

fn packed_layer(
    index: usize,
    shape: LayerShape,
    tensors: &mut Tensors<'_>,
) -> Result<PackedLayer, ModelFault> {
    let weights = tensors.words(&weight_name(index), &[shape.outputs, shape.row_words()])?;
    let used = shape.inputs % 32;
    if used != 0 {
        let last_words = weights.iter().skip(shape.row_words() - 1).step_by(shape.row_words());
        if let Some(row) = last_words.clone().position(|word| word >> used != 0) {
            return Err(ModelFault::Padding { tensor: weight_name(index), row });
        }
    }
    Ok(PackedLayer {
        shape,
        weights,
        scales: tensors.not_negative(&scale_name(index), &shape.kept_scales())?,
        bias: tensors.floats(&Float::Bias.name(index), &[shape.outputs])?,
        gain: tensors.floats(&Float::Gain.name(index), &[shape.inputs])?,
        shift: tensors.floats(&Float::Shift.name(index), &[shape.inputs])?,
    })
}

fn checkpoint(document: CheckpointDocument, tensors: &mut Tensors<'_>) -> Result<Checkpoint, ModelFault> {
    let CheckpointDocument { version: _, data, data_fingerprint, config, epochs } = document;
    check_data(&data)?;
    let fingerprint = u64::from_str_radix(&data_fingerprint, 16)
        .map_err(|_| field("data_fingerprint", format!("`{data_fingerprint}` is no hexadecimal number")))?;
    let train_rows = epochs.first().map_or(0, |scores| scores.train.total);
    for scores in &epochs {
        let bounded = scores.train.correct <= scores.train.total && scores.test.correct <= scores.test.total;
        if !bounded || scores.train.total != train_rows || scores.train.total == 0 {
            return Err(field("epochs", "scores that cannot be".to_owned()));
        }
    }
    if epochs.len() > config.epochs() as usize {
        let problem = format!("{} are finished, but the run has {}", epochs.len(), config.epochs());
        return Err(field("epochs", problem));
    }
    let shapes = shape::layers(&data, config.hidden(), config.weight_scale()).map_err(ModelFault::Network)?;
    let layer = |(index, &shape): (usize, &LayerShape)| latent_layer(index, shape, tensors);
    let layers = shapes.iter().enumerate().map(layer).collect::<Result<_, _>>()?;
    let steps = (train_rows.div_ceil(config.batch() as u64)).saturating_mul(epochs.len() as u64);
    let steps = usize::try_from(steps).map_err(|_| field("epochs", format!("{steps} steps")))?;
    let step_losses = tensors.floats(LOSSES, &[steps])?;
    Ok(Checkpoint { config, data, fingerprint, layers, epochs, step_losses })
}

fn latent_layer(
    index: usize,
    shape: LayerShape,
    tensors: &mut Tensors<'_>,
) -> Result<LatentLayer, ModelFault> {
    Ok(LatentLayer {
        shape,
        latent: tensors.state(&latent_name(index), &[shape.outputs, shape.inputs])?,
        bias: tensors.state(&Float::Bias.name(index), &[shape.outputs])?,
        gain: tensors.state(&Float::Gain.name(index), &[shape.inputs])?,
        shift: tensors.state(&Float::Shift.name(index), &[shape.inputs])?,
    })
}

fn field(field: &'static str, problem: String) -> ModelFault {
    ModelFault::Field { field, problem }
}

fn check_data(data: &DatasetShape) -> Result<(), ModelFault> {
    if data.width == 0 || data.height == 0 || data.width.checked_mul(data.height).is_none() {
        return Err(field("data", format!("images of {} × {} pixels", data.width, data.height)));
    }
    if data.full_scale == 0 {
        return Err(field("data.full_scale", "0 cannot be divided by".to_owned()));
    }
    Ok(())
}

fn check_groups(weight_scale: WeightScale) -> Result<(), ModelFault> {
    match weight_scale {
        WeightScale::Group(size) if size == 0 || size % 32 != 0 => {
            Err(field("weight_scale", format!("groups of {size} columns; expected a multiple of 32")))
        }
        WeightScale::Tensor | WeightScale::Row | WeightScale::Group(_) => Ok(()),
    }
}

/// The tensors of a file, and which of them nobody has asked for.
struct Tensors<'a> {
    container: SafeTensors<'a>,
    unread: BTreeSet<String>,
}

impl<'a> Tensors<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, ModelFault> {
        let container = SafeTensors::deserialize(bytes).map_err(ModelFault::Container)?;
        let unread = container.names().into_iter().map(str::to_owned).collect();
        Ok(Self { container, unread })
    }

    fn view(&mut self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<TensorView<'a>, ModelFault> {
        let view = self.container.tensor(name).map_err(|error| match error {
            SafeTensorError::TensorNotFound(_) => {
                ModelFault::MissingTensor { tensor: name.to_owned(), dtype, shape: shape.to_vec() }
            }
            other => ModelFault::Container(other),
        })?;
        self.unread.remove(name);
        if view.dtype() != dtype {
            return Err(ModelFault::TensorType {
                tensor: name.to_owned(),
                found: view.dtype(),
                expected: dtype,
            });
        }
        if view.shape() != shape {
            return Err(ModelFault::TensorShape {
                tensor: name.to_owned(),
                found: view.shape().to_vec(),
                expected: shape.to_vec(),
            });
        }
        Ok(view)
    }

    fn words(&mut self, name: &str, shape: &[usize]) -> Result<Vec<u32>, ModelFault> {
        let view = self.view(name, Dtype::U32, shape)?;
        Ok(little_endian(view.data()).map(u32::from_le_bytes).collect())
    }

    fn floats(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelFault> {
        self.floats_that(name, shape, "a finite number", f32::is_finite)
    }

    fn not_negative(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelFault> {
        self.floats_that(name, shape, "a finite number of at least 0", |x| x.is_finite() && x >= 0.0)
    }

    fn floats_that(
        &mut self,
        name: &str,
        shape: &[usize],
        expected: &'static str,
        holds: impl Fn(f32) -> bool,
    ) -> Result<Vec<f32>, ModelFault> {
        let view = self.view(name, Dtype::F32, shape)?;
        let values: Vec<f32> = little_endian(view.data()).map(f32::from_le_bytes).collect();
        match values.iter().position(|&value| !holds(value)) {
            None => Ok(values),
            Some(element) => {
                Err(ModelFault::Value { tensor: name.to_owned(), element, found: values[element], expected })
            }
        }
    }

    fn state(&mut self, name: &str, shape: &[usize]) -> Result<TensorState, ModelFault> {
        Ok(TensorState {
            value: self.floats(name, shape)?,
            first_moment: self.floats(&first_moment_name(name), shape)?,
            second_moment: self.not_negative(&second_moment_name(name), shape)?,
        })
    }

    fn finish(self) -> Result<(), ModelFault> {
        match self.unread.into_iter().next() {
            None => Ok(()),
            Some(tensor) => Err(ModelFault::UnexpectedTensor { tensor }),
        }
    }
}

/// The container promises no alignment, so that elements are copied, not cast.
fn little_endian(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    bytes.as_chunks::<4>().0.iter().copied()
}

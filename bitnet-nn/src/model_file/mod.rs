//! Files of models and checkpoints: the safetensors container with one metadata entry, `bitnet`, a JSON
//! document.
//!
//! A model has for each layer `i`
//!
//! | tensor | type | shape |
//! |---|---|---|
//! | `layers.i.weight` | U32 | (outputs, ⌈inputs/32⌉): 1 bit a weight, bit b of word j is column 32j+b, 1 is +1 |
//! | `layers.i.scale` | F32 | (1), or (outputs, groups) |
//! | `layers.i.bias` | F32 | (outputs) |
//! | `layers.i.norm.weight`, `layers.i.norm.bias` | F32 | (inputs) |
//!
//! A checkpoint has F32 `layers.i.latent` (outputs, inputs), the same biases and norms, for each of these
//! four tensors also `….first_moment` and `….second_moment`, and `history.losses` (steps).
//!
//! The container allows several metadata entries but writes them in an order that changes from run to run;
//! one entry keeps equal models equal as files.
//!
//! **Invariant:** the reader accepts what the writer writes and nothing else: every tensor that should be
//! there, no other, of the type and shape that the document implies, with finite numbers and clear padding.
//! Any bytes end in a model, a checkpoint or a [`ModelFault`]; memory is bounded by the size of the file.

use std::fmt;
use std::path::{Path, PathBuf};

use safetensors::Dtype;

use crate::checkpoint::Checkpoint;
use crate::config::ConfigError;
use crate::model::Model;

mod header;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::read;
pub(crate) use write::write;
pub use write::{check_destination, serialize_checkpoint, serialize_model};

/// What a file can hold.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelFile {
    /// Packed weights, for use.
    Model(Model),
    /// Latent weights and optimiser state, for going on.
    Checkpoint(Checkpoint),
}

impl ModelFile {
    /// Reads the bytes of a whole file.
    ///
    /// # Errors
    /// A [`ModelFault`] for whatever is not as it should be. Never panics.
    pub fn parse(bytes: &[u8]) -> Result<Self, ModelFault> {
        read::parse(bytes)
    }
}

/// What is wrong with a model file, and which file it is.
#[derive(Debug, thiserror::Error)]
pub struct ModelFileError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    #[source]
    pub fault: ModelFault,
}

impl fmt::Display for ModelFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.fault)
    }
}

pub(crate) fn wrong_kind(path: &Path, found: &'static str, expected: &'static str) -> ModelFileError {
    ModelFileError { file: path.to_owned(), fault: ModelFault::Kind { found, expected } }
}

/// The ways in which a model file can be wrong.
#[derive(Debug, thiserror::Error)]
pub enum ModelFault {
    /// The operating system refused to read.
    #[error("cannot be read: {0}")]
    Read(std::io::Error),
    /// The operating system refused to write.
    #[error("cannot be written: {0}")]
    Write(std::io::Error),
    /// Too large to be a model.
    #[error("the file is larger than {limit} bytes")]
    FileSize {
        /// The largest size accepted.
        limit: u64,
    },
    /// Too large a header.
    #[error("the header claims {found} bytes; at most {limit} are accepted")]
    HeaderSize {
        /// The size claimed.
        found: u64,
        /// The largest size accepted.
        limit: u64,
    },
    /// Not a safetensors file, or a damaged one.
    #[error("not a whole safetensors file: {0}")]
    Container(safetensors::SafeTensorError),
    /// A safetensors file of something else.
    #[error("no model of this program: the metadata should have one entry, `bitnet`, and has {found}")]
    Foreign {
        /// The entries, in order.
        found: String,
    },
    /// The document in the metadata is not what this version writes.
    #[error("metadata `bitnet`: {0}")]
    Metadata(serde_json::Error),
    /// The document says something impossible.
    #[error("metadata `bitnet`: {field}: {problem}")]
    Field {
        /// Where in the document.
        field: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The network described is not one that this program makes.
    #[error("metadata `bitnet`: {0}")]
    Network(ConfigError),
    /// A file of a later version.
    #[error("format version {found}; this program reads version {expected}")]
    Version {
        /// The version of the file.
        found: String,
        /// The version of this program.
        expected: u32,
    },
    /// A checkpoint where a model is needed, or the other way round.
    #[error("the file holds {found}, but {expected} is needed here")]
    Kind {
        /// What it holds.
        found: &'static str,
        /// What is needed.
        expected: &'static str,
    },
    /// A tensor is missing.
    #[error("tensor `{tensor}` is missing; expected {} of shape {shape:?}", dtype_name(*dtype))]
    MissingTensor {
        /// Its name.
        tensor: String,
        /// Its element type.
        dtype: Dtype,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// A tensor that does not belong here.
    #[error("tensor `{tensor}` does not belong into this file")]
    UnexpectedTensor {
        /// Its name.
        tensor: String,
    },
    /// A tensor of another element type.
    #[error("tensor `{tensor}` is {}; expected {}", dtype_name(*found), dtype_name(*expected))]
    TensorType {
        /// Its name.
        tensor: String,
        /// Its type.
        found: Dtype,
        /// The type that it should have.
        expected: Dtype,
    },
    /// A tensor of another shape.
    #[error("tensor `{tensor}` has shape {found:?}; expected {expected:?}")]
    TensorShape {
        /// Its name.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that it should have.
        expected: Vec<usize>,
    },
    /// A number that cannot be.
    #[error("tensor `{tensor}`: element {element} is {found}; expected {expected}")]
    Value {
        /// The tensor.
        tensor: String,
        /// The index of the element.
        element: usize,
        /// Its value.
        found: f32,
        /// What it should be.
        expected: &'static str,
    },
    /// Bits past the last column of packed weights are set.
    #[error("tensor `{tensor}`: row {row} has bits set past its last column")]
    Padding {
        /// The tensor.
        tensor: String,
        /// The row.
        row: usize,
    },
}

fn dtype_name(dtype: Dtype) -> String {
    dtype.to_string()
}

/// The parameters of a layer that are float32 in both kinds of file: (name behind `layers.i.`, which).
#[derive(Clone, Copy)]
enum Float {
    Bias,
    Gain,
    Shift,
}

impl Float {
    fn name(self, layer: usize) -> String {
        match self {
            Float::Bias => format!("layers.{layer}.bias"),
            Float::Gain => format!("layers.{layer}.norm.weight"),
            Float::Shift => format!("layers.{layer}.norm.bias"),
        }
    }
}

fn weight_name(layer: usize) -> String {
    format!("layers.{layer}.weight")
}

fn scale_name(layer: usize) -> String {
    format!("layers.{layer}.scale")
}

fn latent_name(layer: usize) -> String {
    format!("layers.{layer}.latent")
}

fn first_moment_name(tensor: &str) -> String {
    format!("{tensor}.first_moment")
}

fn second_moment_name(tensor: &str) -> String {
    format!("{tensor}.second_moment")
}

const LOSSES: &str = "history.losses";

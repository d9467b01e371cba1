//! BitNet networks: BitLinear layers, training, data sets and model files.
//!
//! - [`Trainer`] learns: latent float32 weights, binarised on the fly, straight-through gradients, AdamW. A
//!   whole step is one command buffer of kernels from [`bitnet_core::metal`]; nothing is computed beside
//!   the device.
//! - [`Model`] is what remains: packed 1-bit weights, their scales, biases and norms. It reads images
//!   ([`Model::predict`], [`Predictor`]) and lives in [`model_file`]s; a run that has not ended lives in a
//!   [`Checkpoint`].
//! - [`data`] holds the handwritten digits, and reads MNIST's files.
//!
//! **Invariant:** the same settings and data give the same losses and the same model, bit for bit.

#![forbid(unsafe_code)]

mod checkpoint;
mod config;
pub mod data;
mod infer;
mod metrics;
mod model;
pub mod model_file;
mod network;
pub mod rng;
mod schedule;
mod shape;
mod train;

pub use checkpoint::{Checkpoint, EpochRecord, History};
pub use config::{ConfigError, TrainConfig, TrainConfigBuilder, WeightScale};
pub use data::{DataError, DataFault, Dataset, DatasetShape, Samples};
pub use infer::{PredictError, Predictions, Predictor};
pub use metrics::{Confusion, Metrics, ModelSize, Score};
pub use model::{Model, PackedLayer, TrainingRecord};
pub use model_file::{ModelFault, ModelFile, ModelFileError};
pub use shape::LayerShape;
pub use train::{Progress, TrainError, Trainer};

//! The JSON document in a file's metadata.

use serde::{Deserialize, Serialize};

use super::ModelFault;
use crate::checkpoint::EpochScores;
use crate::config::{TrainConfig, WeightScale};
use crate::data::DatasetShape;
use crate::model::TrainingRecord;

/// Counted up with every change that an older reader would misread.
const VERSION: u32 = 1;

/// The metadata entry that holds the document.
pub(super) const KEY: &str = "bitnet";

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Document {
    Model(ModelDocument),
    Checkpoint(CheckpointDocument),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelDocument {
    pub(super) version: u32,
    pub(super) data: DatasetShape,
    pub(super) hidden: Vec<usize>,
    pub(super) weight_scale: WeightScale,
    pub(super) norm_epsilon: f32,
    pub(super) training: TrainingRecord,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckpointDocument {
    pub(super) version: u32,
    pub(super) data: DatasetShape,
    /// Hexadecimal: many JSON readers would round a 64-bit number.
    pub(super) data_fingerprint: String,
    pub(super) config: TrainConfig,
    pub(super) epochs: Vec<EpochScores>,
}

impl Document {
    pub(super) fn version() -> u32 {
        VERSION
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings, numbers and lists can always be written")
    }

    /// The version is looked at before anything else: a later one may have other fields.
    pub(super) fn from_json(text: &str) -> Result<Self, ModelFault> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(ModelFault::Metadata)?;
        match value.get("version") {
            Some(version) if version.as_u64() == Some(u64::from(VERSION)) => {}
            Some(version) => {
                return Err(ModelFault::Version { found: version.to_string(), expected: VERSION });
            }
            None => return Err(ModelFault::Version { found: "none".to_owned(), expected: VERSION }),
        }
        serde_json::from_value(value).map_err(ModelFault::Metadata)
    }
}

//! The sizes of a network and of its layers: what buffers, kernels and tensors of model files are measured
//! by.

use crate::config::{ConfigError, TrainConfig, WeightScale, check_hidden, require};
use crate::data::DatasetShape;

/// Added to the variance in every layer norm.
pub(crate) const NORM_EPSILON: f32 = 1e-5;

/// Most weights that one network may have (1 GiB of latent weights) and most activations of one layer.
const MAX_ELEMENTS: usize = 1 << 28;
const MAX_CLASSES: usize = 65_536;

/// The sizes of one BitLinear layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerShape {
    /// Features that come in: K.
    pub inputs: usize,
    /// Features that go out: N.
    pub outputs: usize,
    /// Over what one scale of the weights is taken.
    pub weight_scale: WeightScale,
}

impl LayerShape {
    /// Weights of the matrix, (outputs, inputs).
    pub fn weights(self) -> usize {
        self.inputs * self.outputs
    }

    /// 32-bit words in a row of packed weights.
    pub fn row_words(self) -> usize {
        self.inputs.div_ceil(32)
    }

    /// 32-bit words of the packed matrix.
    pub fn packed_words(self) -> usize {
        self.row_words() * self.outputs
    }

    /// The `group_size` that kernels are given: 0 for one group a row.
    pub(crate) fn group_size(self) -> u32 {
        match self.weight_scale {
            WeightScale::Tensor | WeightScale::Row => 0,
            WeightScale::Group(size) => size,
        }
    }

    /// Scales in a row, as kernels read them.
    pub(crate) fn groups(self) -> usize {
        match self.weight_scale {
            WeightScale::Tensor | WeightScale::Row => 1,
            WeightScale::Group(size) => self.inputs.div_ceil(size as usize),
        }
    }

    /// Scales that kernels read, (outputs, groups): one for the whole matrix is repeated for each row.
    pub(crate) fn device_scales(self) -> usize {
        self.outputs * self.groups()
    }

    /// The shape of the scales that a model keeps: (outputs, groups), or (1) for one scale.
    pub(crate) fn kept_scales(self) -> Vec<usize> {
        match self.weight_scale {
            WeightScale::Tensor => vec![1],
            WeightScale::Row | WeightScale::Group(_) => vec![self.outputs, self.groups()],
        }
    }
}

/// The layers of a network for a data set, from the input on.
///
/// # Errors
/// If the network would be too large: the setting to change is `hidden`.
pub(crate) fn layers(
    data: &DatasetShape,
    hidden: &[usize],
    weight_scale: WeightScale,
) -> Result<Vec<LayerShape>, ConfigError> {
    let classes_fit = (1..=MAX_CLASSES).contains(&data.classes);
    require(classes_fit, "classes", data.classes, "a data set of 1 to 65536 classes")?;
    require(data.features() > 0, "features", 0, "images with pixels")?;
    check_hidden(hidden)?;
    let widths: Vec<usize> = [&[data.features()], hidden, &[data.classes]].concat();
    let add = |sum: usize, pair: &[usize]| sum.saturating_add(pair[0].saturating_mul(pair[1]));
    let total = widths.windows(2).fold(0, add);
    let most = "layers of together at most 268435456 weights";
    require(total <= MAX_ELEMENTS, "hidden", format!("{total} weights"), most)?;
    let layer = |pair: &[usize]| LayerShape { inputs: pair[0], outputs: pair[1], weight_scale };
    Ok(widths.windows(2).map(layer).collect())
}

/// Refuses batches whose activations would not fit into a buffer.
pub(crate) fn check_batch(config: &TrainConfig, layers: &[LayerShape]) -> Result<(), ConfigError> {
    let widest = layers.iter().map(|layer| layer.inputs.max(layer.outputs)).max().unwrap_or(0);
    let most = "fewer rows: batch times the widest layer may be 268435456";
    require(config.batch().saturating_mul(widest) <= MAX_ELEMENTS, "batch", config.batch(), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(width: usize, classes: usize) -> DatasetShape {
        DatasetShape { name: "toy".into(), width, height: 1, classes, full_scale: 255 }
    }

    #[test]
    fn layers_chain_from_features_to_classes() {
        let found = layers(&data(70, 3), &[33, 40], WeightScale::Group(64)).expect("small");
        let sizes: Vec<_> = found.iter().map(|l| (l.inputs, l.outputs, l.row_words(), l.groups())).collect();
        assert_eq!(sizes, [(70, 33, 3, 2), (33, 40, 2, 1), (40, 3, 2, 1)]);
        assert_eq!(found[0].kept_scales(), [33, 2]);
        assert_eq!(found[0].packed_words(), 99);
    }

    #[test]
    fn networks_and_batches_beyond_memory_are_refused_without_overflow() {
        let check = |data: DatasetShape, hidden: &[usize], expect: Option<&str>| {
            let result = layers(&data, hidden, WeightScale::Tensor);
            assert_eq!(result.err().map(|error| error.option), expect);
        };
        check(data(64, 10), &[128, 64], None);
        check(data(64, 10), &[65_536, 65_536], Some("hidden"));
        check(data(usize::MAX, 10), &[65_536], Some("hidden"));
        check(data(0, 10), &[8], Some("features"));
        check(data(64, 10), &[8, 0, 8], Some("hidden"));
        check(data(64, 10), &[], Some("hidden"));
        check(data(64, 0), &[8], Some("classes"));
        let config = TrainConfig::builder().batch(65_536).build().expect("in range");
        let wide = layers(&data(64, 10), &[65_536], WeightScale::Tensor).expect("within the limit");
        assert_eq!(check_batch(&config, &wide).map_err(|error| error.option), Err("batch"));
        assert_eq!(check_batch(&TrainConfig::default(), &wide), Ok(()));
    }
}

//! What is measured: accuracy, the confusion matrix, the size of a model.

use serde::{Deserialize, Serialize};

/// How many of a number of images were read correctly. Whole numbers, so that equality means equality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// Images read correctly.
    pub correct: u64,
    /// Images read.
    pub total: u64,
}

impl Score {
    /// The fraction read correctly; 0 of 0 is 0.
    pub fn accuracy(self) -> f64 {
        if self.total == 0 { 0.0 } else { self.correct as f64 / self.total as f64 }
    }
}

/// How often an image of each class was taken for each class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    counts: Vec<u64>, // (actual, predicted)
}

impl Confusion {
    /// Counts pairs of actual and predicted classes. Both must be below `classes`.
    pub(crate) fn new(classes: usize, actual: &[u32], predicted: &[u32]) -> Self {
        let mut counts = vec![0; classes * classes];
        for (&actual, &predicted) in actual.iter().zip(predicted) {
            counts[actual as usize * classes + predicted as usize] += 1;
        }
        Self { classes, counts }
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many images of class `actual` were taken for `predicted`; 0 for classes that do not exist.
    pub fn count(&self, actual: usize, predicted: usize) -> u64 {
        if actual < self.classes && predicted < self.classes {
            self.counts[actual * self.classes + predicted]
        } else {
            0
        }
    }

    /// Correct and total counts.
    pub fn score(&self) -> Score {
        let correct = (0..self.classes).map(|class| self.count(class, class)).sum();
        Score { correct, total: self.counts.iter().sum() }
    }
}

/// The result of reading labelled images.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// The fraction of images read correctly.
    pub accuracy: f64,
    /// What was taken for what.
    pub confusion: Confusion,
    /// The class read in each image.
    pub predicted: Vec<u32>,
    /// The probability that the network gives to that class.
    pub confidence: Vec<f32>,
}

impl Metrics {
    /// Correct and total counts.
    pub fn score(&self) -> Score {
        self.confusion.score()
    }
}

/// What a model takes, in bytes, beside the same network with float32 weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ModelSize {
    /// Weights of all matrices.
    pub weights: u64,
    /// Bytes of the packed weights: one bit each, rows padded to 32 bits.
    pub weight_bytes: u64,
    /// Bytes of the weights' scales β.
    pub scale_bytes: u64,
    /// Bytes of biases and norms, which stay float32.
    pub other_bytes: u64,
}

impl ModelSize {
    /// Bytes of the packed model.
    pub fn packed_bytes(&self) -> u64 {
        self.weight_bytes + self.scale_bytes + self.other_bytes
    }

    /// Bytes of the same network with float32 weights, which need no scales.
    pub fn float32_bytes(&self) -> u64 {
        4 * self.weights + self.other_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confusion_matrix_counts_pairs_and_scores_its_diagonal() {
        let confusion = Confusion::new(3, &[0, 1, 1, 2, 2, 2], &[0, 1, 0, 2, 2, 1]);
        assert_eq!(confusion.count(1, 0), 1);
        assert_eq!(confusion.count(2, 2), 2);
        assert_eq!(confusion.count(3, 0), 0);
        assert_eq!(confusion.score(), Score { correct: 4, total: 6 });
    }

    #[test]
    fn nothing_read_is_an_accuracy_of_zero() {
        assert_eq!(Confusion::new(2, &[], &[]).score().accuracy(), 0.0);
    }

    #[test]
    fn float32_size_counts_four_bytes_a_weight_and_no_scales() {
        let size = ModelSize { weights: 1000, weight_bytes: 128, scale_bytes: 8, other_bytes: 400 };
        assert_eq!((size.packed_bytes(), size.float32_bytes()), (536, 4400));
    }
}

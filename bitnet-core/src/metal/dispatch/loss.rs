//! Dispatch helpers for the loss, over `rows` rows of `classes` logits with one label each.

use super::dispatch_helpers;
use crate::metal::Buffer;
use crate::metal::kernels::params::CrossEntropyParams;

dispatch_helpers! {
    /// `cross_entropy_forward`: −log softmax(logits) at the label, of each row.
    fn dispatch_cross_entropy_forward for CrossEntropyForward (
        logits: &Buffer, labels: &Buffer, losses: &Buffer; classes: u32, rows: u32,
    ) -> CrossEntropyParams { classes, rows, scale: 1.0 };

    /// `cross_entropy_backward`: `scale` · (softmax(logits) − onehot(label)) of each row; 1 / `rows` is the scale of
    /// a mean.
    fn dispatch_cross_entropy_backward for CrossEntropyBackward (
        logits: &Buffer, labels: &Buffer, grad_logits: &Buffer; classes: u32, rows: u32, scale: f32,
    ) -> CrossEntropyParams { classes, rows, scale };
}

//! Dispatch helpers for optimisers: one step, in place. The settings are many, so they come as the parameter struct.

use super::dispatch_helpers;
use crate::metal::Buffer;
use crate::metal::kernels::params::{AdamWParams, SgdParams};

dispatch_helpers! {
    /// `adamw_step`: Adam with decoupled weight decay.
    fn dispatch_adamw_step for AdamWStep (
        parameters: &Buffer, gradients: &Buffer, first_moment: &Buffer, second_moment: &Buffer;
        settings: &AdamWParams,
    ) -> *settings;

    /// `sgd_step`: gradient descent with momentum; without one, its setting is 0.
    fn dispatch_sgd_step for SgdStep (
        parameters: &Buffer, gradients: &Buffer, momentum: Option<&Buffer>;
        settings: &SgdParams,
    ) -> *settings;
}

//! Parameters in training: a tensor, its gradient and the two moments of AdamW.

use bitnet_core::metal::kernels::params::AdamWParams;
use bitnet_core::metal::{BitNetShaderFunction as F, Buffer, MetalError};

use super::gpu::{Gpu, Recorder, read};
use crate::checkpoint::TensorState;
use crate::schedule::{BETA1, BETA2, EPSILON, StepSettings};

/// A tensor that learns.
pub(crate) struct Parameter {
    pub(crate) value: Buffer,
    pub(crate) gradient: Buffer,
    first_moment: Buffer,
    second_moment: Buffer,
    count: usize,
    decays: bool,
}

impl Parameter {
    /// On the device, from its values and moments. `decays`: whether weight decay acts on it.
    pub(crate) fn new(gpu: &Gpu, state: &TensorState, decays: bool) -> Result<Self, MetalError> {
        Ok(Self {
            value: gpu.buffer(&state.value)?,
            gradient: gpu.zeros(state.value.len())?,
            first_moment: gpu.buffer(&state.first_moment)?,
            second_moment: gpu.buffer(&state.second_moment)?,
            count: state.value.len(),
            decays,
        })
    }

    /// Values and moments as they are on the device.
    pub(crate) fn state(&self) -> Result<TensorState, MetalError> {
        Ok(TensorState {
            value: read(&self.value)?,
            first_moment: read(&self.first_moment)?,
            second_moment: read(&self.second_moment)?,
        })
    }

    /// One step along the gradient.
    pub(crate) fn record_step(&self, recorder: &Recorder<'_>, by: StepSettings) -> Result<(), MetalError> {
        recorder.launch(
            F::AdamWStep,
            &[
                (0, (&self.value).into()),
                (1, (&self.gradient).into()),
                (2, (&self.first_moment).into()),
                (3, (&self.second_moment).into()),
            ],
            4,
            &AdamWParams {
                count: self.count as u32,
                learning_rate: by.learning_rate,
                beta1: BETA1,
                beta2: BETA2,
                epsilon: EPSILON,
                weight_decay: if self.decays { by.weight_decay } else { 0.0 },
                bias_correction1: by.bias_correction1,
                bias_correction2: by.bias_correction2,
            },
        )
    }
}

impl TensorState {
    /// Values that have not moved yet.
    pub(crate) fn start(value: Vec<f32>) -> Self {
        let zeros = vec![0.0; value.len()];
        Self { value, first_moment: zeros.clone(), second_moment: zeros }
    }
}

//! Optimisers: one step, in place.

use super::{Call, DataType, Ops, Tensor};
use crate::metal::kernels::params::{AdamWParams, SgdParams};
use crate::metal::{BitNetShaderFunction as F, Device, MetalError};

/// Settings of Adam with decoupled weight decay (Loshchilov and Hutter, "Decoupled Weight Decay Regularization",
/// algorithm 2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// Learning rate.
    pub learning_rate: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// ε: added to the root of the second moment.
    pub epsilon: f32,
    /// Decoupled weight decay.
    pub weight_decay: f32,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 }
    }
}

impl AdamW {
    /// The parameter struct of step `step`, from 1, over `count` elements.
    pub fn params(&self, count: u32, step: u32) -> AdamWParams {
        let &Self { learning_rate, beta1, beta2, epsilon, weight_decay } = self;
        AdamWParams {
            count,
            learning_rate,
            beta1,
            beta2,
            epsilon,
            weight_decay,
            bias_correction1: bias_correction(beta1, step),
            bias_correction2: bias_correction(beta2, step),
        }
    }
}

/// What AdamW remembers of a tensor of parameters: moments of its gradients, and how many steps there were.
#[derive(Debug)]
pub struct Moments {
    /// Decaying mean of the gradients.
    pub first: Tensor,
    /// Decaying mean of their squares.
    pub second: Tensor,
    /// Steps so far.
    pub steps: u32,
}

impl Moments {
    /// Before the first step of parameters of these dimensions.
    ///
    /// # Errors
    /// What allocation gives.
    pub fn new(device: &Device, dims: &[usize]) -> Result<Self, MetalError> {
        let zeros = || Tensor::zeros(device, DataType::F32, dims);
        Ok(Self { first: zeros()?, second: zeros()?, steps: 0 })
    }
}

/// Settings of gradient descent, as PyTorch's `SGD` has them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Learning rate.
    pub learning_rate: f32,
    /// μ: how much of the momentum is kept; 0 for none.
    pub momentum: f32,
    /// How much of the gradient the momentum does not take in.
    pub dampening: f32,
    /// λ: how much of the parameters is added to the gradient (not decoupled, unlike AdamW's).
    pub weight_decay: f32,
    /// Nesterov's momentum.
    pub nesterov: bool,
}

impl Default for Sgd {
    fn default() -> Self {
        Self { learning_rate: 1e-3, momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false }
    }
}

impl Sgd {
    /// The parameter struct of step `step`, from 1, over `count` elements.
    pub fn params(&self, count: u32, step: u32) -> SgdParams {
        let &Self { learning_rate, momentum, dampening, weight_decay, nesterov } = self;
        SgdParams {
            count,
            learning_rate,
            momentum,
            dampening,
            weight_decay,
            nesterov: nesterov.into(),
            first_step: (step <= 1).into(),
        }
    }
}

/// What gradient descent with momentum remembers of a tensor of parameters.
#[derive(Debug)]
pub struct Momentum {
    /// Decaying sum of the gradients.
    pub sum: Tensor,
    /// Steps so far.
    pub steps: u32,
}

impl Momentum {
    /// Before the first step of parameters of these dimensions.
    ///
    /// # Errors
    /// What allocation gives.
    pub fn new(device: &Device, dims: &[usize]) -> Result<Self, MetalError> {
        Ok(Self { sum: Tensor::zeros(device, DataType::F32, dims)?, steps: 0 })
    }
}

impl Ops {
    /// One step of AdamW along `gradients`: parameters and moments change in place.
    ///
    /// # Errors
    /// [`MetalError::Operand`] unless all have the shape of the parameters and are `f32`; what the device gives.
    pub fn adamw_step(
        &self,
        parameters: &mut Tensor,
        gradients: &Tensor,
        moments: &mut Moments,
        settings: &AdamW,
    ) -> Result<(), MetalError> {
        let step = moments.steps.saturating_add(1);
        let mut call = Call::new(self, F::AdamWStep, parameters);
        call.take("parameters", parameters, parameters.dims())?;
        call.take("gradients", gradients, parameters.dims())?;
        call.take("first_moment", &moments.first, parameters.dims())?;
        call.take("second_moment", &moments.second, parameters.dims())?;
        let count = call.size("elements", parameters.len())?;
        call.run(&settings.params(count, step))?;
        moments.steps = step;
        Ok(())
    }

    /// One step of gradient descent along `gradients`: parameters and momentum change in place. The momentum is
    /// needed where the settings keep any of it.
    ///
    /// # Errors
    /// [`MetalError::Operand`] unless all have the shape of the parameters and are `f32`, or if a momentum is needed
    /// and absent; what the device gives.
    pub fn sgd_step(
        &self,
        parameters: &mut Tensor,
        gradients: &Tensor,
        momentum: Option<&mut Momentum>,
        settings: &Sgd,
    ) -> Result<(), MetalError> {
        let step = momentum.as_ref().map_or(0, |momentum| momentum.steps).saturating_add(1);
        let mut call = Call::new(self, F::SgdStep, parameters);
        call.take("parameters", parameters, parameters.dims())?;
        call.take("gradients", gradients, parameters.dims())?;
        call.take_some("momentum", momentum.as_ref().map(|momentum| &momentum.sum), parameters.dims())?;
        if settings.momentum != 0.0 && momentum.is_none() {
            return Err(call.absent("momentum", parameters.dims()));
        }
        let count = call.size("elements", parameters.len())?;
        call.run(&settings.params(count, step))?;
        if let Some(momentum) = momentum {
            momentum.steps = step;
        }
        Ok(())
    }
}

/// 1 − β^t, by which the moments of the first steps are too small.
fn bias_correction(beta: f32, step: u32) -> f32 {
    (1.0 - f64::from(beta).powf(step.into())) as f32
}

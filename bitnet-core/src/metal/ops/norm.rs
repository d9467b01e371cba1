//! Normalisation of rows.

use super::{Call, Ops, Tensor, without_columns};
use crate::metal::kernels::params::{LayerNormParams, RmsNormParams, SoftmaxParams};
use crate::metal::{BitNetShaderFunction as F, MetalError};

/// What [`Ops::layer_norm_forward`] gives.
#[derive(Debug)]
pub struct LayerNorm {
    /// The normalised rows, (…, K).
    pub output: Tensor,
    /// The mean of each row, (…) of `f32`: the backward needs it.
    pub mean: Tensor,
    /// 1/√(variance + ε) of each row, (…) of `f32`: the backward needs it.
    pub rstd: Tensor,
}

/// What [`Ops::layer_norm_backward`] gives.
#[derive(Debug)]
pub struct LayerNormGradients {
    /// Of the input, (…, K).
    pub input: Tensor,
    /// Of γ, (K).
    pub gamma: Tensor,
    /// Of β, (K).
    pub beta: Tensor,
}

/// What [`Ops::rms_norm_forward`] gives.
#[derive(Debug)]
pub struct RmsNorm {
    /// The normalised rows, (…, K).
    pub output: Tensor,
    /// 1/√(mean square + ε) of each row, (…) of `f32`: the backward needs it.
    pub rstd: Tensor,
}

/// What [`Ops::rms_norm_backward`] gives.
#[derive(Debug)]
pub struct RmsNormGradients {
    /// Of the input, (…, K).
    pub input: Tensor,
    /// Of γ, (K).
    pub gamma: Tensor,
}

impl Ops {
    /// Each row of `input` (…, K) less its mean, times 1/√(variance + `epsilon`), times `gamma` (K) plus `beta` (K).
    ///
    /// # Errors
    /// [`MetalError::Operand`] if shapes do not fit; what the device gives.
    pub fn layer_norm_forward(
        &self,
        input: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        epsilon: f32,
    ) -> Result<LayerNorm, MetalError> {
        let (rows, size) = (input.rows(), input.columns());
        let mut call = Call::new(self, F::LayerNormForward, input);
        call.take("input", input, input.dims())?;
        call.take("gamma", gamma, &[size])?;
        call.take("beta", beta, &[size])?;
        let output = call.make("output", input.dims())?;
        let mean = call.make("mean", &without_columns(input))?;
        let rstd = call.make("rstd", &without_columns(input))?;
        let params =
            LayerNormParams { size: call.size("size", size)?, rows: call.size("rows", rows)?, epsilon };
        call.run(&params)?;
        Ok(LayerNorm { output, mean, rstd })
    }

    /// The gradients of [`layer_norm_forward`](Self::layer_norm_forward), from its operands and the `mean` and `rstd`
    /// (…) that it gave.
    ///
    /// # Errors
    /// [`MetalError::Operand`] if shapes do not fit; what the device gives.
    pub fn layer_norm_backward(
        &self,
        grad_output: &Tensor,
        input: &Tensor,
        gamma: &Tensor,
        mean: &Tensor,
        rstd: &Tensor,
    ) -> Result<LayerNormGradients, MetalError> {
        let (rows, size) = (input.rows(), input.columns());
        let mut call = Call::new(self, F::LayerNormBackward, input);
        call.take("grad_output", grad_output, input.dims())?;
        call.take("input", input, input.dims())?;
        call.take("gamma", gamma, &[size])?;
        call.take("mean", mean, &without_columns(input))?;
        call.take("rstd", rstd, &without_columns(input))?;
        let gradients = LayerNormGradients {
            input: call.make("grad_input", input.dims())?,
            gamma: call.make("grad_gamma", &[size])?,
            beta: call.make("grad_beta", &[size])?,
        };
        let (size, rows) = (call.size("size", size)?, call.size("rows", rows)?);
        // The forward's ε is in `rstd`.
        call.run(&LayerNormParams { size, rows, epsilon: 0.0 })?;
        Ok(gradients)
    }

    /// Each row of `input` (…, K) times 1/√(mean square + `epsilon`), times `gamma` (K).
    ///
    /// # Errors
    /// [`MetalError::Operand`] if shapes do not fit; what the device gives.
    pub fn rms_norm_forward(
        &self,
        input: &Tensor,
        gamma: &Tensor,
        epsilon: f32,
    ) -> Result<RmsNorm, MetalError> {
        let (rows, size) = (input.rows(), input.columns());
        let mut call = Call::new(self, F::RmsNormForward, input);
        call.take("input", input, input.dims())?;
        call.take("gamma", gamma, &[size])?;
        let output = call.make("output", input.dims())?;
        let rstd = call.make("rstd", &without_columns(input))?;
        let params =
            RmsNormParams { size: call.size("size", size)?, rows: call.size("rows", rows)?, epsilon };
        call.run(&params)?;
        Ok(RmsNorm { output, rstd })
    }

    /// The gradients of [`rms_norm_forward`](Self::rms_norm_forward), from its operands and the `rstd` (…) that it
    /// gave.
    ///
    /// # Errors
    /// [`MetalError::Operand`] if shapes do not fit; what the device gives.
    pub fn rms_norm_backward(
        &self,
        grad_output: &Tensor,
        input: &Tensor,
        gamma: &Tensor,
        rstd: &Tensor,
    ) -> Result<RmsNormGradients, MetalError> {
        let (rows, size) = (input.rows(), input.columns());
        let mut call = Call::new(self, F::RmsNormBackward, input);
        call.take("grad_output", grad_output, input.dims())?;
        call.take("input", input, input.dims())?;
        call.take("gamma", gamma, &[size])?;
        call.take("rstd", rstd, &without_columns(input))?;
        let gradients = RmsNormGradients {
            input: call.make("grad_input", input.dims())?,
            gamma: call.make("grad_gamma", &[size])?,
        };
        let (size, rows) = (call.size("size", size)?, call.size("rows", rows)?);
        // The forward's ε is in `rstd`.
        call.run(&RmsNormParams { size, rows, epsilon: 0.0 })?;
        Ok(gradients)
    }

    /// exp(x − max) / Σ exp(x − max) of each row of `input` (…, K).
    ///
    /// # Errors
    /// [`MetalError::Operand`] for a type that no version of the kernel takes; what the device gives.
    pub fn softmax_forward(&self, input: &Tensor) -> Result<Tensor, MetalError> {
        let mut call = Call::new(self, F::SoftmaxForward, input);
        call.take("input", input, input.dims())?;
        let output = call.make("output", input.dims())?;
        let params = SoftmaxParams {
            size: call.size("size", input.columns())?,
            rows: call.size("rows", input.rows())?,
        };
        call.run(&params)?;
        Ok(output)
    }

    /// y·(dY − Σ dY·y) of each row, y the forward's `output`, both (…, K).
    ///
    /// # Errors
    /// [`MetalError::Operand`] if the operands differ in shape or type; what the device gives.
    pub fn softmax_backward(&self, grad_output: &Tensor, output: &Tensor) -> Result<Tensor, MetalError> {
        let mut call = Call::new(self, F::SoftmaxBackward, grad_output);
        call.take("grad_output", grad_output, grad_output.dims())?;
        call.take("output", output, grad_output.dims())?;
        let grad_input = call.make("grad_input", grad_output.dims())?;
        let params = SoftmaxParams {
            size: call.size("size", output.columns())?,
            rows: call.size("rows", output.rows())?,
        };
        call.run(&params)?;
        Ok(grad_input)
    }
}

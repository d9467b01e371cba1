//! Linear layers with 1-bit weights.

use super::packed::groups_of_a_row;
use super::{Call, Grouping, Ops, PackedWeights, Tensor, with_columns};
use crate::metal::kernels::params::{BinarizeParams, BitLinearGradParams, BitLinearParams};
use crate::metal::{BitNetShaderFunction as F, MetalError};

/// What is wanted of [`Ops::bitlinear_backward_weights`] beside the gradient of the weights.
#[derive(Clone, Copy, Debug, Default)]
pub struct WeightGradient<'a> {
    /// The gradient of the bias.
    pub bias: bool,
    /// Latent weights (N, K): the gradient is zero where one exceeds 1 in magnitude.
    pub clip_latent: Option<&'a Tensor>,
}

/// What [`Ops::bitlinear_backward_weights`] gives.
#[derive(Debug)]
pub struct BitLinearGradients {
    /// Of the latent weights, (N, K).
    pub weights: Tensor,
    /// Of the bias, (N), if it was wanted.
    pub bias: Option<Tensor>,
}

impl Ops {
    /// Y = X·Wᵀ + bias: `input` (…, K), `weights` (N, K) and `bias` (N) give (…, N).
    ///
    /// # Errors
    /// [`MetalError::Operand`] if shapes do not fit; what the device gives.
    pub fn bitlinear_forward(
        &self,
        input: &Tensor,
        weights: &PackedWeights,
        bias: Option<&Tensor>,
    ) -> Result<Tensor, MetalError> {
        let mut call = Call::new(self, F::BitLinearForward, input);
        call.take("input", input, &with_columns(input, weights.columns()))?;
        let has_scales = call.take_weights(weights, "scales")?;
        call.take_some("bias", bias, &[weights.rows()])?;
        let output = call.make("output", &with_columns(input, weights.rows()))?;
        let params = linear_params(&call, weights, input.rows(), bias.is_some(), has_scales)?;
        call.run(&params)?;
        Ok(output)
    }

    /// dX = dY·W: `grad_output` (…, N) and `weights` (N, K) give (…, K).
    ///
    /// # Errors
    /// [`MetalError::Operand`] if shapes do not fit; what the device gives.
    pub fn bitlinear_backward_input(
        &self,
        grad_output: &Tensor,
        weights: &PackedWeights,
    ) -> Result<Tensor, MetalError> {
        let mut call = Call::new(self, F::BitLinearBackwardInput, grad_output);
        call.take("grad_output", grad_output, &with_columns(grad_output, weights.rows()))?;
        let has_scales = call.take_weights(weights, "scales")?;
        let grad_input = call.make("grad_input", &with_columns(grad_output, weights.columns()))?;
        let params = linear_params(&call, weights, grad_output.rows(), false, has_scales)?;
        call.run(&params)?;
        Ok(grad_input)
    }

    /// dW = dYᵀ·X, straight through to the latent weights, and the sum of the rows of dY for the bias:
    /// `grad_output` (…, N) and `input` (…, K) of as many rows.
    ///
    /// # Errors
    /// [`MetalError::Operand`] if shapes do not fit; what the device gives.
    pub fn bitlinear_backward_weights(
        &self,
        grad_output: &Tensor,
        input: &Tensor,
        wanted: WeightGradient<'_>,
    ) -> Result<BitLinearGradients, MetalError> {
        let (output_size, input_size) = (grad_output.columns(), input.columns());
        let mut call = Call::new(self, F::BitLinearBackwardWeights, grad_output);
        call.take("grad_output", grad_output, grad_output.dims())?;
        call.take("input", input, &with_columns(grad_output, input_size))?;
        call.take_some("latent", wanted.clip_latent, &[output_size, input_size])?;
        let weights = call.make("grad_weights", &[output_size, input_size])?;
        let bias = wanted.bias.then(|| call.make("grad_bias", &[output_size])).transpose()?;
        let params = BitLinearGradParams {
            input_size: call.size("input_size", input_size)?,
            output_size: call.size("output_size", output_size)?,
            batch_size: call.size("batch_size", grad_output.rows())?,
            has_bias: wanted.bias.into(),
            clip_latent: wanted.clip_latent.is_some().into(),
        };
        call.run(&params)?;
        Ok(BitLinearGradients { weights, bias })
    }

    /// The signs of `latent` (N, K) less the mean of their group, and the mean magnitude of each group.
    ///
    /// # Errors
    /// [`MetalError::Operand`] unless it is a matrix; what the device gives, also for groups that are not a
    /// multiple of 32 columns.
    pub fn binarize_weights(&self, latent: &Tensor, grouping: Grouping) -> Result<PackedWeights, MetalError> {
        let (rows, columns) = (latent.rows(), latent.columns());
        let mut call = Call::new(self, F::BinarizeWeights, latent);
        call.take("latent", latent, &[rows, columns])?;
        let words = call.make("weights", &[rows, columns.div_ceil(32)])?;
        let scales = call.make("scales", &[rows, groups_of_a_row(columns, grouping)])?;
        let params = BinarizeParams {
            input_size: call.size("input_size", columns)?,
            output_size: call.size("output_size", rows)?,
            group_size: grouping.size(),
            per_tensor: (grouping == Grouping::Tensor).into(),
        };
        call.run(&params)?;
        Ok(PackedWeights::packed(words, scales, columns, grouping))
    }
}

fn linear_params(
    call: &Call<'_>,
    weights: &PackedWeights,
    rows: usize,
    has_bias: bool,
    has_scales: u32,
) -> Result<BitLinearParams, MetalError> {
    Ok(BitLinearParams {
        input_size: call.size("input_size", weights.columns())?,
        output_size: call.size("output_size", weights.rows())?,
        batch_size: call.size("batch_size", rows)?,
        group_size: weights.group_size(),
        has_bias: has_bias.into(),
        has_scales,
    })
}

//! 1-bit quantisation of weights, and the way back.

use super::packed::groups_of_a_row;
use super::{Call, Grouping, Ops, PackedWeights, Tensor};
use crate::metal::kernels::params::WeightGroupParams;
use crate::metal::{BitNetShaderFunction as F, MetalError};

impl Ops {
    /// The signs of `weights` (N, K) and the mean magnitude of each group of columns of a row, or of each row.
    ///
    /// # Errors
    /// [`MetalError::Operand`] unless it is a matrix, and for [`Grouping::Tensor`]; what the device gives, also for
    /// groups that are not a multiple of 32 columns.
    pub fn quantize_weights_1bit(
        &self,
        weights: &Tensor,
        grouping: Grouping,
    ) -> Result<PackedWeights, MetalError> {
        let (rows, columns) = (weights.rows(), weights.columns());
        if grouping == Grouping::Tensor {
            return Err(MetalError::Operand {
                op: "quantize_weights_1bit",
                operand: "grouping",
                given: "the whole tensor".to_owned(),
                needed: "rows or columns".to_owned(),
            });
        }
        let mut call = Call::new(self, F::QuantizeWeights1Bit, weights);
        call.take("input", weights, &[rows, columns])?;
        let words = call.make("weights", &[rows, columns.div_ceil(32)])?;
        let scales = call.make("scales", &[rows, groups_of_a_row(columns, grouping)])?;
        let params = WeightGroupParams {
            input_size: call.size("input_size", columns)?,
            output_size: call.size("output_size", rows)?,
            group_size: grouping.size(),
        };
        call.run(&params)?;
        Ok(PackedWeights::packed(words, scales, columns, grouping))
    }

    /// What packed weights stand for, (N, K): plus or minus the scale of the group.
    ///
    /// # Errors
    /// [`MetalError::Operand`] if they have no scales; what the device gives.
    pub fn dequantize_weights_1bit(&self, weights: &PackedWeights) -> Result<Tensor, MetalError> {
        let (rows, columns) = (weights.rows(), weights.columns());
        let mut call = Call::new(self, F::DequantizeWeights1Bit, weights.words());
        if call.take_weights(weights, "scales")? == 0 {
            return Err(call.absent("scales", &weights.scales_dims()));
        }
        let output = call.make("output", &[rows, columns])?;
        let params = WeightGroupParams {
            input_size: call.size("input_size", columns)?,
            output_size: call.size("output_size", rows)?,
            group_size: weights.group_size(),
        };
        call.run(&params)?;
        Ok(output)
    }
}

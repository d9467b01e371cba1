//! Quantisation of activations and gradients to 8 bits, the way back, and products of what it gives.

use super::packed::groups_of_a_row;
use super::{Call, DataType, Grouping, Ops, PackedWeights, Tensor, with_columns};
use crate::metal::kernels::params::{
    ActivationGroupParams, DynamicQuantizeParams, GradientGroupParams, MixedPrecisionParams,
    QuantizeActivationsParams,
};
use crate::metal::{BitNetShaderFunction as F, MetalError, Precision};

/// 8-bit values and what they stand for: (value − zero point) · scale, with a scale, and a zero point where there
/// are any, for each group of values.
#[derive(Debug)]
pub struct Quantized {
    /// The values, (…, K): `u8` where there are zero points, else `i8`.
    pub values: Tensor,
    /// The scales, (…, groups of a row) of `f32`; one number, (), where the tensor is one group.
    pub scales: Tensor,
    /// The zero points, `u8`, as many as scales.
    pub zero_points: Option<Tensor>,
    /// How values share scales.
    pub grouping: Grouping,
}

/// How [`Ops::quantize_gradients`] rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest integer, ties to even.
    Nearest,
    /// Up with the probability of the fraction, so that the mean is the gradient. The same seed gives the same
    /// result on every device.
    Stochastic {
        /// Philox's key.
        seed: u64,
    },
}

impl Ops {
    /// Each row of `input` (…, K) in int8 with one scale.
    ///
    /// # Errors
    /// [`MetalError::Operand`] for a type that no version of the kernel takes; what the device gives.
    pub fn quantize_activations(&self, input: &Tensor) -> Result<Quantized, MetalError> {
        Ok(self.quantize_rows(input, false)?.0)
    }

    /// The same, and value times scale beside it, (…, K): what a linear layer in training multiplies with.
    ///
    /// # Errors
    /// As [`quantize_activations`](Self::quantize_activations).
    pub fn quantize_and_dequantize_activations(
        &self,
        input: &Tensor,
    ) -> Result<(Quantized, Tensor), MetalError> {
        let (quantized, dequantized) = self.quantize_rows(input, true)?;
        Ok((quantized, dequantized.expect("it was asked for")))
    }

    fn quantize_rows(
        &self,
        input: &Tensor,
        dequantize: bool,
    ) -> Result<(Quantized, Option<Tensor>), MetalError> {
        let mut call = Call::new(self, F::QuantizeActivations, input);
        call.take("input", input, input.dims())?;
        let values = call.make("quantized", input.dims())?;
        let scales = call.make("scales", &with_columns(input, 1))?;
        let dequantized = dequantize.then(|| call.make("dequantized", input.dims())).transpose()?;
        let params = QuantizeActivationsParams {
            input_size: call.size("input_size", input.columns())?,
            batch_size: call.size("batch_size", input.rows())?,
            write_dequantized: dequantize.into(),
        };
        call.run(&params)?;
        let quantized = Quantized { values, scales, zero_points: None, grouping: Grouping::Row };
        Ok((quantized, dequantized))
    }

    /// Groups of `input` (…, K) in uint8 with a scale and a zero point each: rows, groups of columns of a row, or
    /// the whole tensor.
    ///
    /// ```
    /// # use bitnet_core::metal::ops::{Grouping, Ops};
    /// # use bitnet_core::metal::{Device, HostOptions, Precision};
    /// let ops = Ops::new(&Device::host(HostOptions::default()))?;
    /// let activations = ops.tensor(&[-1.0, 0.0, 4.1, 0.5, 2.0, 5.1], [2, 3])?;
    /// let quantized = ops.quantize_activations_8bit(&activations, Grouping::Row)?;
    /// assert_eq!(quantized.values.to_vec::<u8>()?, [0, 50, 255, 25, 100, 255]);
    ///
    /// let latent = ops.tensor(&[0.5, -0.5, 0.5], [1, 3])?;
    /// let weights = ops.quantize_weights_1bit(&latent, Grouping::Row)?;
    /// let product = ops.mixed_precision_matmul(&quantized, &weights, None, Precision::Single)?;
    /// let expect = [0.5 * (-1.0 - 0.0 + 4.1), 0.5 * (0.5 - 2.0 + 5.1)];
    /// for (y, expect) in product.to_vec::<f32>()?.iter().zip(expect) {
    ///     assert!((y - expect).abs() < 1e-5);
    /// }
    /// # Ok::<(), bitnet_core::metal::MetalError>(())
    /// ```
    ///
    /// # Errors
    /// [`MetalError::Operand`] for a type that no version of the kernel takes; what the device gives, also for
    /// groups that are not a multiple of 32 columns.
    pub fn quantize_activations_8bit(
        &self,
        input: &Tensor,
        grouping: Grouping,
    ) -> Result<Quantized, MetalError> {
        if grouping == Grouping::Tensor {
            return self.dynamic_quantize_activations(input);
        }
        let mut call = Call::new(self, F::QuantizeActivations8Bit, input);
        call.take("input", input, input.dims())?;
        let groups = with_columns(input, groups_of_a_row(input.columns(), grouping));
        let values = call.make("quantized", input.dims())?;
        let scales = call.make("scales", &groups)?;
        let zero_points = call.make("zero_points", &groups)?;
        let params = activation_groups(&call, input.rows(), input.columns(), grouping)?;
        call.run(&params)?;
        Ok(Quantized { values, scales, zero_points: Some(zero_points), grouping })
    }

    /// What uint8 values stand for, in this precision: (…, K).
    ///
    /// # Errors
    /// [`MetalError::Operand`] if values, scales and zero points do not fit each other; what the device gives.
    pub fn dequantize_activations_8bit(
        &self,
        quantized: &Quantized,
        precision: Precision,
    ) -> Result<Tensor, MetalError> {
        let values = &quantized.values;
        let mut call = Call::in_precision(self, F::DequantizeActivations8Bit, precision);
        call.take("quantized", values, values.dims())?;
        call.take("scales", &quantized.scales, &quantized.groups())?;
        match &quantized.zero_points {
            Some(zero_points) => call.take("zero_points", zero_points, &quantized.groups())?,
            None => return Err(call.absent("zero_points", &quantized.groups())),
        }
        let output = call.make("output", values.dims())?;
        let params = match quantized.grouping {
            // One row of all values.
            Grouping::Tensor => activation_groups(&call, 1, values.len(), Grouping::Row)?,
            grouping => activation_groups(&call, values.rows(), values.columns(), grouping)?,
        };
        call.run(&params)?;
        Ok(output)
    }

    /// `input` in uint8 with one scale and one zero point, on all of the device: what ONNX calls
    /// `DynamicQuantizeLinear`.
    ///
    /// # Errors
    /// [`MetalError::Operand`] for a type that no version of the kernel takes; what the device gives.
    pub fn dynamic_quantize_activations(&self, input: &Tensor) -> Result<Quantized, MetalError> {
        let mut call = Call::new(self, F::DynamicQuantizeActivations, input);
        let params = dynamic_quantize(&mut call, input)?;
        let values = call.make("quantized", input.dims())?;
        let scales = call.make("scale", &[])?;
        let zero_points = call.make("zero_point", &[])?;
        // The ranges of parts, which a kernel before this one writes.
        call.make("ranges", &[params.parts as usize, 2])?;
        call.run(&params)?;
        Ok(Quantized { values, scales, zero_points: Some(zero_points), grouping: Grouping::Tensor })
    }

    /// The first half of [`dynamic_quantize_activations`](Self::dynamic_quantize_activations): for each part of
    /// `input` its least and greatest value, as the kernel keeps them, (parts, 2) of `u32`.
    ///
    /// # Errors
    /// As [`dynamic_quantize_activations`](Self::dynamic_quantize_activations).
    pub fn dynamic_quantize_ranges(&self, input: &Tensor) -> Result<Tensor, MetalError> {
        let mut call = Call::new(self, F::DynamicQuantizeRanges, input);
        let params = dynamic_quantize(&mut call, input)?;
        let ranges = call.make("ranges", &[params.parts as usize, 2])?;
        call.run(&params)?;
        Ok(ranges)
    }

    /// Groups of `gradients` (…, K) in int8 with a scale each: rows, or groups of columns of a row; the whole tensor
    /// is one row.
    ///
    /// # Errors
    /// [`MetalError::Operand`] for a type that no version of the kernel takes; what the device gives, also for
    /// groups that are not a multiple of 32 columns.
    pub fn quantize_gradients(
        &self,
        gradients: &Tensor,
        grouping: Grouping,
        rounding: Rounding,
    ) -> Result<Quantized, MetalError> {
        let mut call = Call::new(self, F::QuantizeGradients, gradients);
        call.take("gradients", gradients, gradients.dims())?;
        let (rows, columns, groups) = match grouping {
            Grouping::Tensor => (1, gradients.len(), Vec::new()),
            _ => {
                let groups = groups_of_a_row(gradients.columns(), grouping);
                (gradients.rows(), gradients.columns(), with_columns(gradients, groups))
            }
        };
        let values = call.make("quantized", gradients.dims())?;
        let scales = call.make("scales", &groups)?;
        let (stochastic, seed) = match rounding {
            Rounding::Nearest => (0, 0),
            Rounding::Stochastic { seed } => (1, seed),
        };
        let params = GradientGroupParams {
            input_size: call.size("input_size", columns)?,
            batch_size: call.size("batch_size", rows)?,
            group_size: grouping.size(),
            stochastic,
            seed_low: seed as u32,
            seed_high: (seed >> 32) as u32,
        };
        call.run(&params)?;
        Ok(Quantized { values, scales, zero_points: None, grouping })
    }

    /// Y = X·Wᵀ + bias with 8-bit `activations` (…, K) and 1-bit `weights` (N, K): (…, N) in this precision, which is
    /// also that of `bias` (N). Sums within a group of scales are exact.
    ///
    /// # Errors
    /// [`MetalError::Operand`] if shapes do not fit, or activations and weights have groups of different sizes; what
    /// the device gives.
    pub fn mixed_precision_matmul(
        &self,
        activations: &Quantized,
        weights: &PackedWeights,
        bias: Option<&Tensor>,
        precision: Precision,
    ) -> Result<Tensor, MetalError> {
        let values = &activations.values;
        let mut call = Call::in_precision(self, F::MixedPrecisionMatmul, precision);
        let signed = activations.zero_points.is_none();
        let data_type = if signed { DataType::I8 } else { DataType::U8 };
        call.take_as("activations", data_type, values, &with_columns(values, weights.columns()))?;
        call.take("activation_scales", &activations.scales, &activations.groups())?;
        call.take_some("zero_points", activations.zero_points.as_ref(), &activations.groups())?;
        let has_scales = call.take_weights(weights, "weight_scales")?;
        call.take_some("bias", bias, &[weights.rows()])?;
        let output = call.make("output", &with_columns(values, weights.rows()))?;
        let (by_activations, by_weights) = (activations.grouping, weights.grouping());
        if let (Grouping::Columns(a), Grouping::Columns(b)) = (by_activations, by_weights)
            && (a != b && has_scales == 1)
        {
            let (given, needed) =
                (format!("in groups of {a} columns"), format!("{b} columns, as of weights,"));
            return Err(MetalError::Operand {
                op: "mixed_precision_matmul",
                operand: "activations",
                given,
                needed,
            });
        }
        let by_group = |grouping| matches!(grouping, Grouping::Columns(_));
        let params = MixedPrecisionParams {
            input_size: call.size("input_size", weights.columns())?,
            output_size: call.size("output_size", weights.rows())?,
            batch_size: call.size("batch_size", values.rows())?,
            group_size: if by_group(by_activations) { by_activations.size() } else { by_weights.size() },
            weight_scales: has_scales * (1 + u32::from(by_group(by_weights))),
            activation_scales: match by_activations {
                Grouping::Tensor => 0,
                Grouping::Row => 1,
                Grouping::Columns(_) => 2,
            },
            has_zero_points: (!signed).into(),
            has_bias: bias.is_some().into(),
        };
        call.run(&params)?;
        Ok(output)
    }
}

impl Quantized {
    /// The dimensions that scales and zero points have.
    fn groups(&self) -> Vec<usize> {
        match self.grouping {
            Grouping::Tensor => Vec::new(),
            grouping => with_columns(&self.values, groups_of_a_row(self.values.columns(), grouping)),
        }
    }
}

fn activation_groups(
    call: &Call<'_>,
    rows: usize,
    columns: usize,
    grouping: Grouping,
) -> Result<ActivationGroupParams, MetalError> {
    Ok(ActivationGroupParams {
        input_size: call.size("input_size", columns)?,
        batch_size: call.size("batch_size", rows)?,
        group_size: grouping.size(),
    })
}

fn dynamic_quantize(call: &mut Call<'_>, input: &Tensor) -> Result<DynamicQuantizeParams, MetalError> {
    call.take("input", input, input.dims())?;
    Ok(DynamicQuantizeParams::of(call.size("elements", input.len())?))
}

//! Cross-entropy from logits, with class indices.

use super::{Call, Ops, Tensor, without_columns};
use crate::metal::kernels::params::CrossEntropyParams;
use crate::metal::{BitNetShaderFunction as F, MetalError};

impl Ops {
    /// −log softmax(logits) at the label, of each row: `logits` (…, classes) and `labels` (…) of `u32` give (…).
    ///
    /// # Errors
    /// [`MetalError::Operand`] if shapes do not fit; what the device gives.
    pub fn cross_entropy_forward(&self, logits: &Tensor, labels: &Tensor) -> Result<Tensor, MetalError> {
        let mut call = self.cross_entropy(F::CrossEntropyForward, logits, labels)?;
        let losses = call.make("losses", &without_columns(logits))?;
        let params = params(&call, logits, 1.0)?;
        call.run(&params)?;
        Ok(losses)
    }

    /// `scale` · (softmax(logits) − onehot(label)) of each row; 1 / rows is the scale of a mean.
    ///
    /// # Errors
    /// [`MetalError::Operand`] if shapes do not fit; what the device gives.
    pub fn cross_entropy_backward(
        &self,
        logits: &Tensor,
        labels: &Tensor,
        scale: f32,
    ) -> Result<Tensor, MetalError> {
        let mut call = self.cross_entropy(F::CrossEntropyBackward, logits, labels)?;
        let grad_logits = call.make("grad_logits", logits.dims())?;
        let params = params(&call, logits, scale)?;
        call.run(&params)?;
        Ok(grad_logits)
    }

    fn cross_entropy(&self, function: F, logits: &Tensor, labels: &Tensor) -> Result<Call<'_>, MetalError> {
        let mut call = Call::new(self, function, logits);
        call.take("logits", logits, logits.dims())?;
        call.take("labels", labels, &without_columns(logits))?;
        Ok(call)
    }
}

fn params(call: &Call<'_>, logits: &Tensor, scale: f32) -> Result<CrossEntropyParams, MetalError> {
    let (classes, rows) = (call.size("classes", logits.columns())?, call.size("rows", logits.rows())?);
    Ok(CrossEntropyParams { classes, rows, scale })
}

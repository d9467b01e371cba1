//! The operation `example_kernel`.

use super::{Call, Ops, Tensor};
use crate::metal::kernels::params::ElementwiseParams;
use crate::metal::{BitNetShaderFunction as F, MetalError};

impl Ops {
    /// x²
    ///
    /// # Errors
    /// [`MetalError::Operand`] for a type that no version of the kernel takes; what the device gives.
    pub fn example_kernel(&self, input: &Tensor) -> Result<Tensor, MetalError> {
        let mut call = Call::new(self, F::ExampleKernel, input);
        call.take("input", input, input.dims())?;
        let output = call.make("output", input.dims())?;
        let count = call.size("elements", input.len())?;
        call.run(&ElementwiseParams { count })?;
        Ok(output)
    }
}

//! Element-wise operations, forward and backward.

use super::{Call, Ops, Tensor};
use crate::metal::kernels::params::{DropoutParams, ElementwiseParams, KernelParams, LeakyReluParams};
use crate::metal::{BitNetShaderFunction as F, MetalError};

/// Defines element-wise operations of one tensor, and of a gradient with what the forward kept.
macro_rules! elementwise {
    (forward { $($(#[$meta:meta])* $forward:ident: $function:ident;)+ }
     backward { $($(#[$bmeta:meta])* $backward:ident($kept:ident): $bfunction:ident;)+ }) => {
        impl Ops {
            $($(#[$meta])*
            ///
            /// # Errors
            /// [`MetalError::Operand`] for a type that no version of the kernel takes; what the device gives.
            pub fn $forward(&self, input: &Tensor) -> Result<Tensor, MetalError> {
                let params = |count| ElementwiseParams { count };
                self.elementwise(F::$function, "output", &[("input", input)], params)
            })+

            $($(#[$bmeta])*
            ///
            /// # Errors
            /// [`MetalError::Operand`] if the operands differ in shape or type; what the device gives.
            pub fn $backward(&self, grad_output: &Tensor, $kept: &Tensor) -> Result<Tensor, MetalError> {
                let operands = [("grad_output", grad_output), (stringify!($kept), $kept)];
                let params = |count| ElementwiseParams { count };
                self.elementwise(F::$bfunction, "grad_input", &operands, params)
            })+
        }
    };
}

elementwise! {
    forward {
        /// max(x, 0)
        relu_forward: ReluForward;
        /// max(x, 0)²
        relu_squared_forward: ReluSquaredForward;
        /// x·Φ(x), with the normal distribution Φ.
        gelu_forward: GeluForward;
        /// ½x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))
        gelu_tanh_forward: GeluTanhForward;
        /// x·σ(x)
        swish_forward: SwishForward;
        /// σ(x) = 1/(1 + exp(−x))
        sigmoid_forward: SigmoidForward;
        /// tanh(x)
        tanh_forward: TanhForward;
    }
    backward {
        /// `grad_output` where `input` is positive, else 0.
        relu_backward(input): ReluBackward;
        /// `grad_output` · 2·max(x, 0)
        relu_squared_backward(input): ReluSquaredBackward;
        /// `grad_output` · (Φ(x) + x·φ(x)), with the normal density φ.
        gelu_backward(input): GeluBackward;
        /// `grad_output` times the derivative of [`gelu_tanh_forward`](Ops::gelu_tanh_forward) at `input`.
        gelu_tanh_backward(input): GeluTanhBackward;
        /// `grad_output` · σ(x)·(1 + x·σ(−x))
        swish_backward(input): SwishBackward;
        /// `grad_output` · y·(1 − y), y the forward's `output`.
        sigmoid_backward(output): SigmoidBackward;
        /// `grad_output` · (1 − y²), y the forward's `output`.
        tanh_backward(output): TanhBackward;
    }
}

impl Ops {
    /// x where it is positive, else `slope`·x.
    ///
    /// # Errors
    /// [`MetalError::Operand`] for a type that no version of the kernel takes; what the device gives.
    pub fn leaky_relu_forward(&self, input: &Tensor, slope: f32) -> Result<Tensor, MetalError> {
        let params = |count| LeakyReluParams { count, slope };
        self.elementwise(F::LeakyReluForward, "output", &[("input", input)], params)
    }

    /// `grad_output` where `input` is positive, else `slope` times that.
    ///
    /// # Errors
    /// [`MetalError::Operand`] if the operands differ in shape or type; what the device gives.
    pub fn leaky_relu_backward(
        &self,
        grad_output: &Tensor,
        input: &Tensor,
        slope: f32,
    ) -> Result<Tensor, MetalError> {
        let params = |count| LeakyReluParams { count, slope };
        let operands = [("grad_output", grad_output), ("input", input)];
        self.elementwise(F::LeakyReluBackward, "grad_input", &operands, params)
    }

    /// max(x, 0) / (1 − `probability`), or 0 with that probability; and a mask, ⌈elements / 32⌉ words with a bit for
    /// each element that passed. The same seed gives the same mask on every device.
    ///
    /// # Errors
    /// [`MetalError::Operand`] for a type that no version of the kernel takes; what the device gives.
    pub fn fused_relu_dropout(
        &self,
        input: &Tensor,
        probability: f32,
        seed: u64,
    ) -> Result<(Tensor, Tensor), MetalError> {
        let mut call = Call::new(self, F::FusedReluDropout, input);
        call.take("input", input, input.dims())?;
        let output = call.make("output", input.dims())?;
        let mask = call.make("mask", &[input.len().div_ceil(32)])?;
        let params = DropoutParams {
            count: call.size("elements", input.len())?,
            probability,
            seed_low: seed as u32,
            seed_high: (seed >> 32) as u32,
            write_mask: 1,
        };
        call.run(&params)?;
        Ok((output, mask))
    }

    /// `grad_output` / (1 − `probability`) where the bit of the forward's `mask` is set, else 0.
    ///
    /// # Errors
    /// [`MetalError::Operand`] if the mask is not one of as many elements; what the device gives.
    pub fn fused_relu_dropout_backward(
        &self,
        grad_output: &Tensor,
        mask: &Tensor,
        probability: f32,
    ) -> Result<Tensor, MetalError> {
        let mut call = Call::new(self, F::FusedReluDropoutBackward, grad_output);
        call.take("grad_output", grad_output, grad_output.dims())?;
        call.take("mask", mask, &[grad_output.len().div_ceil(32)])?;
        let grad_input = call.make("grad_input", grad_output.dims())?;
        let count = call.size("elements", grad_output.len())?;
        call.run(&DropoutParams { count, probability, ..DropoutParams::default() })?;
        Ok(grad_input)
    }

    /// A kernel that takes each element by itself: operands and result all have the shape of the first.
    fn elementwise<P: KernelParams>(
        &self,
        function: F,
        result: &'static str,
        operands: &[(&'static str, &Tensor)],
        params: impl FnOnce(u32) -> P,
    ) -> Result<Tensor, MetalError> {
        let (_, first) = operands.first().expect("every element-wise kernel has an operand");
        let mut call = Call::new(self, function, first);
        for (name, operand) in operands {
            call.take(name, operand, first.dims())?;
        }
        let output = call.make(result, first.dims())?;
        let count = call.size("elements", first.len())?;
        call.run(&params(count))?;
        Ok(output)
    }
}

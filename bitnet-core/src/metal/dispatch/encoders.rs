//! Encoders that are opened for a kernel: its pipeline is set, and what its dispatch is not given is filled in.

use crate::metal::kernels::TABLE;
use crate::metal::names::KnownNames;
use crate::metal::{BitNetShaderFunction, BitNetShaders, CommandBuffer, ComputeCommandEncoder, MetalError};

/// Defines functions that open an encoder for one kernel.
macro_rules! encoders {
    ($($name:ident for $function:ident;)+) => {$(
        #[doc = concat!(
            "Opens an encoder for [`BitNetShaderFunction::", stringify!($function), "`] on the command buffer.\n\n",
            "# Errors\n",
            "As [`BitNetShaders::create_compute_encoder_with_pipeline`].",
        )]
        pub fn $name(
            shaders: &BitNetShaders,
            command_buffer: &CommandBuffer,
        ) -> Result<ComputeCommandEncoder, MetalError> {
            shaders.create_compute_encoder_with_pipeline(command_buffer, BitNetShaderFunction::$function)
        }
    )+};
}

encoders! {
    create_bitlinear_forward_encoder for BitLinearForward;
    create_bitlinear_backward_input_encoder for BitLinearBackwardInput;
    create_bitlinear_backward_weights_encoder for BitLinearBackwardWeights;
    create_binarize_weights_encoder for BinarizeWeights;
    create_quantize_activations_encoder for QuantizeActivations;
}

/// Opens an encoder for a kernel of `quantization.metal` on the command buffer.
///
/// # Errors
/// [`MetalError::FunctionNotFound`] for a kernel of another shader; what
/// [`BitNetShaders::create_compute_encoder_with_pipeline`] gives.
pub fn create_quantization_encoder(
    shaders: &BitNetShaders,
    command_buffer: &CommandBuffer,
    function: BitNetShaderFunction,
) -> Result<ComputeCommandEncoder, MetalError> {
    create_encoder_of("quantization", shaders, command_buffer, function)
}

/// Opens an encoder for a kernel of `activation.metal` on the command buffer.
///
/// # Errors
/// [`MetalError::FunctionNotFound`] for a kernel of another shader; what
/// [`BitNetShaders::create_compute_encoder_with_pipeline`] gives.
pub fn create_activation_encoder(
    shaders: &BitNetShaders,
    command_buffer: &CommandBuffer,
    function: BitNetShaderFunction,
) -> Result<ComputeCommandEncoder, MetalError> {
    create_encoder_of("activation", shaders, command_buffer, function)
}

fn create_encoder_of(
    shader: &str,
    shaders: &BitNetShaders,
    command_buffer: &CommandBuffer,
    function: BitNetShaderFunction,
) -> Result<ComputeCommandEncoder, MetalError> {
    if function.shader() != shader {
        let kernels = TABLE.iter().filter(|row| row.shader == shader).map(|row| row.name);
        return Err(MetalError::FunctionNotFound {
            function: function.name().to_owned(),
            shader: shader.to_owned(),
            known: KnownNames::for_unknown(function.name(), kernels),
        });
    }
    shaders.create_compute_encoder_with_pipeline(command_buffer, function)
}

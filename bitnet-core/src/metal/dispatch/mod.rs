//! Dispatch helpers: one function a kernel that binds its buffers, sets its parameter struct and dispatches it.
//!
//! All have one form: the encoder, the buffers in the order of the kernel's row, the sizes and settings in the
//! order of its parameter struct, threads and threadgroup. A buffer that may be absent is an [`Option`], and the
//! struct's flags follow from that. The encoder is one that was opened for the kernel
//! ([`create_compute_encoder_with_pipeline`] or a function of [`encoders`]), in either precision; threads and
//! threadgroup are what [`calculate_dispatch_params`] gives, or any other one-dimensional grid of up to 2²⁴ threads.
//!
//! Buffers are checked against the kernel's row before anything is encoded. A misuse is kept in
//! [`CommandEncoder::error`](super::CommandEncoder::error) and fails the command buffer, as with every method of an encoder.
//!
//! ```
//! use bitnet_core::metal::*;
//!
//! let device = Device::host(HostOptions::default());
//! let shaders = BitNetShaders::new(device.clone())?;
//! let input = create_buffer(&device, &[-1.0f32, 2.0, -3.0])?;
//! let output = create_buffer(&device, &[0.0f32; 3])?;
//!
//! let command_buffer = device.new_command_queue().new_command_buffer();
//! let encoder = create_activation_encoder(&shaders, &command_buffer, BitNetShaderFunction::ReluForward)?;
//! let (threads, threadgroup) = shaders.calculate_dispatch_params(BitNetShaderFunction::ReluForward, 3)?;
//! dispatch_relu_forward(&encoder, &input, &output, 3, threads, threadgroup);
//! encoder.end_encoding();
//! command_buffer.commit();
//! command_buffer.wait_until_completed()?;
//! assert_eq!(read_buffer::<f32>(&output)?, [0.0, 2.0, 0.0]);
//! # Ok::<(), MetalError>(())
//! ```
//!
//! [`create_compute_encoder_with_pipeline`]: crate::metal::BitNetShaders::create_compute_encoder_with_pipeline
//! [`calculate_dispatch_params`]: crate::metal::BitNetShaders::calculate_dispatch_params

pub mod activation;
pub mod bitlinear;
pub mod encoders;
pub mod loss;
pub mod norm;
pub mod optimizer;
pub mod quantization;

use super::buffer::Buffer;
use super::compute_encoder::ComputeCommandEncoder;
use super::kernels::geometry::MAX_GRID;
use super::kernels::params::KernelParams;
use super::kernels::row::KernelRow;
use super::kernels::{Arg, BitNetShaderFunction, check_arguments};
use super::size::MTLSize;
use super::validation::{EncoderState, ValidationError};

/// Defines dispatch helpers: `fn name for Kernel (buffers; sizes and settings) -> parameter struct`. Buffers bear
/// the names of the kernel's row (a test compares).
macro_rules! dispatch_helpers {
    ($($(#[$meta:meta])* fn $name:ident for $function:ident (
        $($buffer:ident: $kind:ty),+; $($field:ident: $ty:ty),+ $(,)?
    ) -> $params:expr;)+) => {
        $($(#[$meta])*
        ///
        /// See the [module](crate::metal::dispatch) for the encoder, the grid and what becomes of errors.
        #[allow(clippy::too_many_arguments, reason = "a kernel's operands and sizes, each under its name")]
        pub fn $name(
            encoder: &$crate::metal::ComputeCommandEncoder,
            $($buffer: $kind,)+
            $($field: $ty,)+
            threads: $crate::metal::MTLSize,
            threadgroup: $crate::metal::MTLSize,
        ) {
            $crate::metal::dispatch::launch(
                encoder,
                stringify!($name),
                $crate::metal::BitNetShaderFunction::$function,
                &[$((stringify!($buffer), Option::from($buffer)),)+],
                &$params,
                (threads, threadgroup),
            );
        })+

        /// Each helper with its kernel and its buffers.
        #[cfg(test)]
        pub(super) static HELPERS: &[$crate::metal::dispatch::tests::Helper] = &[
            $((stringify!($name), $crate::metal::BitNetShaderFunction::$function, &[$(stringify!($buffer)),+]),)+
        ];
    };
}
use dispatch_helpers;

/// Binds buffers by their names in the kernel's row, sets the parameter struct and dispatches.
fn launch<P: KernelParams>(
    encoder: &ComputeCommandEncoder,
    call: &'static str,
    function: BitNetShaderFunction,
    buffers: &[(&str, Option<&Buffer>)],
    params: &P,
    (threads, threadgroup): (MTLSize, MTLSize),
) {
    let row = function.row();
    let params_index = row.constants().0;
    let bytes = bytemuck::bytes_of(params);
    let buffer =
        |name: &str| buffers.iter().find(|(other, _)| *other == name).and_then(|(_, buffer)| *buffer);
    let bound = row.params.iter().filter(|param| param.index != params_index);
    let bound: Vec<(u32, Option<&Buffer>)> = bound.map(|param| (param.index, buffer(param.name))).collect();

    encoder.check(call, |state| {
        let given = bound.iter().filter_map(|(index, buffer)| Some((*index, Arg::Buffer((*buffer)?, 0))));
        let args: Vec<_> = given.chain([(params_index, Arg::Bytes(bytes))]).collect();
        check_contract(state, call, row, params, &args, threads)
    });
    for (index, buffer) in bound {
        encoder.set_buffer(index.into(), buffer, 0);
    }
    encoder.set_bytes(params_index.into(), bytes);
    encoder.dispatch_threads(threads, threadgroup);
}

/// The rules of a dispatch helper.
fn check_contract<P: KernelParams>(
    state: &EncoderState,
    call: &'static str,
    row: &KernelRow,
    params: &P,
    args: &[(u32, Arg<'_>)],
    threads: MTLSize,
) -> Result<(), ValidationError> {
    let pipeline = &state.kernel()?.name;
    let version = row.precisions().iter().find(|&&precision| row.kernel_name(precision) == *pipeline);
    let Some(&precision) = version else {
        return Err(ValidationError::OtherKernel { call, pipeline: pipeline.clone(), kernel: row.name });
    };
    let broken = |reason| ValidationError::DispatchContract { call, reason };
    if threads.height > 1 || threads.depth > 1 {
        return Err(broken(format!("a grid of {threads} threads has more than one dimension")));
    }
    if threads.width > MAX_GRID {
        return Err(broken(format!("a grid of {} threads has more than {MAX_GRID}", threads.width)));
    }
    check_arguments(row, precision, &params.shape().unwrap_or_default(), args).map_err(broken)
}

#[cfg(test)]
mod tests;

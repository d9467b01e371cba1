//! Operations on tensors, for those who want no encoders: each runs one kernel of the table and gives its results.
//!
//! Methods bear the kernels' names. Operands are checked for type and shape first; what a kernel returns is there
//! when the method does, and whatever went wrong is its error. The type of the activations chooses the version of
//! the kernel: `f32` tensors are worked on in single, `f16` tensors in half precision.
//!
//! ```
//! use bitnet_core::metal::ops::{AdamW, Grouping, Moments, Ops, WeightGradient};
//! use bitnet_core::metal::{Device, HostOptions};
//!
//! let ops = Ops::new(&Device::host(HostOptions::default()))?;
//!
//! // Two neurons with four inputs each: a bit a weight, and a scale a row.
//! let mut latent = ops.tensor(&[1.0, -1.0, 3.0, -3.0, 0.5, 0.5, -0.5, -0.5], [2, 4])?;
//! let weights = ops.binarize_weights(&latent, Grouping::Row)?;
//! assert_eq!(weights.words().to_vec::<u32>()?, [0b0101, 0b0011]);
//!
//! // One row of activations: 2·(4 − 3 + 2 − 1) and 0.5·(4 + 3 − 2 − 1).
//! let input = ops.tensor(&[4.0, 3.0, 2.0, 1.0], [1, 4])?;
//! let output = ops.bitlinear_forward(&input, &weights, None)?;
//! assert_eq!(output.to_vec::<f32>()?, [4.0, 2.0]);
//!
//! // A step that makes the sum of the outputs smaller.
//! let grad_output = ops.tensor(&[1.0, 1.0], [1, 2])?;
//! let gradients = ops.bitlinear_backward_weights(&grad_output, &input, WeightGradient::default())?;
//! let mut moments = Moments::new(ops.device(), latent.dims())?;
//! ops.adamw_step(&mut latent, &gradients.weights, &mut moments, &AdamW::default())?;
//! assert!(latent.to_vec::<f32>()?[0] < 1.0);
//! # Ok::<(), bitnet_core::metal::MetalError>(())
//! ```

mod activation;
mod bitlinear;
mod call;
mod loss;
mod norm;
mod optimizer;
mod packed;
mod quantized;
mod tensor;
mod weights;

use call::Call;

pub use super::kernels::Grouping;
pub use bitlinear::{BitLinearGradients, WeightGradient};
pub use norm::{LayerNorm, LayerNormGradients, RmsNorm, RmsNormGradients};
pub use optimizer::{AdamW, Moments, Momentum, Sgd};
pub use packed::PackedWeights;
pub use quantized::{Quantized, Rounding};
pub use tensor::{DataType, Tensor, TensorElement};

use super::{BitNetShaders, CommandQueue, Device, MetalError};

/// The operations of one device. A clone is another handle; all threads may use it.
#[derive(Clone, Debug)]
pub struct Ops {
    queue: CommandQueue,
    shaders: BitNetShaders,
}

impl Ops {
    /// The operations of a device, with the built-in shaders.
    ///
    /// # Errors
    /// As [`BitNetShaders::new`].
    pub fn new(device: &Device) -> Result<Self, MetalError> {
        Ok(Self::with_shaders(BitNetShaders::new(device.clone())?))
    }

    /// The operations of these shaders' device.
    pub fn with_shaders(shaders: BitNetShaders) -> Self {
        Self { queue: shaders.device().new_command_queue(), shaders }
    }

    /// The device.
    pub fn device(&self) -> &Device {
        self.shaders.device()
    }

    /// The shaders.
    pub fn shaders(&self) -> &BitNetShaders {
        &self.shaders
    }

    /// A tensor on the device with a copy of these elements: [`Tensor::from_slice`].
    ///
    /// # Errors
    /// As [`Tensor::from_slice`].
    pub fn tensor<T: TensorElement>(
        &self,
        elements: &[T],
        dims: impl Into<Vec<usize>>,
    ) -> Result<Tensor, MetalError> {
        Tensor::from_slice(self.device(), elements, dims)
    }
}

/// The dimensions of a tensor with another length of its rows.
fn with_columns(tensor: &Tensor, columns: usize) -> Vec<usize> {
    let mut dims = tensor.dims().to_vec();
    match dims.last_mut() {
        Some(last) => *last = columns,
        None => dims.push(columns),
    }
    dims
}

/// The dimensions of one value a row.
fn without_columns(tensor: &Tensor) -> Vec<usize> {
    tensor.dims().split_last().map(|(_, rows)| rows.to_vec()).unwrap_or_default()
}

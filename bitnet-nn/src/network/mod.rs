//! The network on a device: buffers, and the recording of forward pass, backward pass and optimiser step.
//!
//! One layer is, in the forward direction, layer norm, int8 quantisation of each row, the product with
//! β·(±1) weights plus bias, and between layers ReLU. Every number is computed by a kernel of
//! [`bitnet_core::metal::kernels`]; what happens here on the host is to allocate, bind and record.

mod backward;
mod forward;
mod gpu;
mod optimizer;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
mod training;

pub(crate) use forward::{Activations, LayerBuffers, record_layer, record_relu};
pub(crate) use gpu::{Gpu, View, read};
pub(crate) use training::{StepInput, TrainingNetwork, start};

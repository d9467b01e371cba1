//! The Metal API: devices, buffers, libraries, pipelines, queues and encoders, with the names that the
//! `metal` crate made usual; the shader compiler and the BitNet shaders on top.
//!
//! One front, several backends: the objects here validate, keep state and hand what is left to a
//! backend that talks to a GPU or executes the shader itself. So a misuse is refused with the same
//! words everywhere, and what a Mac runs is what other systems have tested.

mod backend;
mod buffer;
mod command_buffer;
mod command_queue;
mod compile_options;
mod completion;
mod compute_encoder;
mod device;
mod error;
mod function;
mod function_constants;
mod helpers;
mod host_options;
pub mod kernels;
mod library;
mod names;
mod pipeline;
mod resource_options;
mod shader_compiler;
mod shader_utils;
mod size;
mod sync;
mod validation;

pub use bitnet_msl::LanguageVersion;
pub use bitnet_msl::reflect::KernelInfo;
pub use bitnet_simt::{Trap, TrapKind};
pub use buffer::Buffer;
pub use command_buffer::CommandBuffer;
pub use command_queue::CommandQueue;
pub use compile_options::{CompileOptions, Defines};
pub use completion::MTLCommandBufferStatus;
pub use compute_encoder::ComputeCommandEncoder;
pub use device::{Device, DeviceKind, DeviceLimits};
pub use error::MetalError;
pub use function::Function;
pub use function_constants::{ConstantValue, FunctionConstantValues};
pub use helpers::{
    create_buffer, create_empty_buffer, create_metal_device, dispatch_compute, initialize_metal_context,
    read_buffer, set_compute_bytes, write_buffer,
};
pub use host_options::{ErrorMode, HostOptions};
pub use kernels::{BitNetShaderFunction, KernelRow};
pub use library::Library;
pub use names::KnownNames;
pub use pipeline::ComputePipelineState;
pub use resource_options::MTLResourceOptions;
pub use shader_compiler::{
    CompiledShader, OptimizationLevel, ShaderCompiler, ShaderCompilerConfig, create_shader_compiler,
};
pub use shader_utils::BitNetShaders;
pub use size::MTLSize;
pub use validation::{
    CONSTANT_OFFSET_ALIGNMENT, KernelParameter, MAX_BINDING_INDEX, MAX_INLINE_BYTES,
    THREADGROUP_MEMORY_ALIGNMENT, ValidationError,
};

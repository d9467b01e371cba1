//! The Metal API: devices, buffers, libraries, pipelines, queues and encoders, with the names that the
//! `metal` crate made usual; the shader compiler and the BitNet shaders on top.
//!
//! One front, several backends: the objects here validate, keep state and hand what is left to a
//! backend that talks to a GPU or executes the shader itself. So a misuse is refused with the same
//! words everywhere, and what a Mac runs is what other systems have tested.

mod backend;
mod binary_archive;
mod blit_encoder;
mod buffer;
mod command_buffer;
mod command_queue;
mod compile_options;
mod completion;
mod compute_encoder;
mod device;
pub mod dispatch;
mod encoder;
mod error;
mod front_end;
mod function;
mod function_constants;
mod global_shaders;
mod gpu_family;
mod helpers;
mod host_options;
#[cfg_attr(
    not(any(target_vendor = "apple", test)),
    expect(dead_code, reason = "only Metal takes a single text")
)]
mod inline_includes;
pub mod kernels;
mod label;
mod library;
mod log_state;
mod names;
pub mod ops;
mod page_bytes;
mod pipeline;
mod resource_options;
mod shader_cache;
mod shader_compiler;
mod shader_utils;
mod size;
mod sync;
#[cfg(any(test, target_vendor = "apple"))]
mod system_language;
pub mod testing;
mod validation;

pub use binary_archive::BinaryArchive;
pub use bitnet_msl::reflect::KernelInfo;
pub use bitnet_msl::{LanguageVersion, OptimizationLevel};
pub use bitnet_simt::{Trap, TrapKind};
pub use blit_encoder::BlitCommandEncoder;
pub use buffer::Buffer;
pub use command_buffer::CommandBuffer;
pub use command_queue::CommandQueue;
pub use compile_options::{CompileOptions, Defines};
pub use completion::MTLCommandBufferStatus;
pub use compute_encoder::ComputeCommandEncoder;
pub use device::{Device, DeviceKind, DeviceLimits};
pub use dispatch::activation::*;
pub use dispatch::bitlinear::*;
pub use dispatch::encoders::*;
pub use dispatch::loss::*;
pub use dispatch::norm::*;
pub use dispatch::optimizer::*;
pub use dispatch::quantization::*;
pub use encoder::CommandEncoder;
pub use error::MetalError;
pub use function::Function;
pub use function_constants::{ConstantValue, FunctionConstantValues};
pub use global_shaders::{get_global_shaders, initialize_global_shaders};
pub use gpu_family::MTLGPUFamily;
pub use helpers::{
    create_buffer, create_empty_buffer, create_metal_device, dispatch_compute, initialize_metal_context,
    read_buffer, set_compute_bytes, write_buffer,
};
pub use host_options::{ErrorMode, HostOptions};
pub use kernels::{BitNetShaderFunction, KernelRow, Precision};
pub use label::Place;
pub use library::Library;
pub use log_state::{
    LOG_BUFFER_SIZES, LOG_TARGET, LogMessage, LogOrigin, LogState, LogStateDescriptor, MTLLogLevel,
};
pub use names::KnownNames;
pub use page_bytes::PageBytes;
pub use pipeline::{ComputePipelineDescriptor, ComputePipelineState};
pub use resource_options::MTLResourceOptions;
pub use shader_cache::{
    CACHE_DIRECTORY_VARIABLE, CacheEntry, CacheKey, Cleared, EntryFault, EntryState, ShaderCache,
};
pub use shader_compiler::{
    CacheStatistics, CompiledShader, ShaderCompiler, ShaderCompilerConfig, create_shader_compiler,
};
pub use shader_utils::BitNetShaders;
pub use size::MTLSize;
pub use validation::{
    BLIT_ALIGNMENT, CONSTANT_OFFSET_ALIGNMENT, KernelParameter, MAX_BINDING_INDEX, MAX_INLINE_BYTES,
    THREADGROUP_MEMORY_ALIGNMENT, ValidationError,
};

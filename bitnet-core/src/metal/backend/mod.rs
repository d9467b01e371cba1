//! What a device has to be able to do. The objects of the API validate, keep state and hand what is left
//! to a backend through these traits; each backend has one file per trait, of the trait's name.
//!
//! **Invariant:** a backend gets only what [`validation`](super::validation) has let pass: indices in
//! range, objects of its own device, one open encoder at a time, calls in order.

pub(crate) mod host;

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use bitnet_msl::reflect::KernelInfo;

use super::compile_options::CompileOptions;
use super::completion::Completion;
use super::device::{DeviceKind, DeviceLimits};
use super::error::MetalError;
use super::function_constants::FunctionConstantValues;
use super::resource_options::MTLResourceOptions;
use super::size::MTLSize;
use super::validation::Grid;

/// Makes everything else.
pub(crate) trait Device: Debug + Send + Sync {
    /// Which backend this is.
    fn kind(&self) -> DeviceKind;
    /// Name for people.
    fn name(&self) -> &str;
    /// What the device can do.
    fn limits(&self) -> &DeviceLimits;
    /// A zeroed buffer. The length is positive and within the limits.
    fn new_buffer(&self, length: u64, options: MTLResourceOptions) -> Result<Arc<dyn Buffer>, MetalError>;
    /// Compiles a source. `name` is what errors and diagnostics call it.
    fn new_library(
        &self,
        name: &str,
        source: &str,
        options: &CompileOptions,
    ) -> Result<Arc<dyn Library>, MetalError>;
    /// A queue.
    fn new_command_queue(&self) -> Arc<dyn CommandQueue>;
}

/// Memory.
pub(crate) trait Buffer: Any + Debug + Send + Sync {
    /// Copies bytes out. The range lies within the buffer, and the host may access it.
    fn read(&self, offset: u64, out: &mut [u8]);
    /// Copies bytes in. The range lies within the buffer, and the host may access it.
    fn write(&self, offset: u64, bytes: &[u8]);
}

/// A compiled source.
pub(crate) trait Library: Debug + Send + Sync {
    /// Its kernels, in source order.
    fn kernels(&self) -> &[KernelInfo];
    /// Makes one of its kernels executable.
    fn new_pipeline(
        &self,
        kernel: &KernelInfo,
        constants: &FunctionConstantValues,
    ) -> Result<Arc<dyn ComputePipelineState>, MetalError>;
}

/// An executable kernel.
pub(crate) trait ComputePipelineState: Any + Debug + Send + Sync {
    /// Most threads that a threadgroup of this kernel may have.
    fn max_total_threads_per_threadgroup(&self) -> u64;
    /// Threads of a simdgroup.
    fn thread_execution_width(&self) -> u64;
}

/// Runs command buffers one after the other, in the order they are committed.
pub(crate) trait CommandQueue: Debug + Send + Sync {
    /// An empty command buffer of this queue.
    fn new_command_buffer(self: Arc<Self>) -> Box<dyn CommandBuffer>;
}

/// Records commands. Between `begin_compute` and `end_compute` come those of one encoder.
pub(crate) trait CommandBuffer: Debug + Send {
    /// An encoder opens: nothing is bound.
    fn begin_compute(&mut self);
    /// The pipeline of the dispatches that follow.
    fn set_pipeline(&mut self, pipeline: &Arc<dyn ComputePipelineState>);
    /// Binds a buffer from an offset on, or nothing.
    fn set_buffer(&mut self, index: usize, buffer: Option<(&Arc<dyn Buffer>, u64)>);
    /// Binds inline constants.
    fn set_bytes(&mut self, index: usize, bytes: &[u8]);
    /// Sets the length of threadgroup memory.
    fn set_threadgroup_memory_length(&mut self, index: usize, length: u64);
    /// Runs the pipeline over a grid that is not empty.
    fn dispatch(&mut self, grid: Grid, threadgroup: MTLSize);
    /// The encoder ends.
    fn end_compute(&mut self);
    /// Hands what was recorded to the queue and returns without waiting. The backend reports through
    /// `completion`, exactly once, however the run ends.
    fn commit(self: Box<Self>, completion: Arc<Completion>);
}

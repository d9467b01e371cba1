//! Compute pipeline states: executable kernels.

use std::sync::Arc;

use bitnet_msl::reflect::KernelInfo;

use super::backend;
use super::device::{Device, DeviceLimits};
use super::error::MetalError;
use super::function::Function;

/// An executable kernel. A clone is another handle to it.
#[derive(Clone, Debug)]
pub struct ComputePipelineState {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    device: Device,
    reflection: KernelInfo,
    raw: Arc<dyn backend::ComputePipelineState>,
}

impl ComputePipelineState {
    pub(crate) fn new(function: &Function) -> Result<Self, MetalError> {
        let reflection = function.reflection().clone();
        let raw = function.library().new_pipeline(&reflection, function.constants())?;
        Ok(Self { inner: Arc::new(Inner { device: function.device().clone(), reflection, raw }) })
    }

    /// The device that executes it.
    pub fn device(&self) -> &Device {
        &self.inner.device
    }

    /// What the kernel takes.
    pub fn reflection(&self) -> &KernelInfo {
        &self.inner.reflection
    }

    /// Most threads that a threadgroup of this kernel may have.
    pub fn max_total_threads_per_threadgroup(&self) -> u64 {
        self.inner.raw.max_total_threads_per_threadgroup()
    }

    /// Threads of a simdgroup: threadgroups had better be multiples of it.
    pub fn thread_execution_width(&self) -> u64 {
        self.inner.raw.thread_execution_width()
    }

    /// Bytes of the threadgroup variables that the kernel declares itself.
    pub fn static_threadgroup_memory_length(&self) -> u64 {
        self.reflection().threadgroup_bytes.into()
    }

    pub(crate) fn device_id(&self) -> u64 {
        self.inner.device.registry_id()
    }

    pub(crate) fn device_limits(&self) -> &DeviceLimits {
        self.inner.device.limits()
    }

    pub(crate) fn raw(&self) -> &Arc<dyn backend::ComputePipelineState> {
        &self.inner.raw
    }
}

//! Compute pipeline states: executable kernels.

use std::sync::Arc;

use bitnet_msl::reflect::KernelInfo;

use super::backend::{self, PipelineOptions};
use super::binary_archive::BinaryArchive;
use super::device::{Device, DeviceLimits};
use super::error::MetalError;
use super::front_end::GridView;
use super::function::Function;

/// What a pipeline is made of: `MTLComputePipelineDescriptor`.
#[derive(Clone, Debug)]
pub struct ComputePipelineDescriptor<'a> {
    /// The kernel.
    pub function: &'a Function,
    /// What the device's tools and errors call the pipeline: by default, the name of the kernel.
    pub label: Option<String>,
    /// Where the kernel's code is looked for, and added if it is not there.
    pub binary_archive: Option<&'a BinaryArchive>,
}

impl<'a> ComputePipelineDescriptor<'a> {
    /// A descriptor of the kernel alone.
    pub fn new(function: &'a Function) -> Self {
        Self { function, label: None, binary_archive: None }
    }
}

/// An executable kernel. A clone is another handle to it.
#[derive(Clone, Debug)]
pub struct ComputePipelineState {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    device: Device,
    reflection: KernelInfo,
    label: String,
    grid_view: GridView,
    raw: Arc<dyn backend::ComputePipelineState>,
}

impl ComputePipelineState {
    pub(crate) fn new(descriptor: &ComputePipelineDescriptor<'_>) -> Result<Self, MetalError> {
        let ComputePipelineDescriptor { function, label, binary_archive } = descriptor;
        let device = function.device().clone();
        let (library, reflection) = (function.library(), function.reflection().clone());
        let label = label.clone().unwrap_or_else(|| reflection.name.clone());
        let options = PipelineOptions { label: &label, archive: binary_archive.map(BinaryArchive::raw) };
        let raw = library.new_pipeline(&reflection, function.constants(), &options)?;
        let grid_view = library.grid_view(&reflection);
        Ok(Self { inner: Arc::new(Inner { device, reflection, label, grid_view, raw }) })
    }

    /// The device that executes it.
    pub fn device(&self) -> &Device {
        &self.inner.device
    }

    /// What the kernel takes.
    pub fn reflection(&self) -> &KernelInfo {
        &self.inner.reflection
    }

    /// What the device's tools and errors call it.
    pub fn label(&self) -> &str {
        &self.inner.label
    }

    /// Most threads that a threadgroup of this kernel may have.
    pub fn max_total_threads_per_threadgroup(&self) -> u64 {
        self.inner.raw.max_total_threads_per_threadgroup()
    }

    /// Threads of a simdgroup: threadgroups had better be multiples of it.
    pub fn thread_execution_width(&self) -> u64 {
        self.inner.raw.thread_execution_width()
    }

    /// Bytes of threadgroup memory that the kernel itself takes: its threadgroup variables.
    pub fn static_threadgroup_memory_length(&self) -> u64 {
        self.inner.raw.static_threadgroup_memory_length()
    }

    /// What the kernel can tell about how its grid is divided.
    pub(crate) fn grid_view(&self) -> GridView {
        self.inner.grid_view
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

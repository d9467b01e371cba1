//! Devices: the Metal GPU, or the host that executes shaders itself.

use std::env::consts::OS;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::backend::{self, host};
use super::buffer::Buffer;
use super::command_queue::CommandQueue;
use super::compile_options::CompileOptions;
use super::error::MetalError;
use super::function::Function;
use super::host_options::{ErrorMode, HostOptions};
use super::library::Library;
use super::pipeline::ComputePipelineState;
use super::resource_options::MTLResourceOptions;
use super::size::MTLSize;
use super::validation::same_device;

/// What executes the shaders of a [`Device`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// A GPU, through Metal.
    Metal,
    /// This machine's CPU, executing the shaders' code.
    Host,
}

/// What tells a source that its device has no [`DeviceLimits::simdgroup_reductions`].
const NO_SIMDGROUP_REDUCTIONS: &str = "BITNET_NO_SIMDGROUP_REDUCTIONS";

/// What a device can do at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceLimits {
    /// Most threads of a threadgroup along each dimension.
    pub max_threads_per_threadgroup: MTLSize,
    /// Most threads of a threadgroup.
    pub max_total_threads_per_threadgroup: u64,
    /// Most bytes of threadgroup memory.
    pub max_threadgroup_memory_length: u64,
    /// Most bytes of a buffer.
    pub max_buffer_length: u64,
    /// Threads of a simdgroup.
    pub thread_execution_width: u64,
    /// Whether there are functions over the threads of a simdgroup: `simd_sum`, `simd_shuffle`. Every
    /// source that is compiled for a device without them sees the macro
    /// `BITNET_NO_SIMDGROUP_REDUCTIONS`.
    pub simdgroup_reductions: bool,
}

/// A device. A clone is another handle to the same device.
///
/// Buffers, pipelines and queues belong to the device that made them; using them with another device is
/// an error. Two calls of [`Device::host`] make two devices, [`Device::system_default`] is always the same.
#[derive(Clone, Debug)]
pub struct Device {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    registry_id: u64,
    created: Instant,
    error_mode: ErrorMode,
    raw: Box<dyn backend::Device>,
}

impl Device {
    /// The Metal GPU where there is one, else the host device, told by the environment
    /// ([`HostOptions::from_env`]) how to run. The first call decides; all later ones give the same device.
    ///
    /// # Errors
    /// If an environment variable that counts has a value that means nothing.
    pub fn system_default() -> Result<Self, MetalError> {
        static DEFAULT: OnceLock<Device> = OnceLock::new();
        if let Some(device) = DEFAULT.get() {
            return Ok(device.clone());
        }
        let (device, no_metal) = match Self::metal() {
            Ok(device) => (device, None),
            Err(error) => (Self::host(HostOptions::from_env()?), Some(error)),
        };
        let chosen = DEFAULT.get_or_init(|| {
            if let Some(error) = no_metal {
                tracing::info!(device = device.name(), "{error}; shaders run on the host device");
            }
            device
        });
        Ok(chosen.clone())
    }

    /// The Metal GPU.
    ///
    /// # Errors
    /// [`MetalError::NoMetalDevice`], which says why there is none.
    pub fn metal() -> Result<Self, MetalError> {
        let reason = match OS {
            "macos" | "ios" => "this version of bitnet-core has no Metal backend".to_owned(),
            other => format!("Metal exists on Apple systems only, and this is {other}"),
        };
        Err(MetalError::NoMetalDevice { reason })
    }

    /// A host device of its own: this machine's CPU, executing the shaders' code.
    pub fn host(options: HostOptions) -> Self {
        Self::new(options.error_mode, Box::new(host::Device::new(options)))
    }

    fn new(error_mode: ErrorMode, raw: Box<dyn backend::Device>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let registry_id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { inner: Arc::new(Inner { registry_id, created: Instant::now(), error_mode, raw }) }
    }

    /// Name for people.
    pub fn name(&self) -> &str {
        self.inner.raw.name()
    }

    /// What executes this device's shaders.
    pub fn kind(&self) -> DeviceKind {
        self.inner.raw.kind()
    }

    /// A number that no other device of this process has.
    pub fn registry_id(&self) -> u64 {
        self.inner.registry_id
    }

    /// What the device can do at most.
    pub fn limits(&self) -> &DeviceLimits {
        self.inner.raw.limits()
    }

    /// Most threads of a threadgroup along each dimension.
    pub fn max_threads_per_threadgroup(&self) -> MTLSize {
        self.limits().max_threads_per_threadgroup
    }

    /// Most bytes of threadgroup memory.
    pub fn max_threadgroup_memory_length(&self) -> u64 {
        self.limits().max_threadgroup_memory_length
    }

    /// Most bytes of a buffer.
    pub fn max_buffer_length(&self) -> u64 {
        self.limits().max_buffer_length
    }

    /// A buffer of `length` zero bytes.
    ///
    /// # Errors
    /// If the length is zero or over [`max_buffer_length`](Self::max_buffer_length).
    pub fn new_buffer(&self, length: u64, options: MTLResourceOptions) -> Result<Buffer, MetalError> {
        if length == 0 {
            return Err(MetalError::EmptyBuffer);
        }
        let limit = self.max_buffer_length();
        if length > limit {
            return Err(MetalError::BufferTooLong { length, limit });
        }
        let raw = self.inner.raw.new_buffer(length, options)?;
        Ok(Buffer::new(self.registry_id(), length, options, raw))
    }

    /// A buffer that holds a copy of these bytes.
    ///
    /// # Errors
    /// As [`new_buffer`](Self::new_buffer), and for private storage, which the host cannot write.
    pub fn new_buffer_with_data(
        &self,
        data: &[u8],
        options: MTLResourceOptions,
    ) -> Result<Buffer, MetalError> {
        let buffer = self.new_buffer(data.len() as u64, options)?;
        buffer.write(0, data)?;
        Ok(buffer)
    }

    /// Compiles the text of a shader.
    ///
    /// # Errors
    /// [`MetalError::CompilationFailed`] with the diagnostics.
    pub fn new_library_with_source(
        &self,
        source: &str,
        options: &CompileOptions,
    ) -> Result<Library, MetalError> {
        self.new_library_with_named_source("program_source", source, options)
    }

    /// Compiles the text of a shader that errors and diagnostics call `name`.
    ///
    /// # Errors
    /// [`MetalError::CompilationFailed`] with the diagnostics.
    pub fn new_library_with_named_source(
        &self,
        name: &str,
        source: &str,
        options: &CompileOptions,
    ) -> Result<Library, MetalError> {
        Ok(Library::new(self.clone(), name, self.new_raw_library(name, source, options)?))
    }

    /// All built-in shaders in one library. Each is compiled when a function of it is first asked for.
    pub fn new_default_library(&self) -> Library {
        Library::built_in(self.clone())
    }

    /// Makes a function executable.
    ///
    /// # Errors
    /// [`MetalError::PipelineFailed`] if the function's constants do not suit it, or the device cannot
    /// execute it.
    pub fn new_compute_pipeline_state_with_function(
        &self,
        function: &Function,
    ) -> Result<ComputePipelineState, MetalError> {
        let call = "new_compute_pipeline_state_with_function";
        same_device(call, "function", self.registry_id(), function.device().registry_id())?;
        ComputePipelineState::new(function)
    }

    /// A queue for command buffers.
    pub fn new_command_queue(&self) -> CommandQueue {
        CommandQueue::new(self.clone(), self.inner.raw.new_command_queue())
    }

    pub(crate) fn new_raw_library(
        &self,
        name: &str,
        source: &str,
        options: &CompileOptions,
    ) -> Result<Arc<dyn backend::Library>, MetalError> {
        if self.limits().simdgroup_reductions {
            return self.inner.raw.new_library(name, source, options);
        }
        let mut options = options.clone();
        options.defines.insert(NO_SIMDGROUP_REDUCTIONS, "1");
        self.inner.raw.new_library(name, source, &options)
    }

    /// Seconds from the making of the device to this moment.
    pub(crate) fn seconds_until(&self, moment: Instant) -> f64 {
        moment.saturating_duration_since(self.inner.created).as_secs_f64()
    }

    pub(crate) fn error_mode(&self) -> ErrorMode {
        self.inner.error_mode
    }
}

impl PartialEq for Device {
    fn eq(&self, other: &Self) -> bool {
        self.registry_id() == other.registry_id()
    }
}

impl Eq for Device {}

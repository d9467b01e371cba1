//! Devices: the Metal GPU, or the host that executes shaders itself.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once, OnceLock};

use bitnet_msl::LanguageVersion;

use super::backend::{self, host, metal};
use super::binary_archive::BinaryArchive;
use super::buffer::Buffer;
use super::command_queue::CommandQueue;
use super::compile_options::CompileOptions;
use super::completion::Completion;
use super::error::MetalError;
use super::function::Function;
use super::gpu_family::MTLGPUFamily;
use super::host_options::{ErrorMode, HostOptions};
use super::library::Library;
use super::log_state::{LogState, LogStateDescriptor};
use super::page_bytes::PageBytes;
use super::pipeline::{ComputePipelineDescriptor, ComputePipelineState};
use super::resource_options::MTLResourceOptions;
use super::size::MTLSize;
use super::validation::{BLIT_ALIGNMENT, same_device};

/// What executes the shaders of a [`Device`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// A GPU, through Metal.
    Metal,
    /// This machine's CPU, executing the shaders' code.
    Host,
}

/// What tells a source that its device has no [`DeviceLimits::simdgroup_reductions`].
pub(super) const NO_SIMDGROUP_REDUCTIONS: &str = "BITNET_NO_SIMDGROUP_REDUCTIONS";

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
    /// Whether threadgroups at the edges of a grid may be smaller than the others. Where they may not,
    /// `dispatch_threads` still takes every grid that can be divided so that the kernel cannot tell the
    /// difference, and refuses others.
    pub non_uniform_threadgroups: bool,
    /// What the offset of a buffer in the `constant` address space has to be a multiple of.
    pub constant_offset_alignment: u64,
    /// The newest version of the language that the system compiles. A source that asks for a newer one, as by default, is
    /// compiled as this one; the first time, a warning says so.
    pub language_version: LanguageVersion,
    /// Whether the code of pipelines can be kept in a [`BinaryArchive`]: not on the host device, which has none, nor on a
    /// virtual machine's GPU, whose archives cannot be written. There archives stay empty and write no file.
    pub binary_archives: bool,
    /// Whether arithmetic may take float32 numbers below the least normal one for zeros. Metal allows it and Apple's GPUs
    /// do so, fast math or not; the host device keeps them. In half precision all keep them.
    pub flushes_subnormals: bool,
    /// Whether host and device have one memory.
    pub has_unified_memory: bool,
    /// Bytes that the device can use at a time without getting slower, if it says so.
    pub recommended_max_working_set_size: Option<u64>,
}

/// A device. A clone is another handle to the same device.
///
/// Buffers, pipelines and queues belong to the device that made them; using them with another device is
/// an error. Two calls of [`Device::host`] make two devices; [`Device::system_default`] and
/// [`Device::metal`] are always the same.
#[derive(Clone, Debug)]
pub struct Device {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    registry_id: u64,
    error_mode: ErrorMode,
    raw: Box<dyn backend::Device>,
    /// What fills private buffers; made when the first one is.
    uploads: OnceLock<Arc<dyn backend::CommandQueue>>,
    /// Said that sources are compiled as an older version of the language than they ask for.
    older_language: Once,
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
                tracing::info!("{error}; shaders run on the host device");
            }
            device
        });
        Ok(chosen.clone())
    }

    /// The Metal GPU. `MTL_DEBUG_LAYER_ERROR_MODE` says what happens at a misuse of the API, as for the host
    /// device ([`HostOptions::from_env`]).
    ///
    /// # Errors
    /// [`MetalError::NoMetalDevice`], which says why there is none; [`MetalError::BadEnvironment`] if a
    /// variable that counts has a value that means nothing.
    pub fn metal() -> Result<Self, MetalError> {
        static METAL: OnceLock<Result<Device, MetalError>> = OnceLock::new();
        let find = || {
            let HostOptions { error_mode, checks, .. } = HostOptions::from_env()?;
            Ok(Self::new(error_mode, metal::system_default(checks)?))
        };
        METAL.get_or_init(find).clone()
    }

    /// A host device of its own: this machine's CPU, executing the shaders' code.
    pub fn host(options: HostOptions) -> Self {
        Self::new(options.error_mode, Box::new(host::Device::new(options)))
    }

    fn new(error_mode: ErrorMode, raw: Box<dyn backend::Device>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let registry_id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (uploads, older_language) = (OnceLock::new(), Once::new());
        Self { inner: Arc::new(Inner { registry_id, error_mode, raw, uploads, older_language }) }
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

    /// The GPU families that the device belongs to; the host device belongs to none.
    pub fn families(&self) -> &[MTLGPUFamily] {
        self.inner.raw.families()
    }

    /// Whether the device belongs to a GPU family.
    pub fn supports_family(&self, family: MTLGPUFamily) -> bool {
        self.families().contains(&family)
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
        self.check_length(length)?;
        let raw = self.inner.raw.new_buffer(length.next_multiple_of(BLIT_ALIGNMENT), options)?;
        Ok(Buffer::new(self.registry_id(), length, options, raw))
    }

    /// A buffer that holds a copy of these bytes. Private storage gets them by way of a shared buffer, and
    /// the device has copied them when this returns.
    ///
    /// # Errors
    /// As [`new_buffer`](Self::new_buffer); for private storage, also if the device fails to copy.
    pub fn new_buffer_with_data(
        &self,
        data: &[u8],
        options: MTLResourceOptions,
    ) -> Result<Buffer, MetalError> {
        let buffer = self.new_buffer(data.len() as u64, options)?;
        if options.is_host_accessible() {
            buffer.write(0, data)?;
        } else {
            self.upload(data, &buffer)?;
        }
        Ok(buffer)
    }

    /// A shared buffer of these bytes themselves: a device that shares its memory with the host works on
    /// them where they are. The host device copies them.
    ///
    /// # Errors
    /// If there are no bytes, or more than [`max_buffer_length`](Self::max_buffer_length).
    pub fn new_buffer_with_bytes_no_copy(&self, bytes: PageBytes) -> Result<Buffer, MetalError> {
        let length = bytes.len() as u64;
        self.check_length(length)?;
        let raw = self.inner.raw.new_buffer_no_copy(bytes)?;
        Ok(Buffer::new(self.registry_id(), length, MTLResourceOptions::StorageModeShared, raw))
    }

    fn check_length(&self, length: u64) -> Result<(), MetalError> {
        if length == 0 {
            return Err(MetalError::EmptyBuffer);
        }
        let limit = self.max_buffer_length();
        if length > limit {
            return Err(MetalError::BufferTooLong { length, limit });
        }
        Ok(())
    }

    /// Fills a buffer that the host cannot write, and waits until it is filled.
    fn upload(&self, data: &[u8], to: &Buffer) -> Result<(), MetalError> {
        let raw = &self.inner.raw;
        // Whole words, as copies want them: all buffers have room for them behind their length.
        let length = (data.len() as u64).next_multiple_of(BLIT_ALIGNMENT);
        let staging = raw.new_buffer(length, MTLResourceOptions::StorageModeShared)?;
        staging.write(0, data);
        let queue = self.inner.uploads.get_or_init(|| raw.new_command_queue());
        let mut commands = queue.clone().new_command_buffer();
        commands.begin_blit();
        commands.copy_buffer((&staging, 0), (to.raw(), 0), length);
        commands.end_encoder();
        let completion = Arc::new(Completion::default());
        commands.commit(completion.clone())?;
        completion.wait()
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

    /// A library from what [`Library::artifact`] gave on a like device.
    ///
    /// # Errors
    /// Why these bytes are not believed, in words.
    pub(crate) fn new_library_from_artifact(&self, name: &str, artifact: &[u8]) -> Result<Library, String> {
        Ok(Library::new(self.clone(), name, self.inner.raw.new_library_from_artifact(name, artifact)?))
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
        self.new_pipeline(call, &ComputePipelineDescriptor::new(function))
    }

    /// Makes a function executable, in the way that the descriptor says.
    ///
    /// # Errors
    /// As [`new_compute_pipeline_state_with_function`](Self::new_compute_pipeline_state_with_function), and
    /// if the descriptor's binary archive belongs to another device.
    pub fn new_compute_pipeline_state_with_descriptor(
        &self,
        descriptor: &ComputePipelineDescriptor<'_>,
    ) -> Result<ComputePipelineState, MetalError> {
        self.new_pipeline("new_compute_pipeline_state_with_descriptor", descriptor)
    }

    fn new_pipeline(
        &self,
        call: &'static str,
        descriptor: &ComputePipelineDescriptor<'_>,
    ) -> Result<ComputePipelineState, MetalError> {
        let device = self.registry_id();
        same_device(call, "function", device, descriptor.function.device().registry_id())?;
        if let Some(archive) = descriptor.binary_archive {
            same_device(call, "binary archive", device, archive.device_id())?;
        }
        ComputePipelineState::new(descriptor)
    }

    /// The binary archive at a path; an empty one if there is no file, or one that another device or system
    /// has written.
    ///
    /// # Errors
    /// [`MetalError::BinaryArchive`] if the device cannot make one.
    pub fn new_binary_archive(&self, path: &Path) -> Result<BinaryArchive, MetalError> {
        Ok(BinaryArchive::new(self.registry_id(), path, self.inner.raw.new_binary_archive(path)?))
    }

    /// Captures the command buffers that `work` makes and commits into a document that is not there yet, of the kind
    /// that [`capture_extension`](Self::capture_extension) says. A Metal GPU captures only in a process that runs with
    /// `MTL_CAPTURE_ENABLED=1` (before macOS 14, `METAL_CAPTURE_ENABLED=1`) and has made no log state. The host device waits
    /// for what has been committed; one behind another that is enqueued and not yet committed is left out.
    ///
    /// It must not be called from a scheduled handler, or one of a log state: the end of the capture waits for command
    /// buffers, and while such a handler runs those of its queue do not.
    ///
    /// # Errors
    /// [`MetalError::CaptureFailed`]: before `work` is called, or if the document cannot be written.
    pub fn capture<T>(&self, path: &Path, work: impl FnOnce() -> T) -> Result<T, MetalError> {
        let failed = |reason: String| MetalError::CaptureFailed { path: path.to_owned(), reason };
        let backend::CaptureDocument { extension, shown_by } = self.inner.raw.capture_document();
        if path.extension().is_none_or(|given| given != extension) {
            return Err(failed(format!(
                "this device captures to documents named .{extension}, which {shown_by}"
            )));
        }
        if path.exists() {
            return Err(failed("it is there already".to_owned()));
        }
        let capture = self.inner.raw.start_capture(path)?;
        let result = work();
        capture.finish()?;
        Ok(result)
    }

    /// The extension of the documents that [`capture`](Self::capture) writes: `gputrace` of a Metal GPU, for Xcode;
    /// `json` of the host device, trace events for Perfetto or Chrome.
    pub fn capture_extension(&self) -> &'static str {
        self.inner.raw.capture_document().extension
    }

    /// A queue for command buffers.
    pub fn new_command_queue(&self) -> CommandQueue {
        CommandQueue::new(self.clone(), self.inner.raw.new_command_queue(), None)
    }

    /// A queue for command buffers whose shaders log to this state.
    pub fn new_command_queue_with_log_state(&self, log_state: &LogState) -> CommandQueue {
        CommandQueue::new(self.clone(), self.inner.raw.new_command_queue(), Some(log_state.clone()))
    }

    /// A state that takes what shaders log with `os_log`, for queues and command buffers. Those without one log to
    /// the device: the host device makes `tracing` events of it ([`HostOptions::log`]).
    ///
    /// # Errors
    /// [`MetalError::LogBufferSize`] if the descriptor's size is out of range,
    /// [`MetalError::LoggingUnavailable`] if the device does not hand on what shaders log: Metal does from macOS 15 and
    /// iOS 18 on, on GPUs that are not a virtual machine's. A process that has made a log state captures nothing any more.
    pub fn new_log_state_with_descriptor(
        &self,
        descriptor: &LogStateDescriptor,
    ) -> Result<LogState, MetalError> {
        let unavailable = |reason| MetalError::LoggingUnavailable { device: self.name().to_owned(), reason };
        self.inner.raw.logging().map_err(unavailable)?;
        LogState::new(*descriptor)
    }

    pub(crate) fn new_raw_library(
        &self,
        name: &str,
        source: &str,
        options: &CompileOptions,
    ) -> Result<Arc<dyn backend::Library>, MetalError> {
        self.inner.raw.new_library(name, source, &self.settled(options))
    }

    /// The options with which the device compiles when it is asked for these: with the newest version of the language
    /// that it has, and with a macro where it has no simdgroup reductions. What is settled stays as it is.
    pub(crate) fn settled(&self, options: &CompileOptions) -> CompileOptions {
        let mut options = options.clone();
        if !self.limits().simdgroup_reductions {
            options.defines.insert(NO_SIMDGROUP_REDUCTIONS, "1");
        }
        let (asked, newest) = (options.language_version, self.limits().language_version);
        if asked > newest {
            options.language_version = newest;
            self.inner.older_language.call_once(|| {
                tracing::warn!(
                    "{} has Metal {newest}: sources are compiled as that, not as {asked}",
                    self.name()
                );
            });
        }
        options
    }

    /// What its machine code depends on beside the device itself.
    pub(crate) fn code_version(&self) -> String {
        self.inner.raw.code_version()
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

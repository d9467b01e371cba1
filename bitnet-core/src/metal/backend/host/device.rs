//! The host device.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;
use std::time::Instant;

use bitnet_msl::LanguageVersion;
use bitnet_simt::{ExitedLanes, Memory, RunOptions, THREADS_PER_SIMDGROUP};

use super::binary_archive::BinaryArchive;
use super::buffer::Buffer;
use super::capture::{Capture, Captures};
use super::command_queue::CommandQueue;
use super::library::Library;
use crate::metal::backend::{self, CaptureDocument};
use crate::metal::compile_options::CompileOptions;
use crate::metal::device::{DeviceKind, DeviceLimits};
use crate::metal::error::MetalError;
use crate::metal::gpu_family::MTLGPUFamily;
use crate::metal::host_options::HostOptions;
use crate::metal::log_state::{LOG_BUFFER_SIZES, LogState, LogStateDescriptor};
use crate::metal::page_bytes::PageBytes;
use crate::metal::resource_options::MTLResourceOptions;
use crate::metal::size::MTLSize;
use crate::metal::validation::CONSTANT_OFFSET_ALIGNMENT;

/// Most threads of a threadgroup, and 32 KB of its memory: what every Apple GPU has, so that what runs
/// here runs there.
pub(crate) const LIMITS: DeviceLimits = DeviceLimits {
    max_threads_per_threadgroup: MTLSize::new(1024, 1024, 1024),
    max_total_threads_per_threadgroup: 1024,
    max_threadgroup_memory_length: 32 * 1024,
    max_buffer_length: 4 << 30,
    thread_execution_width: THREADS_PER_SIMDGROUP as u64,
    simdgroup_reductions: true,
    non_uniform_threadgroups: true,
    constant_offset_alignment: CONSTANT_OFFSET_ALIGNMENT,
    language_version: LanguageVersion::NEWEST,
    binary_archives: false,
    flushes_subnormals: false,
    has_unified_memory: true,
    recommended_max_working_set_size: None,
};

/// This machine's CPU.
#[derive(Debug)]
pub(crate) struct Device {
    name: String,
    limits: DeviceLimits,
    run: RunOptions,
    /// Where shaders log to, unless their command buffer has a state of its own.
    log_state: LogState,
    /// When its clock began.
    epoch: Instant,
    captures: Arc<Captures>,
    /// How many queues there have been.
    queues: AtomicU64,
}

impl Device {
    pub(crate) fn new(options: HostOptions) -> Self {
        let threads = options.threads.unwrap_or(0);
        let exited_lanes = if options.checks { ExitedLanes::Error } else { ExitedLanes::Ignore };
        let used = if threads > 0 { threads } else { available_parallelism().map_or(1, usize::from) };
        let name = format!("host ({used} CPU thread{})", if used == 1 { "" } else { "s" });
        let run = RunOptions { threads, exited_lanes, max_instructions: options.max_instructions };
        let limits = DeviceLimits {
            simdgroup_reductions: options.simdgroup_reductions,
            non_uniform_threadgroups: options.non_uniform_threadgroups,
            language_version: options.language_version,
            ..LIMITS
        };
        let (least, greatest) = LOG_BUFFER_SIZES.into_inner();
        let buffer_size = options.log.buffer_size.clamp(least, greatest);
        let log_state = LogState::new(LogStateDescriptor { buffer_size, ..options.log });
        let log_state = log_state.expect("the size was brought into its range");
        let (epoch, captures, queues) = (Instant::now(), Arc::default(), AtomicU64::new(0));
        Self { name, limits, run, log_state, epoch, captures, queues }
    }
}

impl backend::Device for Device {
    fn kind(&self) -> DeviceKind {
        DeviceKind::Host
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> &DeviceLimits {
        &self.limits
    }

    fn families(&self) -> &[MTLGPUFamily] {
        &[]
    }

    fn new_buffer(
        &self,
        length: u64,
        _options: MTLResourceOptions,
    ) -> Result<Arc<dyn backend::Buffer>, MetalError> {
        // Asks first, since an allocation that fails inside `Memory` would end the process.
        let out_of_memory = MetalError::OutOfMemory { length };
        let Ok(length) = usize::try_from(length) else { return Err(out_of_memory) };
        if Vec::<u8>::new().try_reserve_exact(length).is_err() {
            return Err(out_of_memory);
        }
        Ok(Arc::new(Buffer::new(Memory::new_zeroed(length))))
    }

    /// Copies them: the executor's memory is words that threads share safely, and these are plain bytes.
    fn new_buffer_no_copy(&self, bytes: PageBytes) -> Result<Arc<dyn backend::Buffer>, MetalError> {
        let buffer = self.new_buffer(bytes.len() as u64, MTLResourceOptions::StorageModeShared)?;
        buffer.write(0, &bytes);
        Ok(buffer)
    }

    fn new_library(
        &self,
        name: &str,
        source: &str,
        options: &CompileOptions,
    ) -> Result<Arc<dyn backend::Library>, MetalError> {
        let simdgroup_reductions = self.limits.simdgroup_reductions;
        Ok(Arc::new(Library::compile(name, source, options, simdgroup_reductions)?))
    }

    fn new_library_from_artifact(
        &self,
        name: &str,
        artifact: &[u8],
    ) -> Result<Arc<dyn backend::Library>, String> {
        let library = Library::from_artifact(name, artifact, self.limits.simdgroup_reductions);
        Ok(Arc::new(library.map_err(|error| error.to_string())?))
    }

    fn new_command_queue(&self) -> Arc<dyn backend::CommandQueue> {
        let number = self.queues.fetch_add(1, Ordering::Relaxed) + 1;
        let (log_state, captures) = (self.log_state.clone(), self.captures.clone());
        Arc::new(CommandQueue::new(number, self.run, log_state, self.epoch, captures))
    }

    fn logging(&self) -> Result<(), String> {
        Ok(())
    }

    fn new_binary_archive(&self, _path: &Path) -> Result<Arc<dyn backend::BinaryArchive>, MetalError> {
        Ok(Arc::new(BinaryArchive))
    }

    fn capture_document(&self) -> CaptureDocument {
        let shown_by = "Perfetto (https://ui.perfetto.dev) and Chrome's tracing page show";
        CaptureDocument { extension: "json", shown_by }
    }

    fn start_capture(&self, path: &Path) -> Result<Box<dyn backend::Capture>, MetalError> {
        Ok(Box::new(Capture::start(&self.captures, &self.name, path)?))
    }
}

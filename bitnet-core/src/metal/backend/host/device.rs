//! The host device.

use std::sync::Arc;
use std::thread::available_parallelism;

use bitnet_simt::{ExitedLanes, Memory, RunOptions, THREADS_PER_SIMDGROUP};

use super::buffer::Buffer;
use super::command_queue::CommandQueue;
use super::library::Library;
use crate::metal::backend;
use crate::metal::compile_options::CompileOptions;
use crate::metal::device::{DeviceKind, DeviceLimits};
use crate::metal::error::MetalError;
use crate::metal::host_options::HostOptions;
use crate::metal::resource_options::MTLResourceOptions;
use crate::metal::size::MTLSize;

/// Most threads of a threadgroup, and 32 KB of its memory: what every Apple GPU has, so that what runs
/// here runs there.
pub(crate) const LIMITS: DeviceLimits = DeviceLimits {
    max_threads_per_threadgroup: MTLSize::new(1024, 1024, 1024),
    max_total_threads_per_threadgroup: 1024,
    max_threadgroup_memory_length: 32 * 1024,
    max_buffer_length: 4 << 30,
    thread_execution_width: THREADS_PER_SIMDGROUP as u64,
    simdgroup_reductions: true,
};

/// This machine's CPU.
#[derive(Debug)]
pub(crate) struct Device {
    name: String,
    limits: DeviceLimits,
    run: RunOptions,
}

impl Device {
    pub(crate) fn new(options: HostOptions) -> Self {
        let threads = options.threads.unwrap_or(0);
        let exited_lanes = if options.checks { ExitedLanes::Error } else { ExitedLanes::Ignore };
        let used = if threads > 0 { threads } else { available_parallelism().map_or(1, usize::from) };
        let name = format!("host ({used} CPU thread{})", if used == 1 { "" } else { "s" });
        let run = RunOptions { threads, exited_lanes, max_instructions: options.max_instructions };
        let limits = DeviceLimits { simdgroup_reductions: options.simdgroup_reductions, ..LIMITS };
        Self { name, limits, run }
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
        Ok(Arc::new(Buffer { memory: Memory::new_zeroed(length) }))
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

    fn new_command_queue(&self) -> Arc<dyn backend::CommandQueue> {
        Arc::new(CommandQueue::new(self.run))
    }
}

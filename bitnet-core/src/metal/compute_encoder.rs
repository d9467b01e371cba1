//! Compute command encoders: bind arguments and dispatch kernels.

use std::sync::{Arc, OnceLock};

use super::buffer::Buffer;
use super::command_buffer::Shared;
use super::device::Device;
use super::error::MetalError;
use super::pipeline::ComputePipelineState;
use super::size::MTLSize;
use super::validation::{EncoderState, Grid, ValidationError};

/// Records dispatches into a command buffer.
///
/// Methods return nothing, as Metal's do. The first misuse is kept in [`error`](Self::error) and fails the
/// command buffer; whatever comes after it is not recorded.
#[derive(Debug)]
pub struct ComputeCommandEncoder {
    shared: Arc<Shared>,
    number: u64,
    error: OnceLock<MetalError>,
}

impl ComputeCommandEncoder {
    pub(crate) fn new(shared: Arc<Shared>, number: u64, error: Option<MetalError>) -> Self {
        Self { shared, number, error: error.map(OnceLock::from).unwrap_or_default() }
    }

    /// Sets the kernel of the dispatches that follow.
    pub fn set_compute_pipeline_state(&self, pipeline: &ComputePipelineState) {
        let device = self.device().registry_id();
        self.encode(
            "set_compute_pipeline_state",
            |state| state.set_pipeline(device, pipeline),
            |raw, ()| raw.set_pipeline(pipeline.raw()),
        );
    }

    /// Binds a buffer from `offset` (in bytes) on. `None` says that an optional buffer is not there: a
    /// kernel that accesses it nevertheless traps, while an index that was never set is refused at the
    /// dispatch.
    pub fn set_buffer(&self, index: u64, buffer: Option<&Buffer>, offset: u64) {
        let device = self.device().registry_id();
        self.encode(
            "set_buffer",
            |state| match buffer {
                Some(buffer) => state.set_buffer(device, index, buffer.device_id(), buffer.length(), offset),
                None => state.set_no_buffer(index),
            },
            |raw, slot| raw.set_buffer(slot, buffer.map(|buffer| (buffer.raw(), offset))),
        );
    }

    /// Binds a copy of these bytes, 4 KB at most, as constants.
    pub fn set_bytes(&self, index: u64, bytes: &[u8]) {
        self.encode(
            "set_bytes",
            |state| state.set_bytes(index, bytes),
            |raw, slot| raw.set_bytes(slot, bytes),
        );
    }

    /// Sets the length in bytes, a multiple of 16, of a kernel's `[[threadgroup(index)]]` memory.
    pub fn set_threadgroup_memory_length(&self, index: u64, length: u64) {
        self.encode(
            "set_threadgroup_memory_length",
            |state| state.set_threadgroup_memory(index, length),
            |raw, slot| raw.set_threadgroup_memory_length(slot, length),
        );
    }

    /// Runs the kernel over `threads`, in threadgroups of `threadgroup` threads; those at the far edges
    /// are smaller if the one is not a multiple of the other. A grid without threads runs nothing.
    pub fn dispatch_threads(&self, threads: MTLSize, threadgroup: MTLSize) {
        self.dispatch("dispatch_threads", Grid::Threads(threads), threadgroup);
    }

    /// Runs the kernel over `threadgroups` whole threadgroups of `threadgroup` threads. A grid without
    /// threadgroups runs nothing.
    pub fn dispatch_thread_groups(&self, threadgroups: MTLSize, threadgroup: MTLSize) {
        self.dispatch("dispatch_thread_groups", Grid::Threadgroups(threadgroups), threadgroup);
    }

    /// Ends the encoder. The command buffer can be committed, or another encoder opened, only then.
    pub fn end_encoding(&self) {
        let ended = self.shared.end_encoding(self.number);
        // An encoder that was refused at its opening has already said why there is nothing to end.
        if self.error.get().is_none() {
            self.keep(ended.map_err(|error| self.shared.misused(error)));
        }
    }

    /// The first misuse of this encoder.
    pub fn error(&self) -> Option<MetalError> {
        self.error.get().cloned()
    }

    /// The device of the command buffer.
    pub fn device(&self) -> &Device {
        &self.shared.device
    }

    fn dispatch(&self, call: &'static str, grid: Grid, threadgroup: MTLSize) {
        self.encode(
            call,
            |state| state.dispatch(grid, threadgroup),
            |raw, has_work| {
                if has_work {
                    raw.dispatch(grid, threadgroup);
                }
            },
        );
    }

    fn encode<T>(
        &self,
        call: &'static str,
        check: impl FnOnce(&mut EncoderState) -> Result<T, ValidationError>,
        encode: impl FnOnce(&mut dyn super::backend::CommandBuffer, T),
    ) {
        if self.error.get().is_none() {
            self.keep(self.shared.encode(self.number, call, check, encode));
        }
    }

    fn keep(&self, result: Result<(), MetalError>) {
        if let Err(error) = result {
            self.error.get_or_init(|| error);
        }
    }
}

//! Compute command encoders: bind arguments and dispatch kernels.

use std::ops::Deref;
use std::sync::Arc;

use super::buffer::Buffer;
use super::command_buffer::Shared;
use super::encoder::CommandEncoder;
use super::error::MetalError;
use super::kernels::BitNetShaderFunction;
use super::kernels::row::Precision;
use super::pipeline::ComputePipelineState;
use super::size::MTLSize;
use super::validation::{EncoderState, Grid, ValidationError};

/// Records dispatches into a command buffer.
///
/// Methods return nothing, as Metal's do. The first misuse is kept in [`error`](CommandEncoder::error) and fails the
/// command buffer; whatever comes after it is not recorded.
#[derive(Debug)]
pub struct ComputeCommandEncoder {
    encoder: CommandEncoder,
}

impl ComputeCommandEncoder {
    pub(crate) fn new(shared: Arc<Shared>, number: u64, error: Option<MetalError>) -> Self {
        Self { encoder: CommandEncoder::new(shared, number, error) }
    }

    /// Sets the kernel of the dispatches that follow.
    pub fn set_compute_pipeline_state(&self, pipeline: &ComputePipelineState) {
        let device = self.device().registry_id();
        self.encoder.encode(
            "set_compute_pipeline_state",
            |state| state.set_pipeline(device, pipeline),
            |raw, (), _| raw.set_pipeline(pipeline.raw()),
        );
    }

    /// Sets the pipeline of a kernel of the table, for which a dispatch fills in what was not set: optional
    /// buffers are not there, and the parameter struct follows from the lengths of the others.
    pub(crate) fn open_for(
        &self,
        pipeline: &ComputePipelineState,
        function: BitNetShaderFunction,
        precision: Precision,
    ) {
        let device = self.device().registry_id();
        self.encoder.encode(
            "set_compute_pipeline_state",
            |state| state.open_for(device, pipeline, function, precision),
            |raw, (), _| raw.set_pipeline(pipeline.raw()),
        );
    }

    /// Applies a rule of someone who encodes several calls as one.
    pub(crate) fn check(
        &self,
        call: &'static str,
        rule: impl FnOnce(&EncoderState) -> Result<(), ValidationError>,
    ) {
        self.encoder.encode(call, |state| rule(state), |_, (), _| {});
    }

    /// Binds a buffer from `offset` (in bytes) on. `None` says that an optional buffer is not there: a
    /// kernel that accesses it nevertheless traps (on a GPU it faults, or gets what means nothing), while an index that
    /// was never set is refused at the dispatch.
    pub fn set_buffer(&self, index: u64, buffer: Option<&Buffer>, offset: u64) {
        let device = self.device().registry_id();
        self.encoder.encode(
            "set_buffer",
            |state| match buffer {
                Some(buffer) => state.set_buffer(device, index, buffer.device_id(), buffer.length(), offset),
                None => state.set_no_buffer(index),
            },
            |raw, slot, _| raw.set_buffer(slot, buffer.map(|buffer| (buffer.raw(), offset))),
        );
    }

    /// Binds a copy of these bytes, 4 KB at most, as constants.
    pub fn set_bytes(&self, index: u64, bytes: &[u8]) {
        self.encoder.encode(
            "set_bytes",
            |state| state.set_bytes(index, bytes),
            |raw, slot, _| raw.set_bytes(slot, bytes),
        );
    }

    /// Sets the length in bytes, a multiple of 16, of a kernel's `[[threadgroup(index)]]` memory.
    pub fn set_threadgroup_memory_length(&self, index: u64, length: u64) {
        self.encoder.encode(
            "set_threadgroup_memory_length",
            |state| state.set_threadgroup_memory(index, length),
            |raw, slot, _| raw.set_threadgroup_memory_length(slot, length),
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

    fn dispatch(&self, call: &'static str, grid: Grid, threadgroup: MTLSize) {
        self.encoder.encode(
            call,
            |state| state.dispatch(grid, threadgroup),
            |raw, passed, place| {
                for fill in passed.fills {
                    match fill.bytes {
                        Some(bytes) => raw.set_bytes(fill.slot, &bytes),
                        None => raw.set_buffer(fill.slot, None),
                    }
                }
                if let Some((grid, threadgroup)) = passed.size {
                    raw.dispatch(grid, threadgroup, place());
                }
            },
        );
    }
}

impl Deref for ComputeCommandEncoder {
    type Target = CommandEncoder;

    fn deref(&self) -> &CommandEncoder {
        &self.encoder
    }
}

//! Compute pipeline states of Metal's.

use objc2::rc::Retained;
use objc2::runtime::ProtocolObject;
use objc2_metal::MTLComputePipelineState;

use crate::metal::backend;

/// A kernel that the GPU can run.
#[derive(Debug)]
pub(super) struct ComputePipelineState {
    pub(super) raw: Retained<ProtocolObject<dyn MTLComputePipelineState>>,
}

impl backend::ComputePipelineState for ComputePipelineState {
    fn max_total_threads_per_threadgroup(&self) -> u64 {
        self.raw.maxTotalThreadsPerThreadgroup() as u64
    }

    fn thread_execution_width(&self) -> u64 {
        self.raw.threadExecutionWidth() as u64
    }

    fn static_threadgroup_memory_length(&self) -> u64 {
        self.raw.staticThreadgroupMemoryLength() as u64
    }
}

//! Pipelines: kernels compiled to the executor's code.

use std::sync::Arc;

use bitnet_msl::reflect::{KernelInfo, ParamSource};
use bitnet_simt::{FunctionConstants, Program, THREADS_PER_SIMDGROUP};

use super::device::LIMITS;
use crate::metal::backend;
use crate::metal::error::MetalError;
use crate::metal::front_end::CheckedSource;
use crate::metal::function_constants::FunctionConstantValues;

/// A kernel that the executor can run.
#[derive(Debug)]
pub(crate) struct ComputePipelineState {
    pub(crate) program: Arc<Program>,
    /// The kernel's name, and its buffers by index, for captures.
    pub(crate) kernel: String,
    pub(crate) buffers: Vec<(usize, String)>,
    threadgroup_bytes: u32,
}

impl ComputePipelineState {
    pub(crate) fn new(
        source: &CheckedSource,
        kernel: &KernelInfo,
        values: &FunctionConstantValues,
    ) -> Result<Self, MetalError> {
        let failed = |reason| MetalError::PipelineFailed { function: kernel.name.clone(), reason };
        let mut constants = FunctionConstants::new();
        for (id, _, bytes) in source.constants(values).map_err(failed)? {
            constants = constants.set(id, &bytes);
        }
        let program = Program::new(&source.module, &kernel.name, &constants);
        let program = Arc::new(program.map_err(|e| failed(e.to_string()))?);
        let buffers = kernel.params.iter().filter(|param| param.source == ParamSource::Buffer);
        let buffers = buffers.map(|param| (param.index.unwrap_or_default() as usize, param.name.clone()));
        Ok(Self {
            program,
            kernel: kernel.name.clone(),
            buffers: buffers.collect(),
            threadgroup_bytes: kernel.threadgroup_bytes,
        })
    }
}

impl backend::ComputePipelineState for ComputePipelineState {
    fn max_total_threads_per_threadgroup(&self) -> u64 {
        let limit = LIMITS.max_total_threads_per_threadgroup;
        self.program.max_total_threads_per_threadgroup().map_or(limit, |own| limit.min(own.into()))
    }

    fn thread_execution_width(&self) -> u64 {
        THREADS_PER_SIMDGROUP.into()
    }

    fn static_threadgroup_memory_length(&self) -> u64 {
        self.threadgroup_bytes.into()
    }
}

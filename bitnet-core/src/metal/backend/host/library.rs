//! Libraries: modules that the front end has made.

use std::sync::Arc;

use bitnet_msl::artifact::ArtifactError;
use bitnet_msl::reflect::KernelInfo;

use super::pipeline::ComputePipelineState;
use crate::metal::backend::{self, PipelineOptions};
use crate::metal::compile_options::CompileOptions;
use crate::metal::error::MetalError;
use crate::metal::front_end::{CheckedSource, GridView};
use crate::metal::function_constants::FunctionConstantValues;

/// A module of the front end.
#[derive(Debug)]
pub(crate) struct Library {
    source: CheckedSource,
    /// Whether the device has them, and pipelines may use them.
    simdgroup_reductions: bool,
}

impl Library {
    pub(crate) fn compile(
        name: &str,
        source: &str,
        options: &CompileOptions,
        simdgroup_reductions: bool,
    ) -> Result<Self, MetalError> {
        Ok(Self { source: CheckedSource::compile(name, source, options)?, simdgroup_reductions })
    }

    /// The library of a module that was kept.
    pub(crate) fn from_artifact(
        name: &str,
        bytes: &[u8],
        simdgroup_reductions: bool,
    ) -> Result<Self, ArtifactError> {
        Ok(Self { source: CheckedSource::from_artifact(name, bytes)?, simdgroup_reductions })
    }
}

impl backend::Library for Library {
    fn kernels(&self) -> &[KernelInfo] {
        &self.source.kernels
    }

    fn grid_view(&self, kernel: &KernelInfo) -> GridView {
        self.source.grid_view(kernel)
    }

    fn artifact(&self) -> Option<Vec<u8>> {
        self.source.artifact()
    }

    fn new_pipeline(
        &self,
        kernel: &KernelInfo,
        constants: &FunctionConstantValues,
        _options: &PipelineOptions<'_>,
    ) -> Result<Arc<dyn backend::ComputePipelineState>, MetalError> {
        let pipeline = ComputePipelineState::new(&self.source, kernel, constants)?;
        if !self.simdgroup_reductions && pipeline.program.uses_simdgroup_functions() {
            let reason = "it uses functions over the threads of a simdgroup, which this device does not have";
            return Err(MetalError::PipelineFailed {
                function: kernel.name.clone(),
                reason: reason.to_owned(),
            });
        }
        Ok(Arc::new(pipeline))
    }
}

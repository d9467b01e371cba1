//! Libraries: modules that the front end has made.

use std::sync::Arc;

use bitnet_msl::diag::RenderStyle;
use bitnet_msl::ir;
use bitnet_msl::reflect::{KernelInfo, reflect};

use super::pipeline::ComputePipelineState;
use crate::metal::backend;
use crate::metal::compile_options::CompileOptions;
use crate::metal::error::MetalError;
use crate::metal::function_constants::FunctionConstantValues;

/// A module of the front end.
#[derive(Debug)]
pub(crate) struct Library {
    module: ir::Module,
    kernels: Vec<KernelInfo>,
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
        let file = format!("{name}.metal");
        let mut compilation = bitnet_msl::compile(&file, source, &options.clone().into());
        let module = compilation.module.take();
        let report = || compilation.render(RenderStyle::Plain);
        let Some(module) = module else {
            return Err(MetalError::CompilationFailed {
                shader: name.to_owned(),
                message: compilation.errors().next().map(|error| error.message.clone()).unwrap_or_default(),
                report: report(),
            });
        };
        if !compilation.diagnostics.is_empty() {
            tracing::warn!(shader = name, "{}", report());
        }
        Ok(Self { kernels: reflect(&module), module, simdgroup_reductions })
    }
}

impl backend::Library for Library {
    fn kernels(&self) -> &[KernelInfo] {
        &self.kernels
    }

    fn new_pipeline(
        &self,
        kernel: &KernelInfo,
        constants: &FunctionConstantValues,
    ) -> Result<Arc<dyn backend::ComputePipelineState>, MetalError> {
        let pipeline = ComputePipelineState::new(&self.module, kernel, constants)?;
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

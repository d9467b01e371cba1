//! The BitNet shaders: a pipeline for each kernel of the table, made when it is first asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::command_buffer::CommandBuffer;
use super::compute_encoder::ComputeCommandEncoder;
use super::device::Device;
use super::error::MetalError;
use super::kernels::BitNetShaderFunction;
use super::kernels::geometry::{self, GridLimits};
use super::kernels::row::Precision;
use super::pipeline::ComputePipelineState;
use super::shader_compiler::{ShaderCompiler, ShaderCompilerConfig};
use super::size::MTLSize;
use super::sync::lock;

/// The project's kernels on one device. A clone is another handle to the same pipelines; all threads may
/// use it.
#[derive(Clone, Debug)]
pub struct BitNetShaders {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    compiler: ShaderCompiler,
    pipelines: Mutex<HashMap<(BitNetShaderFunction, Precision), ComputePipelineState>>,
}

impl BitNetShaders {
    /// The built-in shaders. Each is compiled when a kernel of it is first asked for.
    ///
    /// # Errors
    /// As [`with_config`](Self::with_config).
    pub fn new(device: Device) -> Result<Self, MetalError> {
        Self::with_config(device, ShaderCompilerConfig::default())
    }

    /// The shaders of a configuration.
    ///
    /// # Errors
    /// [`MetalError::ShaderDirectory`] if the configuration's directory cannot be read.
    pub fn with_config(device: Device, config: ShaderCompilerConfig) -> Result<Self, MetalError> {
        let compiler = ShaderCompiler::new(&device, config)?;
        Ok(Self { inner: Arc::new(Inner { compiler, pipelines: Mutex::default() }) })
    }

    /// The device that runs them.
    pub fn device(&self) -> &Device {
        self.inner.compiler.device()
    }

    /// What compiles them.
    pub fn compiler(&self) -> &ShaderCompiler {
        &self.inner.compiler
    }

    /// The pipeline of a kernel in single precision, made on first use.
    ///
    /// # Errors
    /// As [`get_pipeline_in`](Self::get_pipeline_in).
    pub fn get_pipeline(&self, function: BitNetShaderFunction) -> Result<ComputePipelineState, MetalError> {
        self.get_pipeline_in(function, Precision::Single)
    }

    /// The pipeline of a version of a kernel, made on first use.
    ///
    /// # Errors
    /// If the kernel has no such version. If the shader does not compile, or has no such kernel: both only
    /// where a directory has replaced the built-in shaders.
    pub fn get_pipeline_in(
        &self,
        function: BitNetShaderFunction,
        precision: Precision,
    ) -> Result<ComputePipelineState, MetalError> {
        let key = (function, precision);
        if let Some(pipeline) = lock(&self.inner.pipelines).get(&key) {
            return Ok(pipeline.clone());
        }
        // Two threads may both make it; the first one's is kept, so that all have the same.
        let name = function.row().kernel_name(precision);
        let shader = self.inner.compiler.compile_shader(function.shader())?;
        let pipeline = shader.new_compute_pipeline_state(&name, None)?;
        Ok(lock(&self.inner.pipelines).entry(key).or_insert(pipeline).clone())
    }

    /// Opens an encoder on the command buffer for a kernel in single precision.
    ///
    /// # Errors
    /// As [`create_compute_encoder_with_pipeline_in`](Self::create_compute_encoder_with_pipeline_in).
    pub fn create_compute_encoder_with_pipeline(
        &self,
        command_buffer: &CommandBuffer,
        function: BitNetShaderFunction,
    ) -> Result<ComputeCommandEncoder, MetalError> {
        self.create_compute_encoder_with_pipeline_in(command_buffer, function, Precision::Single)
    }

    /// Opens an encoder on the command buffer for a version of a kernel: its pipeline is set, and a dispatch
    /// fills in what the encoder was not told. An optional buffer that was not set is not there. A parameter
    /// struct that was not set is derived from the lengths of the buffers, or refused with a
    /// [`ParamsNotSet`](super::ValidationError::ParamsNotSet) if these do not determine it, as with a
    /// probability or the rows of a softmax. What was set always counts.
    ///
    /// # Errors
    /// As [`get_pipeline_in`](Self::get_pipeline_in). No encoder is open then.
    pub fn create_compute_encoder_with_pipeline_in(
        &self,
        command_buffer: &CommandBuffer,
        function: BitNetShaderFunction,
        precision: Precision,
    ) -> Result<ComputeCommandEncoder, MetalError> {
        let pipeline = self.get_pipeline_in(function, precision)?;
        let encoder = command_buffer.new_compute_command_encoder();
        encoder.open_for(&pipeline, function, precision);
        Ok(encoder)
    }

    /// The grid and threadgroup of a kernel over `data_size` elements, within the limits of its pipeline
    /// and in multiples of the SIMD width.
    ///
    /// # Errors
    /// As [`get_pipeline`](Self::get_pipeline).
    pub fn calculate_dispatch_params(
        &self,
        function: BitNetShaderFunction,
        data_size: usize,
    ) -> Result<(MTLSize, MTLSize), MetalError> {
        let limits = GridLimits::of(&self.get_pipeline(function)?);
        Ok(geometry::for_data_size(function.row(), data_size as u64, limits))
    }
}

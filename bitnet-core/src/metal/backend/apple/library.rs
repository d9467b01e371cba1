//! Libraries of Metal's: sources that our front end and Apple's compiler have both accepted.

use std::any::Any;
use std::ptr::NonNull;
use std::sync::Arc;

use bitnet_msl::OptimizationLevel;
use bitnet_msl::reflect::KernelInfo;
use objc2::rc::{Retained, autoreleasepool};
use objc2::runtime::ProtocolObject;
use objc2_foundation::NSString;
use objc2_metal::{
    MTLComputePipelineDescriptor, MTLDevice, MTLFunction, MTLFunctionConstantValues, MTLLibrary,
    MTLPipelineOption,
};

use super::binary_archive::BinaryArchive;
use super::conv;
use super::pipeline::ComputePipelineState;
use crate::metal::backend::{self, PipelineOptions};
use crate::metal::compile_options::CompileOptions;
use crate::metal::error::MetalError;
use crate::metal::front_end::{CheckedSource, GridView};
use crate::metal::function_constants::FunctionConstantValues;
use crate::metal::inline_includes::inline_includes;

/// A library, and what our front end knows of its source.
#[derive(Debug)]
pub(super) struct Library {
    device: Retained<ProtocolObject<dyn MTLDevice>>,
    source: CheckedSource,
    raw: Retained<ProtocolObject<dyn MTLLibrary>>,
}

impl Library {
    /// Compiles a source. What our front end refuses, Apple's compiler does not get to see.
    pub(super) fn compile(
        device: &Retained<ProtocolObject<dyn MTLDevice>>,
        name: &str,
        source: &str,
        options: &CompileOptions,
    ) -> Result<Self, MetalError> {
        // The front end's code is looked at, not run.
        let unoptimized = CompileOptions { optimization_level: OptimizationLevel::None, ..options.clone() };
        let checked = CheckedSource::compile(name, source, &unoptimized)?;
        let failed = |message: String, report: String| {
            let shader = name.to_owned();
            MetalError::CompilationFailed { shader, message, report }
        };
        let text = inline_includes(&format!("{name}.metal"), source, &options.includes)
            .map_err(|reason| failed(reason, String::new()))?;
        let raw = autoreleasepool(|_| {
            let options = conv::compile_options(options, checked.logs());
            device
                .newLibraryWithSource_options_error(&NSString::from_str(&text), Some(&options))
                .map_err(|error| conv::text(&error))
        });
        let raw = raw.map_err(|report| failed(first_error(&report).to_owned(), report))?;
        Ok(Self { device: device.clone(), source: checked, raw })
    }

    /// The function of a kernel, with its constants set.
    fn function(
        &self,
        kernel: &KernelInfo,
        values: &FunctionConstantValues,
    ) -> Result<Retained<ProtocolObject<dyn MTLFunction>>, String> {
        let constants = MTLFunctionConstantValues::new();
        for (id, scalar, bytes) in self.source.constants(values)? {
            let data_type = conv::data_type(scalar)
                .ok_or_else(|| format!("Metal has no function constants of type '{}'", scalar.msl_name()))?;
            let mut value = [0u64];
            bytemuck::bytes_of_mut(&mut value)[..bytes.len()].copy_from_slice(&bytes);
            // SAFETY: The pointer is that of a value of this type, aligned for any of them, which Metal
            // copies.
            unsafe {
                constants.setConstantValue_type_atIndex(NonNull::from(&value).cast(), data_type, id as usize);
            }
        }
        let name = NSString::from_str(&kernel.name);
        self.raw
            .newFunctionWithName_constantValues_error(&name, &constants)
            .map_err(|error| conv::text(&error))
    }

    fn pipeline(
        &self,
        kernel: &KernelInfo,
        constants: &FunctionConstantValues,
        options: &PipelineOptions<'_>,
    ) -> Result<ComputePipelineState, String> {
        let descriptor = MTLComputePipelineDescriptor::new();
        descriptor.setLabel(Some(&NSString::from_str(options.label)));
        descriptor.setComputeFunction(Some(&*self.function(kernel, constants)?));
        let make = |option| {
            let made = self.device.newComputePipelineStateWithDescriptor_options_reflection_error(
                &descriptor,
                option,
                None,
            );
            made.map_err(|error| conv::text(&error))
        };
        let raw = match options.archive {
            Some(archive) => {
                let archive: &dyn Any = archive.as_ref();
                let archive: &BinaryArchive =
                    archive.downcast_ref().expect("an object of another device is refused");
                archive.find_or_add(&descriptor, make)?
            }
            None => make(MTLPipelineOption::None)?,
        };
        Ok(ComputePipelineState { raw })
    }
}

impl backend::Library for Library {
    fn kernels(&self) -> &[KernelInfo] {
        &self.source.kernels
    }

    fn grid_view(&self, kernel: &KernelInfo) -> GridView {
        self.source.grid_view(kernel)
    }

    fn new_pipeline(
        &self,
        kernel: &KernelInfo,
        constants: &FunctionConstantValues,
        options: &PipelineOptions<'_>,
    ) -> Result<Arc<dyn backend::ComputePipelineState>, MetalError> {
        let pipeline = autoreleasepool(|_| self.pipeline(kernel, constants, options));
        let failed = |reason| MetalError::PipelineFailed { function: kernel.name.clone(), reason };
        Ok(Arc::new(pipeline.map_err(failed)?))
    }

    fn set_label(&self, label: &str) {
        autoreleasepool(|_| self.raw.setLabel(Some(&NSString::from_str(label))));
    }
}

/// The first error in the log of Apple's compiler.
fn first_error(log: &str) -> &str {
    let error = log.lines().find_map(|line| line.split_once("error: ").map(|(_, message)| message));
    error.or_else(|| log.lines().next()).unwrap_or_default()
}

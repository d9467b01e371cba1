//! Pipelines: kernels compiled to the executor's code.

use std::sync::Arc;

use bitnet_msl::ir;
use bitnet_msl::reflect::KernelInfo;
use bitnet_simt::{FunctionConstants, Program, THREADS_PER_SIMDGROUP};

use super::device::LIMITS;
use crate::metal::backend;
use crate::metal::error::MetalError;
use crate::metal::function_constants::{ConstantValue, FunctionConstantValues};

/// A kernel that the executor can run.
#[derive(Debug)]
pub(crate) struct ComputePipelineState {
    pub(crate) program: Arc<Program>,
}

impl ComputePipelineState {
    pub(crate) fn new(
        module: &ir::Module,
        kernel: &KernelInfo,
        constants: &FunctionConstantValues,
    ) -> Result<Self, MetalError> {
        let failed = |reason| MetalError::PipelineFailed { function: kernel.name.clone(), reason };
        let constants = to_executor(module, constants).map_err(failed)?;
        let program = Program::new(module, &kernel.name, &constants).map_err(|e| failed(e.to_string()))?;
        Ok(Self { program: Arc::new(program) })
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
}

/// The values as the executor takes them. Those for which the module has no constant are left out, as
/// Metal does; one of another type than the module's is refused, with the reason.
fn to_executor(module: &ir::Module, values: &FunctionConstantValues) -> Result<FunctionConstants, String> {
    let mut constants = FunctionConstants::new();
    for (index, value) in values.iter() {
        let Some(declared) = module.function_constants.iter().find(|c| u64::from(c.id) == index) else {
            continue;
        };
        let (scalar, bytes) = scalar_and_bytes(value);
        if module.types.get(declared.ty) != ir::Type::Scalar(scalar) {
            let (name, ty) = (&declared.name, module.types.display(declared.ty));
            let given = scalar.msl_name();
            return Err(format!("function constant '{name}' is of type '{ty}', but a '{given}' was given"));
        }
        constants = constants.set(declared.id, &bytes);
    }
    Ok(constants)
}

fn scalar_and_bytes(value: ConstantValue) -> (ir::Scalar, Vec<u8>) {
    match value {
        ConstantValue::Bool(value) => (ir::Scalar::Bool, vec![u8::from(value)]),
        ConstantValue::Short(value) => (ir::Scalar::I16, value.to_le_bytes().into()),
        ConstantValue::UShort(value) => (ir::Scalar::U16, value.to_le_bytes().into()),
        ConstantValue::Int(value) => (ir::Scalar::I32, value.to_le_bytes().into()),
        ConstantValue::UInt(value) => (ir::Scalar::U32, value.to_le_bytes().into()),
        ConstantValue::Long(value) => (ir::Scalar::I64, value.to_le_bytes().into()),
        ConstantValue::ULong(value) => (ir::Scalar::U64, value.to_le_bytes().into()),
        ConstantValue::Half(value) => (ir::Scalar::F16, value.to_le_bytes().into()),
        ConstantValue::Float(value) => (ir::Scalar::F32, value.to_le_bytes().into()),
    }
}

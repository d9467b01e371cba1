//! What our front end knows of a source: every backend asks it first, so that what a shader may say, how its
//! errors read and what its kernels take are the same on every device.

use std::collections::BTreeSet;

use bitnet_msl::artifact::{self, Artifact, ArtifactError};
use bitnet_msl::diag::RenderStyle;
use bitnet_msl::ir::{self, Binding, FuncId, Op, ThreadAttribute};
use bitnet_msl::reflect::{KernelInfo, reflect};

use super::compile_options::CompileOptions;
use super::error::MetalError;
use super::function_constants::{ConstantValue, FunctionConstantValues};

/// A source that the front end has accepted.
#[derive(Debug)]
pub(crate) struct CheckedSource {
    pub(crate) module: ir::Module,
    /// Its kernels, in source order.
    pub(crate) kernels: Vec<KernelInfo>,
    /// What the front end had to say, as text.
    warnings: String,
}

/// What a kernel can tell about how its grid is divided. Each can tell all that those before it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum GridView {
    /// Where its threads are in the grid, and how large the grid is.
    Positions,
    /// Which threads make a threadgroup or a simdgroup.
    Threadgroups,
    /// The size of threadgroup that the dispatch asked for, which those at the edges may not have.
    DispatchSize,
}

impl CheckedSource {
    /// Compiles a source. `name` is what errors and diagnostics call it.
    ///
    /// # Errors
    /// [`MetalError::CompilationFailed`] with the diagnostics.
    pub(crate) fn compile(name: &str, source: &str, options: &CompileOptions) -> Result<Self, MetalError> {
        let file = format!("{name}.metal");
        let mut compilation = bitnet_msl::compile(&file, source, &options.clone().into());
        let module = compilation.module.take();
        let report = || compilation.render(RenderStyle::Plain);
        let Some(mut module) = module else {
            return Err(MetalError::CompilationFailed {
                shader: name.to_owned(),
                message: compilation.errors().next().map(|error| error.message.clone()).unwrap_or_default(),
                report: report(),
            });
        };
        if !options.debug_info {
            module.strip_spans();
        }
        Ok(Self::new(name, module, report()))
    }

    /// A module that was kept. Its warnings are given again: whoever runs it should know of them.
    ///
    /// # Errors
    /// Why these bytes are not believed.
    pub(crate) fn from_artifact(name: &str, bytes: &[u8]) -> Result<Self, ArtifactError> {
        let Artifact { module, warnings } = artifact::decode(bytes)?;
        Ok(Self::new(name, module, warnings))
    }

    /// The module and its warnings as bytes; none if it is too large to be kept.
    pub(crate) fn artifact(&self) -> Option<Vec<u8>> {
        artifact::encode(&self.module, &self.warnings).ok()
    }

    fn new(name: &str, module: ir::Module, warnings: String) -> Self {
        if !warnings.is_empty() {
            tracing::warn!(shader = name, "{warnings}");
        }
        Self { kernels: reflect(&module), module, warnings }
    }

    /// Whether it logs messages.
    #[cfg_attr(not(target_vendor = "apple"), expect(dead_code, reason = "only Metal compiles for it"))]
    pub(crate) fn logs(&self) -> bool {
        let mut insts = self.module.functions.iter().flat_map(|function| &function.insts);
        insts.any(|inst| matches!(inst.op, Op::Log(..)))
    }

    /// What one of its kernels can tell about its grid.
    pub(crate) fn grid_view(&self, kernel: &KernelInfo) -> GridView {
        let Some(kernel) = self.module.kernels.iter().find(|k| k.name == kernel.name) else {
            return GridView::DispatchSize;
        };
        let by_params = kernel.params.iter().map(|param| match param.binding {
            Binding::Attribute(attribute) => attribute_view(attribute),
            Binding::Threadgroup { .. } => GridView::Threadgroups,
            Binding::Buffer { .. } => GridView::Positions,
        });
        let by_params = by_params.max().unwrap_or(GridView::Positions);
        by_params.max(if self.joins_threads(kernel.function) {
            GridView::Threadgroups
        } else {
            GridView::Positions
        })
    }

    /// Whether a function, or one that it calls, lets threads of a threadgroup meet: through its memory,
    /// barriers, or functions over lanes.
    fn joins_threads(&self, entry: FuncId) -> bool {
        let (mut seen, mut open) = (BTreeSet::from([entry.0]), vec![entry]);
        while let Some(function) = open.pop() {
            for inst in &self.module.functions[function.0 as usize].insts {
                match &inst.op {
                    Op::Lane(..) | Op::Barrier(..) => return true,
                    Op::GlobalAddr(global) if self.is_threadgroup_memory(*global) => return true,
                    Op::Call(callee, _) if seen.insert(callee.0) => open.push(*callee),
                    _ => {}
                }
            }
        }
        false
    }

    fn is_threadgroup_memory(&self, global: ir::GlobalId) -> bool {
        matches!(self.module.globals[global.0 as usize].kind, ir::GlobalKind::Threadgroup)
    }

    /// Values for the function constants that the source declares, as ids, types and bytes. Those for which
    /// it has no constant are left out, as Metal does; one of another type than the source's is refused,
    /// with the reason.
    pub(crate) fn constants(
        &self,
        values: &FunctionConstantValues,
    ) -> Result<Vec<(u32, ir::Scalar, Vec<u8>)>, String> {
        let types = &self.module.types;
        let mut constants = Vec::new();
        for (index, value) in values.iter() {
            let mut all = self.module.function_constants.iter();
            let Some(declared) = all.find(|constant| u64::from(constant.id) == index) else { continue };
            let (scalar, bytes) = scalar_and_bytes(value);
            if types.get(declared.ty) != ir::Type::Scalar(scalar) {
                let (name, ty) = (&declared.name, types.display(declared.ty));
                let given = scalar.msl_name();
                return Err(format!(
                    "function constant '{name}' is of type '{ty}', but a '{given}' was given"
                ));
            }
            constants.push((declared.id, scalar, bytes));
        }
        Ok(constants)
    }
}

fn attribute_view(attribute: ThreadAttribute) -> GridView {
    use ThreadAttribute as A;
    match attribute {
        A::ThreadPositionInGrid | A::ThreadsPerGrid | A::GridOrigin | A::GridSize => GridView::Positions,
        A::DispatchThreadsPerThreadgroup | A::DispatchSimdgroupsPerThreadgroup => GridView::DispatchSize,
        _ => GridView::Threadgroups,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kernel_can_tell_about_its_grid() {
        let source = r#"
            #include <metal_stdlib>
            using namespace metal;
            float total(float x) { return simd_sum(x); }
            kernel void positions(device float *x [[buffer(0)]], uint i [[thread_position_in_grid]],
                                  uint n [[threads_per_grid]]) { x[i] = n; }
            kernel void position_in_group(device float *x [[buffer(0)]],
                                          uint i [[thread_position_in_threadgroup]]) { x[i] = 0; }
            kernel void lanes(device float *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
                x[i] = total(x[i]);
            }
            kernel void barrier(device float *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
                threadgroup_barrier(mem_flags::mem_device);
                x[i] = 0;
            }
            kernel void shared_memory(device float *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
                threadgroup float first;
                first = x[i];
                x[i] = first;
            }
            kernel void dynamic_memory(device float *x [[buffer(0)]], threadgroup float *y [[threadgroup(0)]]) {
                y[0] = x[0];
            }
            kernel void asked_for(device uint *x [[buffer(0)]], uint n [[dispatch_threads_per_threadgroup]]) {
                x[0] = n;
            }
        "#;
        let source = CheckedSource::compile("views", source, &CompileOptions::default());
        let source = source.unwrap_or_else(|error| panic!("{error}"));
        let views: Vec<_> = source.kernels.iter().map(|k| (k.name.as_str(), source.grid_view(k))).collect();
        assert_eq!(
            views,
            [
                ("positions", GridView::Positions),
                ("position_in_group", GridView::Threadgroups),
                ("lanes", GridView::Threadgroups),
                ("barrier", GridView::Threadgroups),
                ("shared_memory", GridView::Threadgroups),
                ("dynamic_memory", GridView::Threadgroups),
                ("asked_for", GridView::DispatchSize),
            ]
        );
    }
}

//! What is said about each misuse.

use std::fmt;

use bitnet_msl::reflect::{KernelInfo, ParamInfo, ParamSource};

use super::{BLIT_ALIGNMENT, MAX_BINDING_INDEX, MAX_INLINE_BYTES, THREADGROUP_MEMORY_ALIGNMENT};
use crate::metal::gpu_family::MTLGPUFamily;
use crate::metal::size::MTLSize;

/// A misuse of the API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValidationError {
    /// An index past the last one.
    #[error("{call}: index {index} is past the last one, {MAX_BINDING_INDEX}")]
    BindingIndex {
        /// The method.
        call: &'static str,
        /// The index given.
        index: u64,
    },
    /// An offset at or past the end of the buffer.
    #[error(
        "set_buffer: offset {offset} is past the end of the buffer at index {index}, which is {length} bytes long"
    )]
    OffsetPastEnd {
        /// Index of the binding.
        index: u64,
        /// The offset in bytes.
        offset: u64,
        /// Length of the buffer in bytes.
        length: u64,
    },
    /// `set_bytes` without bytes.
    #[error("set_bytes: no bytes given for index {index}")]
    EmptyBytes {
        /// Index of the binding.
        index: u64,
    },
    /// `set_bytes` with more than [`MAX_INLINE_BYTES`].
    #[error("set_bytes: {length} bytes for index {index} are more than {MAX_INLINE_BYTES}; use a buffer")]
    BytesTooLong {
        /// Index of the binding.
        index: u64,
        /// Number of bytes given.
        length: u64,
    },
    /// A length of threadgroup memory that is not a multiple of [`THREADGROUP_MEMORY_ALIGNMENT`].
    #[error(
        "set_threadgroup_memory_length: {length} bytes for index {index} are not a multiple of {THREADGROUP_MEMORY_ALIGNMENT}"
    )]
    ThreadgroupMemoryAlignment {
        /// Index of the binding.
        index: u64,
        /// The length given.
        length: u64,
    },
    /// An object of one device given to another one.
    #[error("{call}: the {object} belongs to another device")]
    WrongDevice {
        /// The method.
        call: &'static str,
        /// What was given.
        object: &'static str,
    },

    /// A method of an encoder after its `end_encoding`.
    #[error("{call}: the encoder has ended")]
    EncoderEnded {
        /// The method.
        call: &'static str,
    },
    /// A second encoder, or a debug group around encoders, while one is open.
    #[error("{call}: the command buffer's last encoder has not ended; call end_encoding first")]
    EncoderOpen {
        /// The method.
        call: &'static str,
    },
    /// `commit` while an encoder is open.
    #[error("commit: an encoder of the command buffer has not ended; call end_encoding first")]
    CommitWithOpenEncoder,
    /// A method that needs a command buffer that has not been committed.
    #[error("{call}: the command buffer has been committed")]
    AlreadyCommitted {
        /// The method.
        call: &'static str,
    },
    /// Waiting for a command buffer that nobody has committed.
    #[error("wait_until_completed: the command buffer has not been committed, so it would never complete")]
    NotCommitted,
    /// A debug group is closed that has not been opened.
    #[error("{call}: no debug group is open")]
    NoDebugGroup {
        /// The method.
        call: &'static str,
    },
    /// An encoder ends, or a command buffer is committed, with a debug group open.
    #[error("{call}: the debug group '{group}' has not been closed; call pop_debug_group first")]
    DebugGroupOpen {
        /// The method.
        call: &'static str,
        /// The group that was opened last.
        group: String,
    },

    /// A copy of bytes that do not lie within a buffer.
    #[error(
        "{call}: {length} bytes at offset {offset} do not lie within the {buffer}, which is {buffer_length} bytes long"
    )]
    BlitRange {
        /// The method.
        call: &'static str,
        /// Which buffer.
        buffer: &'static str,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
        /// Length of the buffer in bytes.
        buffer_length: u64,
    },
    /// An offset or a length of a copy that is not a multiple of [`BLIT_ALIGNMENT`].
    #[error("{call}: {what} {value} is not a multiple of {BLIT_ALIGNMENT}")]
    BlitAlignment {
        /// The method.
        call: &'static str,
        /// The offset, or the length.
        what: &'static str,
        /// What it is.
        value: u64,
    },
    /// A copy within a buffer to bytes that are copied from.
    #[error(
        "copy_from_buffer: {length} bytes at offset {from} overlap those at offset {to} of the same buffer"
    )]
    BlitOverlap {
        /// First byte copied from.
        from: u64,
        /// First byte copied to.
        to: u64,
        /// Number of bytes.
        length: u64,
    },

    /// A dispatch without a pipeline.
    #[error("dispatch: no compute pipeline state is set")]
    NoPipeline,
    /// A buffer that the kernel takes is not set.
    #[error("{parameter} is not set")]
    MissingBuffer {
        /// What it was to be.
        parameter: KernelParameter,
    },
    /// The parameter struct of a kernel of the table is not set and does not follow from what is.
    #[error(
        "{parameter} is not set, and {reason}; set it: set_compute_bytes(&encoder, &{struct_name} {{ … }}, {})",
        parameter.index
    )]
    ParamsNotSet {
        /// The parameter struct.
        parameter: KernelParameter,
        /// Its type: one of [`kernels::params`](crate::metal::kernels::params).
        struct_name: &'static str,
        /// Why it does not follow from the lengths of the buffers.
        reason: String,
    },
    /// A dispatch helper for one kernel on an encoder whose pipeline is another one.
    #[error("{call}: the encoder's pipeline is the kernel '{pipeline}', not '{kernel}'")]
    OtherKernel {
        /// The function.
        call: &'static str,
        /// The kernel that the pipeline has.
        pipeline: String,
        /// The kernel that the function is for.
        kernel: &'static str,
    },
    /// What a dispatch helper was given does not meet the contract of the kernel's row.
    #[error("{call}: {reason}")]
    DispatchContract {
        /// The function.
        call: &'static str,
        /// What is missing or too short.
        reason: String,
    },
    /// A reference that the kernel takes is set to nothing.
    #[error("{parameter} is set to none, but it is a reference")]
    NilReference {
        /// The reference.
        parameter: KernelParameter,
    },
    /// What is bound is shorter than what a reference refers to, or than one element of what a pointer points to: Metal's
    /// API validation wants as much.
    #[error("{parameter} has {length} bytes, but '{type_name}' takes {needed}")]
    BindingTooShort {
        /// The reference or pointer.
        parameter: KernelParameter,
        /// Its type.
        type_name: String,
        /// Bytes bound.
        length: u64,
        /// Bytes needed.
        needed: u64,
    },
    /// An offset that does not suit the parameter's type or address space.
    #[error("{parameter} has the offset {offset}, which is not a multiple of {alignment}")]
    OffsetMisaligned {
        /// The buffer.
        parameter: KernelParameter,
        /// The offset in bytes.
        offset: u64,
        /// What it has to be a multiple of.
        alignment: u64,
    },
    /// Inline constants for a parameter that the kernel may write.
    #[error("{parameter} is set by set_bytes, but the kernel may write it; use a buffer")]
    BytesForWritable {
        /// The buffer.
        parameter: KernelParameter,
    },
    /// Threadgroup memory that the kernel takes has no length.
    #[error("{parameter} has no length")]
    MissingThreadgroupMemory {
        /// The threadgroup memory.
        parameter: KernelParameter,
    },
    /// More threadgroup memory than the device has.
    #[error("kernel '{kernel}': {length} bytes of threadgroup memory are more than the device's {limit}")]
    ThreadgroupMemoryTooLong {
        /// The kernel.
        kernel: String,
        /// Bytes that the kernel declares, and those set for the dispatch.
        length: u64,
        /// Most bytes a threadgroup may have.
        limit: u64,
    },
    /// A threadgroup without threads.
    #[error("kernel '{kernel}': a threadgroup of {threadgroup} has no threads")]
    EmptyThreadgroup {
        /// The kernel.
        kernel: String,
        /// The size given.
        threadgroup: MTLSize,
    },
    /// A threadgroup larger than the device allows.
    #[error(
        "kernel '{kernel}': a threadgroup of {threadgroup} is larger than the device's limit of {limit} threads"
    )]
    ThreadgroupTooLarge {
        /// The kernel.
        kernel: String,
        /// The size given.
        threadgroup: MTLSize,
        /// Most threads a threadgroup may have.
        limit: u64,
    },
    /// A threadgroup longer along some dimension than the device allows.
    #[error(
        "kernel '{kernel}': a threadgroup of {threadgroup} is larger than the device's limit of {limit} along some dimension"
    )]
    ThreadgroupTooLong {
        /// The kernel.
        kernel: String,
        /// The size given.
        threadgroup: MTLSize,
        /// Most threads along each dimension.
        limit: MTLSize,
    },
    /// A threadgroup larger than the pipeline allows.
    #[error(
        "kernel '{kernel}': a threadgroup of {threadgroup} is larger than its pipeline's limit of {limit} threads"
    )]
    ThreadgroupTooLargeForPipeline {
        /// The kernel.
        kernel: String,
        /// The size given.
        threadgroup: MTLSize,
        /// Most threads a threadgroup of this pipeline may have.
        limit: u64,
    },
    /// A grid with more than 2³²−1 threads along some dimension, which no thread position could tell apart.
    #[error("kernel '{kernel}': a grid of {grid} threads is larger than 2³²−1 along some dimension")]
    GridTooLarge {
        /// The kernel.
        kernel: String,
        /// The size in threads.
        grid: MTLSize,
    },
    /// A grid or a threadgroup with more along some dimension than a parameter of the kernel can count, which has no
    /// component for that dimension or too narrow ones. Metal's API validation ends the process there.
    #[error(
        "kernel '{kernel}': '{name}' [[{attribute}]] is of type '{type_name}', which cannot count {count} along the \
         {dimension}; it has to have more components, or wider ones"
    )]
    ParameterCannotCount {
        /// The kernel.
        kernel: String,
        /// The parameter's name.
        name: String,
        /// Its attribute.
        attribute: &'static str,
        /// Its type.
        type_name: String,
        /// Threads, or threadgroups, along the dimension.
        count: u64,
        /// `width`, `height` or `depth`.
        dimension: &'static str,
    },
    /// A grid that is no whole number of threadgroups, on a device whose threadgroups are all of one size.
    #[error(
        "kernel '{kernel}': a grid of {grid} threads is no whole number of threadgroups of {threadgroup}, and the \
         device has no smaller ones at the edges (its GPU is of none of the families {})",
        names(&MTLGPUFamily::NON_UNIFORM_THREADGROUPS)
    )]
    UnevenGrid {
        /// The kernel.
        kernel: String,
        /// The size in threads.
        grid: MTLSize,
        /// The size of a threadgroup.
        threadgroup: MTLSize,
    },
}

/// Families, as errors name them.
fn names(families: &[MTLGPUFamily]) -> String {
    families.iter().map(|family| format!("{family:?}")).collect::<Vec<_>>().join(", ")
}

/// A parameter of a kernel, as errors name it: "kernel 'scale': buffer 1 ('output')".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelParameter {
    /// The kernel.
    pub kernel: String,
    /// Whether it is a buffer or threadgroup memory.
    pub source: ParamSource,
    /// Index of the binding.
    pub index: u32,
    /// Its name in the shader.
    pub name: String,
}

impl KernelParameter {
    pub(super) fn of(kernel: &KernelInfo, param: &ParamInfo) -> Self {
        let index = param.index.unwrap_or_default();
        Self { kernel: kernel.name.clone(), source: param.source, index, name: param.name.clone() }
    }
}

impl fmt::Display for KernelParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, source, index, name } = self;
        let what = match source {
            ParamSource::Buffer => "buffer",
            ParamSource::Threadgroup => "threadgroup memory",
            ParamSource::Attribute => "attribute",
        };
        write!(f, "kernel '{kernel}': {what} {index} ('{name}')")
    }
}

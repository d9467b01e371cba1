//! Validation: every rule about how the API may be used, and nothing else does any.
//!
//! Encoders keep an [`EncoderState`] here beside what they hand to the backend, so that both backends
//! refuse the same misuse with the same words, and a backend may take what it gets as right.
//!
//! **Invariant:** a backend never sees a call that a rule of this module refuses.

use std::fmt;

use bitnet_msl::reflect::{Access, KernelInfo, ParamInfo, ParamSource};

use super::pipeline::ComputePipelineState;
use super::size::MTLSize;

/// The last index that a buffer, or threadgroup memory, can be bound to.
pub const MAX_BINDING_INDEX: u64 = 30;
/// Most bytes that `set_bytes` takes.
pub const MAX_INLINE_BYTES: u64 = 4096;
/// What the length of threadgroup memory is a multiple of.
pub const THREADGROUP_MEMORY_ALIGNMENT: u64 = 16;
/// What the offset of a buffer in the `constant` address space is a multiple of.
pub const CONSTANT_OFFSET_ALIGNMENT: u64 = 4;

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
    /// A second encoder while one is open.
    #[error(
        "new_compute_command_encoder: the command buffer's last encoder has not ended; call end_encoding first"
    )]
    EncoderOpen,
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

    /// A dispatch without a pipeline.
    #[error("dispatch: no compute pipeline state is set")]
    NoPipeline,
    /// A buffer that the kernel takes is not set.
    #[error("{parameter} is not set")]
    MissingBuffer {
        /// What it was to be.
        parameter: KernelParameter,
    },
    /// A reference that the kernel takes is set to nothing.
    #[error("{parameter} is set to none, but it is a reference")]
    NilReference {
        /// The reference.
        parameter: KernelParameter,
    },
    /// What is bound to a reference is shorter than what it refers to.
    #[error("{parameter} has {length} bytes, but '{type_name}' takes {needed}")]
    BindingTooShort {
        /// The reference.
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
    fn of(kernel: &KernelInfo, param: &ParamInfo) -> Self {
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

/// How large the grid of a dispatch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grid {
    /// In threads: threadgroups at the far edges may be smaller.
    Threads(MTLSize),
    /// In whole threadgroups.
    Threadgroups(MTLSize),
}

impl Grid {
    /// Whether there is nothing to run.
    pub(crate) fn is_empty(self) -> bool {
        let (Grid::Threads(size) | Grid::Threadgroups(size)) = self;
        size.is_empty()
    }

    /// The size in threads.
    fn threads(self, threadgroup: MTLSize) -> MTLSize {
        match self {
            Grid::Threads(size) => size,
            Grid::Threadgroups(size) => MTLSize::new(
                size.width.saturating_mul(threadgroup.width),
                size.height.saturating_mul(threadgroup.height),
                size.depth.saturating_mul(threadgroup.depth),
            ),
        }
    }
}

/// What a buffer index is set to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Slot {
    /// Never set.
    #[default]
    Unset,
    /// Set to none: the way to say that an optional buffer is not there.
    Nil,
    /// A buffer from `offset` on.
    Buffer { offset: u64, length: u64 },
    /// Inline constants.
    Bytes { length: u64 },
}

/// What an open encoder has been told, as far as rules ask for it.
#[derive(Debug, Default)]
pub(crate) struct EncoderState {
    pipeline: Option<ComputePipelineState>,
    slots: [Slot; MAX_BINDING_INDEX as usize + 1],
    threadgroup_memory: [u64; MAX_BINDING_INDEX as usize + 1],
}

impl EncoderState {
    /// The rules of `set_compute_pipeline_state`.
    pub(crate) fn set_pipeline(
        &mut self,
        device: u64,
        pipeline: &ComputePipelineState,
    ) -> Result<(), ValidationError> {
        same_device("set_compute_pipeline_state", "pipeline", device, pipeline.device_id())?;
        self.pipeline = Some(pipeline.clone());
        Ok(())
    }

    /// The rules of `set_buffer` for a buffer of `length` bytes. Gives the index as the backends take it.
    pub(crate) fn set_buffer(
        &mut self,
        device: u64,
        index: u64,
        buffer_device: u64,
        length: u64,
        offset: u64,
    ) -> Result<usize, ValidationError> {
        let slot = slot("set_buffer", index)?;
        same_device("set_buffer", "buffer", device, buffer_device)?;
        if offset >= length {
            return Err(ValidationError::OffsetPastEnd { index, offset, length });
        }
        self.slots[slot] = Slot::Buffer { offset, length: length - offset };
        Ok(slot)
    }

    /// The rules of `set_buffer` for no buffer.
    pub(crate) fn set_no_buffer(&mut self, index: u64) -> Result<usize, ValidationError> {
        let slot = slot("set_buffer", index)?;
        self.slots[slot] = Slot::Nil;
        Ok(slot)
    }

    /// The rules of `set_bytes`.
    pub(crate) fn set_bytes(&mut self, index: u64, bytes: &[u8]) -> Result<usize, ValidationError> {
        let slot = slot("set_bytes", index)?;
        let length = bytes.len() as u64;
        if length == 0 {
            return Err(ValidationError::EmptyBytes { index });
        }
        if length > MAX_INLINE_BYTES {
            return Err(ValidationError::BytesTooLong { index, length });
        }
        self.slots[slot] = Slot::Bytes { length };
        Ok(slot)
    }

    /// The rules of `set_threadgroup_memory_length`.
    pub(crate) fn set_threadgroup_memory(
        &mut self,
        index: u64,
        length: u64,
    ) -> Result<usize, ValidationError> {
        let slot = slot("set_threadgroup_memory_length", index)?;
        if !length.is_multiple_of(THREADGROUP_MEMORY_ALIGNMENT) {
            return Err(ValidationError::ThreadgroupMemoryAlignment { index, length });
        }
        self.threadgroup_memory[slot] = length;
        Ok(slot)
    }

    /// The rules of a dispatch. `Ok(false)` means that there is nothing to run.
    pub(crate) fn dispatch(&self, grid: Grid, threadgroup: MTLSize) -> Result<bool, ValidationError> {
        let pipeline = self.pipeline.as_ref().ok_or(ValidationError::NoPipeline)?;
        let kernel = pipeline.reflection();
        self.check_bindings(kernel)?;
        self.check_threadgroup_memory(pipeline, kernel)?;
        check_size(pipeline, kernel, grid, threadgroup)?;
        Ok(!grid.is_empty())
    }

    fn check_bindings(&self, kernel: &KernelInfo) -> Result<(), ValidationError> {
        let buffers = kernel.params.iter().filter(|param| param.source == ParamSource::Buffer);
        for param in buffers {
            let slot = at(&self.slots, param).copied().unwrap_or_default();
            check_binding(kernel, param, slot)?;
        }
        Ok(())
    }

    fn check_threadgroup_memory(
        &self,
        pipeline: &ComputePipelineState,
        kernel: &KernelInfo,
    ) -> Result<(), ValidationError> {
        let mut length = u64::from(kernel.threadgroup_bytes);
        for param in kernel.dynamic_threadgroup() {
            let set = at(&self.threadgroup_memory, param).copied().unwrap_or_default();
            if set == 0 {
                let parameter = KernelParameter::of(kernel, param);
                return Err(ValidationError::MissingThreadgroupMemory { parameter });
            }
            length = length.saturating_add(set);
        }
        let limit = pipeline.device_limits().max_threadgroup_memory_length;
        if length > limit {
            let kernel = kernel.name.clone();
            return Err(ValidationError::ThreadgroupMemoryTooLong { kernel, length, limit });
        }
        Ok(())
    }
}

/// What is set at a parameter's index.
fn at<'a, T>(slots: &'a [T], param: &ParamInfo) -> Option<&'a T> {
    slots.get(usize::try_from(param.index?).ok()?)
}

/// The rule about indices.
fn slot(call: &'static str, index: u64) -> Result<usize, ValidationError> {
    if index > MAX_BINDING_INDEX {
        return Err(ValidationError::BindingIndex { call, index });
    }
    Ok(index as usize)
}

/// Whether what is bound suits one buffer parameter of the kernel.
fn check_binding(kernel: &KernelInfo, param: &ParamInfo, slot: Slot) -> Result<(), ValidationError> {
    let parameter = || KernelParameter::of(kernel, param);
    let length = match slot {
        Slot::Unset => return Err(ValidationError::MissingBuffer { parameter: parameter() }),
        Slot::Nil if param.is_reference => {
            return Err(ValidationError::NilReference { parameter: parameter() });
        }
        Slot::Nil => return Ok(()),
        Slot::Bytes { .. } if param.access == Access::ReadWrite => {
            return Err(ValidationError::BytesForWritable { parameter: parameter() });
        }
        Slot::Bytes { length } => length,
        Slot::Buffer { offset, length } => {
            let alignment = offset_alignment(param);
            if !offset.is_multiple_of(alignment) {
                return Err(ValidationError::OffsetMisaligned { parameter: parameter(), offset, alignment });
            }
            length
        }
    };
    let needed = u64::from(param.size_bytes);
    if param.is_reference && length < needed {
        let (parameter, type_name) = (parameter(), param.type_name.clone());
        return Err(ValidationError::BindingTooShort { parameter, type_name, length, needed });
    }
    Ok(())
}

/// Offsets are multiples of the element's alignment, and in the `constant` address space of 4 at least.
fn offset_alignment(param: &ParamInfo) -> u64 {
    let least = if param.space == Some("constant") { CONSTANT_OFFSET_ALIGNMENT } else { 1 };
    least.max(param.align_bytes.into())
}

/// The rules about the sizes of grid and threadgroup.
fn check_size(
    pipeline: &ComputePipelineState,
    kernel: &KernelInfo,
    grid: Grid,
    threadgroup: MTLSize,
) -> Result<(), ValidationError> {
    let kernel = || kernel.name.clone();
    if threadgroup.is_empty() {
        return Err(ValidationError::EmptyThreadgroup { kernel: kernel(), threadgroup });
    }
    let limit = pipeline.device_limits().max_total_threads_per_threadgroup;
    if threadgroup.count() > limit {
        return Err(ValidationError::ThreadgroupTooLarge { kernel: kernel(), threadgroup, limit });
    }
    let limit = pipeline.max_total_threads_per_threadgroup();
    if threadgroup.count() > limit {
        return Err(ValidationError::ThreadgroupTooLargeForPipeline { kernel: kernel(), threadgroup, limit });
    }
    let threads = grid.threads(threadgroup);
    if threads.dimensions().into_iter().any(|n| n > u64::from(u32::MAX)) {
        return Err(ValidationError::GridTooLarge { kernel: kernel(), grid: threads });
    }
    Ok(())
}

/// The rule that objects of different devices do not meet.
pub(crate) fn same_device(
    call: &'static str,
    object: &'static str,
    device: u64,
    other: u64,
) -> Result<(), ValidationError> {
    if device == other { Ok(()) } else { Err(ValidationError::WrongDevice { call, object }) }
}

//! Validation: every rule about how the API may be used, and nothing else does any.
//!
//! Encoders keep an [`EncoderState`] here beside what they hand to the backend, so that both backends
//! refuse the same misuse with the same words, and a backend may take what it gets as right.
//!
//! **Invariant:** a backend never sees a call that a rule of this module refuses.

mod fill;

use std::fmt;

use bitnet_msl::reflect::{Access, KernelInfo, ParamInfo, ParamSource};

pub(crate) use fill::Fill;
use fill::TableKernel;

use super::buffer::Buffer;
use super::device::DeviceLimits;
use super::front_end::GridView;
use super::gpu_family::MTLGPUFamily;
use super::kernels::BitNetShaderFunction;
use super::kernels::row::Precision;
use super::pipeline::ComputePipelineState;
use super::size::MTLSize;

/// The last index that a buffer, or threadgroup memory, can be bound to.
pub const MAX_BINDING_INDEX: u64 = 30;
/// Most bytes that `set_bytes` takes.
pub const MAX_INLINE_BYTES: u64 = 4096;
/// What the length of threadgroup memory is a multiple of.
pub const THREADGROUP_MEMORY_ALIGNMENT: u64 = 16;
/// What the offset of a buffer in the `constant` address space is a multiple of on Apple's own GPUs and on the
/// host device; [`DeviceLimits`](super::DeviceLimits) says it of others.
pub const CONSTANT_OFFSET_ALIGNMENT: u64 = 4;

/// What offsets and lengths of copies between buffers are multiples of.
pub const BLIT_ALIGNMENT: u64 = 4;

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

    /// The same grid in threadgroups that are all of one size, for devices that have no others, if the kernel
    /// cannot tell the difference: whole threadgroups, one that is as small as its grid, or, for a kernel
    /// that sees positions only, the largest that divide the grid.
    fn in_equal_threadgroups(self, threadgroup: MTLSize, view: GridView) -> Option<(Self, MTLSize)> {
        let Grid::Threads(threads) = self else { return Some((self, threadgroup)) };
        let (threads, mut group) = (threads.dimensions(), threadgroup.dimensions());
        for (threads, group) in threads.into_iter().zip(&mut group) {
            let needed = match threads % *group {
                0 => GridView::DispatchSize,
                rest if rest == threads => GridView::Threadgroups,
                _ => GridView::Positions,
            };
            if view > needed {
                return None;
            }
            *group = (1..=threads.min(*group)).rev().find(|n| threads.is_multiple_of(*n))?;
        }
        let [x, y, z] = [0, 1, 2].map(|axis| threads[axis] / group[axis]);
        Some((Grid::Threadgroups(MTLSize::new(x, y, z)), MTLSize::new(group[0], group[1], group[2])))
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

/// A dispatch that every rule lets pass.
#[derive(Debug)]
pub(crate) struct Passed {
    /// What is to be bound for it beside what is set.
    pub(crate) fills: Vec<Fill>,
    /// Grid and threadgroup as the device takes them; `None` if there is nothing to run.
    pub(crate) size: Option<(Grid, MTLSize)>,
}

/// By buffer index.
type Slots = [Slot; MAX_BINDING_INDEX as usize + 1];
/// Debug groups that are open, the outermost first.
#[derive(Debug, Default)]
pub(crate) struct DebugGroups(Vec<String>);

impl DebugGroups {
    pub(crate) fn push(&mut self, group: &str) {
        self.0.push(group.to_owned());
    }

    /// The rule that only an open group can be closed.
    pub(crate) fn pop(&mut self, call: &'static str) -> Result<(), ValidationError> {
        self.0.pop().map(drop).ok_or(ValidationError::NoDebugGroup { call })
    }

    /// The rule that groups are closed where they were opened.
    pub(crate) fn all_closed(&self, call: &'static str) -> Result<(), ValidationError> {
        match self.0.last() {
            Some(group) => Err(ValidationError::DebugGroupOpen { call, group: group.clone() }),
            None => Ok(()),
        }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.clone()
    }
}

/// What an open encoder has been told, as far as rules ask for it.
#[derive(Debug, Default)]
pub(crate) struct EncoderState {
    pub(crate) label: Option<String>,
    pub(crate) groups: DebugGroups,
    pipeline: Option<ComputePipelineState>,
    /// The row of the table that the encoder was opened for.
    opened_for: Option<TableKernel>,
    slots: Slots,
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
        self.opened_for = None;
        Ok(())
    }

    /// The same for the pipeline of a kernel of the table: what is not set at a dispatch is filled in.
    pub(crate) fn open_for(
        &mut self,
        device: u64,
        pipeline: &ComputePipelineState,
        function: BitNetShaderFunction,
        precision: Precision,
    ) -> Result<(), ValidationError> {
        self.set_pipeline(device, pipeline)?;
        self.opened_for = Some(TableKernel::new(function, precision));
        Ok(())
    }

    /// The pipeline's kernel.
    pub(crate) fn kernel(&self) -> Result<&KernelInfo, ValidationError> {
        self.pipeline.as_ref().map(ComputePipelineState::reflection).ok_or(ValidationError::NoPipeline)
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
        if let Some(kernel) = &mut self.opened_for {
            kernel.note(slot, bytes);
        }
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

    /// The rules of a dispatch.
    pub(crate) fn dispatch(&self, grid: Grid, threadgroup: MTLSize) -> Result<Passed, ValidationError> {
        let pipeline = self.pipeline.as_ref().ok_or(ValidationError::NoPipeline)?;
        let kernel = pipeline.reflection();
        let fills = self.fills(kernel)?;
        if fills.is_empty() {
            check_bindings(kernel, &self.slots, pipeline.device_limits())?;
        } else {
            check_bindings(kernel, &fill::filled(self.slots, &fills), pipeline.device_limits())?;
        }
        self.check_threadgroup_memory(pipeline, kernel)?;
        check_size(pipeline, kernel, grid, threadgroup)?;
        if grid.is_empty() {
            return Ok(Passed { fills, size: None });
        }
        if pipeline.device_limits().non_uniform_threadgroups {
            return Ok(Passed { fills, size: Some((grid, threadgroup)) });
        }
        let equal = grid.in_equal_threadgroups(threadgroup, pipeline.grid_view());
        let equal = equal.ok_or_else(|| ValidationError::UnevenGrid {
            kernel: kernel.name.clone(),
            grid: grid.threads(threadgroup),
            threadgroup,
        })?;
        Ok(Passed { fills, size: Some(equal) })
    }

    /// The rules of `copy_from_buffer`, for buffers and offsets into them.
    pub(crate) fn copy(
        &self,
        device: u64,
        (source, from): (&Buffer, u64),
        (destination, to): (&Buffer, u64),
        length: u64,
    ) -> Result<(), ValidationError> {
        let call = "copy_from_buffer";
        same_device(call, "source buffer", device, source.device_id())?;
        same_device(call, "destination buffer", device, destination.device_id())?;
        check_blit(call, "source buffer", from, length, source.length())?;
        check_blit(call, "destination buffer", to, length, destination.length())?;
        if source.is_same(destination) && from.abs_diff(to) < length {
            return Err(ValidationError::BlitOverlap { from, to, length });
        }
        Ok(())
    }

    /// The rules of `fill_buffer`, for a buffer and an offset into it.
    pub(crate) fn fill(
        &self,
        device: u64,
        (buffer, offset): (&Buffer, u64),
        length: u64,
    ) -> Result<(), ValidationError> {
        let call = "fill_buffer";
        same_device(call, "buffer", device, buffer.device_id())?;
        check_blit(call, "buffer", offset, length, buffer.length())
    }

    fn check_threadgroup_memory(
        &self,
        pipeline: &ComputePipelineState,
        kernel: &KernelInfo,
    ) -> Result<(), ValidationError> {
        let mut length = pipeline.static_threadgroup_memory_length();
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

/// The rules about what is bound to a kernel's buffers.
fn check_bindings(kernel: &KernelInfo, slots: &Slots, limits: &DeviceLimits) -> Result<(), ValidationError> {
    let buffers = kernel.params.iter().filter(|param| param.source == ParamSource::Buffer);
    for param in buffers {
        check_binding(kernel, param, at(slots, param).copied().unwrap_or_default(), limits)?;
    }
    Ok(())
}

/// The rule about indices.
fn slot(call: &'static str, index: u64) -> Result<usize, ValidationError> {
    if index > MAX_BINDING_INDEX {
        return Err(ValidationError::BindingIndex { call, index });
    }
    Ok(index as usize)
}

/// Whether what is bound suits one buffer parameter of the kernel.
fn check_binding(
    kernel: &KernelInfo,
    param: &ParamInfo,
    slot: Slot,
    limits: &DeviceLimits,
) -> Result<(), ValidationError> {
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
            let alignment = offset_alignment(param, limits);
            if !offset.is_multiple_of(alignment) {
                return Err(ValidationError::OffsetMisaligned { parameter: parameter(), offset, alignment });
            }
            length
        }
    };
    let needed = u64::from(param.size_bytes);
    if length < needed {
        let (parameter, type_name) = (parameter(), param.type_name.clone());
        return Err(ValidationError::BindingTooShort { parameter, type_name, length, needed });
    }
    Ok(())
}

/// Offsets are multiples of the element's alignment, and in the `constant` address space of what the device
/// wants there.
fn offset_alignment(param: &ParamInfo, limits: &DeviceLimits) -> u64 {
    let least = if param.space == Some("constant") { limits.constant_offset_alignment } else { 1 };
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

/// The rules about the bytes of a copy.
fn check_blit(
    call: &'static str,
    buffer: &'static str,
    offset: u64,
    length: u64,
    buffer_length: u64,
) -> Result<(), ValidationError> {
    for (what, value) in [("the offset", offset), ("the length", length)] {
        if !value.is_multiple_of(BLIT_ALIGNMENT) {
            return Err(ValidationError::BlitAlignment { call, what, value });
        }
    }
    if offset.checked_add(length).is_none_or(|end| end > buffer_length) {
        return Err(ValidationError::BlitRange { call, buffer, offset, length, buffer_length });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_in_threadgroups_of_one_size() {
        let check = |threads: [u64; 3], group: [u64; 3], view, expect: Option<([u64; 3], [u64; 3])>| {
            let size = |[x, y, z]: [u64; 3]| MTLSize::new(x, y, z);
            let equal = Grid::Threads(size(threads)).in_equal_threadgroups(size(group), view);
            let expect = expect.map(|(groups, group)| (Grid::Threadgroups(size(groups)), size(group)));
            assert_eq!(equal, expect, "{threads:?} by {group:?} for {view:?}");
        };
        use GridView::{DispatchSize, Positions, Threadgroups};
        for view in [Positions, Threadgroups, DispatchSize] {
            check([64, 1, 1], [32, 1, 1], view, Some(([2, 1, 1], [32, 1, 1])));
            check([6, 4, 3], [3, 2, 1], view, Some(([2, 2, 3], [3, 2, 1])));
        }
        check([5, 1, 1], [32, 1, 1], Positions, Some(([1, 1, 1], [5, 1, 1])));
        check([5, 64, 1], [32, 2, 4], Threadgroups, Some(([1, 32, 1], [5, 2, 1])));
        check([5, 1, 1], [32, 1, 1], DispatchSize, None);
        check([100, 1, 1], [32, 1, 1], Positions, Some(([4, 1, 1], [25, 1, 1])));
        check([37, 9, 1], [32, 8, 1], Positions, Some(([37, 3, 1], [1, 3, 1])));
        check([100, 1, 1], [32, 1, 1], Threadgroups, None);
        check([32, 9, 1], [32, 8, 1], Threadgroups, None);
    }
}

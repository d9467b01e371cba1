//! Validation: every rule about how the API may be used, and nothing else does any.
//!
//! Encoders keep an [`EncoderState`] here beside what they hand to the backend, so that both backends
//! refuse the same misuse with the same words, and a backend may take what it gets as right.
//!
//! **Invariant:** a backend never sees a call that a rule of this module refuses.

mod error;
mod fill;
mod size;

use bitnet_msl::reflect::{Access, KernelInfo, ParamInfo, ParamSource};

pub use error::{KernelParameter, ValidationError};
pub(crate) use fill::Fill;
use fill::TableKernel;
pub(crate) use size::Grid;

use super::buffer::Buffer;
use super::device::DeviceLimits;
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
        size::check(pipeline, kernel, grid, threadgroup)?;
        if grid.is_empty() {
            return Ok(Passed { fills, size: None });
        }
        size::check_counts(kernel, grid, threadgroup)?;
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
            check_length(kernel, param, set)?;
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
    check_length(kernel, param, length)
}

/// The rule that what is bound has room for one element.
fn check_length(kernel: &KernelInfo, param: &ParamInfo, length: u64) -> Result<(), ValidationError> {
    let needed = u64::from(param.size_bytes);
    if length < needed {
        let (parameter, type_name) = (KernelParameter::of(kernel, param), param.type_name.clone());
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

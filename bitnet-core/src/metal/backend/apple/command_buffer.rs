//! Command buffers of Metal's, and the encoder that is open on them.

use std::any::Any;
use std::mem;
use std::ptr::NonNull;
use std::sync::{Arc, mpsc};
use std::thread;

use block2::RcBlock;
use objc2::rc::{Retained, autoreleasepool};
use objc2::runtime::{AnyObject, ProtocolObject};
use objc2_foundation::{NSArray, NSError, NSRange, NSString};
use objc2_metal::{
    MTLBlitCommandEncoder, MTLBuffer, MTLCommandBuffer, MTLCommandBufferEncoderInfo,
    MTLCommandBufferEncoderInfoErrorKey, MTLCommandEncoder, MTLCommandEncoderErrorState,
    MTLComputeCommandEncoder, MTLResource,
};

use super::buffer::Buffer;
use super::conv;
use super::pipeline::ComputePipelineState;
use crate::metal::backend;
use crate::metal::completion::{Completion, RunTimes};
use crate::metal::error::MetalError;
use crate::metal::label::Place;
use crate::metal::size::MTLSize;
use crate::metal::validation::Grid;

type RawCommandBuffer = ProtocolObject<dyn MTLCommandBuffer>;

/// Commands so far.
#[derive(Debug)]
pub(super) struct CommandBuffer {
    /// Nothing if Metal has given none. Taken by `commit`.
    raw: Option<Retained<RawCommandBuffer>>,
    open: Open,
    /// Debug groups that are open on the open encoder.
    groups: u32,
    /// Buffers with a copy of their own on the host, which has to be brought up to date at the end.
    managed: Vec<Retained<ProtocolObject<dyn MTLBuffer>>>,
    /// Whether Metal has refused an encoder. Without its commands nothing may run.
    refused_encoder: bool,
    /// What is bound where nothing is.
    placeholder: Option<Arc<Buffer>>,
    /// Most bytes of threadgroup memory.
    most_threadgroup_memory: usize,
    /// Whether its messages go to a log state.
    logs: bool,
}

/// The open encoder.
#[derive(Debug, Default)]
enum Open {
    #[default]
    None,
    Compute(Retained<ProtocolObject<dyn MTLComputeCommandEncoder>>),
    Blit(Retained<ProtocolObject<dyn MTLBlitCommandEncoder>>),
}

// SAFETY: Command buffers and encoders may be used by any thread as long as only one does at a time; all
// methods take `&mut self` or `self`.
unsafe impl Send for CommandBuffer {}

impl CommandBuffer {
    pub(super) fn new(
        raw: Option<Retained<RawCommandBuffer>>,
        placeholder: Option<Arc<Buffer>>,
        most_threadgroup_memory: usize,
        logs: bool,
    ) -> Self {
        Self {
            raw,
            open: Open::None,
            groups: 0,
            managed: Vec::new(),
            refused_encoder: false,
            placeholder,
            most_threadgroup_memory,
            logs,
        }
    }

    /// Does something with the open compute encoder.
    fn compute(&self, encode: impl FnOnce(&ProtocolObject<dyn MTLComputeCommandEncoder>)) {
        if let Open::Compute(encoder) = &self.open {
            autoreleasepool(|_| encode(encoder));
        }
    }

    /// Does something with the open blit encoder.
    fn blit(&self, encode: impl FnOnce(&ProtocolObject<dyn MTLBlitCommandEncoder>)) {
        if let Open::Blit(encoder) = &self.open {
            autoreleasepool(|_| encode(encoder));
        }
    }

    fn open(&mut self, begin: impl FnOnce(&RawCommandBuffer) -> Option<Open>) {
        let opened = self.raw.as_ref().and_then(|raw| autoreleasepool(|_| begin(raw)));
        self.refused_encoder |= self.raw.is_some() && opened.is_none();
        self.open = opened.unwrap_or_default();
    }

    /// Notes that commands may write a buffer.
    fn uses(&mut self, buffer: &Buffer) {
        if buffer.is_managed() {
            self.managed.push(buffer.raw.clone());
        }
    }

    /// Makes the host's copies of managed buffers those of the GPU, once all has run.
    fn synchronize_managed(&mut self) {
        let managed = mem::take(&mut self.managed);
        if managed.is_empty() {
            return;
        }
        backend::CommandBuffer::begin_blit(self);
        self.blit(|encoder| {
            for buffer in &managed {
                let resource: &ProtocolObject<dyn MTLResource> = ProtocolObject::from_ref(&**buffer);
                encoder.synchronizeResource(resource);
            }
        });
        backend::CommandBuffer::end_encoder(self);
    }
}

impl Open {
    /// What all encoders can do.
    fn encoder(&self) -> Option<&ProtocolObject<dyn MTLCommandEncoder>> {
        match self {
            Open::None => None,
            Open::Compute(encoder) => Some(ProtocolObject::from_ref(&**encoder)),
            Open::Blit(encoder) => Some(ProtocolObject::from_ref(&**encoder)),
        }
    }
}

impl backend::CommandBuffer for CommandBuffer {
    fn set_label(&mut self, label: &str) {
        if let Some(raw) = &self.raw {
            autoreleasepool(|_| raw.setLabel(Some(&NSString::from_str(label))));
        }
    }

    fn set_encoder_label(&mut self, label: &str) {
        if let Some(encoder) = self.open.encoder() {
            autoreleasepool(|_| encoder.setLabel(Some(&NSString::from_str(label))));
        }
    }

    fn push_debug_group(&mut self, group: &str) {
        autoreleasepool(|_| {
            let group = NSString::from_str(group);
            match (self.open.encoder(), &self.raw) {
                (Some(encoder), _) => {
                    encoder.pushDebugGroup(&group);
                    self.groups += 1;
                }
                (None, Some(raw)) => raw.pushDebugGroup(&group),
                (None, None) => {}
            }
        });
    }

    fn pop_debug_group(&mut self) {
        autoreleasepool(|_| match (self.open.encoder(), &self.raw) {
            (Some(encoder), _) => {
                encoder.popDebugGroup();
                self.groups -= 1;
            }
            (None, Some(raw)) => raw.popDebugGroup(),
            (None, None) => {}
        });
    }

    fn insert_debug_signpost(&mut self, text: &str) {
        if let Some(encoder) = self.open.encoder() {
            autoreleasepool(|_| encoder.insertDebugSignpost(&NSString::from_str(text)));
        }
    }

    fn begin_compute(&mut self) {
        self.open(|raw| raw.computeCommandEncoder().map(Open::Compute));
    }

    fn set_pipeline(&mut self, pipeline: &Arc<dyn backend::ComputePipelineState>) {
        let pipeline: &dyn Any = pipeline.as_ref();
        let pipeline: &ComputePipelineState =
            pipeline.downcast_ref().expect("an object of another device is refused");
        self.compute(|encoder| encoder.setComputePipelineState(&pipeline.raw));
    }

    fn set_buffer(&mut self, index: usize, buffer: Option<(&Arc<dyn backend::Buffer>, u64)>) {
        let buffer = buffer.map(|(buffer, offset)| (Buffer::of(buffer), offset as usize));
        let (raw, offset) = match buffer {
            Some((buffer, offset)) => (Some(&*buffer.raw), offset),
            None => (self.placeholder.as_ref().map(|buffer| &*buffer.raw), 0),
        };
        // SAFETY: The index is one that Metal has, and the offset lies within the buffer. What kernels do
        // with it is checked as far as their parameters say; a kernel's own accesses are its author's.
        self.compute(|encoder| unsafe { encoder.setBuffer_offset_atIndex(raw, offset, index) });
        if let Some((buffer, _)) = buffer {
            self.uses(buffer);
        }
    }

    fn set_bytes(&mut self, index: usize, bytes: &[u8]) {
        let pointer = NonNull::from(bytes).cast();
        // SAFETY: The index is one that Metal has; the pointer is that of as many bytes, which are not more
        // than it takes, and which it copies.
        self.compute(|encoder| unsafe { encoder.setBytes_length_atIndex(pointer, bytes.len(), index) });
    }

    fn set_threadgroup_memory_length(&mut self, index: usize, length: u64) {
        // A length over the device's limit fails the dispatch, and with it the command buffer; Metal would assert it
        // here.
        let limit = self.most_threadgroup_memory;
        let Some(length) = usize::try_from(length).ok().filter(|length| *length <= limit) else { return };
        // SAFETY: The index is one that Metal has; the length is a multiple of 16 and within the limit.
        self.compute(|encoder| unsafe { encoder.setThreadgroupMemoryLength_atIndex(length, index) });
    }

    fn dispatch(&mut self, grid: Grid, threadgroup: MTLSize, _place: Place) {
        let threadgroup = conv::size(threadgroup);
        self.compute(|encoder| match grid {
            Grid::Threads(threads) => {
                encoder.dispatchThreads_threadsPerThreadgroup(conv::size(threads), threadgroup);
            }
            Grid::Threadgroups(threadgroups) => {
                encoder.dispatchThreadgroups_threadsPerThreadgroup(conv::size(threadgroups), threadgroup);
            }
        });
    }

    fn begin_blit(&mut self) {
        self.open(|raw| raw.blitCommandEncoder().map(Open::Blit));
    }

    fn copy_buffer(
        &mut self,
        (from, from_offset): (&Arc<dyn backend::Buffer>, u64),
        (to, to_offset): (&Arc<dyn backend::Buffer>, u64),
        length: u64,
    ) {
        let (from, to) = (Buffer::of(from), Buffer::of(to));
        // SAFETY: Both ranges lie within their buffers and do not overlap.
        self.blit(|encoder| unsafe {
            encoder.copyFromBuffer_sourceOffset_toBuffer_destinationOffset_size(
                &from.raw,
                from_offset as usize,
                &to.raw,
                to_offset as usize,
                length as usize,
            );
        });
        self.uses(to);
    }

    fn fill_buffer(&mut self, (buffer, offset): (&Arc<dyn backend::Buffer>, u64), length: u64, value: u8) {
        let buffer = Buffer::of(buffer);
        let range = NSRange::new(offset as usize, length as usize);
        self.blit(|encoder| encoder.fillBuffer_range_value(&buffer.raw, range, value));
        self.uses(buffer);
    }

    fn end_encoder(&mut self) {
        let groups = mem::take(&mut self.groups);
        if let Some(encoder) = mem::take(&mut self.open).encoder() {
            autoreleasepool(|_| {
                // One that has been misused may end with groups open, which Metal asserts are closed.
                (0..groups).for_each(|_| encoder.popDebugGroup());
                encoder.endEncoding();
            });
        }
    }

    fn commit(mut self: Box<Self>, completion: Arc<Completion>) -> Result<(), MetalError> {
        self.synchronize_managed();
        let refused = self.refused_encoder;
        let Some(raw) = self.raw.take().filter(|_| !refused) else {
            let what = if refused { "encoder" } else { "command buffer" };
            let reason = format!("Metal gave no {what}: there may be too many, or no memory left");
            return Err(MetalError::DeviceFailed { reason });
        };
        autoreleasepool(|_| match self.logs {
            true => commit_and_report_after_messages(&raw, completion),
            false => {
                commit_and_report(&raw, completion);
                Ok(())
            }
        })
    }
}

impl Drop for CommandBuffer {
    fn drop(&mut self) {
        // Metal ends the process if an encoder is let go of that has not ended.
        backend::CommandBuffer::end_encoder(self);
    }
}

/// Commits, and reports through `completion` from a thread of Metal's.
fn commit_and_report(raw: &RawCommandBuffer, completion: Arc<Completion>) {
    let ended = completion.clone();
    commit_and_then(raw, completion, move |raw| report(raw, &ended));
}

/// The same for a command buffer with a log state, whose messages Metal may hand over after it has called the completed
/// handlers, but does before a wait for the command buffer is over. A handler cannot wait for its own command buffer: a
/// thread does.
fn commit_and_report_after_messages(
    raw: &Retained<RawCommandBuffer>,
    completion: Arc<Completion>,
) -> Result<(), MetalError> {
    let (has_ended, ended) = mpsc::channel();
    let (waited_for, reported) = (AnyThread(raw.clone()), completion.clone());
    let wait = move || {
        let AnyThread(raw) = { waited_for };
        // Nobody says so of a command buffer that did not get to run.
        if ended.recv().is_ok() {
            autoreleasepool(|_| {
                raw.waitUntilCompleted();
                report(&raw, &reported);
            });
        }
    };
    let thread = thread::Builder::new().name("bitnet-metal-log".to_owned()).spawn(wait);
    thread.map_err(|error| MetalError::DeviceFailed {
        reason: format!("the thread that waits for messages could not be started: {error}"),
    })?;
    commit_and_then(raw, completion, move |_| {
        // The thread waits for this.
        let _ = has_ended.send(());
    });
    Ok(())
}

/// A command buffer that goes to another thread.
struct AnyThread(Retained<RawCommandBuffer>);

// SAFETY: Command buffers belong to no thread, and waiting for one, or asking one that has ended, changes nothing.
unsafe impl Send for AnyThread {}

/// Commits, and calls `ended` from a thread of Metal's.
fn commit_and_then(
    raw: &RawCommandBuffer,
    completion: Arc<Completion>,
    ended: impl Fn(&RawCommandBuffer) + Send + 'static,
) {
    let scheduled = completion.clone();
    let scheduled = RcBlock::new(move |_: NonNull<RawCommandBuffer>| scheduled.scheduled());
    let completed = RcBlock::new(move |raw: NonNull<RawCommandBuffer>| {
        // Metal calls the two kinds of handlers from threads of their own, in no order that it promises.
        completion.scheduled();
        // SAFETY: Metal gives its handlers the command buffer, alive for as long as they run.
        autoreleasepool(|_| ended(unsafe { raw.as_ref() }));
    });
    // SAFETY: Metal copies the blocks, gives them what they take, and calls each once, on a thread of its
    // own: all that they hold may go there.
    unsafe {
        raw.addScheduledHandler(RcBlock::as_ptr(&scheduled));
        raw.addCompletedHandler(RcBlock::as_ptr(&completed));
    }
    raw.commit();
}

/// Reports how a command buffer has ended, and when.
fn report(raw: &RawCommandBuffer, completion: &Completion) {
    let times = RunTimes { start: raw.GPUStartTime(), end: raw.GPUEndTime() };
    completion.end(outcome(raw), Some(times));
}

/// How a command buffer has ended.
fn outcome(raw: &RawCommandBuffer) -> Result<(), MetalError> {
    let Some(error) = raw.error() else { return Ok(()) };
    let mut reason = conv::text(&error);
    for (label, state, signposts) in encoders_of(&error) {
        let state = match state {
            MTLCommandEncoderErrorState::Faulted => "caused it",
            MTLCommandEncoderErrorState::Affected => "was affected",
            MTLCommandEncoderErrorState::Pending => "had not begun",
            MTLCommandEncoderErrorState::Completed => continue,
            _ => "is in an unknown state",
        };
        reason.push_str(&format!("; encoder '{label}' {state}"));
        if !signposts.is_empty() {
            reason.push_str(&format!(" (signposts: {})", signposts.join(", ")));
        }
    }
    Err(MetalError::DeviceFailed { reason })
}

/// The encoders that an error of a command buffer tells about: label, state, signposts.
fn encoders_of(error: &NSError) -> Vec<(String, MTLCommandEncoderErrorState, Vec<String>)> {
    // SAFETY: A constant of the framework.
    let key = unsafe { MTLCommandBufferEncoderInfoErrorKey };
    let Some(infos) = error.userInfo().objectForKey(key) else { return Vec::new() };
    let Ok(infos) = infos.downcast::<NSArray>() else { return Vec::new() };
    let encoder = |info: Retained<AnyObject>| {
        // SAFETY: What Metal keeps under this key is an array of such objects.
        let info: Retained<ProtocolObject<dyn MTLCommandBufferEncoderInfo>> =
            unsafe { Retained::cast_unchecked(info) };
        let signposts = info.debugSignposts().to_vec();
        let signposts = signposts.iter().map(|text| text.to_string()).collect();
        (info.label().to_string(), info.errorState(), signposts)
    };
    infos.to_vec().into_iter().map(encoder).collect()
}

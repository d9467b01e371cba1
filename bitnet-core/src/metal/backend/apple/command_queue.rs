//! Command queues of Metal's.

use std::sync::Arc;

use objc2::rc::{Retained, autoreleasepool};
use objc2::runtime::ProtocolObject;
use objc2_foundation::NSString;
use objc2_metal::{MTLCommandBufferDescriptor, MTLCommandBufferErrorOption, MTLCommandQueue, MTLDevice};

use super::buffer::Buffer;
use super::command_buffer::CommandBuffer;
use super::log_state;
use crate::metal::backend;
use crate::metal::log_state::LogState;

/// Most command buffers of a queue that have not ended. Making one more waits until one has, and would do
/// so for ever if none of them is committed; Metal's own limit of 64 is soon met by someone who records
/// ahead.
const MAX_COMMAND_BUFFERS: usize = 1024;

/// A queue; nothing if Metal has given none, which its command buffers report.
#[derive(Debug)]
pub(super) struct CommandQueue {
    /// Not asked of Metal's queue, which need not tell it.
    device: Retained<ProtocolObject<dyn MTLDevice>>,
    raw: Option<Retained<ProtocolObject<dyn MTLCommandQueue>>>,
    /// What is bound where nothing is.
    placeholder: Option<Arc<Buffer>>,
}

impl CommandQueue {
    pub(super) fn new(
        device: &Retained<ProtocolObject<dyn MTLDevice>>,
        placeholder: Option<Arc<Buffer>>,
    ) -> Self {
        let raw = autoreleasepool(|_| device.newCommandQueueWithMaxCommandBufferCount(MAX_COMMAND_BUFFERS));
        Self { device: device.clone(), raw, placeholder }
    }
}

impl CommandQueue {
    /// A command buffer, whose shaders log to this state or, without one, to the system's log.
    fn command_buffer(&self, state: Option<&LogState>) -> Box<dyn backend::CommandBuffer> {
        let raw = autoreleasepool(|_| {
            let raw = self.raw.as_ref()?;
            let descriptor = MTLCommandBufferDescriptor::new();
            descriptor.setRetainedReferences(true);
            descriptor.setErrorOptions(MTLCommandBufferErrorOption::EncoderExecutionStatus);
            if let Some(state) = state {
                let state = log_state::delivering_to(state, &self.device);
                let state = state.inspect_err(|reason| tracing::error!("Metal gave no log state: {reason}"));
                // Without its log state there is no command buffer either, which its commit reports.
                descriptor.setLogState(Some(&*state.ok()?));
            }
            raw.commandBufferWithDescriptor(&descriptor)
        });
        let most_memory = self.device.maxThreadgroupMemoryLength();
        Box::new(CommandBuffer::new(raw, self.placeholder.clone(), most_memory, state.is_some()))
    }
}

impl backend::CommandQueue for CommandQueue {
    fn new_command_buffer(self: Arc<Self>) -> Box<dyn backend::CommandBuffer> {
        self.command_buffer(None)
    }

    fn new_command_buffer_with_log_state(
        self: Arc<Self>,
        state: &LogState,
    ) -> Box<dyn backend::CommandBuffer> {
        self.command_buffer(Some(state))
    }

    fn set_label(&self, label: &str) {
        if let Some(raw) = &self.raw {
            autoreleasepool(|_| raw.setLabel(Some(&NSString::from_str(label))));
        }
    }
}

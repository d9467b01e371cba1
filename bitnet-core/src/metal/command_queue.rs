//! Command queues: the order in which a device runs command buffers.

use std::sync::Arc;

use super::backend;
use super::command_buffer::CommandBuffer;
use super::device::Device;

/// Runs command buffers one after the other, in the order they are committed. Queues run beside each
/// other. A clone is another handle to the same queue; all threads may use it.
#[derive(Clone, Debug)]
pub struct CommandQueue {
    device: Device,
    raw: Arc<dyn backend::CommandQueue>,
}

impl CommandQueue {
    pub(crate) fn new(device: Device, raw: Arc<dyn backend::CommandQueue>) -> Self {
        Self { device, raw }
    }

    /// An empty command buffer.
    pub fn new_command_buffer(&self) -> CommandBuffer {
        CommandBuffer::new(self.device.clone(), self.raw.clone().new_command_buffer())
    }

    /// The device of the queue.
    pub fn device(&self) -> &Device {
        &self.device
    }
}

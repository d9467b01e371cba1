//! Blit command encoders: copies between buffers, which the device makes.

use std::sync::Arc;

use super::buffer::Buffer;
use super::command_buffer::Shared;
use super::device::Device;
use super::encoder::Encoder;
use super::error::MetalError;

/// Records copies into a command buffer: the way into private buffers and out of them.
///
/// Methods return nothing, as Metal's do. The first misuse is kept in [`error`](Self::error) and fails the
/// command buffer; whatever comes after it is not recorded.
#[derive(Debug)]
pub struct BlitCommandEncoder {
    encoder: Encoder,
}

impl BlitCommandEncoder {
    pub(crate) fn new(shared: Arc<Shared>, number: u64, error: Option<MetalError>) -> Self {
        Self { encoder: Encoder::new(shared, number, error) }
    }

    /// Copies `length` bytes from one place to another. Offsets and length are multiples of 4 bytes, as
    /// macOS wants them; the two must not overlap. No bytes are no error.
    pub fn copy_from_buffer(
        &self,
        source: &Buffer,
        source_offset: u64,
        destination: &Buffer,
        destination_offset: u64,
        length: u64,
    ) {
        let device = self.device().registry_id();
        self.encoder.encode(
            "copy_from_buffer",
            |state| state.copy(device, (source, source_offset), (destination, destination_offset), length),
            |raw, (), _| {
                if length > 0 {
                    raw.copy_buffer(
                        (source.raw(), source_offset),
                        (destination.raw(), destination_offset),
                        length,
                    );
                }
            },
        );
    }

    /// Sets `length` bytes from `offset` on to `value`. Both are multiples of 4 bytes, as macOS wants them.
    /// No bytes are no error.
    pub fn fill_buffer(&self, buffer: &Buffer, offset: u64, length: u64, value: u8) {
        let device = self.device().registry_id();
        self.encoder.encode(
            "fill_buffer",
            |state| state.fill(device, (buffer, offset), length),
            |raw, (), _| {
                if length > 0 {
                    raw.fill_buffer((buffer.raw(), offset), length, value);
                }
            },
        );
    }

    /// Ends the encoder. The command buffer can be committed, or another encoder opened, only then.
    pub fn end_encoding(&self) {
        self.encoder.end();
    }

    /// Gives the encoder a label, which errors and the device's tools show.
    pub fn set_label(&self, label: &str) {
        self.encoder.set_label(label);
    }

    /// Its label, if it has been given one, while the encoder is open.
    pub fn label(&self) -> Option<String> {
        self.encoder.label()
    }

    /// Opens a debug group around the commands that follow. Errors of theirs name it.
    pub fn push_debug_group(&self, group: &str) {
        self.encoder.push_debug_group(group);
    }

    /// Closes the debug group that was opened last.
    pub fn pop_debug_group(&self) {
        self.encoder.pop_debug_group();
    }

    /// Puts a text between the commands, for the device's tools.
    pub fn insert_debug_signpost(&self, text: &str) {
        self.encoder.insert_debug_signpost(text);
    }

    /// The first misuse of this encoder.
    pub fn error(&self) -> Option<MetalError> {
        self.encoder.error()
    }

    /// The device of the command buffer.
    pub fn device(&self) -> &Device {
        self.encoder.device()
    }
}

//! Blit command encoders: copies between buffers, which the device makes.

use std::ops::Deref;
use std::sync::Arc;

use super::buffer::Buffer;
use super::command_buffer::Shared;
use super::encoder::CommandEncoder;
use super::error::MetalError;

/// Records copies into a command buffer: the way into private buffers and out of them.
///
/// Methods return nothing, as Metal's do. The first misuse is kept in [`error`](CommandEncoder::error) and fails the
/// command buffer; whatever comes after it is not recorded.
#[derive(Debug)]
pub struct BlitCommandEncoder {
    encoder: CommandEncoder,
}

impl BlitCommandEncoder {
    pub(crate) fn new(shared: Arc<Shared>, number: u64, error: Option<MetalError>) -> Self {
        Self { encoder: CommandEncoder::new(shared, number, error) }
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
}

impl Deref for BlitCommandEncoder {
    type Target = CommandEncoder;

    fn deref(&self) -> &CommandEncoder {
        &self.encoder
    }
}

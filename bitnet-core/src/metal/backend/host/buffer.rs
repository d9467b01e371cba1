//! Buffers in the executor's memory.

use bitnet_simt::Memory;

use crate::metal::backend;
use crate::metal::label::Label;

/// Bytes that kernels and the host share, whatever the storage mode.
#[derive(Debug)]
pub(crate) struct Buffer {
    pub(crate) memory: Memory,
    /// What captures call it.
    pub(crate) label: Label,
}

impl Buffer {
    pub(crate) fn new(memory: Memory) -> Self {
        Self { memory, label: Label::default() }
    }
}

impl backend::Buffer for Buffer {
    fn read(&self, offset: u64, out: &mut [u8]) {
        self.memory.read_into(offset as usize, out).expect("the range was checked");
    }

    fn write(&self, offset: u64, bytes: &[u8]) {
        self.memory.write_bytes(offset as usize, bytes).expect("the range was checked");
    }

    fn set_label(&self, label: &str) {
        self.label.set(label);
    }
}

//! Buffers: memory that the host fills and kernels work on.

use std::sync::Arc;

use super::backend;
use super::error::MetalError;
use super::label::Label;
use super::resource_options::MTLResourceOptions;

/// Memory of a device. A clone is another handle to the same bytes.
///
/// Reading or writing a buffer while a command buffer that uses it runs gives unspecified values, as on
/// any GPU; wait for the command buffer first.
#[derive(Clone, Debug)]
pub struct Buffer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    device_id: u64,
    length: u64,
    options: MTLResourceOptions,
    label: Label,
    raw: Arc<dyn backend::Buffer>,
}

impl Buffer {
    pub(crate) fn new(
        device_id: u64,
        length: u64,
        options: MTLResourceOptions,
        raw: Arc<dyn backend::Buffer>,
    ) -> Self {
        Self { inner: Arc::new(Inner { device_id, length, options, label: Label::default(), raw }) }
    }

    /// Length in bytes.
    pub fn length(&self) -> u64 {
        self.inner.length
    }

    /// Where the bytes live.
    pub fn resource_options(&self) -> MTLResourceOptions {
        self.inner.options
    }

    /// Copies the bytes at `offset` (in bytes) to `out`, as many as it holds.
    ///
    /// # Errors
    /// If they do not all lie within the buffer, or its storage is private.
    pub fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), MetalError> {
        self.check_access(offset, out.len())?;
        self.inner.raw.read(offset, out);
        Ok(())
    }

    /// Overwrites the bytes at `offset` (in bytes).
    ///
    /// # Errors
    /// If they do not all lie within the buffer, or its storage is private. Nothing is written then.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), MetalError> {
        self.check_access(offset, bytes.len())?;
        self.inner.raw.write(offset, bytes);
        Ok(())
    }

    /// Gives it a label, which the device's tools show.
    pub fn set_label(&self, label: &str) {
        self.inner.label.set(label);
        self.inner.raw.set_label(label);
    }

    /// Its label, if it has been given one.
    pub fn label(&self) -> Option<String> {
        self.inner.label.get()
    }

    /// Whether both are handles to the same bytes.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    fn check_access(&self, offset: u64, length: usize) -> Result<(), MetalError> {
        if !self.inner.options.is_host_accessible() {
            return Err(MetalError::PrivateBuffer);
        }
        let (length, buffer_length) = (length as u64, self.length());
        match offset.checked_add(length) {
            Some(end) if end <= buffer_length => Ok(()),
            _ => Err(MetalError::BufferRange { offset, length, buffer_length }),
        }
    }

    pub(crate) fn device_id(&self) -> u64 {
        self.inner.device_id
    }

    pub(crate) fn raw(&self) -> &Arc<dyn backend::Buffer> {
        &self.inner.raw
    }
}

//! Buffers of Metal's.

use std::any::Any;
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::{Arc, PoisonError, RwLock};

use block2::RcBlock;
use objc2::rc::{Retained, autoreleasepool};
use objc2::runtime::ProtocolObject;
use objc2_foundation::{NSRange, NSString};
use objc2_metal::{MTLBuffer, MTLDevice, MTLResource, MTLResourceOptions, MTLStorageMode};

use crate::metal::backend;
use crate::metal::page_bytes::PageBytes;
use crate::metal::validation::MAX_INLINE_BYTES;

/// Memory that the GPU works on.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) raw: Retained<ProtocolObject<dyn MTLBuffer>>,
    /// Keeps the host's own threads from reading what another one writes.
    access: RwLock<()>,
}

// SAFETY: Metal's resources may be used by all threads. The bytes are reached only in `read` and `write`,
// which the lock keeps apart.
unsafe impl Send for Buffer {}
// SAFETY: As above.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// A buffer of `length` zero bytes, unless there is no memory for it.
    pub(super) fn new(
        device: &ProtocolObject<dyn MTLDevice>,
        length: usize,
        options: MTLResourceOptions,
    ) -> Option<Self> {
        let raw = autoreleasepool(|_| device.newBufferWithLength_options(length, options))?;
        Some(Self { raw, access: RwLock::new(()) })
    }

    /// A shared buffer of these bytes themselves, or the bytes if Metal makes none of them.
    pub(super) fn new_no_copy(
        device: &ProtocolObject<dyn MTLDevice>,
        mut bytes: PageBytes,
    ) -> Result<Self, Arc<PageBytes>> {
        let pages = bytes.as_pages_mut();
        let length = pages.len();
        let pointer = NonNull::from(pages).cast::<c_void>();
        let bytes = Arc::new(bytes);
        // What is captured lives as long as the block does, which the buffer keeps until it is deallocated.
        let kept = bytes.clone();
        let keep = RcBlock::new(move |_: NonNull<c_void>, _: usize| {
            let _ = &kept;
        });
        let options = MTLResourceOptions::StorageModeShared;
        // SAFETY: The pointer is that of whole pages, as Metal wants them. The block keeps them alive for as long as the
        // buffer uses them, and nobody reads them in another way meanwhile; so they are the buffer's alone.
        let raw = autoreleasepool(|_| unsafe {
            device.newBufferWithBytesNoCopy_length_options_deallocator(pointer, length, options, Some(&keep))
        });
        raw.map(|raw| Self { raw, access: RwLock::new(()) }).ok_or(bytes)
    }

    /// Memory of no meaning, for a parameter that is bound to nothing: Metal's API validation ends the process where an
    /// argument of a kernel is not bound, used or not.
    pub(super) fn placeholder(device: &ProtocolObject<dyn MTLDevice>) -> Option<Arc<Self>> {
        // The validation wants room for one element, which may be a struct.
        let length = MAX_INLINE_BYTES as usize;
        Self::new(device, length, MTLResourceOptions::StorageModeShared).map(Arc::new)
    }

    /// The buffer behind what this backend has made.
    pub(super) fn of(buffer: &Arc<dyn backend::Buffer>) -> &Self {
        let buffer: &dyn Any = buffer.as_ref();
        buffer.downcast_ref().expect("an object of another device is refused")
    }

    /// Whether host and GPU have a copy each.
    pub(super) fn is_managed(&self) -> bool {
        self.raw.storageMode() == MTLStorageMode::Managed
    }

    fn byte(&self, offset: u64) -> *mut u8 {
        let contents = self.raw.contents().cast::<u8>();
        // SAFETY: The offset lies within the buffer, whose memory is one allocation from `contents` on.
        unsafe { contents.as_ptr().add(offset as usize) }
    }
}

impl backend::Buffer for Buffer {
    fn read(&self, offset: u64, out: &mut [u8]) {
        let _reading = self.access.read().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: The range lies within the buffer, which the host may access; `out` is memory of its own.
        // No thread writes meanwhile. If the GPU does, which callers are told to wait for, the values are
        // unspecified, and every byte is one.
        unsafe { ptr::copy_nonoverlapping(self.byte(offset), out.as_mut_ptr(), out.len()) };
    }

    fn write(&self, offset: u64, bytes: &[u8]) {
        let _writing = self.access.write().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: As in `read`; the lock keeps other threads out altogether.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.byte(offset), bytes.len()) };
        if self.is_managed() {
            self.raw.didModifyRange(NSRange::new(offset as usize, bytes.len()));
        }
    }

    fn set_label(&self, label: &str) {
        autoreleasepool(|_| self.raw.setLabel(Some(&NSString::from_str(label))));
    }
}

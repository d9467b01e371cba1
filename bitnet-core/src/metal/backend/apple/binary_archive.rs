//! Binary archives of Metal's: machine code of pipelines.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use objc2::rc::{Retained, autoreleasepool};
use objc2::runtime::ProtocolObject;
use objc2_foundation::NSArray;
use objc2_metal::{
    MTLBinaryArchive, MTLBinaryArchiveDescriptor, MTLComputePipelineDescriptor, MTLComputePipelineState,
    MTLDevice, MTLPipelineOption,
};

use super::conv;
use crate::metal::backend;
use crate::metal::error::MetalError;
use crate::metal::sync::lock;

/// An archive. Metal does not say that threads may use one together, so they take turns.
#[derive(Debug)]
pub(super) struct BinaryArchive {
    /// None on a device that has no archives.
    raw: Option<Mutex<Raw>>,
    has_changed: AtomicBool,
    /// Metal could not write it once, and will not be able to later.
    is_given_up: AtomicBool,
}

#[derive(Debug)]
struct Raw(Retained<ProtocolObject<dyn MTLBinaryArchive>>);

// SAFETY: An archive belongs to no thread; the mutex around it lets one use it at a time.
unsafe impl Send for Raw {}

impl BinaryArchive {
    /// One that stays empty.
    pub(super) fn none() -> Self {
        Self { raw: None, has_changed: AtomicBool::new(false), is_given_up: AtomicBool::new(true) }
    }

    /// What the file holds; nothing if there is no file, or Metal cannot use it here.
    pub(super) fn open(device: &ProtocolObject<dyn MTLDevice>, path: &Path) -> Result<Self, MetalError> {
        let failed = |reason| MetalError::BinaryArchive { path: path.to_owned(), reason };
        let raw = autoreleasepool(|_| {
            let descriptor = MTLBinaryArchiveDescriptor::new();
            if path.exists() {
                descriptor.setUrl(Some(&*conv::file_url(path)?));
                match device.newBinaryArchiveWithDescriptor_error(&descriptor) {
                    Ok(archive) => return Ok(archive),
                    Err(error) => {
                        let reason = conv::text(&error);
                        tracing::warn!(path = %path.display(), "a binary archive is made anew: {reason}");
                    }
                }
                descriptor.setUrl(None);
            }
            device.newBinaryArchiveWithDescriptor_error(&descriptor).map_err(|error| conv::text(&error))
        });
        let raw = Some(Mutex::new(Raw(raw.map_err(failed)?)));
        Ok(Self { raw, has_changed: AtomicBool::new(false), is_given_up: AtomicBool::new(false) })
    }

    /// The pipeline of a descriptor, made by `make` of what is here, else from scratch and then put here.
    pub(super) fn find_or_add(
        &self,
        descriptor: &MTLComputePipelineDescriptor,
        make: impl Fn(MTLPipelineOption) -> Result<Retained<ProtocolObject<dyn MTLComputePipelineState>>, String>,
    ) -> Result<Retained<ProtocolObject<dyn MTLComputePipelineState>>, String> {
        let Some(raw) = &self.raw else { return make(MTLPipelineOption::None) };
        let Raw(raw) = &*lock(raw);
        descriptor.setBinaryArchives(Some(&NSArray::from_slice(&[&**raw])));
        if let Ok(found) = make(MTLPipelineOption::FailOnBinaryArchiveMiss) {
            return Ok(found);
        }
        descriptor.setBinaryArchives(None);
        let made = make(MTLPipelineOption::None)?;
        if self.is_given_up.load(Ordering::Relaxed) {
            return Ok(made);
        }
        match raw.addComputePipelineFunctionsWithDescriptor_error(descriptor) {
            Ok(()) => self.has_changed.store(true, Ordering::Relaxed),
            Err(error) => tracing::warn!("a pipeline is not archived: {}", conv::text(&error)),
        }
        Ok(made)
    }
}

impl backend::BinaryArchive for BinaryArchive {
    fn has_changed(&self) -> bool {
        self.has_changed.load(Ordering::Relaxed)
    }

    fn write_to(&self, path: &Path) -> Result<(), MetalError> {
        let Some(raw) = &self.raw else { return Ok(()) };
        // No pipeline is added between the flag and the writing.
        let Raw(raw) = &*lock(raw);
        let written = autoreleasepool(|_| {
            let url = conv::file_url(path)?;
            raw.serializeToURL_error(&url).map_err(|error| conv::text(&error))
        });
        written.map_err(|reason| {
            self.is_given_up.store(true, Ordering::Relaxed);
            MetalError::BinaryArchive { path: path.to_owned(), reason }
        })?;
        self.has_changed.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn not_kept(&self) {
        self.has_changed.store(!self.is_given_up.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

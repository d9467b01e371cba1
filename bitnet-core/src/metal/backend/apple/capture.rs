//! Captures of a device's commands, for Xcode to show.

use std::path::Path;

use objc2::rc::{Retained, autoreleasepool};
use objc2::runtime::ProtocolObject;
use objc2_metal::{MTLCaptureDescriptor, MTLCaptureDestination, MTLCaptureManager, MTLDevice};

use super::conv;
use crate::metal::backend;
use crate::metal::error::MetalError;

/// What Metal wants before it captures.
const NOT_ENABLED: &str = "run the process with MTL_CAPTURE_ENABLED=1 in its environment (before macOS 14, \
                           METAL_CAPTURE_ENABLED=1), and make no log state in it";

/// A capture that runs.
#[derive(Debug)]
pub(super) struct Capture {
    manager: Retained<MTLCaptureManager>,
}

impl Capture {
    /// Begins to capture into a `.gputrace` document.
    pub(super) fn start(device: &ProtocolObject<dyn MTLDevice>, path: &Path) -> Result<Self, MetalError> {
        let started = autoreleasepool(|_| {
            // SAFETY: The manager may be asked for at any time; what Metal makes of captures from several
            // threads at once is decided by itself, under its own locks.
            let manager = unsafe { MTLCaptureManager::sharedCaptureManager() };
            let destination = MTLCaptureDestination::GPUTraceDocument;
            if !manager.supportsDestination(destination) {
                return Err(NOT_ENABLED.to_owned());
            }
            if manager.isCapturing() {
                return Err("another capture is running".to_owned());
            }
            let descriptor = MTLCaptureDescriptor::new();
            descriptor.set_capture_device(device);
            descriptor.setDestination(destination);
            descriptor.setOutputURL(Some(&*conv::file_url(path)?));
            manager.startCaptureWithDescriptor_error(&descriptor).map_err(|error| conv::text(&error))?;
            Ok(Self { manager })
        });
        started.map_err(|reason| MetalError::CaptureFailed { path: path.to_owned(), reason })
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        autoreleasepool(|_| self.manager.stopCapture());
    }
}

impl backend::Capture for Capture {
    fn finish(self: Box<Self>) -> Result<(), MetalError> {
        // Dropping it stops the capture.
        Ok(())
    }
}

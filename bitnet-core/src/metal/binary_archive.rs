//! Binary archives: the code of pipelines, kept in a file, so that it is not generated again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::backend;
use super::error::MetalError;
use super::sync::lock;

/// The code that a device has made of kernels: `MTLBinaryArchive`. A pipeline that is made
/// [with one](super::ComputePipelineDescriptor::binary_archive) takes its code from there, or adds it. A clone is
/// another handle to the same archive.
///
/// Where a device has [no archives](super::DeviceLimits::binary_archives) it stays empty and writes no file.
#[derive(Clone, Debug)]
pub struct BinaryArchive {
    device_id: u64,
    path: PathBuf,
    raw: Arc<dyn backend::BinaryArchive>,
    /// Held while it is saved: an older content must not take the place of a newer one.
    saving: Arc<Mutex<()>>,
}

impl BinaryArchive {
    pub(crate) fn new(device_id: u64, path: &Path, raw: Arc<dyn backend::BinaryArchive>) -> Self {
        Self { device_id, path: path.to_owned(), raw, saving: Arc::default() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the archive to its file if it has code that the file does not have. The file is written beside
    /// its place and renamed, so that whoever reads it finds all of it or the one before. Returns whether
    /// there was something to write.
    ///
    /// # Errors
    /// [`MetalError::BinaryArchive`] if the file cannot be written.
    pub fn save(&self) -> Result<bool, MetalError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let _saving = lock(&self.saving);
        if !self.raw.has_changed() {
            return Ok(false);
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let beside = self.path.with_extension(format!("{}-{number}.tmp", process::id()));
        let failed = |error: std::io::Error| self.failed(format!("it cannot be written: {error}"));
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let written = self.raw.write_to(&beside);
        let renamed = written.and_then(|()| fs::rename(&beside, &self.path).map_err(failed));
        if renamed.is_err() {
            self.raw.not_kept();
            // Nothing may be left; that there may be nothing to remove is no news.
            let _ = fs::remove_file(&beside);
        }
        renamed.map(|()| true)
    }

    fn failed(&self, reason: String) -> MetalError {
        MetalError::BinaryArchive { path: self.path.clone(), reason }
    }

    pub(crate) fn device_id(&self) -> u64 {
        self.device_id
    }

    pub(crate) fn raw(&self) -> &Arc<dyn backend::BinaryArchive> {
        &self.raw
    }
}

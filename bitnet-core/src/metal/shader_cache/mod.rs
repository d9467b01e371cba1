//! Compiled shaders on disk, so that a process need not compile what another one has compiled before.
//!
//! A cache is a directory. Each compiled shader is a file of its own, named by the [`CacheKey`]: a hash of all that the
//! compilation depends on. Nobody holds a lock: files are written to a temporary name beside their place and
//! renamed, and the last of several writers of a key wins, all of whom wrote the same.
//!
//! **Invariant:** a file of the cache is whole or not there, whatever kills its writer.
//!
//! **Invariant:** what is read is not believed: entries have a checksum and say which key they are for, and the backend
//! verifies the code in them. What does not hold is compiled again and written over.
//!
//! **Invariant:** a cache that cannot be used makes nothing fail. It is slower, and one warning says so.

mod entry;
mod housekeeping;
mod key;
mod place;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

pub use entry::EntryFault;
pub(crate) use entry::Label;
pub use housekeeping::{CacheEntry, Cleared, EntryState};
pub use key::CacheKey;
pub use place::CACHE_DIRECTORY_VARIABLE;

/// Compiled shaders in a directory. Any number of these, in any number of processes, may share the directory.
#[derive(Debug)]
pub struct ShaderCache {
    directory: PathBuf,
    limit_bytes: u64,
    /// A write has failed, and a warning has said so.
    gave_up: AtomicBool,
}

impl ShaderCache {
    /// Most bytes that the files of a cache may have together; the oldest ones make room for new ones.
    pub const LIMIT_BYTES: u64 = 64 << 20;

    /// A cache in this directory, which is made when there is something to keep.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), limit_bytes: Self::LIMIT_BYTES, gave_up: AtomicBool::new(false) }
    }

    /// The cache that is used where no directory is given: `BITNET_CACHE_DIR` if it is set, else `bitnet-rust/shaders` in
    /// the user's cache directory (Linux: `$XDG_CACHE_HOME` or `~/.cache`, macOS: `~/Library/Caches`, Windows:
    /// `%LOCALAPPDATA%`). `None` if the user has none.
    pub fn of_the_user() -> Option<Self> {
        place::of_the_user().map(Self::at)
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What there is for a key; `None` if there is nothing.
    ///
    /// # Errors
    /// If there is something that cannot be believed.
    pub(crate) fn load(&self, key: &CacheKey) -> Result<Option<Vec<u8>>, EntryFault> {
        let bytes = match read_bounded(&self.entry_path(key)) {
            Ok(bytes) => bytes,
            Err(EntryFault::Unreadable(io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)) => {
                return Ok(None);
            }
            Err(fault) => return Err(fault),
        };
        Ok(Some(entry::parse(&bytes, key)?.to_vec()))
    }

    /// Keeps an artifact. If that fails, a warning says so, once, and nothing more is written.
    pub(crate) fn store(&self, key: &CacheKey, label: &Label, artifact: &[u8]) {
        if self.gave_up.load(Ordering::Relaxed) {
            return;
        }
        // Somebody who clears the cache may have removed the unfinished file.
        let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let written = match self.write(key, label, artifact) {
            Err(error) if gone(&error) => self.write(key, label, artifact),
            written => written,
        };
        match written {
            Ok(()) => self.tidy(&self.entry_path(key)),
            Err(error) => {
                if !self.gave_up.swap(true, Ordering::Relaxed) {
                    let directory = self.directory.display();
                    tracing::warn!(
                        "compiled shaders cannot be kept in '{directory}', going on without: {error}"
                    );
                }
            }
        }
    }

    /// Keeps the directory within its limits; what has just been written stays.
    pub(crate) fn tidy(&self, just_written: &Path) {
        housekeeping::tidy(&self.directory, self.limit_bytes, just_written);
    }

    /// Where the archive of pipelines for a key is: a file that a backend writes itself. It is listed, cleared and
    /// counted with the entries.
    pub fn archive_path(&self, key: &CacheKey) -> PathBuf {
        self.directory.join(format!("{key}{}", housekeeping::ARCHIVE_SUFFIX))
    }

    /// Where the entry for a key is, if there is one.
    pub fn entry_path(&self, key: &CacheKey) -> PathBuf {
        self.directory.join(format!("{key}{}", housekeeping::ENTRY_SUFFIX))
    }

    /// The cache's files, by name.
    ///
    /// # Errors
    /// If the directory is there and cannot be read.
    pub fn entries(&self) -> io::Result<Vec<CacheEntry>> {
        housekeeping::entries(&self.directory)
    }

    /// Removes the cache's files and nothing else: other files stay, and so does the directory.
    ///
    /// # Errors
    /// If the directory cannot be read, or a file cannot be removed.
    pub fn clear(&self) -> io::Result<Cleared> {
        housekeeping::clear(&self.directory)
    }

    fn write(&self, key: &CacheKey, label: &Label, artifact: &[u8]) -> io::Result<()> {
        std::fs::create_dir_all(&self.directory)?;
        let mut file = tempfile::Builder::new()
            .prefix(housekeeping::UNFINISHED_PREFIX)
            .suffix(housekeeping::UNFINISHED_SUFFIX)
            .tempfile_in(&self.directory)?;
        // Not synchronised to the disk: should the power fail, the checksum tells.
        file.write_all(&entry::header(key, label, artifact))?;
        file.write_all(artifact)?;
        let path = self.entry_path(key);
        match file.persist(&path) {
            Ok(_) => Ok(()),
            // Windows refuses to replace a file that somebody is reading. What is there says the same.
            Err(_) if cfg!(windows) && path.exists() => Ok(()),
            Err(error) => Err(error.error),
        }
    }
}

/// The bytes of a file that has no more of them than an entry may have.
fn read_bounded(path: &Path) -> Result<Vec<u8>, EntryFault> {
    let unreadable = |error: io::Error| EntryFault::Unreadable(error.kind());
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(entry::MAX_ENTRY_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > entry::MAX_ENTRY_BYTES { Err(EntryFault::TooLong) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests;

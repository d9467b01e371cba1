//! Files that are there whole or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Puts `bytes` at `path`: written to a temporary file beside it, forced to the disk, then renamed.
///
/// # Errors
/// What the file system says. Whatever was at `path` before is still there then.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    written_beside(path, bytes)?.persist(path)?;
    Ok(())
}

/// As [`write()`], where nothing is yet.
///
/// # Errors
/// What the file system says; that there is something at `path`.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    written_beside(path, bytes)?.persist_noclobber(path)?;
    Ok(())
}

/// Whether [`write()`] could put a file at `path` later: asked before hours of work, not after.
///
/// # Errors
/// If `path` is a directory, or its directory does not exist or may not be written.
pub fn check_destination(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    temporary_beside(path)?.close()
}

fn written_beside(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = temporary_beside(path)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    // Opened here, not by `tempfile`, whose files only their owner may read: a model has the rights of any
    // new file.
    tempfile::Builder::new()
        .prefix(".bitnet-")
        .make_in(directory, |path| File::options().write(true).create_new(true).open(path))
}

//! The directory as a whole: listing, clearing, keeping it small.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::entry::{self, EntryFault, Label};

/// Ends the names of entries, after the key.
pub(super) const ENTRY_SUFFIX: &str = ".bitnet-shader";
/// Ends the names of archives of pipelines, after the key.
pub(super) const ARCHIVE_SUFFIX: &str = ".bitnet-archive";
/// Begins and ends the names of files that are being written.
pub(super) const UNFINISHED_PREFIX: &str = ".bitnet-";
pub(super) const UNFINISHED_SUFFIX: &str = ".unfinished";
/// Ends the names of archives that are being written, after the key and a number:
/// [`BinaryArchive::save`](crate::metal::BinaryArchive::save).
const UNFINISHED_ARCHIVE_SUFFIX: &str = ".tmp";

/// A file that has been unfinished for longer than this was left behind by a process that ended.
const ABANDONED_AFTER: Duration = Duration::from_secs(60 * 60);

/// A file of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheEntry {
    /// The file.
    pub path: PathBuf,
    /// What is in it.
    pub state: EntryState,
    /// Its length.
    pub size_bytes: u64,
    /// When it was written, if the file system says.
    pub written: Option<SystemTime>,
}

/// What a file of a cache is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryState {
    /// A compiled shader.
    Valid {
        /// The shader's name.
        shader: String,
        /// How it was compiled, in a line.
        options: String,
    },
    /// An archive of pipelines, which only the GPU's driver can read.
    Archive,
    /// A compiled shader that will be compiled again and written over.
    Faulty(EntryFault),
    /// A file that is being written, or whose writer was killed.
    Unfinished,
}

/// What [`ShaderCache::clear`](super::ShaderCache::clear) has removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Cleared {
    /// Files removed.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// What a file's name says it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Entry,
    Archive,
    Unfinished,
}

struct OwnFile {
    path: PathBuf,
    kind: Kind,
    size_bytes: u64,
    written: Option<SystemTime>,
}

pub(super) fn entries(directory: &Path) -> io::Result<Vec<CacheEntry>> {
    let entry = |file: OwnFile| {
        let state = match file.kind {
            Kind::Entry => state_of_entry(&file.path),
            Kind::Archive => EntryState::Archive,
            Kind::Unfinished => EntryState::Unfinished,
        };
        CacheEntry { path: file.path, state, size_bytes: file.size_bytes, written: file.written }
    };
    Ok(own_files(directory)?.into_iter().map(entry).collect())
}

pub(super) fn clear(directory: &Path) -> io::Result<Cleared> {
    let mut cleared = Cleared::default();
    for file in own_files(directory)? {
        match fs::remove_file(&file.path) {
            Ok(()) => {
                cleared.files += 1;
                cleared.bytes += file.size_bytes;
            }
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(cleared)
}

/// Removes abandoned files, and the oldest ones beyond the limit; never the one just written. Whatever cannot be
/// removed stays: another process may have it open, or have removed it.
pub(super) fn tidy(directory: &Path, limit_bytes: u64, just_written: &Path) {
    let Ok(mut files) = own_files(directory) else { return };
    files.retain(|file| {
        let age = file.written.and_then(|written| written.elapsed().ok());
        let abandoned = file.kind == Kind::Unfinished && age.is_some_and(|age| age > ABANDONED_AFTER);
        !(abandoned && fs::remove_file(&file.path).is_ok())
    });
    let mut total: u64 = files.iter().map(|file| file.size_bytes).sum();
    files.retain(|file| file.kind != Kind::Unfinished && file.path != just_written);
    files.sort_by_key(|file| file.written);
    for file in files {
        if total <= limit_bytes {
            return;
        }
        if fs::remove_file(&file.path).is_ok() {
            total -= file.size_bytes;
        }
    }
}

fn state_of_entry(path: &Path) -> EntryState {
    let inspect = || {
        let bytes = super::read_bounded(path)?;
        let (key, Label { shader, options }, artifact) = entry::parse_any(&bytes)?;
        let name = path.file_name().and_then(|name| name.to_str());
        if name != Some(format!("{key}{ENTRY_SUFFIX}").as_str()) {
            return Err(EntryFault::OtherKey);
        }
        let decoded = bitnet_msl::artifact::decode(artifact);
        decoded.map_err(|error| EntryFault::Artifact(error.to_string()))?;
        Ok(EntryState::Valid { shader, options })
    };
    inspect().unwrap_or_else(EntryState::Faulty)
}

/// The directory's files that have names as this module gives them, by name. A directory that is not there has none.
fn own_files(directory: &Path) -> io::Result<Vec<OwnFile>> {
    let listed = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed?,
    };
    let mut files = Vec::new();
    for item in listed {
        let item = item?;
        let Some(kind) = item.file_name().to_str().and_then(kind_of) else { continue };
        // One that has gone since is not listed. Links are not followed, and so not ours.
        let Ok(metadata) = item.metadata() else { continue };
        if metadata.is_file() {
            let (size_bytes, written) = (metadata.len(), metadata.modified().ok());
            files.push(OwnFile { path: item.path(), kind, size_bytes, written });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn kind_of(name: &str) -> Option<Kind> {
    let is_key =
        |text: &str| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if name.strip_suffix(ENTRY_SUFFIX).is_some_and(is_key) {
        return Some(Kind::Entry);
    }
    if name.strip_suffix(ARCHIVE_SUFFIX).is_some_and(is_key) {
        return Some(Kind::Archive);
    }
    let is_entry = name.starts_with(UNFINISHED_PREFIX) && name.ends_with(UNFINISHED_SUFFIX);
    let is_archive =
        name.ends_with(UNFINISHED_ARCHIVE_SUFFIX) && name.split_once('.').is_some_and(|(key, _)| is_key(key));
    (is_entry || is_archive).then_some(Kind::Unfinished)
}

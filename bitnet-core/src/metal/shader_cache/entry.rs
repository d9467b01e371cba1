//! The file of an entry: magic, format, key, checksum, label, artifact.

use std::io;

use super::key::CacheKey;
use crate::metal::compile_options::CompileOptions;

/// First bytes of every entry.
const MAGIC: [u8; 8] = *b"BITNETSH";

/// Version of the layout of the file.
pub(super) const FORMAT: u32 = 1;

/// Longest entry that is read: an artifact, and room for header and label.
pub(super) const MAX_ENTRY_BYTES: usize = bitnet_msl::artifact::MAX_ARTIFACT_BYTES + (1 << 20);

/// Bytes up to the label.
const HEADER_BYTES: usize = MAGIC.len() + 4 + CacheKey::BYTES + blake3::OUT_LEN;

/// What people are told about an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    /// The shader's name.
    pub(crate) shader: String,
    /// How it was compiled, in a line.
    pub(crate) options: String,
}

impl Label {
    pub(crate) fn new(shader: &str, options: &CompileOptions) -> Self {
        let CompileOptions { language_version, fast_math, defines, optimization_level, debug_info, .. } =
            options;
        let mut text = format!("MSL {language_version}, {}", optimization_level.name());
        text.push_str(if *fast_math { ", fast math" } else { ", exact math" });
        text.push_str(if *debug_info { ", lines" } else { ", no lines" });
        for (name, body) in defines.iter() {
            text.push_str(&format!(", {name}={body}"));
        }
        Self { shader: shader.to_owned(), options: text }
    }
}

/// Why a file is not the entry that it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryFault {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(io::ErrorKind),
    /// The first bytes are not those of an entry, or there are too few.
    #[error("it is not an entry of a shader cache, or only a part of one")]
    NotAnEntry,
    /// It was written in another format.
    #[error("it has format {found}, not {FORMAT}")]
    Format {
        /// The format.
        found: u32,
    },
    /// It is longer than any entry.
    #[error("it is longer than any entry")]
    TooLong,
    /// It is for another compilation than its name says.
    #[error("it is the entry of another shader")]
    OtherKey,
    /// It has changed since it was written.
    #[error("its checksum does not match")]
    Checksum,
    /// What it holds is not a compiled shader that this version can run.
    #[error("{0}")]
    Artifact(String),
}

/// All of an entry but the artifact.
pub(super) fn header(key: &CacheKey, label: &Label, artifact: &[u8]) -> Vec<u8> {
    let label = label_bytes(label);
    let mut checksum = blake3::Hasher::new();
    checksum.update(&label).update(artifact);
    let mut bytes = Vec::with_capacity(HEADER_BYTES + label.len());
    bytes.extend(MAGIC);
    bytes.extend(FORMAT.to_le_bytes());
    bytes.extend(key.as_bytes());
    bytes.extend(checksum.finalize().as_bytes());
    bytes.extend(label);
    bytes
}

fn label_bytes(label: &Label) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in [&label.shader, &label.options] {
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes
}

/// The artifact of an entry for this key.
pub(super) fn parse<'a>(bytes: &'a [u8], key: &CacheKey) -> Result<&'a [u8], EntryFault> {
    let (found, _, artifact) = parse_any(bytes)?;
    if found == *key { Ok(artifact) } else { Err(EntryFault::OtherKey) }
}

/// Key, label and artifact of an entry.
pub(super) fn parse_any(bytes: &[u8]) -> Result<(CacheKey, Label, &[u8]), EntryFault> {
    let mut rest = bytes;
    if take::<8>(&mut rest)? != MAGIC {
        return Err(EntryFault::NotAnEntry);
    }
    let format = u32::from_le_bytes(take(&mut rest)?);
    if format != FORMAT {
        return Err(EntryFault::Format { found: format });
    }
    let key = CacheKey::from_bytes(take(&mut rest)?);
    let checksum: [u8; blake3::OUT_LEN] = take(&mut rest)?;
    if blake3::hash(rest) != checksum {
        return Err(EntryFault::Checksum);
    }
    let label = Label { shader: take_text(&mut rest)?, options: take_text(&mut rest)? };
    Ok((key, label, rest))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], EntryFault> {
    let (taken, after) = rest.split_first_chunk::<N>().ok_or(EntryFault::NotAnEntry)?;
    *rest = after;
    Ok(*taken)
}

fn take_text(rest: &mut &[u8]) -> Result<String, EntryFault> {
    let length = u32::from_le_bytes(take(rest)?);
    let (taken, after) = rest.split_at_checked(length as usize).ok_or(EntryFault::NotAnEntry)?;
    *rest = after;
    String::from_utf8(taken.to_vec()).map_err(|_| EntryFault::NotAnEntry)
}

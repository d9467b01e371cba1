//! Artifacts: verified modules as bytes, to be kept between runs.
//!
//! An artifact is a header (magic, format, [`COMPILER`], length, BLAKE3 checksum) and a payload: the module and the
//! warnings of its compilation. What [`reflect`](crate::reflect) says follows from the module and is not kept.
//!
//! **Invariant:** nothing in an artifact is believed. Any bytes end in a module that [`verify`](crate::ir::verify) has
//! accepted, or in an [`ArtifactError`]: never a panic, never a hang, and memory in proportion to their length, which is
//! bounded by [`MAX_ARTIFACT_BYTES`]. Nothing is reserved because the bytes say that much will come.

pub(crate) mod body;

use serde::{Deserialize, Serialize};

use crate::COMPILER;
use crate::ir::Module;
use crate::ir::verify::{VerifyError, verify};

/// First bytes of every artifact.
const MAGIC: [u8; 8] = *b"MSL-IR\r\n";

/// Version of the layout of header and payload. What the payload means is said by [`COMPILER`].
pub const FORMAT: u32 = 1;

/// Longest artifact that is written or read. A longer module is compiled each time.
pub const MAX_ARTIFACT_BYTES: usize = 16 << 20;

const CHECKSUM_BYTES: usize = blake3::OUT_LEN;

/// A module that was compiled before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Artifact {
    /// The module.
    pub module: Module,
    /// The warnings of its compilation, as text; empty if there were none.
    pub warnings: String,
}

/// Why bytes are not an artifact, or a module cannot become one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// The first bytes are not those of an artifact, or there are too few.
    #[error("this is not an artifact")]
    NotAnArtifact,
    /// It was written in another format.
    #[error("the artifact has format {found}, not {FORMAT}")]
    Format {
        /// The format.
        found: u32,
    },
    /// It was written by another compiler.
    #[error("the artifact was written by compiler {found}, not {COMPILER}")]
    Compiler {
        /// The other compiler's [`COMPILER`].
        found: String,
    },
    /// The payload is shorter or longer than the header says.
    #[error("the artifact has {found} bytes of payload, its header says {expected}")]
    Length {
        /// Bytes that are there.
        found: u64,
        /// Bytes that should be there.
        expected: u64,
    },
    /// It is longer than [`MAX_ARTIFACT_BYTES`].
    #[error("the artifact has more than {MAX_ARTIFACT_BYTES} bytes")]
    TooLong,
    /// The payload has changed since it was written.
    #[error("the artifact's checksum does not match")]
    Checksum,
    /// The payload is no module: an unknown op, a block without end, bytes left over.
    #[error("the artifact's payload is not a module")]
    Malformed,
    /// Blocks of the module are too deep within each other to be read back.
    #[error("a function has more than {} blocks within each other", body::MAX_DEPTH)]
    TooDeep,
    /// The module breaks a rule of the IR.
    #[error("the artifact's module is refused: {0}")]
    Refused(#[from] VerifyError),
}

/// The artifact of a module with the warnings of its compilation.
///
/// # Errors
/// [`ArtifactError::TooLong`] or [`ArtifactError::TooDeep`]; such a module has to be compiled again.
pub fn encode(module: &Module, warnings: &str) -> Result<Vec<u8>, ArtifactError> {
    if module.functions.iter().any(|function| body::depth(&function.body) > body::MAX_DEPTH) {
        return Err(ArtifactError::TooDeep);
    }
    let payload = postcard::to_allocvec(&(module, warnings)).map_err(|_| ArtifactError::Malformed)?;
    let artifact = seal(&payload);
    if artifact.len() > MAX_ARTIFACT_BYTES { Err(ArtifactError::TooLong) } else { Ok(artifact) }
}

/// The module of an artifact, once the verifier has accepted it.
///
/// # Errors
/// Any [`ArtifactError`] but [`ArtifactError::TooDeep`].
pub fn decode(bytes: &[u8]) -> Result<Artifact, ArtifactError> {
    let (artifact, rest) =
        postcard::take_from_bytes::<Artifact>(payload(bytes)?).map_err(|_| ArtifactError::Malformed)?;
    if !rest.is_empty() {
        return Err(ArtifactError::Malformed);
    }
    verify(&artifact.module)?;
    Ok(artifact)
}

/// Puts a header before a payload. The header then holds, whatever the payload is: with this, tests get past the
/// checksum to what stands behind it.
pub fn seal(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + 128);
    bytes.extend(MAGIC);
    bytes.extend(FORMAT.to_le_bytes());
    bytes.push(COMPILER.len() as u8);
    bytes.extend(COMPILER.as_bytes());
    bytes.extend((payload.len() as u64).to_le_bytes());
    bytes.extend(blake3::hash(payload).as_bytes());
    bytes.extend(payload);
    bytes
}

/// The payload of an artifact whose header holds.
///
/// # Errors
/// Any [`ArtifactError`] that is about the header.
pub fn payload(bytes: &[u8]) -> Result<&[u8], ArtifactError> {
    if bytes.len() > MAX_ARTIFACT_BYTES {
        return Err(ArtifactError::TooLong);
    }
    let mut header = Header(bytes);
    if header.take::<8>()? != MAGIC {
        return Err(ArtifactError::NotAnArtifact);
    }
    let format = u32::from_le_bytes(header.take()?);
    if format != FORMAT {
        return Err(ArtifactError::Format { found: format });
    }
    let [length] = header.take::<1>()?;
    let compiler = header.split(length.into())?;
    if compiler != COMPILER.as_bytes() {
        return Err(ArtifactError::Compiler { found: String::from_utf8_lossy(compiler).into_owned() });
    }
    let expected = u64::from_le_bytes(header.take()?);
    let checksum: [u8; CHECKSUM_BYTES] = header.take()?;
    let Header(payload) = header;
    let found = payload.len() as u64;
    if found != expected {
        return Err(ArtifactError::Length { found, expected });
    }
    if blake3::hash(payload) != checksum { Err(ArtifactError::Checksum) } else { Ok(payload) }
}

/// What is left of a header.
struct Header<'a>(&'a [u8]);

impl<'a> Header<'a> {
    fn split(&mut self, count: usize) -> Result<&'a [u8], ArtifactError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(ArtifactError::NotAnArtifact)?;
        self.0 = rest;
        Ok(taken)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ArtifactError> {
        let taken = self.split(N)?;
        Ok(taken.try_into().expect("as many bytes as were split off"))
    }
}

#[cfg(test)]
mod tests;

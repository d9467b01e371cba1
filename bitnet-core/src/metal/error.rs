//! Errors of the API: it was misused, a shader cannot be used, or the device failed.
//!
//! **Invariant:** what is wrong *with* a shader is a [`Diagnostic`](bitnet_msl::diag::Diagnostic), what
//! went wrong *while one ran* is a [`Trap`]; an error of this module carries either, and is neither.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bitnet_simt::Trap;

use super::kernels::MAX_EXTENT;
use super::label::Place;
use super::names::KnownNames;
use super::validation::ValidationError;

/// What a call of the API can end in. A clone is cheap, so that a command buffer can give its error to
/// everybody who asks.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetalError {
    /// There is no Metal GPU, or none that this build can use.
    #[error("no Metal device: {reason}")]
    NoMetalDevice {
        /// Why there is none.
        reason: String,
    },
    /// An environment variable has a value that it does not take.
    #[error("environment variable {variable} is '{value}', which is not one of: {expected}")]
    BadEnvironment {
        /// The variable.
        variable: &'static str,
        /// What it is set to.
        value: String,
        /// What it may be set to.
        expected: &'static str,
    },

    /// A buffer of no bytes was asked for; Metal has none.
    #[error("a buffer cannot have a length of zero bytes")]
    EmptyBuffer,
    /// A buffer longer than the device allows was asked for.
    #[error("a buffer of {length} bytes is longer than the {limit} bytes that the device allows")]
    BufferTooLong {
        /// Bytes asked for.
        length: u64,
        /// Most bytes that one buffer may have.
        limit: u64,
    },
    /// There is no memory left for a buffer.
    #[error("there is no memory for a buffer of {length} bytes")]
    OutOfMemory {
        /// Bytes asked for.
        length: u64,
    },
    /// A read or write by the host that does not lie within the buffer.
    #[error("{length} bytes at offset {offset} do not lie within a buffer of {buffer_length} bytes")]
    BufferRange {
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
        /// Length of the buffer in bytes.
        buffer_length: u64,
    },
    /// The host read or wrote a buffer that only the device can access.
    #[error("a buffer with private storage cannot be read or written by the host")]
    PrivateBuffer,
    /// A buffer was read as elements that do not fill it.
    #[error(
        "a buffer of {buffer_length} bytes does not hold a whole number of elements of {element_size} bytes"
    )]
    ElementSize {
        /// Length of the buffer in bytes.
        buffer_length: u64,
        /// Size of an element in bytes.
        element_size: usize,
    },

    /// A log state was asked for with a buffer of a size that Metal does not allow.
    #[error("a log state's buffer of {size} bytes has not between 1 KB and 1 GB")]
    LogBufferSize {
        /// Bytes asked for.
        size: u64,
    },
    /// A log state was asked of a device that does not hand on what shaders log.
    #[error("the device '{device}' does not hand on what shaders log: {reason}")]
    LoggingUnavailable {
        /// The device's name.
        device: String,
        /// Why not.
        reason: String,
    },

    /// No shader has this name.
    #[error("Shader '{shader}' not found{known}")]
    ShaderNotFound {
        /// The name asked for.
        shader: String,
        /// The shaders there are.
        known: KnownNames,
    },
    /// The shader has no kernel of this name.
    #[error("Function '{function}' not found in shader '{shader}'{known}")]
    FunctionNotFound {
        /// The name asked for.
        function: String,
        /// The shader, or the name of the library.
        shader: String,
        /// The functions there are.
        known: KnownNames,
    },
    /// The shader's text is wrong.
    #[error("Failed to compile shader '{shader}': {message}\n{report}")]
    CompilationFailed {
        /// The shader.
        shader: String,
        /// The first error in one line.
        message: String,
        /// All diagnostics, with the source lines that they are about.
        report: String,
    },
    /// A function cannot be made into a pipeline.
    #[error("Failed to create pipeline for function '{function}': {reason}")]
    PipelineFailed {
        /// The function.
        function: String,
        /// Why not.
        reason: String,
    },
    /// A shader directory, or a file in it, cannot be read.
    #[error("cannot read shaders from '{}': {source}", path.display())]
    ShaderDirectory {
        /// The directory or file.
        path: PathBuf,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// Files of the shader cache cannot be removed.
    #[error("cannot clear the shader cache '{}': {source}", path.display())]
    ShaderCache {
        /// Its directory.
        path: PathBuf,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// What a launch by the kernel table was given does not meet the contract of the kernel's row.
    #[error("kernel '{kernel}': {reason}")]
    KernelContract {
        /// The kernel.
        kernel: String,
        /// What is missing or too short.
        reason: String,
    },

    /// [`get_global_shaders`](crate::metal::get_global_shaders) before anybody has made them.
    #[error("there are no global shaders yet; call initialize_global_shaders(device) first")]
    NoGlobalShaders,
    /// The global shaders are those of another device.
    #[error(
        "the global shaders belong to another device, '{device}'; use BitNetShaders::new for a second one"
    )]
    OtherGlobalDevice {
        /// Name of the device that they belong to.
        device: String,
    },
    /// An operation was given something of another type or shape than it takes.
    #[error("{op}: '{operand}' is {given}, but {needed} is needed")]
    Operand {
        /// The operation.
        op: &'static str,
        /// The operand.
        operand: &'static str,
        /// Type and shape given.
        given: String,
        /// Type and shape needed.
        needed: String,
    },
    /// A size that the kernels, which count in 32 bits, do not take.
    #[error("{op}: {what} {value} is more than kernels can count, {MAX_EXTENT}")]
    SizeLimit {
        /// The operation.
        op: &'static str,
        /// What has the size.
        what: &'static str,
        /// The size.
        value: usize,
    },

    /// Commands cannot be captured.
    #[error("cannot capture to '{}': {reason}", path.display())]
    CaptureFailed {
        /// The file that was to hold them.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A binary archive cannot be read or written.
    #[error("binary archive '{}': {reason}", path.display())]
    BinaryArchive {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },

    /// The API was misused.
    #[error(transparent)]
    Validation(#[from] ValidationError),
    /// A kernel went wrong while it ran. The command buffer stopped there; others go on.
    #[error(transparent)]
    Trap(Arc<Trap>),
    /// The device itself failed.
    #[error("the device failed: {reason}")]
    DeviceFailed {
        /// What happened.
        reason: String,
    },
    /// An error of a command that has labels or debug groups around it.
    #[error("{place}: {error}")]
    Placed {
        /// Where the command is.
        place: Place,
        /// What went wrong there; not itself one of these.
        error: Box<MetalError>,
    },
}

impl MetalError {
    /// The misuse, if that is what this is.
    pub fn validation(&self) -> Option<&ValidationError> {
        match self {
            MetalError::Validation(error) => Some(error),
            MetalError::Placed { error, .. } => error.validation(),
            _ => None,
        }
    }

    /// The trap, if that is what this is.
    pub fn trap(&self) -> Option<&Trap> {
        match self {
            MetalError::Trap(trap) => Some(trap),
            MetalError::Placed { error, .. } => error.trap(),
            _ => None,
        }
    }

    /// Where it happened, if the command has labels or debug groups around it.
    pub fn place(&self) -> Option<&Place> {
        match self {
            MetalError::Placed { place, .. } => Some(place),
            _ => None,
        }
    }
}

impl From<Box<Trap>> for MetalError {
    fn from(trap: Box<Trap>) -> Self {
        MetalError::Trap(trap.into())
    }
}

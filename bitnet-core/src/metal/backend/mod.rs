//! What a device has to be able to do. The objects of the API validate, keep state and hand what is left
//! to a backend through these traits; each backend has one file per trait, of the trait's name.
//!
//! [`host`] executes shaders on the CPU and is there everywhere. [`metal`] is the system's GPU: through
//! Metal on Apple's systems, and on others a module that says that there is none.
//!
//! **Invariant:** a backend gets only what [`validation`](super::validation) has let pass: indices in
//! range, objects of its own device, one open encoder at a time, calls in order. Command buffers of a queue
//! are committed in the order in which they are to run.

#[cfg(target_vendor = "apple")]
pub(crate) mod apple;
#[cfg(not(target_vendor = "apple"))]
pub(crate) mod elsewhere;
pub(crate) mod host;

#[cfg(target_vendor = "apple")]
pub(crate) use apple as metal;
#[cfg(not(target_vendor = "apple"))]
pub(crate) use elsewhere as metal;

use std::any::Any;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use bitnet_msl::reflect::KernelInfo;

use super::compile_options::CompileOptions;
use super::completion::Completion;
use super::device::{DeviceKind, DeviceLimits};
use super::error::MetalError;
use super::front_end::GridView;
use super::function_constants::FunctionConstantValues;
use super::gpu_family::MTLGPUFamily;
use super::label::Place;
use super::log_state::LogState;
use super::page_bytes::PageBytes;
use super::resource_options::MTLResourceOptions;
use super::size::MTLSize;
use super::validation::Grid;

/// Makes everything else.
pub(crate) trait Device: Debug + Send + Sync {
    /// Which backend this is.
    fn kind(&self) -> DeviceKind;
    /// Name for people.
    fn name(&self) -> &str;
    /// What the device can do.
    fn limits(&self) -> &DeviceLimits;
    /// The GPU families that it belongs to.
    fn families(&self) -> &[MTLGPUFamily];
    /// A zeroed buffer. The length is positive and within the limits.
    fn new_buffer(&self, length: u64, options: MTLResourceOptions) -> Result<Arc<dyn Buffer>, MetalError>;
    /// A shared buffer of these bytes, where they are if the device can use them there. There are some, and
    /// not more than the limits allow.
    fn new_buffer_no_copy(&self, bytes: PageBytes) -> Result<Arc<dyn Buffer>, MetalError>;
    /// Compiles a source. `name` is what errors and diagnostics call it.
    fn new_library(
        &self,
        name: &str,
        source: &str,
        options: &CompileOptions,
    ) -> Result<Arc<dyn Library>, MetalError>;
    /// A library from the [artifact](Library::artifact) of one that a device of this backend has compiled, or from any
    /// other bytes: they come from a file, and nothing in them is to be believed. The error says what is wrong.
    fn new_library_from_artifact(&self, _name: &str, _artifact: &[u8]) -> Result<Arc<dyn Library>, String> {
        Err("this device keeps no compiled shaders".to_owned())
    }
    /// A binary archive with what the file holds, if it is there and this device can use it.
    fn new_binary_archive(&self, path: &Path) -> Result<Arc<dyn BinaryArchive>, MetalError>;
    /// A queue.
    fn new_command_queue(&self) -> Arc<dyn CommandQueue>;
    /// Whether what shaders log reaches log states, or why not.
    fn logging(&self) -> Result<(), String>;
    /// What machine code depends on beside the device: nothing, or the build of the system that made it.
    fn code_version(&self) -> String {
        String::new()
    }
    /// What captures are written to.
    fn capture_document(&self) -> CaptureDocument;
    /// Captures the device's commands into a file, which is not there yet, until what is returned ends.
    fn start_capture(&self, path: &Path) -> Result<Box<dyn Capture>, MetalError>;
}

/// Memory.
pub(crate) trait Buffer: Any + Debug + Send + Sync {
    /// Copies bytes out. The range lies within the buffer, and the host may access it.
    fn read(&self, offset: u64, out: &mut [u8]);
    /// Copies bytes in. The range lies within the buffer, and the host may access it.
    fn write(&self, offset: u64, bytes: &[u8]);
    /// What tools and errors of the device call it.
    fn set_label(&self, _label: &str) {}
}

/// A compiled source.
pub(crate) trait Library: Debug + Send + Sync {
    /// Its kernels, in source order.
    fn kernels(&self) -> &[KernelInfo];
    /// What a process needs to have the library without compiling it, as bytes; none if it cannot be kept.
    fn artifact(&self) -> Option<Vec<u8>> {
        None
    }
    /// What a kernel can tell about how its grid is divided.
    fn grid_view(&self, kernel: &KernelInfo) -> GridView;
    /// Makes one of its kernels executable.
    fn new_pipeline(
        &self,
        kernel: &KernelInfo,
        constants: &FunctionConstantValues,
        options: &PipelineOptions<'_>,
    ) -> Result<Arc<dyn ComputePipelineState>, MetalError>;
    /// What tools and errors of the device call it.
    fn set_label(&self, _label: &str) {}
}

/// How a pipeline is made.
#[derive(Debug)]
#[cfg_attr(not(target_vendor = "apple"), expect(dead_code, reason = "only Metal has a use for them"))]
pub(crate) struct PipelineOptions<'a> {
    /// What tools and errors of the device call it.
    pub(crate) label: &'a str,
    /// Where the kernel's code is looked for first, and added if it is not there.
    pub(crate) archive: Option<&'a Arc<dyn BinaryArchive>>,
}

/// An executable kernel.
pub(crate) trait ComputePipelineState: Any + Debug + Send + Sync {
    /// Most threads that a threadgroup of this kernel may have.
    fn max_total_threads_per_threadgroup(&self) -> u64;
    /// Threads of a simdgroup.
    fn thread_execution_width(&self) -> u64;
    /// Bytes of threadgroup memory that the kernel itself takes.
    fn static_threadgroup_memory_length(&self) -> u64;
}

/// Code of pipelines, kept in a file.
pub(crate) trait BinaryArchive: Any + Debug + Send + Sync {
    /// Whether there is code in it that its file does not have.
    fn has_changed(&self) -> bool;
    /// Writes all of it to a new file; what is added from then on has changed it.
    fn write_to(&self, path: &Path) -> Result<(), MetalError>;
    /// The new file did not get to its place: there still is code that the file there does not have.
    fn not_kept(&self);
}

/// The documents of a device's captures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CaptureDocument {
    pub(crate) extension: &'static str,
    /// What shows them, and "show" or "shows".
    pub(crate) shown_by: &'static str,
}

/// A capture that runs. Dropped, it ends, and there may be no document.
pub(crate) trait Capture: Debug {
    /// Ends it: the document is there.
    fn finish(self: Box<Self>) -> Result<(), MetalError>;
}

/// Runs command buffers one after the other, in the order they are committed.
pub(crate) trait CommandQueue: Debug + Send + Sync {
    /// An empty command buffer of this queue.
    fn new_command_buffer(self: Arc<Self>) -> Box<dyn CommandBuffer>;
    /// Somebody is about to wait for a committed command buffer: a backend that executes on the CPU may use
    /// the thread. It may return at any time.
    fn help(&self, _completion: &Completion) {}
    /// An empty command buffer whose shaders log to this state. Called only for devices that
    /// [have logging](Device::logging).
    ///
    /// When the command buffer ends, and before `completion` hears of it, the backend hands each message to
    /// the state. A backend over Metal compiles libraries with `MTLCompileOptions.enableLogging`, makes an
    /// `MTLLogState` with the state's descriptor, adds to it a handler that calls [`LogState::deliver`]
    /// (without an origin, which Metal does not tell), and attaches it by
    /// `MTLCommandBufferDescriptor.logState`.
    fn new_command_buffer_with_log_state(self: Arc<Self>, _state: &LogState) -> Box<dyn CommandBuffer> {
        self.new_command_buffer()
    }
    /// What tools and errors of the device call it.
    fn set_label(&self, _label: &str) {}
}

/// Records commands. Between `begin_compute` or `begin_blit` and `end_encoder` come those of one encoder.
pub(crate) trait CommandBuffer: Debug + Send {
    /// What tools and errors of the device call it.
    fn set_label(&mut self, _label: &str) {}
    /// What they call the open encoder.
    fn set_encoder_label(&mut self, _label: &str) {}
    /// Opens a debug group: of the open encoder, else of the command buffer.
    fn push_debug_group(&mut self, _group: &str) {}
    /// Closes the last one.
    fn pop_debug_group(&mut self) {}
    /// A text between the commands of the open encoder.
    fn insert_debug_signpost(&mut self, _text: &str) {}

    /// A compute encoder opens: nothing is bound.
    fn begin_compute(&mut self);
    /// The pipeline of the dispatches that follow.
    fn set_pipeline(&mut self, pipeline: &Arc<dyn ComputePipelineState>);
    /// Binds a buffer from an offset on, or nothing.
    fn set_buffer(&mut self, index: usize, buffer: Option<(&Arc<dyn Buffer>, u64)>);
    /// Binds inline constants.
    fn set_bytes(&mut self, index: usize, bytes: &[u8]);
    /// Sets the length of threadgroup memory.
    fn set_threadgroup_memory_length(&mut self, index: usize, length: u64);
    /// Runs the pipeline over a grid that is not empty. One in threads is in whole threadgroups if the
    /// device's threadgroups are all of one size. Errors of the run name `place`.
    fn dispatch(&mut self, grid: Grid, threadgroup: MTLSize, place: Place);

    /// A blit encoder opens.
    fn begin_blit(&mut self);
    /// Copies `length` bytes, which lie within both buffers and do not overlap.
    fn copy_buffer(&mut self, from: (&Arc<dyn Buffer>, u64), to: (&Arc<dyn Buffer>, u64), length: u64);
    /// Sets `length` bytes, which lie within the buffer.
    fn fill_buffer(&mut self, buffer: (&Arc<dyn Buffer>, u64), length: u64, value: u8);

    /// The encoder ends.
    fn end_encoder(&mut self);
    /// Whether a capture wants to hear of the commit before the call of it returns: what comes after may be the end of
    /// the capture.
    fn is_captured(&self) -> bool {
        false
    }
    /// Hands what was recorded to the queue and returns without waiting. The backend reports through
    /// `completion`, exactly once, however the run ends; not at all if it gives an error.
    ///
    /// # Errors
    /// If the queue cannot take it.
    fn commit(self: Box<Self>, completion: Arc<Completion>) -> Result<(), MetalError>;
}

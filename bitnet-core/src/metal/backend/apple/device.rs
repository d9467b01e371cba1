//! The Metal device.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use objc2::rc::{Retained, autoreleasepool};
use objc2::runtime::{AnyObject, NSObjectProtocol, ProtocolObject};
use objc2::sel;
use objc2_foundation::{NSProcessInfo, NSString};
use objc2_metal::{MTLComputePipelineState, MTLCreateSystemDefaultDevice, MTLDevice, MTLLibrary};

use super::binary_archive::BinaryArchive;
use super::buffer::Buffer;
use super::capture::Capture;
use super::command_queue::CommandQueue;
use super::conv;
use super::library::Library;
use super::log_state;
use crate::metal::backend::{self, CaptureDocument};
use crate::metal::compile_options::CompileOptions;
use crate::metal::device::{DeviceKind, DeviceLimits};
use crate::metal::error::MetalError;
use crate::metal::gpu_family::MTLGPUFamily;
use crate::metal::page_bytes::PageBytes;
use crate::metal::resource_options::MTLResourceOptions;
use crate::metal::size::MTLSize;
use crate::metal::system_language::newest_language;
use crate::metal::validation::CONSTANT_OFFSET_ALIGNMENT;

/// Threads of a simdgroup on every GPU of Apple's.
const APPLE_SIMD_WIDTH: u64 = 32;

/// What offsets in the `constant` address space are multiples of on the GPUs of Intel Macs (Metal feature
/// set tables, "Minimum constant buffer offset alignment").
const MAC_CONSTANT_OFFSET_ALIGNMENT: u64 = 32;

/// A GPU.
#[derive(Debug)]
pub(crate) struct Device {
    raw: Retained<ProtocolObject<dyn MTLDevice>>,
    name: String,
    limits: DeviceLimits,
    families: Vec<MTLGPUFamily>,
    /// What is bound where nothing is, under Metal's API validation. Without it nothing is bound, and a kernel that
    /// accesses it all the same faults.
    placeholder: Option<Arc<Buffer>>,
    /// Whether Metal makes log states, once that is known.
    logging: OnceLock<Result<(), String>>,
}

/// The GPU that the system prefers, or why there is none. `validated` says whether the environment asks for Metal's API
/// validation.
pub(crate) fn system_default(validated: bool) -> Result<Box<dyn backend::Device>, MetalError> {
    autoreleasepool(|_| {
        // A process without a window server, over ssh say, may have no preferred device and some all the
        // same.
        let raw = MTLCreateSystemDefaultDevice().or_else(other_devices::first);
        let reason = || "Metal offers no GPU to this process".to_owned();
        let raw = raw.ok_or_else(|| MetalError::NoMetalDevice { reason: reason() })?;
        Ok(Box::new(Device::new(raw, validated)) as Box<dyn backend::Device>)
    })
}

/// Devices that the system does not prefer.
#[cfg(target_os = "macos")]
mod other_devices {
    use objc2::rc::Retained;
    use objc2::runtime::ProtocolObject;
    use objc2_metal::{MTLCopyAllDevices, MTLDevice};

    /// The first of all devices.
    pub(super) fn first() -> Option<Retained<ProtocolObject<dyn MTLDevice>>> {
        MTLCopyAllDevices().firstObject()
    }
}

/// There is one device, and the function that lists all is newer than the systems that this runs on.
#[cfg(not(target_os = "macos"))]
mod other_devices {
    use objc2::rc::Retained;
    use objc2::runtime::ProtocolObject;
    use objc2_metal::MTLDevice;

    /// None.
    pub(super) fn first() -> Option<Retained<ProtocolObject<dyn MTLDevice>>> {
        None
    }
}

impl Device {
    fn new(raw: Retained<ProtocolObject<dyn MTLDevice>>, validated: bool) -> Self {
        let families = MTLGPUFamily::ALL
            .into_iter()
            .filter(|(_, number)| raw.supportsFamily(objc2_metal::MTLGPUFamily(*number as isize)));
        let families: Vec<_> = families.map(|(family, _)| family).collect();
        // Xcode turns validation on in its own way: the device is then one of a class MTLDebugDevice.
        let object: &AnyObject = raw.as_ref();
        let validated = validated || object.class().name().to_string_lossy().contains("Debug");
        let placeholder = if validated { Buffer::placeholder(&raw) } else { None };
        let (name, limits) = (raw.name().to_string(), limits(&raw, &families));
        Self { name, limits, families, placeholder, logging: OnceLock::new(), raw }
    }
}

fn limits(raw: &ProtocolObject<dyn MTLDevice>, families: &[MTLGPUFamily]) -> DeviceLimits {
    let max_threads = raw.maxThreadsPerThreadgroup();
    let [width, height, depth] = [max_threads.width, max_threads.height, max_threads.depth].map(|n| n as u64);
    let working_set = raw
        .respondsToSelector(sel!(recommendedMaxWorkingSetSize))
        .then(|| raw.recommendedMaxWorkingSetSize());
    let any_of = |wanted: &[MTLGPUFamily]| wanted.iter().any(|family| families.contains(family));
    let is_apple_gpu = any_of(&[MTLGPUFamily::Apple1]);
    // Virtual GPUs belong to families whose features they do not all have, so only a pipeline tells.
    let reductions = any_of(&[MTLGPUFamily::Apple7])
        || any_of(&MTLGPUFamily::SIMDGROUP_REDUCTIONS) && simd_width(raw, "reduces").is_some();
    let probed_width = if is_apple_gpu { None } else { simd_width(raw, "plain") };
    DeviceLimits {
        max_threads_per_threadgroup: MTLSize::new(width, height, depth),
        // What no dimension may pass alone, all together may not pass either.
        max_total_threads_per_threadgroup: width,
        max_threadgroup_memory_length: raw.maxThreadgroupMemoryLength() as u64,
        max_buffer_length: raw.maxBufferLength() as u64,
        thread_execution_width: probed_width.unwrap_or(APPLE_SIMD_WIDTH),
        simdgroup_reductions: reductions,
        non_uniform_threadgroups: any_of(&MTLGPUFamily::NON_UNIFORM_THREADGROUPS),
        constant_offset_alignment: if is_apple_gpu {
            CONSTANT_OFFSET_ALIGNMENT
        } else {
            MAC_CONSTANT_OFFSET_ALIGNMENT
        },
        language_version: newest_language(
            cfg!(target_os = "macos"),
            NSProcessInfo::processInfo().operatingSystemVersion().majorVersion,
        ),
        // Those of a virtual machine's GPU, "Apple Paravirtual device", take code and cannot be written.
        binary_archives: !raw.name().to_string().contains("Paravirtual"),
        flushes_subnormals: true,
        has_unified_memory: raw.hasUnifiedMemory(),
        recommended_max_working_set_size: working_set,
    }
}

/// Threads of a simdgroup, found out by making a pipeline of a probe; nothing if the GPU cannot run it.
fn simd_width(raw: &ProtocolObject<dyn MTLDevice>, probe: &str) -> Option<u64> {
    const PROBES: &str = "
        #include <metal_stdlib>
        kernel void plain(device uint *x [[buffer(0)]], uint i [[thread_position_in_grid]]) { x[i] = i; }
        kernel void reduces(device uint *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
            x[i] = metal::simd_sum(i);
        }
    ";
    let library = raw.newLibraryWithSource_options_error(&NSString::from_str(PROBES), None).ok()?;
    let function = library.newFunctionWithName(&NSString::from_str(probe))?;
    let pipeline = raw.newComputePipelineStateWithFunction_error(&function).ok()?;
    Some(pipeline.threadExecutionWidth() as u64)
}

impl backend::Device for Device {
    fn kind(&self) -> DeviceKind {
        DeviceKind::Metal
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> &DeviceLimits {
        &self.limits
    }

    fn families(&self) -> &[MTLGPUFamily] {
        &self.families
    }

    fn new_buffer(
        &self,
        length: u64,
        options: MTLResourceOptions,
    ) -> Result<Arc<dyn backend::Buffer>, MetalError> {
        let options = conv::resource_options(options, self.limits.has_unified_memory);
        let buffer = usize::try_from(length).ok().and_then(|length| Buffer::new(&self.raw, length, options));
        Ok(Arc::new(buffer.ok_or(MetalError::OutOfMemory { length })?))
    }

    fn new_buffer_no_copy(&self, bytes: PageBytes) -> Result<Arc<dyn backend::Buffer>, MetalError> {
        match Buffer::new_no_copy(&self.raw, bytes) {
            Ok(buffer) => Ok(Arc::new(buffer)),
            Err(bytes) => {
                let buffer = self.new_buffer(bytes.len() as u64, MTLResourceOptions::StorageModeShared)?;
                buffer.write(0, &bytes);
                Ok(buffer)
            }
        }
    }

    fn new_library(
        &self,
        name: &str,
        source: &str,
        options: &CompileOptions,
    ) -> Result<Arc<dyn backend::Library>, MetalError> {
        Ok(Arc::new(Library::compile(&self.raw, name, source, options)?))
    }

    fn new_binary_archive(&self, path: &Path) -> Result<Arc<dyn backend::BinaryArchive>, MetalError> {
        Ok(Arc::new(match self.limits.binary_archives {
            true => BinaryArchive::open(&self.raw, path)?,
            false => BinaryArchive::none(),
        }))
    }

    fn new_command_queue(&self) -> Arc<dyn backend::CommandQueue> {
        Arc::new(CommandQueue::new(&self.raw, self.placeholder.clone()))
    }

    fn logging(&self) -> Result<(), String> {
        self.logging.get_or_init(|| log_state::are_available(&self.raw)).clone()
    }

    fn code_version(&self) -> String {
        NSProcessInfo::processInfo().operatingSystemVersionString().to_string()
    }

    fn capture_document(&self) -> CaptureDocument {
        CaptureDocument { extension: "gputrace", shown_by: "Xcode shows" }
    }

    fn start_capture(&self, path: &Path) -> Result<Box<dyn backend::Capture>, MetalError> {
        Ok(Box::new(Capture::start(&self.raw, path)?))
    }
}

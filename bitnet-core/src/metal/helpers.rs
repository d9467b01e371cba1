//! The usual steps as functions: a device, typed buffers, a dispatch.

use bytemuck::{NoUninit, Pod};

use super::buffer::Buffer;
use super::command_queue::CommandQueue;
use super::compute_encoder::ComputeCommandEncoder;
use super::device::Device;
use super::error::MetalError;
use super::library::Library;
use super::resource_options::MTLResourceOptions;
use super::size::MTLSize;

/// The Metal GPU where there is one, else the host device: [`Device::system_default`].
///
/// # Errors
/// If an environment variable that counts has a value that means nothing.
pub fn create_metal_device() -> Result<Device, MetalError> {
    Device::system_default()
}

/// A device, a queue, and a library with all built-in shaders.
///
/// # Errors
/// As [`create_metal_device`].
pub fn initialize_metal_context() -> Result<(Device, CommandQueue, Library), MetalError> {
    let device = create_metal_device()?;
    let queue = device.new_command_queue();
    let library = device.new_default_library();
    Ok((device, queue, library))
}

/// A shared buffer that holds a copy of these elements.
///
/// # Errors
/// If there are none, or more than a buffer may hold.
pub fn create_buffer<T: NoUninit>(device: &Device, data: &[T]) -> Result<Buffer, MetalError> {
    device.new_buffer_with_data(bytemuck::cast_slice(data), MTLResourceOptions::StorageModeShared)
}

/// A buffer of `length` zero bytes.
///
/// # Errors
/// If the length is zero or over the device's limit.
pub fn create_empty_buffer(
    device: &Device,
    length: usize,
    options: MTLResourceOptions,
) -> Result<Buffer, MetalError> {
    device.new_buffer(length as u64, options)
}

/// A copy of a buffer's contents. Wait for the command buffers that write it first.
///
/// # Errors
/// If the buffer does not hold a whole number of elements, or its storage is private.
pub fn read_buffer<T: Pod>(buffer: &Buffer) -> Result<Vec<T>, MetalError> {
    let (buffer_length, element_size) = (buffer.length(), size_of::<T>());
    if element_size == 0 || !buffer_length.is_multiple_of(element_size as u64) {
        return Err(MetalError::ElementSize { buffer_length, element_size });
    }
    let mut elements = vec![T::zeroed(); buffer_length as usize / element_size];
    buffer.read(0, bytemuck::cast_slice_mut(&mut elements))?;
    Ok(elements)
}

/// Overwrites elements of a buffer, from the byte `offset` on.
///
/// # Errors
/// If they do not all lie within the buffer, or its storage is private.
pub fn write_buffer<T: NoUninit>(buffer: &Buffer, offset: u64, data: &[T]) -> Result<(), MetalError> {
    buffer.write(offset, bytemuck::cast_slice(data))
}

/// Binds a copy of a value as constants: what a shader takes as `constant T &`.
pub fn set_compute_bytes<T: NoUninit>(encoder: &ComputeCommandEncoder, value: &T, index: u64) {
    encoder.set_bytes(index, bytemuck::bytes_of(value));
}

/// Runs the encoder's kernel over `threads`, in threadgroups of `threadgroup` threads.
pub fn dispatch_compute(encoder: &ComputeCommandEncoder, threads: MTLSize, threadgroup: MTLSize) {
    encoder.dispatch_threads(threads, threadgroup);
}

//! The device as the network sees it: shared buffers of float32 and u32, and launches by row of the kernel
//! table.

use std::sync::Arc;

use bitnet_core::metal::kernels::{self, Arg};
use bitnet_core::metal::{
    BitNetShaderFunction, BitNetShaders, Buffer, CommandBuffer, CommandQueue, ComputeCommandEncoder, Device,
    MTLResourceOptions, MetalError, create_buffer, create_empty_buffer, read_buffer,
};
use bytemuck::Pod;

/// A device with a queue and the shaders. A clone is another handle.
#[derive(Clone)]
pub(crate) struct Gpu {
    device: Device,
    queue: CommandQueue,
    shaders: Arc<BitNetShaders>,
}

impl Gpu {
    pub(crate) fn new(device: &Device) -> Result<Self, MetalError> {
        Ok(Self {
            device: device.clone(),
            queue: device.new_command_queue(),
            shaders: Arc::new(BitNetShaders::new(device.clone())?),
        })
    }

    /// A buffer of `count` elements of four bytes, zeroed.
    pub(crate) fn zeros(&self, count: usize) -> Result<Buffer, MetalError> {
        create_empty_buffer(&self.device, 4 * count, MTLResourceOptions::StorageModeShared)
    }

    /// A buffer of `count` bytes, zeroed.
    pub(crate) fn zero_bytes(&self, count: usize) -> Result<Buffer, MetalError> {
        create_empty_buffer(&self.device, count, MTLResourceOptions::StorageModeShared)
    }

    /// A buffer that holds a copy of `data`.
    pub(crate) fn buffer<T: Pod>(&self, data: &[T]) -> Result<Buffer, MetalError> {
        create_buffer(&self.device, data)
    }

    /// Records with `record` into one command buffer and commits it.
    pub(crate) fn submit(
        &self,
        record: impl FnOnce(&Recorder<'_>) -> Result<(), MetalError>,
    ) -> Result<CommandBuffer, MetalError> {
        let command_buffer = self.queue.new_command_buffer();
        let encoder = command_buffer.new_compute_command_encoder();
        let recorded = record(&Recorder { shaders: &self.shaders, encoder: &encoder });
        encoder.end_encoding();
        recorded?;
        command_buffer.commit();
        Ok(command_buffer)
    }

    /// The same, and waits for the result.
    pub(crate) fn run(
        &self,
        record: impl FnOnce(&Recorder<'_>) -> Result<(), MetalError>,
    ) -> Result<(), MetalError> {
        self.submit(record)?.wait_until_completed()
    }
}

/// A buffer's elements. Whoever calls has waited for what writes them.
pub(crate) fn read<T: Pod>(buffer: &Buffer) -> Result<Vec<T>, MetalError> {
    read_buffer(buffer)
}

/// A buffer from an offset on.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    buffer: &'a Buffer,
    offset_bytes: u64,
}

impl<'a> View<'a> {
    /// From element `offset` on, elements of four bytes.
    pub(crate) fn at(buffer: &'a Buffer, offset: usize) -> Self {
        Self { buffer, offset_bytes: 4 * offset as u64 }
    }
}

impl<'a> From<&'a Buffer> for View<'a> {
    fn from(buffer: &'a Buffer) -> Self {
        Self { buffer, offset_bytes: 0 }
    }
}

/// Records launches into a command buffer.
pub(crate) struct Recorder<'a> {
    shaders: &'a BitNetShaders,
    encoder: &'a ComputeCommandEncoder,
}

impl Recorder<'_> {
    /// One launch: buffers by index, and the parameter struct with its index, from which the sizes follow.
    pub(crate) fn launch<P: kernels::params::KernelParams>(
        &self,
        function: BitNetShaderFunction,
        buffers: &[(u32, View<'_>)],
        params_index: u32,
        params: &P,
    ) -> Result<(), MetalError> {
        let shape = params.shape().unwrap_or_default();
        let mut args: Vec<(u32, Arg<'_>)> = buffers
            .iter()
            .map(|(index, view)| (*index, Arg::Buffer(view.buffer, view.offset_bytes)))
            .collect();
        args.push((params_index, Arg::Bytes(bytemuck::bytes_of(params))));
        kernels::encode(self.shaders, self.encoder, function, &shape, &args)
    }
}

//! The host backend: executes shaders on this machine's CPU, one simdgroup in lockstep after the other.
//!
//! Sources are compiled by [`bitnet_msl`], kernels run by [`bitnet_simt`]; what is here is the API around
//! the two: memory, queues, and errors on their way back.

mod binary_archive;
mod buffer;
mod capture;
mod command_buffer;
mod command_queue;
mod device;
mod library;
mod pipeline;
mod trace;

pub(crate) use device::Device;

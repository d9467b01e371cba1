//! The Apple backend: runs shaders on a GPU, through Metal.
//!
//! Sources go through our front end first and then through Apple's compiler, so that what may be written,
//! and what a kernel takes, is the same as everywhere. The rest is translation: one file an object, the
//! mappings of values in `conv`.
//!
//! **Invariant:** every `unsafe` block says why it is sound. What is relied on most: validation has checked
//! what arrives here; Metal keeps alive what a command buffer uses; command buffers and encoders are used
//! by one thread at a time, and all else that Metal makes is safe to share (Metal Programming Guide).
//!
//! **Invariant:** whatever may make autoreleased objects does so in a pool of its own, since Rust's threads
//! have none.

#![allow(unsafe_code)]

mod binary_archive;
mod buffer;
mod capture;
mod command_buffer;
mod command_queue;
mod conv;
mod device;
mod library;
mod log_state;
mod pipeline;

pub(crate) use device::system_default;

// Without it `MTLCreateSystemDefaultDevice` finds no device on macOS.
#[link(name = "CoreGraphics", kind = "framework")]
unsafe extern "C" {}

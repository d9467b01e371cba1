//! BitNet compute shaders, and the pipeline that compiles, checks, dispatches and tests them.
//!
//! [`metal`] is the whole of it: the API, the shaders and the table of kernels. [`msl`] is the front end
//! for the shading language, for tools that want its diagnostics.
//!
//! ```
//! use bitnet_core::metal::*;
//!
//! let device = Device::host(HostOptions::default());
//! let source = "kernel void twice(device float *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
//!     x[i] *= 2.0f;
//! }";
//! let library = device.new_library_with_source(source, &CompileOptions::default())?;
//! let function = library.get_function("twice", None)?;
//! let pipeline = device.new_compute_pipeline_state_with_function(&function)?;
//! let numbers = create_buffer(&device, &[1.0f32, 2.0, 3.0])?;
//!
//! let command_buffer = device.new_command_queue().new_command_buffer();
//! let encoder = command_buffer.new_compute_command_encoder();
//! encoder.set_compute_pipeline_state(&pipeline);
//! encoder.set_buffer(0, Some(&numbers), 0);
//! encoder.dispatch_threads(MTLSize::new(3, 1, 1), MTLSize::new(32, 1, 1));
//! encoder.end_encoding();
//! command_buffer.commit();
//! command_buffer.wait_until_completed()?;
//!
//! assert_eq!(read_buffer::<f32>(&numbers)?, [2.0, 4.0, 6.0]);
//! # Ok::<(), MetalError>(())
//! ```

pub use bitnet_msl as msl;

pub mod metal;
pub mod whole_file;

//! One module a command.

pub(crate) mod bench;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod devices;
pub(crate) mod eval;
pub(crate) mod explain;
mod kernels;
pub(crate) mod new_shader;
pub(crate) mod shaders;
pub(crate) mod train;
pub(crate) mod verify;

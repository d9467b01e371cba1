//! One module a command.

pub(crate) mod check;
pub(crate) mod devices;
pub(crate) mod eval;
pub(crate) mod explain;
pub(crate) mod shaders;
pub(crate) mod train;

//! Functions: kernels of a library, with their constants set.

use std::sync::Arc;

use bitnet_msl::reflect::KernelInfo;

use super::backend;
use super::device::Device;
use super::function_constants::FunctionConstantValues;

/// A kernel of a [`Library`](super::Library). A clone is another handle to it.
#[derive(Clone, Debug)]
pub struct Function {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    device: Device,
    library: Arc<dyn backend::Library>,
    /// Index of the kernel in the library.
    kernel: usize,
    constants: FunctionConstantValues,
}

impl Function {
    /// The kernel at this index of the library.
    pub(crate) fn new(
        device: Device,
        library: Arc<dyn backend::Library>,
        kernel: usize,
        constants: FunctionConstantValues,
    ) -> Self {
        Self { inner: Arc::new(Inner { device, library, kernel, constants }) }
    }

    /// The name that hosts use.
    pub fn name(&self) -> &str {
        &self.reflection().name
    }

    /// What the kernel takes.
    pub fn reflection(&self) -> &KernelInfo {
        &self.inner.library.kernels()[self.inner.kernel]
    }

    /// The device that the function was compiled for.
    pub fn device(&self) -> &Device {
        &self.inner.device
    }

    /// What its function constants are set to.
    pub fn constants(&self) -> &FunctionConstantValues {
        &self.inner.constants
    }

    pub(crate) fn library(&self) -> &dyn backend::Library {
        self.inner.library.as_ref()
    }
}

//! Where a buffer's bytes live.

/// Storage mode of a buffer: `MTLResourceOptions`. Cache mode and hazard tracking are Metal's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum MTLResourceOptions {
    /// Host and device share the bytes.
    #[default]
    StorageModeShared,
    /// Host and device have a copy each, kept in step by the API. Shared where there is one memory.
    StorageModeManaged,
    /// Only the device has the bytes.
    StorageModePrivate,
}

impl MTLResourceOptions {
    /// Whether the host may read and write the bytes.
    pub const fn is_host_accessible(self) -> bool {
        !matches!(self, MTLResourceOptions::StorageModePrivate)
    }
}

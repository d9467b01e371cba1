//! The GPU of systems that are not Apple's, as far as Metal is concerned: there is none.

use std::env::consts::OS;

use super::Device;
use crate::metal::error::MetalError;

/// Says why there is no Metal GPU.
pub(crate) fn system_default(_validated: bool) -> Result<Box<dyn Device>, MetalError> {
    let reason = format!("Metal exists on Apple systems only, and this is {OS}");
    Err(MetalError::NoMetalDevice { reason })
}

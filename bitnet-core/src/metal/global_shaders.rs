//! One set of shaders for a whole program, for those who do not want to pass it around.

use std::sync::OnceLock;

use super::device::Device;
use super::error::MetalError;
use super::shader_utils::BitNetShaders;

static GLOBAL: OnceLock<BitNetShaders> = OnceLock::new();

/// Makes the built-in shaders of a device those of the whole program: [`get_global_shaders`] gives them from
/// now on, to every thread. The first call decides. Another one for the same device does nothing.
///
/// # Errors
/// [`MetalError::OtherGlobalDevice`] if another device was first: pipelines that are in use cannot change
/// devices. What [`BitNetShaders::new`] gives.
pub fn initialize_global_shaders(device: Device) -> Result<(), MetalError> {
    let shaders = match GLOBAL.get() {
        Some(shaders) => shaders,
        None => {
            // Two threads may both make them; the first one's are kept.
            let made = BitNetShaders::new(device.clone())?;
            GLOBAL.get_or_init(|| made)
        }
    };
    if *shaders.device() != device {
        let device = shaders.device().name().to_owned();
        return Err(MetalError::OtherGlobalDevice { device });
    }
    Ok(())
}

/// The shaders of the whole program: a handle to what [`initialize_global_shaders`] has made.
///
/// # Errors
/// [`MetalError::NoGlobalShaders`] if nobody has called it.
pub fn get_global_shaders() -> Result<BitNetShaders, MetalError> {
    GLOBAL.get().cloned().ok_or(MetalError::NoGlobalShaders)
}

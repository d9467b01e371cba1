//! What a shader compiler is told.

use std::path::PathBuf;

use bitnet_msl::OptimizationLevel;

use crate::metal::compile_options::CompileOptions;

/// What a [`ShaderCompiler`](super::ShaderCompiler) compiles, and how.
///
/// What its validation layer would check, a device is told when it is made, not the compiler: the environment
/// (`MTL_DEBUG_LAYER=1`, [`HostOptions::from_env`](crate::metal::HostOptions::from_env)) or
/// [`HostOptions::checks`](crate::metal::HostOptions::checks) turn the host device's checks on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShaderCompilerConfig {
    /// Where the shaders are: every `.metal` file in it is one, and `#include "name"` finds the files
    /// beside them, else the [built-in headers](crate::metal::kernels::HEADERS). Empty for the built-in shaders. A
    /// directory replaces all of them, not single ones.
    pub shader_directory: PathBuf,
    /// Keeps what has been compiled, in memory and on disk, so that a shader is compiled again only when something that
    /// it depends on has changed.
    pub enable_caching: bool,
    /// Where compiled shaders are kept between runs. Without one, they are kept in
    /// [the user's cache](crate::metal::ShaderCache::of_the_user).
    pub cache_directory: Option<PathBuf>,
    /// Source places in the traps of a shader. Without them a trap names kernel and thread only, and what is kept
    /// on disk holds no source text but the lines that warnings show.
    pub debug_info: bool,
    /// How much the code is worked on. Changes no result.
    pub optimization_level: OptimizationLevel,
    /// How each source is compiled. Its includes take precedence over the files of the directory;
    /// its `optimization_level` and `debug_info` are for sources compiled without a shader compiler, and here those of
    /// this configuration take their place.
    pub compile_options: CompileOptions,
}

impl Default for ShaderCompilerConfig {
    /// The built-in shaders, cached, with source places, at the default level.
    fn default() -> Self {
        let compile_options = CompileOptions::default();
        Self {
            shader_directory: PathBuf::new(),
            enable_caching: true,
            cache_directory: None,
            debug_info: compile_options.debug_info,
            optimization_level: compile_options.optimization_level,
            compile_options,
        }
    }
}

impl ShaderCompilerConfig {
    /// For finding out what a shader does: source places in traps, no optimisation, exact arithmetic. Run it on a
    /// device that checks:
    ///
    /// ```
    /// # use bitnet_core::metal::*;
    /// let device = Device::host(HostOptions { checks: true, ..HostOptions::default() });
    /// let shaders = BitNetShaders::with_config(device, ShaderCompilerConfig::debug())?;
    /// # Ok::<(), MetalError>(())
    /// ```
    pub fn debug() -> Self {
        Self {
            debug_info: true,
            optimization_level: OptimizationLevel::None,
            compile_options: CompileOptions { fast_math: false, ..CompileOptions::default() },
            ..Self::default()
        }
    }

    /// For speed: all optimisations, fast arithmetic, no source places.
    pub fn release() -> Self {
        Self {
            debug_info: false,
            optimization_level: OptimizationLevel::Full,
            compile_options: CompileOptions { fast_math: true, ..CompileOptions::default() },
            ..Self::default()
        }
    }
}

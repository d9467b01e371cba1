//! The shader compiler: shaders by name, built in or from a directory, compiled once.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::compile_options::CompileOptions;
use super::device::Device;
use super::error::MetalError;
use super::function::Function;
use super::kernels;
use super::library::Library;
use super::names::KnownNames;
use super::sync::lock;

/// How much a shader's code is worked on before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum OptimizationLevel {
    /// Not at all.
    None,
    /// What pays off everywhere.
    #[default]
    Default,
    /// All that is known.
    Full,
}

/// What a [`ShaderCompiler`] compiles, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShaderCompilerConfig {
    /// Where the shaders are: every `.metal` file in it is one, and `#include "name"` finds the files
    /// beside them. Empty for the built-in shaders. A directory replaces all of them, not single ones.
    pub shader_directory: PathBuf,
    /// Keeps what has been compiled, so that a shader is compiled again only when its text has changed.
    pub enable_caching: bool,
    /// Where compiled shaders are to be kept between runs. **Has no effect in this version**: they are
    /// kept in memory only, and a compiler that is given a directory says so in the log.
    pub cache_directory: Option<PathBuf>,
    /// Source places in the traps of a shader. **Has no effect in this version**: the host device always
    /// gives them.
    pub debug_info: bool,
    /// How much the code is worked on. **Has no effect in this version**: every level means
    /// [`OptimizationLevel::Default`], and a compiler that is given another one says so in the log.
    pub optimization_level: OptimizationLevel,
    /// How each source is compiled. Its includes take precedence over the files of the directory.
    pub compile_options: CompileOptions,
}

impl Default for ShaderCompilerConfig {
    fn default() -> Self {
        Self {
            shader_directory: PathBuf::new(),
            enable_caching: true,
            cache_directory: None,
            debug_info: false,
            optimization_level: OptimizationLevel::default(),
            compile_options: CompileOptions::default(),
        }
    }
}

/// A compiler for the built-in shaders.
///
/// # Errors
/// As [`ShaderCompiler::new`].
pub fn create_shader_compiler(device: &Device) -> Result<ShaderCompiler, MetalError> {
    ShaderCompiler::new(device, ShaderCompilerConfig::default())
}

/// A shader that has been compiled. A clone is another handle to it.
#[derive(Clone, Debug)]
pub struct CompiledShader {
    name: String,
    library: Library,
}

impl CompiledShader {
    /// The name: that of the file, without `.metal`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its kernels.
    pub fn library(&self) -> &Library {
        &self.library
    }
}

/// Compiles shaders by name for one device. All threads may use it.
#[derive(Debug)]
pub struct ShaderCompiler {
    device: Device,
    config: ShaderCompilerConfig,
    cache: Mutex<HashMap<String, Cached>>,
}

#[derive(Debug)]
struct Cached {
    text: Arc<ShaderText>,
    shader: CompiledShader,
}

/// All that a compilation depends on beside the configuration.
#[derive(Debug, PartialEq, Eq)]
struct ShaderText {
    source: String,
    includes: BTreeMap<String, String>,
}

impl ShaderCompiler {
    /// A compiler for the shaders of the configuration.
    ///
    /// # Errors
    /// [`MetalError::ShaderDirectory`] if there is a directory and it cannot be read.
    pub fn new(device: &Device, config: ShaderCompilerConfig) -> Result<Self, MetalError> {
        if let Some(directory) = &config.cache_directory {
            tracing::warn!(directory = %directory.display(), "cache_directory has no effect in this version");
        }
        if config.optimization_level != OptimizationLevel::Default {
            tracing::warn!(level = ?config.optimization_level, "optimization_level has no effect in this version");
        }
        let compiler = Self { device: device.clone(), config, cache: Mutex::default() };
        compiler.shader_names()?;
        Ok(compiler)
    }

    /// The device that it compiles for.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What it was told.
    pub fn config(&self) -> &ShaderCompilerConfig {
        &self.config
    }

    /// The shaders that there are, by name.
    ///
    /// # Errors
    /// [`MetalError::ShaderDirectory`] if the directory cannot be read.
    pub fn shader_names(&self) -> Result<Vec<String>, MetalError> {
        let Some(directory) = self.directory() else {
            return Ok(kernels::SHADERS.iter().map(|(name, _)| (*name).to_owned()).collect());
        };
        let files = files(directory)?;
        Ok(files.iter().filter_map(|file| Some(shader_name(file)?.to_owned())).collect())
    }

    /// Compiles a shader, or gives what has been compiled of the same text.
    ///
    /// # Errors
    /// [`MetalError::ShaderNotFound`], [`MetalError::ShaderDirectory`] if it cannot be read, or
    /// [`MetalError::CompilationFailed`].
    pub fn compile_shader(&self, name: &str) -> Result<CompiledShader, MetalError> {
        let text = Arc::new(self.read(name)?);
        if let Some(cached) = self.cached(name, &text) {
            return Ok(cached);
        }
        let mut options = self.config.compile_options.clone();
        for (include, body) in &text.includes {
            options.includes.entry(include.clone()).or_insert_with(|| body.clone());
        }
        let library = self.device.new_library_with_named_source(name, &text.source, &options)?;
        let shader = CompiledShader { name: name.to_owned(), library };
        if self.config.enable_caching {
            lock(&self.cache).insert(name.to_owned(), Cached { text, shader: shader.clone() });
        }
        Ok(shader)
    }

    /// Compiles all shaders, by name.
    ///
    /// # Errors
    /// Those of the first shader, by name, that fails.
    pub fn compile_all_shaders(&self) -> Result<BTreeMap<String, CompiledShader>, MetalError> {
        let names = self.shader_names()?;
        names.into_iter().map(|name| Ok((name.clone(), self.compile_shader(&name)?))).collect()
    }

    /// A kernel of a shader.
    ///
    /// # Errors
    /// [`MetalError::FunctionNotFound`], and those of [`compile_shader`](Self::compile_shader).
    pub fn get_compute_function(&self, shader: &str, function: &str) -> Result<Function, MetalError> {
        self.compile_shader(shader)?.library.get_function(function, None)
    }

    fn directory(&self) -> Option<&Path> {
        let directory = self.config.shader_directory.as_path();
        (!directory.as_os_str().is_empty()).then_some(directory)
    }

    fn cached(&self, name: &str, text: &ShaderText) -> Option<CompiledShader> {
        let cache = lock(&self.cache);
        cache.get(name).filter(|cached| *cached.text == *text).map(|cached| cached.shader.clone())
    }

    fn read(&self, name: &str) -> Result<ShaderText, MetalError> {
        let not_found = |names: Vec<String>| MetalError::ShaderNotFound {
            shader: name.to_owned(),
            known: KnownNames::for_unknown(name, names),
        };
        let Some(directory) = self.directory() else {
            let shader = kernels::SHADERS.iter().find(|(shader, _)| *shader == name);
            let (_, source) = shader.ok_or_else(|| not_found(self.shader_names().unwrap_or_default()))?;
            return Ok(ShaderText { source: (*source).to_owned(), includes: BTreeMap::new() });
        };
        let files = files(directory)?;
        if !files.iter().any(|file| shader_name(file) == Some(name)) {
            return Err(not_found(self.shader_names()?));
        }
        let mut includes = BTreeMap::new();
        for file in &files {
            includes.insert(file.clone(), read_text(&directory.join(file))?);
        }
        let source = includes.remove(&format!("{name}.metal")).expect("the file was just found");
        Ok(ShaderText { source, includes })
    }
}

/// The names of the directory's `.metal` and `.h` files, sorted. A name that is not UTF-8 could not be
/// asked for, and is left out.
fn files(directory: &Path) -> Result<Vec<String>, MetalError> {
    let failed = |error: io::Error| unreadable(directory, error);
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_source = path.extension().is_some_and(|extension| extension == "metal" || extension == "h");
        if is_source && path.is_file() {
            files.extend(path.file_name().and_then(|name| name.to_str()).map(str::to_owned));
        }
    }
    files.sort();
    Ok(files)
}

fn shader_name(file: &str) -> Option<&str> {
    file.strip_suffix(".metal")
}

/// The text of a file; bytes that are not UTF-8 become U+FFFD, which the front end refuses with a place.
fn read_text(path: &Path) -> Result<String, MetalError> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unreadable(path: &Path, error: io::Error) -> MetalError {
    MetalError::ShaderDirectory { path: path.to_owned(), source: Arc::new(error) }
}

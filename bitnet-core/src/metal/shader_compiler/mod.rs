//! The shader compiler: shaders by name, built in or from a directory, compiled once.

mod config;
mod sources;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub use config::ShaderCompilerConfig;
use sources::ShaderText;

use super::binary_archive::BinaryArchive;
use super::compile_options::CompileOptions;
use super::device::Device;
use super::error::MetalError;
use super::function::Function;
use super::function_constants::FunctionConstantValues;
use super::kernels;
use super::library::Library;
use super::pipeline::{ComputePipelineDescriptor, ComputePipelineState};
use super::shader_cache::{CacheKey, EntryFault, Label, ShaderCache};
use super::sync::lock;

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
    /// Where the machine code of its pipelines is kept between runs: a file of the cache.
    archive: Option<(BinaryArchive, Arc<ShaderCache>)>,
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

    /// Makes a kernel executable. Its machine code is taken from the disk cache, or kept there if it is not in it yet.
    /// That the cache cannot be written fails nothing: a warning says so.
    ///
    /// # Errors
    /// [`MetalError::FunctionNotFound`], and [`MetalError::PipelineFailed`].
    pub fn new_compute_pipeline_state(
        &self,
        function: &str,
        constants: Option<FunctionConstantValues>,
    ) -> Result<ComputePipelineState, MetalError> {
        let function = self.library.get_function(function, constants)?;
        let mut descriptor = ComputePipelineDescriptor::new(&function);
        descriptor.binary_archive = self.archive.as_ref().map(|(archive, _)| archive);
        let pipeline = self.library.device().new_compute_pipeline_state_with_descriptor(&descriptor)?;
        if let Some((archive, cache)) = &self.archive {
            match archive.save() {
                Ok(true) => cache.tidy(archive.path()),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!("machine code of shader '{}' cannot be kept: {error}", self.name);
                }
            }
        }
        Ok(pipeline)
    }
}

/// Where the shaders that a [`ShaderCompiler`] was asked for came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CacheStatistics {
    /// This compiler had compiled or loaded them before.
    pub memory_hits: u64,
    /// They were loaded from the disk.
    pub disk_hits: u64,
    /// They were compiled.
    pub misses: u64,
}

/// Compiles shaders by name for one device. All threads may use it.
#[derive(Debug)]
pub struct ShaderCompiler {
    device: Device,
    config: ShaderCompilerConfig,
    memory: Mutex<HashMap<String, Cached>>,
    disk: Option<Arc<ShaderCache>>,
    counters: Counters,
}

#[derive(Debug)]
struct Cached {
    text: Arc<ShaderText>,
    shader: CompiledShader,
}

#[derive(Debug, Default)]
struct Counters {
    memory_hits: AtomicU64,
    disk_hits: AtomicU64,
    misses: AtomicU64,
}

impl ShaderCompiler {
    /// A compiler for the shaders of the configuration.
    ///
    /// # Errors
    /// [`MetalError::ShaderDirectory`] if there is a directory and it cannot be read.
    pub fn new(device: &Device, config: ShaderCompilerConfig) -> Result<Self, MetalError> {
        let compiler = Self {
            device: device.clone(),
            disk: disk_cache(&config).map(Arc::new),
            config,
            memory: Mutex::default(),
            counters: Counters::default(),
        };
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

    /// Where it keeps what it has compiled between runs, if it does.
    pub fn disk_cache(&self) -> Option<&ShaderCache> {
        self.disk.as_deref()
    }

    /// Where the shaders came from that it was asked for so far.
    pub fn cache_statistics(&self) -> CacheStatistics {
        let Counters { memory_hits, disk_hits, misses } = &self.counters;
        let [memory_hits, disk_hits, misses] =
            [memory_hits, disk_hits, misses].map(|counter| counter.load(Ordering::Relaxed));
        CacheStatistics { memory_hits, disk_hits, misses }
    }

    /// Forgets what has been compiled, in memory and, for all compilers that share it, on disk. Libraries and
    /// pipelines in use stay as they are.
    ///
    /// # Errors
    /// [`MetalError::ShaderCache`] if the files cannot be removed.
    pub fn clear_cache(&self) -> Result<(), MetalError> {
        lock(&self.memory).clear();
        let Some(disk) = &self.disk else { return Ok(()) };
        let failed = |error: io::Error| MetalError::ShaderCache {
            path: disk.directory().to_owned(),
            source: Arc::new(error),
        };
        disk.clear().map(drop).map_err(failed)
    }

    /// The shaders that there are, by name.
    ///
    /// # Errors
    /// [`MetalError::ShaderDirectory`] if the directory cannot be read.
    pub fn shader_names(&self) -> Result<Vec<String>, MetalError> {
        sources::names(self.directory())
    }

    /// The text of a shader, as it would be compiled now.
    ///
    /// # Errors
    /// [`MetalError::ShaderNotFound`], or [`MetalError::ShaderDirectory`] if it cannot be read.
    pub fn shader_source(&self, name: &str) -> Result<String, MetalError> {
        Ok(sources::read(self.directory(), name)?.source)
    }

    /// What a shader's entry in the disk cache would be found by now.
    ///
    /// # Errors
    /// As [`shader_source`](Self::shader_source).
    pub fn cache_key(&self, name: &str) -> Result<CacheKey, MetalError> {
        let text = sources::read(self.directory(), name)?;
        Ok(CacheKey::new(&self.device, name, &text.source, &self.options(&text)))
    }

    /// Compiles a shader, or gives what has been compiled of the same text with the same options.
    ///
    /// # Errors
    /// [`MetalError::ShaderNotFound`], [`MetalError::ShaderDirectory`] if it cannot be read, or
    /// [`MetalError::CompilationFailed`].
    pub fn compile_shader(&self, name: &str) -> Result<CompiledShader, MetalError> {
        let text = Arc::new(sources::read(self.directory(), name)?);
        if let Some(cached) = self.in_memory(name, &text) {
            count(&self.counters.memory_hits);
            return Ok(cached);
        }
        let options = self.options(&text);
        let library = self.library(name, &text.source, &options)?;
        let archive = self.archive(name, &text.source, &options);
        let shader = CompiledShader { name: name.to_owned(), library, archive };
        if self.config.enable_caching {
            lock(&self.memory).insert(name.to_owned(), Cached { text, shader: shader.clone() });
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

    fn in_memory(&self, name: &str, text: &ShaderText) -> Option<CompiledShader> {
        let memory = lock(&self.memory);
        memory.get(name).filter(|cached| *cached.text == *text).map(|cached| cached.shader.clone())
    }

    /// The options of a text, settled: the configuration's, and the files beside it.
    fn options(&self, text: &ShaderText) -> CompileOptions {
        let mut options = self.config.compile_options.clone();
        options.optimization_level = self.config.optimization_level;
        options.debug_info = self.config.debug_info;
        for (include, body) in &text.includes {
            options.includes.entry(include.clone()).or_insert_with(|| body.clone());
        }
        let mut options = self.device.settled(&options);
        if self.directory().is_none() {
            kernels::suit_built_in(&mut options);
        }
        options
    }

    /// Loads a library from the disk, or compiles and keeps it.
    fn library(&self, name: &str, source: &str, options: &CompileOptions) -> Result<Library, MetalError> {
        let compile = || {
            count(&self.counters.misses);
            self.device.new_library_with_named_source(name, source, options)
        };
        let Some(disk) = &self.disk else { return compile() };
        let key = CacheKey::new(&self.device, name, source, options);
        match self.load(disk, &key, name) {
            Ok(Some(library)) => {
                count(&self.counters.disk_hits);
                return Ok(library);
            }
            Ok(None) => {}
            Err(fault) => {
                let path = disk.entry_path(&key);
                tracing::warn!(
                    "shader '{name}' is compiled again, '{}' is of no use: {fault}",
                    path.display()
                );
            }
        }
        let library = compile()?;
        if let Some(artifact) = library.artifact() {
            disk.store(&key, &Label::new(name, options), &artifact);
        }
        Ok(library)
    }

    /// Where the machine code of a library is kept; nowhere without a cache.
    fn archive(
        &self,
        name: &str,
        source: &str,
        options: &CompileOptions,
    ) -> Option<(BinaryArchive, Arc<ShaderCache>)> {
        let disk = self.disk.as_ref()?;
        let path = disk.archive_path(&CacheKey::new(&self.device, name, source, options));
        let archive = self.device.new_binary_archive(&path);
        let archive =
            archive.inspect_err(|error| tracing::warn!("machine code is not kept: {error}")).ok()?;
        Some((archive, disk.clone()))
    }

    fn load(&self, disk: &ShaderCache, key: &CacheKey, name: &str) -> Result<Option<Library>, EntryFault> {
        let Some(artifact) = disk.load(key)? else { return Ok(None) };
        self.device.new_library_from_artifact(name, &artifact).map(Some).map_err(EntryFault::Artifact)
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// The cache that a configuration asks for.
fn disk_cache(config: &ShaderCompilerConfig) -> Option<ShaderCache> {
    if !config.enable_caching {
        return None;
    }
    if let Some(directory) = &config.cache_directory {
        return Some(ShaderCache::at(directory));
    }
    let cache = ShaderCache::of_the_user();
    if cache.is_none() {
        tracing::debug!("the user has no cache directory: compiled shaders are kept in memory only");
    }
    cache
}

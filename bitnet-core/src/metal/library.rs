//! Libraries: compiled shaders.

use std::sync::{Arc, OnceLock};

use bitnet_msl::reflect::KernelInfo;

use super::backend;
use super::compile_options::CompileOptions;
use super::device::Device;
use super::error::MetalError;
use super::function::Function;
use super::function_constants::FunctionConstantValues;
use super::kernels;
use super::label::Label;
use super::names::KnownNames;

/// A compiled shader, or all built-in ones together. A clone is another handle to it.
#[derive(Clone, Debug)]
pub struct Library {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    device: Device,
    name: String,
    label: Label,
    parts: Vec<Part>,
}

/// One source of a library.
#[derive(Debug)]
enum Part {
    /// It has been compiled.
    Compiled(Arc<dyn backend::Library>),
    /// A built-in shader (index into [`kernels::SHADERS`]), compiled on first use.
    BuiltIn(usize, OnceLock<Result<Arc<dyn backend::Library>, MetalError>>),
}

impl Library {
    pub(crate) fn new(device: Device, name: &str, raw: Arc<dyn backend::Library>) -> Self {
        let parts = vec![Part::Compiled(raw)];
        Self { inner: Arc::new(Inner { device, name: name.to_owned(), label: Label::default(), parts }) }
    }

    pub(crate) fn built_in(device: Device) -> Self {
        let parts = (0..kernels::SHADERS.len()).map(|i| Part::BuiltIn(i, OnceLock::new())).collect();
        Self { inner: Arc::new(Inner { device, name: "default".to_owned(), label: Label::default(), parts }) }
    }

    /// The device that the library was compiled for.
    pub fn device(&self) -> &Device {
        &self.inner.device
    }

    /// What errors and diagnostics call the library.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The kernel with this (host) name, with its function constants set.
    ///
    /// # Errors
    /// [`MetalError::FunctionNotFound`]; for the default library, also if a shader does not compile.
    pub fn get_function(
        &self,
        name: &str,
        constants: Option<FunctionConstantValues>,
    ) -> Result<Function, MetalError> {
        for part in &self.inner.parts {
            let raw = self.inner.compiled(part)?;
            if let Some(kernel) = raw.kernels().iter().position(|kernel| kernel.name == name) {
                let constants = constants.unwrap_or_default();
                return Ok(Function::new(self.device().clone(), raw.clone(), kernel, constants));
            }
        }
        Err(MetalError::FunctionNotFound {
            function: name.to_owned(),
            shader: self.name().to_owned(),
            known: KnownNames::for_unknown(name, self.function_names()?),
        })
    }

    /// The (host) names of the kernels, in source order.
    ///
    /// # Errors
    /// For the default library: if a shader does not compile.
    pub fn function_names(&self) -> Result<Vec<String>, MetalError> {
        Ok(self.kernels()?.into_iter().map(|kernel| kernel.name).collect())
    }

    /// The kernels, in source order: what each takes, and how its structs are laid out.
    ///
    /// # Errors
    /// For the default library: if a shader does not compile.
    pub fn kernels(&self) -> Result<Vec<KernelInfo>, MetalError> {
        let mut kernels = Vec::new();
        for part in &self.inner.parts {
            kernels.extend_from_slice(self.inner.compiled(part)?.kernels());
        }
        Ok(kernels)
    }

    /// The compiled code as bytes, if it can be kept; none for the default library, which need not be compiled yet.
    pub(crate) fn artifact(&self) -> Option<Vec<u8>> {
        match self.inner.parts.as_slice() {
            [Part::Compiled(raw)] => raw.artifact(),
            _ => None,
        }
    }

    /// Gives it a label, which the device's tools show.
    pub fn set_label(&self, label: &str) {
        self.inner.label.set(label);
        for part in &self.inner.parts {
            if let Some(raw) = part.if_compiled() {
                raw.set_label(label);
            }
        }
    }

    /// Its label, if it has been given one.
    pub fn label(&self) -> Option<String> {
        self.inner.label.get()
    }

    /// Whether both are handles to the same library.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Part {
    fn if_compiled(&self) -> Option<&Arc<dyn backend::Library>> {
        match self {
            Part::Compiled(raw) => Some(raw),
            Part::BuiltIn(_, raw) => raw.get()?.as_ref().ok(),
        }
    }
}

impl Inner {
    fn compiled<'a>(&self, part: &'a Part) -> Result<&'a Arc<dyn backend::Library>, MetalError> {
        let compile = |index: usize| {
            let (name, source) = kernels::SHADERS[index];
            let includes = kernels::built_in_includes();
            let mut options = CompileOptions { includes, ..CompileOptions::default() };
            kernels::suit_built_in(&mut options);
            let raw = self.device.new_raw_library(name, source, &options)?;
            if let Some(label) = self.label.get() {
                raw.set_label(&label);
            }
            Ok(raw)
        };
        match part {
            Part::Compiled(raw) => Ok(raw),
            Part::BuiltIn(index, raw) => raw.get_or_init(|| compile(*index)).as_ref().map_err(Clone::clone),
        }
    }
}

//! The texts of shaders: built in, or from a directory.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::metal::error::MetalError;
use crate::metal::kernels;
use crate::metal::names::KnownNames;

/// All that a compilation depends on beside the configuration.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ShaderText {
    pub(super) source: String,
    pub(super) includes: BTreeMap<String, String>,
}

/// The shaders that there are, sorted. Without a directory, the built-in ones.
pub(super) fn names(directory: Option<&Path>) -> Result<Vec<String>, MetalError> {
    let Some(directory) = directory else {
        return Ok(kernels::SHADERS.iter().map(|(name, _)| (*name).to_owned()).collect());
    };
    let files = files(directory)?;
    Ok(files.iter().filter_map(|file| Some(shader_name(file)?.to_owned())).collect())
}

/// The text of a shader, and of the files that it may include: those of the directory, and the built-in headers that it
/// has no file of the same name for.
pub(super) fn read(directory: Option<&Path>, name: &str) -> Result<ShaderText, MetalError> {
    let not_found = |names: Vec<String>| MetalError::ShaderNotFound {
        shader: name.to_owned(),
        known: KnownNames::for_unknown(name, names),
    };
    let Some(directory) = directory else {
        let shader = kernels::SHADERS.iter().find(|(shader, _)| *shader == name);
        let (_, source) = shader.ok_or_else(|| not_found(names(None).unwrap_or_default()))?;
        return Ok(ShaderText { source: (*source).to_owned(), includes: kernels::built_in_includes() });
    };
    let files = files(directory)?;
    if !files.iter().any(|file| shader_name(file) == Some(name)) {
        return Err(not_found(names(Some(directory))?));
    }
    let mut includes = kernels::built_in_includes();
    for file in &files {
        includes.insert(file.clone(), read_text(&directory.join(file))?);
    }
    let source = includes.remove(&format!("{name}.metal")).expect("the file was just found");
    Ok(ShaderText { source, includes })
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

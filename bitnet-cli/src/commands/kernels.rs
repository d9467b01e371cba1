//! Which kernels a command is about, by the names that it was given.

use std::path::PathBuf;

use anyhow::bail;
use bitnet_core::metal::kernels::{KernelRow, Precision, TABLE};
use bitnet_core::metal::{BitNetShaderFunction, KnownNames, ShaderCompilerConfig};

/// A version of a kernel.
pub(crate) type Version = (&'static KernelRow, Precision);

/// The versions that these names mean, in the order of the table; all of them without names. The name of a kernel
/// means all its versions, that of a version only it.
pub(crate) fn versions(names: &[String], precision: Option<Precision>) -> anyhow::Result<Vec<Version>> {
    for name in names {
        if BitNetShaderFunction::version_from_name(name).is_none() {
            let known = TABLE.iter().map(|row| row.name);
            bail!("there is no kernel '{name}'{}", KnownNames::for_unknown(name, known));
        }
    }
    let all = TABLE.iter().flat_map(|row| row.precisions().iter().map(move |&precision| (row, precision)));
    let is_named = |(row, precision): &Version| {
        let means = |name: &String| name == row.name || **name == *row.kernel_name(*precision);
        names.is_empty() || names.iter().any(means)
    };
    let is_wanted = |version: &Version| precision.is_none_or(|wanted| wanted == version.1);
    let versions: Vec<Version> = all.filter(is_named).filter(is_wanted).collect();
    if let (Some(precision), true) = (precision, versions.is_empty()) {
        bail!("{} has no version in {precision}", names.join(", "));
    }
    Ok(versions)
}

/// The shaders of a directory, or the built-in ones.
pub(crate) fn shader_config(directory: Option<&PathBuf>) -> ShaderCompilerConfig {
    ShaderCompilerConfig {
        shader_directory: directory.cloned().unwrap_or_default(),
        ..ShaderCompilerConfig::default()
    }
}

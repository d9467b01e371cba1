//! `bitnet cache`: what compiled shaders are kept, and how to get rid of them or have them early.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use bitnet_core::metal::kernels::TABLE;
use bitnet_core::metal::{
    BitNetShaders, CACHE_DIRECTORY_VARIABLE, CacheEntry, EntryState, ShaderCache, ShaderCompilerConfig,
};
use serde::Serialize;

use crate::cli::{CacheAction, CacheArgs, DeviceChoice};
use crate::{device, output};

pub(crate) fn run(args: &CacheArgs) -> anyhow::Result<ExitCode> {
    let cache = match &args.dir {
        Some(directory) => ShaderCache::at(directory),
        None => ShaderCache::of_the_user().with_context(|| {
            format!("the user has no cache directory; say where with --dir or {CACHE_DIRECTORY_VARIABLE}")
        })?,
    };
    match &args.action {
        None | Some(CacheAction::Show) => show(&cache, args.json)?,
        Some(CacheAction::Clear) => clear(&cache, args.json)?,
        Some(CacheAction::Warm { names, shaders, device }) => {
            warm(&cache, names, shaders.as_deref(), *device, args.json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Listing {
    directory: String,
    files: Vec<File>,
    total_bytes: u64,
    limit_bytes: u64,
}

#[derive(Serialize)]
struct File {
    file: String,
    /// `valid`, `archive`, `faulty`, `unfinished`.
    state: &'static str,
    shader: Option<String>,
    options: Option<String>,
    /// What is wrong with it.
    fault: Option<String>,
    size_bytes: u64,
    age_seconds: Option<u64>,
}

fn show(cache: &ShaderCache, json: bool) -> anyhow::Result<()> {
    let entries = cache.entries().with_context(|| cannot("read", cache))?;
    let files: Vec<File> = entries.into_iter().map(file).collect();
    let listing = Listing {
        directory: cache.directory().display().to_string(),
        total_bytes: files.iter().map(|file| file.size_bytes).sum(),
        limit_bytes: ShaderCache::LIMIT_BYTES,
        files,
    };
    if json {
        return output::print_json(&listing);
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{}", listing.directory)?;
    for file in &listing.files {
        let what = match (&file.shader, &file.fault) {
            (Some(shader), _) => format!("{shader:<14} {}", file.options.as_deref().unwrap_or_default()),
            (None, Some(fault)) => format!("of no use, will be replaced: {fault} ({})", file.file),
            (None, None) => format!("{} ({})", file.state, file.file),
        };
        let size = output::human_bytes(file.size_bytes);
        writeln!(out, "  {what:<60} {size:>10}  {}", age(file.age_seconds))?;
    }
    let (total, limit) = (output::human_bytes(listing.total_bytes), output::human_bytes(listing.limit_bytes));
    writeln!(out, "{}, {total} of at most {limit}", count(listing.files.len(), "file"))?;
    Ok(())
}

fn file(entry: CacheEntry) -> File {
    let name = entry.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let age = entry.written.and_then(|written| written.elapsed().ok());
    let (state, shader, options, fault) = match entry.state {
        EntryState::Valid { shader, options } => ("valid", Some(shader), Some(options), None),
        EntryState::Archive => ("archive", None, None, None),
        EntryState::Faulty(fault) => ("faulty", None, None, Some(fault.to_string())),
        EntryState::Unfinished => ("unfinished", None, None, None),
    };
    let age_seconds = age.as_ref().map(Duration::as_secs);
    File { file: name, state, shader, options, fault, size_bytes: entry.size_bytes, age_seconds }
}

/// An age for people.
fn age(seconds: Option<u64>) -> String {
    match seconds {
        None => String::new(),
        Some(0..60) => "just now".to_owned(),
        Some(s @ 60..3600) => format!("{} min ago", s / 60),
        Some(s @ 3600..86400) => format!("{} h ago", s / 3600),
        Some(s) => format!("{} ago", count((s / 86400) as usize, "day")),
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn cannot(what: &str, cache: &ShaderCache) -> String {
    format!("cannot {what} the shader cache {}", cache.directory().display())
}

fn clear(cache: &ShaderCache, json: bool) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Removed {
        directory: String,
        removed_files: usize,
        removed_bytes: u64,
    }
    let cleared = cache.clear().with_context(|| cannot("clear", cache))?;
    let directory = cache.directory().display().to_string();
    if json {
        let (removed_files, removed_bytes) = (cleared.files, cleared.bytes);
        return output::print_json(&Removed { directory, removed_files, removed_bytes });
    }
    let (files, bytes) = (count(cleared.files, "file"), output::human_bytes(cleared.bytes));
    writeln!(io::stdout(), "removed {files}, {bytes}, from {directory}")?;
    Ok(())
}

#[derive(Serialize)]
struct Warmed {
    shader: String,
    /// It was there already.
    from_cache: bool,
    /// Pipelines made of its kernels.
    pipelines: usize,
}

fn warm(
    cache: &ShaderCache,
    names: &[String],
    shaders: Option<&Path>,
    device: Option<DeviceChoice>,
    json: bool,
) -> anyhow::Result<()> {
    let config = ShaderCompilerConfig {
        shader_directory: shaders.map(Path::to_owned).unwrap_or_default(),
        cache_directory: Some(cache.directory().to_owned()),
        ..ShaderCompilerConfig::default()
    };
    let shaders = BitNetShaders::with_config(device::open(device)?, config)?;
    let all = if names.is_empty() { shaders.compiler().shader_names()? } else { names.to_vec() };
    let warmed = all.into_iter().map(|name| warm_one(&shaders, name)).collect::<anyhow::Result<Vec<_>>>()?;
    if json {
        return output::print_json(&warmed);
    }
    let mut out = io::stdout().lock();
    for Warmed { shader, from_cache, pipelines } in &warmed {
        let how = if *from_cache { "was there" } else { "compiled" };
        writeln!(out, "{shader:<14} {how}, {} made", count(*pipelines, "pipeline"))?;
    }
    writeln!(out, "{} in {}", count(warmed.len(), "shader"), cache.directory().display())?;
    Ok(())
}

/// Compiles a shader and makes the pipelines that the kernel table says it has.
fn warm_one(shaders: &BitNetShaders, name: String) -> anyhow::Result<Warmed> {
    let misses = shaders.compiler().cache_statistics().misses;
    shaders.compiler().compile_shader(&name)?;
    let from_cache = shaders.compiler().cache_statistics().misses == misses;
    let mut pipelines = 0;
    for row in TABLE.iter().filter(|row| row.shader == name) {
        for &precision in row.precisions() {
            shaders.get_pipeline_in(row.function, precision)?;
            pipelines += 1;
        }
    }
    Ok(Warmed { shader: name, from_cache, pipelines })
}

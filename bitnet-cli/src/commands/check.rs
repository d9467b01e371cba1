//! `bitnet check`: compiles Metal shaders and prints what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use bitnet_core::metal::kernels::built_in_includes;
use bitnet_core::msl::diag::{DiagnosticView, RenderStyle, Severity};
use bitnet_core::msl::{Compilation, CompileOptions, compile_bytes};
use serde::Serialize;

use crate::cli::CheckArgs;
use crate::output;

/// How many included files one check reads.
const MAX_INCLUDED_FILES: usize = 256;

/// The report of one file, as `--json` prints it.
#[derive(Serialize)]
struct FileReport {
    file: String,
    kernels: Vec<String>,
    errors: usize,
    warnings: usize,
    diagnostics: Vec<DiagnosticView>,
}

pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let defines = parse_defines(&args.defines)?;
    let mut reports = Vec::new();
    let mut failed = false;
    for path in &args.files {
        let compilation = check_file(path, &defines, &args.include_dirs)?;
        failed |= compilation.errors().next().is_some();
        if args.json {
            reports.push(report(path, &compilation));
        } else {
            print_findings(path, &compilation)?;
        }
    }
    if args.json {
        output::print_json(&reports)?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn check_file(
    path: &Path,
    defines: &BTreeMap<String, String>,
    include_dirs: &[PathBuf],
) -> anyhow::Result<Compilation> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut dirs = vec![output::directory_of(path).to_path_buf()];
    dirs.extend_from_slice(include_dirs);
    let options = CompileOptions {
        defines: defines.clone(),
        includes: included_files(&String::from_utf8_lossy(&bytes), &dirs)?,
        ..CompileOptions::default()
    };
    Ok(compile_bytes(&path.display().to_string(), &bytes, &options))
}

/// `-D NAME=VALUE`; without a value a macro is 1, as with every C compiler.
fn parse_defines(defines: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut map = BTreeMap::new();
    for define in defines {
        let (name, value) = define.split_once('=').unwrap_or((define, "1"));
        if name.is_empty() {
            bail!("-D {define}: a macro needs a name, as in -D TILE=32");
        }
        map.insert(name.to_owned(), value.to_owned());
    }
    Ok(map)
}

/// The files that `#include "name"` lines reach, the built-in headers among them where there is no file of the name. What
/// is not found is left to the compiler to report, with its place.
fn included_files(text: &str, dirs: &[PathBuf]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut pending = quoted_includes(text);
    let mut built_in = built_in_includes();
    while let Some(name) = pending.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let Some(path) = dirs.iter().map(|dir| dir.join(&name)).find(|path| path.is_file()) else {
            if let Some(text) = built_in.remove(&name) {
                pending.extend(quoted_includes(&text));
                files.insert(name, text);
            }
            continue;
        };
        if files.len() == MAX_INCLUDED_FILES {
            bail!("{}: more than {MAX_INCLUDED_FILES} included files", path.display());
        }
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        pending.extend(quoted_includes(&text));
        files.insert(name, text);
    }
    Ok(files)
}

/// The names in `#include "name"` lines, whether or not a conditional hides them: a name too many costs nothing.
fn quoted_includes(text: &str) -> Vec<String> {
    let name_of = |line: &str| {
        let rest = line.trim_start().strip_prefix('#')?.trim_start().strip_prefix("include")?;
        let (name, _) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
        Some(name.to_owned())
    };
    text.lines().filter_map(name_of).collect()
}

fn count(compilation: &Compilation, severity: Severity) -> usize {
    compilation.diagnostics.iter().filter(|d| d.severity == severity).count()
}

fn kernel_names(compilation: &Compilation) -> Vec<String> {
    compilation.module.iter().flat_map(|m| m.kernels.iter().map(|k| k.name.clone())).collect()
}

/// Findings go to standard error as a compiler's do; the verdict of a clean file to standard output.
fn print_findings(path: &Path, compilation: &Compilation) -> anyhow::Result<()> {
    let style = if io::stderr().is_terminal() { RenderStyle::Ansi } else { RenderStyle::Plain };
    write!(io::stderr().lock(), "{}", compilation.render(style))?;
    let (errors, warnings) = (count(compilation, Severity::Error), count(compilation, Severity::Warning));
    let (path, warnings) = (path.display(), plural(warnings, "warning"));
    if errors > 0 {
        writeln!(io::stderr().lock(), "error: {path}: {}, {warnings}", plural(errors, "error"))?;
    } else {
        let kernels = plural(kernel_names(compilation).len(), "kernel");
        writeln!(io::stdout().lock(), "{path}: {kernels}, no errors, {warnings}")?;
    }
    Ok(())
}

fn plural(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

fn report(path: &Path, compilation: &Compilation) -> FileReport {
    FileReport {
        file: path.display().to_string(),
        kernels: kernel_names(compilation),
        errors: count(compilation, Severity::Error),
        warnings: count(compilation, Severity::Warning),
        diagnostics: compilation.diagnostics.iter().map(|d| d.to_json_view(&compilation.sources)).collect(),
    }
}

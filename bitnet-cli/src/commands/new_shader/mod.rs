//! `bitnet new-shader`: the files of a new shader, which compile and pass their tests before a line is changed.

mod checkout;
mod name;

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use bitnet_core::whole_file;

use crate::cli::NewShaderArgs;
use crate::output;
use name::Name;

const SHADER: &str = include_str!("templates/example_kernel.metal");
const CRATE_TEST: &str = include_str!("templates/crate_test.rs");

/// What is to be written.
struct Plan {
    /// Paths are from here.
    root: PathBuf,
    new: Vec<File>,
    /// Files that exist, with lines more.
    changed: Vec<File>,
    /// What to read and do then.
    advice: String,
}

/// A file as it is to be.
struct File {
    /// From the plan's root.
    path: PathBuf,
    text: String,
}

impl File {
    fn new(path: impl Into<PathBuf>, text: String) -> Self {
        Self { path: path.into(), text }
    }
}

pub(crate) fn run(args: &NewShaderArgs) -> anyhow::Result<ExitCode> {
    let name = Name::new(&args.name)?;
    let plan = match &args.dir {
        Some(directory) => plan_for_crate(&name, directory)?,
        None => checkout::plan(&name, &env::current_dir()?, args.apply)?,
    };
    refuse_existing(&plan, args.force)?;
    let mut out = io::stdout().lock();
    for (files, what) in [(&plan.new, "wrote"), (&plan.changed, "changed")] {
        for file in files {
            let path = plan.root.join(&file.path);
            fs::create_dir_all(output::directory_of(&path)).with_context(|| output::cannot_write(&path))?;
            whole_file::write(&path, file.text.as_bytes()).with_context(|| output::cannot_write(&path))?;
            writeln!(out, "{what} {}", file.path.display())?;
        }
    }
    write!(out, "\n{}", plan.advice)?;
    Ok(ExitCode::SUCCESS)
}

fn refuse_existing(plan: &Plan, force: bool) -> anyhow::Result<()> {
    let existing: Vec<String> = plan
        .new
        .iter()
        .filter(|file| plan.root.join(&file.path).exists())
        .map(|file| file.path.display().to_string())
        .collect();
    if !force && !existing.is_empty() {
        bail!("{} exist already; --force replaces them", existing.join(", "));
    }
    Ok(())
}

/// A shader in a directory of one's own and, if a crate is around it, a test there.
fn plan_for_crate(name: &Name, directory: &Path) -> anyhow::Result<Plan> {
    let directory = std::path::absolute(directory).context("--dir")?;
    let shader = name.fill(SHADER);
    let file_name = format!("{name}.metal");
    let Some((root, inside)) = crate_around(&directory) else {
        let advice = format!(
            "There is no crate around {0}, so there is no test.\nnext: bitnet check {0}/{file_name}\n",
            directory.display()
        );
        return Ok(Plan {
            new: vec![File::new(file_name, shader)],
            changed: Vec::new(),
            root: directory,
            advice,
        });
    };
    let shader_path = inside.join(file_name);
    // `Path::join` takes forward slashes everywhere, and a Rust string takes them as they are.
    let components: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    let test = name.fill(CRATE_TEST).replace("SHADER_DIRECTORY", &components.join("/"));
    let advice = format!(
        "The test needs bitnet-core among the crate's dependencies.\n\
         next: bitnet check {}\n      cargo test --test {name}\n",
        shader_path.display()
    );
    let test_path = PathBuf::from(format!("tests/{name}.rs"));
    let new = vec![File::new(shader_path, shader), File::new(test_path, test)];
    Ok(Plan { root, new, changed: Vec::new(), advice })
}

/// The root of the crate that a directory lies in, and the way from there.
fn crate_around(directory: &Path) -> Option<(PathBuf, PathBuf)> {
    let is_crate = |root: &&Path| {
        fs::read_to_string(root.join("Cargo.toml"))
            .is_ok_and(|manifest| manifest.lines().any(|line| line.trim() == "[package]"))
    };
    let root = directory.ancestors().find(is_crate)?;
    Some((root.to_owned(), directory.strip_prefix(root).ok()?.to_owned()))
}

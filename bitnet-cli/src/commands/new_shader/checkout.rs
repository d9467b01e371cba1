//! A new shader among those of this project: its files, and the lines that name it in files that exist.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use bitnet_core::metal::kernels::TABLE;

use super::name::Name;
use super::{COMMON_PART, File, Plan, SHADER};

const KERNELS: &str = "bitnet-core/src/metal/kernels";
const SHADERS: &str = "bitnet-core/src/metal/shaders";
/// The shader from which the common part is taken; a test of the project says that all have the same.
const MODEL: &str = "activation.metal";
const COMMON_FROM: &str = "// ---- The simdgroups of a grid.";
const COMMON_TO: &str = "// ---- End of the common part.\n";

/// Lines that name the shader in a file that exists.
struct Addition {
    /// From [`KERNELS`].
    file: &'static str,
    place: Place,
    lines: String,
}

enum Place {
    /// Among the declarations of modules, which are sorted.
    Modules,
    /// Before the line that closes the item that starts like this.
    EndOf(&'static str),
}

impl Addition {
    /// What the printed advice calls the place.
    fn place_text(&self) -> String {
        match self.place {
            Place::Modules => "among the modules".to_owned(),
            Place::EndOf(item) => format!("at the end of `{item}`"),
        }
    }

    /// The text with the lines added; as it is if it has them.
    fn add(&self, text: &str) -> anyhow::Result<String> {
        if text.starts_with(&self.lines) || text.contains(&format!("\n{}", self.lines)) {
            return Ok(text.to_owned());
        }
        let place = match self.place {
            Place::Modules => self.among_modules(text),
            Place::EndOf(item) => end_of(text, item),
        };
        let file = self.file;
        let at = place.with_context(|| format!("{KERNELS}/{file} has no place {}", self.place_text()))?;
        Ok(format!("{}{}{}", &text[..at], self.lines, &text[at..]))
    }

    /// Before the first module whose name comes later, else after the last one.
    fn among_modules(&self, text: &str) -> Option<usize> {
        let is_module =
            |line: &str| line.ends_with(";\n") && (line.starts_with("mod ") || line.contains(") mod "));
        let modules: Vec<(usize, &str)> = lines(text).filter(|(_, line)| is_module(line)).collect();
        let later = modules.iter().find(|(_, line)| *line > self.lines.as_str()).map(|(at, _)| *at);
        later.or_else(|| modules.last().map(|(at, line)| at + line.len()))
    }
}

/// The lines of a text with their line ends, and where they begin.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        at += line.len();
        (at - line.len(), line)
    })
}

/// Where the line begins that closes an item of the module.
fn end_of(text: &str, item: &str) -> Option<usize> {
    let mut rest = lines(text).skip_while(|(_, line)| !line.starts_with(item));
    rest.find(|(_, line)| matches!(line.trim_end(), "}" | "];")).map(|(at, _)| at)
}

fn additions(name: &Name) -> Vec<Addition> {
    let add = |file, place, lines: &str| Addition { file, place, lines: name.fill(lines) };
    vec![
        add(
            "mod.rs",
            Place::EndOf("pub static SHADERS"),
            "    (\"example_kernel\", include_str!(\"../shaders/example_kernel.metal\")),\n",
        ),
        add("reference/mod.rs", Place::Modules, "pub(super) mod example_kernel;\n"),
        add("cases/mod.rs", Place::Modules, "pub(super) mod example_kernel;\n"),
        add("table/mod.rs", Place::Modules, "mod example_kernel;\n"),
        add(
            "table/mod.rs",
            Place::EndOf("pub enum BitNetShaderFunction"),
            "    /// `example_kernel`\n    ExampleKernel,\n",
        ),
        add("table/mod.rs", Place::EndOf("pub static TABLE"), "    example_kernel::EXAMPLE_KERNEL,\n"),
    ]
}

/// What is to be written into the checkout that `here` lies in; `apply` says whether files that exist are changed.
pub(super) fn plan(name: &Name, here: &Path, apply: bool) -> anyhow::Result<Plan> {
    let is_root = |root: &&Path| root.join(KERNELS).join("table/mod.rs").is_file();
    let Some(root) = here.ancestors().find(is_root) else {
        bail!(
            "{} does not lie in a checkout of bitnet-rust; for a shader of your own, name its directory with --dir",
            here.display()
        );
    };
    refuse_taken(name)?;
    let model = root.join(SHADERS).join(MODEL);
    let model = fs::read_to_string(&model).with_context(|| format!("cannot read {}", model.display()))?;
    let common = common_part(&model).with_context(|| format!("{SHADERS}/{MODEL} has no common part"))?;
    let kernels = Path::new(KERNELS);
    let file = |folder: &str| kernels.join(folder).join(format!("{name}.rs"));
    let new = vec![
        File::new(
            Path::new(SHADERS).join(format!("{name}.metal")),
            name.fill(&SHADER.replace(COMMON_PART, &format!("{common}\n"))),
        ),
        File::new(file("reference"), name.fill(include_str!("templates/reference.rs"))),
        File::new(file("cases"), name.fill(include_str!("templates/cases.rs"))),
        File::new(file("table"), name.fill(include_str!("templates/table.rs"))),
    ];
    let additions = additions(name);
    let changed = if apply { changed(root, &additions)? } else { Vec::new() };
    Ok(Plan { root: root.to_owned(), new, changed, advice: advice(name, &additions, apply) })
}

/// Refuses a name that a kernel of the project has, unless it is that of this very shader, laid down before.
fn refuse_taken(name: &Name) -> anyhow::Result<()> {
    for row in TABLE.iter().filter(|row| row.shader != name.to_string()) {
        let taken = row.name == name.to_string() || format!("{:?}", row.function) == name.camel();
        ensure!(!taken, "'{name}' is taken: {}.metal has the kernel {}", row.shader, row.name);
    }
    Ok(())
}

fn common_part(model: &str) -> Option<&str> {
    let from = model.find(COMMON_FROM)?;
    let to = from + model[from..].find(COMMON_TO)? + COMMON_TO.len();
    Some(&model[from..to])
}

/// The files that exist, with the additions.
fn changed(root: &Path, additions: &[Addition]) -> anyhow::Result<Vec<File>> {
    let mut texts: BTreeMap<PathBuf, String> = BTreeMap::new();
    for addition in additions {
        let path = Path::new(KERNELS).join(addition.file);
        let text = match texts.get(&path) {
            Some(text) => text.clone(),
            None => fs::read_to_string(root.join(&path))
                .with_context(|| format!("cannot read {}", root.join(&path).display()))?,
        };
        texts.insert(path, addition.add(&text)?);
    }
    Ok(texts.into_iter().map(|(path, text)| File::new(path, text)).collect())
}

/// What to add by hand, if anything, and how to try it.
fn advice(name: &Name, additions: &[Addition], applied: bool) -> String {
    let mut text = String::new();
    if !applied {
        for addition in additions {
            let (file, place) = (addition.file, addition.place_text());
            writeln!(text, "add to {KERNELS}/{file}, {place}:\n{}", addition.lines)
                .expect("a String takes what is written to it");
        }
        text.push_str(&name.fill("or let `bitnet new-shader example_kernel --force --apply` add them\n"));
    }
    text.push_str(&name.fill(
        "next: cargo test -p bitnet-core --test kernels\n      \
         cargo run --release -- verify --kernel example_kernel\n      \
         cargo run --release -- bench example_kernel\n",
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addition(place: Place, lines: &str) -> Addition {
        Addition { file: "mod.rs", place, lines: lines.to_owned() }
    }

    #[test]
    fn modules_stay_sorted() {
        let text = "//! Doc.\n\nmod b;\nmod d;\n\nuse b::B;\n";
        for (lines, expect) in [
            ("mod a;\n", "//! Doc.\n\nmod a;\nmod b;\nmod d;\n\nuse b::B;\n"),
            ("mod c;\n", "//! Doc.\n\nmod b;\nmod c;\nmod d;\n\nuse b::B;\n"),
            ("mod e;\n", "//! Doc.\n\nmod b;\nmod d;\nmod e;\n\nuse b::B;\n"),
            ("mod d;\n", text),
        ] {
            let added = addition(Place::Modules, lines).add(text).expect("there are modules");
            assert_eq!(added, expect);
        }
    }

    #[test]
    fn lines_go_to_the_end_of_an_item_once() {
        let text = "enum Other {\n    A,\n}\n\npub enum F {\n    A,\n}\n\nenum Last {\n}\n";
        let addition = addition(Place::EndOf("pub enum F"), "    B,\n");
        let added = addition.add(text).expect("there is such an item");
        assert_eq!(added, text.replace("pub enum F {\n    A,\n", "pub enum F {\n    A,\n    B,\n"));
        assert_eq!(addition.add(&added).expect("there is such an item"), added);
    }

    #[test]
    fn a_file_without_the_place_is_named() {
        let error =
            addition(Place::EndOf("pub enum G"), "    B,\n").add("fn f() {}\n").expect_err("no place");
        assert_eq!(error.to_string(), format!("{KERNELS}/mod.rs has no place at the end of `pub enum G`"));
    }
}

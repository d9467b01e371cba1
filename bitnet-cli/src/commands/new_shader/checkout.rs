//! A new shader among those of this project: its files, and the lines that name it in files that exist.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use bitnet_core::metal::kernels::TABLE;

use super::name::Name;
use super::{File, Plan, SHADER};

const METAL: &str = "bitnet-core/src/metal";
const KERNELS: &str = "bitnet-core/src/metal/kernels";
const SHADERS: &str = "bitnet-core/src/metal/shaders";
/// Where every kernel is run by its dispatch helper and by its operation.
const OPERATIONS: &str = "bitnet-core/tests/operations";

/// Lines that name the shader in a file that exists.
struct Addition {
    /// From the root of the checkout.
    file: String,
    place: Place,
    lines: String,
}

enum Place {
    /// Among the lines that start like this, which are sorted.
    Sorted(&'static str),
    /// Before the line that closes the item that starts like this.
    EndOf(&'static str),
    /// Before the line that starts like this.
    Before(&'static str),
}

impl Addition {
    /// What the printed advice calls the place.
    fn place_text(&self) -> String {
        match self.place {
            Place::Sorted(start) => format!("among the lines `{start}…`"),
            Place::EndOf(item) => format!("at the end of `{item}`"),
            Place::Before(line) => format!("before `{line}`"),
        }
    }

    /// The text with the lines added; as it is if it has them.
    fn add(&self, text: &str) -> anyhow::Result<String> {
        if text.starts_with(&self.lines) || text.contains(&format!("\n{}", self.lines)) {
            return Ok(text.to_owned());
        }
        let place = match self.place {
            Place::Sorted(start) => self.among(start, text),
            Place::EndOf(item) => end_of(text, item),
            Place::Before(start) => lines(text).find(|(_, line)| line.starts_with(start)).map(|(at, _)| at),
        };
        let at = place.with_context(|| format!("{} has no place {}", self.file, self.place_text()))?;
        Ok(format!("{}{}{}", &text[..at], self.lines, &text[at..]))
    }

    /// Before the first line that starts like this and comes later, else after the last one.
    fn among(&self, start: &str, text: &str) -> Option<usize> {
        let alike: Vec<(usize, &str)> = lines(text).filter(|(_, line)| line.starts_with(start)).collect();
        let later = alike.iter().find(|(_, line)| *line > self.lines.as_str()).map(|(at, _)| *at);
        later.or_else(|| alike.last().map(|(at, line)| at + line.len()))
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
    let add = |folder: &str, file: &str, place, lines: &str| Addition {
        file: format!("{folder}/{file}"),
        place,
        lines: name.fill(lines),
    };
    let kernels = |file, place, lines| add(KERNELS, file, place, lines);
    let metal = |file, place, lines| add(METAL, file, place, lines);
    vec![
        kernels(
            "mod.rs",
            Place::EndOf("pub static SHADERS"),
            "    (\"example_kernel\", include_str!(\"../shaders/example_kernel.metal\")),\n",
        ),
        kernels("reference/mod.rs", Place::Sorted("pub(super) mod "), "pub(super) mod example_kernel;\n"),
        kernels("cases/mod.rs", Place::Sorted("pub(super) mod "), "pub(super) mod example_kernel;\n"),
        kernels("table/mod.rs", Place::Sorted("mod "), "mod example_kernel;\n"),
        kernels(
            "table/mod.rs",
            Place::EndOf("pub enum BitNetShaderFunction"),
            "    /// `example_kernel`\n    ExampleKernel,\n",
        ),
        kernels("table/mod.rs", Place::EndOf("pub static TABLE"), "    example_kernel::EXAMPLE_KERNEL,\n"),
        metal("dispatch/mod.rs", Place::Sorted("pub mod "), "pub mod example_kernel;\n"),
        metal("dispatch/tests.rs", Place::EndOf("static FAMILIES"), "    super::example_kernel::HELPERS,\n"),
        metal("mod.rs", Place::Sorted("pub use dispatch::"), "pub use dispatch::example_kernel::*;\n"),
        metal("ops/mod.rs", Place::Sorted("mod "), "mod example_kernel;\n"),
        add(
            OPERATIONS,
            "dispatch.rs",
            Place::Before("        F::ReluForward =>"),
            "        F::ExampleKernel => dispatch_example_kernel(e, b(0), b(1), count(o), t, g),\n",
        ),
        add(
            OPERATIONS,
            "ops.rs",
            Place::Before("        F::ReluForward =>"),
            "        F::ExampleKernel => forward(&Ops::example_kernel)?,\n",
        ),
        add(
            SHADERS,
            "README.md",
            Place::Before("### Headers"),
            "### [`example_kernel.metal`](example_kernel.metal)\n\n- `example_kernel`: y = x²\n\n",
        ),
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
    let file = |folder: &str, text| File::new(format!("{METAL}/{folder}/{name}.rs"), name.fill(text));
    let new = vec![
        File::new(Path::new(SHADERS).join(format!("{name}.metal")), name.fill(SHADER)),
        file("kernels/reference", include_str!("templates/reference.rs")),
        file("kernels/cases", include_str!("templates/cases.rs")),
        file("kernels/table", include_str!("templates/table.rs")),
        file("dispatch", include_str!("templates/dispatch.rs")),
        file("ops", include_str!("templates/ops.rs")),
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

/// The files that exist, with the additions.
fn changed(root: &Path, additions: &[Addition]) -> anyhow::Result<Vec<File>> {
    let mut texts: BTreeMap<PathBuf, String> = BTreeMap::new();
    for addition in additions {
        let path = PathBuf::from(&addition.file);
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
            let (file, place) = (&addition.file, addition.place_text());
            writeln!(text, "add to {file}, {place}:\n{}", addition.lines)
                .expect("a String takes what is written to it");
        }
        text.push_str(&name.fill("or let `bitnet new-shader example_kernel --force --apply` add them\n"));
    }
    text.push_str(&name.fill(
        "next: cargo test -p bitnet-core\n      \
         cargo run --release -- verify --kernel example_kernel\n      \
         cargo run --release -- bench example_kernel\n",
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addition(place: Place, lines: &str) -> Addition {
        Addition { file: "mod.rs".to_owned(), place, lines: lines.to_owned() }
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
            let added = addition(Place::Sorted("mod "), lines).add(text).expect("there are modules");
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
        assert_eq!(error.to_string(), "mod.rs has no place at the end of `pub enum G`");
    }
}

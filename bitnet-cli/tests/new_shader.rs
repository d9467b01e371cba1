//! `bitnet new-shader`: what it lays down is what the committed example is, and the example compiles and passes.
//!
//! `tests/square.rs` and `tests/shaders/square.metal` are what `bitnet new-shader square --dir tests/shaders` writes
//! into a crate: the first is one of this crate's tests, so that the written test is compiled and run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

fn bitnet(directory: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bitnet"))
        .current_dir(directory)
        .args(args)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the program prints UTF-8")
}

/// The command succeeds; gives what it printed.
fn succeed(directory: &Path, args: &[&str]) -> String {
    let output = bitnet(directory, args);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The command fails with exit code 1; gives what it said.
fn fail(directory: &Path, args: &[&str]) -> String {
    let output = bitnet(directory, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}", text(&output.stdout));
    text(&output.stderr)
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path.as_ref()).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// Every file below a directory, sorted.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("it can be read") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn a_crate_gets_a_shader_and_a_test_that_are_the_committed_ones() {
    let root = TempDir::new().expect("there is a temporary directory");
    fs::write(root.path().join("Cargo.toml"), "[package]\nname = \"mine\"\n").expect("it can be written");
    let said = succeed(root.path(), &["new-shader", "square", "--dir", "tests/shaders"]);
    assert!(said.contains("cargo test --test square"), "{said}");
    let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["tests/square.rs", "tests/shaders/square.metal"] {
        assert_eq!(read(root.path().join(file)), read(ours.join(file)), "{file}");
    }
    let said = succeed(root.path(), &["check", "tests/shaders/square.metal"]);
    assert_eq!(said, "tests/shaders/square.metal: 2 kernels, no errors, no warnings\n");

    let said = fail(root.path(), &["new-shader", "square", "--dir", "tests/shaders"]);
    assert!(said.contains("square.metal") && said.contains("--force"), "{said}");
    fs::write(root.path().join("tests/square.rs"), "").expect("it can be written");
    succeed(root.path(), &["new-shader", "square", "--dir", "tests/shaders", "--force"]);
    assert_eq!(read(root.path().join("tests/square.rs")), read(ours.join("tests/square.rs")));
}

#[test]
fn a_directory_without_a_crate_gets_a_shader() {
    let root = TempDir::new().expect("there is a temporary directory");
    let said = succeed(root.path(), &["new-shader", "swish", "--dir", "."]);
    assert!(said.contains("no crate"), "{said}");
    assert_eq!(files(root.path()), [root.path().join("swish.metal")]);
    succeed(root.path(), &["check", "swish.metal"]);
}

#[test]
fn what_cannot_be_laid_down_is_refused_and_nothing_is_written() {
    let root = TempDir::new().expect("there is a temporary directory");
    for (args, expect) in [
        (&["new-shader", "Swish", "--dir", "."][..], "small letters"),
        (&["new-shader", "sin", "--dir", "."], "Metal"),
        (&["new-shader", "swish"], "--dir"),
    ] {
        let said = fail(root.path(), args);
        assert!(said.contains(expect), "{args:?}: {said}");
    }
    assert!(files(root.path()).is_empty());
}

/// A copy of what `new-shader` reads of this project.
fn checkout() -> TempDir {
    let copy = TempDir::new().expect("there is a temporary directory");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace");
    for folder in [METAL, "bitnet-core/tests/operations"] {
        for file in files(&root.join(folder)) {
            let to = copy.path().join(file.strip_prefix(root).expect("it lies in the workspace"));
            fs::create_dir_all(to.parent().expect("files lie in directories")).expect("it can be made");
            fs::copy(&file, &to).expect("it can be copied");
        }
    }
    copy
}

const METAL: &str = "bitnet-core/src/metal";

#[test]
fn a_checkout_gets_new_files_and_is_told_which_lines_to_add() {
    let checkout = checkout();
    let before: Vec<(PathBuf, String)> =
        files(checkout.path()).into_iter().map(|path| (path.clone(), read(path))).collect();
    let said = succeed(checkout.path(), &["new-shader", "square"]);
    for (path, text) in &before {
        assert_eq!(read(path), *text, "{} was changed", path.display());
    }
    assert_eq!(files(checkout.path()).len(), before.len() + 6, "{said}");
    for expect in ["    Square,\n", "    square::SQUARE,\n", "\nmod square;\n", "table/mod.rs", "--apply"] {
        assert!(said.contains(expect), "{expect}: {said}");
    }
    succeed(checkout.path(), &["check", "bitnet-core/src/metal/shaders/square.metal"]);
}

#[test]
fn a_checkout_gets_the_lines_added_once_where_they_belong() {
    let checkout = checkout();
    let file = |name: &str| read(checkout.path().join("bitnet-core").join(name));
    let names = [
        ("src/metal/kernels/mod.rs", 1),
        ("src/metal/kernels/table/mod.rs", 4),
        ("src/metal/kernels/cases/mod.rs", 1),
        ("src/metal/kernels/reference/mod.rs", 1),
        ("src/metal/mod.rs", 1),
        ("src/metal/dispatch/mod.rs", 1),
        ("src/metal/dispatch/tests.rs", 1),
        ("src/metal/ops/mod.rs", 1),
        ("src/metal/shaders/README.md", 4),
        ("tests/operations/dispatch.rs", 1),
        ("tests/operations/ops.rs", 1),
    ];
    let all = || names.map(|(name, _)| file(name));
    let before = all();
    succeed(checkout.path(), &["new-shader", "square", "--apply"]);
    for (((name, added), before), after) in names.iter().zip(&before).zip(&all()) {
        assert_eq!(after.lines().count() - before.lines().count(), *added, "{name}");
    }
    assert!(file("src/metal/dispatch/mod.rs").contains("pub mod quantization;\npub mod square;\n\n"));
    let table = file("src/metal/kernels/table/mod.rs");
    let (variants, rows) = table.split_once("pub static TABLE").expect("the table is there");
    assert!(variants.contains("    /// `square`\n    Square,\n}\n"), "{variants}");
    assert!(rows.contains("    square::SQUARE,\n];\n"), "{rows}");

    let listed = "### [`square.metal`](square.metal)\n\n- `square`: y = x²\n\n### Headers\n";
    assert!(file("src/metal/shaders/README.md").contains(listed));

    let changed = all();
    succeed(checkout.path(), &["new-shader", "square", "--apply", "--force"]);
    assert_eq!(changed, all(), "lines are added once");
}

#[test]
fn names_of_kernels_are_taken_in_a_checkout() {
    let checkout = checkout();
    let before = files(checkout.path());
    for name in ["relu_forward", "bit_linear_forward"] {
        let said = fail(checkout.path(), &["new-shader", name, "--force"]);
        assert!(said.contains("is taken"), "{said}");
    }
    let said = fail(checkout.path(), &["new-shader", "activation"]);
    assert!(said.contains("exist already"), "{said}");
    assert_eq!(files(checkout.path()), before);
}

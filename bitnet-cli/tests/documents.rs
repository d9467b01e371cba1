//! The documents name things that exist: every path in backticks or links, every `bitnet` command they show.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const DOCUMENTS: [&str; 5] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "bitnet-core/src/metal/shaders/README.md",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_path_buf()
}

/// Text between single backticks outside code fences, and the targets of relative links.
fn named_things(text: &str) -> BTreeSet<String> {
    let mut things = BTreeSet::new();
    let mut in_fence = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        } else if !in_fence {
            things.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
            things
                .extend(line.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())));
        }
    }
    things
}

/// Whether a thing in backticks claims to be a path of this repository.
fn is_path(thing: &str) -> bool {
    let plain = thing.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    let first = thing.split('/').next().unwrap_or("");
    let ours = first.starts_with("bitnet-") || matches!(first, ".ci" | ".github" | "fuzz");
    let file = !thing.contains('/') && [".md", ".toml", ".rs"].iter().any(|end| thing.ends_with(end));
    plain && ((thing.contains('/') && ours) || (file && thing.starts_with(|c: char| c.is_ascii_uppercase())))
}

#[test]
fn every_path_the_documents_name_exists() {
    let root = root();
    let mut checked = 0;
    for document in DOCUMENTS {
        let text = fs::read_to_string(root.join(document)).expect("the document exists");
        for thing in named_things(&text).iter().filter(|thing| is_path(thing)) {
            assert!(root.join(thing).exists(), "{document} names `{thing}`, which does not exist");
            checked += 1;
        }
    }
    assert!(checked >= 40, "only {checked} paths were found: the test no longer reads the documents");
}

/// The words after `bitnet` or `cargo run --release --` in the code fences of the README.
fn shown_commands(text: &str) -> BTreeSet<String> {
    let mut in_fence = false;
    let mut commands = BTreeSet::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
            continue;
        }
        let line = line.trim_start_matches("$ ");
        let words = line.strip_prefix("cargo run --release -- ").or_else(|| line.strip_prefix("bitnet "));
        if let (true, Some(command)) = (in_fence, words.and_then(|w| w.split_whitespace().next())) {
            commands.insert(command.to_owned());
        }
    }
    commands
}

#[test]
fn every_command_the_readme_shows_exists() {
    let text = fs::read_to_string(root().join("README.md")).expect("README.md exists");
    let commands = shown_commands(&text);
    assert!(commands.contains("train") && commands.contains("eval"), "{commands:?}");
    for command in commands {
        let output = Command::new(env!("CARGO_BIN_EXE_bitnet"))
            .args([&command, "--help"])
            .output()
            .expect("it starts");
        assert!(output.status.success(), "README shows `bitnet {command}`, which the program does not know");
    }
}

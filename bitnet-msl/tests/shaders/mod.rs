//! The shaders that tests take from folders, each as one text: what a file includes from beside it stands in its place.

use std::fs;
use std::path::{Path, PathBuf};

/// The built-in shaders, from this crate's root.
pub(crate) const BUILT_IN: &str = "../bitnet-core/src/metal/shaders";

/// The `.metal` files of folders below this crate's root, and below those, sorted; name and text.
pub(crate) fn texts(folders: &[&str]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in folders {
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    files.sort();
    let named =
        |path: &PathBuf| (path.file_name().expect("a file").to_string_lossy().into_owned(), whole(path));
    files.iter().map(named).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder exists") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "metal") {
            files.push(path);
        }
    }
}

/// Bytes that are no text are what they are to the compiler.
fn whole(path: &Path) -> String {
    let text = String::from_utf8_lossy(&fs::read(path).expect("a shader can be read")).into_owned();
    let folder = path.parent().expect("files lie in folders");
    let included = |line: &str| {
        let name = line.strip_prefix("#include \"")?.split('"').next()?;
        let header = fs::read_to_string(folder.join(name)).ok()?;
        Some(header.replace("#pragma once\n", ""))
    };
    text.split_inclusive('\n').map(|line| included(line).unwrap_or_else(|| line.to_owned())).collect()
}

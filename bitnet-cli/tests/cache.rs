//! `bitnet cache`, and what the program says about shaders that cannot be had: each text exactly, of the host device;
//! Metal has words of its own for some, and keeps nothing but machine code.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Runs the program with the cache in `cache` below the directory.
fn bitnet(directory: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bitnet"))
        .current_dir(directory)
        .env("BITNET_CACHE_DIR", directory.join("cache"))
        .args(args)
        .output()
        .expect("the program starts")
}

fn directory() -> TempDir {
    TempDir::new().expect("there is a temporary directory")
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("the program prints UTF-8")
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_str(&stdout(output)).expect("it is JSON")
}

/// A directory with one shader of this name.
fn shaders(directory: &Path, name: &str, text: &str) {
    fs::create_dir_all(directory.join("shaders")).expect("it can be made");
    fs::write(directory.join("shaders").join(format!("{name}.metal")), text).expect("it can be written");
}

/// What the program says on standard error.
fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("the program prints UTF-8")
}

/// What the program says when it refuses to warm the cache.
#[track_caller]
fn check_refusal(directory: &Path, args: &[&str], expect: &str) {
    let output =
        bitnet(directory, &[&["cache", "warm", "--device", "host", "--shaders", "shaders"], args].concat());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), expect);
}

#[test]
fn a_cache_is_warmed_shown_and_cleared() {
    let directory = directory();
    let cache = directory.path().join("cache");
    let shown = |args: &[&str]| stdout(&bitnet(directory.path(), &[&["cache"], args].concat()));
    assert_eq!(shown(&[]), format!("{}\n0 files, 0 bytes of at most 64.0 MiB\n", cache.display()));
    let kernel = "kernel void k(device float *x [[buffer(0)]]) { x[0] = 1.0f; }\n";
    shaders(directory.path(), "own", kernel);
    let warm = ["warm", "--device", "host", "--shaders", "shaders"];
    assert_eq!(
        shown(&warm),
        format!("own            compiled, 0 pipelines made\n1 shader in {}\n", cache.display())
    );
    assert_eq!(
        shown(&warm),
        format!("own            was there, 0 pipelines made\n1 shader in {}\n", cache.display())
    );
    fs::write(cache.join("notes.txt"), "mine").expect("it can be written");

    let text = shown(&["show"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, cache.display().to_string().as_str()), "{text}");
    assert!(lines[1].starts_with("  own            MSL 3.2, default, fast math, lines  "), "{text}");
    assert!(lines[1].ends_with(" bytes  just now"), "{text}");
    assert!(lines[2].starts_with("1 file, ") && lines[2].ends_with(" bytes of at most 64.0 MiB"), "{text}");

    let listing = json(&bitnet(directory.path(), &["cache", "--json"]));
    let file = &listing["files"][0];
    assert_eq!(
        (&file["state"], &file["shader"], &file["fault"]),
        (&"valid".into(), &"own".into(), &().into())
    );
    assert_eq!(listing["total_bytes"], file["size_bytes"]);
    let path = cache.join(file["file"].as_str().expect("a name"));
    fs::write(&path, "damaged").expect("it can be written");
    let name = path.file_name().expect("a name").to_string_lossy();
    assert_eq!(
        shown(&[]),
        format!(
            "{}\n  of no use, will be replaced: it is not an entry of a shader cache, or only a part of one ({name})    \
             7 bytes  just now\n1 file, 7 bytes of at most 64.0 MiB\n",
            cache.display()
        )
    );

    assert_eq!(shown(&["clear"]), format!("removed 1 file, 7 bytes, from {}\n", cache.display()));
    let cleared = json(&bitnet(directory.path(), &["cache", "clear", "--json"]));
    assert_eq!((&cleared["removed_files"], &cleared["removed_bytes"]), (&0.into(), &0.into()));
    assert_eq!(fs::read_to_string(cache.join("notes.txt")).ok().as_deref(), Some("mine"));
}

#[test]
fn the_built_in_shaders_are_warmed_with_every_pipeline() {
    let directory = directory();
    let warm = |expect_cached: bool| {
        let warmed = json(&bitnet(directory.path(), &["cache", "warm", "--device", "host", "--json"]));
        let list = warmed.as_array().expect("a list");
        assert!(
            list.len() >= 3 && list.iter().all(|shader| shader["from_cache"] == expect_cached),
            "{warmed}"
        );
        list.iter().map(|shader| shader["pipelines"].as_u64().expect("a number")).sum::<u64>()
    };
    let kernels = json(&bitnet(directory.path(), &["shaders", "--json"]));
    let kernels = kernels.as_array().expect("a list").len() as u64;
    let (cold, warm) = (warm(false), warm(true));
    assert!(cold >= kernels && cold == warm, "{cold} pipelines of {kernels} kernels, then {warm}");
}

#[test]
fn the_directory_is_that_of_the_option_the_variable_or_the_user() {
    let directory = directory();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let shown = |args: &[&str], variable: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_bitnet"))
            .args([&["cache", "--json"], args].concat())
            .env("BITNET_CACHE_DIR", variable)
            .env("XDG_CACHE_HOME", path("user"))
            .output()
            .expect("the program starts");
        json(&output)["directory"].as_str().expect("a path").to_owned()
    };
    assert_eq!(shown(&["--dir", &path("option")], &path("variable")), path("option"));
    assert_eq!(shown(&[], &path("variable")), path("variable"));
    if cfg!(target_os = "linux") {
        assert_eq!(shown(&[], ""), path("user/bitnet-rust/shaders"));
    }
}

#[test]
fn a_cache_that_cannot_be_read_is_named() {
    let directory = directory();
    fs::write(directory.path().join("file"), "").expect("it can be written");
    for action in ["show", "clear"] {
        let output = bitnet(directory.path(), &["cache", action, "--dir", "file"]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("the shader cache file: "), "{said}");
    }
}

#[test]
fn shaders_that_are_not_there_are_answered_with_those_that_are() {
    let directory = directory();
    shaders(
        directory.path(),
        "bitlinear",
        "kernel void bitlinear_foward(device float *x [[buffer(0)]]) { x[0] = 1; }\n",
    );
    check_refusal(
        directory.path(),
        &["bitliner"],
        "error: Shader 'bitliner' not found; did you mean 'bitlinear'? (available: bitlinear)\n",
    );
    check_refusal(
        directory.path(),
        &["activation"],
        "error: Shader 'activation' not found (available: bitlinear)\n",
    );
    check_refusal(
        directory.path(),
        &["bitlinear"],
        "error: Function 'bitlinear_forward' not found in shader 'bitlinear'; did you mean 'bitlinear_foward'? \
         (available: bitlinear_foward)\n",
    );
}

#[test]
fn a_shader_that_does_not_compile_is_shown() {
    let directory = directory();
    shaders(
        directory.path(),
        "bitlinear",
        "kernel void k(device float *x [[buffer(0)]]) {\n    x[0] = 1.0f\n}\n",
    );
    let output = bitnet(directory.path(), &["cache", "warm", "--device", "host", "--shaders", "shaders"]);
    insta::assert_snapshot!(stderr(&output));
}

#[test]
fn a_pipeline_that_cannot_be_made_says_why() {
    let directory = directory();
    let text = "constant uint tile [[function_constant(0)]];\n\
                kernel void bitlinear_forward(device float *x [[buffer(3)]]) { x[0] = tile; }\n";
    shaders(directory.path(), "bitlinear", text);
    check_refusal(
        directory.path(),
        &[],
        "error: Failed to create pipeline for function 'bitlinear_forward': function constant `tile` \
         [[function_constant(0)]] has no value\n",
    );
}

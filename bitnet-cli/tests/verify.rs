//! `bitnet verify` and `bitnet bench`: right kernels pass, wrong ones are found, and what runs is what was asked for.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use bitnet_core::metal::Device;
use bitnet_core::metal::kernels::{SHADERS, TABLE};
use serde_json::Value;
use tempfile::TempDir;

fn bitnet(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bitnet"))
        .env("BITNET_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/shaders"))
        .args(args)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the program prints UTF-8")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", text(&output.stdout), text(&output.stderr)))
}

/// A directory with the built-in shaders, `from` replaced by `to` in one of them.
fn shaders_with(shader: &str, from: &str, to: &str) -> TempDir {
    let directory = TempDir::new().expect("there is a temporary directory");
    let mut replaced = 0;
    for (name, source) in SHADERS {
        let is_it = *name == shader;
        replaced += if is_it { source.matches(from).count() } else { 0 };
        let source = if is_it { source.replace(from, to) } else { (*source).to_owned() };
        fs::write(directory.path().join(format!("{name}.metal")), source).expect("it can be written");
    }
    assert!(replaced > 0, "{shader}.metal has no {from:?}");
    directory
}

fn path(directory: &TempDir) -> &str {
    Path::to_str(directory.path()).expect("temporary directories have plain names")
}

/// Arguments that verify one kernel with the shaders of a directory.
fn verify_with<'a>(directory: &'a TempDir, kernel: &'a str) -> Vec<&'a str> {
    vec!["verify", "--device", "host", "--kernel", kernel, "--shader-dir", path(directory)]
}

#[test]
fn every_version_of_every_kernel_is_right_on_the_host() {
    let report = json(&bitnet(&["verify", "--device", "host", "--json"]));
    assert_eq!(report["ok"], true, "{report}");
    assert_eq!((&report["device"]["kind"], &report["device"]["simd_width"]), (&"host".into(), &32.into()));
    let ways = ["simdgroup reductions, exact math", "plain reductions, exact math"];
    assert_eq!(report["ways"], serde_json::json!(ways), "{report}");
    let versions = TABLE.iter().flat_map(|row| row.precisions().iter().map(move |p| row.kernel_name(*p)));
    let kernels = report["kernels"].as_array().expect("a list");
    let reported: Vec<&str> = kernels.iter().filter_map(|kernel| kernel["kernel"].as_str()).collect();
    assert_eq!(reported, versions.collect::<Vec<_>>());
    for kernel in kernels {
        assert!(kernel["cases"].as_u64() > Some(0), "{kernel}");
        assert!(kernel["worst"]["fraction_of_tolerance"].as_f64() <= Some(1.0), "{kernel}");
        assert!(kernel["worst"]["element"].is_u64(), "{kernel}");
    }
    let cases: Option<u64> = kernels.iter().map(|kernel| kernel["cases"].as_u64()).sum();
    assert_eq!(report["cases"].as_u64(), cases);
}

#[test]
fn a_wrong_kernel_fails_with_its_case_and_element() {
    let directory =
        shaders_with("activation", "return x <= 0.0f ? 0.0f : x;", "return x <= 0.0f ? 0.25f : x;");
    let args = verify_with(&directory, "relu_forward");
    let output = bitnet(&args);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    for expect in ["FAIL relu_forward", "case \"", "output[", "is 0.25, should be 0", "exact"] {
        assert!(said.contains(expect), "{expect}: {said}");
    }
    let output = bitnet(&[&args[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    assert_eq!(report["ok"], false);
    let failure = &report["kernels"][0]["failures"][0];
    assert_eq!((&failure["got"], &failure["wanted"]), (&0.25.into(), &0.0.into()), "{failure}");
    assert!(failure["case"].is_string() && failure["way"].is_string(), "{failure}");

    let output = bitnet(&verify_with(&directory, "softmax_forward"));
    assert!(output.status.success(), "the other kernels are as they were: {}", text(&output.stdout));
}

/// What the shader compiler is given is what runs, so that one's own `bitlinear.metal` takes effect.
#[test]
fn a_modified_bitlinear_in_a_directory_is_what_runs() {
    let directory = shaders_with("bitlinear", "quantized[", "quantized[0 * ");
    let output = bitnet(&verify_with(&directory, "quantize_activations"));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("FAIL quantize_activations"), "{}", text(&output.stdout));
}

#[test]
fn a_shader_that_does_not_compile_is_reported_with_its_place() {
    let directory = shaders_with("activation", "return x <= 0.0f ? 0.0f : x;", "return y;");
    let output = bitnet(&verify_with(&directory, "relu_forward"));
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("Failed to compile shader 'activation'") && said.contains("activation"), "{said}");
}

#[test]
fn what_there_is_not_is_refused_with_what_there_is() {
    let check = |args: &[&str], words: &[&str]| {
        let output = bitnet(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", text(&output.stdout));
        let said = text(&output.stderr);
        for word in words {
            assert!(said.contains(word), "{args:?} does not say {word:?}: {said}");
        }
    };
    for command in ["verify", "bench"] {
        let option = ["--kernel", "relu_foward"];
        let kernel = if command == "verify" { &option[..] } else { &option[1..] };
        check(&[&[command], kernel].concat(), &["did you mean 'relu_forward'?", "softmax_forward"]);
        check(&[command, "--shader-dir", "no/such/directory"], &["no/such/directory"]);
        if let Err(error) = Device::metal() {
            check(&[command, "--device", "metal"], &["--device metal", &error.to_string()]);
        }
    }
    check(&["verify", "--kernel", "adamw_step", "--precision", "f16"], &["adamw_step", "f16"]);
    check(&["bench", "relu_forward", "--size", "4000000000x2x1"], &["relu_forward", "4000000000×2×1"]);
    check(&["bench", "relu_forward", "--size", "60000x60000x1"], &["relu_forward", "more than"]);
}

#[test]
fn a_kernel_is_timed_at_its_size_after_its_answer_was_checked() {
    let args = ["bench", "bitlinear_forward", "--size", "2x64x32", "--device", "host", "--json"];
    let report = json(&bitnet(&args));
    let figures = &report["kernels"][0];
    assert_eq!((&figures["kernel"], &figures["size"]), (&"bitlinear_forward".into(), &"2×64×32".into()));
    // Activations, packed weights, bias, results, scales.
    assert_eq!(figures["bytes"], 4 * (2 * 64 + 32 * 2 + 32 + 2 * 32 + 32), "{figures}");
    for figure in ["median_seconds", "fastest_seconds", "bytes_per_second", "times_the_limit"] {
        assert!(figures[figure].as_f64() > Some(0.0), "{figure}: {figures}");
    }

    let directory =
        shaders_with("activation", "return x <= 0.0f ? 0.0f : x;", "return x <= 0.0f ? 0.25f : x;");
    let output = bitnet(&["bench", "relu_forward", "--size", "1x64x1", "--shader-dir", path(&directory)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("wrong at 1×64×1"), "{}", text(&output.stderr));
}

#[test]
fn the_table_names_every_kernel_and_the_device() {
    let output =
        bitnet(&["verify", "--device", "host", "--kernel", "relu_forward", "--kernel", "adamw_step"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    for expect in
        ["relu_forward ", "relu_forward_f16", "adamw_step", "device   host", "system   ", "version  bitnet "]
    {
        assert!(said.contains(expect), "{expect}: {said}");
    }
    assert!(said.contains("3 of 3 kernel versions are right"), "{said}");
}

//! The program as its users meet it: what it prints, what it refuses, what it leaves behind.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use insta::assert_snapshot;
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

/// The command fails with exit code 1 or 2, says all of `words`, does not panic, and leaves the directory as it was.
fn check_refusal(args: &[&str], words: &[&str]) {
    let directory = TempDir::new().expect("there is a temporary directory");
    fs::write(directory.path().join("garbage"), [0xff, 0, 0x7b, 3]).expect("it can be written");
    let output = bitnet(directory.path(), args);
    let said = text(&output.stderr);
    assert!(matches!(output.status.code(), Some(1 | 2)), "{args:?}: {:?}\n{said}", output.status);
    for word in words {
        assert!(said.contains(word), "{args:?} does not say {word:?}:\n{said}");
    }
    assert!(!said.contains("panicked"), "{said}");
    let left: Vec<_> = fs::read_dir(directory.path()).expect("it can be read").collect();
    assert_eq!(left.len(), 1, "{args:?} left something behind: {left:?}");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    check_refusal(&["train", "--lr", "nan"], &["lr", "NaN"]);
    check_refusal(&["train", "--lr", "-1"], &["lr"]);
    check_refusal(&["train", "--lr", "fast"], &["--lr", "fast"]);
    check_refusal(&["train", "--epochs", "0"], &["epochs"]);
    check_refusal(&["train", "--hidden", "0"], &["hidden"]);
    check_refusal(&["train", "--hidden", "64,,64"], &["--hidden"]);
    check_refusal(&["train", "--batch", "0"], &["batch"]);
    check_refusal(&["train", "--dropout", "1"], &["dropout"]);
    check_refusal(&["train", "--resume"], &["--checkpoint"]);
    check_refusal(&["train", "--checkpoint", "c", "--resume", "--epochs", "3"], &["--epochs"]);
    check_refusal(&["train", "--no-such-option"], &["--no-such-option"]);
}

#[test]
fn files_that_cannot_be_used_are_named() {
    check_refusal(&["eval", "absent.safetensors"], &["absent.safetensors"]);
    check_refusal(&["eval", "garbage"], &["garbage"]);
    check_refusal(&["train", "--mnist", "no-such-directory"], &["no-such-directory"]);
    check_refusal(&["train", "--out", "no/such/directory/m.safetensors"], &["no/such/directory"]);
    check_refusal(&["train", "--plot", "picture.gif"], &["picture.gif", ".svg", ".png"]);
    check_refusal(&["train", "--plot", "no/such/p.svg"], &["no/such/p.svg"]);
    check_refusal(&["train", "--checkpoint", "garbage", "--resume"], &["garbage"]);
    check_refusal(&["check", "absent.metal"], &["absent.metal"]);
    check_refusal(&["check", "garbage"], &["E0101", "garbage"]);
    check_refusal(&["check", "-D", "=3", "garbage"], &["-D =3"]);
    check_refusal(&["explain", "E9999"], &["E9999"]);
}

#[test]
fn a_wrong_shader_is_reported_like_rustc_does() {
    let directory = TempDir::new().expect("there is a temporary directory");
    let source = "kernel void copy(device float *from [[buffer(0)]], uint i [[thread_position_in_grid]]) {\n    \
                  threadgroup float *p = from;\n    p[i] = 0;\n}\n";
    fs::write(directory.path().join("wrong.metal"), source).expect("it can be written");
    let output = bitnet(directory.path(), &["check", "wrong.metal"]);
    assert_eq!(output.status.code(), Some(1));
    assert_snapshot!(text(&output.stderr));

    let output = bitnet(directory.path(), &["check", "--json", "wrong.metal"]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(report[0]["diagnostics"][0]["code"], "E0401");
    assert_eq!(report[0]["diagnostics"][0]["line"], 2);
    assert_eq!(report[0]["errors"], 1);
}

#[test]
fn a_right_shader_may_include_files_and_use_defines() {
    let directory = TempDir::new().expect("there is a temporary directory");
    let path = |name: &str| directory.path().join(name);
    fs::create_dir(path("lib")).expect("it can be made");
    fs::write(path("lib/scale.h"), "inline float scale(float x) { return x * FACTOR; }\n")
        .expect("it can be written");
    let source = "#include <metal_stdlib>\n#include \"scale.h\"\nusing namespace metal;\n\
                  kernel void k(device float *x [[buffer(0)]], uint i [[thread_position_in_grid]]) { x[i] = scale(x[i]); }\n";
    fs::write(path("k.metal"), source).expect("it can be written");
    let output = bitnet(directory.path(), &["check", "-I", "lib", "-D", "FACTOR=2.0f", "k.metal"]);
    assert_eq!(
        text(&output.stdout),
        "k.metal: 1 kernel, no errors, no warnings\n",
        "{}",
        text(&output.stderr)
    );
    let output = bitnet(directory.path(), &["check", "-D", "FACTOR=2.0f", "k.metal"]);
    assert!(text(&output.stderr).contains("E0106"), "{}", text(&output.stderr));

    let built_in =
        "#include \"rows.h\"\nkernel void k(device uint *x [[buffer(0)]]) { x[0] = words_of(x[0]); }\n";
    fs::write(path("k.metal"), built_in).expect("it can be written");
    let output = bitnet(directory.path(), &["check", "k.metal"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    fs::write(path("rows.h"), "// nothing\n").expect("it can be written");
    let output = bitnet(directory.path(), &["check", "k.metal"]);
    assert!(text(&output.stderr).contains("words_of"), "the file beside the shader goes first");
}

#[test]
fn a_trained_model_evaluates_to_the_accuracy_that_training_printed() {
    let directory = TempDir::new().expect("there is a temporary directory");
    let train =
        ["train", "--epochs", "1", "--hidden", "32", "--out", "m.safetensors", "--plot", "p.svg", "--json"];
    let output = bitnet(directory.path(), &train);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let lines = text(&output.stdout);
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert_eq!(lines.len(), 2, "one epoch, then the result");
    let output = bitnet(directory.path(), &["eval", "m.safetensors", "--json"]);
    let evaluated: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(evaluated["test_accuracy"], lines[1]["test_accuracy"]);
    assert_eq!(evaluated["test_total"], 360);
    let plot = fs::read_to_string(directory.path().join("p.svg")).expect("the plot is there");
    assert!(plot.contains("confusion matrix") && plot.trim_end().ends_with("</svg>"));

    let output = bitnet(directory.path(), &["eval", "m.safetensors", "--show", "1"]);
    let said = text(&output.stdout);
    assert!(said.contains("read as") && said.contains('█'), "{said}");
}

#[test]
fn an_interrupted_run_resumes_with_the_same_losses() {
    let directory = TempDir::new().expect("there is a temporary directory");
    let base = ["train", "--hidden", "32", "--seed", "7", "--json"];
    let whole = bitnet(
        directory.path(),
        &[&base[..], &["--epochs", "2", "--out", "a", "--checkpoint", "c"]].concat(),
    );
    assert!(whole.status.success(), "{}", text(&whole.stderr));
    // The checkpoint is that of the end: resuming has nothing left to do and gives the same model.
    let resumed =
        bitnet(directory.path(), &["train", "--checkpoint", "c", "--resume", "--out", "b", "--json"]);
    assert!(resumed.status.success(), "{}", text(&resumed.stderr));
    let read = |name: &str| fs::read(directory.path().join(name)).expect("the model is there");
    assert!(read("a") == read("b"), "the two models differ");
}

#[test]
fn kernels_and_devices_are_listed() {
    let directory = TempDir::new().expect("there is a temporary directory");
    let output = bitnet(directory.path(), &["shaders", "--json"]);
    let kernels: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert!(kernels.as_array().is_some_and(|list| list.iter().any(|k| k["name"] == "bitlinear_forward")));
    let output = bitnet(directory.path(), &["devices", "--json"]);
    let devices: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let host = devices.as_array().and_then(|list| list.iter().find(|d| d["kind"] == "host"));
    assert_eq!(host.map(|d| d["available"].clone()), Some(serde_json::Value::Bool(true)));
    assert!(text(&bitnet(directory.path(), &["explain"]).stdout).contains("E0401"));
}

/// The kernels that the project promises, by shader.
const PROMISED: [(&str, &[&str]); 3] = [
    (
        "bitlinear",
        &["bitlinear_forward", "bitlinear_backward_input", "binarize_weights", "quantize_activations"],
    ),
    (
        "quantization",
        &[
            "quantize_weights_1bit",
            "quantize_activations_8bit",
            "dequantize_weights_1bit",
            "dequantize_activations_8bit",
            "dynamic_quantize_activations",
            "quantize_gradients",
            "mixed_precision_matmul",
        ],
    ),
    (
        "activation",
        &[
            "relu_forward",
            "relu_backward",
            "gelu_forward",
            "gelu_backward",
            "swish_forward",
            "swish_backward",
            "sigmoid_forward",
            "sigmoid_backward",
            "tanh_forward",
            "tanh_backward",
            "leaky_relu_forward",
            "leaky_relu_backward",
            "softmax_forward",
            "softmax_backward",
            "layer_norm_forward",
            "fused_relu_dropout",
        ],
    ),
];

#[test]
fn the_promised_kernels_are_listed_with_their_bindings() {
    let directory = TempDir::new().expect("there is a temporary directory");
    let output = bitnet(directory.path(), &["shaders", "--json"]);
    let kernels: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let listing = text(&bitnet(directory.path(), &["shaders"]).stdout);
    for (shader, names) in PROMISED {
        for name in names {
            let kernel = kernels.iter().find(|kernel| kernel["name"] == *name);
            let kernel = kernel.unwrap_or_else(|| panic!("{name} is not listed"));
            assert_eq!(kernel["shader"], shader, "{name}");
            let bindings = kernel["bindings"].as_array().expect("a list");
            let indices: Vec<u64> = bindings.iter().filter_map(|binding| binding["index"].as_u64()).collect();
            assert!(indices.len() >= 3 && indices.is_sorted(), "{name}: {indices:?}");
            assert!(bindings.iter().any(|binding| binding["tolerance"].is_string()), "{name} writes nothing");
            assert!(listing.contains(&format!("\n  {name:<30} ")), "{name}: {listing}");
        }
    }
    assert_eq!(PROMISED.iter().map(|(_, names)| names.len()).sum::<usize>(), 27);
}

#[test]
fn the_reason_for_the_host_device_is_said_once() {
    let directory = TempDir::new().expect("there is a temporary directory");
    let output = bitnet(directory.path(), &["devices"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let has_metal = !text(&output.stdout).contains("not available: no Metal device");
    let said = text(&output.stderr).matches("shaders run on the host device").count();
    assert_eq!(said, usize::from(!has_metal), "{}", text(&output.stderr));
}

//! Every `// run:` line of every file in `fixtures/run`, with one, two and seven CPU threads.
//!
//! The folder is the list: a file of another kind, a file without a run, an unknown option and a kernel that no
//! run names are failures.

mod common;

use std::fs;
use std::path::PathBuf;

use bitnet_msl::CompileOptions;
use common::{parse, run};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/run")
}

/// Failures of one file, and how many runs it has.
fn check_file(name: &str, text: &str) -> (Vec<String>, usize) {
    let mut failures = Vec::new();
    let mut kernels = Vec::new();
    let module = match run::module(name, text, &CompileOptions::default()) {
        Ok(module) => module,
        Err(diagnostics) => return (vec![format!("{name} does not compile:\n{diagnostics}")], 0),
    };
    for (number, line) in text.lines().enumerate() {
        let Some(rest) = line.trim_start().strip_prefix("// run:") else { continue };
        let result = parse::line(rest).and_then(|line| {
            kernels.push(line.kernel.clone());
            run::check(name, text, &line)
        });
        if let Err(error) = result {
            failures.push(format!("{name}:{}: {error}", number + 1));
        }
    }
    if kernels.is_empty() {
        failures.push(format!("{name}: has no `// run:` line"));
    }
    let idle = module.kernels.iter().filter(|kernel| !kernels.contains(&kernel.name));
    failures.extend(idle.map(|kernel| format!("{name}: no run of kernel `{}`", kernel.name)));
    (failures, kernels.len())
}

#[test]
fn fixtures_run_as_they_say() {
    let (mut failures, mut runs, mut files) = (Vec::new(), 0, 0);
    let mut entries: Vec<PathBuf> = fs::read_dir(folder())
        .expect("the folder exists")
        .map(|entry| entry.expect("readable").path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !name.ends_with(".metal") {
            failures.push(format!("{name}: is no fixture"));
            continue;
        }
        let text = fs::read_to_string(&path).expect("fixtures are text");
        let (found, count) = check_file(&name, &text);
        failures.extend(found);
        runs += count;
        files += 1;
    }
    println!("{runs} runs in {files} files");
    assert!(failures.is_empty(), "{} of {runs} runs failed:\n{}", failures.len(), failures.join("\n"));
    assert!(runs >= 150 && files >= 15, "only {runs} runs in {files} files were found");
}

#[test]
fn the_runner_finds_what_is_wrong() {
    let kernel =
        "kernel void k(device int *x [[buffer(0)]], uint i [[thread_position_in_grid]]) { x[i] += 1; }\n";
    for (run, complaint) in [
        ("", "has no `// run:` line"),
        ("// run: k(grid = 2, x = [1, 2]) => x == [2, 4]\n", "scalar 1 is Int(3)"),
        ("// run: k(grid = 2, x = [1, 2]) => x == [2]\n", "2 scalars, 1 are expected"),
        ("// run: k(grid = 2, x = [1, 2], y = 3) => x == [2, 3]\n", "no option and no parameter"),
        ("// run: k(grid = 2, x = [1, 2], colour = red) => x == [2, 3]\n", "no option and no parameter"),
        ("// run: k(grid = 2) => x == [2, 3]\n", "is not bound"),
        ("// run: k(grid = 2, x = [1, 2])\n", "`=>`"),
        ("// run: k(grid = 2, x = [1, 2]) =>\n", "expects something"),
        ("// run: k(grid = 2, x = [1]) => x == [2]\n", "wrote"),
        ("// run: k(grid = 2, x = [1, 2]) => trap out-of-bounds\n", "did not trap"),
        ("// run: k(grid = 2, x = [1]) => trap misaligned\n", "got out-of-bounds"),
        ("// run: l(grid = 2, x = [1, 2]) => x == [2, 3]\n", "no kernel `l`"),
    ] {
        let (failures, _) = check_file("k.metal", &format!("{kernel}{run}"));
        let text = failures.join("\n");
        assert!(
            text.contains(complaint) || complaint == "wrote" && text.contains("read 4 bytes"),
            "{run}: {text}"
        );
    }
    let (failures, runs) =
        check_file("k.metal", &format!("{kernel}// run: k(grid = 2, x = [1, 2]) => x == [2, 3]\n"));
    assert_eq!((failures, runs), (Vec::new(), 1));
}

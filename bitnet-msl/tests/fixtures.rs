//! The fixtures of the language: the folder is the list.
//!
//! `ok/*.metal` compile without any diagnostic, to a module that the verifier accepts. `err/*.metal`
//! report exactly the codes that stand in them: `//~ E0401` on the line, `//~^ E0401` on the line below
//! it (one `^` a line), several codes separated by spaces. `//@ language_version 2.4` at the start of a
//! line sets an option.

use bitnet_msl::diag::{Code, RenderStyle};
use bitnet_msl::{Compilation, CompileOptions, LanguageVersion, compile, ir, reflect};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Codes that no fixture of one file shows, and where they are tested instead.
const ELSEWHERE: &[(Code, &str)] = &[
    (Code::E0108, "tests/preprocess.rs: needs an include that includes itself or a large expansion"),
    (Code::E0115, "tests/preprocess.rs: needs a source beyond the size limit"),
    (Code::E0699, "src/lib.rs: no source shows it as long as lowering is right"),
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The files of a folder by name. Anything but a `.metal` file is an orphan.
fn metal_files(name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    files.sort();
    for file in &files {
        let is_metal = file.is_file() && file.extension().is_some_and(|e| e == "metal");
        assert!(is_metal, "{} is no .metal file: nobody would read it", file.display());
    }
    assert!(!files.is_empty(), "{name} holds no fixture");
    files
}

fn compile_file(file: &Path) -> Result<(String, Compilation), String> {
    let text = fs::read_to_string(file).map_err(|e| e.to_string())?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let compilation = compile(&name, &text, &options(&text)?);
    Ok((text, compilation))
}

/// The options that a file sets. One that is not known is an error.
fn options(text: &str) -> Result<CompileOptions, String> {
    let mut options = CompileOptions::default();
    for option in text.lines().filter_map(|line| line.strip_prefix("//@")) {
        match option.split_whitespace().collect::<Vec<_>>()[..] {
            ["language_version", version] => options.language_version = language_version(version)?,
            ["define", name, body] => {
                options.defines.insert(name.into(), body.into());
            }
            _ => return Err(format!("unknown option `{}`", option.trim())),
        }
    }
    Ok(options)
}

fn language_version(text: &str) -> Result<LanguageVersion, String> {
    use LanguageVersion::{Metal2_3, Metal2_4, Metal3_0, Metal3_1, Metal3_2, Metal4_0};
    let versions = [Metal2_3, Metal2_4, Metal3_0, Metal3_1, Metal3_2, Metal4_0];
    let name = |v: &LanguageVersion| format!("{}.{}", v.number() / 100, v.number() / 10 % 10);
    versions.into_iter().find(|v| name(v) == text).ok_or_else(|| format!("no language version {text}"))
}

/// A finding: line and code.
type Finding = (u32, String);

/// The codes that a file's comments expect.
fn expectations(text: &str) -> Result<Vec<Finding>, String> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some((_, marker)) = line.split_once("//~") else { continue };
        let codes = marker.trim_start_matches('^');
        let up = (marker.len() - codes.len()) as u32;
        let line = index as u32 + 1;
        let target = line.checked_sub(up).filter(|&target| target > 0);
        let target = target.ok_or_else(|| format!("line {line}: the marker points above the file"))?;
        if codes.split_whitespace().next().is_none() {
            return Err(format!("line {line}: a marker without code"));
        }
        for code in codes.split_whitespace() {
            if !Code::ALL.iter().any(|known| known.info().name == code) {
                return Err(format!("line {line}: `{code}` is no code"));
            }
            found.push((target, code.to_string()));
        }
    }
    found.sort();
    Ok(found)
}

/// What a compilation reported.
fn findings(compilation: &Compilation) -> Vec<Finding> {
    let finding = |d: &bitnet_msl::diag::Diagnostic| {
        (compilation.sources.locate(d.primary.span).line, d.code.info().name.to_string())
    };
    let mut found: Vec<_> = compilation.diagnostics.iter().map(finding).collect();
    found.sort();
    found
}

/// What is wrong with an `ok` fixture.
fn check_ok(file: &Path) -> Result<(), String> {
    let (text, compilation) = compile_file(file)?;
    if text.contains("//~") {
        return Err("an expectation in ok/: the file belongs into err/".into());
    }
    if !compilation.diagnostics.is_empty() {
        return Err(compilation.render(RenderStyle::Plain));
    }
    let module = compilation.module.ok_or("no diagnostics, but no module either")?;
    ir::verify::verify(&module).map_err(|e| format!("{e}\n{}", ir::print::print(&module)))?;
    let kernels = reflect::reflect(&module);
    if kernels.is_empty() {
        return Err("no kernel: nothing was lowered".into());
    }
    if kernels.len() != module.kernels.len() {
        return Err("reflection lost a kernel".into());
    }
    Ok(())
}

/// What is wrong with an `err` fixture; the codes that it shows.
fn check_err(file: &Path) -> Result<Vec<Finding>, String> {
    let (text, compilation) = compile_file(file)?;
    let expected = expectations(&text)?;
    if expected.is_empty() {
        return Err("no expectation: write //~ and the code on the line".into());
    }
    let found = findings(&compilation);
    if found != expected {
        let mut report = String::new();
        let rendered = compilation.render(RenderStyle::Plain);
        let _ = write!(report, "expected {expected:?}\n  found  {found:?}\n{rendered}");
        return Err(report);
    }
    let has_errors = compilation.errors().next().is_some();
    if has_errors == compilation.module.is_some() {
        return Err("a module exists if and only if there are no errors".into());
    }
    Ok(expected)
}

/// Fails with all that is wrong, file by file.
fn conclude(kind: &str, files: usize, failures: &[(PathBuf, String)]) {
    println!("{kind}: {files} fixtures, {} failed", failures.len());
    let report = failures.iter().fold(String::new(), |mut report, (file, why)| {
        let _ = write!(report, "\n== {}\n{why}\n", file.display());
        report
    });
    assert!(failures.is_empty(), "{report}");
}

#[test]
fn ok_fixtures_compile_clean_and_verify() {
    let files = metal_files("ok");
    let failures: Vec<_> =
        files.iter().filter_map(|file| check_ok(file).err().map(|why| (file.clone(), why))).collect();
    conclude("ok", files.len(), &failures);
}

#[test]
fn err_fixtures_report_exactly_what_they_say() {
    let files = metal_files("err");
    let mut failures = Vec::new();
    let mut shown = BTreeSet::new();
    for file in &files {
        match check_err(file) {
            Ok(findings) => shown.extend(findings.into_iter().map(|(_, code)| code)),
            Err(why) => failures.push((file.clone(), why)),
        }
    }
    conclude("err", files.len(), &failures);

    for &code in Code::ALL {
        let name = code.info().name;
        match (shown.contains(name), ELSEWHERE.iter().find(|(elsewhere, _)| *elsewhere == code)) {
            (true, None) | (false, Some(_)) => {}
            (false, None) => panic!("no fixture in err/ shows {name}: {}", code.info().summary),
            (true, Some((_, place))) => panic!("{name} has a fixture; take it off the list ({place})"),
        }
    }
}

#[test]
fn the_folder_holds_nothing_that_nobody_reads() {
    let mut entries: Vec<_> = fs::read_dir(folder(""))
        .expect("the fixtures exist")
        .map(|entry| entry.expect("the folder can be read").file_name().to_string_lossy().into_owned())
        .collect();
    entries.sort();
    assert_eq!(entries, ["err", "ok"], "an unknown folder or file");
}

#[test]
fn unknown_options_are_errors() {
    assert_eq!(
        options("//@ language_version 2.4\n").map(|o| o.language_version),
        Ok(LanguageVersion::Metal2_4)
    );
    assert!(options("//@ language_version 2.9\n").is_err());
    assert!(options("//@ fast_maths off\n").is_err());
}

#[test]
fn expectations_are_read_from_comments() {
    let check = |text: &str, expect: &[(u32, &str)]| {
        let expect: Vec<_> = expect.iter().map(|(line, code)| (*line, code.to_string())).collect();
        assert_eq!(expectations(text), Ok(expect));
    };
    check("a\nb //~ E0401\n", &[(2, "E0401")]);
    check("a\n//~^ E0401 E0301\n", &[(1, "E0301"), (1, "E0401")]);
    check("a\nb\n//~^^ E0401\n", &[(1, "E0401")]);
    check("plain // comment\n", &[]);
    assert!(expectations("a //~ E9999\n").is_err());
    assert!(expectations("a //~\n").is_err());
    assert!(expectations("//~^^ E0401\n").is_err());
}

//! One text of a source and the files that it includes. Metal compiles a single text at run time and has no
//! include path, so what our front end takes from [`CompileOptions::includes`](super::CompileOptions) is
//! written into the text before Apple's compiler gets it.
//!
//! The text means the same: `#line` keeps names and numbers of lines, and every file stands in a guard that
//! `#pragma once` and `#import` close.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use bitnet_msl::preprocess::find_include;

/// Longest text. Files that include each other often, and skip most of it by their own guards, could make a
/// longer one.
const MAX_BYTES: usize = 4 << 20;

/// The source with its includes in it. Those that are not among the given files are left as they are: they
/// are the standard library's, or in branches that are not taken.
///
/// # Errors
/// If a file includes itself without a guard, or the text gets too long.
pub(crate) fn inline_includes<'a>(
    name: &str,
    source: &'a str,
    includes: &BTreeMap<String, String>,
) -> Result<Cow<'a, str>, String> {
    if includes.is_empty() {
        return Ok(Cow::Borrowed(source));
    }
    let mut inliner = Inliner { includes, open: Vec::new(), text: String::new() };
    inliner.lines(name, source)?;
    Ok(Cow::Owned(inliner.text))
}

struct Inliner<'a> {
    includes: &'a BTreeMap<String, String>,
    /// Files that are being written, each included by the one before.
    open: Vec<&'a str>,
    text: String,
}

/// What a line tells the preprocessor about files.
#[derive(Debug, PartialEq, Eq)]
enum Directive<'a> {
    /// `#include`, or `#import` if `once`; `quoted` for `"name"`.
    Include { name: &'a str, quoted: bool, once: bool },
    /// `#pragma once`
    PragmaOnce,
}

impl<'a> Inliner<'a> {
    fn lines(&mut self, name: &str, text: &str) -> Result<(), String> {
        let mut in_comment = false;
        self.place(1, name);
        for (index, line) in text.lines().enumerate() {
            let code = without_comments(line, &mut in_comment);
            match directive(&code) {
                Some(Directive::Include { name: header, quoted, once }) => {
                    if let Some(key) = find_include(self.includes, header, quoted, name) {
                        self.file(key, once)?;
                        self.place(index + 2, name);
                        continue;
                    }
                }
                Some(Directive::PragmaOnce) if !self.open.is_empty() => {
                    self.line("");
                    continue;
                }
                _ => {}
            }
            self.line(line);
            if self.text.len() > MAX_BYTES {
                return Err(format!(
                    "{name} with all that it includes has more than {} MiB",
                    MAX_BYTES >> 20
                ));
            }
        }
        Ok(())
    }

    /// Writes an included file, unless it is there already and is to be there once.
    fn file(&mut self, key: &'a str, imported: bool) -> Result<(), String> {
        let text = &self.includes[key];
        let once =
            imported || lines_of_code(text).any(|code| directive(&code) == Some(Directive::PragmaOnce));
        if self.open.contains(&key) {
            // With a guard, the file is empty here; without one, it would never end.
            let guarded = once
                || lines_of_code(text).find(|code| !code.trim().is_empty()).is_some_and(|code| {
                    let code = code.trim_start().trim_start_matches('#').trim_start();
                    code.starts_with("ifndef")
                });
            return if guarded { Ok(()) } else { Err(format!("{key} includes itself")) };
        }
        let number = self.includes.keys().take_while(|other| *other != key).count();
        self.line(&format!("#ifndef BITNET_INCLUDED_{number}"));
        if once {
            self.line(&format!("#define BITNET_INCLUDED_{number}"));
        }
        self.open.push(key);
        self.lines(key, text)?;
        self.open.pop();
        self.line("#endif");
        Ok(())
    }

    /// Says where the next line comes from.
    fn place(&mut self, line: usize, name: &str) {
        let name = name.replace('\\', "\\\\").replace('"', "\\\"");
        writeln!(self.text, "#line {line} \"{name}\"").expect("a String takes all");
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// What a line without comments says about files.
fn directive(code: &str) -> Option<Directive<'_>> {
    let rest = code.trim_start().strip_prefix('#')?.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (word, rest) = (&rest[..end], rest[end..].trim());
    match word {
        "pragma" if rest == "once" => Some(Directive::PragmaOnce),
        "include" | "import" => {
            let quoted = rest.strip_prefix('"').and_then(|rest| rest.split_once('"'));
            let angled = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
            let (name, _) = quoted.or(angled)?;
            Some(Directive::Include { name, quoted: quoted.is_some(), once: word == "import" })
        }
        _ => None,
    }
}

fn lines_of_code(text: &str) -> impl Iterator<Item = String> + '_ {
    let mut in_comment = false;
    text.lines().map(move |line| without_comments(line, &mut in_comment))
}

/// A line with spaces for its comments. `in_comment` says whether it begins in one, and then whether it ends
/// in one.
fn without_comments(line: &str, in_comment: &mut bool) -> String {
    let mut code = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(next) = rest.chars().next() {
        if *in_comment {
            let Some((_, after)) = rest.split_once("*/") else { break };
            *in_comment = false;
            code.push(' ');
            rest = after;
        } else if rest.starts_with("//") {
            break;
        } else if let Some(after) = rest.strip_prefix("/*") {
            *in_comment = true;
            rest = after;
        } else {
            let length = if next == '"' { string_length(rest) } else { next.len_utf8() };
            code.push_str(&rest[..length]);
            rest = &rest[length..];
        }
    }
    code
}

/// Bytes of the string literal at the start of a text, its quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = true;
    for (index, c) in text.char_indices() {
        match c {
            '"' if !escaped => return index + 1,
            // The first quote opens the literal: it does not close it.
            _ => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metal::compile_options::CompileOptions;
    use crate::metal::front_end::CheckedSource;

    fn files(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn texts_are_one_with_what_they_include() {
        let check = |source: &str, given: &[(&str, &str)], expect: Result<&str, &str>| {
            let text = inline_includes("main.metal", source, &files(given));
            assert_eq!(text.as_deref().map_err(String::as_str), expect, "{source}");
        };
        check("#include \"a.h\"\n", &[], Ok("#include \"a.h\"\n"));
        check(
            "#include <metal_stdlib>\n # include \"a.h\" // why\nint x;\n",
            &[("a.h", "int a;\n")],
            Ok(
                "#line 1 \"main.metal\"\n#include <metal_stdlib>\n#ifndef BITNET_INCLUDED_0\n#line 1 \"a.h\"\n\
                int a;\n#endif\n#line 3 \"main.metal\"\nint x;\n",
            ),
        );
        check(
            "#import <b.h>\n",
            &[("a.h", ""), ("b.h", "#pragma once\nint b;")],
            Ok("#line 1 \"main.metal\"\n#ifndef BITNET_INCLUDED_1\n#define BITNET_INCLUDED_1\n\
                #line 1 \"b.h\"\n\nint b;\n#endif\n#line 2 \"main.metal\"\n"),
        );
        check(
            "/*\n#include \"a.h\"\n*/ // #include \"a.h\"\nconstant char s[] = \"/*\\\"\";\n",
            &[("a.h", "")],
            Ok("#line 1 \"main.metal\"\n/*\n#include \"a.h\"\n*/ // #include \"a.h\"\n\
                constant char s[] = \"/*\\\"\";\n"),
        );
        check("#include \"a.h\"\n", &[("a.h", "#include \"./a.h\"\n")], Err("a.h includes itself"));
    }

    #[test]
    fn the_front_end_finds_the_same_in_both() {
        let given = files(&[
            ("lib/a.h", "#pragma once\n#include \"b.h\"\ntypedef float Real;\n"),
            ("lib/b.h", "#ifndef B_H\n#define B_H\n#include \"a.h\"\n#define SCALE 3\n#endif\n"),
            ("twice.h", "X(SCALE)\n"),
        ]);
        let source = "#include \"lib/a.h\"\n#include <lib/a.h>\n#if 0\n#include \"missing.h\"\n#endif\n\
            kernel void k(device Real *x [[buffer(0)]]) {\n#define X(n) x[n] = n;\n#include \"twice.h\"\n\
            #include \"twice.h\"\n}\n";
        let separate = CompileOptions { includes: given.clone(), ..CompileOptions::default() };
        let separate = CheckedSource::compile("k", source, &separate).unwrap_or_else(|e| panic!("{e}"));
        let text = inline_includes("k.metal", source, &given).expect("no file includes itself for ever");
        let one = CheckedSource::compile("k", &text, &CompileOptions::default());
        let one = one.unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(one.kernels, separate.kernels);
        assert_eq!(one.kernels[0].name, "k");
    }

    #[test]
    fn text_without_end_is_refused() {
        let levels =
            (0..40).map(|i| (format!("{i}.h"), format!("#include \"{0}.h\"\n#include \"{0}.h\"\n", i + 1)));
        let text = inline_includes("main.metal", "#include \"0.h\"\n", &levels.collect());
        let error = text.expect_err("2⁴⁰ lines");
        assert!(error.ends_with("with all that it includes has more than 4 MiB"), "{error}");
    }
}

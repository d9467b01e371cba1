//! `#include`: the standard library, which is built in, and the files given with the source.

use std::collections::BTreeMap;

use super::predefined::{LOGGING_HEADER, is_standard_header};
use super::{MAX_INCLUDE_DEPTH, Preprocessor};
use crate::diag::{Code, Diagnostic};
use crate::lex::token::Punct;
use crate::lex::{RawKind, RawToken};
use crate::source::{FileId, Span};

/// How many file names a note lists.
const LISTED_FILES: usize = 8;

/// What an `#include` names.
struct Header {
    name: String,
    /// `"name"`: looked for beside the including file first.
    quoted: bool,
}

impl<'a> Preprocessor<'a> {
    /// `#include` (or `#import`, which includes a file once).
    pub(super) fn include(&mut self, operands: &[RawToken], directive: Span, once: bool) {
        let Some(header) = self.header(operands, directive) else {
            self.report(Code::E0104, directive, "#include takes <name> or \"name\"");
            return;
        };
        let place = operands.first().map_or(directive, |first| first.span);
        let place = operands.last().map_or(place, |last| place.to(last.span));
        let Some(key) = self.resolve(&header, directive.file) else {
            if header.name == LOGGING_HEADER {
                self.logging.get_or_insert(place);
            } else if !is_standard_header(&header.name) {
                self.report_missing(&header, place);
            }
            return;
        };
        if self.files.len() >= MAX_INCLUDE_DEPTH {
            self.stop(place, &format!("files include each other deeper than {MAX_INCLUDE_DEPTH}"));
            return;
        }
        let file = self.included_file(key);
        if self.once.contains(&file) {
            return;
        }
        if once {
            self.once.insert(file);
        }
        self.enter_file(file, place);
    }

    /// Whether `__has_include` would find the file that its operand names.
    pub(super) fn has_include(&mut self, operand: Vec<RawToken>, at: RawToken) -> bool {
        let Some(header) = self.header(&operand, at.span) else {
            self.report(Code::E0114, at.span, "__has_include takes <name> or \"name\"");
            return false;
        };
        is_standard_header(&header.name) || self.resolve(&header, at.span.file).is_some()
    }

    /// `<name>`, `"name"` or macros that make one of them.
    fn header(&mut self, tokens: &[RawToken], site: Span) -> Option<Header> {
        let plain = |t: &RawToken| t.kind == RawKind::Str || t.is(Punct::Less);
        let expanded;
        let tokens = if tokens.first().is_some_and(plain) {
            tokens
        } else {
            expanded = self.expand_list(tokens.to_vec(), site);
            &expanded
        };
        let (first, rest) = tokens.split_first()?;
        if first.kind == RawKind::Str {
            return Some(Header { name: self.text(first).trim_matches('"').to_owned(), quoted: true });
        }
        let end = rest.iter().position(|t| t.is(Punct::Greater)).filter(|_| first.is(Punct::Less))?;
        Some(Header { name: rest[..end].iter().map(|t| self.text(t)).collect(), quoted: false })
    }

    /// The key in the map of given files.
    fn resolve(&self, header: &Header, from: FileId) -> Option<&'a str> {
        let including = self.sources.get(from).map_or("", |file| file.name.as_str());
        find_include(&self.options.includes, &header.name, header.quoted, including)
    }

    /// The file's id; the source map gets each file once.
    fn included_file(&mut self, key: &str) -> FileId {
        if let Some(&file) = self.included.get(key) {
            return file;
        }
        let text = self.options.includes.get(key).map_or("", String::as_str);
        let file = self.sources.add(key, text);
        self.included.insert(key.to_owned(), file);
        file
    }

    fn report_missing(&mut self, header: &Header, place: Span) {
        let mut diagnostic =
            Diagnostic::new(Code::E0106, place, format!("included file `{}` not found", header.name));
        let given: Vec<&str> = self.options.includes.keys().take(LISTED_FILES).map(String::as_str).collect();
        diagnostic = diagnostic.note(if given.is_empty() {
            "no files were given to include; metal_stdlib and its parts are built in".to_owned()
        } else {
            let more = if self.options.includes.len() > given.len() { ", …" } else { "" };
            format!("files that can be included: {}{more}", given.join(", "))
        });
        self.push(diagnostic);
    }
}

/// The key of the file that `#include "header"` (or, not quoted, `#include <header>`) in the file `from` means among
/// the given ones: beside the including file, else from the root.
pub fn find_include<'a>(
    includes: &'a BTreeMap<String, String>,
    header: &str,
    quoted: bool,
    from: &str,
) -> Option<&'a str> {
    let folder = from.rsplit_once('/').map(|(folder, _)| folder).filter(|_| quoted);
    let beside = folder.map(|folder| normal_path(&format!("{folder}/{header}")));
    let mut candidates = beside.into_iter().chain([header.to_owned(), normal_path(header)]);
    candidates.find_map(|name| includes.get_key_value(&name).map(|(key, _)| key.as_str()))
}

/// A path without `.` and `..`, as far as that goes.
fn normal_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::normal_path;

    #[test]
    fn paths_lose_their_detours() {
        for (path, expected) in
            [("a/b.h", "a/b.h"), ("./a/./b.h", "a/b.h"), ("a/../b.h", "b.h"), ("../b.h", "../b.h")]
        {
            assert_eq!(normal_path(path), expected);
        }
    }
}

//! Source files of one compilation and positions in them.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// One file of a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct FileId(pub u32);

/// A range of bytes of one source file: `lo..hi`.
///
/// A token that a macro produced carries the span of the macro's use, so that a
/// diagnostic always points at text its reader wrote there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Span {
    /// The file that holds the text.
    pub file: FileId,
    /// First byte.
    pub lo: u32,
    /// One past the last byte.
    pub hi: u32,
}

impl Span {
    /// The span `lo..hi` of `file`.
    pub fn new(file: FileId, lo: u32, hi: u32) -> Self {
        Self { file, lo, hi }
    }

    /// The smallest span that covers both, or `self` if they lie in different files.
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span { file: self.file, lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// The empty span at the end of this one.
    pub fn end(self) -> Span {
        Span { lo: self.hi, ..self }
    }

    /// The byte range within the file.
    pub fn range(self) -> Range<usize> {
        self.lo as usize..self.hi as usize
    }
}

/// One source file: its name, as diagnostics print it, and its text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The name diagnostics print.
    pub name: String,
    /// The text. Bytes that were not UTF-8 have become U+FFFD.
    pub text: String,
    line_starts: Vec<u32>,
}

impl SourceFile {
    /// The line, from 0, that holds a byte; the last one for a byte past the end.
    pub fn line_of(&self, byte: usize) -> usize {
        self.line_starts.partition_point(|&start| start as usize <= byte).max(1) - 1
    }

    /// The bytes of a line, from 0, without its line end.
    pub fn line_range(&self, line: usize) -> Option<Range<usize>> {
        let start = *self.line_starts.get(line)? as usize;
        let end = self.line_starts.get(line + 1).map_or(self.text.len(), |&next| next as usize - 1);
        let end = if self.text[start..end].ends_with('\r') { end - 1 } else { end };
        Some(start..end)
    }
}

/// Every file that a compilation has read, in the order it read them. File 0 is the main one.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

/// A place in a file as people count it: line and column from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// File name.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl SourceMap {
    /// Adds a file and returns its id.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let (name, text) = (name.into(), text.into());
        let mut line_starts = vec![0];
        line_starts.extend(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i as u32 + 1));
        self.files.push(SourceFile { name, text, line_starts });
        FileId(self.files.len() as u32 - 1)
    }

    /// The file with this id, if the map has it.
    pub fn get(&self, file: FileId) -> Option<&SourceFile> {
        self.files.get(file.0 as usize)
    }

    /// All files.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The text a span covers; empty for a span that no file holds.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.file).and_then(|f| f.text.get(span.range())).unwrap_or("")
    }

    /// Where a span starts.
    pub fn locate(&self, span: Span) -> Location {
        let Some(file) = self.get(span.file) else {
            return Location { file: "<unknown>".into(), line: 0, column: 0 };
        };
        let line = file.line_of(span.lo as usize);
        let start = file.line_starts[line] as usize;
        let before = file.text.get(start..span.lo as usize).unwrap_or("");
        Location { file: file.name.clone(), line: line as u32 + 1, column: before.chars().count() as u32 + 1 }
    }

    /// The whole line in which a span starts, without its line end.
    pub fn line_text(&self, span: Span) -> &str {
        let Some(file) = self.get(span.file) else { return "" };
        file.line_range(file.line_of(span.lo as usize)).map_or("", |range| &file.text[range])
    }
}

/// Names and texts, in order.
impl Serialize for SourceMap {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.files.iter().map(|file| (&file.name, &file.text)))
    }
}

impl<'de> Deserialize<'de> for SourceMap {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = Self::default();
        for (name, text) in Vec::<(String, String)>::deserialize(deserializer)? {
            map.add(name, text);
        }
        Ok(map)
    }
}

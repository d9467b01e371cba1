//! The part of the sources that one diagnostic shows.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use codespan_reporting::files::{Error, Files};

use super::Label;
use crate::source::{FileId, SourceFile, SourceMap};

/// Longest part of a line that is shown, in bytes.
const MAX_SHOWN_BYTES: usize = 160;
/// How much of a longer line is shown before the first label on it.
const SHOWN_BEFORE_BYTES: usize = 60;

/// The lines that the labels of one diagnostic touch, with their numbers.
///
/// **Invariant:** its size depends on the number of labels, not on the size of the sources.
pub(super) struct Excerpt {
    files: Vec<ExcerptFile>,
    /// For each label its file's number and its bytes in the excerpt, at most to the end of its first line.
    /// `None` if it is not shown.
    places: Vec<Option<(usize, Range<usize>)>>,
}

struct ExcerptFile {
    name: String,
    text: String,
    /// By number from 0. Their order is that of the text.
    lines: BTreeMap<usize, ShownLine>,
}

/// A line of an excerpt.
struct ShownLine {
    /// Its bytes in the excerpt, with the ellipses of a clipped one.
    bytes: Range<usize>,
    /// The part of the source that is shown, and where it starts in the excerpt.
    window: Range<usize>,
    window_at: usize,
    /// Columns of the source before the window.
    columns_before: usize,
}

impl Excerpt {
    pub(super) fn new(labels: &[&Label], sources: &SourceMap) -> Self {
        let mut excerpt = Self { files: Vec::new(), places: vec![None; labels.len()] };
        // By file in order of appearance, and by line, the labels there.
        let mut touched: Vec<(FileId, BTreeMap<usize, Vec<usize>>)> = Vec::new();
        for (i, label) in labels.iter().enumerate() {
            let id = label.span.file;
            let Some(source) = sources.get(id) else { continue };
            let at = touched.iter().position(|(file, _)| *file == id).unwrap_or_else(|| {
                touched.push((id, BTreeMap::new()));
                touched.len() - 1
            });
            touched[at].1.entry(source.line_of(first_byte(label, source))).or_default().push(i);
        }
        for (number, (id, lines)) in touched.iter().enumerate() {
            let Some(source) = sources.get(*id) else { continue };
            let mut file = ExcerptFile::new(source);
            for (line, on_line) in lines {
                // A single line between two shown ones is shown as well.
                if *line >= 2 && lines.contains_key(&(line - 2)) && !lines.contains_key(&(line - 1)) {
                    file.add_line(source, line - 1, 0);
                }
                file.add_line(source, *line, on_line.first().map_or(0, |i| first_byte(labels[*i], source)));
                for &i in on_line {
                    excerpt.places[i] = file.place(source, *line, labels[i]).map(|range| (number, range));
                }
            }
            excerpt.files.push(file);
        }
        excerpt
    }

    /// Where a label, by its number, is shown.
    pub(super) fn place(&self, label: usize) -> Option<(usize, Range<usize>)> {
        self.places.get(label)?.clone()
    }

    fn file(&self, number: usize) -> Result<&ExcerptFile, Error> {
        self.files.get(number).ok_or(Error::FileMissing)
    }
}

/// A label's start, pulled into the text.
fn first_byte(label: &Label, source: &SourceFile) -> usize {
    source.text.floor_char_boundary(label.span.lo as usize)
}

impl ExcerptFile {
    fn new(source: &SourceFile) -> Self {
        Self { name: printable(&source.name).into_owned(), text: String::new(), lines: BTreeMap::new() }
    }

    /// Adds a line; of a long one what surrounds the byte `focus`.
    fn add_line(&mut self, source: &SourceFile, line: usize, focus: usize) {
        let Some(full) = source.line_range(line) else { return };
        let mut window = full.clone();
        if full.len() > MAX_SHOWN_BYTES {
            let lo = focus.saturating_sub(SHOWN_BEFORE_BYTES).clamp(full.start, full.end - MAX_SHOWN_BYTES);
            let boundary = |byte| source.text.floor_char_boundary(byte).max(full.start);
            window = boundary(lo)..boundary(lo + MAX_SHOWN_BYTES);
        }
        let start = self.text.len();
        self.text.push_str(if window.start > full.start { "…" } else { "" });
        let window_at = self.text.len();
        self.text.push_str(&printable(&source.text[window.clone()]));
        self.text.push_str(if window.end < full.end { "…" } else { "" });
        let bytes = start..self.text.len();
        self.text.push('\n');
        let columns_before = source.text[full.start..window.start].chars().count();
        self.lines.insert(line, ShownLine { bytes, window, window_at, columns_before });
    }

    /// The bytes of the excerpt that show a label on a line.
    fn place(&self, source: &SourceFile, line: usize, label: &Label) -> Option<Range<usize>> {
        let shown = self.lines.get(&line)?;
        let window = &shown.window;
        let lo = first_byte(label, source);
        // A line end may be two bytes long, so a start behind the window can still belong to its line.
        if lo < window.start || lo > window.end && window.end < source.line_range(line)?.end {
            return None;
        }
        let to_excerpt = |byte: usize| {
            let byte = source.text.floor_char_boundary(byte.clamp(window.start, window.end));
            shown.window_at + printable(&source.text[window.start..byte]).len()
        };
        Some(to_excerpt(lo)..to_excerpt((label.span.hi as usize).max(lo)))
    }
}

/// Text in which control characters and those that turn the direction of writing are visible signs: a source must
/// not steer the terminal. It has as many characters as before.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    let sign = |c: char| match c {
        '\n' | '\t' => c,
        '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            char::REPLACEMENT_CHARACTER
        }
        _ => c,
    };
    if text.chars().all(|c| sign(c) == c) { text.into() } else { text.chars().map(sign).collect() }
}

impl<'a> Files<'a> for Excerpt {
    type FileId = usize;
    type Name = &'a str;
    type Source = &'a str;

    fn name(&'a self, number: usize) -> Result<&'a str, Error> {
        self.file(number).map(|file| file.name.as_str())
    }

    fn source(&'a self, number: usize) -> Result<&'a str, Error> {
        self.file(number).map(|file| file.text.as_str())
    }

    /// The line's number in the source, so that gaps between lines show.
    fn line_index(&'a self, number: usize, byte_index: usize) -> Result<usize, Error> {
        let file = self.file(number)?;
        let holds = |(_, line): &(&usize, &ShownLine)| line.bytes.start <= byte_index;
        file.lines.iter().take_while(holds).last().map(|(index, _)| *index).ok_or(Error::FileMissing)
    }

    fn column_number(&'a self, number: usize, line_index: usize, byte_index: usize) -> Result<usize, Error> {
        let file = self.file(number)?;
        let line = file.lines.get(&line_index).ok_or(Error::FileMissing)?;
        let before = file.text.get(line.window_at..byte_index).unwrap_or("");
        Ok(line.columns_before + before.chars().count() + 1)
    }

    fn line_range(&'a self, number: usize, line_index: usize) -> Result<Range<usize>, Error> {
        let lines = &self.file(number)?.lines;
        let max = lines.keys().next_back().copied().unwrap_or(0);
        lines
            .get(&line_index)
            .map(|line| line.bytes.clone())
            .ok_or(Error::LineTooLarge { given: line_index, max })
    }
}

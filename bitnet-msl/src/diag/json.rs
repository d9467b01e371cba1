//! Diagnostics as data, for programs that read them.

use serde::Serialize;

use super::{Diagnostic, Label};
use crate::source::{SourceMap, Span};

/// A diagnostic with its places resolved. Lines and columns count from 1; columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiagnosticView {
    /// `E0401`.
    pub code: &'static str,
    /// `error` or `warning`.
    pub severity: &'static str,
    /// One line: what is wrong.
    pub message: String,
    /// The primary place.
    #[serde(flatten)]
    pub place: PlaceView,
    /// Other places that matter.
    pub labels: Vec<PlaceView>,
    /// The rule, and the way out.
    pub notes: Vec<String>,
}

/// A place and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlaceView {
    /// File name.
    pub file: String,
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Line of the end.
    pub end_line: u32,
    /// Column of the end, exclusive.
    pub end_column: u32,
    /// What is said there; may be empty.
    pub label: String,
}

impl Diagnostic {
    /// The diagnostic with its places resolved, ready for serde.
    pub fn to_json_view(&self, sources: &SourceMap) -> DiagnosticView {
        DiagnosticView {
            code: self.code.info().name,
            severity: self.severity.word(),
            message: self.message.clone(),
            place: place(&self.primary, sources),
            labels: self.secondary.iter().map(|label| place(label, sources)).collect(),
            notes: self.notes.clone(),
        }
    }
}

fn place(label: &Label, sources: &SourceMap) -> PlaceView {
    let start = sources.locate(label.span);
    let end = sources.locate(Span { lo: label.span.hi, ..label.span });
    PlaceView {
        file: start.file,
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
        label: label.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Code;

    #[test]
    fn places_are_lines_and_columns_in_characters() {
        let mut sources = SourceMap::default();
        let file = sources.add("k.metal", "// \u{e9}\nint \u{e9}\u{e9} x;\n");
        let diagnostic = Diagnostic::new(Code::E0201, Span::new(file, 10, 16), "wrong")
            .at("here")
            .label(Span::new(file, 0, 2), "there")
            .note("why");
        let place = |line, column, end_column, label: &str| PlaceView {
            file: "k.metal".into(),
            line,
            column,
            end_line: line,
            end_column,
            label: label.into(),
        };
        let expected = DiagnosticView {
            code: "E0201",
            severity: "error",
            message: "wrong".into(),
            place: place(2, 5, 9, "here"),
            labels: vec![place(1, 1, 3, "there")],
            notes: vec!["why".into()],
        };
        assert_eq!(diagnostic.to_json_view(&sources), expected);
    }
}

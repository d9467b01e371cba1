//! Diagnostics as text, in the manner of rustc: header with code, place, source line, labels, notes.

use codespan_reporting::diagnostic as report;
use codespan_reporting::term::termcolor::Ansi;
use codespan_reporting::term::{self, Chars, Config, Styles, StylesWriter};

use super::excerpt::{Excerpt, printable};
use super::{Diagnostic, Label, Severity};
use crate::source::SourceMap;

/// Whether the text holds colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenderStyle {
    /// No colours.
    Plain,
    /// ANSI colours.
    Ansi,
}

/// All diagnostics as text, each followed by an empty line.
///
/// The text is bounded and free of control characters whatever the sources hold: of a very long line only the
/// surroundings of the label are shown.
pub fn render(diagnostics: &[Diagnostic], sources: &SourceMap, style: RenderStyle) -> String {
    diagnostics.iter().map(|diagnostic| render_one(diagnostic, sources, style)).collect()
}

fn render_one(diagnostic: &Diagnostic, sources: &SourceMap, style: RenderStyle) -> String {
    let labels: Vec<&Label> = std::iter::once(&diagnostic.primary).chain(&diagnostic.secondary).collect();
    let excerpt = Excerpt::new(&labels, sources);
    let converted = convert(diagnostic, &labels, &excerpt, sources);
    let config = Config { chars: Chars::ascii(), ..Config::default() };
    let text = match style {
        RenderStyle::Plain => term::emit_into_string(&config, &excerpt, &converted).ok(),
        RenderStyle::Ansi => {
            let mut ansi = Ansi::new(Vec::new());
            let styles = Styles::default();
            let mut writer = StylesWriter::new(&mut ansi, &styles);
            let emitted = term::emit_to_write_style(&mut writer, &config, &excerpt, &converted);
            emitted.ok().and_then(|()| String::from_utf8(ansi.into_inner()).ok())
        }
    };
    // The excerpt holds every line that is asked for; should one be missing, the message is not lost with it.
    text.unwrap_or_else(|| {
        let code = diagnostic.code.info().name;
        format!("{}[{code}]: {}\n\n", diagnostic.severity.word(), printable(&diagnostic.message))
    })
}

fn convert(
    diagnostic: &Diagnostic,
    labels: &[&Label],
    excerpt: &Excerpt,
    sources: &SourceMap,
) -> report::Diagnostic<usize> {
    let severity = match diagnostic.severity {
        Severity::Error => report::Severity::Error,
        Severity::Warning => report::Severity::Warning,
    };
    let mut converted = report::Diagnostic::new(severity)
        .with_code(diagnostic.code.info().name)
        .with_message(printable(&diagnostic.message));
    for (i, label) in labels.iter().enumerate() {
        let message = printable(&label.message);
        if let Some((file, range)) = excerpt.place(i) {
            let style = if i == 0 { report::LabelStyle::Primary } else { report::LabelStyle::Secondary };
            converted.labels.push(report::Label::new(style, file, range).with_message(message));
        } else if sources.get(label.span.file).is_some() {
            // Too far along a huge line.
            let place = sources.locate(label.span);
            converted.notes.push(format!(
                "{}:{}:{}: {message}",
                printable(&place.file),
                place.line,
                place.column
            ));
        }
    }
    converted.notes.extend(diagnostic.notes.iter().map(|note| format!("note: {}", printable(note))));
    converted
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::diag::Code;
    use crate::source::{FileId, Span};

    const MAIN: FileId = FileId(0);

    fn span_of(sources: &SourceMap, text: &str) -> Span {
        let at = sources.files()[0].text.find(text).expect("the text is there") as u32;
        Span::new(MAIN, at, at + text.len() as u32)
    }

    fn plain(diagnostic: Diagnostic, sources: &SourceMap) -> String {
        render(&[diagnostic], sources, RenderStyle::Plain)
    }

    #[test]
    fn shows_lines_labels_and_notes() {
        let mut sources = SourceMap::default();
        sources
            .add("k.metal", "kernel void k(device float *from) {\n\n    threadgroup float *p = from;\n}\n");
        let diagnostic = Diagnostic::new(Code::E0401, span_of(&sources, "from;"), "address spaces differ")
            .at("points to device memory")
            .label(span_of(&sources, "device float"), "declared here")
            .note("no conversion leads from one to the other [MSL 4]");
        assert_snapshot!(plain(diagnostic, &sources), @r#"
        error[E0401]: address spaces differ
          --> k.metal:3:28
          |
        1 | kernel void k(device float *from) {
          |               ------------ declared here
        2 | 
        3 |     threadgroup float *p = from;
          |                            ^^^^^ points to device memory
          |
          = note: no conversion leads from one to the other [MSL 4]
        "#);
    }

    #[test]
    fn lines_between_and_gaps_are_as_rustc_shows_them() {
        let mut sources = SourceMap::default();
        sources.add("k.metal", "one\ntwo\nthree\nfour\nfive\nsix\nseven\n");
        let diagnostic = Diagnostic::new(Code::E0204, span_of(&sources, "seven"), "m")
            .label(span_of(&sources, "one"), "first")
            .label(span_of(&sources, "three"), "third");
        assert_snapshot!(plain(diagnostic, &sources), @r#"
        error[E0204]: m
          --> k.metal:7:1
          |
        1 | one
          | --- first
        2 | two
        3 | three
          | ----- third
          .
        7 | seven
          | ^^^^^
        "#);
    }

    #[test]
    fn places_may_lie_in_several_files_or_in_none() {
        let mut sources = SourceMap::default();
        sources.add("a.metal", "#include \"b.h\"\n");
        let other = sources.add("b.h", "int x\n");
        let diagnostic = Diagnostic::new(Code::E0201, Span::new(other, 4, 5), "m")
            .label(Span::new(MAIN, 0, 14), "included here")
            .label(Span::new(FileId(7), 0, 1), "nowhere");
        assert_snapshot!(plain(diagnostic, &sources), @r#"
        error[E0201]: m
          --> b.h:1:5
          |
        1 | int x
          |     ^
          |
          --> a.metal:1:1
          |
        1 | #include "b.h"
          | -------------- included here
        "#);
        let nowhere = Diagnostic::new(Code::E0201, Span::new(FileId(7), 0, 1), "m");
        assert_snapshot!(plain(nowhere, &sources), @"error[E0201]: m");
    }

    #[test]
    fn spans_out_of_range_are_pulled_into_the_text() {
        let mut sources = SourceMap::default();
        sources.add("a.metal", "caf\u{e9}\r\nx\n");
        for (lo, hi) in [(0, 900), (900, 901), (4, 2), (4, 5), (5, 9), (9, 9)] {
            let text = plain(Diagnostic::new(Code::E0201, Span::new(MAIN, lo, hi), "m"), &sources);
            assert!(text.contains("--> a.metal:"), "{lo}..{hi}: {text}");
        }
        let empty = SourceMap::default();
        assert!(plain(Diagnostic::new(Code::E0201, Span::default(), "m"), &empty).contains("E0201"));
    }

    #[test]
    fn of_a_huge_line_the_surroundings_are_shown() {
        let mut sources = SourceMap::default();
        let text = format!(
            "{}wrong = {}far{}\nend",
            "a + ".repeat(250_000),
            "b + ".repeat(1_000),
            "c".repeat(1_000)
        );
        sources.add("a.metal", text);
        let diagnostic = Diagnostic::new(Code::E0201, span_of(&sources, "wrong"), "m")
            .label(span_of(&sources, "far"), "also this");
        assert_snapshot!(plain(diagnostic, &sources), @r#"
        error[E0201]: m
          --> a.metal:1:1000001
          |
        1 | …a + a + a + a + a + a + a + a + a + a + a + a + a + a + a + wrong = b + b + b + b + b + b + b + b + b + b + b + b + b + b + b + b + b + b + b + b + b + b + b + …
          |                                                              ^^^^^
          |
          = a.metal:1:1004009: also this
        "#);
    }

    #[test]
    fn sources_cannot_steer_the_terminal() {
        let mut sources = SourceMap::default();
        sources.add("a\u{1b}.metal", "\u{1b}[31m x\u{202e}y\u{0} \tz\n");
        let diagnostic = Diagnostic::new(Code::E0201, span_of(&sources, "z"), "m \u{1b}[0m\r").note("n\u{7}");
        assert_snapshot!(plain(diagnostic, &sources), @r#"
        error[E0201]: m ␛[0m␍
          --> a␛.metal:1:13
          |
        1 | ␛[31m x�y␀  z
          |             ^
          |
          = note: n␇
        "#);
    }

    #[test]
    fn colours_are_ansi_sequences() {
        let mut sources = SourceMap::default();
        sources.add("a.metal", "x");
        let diagnostics = [Diagnostic::new(Code::E0201, Span::new(MAIN, 0, 1), "m")];
        let coloured = render(&diagnostics, &sources, RenderStyle::Ansi);
        assert!(coloured.contains("\u{1b}["), "{coloured:?}");
        let mut stripped = String::new();
        for (i, part) in coloured.split("\u{1b}[").enumerate() {
            stripped.push_str(if i == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) });
        }
        assert_eq!(stripped, render(&diagnostics, &sources, RenderStyle::Plain));
    }
}

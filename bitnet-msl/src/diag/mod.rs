//! Diagnostics: what is wrong with a shader, in MSL's words, with the place and the way out.

mod codes;
mod excerpt;
mod json;
mod render;

use crate::source::Span;
pub use codes::{Code, CodeInfo};
pub use json::{DiagnosticView, PlaceView};
pub use render::{RenderStyle, render};

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Compilation goes on and yields a module.
    Warning,
    /// There will be no module.
    Error,
}

impl Severity {
    /// `warning` or `error`.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A place that a diagnostic talks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The text.
    pub span: Span,
    /// What to say there; may be empty.
    pub message: String,
}

/// One finding. Codes are stable: `bitnet check --json` and the fixtures name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Row of the table of codes.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// One line: what is wrong, naming the thing.
    pub message: String,
    /// Where. Its span starts the report.
    pub primary: Label,
    /// Other places that matter: the declaration, the earlier definition.
    pub secondary: Vec<Label>,
    /// The rule (with the section of the MSL specification) and the way out.
    pub notes: Vec<String>,
}

impl Diagnostic {
    /// A finding of the code's usual severity at a place.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.info().severity,
            message: message.into(),
            primary: Label { span, message: String::new() },
            secondary: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Says something at the primary place.
    pub fn at(mut self, message: impl Into<String>) -> Self {
        self.primary.message = message.into();
        self
    }

    /// Adds another place.
    pub fn label(mut self, span: Span, message: impl Into<String>) -> Self {
        self.secondary.push(Label { span, message: message.into() });
        self
    }

    /// Adds a note: the rule, or the way out.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// Collects diagnostics, bounded: after the limit further ones are counted, not kept.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    dropped: usize,
    errors: usize,
}

/// How many diagnostics one compilation keeps.
pub const MAX_DIAGNOSTICS: usize = 100;

/// Longest message or note that a compilation keeps, in bytes. A source may hold a name of ten megabytes.
const MAX_MESSAGE_BYTES: usize = 1 << 10;

/// Cuts a text that is too long.
fn shorten(text: &mut String) {
    if text.len() > MAX_MESSAGE_BYTES {
        text.truncate(text.floor_char_boundary(MAX_MESSAGE_BYTES));
        text.push('…');
        text.shrink_to_fit();
    }
}

impl Diagnostics {
    /// Adds a finding. The same code at the same place is kept once.
    pub fn push(&mut self, mut diagnostic: Diagnostic) {
        if diagnostic.severity == Severity::Error {
            self.errors += 1;
        }
        let twin = |d: &Diagnostic| d.code == diagnostic.code && d.primary.span == diagnostic.primary.span;
        if self.list.iter().any(twin) {
            return;
        }
        if self.list.len() >= MAX_DIAGNOSTICS {
            self.dropped += 1;
            return;
        }
        let Diagnostic { message, primary, secondary, notes, .. } = &mut diagnostic;
        let labels = std::iter::once(primary).chain(secondary).map(|label| &mut label.message);
        std::iter::once(message).chain(labels).chain(notes).for_each(shorten);
        self.list.push(diagnostic);
    }

    /// Whether anything was an error, dropped ones included.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Whether no more will be kept, so that work may stop.
    pub fn is_full(&self) -> bool {
        self.dropped > 0
    }

    /// How many were counted only.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// Those kept, in the order found.
    pub fn list(&self) -> &[Diagnostic] {
        &self.list
    }

    /// Those kept, by place.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|d| (d.primary.span.file, d.primary.span.lo, d.code));
        self.list
    }
}

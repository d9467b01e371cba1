//! The parser: trees of valid text, diagnostics of wrong text, bounds on endless text.

mod dump;
mod errors;
mod expressions;
mod items;
mod limits;
mod statements;

use bitnet_msl::ast::{ItemKind, TranslationUnit};
use bitnet_msl::diag::{Diagnostic, Diagnostics};
use bitnet_msl::source::SourceMap;
use bitnet_msl::{CompileOptions, parse, preprocess};

/// Parses a text. Gives the tree, what was wrong, and the sources.
fn read(text: &str) -> (TranslationUnit, Vec<Diagnostic>, SourceMap) {
    let mut sources = SourceMap::default();
    let main = sources.add("t.metal", text);
    let mut diagnostics = Diagnostics::default();
    let tokens = preprocess::preprocess(main, &mut sources, &CompileOptions::default(), &mut diagnostics);
    let unit = parse::parse(&tokens, &mut diagnostics);
    (unit, diagnostics.into_sorted(), sources)
}

/// Parses a text that must have no errors.
fn read_clean(text: &str) -> TranslationUnit {
    let (unit, diagnostics, _) = read(text);
    let found: Vec<_> = diagnostics.iter().map(|d| (d.code, d.primary.span.lo, &d.message)).collect();
    assert!(found.is_empty(), "{found:?} in {}", text.chars().take(2000).collect::<String>());
    unit
}

/// Checks the tree of declarations.
fn check_items(text: &str, expect: &[&str]) {
    let found: Vec<String> = read_clean(text).items.iter().map(dump::item).collect();
    assert_eq!(found, expect, "{text}");
}

/// Checks the tree of the statements of a function whose context declares some names.
fn check_statements(context: &str, text: &str, expect: &[&str]) {
    let unit = read_clean(&format!("{context}\nvoid test_body(int n, device float *p) {{\n{text}\n}}"));
    let Some(ItemKind::Function(function)) = unit.items.last().map(|i| &i.kind) else {
        panic!("no function in {text}");
    };
    let body = function.body.as_ref().expect("a definition");
    let found: Vec<String> = body.stmts.iter().map(dump::stmt).collect();
    assert_eq!(found, expect, "{text}");
}

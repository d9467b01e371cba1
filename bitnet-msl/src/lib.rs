//! Front end for the Metal Shading Language (MSL).
//!
//! [`compile`] takes the text of a `.metal` file through lexer, preprocessor, parser and checker to
//! typed IR ([`ir::Module`]), or to diagnostics ([`diag::Diagnostic`]) with codes, places and notes.
//! [`reflect`] says what kernels a module has and what they take.
//!
//! **Invariant:** any text ends in IR or in diagnostics: no panic, no hang, bounded memory.
//!
//! **Invariant:** no file system, no `unsafe`, no word of BitNet in this crate.

pub mod artifact;
pub mod ast;
mod check;
pub mod diag;
pub mod ir;
pub mod lex;
mod options;
pub mod parse;
pub mod preprocess;
pub mod reflect;
pub mod source;

/// Version of this crate and a hash of its source: another compiler may understand the same text, or the same
/// artifact, differently.
pub const COMPILER: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("BITNET_MSL_SOURCE_HASH"));

pub use options::{CompileOptions, LanguageVersion, OptimizationLevel};

use diag::{Code, Diagnostic, Diagnostics, RenderStyle, Severity};
use source::{FileId, SourceMap, Span};

/// What came of a compilation.
#[derive(Clone, Debug)]
pub struct Compilation {
    /// The texts that were read; spans point into them.
    pub sources: SourceMap,
    /// Findings, by place; at most [`diag::MAX_DIAGNOSTICS`].
    pub diagnostics: Vec<Diagnostic>,
    /// How many findings there were beyond those.
    pub omitted: usize,
    /// The module, unless there were errors.
    pub module: Option<ir::Module>,
}

impl Compilation {
    /// The findings that are errors.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|d| d.severity == Severity::Error)
    }

    /// All findings as text, each with its source line.
    pub fn render(&self, style: RenderStyle) -> String {
        let mut text = diag::render(&self.diagnostics, &self.sources, style);
        if self.omitted > 0 {
            text.push_str(&format!("{} more diagnostics are not shown\n\n", self.omitted));
        }
        text
    }
}

/// Compiles one file. `name` is what diagnostics call it.
///
/// Never panics and never fails: what is wrong with the text is in [`Compilation::diagnostics`].
pub fn compile(name: &str, text: &str, options: &CompileOptions) -> Compilation {
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let is_too_large = text.len() > preprocess::MAX_FILE_BYTES;
    let main = sources.add(name, if is_too_large { "" } else { text });
    if is_too_large {
        let message = format!("`{name}` has more than {} MiB", preprocess::MAX_FILE_BYTES >> 20);
        diagnostics.push(Diagnostic::new(Code::E0115, Span::new(main, 0, 0), message));
    }
    let tokens = preprocess::preprocess(main, &mut sources, options, &mut diagnostics);
    let unit = parse::parse(&tokens, &mut diagnostics);
    let module = check::check(&unit, options, &mut diagnostics);
    let module = ir::Module { sources: sources.clone(), ..module };
    let module = if diagnostics.has_errors() { None } else { verified(module, main, &mut diagnostics) };
    let module = module.and_then(|module| optimized(module, main, options, &mut diagnostics));
    Compilation { sources, omitted: diagnostics.dropped(), diagnostics: diagnostics.into_sorted(), module }
}

/// The module if the verifier accepts it. Lowering promises that it does; if it breaks the promise, that must not
/// become wrong results.
fn verified(module: ir::Module, main: FileId, diagnostics: &mut Diagnostics) -> Option<ir::Module> {
    let Err(fault) = ir::verify::verify(&module) else { return Some(module) };
    let message = format!("internal error: lowering made IR that the verifier refuses, {fault}");
    report_fault(&module, &fault, main, message, diagnostics);
    None
}

/// The module after the passes of its level. They promise that the verifier accepts what they make, too.
fn optimized(
    mut module: ir::Module,
    main: FileId,
    options: &CompileOptions,
    diagnostics: &mut Diagnostics,
) -> Option<ir::Module> {
    let Err(fault) = ir::passes::optimize(&mut module, options.optimization_level) else {
        return Some(module);
    };
    let message = format!("internal error: {fault}");
    report_fault(&module, &fault.error, main, message, diagnostics);
    None
}

/// Reports IR that the verifier refuses.
fn report_fault(
    module: &ir::Module,
    fault: &ir::verify::VerifyError,
    main: FileId,
    message: String,
    diagnostics: &mut Diagnostics,
) {
    let function = module.functions.iter().find(|f| f.name == fault.function);
    let span = match (function, fault.value) {
        (Some(function), Some(value)) => {
            function.insts.get(value.0 as usize).map_or(function.span, |i| i.span)
        }
        (Some(function), None) => function.span,
        (None, _) => Span::new(main, 0, 0),
    };
    let note = "this is a fault of the compiler, not of the source: please report it";
    diagnostics.push(Diagnostic::new(Code::E0699, span, message).note(note));
}

/// Compiles the bytes of a file, which need not be text: what is not UTF-8 is a finding, unless it stands in a comment.
pub fn compile_bytes(name: &str, bytes: &[u8], options: &CompileOptions) -> Compilation {
    // Refused by its size, a file is not worth decoding.
    let bytes = &bytes[..bytes.len().min(preprocess::MAX_FILE_BYTES + 1)];
    compile(name, &String::from_utf8_lossy(bytes), options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ir_that_the_verifier_refuses_is_an_internal_error() {
        let text = "kernel void k(device int *x [[buffer(0)]]) { x[0] = 1; }\n";
        let compilation = compile("k.metal", text, &CompileOptions::default());
        let mut module = compilation.module.unwrap_or_default();
        assert_eq!(module.kernels.len(), 1, "{:?}", compilation.diagnostics);
        let mut diagnostics = Diagnostics::default();
        assert!(verified(module.clone(), FileId(0), &mut diagnostics).is_some());
        assert!(diagnostics.list().is_empty());

        module.kernels.extend(module.kernels.clone());
        assert!(verified(module, FileId(0), &mut diagnostics).is_none());
        let codes: Vec<_> = diagnostics.list().iter().map(|d| d.code).collect();
        assert_eq!(codes, [Code::E0699]);
    }
}

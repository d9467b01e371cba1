//! The preprocessor: directives, macros, includes.
//!
//! [`preprocess`] reads the main file and what it includes (from a virtual file map, never from disk) and
//! returns the parser's tokens. Macro expansion follows C11 6.10.3: arguments are expanded on their own, a
//! macro is not expanded within its own expansion, and what it left unexpanded stays so ("painted").
//!
//! **Invariant:** work and memory are bounded by [`MAX_FILE_BYTES`], [`MAX_TOKENS`], [`MAX_WORK`],
//! [`MAX_SPELLING_BYTES`], [`MAX_INCLUDE_DEPTH`] and [`MAX_ARGUMENT_DEPTH`]: endless includes and exponential
//! macros end in E0108, and nothing recurses deeper than the last of these.

mod condition;
mod conditional;
mod definition;
mod directive;
mod expand;
mod include;
mod macros;
mod pragma;
mod predefined;
mod substitute;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::lex::token::{Token, TokenKind};
use crate::lex::{Interner, Lexer, RawToken, Symbol, decode};
use crate::options::CompileOptions;
use crate::source::{FileId, SourceMap, Span};
use conditional::Conditional;
use expand::Expansion;
pub use include::find_include;
use macros::MacroTable;

/// Largest file, in bytes.
pub const MAX_FILE_BYTES: usize = 16 << 20;
/// Most tokens that the parser gets.
pub const MAX_TOKENS: usize = 1 << 20;
/// Most steps of work: a token read, made or copied is one; a file costs one for eight bytes.
pub const MAX_WORK: usize = 1 << 22;
/// Longest spelling that `#` and `##` can make, in bytes.
pub const MAX_SPELLING_BYTES: usize = 1 << 16;
/// Deepest nesting of `#include`.
pub const MAX_INCLUDE_DEPTH: usize = 64;
/// Deepest nesting of macro calls in macro arguments.
pub const MAX_ARGUMENT_DEPTH: usize = 200;

/// What a diagnostic costs of [`MAX_WORK`], so that a flood of them ends soon.
const REPORT_COST: usize = 64;
/// What entering a file costs besides its bytes.
const INCLUDE_COST: usize = 256;

/// Reads `main` and everything it includes. The last token is `Eof`, exactly once; after a bound was reached it
/// is the only one.
pub fn preprocess(
    main: FileId,
    sources: &mut SourceMap,
    options: &CompileOptions,
    diagnostics: &mut Diagnostics,
) -> Vec<Token> {
    let mut preprocessor = Preprocessor::new(main, sources, options, diagnostics);
    preprocessor.define_predefined();
    preprocessor.enter_file(main, Span::new(main, 0, 0));
    preprocessor.run()
}

/// One file that is being read.
struct OpenFile {
    lexer: Lexer,
    /// Its open `#if`s, innermost last.
    conditionals: Vec<Conditional>,
}

/// What `#line` said last in a file.
struct LineOverride {
    /// Added to real line numbers.
    delta: i64,
    name: Option<String>,
}

/// Names that mean something to the preprocessor without being macros.
struct Known {
    defined: Symbol,
    pragma_operator: Symbol,
    va_args: Symbol,
    va_opt: Symbol,
}

/// State of one run.
struct Preprocessor<'a> {
    main: FileId,
    sources: &'a mut SourceMap,
    options: &'a CompileOptions,
    diagnostics: &'a mut Diagnostics,
    names: Interner,
    known: Known,
    macros: MacroTable,
    /// Files being read, innermost last.
    files: Vec<OpenFile>,
    /// Expansions being read, innermost last; they come before the files.
    expansions: Vec<Expansion>,
    /// The ids of included files, by name.
    included: HashMap<String, FileId>,
    /// The texts that lexers share.
    texts: HashMap<FileId, Rc<str>>,
    /// Files that are not to be included again.
    once: HashSet<FileId>,
    line_overrides: HashMap<FileId, LineOverride>,
    /// The value of the next `__COUNTER__`.
    counter: u32,
    /// Where the logging header was first included.
    logging: Option<Span>,
    /// Within the expression of an `#if`, where `defined` is an operator.
    in_condition: bool,
    work: usize,
    argument_depth: usize,
    /// A bound was reached: there are no more tokens.
    stopped: bool,
}

impl<'a> Preprocessor<'a> {
    fn new(
        main: FileId,
        sources: &'a mut SourceMap,
        options: &'a CompileOptions,
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        let mut names = Interner::new();
        let known = Known {
            defined: names.intern("defined"),
            pragma_operator: names.intern("_Pragma"),
            va_args: names.intern("__VA_ARGS__"),
            va_opt: names.intern("__VA_OPT__"),
        };
        Self {
            main,
            sources,
            options,
            diagnostics,
            names,
            known,
            macros: MacroTable::default(),
            files: Vec::new(),
            expansions: Vec::new(),
            included: HashMap::new(),
            texts: HashMap::new(),
            once: HashSet::new(),
            line_overrides: HashMap::new(),
            counter: 0,
            logging: None,
            in_condition: false,
            work: 0,
            argument_depth: 0,
            stopped: false,
        }
    }

    /// The whole run: everything is expanded and decoded.
    fn run(&mut self) -> Vec<Token> {
        let end = self.files.first().map_or(Span::new(self.main, 0, 0), |f| f.lexer.end_span());
        let mut tokens = Vec::new();
        let mut logging = None;
        while let Some(raw) = self.next_expanded() {
            if self.logging != logging {
                logging = self.logging;
                tokens.extend(logging.map(|span| Token { kind: TokenKind::LoggingHeader, span }));
            }
            if raw.name() == Some(self.known.pragma_operator) {
                self.pragma_operator(raw);
            } else if tokens.len() == MAX_TOKENS {
                self.stop(raw.span, &format!("the source has more than {MAX_TOKENS} tokens"));
            } else if let Some(kind) = self.decode(&raw) {
                tokens.push(Token { kind, span: raw.span });
            }
        }
        if self.stopped {
            tokens.clear();
        }
        tokens.push(Token { kind: TokenKind::Eof, span: end });
        tokens
    }

    fn decode(&mut self, raw: &RawToken) -> Option<TokenKind> {
        match decode(raw, &self.names) {
            Ok(kind) => Some(kind),
            Err(error) => {
                let mut diagnostic = Diagnostic::new(error.code, raw.span, error.message);
                diagnostic.notes.extend(error.note.map(str::to_owned));
                self.push(diagnostic);
                error.stand_in
            }
        }
    }

    /// The next token of the open files; directives are carried out on the way.
    fn next_in_files(&mut self) -> Option<RawToken> {
        while !self.stopped {
            let file = self.files.last_mut()?;
            if let Some(hash) = file.lexer.start_directive() {
                self.directive(hash);
                self.skip_branch_not_taken();
            } else if let Some(token) = file.lexer.next(&mut self.names) {
                self.spend(1, token.span);
                return Some(token);
            } else {
                self.leave_file();
            }
        }
        None
    }

    /// Starts reading a file of the source map.
    fn enter_file(&mut self, file: FileId, from: Span) {
        let Some(source) = self.sources.get(file) else { return };
        let bytes = source.text.len();
        if bytes > MAX_FILE_BYTES {
            let message = format!("`{}` has more than {} MiB", source.name, MAX_FILE_BYTES >> 20);
            self.report(Code::E0115, from, message);
            return;
        }
        let text = Rc::clone(self.texts.entry(file).or_insert_with(|| source.text.as_str().into()));
        self.files.push(OpenFile { lexer: Lexer::new(file, text), conditionals: Vec::new() });
        self.spend(INCLUDE_COST + bytes / 8, from);
    }

    /// Ends the innermost file.
    fn leave_file(&mut self) {
        let Some(file) = self.files.pop() else { return };
        if let Some(span) = file.lexer.open_comment() {
            let diagnostic = Diagnostic::new(Code::E0102, span, "block comment without end");
            self.push(diagnostic.at("starts here").note("close it with `*/`"));
        }
        for conditional in file.conditionals {
            self.report(Code::E0105, conditional.span, "this conditional has no #endif");
        }
    }

    fn text(&self, token: &RawToken) -> &str {
        self.names.text(token.text)
    }

    fn report(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.push(Diagnostic::new(code, span, message));
    }

    /// Reports something. After a stop nothing more is: what is missing then may well be there.
    fn push(&mut self, diagnostic: Diagnostic) {
        if self.stopped {
            return;
        }
        let span = diagnostic.primary.span;
        self.diagnostics.push(diagnostic);
        self.spend(REPORT_COST, span);
    }

    /// Takes steps off [`MAX_WORK`].
    fn spend(&mut self, steps: usize, at: Span) {
        self.work = self.work.saturating_add(steps);
        if self.work > MAX_WORK {
            self.stop(at, "macro expansion and inclusion go on without end");
        }
    }

    /// Ends the run at a bound.
    fn stop(&mut self, at: Span, message: &str) {
        if !self.stopped {
            self.stopped = true;
            let note = "preprocessing stopped here; the bound protects from endless macros and inclusions";
            self.diagnostics.push(Diagnostic::new(Code::E0108, at, message).note(note));
        }
    }
}

//! From the syntax tree to typed IR: names, types, overloads, templates and rules, checked while lowering.
//!
//! Declarations are taken in order, as C++ does: a body sees what stands before it. Bodies of plain
//! functions are lowered where they stand; instances of templates wait in a queue until the declaration
//! at hand is finished, so that lowering never nests. At the end the functions that kernels reach become
//! the module.
//!
//! **Invariant:** a `None` from checking means that the problem has been reported; nobody reports it again.
//!
//! **Invariant:** recursion is bounded by [`MAX_DEPTH`], templates by [`template::MAX_INSTANCES`] and
//! [`template::MAX_INSTANCE_DEPTH`], types by [`crate::ir::MAX_TYPE_SIZE_BYTES`].

mod arith;
mod assign;
mod attrs;
pub(crate) mod builder;
mod builtins;
mod call;
mod cast;
pub(crate) mod const_eval;
mod constants;
mod constexpr;
mod construct;
mod convert;
mod decl;
mod defaults;
mod evaluate;
mod expr;
mod format;
mod function;
mod init;
mod kernel;
mod library;
mod list;
mod local;
mod logging;
mod lookup;
mod matrix;
mod member;
mod member_defaults;
mod members;
mod module;
mod narrowing;
mod operand;
mod overload;
mod parts;
mod pointers;
mod recursion;
mod scope;
mod stmt;
mod structs;
mod suggest;
mod switch;
mod template;
mod template_names;
mod template_params;
mod ternary;
mod types;
mod using;
mod votes;

use crate::ast;
use crate::diag::{Code, Diagnostic, Diagnostics, Severity};
use crate::ir::{FunctionConstant, Global, Kernel, Logger, Message, MessageId, Module, TypeId, TypeTable};
use crate::options::CompileOptions;
use crate::source::Span;
use builder::FunctionBuilder;
use function::{FunctionContext, FunctionIndex, FunctionTable};
use scope::Scopes;
use std::collections::{HashMap, HashSet, VecDeque};
use structs::StructInfo;
use types::{EnumInfo, Variable};

/// How deep expressions, statements and types may nest, together.
const MAX_DEPTH: u32 = 400;

/// Checks a translation unit and lowers it. The module is complete if `diagnostics` holds no errors;
/// its `sources` are left empty.
pub(crate) fn check(
    unit: &ast::TranslationUnit,
    options: &CompileOptions,
    diagnostics: &mut Diagnostics,
) -> Module {
    let mut checker = Checker::new(options, std::mem::take(diagnostics));
    checker.items(&unit.items);
    checker.drain_queue();
    checker.check_undefined_functions();
    checker.check_recursion();
    let (module, found) = checker.into_module();
    *diagnostics = found;
    module
}

/// The state of a check.
struct Checker<'a> {
    options: &'a CompileOptions,
    diagnostics: Diagnostics,
    /// While above zero, findings are counted but not kept: overload candidates are being tried.
    quiet: u32,
    /// Errors found while `quiet`.
    quiet_errors: u32,
    /// Errors found so far, `quiet` ones included.
    errors: u32,
    /// The function being lowered, and the types.
    builder: FunctionBuilder,
    scopes: Scopes<'a>,
    variables: Vec<Variable>,
    /// Variables named since somebody has begun to ask.
    named_variables: Option<Vec<scope::VarId>>,
    enums: Vec<EnumInfo>,
    structs: HashMap<u32, StructInfo<'a>>,
    /// `metal::array<T, N>`, by element type and length.
    arrays: HashMap<(TypeId, u32), TypeId>,
    functions: FunctionTable<'a>,
    /// Functions with a body that has not been lowered: instances of templates.
    queue: VecDeque<FunctionIndex>,
    globals: Vec<Global>,
    function_constants: Vec<FunctionConstant>,
    /// `os_log` variables.
    loggers: Vec<Logger>,
    /// Messages that have been lowered, used or not, and their numbers.
    messages: Vec<Message>,
    message_ids: HashMap<Message, MessageId>,
    /// Globals whose value constant expressions may read, by number.
    constexpr_globals: HashSet<u32>,
    /// What constant expressions may still compute.
    constant_steps_left: u32,
    /// Initialisers of program-scope constants that depend on function constants.
    deferred: Vec<constants::Deferred<'a>>,
    kernels: Vec<Kernel>,
    context: FunctionContext,
    depth: u32,
}

impl<'a> Checker<'a> {
    fn new(options: &'a CompileOptions, diagnostics: Diagnostics) -> Self {
        Self {
            options,
            diagnostics,
            quiet: 0,
            quiet_errors: 0,
            errors: 0,
            builder: FunctionBuilder::new(TypeTable::default()),
            scopes: Scopes::new(options.language_version),
            variables: Vec::new(),
            named_variables: None,
            enums: Vec::new(),
            structs: HashMap::new(),
            arrays: HashMap::new(),
            functions: FunctionTable::default(),
            queue: VecDeque::new(),
            globals: Vec::new(),
            function_constants: Vec::new(),
            loggers: Vec::new(),
            messages: Vec::new(),
            message_ids: HashMap::new(),
            constexpr_globals: HashSet::new(),
            constant_steps_left: evaluate::MAX_TOTAL_STEPS,
            deferred: Vec::new(),
            kernels: Vec::new(),
            context: FunctionContext::default(),
            depth: 0,
        }
    }

    /// Reports a finding. Inside an instance of a template it says which one, and who asked for it.
    fn report(&mut self, mut diagnostic: Diagnostic) {
        self.errors += u32::from(diagnostic.severity == Severity::Error);
        if self.quiet > 0 {
            self.quiet_errors += u32::from(diagnostic.severity == Severity::Error);
            return;
        }
        let mut instance = self.context.function;
        for _ in 0..4 {
            let Some(info) = instance.map(|index| self.functions.get(index)) else { break };
            let Some(required) = info.required else { break };
            diagnostic = diagnostic
                .label(required.span, format!("in the instantiation of `{}` required here", info.name));
            instance = required.by;
        }
        self.diagnostics.push(diagnostic);
    }

    /// Reports an error with a message and nothing else.
    fn error(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.report(Diagnostic::new(code, span, message));
    }

    /// Whether findings are kept, so that looking for what a name may have meant is worth its time.
    fn wants_hints(&self) -> bool {
        self.quiet == 0 && self.diagnostics.list().len() < crate::diag::MAX_DIAGNOSTICS
    }

    /// Runs `f` one level deeper. Beyond the limit, reports and gives `None`.
    fn nested<T>(&mut self, span: Span, f: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth >= MAX_DEPTH {
            self.error(Code::E0202, span, "nested too deep to check");
            return None;
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    /// Runs `f` without reporting. `None` if it found errors.
    fn quietly<T>(&mut self, f: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let before = std::mem::take(&mut self.quiet_errors);
        self.quiet += 1;
        let result = f(self);
        self.quiet -= 1;
        let failed = std::mem::replace(&mut self.quiet_errors, before) > 0;
        result.filter(|_| !failed)
    }

    /// Runs `f` and forgets the code it emitted: for operands that are only looked at.
    fn unevaluated<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> T {
        let mark = self.builder.mark();
        let result = f(self);
        self.builder.rewind(mark);
        result
    }
}

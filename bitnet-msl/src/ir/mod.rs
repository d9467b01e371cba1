//! The typed IR: what the checker makes and the executor runs.
//!
//! A [`Module`] holds functions in *structured* form: a [`Block`] is a list of [`Stmt`]s, control flow
//! is `If`, `Switch` and `Loop`, and there are no jumps. A [`Value`] is defined by exactly one
//! [`Inst`] at exactly one [`Stmt::Eval`] and may be used only after it, in the same block or in blocks
//! nested in it. Variables are [`Local`]s: storage that is read and written, by whole value
//! (`LocalGet` / `LocalSet`) once [`promote`] has seen that nobody takes its address, by pointer before.
//!
//! **Invariant:** the IR holds no MSL syntax, no templates, no references, no overloads and no implicit
//! conversions: the operands of every arithmetic op have one type, and each [`Inst`] states its result type.
//!
//! **Invariant:** whatever lowering makes, [`verify`] accepts.

mod log;
mod op;
pub mod passes;
pub mod print;
pub mod promote;
mod types;
pub mod verify;
mod walk;

use serde::{Deserialize, Serialize};

use crate::source::{SourceMap, Span};
pub use log::*;
pub use op::*;
pub use types::*;

/// A value: the index of the [`Inst`] in its function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Value(pub u32);

/// A local variable of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LocalId(pub u32);

/// A function of the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FuncId(pub u32);

/// A program-scope constant or a threadgroup variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GlobalId(pub u32);

/// A function constant of the module (index into [`Module::function_constants`], not the MSL id).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FunctionConstantId(pub u32);

/// A logger of the program (index into [`Module::loggers`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LoggerId(pub u32);

/// A message that the program logs (index into [`Module::messages`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageId(pub u32);

/// A compiled translation unit.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Module {
    /// The texts that spans point into.
    pub sources: SourceMap,
    /// Types.
    pub types: TypeTable,
    /// Functions, helpers and kernels' bodies; only those that some kernel reaches.
    pub functions: Vec<Function>,
    /// Constants and threadgroup variables.
    pub globals: Vec<Global>,
    /// Function constants.
    pub function_constants: Vec<FunctionConstant>,
    /// Loggers that messages name.
    pub loggers: Vec<Logger>,
    /// Messages that functions log, each once.
    pub messages: Vec<Message>,
    /// Kernels, in source order.
    pub kernels: Vec<Kernel>,
}

impl Module {
    /// The kernel with this (host) name.
    pub fn kernel(&self, name: &str) -> Option<&Kernel> {
        self.kernels.iter().find(|k| k.name == name)
    }

    /// The function with this id.
    pub fn function(&self, id: FuncId) -> &Function {
        &self.functions[id.0 as usize]
    }

    /// Forgets every place in the source, and the sources. What traps then names kernel and thread, but no line.
    pub fn strip_spans(&mut self) {
        self.sources = SourceMap::default();
        for function in &mut self.functions {
            function.span = Span::default();
            function.locals.iter_mut().for_each(|local| local.span = Span::default());
            function.insts.iter_mut().for_each(|inst| inst.span = Span::default());
            strip_block(&mut function.body);
        }
        self.globals.iter_mut().for_each(|global| global.span = Span::default());
        self.function_constants.iter_mut().for_each(|constant| constant.span = Span::default());
        for kernel in &mut self.kernels {
            kernel.span = Span::default();
            kernel.params.iter_mut().for_each(|param| param.span = Span::default());
        }
    }
}

/// Forgets the places of a block's statements.
fn strip_block(block: &mut Block) {
    for stmt in &mut block.0 {
        match stmt {
            Stmt::Store { span, .. }
            | Stmt::If { span, .. }
            | Stmt::Switch { span, .. }
            | Stmt::Loop { span, .. }
            | Stmt::Return(_, span) => *span = Span::default(),
            Stmt::Eval(_) | Stmt::LocalSet(..) | Stmt::Break | Stmt::Continue => {}
        }
        stmt.for_each_block_mut(&mut strip_block);
    }
}

/// A kernel: an entry point that a host can dispatch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kernel {
    /// The name hosts use: the `host_name`, else the function's name.
    pub name: String,
    /// Its code. `Function::params` and `params` go together, one to one.
    pub function: FuncId,
    /// Where each parameter comes from.
    pub params: Vec<KernelParam>,
    /// `[[max_total_threads_per_threadgroup(n)]]`.
    pub max_total_threads_per_threadgroup: Option<u32>,
    /// The declaration.
    pub span: Span,
}

/// One parameter of a kernel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KernelParam {
    /// Name.
    pub name: String,
    /// Type of the value the function gets: a pointer for buffers and threadgroup memory (references
    /// have become pointers), a scalar or vector for attributes.
    pub ty: TypeId,
    /// Where it comes from.
    pub binding: Binding,
    /// The parameter in the text.
    pub span: Span,
}

/// Where a kernel parameter comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Binding {
    /// `[[buffer(index)]]`, given or implied.
    Buffer {
        /// 0 to 30.
        index: u32,
        /// Declared as a reference: the host must bind at least one whole element.
        is_reference: bool,
    },
    /// `[[threadgroup(index)]]`: memory whose length the host sets.
    Threadgroup {
        /// 0 to 30.
        index: u32,
    },
    /// A position or size attribute.
    Attribute(ThreadAttribute),
}

/// A program-scope variable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Global {
    /// Name.
    pub name: String,
    /// Type of the variable.
    pub ty: TypeId,
    /// What it is.
    pub kind: GlobalKind,
    /// The declaration.
    pub span: Span,
}

/// Kinds of [`Global`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum GlobalKind {
    /// `constant T x = …;` with the bytes of its value, laid out as in memory (little endian).
    Constant(Vec<u8>),
    /// A `threadgroup` variable of a kernel body: zero-sized in the module, one instance a threadgroup,
    /// contents undefined at the start.
    Threadgroup,
}

/// `constant T x [[function_constant(id)]];`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FunctionConstant {
    /// Name.
    pub name: String,
    /// The `id` of the attribute.
    pub id: u32,
    /// Scalar or vector type.
    pub ty: TypeId,
    /// The declaration.
    pub span: Span,
}

/// A function.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Function {
    /// Name, with template arguments for an instance (`f<float, 4>`).
    pub name: String,
    /// Parameter types; `Op::Param(i)` reads them.
    pub params: Vec<TypeId>,
    /// Result; `Type::Void` for none.
    pub ret: TypeId,
    /// Variables.
    pub locals: Vec<Local>,
    /// Instructions, indexed by [`Value`].
    pub insts: Vec<Inst>,
    /// Code.
    #[serde(with = "crate::artifact::body")]
    pub body: Block,
    /// The definition.
    pub span: Span,
}

impl Function {
    /// The instruction that defines a value.
    pub fn inst(&self, value: Value) -> &Inst {
        &self.insts[value.0 as usize]
    }
}

/// A local variable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Local {
    /// Name; temporaries of the compiler start with `%`.
    pub name: String,
    /// Type.
    pub ty: TypeId,
    /// The declaration.
    pub span: Span,
}

/// One instruction: an op, its result type (`Void` for ops that only act) and its source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Inst {
    /// What it does.
    pub op: Op,
    /// Type of the result.
    pub ty: TypeId,
    /// Source of the expression.
    pub span: Span,
}

/// A list of statements.
#[derive(Clone, Debug, Default)]
pub struct Block(pub Vec<Stmt>);

/// A statement.
#[derive(Clone, Debug)]
pub enum Stmt {
    /// Defines the value (and does whatever the op does).
    Eval(Value),
    /// Assigns a promoted local.
    LocalSet(LocalId, Value),
    /// Writes memory. The value has the pointer's pointee type.
    Store {
        /// Where to.
        ptr: Value,
        /// What.
        value: Value,
        /// Source of the assignment.
        span: Span,
    },
    /// Two-way branch on a `bool`.
    If {
        /// Condition.
        cond: Value,
        /// Taken when true.
        then: Block,
        /// Taken when false.
        other: Block,
        /// Source of the condition.
        span: Span,
    },
    /// Branch on an integer. Sections fall through to the next one; `Break` leaves the switch.
    Switch {
        /// `int`, `uint`, `long` or `ulong`.
        selector: Value,
        /// Sections in order.
        sections: Vec<SwitchSection>,
        /// Source of the selector.
        span: Span,
    },
    /// `loop { body; continuing }` without end. `Continue` in `body` goes to `continuing`, `Break` in
    /// either leaves the loop. `continuing` holds no `Continue` for this loop.
    Loop {
        /// Runs each time.
        body: Block,
        /// Runs after `body` or a `Continue`.
        continuing: Block,
        /// Source of the loop's head.
        span: Span,
    },
    /// Leaves the innermost `Loop` or `Switch`.
    Break,
    /// Goes on with the innermost `Loop`.
    Continue,
    /// Leaves the function.
    Return(Option<Value>, Span),
}

/// A section of a `switch`.
#[derive(Clone, Debug)]
pub struct SwitchSection {
    /// Selector values (as the selector's bits, zero- or sign-extended by its type to 64).
    pub values: Vec<i64>,
    /// Taken when nothing matches.
    pub is_default: bool,
    /// Code.
    pub body: Block,
}

//! Programs: one kernel of a module, compiled to bytecode.

mod address;
mod analysis;
mod arith;
mod builder;
mod calls;
mod compile;
mod control;
mod convert;
mod functions;
mod layout;
mod pointers;
mod value;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use bitnet_msl::ir::{self, FormatPiece, LaneScope, ThreadAttribute};
use bitnet_msl::source::{SourceMap, Span};

use crate::bytecode::{Inst, Pc, R};
use crate::launch::{Launch, RunOptions, RunStats};
use crate::log::{LogSite, ShaderLog};
use crate::machine::lanes::{Register, Wide};
use crate::machine::{self, Machine};
use crate::observe::{NoObserver, Observer};
use crate::ops::lane::LANES;
use crate::trap::Trap;

/// Why a kernel cannot be made into a [`Program`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The module has no such kernel.
    #[error("the module has no kernel `{name}`")]
    UnknownKernel {
        /// The name asked for.
        name: String,
    },
    /// The kernel uses a function constant that has no value, and never asks whether it has.
    #[error("function constant `{name}` [[function_constant({id})]] has no value")]
    MissingFunctionConstant {
        /// Its name.
        name: String,
        /// Its id.
        id: u32,
    },
    /// A function constant's value is not as long as its type.
    #[error("function constant `{name}` takes {expected} bytes, {given} were given")]
    FunctionConstantSize {
        /// Its name.
        name: String,
        /// Bytes of its type.
        expected: usize,
        /// Bytes given.
        given: usize,
    },
    /// The kernel is larger than the bytecode can say.
    #[error("kernel `{kernel}` is too large: it needs more than {limit} {what}")]
    TooLarge {
        /// The kernel.
        kernel: String,
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: usize,
    },
}

/// Values for a module's function constants, by id or by name, as bytes of the constant's type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionConstants {
    by_id: BTreeMap<u32, Vec<u8>>,
    by_name: BTreeMap<String, Vec<u8>>,
}

impl FunctionConstants {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the constant with this id a value.
    pub fn set(mut self, id: u32, bytes: &[u8]) -> Self {
        self.by_id.insert(id, bytes.to_vec());
        self
    }

    /// Gives the constant with this name a value. One by id goes before it.
    pub fn set_named(mut self, name: impl Into<String>, bytes: &[u8]) -> Self {
        self.by_name.insert(name.into(), bytes.to_vec());
        self
    }

    fn get(&self, constant: &ir::FunctionConstant) -> Option<&[u8]> {
        self.by_id.get(&constant.id).or_else(|| self.by_name.get(&constant.name)).map(Vec::as_slice)
    }
}

/// A kernel that can be run. It may be run by several threads at once.
pub struct Program {
    pub(crate) code: Code,
    pub(crate) sources: SourceMap,
    /// The kernel's declaration.
    pub(crate) span: Span,
    name: String,
    params: Vec<ir::KernelParam>,
    /// Sizes of what the parameters point to.
    pointee_bytes: Vec<u32>,
    max_total_threads_per_threadgroup: Option<u32>,
    /// Storage of earlier runs, to be used again.
    machines: Mutex<Vec<Machine>>,
}

impl Program {
    /// Compiles a kernel and the functions it reaches.
    ///
    /// # Errors
    /// If there is no such kernel, a function constant lacks a value or has one of the wrong size, or the
    /// kernel is too large.
    pub fn new(
        module: &ir::Module,
        kernel: &str,
        constants: &FunctionConstants,
    ) -> Result<Self, ProgramError> {
        let Some(found) = module.kernel(kernel) else {
            return Err(ProgramError::UnknownKernel { name: kernel.into() });
        };
        let code = compile::compile(module, found, constants)?;
        let pointee = |param: &ir::KernelParam| match module.types.get(param.ty) {
            ir::Type::Pointer { pointee, .. } => module.types.size_bytes(pointee),
            _ => 0,
        };
        Ok(Self {
            code,
            sources: module.sources.clone(),
            span: found.span,
            name: found.name.clone(),
            params: found.params.clone(),
            pointee_bytes: found.params.iter().map(pointee).collect(),
            max_total_threads_per_threadgroup: found.max_total_threads_per_threadgroup,
            machines: Mutex::new(Vec::new()),
        })
    }

    /// Executes a launch to its end. An empty grid runs nothing. What the shader logs is lost.
    ///
    /// The outcome does not depend on the number of CPU threads as long as threadgroups do not race with each
    /// other. Kernels whose device atomics may give results that depend on the order of threadgroups run
    /// these one after another ([`runs_in_order`](Self::runs_in_order)).
    ///
    /// # Errors
    /// If the launch does not fit the kernel, or a thread does something wrong. Memory then holds what was
    /// written until the run stopped.
    pub fn run(&self, launch: &Launch, options: &RunOptions) -> Result<RunStats, Box<Trap>> {
        machine::run(self, launch, options, &mut NoObserver, None)
    }

    /// As [`run`](Self::run), and adds what the shader logs to the log: all of it, or what was logged up to the
    /// trap, as far as there is room.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_logged(
        &self,
        launch: &Launch,
        options: &RunOptions,
        log: &mut ShaderLog,
    ) -> Result<RunStats, Box<Trap>> {
        machine::run(self, launch, options, &mut NoObserver, Some(log))
    }

    /// Executes a launch under the eyes of an observer.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_observed<O: Observer>(
        &self,
        launch: &Launch,
        options: &RunOptions,
        observer: &mut O,
    ) -> Result<RunStats, Box<Trap>> {
        machine::run(self, launch, options, observer, None)
    }

    /// The kernel's name.
    pub fn kernel_name(&self) -> &str {
        &self.name
    }

    /// The kernel's parameters.
    pub fn params(&self) -> &[ir::KernelParam] {
        &self.params
    }

    /// `[[max_total_threads_per_threadgroup(n)]]`.
    pub fn max_total_threads_per_threadgroup(&self) -> Option<u32> {
        self.max_total_threads_per_threadgroup
    }

    /// Bytes of threadgroup memory of the kernel's own variables.
    pub fn static_threadgroup_memory_bytes(&self) -> u32 {
        self.code.shared_bytes
    }

    /// Whether threadgroups run one after another in linear order, on one CPU thread: the kernel changes device
    /// memory by atomics in a way that shows the order. Those are float and 64-bit atomics, exchanges,
    /// atomic loads and stores, atomics whose old value is used, and different ones beside each other.
    pub fn runs_in_order(&self) -> bool {
        self.code.sequential
    }

    /// Whether the kernel uses functions over the threads of a simdgroup (`simd_sum`, `simd_shuffle`), which
    /// not every GPU has. The index of a thread in its simdgroup is none, nor are the functions of quads.
    pub fn uses_simdgroup_functions(&self) -> bool {
        self.code.insts.iter().any(|inst| match inst {
            Inst::Lane1 { scope, .. }
            | Inst::Lane2 { scope, .. }
            | Inst::LaneFill { scope, .. }
            | Inst::LaneL1 { scope, .. }
            | Inst::LaneL2 { scope, .. }
            | Inst::LaneLFill { scope, .. } => *scope == LaneScope::Simdgroup,
            _ => false,
        })
    }

    /// The bytecode as text.
    pub fn disassemble(&self) -> String {
        let mut text = String::new();
        for (pc, inst) in self.code.insts.iter().enumerate() {
            if let Some(function) = self.code.functions.iter().position(|f| f.entry as usize == pc) {
                let _ = writeln!(text, "function {function}:");
            }
            let _ = writeln!(text, "{pc:5}  {inst}");
        }
        text
    }

    /// Bytes of one element of what a parameter points to.
    pub(crate) fn pointee_bytes(&self, param: &ir::KernelParam) -> u32 {
        let same = |p: &ir::KernelParam| p.name == param.name && p.binding == param.binding;
        self.params.iter().position(same).map_or(0, |i| self.pointee_bytes[i])
    }

    pub(crate) fn take_machine(&self) -> Machine {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(crate) fn give_machine(&self, machine: Machine) {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner).push(machine);
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("kernel", &self.name)
            .field("instructions", &self.code.insts.len())
            .finish_non_exhaustive()
    }
}

/// The bytecode of a program.
#[derive(Debug, Default)]
pub(crate) struct Code {
    pub(crate) insts: Vec<Inst>,
    /// Source of each instruction.
    pub(crate) spans: Vec<Span>,
    /// The kernel first, then functions that could not become part of their callers.
    pub(crate) functions: Vec<FunctionCode>,
    pub(crate) tables: Vec<SwitchTable>,
    pub(crate) allocs: Vec<AllocInfo>,
    pub(crate) attributes: Vec<AttributeInit>,
    pub(crate) messages: Vec<MessageCode>,
    /// Bytes of the kernel's threadgroup variables.
    pub(crate) shared_bytes: u32,
    /// Bytes of each thread for the kernel's variables.
    pub(crate) private_bytes: u32,
    /// The allocation of nested calls' variables.
    pub(crate) stack_alloc: u16,
    /// Threadgroups must run in order.
    pub(crate) sequential: bool,
}

impl Code {
    /// Where nested calls' variables start in a thread's memory.
    pub(crate) fn stack_start(&self) -> usize {
        self.private_bytes.next_multiple_of(16) as usize
    }

    /// What a message calls an allocation.
    pub(crate) fn alloc_name(&self, id: usize) -> String {
        self.allocs.get(id).map_or_else(|| "an unknown allocation".into(), |alloc| alloc.name.clone())
    }
}

/// An allocation that pointers of the program may point into; its index is in the pointer.
#[derive(Debug)]
pub(crate) struct AllocInfo {
    /// What messages call it: "buffer 1 `out`".
    pub(crate) name: String,
    pub(crate) kind: AllocKind,
}

/// Where an allocation comes from.
#[derive(Debug)]
pub(crate) enum AllocKind {
    /// Null pointers.
    Null,
    /// A buffer index.
    Buffer { index: u32 },
    /// A `[[threadgroup(index)]]` parameter.
    ThreadgroupParam { index: u32 },
    /// A threadgroup variable.
    Shared { offset: u32, len: u32 },
    /// A program-scope constant.
    Constant { words: Arc<[u32]>, len: u32 },
    /// A variable of the kernel.
    Private { offset: u32, len: u32 },
    /// Variables of nested calls.
    Stack,
}

/// A register that holds a component of a thread attribute.
#[derive(Debug)]
pub(crate) struct AttributeInit {
    pub(crate) attribute: ThreadAttribute,
    pub(crate) component: usize,
    pub(crate) is_short: bool,
    pub(crate) reg: R,
}

/// A message that is logged at one place.
#[derive(Debug)]
pub(crate) struct MessageCode {
    pub(crate) site: Arc<LogSite>,
    pub(crate) format: Arc<[FormatPiece]>,
    /// Number of components of each argument.
    pub(crate) components: Vec<u8>,
}

/// What leads where in a `switch`.
#[derive(Debug)]
pub(crate) struct SwitchTable {
    pub(crate) sections: Vec<SwitchEntry>,
}

/// A section of a [`SwitchTable`].
#[derive(Debug)]
pub(crate) struct SwitchEntry {
    pub(crate) values: Vec<i64>,
    pub(crate) is_default: bool,
}

/// The code of a function and what its frame looks like.
///
/// Registers of a frame, in order: results, parameters, temporaries, constants. Past them lie the results and
/// parameters of the function it calls.
#[derive(Debug, Default)]
pub(crate) struct FunctionCode {
    pub(crate) entry: Pc,
    /// Number of instructions.
    pub(crate) len: u32,
    pub(crate) regs: u16,
    pub(crate) wides: u16,
    pub(crate) masks: u16,
    /// Registers past the frame that calls use.
    pub(crate) out_regs: u16,
    pub(crate) out_wides: u16,
    /// Values of the last registers of the frame.
    pub(crate) consts: Vec<u32>,
    pub(crate) wide_consts: Vec<u64>,
    /// Bytes of each thread for its variables, if it is called.
    pub(crate) stack_bytes: u32,
}

impl FunctionCode {
    /// Makes room for a frame at these bases and puts its constants in place.
    pub(crate) fn make_room(
        &self,
        r: &mut Vec<Register>,
        w: &mut Vec<Wide>,
        masks: &mut Vec<u32>,
        [r_base, w_base, m_base]: [usize; 3],
    ) {
        let r_end = r_base + usize::from(self.regs);
        let w_end = w_base + usize::from(self.wides);
        let grow = |len: usize, needed: usize| len.max(needed);
        r.resize(grow(r.len(), r_end + usize::from(self.out_regs)), Register::uniform_of(0));
        w.resize(grow(w.len(), w_end + usize::from(self.out_wides)), [0; LANES]);
        masks.resize(grow(masks.len(), m_base + usize::from(self.masks)), 0);
        for (reg, &value) in r[r_end - self.consts.len()..r_end].iter_mut().zip(&self.consts) {
            *reg = Register::uniform_of(value);
        }
        for (reg, &value) in w[w_end - self.wide_consts.len()..w_end].iter_mut().zip(&self.wide_consts) {
            *reg = [value; LANES];
        }
    }
}

//! From functions of the IR to bytecode.
//!
//! The kernel's function comes first. A function it calls becomes part of its code, with its own values and
//! locals, unless it is recursive or the code has grown too large; then it is compiled by itself and called.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use bitnet_msl::ir::{
    self, AddressSpace, Binding, FormatPiece, FuncId, Function, GlobalId, GlobalKind, LocalId, Logger,
    LoggerId, MessageId, Op, Scalar, Type, TypeId, Value,
};
use bitnet_msl::source::Span;

use super::analysis::{Analysis, LocalPlan};
use super::builder::Builder;
use super::control::Targets;
use super::layout::{Cell, CellType, Layouts, MAX_CELLS};
use super::value::{AddrExpr, Loc, Val};
use super::{AllocInfo, AllocKind, AttributeInit, Code, FunctionConstants, MessageCode, ProgramError};
use crate::bytecode::{Base, Inst, R, Relation, Slot, W};
use crate::log::LogSite;
use crate::machine::OFFSET_BITS;
use crate::memory::to_words;

/// Most allocations of a program: ids are 16 bits.
const MAX_ALLOCS: usize = 60_000;

/// Most bytes of a thread's variables.
const MAX_PRIVATE_BYTES: u32 = 1 << 20;

/// Compiles a kernel.
pub(super) fn compile(
    module: &ir::Module,
    kernel: &ir::Kernel,
    constants: &FunctionConstants,
) -> Result<Code, ProgramError> {
    let mut compiler = Compiler::new(module, kernel, constants);
    compiler.kernel()?;
    compiler.check()?;
    while let Some((func, number)) = compiler.queue.pop_front() {
        compiler.function(func, number)?;
        compiler.check()?;
    }
    Ok(compiler.into_code())
}

/// What goes wrong when the code of a kernel is made.
pub(super) type Result<T, E = ProgramError> = std::result::Result<T, E>;

/// A comparison that the next branch may take as it is.
#[derive(Clone, Copy)]
pub(super) struct Pending {
    pub(super) value: Value,
    pub(super) test: Test,
    /// The branch is taken when the test holds (or does not).
    pub(super) when: bool,
}

/// What a branch looks at.
#[derive(Clone, Copy)]
pub(super) enum Test {
    Bool(R),
    Related(R, R, Relation),
}

/// A function in the course of compilation: the outermost one or one that becomes part of its caller.
pub(super) struct Instance<'m> {
    pub(super) func: &'m Function,
    pub(super) analysis: Rc<Analysis>,
    pub(super) values: Vec<Option<Val>>,
    /// Registers to free with each value.
    pub(super) owned: Vec<Vec<Loc>>,
    pub(super) locals: Vec<Option<Rc<[Loc]>>>,
    /// Where locals whose address is taken are.
    pub(super) addresses: HashMap<LocalId, Variable>,
    pub(super) params: Vec<Val>,
    /// Where the result goes.
    pub(super) result: Rc<[Loc]>,
    pub(super) return_slot: Slot,
    pub(super) pending: Option<Pending>,
    /// Where the next value's only cell should go.
    pub(super) hint: Option<Loc>,
}

/// A local in memory.
#[derive(Clone, Copy)]
pub(super) enum Variable {
    /// An allocation of its own.
    Alloc(u16),
    /// In the frame of a called function.
    Stack(u32),
}

pub(super) struct Compiler<'m> {
    pub(super) module: &'m ir::Module,
    kernel: &'m ir::Kernel,
    constants: &'m FunctionConstants,
    pub(super) layouts: Layouts<'m>,
    pub(super) b: Builder,
    pub(super) code: Code,
    globals: HashMap<GlobalId, u16>,
    /// Numbers of messages, by their place in the source and the components of their arguments.
    messages: HashMap<(MessageId, Span, Vec<u8>), u16>,
    loggers: HashMap<LoggerId, Arc<Logger>>,
    formats: HashMap<MessageId, Arc<[FormatPiece]>>,
    analyses: HashMap<FuncId, Rc<Analysis>>,
    /// Numbers of the functions that are called.
    pub(super) called: HashMap<FuncId, u16>,
    queue: VecDeque<(FuncId, u16)>,
    /// Functions being compiled into each other, outermost first.
    pub(super) stack: Vec<FuncId>,
    pub(super) inst: Instance<'m>,
    /// Instructions to patch with the place where lanes may come back.
    pub(super) skips: Vec<Vec<u32>>,
    pub(super) targets: Vec<Targets>,
    /// Registers allocated for the statement at work.
    pub(super) allocated: Vec<Loc>,
    /// Wide registers that hold a narrow integer: its register and whether it was extended by its sign.
    pub(super) widened: HashMap<W, (R, bool)>,
    /// The unit is the kernel, whose variables have allocations of their own.
    in_kernel: bool,
    /// Kinds of device atomics seen, for [`Code::sequential`].
    pub(super) atomics: Vec<ir::AtomicFn>,
    /// Constants that the module asks about: using them undefined gives zero.
    asked: Vec<ir::FunctionConstantId>,
}

impl<'m> Compiler<'m> {
    fn new(module: &'m ir::Module, kernel: &'m ir::Kernel, constants: &'m FunctionConstants) -> Self {
        let asked = module.functions.iter().flat_map(|f| &f.insts).filter_map(|inst| match inst.op {
            Op::IsFunctionConstantDefined(id) => Some(id),
            _ => None,
        });
        let func = module.function(kernel.function);
        let analysis = Rc::new(Analysis::new(func));
        Self {
            module,
            kernel,
            constants,
            layouts: Layouts::new(&module.types),
            b: Builder::default(),
            code: Code::default(),
            globals: HashMap::new(),
            messages: HashMap::new(),
            loggers: HashMap::new(),
            formats: HashMap::new(),
            analyses: HashMap::new(),
            called: HashMap::new(),
            queue: VecDeque::new(),
            stack: vec![kernel.function],
            inst: Instance::new(func, analysis),
            skips: Vec::new(),
            targets: Vec::new(),
            allocated: Vec::new(),
            widened: HashMap::new(),
            in_kernel: true,
            atomics: Vec::new(),
            asked: asked.collect(),
        }
    }

    fn into_code(mut self) -> Code {
        self.code.insts = self.b.insts;
        self.code.spans = self.b.spans;
        self.code
    }

    /// Fails if the code has grown past what the bytecode can say.
    pub(super) fn check(&self) -> Result<()> {
        if let Some((what, limit)) = self.b.exhausted() {
            return Err(self.too_large(what, limit));
        }
        if self.b.max_variables_bytes > MAX_PRIVATE_BYTES {
            return Err(self.too_large("bytes of variables of one thread", MAX_PRIVATE_BYTES as usize));
        }
        if self.code.allocs.len() > MAX_ALLOCS {
            return Err(self.too_large("variables in memory", MAX_ALLOCS));
        }
        Ok(())
    }

    pub(super) fn too_large(&self, what: &'static str, limit: usize) -> ProgramError {
        ProgramError::TooLarge { kernel: self.kernel.name.clone(), what, limit }
    }

    /// Compiles the kernel's own function.
    fn kernel(&mut self) -> Result<()> {
        self.b.start(0, 0);
        self.b.span = self.kernel.span;
        self.new_alloc("null".into(), AllocKind::Null)?;
        self.code.stack_alloc = self.new_alloc("the variables of nested calls".into(), AllocKind::Stack)?;
        self.inst.return_slot = self.b.take_slots(1);
        self.inst.params = self.kernel_params()?;
        self.body()?;
        self.b.emit(Inst::Exit {});
        let function = self.b.finish();
        self.code.private_bytes = self.b.max_variables_bytes;
        self.code.functions.insert(0, function);
        Ok(())
    }

    /// Compiles a function that is called.
    fn function(&mut self, func: FuncId, number: u16) -> Result<()> {
        let function = self.module.function(func);
        let result_cells = self.cells(function.ret)?;
        let params: Vec<Rc<[Cell]>> =
            function.params.iter().map(|&param| self.cells(param)).collect::<Result<_>>()?;
        let (mut regs, mut wides) = (0u16, 0u16);
        let mut fixed = |cells: &[Cell]| -> Rc<[Loc]> {
            let place = |cell: &Cell| {
                let next = if cell.ty.is_wide() { &mut wides } else { &mut regs };
                *next = next.saturating_add(1);
                let number = *next - 1;
                if cell.ty.is_wide() { Loc::W(W(number)) } else { Loc::R(R(number)) }
            };
            cells.iter().map(place).collect()
        };
        let result = fixed(&result_cells);
        let params: Vec<Val> = params.iter().map(|cells| Val::Cells(fixed(cells))).collect();
        if usize::from(regs) + usize::from(wides) > MAX_CELLS {
            return Err(self.too_large("cells of parameters of a function", MAX_CELLS));
        }
        self.in_kernel = false;
        self.b.start(regs, wides);
        self.b.span = function.span;
        self.stack = vec![func];
        let analysis = self.analysis(func);
        self.inst = Instance { params, result, ..Instance::new(function, analysis) };
        self.inst.return_slot = self.b.take_slots(1);
        self.body()?;
        self.b.emit(Inst::Return {});
        debug_assert_eq!(self.code.functions.len(), usize::from(number), "functions are compiled in order");
        let code = self.b.finish();
        self.code.functions.push(code);
        Ok(())
    }

    /// The body of the instance at work; lanes that return early wait at its end.
    pub(super) fn body(&mut self) -> Result<()> {
        self.skips.push(Vec::new());
        self.init_locals()?;
        let analysis = Rc::clone(&self.inst.analysis);
        let func = self.inst.func;
        self.block(&func.body, &analysis.tree)?;
        self.close_skips();
        Ok(())
    }

    /// Registers for locals that live as long as the function, with zeros: what a variable holds before it is
    /// set must not depend on what ran before.
    fn init_locals(&mut self) -> Result<()> {
        for (i, local) in self.inst.func.locals.iter().enumerate() {
            if self.inst.analysis.locals[i] != LocalPlan::Whole {
                continue;
            }
            let cells = self.cells(local.ty)?;
            let locs: Rc<[Loc]> = cells.iter().map(|cell| self.b.alloc(cell.ty.is_wide())).collect();
            for &loc in &*locs {
                let zero = self.zero(matches!(loc, Loc::W(_)));
                self.b.copy(loc, zero, false);
            }
            self.inst.locals[i] = Some(locs);
        }
        Ok(())
    }

    /// Frees what the instance at work still holds.
    pub(super) fn release_instance(&mut self) {
        let scoped = |plan: &LocalPlan| *plan == LocalPlan::Whole;
        let analysis = Rc::clone(&self.inst.analysis);
        for (locs, plan) in std::mem::take(&mut self.inst.locals).into_iter().zip(&analysis.locals) {
            if let Some(locs) = locs.filter(|_| scoped(plan)) {
                locs.iter().for_each(|&loc| self.b.release(loc));
            }
        }
    }

    fn kernel_params(&mut self) -> Result<Vec<Val>> {
        let kernel = self.kernel;
        let used: Vec<u32> = self.inst.func.insts.iter().zip(&self.inst.analysis.dead).fold(
            Vec::new(),
            |mut used, (inst, dead)| {
                if let (Op::Param(index), false) = (&inst.op, dead) {
                    used.push(*index);
                }
                used
            },
        );
        let mut vals = Vec::with_capacity(kernel.params.len());
        for (number, param) in (0u32..).zip(&kernel.params) {
            let name = &param.name;
            vals.push(match param.binding {
                Binding::Buffer { index, .. } => {
                    let id =
                        self.new_alloc(format!("buffer {index} `{name}`"), AllocKind::Buffer { index })?;
                    Val::Addr(AddrExpr::new(Base::Alloc(id)))
                }
                Binding::Threadgroup { index } => {
                    let kind = AllocKind::ThreadgroupParam { index };
                    let id = self.new_alloc(format!("threadgroup memory {index} `{name}`"), kind)?;
                    Val::Addr(AddrExpr::new(Base::Alloc(id)))
                }
                Binding::Attribute(attribute) => {
                    let cells = self.cells(param.ty)?;
                    let is_used = used.contains(&number);
                    let locs = cells.iter().enumerate().map(|(component, cell)| {
                        let reg = self.b.alloc_r();
                        let is_short = cell.ty == CellType::Scalar(Scalar::U16);
                        if is_used {
                            self.code.attributes.push(AttributeInit { attribute, component, is_short, reg });
                        }
                        Loc::R(reg)
                    });
                    Val::Cells(locs.collect())
                }
            });
        }
        Ok(vals)
    }

    pub(super) fn analysis(&mut self, func: FuncId) -> Rc<Analysis> {
        let function = self.module.function(func);
        Rc::clone(self.analyses.entry(func).or_insert_with(|| Rc::new(Analysis::new(function))))
    }

    /// The number of a function that is called; it is compiled later.
    pub(super) fn called_function(&mut self, func: FuncId) -> Result<u16> {
        if let Some(&number) = self.called.get(&func) {
            return Ok(number);
        }
        let limit = usize::from(u16::MAX);
        let number = u16::try_from(self.called.len() + 1).map_err(|_| self.too_large("functions", limit))?;
        self.called.insert(func, number);
        self.queue.push_back((func, number));
        Ok(number)
    }

    /// The cells of a type.
    pub(super) fn cells(&mut self, ty: TypeId) -> Result<Rc<[Cell]>> {
        self.layouts.cells(ty).ok_or_else(|| self.too_large("cells of one value", MAX_CELLS))
    }

    pub(super) fn new_alloc(&mut self, name: String, kind: AllocKind) -> Result<u16> {
        let id = u16::try_from(self.code.allocs.len())
            .map_err(|_| self.too_large("variables in memory", MAX_ALLOCS))?;
        self.code.allocs.push(AllocInfo { name, kind });
        Ok(id)
    }

    /// The number of a message as it is logged here.
    pub(super) fn new_message(&mut self, id: MessageId, components: Vec<u8>) -> Result<u16> {
        let key = (id, self.b.span, components);
        if let Some(&known) = self.messages.get(&key) {
            return Ok(known);
        }
        let limit = usize::from(u16::MAX);
        let number =
            u16::try_from(self.code.messages.len()).map_err(|_| self.too_large("logged messages", limit))?;
        let message = &self.module.messages[id.0 as usize];
        let loggers = &self.module.loggers;
        let logger = message.logger.map(|id| {
            let known = self.loggers.entry(id).or_insert_with(|| Arc::new(loggers[id.0 as usize].clone()));
            Arc::clone(known)
        });
        let format = self.formats.entry(id).or_insert_with(|| message.format.as_slice().into());
        let (level, location) = (message.level, self.module.sources.locate(self.b.span));
        let site = Arc::new(LogSite { level, logger, kernel: self.kernel.name.clone(), location });
        let (format, components) = (Arc::clone(format), key.2.clone());
        self.code.messages.push(MessageCode { site, format, components });
        self.messages.insert(key, number);
        Ok(number)
    }

    /// The allocation of a program-scope constant or threadgroup variable.
    pub(super) fn global(&mut self, global: GlobalId) -> Result<u16> {
        if let Some(&id) = self.globals.get(&global) {
            return Ok(id);
        }
        let found = &self.module.globals[global.0 as usize];
        let (size, name) = (self.module.types.size_bytes(found.ty), &found.name);
        let (name, kind) = match &found.kind {
            GlobalKind::Constant(bytes) => {
                let words: Arc<[u32]> = to_words(bytes).collect();
                (format!("constant `{name}`"), AllocKind::Constant { words, len: size })
            }
            GlobalKind::Threadgroup => {
                // More than 4 GiB are refused at the launch, as is everything over the device's limit.
                let offset = self.code.shared_bytes.checked_next_multiple_of(16).unwrap_or(u32::MAX);
                self.code.shared_bytes = offset.saturating_add(size);
                (format!("threadgroup variable `{name}`"), AllocKind::Shared { offset, len: size })
            }
        };
        let id = self.new_alloc(name, kind)?;
        self.globals.insert(global, id);
        Ok(id)
    }

    /// Where a local whose address is taken lies.
    pub(super) fn variable(&mut self, local: LocalId) -> Result<Variable> {
        if let Some(&known) = self.inst.addresses.get(&local) {
            return Ok(known);
        }
        let found = &self.inst.func.locals[local.0 as usize];
        let (size, align) = (self.module.types.size_bytes(found.ty), self.module.types.align_bytes(found.ty));
        let offset = self.b.take_variable(size, align);
        let variable = if self.in_kernel {
            let name = format!("variable `{}`", found.name);
            Variable::Alloc(self.new_alloc(name, AllocKind::Private { offset, len: size })?)
        } else {
            Variable::Stack(offset)
        };
        self.inst.addresses.insert(local, variable);
        Ok(variable)
    }

    /// A function constant's value, as bytes.
    pub(super) fn function_constant(&mut self, id: ir::FunctionConstantId) -> Result<Vec<u8>> {
        let constant = &self.module.function_constants[id.0 as usize];
        let expected = self.module.types.size_bytes(constant.ty) as usize;
        let name = || constant.name.clone();
        match self.constants.get(constant) {
            Some(bytes) if bytes.len() == expected => Ok(bytes.to_vec()),
            Some(bytes) => {
                Err(ProgramError::FunctionConstantSize { name: name(), expected, given: bytes.len() })
            }
            None if self.asked.contains(&id) => Ok(vec![0; expected]),
            None => Err(ProgramError::MissingFunctionConstant { name: name(), id: constant.id }),
        }
    }

    pub(super) fn is_function_constant_defined(&self, id: ir::FunctionConstantId) -> bool {
        self.constants.get(&self.module.function_constants[id.0 as usize]).is_some()
    }

    /// Type of a value of the instance at work.
    pub(super) fn type_of(&self, value: Value) -> TypeId {
        self.inst.func.inst(value).ty
    }

    /// Address space and pointee of a pointer.
    pub(super) fn pointer_type(&self, value: Value) -> (AddressSpace, TypeId) {
        match self.module.types.get(self.type_of(value)) {
            Type::Pointer { space, pointee, .. } => (space, pointee),
            _ => (AddressSpace::Thread, self.type_of(value)),
        }
    }

    pub(super) fn zero(&mut self, wide: bool) -> Loc {
        if wide { Loc::W(self.b.wide_constant(0)) } else { Loc::R(self.b.constant(0)) }
    }

    /// The constant pointer to a byte of an allocation.
    pub(super) fn constant_pointer(&mut self, alloc: u16, offset: i64) -> Loc {
        let offset = (offset as u64) & ((1 << OFFSET_BITS) - 1);
        Loc::W(self.b.wide_constant(u64::from(alloc) << OFFSET_BITS | offset))
    }
}

impl<'m> Instance<'m> {
    pub(super) fn new(func: &'m Function, analysis: Rc<Analysis>) -> Self {
        Self {
            func,
            analysis,
            values: vec![None; func.insts.len()],
            owned: vec![Vec::new(); func.insts.len()],
            locals: vec![None; func.locals.len()],
            addresses: HashMap::new(),
            params: Vec::new(),
            result: Rc::from([]),
            return_slot: 0,
            pending: None,
            hint: None,
        }
    }
}

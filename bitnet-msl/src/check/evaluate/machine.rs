//! Runs lowered code at compilation, on what is known of its values.
//!
//! Operands of `?:`, `&&` and `||` are lowered to code that runs whether they are wanted or not. So a fault is no
//! error where it happens but where its value is used, unless nobody uses it.
//!
//! **Invariant:** evaluation ends, in bounded memory and without recursion: each step costs one of
//! [`MAX_STEPS`](super::MAX_STEPS), bytes that are moved cost more, and calls nest at most
//! [`MAX_CALLS`](super::MAX_CALLS) deep.

use super::super::Checker;
use super::super::builder::{Facts, Mark};
use super::super::const_eval::{ConstValue, Constant, Folder, Known, Place, Root, undefined};
use super::super::function::{Body, FunctionIndex};
use super::memory::{Memory, Read};
use super::reason::{NotConstant, Reason};
use super::routine::{Routine, Step};
use super::{MAX_CALLS, MAX_MEMORY_BYTES, Rule};
use crate::ir::{BinaryOp, FuncId, Function, Inst, LocalId, Op, Scalar, Type, TypeId, Value};
use crate::source::Span;
use std::collections::HashMap;
use std::rc::Rc;

/// How many bytes cost as much as a step.
const BYTES_PER_STEP: usize = 64;

/// Why a run ended without a result.
pub(super) enum Stop {
    Fault(NotConstant),
    /// It depends on what is not known: arguments of the function that is being looked at.
    Unknown,
}

impl From<NotConstant> for Stop {
    fn from(fault: NotConstant) -> Self {
        Stop::Fault(fault)
    }
}

/// What a call runs.
enum Source {
    /// What was emitted into the function under construction since the mark.
    Expression(Rc<Routine>, Mark),
    Function(Rc<Function>, Rc<Routine>, Rc<Facts>),
}

/// A call under evaluation; the outermost one is the expression itself.
struct Frame {
    source: Source,
    next: usize,
    args: Vec<Option<Constant>>,
    known: Known,
    faults: HashMap<Value, NotConstant>,
    locals: HashMap<LocalId, usize>,
}

impl Frame {
    fn new(source: Source, args: Vec<Option<Constant>>) -> Self {
        Self { source, next: 0, args, known: Known::new(), faults: HashMap::new(), locals: HashMap::new() }
    }

    fn routine(&self) -> &Rc<Routine> {
        match &self.source {
            Source::Expression(routine, _) | Source::Function(_, routine, _) => routine,
        }
    }
}

/// An evaluation.
pub(super) struct Machine<'c, 'a> {
    checker: &'c mut Checker<'a>,
    rule: Rule,
    steps: u32,
    bytes: usize,
    memory: Memory,
    /// The calls around the one that runs, with the values that they are to give.
    callers: Vec<(Frame, Value)>,
    frame: Frame,
}

impl<'c, 'a> Machine<'c, 'a> {
    /// For what was emitted since the mark.
    pub(super) fn for_expression(
        checker: &'c mut Checker<'a>,
        rule: Rule,
        steps: u32,
        routine: Routine,
        mark: Mark,
    ) -> Self {
        Self::new(checker, rule, steps, Frame::new(Source::Expression(Rc::new(routine), mark), Vec::new()))
    }

    /// For the body of a function whose arguments are not known.
    pub(super) fn for_function(
        checker: &'c mut Checker<'a>,
        steps: u32,
        function: Rc<Function>,
        routine: Rc<Routine>,
        facts: Rc<Facts>,
    ) -> Self {
        let args = vec![None; function.params.len()];
        let frame = Frame::new(Source::Function(function, routine, facts), args);
        Self::new(checker, Rule::Core, steps, frame)
    }

    fn new(checker: &'c mut Checker<'a>, rule: Rule, steps: u32, frame: Frame) -> Self {
        Self { checker, rule, steps, bytes: 0, memory: Memory::default(), callers: Vec::new(), frame }
    }

    /// The steps that are left.
    pub(super) fn steps_left(&self) -> u32 {
        self.steps
    }

    /// Runs to the end; for a function, what it returns.
    pub(super) fn run(&mut self) -> Result<Option<Constant>, Stop> {
        loop {
            let routine = Rc::clone(self.frame.routine());
            let Some(step) = routine.steps.get(self.frame.next) else {
                match self.leave(None)? {
                    Some(result) => return Ok(result),
                    None => continue,
                }
            };
            self.frame.next += 1;
            self.pay(1, Span::default())?;
            match step {
                Step::Eval(value) => self.eval(*value, &routine)?,
                Step::Store { ptr, value, span } => self.store(*ptr, *value, *span)?,
                Step::Unless(cond, target) => {
                    if !self.scalar(*cond)?.is_true() {
                        self.frame.next = *target;
                    }
                }
                Step::Switch { selector, cases, default } => {
                    let selector = self.scalar(*selector)?.as_int() as i64;
                    let case = cases.iter().find(|(value, _)| *value == selector);
                    self.frame.next = case.map_or(*default, |(_, target)| *target);
                }
                Step::Jump(target) => self.frame.next = *target,
                Step::Return(value) => {
                    let value = match value {
                        Some(value) => Some(self.wanted(*value)?),
                        None => None,
                    };
                    if let Some(result) = self.leave(value)? {
                        return Ok(result);
                    }
                }
            }
        }
    }

    /// Pays for work; the steps and bytes of an evaluation are bounded.
    fn pay(&mut self, steps: usize, span: Span) -> Result<(), Stop> {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.steps = self.steps.checked_sub(steps).ok_or_else(|| Reason::TooLong.at(span))?;
        Ok(())
    }

    fn pay_bytes(&mut self, size: usize, span: Span) -> Result<(), Stop> {
        self.bytes += size;
        if self.bytes > MAX_MEMORY_BYTES {
            return Err(Reason::TooLarge.at(span).into());
        }
        self.pay(size / BYTES_PER_STEP, span)
    }

    /// Ends a call. `Some` when it was the outermost one.
    fn leave(&mut self, value: Option<Constant>) -> Result<Option<Option<Constant>>, Stop> {
        let Some((caller, result)) = self.callers.pop() else { return Ok(Some(value)) };
        let callee = std::mem::replace(&mut self.frame, caller);
        callee.locals.values().for_each(|&object| self.memory.end(object));
        if let Some(value) = value {
            let ty = self.inst(result).ty;
            self.frame.known.insert(result, (ty, value));
        }
        Ok(None)
    }

    fn inst(&self, value: Value) -> &Inst {
        match &self.frame.source {
            Source::Expression(..) => self.checker.builder.inst(value),
            Source::Function(function, ..) => function.inst(value),
        }
    }

    /// What is known of a value that somebody needs.
    pub(super) fn wanted(&mut self, value: Value) -> Result<Constant, Stop> {
        self.learn_older(value, Span::default());
        if let Some(fault) = self.frame.faults.get(&value) {
            return Err(fault.clone().into());
        }
        match self.frame.known.get(&value) {
            Some((_, constant)) => Ok(constant.clone()),
            None => Err(Stop::Unknown),
        }
    }

    fn scalar(&mut self, value: Value) -> Result<ConstValue, Stop> {
        let (ty, span) = (self.inst(value).ty, self.inst(value).span);
        let scalar = match self.wanted(value)? {
            Constant::Bytes(bytes) => self.checker.scalar_of_bytes(ty, &bytes),
            Constant::Address(_) => None,
        };
        scalar.ok_or_else(|| Reason::RunTime.at(span).into())
    }

    /// A value from before the expression: the address of a global is known, others belong to the run time.
    fn learn_older(&mut self, value: Value, span: Span) {
        let Source::Expression(_, mark) = &self.frame.source else { return };
        if !mark.is_after(value) || self.frame.known.contains_key(&value) {
            return;
        }
        let inst = self.inst(value).clone();
        if !matches!(inst.op, Op::GlobalAddr(_)) || self.learn(value, &inst).is_none() {
            self.frame.faults.insert(value, Reason::RunTime.at(span));
        }
    }

    fn eval(&mut self, value: Value, routine: &Routine) -> Result<(), Stop> {
        let inst = self.inst(value).clone();
        // In a loop the value was defined before.
        self.frame.known.remove(&value);
        self.frame.faults.remove(&value);
        if let Op::Call(callee, args) = &inst.op {
            return self.call(*callee, args, value, inst.span);
        }
        let evaluated = self.evaluate(value, &inst).and_then(|()| self.check_source(value, &inst));
        let fault = match evaluated {
            Ok(()) => return Ok(()),
            Err(Stop::Fault(fault)) => fault,
            Err(Stop::Unknown) => return Ok(()),
        };
        if !routine.used.contains(&value) || matches!(fault.reason, Reason::TooLong | Reason::TooLarge) {
            return Err(fault.into());
        }
        self.frame.faults.insert(value, fault);
        Ok(())
    }

    /// Evaluates an instruction, or says why it has no value.
    fn evaluate(&mut self, value: Value, inst: &Inst) -> Result<(), Stop> {
        let span = inst.span;
        if let Some(constant) = self.chosen(&inst.op)? {
            self.frame.known.insert(value, (inst.ty, constant));
            return Ok(());
        }
        let mut operands = Vec::new();
        inst.op.for_each_operand(|operand| operands.push(operand));
        let mut is_unknown = false;
        for operand in operands {
            self.learn_older(operand, span);
            if let Some(fault) = self.frame.faults.get(&operand) {
                return Err(fault.clone().into());
            }
            is_unknown |= !self.frame.known.contains_key(&operand);
        }
        if is_unknown {
            return Err(Stop::Unknown);
        }
        if self.rule == Rule::Core {
            self.check_allowed(inst).map_err(|reason| reason.at(span))?;
        }
        let constant = match &inst.op {
            Op::Param(index) => self.frame.args.get(*index as usize).cloned().flatten(),
            Op::LocalAddr(local) => Some(self.local(*local, inst.ty, span)?),
            Op::Load(ptr) => return self.load(value, *ptr, inst),
            // The same address: only what may be done with it changes.
            Op::PtrCast(ptr) if self.same_pointee(*ptr, inst.ty) => Some(self.wanted(*ptr)?),
            Op::ExtractDynamic(vector, index) => {
                let index = self.scalar(*index)?.as_int();
                let index = u32::try_from(index).map_err(|_| Reason::OutOfBounds.at(span))?;
                return self.fold(value, &Inst { op: Op::Extract(*vector, index), ..inst.clone() });
            }
            _ => return self.fold(value, inst),
        };
        let constant = constant.ok_or(Stop::Unknown)?;
        self.frame.known.insert(value, (inst.ty, constant));
        Ok(())
    }

    /// The result of an operator that wants only some of its operands: the others may be at fault.
    fn chosen(&mut self, op: &Op) -> Result<Option<Constant>, Stop> {
        match *op {
            Op::Select(cond, a, b) if self.is_bool(cond) => {
                let cond = self.scalar(cond)?.is_true();
                self.wanted(if cond { a } else { b }).map(Some)
            }
            Op::Binary(op @ (BinaryOp::And | BinaryOp::Or), left, right) if self.is_bool(left) => {
                let decides = self.scalar(left)?.is_true() == (op == BinaryOp::Or);
                self.wanted(if decides { left } else { right }).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn is_bool(&self, value: Value) -> bool {
        self.checker.as_scalar(self.inst(value).ty) == Some(Scalar::Bool)
    }

    fn same_pointee(&self, ptr: Value, ty: TypeId) -> bool {
        let pointee = |ty| match self.checker.ty(ty) {
            Type::Pointer { pointee, .. } => Some(pointee),
            _ => None,
        };
        pointee(self.inst(ptr).ty) == pointee(ty)
    }

    /// What constant expressions do not do, but lowered code can.
    fn check_allowed(&self, inst: &Inst) -> Result<(), Reason> {
        match (&inst.op, self.checker.ty(inst.ty)) {
            (Op::FieldAddr(base, field), _) => self.check_active(*base, *field),
            (Op::Compose(_), Type::Matrix { .. }) => Err(Reason::MatrixConstructor),
            _ => Ok(()),
        }
    }

    /// Whether a value that is known comes from where constant expressions take none.
    fn check_source(&self, value: Value, inst: &Inst) -> Result<(), Stop> {
        if self.rule != Rule::Core {
            return Ok(());
        }
        let facts = match &self.frame.source {
            Source::Expression(..) => self.checker.builder.known_facts(),
            Source::Function(_, _, facts) => facts,
        };
        let reason = match &inst.op {
            _ if facts.missing_result == Some(value) => Reason::NoReturn,
            _ if !facts.library_results.contains(&value) => return Ok(()),
            Op::Bitcast(_) => Reason::AsType,
            _ => Reason::Library,
        };
        Err(reason.at(inst.span).into())
    }

    /// A union's value lies in its first member, or in the one with an initialiser of its own.
    fn check_active(&self, base: Value, field: u32) -> Result<(), Reason> {
        let Type::Pointer { pointee, .. } = self.checker.ty(self.inst(base).ty) else { return Ok(()) };
        let Type::Struct(id) = self.checker.ty(pointee) else { return Ok(()) };
        let is_active = field == 0 || self.checker.initialised_member(id) == Some(field as usize);
        if self.checker.builder.type_table().get_struct(id).is_union && !is_active {
            return Err(Reason::InactiveMember);
        }
        Ok(())
    }

    /// Folds an op whose operands are known.
    fn fold(&mut self, value: Value, inst: &Inst) -> Result<(), Stop> {
        if self.rule == Rule::Core {
            self.check_defined(inst)?;
        }
        self.pay_bytes(self.checker.size_bytes(inst.ty) as usize, inst.span)?;
        let reason = match inst.op {
            Op::ElementAddr(..) => Reason::OutOfBounds,
            Op::FunctionConstant(id) | Op::IsFunctionConstantDefined(id) => {
                Reason::FunctionConstant(self.checker.function_constants[id.0 as usize].name.clone())
            }
            _ => Reason::RunTime,
        };
        self.learn(value, inst).ok_or_else(|| reason.at(inst.span).into())
    }

    /// Computes an op by the [`Folder`].
    fn learn(&mut self, value: Value, inst: &Inst) -> Option<()> {
        let known = std::mem::take(&mut self.frame.known);
        let mut folder = Folder::with(self.checker.builder.type_table(), &self.checker.globals, known);
        let learned = folder.learn(value, inst);
        self.frame.known = folder.into_known();
        learned
    }

    fn check_defined(&mut self, inst: &Inst) -> Result<(), Stop> {
        let Some((to, len)) = self.checker.shape(inst.ty) else { return Ok(()) };
        if !matches!(inst.op, Op::Unary(..) | Op::Binary(..) | Op::Convert(_)) {
            return Ok(());
        }
        let known = std::mem::take(&mut self.frame.known);
        let folder = Folder::with(self.checker.builder.type_table(), &self.checker.globals, known);
        let mut operands = Vec::new();
        inst.op.for_each_operand(|operand| operands.extend(folder.components(operand)));
        self.frame.known = folder.into_known();
        for index in 0..usize::from(len) {
            let args: Vec<_> = operands.iter().filter_map(|o| o.get(index).copied()).collect();
            if let Some(found) = undefined(&inst.op, &args, to) {
                return Err(Reason::Undefined(found).at(inst.span).into());
            }
        }
        Ok(())
    }

    /// The address of a variable.
    fn local(&mut self, local: LocalId, ty: TypeId, span: Span) -> Result<Constant, Stop> {
        let object = match self.frame.locals.get(&local) {
            Some(&object) => object,
            None => self.new_object(local, ty, span)?,
        };
        Ok(Constant::Address(Place { root: Root::Variable(object), offset_bytes: 0 }))
    }

    fn new_object(&mut self, local: LocalId, ty: TypeId, span: Span) -> Result<usize, Stop> {
        let (name, facts) = match &self.frame.source {
            Source::Expression(_, mark) => {
                let builder = &self.checker.builder;
                let name = &builder.function().locals[local.0 as usize].name;
                if mark.is_after_local(local) {
                    let object = match builder.known_facts().constexpr_locals.get(&local) {
                        Some(constant) => self.memory.add_constant(constant),
                        None => self.memory.add_outside(name.clone()),
                    };
                    self.frame.locals.insert(local, object);
                    return Ok(object);
                }
                (name, builder.known_facts())
            }
            Source::Function(function, _, facts) => (&function.locals[local.0 as usize].name, &**facts),
        };
        if self.rule == Rule::Core && facts.unset_structs.contains(&local) {
            return Err(Reason::UnsetStruct(name.clone()).at(span).into());
        }
        let Type::Pointer { pointee, .. } = self.checker.ty(ty) else { return Err(Stop::Unknown) };
        let size = self.checker.size_bytes(pointee) as usize;
        self.pay_bytes(size, span)?;
        let object = self.memory.add(size);
        self.frame.locals.insert(local, object);
        Ok(object)
    }

    fn load(&mut self, value: Value, ptr: Value, inst: &Inst) -> Result<(), Stop> {
        let span = inst.span;
        let Constant::Address(place) = self.wanted(ptr)? else { return Err(Reason::RunTime.at(span).into()) };
        let constant = match place.root {
            Root::Global(global) => {
                if self.rule == Rule::Core && !self.checker.constexpr_globals.contains(&(global as u32)) {
                    let name = self.checker.globals[global].name.clone();
                    return Err(Reason::Variable(name).at(span).into());
                }
                return self.fold(value, inst);
            }
            Root::Variable(object) => {
                self.pay_bytes(self.checker.size_bytes(inst.ty) as usize, span)?;
                let types = self.checker.builder.type_table();
                match self.memory.read(object, place.offset_bytes, inst.ty, types) {
                    Ok(Read::Known(constant)) => constant,
                    Ok(Read::Unknown) => return Err(Stop::Unknown),
                    Err(reason) => return Err(reason.at(span).into()),
                }
            }
        };
        self.frame.known.insert(value, (inst.ty, constant));
        Ok(())
    }

    fn store(&mut self, ptr: Value, value: Value, span: Span) -> Result<(), Stop> {
        let Constant::Address(place) = self.wanted(ptr)? else { return Err(Reason::RunTime.at(span).into()) };
        let constant = match self.wanted(value) {
            Ok(constant) => Some(constant),
            Err(Stop::Unknown) => None,
            Err(stop) => return Err(stop),
        };
        let Root::Variable(object) = place.root else { return Err(Reason::WritesOutside.at(span).into()) };
        let size = self.checker.size_bytes(self.inst(value).ty) as usize;
        self.pay_bytes(size, span)?;
        let written = self.memory.write(object, place.offset_bytes, constant.as_ref(), size);
        written.map_err(|reason| reason.at(span).into())
    }

    fn call(&mut self, callee: FuncId, args: &[Value], result: Value, span: Span) -> Result<(), Stop> {
        let args = args.iter().map(|&arg| self.wanted(arg).map(Some)).collect::<Result<Vec<_>, _>>()?;
        let index = FunctionIndex(callee.0);
        let info = self.checker.functions.get(index);
        if !info.decl.is_constexpr {
            return Err(Reason::Function(info.name.clone()).at(span).into());
        }
        if self.callers.len() >= MAX_CALLS {
            return Err(Reason::TooDeep.at(span).into());
        }
        if matches!(info.body, Body::Pending) {
            // What is wrong with the body is wrong, even if an overload is only being tried.
            let quiet = std::mem::take(&mut self.checker.quiet);
            self.checker.lower_body(index);
            self.checker.quiet = quiet;
        }
        let info = self.checker.functions.get(index);
        let (Body::Done(function), Some((routine, facts))) = (&info.body, &info.routine) else {
            return Err(Reason::NoBody(info.name.clone()).at(span).into());
        };
        let source = Source::Function(Rc::clone(function), Rc::clone(routine), Rc::clone(facts));
        let caller = std::mem::replace(&mut self.frame, Frame::new(source, args));
        self.callers.push((caller, result));
        Ok(())
    }
}

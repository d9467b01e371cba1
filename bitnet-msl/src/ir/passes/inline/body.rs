//! A function prepared to stand in the place of calls, and its copy in one of them.

use super::super::super::{Block, Function, Inst, Local, LocalId, Op, Stmt, Type, TypeId, TypeTable, Value};
use super::returns::{always_returns, at_the_ends};
use crate::source::Span;

/// A function that may be inlined.
pub(super) struct Callee {
    /// The function, with returns at the ends of branches.
    pub(super) function: Function,
    /// How deep its blocks are nested.
    pub(super) height: usize,
    /// Bytes of its variables in memory.
    pub(super) variables_bytes: u32,
    /// Variables by value that may be read before they have been set.
    unset: Vec<LocalId>,
    returns: Returns,
}

/// How the result leaves a function.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Returns {
    Nothing,
    /// The last statement returns it, and no other does.
    AtTheEnd,
    /// From several branches.
    FromBranches,
}

/// Where the result of an inlined call is.
pub(super) enum Returned {
    Nothing,
    Value(Value),
    Variable(LocalId),
}

impl Callee {
    /// The function, if its form and size allow that it is inlined.
    pub(super) fn of(function: &Function, types: &TypeTable, most_insts: usize) -> Option<Self> {
        if function.insts.len() > most_insts {
            return None;
        }
        let body = at_the_ends(&function.body)?;
        let is_void = types.get(function.ret) == Type::Void;
        if !is_void && !always_returns(&body.0) {
            return None;
        }
        let returns = match body.0.last() {
            _ if is_void => Returns::Nothing,
            Some(Stmt::Return(..)) => Returns::AtTheEnd,
            _ => Returns::FromBranches,
        };
        let variables_bytes = variables_bytes(function, types);
        let height = body.height();
        let unset = unset_variables(function, &body);
        let function = Function { body, ..function.clone() };
        Some(Self { function, height, variables_bytes, unset, returns })
    }
}

fn variables_bytes(function: &Function, types: &TypeTable) -> u32 {
    let mut in_memory = vec![false; function.locals.len()];
    for inst in &function.insts {
        if let Op::LocalAddr(local) = inst.op {
            in_memory[local.0 as usize] = true;
        }
    }
    let sizes = function.locals.iter().zip(in_memory).filter(|(_, in_memory)| *in_memory);
    sizes.fold(0, |sum, (local, _)| sum.saturating_add(types.size_bytes(local.ty)))
}

/// The first access of a variable.
struct First {
    is_set: bool,
    /// The blocks around it, by number.
    blocks: Vec<u32>,
    /// How many of them are around all accesses.
    common: usize,
}

/// Variables by value that are not set straight in a block which holds all their accesses, before them.
fn unset_variables(function: &Function, body: &Block) -> Vec<LocalId> {
    let mut accesses = Accesses { function, first: Vec::new(), blocks: Vec::new(), next_block: 0 };
    accesses.first.resize_with(function.locals.len(), || None);
    accesses.block(body);
    let is_unset = |first: &First| !first.is_set || first.common < first.blocks.len();
    let found = accesses.first.iter().enumerate().filter(|(_, first)| first.as_ref().is_some_and(is_unset));
    found.map(|(local, _)| LocalId(local as u32)).collect()
}

struct Accesses<'f> {
    function: &'f Function,
    first: Vec<Option<First>>,
    blocks: Vec<u32>,
    next_block: u32,
}

impl Accesses<'_> {
    fn block(&mut self, block: &Block) {
        self.blocks.push(self.next_block);
        self.next_block += 1;
        for stmt in &block.0 {
            match stmt {
                Stmt::Eval(value) => {
                    if let Op::LocalGet(local) = self.function.inst(*value).op {
                        self.access(local, false);
                    }
                }
                Stmt::LocalSet(local, _) => self.access(*local, true),
                stmt => stmt.for_each_block(&mut |inner| self.block(inner)),
            }
        }
        self.blocks.pop();
    }

    fn access(&mut self, local: LocalId, is_set: bool) {
        match &mut self.first[local.0 as usize] {
            Some(first) => {
                let same = first.blocks.iter().zip(&self.blocks).take_while(|(a, b)| a == b).count();
                first.common = first.common.min(same);
            }
            first => {
                let (blocks, common) = (self.blocks.clone(), self.blocks.len());
                *first = Some(First { is_set, blocks, common });
            }
        }
    }
}

/// A copy of a callee on its way into a caller.
pub(super) struct Copy<'c> {
    caller: &'c mut Function,
    callee: &'c Callee,
    /// The caller's value for each of the callee's.
    values: Vec<Value>,
    first_local: u32,
    /// Where several branches leave the result.
    result: Option<LocalId>,
    /// The statements that stand in the place of the call.
    pub(super) out: Vec<Stmt>,
}

impl<'c> Copy<'c> {
    /// Copies variables and instructions.
    pub(super) fn new(caller: &'c mut Function, callee: &'c Callee, args: &[Value]) -> Self {
        let first_local = caller.locals.len() as u32;
        caller.locals.extend(callee.function.locals.iter().cloned());
        let mut copy =
            Self { caller, callee, values: Vec::new(), first_local, result: None, out: Vec::new() };
        for inst in &callee.function.insts {
            let value = match inst.op {
                Op::Param(index) => args[index as usize],
                _ => copy.add(inst.clone()),
            };
            copy.values.push(value);
        }
        // Only now is every operand known: the numbers of a function need not follow its text.
        let own: Vec<Value> = copy.values.clone();
        for (inst, &value) in callee.function.insts.iter().zip(&own) {
            if !matches!(inst.op, Op::Param(_)) {
                copy.rename(value);
            }
        }
        copy
    }

    fn add(&mut self, inst: Inst) -> Value {
        let value = Value(self.caller.insts.len() as u32);
        self.caller.insts.push(inst);
        value
    }

    fn rename(&mut self, value: Value) {
        let op = &mut self.caller.insts[value.0 as usize].op;
        op.for_each_operand_mut(|operand| *operand = self.values[operand.0 as usize]);
        if let Op::LocalAddr(local) | Op::LocalGet(local) = op {
            local.0 += self.first_local;
        }
    }

    fn local(&self, local: LocalId) -> LocalId {
        LocalId(local.0 + self.first_local)
    }

    /// Makes variables zero that a call finds so.
    pub(super) fn zero_variables(&mut self, span: Span) {
        for &unset in &self.callee.unset {
            let local = self.local(unset);
            let zero = self.zero(self.caller.locals[local.0 as usize].ty, span);
            self.out.push(Stmt::LocalSet(local, zero));
        }
    }

    fn zero(&mut self, ty: TypeId, span: Span) -> Value {
        let value = self.add(Inst { op: Op::Zero, ty, span });
        self.out.push(Stmt::Eval(value));
        value
    }

    /// Copies the code for a call, which defined `call`.
    pub(super) fn body(&mut self, call: Value) -> Returned {
        let ty = self.caller.inst(call).ty;
        if self.callee.returns == Returns::FromBranches {
            let local = LocalId(self.caller.locals.len() as u32);
            let name = format!("%{}", self.callee.function.name);
            self.caller.locals.push(Local { name, ty, span: self.callee.function.span });
            self.result = Some(local);
        }
        let mut stmts = self.stmts(&self.callee.function.body);
        let returned = match (self.callee.returns, self.result) {
            (Returns::AtTheEnd, _) => match stmts.pop() {
                Some(Stmt::Return(Some(value), _)) => Returned::Value(value),
                other => {
                    debug_assert!(other.is_none(), "the body ends with the return of its value");
                    Returned::Nothing
                }
            },
            (_, Some(local)) => Returned::Variable(local),
            _ => Returned::Nothing,
        };
        self.out.append(&mut stmts);
        returned
    }

    fn block(&self, block: &Block) -> Block {
        Block(self.stmts(block))
    }

    fn stmts(&self, block: &Block) -> Vec<Stmt> {
        block.0.iter().filter_map(|stmt| self.stmt(stmt)).collect()
    }

    fn stmt(&self, stmt: &Stmt) -> Option<Stmt> {
        let of = |value: Value| self.values[value.0 as usize];
        Some(match stmt {
            // Parameters are the caller's values.
            Stmt::Eval(value) if matches!(self.callee.function.inst(*value).op, Op::Param(_)) => return None,
            Stmt::Eval(value) => Stmt::Eval(of(*value)),
            Stmt::LocalSet(local, value) => Stmt::LocalSet(self.local(*local), of(*value)),
            Stmt::Return(None, _) => return None,
            Stmt::Return(Some(value), span) => match self.result {
                Some(local) => Stmt::LocalSet(local, of(*value)),
                None => Stmt::Return(Some(of(*value)), *span),
            },
            stmt => {
                let mut copy = match stmt {
                    Stmt::If { cond, then, other, span } => Stmt::If {
                        cond: of(*cond),
                        then: self.block(then),
                        other: self.block(other),
                        span: *span,
                    },
                    Stmt::Loop { body, continuing, span } => {
                        Stmt::Loop { body: self.block(body), continuing: self.block(continuing), span: *span }
                    }
                    other => other.clone(),
                };
                if let Stmt::Switch { selector, sections, .. } = &mut copy {
                    *selector = of(*selector);
                    sections.iter_mut().for_each(|section| section.body = self.block(&section.body));
                }
                if let Stmt::Store { ptr, value, .. } = &mut copy {
                    (*ptr, *value) = (of(*ptr), of(*value));
                }
                copy
            }
        })
    }
}

//! Calls of `constexpr` functions in constant expressions: runs their IR on scalars.
//!
//! **Invariant:** evaluation ends: each statement and instruction costs one of [`MAX_STEPS`], and calls
//! nest at most [`MAX_CALLS`] deep.

use super::Checker;
use super::const_eval::ConstValue;
use super::function::{Body, FunctionIndex};
use crate::ir::{Block, FuncId, Function, Inst, LocalId, Op, Stmt, Type, TypeTable, Value};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// How much one constant expression may compute.
const MAX_STEPS: u32 = 200_000;

/// How deep calls may nest.
const MAX_CALLS: u32 = 64;

impl<'a> Checker<'a> {
    /// Computes the calls that a value depends on, and makes them constants.
    pub(super) fn fold_calls(&mut self, value: Value) -> Option<()> {
        let mut steps = MAX_STEPS;
        for call in self.calls_under(value) {
            let Op::Call(callee, args) = &self.builder.inst(call).op else { continue };
            let (callee, args) = (*callee, args.clone());
            let args: Vec<ConstValue> =
                args.iter().map(|&arg| self.fold_scalar(arg)).collect::<Option<_>>()?;
            let result = self.evaluate(callee, &args, &mut steps, 0)?;
            self.builder.replace_by_constant(call, result.bits);
        }
        Some(())
    }

    /// The calls that a value depends on, operands before users.
    fn calls_under(&self, value: Value) -> Vec<Value> {
        let mut calls = Vec::new();
        let mut seen = HashSet::new();
        let mut stack = vec![value];
        while let Some(value) = stack.pop() {
            if seen.insert(value) {
                let op = &self.builder.inst(value).op;
                if matches!(op, Op::Call(..)) {
                    calls.push(value);
                }
                op.for_each_operand(|operand| stack.push(operand));
            }
        }
        calls.sort_unstable();
        calls
    }

    fn evaluate(
        &mut self,
        callee: FuncId,
        args: &[ConstValue],
        steps: &mut u32,
        depth: u32,
    ) -> Option<ConstValue> {
        let index = FunctionIndex(callee.0);
        if depth > MAX_CALLS || !self.functions.get(index).decl.is_constexpr {
            return None;
        }
        if matches!(self.functions.get(index).body, Body::Pending) {
            self.lower_body(index);
        }
        let Body::Done(function) = &self.functions.get(index).body else { return None };
        let function = Rc::clone(function);
        let mut run = Run { function: &function, args, values: HashMap::new(), locals: HashMap::new() };
        match self.run_block(&mut run, &function.body, steps, depth)? {
            Exit::Return(value) => value,
            _ => None,
        }
    }

    fn run_block(&mut self, run: &mut Run<'_>, block: &Block, steps: &mut u32, depth: u32) -> Option<Exit> {
        for stmt in &block.0 {
            *steps = steps.checked_sub(1)?;
            let exit = self.run_stmt(run, stmt, steps, depth)?;
            if !matches!(exit, Exit::None) {
                return Some(exit);
            }
        }
        Some(Exit::None)
    }

    fn run_stmt(&mut self, run: &mut Run<'_>, stmt: &Stmt, steps: &mut u32, depth: u32) -> Option<Exit> {
        match stmt {
            Stmt::Eval(value) => {
                let inst = run.function.inst(*value);
                let result = match &inst.op {
                    Op::Call(callee, args) => {
                        let args: Vec<_> = args.iter().map(|&arg| run.scalar(arg)).collect::<Option<_>>()?;
                        Some(self.evaluate(*callee, &args, steps, depth + 1)?)
                    }
                    // Computed at compile time, the message would be lost.
                    Op::Log(..) => return None,
                    _ => run.inst(inst, self.builder.type_table()),
                };
                if let Some(result) = result {
                    run.values.insert(*value, result);
                }
                Some(Exit::None)
            }
            Stmt::Store { ptr, value, .. } => {
                let Op::LocalAddr(local) = run.function.inst(*ptr).op else { return None };
                let value = run.scalar(*value)?;
                run.locals.insert(local, value);
                Some(Exit::None)
            }
            Stmt::If { cond, then, other, .. } => {
                let taken = if run.scalar(*cond)?.is_true() { then } else { other };
                self.run_block(run, taken, steps, depth)
            }
            Stmt::Switch { selector, sections, .. } => {
                let selector = run.scalar(*selector)?.as_int() as i64;
                let start = sections.iter().position(|section| section.values.contains(&selector));
                let start = start.or_else(|| sections.iter().position(|section| section.is_default));
                for section in sections.iter().skip(start.unwrap_or(sections.len())) {
                    match self.run_block(run, &section.body, steps, depth)? {
                        Exit::None => {}
                        Exit::Break => return Some(Exit::None),
                        exit => return Some(exit),
                    }
                }
                Some(Exit::None)
            }
            Stmt::Loop { body, continuing, .. } => loop {
                *steps = steps.checked_sub(1)?;
                match self.run_block(run, body, steps, depth)? {
                    Exit::None | Exit::Continue => {}
                    Exit::Break => return Some(Exit::None),
                    exit => return Some(exit),
                }
                match self.run_block(run, continuing, steps, depth)? {
                    Exit::None => {}
                    Exit::Break => return Some(Exit::None),
                    exit => return Some(exit),
                }
            },
            Stmt::Break => Some(Exit::Break),
            Stmt::Continue => Some(Exit::Continue),
            Stmt::Return(value, _) => Some(Exit::Return(value.and_then(|value| run.scalar(value)))),
            Stmt::LocalSet(..) => None,
        }
    }
}

/// How a block was left.
enum Exit {
    None,
    Break,
    Continue,
    Return(Option<ConstValue>),
}

/// One call under evaluation.
struct Run<'f> {
    function: &'f Function,
    args: &'f [ConstValue],
    values: HashMap<Value, ConstValue>,
    locals: HashMap<LocalId, ConstValue>,
}

impl Run<'_> {
    fn scalar(&self, value: Value) -> Option<ConstValue> {
        self.values.get(&value).copied()
    }

    /// The value of an instruction on scalars; `None` for others, which is a fault only if it is used.
    fn inst(&self, inst: &Inst, types: &TypeTable) -> Option<ConstValue> {
        let scalar = match types.get(inst.ty) {
            Type::Scalar(scalar) => scalar,
            _ => return None,
        };
        match &inst.op {
            Op::Const(bits) => Some(ConstValue { scalar, bits: *bits }),
            Op::Zero => Some(ConstValue { scalar, bits: 0 }),
            Op::Param(position) => self.args.get(*position as usize).copied(),
            Op::Load(ptr) => match self.function.inst(*ptr).op {
                Op::LocalAddr(local) => self.locals.get(&local).copied(),
                _ => None,
            },
            Op::Unary(op, a) => self.scalar(*a)?.unary(*op),
            Op::Binary(op, a, b) => ConstValue::binary(*op, self.scalar(*a)?, self.scalar(*b)?),
            Op::Compare(op, a, b) => {
                Some(ConstValue::bool(ConstValue::compare(*op, self.scalar(*a)?, self.scalar(*b)?)))
            }
            Op::Select(cond, a, b) => self.scalar(if self.scalar(*cond)?.is_true() { *a } else { *b }),
            Op::Convert(a) => Some(self.scalar(*a)?.convert(scalar)),
            Op::Math(function, _, args) => {
                let args: Vec<_> = args.iter().map(|&arg| self.scalar(arg)).collect::<Option<_>>()?;
                ConstValue::math(*function, &args).filter(|result| result.scalar == scalar)
            }
            _ => None,
        }
    }
}

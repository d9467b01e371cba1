//! Inlining: a call becomes the code of the function.
//!
//! The executor does the same when it makes its bytecode, so a call itself costs nothing; but here what the caller
//! knows meets what the function does, and other passes see both. Functions go into their callers after theirs have
//! come into them, and never one that can reach itself: what is left to call is called.
//!
//! Instructions keep their source, so a trap is where it was. A variable of the function that it may read before it
//! has set it is zero at each call, and is made so here.

mod body;
mod order;
mod returns;

use super::super::{Block, Function, Module, Op, Stmt, Value};
use super::dead_code::drop_dead_code;
use super::replace::Replacements;
use crate::source::Span;
use body::Callee;

/// How far inlining goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Instructions of a function that is called from several places.
    pub(super) callee_insts: usize,
    /// Instructions that a caller may come to have. What is larger would be called by the executor anyway.
    pub(super) caller_insts: usize,
}

/// How deep blocks may come to be nested: passes and executor go down with their own stack.
const MAX_HEIGHT: usize = 64;

/// Bytes of variables in memory that a caller takes over: its variables all exist at once, those of calls one after
/// another take the same place.
const MAX_VARIABLES_BYTES: u32 = 4096;

/// What inlining may add to a module, in instructions: this, and [`GROWTH`] times what it has.
const SMALL_GROWTH: usize = 1 << 14;
const GROWTH: usize = 2;

/// Inlines what the limits allow, in all functions. The result says for each whether something came into it.
pub(super) fn inline(module: &mut Module, limits: Limits) -> Vec<bool> {
    let order = order::callees_first(module);
    let calls = order::call_counts(module);
    let insts: usize = module.functions.iter().map(|function| function.insts.len()).sum();
    let mut budget = SMALL_GROWTH + GROWTH * insts;
    let mut functions = std::mem::take(&mut module.functions);
    let mut changed = vec![false; functions.len()];
    let mut callees: Vec<Option<Callee>> = functions.iter().map(|_| None).collect();
    for ordered in &order {
        let index = ordered.function.0 as usize;
        let function = &mut functions[index];
        if function.has_op(|op| matches!(op, Op::Call(id, _) if callees[id.0 as usize].is_some())) {
            changed[index] = Inlining::new(function, &callees, &calls, limits, &mut budget).run();
        }
        // What nobody calls need not be prepared: kernels, mostly.
        if ordered.ends && calls[index] > 0 {
            callees[index] = Callee::of(function, &module.types, limits.caller_insts);
        }
    }
    module.functions = functions;
    changed
}

/// One caller at work.
struct Inlining<'m> {
    caller: &'m mut Function,
    callees: &'m [Option<Callee>],
    calls: &'m [u32],
    limits: Limits,
    /// Instructions that may still come in, anywhere.
    budget: &'m mut usize,
    replaced: Replacements,
    /// The block under construction.
    out: Vec<Stmt>,
    /// Blocks around the statement at work.
    depth: usize,
    /// Loops around it.
    loops: usize,
    variables_bytes: u32,
    changed: bool,
}

impl<'m> Inlining<'m> {
    fn new(
        caller: &'m mut Function,
        callees: &'m [Option<Callee>],
        calls: &'m [u32],
        limits: Limits,
        budget: &'m mut usize,
    ) -> Self {
        let replaced = Replacements::new(caller.insts.len());
        Self {
            caller,
            callees,
            calls,
            limits,
            budget,
            replaced,
            out: Vec::new(),
            depth: 0,
            loops: 0,
            variables_bytes: 0,
            changed: false,
        }
    }

    fn run(mut self) -> bool {
        let mut body = std::mem::take(&mut self.caller.body);
        self.block(&mut body);
        self.caller.body = body;
        if self.changed {
            drop_dead_code(self.caller);
        }
        self.changed
    }

    fn block(&mut self, block: &mut Block) {
        self.depth += 1;
        let outer = std::mem::take(&mut self.out);
        for mut stmt in std::mem::take(&mut block.0) {
            self.replaced.in_stmt(&mut stmt);
            if let Stmt::Eval(value) = stmt {
                self.eval(value);
                continue;
            }
            let is_loop = matches!(stmt, Stmt::Loop { .. });
            self.loops += usize::from(is_loop);
            stmt.for_each_block_mut(&mut |inner| self.block(inner));
            self.loops -= usize::from(is_loop);
            self.out.push(stmt);
        }
        block.0 = std::mem::replace(&mut self.out, outer);
        self.depth -= 1;
    }

    fn eval(&mut self, value: Value) {
        self.replaced.in_op(&mut self.caller.insts[value.0 as usize].op);
        let inst = self.caller.inst(value);
        if let Op::Call(id, args) = &inst.op
            && let Some(callee) = self.callees[id.0 as usize].as_ref()
            && self.is_worth_it(callee, self.calls[id.0 as usize])
        {
            let (args, span) = (args.clone(), inst.span);
            self.call(value, callee, &args, span);
            return;
        }
        self.out.push(Stmt::Eval(value));
    }

    fn is_worth_it(&self, callee: &Callee, calls: u32) -> bool {
        let insts = callee.function.insts.len();
        insts <= *self.budget
            && (calls == 1 || insts <= self.limits.callee_insts)
            && self.caller.insts.len() + insts <= self.limits.caller_insts
            && self.depth + callee.height <= MAX_HEIGHT
            && self.variables_bytes + callee.variables_bytes <= MAX_VARIABLES_BYTES
    }

    /// Puts the code of a callee in the place of a call.
    fn call(&mut self, value: Value, callee: &Callee, args: &[Value], span: Span) {
        self.changed = true;
        self.variables_bytes += callee.variables_bytes;
        *self.budget -= callee.function.insts.len();
        let mut copy = body::Copy::new(self.caller, callee, args);
        if self.loops > 0 {
            copy.zero_variables(span);
        }
        let result = copy.body(value);
        self.out.append(&mut copy.out);
        self.replaced.grow(self.caller.insts.len());
        match result {
            // The call has no `Eval` any more.
            body::Returned::Nothing => {}
            body::Returned::Value(result) => self.replaced.set(value, result),
            body::Returned::Variable(local) => {
                self.caller.insts[value.0 as usize].op = Op::LocalGet(local);
                self.out.push(Stmt::Eval(value));
            }
        }
    }
}

//! Drops values, assignments and locals that nobody uses and numbers the rest in the order of evaluation.

use super::super::{Block, Function, LocalId, Op, Stmt, Value};

/// Compacts a function.
pub(super) fn compact(function: &mut Function) {
    let mut body = std::mem::take(&mut function.body);
    drop_unused(function, &mut body);

    let mut order = Vec::new();
    for_each_eval(&body, &mut |value| order.push(value));
    let mut new_values = vec![Value(u32::MAX); function.insts.len()];
    for (index, value) in order.iter().enumerate() {
        new_values[value.0 as usize] = Value(index as u32);
    }
    let locals = LocalRenumbering::of(function, &body, &order);
    function.insts = order
        .iter()
        .map(|&value| {
            let mut inst = function.insts[value.0 as usize].clone();
            inst.op.for_each_operand_mut(|operand| *operand = new_values[operand.0 as usize]);
            if let Op::LocalAddr(local) | Op::LocalGet(local) = &mut inst.op {
                *local = locals.new_id(*local);
            }
            inst
        })
        .collect();
    for_each_value_mut(&mut body, &mut |value| *value = new_values[value.0 as usize]);
    for_each_set_local_mut(&mut body, &mut |local| *local = locals.new_id(*local));
    let mut index = 0;
    function.locals.retain(|_| {
        index += 1;
        locals.is_used(LocalId(index - 1))
    });
    function.body = body;
}

/// Rounds of [`drop_unused`]: each finds what only the last one's finds had used. Longer chains are rare.
const MAX_ROUNDS: u32 = 8;

/// Drops unused values, and assignments to locals that nobody reads.
fn drop_unused(function: &Function, body: &mut Block) {
    for _ in 0..MAX_ROUNDS {
        let mut used = vec![false; function.insts.len()];
        mark_block(function, body, &mut used);
        sweep_block(body, &used);
        let mut read = vec![false; function.locals.len()];
        for_each_eval(body, &mut |value| {
            if let Op::LocalGet(local) = function.inst(value).op {
                read[local.0 as usize] = true;
            }
        });
        if !drop_unread(body, &read) {
            return;
        }
    }
}

/// Drops assignments to locals that are not read; whether there were any.
fn drop_unread(block: &mut Block, read: &[bool]) -> bool {
    let before = block.0.len();
    block.0.retain(|stmt| !matches!(stmt, Stmt::LocalSet(local, _) if !read[local.0 as usize]));
    let mut dropped = block.0.len() < before;
    for stmt in &mut block.0 {
        for_each_block_mut(stmt, &mut |inner| dropped |= drop_unread(inner, read));
    }
    dropped
}

/// Marks what is needed, backwards: statements that act, and the operands of what is marked.
///
/// A value is defined before its uses in the text, so one pass from the end sees every use first.
fn mark_block(function: &Function, block: &Block, used: &mut [bool]) {
    for stmt in block.0.iter().rev() {
        let mut mark = |value: Value| used[value.0 as usize] = true;
        match stmt {
            Stmt::Eval(value) => {
                let op = &function.inst(*value).op;
                if used[value.0 as usize] || !is_droppable(op) {
                    used[value.0 as usize] = true;
                    op.for_each_operand(|operand| used[operand.0 as usize] = true);
                }
            }
            Stmt::LocalSet(_, value) => mark(*value),
            Stmt::Store { ptr, value, .. } => {
                mark(*ptr);
                mark(*value);
            }
            Stmt::If { cond, then, other, .. } => {
                mark(*cond);
                mark_block(function, other, used);
                mark_block(function, then, used);
            }
            Stmt::Switch { selector, sections, .. } => {
                mark(*selector);
                for section in sections.iter().rev() {
                    mark_block(function, &section.body, used);
                }
            }
            Stmt::Loop { body, continuing, .. } => {
                mark_block(function, continuing, used);
                mark_block(function, body, used);
            }
            Stmt::Return(Some(value), _) => mark(*value),
            Stmt::Break | Stmt::Continue | Stmt::Return(None, _) => {}
        }
    }
}

/// Whether an unused op may go. Integer division and the like do not trap.
fn is_droppable(op: &Op) -> bool {
    op.is_pure() || matches!(op, Op::LocalGet(_))
}

fn sweep_block(block: &mut Block, used: &[bool]) {
    block.0.retain(|stmt| !matches!(stmt, Stmt::Eval(value) if !used[value.0 as usize]));
    for stmt in &mut block.0 {
        for_each_block_mut(stmt, &mut |inner| sweep_block(inner, used));
    }
}

fn for_each_block_mut(stmt: &mut Stmt, f: &mut dyn FnMut(&mut Block)) {
    match stmt {
        Stmt::If { then, other, .. } => {
            f(then);
            f(other);
        }
        Stmt::Switch { sections, .. } => sections.iter_mut().for_each(|section| f(&mut section.body)),
        Stmt::Loop { body, continuing, .. } => {
            f(body);
            f(continuing);
        }
        _ => {}
    }
}

fn for_each_block<'b>(stmt: &'b Stmt, f: &mut dyn FnMut(&'b Block)) {
    match stmt {
        Stmt::If { then, other, .. } => {
            f(then);
            f(other);
        }
        Stmt::Switch { sections, .. } => sections.iter().for_each(|section| f(&section.body)),
        Stmt::Loop { body, continuing, .. } => {
            f(body);
            f(continuing);
        }
        _ => {}
    }
}

fn for_each_eval(block: &Block, f: &mut dyn FnMut(Value)) {
    for stmt in &block.0 {
        match stmt {
            Stmt::Eval(value) => f(*value),
            _ => for_each_block(stmt, &mut |inner| for_each_eval(inner, f)),
        }
    }
}

fn for_each_value_mut(block: &mut Block, f: &mut dyn FnMut(&mut Value)) {
    for stmt in &mut block.0 {
        match stmt {
            Stmt::Eval(value) | Stmt::LocalSet(_, value) | Stmt::Return(Some(value), _) => f(value),
            Stmt::Store { ptr, value, .. } => {
                f(ptr);
                f(value);
            }
            Stmt::If { cond, .. } => f(cond),
            Stmt::Switch { selector, .. } => f(selector),
            Stmt::Loop { .. } | Stmt::Break | Stmt::Continue | Stmt::Return(None, _) => {}
        }
        for_each_block_mut(stmt, &mut |inner| for_each_value_mut(inner, f));
    }
}

fn for_each_set_local_mut(block: &mut Block, f: &mut dyn FnMut(&mut LocalId)) {
    for stmt in &mut block.0 {
        if let Stmt::LocalSet(local, _) = stmt {
            f(local);
        }
        for_each_block_mut(stmt, &mut |inner| for_each_set_local_mut(inner, f));
    }
}

/// New numbers for the locals that are still used, in their old order.
struct LocalRenumbering {
    new_ids: Vec<Option<LocalId>>,
}

impl LocalRenumbering {
    fn of(function: &Function, body: &Block, order: &[Value]) -> Self {
        let mut used = vec![false; function.locals.len()];
        for value in order {
            if let Op::LocalAddr(local) | Op::LocalGet(local) = function.inst(*value).op {
                used[local.0 as usize] = true;
            }
        }
        mark_set_locals(body, &mut used);
        let mut next = 0;
        let new_ids = used.into_iter().map(|used| {
            used.then(|| {
                next += 1;
                LocalId(next - 1)
            })
        });
        Self { new_ids: new_ids.collect() }
    }

    fn is_used(&self, local: LocalId) -> bool {
        self.new_ids[local.0 as usize].is_some()
    }

    fn new_id(&self, local: LocalId) -> LocalId {
        self.new_ids[local.0 as usize].expect("every local that the body names was marked")
    }
}

fn mark_set_locals(block: &Block, used: &mut [bool]) {
    for stmt in &block.0 {
        match stmt {
            Stmt::LocalSet(local, _) => used[local.0 as usize] = true,
            _ => for_each_block(stmt, &mut |inner| mark_set_locals(inner, used)),
        }
    }
}

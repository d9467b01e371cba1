//! Dead code: drops values, assignments and locals that nobody uses, and numbers the rest in the order of evaluation.
//!
//! What may trap or acts on memory or other lanes stays. So does the question whether a function constant has a
//! value: that a kernel asks is what allows a host to leave the constant out. Code that no lane reaches is
//! [`fold`](super::fold)'s to drop, which finds it.

use super::super::{Block, Function, LocalId, Op, Stmt, Value};

/// Drops what nobody needs. Every pass that leaves instructions without an `Eval` ends with this.
pub(in crate::ir) fn drop_dead_code(function: &mut Function) {
    let mut body = std::mem::take(&mut function.body);
    drop_unused(function, &mut body);
    if drop_overwritten(function, &mut body) {
        drop_unused(function, &mut body);
    }

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

/// Assignments that [`drop_overwritten`] looks back at: each costs every statement a look.
const MAX_WATCHED: usize = 32;

/// Drops values that nobody needs, and assignments to locals whose reads nobody needs: a counter that only counts itself
/// goes.
fn drop_unused(function: &Function, body: &mut Block) {
    let mut needed = Needed::of(function, body);
    needed.follow();
    sweep_block(body, &needed);
}

/// What statements that act need, and what that needs in turn.
struct Needed<'f> {
    function: &'f Function,
    values: Vec<bool>,
    locals: Vec<bool>,
    /// The values that each local is set to.
    set_to: Vec<Vec<Value>>,
    /// Values that were found needed, with operands to look at.
    pending: Vec<Value>,
}

impl<'f> Needed<'f> {
    fn of(function: &'f Function, body: &Block) -> Self {
        let mut needed = Self {
            function,
            values: vec![false; function.insts.len()],
            locals: vec![false; function.locals.len()],
            set_to: vec![Vec::new(); function.locals.len()],
            pending: Vec::new(),
        };
        body.for_each_stmt(&mut |stmt| match stmt {
            Stmt::Eval(value) if is_droppable(&function.inst(*value).op) => {}
            Stmt::Eval(value) => needed.value(*value),
            Stmt::LocalSet(local, value) => needed.set_to[local.0 as usize].push(*value),
            stmt => stmt.for_each_own_use(function, &mut |value| needed.value(value)),
        });
        needed
    }

    fn value(&mut self, value: Value) {
        if !std::mem::replace(&mut self.values[value.0 as usize], true) {
            self.pending.push(value);
        }
    }

    fn follow(&mut self) {
        while let Some(value) = self.pending.pop() {
            let op = &self.function.inst(value).op;
            if let Op::LocalGet(local) = op
                && !std::mem::replace(&mut self.locals[local.0 as usize], true)
            {
                for value in std::mem::take(&mut self.set_to[local.0 as usize]) {
                    self.value(value);
                }
            }
            op.for_each_operand(|operand| self.value(operand));
        }
    }
}

/// Whether an unused op may go. Integer division and the like do not trap.
fn is_droppable(op: &Op) -> bool {
    (op.is_pure() && !matches!(op, Op::IsFunctionConstantDefined(_))) || matches!(op, Op::LocalGet(_))
}

/// Drops assignments that the same block overwrites before anything can have read them: only evaluations that do not
/// read the local, and assignments, lie between. So no lane leaves in between either. Whether there were any.
fn drop_overwritten(function: &Function, block: &mut Block) -> bool {
    let mut any = false;
    let mut dead = Vec::new();
    // The last assignment of each local since the last statement that branches.
    let mut last: Vec<(LocalId, usize)> = Vec::new();
    for (index, stmt) in block.0.iter_mut().enumerate() {
        match stmt {
            Stmt::Eval(value) => {
                if let Op::LocalGet(local) = function.inst(*value).op {
                    last.retain(|(set, _)| *set != local);
                }
            }
            Stmt::LocalSet(local, _) => {
                if let Some(found) = last.iter_mut().find(|(set, _)| set == local) {
                    dead.push(found.1);
                    found.1 = index;
                } else if last.len() < MAX_WATCHED {
                    last.push((*local, index));
                }
            }
            Stmt::Store { .. } => {}
            _ => last.clear(),
        }
        stmt.for_each_block_mut(&mut |inner| any |= drop_overwritten(function, inner));
    }
    if !dead.is_empty() {
        any = true;
        dead.sort_unstable();
        let mut index = 0;
        block.0.retain(|_| {
            index += 1;
            dead.binary_search(&(index - 1)).is_err()
        });
    }
    any
}

fn sweep_block(block: &mut Block, needed: &Needed<'_>) {
    block.0.retain(|stmt| match stmt {
        Stmt::Eval(value) => needed.values[value.0 as usize],
        Stmt::LocalSet(local, _) => needed.locals[local.0 as usize],
        _ => true,
    });
    for stmt in &mut block.0 {
        stmt.for_each_block_mut(&mut |inner| sweep_block(inner, needed));
    }
}

fn for_each_eval(block: &Block, f: &mut dyn FnMut(Value)) {
    for stmt in &block.0 {
        match stmt {
            Stmt::Eval(value) => f(*value),
            _ => stmt.for_each_block(&mut |inner| for_each_eval(inner, f)),
        }
    }
}

fn for_each_value_mut(block: &mut Block, f: &mut dyn FnMut(&mut Value)) {
    for stmt in &mut block.0 {
        stmt.for_each_own_value_mut(f);
        stmt.for_each_block_mut(&mut |inner| for_each_value_mut(inner, f));
    }
}

fn for_each_set_local_mut(block: &mut Block, f: &mut dyn FnMut(&mut LocalId)) {
    for stmt in &mut block.0 {
        if let Stmt::LocalSet(local, _) = stmt {
            f(local);
        }
        stmt.for_each_block_mut(&mut |inner| for_each_set_local_mut(inner, f));
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
            _ => stmt.for_each_block(&mut |inner| mark_set_locals(inner, used)),
        }
    }
}

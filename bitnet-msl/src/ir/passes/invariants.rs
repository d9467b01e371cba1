//! Loop invariants: what gives the same in every iteration is computed before the loop.
//!
//! Pure ops cannot trap, so it does not matter whether the loop would have come to them. A load moves only if it is one
//! of constant memory, which does not change, and either cannot trap ([`Proven`]) or is the first thing the loop does:
//! before anything that may trap, leave or write. Loads of other memory stay, whatever the loop writes: it may wait for
//! what another thread does. Reads of variables move if the loop does not set them.
//!
//! A value that moves out of the inner loop is looked at again by the loop around.

use super::super::{AddressSpace, Block, Function, LocalId, Op, Stmt, Value};
use super::Context;
use super::cost::{is_free, is_fused_with_next};
use super::memory::{Proven, space_of};
use std::collections::HashSet;

/// Most instructions of a function that move: their values live as long as the loop they have left.
const MAX_MOVED: usize = 1024;

/// From where instructions move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// What every iteration that is not left before comes to.
    Iterations,
    /// Branches within an iteration too: what is moved may never have been needed.
    Branches,
}

/// Moves invariants out of loops; whether there were any.
pub(super) fn hoist(function: &mut Function, cx: &Context<'_>, from: From) -> bool {
    let uses = function.use_counts();
    let mut body = std::mem::take(&mut function.body);
    let mut pass = Hoisting {
        loops_around: vec![0; function.insts.len()],
        function,
        cx,
        uses,
        from,
        depth: 0,
        proven: Proven::default(),
        moved: 0,
        changed: false,
    };
    pass.block(&mut body);
    let changed = pass.changed;
    function.body = body;
    changed
}

struct Hoisting<'f> {
    function: &'f Function,
    cx: &'f Context<'f>,
    uses: Vec<u32>,
    from: From,
    /// How many loops are around each value's definition.
    loops_around: Vec<u32>,
    depth: u32,
    proven: Proven,
    moved: usize,
    changed: bool,
}

/// A loop whose invariants are sought.
struct Loop {
    /// Loops around a value of it, at least.
    depth: u32,
    /// The variables it sets.
    sets: HashSet<LocalId>,
    /// What has moved, in order.
    hoisted: Vec<Stmt>,
}

impl Hoisting<'_> {
    fn block(&mut self, block: &mut Block) {
        let outside = self.proven.clone();
        let mut out = Vec::with_capacity(block.0.len());
        for mut stmt in std::mem::take(&mut block.0) {
            match &mut stmt {
                Stmt::Eval(value) => {
                    self.loops_around[value.0 as usize] = self.depth;
                    self.note_load(*value);
                }
                Stmt::Loop { body, continuing, .. } => self.repeat(body, continuing, &mut out),
                stmt => stmt.for_each_block_mut(&mut |inner| self.block(inner)),
            }
            out.push(stmt);
        }
        block.0 = out;
        self.proven = outside;
    }

    fn note_load(&mut self, value: Value) {
        let inst = self.function.inst(value);
        if let Op::Load(ptr) = inst.op {
            self.proven.note(self.function, self.cx, ptr, inst.ty);
        }
    }

    /// Goes through a loop, and puts what moves out of it at the end of the block before it.
    fn repeat(&mut self, body: &mut Block, continuing: &mut Block, before: &mut Vec<Stmt>) {
        self.depth += 1;
        self.block(body);
        self.block(continuing);
        let mut found = Loop { depth: self.depth, sets: HashSet::new(), hoisted: Vec::new() };
        self.depth -= 1;
        for block in [&*body, &*continuing] {
            block.for_each_stmt(&mut |stmt| {
                if let Stmt::LocalSet(local, _) = stmt {
                    found.sets.insert(*local);
                }
            });
        }
        self.take_from(body, &mut found, true);
        self.take_from(continuing, &mut found, false);
        self.changed |= !found.hoisted.is_empty();
        before.append(&mut found.hoisted);
    }

    /// Takes the invariants out of a block of a loop. `is_first` says that the block is the first thing it does.
    fn take_from(&mut self, block: &mut Block, found: &mut Loop, mut is_first: bool) {
        let mut kept = Vec::with_capacity(block.0.len());
        let mut stmts = std::mem::take(&mut block.0).into_iter().peekable();
        while let Some(mut stmt) = stmts.next() {
            match &mut stmt {
                Stmt::Eval(value) => {
                    let value = *value;
                    if self.may_move(value, found, is_first, stmts.peek()) {
                        self.loops_around[value.0 as usize] = found.depth - 1;
                        self.moved += usize::from(!is_free(&self.function.inst(value).op));
                        self.note_load(value);
                        found.hoisted.push(stmt);
                        continue;
                    }
                    let op = &self.function.inst(value).op;
                    is_first = is_first && (op.is_pure() || matches!(op, Op::LocalGet(_)));
                }
                Stmt::LocalSet(..) => {}
                Stmt::If { then, other, .. } if self.from == From::Branches => {
                    is_first = false;
                    self.take_from(then, found, false);
                    self.take_from(other, found, false);
                }
                _ => is_first = false,
            }
            kept.push(stmt);
        }
        block.0 = kept;
    }

    fn may_move(&self, value: Value, found: &Loop, is_first: bool, next: Option<&Stmt>) -> bool {
        let inst = self.function.inst(value);
        let mut is_invariant = true;
        inst.op.for_each_operand(|operand| {
            is_invariant = is_invariant && self.loops_around[operand.0 as usize] < found.depth;
        });
        let gives_the_same = match &inst.op {
            Op::LocalGet(local) => !found.sets.contains(local),
            Op::Load(ptr) => {
                space_of(self.function, self.cx.types, *ptr) == Some(AddressSpace::Constant)
                    && (is_first || self.proven.is_safe(self.function, self.cx, *ptr, inst.ty))
            }
            op => op.is_pure(),
        };
        is_invariant
            && gives_the_same
            && (is_free(&inst.op) || self.moved < MAX_MOVED)
            && !is_fused_with_next(self.function, self.cx.types, &self.uses, value, next)
    }
}

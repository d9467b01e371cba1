//! Common subexpressions: an instruction whose value an earlier one has computed becomes that value.
//!
//! The earlier one stands before it in its block or in a block around it, so every lane that is here was there. Pure
//! ops give the same again; a load does while nothing may have written what it reads ([`memory`](super::memory)). A load
//! that goes would not have trapped: the earlier one, by the same lanes from the same address, did not. Ops over lanes
//! depend on which lanes are active, and stay.

use super::super::{AddressSpace, Block, Function, Op, Stmt, TypeId, Value};
use super::Context;
use super::cost::{is_free, is_fused_with_next};
use super::dead_code::drop_dead_code;
use super::memory::{Spaces, space_of, written_by};
use super::replace::Replacements;
use std::collections::HashMap;

/// Most values of a function that come to live longer: each takes a register while it lives, and an executor has so
/// many.
const MAX_SHARED: usize = 1024;

/// Shares what is computed twice; whether there was any.
pub(super) fn share(function: &mut Function, cx: &Context<'_>) -> bool {
    let uses = function.use_counts();
    let mut body = std::mem::take(&mut function.body);
    let mut pass = Sharing {
        replaced: Replacements::new(function.insts.len()),
        function,
        cx,
        uses,
        available: HashMap::new(),
        journal: Vec::new(),
        writes: Writes::default(),
        shared: 0,
        changed: false,
    };
    pass.block(&mut body);
    let changed = pass.changed;
    function.body = body;
    if changed {
        drop_dead_code(function);
    }
    changed
}

/// What makes two instructions give the same.
type Key = (Op, TypeId);

/// A value, and for a load when it was made.
#[derive(Clone, Copy)]
struct Available {
    value: Value,
    writes: Option<(AddressSpace, u32)>,
}

/// How often each address space may have been written so far, in the order of the text.
#[derive(Default)]
struct Writes {
    device: u32,
    threadgroup: u32,
    thread: u32,
}

impl Writes {
    fn note(&mut self, spaces: Spaces) {
        self.device += u32::from(spaces.device);
        self.threadgroup += u32::from(spaces.threadgroup);
        self.thread += u32::from(spaces.thread);
    }

    fn to(&self, space: AddressSpace) -> u32 {
        match space {
            AddressSpace::Device => self.device,
            AddressSpace::Threadgroup => self.threadgroup,
            AddressSpace::Thread => self.thread,
            AddressSpace::Constant => 0,
        }
    }
}

struct Sharing<'f> {
    function: &'f mut Function,
    cx: &'f Context<'f>,
    uses: Vec<u32>,
    replaced: Replacements,
    available: HashMap<Key, Available>,
    /// What `available` held before each change, so that leaving a block undoes what was done in it.
    journal: Vec<(Key, Option<Available>)>,
    writes: Writes,
    shared: usize,
    changed: bool,
}

impl Sharing<'_> {
    fn block(&mut self, block: &mut Block) {
        let outside = self.journal.len();
        let mut kept = Vec::with_capacity(block.0.len());
        let mut stmts = std::mem::take(&mut block.0).into_iter().peekable();
        while let Some(mut stmt) = stmts.next() {
            self.replaced.in_stmt(&mut stmt);
            let keep = match &stmt {
                Stmt::Eval(value) => self.eval(*value, stmts.peek()),
                _ => true,
            };
            if keep {
                self.inner_blocks(&mut stmt);
                kept.push(stmt);
            }
        }
        block.0 = kept;
        for (key, before) in self.journal.drain(outside..).rev() {
            match before {
                Some(before) => self.available.insert(key, before),
                None => self.available.remove(&key),
            };
        }
    }

    fn inner_blocks(&mut self, stmt: &mut Stmt) {
        match stmt {
            Stmt::Store { ptr, .. } => {
                if let Some(space) = space_of(self.function, self.cx.types, *ptr) {
                    self.writes.note(Spaces::of(space));
                }
            }
            // What the end of an iteration writes is there at the start of the next; and what other threadgroups
            // write may be what the loop waits for.
            Stmt::Loop { body, continuing, .. } => {
                self.writes.note(Spaces::ALL);
                self.block(body);
                self.block(continuing);
                self.writes.note(Spaces::ALL);
            }
            stmt => stmt.for_each_block_mut(&mut |block| self.block(block)),
        }
    }

    /// Whether the instruction must stay.
    fn eval(&mut self, value: Value, next: Option<&Stmt>) -> bool {
        let index = value.0 as usize;
        self.replaced.in_op(&mut self.function.insts[index].op);
        let op = &self.function.insts[index].op;
        self.writes.note(written_by(op));
        let writes = match op {
            Op::Load(ptr) => match space_of(self.function, self.cx.types, *ptr) {
                Some(space) => Some((space, self.writes.to(space))),
                None => return true,
            },
            op if op.is_pure() => None,
            _ => return true,
        };
        // `next` may not have been rewritten yet: it names the value as the text did, as `uses` counts it.
        if is_fused_with_next(self.function, self.cx.types, &self.uses, value, next) {
            return true;
        }
        let key = (op.clone(), self.function.insts[index].ty);
        match self.available.get(&key) {
            Some(known) if known.writes == writes && (is_free(&key.0) || self.shared < MAX_SHARED) => {
                self.shared += usize::from(!is_free(&key.0));
                self.replaced.set(value, known.value);
                self.changed = true;
                false
            }
            _ => {
                let before = self.available.insert(key.clone(), Available { value, writes });
                self.journal.push((key, before));
                true
            }
        }
    }
}

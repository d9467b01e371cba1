//! Replaces reads of promoted locals by the value that was assigned or read last, where that is known.
//!
//! What is known flows down: into branches, and into loops and switches but for the locals they set.
//! After a nested block, what it learned is forgotten (its values are out of scope) and what it set is
//! unknown.

use super::super::{Block, Function, LocalId, Op, Stmt, Value};

/// Forwards values through a function; whether a read has gone. Its instruction is left without an `Eval`.
pub(in crate::ir) fn forward(function: &mut Function) -> bool {
    let mut body = std::mem::take(&mut function.body);
    let (values, locals) = (function.insts.len(), function.locals.len());
    let mut forwarder = Forwarder {
        function,
        replaced_by: (0..values as u32).map(Value).collect(),
        known: vec![None; locals],
        journal: Vec::new(),
        changed: false,
    };
    forwarder.block(&mut body);
    let changed = forwarder.changed;
    function.body = body;
    changed
}

struct Forwarder<'f> {
    function: &'f mut Function,
    /// For each value the one to use instead; itself if it stays.
    replaced_by: Vec<Value>,
    /// The value that each local has here, if known.
    known: Vec<Option<Value>>,
    /// What `known` held before each change, so that leaving a block costs no more than was done in it.
    journal: Vec<(LocalId, Option<Value>)>,
    changed: bool,
}

impl Forwarder<'_> {
    fn block(&mut self, block: &mut Block) {
        block.0.retain_mut(|stmt| {
            if let Stmt::Eval(value) = stmt
                && let Op::LocalGet(local) = self.function.inst(*value).op
            {
                return self.read(local, *value);
            }
            self.stmt(stmt);
            true
        });
    }

    /// Whether a read must stay: nothing was known of the local.
    fn read(&mut self, local: LocalId, value: Value) -> bool {
        match self.known[local.0 as usize] {
            Some(known) => {
                self.replaced_by[value.0 as usize] = known;
                self.changed = true;
                false
            }
            None => {
                self.learn(local, Some(value));
                true
            }
        }
    }

    fn stmt(&mut self, stmt: &mut Stmt) {
        match stmt {
            Stmt::Eval(value) => {
                let replaced_by = &self.replaced_by;
                self.function.insts[value.0 as usize]
                    .op
                    .for_each_operand_mut(|operand| *operand = replaced_by[operand.0 as usize]);
            }
            Stmt::LocalSet(local, value) => {
                self.replace(value);
                self.learn(*local, Some(*value));
            }
            Stmt::Store { ptr, value, .. } => {
                self.replace(ptr);
                self.replace(value);
            }
            Stmt::Return(Some(value), _) => self.replace(value),
            Stmt::If { cond, then, other, .. } => {
                self.replace(cond);
                self.nested(then);
                self.nested(other);
                self.forget_set_in(&[then, other]);
            }
            Stmt::Switch { selector, sections, .. } => {
                self.replace(selector);
                let blocks: Vec<&Block> = sections.iter().map(|section| &section.body).collect();
                self.forget_set_in(&blocks);
                for section in sections {
                    self.nested(&mut section.body);
                }
            }
            Stmt::Loop { body, continuing, .. } => {
                self.forget_set_in(&[body, continuing]);
                self.nested(body);
                self.nested(continuing);
            }
            Stmt::Break | Stmt::Continue | Stmt::Return(None, _) => {}
        }
    }

    /// Goes through a nested block and forgets what was learned there.
    fn nested(&mut self, block: &mut Block) {
        let outside = self.journal.len();
        self.block(block);
        for (local, before) in self.journal.drain(outside..).rev() {
            self.known[local.0 as usize] = before;
        }
    }

    fn replace(&self, value: &mut Value) {
        *value = self.replaced_by[value.0 as usize];
    }

    fn learn(&mut self, local: LocalId, value: Option<Value>) {
        let before = std::mem::replace(&mut self.known[local.0 as usize], value);
        self.journal.push((local, before));
    }

    fn forget_set_in(&mut self, blocks: &[&Block]) {
        for block in blocks {
            for stmt in &block.0 {
                match stmt {
                    Stmt::LocalSet(local, _) => self.learn(*local, None),
                    Stmt::If { then, other, .. } => self.forget_set_in(&[then, other]),
                    Stmt::Loop { body, continuing, .. } => self.forget_set_in(&[body, continuing]),
                    Stmt::Switch { sections, .. } => {
                        sections.iter().for_each(|section| self.forget_set_in(&[&section.body]));
                    }
                    _ => {}
                }
            }
        }
    }
}

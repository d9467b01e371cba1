//! Ways through the statements of a function that more than one pass takes.

use super::{Block, Function, Op, Stmt, Value};

impl Stmt {
    /// Calls `f` with each block that the statement holds, in the order of the text.
    pub(super) fn for_each_block<'b>(&'b self, f: &mut dyn FnMut(&'b Block)) {
        match self {
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

    /// As [`for_each_block`](Self::for_each_block), to change the blocks.
    pub(super) fn for_each_block_mut(&mut self, f: &mut dyn FnMut(&mut Block)) {
        match self {
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

    /// Calls `f` with each value that the statement itself names: the one that an `Eval` defines, or those that
    /// it uses. Not with those of its blocks.
    pub(super) fn for_each_own_value_mut(&mut self, f: &mut dyn FnMut(&mut Value)) {
        match self {
            Stmt::Eval(value) | Stmt::LocalSet(_, value) | Stmt::Return(Some(value), _) => f(value),
            Stmt::Store { ptr, value, .. } => {
                f(ptr);
                f(value);
            }
            Stmt::If { cond, .. } => f(cond),
            Stmt::Switch { selector, .. } => f(selector),
            Stmt::Loop { .. } | Stmt::Break | Stmt::Continue | Stmt::Return(None, _) => {}
        }
    }

    /// Calls `f` with each value that the statement itself uses; for an `Eval`, the operands.
    pub(super) fn for_each_own_use(&self, function: &Function, f: &mut dyn FnMut(Value)) {
        match self {
            Stmt::Eval(value) => function.inst(*value).op.for_each_operand(f),
            Stmt::LocalSet(_, value) | Stmt::Return(Some(value), _) => f(*value),
            Stmt::Store { ptr, value, .. } => {
                f(*ptr);
                f(*value);
            }
            Stmt::If { cond, .. } => f(*cond),
            Stmt::Switch { selector, .. } => f(*selector),
            Stmt::Loop { .. } | Stmt::Break | Stmt::Continue | Stmt::Return(None, _) => {}
        }
    }
}

impl Block {
    /// Calls `f` with each statement, in the order of the text, those with blocks before what is in them.
    pub(super) fn for_each_stmt<'b>(&'b self, f: &mut dyn FnMut(&'b Stmt)) {
        for stmt in &self.0 {
            f(stmt);
            stmt.for_each_block(&mut |inner| inner.for_each_stmt(f));
        }
    }

    /// Whether some statement, however deep, fits.
    pub(crate) fn has_stmt(&self, fits: &mut dyn FnMut(&Stmt) -> bool) -> bool {
        let mut found = false;
        self.for_each_stmt(&mut |stmt| found = found || fits(stmt));
        found
    }

    /// Whether a `Break` or `Continue` in it is for the loop whose block this is.
    pub(super) fn leaves_its_loop(&self) -> bool {
        self.leaves(true)
    }

    fn leaves(&self, breaks: bool) -> bool {
        self.0.iter().any(|stmt| match stmt {
            Stmt::Break => breaks,
            Stmt::Continue => true,
            Stmt::If { then, other, .. } => then.leaves(breaks) || other.leaves(breaks),
            Stmt::Switch { sections, .. } => sections.iter().any(|section| section.body.leaves(false)),
            _ => false,
        })
    }

    /// How deep blocks are nested in it; a block without others has 1.
    pub(super) fn height(&self) -> usize {
        let mut inner = 0;
        for stmt in &self.0 {
            stmt.for_each_block(&mut |block| inner = inner.max(block.height()));
        }
        inner + 1
    }
}

impl Function {
    /// How often each value is used.
    pub(super) fn use_counts(&self) -> Vec<u32> {
        let mut uses = vec![0; self.insts.len()];
        self.body.for_each_stmt(&mut |stmt| {
            stmt.for_each_own_use(self, &mut |value| uses[value.0 as usize] += 1);
        });
        uses
    }

    /// Whether some instruction that is evaluated has an op that fits.
    pub(super) fn has_op(&self, mut fits: impl FnMut(&Op) -> bool) -> bool {
        self.insts.iter().any(|inst| fits(&inst.op))
    }
}

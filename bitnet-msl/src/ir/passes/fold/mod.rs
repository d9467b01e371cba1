//! Folding: what is known at compilation is computed there, and code that no lane reaches goes.
//!
//! Constants are evaluated by the checker's own [`Folder`], so that an operator has one meaning; [`exact`] says for
//! which ops that meaning is the executor's to the last bit. Identities hold for every operand, or are not here: `x +
//! 0` of floats is not `x` when x is −0, and `x · 1` is not when x is a signalling NaN.

mod exact;
mod identities;

use super::super::{Block, Function, Inst, Op, Stmt, Type, TypeId, Value};
use super::Context;
use super::dead_code::drop_dead_code;
use super::memory::asks_for_constants;
use super::replace::Replacements;
use crate::check::const_eval::{ConstValue, Folder};
use crate::source::Span;
use identities::Simpler;

/// Folds a function; whether that changed anything.
pub(super) fn fold(function: &mut Function, cx: &Context<'_>) -> bool {
    let mut body = std::mem::take(&mut function.body);
    let mut pass = Fold {
        replaced: Replacements::new(function.insts.len()),
        folder: Folder::new(cx.types, cx.globals),
        function,
        cx,
        out: Vec::new(),
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

/// What comes after a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// The next statement of its block.
    Next,
    /// Nothing in its block: no lane gets past it.
    Nothing,
}

struct Fold<'f> {
    function: &'f mut Function,
    cx: &'f Context<'f>,
    folder: Folder<'f>,
    replaced: Replacements,
    /// The block under construction.
    out: Vec<Stmt>,
    changed: bool,
}

impl Fold<'_> {
    /// Folds a block; what comes after it, for a block whose end leads to the statement after it.
    fn block(&mut self, block: &mut Block) -> After {
        let outer = std::mem::take(&mut self.out);
        let after = self.stmts(std::mem::take(&mut block.0));
        block.0 = std::mem::replace(&mut self.out, outer);
        after
    }

    fn stmts(&mut self, stmts: Vec<Stmt>) -> After {
        let mut stmts = stmts.into_iter();
        while let Some(stmt) = stmts.next() {
            if self.stmt(stmt) == After::Nothing {
                self.drop_unreachable(stmts.collect());
                return After::Nothing;
            }
        }
        After::Next
    }

    /// Drops statements that no lane reaches; unless a host could tell.
    fn drop_unreachable(&mut self, stmts: Vec<Stmt>) {
        let block = Block(stmts);
        if block.0.is_empty() {
            return;
        }
        if self.may_drop(&block) {
            self.changed = true;
            return;
        }
        for stmt in block.0 {
            self.stmt(stmt);
        }
    }

    fn may_drop(&self, block: &Block) -> bool {
        !self.cx.asks || !asks_for_constants(self.function, block)
    }

    fn stmt(&mut self, mut stmt: Stmt) -> After {
        self.replaced.in_stmt(&mut stmt);
        match stmt {
            Stmt::Eval(value) => return self.eval(value),
            Stmt::If { cond, then, other, span } => return self.branch(cond, [then, other], span),
            Stmt::Loop { body, continuing, span } => return self.repeat([body, continuing], span),
            Stmt::Switch { selector, mut sections, span } => {
                for section in &mut sections {
                    self.block(&mut section.body);
                }
                self.out.push(Stmt::Switch { selector, sections, span });
            }
            Stmt::Break | Stmt::Continue | Stmt::Return(..) => {
                self.out.push(stmt);
                return After::Nothing;
            }
            Stmt::LocalSet(..) | Stmt::Store { .. } => self.out.push(stmt),
        }
        After::Next
    }

    fn branch(&mut self, cond: Value, [mut then, mut other]: [Block; 2], span: Span) -> After {
        if let Some(taken) = self.bool_constant(cond) {
            let (taken, dropped) = if taken { (&mut then, &other) } else { (&mut other, &then) };
            if self.may_drop(dropped) {
                self.changed = true;
                return self.stmts(std::mem::take(&mut taken.0));
            }
        }
        let ends = [self.block(&mut then), self.block(&mut other)];
        if then.0.is_empty() && other.0.is_empty() {
            self.changed = true;
            return After::Next;
        }
        self.out.push(Stmt::If { cond, then, other, span });
        if ends == [After::Nothing; 2] { After::Nothing } else { After::Next }
    }

    /// A loop that runs once becomes what it holds.
    fn repeat(&mut self, [mut body, mut continuing]: [Block; 2], span: Span) -> After {
        let ends = self.block(&mut body);
        self.block(&mut continuing);
        let is_break = |stmt: Option<&Stmt>| matches!(stmt, Some(Stmt::Break));
        let breaks_in_body = is_break(body.0.last());
        let runs_once = breaks_in_body || (ends == After::Next && is_break(continuing.0.last()));
        if runs_once {
            let last = if breaks_in_body { &mut body } else { &mut continuing };
            last.0.pop();
            let leaves = body.leaves_its_loop() || (!breaks_in_body && continuing.leaves_its_loop());
            if !leaves && (!breaks_in_body || self.may_drop(&continuing)) {
                self.changed = true;
                self.out.append(&mut body.0);
                if !breaks_in_body {
                    self.out.append(&mut continuing.0);
                }
                return After::Next;
            }
            let last = if breaks_in_body { &mut body } else { &mut continuing };
            last.0.push(Stmt::Break);
        }
        self.out.push(Stmt::Loop { body, continuing, span });
        After::Next
    }

    fn eval(&mut self, value: Value) -> After {
        let index = value.0 as usize;
        let mut op = std::mem::replace(&mut self.function.insts[index].op, Op::Zero);
        self.replaced.in_op(&mut op);
        self.function.insts[index].op = op;
        // Each simplification makes the op smaller, but for one that swaps it for another kind: a few rounds do.
        for _ in 0..MAX_ROUNDS {
            match self.simplify(value) {
                None => break,
                Some(Simpler::Value(same)) => {
                    self.replaced.set(value, same);
                    self.changed = true;
                    return After::Next;
                }
                Some(Simpler::Op(op)) => {
                    self.function.insts[index].op = op;
                    self.changed = true;
                }
            }
        }
        self.constant(value);
        self.out.push(Stmt::Eval(value));
        After::Next
    }

    /// Computes the value if its operands are known, and makes it a constant.
    fn constant(&mut self, value: Value) {
        let Inst { op, ty, .. } = self.function.inst(value);
        let ty = *ty;
        // Larger constants are not worth their bytes.
        let is_small =
            matches!(self.cx.types.get(ty), Type::Scalar(_) | Type::Vector { .. } | Type::Pointer { .. });
        if !is_small || !exact::may_fold(op) || !self.operands_are_known(op) {
            return;
        }
        let inst = self.function.inst(value).clone();
        if self.folder.learn(value, &inst).is_none() {
            return;
        }
        let Some(components) = self.folder.components(value) else { return };
        if !self.is_exact(&inst.op, &components) {
            self.folder.forget(value);
            return;
        }
        let is_spelled_out = matches!(inst.op, Op::Const(_) | Op::Zero | Op::Splat(_) | Op::Compose(_));
        if !is_spelled_out && let Some(op) = self.spell_out(ty, &components, &inst) {
            self.function.insts[value.0 as usize].op = op;
            self.changed = true;
        }
    }

    fn operands_are_known(&self, op: &Op) -> bool {
        let mut all = true;
        op.for_each_operand(|operand| all = all && self.folder.knows(operand));
        all
    }

    fn is_exact(&self, op: &Op, result: &[ConstValue]) -> bool {
        let mut exact = exact::is_exact(op, result);
        op.for_each_operand(|operand| {
            // Addresses have no components, and loads of constants give what lies there.
            let components = self.folder.components(operand).unwrap_or_default();
            exact = exact && exact::takes(op, &components, result);
        });
        exact
    }

    /// The op for a constant; the components of a vector are emitted before.
    fn spell_out(&mut self, ty: TypeId, components: &[ConstValue], inst: &Inst) -> Option<Op> {
        if components.iter().all(|c| c.bits == 0) {
            return Some(if matches!(self.cx.types.get(ty), Type::Scalar(_)) {
                Op::Const(0)
            } else {
                Op::Zero
            });
        }
        if matches!(self.cx.types.get(ty), Type::Scalar(_)) {
            return Some(Op::Const(components.first()?.bits));
        }
        let elem = self.cx.types.find(Type::Scalar(components.first()?.scalar))?;
        let parts = components.iter().map(|component| {
            let part = Value(self.function.insts.len() as u32);
            let constant = Inst { op: Op::Const(component.bits), ty: elem, span: inst.span };
            self.folder.learn(part, &constant);
            self.function.insts.push(constant);
            self.out.push(Stmt::Eval(part));
            part
        });
        let parts = parts.collect();
        self.replaced.grow(self.function.insts.len());
        Some(Op::Compose(parts))
    }

    /// The value of a `bool` that is known.
    fn bool_constant(&self, value: Value) -> Option<bool> {
        match self.folder.components(value)?[..] {
            [component] => Some(component.is_true()),
            _ => None,
        }
    }
}

/// How often one instruction is simplified.
const MAX_ROUNDS: usize = 4;

//! Statements as a list of steps with jumps, so that running them needs no recursion.

use crate::ir::{Block, Inst, Stmt, Value};
use crate::source::Span;
use std::collections::HashSet;

/// One step.
#[derive(Clone, Debug)]
pub(in crate::check) enum Step {
    /// Defines the value.
    Eval(Value),
    /// Writes memory.
    Store { ptr: Value, value: Value, span: Span },
    /// Goes to the step if the condition is false.
    Unless(Value, usize),
    /// Goes to the step of the selector's value, or to the default one.
    Switch { selector: Value, cases: Vec<(i64, usize)>, default: usize },
    /// Goes to the step.
    Jump(usize),
    /// Leaves the function.
    Return(Option<Value>),
}

/// The steps of a function, or of an expression.
#[derive(Clone, Debug, Default)]
pub(in crate::check) struct Routine {
    pub(super) steps: Vec<Step>,
    /// The values that some step uses. What is in nobody's way is not used: its faults count where it stands.
    pub(super) used: HashSet<Value>,
}

impl Routine {
    /// The steps of statements whose values are defined by `insts`.
    pub(in crate::check) fn new(stmts: &[Stmt], insts: &[Inst]) -> Self {
        let mut flattener = Flattener::default();
        flattener.stmts(stmts);
        let steps = flattener.steps;
        let mut used = HashSet::new();
        for step in &steps {
            match step {
                Step::Eval(value) => insts[value.0 as usize].op.for_each_operand(|operand| {
                    used.insert(operand);
                }),
                Step::Store { ptr, value, .. } => used.extend([*ptr, *value]),
                Step::Unless(value, _) | Step::Switch { selector: value, .. } => used.extend([*value]),
                Step::Return(value) => used.extend(*value),
                Step::Jump(_) => {}
            }
        }
        Self { steps, used }
    }
}

/// Jumps whose target is not known yet.
#[derive(Default)]
struct Open {
    is_loop: bool,
    breaks: Vec<usize>,
    continues: Vec<usize>,
}

#[derive(Default)]
struct Flattener {
    steps: Vec<Step>,
    /// Loops and switches around the statement, innermost last.
    open: Vec<Open>,
}

impl Flattener {
    fn stmts(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Eval(value) => self.steps.push(Step::Eval(*value)),
            Stmt::Store { ptr, value, span } => {
                self.steps.push(Step::Store { ptr: *ptr, value: *value, span: *span });
            }
            Stmt::If { cond, then, other, .. } => {
                let unless = self.hole();
                self.stmts(&then.0);
                let end = (!other.0.is_empty()).then(|| self.hole());
                self.steps[unless] = Step::Unless(*cond, self.steps.len());
                self.stmts(&other.0);
                self.jump_here(end);
            }
            Stmt::Loop { body, continuing, .. } => self.repeat(body, continuing),
            Stmt::Switch { selector, sections, .. } => {
                let switch = self.hole();
                self.open.push(Open::default());
                let (mut cases, mut default) = (Vec::new(), None);
                for section in sections {
                    let start = self.steps.len();
                    cases.extend(section.values.iter().map(|value| (*value, start)));
                    default = default.or(section.is_default.then_some(start));
                    self.stmts(&section.body.0);
                }
                let default = default.unwrap_or(self.steps.len());
                self.steps[switch] = Step::Switch { selector: *selector, cases, default };
                let open = self.open.pop().unwrap_or_default();
                self.jump_here(open.breaks);
            }
            Stmt::Break => {
                let jump = self.hole();
                if let Some(open) = self.open.last_mut() {
                    open.breaks.push(jump);
                }
            }
            Stmt::Continue => {
                let jump = self.hole();
                if let Some(open) = self.open.iter_mut().rev().find(|open| open.is_loop) {
                    open.continues.push(jump);
                }
            }
            Stmt::Return(value, _) => self.steps.push(Step::Return(*value)),
            // Promotion, which makes these, comes after all constant expressions.
            Stmt::LocalSet(..) => debug_assert!(false, "lowering makes no LocalSet"),
        }
    }

    fn repeat(&mut self, body: &Block, continuing: &Block) {
        let start = self.steps.len();
        self.open.push(Open { is_loop: true, ..Open::default() });
        self.stmts(&body.0);
        let continues = self.open.last_mut().map(|open| std::mem::take(&mut open.continues));
        self.jump_here(continues.unwrap_or_default());
        self.stmts(&continuing.0);
        self.steps.push(Step::Jump(start));
        let open = self.open.pop().unwrap_or_default();
        self.jump_here(open.breaks);
    }

    /// A step that is filled in later; until then it jumps to itself.
    fn hole(&mut self) -> usize {
        self.steps.push(Step::Jump(self.steps.len()));
        self.steps.len() - 1
    }

    fn jump_here(&mut self, holes: impl IntoIterator<Item = usize>) {
        for hole in holes {
            self.steps[hole] = Step::Jump(self.steps.len());
        }
    }
}

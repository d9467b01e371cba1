//! Values that stand in for others.

use super::super::{Op, Stmt, Value};

/// For each value of a function the one to use instead: itself unless said otherwise.
///
/// **Invariant:** what stands in for a value stands for itself, since passes go down the text and learn of a value's
/// replacement before its uses.
pub(super) struct Replacements(Vec<Value>);

impl Replacements {
    /// Every value stands for itself.
    pub(super) fn new(count: usize) -> Self {
        Self((0..count as u32).map(Value).collect())
    }

    /// Takes in values that were added to the function since.
    pub(super) fn grow(&mut self, count: usize) {
        self.0.extend((self.0.len() as u32..count as u32).map(Value));
    }

    /// What to use for a value.
    pub(super) fn of(&self, value: Value) -> Value {
        self.0[value.0 as usize]
    }

    /// Lets `by` stand in for `value`.
    pub(super) fn set(&mut self, value: Value, by: Value) {
        self.0[value.0 as usize] = self.of(by);
    }

    /// Replaces the operands of an op.
    pub(super) fn in_op(&self, op: &mut Op) {
        op.for_each_operand_mut(|operand| *operand = self.of(*operand));
    }

    /// Replaces what a statement other than an `Eval` uses itself.
    pub(super) fn in_stmt(&self, stmt: &mut Stmt) {
        if !matches!(stmt, Stmt::Eval(_)) {
            stmt.for_each_own_value_mut(&mut |value| *value = self.of(*value));
        }
    }
}

//! Constant expressions: runs what they were lowered to, calls of `constexpr` functions included.
//!
//! There is one meaning of every operator, that of the IR; what C++ does not allow in a constant expression
//! (\[expr.const\]) is refused on the way: overflow, division by zero, variables that are not constant, functions
//! that are not `constexpr`.

mod machine;
mod memory;
mod reason;
mod routine;

use super::Checker;
use super::builder::Mark;
use super::const_eval::{ConstValue, Constant};
use super::function::{Body, FunctionIndex};
use crate::ir::{TypeId, Value};
use machine::{Machine, Stop};
pub(super) use reason::{NotConstant, Reason};
pub(super) use routine::Routine;
use std::rc::Rc;

/// How much one constant expression may compute: steps of the evaluator.
const MAX_STEPS: u32 = 1 << 20;

/// How much all constant expressions of a file may compute together.
pub(super) const MAX_TOTAL_STEPS: u32 = 1 << 22;

/// How deep calls may nest.
const MAX_CALLS: usize = 512;

/// How many bytes one constant expression may move.
const MAX_MEMORY_BYTES: usize = 128 << 20;

/// What an expression may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Only what a core constant expression may.
    Core,
    /// Whatever can be computed before the program runs: initialisers of program-scope variables that are not
    /// `constexpr`. The library's functions are known, and arithmetic is that of the machine.
    Initialiser,
}

impl<'a> Checker<'a> {
    /// The bytes of a value that was emitted since the mark.
    pub(super) fn constant_bytes_of(
        &mut self,
        mark: Mark,
        value: Value,
        rule: Rule,
    ) -> Result<Vec<u8>, NotConstant> {
        let span = self.builder.inst(value).span;
        let mut routine = Routine::new(self.builder.stmts_since(mark), &self.builder.function().insts);
        routine.used.insert(value);
        let steps = self.constant_steps_left.min(MAX_STEPS);
        let mut machine = Machine::for_expression(self, rule, steps, routine, mark);
        let result = machine.run().and_then(|_| machine.wanted(value));
        let left = machine.steps_left();
        self.constant_steps_left -= steps - left;
        match result {
            Ok(Constant::Bytes(bytes)) => Ok(bytes),
            Ok(Constant::Address(_)) | Err(Stop::Unknown) => Err(Reason::RunTime.at(span)),
            Err(Stop::Fault(fault)) => Err(fault),
        }
    }

    /// The scalar constant that a value is, which was emitted since the mark.
    pub(super) fn scalar_constant_of(&mut self, mark: Mark, value: Value) -> Result<ConstValue, NotConstant> {
        if let Some(constant) =
            self.scalar_constant(value).filter(|_| self.builder.holds_only_constants(mark))
        {
            return Ok(constant);
        }
        let span = self.builder.inst(value).span;
        let ty = self.builder.type_of(value);
        let bytes = self.constant_bytes_of(mark, value, Rule::Core)?;
        self.scalar_of_bytes(ty, &bytes).ok_or_else(|| Reason::RunTime.at(span))
    }

    /// The scalar whose bytes these are, if the type is one.
    pub(super) fn scalar_of_bytes(&self, ty: TypeId, bytes: &[u8]) -> Option<ConstValue> {
        let scalar = self.as_scalar(ty)?;
        let mut bits = [0; 8];
        bits.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(ConstValue { scalar, bits: u64::from_le_bytes(bits) })
    }

    /// Why no call of a `constexpr` function can be a constant expression, if that is so whatever its arguments are.
    pub(super) fn never_constant(&mut self, index: FunctionIndex) -> Option<NotConstant> {
        let info = self.functions.get(index);
        let (Body::Done(function), Some((routine, facts))) = (&info.body, &info.routine) else {
            return None;
        };
        let (function, routine, facts) = (Rc::clone(function), Rc::clone(routine), Rc::clone(facts));
        let steps = self.constant_steps_left.min(MAX_STEPS);
        let mut machine = Machine::for_function(self, steps, function, routine, facts);
        let result = machine.run();
        let left = machine.steps_left();
        self.constant_steps_left -= steps - left;
        match result {
            Err(Stop::Fault(fault)) if fault.reason.is_definite() => Some(fault),
            _ => None,
        }
    }
}

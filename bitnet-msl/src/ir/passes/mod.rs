//! Passes that make the IR of a module do the same with fewer instructions.
//!
//! Promotion of variables ([`promote`](super::promote)) comes before, at every level: it settles what an index past the
//! end of a vector does. Then, by [`OptimizationLevel`]:
//!
//! | pass | does |
//! |---|---|
//! | `inline` | calls become the code of the functions |
//! | promotion, again | variables whose address only such calls took |
//! | `fold` | constants, identities, branches that are known |
//! | forwarding | reads of variables whose value is known |
//! | `subexpressions` | what an earlier instruction has computed |
//! | `invariants` | what a loop computes anew each time |
//! | `dead_code` | what nobody uses |
//!
//! **Invariant:** a launch comes to the same bits in memory and to the same trap, at the same thread and place in the
//! source, at every level. What may differ is what a program does that reads a variable it never set, that writes what
//! it has bound as constant memory too, or that runs into an instruction budget.
//!
//! **Invariant:** a module that the verifier accepts is accepted after every pass; debug builds ask after each.
//!
//! **Invariant:** a pass takes time and memory in proportion to the module (times the depth of nested blocks, which is
//! bounded); whatever could multiply has a bound with a name.

mod cost;
pub(super) mod dead_code;
mod fold;
mod functions;
mod inline;
mod invariants;
mod memory;
mod replace;
mod subexpressions;

use super::promote::{DynamicComponents, forward, promote_with};
use super::verify::{VerifyError, verify, verify_function};
use super::{Binding, Function, Global, Module, Op, TypeTable};
use crate::OptimizationLevel;
use std::fmt;

/// What a pass has done that it must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassFault {
    /// The pass after which the verifier refuses the module.
    pub pass: &'static str,
    /// What it finds.
    pub error: VerifyError,
}

impl fmt::Display for PassFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} made IR that the verifier refuses, {}", self.pass, self.error)
    }
}

impl std::error::Error for PassFault {}

/// What passes may know beside the function they work on.
struct Context<'m> {
    types: &'m TypeTable,
    globals: &'m [Global],
    /// For each parameter whether it is a reference of a kernel: a whole element is bound, or nothing.
    references: &'m [bool],
    /// Some function asks whether a function constant has a value.
    asks: bool,
}

impl Context<'_> {
    fn is_reference(&self, param: u32) -> bool {
        self.references.get(param as usize).copied().unwrap_or(false)
    }
}

/// What a level does.
#[derive(Clone, Copy)]
struct Plan {
    inline: inline::Limits,
    hoist: invariants::From,
    /// How often the passes over a function are repeated, at most: each may find what another has freed.
    rounds: usize,
}

impl Plan {
    fn of(level: OptimizationLevel) -> Option<Plan> {
        match level {
            OptimizationLevel::None => None,
            OptimizationLevel::Default => Some(Plan {
                inline: inline::Limits { callee_insts: 64, caller_insts: 4_000 },
                hoist: invariants::From::Iterations,
                rounds: 1,
            }),
            OptimizationLevel::Full => Some(Plan {
                inline: inline::Limits { callee_insts: 512, caller_insts: 8_000 },
                hoist: invariants::From::Branches,
                rounds: 4,
            }),
        }
    }
}

/// Runs the passes of a level over a module that the verifier has accepted.
///
/// # Errors
/// If a pass has broken the module, which is a fault of this compiler. The module is of no use then.
pub fn optimize(module: &mut Module, level: OptimizationLevel) -> Result<(), PassFault> {
    let Some(plan) = Plan::of(level) else { return Ok(()) };
    let asks = module.functions.iter().any(|f| f.has_op(|op| matches!(op, Op::IsFunctionConstantDefined(_))));
    let mut inlined = inline::inline(module, plan.inline);
    check_in_debug("inline", || verify(module))?;
    // A host may leave out a constant that any function asks about, even one that is never called.
    if !asks {
        functions::drop_unreachable(module, &mut inlined);
    }
    for (index, inlined) in inlined.into_iter().enumerate() {
        optimize_function(module, index, inlined, plan, asks)?;
    }
    verify(module).map_err(|error| PassFault { pass: "the last pass", error })
}

fn optimize_function(
    module: &mut Module,
    index: usize,
    inlined: bool,
    plan: Plan,
    asks: bool,
) -> Result<(), PassFault> {
    let references = references(module, index);
    let passes = FunctionPasses { index, references, asks };
    if inlined {
        passes.run(module, "promotion", |function, cx| {
            promote_with(function, cx.types, DynamicComponents::InMemory);
            true
        })?;
    }
    for _ in 0..plan.rounds {
        let mut changed = passes.run(module, "fold", fold::fold)?;
        changed |= passes.run(module, "forwarding", |function, _| {
            let forwarded = forward::forward(function);
            if forwarded {
                dead_code::drop_dead_code(function);
            }
            forwarded
        })?;
        changed |= passes.run(module, "subexpressions", subexpressions::share)?;
        if passes.run(module, "invariants", |f, cx| invariants::hoist(f, cx, plan.hoist))? {
            changed = true;
            // What has come out of two loops may be the same.
            passes.run(module, "subexpressions", subexpressions::share)?;
        }
        passes.run(module, "dead code", |function, _| {
            dead_code::drop_dead_code(function);
            true
        })?;
        if !changed {
            break;
        }
    }
    Ok(())
}

/// Runs passes over one function of a module.
struct FunctionPasses {
    index: usize,
    references: Vec<bool>,
    asks: bool,
}

impl FunctionPasses {
    /// Runs a pass; whether it changed anything.
    fn run(
        &self,
        module: &mut Module,
        name: &'static str,
        pass: impl FnOnce(&mut Function, &Context<'_>) -> bool,
    ) -> Result<bool, PassFault> {
        let Module { types, globals, functions, .. } = module;
        let cx = Context { types, globals, references: &self.references, asks: self.asks };
        let changed = pass(&mut functions[self.index], &cx);
        if changed {
            check_in_debug(name, || verify_function(module, &module.functions[self.index]))?;
        }
        Ok(changed)
    }
}

/// Which parameters of a function are references of a kernel.
fn references(module: &Module, index: usize) -> Vec<bool> {
    let kernel = module.kernels.iter().find(|kernel| kernel.function.0 as usize == index);
    let is_reference = |binding: Binding| matches!(binding, Binding::Buffer { is_reference: true, .. });
    kernel.map_or_else(Vec::new, |kernel| kernel.params.iter().map(|p| is_reference(p.binding)).collect())
}

fn check_in_debug(
    pass: &'static str,
    check: impl FnOnce() -> Result<(), VerifyError>,
) -> Result<(), PassFault> {
    if cfg!(debug_assertions) { check().map_err(|error| PassFault { pass, error }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;

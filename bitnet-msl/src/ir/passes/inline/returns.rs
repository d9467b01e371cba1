//! Brings a function's returns to the ends of its branches.
//!
//! The IR has no jump over code, so a function that is to stand in the place of a call must not leave from the middle:
//! what follows a branch that returns goes into the other branch. The same lanes come to it as before, in the same
//! order: those that did not return.

use super::super::super::{Block, Stmt};

/// Most branches that return before the end. What follows each of them is one block deeper.
const MAX_EARLY_RETURNS: usize = 16;

/// The body with all returns at the ends of branches; `None` if one is in a loop or a switch, if code would have to be
/// doubled, or if there are too many.
pub(super) fn at_the_ends(body: &Block) -> Option<Block> {
    let mut budget = MAX_EARLY_RETURNS;
    at_the_end_of(body.0.clone(), &mut budget).map(Block)
}

/// Whether every way through a block, brought into this form, ends in a return.
pub(super) fn always_returns(block: &[Stmt]) -> bool {
    match block.last() {
        Some(Stmt::Return(..)) => true,
        Some(Stmt::If { then, other, .. }) => always_returns(&then.0) && always_returns(&other.0),
        _ => false,
    }
}

fn has_return(block: &Block) -> bool {
    block.has_stmt(&mut |stmt| matches!(stmt, Stmt::Return(..)))
}

fn joined(mut stmts: Vec<Stmt>, rest: Vec<Stmt>) -> Vec<Stmt> {
    stmts.extend(rest);
    stmts
}

fn at_the_end_of(stmts: Vec<Stmt>, budget: &mut usize) -> Option<Vec<Stmt>> {
    let mut out = Vec::with_capacity(stmts.len());
    let mut stmts = stmts.into_iter();
    while let Some(stmt) = stmts.next() {
        match stmt {
            Stmt::Return(..) => {
                out.push(stmt);
                return Some(out);
            }
            Stmt::If { cond, then, other, span } if has_return(&then) || has_return(&other) => {
                *budget = budget.checked_sub(1)?;
                let then = at_the_end_of(then.0, budget)?;
                let other = at_the_end_of(other.0, budget)?;
                let rest: Vec<Stmt> = stmts.collect();
                let (then, other) = match (always_returns(&then), always_returns(&other)) {
                    (true, true) => (then, other),
                    (true, false) => (then, at_the_end_of(joined(other, rest), budget)?),
                    (false, true) => (at_the_end_of(joined(then, rest), budget)?, other),
                    (false, false) if rest.is_empty() => (then, other),
                    (false, false) => return None,
                };
                out.push(Stmt::If { cond, then: Block(then), other: Block(other), span });
                return Some(out);
            }
            Stmt::Loop { .. } | Stmt::Switch { .. } => {
                let mut returns = false;
                stmt.for_each_block(&mut |block| returns |= has_return(block));
                if returns {
                    return None;
                }
                out.push(stmt);
            }
            _ => out.push(stmt),
        }
    }
    Some(out)
}

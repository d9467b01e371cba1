//! Who calls whom.

use super::super::super::{FuncId, Module, Op};

/// A function in the order of inlining.
pub(super) struct Ordered {
    pub(super) function: FuncId,
    /// Its calls come to an end: it cannot reach itself, nor can any function that it can reach.
    pub(super) ends: bool,
}

/// All functions, those whose calls end after what they call; then the others.
pub(super) fn callees_first(module: &Module) -> Vec<Ordered> {
    let count = module.functions.len();
    let mut callers: Vec<Vec<u32>> = vec![Vec::new(); count];
    let mut pending = vec![0u32; count];
    for (caller, function) in module.functions.iter().enumerate() {
        for inst in &function.insts {
            if let Op::Call(callee, _) = inst.op {
                callers[callee.0 as usize].push(caller as u32);
                pending[caller] += 1;
            }
        }
    }
    let mut order: Vec<u32> = (0..count as u32).filter(|&f| pending[f as usize] == 0).collect();
    let mut next = 0;
    while let Some(&function) = order.get(next) {
        next += 1;
        for &caller in &callers[function as usize] {
            pending[caller as usize] -= 1;
            if pending[caller as usize] == 0 {
                order.push(caller);
            }
        }
    }
    let rest = (0..count as u32).filter(|&f| pending[f as usize] > 0);
    let ended = order.iter().map(|&f| Ordered { function: FuncId(f), ends: true });
    ended.chain(rest.map(|f| Ordered { function: FuncId(f), ends: false })).collect()
}

/// From how many places each function is called.
pub(super) fn call_counts(module: &Module) -> Vec<u32> {
    let mut counts = vec![0; module.functions.len()];
    for inst in module.functions.iter().flat_map(|function| &function.insts) {
        if let Op::Call(callee, _) = inst.op {
            counts[callee.0 as usize] += 1;
        }
    }
    counts
}

//! Functions that no kernel reaches go.

use super::super::{FuncId, Module, Op};

/// Drops what is not called any more and numbers the rest anew, in their order. `notes` has one entry a function.
pub(super) fn drop_unreachable<T>(module: &mut Module, notes: &mut Vec<T>) {
    let mut reached = vec![false; module.functions.len()];
    let mut pending: Vec<FuncId> = module.kernels.iter().map(|kernel| kernel.function).collect();
    while let Some(id) = pending.pop() {
        if std::mem::replace(&mut reached[id.0 as usize], true) {
            continue;
        }
        pending.extend(module.function(id).insts.iter().filter_map(|inst| match inst.op {
            Op::Call(callee, _) => Some(callee),
            _ => None,
        }));
    }
    let mut kept = 0;
    let new_ids: Vec<FuncId> = reached
        .iter()
        .map(|&reached| {
            kept += u32::from(reached);
            FuncId(kept.wrapping_sub(1))
        })
        .collect();
    let mut is_reached = reached.iter();
    module.functions.retain(|_| is_reached.next().copied().unwrap_or(true));
    let mut is_reached = reached.iter();
    notes.retain(|_| is_reached.next().copied().unwrap_or(true));
    for inst in module.functions.iter_mut().flat_map(|function| &mut function.insts) {
        if let Op::Call(callee, _) = &mut inst.op {
            *callee = new_ids[callee.0 as usize];
        }
    }
    for kernel in &mut module.kernels {
        kernel.function = new_ids[kernel.function.0 as usize];
    }
}

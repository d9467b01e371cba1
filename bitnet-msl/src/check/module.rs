//! Puts the module together: the functions and globals that kernels reach, numbered anew.

use super::Checker;
use super::function::Body;
use crate::diag::Diagnostics;
use crate::ir::promote::promote;
use crate::ir::{FuncId, Function, GlobalId, Module, Op};
use crate::source::SourceMap;
use std::collections::HashMap;
use std::rc::Rc;

impl Checker<'_> {
    /// The module, and what was found.
    pub(super) fn into_module(self) -> (Module, Diagnostics) {
        let Self { diagnostics, builder, functions, globals, function_constants, mut kernels, .. } = self;
        let mut bodies: Vec<Option<Function>> = functions
            .into_infos()
            .into_iter()
            .map(|info| match info.body {
                Body::Done(function) => Some(Rc::unwrap_or_clone(function)),
                Body::None | Body::Pending | Body::Lowering => None,
            })
            .collect();
        kernels.retain(|kernel| bodies.get(kernel.function.0 as usize).is_some_and(Option::is_some));
        kernels.sort_by_key(|kernel| (kernel.span.file, kernel.span.lo));
        let order = reachable(&bodies, kernels.iter().map(|kernel| kernel.function));
        let new_ids: HashMap<FuncId, FuncId> =
            order.iter().enumerate().map(|(new, &old)| (old, FuncId(new as u32))).collect();
        let mut kept: Vec<Function> =
            order.iter().filter_map(|old| bodies.get_mut(old.0 as usize).and_then(Option::take)).collect();
        let mut global_ids: HashMap<GlobalId, GlobalId> = HashMap::new();
        let types = builder.into_types();
        for function in &mut kept {
            renumber(function, &new_ids, &mut global_ids);
            promote(function, &types);
        }
        for kernel in &mut kernels {
            kernel.function = new_ids.get(&kernel.function).copied().unwrap_or(kernel.function);
        }
        let mut used: Vec<_> = global_ids.into_iter().collect();
        used.sort_by_key(|&(_, new)| new);
        let globals = used.into_iter().map(|(old, _)| globals[old.0 as usize].clone()).collect();
        let module = Module {
            sources: SourceMap::default(),
            types,
            functions: kept,
            globals,
            function_constants,
            kernels,
        };
        (module, diagnostics)
    }
}

/// The functions that can be called from the roots, callers before what they call first.
fn reachable(bodies: &[Option<Function>], roots: impl Iterator<Item = FuncId>) -> Vec<FuncId> {
    let mut order: Vec<FuncId> = Vec::new();
    let mut seen = vec![false; bodies.len()];
    let visit = |id: FuncId, order: &mut Vec<FuncId>, seen: &mut Vec<bool>| {
        let known = bodies.get(id.0 as usize).is_some_and(Option::is_some);
        if known && !std::mem::replace(&mut seen[id.0 as usize], true) {
            order.push(id);
        }
    };
    for root in roots {
        visit(root, &mut order, &mut seen);
    }
    let mut next = 0;
    while let Some(&at) = order.get(next) {
        next += 1;
        let Some(function) = bodies[at.0 as usize].as_ref() else { continue };
        for inst in &function.insts {
            if let Op::Call(callee, _) = &inst.op {
                visit(*callee, &mut order, &mut seen);
            }
        }
    }
    order
}

/// Gives calls and globals their numbers in the module. Globals are numbered as they are met.
fn renumber(
    function: &mut Function,
    functions: &HashMap<FuncId, FuncId>,
    globals: &mut HashMap<GlobalId, GlobalId>,
) {
    for inst in &mut function.insts {
        match &mut inst.op {
            Op::Call(callee, _) => *callee = functions.get(callee).copied().unwrap_or(*callee),
            Op::GlobalAddr(id) => {
                let next = GlobalId(globals.len() as u32);
                *id = *globals.entry(*id).or_insert(next);
            }
            _ => {}
        }
    }
}

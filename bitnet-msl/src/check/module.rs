//! Puts the module together: the functions and globals that kernels reach, numbered anew.

use super::Checker;
use super::function::Body;
use crate::diag::Diagnostics;
use crate::ir::promote::promote;
use crate::ir::{FuncId, Function, GlobalId, LoggerId, Message, MessageId, Module, Op};
use crate::source::SourceMap;
use std::collections::HashMap;
use std::rc::Rc;

impl Checker<'_> {
    /// The module, and what was found.
    pub(super) fn into_module(self) -> (Module, Diagnostics) {
        let Self {
            diagnostics,
            builder,
            functions,
            globals,
            function_constants,
            messages,
            loggers,
            mut kernels,
            ..
        } = self;
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
        let mut new = NewIds { functions: new_ids, ..NewIds::default() };
        let types = builder.into_types();
        for function in &mut kept {
            new.renumber(function);
            promote(function, &types);
        }
        for kernel in &mut kernels {
            kernel.function = new.functions.get(&kernel.function).copied().unwrap_or(kernel.function);
        }
        let globals = in_new_order(new.globals).map(|old| globals[old.0 as usize].clone()).collect();
        let mut messages: Vec<Message> =
            in_new_order(new.messages).map(|old| messages[old.0 as usize].clone()).collect();
        let mut logger_ids: HashMap<LoggerId, LoggerId> = HashMap::new();
        for logger in messages.iter_mut().filter_map(|message| message.logger.as_mut()) {
            let next = LoggerId(logger_ids.len() as u32);
            *logger = *logger_ids.entry(*logger).or_insert(next);
        }
        let loggers = in_new_order(logger_ids).map(|old| loggers[old.0 as usize].clone()).collect();
        let module = Module {
            sources: SourceMap::default(),
            types,
            functions: kept,
            globals,
            function_constants,
            loggers,
            messages,
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

/// Numbers in the module, by those before. Globals and messages are numbered as they are met.
#[derive(Default)]
struct NewIds {
    functions: HashMap<FuncId, FuncId>,
    globals: HashMap<GlobalId, GlobalId>,
    messages: HashMap<MessageId, MessageId>,
}

impl NewIds {
    /// Gives what a function refers to its numbers in the module.
    fn renumber(&mut self, function: &mut Function) {
        for inst in &mut function.insts {
            match &mut inst.op {
                Op::Call(callee, _) => *callee = self.functions.get(callee).copied().unwrap_or(*callee),
                Op::GlobalAddr(id) => {
                    let next = GlobalId(self.globals.len() as u32);
                    *id = *self.globals.entry(*id).or_insert(next);
                }
                Op::Log(id, _) => {
                    let next = MessageId(self.messages.len() as u32);
                    *id = *self.messages.entry(*id).or_insert(next);
                }
                _ => {}
            }
        }
    }
}

/// The old numbers, in the order of the new ones.
fn in_new_order<Id: Ord>(ids: HashMap<Id, Id>) -> impl Iterator<Item = Id> {
    let mut ids: Vec<_> = ids.into_iter().map(|(old, new)| (new, old)).collect();
    ids.sort();
    ids.into_iter().map(|(_, old)| old)
}

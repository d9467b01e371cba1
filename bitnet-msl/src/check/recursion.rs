//! Functions that call themselves, at once or by way of others: language versions before 2.4 have none.

use super::Checker;
use super::function::{Body, FunctionIndex, FunctionInfo};
use crate::diag::{Code, Diagnostic};
use crate::ir::Op;
use crate::options::LanguageVersion;
use crate::source::Span;

impl Checker<'_> {
    /// Reports each call that leads back into a function that is being called.
    pub(super) fn check_recursion(&mut self) {
        if self.options.language_version >= LanguageVersion::Metal2_4 {
            return;
        }
        for Call { at, callee } in calls_that_lead_back(self.functions.infos()) {
            let FunctionInfo { name, decl, .. } = self.functions.get(callee);
            let (label, declared) = (format!("the call leads back to `{name}`"), decl.name.span);
            self.report(
                Diagnostic::new(Code::E0609, at, "recursion needs language version 2.4")
                    .label(declared, label)
                    .note("compile as Metal 2.4 or later, or write a loop"),
            );
        }
    }
}

/// One call.
struct Call {
    at: Span,
    callee: FunctionIndex,
}

/// How far a walk over the calls has come with a function.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    Ahead,
    Open,
    Behind,
}

/// The calls that close a circle, by a walk in depth that starts at each function in turn.
fn calls_that_lead_back(infos: &[FunctionInfo<'_>]) -> Vec<Call> {
    let mut walk = vec![Walk::Ahead; infos.len()];
    let mut found = Vec::new();
    for start in 0..infos.len() {
        // Functions on the way, and the calls of each that are still to be followed.
        let mut way = Vec::new();
        if walk[start] == Walk::Ahead {
            walk[start] = Walk::Open;
            way.push((start, calls_of(&infos[start])));
        }
        while let Some((at, calls)) = way.last_mut() {
            let Some(call) = calls.next() else {
                walk[*at] = Walk::Behind;
                way.pop();
                continue;
            };
            let callee = call.callee.0 as usize;
            match walk[callee] {
                Walk::Ahead => {
                    walk[callee] = Walk::Open;
                    way.push((callee, calls_of(&infos[callee])));
                }
                Walk::Open => found.push(call),
                Walk::Behind => {}
            }
        }
    }
    found
}

/// The calls of a function that has been lowered.
fn calls_of<'a>(info: &'a FunctionInfo<'_>) -> impl Iterator<Item = Call> + use<'a> {
    let insts = match &info.body {
        Body::Done(function) => function.insts.as_slice(),
        Body::None | Body::Pending | Body::Lowering => &[],
    };
    insts.iter().filter_map(|inst| match inst.op {
        Op::Call(callee, _) => Some(Call { at: inst.span, callee: FunctionIndex(callee.0) }),
        _ => None,
    })
}

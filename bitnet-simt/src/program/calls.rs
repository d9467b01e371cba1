//! Calls: most functions become part of their callers, so that what the caller knows of the arguments (a
//! pointer's allocation, a constant) holds in them too.

use std::rc::Rc;

use bitnet_msl::ir::{FuncId, Value};

use super::compile::{Compiler, Instance, Result};
use super::value::{Loc, Val};
use crate::bytecode::Inst;

/// Code longer than this calls its functions.
const INLINE_LIMIT: u32 = 30_000;

/// How deep functions become part of each other.
const INLINE_DEPTH: usize = 48;

impl Compiler<'_> {
    pub(super) fn call(&mut self, func: FuncId, args: &[Value]) -> Result<Val> {
        let is_recursive = self.stack.contains(&func);
        if is_recursive || self.b.pc() > INLINE_LIMIT || self.stack.len() > INLINE_DEPTH {
            return self.real_call(func, args);
        }
        self.inline_call(func, args)
    }

    fn inline_call(&mut self, func: FuncId, args: &[Value]) -> Result<Val> {
        let function = self.module.function(func);
        let params = args.iter().map(|&arg| self.value(arg)).collect::<Result<Vec<Val>>>()?;
        let cells = self.cells(function.ret)?;
        let result: Rc<[Loc]> = cells.iter().map(|cell| self.temp(cell.ty.is_wide())).collect();
        let analysis = self.analysis(func);
        let returns_early = analysis.returns_early;
        let slot = self.b.take_slots(1);
        let callee = Instance {
            params,
            result: Rc::clone(&result),
            return_slot: slot,
            ..Instance::new(function, analysis)
        };
        let caller = std::mem::replace(&mut self.inst, callee);
        let (allocated, span) = (std::mem::take(&mut self.allocated), self.b.span);
        let (targets, variables) = (std::mem::take(&mut self.targets), self.b.variables_bytes);
        self.stack.push(func);
        if returns_early {
            self.b.emit(Inst::ClearMask { slot });
        }
        self.body()?;
        self.stack.pop();
        self.release_instance();
        self.inst = caller;
        (self.allocated, self.b.span) = (allocated, span);
        (self.targets, self.b.variables_bytes) = (targets, variables);
        if returns_early {
            self.join(slot);
        }
        self.b.free_slots(slot);
        Ok(Val::Cells(result))
    }

    /// Results and arguments lie past the caller's frame, as the first registers of the callee's.
    fn real_call(&mut self, func: FuncId, args: &[Value]) -> Result<Val> {
        let number = self.called_function(func)?;
        let result_cells = self.cells(self.module.function(func).ret)?;
        let (mut regs, mut wides) = (0, 0);
        let mut outgoing = |this: &mut Self, wide: bool| {
            let next: &mut u16 = if wide { &mut wides } else { &mut regs };
            *next = next.saturating_add(1);
            this.b.outgoing(*next - 1, wide)
        };
        let results: Vec<Loc> = result_cells.iter().map(|cell| outgoing(self, cell.ty.is_wide())).collect();
        let mut moves = Vec::new();
        for &arg in args {
            for &from in self.value_cells(arg)?.iter() {
                moves.push((outgoing(self, matches!(from, Loc::W(_))), from));
            }
        }
        for (to, from) in moves {
            self.b.copy(to, from, false);
        }
        self.b.emit(Inst::Call { func: number, regs: 0, wides: 0, masks: 0 });
        let result: Rc<[Loc]> = results
            .into_iter()
            .map(|from| {
                let to = self.temp(matches!(from, Loc::W(_)));
                self.b.copy(to, from, false);
                to
            })
            .collect();
        Ok(Val::Cells(result))
    }
}

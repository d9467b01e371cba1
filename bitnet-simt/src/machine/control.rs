//! Control flow under masks.
//!
//! Code is flat, but what it came from is structured, so every construct knows at compile time which mask
//! slots of its frame it uses:
//!
//! - `if`: one slot, the lanes of the side that does not run now. `If` splits the active lanes, `Else` swaps
//!   them with the slot, `Join` brings both together. Lanes that leave the construct by `break`,
//!   `continue` or `return` are in neither, so they do not come back too early.
//! - `loop`: two slots, the lanes that have left it and those that wait for the next iteration.
//! - `switch`: the lanes that have left it, then for each section those that enter there.
//! - a kernel, and a function whose code is part of its caller's: the lanes that have returned. Slot 0 of the
//!   outermost frame is the kernel's.
//!
//! **Invariant:** code runs with at least one active lane; where the last one leaves, `skip` leads to the
//! instruction that may bring lanes back.

use super::lanes::{Register, lanes, mask_of, mask_where};
use super::{Exec, ExitedLanes, Fault, Frame, MAX_CALL_DEPTH, MAX_STACK_BYTES, Simdgroup, Stop};
use crate::bytecode::{Inst, Pc, R, Relation, Slot, W};
use crate::observe::Observer;
use crate::ops::lane::LANES;
use crate::program::SwitchTable;
use crate::trap::TrapKind;

/// The lanes between whose values the relation holds.
pub(super) fn related(r: &mut [Register], a: R, b: R, relation: Relation) -> u32 {
    match relation {
        Relation::EqI => mask_of(r, a, b, |a, b| a == b),
        Relation::NeI => mask_of(r, a, b, |a, b| a != b),
        Relation::LtS => mask_of(r, a, b, |a, b| (a as i32) < b as i32),
        Relation::LeS => mask_of(r, a, b, |a, b| a as i32 <= b as i32),
        Relation::LtU => mask_of(r, a, b, |a, b| a < b),
        Relation::LeU => mask_of(r, a, b, |a, b| a <= b),
        Relation::LtF => mask_of(r, a, b, |a, b| f32::from_bits(a) < f32::from_bits(b)),
        Relation::LeF => mask_of(r, a, b, |a, b| f32::from_bits(a) <= f32::from_bits(b)),
    }
}

impl Simdgroup {
    pub(super) fn mask(&mut self, slot: Slot) -> &mut u32 {
        &mut self.masks[self.m_base + usize::from(slot)]
    }

    /// Splits the active lanes; without lanes on the first side goes straight to the other.
    fn split(&mut self, taken: u32, slot: Slot, next: Pc, other: Pc) -> Pc {
        let taken = taken & self.active;
        if taken == 0 {
            *self.mask(slot) = 0;
            return other;
        }
        *self.mask(slot) = self.active & !taken;
        self.active = taken;
        next
    }

    pub(super) fn swap_sides(&mut self, slot: Slot, next: Pc, end: Pc) -> Pc {
        let other = std::mem::replace(self.mask(slot), 0);
        if other == 0 {
            return end;
        }
        *self.mask(slot) = std::mem::replace(&mut self.active, other);
        next
    }

    /// Lanes in the slot come back.
    pub(super) fn join(&mut self, slot: Slot, next: Pc, skip: Pc) -> Pc {
        self.active |= *self.mask(slot);
        if self.active == 0 { skip } else { next }
    }

    /// These of the active lanes go to the slot.
    fn leave(&mut self, leaving: u32, slot: Slot, next: Pc, skip: Pc) -> Pc {
        let leaving = leaving & self.active;
        *self.mask(slot) |= leaving;
        self.active &= !leaving;
        if self.active == 0 { skip } else { next }
    }

    pub(super) fn leave_all(&mut self, slot: Slot, next: Pc, skip: Pc) -> Pc {
        self.leave(u32::MAX, slot, next, skip)
    }

    pub(super) fn start_loop(&mut self, slot: Slot) {
        *self.mask(slot) = 0;
        *self.mask(slot + 1) = 0;
    }

    /// Lanes that wait for the next iteration come back.
    pub(super) fn continuing(&mut self, slot: Slot, next: Pc, end: Pc) -> Pc {
        let waiting = std::mem::replace(self.mask(slot + 1), 0);
        self.active |= waiting;
        if self.active == 0 { end } else { next }
    }

    /// Sorts the active lanes to the sections of a switch; none stays active.
    fn enter_switch(&mut self, table: &SwitchTable, slot: Slot, equal: impl Fn(&Self, i64) -> u32) {
        let mut rest = self.active;
        let mut default = None;
        for (section, entry) in (slot + 1..).zip(&table.sections) {
            let matching = entry.values.iter().fold(0, |m, &value| m | equal(self, value)) & rest;
            rest &= !matching;
            *self.mask(section) = matching;
            if entry.is_default {
                default = Some(section);
            }
        }
        match default {
            Some(section) => {
                *self.mask(section) |= rest;
                *self.mask(slot) = 0;
            }
            None => *self.mask(slot) = rest,
        }
        self.active = 0;
    }
}

impl<O: Observer> Exec<'_, '_, O> {
    pub(super) fn branch(&mut self, taken: u32, slot: Slot, next: Pc, other: Pc) -> Pc {
        self.observer.branch(taken & self.sg.active, !taken & self.sg.active);
        self.sg.split(taken, slot, next, other)
    }

    pub(super) fn leave_where(&mut self, leaving: u32, slot: Slot, next: Pc, skip: Pc) -> Pc {
        self.observer.branch(leaving & self.sg.active, !leaving & self.sg.active);
        self.sg.leave(leaving, slot, next, skip)
    }

    pub(super) fn switch(&mut self, sel: R, table: u16, slot: Slot) {
        let table = &self.cx.code.tables[usize::from(table)];
        self.sg.enter_switch(table, slot, |sg, value| {
            let selector = sg.reg(sel).to_lanes();
            mask_where(|i| selector[i] == value as u32)
        });
    }

    pub(super) fn switch_long(&mut self, sel: W, table: u16, slot: Slot) {
        let table = &self.cx.code.tables[usize::from(table)];
        self.sg.enter_switch(table, slot, |sg, value| {
            let selector = sg.wide(sel);
            mask_where(|i| selector[i] == value as u64)
        });
    }

    /// The end of a loop's code: back to its start, if the budget allows.
    pub(super) fn repeat(&mut self, pc: Pc, start: Pc) -> Result<Pc, Box<Fault>> {
        if self.sg.active == 0 {
            return Ok(pc + 1);
        }
        self.spend(u64::from(pc - start) + 1, pc)?;
        Ok(start)
    }

    fn spend(&mut self, instructions: u64, pc: Pc) -> Result<(), Box<Fault>> {
        match self.sg.fuel.checked_sub(instructions) {
            Some(rest) => {
                self.sg.fuel = rest;
                Ok(())
            }
            None => {
                let budget = self.cx.options.max_instructions.unwrap_or(u64::MAX);
                let message = format!("has not ended after {budget} instructions of its simdgroup");
                Err(self.fault_at(TrapKind::InstructionBudget, pc, message))
            }
        }
    }

    /// A fault of the first active lane.
    fn fault_at(&self, kind: TrapKind, pc: Pc, message: String) -> Box<Fault> {
        let lane = lanes(self.sg.active).next().unwrap_or(0);
        Box::new(Fault { kind, lane, pc, message, related: None })
    }

    /// Calls a function: arguments lie in the first registers past the caller's.
    pub(super) fn call(&mut self, pc: Pc, inst: &Inst) -> Result<Pc, Box<Fault>> {
        let Inst::Call { func, regs, wides, masks } = *inst else { return Ok(pc + 1) };
        let callee = &self.cx.code.functions[usize::from(func)];
        self.spend(u64::from(callee.len), pc)?;
        let sg = &mut *self.sg;
        let stack_end = sg.stack_top + callee.stack_bytes as usize;
        let kernel_bytes = self.cx.code.private_bytes as usize;
        if sg.frames.len() >= MAX_CALL_DEPTH || stack_end - kernel_bytes > MAX_STACK_BYTES {
            let depth = sg.frames.len();
            let message =
                format!("calls functions {depth} deep, with {} bytes of variables", stack_end - kernel_bytes);
            return Err(self.fault_at(TrapKind::StackOverflow, pc, message));
        }
        sg.frames.push(Frame {
            return_to: pc + 1,
            r: sg.r_base,
            w: sg.w_base,
            m: sg.m_base,
            stack: sg.stack_base,
            active: sg.active,
        });
        sg.r_base += usize::from(regs);
        sg.w_base += usize::from(wides);
        sg.m_base += usize::from(masks);
        callee.make_room(&mut sg.r, &mut sg.w, &mut sg.masks, [sg.r_base, sg.w_base, sg.m_base]);
        *sg.mask(0) = 0;
        sg.stack_base = sg.stack_top;
        sg.stack_top = stack_end;
        let words = stack_end.div_ceil(4) * LANES;
        if sg.private.len() < words {
            sg.private.resize(words, 0);
        }
        sg.private[sg.stack_base / 4 * LANES..words].fill(0);
        Ok(callee.entry)
    }

    /// The end of a called function: all lanes that came in go on.
    pub(super) fn return_to_caller(&mut self) -> Pc {
        let sg = &mut *self.sg;
        let frame = sg.frames.pop().expect("only called functions end in `return`");
        sg.active = frame.active;
        (sg.r_base, sg.w_base, sg.m_base) = (frame.r, frame.w, frame.m);
        (sg.stack_top, sg.stack_base) = (sg.stack_base, frame.stack);
        frame.return_to
    }

    /// A simdgroup has come to a barrier: all of its lanes that have not returned must have.
    pub(super) fn barrier(&mut self, pc: Pc, threadgroup: bool) -> Result<Option<Stop>, Box<Fault>> {
        self.observer.barrier(threadgroup);
        let missing = self.sg.live() & !self.sg.active;
        if let Some(lane) = lanes(missing).next() {
            let message = "does not come to a barrier that other threads of its simdgroup wait at".into();
            return Err(Box::new(Fault {
                kind: TrapKind::DivergentBarrier,
                lane,
                pc,
                message,
                related: None,
            }));
        }
        let exited = self.sg.exist & self.sg.masks[0];
        if exited != 0 && self.cx.options.exited_lanes != ExitedLanes::Ignore {
            let fault = Fault {
                kind: TrapKind::DivergentBarrier,
                lane: lanes(exited).next().unwrap_or(0),
                pc,
                message: "has returned before a barrier that others wait at".into(),
                related: None,
            };
            if self.cx.options.exited_lanes == ExitedLanes::Error {
                return Err(Box::new(fault));
            }
            self.warnings.push(fault);
        }
        Ok(threadgroup.then_some(Stop::Barrier(pc)))
    }
}

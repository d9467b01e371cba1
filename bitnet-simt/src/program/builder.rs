//! Emission of code: instructions with their sources, registers and their reuse, constants, mask slots, and
//! addresses of code that is not there yet.
//!
//! While the code of a function is made, nobody knows how many registers it will need. Constants and the
//! registers past the frame therefore have numbers of their own, which [`Builder::finish`] replaces.

use std::collections::HashMap;

use bitnet_msl::source::Span;

use super::FunctionCode;
use super::value::Loc;
use crate::bytecode::{Inst, Pc, R, Renamer, Slot, W};

/// Registers from here on are the results and parameters of called functions.
const FIRST_OUT: u16 = 0x4000;

/// Registers from here on are constants.
const FIRST_CONST: u16 = 0x8000;

/// Most instructions of a program.
pub(super) const MAX_INSTRUCTIONS: usize = 1 << 22;

/// One of the two register files of a frame.
#[derive(Default)]
struct File<T> {
    free: Vec<u16>,
    next: u16,
    /// The file has run out of numbers.
    exhausted: bool,
    consts: Vec<T>,
    known: HashMap<T, u16>,
    out: u16,
}

impl<T: Copy + Eq + std::hash::Hash> File<T> {
    fn alloc(&mut self) -> u16 {
        if let Some(free) = self.free.pop() {
            return free;
        }
        if self.next == FIRST_OUT {
            self.exhausted = true;
            return 0;
        }
        self.next += 1;
        self.next - 1
    }

    fn release(&mut self, reg: u16) {
        debug_assert!(reg < FIRST_OUT && !self.free.contains(&reg), "only temporaries are freed, once");
        self.free.push(reg);
    }

    fn constant(&mut self, value: T) -> u16 {
        if let Some(&known) = self.known.get(&value) {
            return known;
        }
        if self.consts.len() == usize::from(FIRST_OUT) {
            self.exhausted = true;
            return FIRST_CONST;
        }
        let reg = FIRST_CONST + self.consts.len() as u16;
        self.consts.push(value);
        self.known.insert(value, reg);
        reg
    }

    fn constant_value(&self, reg: u16) -> Option<T> {
        reg.checked_sub(FIRST_CONST).and_then(|i| self.consts.get(usize::from(i)).copied())
    }

    fn outgoing(&mut self, index: u16) -> u16 {
        if index >= FIRST_OUT {
            self.exhausted = true;
            return FIRST_OUT;
        }
        self.out = self.out.max(index + 1);
        FIRST_OUT + index
    }

    /// Registers of the frame.
    fn total(&self) -> u16 {
        self.next + self.consts.len() as u16
    }

    fn final_number(&self, reg: u16) -> u16 {
        match reg {
            FIRST_CONST.. => self.next + (reg - FIRST_CONST),
            FIRST_OUT.. => self.total() + (reg - FIRST_OUT),
            _ => reg,
        }
    }
}

/// Gives registers their final numbers.
struct Finish<'b>(&'b File<u32>, &'b File<u64>);

impl Renamer for Finish<'_> {
    fn narrow(&mut self, reg: &mut R) {
        reg.0 = self.0.final_number(reg.0);
    }

    fn wide(&mut self, reg: &mut W) {
        reg.0 = self.1.final_number(reg.0);
    }
}

/// The code of all functions, and the frame of the one at work.
#[derive(Default)]
pub(super) struct Builder {
    pub(super) insts: Vec<Inst>,
    pub(super) spans: Vec<Span>,
    /// Source of what is emitted.
    pub(super) span: Span,
    /// Bytes of variables of the function at work, and of a call's at most.
    pub(super) variables_bytes: u32,
    pub(super) max_variables_bytes: u32,
    r: File<u32>,
    w: File<u64>,
    next_slot: Slot,
    max_slots: Slot,
    start: Pc,
}

impl Builder {
    /// Starts a function whose first registers hold its results and parameters.
    pub(super) fn start(&mut self, fixed_regs: u16, fixed_wides: u16) {
        self.r = File { next: fixed_regs, ..File::default() };
        self.w = File { next: fixed_wides, ..File::default() };
        (self.next_slot, self.max_slots) = (0, 0);
        (self.variables_bytes, self.max_variables_bytes) = (0, 0);
        self.start = self.pc();
    }

    /// Ends the function: its registers get their numbers.
    pub(super) fn finish(&mut self) -> FunctionCode {
        let start = self.start as usize;
        let (regs, wides, masks) = (self.r.total(), self.w.total(), self.max_slots);
        for inst in &mut self.insts[start..] {
            inst.rename(&mut Finish(&self.r, &self.w));
            if let Inst::Call { regs: r, wides: w, masks: m, .. } = inst {
                (*r, *w, *m) = (regs, wides, masks);
            }
        }
        FunctionCode {
            entry: self.start,
            len: self.pc() - self.start,
            regs,
            wides,
            masks,
            out_regs: self.r.out,
            out_wides: self.w.out,
            consts: std::mem::take(&mut self.r.consts),
            wide_consts: std::mem::take(&mut self.w.consts),
            stack_bytes: self.max_variables_bytes.next_multiple_of(16),
        }
    }

    /// What there is too much of, if anything, and how much there may be.
    pub(super) fn exhausted(&self) -> Option<(&'static str, usize)> {
        if self.r.exhausted || self.w.exhausted {
            return Some(("registers", FIRST_OUT.into()));
        }
        if self.next_slot >= Slot::MAX / 2 {
            return Some(("nested blocks", (Slot::MAX / 2).into()));
        }
        (self.insts.len() >= MAX_INSTRUCTIONS).then_some(("instructions", MAX_INSTRUCTIONS))
    }

    /// Where the next instruction goes.
    pub(super) fn pc(&self) -> Pc {
        self.insts.len() as Pc
    }

    pub(super) fn emit(&mut self, inst: Inst) -> Pc {
        let pc = self.pc();
        self.insts.push(inst);
        self.spans.push(self.span);
        pc
    }

    /// Sets the address that an instruction may go to.
    pub(super) fn patch(&mut self, pc: Pc, target: Pc) {
        match &mut self.insts[pc as usize] {
            Inst::If { other: to, .. }
            | Inst::IfRel { other: to, .. }
            | Inst::Else { end: to, .. }
            | Inst::Join { skip: to, .. }
            | Inst::Leave { skip: to, .. }
            | Inst::LeaveIf { skip: to, .. }
            | Inst::LeaveRel { skip: to, .. }
            | Inst::Continuing { end: to, .. }
            | Inst::Section { next: to, .. } => *to = target,
            other => debug_assert!(false, "{other} goes nowhere"),
        }
    }

    pub(super) fn alloc_r(&mut self) -> R {
        R(self.r.alloc())
    }

    pub(super) fn alloc_w(&mut self) -> W {
        W(self.w.alloc())
    }

    /// A register for a cell.
    pub(super) fn alloc(&mut self, wide: bool) -> Loc {
        if wide { Loc::W(self.alloc_w()) } else { Loc::R(self.alloc_r()) }
    }

    pub(super) fn release(&mut self, loc: Loc) {
        match loc {
            Loc::R(reg) => self.r.release(reg.0),
            Loc::W(reg) => self.w.release(reg.0),
        }
    }

    /// A register that holds a constant.
    pub(super) fn constant(&mut self, bits: u32) -> R {
        R(self.r.constant(bits))
    }

    /// A wide register that holds a constant.
    pub(super) fn wide_constant(&mut self, bits: u64) -> W {
        W(self.w.constant(bits))
    }

    /// The constant that a register holds.
    pub(super) fn constant_of(&self, reg: R) -> Option<u32> {
        self.r.constant_value(reg.0)
    }

    /// The constant that a wide register holds.
    pub(super) fn wide_constant_of(&self, reg: W) -> Option<u64> {
        self.w.constant_value(reg.0)
    }

    /// A register past the frame.
    pub(super) fn outgoing(&mut self, index: u16, wide: bool) -> Loc {
        if wide { Loc::W(W(self.w.outgoing(index))) } else { Loc::R(R(self.r.outgoing(index))) }
    }

    /// Takes mask slots, until [`free_slots`](Self::free_slots).
    pub(super) fn take_slots(&mut self, count: usize) -> Slot {
        let first = self.next_slot;
        self.next_slot = first.saturating_add(u16::try_from(count).unwrap_or(u16::MAX));
        self.max_slots = self.max_slots.max(self.next_slot);
        first
    }

    /// Gives back this slot and all after it.
    pub(super) fn free_slots(&mut self, first: Slot) {
        self.next_slot = first;
    }

    /// Room for a variable: its offset.
    pub(super) fn take_variable(&mut self, size: u32, align: u32) -> u32 {
        let offset = self.variables_bytes.next_multiple_of(align.max(4));
        self.variables_bytes = offset.saturating_add(size);
        self.max_variables_bytes = self.max_variables_bytes.max(self.variables_bytes);
        offset
    }

    /// Copies a cell.
    pub(super) fn copy(&mut self, to: Loc, from: Loc, masked: bool) {
        if to == from {
            return;
        }
        match (to, from, masked) {
            (Loc::R(d), Loc::R(a), false) => self.emit(Inst::Mov { d, a }),
            (Loc::R(d), Loc::R(a), true) => self.emit(Inst::MovMasked { d, a }),
            (Loc::W(d), Loc::W(a), false) => self.emit(Inst::MovW { d, a }),
            (Loc::W(d), Loc::W(a), true) => self.emit(Inst::MovWMasked { d, a }),
            (Loc::R(_), Loc::W(_), _) | (Loc::W(_), Loc::R(_), _) => {
                debug_assert!(false, "cells of one type are in registers of one kind");
                0
            }
        };
    }

    /// Makes the last instruction, which computes `from`, change `local` under the mask instead. False if it
    /// is not one that can.
    pub(super) fn fuse_masked(&mut self, local: R, from: R) -> bool {
        let Some(last) = self.insts.last_mut() else { return false };
        let fused = match *last {
            Inst::AddI { d, a, b } if d == from => Inst::AddIMasked { d: local, a, b },
            Inst::AddF { d, a, b } if d == from => Inst::AddFMasked { d: local, a, b },
            Inst::SubF { d, a, b } if d == from => Inst::SubFMasked { d: local, a, b },
            Inst::MulF { d, a, b } if d == from => Inst::MulFMasked { d: local, a, b },
            Inst::FmaF { d, a, b, c } if d == from => Inst::FmaFMasked { d: local, a, b, c },
            _ => return false,
        };
        *last = fused;
        true
    }
}

//! Blocks and statements: masks, branches, loops. See `machine::control` for what the instructions do.

use std::rc::Rc;

use bitnet_msl::ir::{Block, LocalId, Op, Stmt, SwitchSection, UnaryOp, Value};

use super::analysis::{BlockTree, LocalPlan, Place};
use super::compile::{Compiler, Pending, Result, Test};
use super::value::{Loc, Val};
use super::{SwitchEntry, SwitchTable};
use crate::bytecode::{Inst, Pc, R, Slot};

/// An address that is patched later.
const LATER: Pc = 0;

/// Where `Break` and `Continue` send lanes.
#[derive(Clone, Copy)]
pub(super) struct Targets {
    break_slot: Slot,
    continue_slot: Option<Slot>,
}

impl<'m> Compiler<'m> {
    /// The code of a block. What follows a statement that no lane passes is left out.
    pub(super) fn block(&mut self, block: &'m Block, tree: &BlockTree) -> Result<()> {
        for (index, stmt) in block.0.iter().enumerate() {
            let place = (tree.id, index as u32);
            self.stmt(block, stmt, place, &tree.inner[index])?;
            self.end_stmt(place);
            if matches!(stmt, Stmt::Break | Stmt::Continue | Stmt::Return(..)) {
                break;
            }
        }
        Ok(())
    }

    fn end_stmt(&mut self, place: Place) {
        self.release_allocated();
        let analysis = Rc::clone(&self.inst.analysis);
        for &value in analysis.dying(place) {
            self.inst.values[value.0 as usize] = None;
            for loc in std::mem::take(&mut self.inst.owned[value.0 as usize]) {
                self.release(loc);
            }
        }
        for &local in analysis.freed(place) {
            if let Some(locs) = self.inst.locals[local.0 as usize].take() {
                locs.iter().for_each(|&loc| self.release(loc));
            }
        }
    }

    fn stmt(&mut self, block: &'m Block, stmt: &'m Stmt, place: Place, inner: &[BlockTree]) -> Result<()> {
        match stmt {
            Stmt::Eval(value) => {
                let after = block.0.get(place.1 as usize + 1..).unwrap_or_default();
                self.eval(*value, after, place)
            }
            Stmt::LocalSet(local, value) => {
                let before = place.1.checked_sub(1).and_then(|i| block.0.get(i as usize));
                self.local_set(*local, *value, before, place)
            }
            Stmt::Store { ptr, value, span } => {
                self.b.span = *span;
                self.store(*ptr, *value)
            }
            Stmt::If { cond, then, other, span } => {
                self.b.span = *span;
                self.branch(*cond, [then, other], inner)
            }
            Stmt::Switch { selector, sections, span } => {
                self.b.span = *span;
                self.switch(*selector, sections, inner)
            }
            Stmt::Loop { body, continuing, span } => {
                self.b.span = *span;
                self.repeat(body, continuing, place, inner)
            }
            Stmt::Break => {
                let slot = self.innermost().break_slot;
                self.leave(slot);
                Ok(())
            }
            Stmt::Continue => {
                let slot = self.continue_slot();
                self.leave(slot);
                Ok(())
            }
            Stmt::Return(value, span) => {
                self.b.span = *span;
                let is_last = place.0 == 0 && place.1 as usize + 1 == block.0.len();
                self.return_value(*value, is_last)
            }
        }
    }

    fn eval(&mut self, value: Value, after: &[Stmt], place: Place) -> Result<()> {
        let index = value.0 as usize;
        if self.inst.analysis.dead[index] {
            return Ok(());
        }
        self.check()?;
        let inst = self.inst.func.inst(value);
        self.b.span = inst.span;
        if self.postpone(value, after) {
            return Ok(());
        }
        self.inst.pending = None;
        self.inst.hint = self.destination(value, after.first(), place)?;
        let result = self.op(value, inst)?;
        self.inst.hint = None;
        if let Some(result) = result {
            self.keep(value, &result);
            self.inst.values[index] = Some(result);
        }
        Ok(())
    }

    /// Registers of a value stay with it; the other ones of the statement are free again.
    fn keep(&mut self, value: Value, result: &Val) {
        let mut kept = Vec::new();
        let mut keep = |loc: Loc| kept.push(loc);
        match result {
            Val::Cells(locs) => locs.iter().for_each(|&loc| keep(loc)),
            Val::Addr(addr) => {
                if let crate::bytecode::Base::Lanes(w) = addr.base {
                    keep(Loc::W(w));
                }
                addr.indices.iter().flatten().for_each(|index| keep(Loc::R(index.reg)));
            }
        }
        let (owned, rest): (Vec<Loc>, Vec<Loc>) =
            std::mem::take(&mut self.allocated).into_iter().partition(|loc| kept.contains(loc));
        self.inst.owned[value.0 as usize] = owned;
        rest.into_iter().for_each(|loc| self.release(loc));
    }

    /// Whether the value is a test that the branch right after it can make itself: `if (a < b)`, `if (!(a < b))`.
    fn postpone(&mut self, value: Value, after: &[Stmt]) -> bool {
        let inst = self.inst.func.inst(value);
        let used_once = |value: Value| self.inst.analysis.uses[value.0 as usize] == 1;
        let negates = |user: Value| matches!(self.inst.func.inst(user).op, Op::Unary(UnaryOp::LogicalNot, a) if a == value);
        let feeds_branch = match after {
            [Stmt::If { cond, .. }, ..] => *cond == value,
            [Stmt::Eval(user), Stmt::If { cond, .. }, ..] => {
                cond == user && negates(*user) && used_once(*user)
            }
            _ => false,
        };
        if !used_once(value) || !feeds_branch {
            return false;
        }
        let pending = match inst.op {
            Op::Compare(op, a, b) => self.relation(op, a, b).map(|test| (test, true)),
            Op::Unary(UnaryOp::LogicalNot, a) => match self.inst.pending {
                Some(pending) if pending.value == a => Some((pending.test, !pending.when)),
                _ => self.bool_register(a).map(|reg| (Test::Bool(reg), false)),
            },
            _ => None,
        };
        let Some((test, when)) = pending else { return false };
        self.inst.pending = Some(Pending { value, test, when });
        true
    }

    /// The register of a scalar `bool` that has been computed and is not constant.
    fn bool_register(&self, value: Value) -> Option<R> {
        match self.inst.values[value.0 as usize].as_ref() {
            Some(Val::Cells(locs)) => match **locs {
                [Loc::R(reg)] if self.b.constant_of(reg).is_none() => Some(reg),
                _ => None,
            },
            _ => None,
        }
    }

    /// Where a value may be computed at once: the local that is set to it next, if inactive lanes do not care.
    fn destination(&mut self, value: Value, next: Option<&Stmt>, place: Place) -> Result<Option<Loc>> {
        let Some(Stmt::LocalSet(local, set)) = next else { return Ok(None) };
        let analysis = Rc::clone(&self.inst.analysis);
        let fits = *set == value
            && analysis.uses[value.0 as usize] == 1
            && analysis.is_unmasked((place.0, place.1 + 1))
            && analysis.locals[local.0 as usize] == LocalPlan::Scoped;
        if !fits {
            return Ok(None);
        }
        let locs = self.local(*local)?;
        Ok(if let [loc] = *locs { Some(loc) } else { None })
    }

    /// The registers of a promoted local.
    pub(super) fn local(&mut self, local: LocalId) -> Result<Rc<[Loc]>> {
        if let Some(locs) = &self.inst.locals[local.0 as usize] {
            return Ok(Rc::clone(locs));
        }
        let cells = self.cells(self.inst.func.locals[local.0 as usize].ty)?;
        let locs: Rc<[Loc]> = cells.iter().map(|cell| self.b.alloc(cell.ty.is_wide())).collect();
        self.inst.locals[local.0 as usize] = Some(Rc::clone(&locs));
        Ok(locs)
    }

    fn local_set(&mut self, local: LocalId, value: Value, before: Option<&Stmt>, place: Place) -> Result<()> {
        let analysis = Rc::clone(&self.inst.analysis);
        if matches!(analysis.locals[local.0 as usize], LocalPlan::Alias(_)) {
            return Ok(());
        }
        self.b.span = self.inst.func.inst(value).span;
        let masked = !analysis.is_unmasked(place);
        let to = self.local(local)?;
        let mut from = self.value_cells(value)?.to_vec();
        let is_last = matches!(before, Some(Stmt::Eval(v)) if *v == value);
        if let ([Loc::R(d)], [Loc::R(a)], true) = (&to[..], &from[..], masked && is_last)
            && analysis.uses[value.0 as usize] == 1
            && self.inst.owned[value.0 as usize] == [Loc::R(*a)]
            && self.b.fuse_masked(*d, *a)
        {
            return Ok(());
        }
        // `v = v.yx`: what is read after it has been written is saved before.
        for i in 0..from.len() {
            if to[..i].contains(&from[i]) {
                let saved = self.temp(matches!(from[i], Loc::W(_)));
                self.b.copy(saved, from[i], false);
                from[i] = saved;
            }
        }
        for (&to, &from) in to.iter().zip(&from) {
            self.b.copy(to, from, masked);
        }
        Ok(())
    }

    /// What a condition tests, and whether the branch is taken when it holds.
    fn test(&mut self, cond: Value) -> Result<(Test, bool)> {
        match self.inst.pending.take() {
            Some(pending) if pending.value == cond => Ok((pending.test, pending.when)),
            _ => Ok((Test::Bool(self.reg(cond)?), true)),
        }
    }

    fn branch(&mut self, cond: Value, [then, other]: [&'m Block; 2], inner: &[BlockTree]) -> Result<()> {
        let (test, when) = self.test(cond)?;
        if let Test::Bool(reg) = test
            && let Some(known) = self.b.constant_of(reg)
        {
            let taken = usize::from((known != 0) != when);
            return self.block([then, other][taken], &inner[taken]);
        }
        // `if (c) break;`
        for (block, empty, when) in [(then, other, when), (other, then, !when)] {
            if empty.0.is_empty()
                && let Some(slot) = self.only_leaves(block)
            {
                let (skip, pc) = (LATER, self.b.pc());
                match test {
                    Test::Bool(c) => self.b.emit(Inst::LeaveIf { c, when, slot, skip }),
                    Test::Related(a, b, rel) => self.b.emit(Inst::LeaveRel { a, b, rel, when, slot, skip }),
                };
                self.skip_from(pc);
                return Ok(());
            }
        }
        let sides = if when {
            [(then, &inner[0]), (other, &inner[1])]
        } else {
            [(other, &inner[1]), (then, &inner[0])]
        };
        self.two_sides(test, sides)
    }

    fn two_sides(&mut self, test: Test, sides: [(&'m Block, &BlockTree); 2]) -> Result<()> {
        let slot = self.b.take_slots(1);
        let other = LATER;
        let start = match test {
            Test::Bool(c) => self.b.emit(Inst::If { c, slot, other }),
            Test::Related(a, b, rel) => self.b.emit(Inst::IfRel { a, b, rel, slot, other }),
        };
        self.skips.push(Vec::new());
        self.block(sides[0].0, sides[0].1)?;
        self.close_skips();
        if sides[1].0.0.is_empty() {
            self.b.patch(start, self.b.pc());
        } else {
            let middle = self.b.emit(Inst::Else { slot, end: LATER });
            self.b.patch(start, self.b.pc());
            self.skips.push(Vec::new());
            self.block(sides[1].0, sides[1].1)?;
            self.close_skips();
            self.b.patch(middle, self.b.pc());
        }
        self.join(slot);
        self.b.free_slots(slot);
        Ok(())
    }

    /// The slot to which a block that does nothing else sends its lanes.
    fn only_leaves(&self, block: &Block) -> Option<Slot> {
        match block.0[..] {
            [Stmt::Break] => Some(self.innermost().break_slot),
            [Stmt::Continue] => Some(self.continue_slot()),
            [Stmt::Return(None, _)] => Some(self.inst.return_slot),
            _ => None,
        }
    }

    fn innermost(&self) -> Targets {
        *self.targets.last().expect("break and continue stand in loops or switches")
    }

    fn continue_slot(&self) -> Slot {
        let slot = self.targets.iter().rev().find_map(|targets| targets.continue_slot);
        slot.expect("continue stands in a loop")
    }

    fn leave(&mut self, slot: Slot) {
        let pc = self.b.emit(Inst::Leave { slot, skip: LATER });
        self.skip_from(pc);
    }

    /// Lanes of the slot come back.
    pub(super) fn join(&mut self, slot: Slot) {
        let pc = self.b.emit(Inst::Join { slot, skip: LATER });
        self.skip_from(pc);
    }

    /// If no lane is left at this instruction, it goes to the end of the innermost construct.
    fn skip_from(&mut self, pc: Pc) {
        self.skips.last_mut().expect("code is within a body").push(pc);
    }

    /// The end of a construct, where lanes may come back, is here.
    pub(super) fn close_skips(&mut self) {
        let here = self.b.pc();
        for pc in self.skips.pop().unwrap_or_default() {
            self.b.patch(pc, here);
        }
    }

    fn repeat(
        &mut self,
        body: &'m Block,
        continuing: &'m Block,
        place: Place,
        inner: &[BlockTree],
    ) -> Result<()> {
        let slot = self.b.take_slots(2);
        let has_continue = self.inst.analysis.has_continue(place);
        self.b.emit(Inst::Loop { slot });
        let start = self.b.pc();
        self.targets.push(Targets { break_slot: slot, continue_slot: Some(slot + 1) });
        self.skips.push(Vec::new());
        self.block(body, &inner[0])?;
        let mut at_end = Vec::new();
        if has_continue {
            self.close_skips();
            at_end.push(self.b.emit(Inst::Continuing { slot, end: LATER }));
        } else {
            at_end.extend(self.skips.pop().unwrap_or_default());
        }
        self.skips.push(Vec::new());
        self.block(continuing, &inner[1])?;
        at_end.extend(self.skips.pop().unwrap_or_default());
        self.b.emit(Inst::Repeat { start });
        let end = self.b.pc();
        at_end.into_iter().for_each(|pc| self.b.patch(pc, end));
        self.targets.pop();
        self.join(slot);
        self.b.free_slots(slot);
        Ok(())
    }

    fn switch(&mut self, selector: Value, sections: &'m [SwitchSection], inner: &[BlockTree]) -> Result<()> {
        let limit = usize::from(u16::MAX);
        let table = u16::try_from(self.code.tables.len()).map_err(|_| self.too_large("switches", limit))?;
        let entries =
            sections.iter().map(|s| SwitchEntry { values: s.values.clone(), is_default: s.is_default });
        self.code.tables.push(SwitchTable { sections: entries.collect() });
        let slot = self.b.take_slots(1 + sections.len());
        self.check()?;
        match self.single(selector)? {
            Loc::R(sel) => self.b.emit(Inst::Switch { sel, table, slot }),
            Loc::W(sel) => self.b.emit(Inst::SwitchL { sel, table, slot }),
        };
        let continue_slot = None;
        self.targets.push(Targets { break_slot: slot, continue_slot });
        for ((section, tree), entry) in sections.iter().zip(inner).zip(slot + 1..) {
            let head = self.b.emit(Inst::Section { slot: entry, next: LATER });
            self.skips.push(vec![head]);
            self.block(&section.body, tree)?;
            self.close_skips();
        }
        self.targets.pop();
        self.join(slot);
        self.b.free_slots(slot);
        Ok(())
    }

    fn return_value(&mut self, value: Option<Value>, is_last: bool) -> Result<()> {
        let masked = self.inst.analysis.returns_early;
        if let Some(value) = value {
            let from = self.value_cells(value)?;
            let to = Rc::clone(&self.inst.result);
            for (&to, &from) in to.iter().zip(from.iter()) {
                self.b.copy(to, from, masked);
            }
        }
        if !is_last {
            self.leave(self.inst.return_slot);
        }
        Ok(())
    }
}

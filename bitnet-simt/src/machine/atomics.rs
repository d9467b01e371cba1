//! Atomic operations: lane by lane in order, indivisible towards other CPU threads.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use bitnet_msl::ir::{AtomicFn, Scalar};

use super::element::{Access, Element};
use super::lanes::lanes;
use super::pattern::OFFSET_MASK;
use super::{Alloc, Exec, Fault};
use crate::bytecode::{Inst, Pc, R, W};
use crate::observe::{Observer, Space};
use crate::ops::lane::LANES;
use crate::ops::{atomic, convert};

/// What to put in place of the old value: `None` leaves it.
type Update<'f> = &'f dyn Fn(usize, u32) -> Option<u32>;

/// The same for two words. The whole is not indivisible towards other CPU threads: kernels with 64-bit
/// atomics run their threadgroups one after another.
type UpdateLong<'f> = &'f dyn Fn(usize, u64) -> Option<u64>;

impl<O: Observer> Exec<'_, '_, O> {
    pub(super) fn atomic_rmw(
        &mut self,
        pc: Pc,
        d: R,
        p: W,
        v: R,
        f: AtomicFn,
        ty: Scalar,
    ) -> Result<(), Box<Fault>> {
        let operand = self.sg.reg(v).to_lanes();
        let old = self.update(pc, p, ty, &|lane, old| Some(atomic::apply(f, ty, old, operand[lane])))?;
        self.sg.reg_mut(d).set_lanes(old);
        Ok(())
    }

    pub(super) fn atomic_rmw_long(
        &mut self,
        pc: Pc,
        d: W,
        p: W,
        v: W,
        f: AtomicFn,
        ty: Scalar,
    ) -> Result<(), Box<Fault>> {
        let operand = *self.sg.wide(v);
        let old =
            self.update_long(pc, p, &|lane, old| Some(atomic::apply_long(f, ty, old, operand[lane])))?;
        *self.sg.wide_mut(d) = old;
        Ok(())
    }

    /// Compare and exchange; lanes that find another value than they expect get it in their `expected`.
    pub(super) fn atomic_cas(&mut self, pc: Pc, inst: &Inst) -> Result<(), Box<Fault>> {
        let Inst::AtomicCas { d, p, expected, v, ty } = *inst else { return Ok(()) };
        let size = u64::from(ty.size_bytes());
        let places = *self.sg.wide(expected);
        let read = Access { size, align: size, write: false, pc };
        let wanted: [u32; LANES] = self.read_each(&places, read)?;
        let desired = self.sg.reg(v).to_lanes();
        let bits = |lane: usize| convert::encode(desired[lane], ty);
        let old = self.update_raw(pc, p, ty, &|lane, old| (old == wanted[lane]).then(|| bits(lane)))?;
        let failed =
            lanes(self.sg.active).fold(0, |m, i| if old[i] == wanted[i] { m } else { m | 1u32 << i });
        self.write_each(&places, failed, &old, Access { write: true, ..read })?;
        self.sg.reg_mut(d).set_lanes(std::array::from_fn(|i| u32::from(old[i] == wanted[i])));
        Ok(())
    }

    pub(super) fn atomic_cas_long(&mut self, pc: Pc, inst: &Inst) -> Result<(), Box<Fault>> {
        let Inst::AtomicCasL { d, p, expected, v } = *inst else { return Ok(()) };
        let places = *self.sg.wide(expected);
        let read = Access { size: 8, align: 8, write: false, pc };
        let wanted: [u64; LANES] = self.read_each(&places, read)?;
        let desired = *self.sg.wide(v);
        let old = self.update_long(pc, p, &|lane, old| (old == wanted[lane]).then_some(desired[lane]))?;
        let failed =
            lanes(self.sg.active).fold(0, |m, i| if old[i] == wanted[i] { m } else { m | 1u32 << i });
        self.write_each(&places, failed, &old, Access { write: true, ..read })?;
        self.sg.reg_mut(d).set_lanes(std::array::from_fn(|i| u32::from(old[i] == wanted[i])));
        Ok(())
    }

    /// Updates with values as registers hold them.
    fn update(&mut self, pc: Pc, p: W, ty: Scalar, f: Update<'_>) -> Result<[u32; LANES], Box<Fault>> {
        let raw = self.update_raw(pc, p, ty, &|lane, old| {
            f(lane, convert::decode(old, ty)).map(|new| convert::encode(new, ty))
        })?;
        Ok(raw.map(|bits| convert::decode(bits, ty)))
    }

    /// Updates with bits as memory holds them; gives the old ones.
    fn update_raw(&mut self, pc: Pc, p: W, ty: Scalar, f: Update<'_>) -> Result<[u32; LANES], Box<Fault>> {
        let size = u64::from(ty.size_bytes());
        let access = Access { size, align: size, write: true, pc };
        let pointers = *self.sg.wide(p);
        let mut old = [0; LANES];
        for lane in lanes(self.sg.active) {
            let pointer = pointers[lane];
            old[lane] = self.update_word(pointer, lane, access, &|old| f(lane, old))?;
        }
        Ok(old)
    }

    fn update_word(
        &mut self,
        pointer: u64,
        lane: usize,
        access: Access,
        f: &dyn Fn(u32) -> Option<u32>,
    ) -> Result<u32, Box<Fault>> {
        let (offset, size) = (pointer & OFFSET_MASK, access.size);
        let within = |at: usize, word: u32| {
            let old = u32::read(at, size, |_| word);
            let new = f(old).map(|new| {
                let (_, bits, part) = new.parts(at, size)[0];
                (word & !bits) | part
            });
            (old, new)
        };
        match self.resolve(pointer) {
            Alloc::Device { words, start, len } if access.fits(start, offset, len) => {
                self.observer.atomic(Space::Device, size as u32, 1 << lane);
                let at = (start + offset) as usize;
                Ok(exchange(&words[at / 4], |word| within(at, word)))
            }
            Alloc::Shared { first, len } if access.fits(0, offset, len) => {
                self.observer.atomic(Space::Threadgroup, size as u32, 1 << lane);
                let word = &mut self.shared[first + offset as usize / 4];
                let (old, new) = within(offset as usize, *word);
                *word = new.unwrap_or(*word);
                Ok(old)
            }
            _ => Err(self.access_fault(pointer, lane, access)),
        }
    }

    fn update_long(&mut self, pc: Pc, p: W, f: UpdateLong<'_>) -> Result<[u64; LANES], Box<Fault>> {
        let access = Access { size: 8, align: 8, write: true, pc };
        let pointers = *self.sg.wide(p);
        let mut old = [0; LANES];
        for lane in lanes(self.sg.active) {
            let only = 1 << lane;
            self.read_scattered(&pointers, only, Access { write: true, ..access }, &mut old)?;
            if let Some(new) = f(lane, old[lane]) {
                let mut values = [0u64; LANES];
                values[lane] = new;
                self.write_scattered(&pointers, only, &values, access)?;
            }
        }
        Ok(old)
    }

    fn read_each<T: Element>(
        &mut self,
        pointers: &[u64; LANES],
        access: Access,
    ) -> Result<[T; LANES], Box<Fault>> {
        let mut out = [T::default(); LANES];
        for lane in lanes(self.sg.active) {
            self.read_scattered(pointers, 1 << lane, access, &mut out)?;
        }
        Ok(out)
    }

    fn write_each<T: Element>(
        &mut self,
        pointers: &[u64; LANES],
        mask: u32,
        values: &[T; LANES],
        access: Access,
    ) -> Result<(), Box<Fault>> {
        lanes(mask).try_for_each(|lane| self.write_scattered(pointers, 1 << lane, values, access))
    }
}

/// Replaces a word by what `f` makes of it, if anything; gives what `f` calls the old value.
fn exchange(word: &AtomicU32, f: impl Fn(u32) -> (u32, Option<u32>)) -> u32 {
    let mut seen = word.load(Relaxed);
    loop {
        let (old, Some(new)) = f(seen) else { return f(seen).0 };
        match word.compare_exchange_weak(seen, new, Relaxed, Relaxed) {
            Ok(_) => return old,
            Err(now) => seen = now,
        }
    }
}

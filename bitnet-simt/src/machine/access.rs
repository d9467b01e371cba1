//! Loads and stores: the checks, and the ways in which lanes usually go to memory.
//!
//! Lanes that go to one address, or to addresses in steps, have one check for all; 32 words side by side are
//! read as a row. Everything else, and everything that fails such a check, goes lane by lane in lane order,
//! so that a fault is that of the lowest lane and of lanes that write to one place the highest stays.

use bitnet_msl::ir::Scalar;

use super::element::{Access, Constant, Device, Element, Private, Shared, Words, WordsMut};
use super::lanes::{Wide, lanes};
use super::pattern::{OFFSET_MASK, Pattern, advance, allocation, signed_offset};
use super::{Alloc, Exec, Fault};
use crate::bytecode::{Addr, Pc, R, W};
use crate::observe::{Observer, Space};
use crate::ops::convert;
use crate::ops::lane::LANES;
use crate::trap::TrapKind;

/// What lanes have read.
enum Got<T> {
    Same(T),
    Each([T; LANES]),
}

impl<'a, O: Observer> Exec<'_, 'a, O> {
    pub(super) fn load(&mut self, pc: Pc, d: R, addr: Addr, ty: Scalar, align: u8) -> Result<(), Box<Fault>> {
        let size = u64::from(ty.size_bytes());
        let access = Access { size, align: align.into(), write: false, pc };
        let as_it_is = matches!(ty, Scalar::I32 | Scalar::U32 | Scalar::F32 | Scalar::U8 | Scalar::U16);
        match self.read::<u32>(addr, access)? {
            Got::Same(raw) => self.sg.reg_mut(d).set_uniform(convert::decode(raw, ty)),
            Got::Each(raw) if as_it_is => self.sg.reg_mut(d).set_lanes(raw),
            Got::Each(raw) => self.sg.reg_mut(d).set_lanes(raw.map(|bits| convert::decode(bits, ty))),
        }
        Ok(())
    }

    pub(super) fn load_wide(&mut self, pc: Pc, d: W, addr: Addr, align: u8) -> Result<(), Box<Fault>> {
        let access = Access { size: 8, align: align.into(), write: false, pc };
        *self.sg.wide_mut(d) = match self.read::<u64>(addr, access)? {
            Got::Same(raw) => [raw; LANES],
            Got::Each(raw) => raw,
        };
        Ok(())
    }

    pub(super) fn store(
        &mut self,
        pc: Pc,
        addr: Addr,
        v: R,
        ty: Scalar,
        align: u8,
    ) -> Result<(), Box<Fault>> {
        let mut raw = self.sg.reg(v).to_lanes();
        if matches!(ty, Scalar::F16 | Scalar::BF16) {
            raw = raw.map(|value| convert::encode(value, ty));
        }
        let size = u64::from(ty.size_bytes());
        self.write(addr, &raw, Access { size, align: align.into(), write: true, pc })
    }

    pub(super) fn store_wide(&mut self, pc: Pc, addr: Addr, v: W, align: u8) -> Result<(), Box<Fault>> {
        let raw = *self.sg.wide(v);
        self.write(addr, &raw, Access { size: 8, align: align.into(), write: true, pc })
    }

    fn read<T: Element>(&mut self, addr: Addr, access: Access) -> Result<Got<T>, Box<Fault>> {
        let active = self.sg.active;
        match self.sg.pattern(addr) {
            Pattern::Uniform(pointer) => self.read_uniform(pointer, access),
            Pattern::Steps(start, step) => self.read_steps(start, step, access),
            Pattern::Scattered(pointers) => {
                let mut out = [T::default(); LANES];
                self.read_scattered(&pointers, active, access, &mut out)?;
                Ok(Got::Each(out))
            }
            Pattern::Mixed(pointers) => {
                let mut out = [T::default(); LANES];
                for lane in lanes(active) {
                    self.read_scattered(&pointers, 1 << lane, access, &mut out)?;
                }
                Ok(Got::Each(out))
            }
        }
    }

    fn read_uniform<T: Element>(&mut self, pointer: u64, access: Access) -> Result<Got<T>, Box<Fault>> {
        let (offset, size) = (pointer & OFFSET_MASK, access.size);
        let (space, value) = match self.resolve(pointer) {
            Alloc::Device { words, start, len } if access.fits(start, offset, len) => {
                (Space::Device, T::read((start + offset) as usize, size, |i| Device(words).get(i, 0)))
            }
            Alloc::Constant { words, len } if access.fits(0, offset, len) => {
                (Space::Constant, T::read(offset as usize, size, |i| words[i]))
            }
            Alloc::Shared { first, len } if access.fits(0, offset, len) => {
                (Space::Threadgroup, T::read(offset as usize, size, |i| self.shared[first + i]))
            }
            // Thread memory differs from lane to lane.
            _ => {
                let mut out = [T::default(); LANES];
                self.read_scattered(&[pointer; LANES], self.sg.active, access, &mut out)?;
                return Ok(Got::Each(out));
            }
        };
        self.observer.load(space, size as u32, self.sg.active);
        Ok(Got::Same(value))
    }

    fn read_steps<T: Element>(
        &mut self,
        start: u64,
        step: i64,
        access: Access,
    ) -> Result<Got<T>, Box<Fault>> {
        let active = self.sg.active;
        let mut out = [T::default(); LANES];
        let done = match self.resolve(start) {
            Alloc::Device { words, start: at, len } => {
                steps(&Device(words), (at, len), (start, step), active, access, &mut out)
                    .then_some(Space::Device)
            }
            Alloc::Shared { first, len } => {
                let words = Shared(&mut self.shared[first..]);
                steps(&words, (0, len), (start, step), active, access, &mut out).then_some(Space::Threadgroup)
            }
            Alloc::Constant { words, len } => {
                let words = Constant(words);
                steps(&words, (0, len), (start, step), active, access, &mut out).then_some(Space::Constant)
            }
            _ => None,
        };
        match done {
            Some(space) => self.observer.load(space, access.size as u32, active),
            None => self.read_scattered(&pointers_in_steps(start, step), active, access, &mut out)?,
        }
        Ok(Got::Each(out))
    }

    /// Lanes of the mask, all in the allocation of the first one.
    pub(super) fn read_scattered<T: Element>(
        &mut self,
        pointers: &Wide,
        mask: u32,
        access: Access,
        out: &mut [T; LANES],
    ) -> Result<(), Box<Fault>> {
        let first_lane = mask.trailing_zeros() as usize % LANES;
        let (space, result) = match self.resolve(pointers[first_lane]) {
            Alloc::Device { words, start, len } => {
                (Space::Device, gather(&Device(words), pointers, mask, access, (start, len), out))
            }
            Alloc::Constant { words, len } => {
                (Space::Constant, gather(&Constant(words), pointers, mask, access, (0, len), out))
            }
            Alloc::Shared { first, len } => {
                let words = Shared(&mut self.shared[first..]);
                (Space::Threadgroup, gather(&words, pointers, mask, access, (0, len), out))
            }
            Alloc::Private { first, len } => {
                let words = Private(&mut self.sg.private[first * LANES..]);
                (Space::Thread, gather(&words, pointers, mask, access, (0, len), out))
            }
            Alloc::Unbound | Alloc::Stack => (Space::Thread, Err(first_lane)),
        };
        self.observer.load(space, access.size as u32, mask);
        result.map_err(|lane| self.access_fault(pointers[lane], lane, access))
    }

    fn write<T: Element>(
        &mut self,
        addr: Addr,
        values: &[T; LANES],
        access: Access,
    ) -> Result<(), Box<Fault>> {
        let active = self.sg.active;
        match self.sg.pattern(addr) {
            Pattern::Uniform(pointer) => self.write_scattered(&[pointer; LANES], active, values, access),
            Pattern::Steps(start, step) => self.write_steps(start, step, values, access),
            Pattern::Scattered(pointers) => self.write_scattered(&pointers, active, values, access),
            Pattern::Mixed(pointers) => {
                lanes(active).try_for_each(|lane| self.write_scattered(&pointers, 1 << lane, values, access))
            }
        }
    }

    fn write_steps<T: Element>(
        &mut self,
        start: u64,
        step: i64,
        values: &[T; LANES],
        access: Access,
    ) -> Result<(), Box<Fault>> {
        let (offset, size, active) = (start & OFFSET_MASK, access.size, self.sg.active);
        let all = size * LANES as u64;
        let side_by_side = active == u32::MAX && step == size as i64;
        match self.resolve(start) {
            Alloc::Device { words, start: at, len }
                if side_by_side
                    && offset + all <= len
                    && (at + offset).is_multiple_of(access.align.max(4)) =>
            {
                self.observer.store(Space::Device, size as u32, active);
                let first = (at + offset) as usize / 4;
                store_packed(values, size, &mut Device(&words[first..]));
                Ok(())
            }
            Alloc::Shared { first, len }
                if side_by_side && offset + all <= len && offset.is_multiple_of(access.align.max(4)) =>
            {
                self.observer.store(Space::Threadgroup, size as u32, active);
                let first = first + offset as usize / 4;
                store_packed(values, size, &mut Shared(&mut self.shared[first..]));
                Ok(())
            }
            _ => self.write_scattered(&pointers_in_steps(start, step), active, values, access),
        }
    }

    /// Lanes of the mask, all in the allocation of the first one, in order.
    pub(super) fn write_scattered<T: Element>(
        &mut self,
        pointers: &Wide,
        mask: u32,
        values: &[T; LANES],
        access: Access,
    ) -> Result<(), Box<Fault>> {
        let first_lane = mask.trailing_zeros() as usize % LANES;
        let (space, result) = match self.resolve(pointers[first_lane]) {
            Alloc::Device { words, start, len } => {
                (Space::Device, scatter(&mut Device(words), pointers, mask, access, (start, len), values))
            }
            Alloc::Shared { first, len } => {
                let mut words = Shared(&mut self.shared[first..]);
                (Space::Threadgroup, scatter(&mut words, pointers, mask, access, (0, len), values))
            }
            Alloc::Private { first, len } => {
                let mut words = Private(&mut self.sg.private[first * LANES..]);
                (Space::Thread, scatter(&mut words, pointers, mask, access, (0, len), values))
            }
            Alloc::Unbound | Alloc::Constant { .. } | Alloc::Stack => (Space::Constant, Err(first_lane)),
        };
        self.observer.store(space, access.size as u32, mask);
        result.map_err(|lane| self.access_fault(pointers[lane], lane, access))
    }

    /// The allocation that a pointer points into; the stack as the part of thread memory that it is now.
    #[inline(always)]
    pub(super) fn resolve(&self, pointer: u64) -> Alloc<'a> {
        match self.cx.allocs.get(allocation(pointer)) {
            Some(Alloc::Stack) => {
                let base = self.cx.code.stack_start();
                Alloc::Private { first: base / 4, len: (self.sg.stack_top - base) as u64 }
            }
            Some(&alloc) => alloc,
            None => Alloc::Unbound,
        }
    }

    /// Says why an access is not possible.
    #[cold]
    pub(super) fn access_fault(&self, pointer: u64, lane: usize, access: Access) -> Box<Fault> {
        let Access { size, write, pc, .. } = access;
        let verb = if write { "wrote" } else { "read" };
        let offset = signed_offset(pointer);
        let name = self.cx.code.alloc_name(allocation(pointer));
        let (kind, message) = match self.resolve(pointer) {
            Alloc::Unbound if allocation(pointer) == 0 => {
                (TrapKind::NullPointer, format!("{verb} {size} bytes through a null pointer"))
            }
            Alloc::Unbound | Alloc::Stack => {
                let message =
                    format!("{verb} {size} bytes at offset {offset} of {name}, to which nothing is bound");
                (TrapKind::UnboundBuffer, message)
            }
            Alloc::Constant { .. } if write => {
                let message = format!("wrote {size} bytes at offset {offset} of {name}, which is read-only");
                (TrapKind::WriteToConstant, message)
            }
            Alloc::Device { len, start, .. } => out_of_bounds(access, offset, &name, len, start),
            Alloc::Constant { len, .. } | Alloc::Shared { len, .. } | Alloc::Private { len, .. } => {
                out_of_bounds(access, offset, &name, len, 0)
            }
        };
        Box::new(Fault { kind, lane, pc, message, related: None })
    }
}

fn out_of_bounds(access: Access, offset: i64, name: &str, len: u64, start: u64) -> (TrapKind, String) {
    let Access { size, align, write, .. } = access;
    let verb = if write { "wrote" } else { "read" };
    let inside = u64::try_from(offset).is_ok_and(|offset| offset + size <= len);
    if inside {
        let from = if start == 0 { String::new() } else { format!(" (bound from byte {start} on)") };
        let message = format!(
            "{verb} {size} bytes at offset {offset} of {name}{from}, which is not a multiple of {align}"
        );
        return (TrapKind::Misaligned, message);
    }
    (
        TrapKind::OutOfBounds,
        format!("{verb} {size} bytes at offset {offset} of {name}, which is {len} bytes long"),
    )
}

fn pointers_in_steps(start: u64, step: i64) -> Wide {
    std::array::from_fn(|lane| advance(start, (step as u64).wrapping_mul(lane as u64)))
}

/// Reads in steps if all active lanes are within the allocation (start, length) and aligned; else reads nothing.
#[inline(always)]
fn steps<T: Element>(
    words: &impl Words,
    (at, len): (u64, u64),
    (pointer, step): (u64, i64),
    active: u32,
    access: Access,
    out: &mut [T; LANES],
) -> bool {
    let start = signed_offset(pointer);
    let (low, high) = (active.trailing_zeros(), 31 - active.leading_zeros());
    let ends = [low, high].map(|lane| start + step * i64::from(lane));
    let (least, greatest) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    let aligned = ((at as i64 + start) | step) & (access.align as i64 - 1) == 0;
    if least < 0 || greatest + access.size as i64 > len as i64 || !aligned {
        return false;
    }
    let first = at as i64 + start;
    if active == u32::MAX && step == 4 && access.size == 4 {
        let Some(row) = words.row(first as usize / 4) else { return false };
        for (out, word) in out.iter_mut().zip(row) {
            *out = T::read(0, 4, |_| word);
        }
        return true;
    }
    if active == u32::MAX {
        for (lane, out) in out.iter_mut().enumerate() {
            let at = first + step * lane as i64;
            *out = T::read(at as usize, access.size, |i| words.get(i, lane));
        }
        return true;
    }
    for lane in lanes(active) {
        let at = first + step * lane as i64;
        out[lane] = T::read(at as usize, access.size, |i| words.get(i, lane));
    }
    true
}

/// Reads lanes of the mask from an allocation (start, length); fails with the lane that does not fit.
fn gather<T: Element>(
    words: &impl Words,
    pointers: &Wide,
    mask: u32,
    access: Access,
    (start, len): (u64, u64),
    out: &mut [T; LANES],
) -> Result<(), usize> {
    for lane in lanes(mask) {
        let offset = pointers[lane] & OFFSET_MASK;
        if !access.fits(start, offset, len) {
            return Err(lane);
        }
        out[lane] = T::read((start + offset) as usize, access.size, |i| words.get(i, lane));
    }
    Ok(())
}

/// Writes lanes of the mask to an allocation (start, length); fails with the lane that does not fit.
fn scatter<T: Element>(
    words: &mut impl WordsMut,
    pointers: &Wide,
    mask: u32,
    access: Access,
    (start, len): (u64, u64),
    values: &[T; LANES],
) -> Result<(), usize> {
    for lane in lanes(mask) {
        let offset = pointers[lane] & OFFSET_MASK;
        if !access.fits(start, offset, len) {
            return Err(lane);
        }
        for (index, bits, value) in values[lane].parts((start + offset) as usize, access.size) {
            if bits != 0 {
                words.set(index, lane, bits, value);
            }
        }
    }
    Ok(())
}

/// Writes elements that lie one after another from the start of the words on.
fn store_packed<T: Element>(values: &[T; LANES], size: u64, words: &mut impl WordsMut) {
    let mut word = 0;
    for (lane, value) in values.iter().enumerate() {
        for (index, bits, part) in value.parts(lane * size as usize, size) {
            word |= part;
            // The part with the highest byte of its word completes it.
            if bits >> 31 == 1 {
                words.set(index, lane, u32::MAX, word);
                word = 0;
            }
        }
    }
}

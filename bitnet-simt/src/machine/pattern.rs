//! Addresses of lanes, and the patterns in which they usually lie.
//!
//! A pointer has the allocation in its upper 16 bits and a byte offset in the lower 48. Arithmetic wraps
//! within the offset, so a pointer never comes to point into another allocation, and whatever is out of
//! range is found by the comparison with the allocation's length.

use super::Simdgroup;
use super::lanes::{Register, Wide, lanes};
use crate::bytecode::{Addr, Base, Index};
use crate::ops::lane::LANES;

/// Bits of the offset of a pointer.
pub(crate) const OFFSET_BITS: u32 = 48;

/// The offset of a pointer.
pub(super) const OFFSET_MASK: u64 = (1 << OFFSET_BITS) - 1;

/// Adds to a pointer's offset.
#[inline(always)]
pub(super) fn advance(pointer: u64, bytes: u64) -> u64 {
    (pointer & !OFFSET_MASK) | (pointer.wrapping_add(bytes) & OFFSET_MASK)
}

/// The allocation of a pointer.
#[inline(always)]
pub(super) fn allocation(pointer: u64) -> usize {
    (pointer >> OFFSET_BITS) as usize
}

/// The offset of a pointer as people see it: before the start is negative.
#[inline(always)]
pub(super) fn signed_offset(pointer: u64) -> i64 {
    let unused = 64 - OFFSET_BITS;
    ((pointer << unused) as i64) >> unused
}

/// How the active lanes' addresses lie.
pub(super) enum Pattern {
    /// All the same.
    Uniform(u64),
    /// In steps: lane 0's, which need not be a valid one if that lane is not active, and bytes to the next.
    Steps(u64, i64),
    /// Anything, but in one allocation.
    Scattered(Box<Wide>),
    /// In several allocations.
    Mixed(Box<Wide>),
}

impl Simdgroup {
    /// The pointers of all lanes.
    pub(super) fn pointers(&self, addr: Addr) -> Wide {
        let base: Wide = match addr.base {
            Base::Alloc(id) => [u64::from(id) << OFFSET_BITS; LANES],
            Base::Lanes(w) => *self.wide(w),
        };
        let offset = i64::from(addr.offset) as u64;
        let mut pointers: Wide = std::array::from_fn(|i| advance(base[i], offset));
        for &Index { reg, scale, signed } in addr.indices.iter().flatten() {
            let (index, scale) = (self.reg(reg).to_lanes(), u64::from(scale));
            pointers = if signed {
                std::array::from_fn(|i| advance(pointers[i], (index[i] as i32 as u64).wrapping_mul(scale)))
            } else {
                std::array::from_fn(|i| advance(pointers[i], u64::from(index[i]) * scale))
            };
        }
        pointers
    }

    /// Where the active lanes go to. There is at least one.
    #[inline(always)]
    pub(super) fn pattern(&self, addr: Addr) -> Pattern {
        let Base::Alloc(id) = addr.base else { return pattern_of(self.pointers(addr), self.active) };
        let mut start = i64::from(addr.offset);
        let mut step = 0;
        for &Index { reg, scale, signed } in addr.indices.iter().flatten() {
            let Some((first, by)) = line(self.reg(reg), self.active, signed) else {
                return Pattern::Scattered(Box::new(self.pointers(addr)));
            };
            start += first * i64::from(scale);
            step += by * i64::from(scale);
        }
        let start = advance(u64::from(id) << OFFSET_BITS, start as u64);
        if step == 0 { Pattern::Uniform(start) } else { Pattern::Steps(start, step) }
    }
}

/// Lane 0's index and the steps between lanes' indices, as numbers, if they are regular.
#[inline(always)]
fn line(index: &Register, active: u32, signed: bool) -> Option<(i64, i64)> {
    let number = |bits: u32| if signed { i64::from(bits as i32) } else { i64::from(bits) };
    let (base, step) = match index.line() {
        Some((base, 0)) => return Some((number(base), 0)),
        Some(line) => line,
        None => line_of_lanes(index, active)?,
    };
    let (first, step) = (number(base), i64::from(step as i32));
    // The indices are taken modulo 2³², the addresses are not: none may wrap.
    let last = first + step * (LANES as i64 - 1);
    (last == number(base.wrapping_add((step as u32).wrapping_mul(LANES as u32 - 1)))).then_some((first, step))
}

/// Lane 0 and the step from lane to lane, if the active ones are in line: with all of them active, or if they
/// are equal.
#[inline(never)]
fn line_of_lanes(index: &Register, active: u32) -> Option<(u32, u32)> {
    let index = index.filled();
    if active != u32::MAX {
        let first = index[active.trailing_zeros() as usize % LANES];
        return lanes(active).all(|lane| index[lane] == first).then_some((first, 0));
    }
    let step = index[1].wrapping_sub(index[0]);
    let mut irregular = 0;
    let mut expect = index[0];
    for &value in index {
        irregular |= value ^ expect;
        expect = expect.wrapping_add(step);
    }
    (irregular == 0).then_some((index[0], step))
}

#[inline(never)]
fn pattern_of(pointers: Wide, active: u32) -> Pattern {
    let first = pointers[active.trailing_zeros() as usize % LANES];
    let (mut unequal, mut irregular) = (0, 0);
    if active == u32::MAX {
        let step = pointers[1].wrapping_sub(first);
        for (lane, &pointer) in pointers.iter().enumerate() {
            let distance = pointer.wrapping_sub(first);
            unequal |= distance;
            irregular |= distance ^ step.wrapping_mul(lane as u64);
        }
    } else {
        unequal = lanes(active).fold(0, |all, lane| all | (pointers[lane] ^ first));
        irregular = 1;
    }
    if unequal == 0 {
        return Pattern::Uniform(first);
    }
    let mixed = lanes(active).fold(0, |all, lane| all | (pointers[lane] ^ first)) > OFFSET_MASK;
    match (mixed, irregular == 0) {
        (true, _) => Pattern::Mixed(Box::new(pointers)),
        (false, true) => Pattern::Steps(first, signed_offset(pointers[1].wrapping_sub(first))),
        (false, false) => Pattern::Scattered(Box::new(pointers)),
    }
}

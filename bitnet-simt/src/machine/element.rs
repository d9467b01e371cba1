//! Elements in memory: what an access reads or writes for one lane.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::bytecode::Pc;
use crate::memory::store_part;
use crate::ops::lane::LANES;

/// An element: one or two words, or a part of one.
pub(super) trait Element: Copy + Default {
    /// Reads `size` bytes at byte `at` of words; the element lies within one word, or is two whole ones.
    fn read(at: usize, size: u64, word: impl Fn(usize) -> u32) -> Self;

    /// The words it changes: index, bits to change, their value.
    fn parts(self, at: usize, size: u64) -> [(usize, u32, u32); 2];
}

/// The place of a part of a word: how far to shift, and its bits once shifted.
#[inline(always)]
fn part_mask(at: usize, size: u64) -> (u32, u32) {
    let shift = (at % 4 * 8) as u32;
    let bits = if size >= 4 { u32::MAX } else { (1 << (size * 8)) - 1 };
    (shift, bits)
}

impl Element for u32 {
    #[inline(always)]
    fn read(at: usize, size: u64, word: impl Fn(usize) -> u32) -> u32 {
        let (shift, bits) = part_mask(at, size);
        (word(at / 4) >> shift) & bits
    }

    #[inline(always)]
    fn parts(self, at: usize, size: u64) -> [(usize, u32, u32); 2] {
        let (shift, bits) = part_mask(at, size);
        [(at / 4, bits << shift, (self & bits) << shift), (0, 0, 0)]
    }
}

impl Element for u64 {
    #[inline(always)]
    fn read(at: usize, _: u64, word: impl Fn(usize) -> u32) -> u64 {
        u64::from(word(at / 4)) | u64::from(word(at / 4 + 1)) << 32
    }

    #[inline(always)]
    fn parts(self, at: usize, _: u64) -> [(usize, u32, u32); 2] {
        [(at / 4, u32::MAX, self as u32), (at / 4 + 1, u32::MAX, (self >> 32) as u32)]
    }
}

/// An access that all active lanes make.
#[derive(Clone, Copy)]
pub(super) struct Access {
    pub(super) size: u64,
    pub(super) align: u64,
    pub(super) write: bool,
    pub(super) pc: Pc,
}

impl Access {
    /// Whether the element at an offset may be accessed in an allocation of this length that starts at `start`.
    #[inline(always)]
    pub(super) fn fits(self, start: u64, offset: u64, len: u64) -> bool {
        offset + self.size <= len && (start + offset) & (self.align - 1) == 0
    }
}

/// Words that lanes share, or that each lane has for itself.
pub(super) trait Words {
    /// A word as a lane sees it.
    fn get(&self, index: usize, lane: usize) -> u32;

    /// 32 words from an index on, one for each lane, if they lie side by side.
    fn row(&self, index: usize) -> Option<[u32; LANES]>;
}

/// Words that may be written.
pub(super) trait WordsMut {
    /// Changes bits of a word as a lane sees it.
    fn set(&mut self, index: usize, lane: usize, bits: u32, value: u32);
}

/// A buffer's words.
pub(super) struct Device<'a>(pub(super) &'a [AtomicU32]);

impl Words for Device<'_> {
    #[inline(always)]
    fn get(&self, index: usize, _: usize) -> u32 {
        self.0[index].load(Relaxed)
    }

    #[inline(always)]
    fn row(&self, index: usize) -> Option<[u32; LANES]> {
        let words = self.0.get(index..)?.first_chunk::<LANES>()?;
        let mut row = [0; LANES];
        for (value, word) in row.iter_mut().zip(words) {
            *value = word.load(Relaxed);
        }
        Some(row)
    }
}

impl WordsMut for Device<'_> {
    #[inline(always)]
    fn set(&mut self, index: usize, _: usize, bits: u32, value: u32) {
        let word = &self.0[index];
        // Bytes beside it may be another CPU thread's.
        if bits == u32::MAX { word.store(value, Relaxed) } else { store_part(word, bits, value) }
    }
}

/// Words that nobody writes.
pub(super) struct Constant<'a>(pub(super) &'a [u32]);

impl Words for Constant<'_> {
    #[inline(always)]
    fn get(&self, index: usize, _: usize) -> u32 {
        self.0[index]
    }

    #[inline(always)]
    fn row(&self, index: usize) -> Option<[u32; LANES]> {
        self.0.get(index..)?.first_chunk().copied()
    }
}

/// A threadgroup's words, from the allocation on.
pub(super) struct Shared<'a>(pub(super) &'a mut [u32]);

impl Words for Shared<'_> {
    #[inline(always)]
    fn get(&self, index: usize, _: usize) -> u32 {
        self.0[index]
    }

    #[inline(always)]
    fn row(&self, index: usize) -> Option<[u32; LANES]> {
        self.0.get(index..)?.first_chunk().copied()
    }
}

impl WordsMut for Shared<'_> {
    #[inline(always)]
    fn set(&mut self, index: usize, _: usize, bits: u32, value: u32) {
        self.0[index] = (self.0[index] & !bits) | value;
    }
}

/// The words of the threads of a simdgroup, from the allocation on: word `w` of lane `l` is at `w * 32 + l`.
pub(super) struct Private<'a>(pub(super) &'a mut [u32]);

impl Words for Private<'_> {
    #[inline(always)]
    fn get(&self, index: usize, lane: usize) -> u32 {
        self.0[index * LANES + lane]
    }

    fn row(&self, _: usize) -> Option<[u32; LANES]> {
        None
    }
}

impl WordsMut for Private<'_> {
    #[inline(always)]
    fn set(&mut self, index: usize, lane: usize, bits: u32, value: u32) {
        let word = &mut self.0[index * LANES + lane];
        *word = (*word & !bits) | value;
    }
}

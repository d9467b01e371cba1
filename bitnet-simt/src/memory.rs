//! Buffers: bytes that the host and the threads of a launch share.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use bytemuck::{NoUninit, Pod};

/// Bytes that the host and kernels share. A clone is another handle to the same bytes.
///
/// The bytes lie in 32-bit words that are read and written with relaxed atomics, so CPU threads may run
/// threadgroups of one launch over the same memory: a race in a shader gives a wrong value, never
/// undefined behaviour. Little endian on every host.
#[derive(Clone)]
pub struct Memory {
    words: Arc<[AtomicU32]>,
    len_bytes: usize,
}

/// A range that a [`Memory`] does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{len_bytes} bytes at offset {offset_bytes} do not lie within a memory of {memory_bytes} bytes")]
pub struct RangeError {
    /// First byte asked for.
    pub offset_bytes: usize,
    /// How many bytes were asked for.
    pub len_bytes: usize,
    /// How many there are.
    pub memory_bytes: usize,
}

impl Memory {
    /// Memory of `len_bytes` zero bytes.
    pub fn new_zeroed(len_bytes: usize) -> Self {
        let words = (0..len_bytes.div_ceil(4)).map(|_| AtomicU32::new(0)).collect();
        Self { words, len_bytes }
    }

    /// Memory that holds a copy of these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let words = to_words(bytes).map(AtomicU32::new).collect();
        Self { words, len_bytes: bytes.len() }
    }

    /// Memory that holds a copy of these values.
    pub fn from_slice<T: NoUninit>(values: &[T]) -> Self {
        Self::from_bytes(bytemuck::cast_slice(values))
    }

    /// Length in bytes.
    pub fn len_bytes(&self) -> usize {
        self.len_bytes
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len_bytes == 0
    }

    /// Whether both are handles to the same bytes.
    pub fn same_storage(&self, other: &Memory) -> bool {
        Arc::ptr_eq(&self.words, &other.words)
    }

    /// A copy of a range of bytes.
    ///
    /// # Errors
    /// If the range passes the end.
    pub fn read_bytes(&self, range: Range<usize>) -> Result<Vec<u8>, RangeError> {
        let mut out = vec![0; range.end.saturating_sub(range.start)];
        self.read_into(range.start, &mut out)?;
        Ok(out)
    }

    /// Copies the bytes at `offset_bytes` to `out`, as many as it holds.
    ///
    /// # Errors
    /// If that passes the end.
    pub fn read_into(&self, offset_bytes: usize, out: &mut [u8]) -> Result<(), RangeError> {
        self.check(offset_bytes, out.len())?;
        let mut at = offset_bytes;
        let mut rest = out;
        while !rest.is_empty() {
            let (skip, take) = word_part(at, rest.len());
            let word = self.words[at / 4].load(Relaxed).to_le_bytes();
            let (now, later) = rest.split_at_mut(take);
            now.copy_from_slice(&word[skip..skip + take]);
            (at, rest) = (at + take, later);
        }
        Ok(())
    }

    /// A copy of `count` values from `offset_bytes` on.
    ///
    /// # Errors
    /// If that passes the end.
    pub fn read_slice<T: Pod>(&self, offset_bytes: usize, count: usize) -> Result<Vec<T>, RangeError> {
        self.check(offset_bytes, count.saturating_mul(size_of::<T>()))?;
        let mut out = vec![T::zeroed(); count];
        self.read_into(offset_bytes, bytemuck::cast_slice_mut(&mut out))?;
        Ok(out)
    }

    /// A copy of everything as values; bytes past the last whole value are left out.
    pub fn to_vec<T: Pod>(&self) -> Vec<T> {
        let mut out = vec![T::zeroed(); self.len_bytes / size_of::<T>().max(1)];
        self.read_into(0, bytemuck::cast_slice_mut(&mut out)).expect("as many whole values as there are");
        out
    }

    /// Overwrites the bytes at `offset_bytes`.
    ///
    /// # Errors
    /// If that passes the end; nothing is written then.
    pub fn write_bytes(&self, offset_bytes: usize, bytes: &[u8]) -> Result<(), RangeError> {
        self.check(offset_bytes, bytes.len())?;
        let mut at = offset_bytes;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (skip, take) = word_part(at, rest.len());
            let (now, later) = rest.split_at(take);
            let word = &self.words[at / 4];
            match now.first_chunk::<4>() {
                Some(whole) => word.store(u32::from_le_bytes(*whole), Relaxed),
                None => {
                    let (mut value, mut mask) = ([0; 4], [0; 4]);
                    value[skip..skip + take].copy_from_slice(now);
                    mask[skip..skip + take].fill(0xff);
                    store_part(word, u32::from_le_bytes(mask), u32::from_le_bytes(value));
                }
            }
            (at, rest) = (at + take, later);
        }
        Ok(())
    }

    /// Overwrites with these values from `offset_bytes` on.
    ///
    /// # Errors
    /// If that passes the end; nothing is written then.
    pub fn write_slice<T: NoUninit>(&self, offset_bytes: usize, values: &[T]) -> Result<(), RangeError> {
        self.write_bytes(offset_bytes, bytemuck::cast_slice(values))
    }

    /// Sets every byte of a range.
    ///
    /// # Errors
    /// If the range passes the end; nothing is written then.
    pub fn fill(&self, range: Range<usize>, byte: u8) -> Result<(), RangeError> {
        let len = range.end.saturating_sub(range.start);
        self.check(range.start, len)?;
        let (first_whole, last_whole) = (range.start.div_ceil(4), range.end / 4);
        if first_whole >= last_whole {
            return self.write_bytes(range.start, &vec![byte; len]);
        }
        self.write_bytes(range.start, &vec![byte; first_whole * 4 - range.start])?;
        for word in &self.words[first_whole..last_whole] {
            word.store(u32::from_le_bytes([byte; 4]), Relaxed);
        }
        self.write_bytes(last_whole * 4, &vec![byte; range.end - last_whole * 4])
    }

    /// Copies `len_bytes` bytes from another memory (or another place of this one).
    ///
    /// # Errors
    /// If either range passes its end; nothing is written then.
    pub fn copy_from(
        &self,
        offset_bytes: usize,
        source: &Memory,
        source_offset_bytes: usize,
        len_bytes: usize,
    ) -> Result<(), RangeError> {
        self.check(offset_bytes, len_bytes)?;
        source.check(source_offset_bytes, len_bytes)?;
        let bytes = source.read_bytes(source_offset_bytes..source_offset_bytes + len_bytes)?;
        self.write_bytes(offset_bytes, &bytes)
    }

    pub(crate) fn words(&self) -> &[AtomicU32] {
        &self.words
    }

    fn check(&self, offset_bytes: usize, len_bytes: usize) -> Result<(), RangeError> {
        match offset_bytes.checked_add(len_bytes) {
            Some(end) if end <= self.len_bytes => Ok(()),
            _ => Err(RangeError { offset_bytes, len_bytes, memory_bytes: self.len_bytes }),
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("len_bytes", &self.len_bytes).finish_non_exhaustive()
    }
}

/// Sets the bits of `mask` to those of `value`. The other bits keep what neighbours write meanwhile.
pub(crate) fn store_part(word: &AtomicU32, mask: u32, value: u32) {
    let mut old = word.load(Relaxed);
    while let Err(now) = word.compare_exchange_weak(old, (old & !mask) | (value & mask), Relaxed, Relaxed) {
        old = now;
    }
}

/// Bytes as words, the last one filled up with zeros.
pub(crate) fn to_words(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes.chunks(4).map(|chunk| {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        u32::from_le_bytes(word)
    })
}

/// The part of the word at byte `at` that `len` bytes from there cover: (bytes to skip, bytes to take).
fn word_part(at: usize, len: usize) -> (usize, usize) {
    let skip = at % 4;
    (skip, len.min(4 - skip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_any_offset() {
        let bytes: Vec<u8> = (0..23).collect();
        let memory = Memory::from_bytes(&bytes);
        for start in 0..=23 {
            for end in start..=23 {
                assert_eq!(memory.read_bytes(start..end).as_deref(), Ok(&bytes[start..end]));
            }
        }
    }

    #[test]
    fn writes_change_their_range_only() {
        for start in 0..12 {
            for len in 0..=12 - start {
                let memory = Memory::from_bytes(&[0xaa; 12]);
                let filled = Memory::from_bytes(&[0xaa; 12]);
                memory.write_bytes(start, &vec![7; len]).expect("in range");
                filled.fill(start..start + len, 7).expect("in range");
                let mut expect = [0xaa; 12];
                expect[start..start + len].fill(7);
                assert_eq!(memory.read_bytes(0..12).as_deref(), Ok(&expect[..]));
                assert_eq!(filled.read_bytes(0..12).as_deref(), Ok(&expect[..]));
            }
        }
    }

    #[test]
    fn ranges_past_the_end_are_refused_and_write_nothing() {
        let memory = Memory::new_zeroed(6);
        let error = RangeError { offset_bytes: 4, len_bytes: 3, memory_bytes: 6 };
        assert_eq!(memory.write_bytes(4, &[1, 2, 3]), Err(error));
        assert_eq!(memory.read_bytes(4..7), Err(error));
        assert_eq!(memory.fill(4..7, 1), Err(error));
        assert!(memory.read_slice::<u32>(0, usize::MAX).is_err());
        assert!(memory.read_into(usize::MAX, &mut [0]).is_err());
        assert_eq!(memory.read_bytes(0..6), Ok(vec![0; 6]));
    }

    #[test]
    fn clones_share_and_copies_do_not() {
        let memory = Memory::from_slice(&[1.5f32, -2.0]);
        let shared = memory.clone();
        let copy = Memory::new_zeroed(8);
        copy.copy_from(0, &memory, 0, 8).expect("in range");
        shared.write_slice(4, &[9.0f32]).expect("in range");
        assert_eq!(memory.to_vec::<f32>(), [1.5, 9.0]);
        assert_eq!(copy.to_vec::<f32>(), [1.5, -2.0]);
        assert!(memory.same_storage(&shared) && !memory.same_storage(&copy));
    }
}

//! Bytes on whole pages of memory, which a GPU can use where they are.

use std::ops::{Deref, DerefMut};

use bytemuck::{Pod, Zeroable};

/// The largest page of the systems that Metal runs on: 16 KB on Apple silicon, 4 KB on Intel.
const PAGE_BYTES: usize = 16 * 1024;

/// A page: its alignment is its size, so a vector of them is whole pages of the system.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(16384))]
struct Page([[u8; 4096]; PAGE_BYTES / 4096]);

/// Bytes that begin at a page and fill whole pages, zeros behind their length. A GPU that shares its memory
/// with the host uses them without a copy:
/// [`Device::new_buffer_with_bytes_no_copy`](super::Device::new_buffer_with_bytes_no_copy).
#[derive(Clone)]
pub struct PageBytes {
    pages: Vec<Page>,
    length: usize,
}

impl PageBytes {
    /// `length` zero bytes.
    pub fn zeroed(length: usize) -> Self {
        let pages = vec![Page::zeroed(); length.div_ceil(PAGE_BYTES)];
        Self { pages, length }
    }

    /// The whole pages: these bytes, and the zeros behind them.
    #[cfg_attr(not(target_vendor = "apple"), expect(dead_code, reason = "no GPU uses pages here"))]
    pub(crate) fn as_pages_mut(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.pages)
    }
}

impl From<&[u8]> for PageBytes {
    fn from(bytes: &[u8]) -> Self {
        let mut pages = Self::zeroed(bytes.len());
        pages.copy_from_slice(bytes);
        pages
    }
}

impl Deref for PageBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.pages)[..self.length]
    }
}

impl DerefMut for PageBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.pages)[..self.length]
    }
}

impl std::fmt::Debug for PageBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PageBytes").field("length", &self.length).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_fill_whole_pages() {
        for length in [0, 1, PAGE_BYTES - 1, PAGE_BYTES, PAGE_BYTES + 1] {
            let bytes: Vec<u8> = (0..length).map(|i| i as u8 | 1).collect();
            let mut pages = PageBytes::from(&bytes[..]);
            assert_eq!(*pages, bytes);
            assert!(pages.as_ptr().addr().is_multiple_of(PAGE_BYTES), "{length}");
            let all: &[u8] = bytemuck::cast_slice(&pages.pages);
            assert!(all.len().is_multiple_of(PAGE_BYTES) && all.len() - length < PAGE_BYTES, "{length}");
            assert!(all[length..].iter().all(|byte| *byte == 0), "{length}");
            pages.fill(0);
            assert_eq!(*pages, vec![0; length]);
        }
    }
}

//! Sizes of grids and threadgroups.

use std::fmt;

/// A size in up to three dimensions, in threads or in threadgroups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct MTLSize {
    /// Along x.
    pub width: u64,
    /// Along y.
    pub height: u64,
    /// Along z.
    pub depth: u64,
}

impl MTLSize {
    /// The size `width × height × depth`.
    pub const fn new(width: u64, height: u64, depth: u64) -> Self {
        Self { width, height, depth }
    }

    /// The three dimensions, x first.
    pub const fn dimensions(self) -> [u64; 3] {
        [self.width, self.height, self.depth]
    }

    /// The product of the dimensions; `u64::MAX` if it is larger than that.
    pub fn count(self) -> u64 {
        self.width.saturating_mul(self.height).saturating_mul(self.depth)
    }

    /// Whether some dimension is zero.
    pub const fn is_empty(self) -> bool {
        self.width == 0 || self.height == 0 || self.depth == 0
    }
}

impl fmt::Display for MTLSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}×{}", self.width, self.height, self.depth)
    }
}

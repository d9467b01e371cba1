//! What a host asks for when it runs a kernel.

use std::collections::BTreeMap;

use crate::machine::ExitedLanes;
use crate::memory::Memory;
use crate::trap::Trap;

/// Lanes of a simdgroup.
pub const THREADS_PER_SIMDGROUP: u32 = 32;

/// The size of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grid {
    /// In threads; threadgroups at the far edges may be smaller.
    Threads([u32; 3]),
    /// In whole threadgroups.
    Threadgroups([u32; 3]),
}

/// What a buffer index is bound to.
#[derive(Clone, Debug)]
pub enum Bound {
    /// A buffer from an offset on.
    Buffer {
        /// The bytes.
        memory: Memory,
        /// Where the kernel's pointer points to. Past the end: every access traps.
        offset_bytes: usize,
    },
    /// Inline constants (`setBytes`): read-only.
    Bytes(Vec<u8>),
}

/// One dispatch of a kernel.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Size of the grid. A size of zero runs nothing.
    pub grid: Grid,
    /// Size of a threadgroup: 1 to 1024 threads.
    pub threads_per_threadgroup: [u32; 3],
    /// By buffer index; a missing one is unbound.
    pub bindings: Vec<Option<Bound>>,
    /// Bytes of the `[[threadgroup(index)]]` parameters, by index.
    pub threadgroup_memory_bytes: BTreeMap<u32, u32>,
}

impl Launch {
    /// A launch with nothing bound.
    pub fn new(grid: Grid, threads_per_threadgroup: [u32; 3]) -> Self {
        Self {
            grid,
            threads_per_threadgroup,
            bindings: Vec::new(),
            threadgroup_memory_bytes: BTreeMap::new(),
        }
    }

    /// Binds a whole buffer.
    pub fn buffer(self, index: usize, memory: &Memory) -> Self {
        self.bind(index, Bound::Buffer { memory: memory.clone(), offset_bytes: 0 })
    }

    /// Binds inline constants.
    pub fn bytes(self, index: usize, bytes: &[u8]) -> Self {
        self.bind(index, Bound::Bytes(bytes.to_vec()))
    }

    /// Binds an index.
    pub fn bind(mut self, index: usize, bound: Bound) -> Self {
        if self.bindings.len() <= index {
            self.bindings.resize(index + 1, None);
        }
        self.bindings[index] = Some(bound);
        self
    }

    /// Sets the length of a `[[threadgroup(index)]]` parameter's memory.
    pub fn threadgroup_memory(mut self, index: u32, len_bytes: u32) -> Self {
        self.threadgroup_memory_bytes.insert(index, len_bytes);
        self
    }
}

/// How to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunOptions {
    /// CPU threads at most; 0 takes as many as the machine has, for launches that are worth it.
    pub threads: usize,
    /// What a barrier does when some threads have returned before it.
    pub exited_lanes: ExitedLanes,
    /// Traps a simdgroup that executes more instructions than this. They are counted at loops and calls:
    /// each iteration costs the whole length of its loop's code.
    pub max_instructions: Option<u64>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self { threads: 0, exited_lanes: ExitedLanes::Ignore, max_instructions: None }
    }
}

impl RunOptions {
    /// With every check on: threads that return before a barrier are an error.
    pub fn checked() -> Self {
        Self { exited_lanes: ExitedLanes::Error, ..Self::default() }
    }
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunStats {
    /// Threadgroups executed.
    pub threadgroups: u64,
    /// Threads executed.
    pub threads: u64,
    /// Findings that did not stop the run ([`ExitedLanes::Warn`]): the first of each place.
    pub warnings: Vec<Trap>,
}

//! Observers: they see what the machine does and cannot change it.

use bitnet_msl::ir::LaneFn;

use crate::bytecode::Inst;

/// An instruction that is about to be executed.
#[derive(Clone, Copy, Debug)]
pub struct Instruction<'a>(pub(crate) &'a Inst);

impl Instruction<'_> {
    /// Its name, as [`Program::disassemble`](crate::Program::disassemble) prints it.
    pub fn mnemonic(&self) -> &'static str {
        self.0.mnemonic()
    }
}

/// Kinds of memory that an access may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// A bound buffer.
    Device,
    /// Inline or program-scope constants.
    Constant,
    /// Memory of the threadgroup.
    Threadgroup,
    /// Memory of the thread.
    Thread,
}

/// Sees a run. Every hook has an empty default; `active` is the mask of the lanes that take part.
///
/// A run may use several CPU threads: each gets a [`fork`](Observer::fork) of the observer, and all are
/// [`join`](Observer::join)ed at the end, in no particular order.
pub trait Observer: Send {
    /// An observer for another CPU thread, with nothing seen yet.
    fn fork(&self) -> Self
    where
        Self: Sized;

    /// Takes over what a fork has seen.
    fn join(&mut self, fork: Self)
    where
        Self: Sized;

    /// A threadgroup starts.
    fn threadgroup_start(&mut self, _threadgroup: [u32; 3]) {}

    /// A threadgroup has run to its end.
    fn threadgroup_end(&mut self, _threadgroup: [u32; 3]) {}

    /// A simdgroup is about to execute an instruction.
    fn instruction(&mut self, _instruction: Instruction<'_>, _active: u32) {}

    /// Lanes read memory: `bytes` each.
    fn load(&mut self, _space: Space, _bytes: u32, _active: u32) {}

    /// Lanes write memory: `bytes` each.
    fn store(&mut self, _space: Space, _bytes: u32, _active: u32) {}

    /// Lanes change memory atomically: `bytes` each.
    fn atomic(&mut self, _space: Space, _bytes: u32, _active: u32) {}

    /// A simdgroup has come to a barrier of its threadgroup (`true`) or its own.
    fn barrier(&mut self, _threadgroup: bool) {}

    /// A function over lanes.
    fn lane_op(&mut self, _function: LaneFn, _active: u32) {}

    /// A branch, with the lanes that go either way.
    fn branch(&mut self, _taken: u32, _not_taken: u32) {}
}

/// Sees nothing and costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn fork(&self) -> Self {
        Self
    }

    fn join(&mut self, _: Self) {}
}

/// Bytes by kind of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpaceBytes {
    /// Of buffers.
    pub device: u64,
    /// Of constants.
    pub constant: u64,
    /// Of threadgroup memory.
    pub threadgroup: u64,
    /// Of thread memory.
    pub thread: u64,
}

impl SpaceBytes {
    fn add(&mut self, space: Space, bytes: u64) {
        *match space {
            Space::Device => &mut self.device,
            Space::Constant => &mut self.constant,
            Space::Threadgroup => &mut self.threadgroup,
            Space::Thread => &mut self.thread,
        } += bytes;
    }

    fn join(&mut self, other: SpaceBytes) {
        self.device += other.device;
        self.constant += other.constant;
        self.threadgroup += other.threadgroup;
        self.thread += other.thread;
    }
}

/// Counts what a run does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Threadgroups.
    pub threadgroups: u64,
    /// Instructions, one for each simdgroup that executes one.
    pub instructions: u64,
    /// Bytes read, over all lanes.
    pub loads: SpaceBytes,
    /// Bytes written, over all lanes.
    pub stores: SpaceBytes,
    /// Atomic operations, over all lanes.
    pub atomics: u64,
    /// Arrivals of simdgroups at threadgroup barriers.
    pub barriers: u64,
    /// Functions over lanes.
    pub lane_ops: u64,
    /// Branches.
    pub branches: u64,
    /// Branches whose lanes went both ways.
    pub divergent_branches: u64,
}

impl Observer for Counters {
    fn fork(&self) -> Self {
        Self::default()
    }

    fn join(&mut self, fork: Self) {
        self.threadgroups += fork.threadgroups;
        self.instructions += fork.instructions;
        self.loads.join(fork.loads);
        self.stores.join(fork.stores);
        self.atomics += fork.atomics;
        self.barriers += fork.barriers;
        self.lane_ops += fork.lane_ops;
        self.branches += fork.branches;
        self.divergent_branches += fork.divergent_branches;
    }

    fn threadgroup_start(&mut self, _: [u32; 3]) {
        self.threadgroups += 1;
    }

    fn instruction(&mut self, _: Instruction<'_>, _: u32) {
        self.instructions += 1;
    }

    fn load(&mut self, space: Space, bytes: u32, active: u32) {
        self.loads.add(space, u64::from(bytes * active.count_ones()));
    }

    fn store(&mut self, space: Space, bytes: u32, active: u32) {
        self.stores.add(space, u64::from(bytes * active.count_ones()));
    }

    fn atomic(&mut self, _: Space, _: u32, active: u32) {
        self.atomics += u64::from(active.count_ones());
    }

    fn barrier(&mut self, threadgroup: bool) {
        self.barriers += u64::from(threadgroup);
    }

    fn lane_op(&mut self, _: LaneFn, _: u32) {
        self.lane_ops += 1;
    }

    fn branch(&mut self, taken: u32, not_taken: u32) {
        self.branches += 1;
        self.divergent_branches += u64::from(taken != 0 && not_taken != 0);
    }
}

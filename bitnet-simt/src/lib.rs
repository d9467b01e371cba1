//! Executes [`bitnet_msl`] IR on the CPU the way a GPU would: simdgroups of 32 lanes in lockstep under
//! masks, threadgroups of simdgroups that meet at barriers, and memory in which every access is checked.
//!
//! [`Program::new`] compiles one kernel of a module to bytecode, [`Program::run`] executes a [`Launch`]
//! of it over [`Memory`]. What goes wrong in a shader ends in a [`Trap`] that names the kernel, the
//! thread and the source line; the process goes on. What a shader logs goes to a [`ShaderLog`].
//!
//! **Invariant:** this crate sees IR, never MSL text.
//!
//! **Invariant:** the outcome of a run of a race-free kernel does not depend on how many CPU threads
//! execute it, nor on the machine.
//!
//! **Invariant:** no access to a [`Memory`] leaves its bounds, and there is no `unsafe`.

#![forbid(unsafe_code)]

mod bytecode;
mod launch;
mod log;
mod machine;
mod memory;
mod observe;
mod ops;
mod printf;
mod program;
mod trap;

pub use launch::{Bound, Grid, Launch, RunOptions, RunStats, THREADS_PER_SIMDGROUP};
pub use log::{LOG_RECORD_BYTES, LogRecord, LogSite, ShaderLog};
pub use machine::ExitedLanes;
pub use memory::{Memory, RangeError};
pub use observe::{Counters, Instruction, NoObserver, Observer, Space, SpaceBytes};
pub use program::{FunctionConstants, Program, ProgramError};
pub use trap::{Trap, TrapKind};

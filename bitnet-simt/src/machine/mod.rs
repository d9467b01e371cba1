//! The machine: simdgroups that execute bytecode, and the threadgroup that they make up.
//!
//! A [`Simdgroup`] keeps all that it needs to go on: place, masks, registers, frames, private memory. A
//! [`Machine`] runs the simdgroups of one threadgroup in order, each up to the next threadgroup barrier or
//! its end, until all have ended; then it takes the next threadgroup with the same storage.

mod access;
mod atomics;
mod control;
mod dispatch;
mod element;
mod functions;
mod grid;
pub(crate) mod lanes;
mod log;
mod pattern;
mod register;

use std::sync::atomic::AtomicU32;

pub(crate) use grid::run;
use lanes::{Register, Wide, lanes};
use log::WorkerLog;
pub(crate) use pattern::OFFSET_BITS;

use crate::ops::lane::LANES;

use crate::bytecode::{Pc, R, W};
use crate::launch::RunOptions;
use crate::observe::Observer;
use crate::program::Code;
use crate::trap::TrapKind;

/// What a barrier does when threads have returned before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExitedLanes {
    /// The run traps.
    Error,
    /// The run goes on and reports a warning.
    Warn,
    /// The barrier waits for the others only, as Apple GPUs do.
    Ignore,
}

/// How deep calls may nest.
const MAX_CALL_DEPTH: usize = 256;

/// Bytes of each thread for the variables of nested calls.
const MAX_STACK_BYTES: usize = 64 << 10;

/// An allocation that pointers of a launch may point into.
#[derive(Clone, Copy)]
pub(crate) enum Alloc<'a> {
    /// Nothing is bound; or null.
    Unbound,
    /// A buffer, from a byte of its words on.
    Device { words: &'a [AtomicU32], start: u64, len: u64 },
    /// Read-only words.
    Constant { words: &'a [u32], len: u64 },
    /// A part of the threadgroup's memory, from a word on.
    Shared { first: usize, len: u64 },
    /// A part of each thread's memory, from a word on.
    Private { first: usize, len: u64 },
    /// The variables of nested calls, by absolute offset in each thread's memory.
    Stack,
}

/// What all threadgroups of a launch share.
pub(crate) struct Context<'a> {
    pub(crate) code: &'a Code,
    pub(crate) allocs: Vec<Alloc<'a>>,
    pub(crate) options: RunOptions,
    /// Threads of the grid along each axis.
    pub(crate) grid: [u32; 3],
    /// Threadgroups of the grid along each axis.
    pub(crate) threadgroups: [u32; 3],
    /// Size of a whole threadgroup.
    pub(crate) threads_per_threadgroup: [u32; 3],
}

/// Something went wrong in a lane. Boxed: it is built once in a run at most.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: TrapKind,
    pub(crate) lane: usize,
    pub(crate) pc: Pc,
    pub(crate) message: String,
    pub(crate) related: Option<(Pc, &'static str)>,
}

/// Why a simdgroup has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// At a threadgroup barrier.
    Barrier(Pc),
    /// At the end of the kernel.
    End,
}

/// A call that has not returned.
struct Frame {
    return_to: Pc,
    r: usize,
    w: usize,
    m: usize,
    stack: usize,
    /// Lanes that go on after it.
    active: u32,
}

/// 32 lanes in lockstep.
#[derive(Default)]
pub(crate) struct Simdgroup {
    /// Lanes that exist: all but in the last simdgroup of a threadgroup.
    exist: u32,
    /// Lanes that execute.
    active: u32,
    pc: Pc,
    r: Vec<Register>,
    w: Vec<Wide>,
    masks: Vec<u32>,
    frames: Vec<Frame>,
    /// Where the current frame's registers and masks start.
    r_base: usize,
    w_base: usize,
    m_base: usize,
    /// Word `w` of lane `l` is at `w * 32 + l`.
    private: Vec<u32>,
    /// Bytes of a thread's memory in use: where the next frame's variables go.
    stack_top: usize,
    /// First byte of the current frame's variables.
    stack_base: usize,
    fuel: u64,
    stop: Option<Stop>,
}

impl Simdgroup {
    #[inline(always)]
    fn regs(&mut self) -> &mut [Register] {
        &mut self.r[self.r_base..]
    }

    #[inline(always)]
    fn wides(&mut self) -> &mut [Wide] {
        &mut self.w[self.w_base..]
    }

    #[inline(always)]
    fn reg(&self, r: R) -> &Register {
        &self.r[self.r_base + usize::from(r.0)]
    }

    #[inline(always)]
    fn reg_mut(&mut self, r: R) -> &mut Register {
        &mut self.r[self.r_base + usize::from(r.0)]
    }

    #[inline(always)]
    fn wide(&self, w: W) -> &Wide {
        &self.w[self.w_base + usize::from(w.0)]
    }

    #[inline(always)]
    fn wide_mut(&mut self, w: W) -> &mut Wide {
        &mut self.w[self.w_base + usize::from(w.0)]
    }

    /// The lanes that moves under the mask may treat as active: lanes that do not exist do not matter, which
    /// makes the mask full more often.
    #[inline(always)]
    fn write_mask(&self) -> u32 {
        self.active | !self.exist
    }

    /// Makes room for the frame of the kernel, with its constants.
    fn prepare(&mut self, code: &Code) {
        let kernel = &code.functions[0];
        kernel.make_room(&mut self.r, &mut self.w, &mut self.masks, [0; 3]);
        self.private.resize(code.private_bytes.div_ceil(4) as usize * LANES, 0);
    }

    /// Starts over, with these lanes.
    fn reset(&mut self, code: &Code, exist: u32, fuel: u64) {
        (self.exist, self.active, self.pc) = (exist, exist, 0);
        (self.r_base, self.w_base, self.m_base) = (0, 0, 0);
        self.frames.clear();
        self.masks.fill(0);
        self.private.truncate(code.private_bytes.div_ceil(4) as usize * LANES);
        self.private.fill(0);
        self.stack_top = code.private_bytes.next_multiple_of(16) as usize;
        self.stack_base = self.stack_top;
        self.fuel = fuel;
        self.stop = None;
    }

    /// Lanes that have neither returned from the kernel nor never existed.
    fn live(&self) -> u32 {
        self.exist & !self.masks[0]
    }
}

/// A simdgroup at work, with what it may touch.
pub(crate) struct Exec<'e, 'a, O> {
    pub(crate) cx: &'e Context<'a>,
    pub(crate) sg: &'e mut Simdgroup,
    /// The threadgroup's memory.
    pub(crate) shared: &'e mut [u32],
    pub(crate) observer: &'e mut O,
    /// Barriers passed with returned lanes, for [`ExitedLanes::Warn`].
    pub(crate) warnings: &'e mut Vec<Fault>,
    pub(crate) log: &'e mut WorkerLog,
}

/// Storage for the execution of one threadgroup after another.
#[derive(Default)]
pub(crate) struct Machine {
    simdgroups: Vec<Simdgroup>,
    shared: Vec<u32>,
}

impl Machine {
    /// Makes room for `count` simdgroups and the launch's threadgroup memory.
    fn prepare(&mut self, cx: &Context<'_>, count: usize, shared_bytes: usize) {
        while self.simdgroups.len() < count {
            let mut simdgroup = Simdgroup::default();
            simdgroup.prepare(cx.code);
            self.simdgroups.push(simdgroup);
        }
        self.shared.resize(shared_bytes.div_ceil(4), 0);
    }

    /// Runs the simdgroups that `start` has set up until all have ended. A fault comes with the index of its
    /// simdgroup.
    fn run<O: Observer>(
        &mut self,
        cx: &Context<'_>,
        count: usize,
        observer: &mut O,
        warnings: &mut Vec<(usize, Fault)>,
        log: &mut WorkerLog,
    ) -> Result<(), (usize, Box<Fault>)> {
        loop {
            let mut at_barrier = false;
            for index in 0..count {
                let sg = &mut self.simdgroups[index];
                if sg.stop != Some(Stop::End) {
                    let mut found = Vec::new();
                    log.simdgroup = index as u32;
                    let shared = &mut self.shared;
                    let mut exec = Exec { cx, sg, shared, observer, warnings: &mut found, log };
                    let stop = exec.run().map_err(|fault| (index, fault))?;
                    warnings.extend(found.into_iter().map(|fault| (index, fault)));
                    at_barrier |= stop != Stop::End;
                    self.simdgroups[index].stop = Some(stop);
                }
            }
            if !at_barrier {
                return Ok(());
            }
            self.meet(cx, count, warnings)?;
        }
    }

    /// All simdgroups have stopped, some of them at a barrier: checks that it is the same one for all.
    fn meet(
        &self,
        cx: &Context<'_>,
        count: usize,
        warnings: &mut Vec<(usize, Fault)>,
    ) -> Result<(), (usize, Box<Fault>)> {
        let groups = &self.simdgroups[..count];
        let (first, barrier) = groups
            .iter()
            .enumerate()
            .find_map(|(i, sg)| match sg.stop {
                Some(Stop::Barrier(pc)) => Some((i, pc)),
                _ => None,
            })
            .expect("a simdgroup is at a barrier");
        let fault = |lane, pc, message: &str, related| Fault {
            kind: TrapKind::DivergentBarrier,
            lane,
            pc,
            message: message.into(),
            related,
        };
        for (i, sg) in groups.iter().enumerate() {
            match sg.stop {
                Some(Stop::Barrier(pc)) if pc != barrier => {
                    let lane = sg.active.trailing_zeros() as usize;
                    let message =
                        "waits at a barrier while other simdgroups of its threadgroup wait at another";
                    return Err((
                        i,
                        Box::new(fault(lane, pc, message, Some((barrier, "the other barrier is")))),
                    ));
                }
                Some(Stop::End) if sg.live() != 0 => {
                    let lane = groups[first].active.trailing_zeros() as usize;
                    let message = "waits at a barrier that a simdgroup of its threadgroup has passed by, to the end of the kernel";
                    return Err((first, Box::new(fault(lane, barrier, message, None))));
                }
                Some(Stop::End) if cx.options.exited_lanes != ExitedLanes::Ignore => {
                    let lane = lanes(sg.exist).next().unwrap_or(0);
                    let found =
                        fault(lane, barrier, "has returned before a barrier that others wait at", None);
                    if cx.options.exited_lanes == ExitedLanes::Error {
                        return Err((i, Box::new(found)));
                    }
                    warnings.push((i, found));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

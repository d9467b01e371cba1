//! A launch: from bindings to allocations, over all threadgroups, on several CPU threads.
//!
//! Workers take the next threadgroup in linear order from a counter. When one traps, those before it have
//! been taken by some worker and run to their end, those after it need not start: so the first trap in
//! linear order is found, whatever the number of workers.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bitnet_msl::ir::{Binding, ThreadAttribute};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::lanes::{Reg, Register};
use super::log::{self, WorkerLog};
use super::{Alloc, Context, Fault, Machine};
use crate::launch::{Bound, Grid, Launch, RunOptions, RunStats, THREADS_PER_SIMDGROUP};
use crate::log::ShaderLog;
use crate::memory::to_words;
use crate::observe::Observer;
use crate::ops::lane::LANES;
use crate::program::{AllocKind, AttributeInit, Program};
use crate::trap::{Trap, TrapKind};

/// Most threads of a threadgroup.
const MAX_THREADS_PER_THREADGROUP: u64 = 1024;

/// Most bytes of threadgroup memory.
const MAX_THREADGROUP_BYTES: u64 = 32 << 10;

/// How long a launch runs on the calling thread alone, unless a number of threads was asked for. To wake the
/// other workers, and to be woken when they are done, costs about as much; a launch that ends sooner is better
/// off without them.
const ALONE: Duration = Duration::from_micros(50);

/// The threads that help the calling one. A pool of our own: in the program's, a thread that waits for a launch
/// could take up work of the program that waits for the same launch. `None` if no thread could be started.
fn pool() -> Option<&'static ThreadPool> {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let start = || ThreadPoolBuilder::new().thread_name(|index| format!("bitnet-simt-{index}")).build().ok();
    POOL.get_or_init(start).as_ref()
}

/// Runs a launch. What it logs is added to the log, if there is one.
pub(crate) fn run<O: Observer>(
    program: &Program,
    launch: &Launch,
    options: &RunOptions,
    observer: &mut O,
    log: Option<&mut ShaderLog>,
) -> Result<RunStats, Box<Trap>> {
    check_launch(program, launch).map_err(|message| bad_launch(program, message))?;
    let size = launch.threads_per_threadgroup;
    let (grid, threadgroups) = match launch.grid {
        Grid::Threads(threads) => (threads, std::array::from_fn(|i| threads[i].div_ceil(size[i]))),
        Grid::Threadgroups(groups) => (std::array::from_fn(|i| groups[i].saturating_mul(size[i])), groups),
    };
    let count = threadgroups.iter().map(|&n| u64::from(n)).try_fold(1u64, u64::checked_mul);
    let count =
        count.ok_or_else(|| bad_launch(program, "has more threadgroups than can be counted".into()))?;
    let inline: Vec<Vec<u32>> = launch.bindings.iter().map(inline_words).collect();
    let (allocs, shared_bytes) =
        resolve(program, launch, &inline).map_err(|message| bad_launch(program, message))?;
    let cx = Context {
        code: &program.code,
        allocs,
        options: *options,
        grid,
        threadgroups,
        threads_per_threadgroup: size,
    };
    let (next, end) = (AtomicU64::new(0), AtomicU64::new(count));
    let run = Run { program, cx, shared_bytes, count, log: log.as_deref(), next, end };
    let (findings, logs) = run.spread(observer);
    if let Some(log) = log {
        log::join(logs, findings.trap.as_ref().map(|(threadgroup, _)| *threadgroup), log);
    }
    findings.into_result(count)
}

fn inline_words(bound: &Option<Bound>) -> Vec<u32> {
    match bound {
        Some(Bound::Bytes(bytes)) => to_words(bytes).collect(),
        _ => Vec::new(),
    }
}

fn bad_launch(program: &Program, message: String) -> Box<Trap> {
    Box::new(Trap {
        kind: TrapKind::BadLaunch,
        kernel: program.kernel_name().into(),
        threadgroup: [0; 3],
        thread: [0; 3],
        span: program.span,
        location: program.sources.locate(program.span),
        message,
        related: None,
    })
}

fn check_launch(program: &Program, launch: &Launch) -> Result<(), String> {
    let [x, y, z] = launch.threads_per_threadgroup;
    let threads = [x, y, z].iter().map(|&n| u64::from(n)).fold(1u64, u64::saturating_mul);
    let limit = program.max_total_threads_per_threadgroup().map_or(MAX_THREADS_PER_THREADGROUP, u64::from);
    let limit = limit.min(MAX_THREADS_PER_THREADGROUP);
    if threads == 0 || threads > limit {
        return Err(format!("a threadgroup of ({x}, {y}, {z}) threads is not one of 1 to {limit}"));
    }
    let references = program.params().iter().filter_map(|param| match param.binding {
        Binding::Buffer { index, is_reference: true } => Some((param, index)),
        _ => None,
    });
    for (param, index) in references {
        let needed = program.pointee_bytes(param) as usize;
        let bound = match launch.bindings.get(index as usize) {
            Some(Some(Bound::Buffer { memory, offset_bytes })) => {
                memory.len_bytes().saturating_sub(*offset_bytes)
            }
            Some(Some(Bound::Bytes(bytes))) => bytes.len(),
            // Left to the access: a kernel may not come to it.
            Some(None) | None => continue,
        };
        if bound < needed {
            let name = &param.name;
            return Err(format!(
                "`{name}` at buffer index {index} needs {needed} bytes, but {bound} are bound"
            ));
        }
    }
    Ok(())
}

/// The allocations of a launch and the bytes of threadgroup memory.
fn resolve<'a>(
    program: &'a Program,
    launch: &'a Launch,
    inline: &'a [Vec<u32>],
) -> Result<(Vec<Alloc<'a>>, usize), String> {
    let mut shared_bytes = u64::from(program.code.shared_bytes);
    let mut allocs = Vec::with_capacity(program.code.allocs.len());
    for alloc in &program.code.allocs {
        allocs.push(match &alloc.kind {
            AllocKind::Null => Alloc::Unbound,
            AllocKind::Buffer { index } => match launch.bindings.get(*index as usize) {
                Some(Some(Bound::Buffer { memory, offset_bytes })) => {
                    let start = (*offset_bytes).min(memory.len_bytes());
                    let len = memory.len_bytes() - start;
                    Alloc::Device { words: memory.words(), start: start as u64, len: len as u64 }
                }
                Some(Some(Bound::Bytes(bytes))) => {
                    Alloc::Constant { words: &inline[*index as usize], len: bytes.len() as u64 }
                }
                Some(None) | None => Alloc::Unbound,
            },
            AllocKind::ThreadgroupParam { index } => {
                let len = launch.threadgroup_memory_bytes.get(index).copied().unwrap_or(0);
                let first = shared_bytes.next_multiple_of(16);
                shared_bytes = first + u64::from(len);
                match len {
                    0 => Alloc::Unbound,
                    _ => Alloc::Shared { first: first as usize / 4, len: len.into() },
                }
            }
            AllocKind::Shared { offset, len } => {
                Alloc::Shared { first: *offset as usize / 4, len: (*len).into() }
            }
            AllocKind::Constant { words, len } => Alloc::Constant { words, len: (*len).into() },
            AllocKind::Private { offset, len } => {
                Alloc::Private { first: *offset as usize / 4, len: (*len).into() }
            }
            AllocKind::Stack => Alloc::Stack,
        });
    }
    if shared_bytes > MAX_THREADGROUP_BYTES {
        return Err(format!(
            "needs {shared_bytes} bytes of threadgroup memory, {MAX_THREADGROUP_BYTES} are allowed"
        ));
    }
    Ok((allocs, shared_bytes as usize))
}

/// What workers have found. Only what does not depend on their number gets out.
#[derive(Default)]
struct Findings {
    /// The trap of the first threadgroup that has one.
    trap: Option<(u64, Trap)>,
    /// For each place the warning of the first threadgroup that has one.
    warnings: Vec<(u64, Trap)>,
    threads: u64,
}

impl Findings {
    fn warn(&mut self, threadgroup: u64, warning: Trap) {
        match self.warnings.iter_mut().find(|(_, known)| known.span == warning.span) {
            Some(known) if known.0 > threadgroup => *known = (threadgroup, warning),
            Some(_) => {}
            None => self.warnings.push((threadgroup, warning)),
        }
    }

    fn join(&mut self, other: Findings) {
        if let Some((threadgroup, trap)) = other.trap
            && self.trap.as_ref().is_none_or(|(known, _)| threadgroup < *known)
        {
            self.trap = Some((threadgroup, trap));
        }
        for (threadgroup, warning) in other.warnings {
            self.warn(threadgroup, warning);
        }
        self.threads += other.threads;
    }

    fn into_result(mut self, threadgroups: u64) -> Result<RunStats, Box<Trap>> {
        if let Some((_, trap)) = self.trap {
            return Err(Box::new(trap));
        }
        self.warnings.sort_by_key(|(threadgroup, warning)| (*threadgroup, warning.span.lo));
        let warnings = self.warnings.into_iter().map(|(_, warning)| warning).collect();
        Ok(RunStats { threadgroups, threads: self.threads, warnings })
    }
}

/// A launch under way.
struct Run<'a> {
    program: &'a Program,
    cx: Context<'a>,
    shared_bytes: usize,
    count: u64,
    /// The log before the run, which says what is wanted.
    log: Option<&'a ShaderLog>,
    /// The next threadgroup to take.
    next: AtomicU64,
    /// No threadgroup from here on need run.
    end: AtomicU64,
}

impl Run<'_> {
    /// Runs all threadgroups on as many workers as the options and the kernel allow.
    fn spread<O: Observer>(&self, observer: &mut O) -> (Findings, Vec<WorkerLog>) {
        let threads = self.cx.options.threads;
        let (mut all, mut logs) = (Findings::default(), Vec::new());
        let mut alone = |observer: &mut O, until| {
            let (findings, log) = self.work(observer, until);
            all.join(findings);
            logs.push(log);
        };
        let one_worker = self.cx.code.sequential || self.count <= 1 || threads == 1;
        if one_worker || threads == 0 {
            alone(observer, (!one_worker).then(|| Instant::now() + ALONE));
        }
        let left = self.end.load(Relaxed).saturating_sub(self.next.load(Relaxed));
        if left == 0 {
            return (all, logs);
        }
        let Some(pool) = pool() else {
            alone(observer, None);
            return (all, logs);
        };
        let wanted = if threads == 0 { pool.current_num_threads() } else { threads };
        let workers = wanted.min(usize::try_from(left).unwrap_or(usize::MAX));
        let results = Mutex::new(Vec::new());
        let work = |mut fork: O| {
            let (findings, log) = self.work(&mut fork, None);
            results.lock().unwrap_or_else(PoisonError::into_inner).push((findings, log, fork));
        };
        let work = &work;
        let own = observer.fork();
        let forks: Vec<O> = (1..workers).map(|_| observer.fork()).collect();
        pool.in_place_scope(|scope| {
            for fork in forks {
                scope.spawn(move |_| work(fork));
            }
            work(own);
        });
        for (findings, log, fork) in results.into_inner().unwrap_or_else(PoisonError::into_inner) {
            all.join(findings);
            logs.push(log);
            observer.join(fork);
        }
        (all, logs)
    }

    /// Takes threadgroups until there are none, or until a time has come.
    fn work<O: Observer>(&self, observer: &mut O, until: Option<Instant>) -> (Findings, WorkerLog) {
        let (mut findings, mut log) = (Findings::default(), WorkerLog::new(self.log));
        let mut machine = self.program.take_machine();
        let [x, y, z] = self.cx.threads_per_threadgroup;
        machine.prepare(&self.cx, (x * y * z).div_ceil(THREADS_PER_SIMDGROUP) as usize, self.shared_bytes);
        while until.is_none_or(|until| Instant::now() < until) {
            let threadgroup = self.next.fetch_add(1, Relaxed);
            if threadgroup >= self.end.load(Relaxed) {
                break;
            }
            self.run_threadgroup(&mut machine, threadgroup, observer, &mut findings, &mut log);
        }
        self.program.give_machine(machine);
        (findings, log)
    }

    fn run_threadgroup<O: Observer>(
        &self,
        machine: &mut Machine,
        threadgroup: u64,
        observer: &mut O,
        findings: &mut Findings,
        log: &mut WorkerLog,
    ) {
        let place = Place::new(&self.cx, threadgroup);
        findings.threads += u64::from(place.threads());
        observer.threadgroup_start(place.position);
        log.start(threadgroup, place);
        let count = machine.start(&self.cx, &place);
        let mut warnings = Vec::new();
        let result = machine.run(&self.cx, count, observer, &mut warnings, log);
        for (simdgroup, fault) in warnings {
            findings.warn(threadgroup, self.trap(&place, simdgroup, fault));
        }
        match result {
            Ok(()) => observer.threadgroup_end(place.position),
            Err((simdgroup, fault)) => {
                self.end.fetch_min(threadgroup, Relaxed);
                if findings.trap.as_ref().is_none_or(|(known, _)| threadgroup < *known) {
                    findings.trap = Some((threadgroup, self.trap(&place, simdgroup, *fault)));
                }
            }
        }
    }

    fn trap(&self, place: &Place, simdgroup: usize, fault: Fault) -> Trap {
        let index = simdgroup as u32 * THREADS_PER_SIMDGROUP + fault.lane as u32;
        let span = self.cx.code.spans[fault.pc as usize];
        let locate = |pc: u32| self.program.sources.locate(self.cx.code.spans[pc as usize]);
        let related = fault.related.map(|(pc, what)| (locate(pc), what.to_string()));
        Trap {
            kind: fault.kind,
            kernel: self.program.kernel_name().into(),
            threadgroup: place.position,
            thread: place.thread_in_grid(&self.cx, place.thread(index)),
            span,
            location: locate(fault.pc),
            message: fault.message,
            related,
        }
    }
}

/// A threadgroup in its grid.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) position: [u32; 3],
    /// Its size: smaller at the far edges of a grid that is no multiple of the threadgroup.
    size: [u32; 3],
}

impl Place {
    fn new(cx: &Context<'_>, linear: u64) -> Self {
        let [nx, ny, _] = cx.threadgroups.map(u64::from);
        let position = [(linear % nx) as u32, (linear / nx % ny) as u32, (linear / nx / ny) as u32];
        let whole = cx.threads_per_threadgroup;
        let size = std::array::from_fn(|i| (cx.grid[i] - position[i] * whole[i]).min(whole[i]));
        Self { position, size }
    }

    fn threads(&self) -> u32 {
        self.size.iter().product()
    }

    /// Position within the threadgroup of the thread with this index.
    pub(super) fn thread(&self, index: u32) -> [u32; 3] {
        let [x, y, _] = self.size;
        [index % x, index / x % y, index / x / y]
    }

    pub(super) fn thread_in_grid(&self, cx: &Context<'_>, thread: [u32; 3]) -> [u32; 3] {
        std::array::from_fn(|i| self.position[i] * cx.threads_per_threadgroup[i] + thread[i])
    }

    /// A component of an attribute for the thread with this index.
    fn attribute(&self, cx: &Context<'_>, attribute: ThreadAttribute, component: usize, index: u32) -> u32 {
        use ThreadAttribute as A;
        let whole = cx.threads_per_threadgroup;
        match attribute {
            A::ThreadPositionInGrid => self.thread_in_grid(cx, self.thread(index))[component],
            A::ThreadsPerGrid | A::GridSize => cx.grid[component],
            A::ThreadPositionInThreadgroup => self.thread(index)[component],
            A::ThreadsPerThreadgroup => self.size[component],
            A::ThreadgroupPositionInGrid => self.position[component],
            A::ThreadgroupsPerGrid => cx.threadgroups[component],
            A::DispatchThreadsPerThreadgroup => whole[component],
            A::ThreadIndexInThreadgroup => index,
            A::ThreadIndexInSimdgroup => index % THREADS_PER_SIMDGROUP,
            A::SimdgroupIndexInThreadgroup => index / THREADS_PER_SIMDGROUP,
            A::ThreadsPerSimdgroup => THREADS_PER_SIMDGROUP,
            A::SimdgroupsPerThreadgroup => self.threads().div_ceil(THREADS_PER_SIMDGROUP),
            A::DispatchSimdgroupsPerThreadgroup => {
                whole.iter().product::<u32>().div_ceil(THREADS_PER_SIMDGROUP)
            }
            A::ThreadIndexInQuadgroup => index % 4,
            A::QuadgroupIndexInThreadgroup => index / 4,
            A::QuadgroupsPerThreadgroup => self.threads().div_ceil(4),
            A::GridOrigin => 0,
        }
    }
}

impl Machine {
    /// Sets up the simdgroups of a threadgroup; gives how many there are.
    fn start(&mut self, cx: &Context<'_>, place: &Place) -> usize {
        let threads = place.threads();
        let count = threads.div_ceil(THREADS_PER_SIMDGROUP);
        let fuel = cx.options.max_instructions.unwrap_or(u64::MAX);
        self.shared.fill(0);
        for (number, simdgroup) in (0..count).zip(&mut self.simdgroups) {
            let first = number * THREADS_PER_SIMDGROUP;
            let exist = u32::MAX >> (THREADS_PER_SIMDGROUP - (threads - first).min(THREADS_PER_SIMDGROUP));
            simdgroup.reset(cx.code, exist, fuel);
            for init in &cx.code.attributes {
                set_attribute(&mut simdgroup.r[usize::from(init.reg.0)], cx, place, init, first);
            }
        }
        count as usize
    }
}

/// Sets an attribute for the 32 threads from `first` on.
fn set_attribute(register: &mut Register, cx: &Context<'_>, place: &Place, init: &AttributeInit, first: u32) {
    use ThreadAttribute as A;
    let mask = if init.is_short { 0xffff } else { u32::MAX };
    let start = place.attribute(cx, init.attribute, init.component, first);
    // A line of 32 must not wrap around in 16 bits.
    let is_line = !init.is_short || start <= 0xffff - LANES as u32;
    match init.attribute {
        A::ThreadPositionInGrid | A::ThreadPositionInThreadgroup => {
            let position = place.thread(first);
            // Threads that do not exist may continue the row.
            let one_row = position[0] + (place.threads() - first).min(LANES as u32) <= place.size[0];
            match init.component {
                0 if one_row && is_line => register.set_line(start, 1),
                1 | 2 if one_row => register.set_uniform(start & mask),
                component => register.set_lanes(
                    positions(place.size, position, component).map(|by| start.wrapping_add(by) & mask),
                ),
            }
        }
        A::ThreadIndexInThreadgroup | A::ThreadIndexInSimdgroup => register.set_line(start, 1),
        A::ThreadIndexInQuadgroup => register.set_lanes(std::array::from_fn(|lane| lane as u32 % 4)),
        A::QuadgroupIndexInThreadgroup => {
            register.set_lanes(std::array::from_fn(|lane| start + lane as u32 / 4));
        }
        _ => register.set_uniform(start & mask),
    }
}

/// A component of the positions of 32 threads in a threadgroup of this size, less that of the first one.
fn positions(size: [u32; 3], first: [u32; 3], component: usize) -> Reg {
    let mut position = first;
    let mut lanes = [0; LANES];
    for lane in &mut lanes {
        *lane = position[component].wrapping_sub(first[component]);
        position[0] += 1;
        if position[0] == size[0] {
            position = [0, position[1] + 1, position[2]];
        }
        if position[1] == size[1] {
            position = [position[0], 0, position[2] + 1];
        }
    }
    lanes
}

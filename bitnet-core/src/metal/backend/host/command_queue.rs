//! Queues: command buffers in the order they come, run by a thread of the queue or by whoever waits.
//!
//! A thread that waits for a command buffer would sleep until the queue's thread has woken up and done the
//! work, and then wake up itself. For a small dispatch these two ways cost far more than the work, so the
//! one who waits takes the work in hand, unless the queue's thread was quicker.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Instant;

use bitnet_simt::RunOptions;

use super::capture::Captures;
use super::command_buffer::{Command, CommandBuffer};
use super::trace::{Notes, Queue};
use crate::metal::backend;
use crate::metal::completion::{Completion, RunTimes, panic_text};
use crate::metal::error::MetalError;
use crate::metal::label::Label;
use crate::metal::log_state::LogState;
use crate::metal::sync::lock;

/// Runs command buffers, one at a time. Its thread starts with the first one and ends, once all have run,
/// when the queue and all its command buffers are gone.
#[derive(Debug)]
pub(crate) struct CommandQueue {
    line: Arc<Line>,
    log_state: LogState,
    captures: Arc<Captures>,
    /// Whether the thread could be started.
    worker: OnceLock<io::Result<()>>,
}

/// A committed command buffer.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) commands: Vec<Command>,
    pub(crate) log_state: LogState,
    pub(crate) completion: Arc<Completion>,
    /// For the capture that it belongs to.
    pub(crate) notes: Option<Notes>,
}

/// The jobs that are still to run.
#[derive(Debug)]
pub(super) struct Line {
    /// No other queue of the device has it.
    number: u64,
    label: Label,
    run: RunOptions,
    /// When the device's clock began.
    epoch: Instant,
    jobs: Mutex<Jobs>,
    /// Tells the queue's thread, and nobody else, that there may be something for it.
    changed: Condvar,
}

/// **Invariant:** a job leaves `waiting` only while no commands run, so jobs run one after the other.
#[derive(Debug, Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    running: Option<Running>,
    /// No job will come any more.
    closed: bool,
}

/// The job that has been taken.
#[derive(Clone, Copy, Debug)]
struct Running {
    thread: ThreadId,
    /// Its commands have run, and its completed handlers are being called: they may wait for what comes next.
    ending: bool,
}

impl Running {
    /// Whether this thread calls the handlers of the end, and so is the one that can go on.
    fn ends_here(self) -> bool {
        self.ending && self.thread == thread::current().id()
    }
}

/// A job that was taken from the line, and the one whose handler waits for it.
struct Taken {
    job: Job,
    outer: Option<Running>,
}

impl CommandQueue {
    pub(crate) fn new(
        number: u64,
        run: RunOptions,
        log_state: LogState,
        epoch: Instant,
        captures: Arc<Captures>,
    ) -> Self {
        let (label, jobs, changed) = (Label::default(), Mutex::default(), Condvar::new());
        let line = Line { number, label, run, epoch, jobs, changed };
        Self { line: Arc::new(line), log_state, captures, worker: OnceLock::new() }
    }

    /// Appends a job and returns without waiting for it.
    ///
    /// # Errors
    /// If there is no thread to run it.
    pub(crate) fn submit(&self, mut job: Job) -> Result<(), MetalError> {
        if let Err(error) = self.worker.get_or_init(|| start_worker(self.line.clone())) {
            let reason = format!("the queue's thread could not be started: {error}");
            return Err(MetalError::DeviceFailed { reason });
        }
        let completion = &job.completion;
        job.notes = job.notes.filter(|notes| notes.commits(&self.line, completion));
        lock(&self.line.jobs).waiting.push_back(job);
        self.line.changed.notify_one();
        Ok(())
    }
}

impl backend::CommandQueue for CommandQueue {
    fn new_command_buffer(self: Arc<Self>) -> Box<dyn backend::CommandBuffer> {
        let (log_state, notes) = (self.log_state.clone(), self.captures.notes());
        Box::new(CommandBuffer::new(self, log_state, notes))
    }

    fn new_command_buffer_with_log_state(
        self: Arc<Self>,
        state: &LogState,
    ) -> Box<dyn backend::CommandBuffer> {
        let notes = self.captures.notes();
        Box::new(CommandBuffer::new(self, state.clone(), notes))
    }

    fn help(&self, completion: &Completion) {
        self.line.help(completion);
    }

    fn set_label(&self, label: &str) {
        self.line.label.set(label);
    }
}

impl Drop for CommandQueue {
    fn drop(&mut self) {
        lock(&self.line.jobs).closed = true;
        self.line.changed.notify_one();
    }
}

fn start_worker(line: Arc<Line>) -> io::Result<()> {
    let work = move || {
        while let Some(taken) = line.next() {
            line.run(taken);
        }
    };
    thread::Builder::new().name("bitnet-host-queue".to_owned()).spawn(work).map(drop)
}

impl Line {
    /// Runs what is due for somebody who waits for a command buffer. May return at any time.
    pub(super) fn help(&self, completion: &Completion) {
        while !completion.has_ended()
            && let Some(taken) = self.take_for_waiting()
        {
            self.run(taken);
        }
    }

    /// The next job for somebody who waits, unless one is running. One with handlers is left to the queue's
    /// thread, which calls them, unless that thread itself waits in one.
    fn take_for_waiting(&self) -> Option<Taken> {
        let mut jobs = lock(&self.jobs);
        let in_a_handler = jobs.running.is_some_and(Running::ends_here);
        let has_handlers = |job: &Job| job.completion.has_handlers() || job.log_state.has_handlers();
        if !in_a_handler && jobs.waiting.front().is_some_and(has_handlers) {
            return None;
        }
        jobs.take()
    }

    /// Waits for the next job; `None` once there will be none.
    fn next(&self) -> Option<Taken> {
        let idle = |jobs: &mut Jobs| jobs.running.is_some() || (jobs.waiting.is_empty() && !jobs.closed);
        let jobs = self.changed.wait_while(lock(&self.jobs), idle);
        jobs.unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Seconds of the device's clock.
    fn now(&self) -> f64 {
        self.epoch.elapsed().as_secs_f64()
    }

    /// Runs a job that was taken from the line.
    fn run(&self, Taken { job: Job { commands, log_state, completion, notes }, outer }: Taken) {
        completion.scheduled();
        let start = self.now();
        let mut log = log_state.new_log();
        let mut command_times = Vec::new();
        let executor = || {
            commands.iter().try_for_each(|command| match &notes {
                None => command.run(&self.run, &mut log),
                Some(_) => {
                    // Before the run, which may panic: the last one is the one that failed.
                    let start = self.now();
                    command_times.push(RunTimes { start, end: start });
                    let result = command.run(&self.run, &mut log);
                    command_times.last_mut().expect("it was pushed").end = self.now();
                    result
                }
            })
        };
        let mut result = guarded("the executor", executor);
        let times = RunTimes { start, end: self.now() };
        if let Some(notes) = notes {
            let error = result.as_ref().err().map(ToString::to_string);
            let recorder = notes.recorder.clone();
            let events = notes.events(self.number, times, &command_times, error.as_deref());
            recorder.add(Queue { number: self.number, label: self.label.get() }, events);
        }
        // Buffers are let go, and messages arrive, before anybody hears of the end; of ends everybody hears
        // in order.
        drop(commands);
        let delivered = guarded("what takes messages", || {
            log_state.deliver_all(&log);
            Ok(())
        });
        result = result.and(delivered);
        if let Some(running) = &mut lock(&self.jobs).running {
            running.ending = true;
        }
        completion.end(result, Some(times));
        let mut jobs = lock(&self.jobs);
        jobs.running = outer;
        let more = jobs.running.is_none() && (!jobs.waiting.is_empty() || jobs.closed);
        drop(jobs);
        if more {
            self.changed.notify_one();
        }
    }
}

impl Jobs {
    fn take(&mut self) -> Option<Taken> {
        let outer = self.running;
        if outer.is_some_and(|running| !running.ends_here()) {
            return None;
        }
        let job = self.waiting.pop_front()?;
        self.running = Some(Running { thread: thread::current().id(), ending: false });
        Some(Taken { job, outer })
    }
}

/// Turns a panic into an error, so that the queue goes on. What a panic leaves behind are buffers, and every content
/// of a buffer is valid.
fn guarded(who: &str, run: impl FnOnce() -> Result<(), MetalError>) -> Result<(), MetalError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let reason = format!("{who} panicked: {}", panic_text(panic.as_ref()));
        Err(MetalError::DeviceFailed { reason })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let check = |run: fn() -> Result<(), MetalError>, expect: Result<(), &str>| {
            let result = guarded("the executor", run).map_err(|error| error.to_string());
            assert_eq!(result, expect.map_err(str::to_owned));
        };
        check(|| Ok(()), Ok(()));
        check(|| Err(MetalError::EmptyBuffer), Err("a buffer cannot have a length of zero bytes"));
        check(|| panic!("first"), Err("the device failed: the executor panicked: first"));
        check(|| panic!("{}", 2), Err("the device failed: the executor panicked: 2"));
        check(|| std::panic::panic_any(3), Err("the device failed: the executor panicked: no message"));
    }
}

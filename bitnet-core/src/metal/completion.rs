//! How a command buffer's run ends: what the backend reports and the host waits for.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::MetalError;
use super::sync::lock;

/// How far a command buffer has come: `MTLCommandBufferStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MTLCommandBufferStatus {
    /// It is being recorded.
    NotEnqueued,
    /// Its place in the queue is reserved.
    Enqueued,
    /// It has been handed to the queue.
    Committed,
    /// The device has begun with it.
    Scheduled,
    /// It has run to its end.
    Completed,
    /// It has ended with an error.
    Error,
}

/// The state of one run, shared by the command buffer and the backend that runs it.
#[derive(Debug, Default)]
pub(crate) struct Completion {
    run: Mutex<Run>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Run {
    phase: Phase,
    /// The first error; a later one follows from it or matters less.
    error: Option<MetalError>,
    started: Option<Instant>,
    ended: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Recording,
    Committed,
    Scheduled,
    Ended,
}

impl Completion {
    /// Keeps an error, unless there is one already.
    pub(crate) fn record(&self, error: MetalError) {
        lock(&self.run).error.get_or_insert(error);
    }

    /// The command buffer is handed to the queue.
    pub(crate) fn committed(&self) {
        lock(&self.run).phase = Phase::Committed;
    }

    /// The device begins with it.
    pub(crate) fn scheduled(&self) {
        let mut run = lock(&self.run);
        run.phase = Phase::Scheduled;
        run.started = Some(Instant::now());
    }

    /// The run has ended: everybody who waits goes on.
    pub(crate) fn end(&self, result: Result<(), MetalError>) {
        let mut run = lock(&self.run);
        run.phase = Phase::Ended;
        if run.started.is_some() {
            run.ended = Some(Instant::now());
        }
        if let Err(error) = result {
            run.error.get_or_insert(error);
        }
        drop(run);
        self.ended.notify_all();
    }

    /// Waits for the end of the run and says how it was.
    pub(crate) fn wait(&self) -> Result<(), MetalError> {
        let run = lock(&self.run);
        let run = self.ended.wait_while(run, |run| run.phase != Phase::Ended);
        let run = run.unwrap_or_else(PoisonError::into_inner);
        run.error.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn error(&self) -> Option<MetalError> {
        lock(&self.run).error.clone()
    }

    pub(crate) fn status(&self) -> MTLCommandBufferStatus {
        let run = lock(&self.run);
        match run.phase {
            Phase::Recording => MTLCommandBufferStatus::NotEnqueued,
            Phase::Committed => MTLCommandBufferStatus::Committed,
            Phase::Scheduled => MTLCommandBufferStatus::Scheduled,
            Phase::Ended if run.error.is_some() => MTLCommandBufferStatus::Error,
            Phase::Ended => MTLCommandBufferStatus::Completed,
        }
    }

    /// When the device began and ended, once it has ended.
    pub(crate) fn times(&self) -> Option<(Instant, Instant)> {
        let run = lock(&self.run);
        Some((run.started?, run.ended?))
    }

    /// How long the device worked on it, once it has ended.
    pub(crate) fn duration(&self) -> Option<Duration> {
        self.times().map(|(started, ended)| ended - started)
    }
}

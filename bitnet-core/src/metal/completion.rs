//! How a command buffer's run ends: what the backend reports and the host waits for.

use std::any::Any;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

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

/// When the device began and ended, in seconds of the device's clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RunTimes {
    pub(crate) start: f64,
    pub(crate) end: f64,
}

/// What is called when a command buffer has come to some point.
pub(crate) struct Handler(Box<dyn FnOnce() + Send>);

impl Handler {
    pub(crate) fn new(call: impl FnOnce() + Send + 'static) -> Self {
        Self(Box::new(call))
    }

    /// Calls it. A panic goes no further than here: the thread belongs to the queue, which goes on.
    fn call(self) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(self.0)) {
            tracing::error!("a handler of a command buffer panicked: {}", panic_text(panic.as_ref()));
        }
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler")
    }
}

/// What a panic says.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

/// The state of one run, shared by the command buffer and the backend that runs it.
#[derive(Debug, Default)]
pub(crate) struct Completion {
    run: Mutex<Run>,
    /// Tells those who wait for the end, and the end that waits for the handlers of the scheduling.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Run {
    phase: Phase,
    /// The first error; a later one follows from it or matters less.
    error: Option<MetalError>,
    times: Option<RunTimes>,
    when_scheduled: Vec<Handler>,
    when_completed: Vec<Handler>,
    /// A thread calls the handlers of the scheduling, for which the end waits.
    scheduling: bool,
    /// The thread that calls the handlers of the end. They may wait; they are not waited for by themselves.
    calling: Option<ThreadId>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    #[default]
    Recording,
    Enqueued,
    Committed,
    Scheduled,
    /// It has run, and handlers are being called.
    Ending,
    Ended,
}

impl Completion {
    /// Keeps an error, unless there is one already.
    pub(crate) fn record(&self, error: MetalError) {
        lock(&self.run).error.get_or_insert(error);
    }

    /// Its place in the queue is reserved.
    pub(crate) fn enqueued(&self) {
        lock(&self.run).phase = Phase::Enqueued;
    }

    /// The command buffer is handed to the queue; these are called when it is scheduled and when it ends.
    pub(crate) fn committed(&self, when_scheduled: Vec<Handler>, when_completed: Vec<Handler>) {
        let mut run = lock(&self.run);
        run.phase = Phase::Committed;
        run.when_scheduled = when_scheduled;
        run.when_completed = when_completed;
    }

    /// The device begins with it. May be said again: the handlers are called once.
    pub(crate) fn scheduled(&self) {
        let mut run = lock(&self.run);
        run.phase = run.phase.max(Phase::Scheduled);
        let handlers = mem::take(&mut run.when_scheduled);
        if handlers.is_empty() {
            return;
        }
        run.scheduling = true;
        drop(run);
        handlers.into_iter().for_each(Handler::call);
        lock(&self.run).scheduling = false;
        self.changed.notify_all();
    }

    /// The run has ended, at these times if it got as far as running. Calls the handlers, after those of the scheduling
    /// that another thread may still be calling; then everybody who waits goes on.
    pub(crate) fn end(&self, result: Result<(), MetalError>, times: Option<RunTimes>) {
        let run = self.changed.wait_while(lock(&self.run), |run| run.scheduling);
        let mut run = run.unwrap_or_else(PoisonError::into_inner);
        run.phase = Phase::Ending;
        run.times = times;
        run.calling = Some(thread::current().id());
        if let Err(error) = result {
            run.error.get_or_insert(error);
        }
        // What has ended without being scheduled never will be. What the handlers hold is dropped unlocked.
        let never = mem::take(&mut run.when_scheduled);
        let handlers = mem::take(&mut run.when_completed);
        drop(run);
        drop(never);
        handlers.into_iter().for_each(Handler::call);
        let mut run = lock(&self.run);
        run.phase = Phase::Ended;
        run.calling = None;
        drop(run);
        self.changed.notify_all();
    }

    /// Whether the run has ended.
    pub(crate) fn has_ended(&self) -> bool {
        lock(&self.run).phase == Phase::Ended
    }

    /// Whether anybody is to be called when it is scheduled or when it ends.
    pub(crate) fn has_handlers(&self) -> bool {
        let run = lock(&self.run);
        !run.when_scheduled.is_empty() || !run.when_completed.is_empty()
    }

    /// Waits for the end of the run and of its handlers, and says how it was. A handler of the end itself
    /// need not wait.
    pub(crate) fn wait(&self) -> Result<(), MetalError> {
        let here = Some(thread::current().id());
        let run = lock(&self.run);
        let run = self.changed.wait_while(run, |run| run.phase != Phase::Ended && run.calling != here);
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
            Phase::Enqueued => MTLCommandBufferStatus::Enqueued,
            Phase::Committed => MTLCommandBufferStatus::Committed,
            Phase::Scheduled => MTLCommandBufferStatus::Scheduled,
            Phase::Ending | Phase::Ended if run.error.is_some() => MTLCommandBufferStatus::Error,
            Phase::Ending | Phase::Ended => MTLCommandBufferStatus::Completed,
        }
    }

    /// When the device began and ended, once it has ended.
    pub(crate) fn times(&self) -> Option<RunTimes> {
        lock(&self.run).times
    }

    /// How long the device worked on it, once it has ended.
    pub(crate) fn duration(&self) -> Option<Duration> {
        self.times().map(|times| Duration::from_secs_f64((times.end - times.start).max(0.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::sync::{Arc, Barrier};

    /// Metal may report the end from one thread while another one calls the handlers of the scheduling.
    #[test]
    fn the_end_waits_for_the_handlers_of_the_scheduling() {
        let (completion, begun) = (Arc::new(Completion::default()), Arc::new(Barrier::new(2)));
        let (calls, called) = channel();
        let (to_scheduled, to_completed) = (calls.clone(), calls);
        let (run, has_begun) = (completion.clone(), begun.clone());
        let when_scheduled = Handler::new(move || {
            has_begun.wait();
            // Time for the end to come too early.
            thread::sleep(Duration::from_millis(20));
            to_scheduled.send(("scheduled", run.status())).expect("the test listens");
        });
        let run = completion.clone();
        let when_completed =
            Handler::new(move || to_completed.send(("completed", run.status())).expect("the test listens"));
        completion.committed(vec![when_scheduled], vec![when_completed]);
        thread::scope(|scope| {
            scope.spawn(|| completion.scheduled());
            begun.wait();
            completion.scheduled();
            completion.end(Ok(()), None);
        });
        let calls: Vec<_> = called.try_iter().collect();
        let [scheduled, completed] = [MTLCommandBufferStatus::Scheduled, MTLCommandBufferStatus::Completed];
        assert_eq!(calls, [("scheduled", scheduled), ("completed", completed)]);
    }
}

//! Captures of the host device: what its command buffers did, and when, written in the trace event format that Perfetto
//! and Chrome show.
//!
//! As with Metal, a capture holds the command buffers that were made and committed while it ran, and whose turn came:
//! one behind another that is enqueued and not yet committed is left out, and a warning says so.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::command_queue::Line;
use super::trace::{Notes, PROCESS, Queue};
use crate::metal::backend;
use crate::metal::completion::Completion;
use crate::metal::error::MetalError;
use crate::metal::sync::lock;
use crate::whole_file;

/// The captures of a device: one at a time.
#[derive(Debug, Default)]
pub(crate) struct Captures {
    running: Mutex<Option<Arc<Recorder>>>,
}

/// What a capture has so far.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    recorded: Mutex<Recorded>,
}

#[derive(Debug, Default)]
struct Recorded {
    /// Nothing that is committed from now on belongs to it.
    is_closed: bool,
    /// What has been committed, and the queues that run it.
    committed: Vec<(Arc<Line>, Arc<Completion>)>,
    /// The events of what has ended.
    events: Vec<Value>,
    /// The queues that events belong to.
    queues: Vec<Queue>,
}

impl Captures {
    /// For a new command buffer, if a capture runs: what will tell of it.
    pub(super) fn notes(&self) -> Option<Notes> {
        lock(&self.running).clone().map(Notes::new)
    }

    /// Ends a capture, if it is the one that runs.
    fn end(&self, recorder: &Arc<Recorder>) {
        let mut running = lock(&self.running);
        if running.as_ref().is_some_and(|running| Arc::ptr_eq(running, recorder)) {
            *running = None;
        }
    }
}

impl Recorder {
    /// A command buffer is committed. Says whether it belongs to the capture.
    pub(super) fn commits(&self, line: &Arc<Line>, completion: &Arc<Completion>) -> bool {
        let mut recorded = lock(&self.recorded);
        if !recorded.is_closed {
            recorded.committed.push((line.clone(), completion.clone()));
        }
        !recorded.is_closed
    }

    /// A command buffer of this queue has run.
    pub(super) fn add(&self, queue: Queue, events: Vec<Value>) {
        let mut recorded = lock(&self.recorded);
        recorded.events.extend(events);
        // The latest label is the one that counts.
        recorded.queues.retain(|other| other.number != queue.number);
        recorded.queues.push(queue);
    }

    /// All events, once everything that was committed has ended.
    fn finish(&self) -> Vec<Value> {
        let mut recorded = lock(&self.recorded);
        recorded.is_closed = true;
        let committed = std::mem::take(&mut recorded.committed);
        drop(recorded);
        for (line, completion) in committed {
            line.help(&completion);
            // How it ended stands in its events.
            let _ = completion.wait();
        }
        let Recorded { queues, events, .. } = std::mem::take(&mut *lock(&self.recorded));
        queues.iter().map(Queue::event).chain(events).collect()
    }
}

/// A capture that runs.
#[derive(Debug)]
pub(super) struct Capture {
    captures: Arc<Captures>,
    recorder: Arc<Recorder>,
    device: String,
    path: PathBuf,
}

impl Capture {
    pub(super) fn start(captures: &Arc<Captures>, device: &str, path: &Path) -> Result<Self, MetalError> {
        let capture = Self {
            captures: captures.clone(),
            recorder: Arc::default(),
            device: device.to_owned(),
            path: path.to_owned(),
        };
        // Nobody should work for a document that cannot be written.
        whole_file::check_destination(path).map_err(|error| capture.failed(error.to_string()))?;
        let mut running = lock(&captures.running);
        if running.is_some() {
            return Err(capture.failed("another capture is running".to_owned()));
        }
        *running = Some(capture.recorder.clone());
        drop(running);
        Ok(capture)
    }

    fn failed(&self, reason: String) -> MetalError {
        MetalError::CaptureFailed { path: self.path.clone(), reason }
    }
}

impl backend::Capture for Capture {
    fn finish(self: Box<Self>) -> Result<(), MetalError> {
        self.captures.end(&self.recorder);
        let process = json!({
            "ph": "M", "pid": PROCESS, "name": "process_name", "args": { "name": self.device },
        });
        let events: Vec<Value> = [process].into_iter().chain(self.recorder.finish()).collect();
        let document = json!({ "displayTimeUnit": "ns", "traceEvents": events });
        let written = whole_file::write_new(&self.path, document.to_string().as_bytes());
        written.map_err(|error| self.failed(error.to_string()))
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.captures.end(&self.recorder);
    }
}

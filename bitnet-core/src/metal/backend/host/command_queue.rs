//! Queues: a thread each, which runs command buffers in the order they come.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use bitnet_simt::RunOptions;

use super::command_buffer::{CommandBuffer, Dispatch};
use crate::metal::backend;
use crate::metal::completion::Completion;
use crate::metal::error::MetalError;

/// Hands command buffers to its worker. The worker starts with the first one and ends, once it has run
/// all that was handed to it, when the queue and all its command buffers are gone.
#[derive(Debug)]
pub(crate) struct CommandQueue {
    run: RunOptions,
    worker: OnceLock<io::Result<Sender<Job>>>,
}

/// A committed command buffer.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) dispatches: Vec<Dispatch>,
    pub(crate) completion: Arc<Completion>,
}

impl CommandQueue {
    pub(crate) fn new(run: RunOptions) -> Self {
        Self { run, worker: OnceLock::new() }
    }

    /// Appends a job and returns without waiting for it.
    pub(crate) fn submit(&self, job: Job) {
        let failed = |job: Job, reason: String| job.completion.end(Err(MetalError::DeviceFailed { reason }));
        match self.worker.get_or_init(|| start_worker(self.run)) {
            Ok(sender) => {
                if let Err(refused) = sender.send(job) {
                    failed(refused.0, "the queue's thread has ended".to_owned());
                }
            }
            Err(error) => failed(job, format!("the queue's thread could not be started: {error}")),
        }
    }
}

impl backend::CommandQueue for CommandQueue {
    fn new_command_buffer(self: Arc<Self>) -> Box<dyn backend::CommandBuffer> {
        Box::new(CommandBuffer::new(self))
    }
}

fn start_worker(run: RunOptions) -> io::Result<Sender<Job>> {
    let (sender, jobs) = channel();
    thread::Builder::new().name("bitnet-host-queue".to_owned()).spawn(move || work(jobs, run))?;
    Ok(sender)
}

fn work(jobs: Receiver<Job>, run: RunOptions) {
    for Job { dispatches, completion } in jobs {
        completion.scheduled();
        let result = guarded(|| dispatches.iter().try_for_each(|dispatch| dispatch.run(&run)));
        // Buffers are let go before anybody hears of the end.
        drop(dispatches);
        completion.end(result);
    }
}

/// Turns a panic of the executor into an error, so that the queue goes on. What a panic leaves behind are
/// buffers, and every content of a buffer is valid.
fn guarded(run: impl FnOnce() -> Result<(), MetalError>) -> Result<(), MetalError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Err(MetalError::DeviceFailed { reason: format!("the executor panicked: {text}") })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let check = |run: fn() -> Result<(), MetalError>, expect: Result<(), &str>| {
            let result = guarded(run).map_err(|error| error.to_string());
            assert_eq!(result, expect.map_err(str::to_owned));
        };
        check(|| Ok(()), Ok(()));
        check(|| Err(MetalError::EmptyBuffer), Err("a buffer cannot have a length of zero bytes"));
        check(|| panic!("first"), Err("the device failed: the executor panicked: first"));
        check(|| panic!("{}", 2), Err("the device failed: the executor panicked: 2"));
        check(|| std::panic::panic_any(3), Err("the device failed: the executor panicked: no message"));
    }
}

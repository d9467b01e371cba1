//! Command queues: the order in which a device runs command buffers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::thread;

use super::backend;
use super::command_buffer::CommandBuffer;
use super::completion::Completion;
use super::device::Device;
use super::label::Label;
use super::log_state::LogState;
use super::sync::lock;

/// Runs command buffers one after the other, in the order they are committed, or
/// [enqueued](CommandBuffer::enqueue). Queues run beside each other. A clone is another handle to the same
/// queue; all threads may use it.
#[derive(Clone, Debug)]
pub struct CommandQueue {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    device: Device,
    label: Label,
    raw: Arc<dyn backend::CommandQueue>,
    order: Arc<CommitOrder>,
    /// Where the shaders of its command buffers log to, unless these have a state of their own.
    log_state: Option<LogState>,
}

impl CommandQueue {
    pub(crate) fn new(
        device: Device,
        raw: Arc<dyn backend::CommandQueue>,
        log_state: Option<LogState>,
    ) -> Self {
        let (label, order) = (Label::default(), Arc::default());
        Self { inner: Arc::new(Inner { device, label, raw, order, log_state }) }
    }

    /// An empty command buffer.
    pub fn new_command_buffer(&self) -> CommandBuffer {
        self.command_buffer(self.inner.log_state.as_ref())
    }

    /// An empty command buffer whose shaders log to this state and not to the queue's.
    pub fn new_command_buffer_with_log_state(&self, log_state: &LogState) -> CommandBuffer {
        self.command_buffer(Some(log_state))
    }

    fn command_buffer(&self, log_state: Option<&LogState>) -> CommandBuffer {
        let Inner { device, raw, order, .. } = &*self.inner;
        let recording = match log_state {
            Some(state) => raw.clone().new_command_buffer_with_log_state(state),
            None => raw.clone().new_command_buffer(),
        };
        CommandBuffer::new(device.clone(), raw.clone(), recording, order.clone())
    }

    /// The device of the queue.
    pub fn device(&self) -> &Device {
        &self.inner.device
    }

    /// Gives it a label, which the device's tools show.
    pub fn set_label(&self, label: &str) {
        self.inner.label.set(label);
        self.inner.raw.set_label(label);
    }

    /// Its label, if it has been given one.
    pub fn label(&self) -> Option<String> {
        self.inner.label.get()
    }
}

/// The order in which a queue's command buffers go to the backend: that of their turns, which are taken at
/// `enqueue`, else at `commit`. One that has been committed waits here for those with an earlier turn.
#[derive(Debug, Default)]
pub(crate) struct CommitOrder {
    turns: Mutex<Turns>,
}

#[derive(Debug, Default)]
struct Turns {
    next: u64,
    waiting: VecDeque<(u64, Option<Committed>)>,
    /// Some thread hands over what is due. Others leave theirs to it, so that the order holds and no lock is
    /// held while the backend, or a handler that it calls, works.
    handing_over: bool,
}

/// A command buffer that is ready to go.
#[derive(Debug)]
struct Committed {
    raw: Box<dyn backend::CommandBuffer>,
    completion: Arc<Completion>,
}

/// A reserved place in the order. It is given up when it is dropped without a commit.
#[derive(Debug)]
pub(crate) struct Turn {
    order: Arc<CommitOrder>,
    number: u64,
}

impl CommitOrder {
    /// Takes the next turn.
    pub(crate) fn take_turn(self: &Arc<Self>) -> Turn {
        let mut turns = lock(&self.turns);
        let number = turns.next;
        turns.next += 1;
        turns.waiting.push_back((number, None));
        Turn { order: self.clone(), number }
    }

    /// Waits for a thread that hands over: afterwards the backend has whatever was due before the call.
    pub(crate) fn settle(&self) {
        // No thread hands over for long: backends take command buffers without waiting for anything.
        while lock(&self.turns).handing_over {
            thread::yield_now();
        }
    }

    fn hand_over(&self) {
        let mut turns = lock(&self.turns);
        if turns.handing_over {
            return;
        }
        turns.handing_over = true;
        let mut refused = Vec::new();
        while turns.waiting.front().is_some_and(|(_, committed)| committed.is_some()) {
            let due = turns.waiting.pop_front();
            drop(turns);
            if let Some((_, Some(Committed { raw, completion }))) = due
                && let Err(error) = raw.commit(completion.clone())
            {
                refused.push((completion, error));
            }
            turns = lock(&self.turns);
        }
        turns.handing_over = false;
        drop(turns);
        // Their handlers may commit others and wait for them.
        for (completion, error) in refused {
            completion.end(Err(error), None);
        }
    }
}

impl Turn {
    /// Hands the command buffer over as soon as all before it have been.
    pub(crate) fn commit(self, raw: Box<dyn backend::CommandBuffer>, completion: Arc<Completion>) {
        // Dropping the turn hands over what is due.
        let mut turns = lock(&self.order.turns);
        let own = turns.waiting.iter_mut().find(|(number, _)| *number == self.number);
        let (_, committed) = own.expect("a turn waits until it is committed or given up");
        *committed = Some(Committed { raw, completion });
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.order.turns)
            .waiting
            .retain(|(number, committed)| *number != self.number || committed.is_some());
        self.order.hand_over();
    }
}

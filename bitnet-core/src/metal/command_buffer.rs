//! Command buffers: work that is recorded, committed and waited for.

use std::mem;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::backend;
use super::blit_encoder::BlitCommandEncoder;
use super::command_queue::{CommitOrder, Turn};
use super::completion::{Completion, Handler, MTLCommandBufferStatus};
use super::compute_encoder::ComputeCommandEncoder;
use super::device::Device;
use super::error::MetalError;
use super::host_options::ErrorMode;
use super::label::Place;
use super::sync::lock;
use super::validation::{DebugGroups, EncoderState, ValidationError};

/// Commands for a device. A clone is another handle to the same command buffer.
///
/// Methods that record return nothing, as Metal's do. A misuse fails the whole command buffer: nothing of
/// it runs, and [`error`](Self::error) and [`wait_until_completed`](Self::wait_until_completed) say what
/// the first one was.
#[derive(Clone, Debug)]
pub struct CommandBuffer {
    shared: Arc<Shared>,
}

/// What the command buffer and its encoders work on together.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) device: Device,
    queue: Arc<dyn backend::CommandQueue>,
    recording: Mutex<Recording>,
    completion: Arc<Completion>,
}

#[derive(Debug)]
struct Recording {
    /// Taken by `commit`.
    raw: Option<Box<dyn backend::CommandBuffer>>,
    order: Arc<CommitOrder>,
    /// Its place among the command buffers of the queue, once it is enqueued.
    turn: Option<Turn>,
    label: Option<String>,
    groups: DebugGroups,
    /// The open encoder's number and state.
    open: Option<(u64, Box<EncoderState>)>,
    /// How many encoders there have been.
    encoders: u64,
    when_scheduled: Vec<HandlerOf>,
    when_completed: Vec<HandlerOf>,
}

/// A handler as it was given. It gets the command buffer at the commit: before, the two would keep each
/// other alive.
struct HandlerOf(Box<dyn FnOnce(&CommandBuffer) + Send>);

impl std::fmt::Debug for HandlerOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HandlerOf")
    }
}

impl CommandBuffer {
    pub(crate) fn new(
        device: Device,
        queue: Arc<dyn backend::CommandQueue>,
        raw: Box<dyn backend::CommandBuffer>,
        order: Arc<CommitOrder>,
    ) -> Self {
        let recording = Recording {
            raw: Some(raw),
            order,
            turn: None,
            label: None,
            groups: DebugGroups::default(),
            open: None,
            encoders: 0,
            when_scheduled: Vec::new(),
            when_completed: Vec::new(),
        };
        let recording = Mutex::new(recording);
        Self { shared: Arc::new(Shared { device, queue, recording, completion: Arc::default() }) }
    }

    /// Opens an encoder for dispatches. One at a time: the last one has to have ended.
    pub fn new_compute_command_encoder(&self) -> ComputeCommandEncoder {
        let (number, error) = self.open("new_compute_command_encoder", |raw| raw.begin_compute());
        ComputeCommandEncoder::new(self.shared.clone(), number, error)
    }

    /// Opens an encoder for copies. One at a time: the last one has to have ended.
    pub fn new_blit_command_encoder(&self) -> BlitCommandEncoder {
        let (number, error) = self.open("new_blit_command_encoder", |raw| raw.begin_blit());
        BlitCommandEncoder::new(self.shared.clone(), number, error)
    }

    /// Opens an encoder and gives its number, and the error if it may not be opened.
    fn open(
        &self,
        call: &'static str,
        begin: impl FnOnce(&mut (dyn backend::CommandBuffer + 'static)),
    ) -> (u64, Option<MetalError>) {
        let mut recording = lock(&self.shared.recording);
        recording.encoders += 1;
        let number = recording.encoders;
        let opened = recording.between_encoders(call).map(begin);
        if opened.is_ok() {
            recording.open = Some((number, Box::default()));
        }
        let place = recording.place();
        drop(recording);
        (number, opened.err().map(|error| self.shared.misused(error, place)))
    }

    /// Reserves its place in the order of the queue: it runs before all that are enqueued or committed
    /// later, and they wait until it is committed, or dropped.
    pub fn enqueue(&self) {
        let mut recording = lock(&self.shared.recording);
        let call = "enqueue";
        if recording.raw.is_none() {
            drop(recording);
            self.shared.misused(ValidationError::AlreadyCommitted { call }, Place::default());
        } else if recording.turn.is_none() {
            recording.turn = Some(recording.order.take_turn());
            self.shared.completion.enqueued();
        }
    }

    /// Hands the command buffer to its queue and returns at once. One that has been misused ends here.
    pub fn commit(&self) {
        let shared = &self.shared;
        let mut recording = lock(&shared.recording);
        let place = recording.place();
        let unfinished = recording.unfinished();
        recording.open = None;
        let Some(raw) = recording.raw.take() else {
            drop(recording);
            shared.misused(ValidationError::AlreadyCommitted { call: "commit" }, place);
            return;
        };
        let order = recording.order.clone();
        let turn = recording.turn.take().unwrap_or_else(|| order.take_turn());
        let handlers = |handlers: Vec<HandlerOf>| {
            let with_self = |HandlerOf(call)| {
                let this = self.clone();
                Handler::new(move || call(&this))
            };
            handlers.into_iter().map(with_self).collect()
        };
        let when_scheduled = handlers(mem::take(&mut recording.when_scheduled));
        let when_completed = handlers(mem::take(&mut recording.when_completed));
        shared.completion.committed(when_scheduled, when_completed);
        drop(recording);
        // One that ends here has given up its turn first: its handlers may commit others and wait for them.
        if let Some(error) = unfinished {
            drop(turn);
            shared.completion.end(Err(place.clone().of(error.clone().into())), None);
            shared.misused(error, place);
        } else if shared.completion.error().is_some() {
            drop(turn);
            shared.completion.end(Ok(()), None);
        } else {
            let is_captured = raw.is_captured();
            turn.commit(raw, shared.completion.clone());
            if is_captured {
                order.settle();
            }
        }
    }

    /// Waits until the device has run the command buffer and its completed handlers have been called.
    ///
    /// # Errors
    /// What [`error`](Self::error) gives then; [`ValidationError::NotCommitted`] if nobody has committed it.
    pub fn wait_until_completed(&self) -> Result<(), MetalError> {
        if lock(&self.shared.recording).raw.is_some() {
            return Err(ValidationError::NotCommitted.into());
        }
        self.shared.queue.help(&self.shared.completion);
        self.shared.completion.wait()
    }

    /// Calls `handler` when the device is about to begin with the command buffer, on a thread of the queue.
    /// It has to be given before the commit. Handlers are not called for one that ends before that. A handler must
    /// not wait for a command buffer of the same queue: none runs meanwhile.
    pub fn add_scheduled_handler(&self, handler: impl FnOnce(&CommandBuffer) + Send + 'static) {
        self.add_handler("add_scheduled_handler", |recording| {
            recording.when_scheduled.push(HandlerOf(Box::new(handler)));
        });
    }

    /// Calls `handler` when the command buffer has ended, with an error or without, on a thread of the queue
    /// (one that has been misused ends on the thread that commits it). It has to be given before the commit. On the
    /// host device a handler may wait for other command buffers; Metal may call the handlers of a queue one after
    /// another, so that one which waits for another's end waits for ever.
    pub fn add_completed_handler(&self, handler: impl FnOnce(&CommandBuffer) + Send + 'static) {
        self.add_handler("add_completed_handler", |recording| {
            recording.when_completed.push(HandlerOf(Box::new(handler)));
        });
    }

    fn add_handler(&self, call: &'static str, add: impl FnOnce(&mut Recording)) {
        let mut recording = lock(&self.shared.recording);
        if recording.raw.is_some() {
            add(&mut recording);
            return;
        }
        drop(recording);
        self.shared.misused(ValidationError::AlreadyCommitted { call }, Place::default());
    }

    /// Gives it a label, which errors and the device's tools show.
    pub fn set_label(&self, label: &str) {
        let mut recording = lock(&self.shared.recording);
        recording.label = Some(label.to_owned());
        if let Some(raw) = &mut recording.raw {
            raw.set_label(label);
        }
    }

    /// Its label, if it has been given one.
    pub fn label(&self) -> Option<String> {
        lock(&self.shared.recording).label.clone()
    }

    /// Opens a debug group around the encoders that follow. Errors of their commands name it.
    pub fn push_debug_group(&self, group: &str) {
        self.debug_group("push_debug_group", |groups, raw| {
            groups.push(group);
            raw.push_debug_group(group);
            Ok(())
        });
    }

    /// Closes the debug group that was opened last.
    pub fn pop_debug_group(&self) {
        let call = "pop_debug_group";
        self.debug_group(call, |groups, raw| groups.pop(call).map(|()| raw.pop_debug_group()));
    }

    fn debug_group(
        &self,
        call: &'static str,
        change: impl FnOnce(&mut DebugGroups, &mut dyn backend::CommandBuffer) -> Result<(), ValidationError>,
    ) {
        let mut recording = lock(&self.shared.recording);
        let mut groups = mem::take(&mut recording.groups);
        let changed = recording.between_encoders(call).and_then(|raw| change(&mut groups, raw));
        recording.groups = groups;
        let place = recording.place();
        drop(recording);
        if let Err(error) = changed {
            self.shared.misused(error, place);
        }
    }

    /// How far it has come.
    pub fn status(&self) -> MTLCommandBufferStatus {
        self.shared.completion.status()
    }

    /// The first thing that went wrong, be it a misuse while recording or a trap while running.
    pub fn error(&self) -> Option<MetalError> {
        self.shared.completion.error()
    }

    /// When the device began, in seconds of the device's clock; 0 until it has ended.
    pub fn gpu_start_time(&self) -> f64 {
        self.shared.completion.times().map_or(0.0, |times| times.start)
    }

    /// When the device ended, in seconds of the device's clock; 0 until it has ended.
    pub fn gpu_end_time(&self) -> f64 {
        self.shared.completion.times().map_or(0.0, |times| times.end)
    }

    /// How long the device worked on it, once it has ended.
    pub fn gpu_duration(&self) -> Option<Duration> {
        self.shared.completion.duration()
    }

    /// The device of the queue that it belongs to.
    pub fn device(&self) -> &Device {
        &self.shared.device
    }
}

impl Recording {
    /// What records, unless an encoder is open or the command buffer has been committed.
    fn between_encoders(
        &mut self,
        call: &'static str,
    ) -> Result<&mut (dyn backend::CommandBuffer + 'static), ValidationError> {
        match self {
            Recording { raw: None, .. } => Err(ValidationError::AlreadyCommitted { call }),
            Recording { open: Some(_), .. } => Err(ValidationError::EncoderOpen { call }),
            Recording { raw: Some(raw), .. } => Ok(raw.as_mut()),
        }
    }

    /// What is missing before a commit.
    fn unfinished(&self) -> Option<ValidationError> {
        if self.open.is_some() {
            return Some(ValidationError::CommitWithOpenEncoder);
        }
        self.groups.all_closed("commit").err()
    }

    /// Where the next command would be.
    fn place(&self) -> Place {
        let mut place =
            Place { command_buffer: self.label.clone(), encoder: None, groups: self.groups.names() };
        if let Some((_, encoder)) = &self.open {
            place.encoder.clone_from(&encoder.label);
            place.groups.extend(encoder.groups.names());
        }
        place
    }
}

impl Shared {
    /// Runs one method of encoder `number`: `check` decides and keeps state, `encode` hands on to the
    /// backend what it let pass, with the place of the command. After the first misuse nothing is recorded
    /// any more.
    pub(crate) fn encode<T>(
        &self,
        number: u64,
        call: &'static str,
        check: impl FnOnce(&mut EncoderState) -> Result<T, ValidationError>,
        encode: impl FnOnce(&mut dyn backend::CommandBuffer, T, &dyn Fn() -> Place),
    ) -> Result<(), MetalError> {
        let mut recording = lock(&self.recording);
        let checked = match &mut *recording {
            Recording { raw: Some(_), open: Some((open, state)), .. } if *open == number => check(state),
            _ => Err(ValidationError::EncoderEnded { call }),
        };
        // Taken out for as long as the place is asked for.
        let mut raw = recording.raw.take();
        let passed = checked.map(|passed| {
            let raw = raw.as_mut().expect("an encoder is open only while there is something that records");
            encode(raw.as_mut(), passed, &|| recording.place());
        });
        recording.raw = raw;
        let place = if passed.is_err() { recording.place() } else { Place::default() };
        drop(recording);
        passed.map_err(|error| self.misused(error, place))
    }

    /// Ends encoder `number`, if it is the open one.
    pub(crate) fn end_encoding(&self, number: u64) -> Result<(), MetalError> {
        let all_closed = |state: &mut EncoderState| state.groups.all_closed("end_encoding");
        let ended = self.encode(number, "end_encoding", all_closed, |_, (), _| {});
        self.close_encoder(number);
        ended
    }

    /// Ends encoder `number`, if it is the open one, whatever it has been told.
    pub(crate) fn close_encoder(&self, number: u64) {
        let mut recording = lock(&self.recording);
        if let Recording { raw: Some(raw), open, .. } = &mut *recording
            && open.as_ref().is_some_and(|(open, _)| *open == number)
        {
            raw.end_encoder();
            *open = None;
        }
    }

    /// The label of encoder `number`, while it is open.
    pub(crate) fn encoder_label(&self, number: u64) -> Option<String> {
        let recording = lock(&self.recording);
        let (open, encoder) = recording.open.as_ref()?;
        if *open == number { encoder.label.clone() } else { None }
    }

    /// Records a misuse, and says so in the way that the device's options ask for.
    ///
    /// # Panics
    /// Under [`ErrorMode::Assert`], which asks for it.
    pub(crate) fn misused(&self, error: ValidationError, place: Place) -> MetalError {
        let error = place.of(error.into());
        self.completion.record(error.clone());
        match self.device.error_mode() {
            ErrorMode::Assert => panic!("{error}"),
            ErrorMode::Log => tracing::error!("{error}"),
            ErrorMode::Ignore => {}
        }
        error
    }
}

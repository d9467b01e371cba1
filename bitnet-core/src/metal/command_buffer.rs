//! Command buffers: work that is recorded, committed and waited for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::backend;
use super::completion::{Completion, MTLCommandBufferStatus};
use super::compute_encoder::ComputeCommandEncoder;
use super::device::Device;
use super::error::MetalError;
use super::host_options::ErrorMode;
use super::sync::lock;
use super::validation::{EncoderState, ValidationError};

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
    recording: Mutex<Recording>,
    completion: Arc<Completion>,
}

#[derive(Debug)]
struct Recording {
    /// Taken by `commit`.
    raw: Option<Box<dyn backend::CommandBuffer>>,
    /// The open encoder's number and state.
    open: Option<(u64, Box<EncoderState>)>,
    /// How many encoders there have been.
    encoders: u64,
}

impl CommandBuffer {
    pub(crate) fn new(device: Device, raw: Box<dyn backend::CommandBuffer>) -> Self {
        let recording = Mutex::new(Recording { raw: Some(raw), open: None, encoders: 0 });
        Self { shared: Arc::new(Shared { device, recording, completion: Arc::default() }) }
    }

    /// Opens an encoder. One at a time: the last one has to have ended.
    pub fn new_compute_command_encoder(&self) -> ComputeCommandEncoder {
        let call = "new_compute_command_encoder";
        let mut recording = lock(&self.shared.recording);
        recording.encoders += 1;
        let number = recording.encoders;
        let opened = match &mut *recording {
            Recording { raw: None, .. } => Err(ValidationError::AlreadyCommitted { call }),
            Recording { open: Some(_), .. } => Err(ValidationError::EncoderOpen),
            Recording { raw: Some(raw), open, .. } => {
                raw.begin_compute();
                *open = Some((number, Box::default()));
                Ok(())
            }
        };
        drop(recording);
        let error = opened.err().map(|error| self.shared.misused(error));
        ComputeCommandEncoder::new(self.shared.clone(), number, error)
    }

    /// Hands the command buffer to its queue and returns at once. One that has been misused ends here.
    pub fn commit(&self) {
        let shared = &self.shared;
        let mut recording = lock(&shared.recording);
        let left_open = recording.open.take().is_some();
        let Some(raw) = recording.raw.take() else {
            drop(recording);
            shared.misused(ValidationError::AlreadyCommitted { call: "commit" });
            return;
        };
        shared.completion.committed();
        drop(recording);
        if !left_open && shared.completion.error().is_none() {
            raw.commit(shared.completion.clone());
            return;
        }
        if !left_open {
            shared.completion.end(Ok(()));
            return;
        }
        let error = ValidationError::CommitWithOpenEncoder;
        shared.completion.end(Err(error.clone().into()));
        shared.misused(error);
    }

    /// Waits until the device has run the command buffer.
    ///
    /// # Errors
    /// What [`error`](Self::error) gives then; [`ValidationError::NotCommitted`] if nobody has committed it.
    pub fn wait_until_completed(&self) -> Result<(), MetalError> {
        if lock(&self.shared.recording).raw.is_some() {
            return Err(ValidationError::NotCommitted.into());
        }
        self.shared.completion.wait()
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
        self.shared.completion.times().map_or(0.0, |(started, _)| self.device().seconds_until(started))
    }

    /// When the device ended, in seconds of the device's clock; 0 until it has ended.
    pub fn gpu_end_time(&self) -> f64 {
        self.shared.completion.times().map_or(0.0, |(_, ended)| self.device().seconds_until(ended))
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

impl Shared {
    /// Runs one method of encoder `number`: `check` decides and keeps state, `encode` hands on to the
    /// backend what it let pass. After the first misuse nothing is recorded any more.
    pub(crate) fn encode<T>(
        &self,
        number: u64,
        call: &'static str,
        check: impl FnOnce(&mut EncoderState) -> Result<T, ValidationError>,
        encode: impl FnOnce(&mut dyn backend::CommandBuffer, T),
    ) -> Result<(), MetalError> {
        let mut recording = lock(&self.recording);
        let checked = match &mut *recording {
            Recording { raw: Some(raw), open: Some((open, state)), .. } if *open == number => {
                check(state).map(|passed| encode(raw.as_mut(), passed))
            }
            _ => Err(ValidationError::EncoderEnded { call }),
        };
        drop(recording);
        checked.map_err(|error| self.misused(error))
    }

    /// Ends encoder `number`.
    pub(crate) fn end_encoding(&self, number: u64) -> Result<(), ValidationError> {
        let mut recording = lock(&self.recording);
        match &mut *recording {
            Recording { raw: Some(raw), open, .. }
                if open.as_ref().is_some_and(|(open, _)| *open == number) =>
            {
                raw.end_compute();
                *open = None;
                Ok(())
            }
            _ => Err(ValidationError::EncoderEnded { call: "end_encoding" }),
        }
    }

    /// Records a misuse, and says so in the way that the device's options ask for.
    ///
    /// # Panics
    /// Under [`ErrorMode::Assert`], which asks for it.
    pub(crate) fn misused(&self, error: ValidationError) -> MetalError {
        self.completion.record(error.clone().into());
        match self.device.error_mode() {
            ErrorMode::Assert => panic!("{error}"),
            ErrorMode::Log => tracing::error!("{error}"),
            ErrorMode::Ignore => {}
        }
        error.into()
    }
}

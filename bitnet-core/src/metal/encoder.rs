//! Command encoders: what all encoders have in common. They record into a command buffer until they end, and keep
//! their first misuse.

use std::sync::{Arc, OnceLock};

use super::backend;
use super::command_buffer::Shared;
use super::device::Device;
use super::error::MetalError;
use super::label::Place;
use super::validation::{EncoderState, ValidationError};

/// What every encoder is: `MTLCommandEncoder`. [`ComputeCommandEncoder`](super::ComputeCommandEncoder) and
/// [`BlitCommandEncoder`](super::BlitCommandEncoder) have its methods.
#[derive(Debug)]
pub struct CommandEncoder {
    shared: Arc<Shared>,
    number: u64,
    error: OnceLock<MetalError>,
}

impl CommandEncoder {
    pub(crate) fn new(shared: Arc<Shared>, number: u64, error: Option<MetalError>) -> Self {
        Self { shared, number, error: error.map(OnceLock::from).unwrap_or_default() }
    }

    /// One method of the encoder: see [`Shared::encode`].
    pub(crate) fn encode<T>(
        &self,
        call: &'static str,
        check: impl FnOnce(&mut EncoderState) -> Result<T, ValidationError>,
        encode: impl FnOnce(&mut dyn backend::CommandBuffer, T, &dyn Fn() -> Place),
    ) {
        if self.error.get().is_none() {
            self.keep(self.shared.encode(self.number, call, check, encode));
        }
    }

    /// Ends the encoder. The command buffer can be committed, or another encoder opened, only then.
    pub fn end_encoding(&self) {
        // One that has been misused ends too, but has already said what is wrong.
        if self.error.get().is_none() {
            self.keep(self.shared.end_encoding(self.number));
        } else {
            self.shared.close_encoder(self.number);
        }
    }

    /// Gives the encoder a label, which errors and the device's tools show.
    pub fn set_label(&self, label: &str) {
        self.encode(
            "set_label",
            |state| {
                state.label = Some(label.to_owned());
                Ok(())
            },
            |raw, (), _| raw.set_encoder_label(label),
        );
    }

    /// Its label, if it has been given one, while the encoder is open.
    pub fn label(&self) -> Option<String> {
        self.shared.encoder_label(self.number)
    }

    /// Opens a debug group around the commands that follow. Errors of theirs name it.
    pub fn push_debug_group(&self, group: &str) {
        self.encode(
            "push_debug_group",
            |state| {
                state.groups.push(group);
                Ok(())
            },
            |raw, (), _| raw.push_debug_group(group),
        );
    }

    /// Closes the debug group that was opened last.
    pub fn pop_debug_group(&self) {
        let call = "pop_debug_group";
        self.encode(call, |state| state.groups.pop(call), |raw, (), _| raw.pop_debug_group());
    }

    /// Puts a text between the commands, for the device's tools.
    pub fn insert_debug_signpost(&self, text: &str) {
        self.encode("insert_debug_signpost", |_| Ok(()), |raw, (), _| raw.insert_debug_signpost(text));
    }

    /// The first misuse of this encoder.
    pub fn error(&self) -> Option<MetalError> {
        self.error.get().cloned()
    }

    /// The device of the command buffer.
    pub fn device(&self) -> &Device {
        &self.shared.device
    }

    fn keep(&self, result: Result<(), MetalError>) {
        if let Err(error) = result {
            self.error.get_or_init(|| error);
        }
    }
}

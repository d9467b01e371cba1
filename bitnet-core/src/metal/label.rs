//! Labels: what people call the objects of the API, and where in a command buffer something is.

use std::fmt;
use std::sync::Mutex;

use super::error::MetalError;
use super::sync::lock;

/// The label of an object, which has none until it is given one.
#[derive(Debug, Default)]
pub(crate) struct Label(Mutex<Option<String>>);

impl Label {
    pub(crate) fn set(&self, label: &str) {
        *lock(&self.0) = Some(label.to_owned());
    }

    pub(crate) fn get(&self) -> Option<String> {
        lock(&self.0).clone()
    }
}

/// Where in a command buffer a command is, as labels and debug groups tell it: "command buffer 'step 3',
/// encoder 'forward', group 'layer 1 / norm'". What has no label is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Label of the command buffer.
    pub command_buffer: Option<String>,
    /// Label of the encoder.
    pub encoder: Option<String>,
    /// The open debug groups, the outermost first.
    pub groups: Vec<String>,
}

impl Place {
    /// Whether nothing is known about it.
    pub fn is_empty(&self) -> bool {
        self.command_buffer.is_none() && self.encoder.is_none() && self.groups.is_empty()
    }

    /// The error, together with the place if there is anything to say about it.
    pub(crate) fn of(self, error: MetalError) -> MetalError {
        if self.is_empty() {
            return error;
        }
        MetalError::Placed { place: self, error: Box::new(error) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups = (!self.groups.is_empty()).then(|| self.groups.join(" / "));
        let parts = [
            ("command buffer", self.command_buffer.as_ref()),
            ("encoder", self.encoder.as_ref()),
            ("group", groups.as_ref()),
        ];
        let mut separator = "";
        for (what, label) in parts {
            if let Some(label) = label {
                write!(f, "{separator}{what} '{label}'")?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_names_what_has_a_label() {
        let check = |command_buffer: &str, encoder: &str, groups: &[&str], expect: &str| {
            let label = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            let groups = groups.iter().map(|group| (*group).to_owned()).collect();
            let place = Place { command_buffer: label(command_buffer), encoder: label(encoder), groups };
            assert_eq!(place.to_string(), expect);
            let error = place.of(MetalError::EmptyBuffer).to_string();
            let separator = if expect.is_empty() { "" } else { ": " };
            assert_eq!(error, format!("{expect}{separator}a buffer cannot have a length of zero bytes"));
        };
        check("", "", &[], "");
        check("step", "", &[], "command buffer 'step'");
        check("", "forward", &["a", "b"], "encoder 'forward', group 'a / b'");
        check("step", "forward", &["a"], "command buffer 'step', encoder 'forward', group 'a'");
    }
}

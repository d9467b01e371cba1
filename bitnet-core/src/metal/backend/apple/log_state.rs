//! Log states of Metal's, which hand what shaders log to ours.

use std::ptr::NonNull;

use block2::RcBlock;
use objc2::rc::{Retained, autoreleasepool};
use objc2::runtime::{NSObjectProtocol, ProtocolObject};
use objc2::sel;
use objc2_foundation::NSString;
use objc2_metal::{MTLDevice, MTLLogLevel, MTLLogState, MTLLogStateDescriptor};

use super::conv;
use crate::metal::log_state::{LogMessage, LogState, LogStateDescriptor};

/// Whether Metal makes log states of the device: from macOS 15 and iOS 18 on, unless the GPU is one that has no place for
/// their messages, as those of virtual machines. That says only a log state that is made, after which the process captures
/// nothing any more: to be asked when one is wanted.
pub(super) fn are_available(device: &ProtocolObject<dyn MTLDevice>) -> Result<(), String> {
    autoreleasepool(|_| raw(LogStateDescriptor::default(), device).map(drop))
}

/// A log state of Metal's.
fn raw(
    descriptor: LogStateDescriptor,
    device: &ProtocolObject<dyn MTLDevice>,
) -> Result<Retained<ProtocolObject<dyn MTLLogState>>, String> {
    if !device.respondsToSelector(sel!(newLogStateWithDescriptor:error:)) {
        return Err("this system has no log states, which came with macOS 15 and iOS 18".to_owned());
    }
    let metal = MTLLogStateDescriptor::new();
    metal.setLevel(conv::log_level(descriptor.level));
    let size = isize::try_from(descriptor.buffer_size).unwrap_or(isize::MAX);
    // SAFETY: A log state's size is within the range that Metal takes.
    unsafe { metal.setBufferSize(size) };
    device.newLogStateWithDescriptor_error(&metal).map_err(|error| conv::text(&error))
}

/// A log state that delivers to this one.
pub(super) fn delivering_to(
    state: &LogState,
    device: &ProtocolObject<dyn MTLDevice>,
) -> Result<Retained<ProtocolObject<dyn MTLLogState>>, String> {
    let raw = raw(state.descriptor(), device)?;
    let state = state.clone();
    let deliver = RcBlock::new(
        move |subsystem: *mut NSString,
              category: *mut NSString,
              level: MTLLogLevel,
              message: NonNull<NSString>| {
            autoreleasepool(|_| {
                // SAFETY: Metal gives its handlers strings, the first two perhaps none, that live as long as
                // the handler runs.
                let (subsystem, category, message) =
                    unsafe { (subsystem.as_ref(), category.as_ref(), message.as_ref()) };
                let [subsystem, category] = [subsystem, category].map(|text| text.map(NSString::to_string));
                state.deliver(&LogMessage {
                    level: conv::our_log_level(level),
                    subsystem: subsystem.as_deref(),
                    category: category.as_deref(),
                    message: &message.to_string(),
                    origin: None,
                });
            });
        },
    );
    // SAFETY: The block takes what Metal gives, and all that it holds may go to Metal's threads.
    unsafe { raw.addLogHandler(&deliver) };
    Ok(raw)
}

//! Log states: where the messages go that shaders log with `os_log`.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use bitnet_msl::ir::LogLevel;
use bitnet_simt::{LogRecord, ShaderLog};

use super::error::MetalError;
use super::sync::lock;

/// Least and greatest size of a log state's buffer, in bytes: those of `MTLLogStateDescriptor.bufferSize`.
pub const LOG_BUFFER_SIZES: std::ops::RangeInclusive<u64> = 1 << 10..=1 << 30;

/// The target of the `tracing` events that messages become where no handler takes them.
pub const LOG_TARGET: &str = "bitnet::shader";

/// How grave a message is, least first: `MTLLogLevel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum MTLLogLevel {
    /// `log_debug`
    #[default]
    Debug,
    /// `log_info`
    Info,
    /// `log`
    Notice,
    /// `log_error`
    Error,
    /// `log_fault`
    Fault,
}

/// Levels of the API and of the front end.
const LEVELS: [(MTLLogLevel, LogLevel); 5] = [
    (MTLLogLevel::Debug, LogLevel::Debug),
    (MTLLogLevel::Info, LogLevel::Info),
    (MTLLogLevel::Notice, LogLevel::Notice),
    (MTLLogLevel::Error, LogLevel::Error),
    (MTLLogLevel::Fault, LogLevel::Fault),
];

impl MTLLogLevel {
    /// Every level, least grave first.
    pub const ALL: [MTLLogLevel; 5] = [Self::Debug, Self::Info, Self::Notice, Self::Error, Self::Fault];

    /// The name of Metal's constant: `MTLLogLevelDebug`.
    pub fn name(self) -> &'static str {
        match self {
            MTLLogLevel::Debug => "MTLLogLevelDebug",
            MTLLogLevel::Info => "MTLLogLevelInfo",
            MTLLogLevel::Notice => "MTLLogLevelNotice",
            MTLLogLevel::Error => "MTLLogLevelError",
            MTLLogLevel::Fault => "MTLLogLevelFault",
        }
    }
}

impl From<LogLevel> for MTLLogLevel {
    fn from(level: LogLevel) -> Self {
        LEVELS[level as usize].0
    }
}

impl From<MTLLogLevel> for LogLevel {
    fn from(level: MTLLogLevel) -> Self {
        LEVELS[level as usize].1
    }
}

/// What a log state keeps: `MTLLogStateDescriptor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogStateDescriptor {
    /// Messages below this level are not kept.
    pub level: MTLLogLevel,
    /// Size in bytes of the buffer that holds what one command buffer logs, within [`LOG_BUFFER_SIZES`]. What does
    /// not fit is dropped; that it was is logged as a warning.
    pub buffer_size: u64,
}

impl Default for LogStateDescriptor {
    /// All messages, 1 MiB a command buffer.
    fn default() -> Self {
        Self { level: MTLLogLevel::Debug, buffer_size: 1 << 20 }
    }
}

/// A message that a shader has logged.
///
/// Printed, it is `k.metal:12: thread (5, 0, 0) in threadgroup (0, 0, 0): text`, or the text alone where the
/// device does not say who logged it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogMessage<'a> {
    /// How grave it is.
    pub level: MTLLogLevel,
    /// The subsystem of the logger; `None` for `os_log_default`.
    pub subsystem: Option<&'a str>,
    /// The category of the logger; `None` for `os_log_default`.
    pub category: Option<&'a str>,
    /// The text.
    pub message: &'a str,
    /// Who logged it and where. The host device says it, Metal does not.
    pub origin: Option<LogOrigin<'a>>,
}

/// The thread and the line of source that a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogOrigin<'a> {
    /// The kernel.
    pub kernel: &'a str,
    /// The file, as diagnostics call it.
    pub file: &'a str,
    /// Line, from 1.
    pub line: u32,
    /// `[[thread_position_in_grid]]`
    pub thread_position_in_grid: [u32; 3],
    /// `[[thread_position_in_threadgroup]]`
    pub thread_position_in_threadgroup: [u32; 3],
    /// `[[threadgroup_position_in_grid]]`
    pub threadgroup_position_in_grid: [u32; 3],
}

impl fmt::Display for LogMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(LogOrigin { file, line, .. }) = self.origin {
            write!(f, "{file}:{line}: ")?;
        }
        if let Some(origin) = self.origin {
            let ([x, y, z], [gx, gy, gz]) =
                (origin.thread_position_in_grid, origin.threadgroup_position_in_grid);
            write!(f, "thread ({x}, {y}, {z}) in threadgroup ({gx}, {gy}, {gz}): ")?;
        }
        f.write_str(self.message)
    }
}

impl<'a> LogMessage<'a> {
    fn of(record: &'a LogRecord) -> Self {
        let site = &*record.site;
        Self {
            level: site.level.into(),
            subsystem: site.logger.as_ref().map(|logger| logger.subsystem.as_str()),
            category: site.logger.as_ref().map(|logger| logger.category.as_str()),
            message: &record.message,
            origin: Some(LogOrigin {
                kernel: &site.kernel,
                file: &site.location.file,
                line: site.location.line,
                thread_position_in_grid: record.thread,
                thread_position_in_threadgroup: record.thread_in_threadgroup,
                threadgroup_position_in_grid: record.threadgroup,
            }),
        }
    }

    /// Makes it an event. Metal's two gravest levels are one for `tracing`.
    fn trace(&self) {
        let Self { subsystem, category, .. } = *self;
        let text = self.to_string();
        let text = text.trim_end();
        macro_rules! event {
            ($level:ident) => {
                tracing::event!(target: LOG_TARGET, tracing::Level::$level, subsystem, category, "{text}")
            };
        }
        match self.level {
            MTLLogLevel::Debug => event!(DEBUG),
            MTLLogLevel::Info | MTLLogLevel::Notice => event!(INFO),
            MTLLogLevel::Error | MTLLogLevel::Fault => event!(ERROR),
        }
    }
}

type Handler = dyn Fn(&LogMessage<'_>) + Send + Sync;

/// Takes what shaders log: `MTLLogState`. A clone is another handle to the same state.
///
/// Made by [`Device::new_log_state_with_descriptor`](super::Device::new_log_state_with_descriptor) and given to a
/// [queue](super::Device::new_command_queue_with_log_state) or to a
/// [command buffer](super::CommandQueue::new_command_buffer_with_log_state), whose own state goes before its queue's.
/// Messages arrive when the command buffer ends, before anybody who waits for it goes on, as far as Metal, which promises
/// nothing about it, has handed them over by then. Those of the host device come in order: of dispatches, then
/// threadgroups, then of execution, whatever the number of CPU threads.
#[derive(Clone)]
pub struct LogState {
    shared: Arc<Shared>,
}

struct Shared {
    descriptor: LogStateDescriptor,
    handlers: Mutex<Vec<Arc<Handler>>>,
}

impl LogState {
    /// A state without handlers.
    ///
    /// # Errors
    /// [`MetalError::LogBufferSize`] for a size that is not within [`LOG_BUFFER_SIZES`].
    pub(crate) fn new(descriptor: LogStateDescriptor) -> Result<Self, MetalError> {
        if !LOG_BUFFER_SIZES.contains(&descriptor.buffer_size) {
            return Err(MetalError::LogBufferSize { size: descriptor.buffer_size });
        }
        Ok(Self { shared: Arc::new(Shared { descriptor, handlers: Mutex::default() }) })
    }

    /// What it keeps.
    pub fn descriptor(&self) -> LogStateDescriptor {
        self.shared.descriptor
    }

    /// Calls `handler` with each message from now on, on a thread of the queue, which must not wait for a
    /// command buffer there. Without handlers, messages become
    /// `tracing` events of target [`LOG_TARGET`].
    pub fn add_log_handler(&self, handler: impl Fn(&LogMessage<'_>) + Send + Sync + 'static) {
        lock(&self.shared.handlers).push(Arc::new(handler));
    }

    /// Whether anybody is to be called.
    pub(crate) fn has_handlers(&self) -> bool {
        !lock(&self.shared.handlers).is_empty()
    }

    /// A message has come.
    pub(crate) fn deliver(&self, message: &LogMessage<'_>) {
        let handlers = lock(&self.shared.handlers).clone();
        if handlers.is_empty() {
            message.trace();
        }
        for handler in handlers {
            // A handler's fault is not the device's: the queue goes on.
            if catch_unwind(AssertUnwindSafe(|| handler(message))).is_err() {
                tracing::error!("a log handler panicked at the message: {message}");
            }
        }
    }

    /// An empty log, as the state's descriptor says, for one command buffer.
    pub(crate) fn new_log(&self) -> ShaderLog {
        let LogStateDescriptor { level, buffer_size } = self.shared.descriptor;
        ShaderLog::new(level.into(), usize::try_from(buffer_size).unwrap_or(usize::MAX))
    }

    /// A command buffer has ended that has logged this.
    pub(crate) fn deliver_all(&self, log: &ShaderLog) {
        for record in log.records() {
            self.deliver(&LogMessage::of(record));
        }
        let size = self.shared.descriptor.buffer_size;
        match (log.is_truncated(), log.dropped()) {
            (false, _) => {}
            (true, 0) => tracing::warn!(
                target: LOG_TARGET,
                "shaders logged more than the log's {size} bytes hold; the rest was dropped"
            ),
            (true, dropped) => tracing::warn!(
                target: LOG_TARGET,
                "shaders logged more than the log's {size} bytes hold; {dropped} messages were dropped"
            ),
        }
    }
}

impl fmt::Debug for LogState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handlers = lock(&self.shared.handlers).len();
        f.debug_struct("LogState")
            .field("descriptor", &self.shared.descriptor)
            .field("handlers", &handlers)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_keep_their_order_and_names() {
        for (index, level) in MTLLogLevel::ALL.into_iter().enumerate() {
            assert_eq!(level as usize, index);
            assert_eq!(LogLevel::from(level), LogLevel::ALL[index]);
            assert_eq!(MTLLogLevel::from(LogLevel::ALL[index]), level);
            assert_eq!(level.name(), format!("MTLLogLevel{level:?}"));
        }
    }

    #[test]
    fn buffer_sizes_are_those_of_metal() {
        for (size, is_ok) in
            [(0, false), (1023, false), (1024, true), (1 << 30, true), ((1 << 30) + 1, false)]
        {
            let made =
                LogState::new(LogStateDescriptor { buffer_size: size, ..LogStateDescriptor::default() });
            assert_eq!(made.is_ok(), is_ok, "{size}");
        }
    }
}

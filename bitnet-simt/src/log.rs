//! What shaders log: messages with the place and the thread they come from.

use std::fmt;
use std::sync::Arc;

use bitnet_msl::ir::{LogLevel, Logger};
use bitnet_msl::source::Location;

/// What a record counts for in a log's buffer, beside its text: level, place and positions.
pub const LOG_RECORD_BYTES: usize = 64;

/// A place in a shader that logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSite {
    /// How grave its messages are.
    pub level: LogLevel,
    /// Who says them; `None` for `os_log_default`.
    pub logger: Option<Arc<Logger>>,
    /// The kernel.
    pub kernel: String,
    /// The call in the source.
    pub location: Location,
}

/// A message of one thread.
///
/// Printed, it is `k.metal:12: thread (5, 0, 0) in threadgroup (0, 0, 0): text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// Where it comes from.
    pub site: Arc<LogSite>,
    /// Position of the thread in the grid.
    pub thread: [u32; 3],
    /// Position of the thread in its threadgroup.
    pub thread_in_threadgroup: [u32; 3],
    /// Position of the threadgroup in the grid.
    pub threadgroup: [u32; 3],
    /// The text.
    pub message: String,
}

impl LogRecord {
    /// What the record takes in a log's buffer.
    pub fn len_bytes(&self) -> usize {
        LOG_RECORD_BYTES + self.message.len()
    }
}

impl fmt::Display for LogRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Location { file, line, .. } = &self.site.location;
        let ([x, y, z], [gx, gy, gz]) = (self.thread, self.threadgroup);
        write!(f, "{file}:{line}: thread ({x}, {y}, {z}) in threadgroup ({gx}, {gy}, {gz}): {}", self.message)
    }
}

/// Takes what runs log, up to a limit.
///
/// Records come in the order of launches, within a launch in that of threadgroups (linear order), within a
/// threadgroup in that of execution: simdgroup by simdgroup between barriers, lane by lane. The first record that
/// does not fit ends the log: it is dropped, and so are all after it. So what is kept does not depend on the number
/// of CPU threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShaderLog {
    pub(crate) level: LogLevel,
    limit_bytes: usize,
    used_bytes: usize,
    records: Vec<LogRecord>,
    is_truncated: bool,
    dropped: u64,
}

impl ShaderLog {
    /// An empty log for messages of this level and graver ones. `limit_bytes` bounds the records'
    /// [`len_bytes`](LogRecord::len_bytes) together.
    pub fn new(level: LogLevel, limit_bytes: usize) -> Self {
        let (used_bytes, records, is_truncated, dropped) = (0, Vec::new(), false, 0);
        Self { level, limit_bytes, used_bytes, records, is_truncated, dropped }
    }

    /// What was kept, in order.
    pub fn records(&self) -> &[LogRecord] {
        &self.records
    }

    /// Whether records were dropped because the log was full.
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// How many were dropped. Those of runs that ended in a trap are not counted: which threadgroups ran beside
    /// the one that trapped depends on the number of CPU threads.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Bytes that further records may take.
    pub(crate) fn free_bytes(&self) -> usize {
        if self.is_truncated { 0 } else { self.limit_bytes - self.used_bytes }
    }

    /// Takes a record, if it fits and all before it did.
    pub(crate) fn push(&mut self, record: LogRecord) -> bool {
        let fits = record.len_bytes() <= self.free_bytes();
        if fits {
            self.used_bytes += record.len_bytes();
            self.records.push(record);
        }
        self.is_truncated |= !fits;
        fits
    }

    /// Notes that records did not fit, and how many, as far as they are counted.
    pub(crate) fn truncate(&mut self, dropped: u64) {
        self.is_truncated = true;
        self.dropped += dropped;
    }
}

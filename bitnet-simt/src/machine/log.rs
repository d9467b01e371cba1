//! Logging: messages become records as lanes come to them, while there is room.
//!
//! Each worker keeps the first records of its threadgroups, which it takes in linear order, up to the room that
//! the log has. What it drops could not be among the first of all threadgroups either, so joining the workers'
//! records in linear order and cutting at the limit gives what one worker would have kept.

use bitnet_msl::ir::{FormatPiece, LogLevel};

use super::grid::Place;
use super::lanes::{Wide, lanes};
use super::{Context, Exec};
use crate::bytecode::{R, W};
use crate::launch::THREADS_PER_SIMDGROUP;
use crate::log::{LOG_RECORD_BYTES, LogRecord, ShaderLog};
use crate::observe::Observer;
use crate::printf;
use crate::program::MessageCode;

/// The log of a worker.
pub(crate) struct WorkerLog {
    /// The least grave level that is kept; `None` if nobody wants any.
    level: Option<LogLevel>,
    free_bytes: usize,
    /// With the linear index of the threadgroup.
    records: Vec<(u64, LogRecord)>,
    /// The threadgroup whose record was dropped first.
    first_dropped: Option<u64>,
    dropped: u64,
    /// The threadgroup at work.
    threadgroup: u64,
    place: Place,
    /// The simdgroup at work.
    pub(super) simdgroup: u32,
    /// Components of the arguments of the message that comes next.
    args: Vec<Wide>,
}

impl WorkerLog {
    /// A log that holds what `log` has room for; `None` keeps nothing.
    pub(super) fn new(log: Option<&ShaderLog>) -> Self {
        Self {
            level: log.map(|log| log.level),
            free_bytes: log.map_or(0, ShaderLog::free_bytes),
            records: Vec::new(),
            first_dropped: None,
            dropped: 0,
            threadgroup: 0,
            place: Place::default(),
            simdgroup: 0,
            args: Vec::new(),
        }
    }

    /// A threadgroup starts.
    pub(super) fn start(&mut self, threadgroup: u64, place: Place) {
        (self.threadgroup, self.place) = (threadgroup, place);
    }

    fn wants(&self, message: &MessageCode) -> bool {
        self.level.is_some_and(|level| message.site.level >= level)
    }

    fn drop_records(&mut self, count: u32) {
        self.first_dropped.get_or_insert(self.threadgroup);
        self.dropped += u64::from(count);
    }

    /// Logs a message of the lanes of the mask.
    fn log(&mut self, cx: &Context<'_>, message: &MessageCode, mask: u32) {
        let mut waiting = mask.count_ones();
        for lane in lanes(mask) {
            if self.first_dropped.is_some() {
                break;
            }
            let room = self.free_bytes.checked_sub(LOG_RECORD_BYTES);
            let Some(text) = room.and_then(|room| message.text(&self.args, lane, room)) else { break };
            let index = self.simdgroup * THREADS_PER_SIMDGROUP + lane as u32;
            let in_threadgroup = self.place.thread(index);
            let record = LogRecord {
                site: message.site.clone(),
                thread: self.place.thread_in_grid(cx, in_threadgroup),
                thread_in_threadgroup: in_threadgroup,
                threadgroup: self.place.position,
                message: text,
            };
            self.free_bytes -= record.len_bytes();
            self.records.push((self.threadgroup, record));
            waiting -= 1;
        }
        if waiting > 0 {
            self.drop_records(waiting);
        }
    }
}

/// Joins the logs of all workers. A run that trapped keeps what was logged up to its trap.
pub(super) fn join(workers: Vec<WorkerLog>, trapped_at: Option<u64>, log: &mut ShaderLog) {
    let last = trapped_at.unwrap_or(u64::MAX);
    let was_dropped = workers.iter().any(|worker| worker.first_dropped.is_some_and(|first| first <= last));
    let mut dropped: u64 = workers.iter().map(|worker| worker.dropped).sum();
    let mut records: Vec<_> = workers.into_iter().flat_map(|worker| worker.records).collect();
    records.retain(|(threadgroup, _)| *threadgroup <= last);
    records.sort_by_key(|(threadgroup, _)| *threadgroup);
    for (_, record) in records {
        dropped += u64::from(!log.push(record));
    }
    if was_dropped || log.is_truncated() {
        log.truncate(if trapped_at.is_none() { dropped } else { 0 });
    }
}

impl MessageCode {
    /// The text for a lane; `None` if it has more bytes than there is room.
    fn text(&self, args: &[Wide], lane: usize, room: usize) -> Option<String> {
        let mut text = String::new();
        let mut args = args.iter().map(|components| components[lane]);
        let mut counts = self.components.iter();
        for piece in &*self.format {
            match piece {
                FormatPiece::Text(part) => text.push_str(part),
                FormatPiece::Value(conversion) => {
                    for component in 0..counts.next().copied().unwrap_or(0) {
                        text.push_str(if component > 0 { "," } else { "" });
                        printf::print(&mut text, conversion, args.next().unwrap_or(0));
                    }
                }
            }
            if text.len() > room {
                return None;
            }
        }
        Some(text)
    }
}

impl<O: Observer> Exec<'_, '_, O> {
    /// A component of the next argument of the message to come.
    pub(super) fn log_arg(&mut self, a: R, signed: bool) {
        let lanes = self.sg.reg(a).to_lanes();
        let extend = |bits: u32| if signed { bits as i32 as u64 } else { u64::from(bits) };
        self.log.args.push(lanes.map(extend));
    }

    /// A component of the next argument, 64-bit.
    pub(super) fn log_arg_wide(&mut self, a: W) {
        let lanes = *self.sg.wide(a);
        self.log.args.push(lanes);
    }

    /// Logs a message with the arguments gathered.
    pub(super) fn log(&mut self, number: u16) {
        let message = &self.cx.code.messages[usize::from(number)];
        if self.log.wants(message) {
            self.log.log(self.cx, message, self.sg.active);
        }
        self.log.args.clear();
    }
}

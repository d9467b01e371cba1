//! What a command buffer notes for a capture, and the trace events that become of it: the command buffer, its encoders,
//! debug groups and commands, one in the other, each with its times.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::capture::Recorder;
use crate::metal::completion::RunTimes;

/// The one process of a trace.
pub(super) const PROCESS: u32 = 1;

/// A queue, as a trace shows it: a thread of the process.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    /// No other queue of the device has it.
    pub(super) number: u64,
    pub(super) label: Option<String>,
}

impl Queue {
    /// The event that names it.
    pub(super) fn event(&self) -> Value {
        let name = self.label.clone().unwrap_or_else(|| format!("queue {}", self.number));
        json!({
            "ph": "M", "pid": PROCESS, "tid": self.number, "name": "thread_name", "args": { "name": name },
        })
    }
}

/// What a command buffer is told, in order.
#[derive(Debug)]
pub(crate) struct Notes {
    pub(super) recorder: Arc<Recorder>,
    label: Option<String>,
    marks: Vec<Mark>,
    /// What the open encoder has bound, by index.
    bound: BTreeMap<usize, Value>,
}

#[derive(Debug)]
enum Mark {
    /// Something begins that ends: an encoder, a debug group.
    Begin {
        category: &'static str,
        name: String,
    },
    End,
    Signpost(String),
    /// The next command, and what is told of it.
    Command {
        name: String,
        args: Value,
    },
}

impl Notes {
    pub(super) fn new(recorder: Arc<Recorder>) -> Self {
        Self { recorder, label: None, marks: Vec::new(), bound: BTreeMap::new() }
    }

    pub(super) fn label(&mut self, label: &str) {
        self.label = Some(label.to_owned());
    }

    pub(super) fn begin_encoder(&mut self, kind: &str) {
        self.bound.clear();
        self.marks.push(Mark::Begin { category: "encoder", name: format!("{kind} encoder") });
    }

    /// Names the encoder that began last.
    pub(super) fn label_encoder(&mut self, label: &str) {
        let encoder = self.marks.iter_mut().rev().find_map(|mark| match mark {
            Mark::Begin { category: "encoder", name } => Some(name),
            _ => None,
        });
        if let Some(name) = encoder {
            label.clone_into(name);
        }
    }

    pub(super) fn begin_group(&mut self, group: &str) {
        self.marks.push(Mark::Begin { category: "debug group", name: group.to_owned() });
    }

    /// The encoder, or the debug group, that began last and has not ended.
    pub(super) fn end(&mut self) {
        self.marks.push(Mark::End);
    }

    pub(super) fn signpost(&mut self, text: &str) {
        self.marks.push(Mark::Signpost(text.to_owned()));
    }

    pub(super) fn bind(&mut self, index: usize, what: Option<Value>) {
        match what {
            Some(what) => self.bound.insert(index, what),
            None => self.bound.remove(&index),
        };
    }

    /// A dispatch of a kernel, which calls its buffers so.
    pub(super) fn dispatch(
        &mut self,
        kernel: &str,
        names: &[(usize, String)],
        grid: &str,
        threadgroup: &str,
    ) {
        let buffer = |(index, name): &(usize, String)| {
            (format!("{index} {name}"), self.bound.get(index).cloned().unwrap_or_default())
        };
        let buffers: Map<String, Value> = names.iter().map(buffer).collect();
        let args = json!({ "grid": grid, "threadgroup": threadgroup, "buffers": buffers });
        self.command(kernel, args);
    }

    pub(super) fn command(&mut self, name: &str, args: Value) {
        self.marks.push(Mark::Command { name: name.to_owned(), args });
    }

    /// The events of a run: of the whole, of the commands that ran. The last one of these met the error, if there is
    /// one.
    pub(super) fn events(
        self,
        queue: u64,
        whole: RunTimes,
        commands: &[RunTimes],
        error: Option<&str>,
    ) -> Vec<Value> {
        let event = |category: &str, name: &str, (start, end): (u64, u64), args: Value| {
            json!({
                "ph": "X", "pid": PROCESS, "tid": queue, "cat": category, "name": name, "args": args,
                "ts": microseconds(start), "dur": microseconds(end - start),
            })
        };
        let name = self.label.as_deref().unwrap_or("command buffer");
        let args = error.map_or_else(|| json!({}), |error| json!({ "error": error }));
        let whole = nanoseconds(whole);
        let mut events = vec![event("command buffer", name, whole, args)];
        let mut open = Vec::new();
        let (mut now, mut ran) = (whole.0, commands.iter().copied().map(nanoseconds));
        for mark in self.marks {
            match mark {
                Mark::Begin { category, name } => {
                    // Events that begin at one time are nested in their order.
                    open.push((events.len(), now));
                    events.push(event(category, &name, (now, now), json!({})));
                }
                Mark::End => {
                    if let Some((begun, start)) = open.pop() {
                        events[begun]["dur"] = microseconds(now - start);
                    }
                }
                Mark::Signpost(text) => events.push(json!({
                    "ph": "i", "s": "t", "pid": PROCESS, "tid": queue, "cat": "signpost", "name": text,
                    "ts": microseconds(now),
                })),
                Mark::Command { name, mut args } => {
                    let Some(times) = ran.next() else { continue };
                    if let (Some(error), true) = (error, ran.len() == 0) {
                        args["error"] = json!(error);
                    }
                    now = times.1;
                    events.push(event("command", &name, times, args));
                }
            }
        }
        events
    }
}

/// Whole nanoseconds, so that what lies in something else does so to the last digit: viewers nest by that.
fn nanoseconds(RunTimes { start, end }: RunTimes) -> (u64, u64) {
    let [start, end] = [start, end].map(|seconds| (seconds * 1e9).round() as u64);
    (start, end.max(start))
}

/// The unit of the format.
fn microseconds(nanoseconds: u64) -> Value {
    json!(nanoseconds as f64 / 1e3)
}

//! What a command buffer notes for a capture, and the trace events that become of it: the command buffer, its encoders,
//! debug groups and commands, one in the other, each with its times.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::capture::Recorder;
use super::command_queue::Line;
use crate::metal::completion::{Completion, RunTimes};

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

    /// The command buffer goes to its queue. Says whether that is early enough for the capture.
    pub(super) fn commits(&self, line: &Arc<Line>, completion: &Arc<Completion>) -> bool {
        let is_in_time = self.recorder.commits(line, completion);
        if !is_in_time {
            let name = self.name();
            tracing::warn!(
                "'{name}' is not in the capture, which ended before it was committed or its turn came"
            );
        }
        is_in_time
    }

    /// What the trace calls the command buffer.
    fn name(&self) -> &str {
        self.label.as_deref().unwrap_or("command buffer")
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
    /// one. What is in something else begins after it and ends before it in the list, which is what viewers nest by
    /// where times are equal.
    pub(super) fn events(
        self,
        queue: u64,
        whole: RunTimes,
        commands: &[RunTimes],
        error: Option<&str>,
    ) -> Vec<Value> {
        let begin = |category: &str, name: &str, ts: f64, args: Value| {
            json!({
                "ph": "B", "pid": PROCESS, "tid": queue, "ts": ts, "cat": category, "name": name, "args": args,
            })
        };
        let end = |ts: f64| json!({ "ph": "E", "pid": PROCESS, "tid": queue, "ts": ts });
        let (start, stop) = microseconds(whole);
        let args = error.map_or_else(|| json!({}), |error| json!({ "error": error }));
        let mut events = vec![begin("command buffer", self.name(), start, args)];
        let (mut now, mut ran) = (start, commands.iter().copied().map(microseconds));
        for mark in self.marks {
            match mark {
                Mark::Begin { category, name } => events.push(begin(category, &name, now, json!({}))),
                Mark::End => events.push(end(now)),
                Mark::Signpost(text) => events.push(json!({
                    "ph": "i", "s": "t", "pid": PROCESS, "tid": queue, "ts": now, "cat": "signpost", "name": text,
                })),
                Mark::Command { name, mut args } => {
                    let Some((start, stop)) = ran.next() else { continue };
                    if let (Some(error), true) = (error, ran.len() == 0) {
                        args["error"] = json!(error);
                    }
                    events.push(begin("command", &name, start, args));
                    events.push(end(stop));
                    now = stop;
                }
            }
        }
        events.push(end(stop));
        events
    }
}

/// The unit of the format.
fn microseconds(RunTimes { start, end }: RunTimes) -> (f64, f64) {
    (start * 1e6, end * 1e6)
}

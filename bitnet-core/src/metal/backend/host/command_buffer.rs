//! Command buffers: lists of commands.

use std::any::Any;
use std::sync::Arc;

use bitnet_simt::{Bound, Grid as SimtGrid, Launch, Memory, Program, RunOptions, ShaderLog};
use serde_json::{Value, json};

use super::buffer::Buffer;
use super::command_queue::{CommandQueue, Job};
use super::pipeline::ComputePipelineState;
use super::trace::Notes;
use crate::metal::backend;
use crate::metal::completion::Completion;
use crate::metal::error::MetalError;
use crate::metal::label::Place;
use crate::metal::log_state::LogState;
use crate::metal::size::MTLSize;
use crate::metal::validation::Grid;

/// Commands so far, and what the open encoder has bound.
#[derive(Debug)]
pub(crate) struct CommandBuffer {
    queue: Arc<CommandQueue>,
    log_state: LogState,
    commands: Vec<Command>,
    pipeline: Option<Arc<dyn backend::ComputePipelineState>>,
    /// What a capture is told, if one runs.
    notes: Option<Notes>,
    /// Bindings of the next dispatch; grid and threadgroup are those of the last one.
    next: Launch,
}

/// One command, ready to run.
#[derive(Debug)]
pub(crate) enum Command {
    Dispatch { program: Arc<Program>, launch: Launch, place: Place },
    Copy { from: (Memory, usize), to: (Memory, usize), len_bytes: usize },
    Fill { memory: Memory, start: usize, len_bytes: usize, value: u8 },
}

impl CommandBuffer {
    pub(crate) fn new(queue: Arc<CommandQueue>, log_state: LogState, notes: Option<Notes>) -> Self {
        Self { queue, log_state, commands: Vec::new(), pipeline: None, notes, next: nothing_bound() }
    }

    fn bind(&mut self, index: usize, bound: Option<Bound>) {
        let bindings = &mut self.next.bindings;
        if bindings.len() <= index {
            bindings.resize(index + 1, None);
        }
        bindings[index] = bound;
    }

    /// Tells the capture, if one runs.
    fn note(&mut self, note: impl FnOnce(&mut Notes)) {
        if let Some(notes) = &mut self.notes {
            note(notes);
        }
    }
}

impl backend::CommandBuffer for CommandBuffer {
    fn set_label(&mut self, label: &str) {
        self.note(|notes| notes.label(label));
    }

    fn set_encoder_label(&mut self, label: &str) {
        self.note(|notes| notes.label_encoder(label));
    }

    fn push_debug_group(&mut self, group: &str) {
        self.note(|notes| notes.begin_group(group));
    }

    fn pop_debug_group(&mut self) {
        self.note(Notes::end);
    }

    fn insert_debug_signpost(&mut self, text: &str) {
        self.note(|notes| notes.signpost(text));
    }

    fn begin_compute(&mut self) {
        self.note(|notes| notes.begin_encoder("compute"));
        self.next = nothing_bound();
    }

    fn set_pipeline(&mut self, pipeline: &Arc<dyn backend::ComputePipelineState>) {
        self.pipeline = Some(pipeline.clone());
    }

    fn set_buffer(&mut self, index: usize, buffer: Option<(&Arc<dyn backend::Buffer>, u64)>) {
        self.note(|notes| notes.bind(index, buffer.map(described)));
        let bound = buffer.map(|buffer| {
            let (memory, offset_bytes) = memory_at(buffer);
            Bound::Buffer { memory, offset_bytes }
        });
        self.bind(index, bound);
    }

    fn set_bytes(&mut self, index: usize, bytes: &[u8]) {
        self.note(|notes| notes.bind(index, Some(json!({ "bytes": bytes }))));
        self.bind(index, Some(Bound::Bytes(bytes.to_vec())));
    }

    fn set_threadgroup_memory_length(&mut self, index: usize, length: u64) {
        // A length that does not fit is over the device's limit, so no dispatch gets to see it.
        self.next.threadgroup_memory_bytes.insert(index as u32, u32::try_from(length).unwrap_or(u32::MAX));
    }

    fn dispatch(&mut self, grid: Grid, threadgroup: MTLSize, place: Place) {
        let pipeline = self.pipeline.clone().expect("a dispatch without a pipeline is refused");
        let pipeline = of_this_backend::<ComputePipelineState>(pipeline.as_ref());
        self.note(|notes| {
            let size = match grid {
                Grid::Threads(size) => format!("{size} threads"),
                Grid::Threadgroups(size) => format!("{size} threadgroups"),
            };
            notes.dispatch(&pipeline.kernel, &pipeline.buffers, &size, &threadgroup.to_string());
        });
        let program = pipeline.program.clone();
        let mut launch = self.next.clone();
        launch.grid = match grid {
            Grid::Threads(size) => SimtGrid::Threads(to_u32(size)),
            Grid::Threadgroups(size) => SimtGrid::Threadgroups(to_u32(size)),
        };
        launch.threads_per_threadgroup = to_u32(threadgroup);
        self.commands.push(Command::Dispatch { program, launch, place });
    }

    fn begin_blit(&mut self) {
        self.note(|notes| notes.begin_encoder("blit"));
    }

    fn copy_buffer(
        &mut self,
        from: (&Arc<dyn backend::Buffer>, u64),
        to: (&Arc<dyn backend::Buffer>, u64),
        length: u64,
    ) {
        let len_bytes = length as usize;
        self.note(|notes| {
            let args = json!({ "from": described(from), "to": described(to), "bytes": length });
            notes.command("copy", args);
        });
        self.commands.push(Command::Copy { from: memory_at(from), to: memory_at(to), len_bytes });
    }

    fn fill_buffer(&mut self, buffer: (&Arc<dyn backend::Buffer>, u64), length: u64, value: u8) {
        self.note(|notes| {
            notes.command("fill", json!({ "to": described(buffer), "bytes": length, "value": value }));
        });
        let (memory, start) = memory_at(buffer);
        self.commands.push(Command::Fill { memory, start, len_bytes: length as usize, value });
    }

    fn end_encoder(&mut self) {
        self.note(Notes::end);
        self.pipeline = None;
    }

    fn is_captured(&self) -> bool {
        self.notes.is_some()
    }

    fn commit(self: Box<Self>, completion: Arc<Completion>) -> Result<(), MetalError> {
        let Self { queue, log_state, commands, notes, .. } = *self;
        queue.submit(Job { commands, log_state, completion, notes })
    }
}

impl Command {
    /// Runs it to its end, or to the first trap.
    pub(crate) fn run(&self, options: &RunOptions, log: &mut ShaderLog) -> Result<(), MetalError> {
        match self {
            Command::Dispatch { program, launch, place } => {
                let result = program.run_logged(launch, options, log);
                let stats = result.map_err(|trap| place.clone().of(trap.into()))?;
                for warning in &stats.warnings {
                    tracing::warn!("{warning}");
                }
            }
            Command::Copy { from: (source, from), to: (memory, to), len_bytes } => {
                memory.copy_from(*to, source, *from, *len_bytes).expect("the ranges were checked");
            }
            Command::Fill { memory, start, len_bytes, value } => {
                memory.fill(*start..*start + *len_bytes, *value).expect("the range was checked");
            }
        }
        Ok(())
    }
}

fn nothing_bound() -> Launch {
    Launch::new(SimtGrid::Threads([0; 3]), [1; 3])
}

/// The memory of a buffer, and an offset into it in bytes.
fn memory_at((buffer, offset): (&Arc<dyn backend::Buffer>, u64)) -> (Memory, usize) {
    (of_this_backend::<Buffer>(buffer.as_ref()).memory.clone(), offset as usize)
}

/// What a trace says of a buffer that is used from an offset on.
fn described((buffer, offset): (&Arc<dyn backend::Buffer>, u64)) -> Value {
    let Buffer { memory, label } = of_this_backend::<Buffer>(buffer.as_ref());
    json!({ "label": label.get(), "offset": offset, "length": memory.len_bytes() })
}

/// The dimensions as the executor takes them.
fn to_u32(size: MTLSize) -> [u32; 3] {
    size.dimensions().map(|n| u32::try_from(n).expect("a grid with more threads is refused"))
}

/// The backend's own object behind a trait object.
fn of_this_backend<T: 'static>(object: &dyn Any) -> &T {
    object.downcast_ref().expect("an object of another device is refused")
}

//! Command buffers: lists of commands.

use std::any::Any;
use std::sync::Arc;

use bitnet_simt::{Bound, Grid as SimtGrid, Launch, Memory, Program, RunOptions, ShaderLog};

use super::buffer::Buffer;
use super::command_queue::{CommandQueue, Job};
use super::pipeline::ComputePipelineState;
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
    program: Option<Arc<Program>>,
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
    pub(crate) fn new(queue: Arc<CommandQueue>, log_state: LogState) -> Self {
        Self { queue, log_state, commands: Vec::new(), program: None, next: nothing_bound() }
    }

    fn bind(&mut self, index: usize, bound: Option<Bound>) {
        let bindings = &mut self.next.bindings;
        if bindings.len() <= index {
            bindings.resize(index + 1, None);
        }
        bindings[index] = bound;
    }
}

impl backend::CommandBuffer for CommandBuffer {
    fn begin_compute(&mut self) {
        self.program = None;
        self.next = nothing_bound();
    }

    fn set_pipeline(&mut self, pipeline: &Arc<dyn backend::ComputePipelineState>) {
        self.program = Some(of_this_backend::<ComputePipelineState>(pipeline.as_ref()).program.clone());
    }

    fn set_buffer(&mut self, index: usize, buffer: Option<(&Arc<dyn backend::Buffer>, u64)>) {
        let bound = buffer.map(|buffer| {
            let (memory, offset_bytes) = memory_at(buffer);
            Bound::Buffer { memory, offset_bytes }
        });
        self.bind(index, bound);
    }

    fn set_bytes(&mut self, index: usize, bytes: &[u8]) {
        self.bind(index, Some(Bound::Bytes(bytes.to_vec())));
    }

    fn set_threadgroup_memory_length(&mut self, index: usize, length: u64) {
        // A length that does not fit is over the device's limit, so no dispatch gets to see it.
        self.next.threadgroup_memory_bytes.insert(index as u32, u32::try_from(length).unwrap_or(u32::MAX));
    }

    fn dispatch(&mut self, grid: Grid, threadgroup: MTLSize, place: Place) {
        let program = self.program.clone().expect("a dispatch without a pipeline is refused");
        let mut launch = self.next.clone();
        launch.grid = match grid {
            Grid::Threads(size) => SimtGrid::Threads(to_u32(size)),
            Grid::Threadgroups(size) => SimtGrid::Threadgroups(to_u32(size)),
        };
        launch.threads_per_threadgroup = to_u32(threadgroup);
        self.commands.push(Command::Dispatch { program, launch, place });
    }

    fn begin_blit(&mut self) {}

    fn copy_buffer(
        &mut self,
        from: (&Arc<dyn backend::Buffer>, u64),
        to: (&Arc<dyn backend::Buffer>, u64),
        length: u64,
    ) {
        let len_bytes = length as usize;
        self.commands.push(Command::Copy { from: memory_at(from), to: memory_at(to), len_bytes });
    }

    fn fill_buffer(&mut self, buffer: (&Arc<dyn backend::Buffer>, u64), length: u64, value: u8) {
        let (memory, start) = memory_at(buffer);
        self.commands.push(Command::Fill { memory, start, len_bytes: length as usize, value });
    }

    fn end_encoder(&mut self) {
        self.begin_compute();
    }

    fn commit(self: Box<Self>, completion: Arc<Completion>) -> Result<(), MetalError> {
        let Self { queue, log_state, commands, .. } = *self;
        queue.submit(Job { commands, log_state, completion })
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

/// The dimensions as the executor takes them.
fn to_u32(size: MTLSize) -> [u32; 3] {
    size.dimensions().map(|n| u32::try_from(n).expect("a grid with more threads is refused"))
}

/// The backend's own object behind a trait object.
fn of_this_backend<T: 'static>(object: &dyn Any) -> &T {
    object.downcast_ref().expect("an object of another device is refused")
}

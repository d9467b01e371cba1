//! Command buffers: lists of dispatches.

use std::any::Any;
use std::sync::Arc;

use bitnet_simt::{Bound, Grid as SimtGrid, Launch, Program, RunOptions};

use super::buffer::Buffer;
use super::command_queue::{CommandQueue, Job};
use super::pipeline::ComputePipelineState;
use crate::metal::backend;
use crate::metal::completion::Completion;
use crate::metal::error::MetalError;
use crate::metal::size::MTLSize;
use crate::metal::validation::Grid;

/// Dispatches so far, and what the open encoder has bound.
#[derive(Debug)]
pub(crate) struct CommandBuffer {
    queue: Arc<CommandQueue>,
    dispatches: Vec<Dispatch>,
    program: Option<Arc<Program>>,
    /// Bindings of the next dispatch; grid and threadgroup are those of the last one.
    next: Launch,
}

/// One dispatch, ready to run.
#[derive(Debug)]
pub(crate) struct Dispatch {
    program: Arc<Program>,
    launch: Launch,
}

impl CommandBuffer {
    pub(crate) fn new(queue: Arc<CommandQueue>) -> Self {
        Self { queue, dispatches: Vec::new(), program: None, next: nothing_bound() }
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
        let bound = buffer.map(|(buffer, offset)| {
            let memory = of_this_backend::<Buffer>(buffer.as_ref()).memory.clone();
            Bound::Buffer { memory, offset_bytes: offset as usize }
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

    fn dispatch(&mut self, grid: Grid, threadgroup: MTLSize) {
        let program = self.program.clone().expect("a dispatch without a pipeline is refused");
        let mut launch = self.next.clone();
        launch.grid = match grid {
            Grid::Threads(size) => SimtGrid::Threads(to_u32(size)),
            Grid::Threadgroups(size) => SimtGrid::Threadgroups(to_u32(size)),
        };
        launch.threads_per_threadgroup = to_u32(threadgroup);
        self.dispatches.push(Dispatch { program, launch });
    }

    fn end_compute(&mut self) {
        self.begin_compute();
    }

    fn commit(self: Box<Self>, completion: Arc<Completion>) {
        let Self { queue, dispatches, .. } = *self;
        queue.submit(Job { dispatches, completion });
    }
}

impl Dispatch {
    /// Runs it to its end, or to the first trap.
    pub(crate) fn run(&self, options: &RunOptions) -> Result<(), MetalError> {
        let stats = self.program.run(&self.launch, options)?;
        for warning in &stats.warnings {
            tracing::warn!("{warning}");
        }
        Ok(())
    }
}

fn nothing_bound() -> Launch {
    Launch::new(SimtGrid::Threads([0; 3]), [1; 3])
}

/// The dimensions as the executor takes them.
fn to_u32(size: MTLSize) -> [u32; 3] {
    size.dimensions().map(|n| u32::try_from(n).expect("a grid with more threads is refused"))
}

/// The backend's own object behind a trait object.
fn of_this_backend<T: 'static>(object: &dyn Any) -> &T {
    object.downcast_ref().expect("an object of another device is refused")
}

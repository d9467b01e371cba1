//! Grids and threadgroups: how much work there is, turned into numbers of threads.
//!
//! Every kernel is right for any one-dimensional grid of up to `MAX_GRID` threads, since its items are dealt out in
//! strides of the grid. What is chosen here decides speed only.
//!
//! **Invariant:** grids and threadgroups are multiples of the SIMD width.

use super::row::{KernelRow, Work};
use super::shape::Shape;
use crate::metal::{ComputePipelineState, MTLSize};

/// Threads of a threadgroup where an item is a thread's work.
const THREADS_PER_GROUP: u64 = 256;
/// Simdgroups of a threadgroup where an item is a simdgroup's work.
const SIMDGROUPS_PER_GROUP: u64 = 4;
/// Most threads of a grid; what is left over goes round again.
pub(crate) const MAX_GRID: u64 = 1 << 24;
/// Most work items of a launch, and most elements along a dimension. Kernels count both in 32 bits, and one more round
/// of the grid must not pass the end of these numbers: the loop would start anew.
pub(crate) const MAX_EXTENT: u64 = (1 << 32) - MAX_GRID;

/// The limits that a grid must keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridLimits {
    /// Threads of a simdgroup.
    pub simd_width: u64,
    /// Most threads of a threadgroup.
    pub max_threads: u64,
    /// Threads that share an item that is a simdgroup's work: all of a simdgroup, or one where the device
    /// has no simdgroup reductions (see `simdgroups.h` among the shaders).
    pub lanes: u64,
    /// Whether grids have to be whole threadgroups, since the device has no smaller ones at the edges.
    pub whole_threadgroups: bool,
}

impl GridLimits {
    /// The limits of a pipeline.
    pub fn of(pipeline: &ComputePipelineState) -> Self {
        let simd_width = pipeline.thread_execution_width();
        Self {
            simd_width,
            max_threads: pipeline.max_total_threads_per_threadgroup(),
            lanes: if pipeline.device_limits().simdgroup_reductions { simd_width } else { 1 },
            whole_threadgroups: !pipeline.device_limits().non_uniform_threadgroups,
        }
    }

    /// The size of a threadgroup that is wanted to have so many threads: whole simdgroups, at least one.
    fn threadgroup(self, wanted: u64) -> u64 {
        let fits = wanted.min(self.max_threads) / self.simd_width;
        fits.max(1) * self.simd_width
    }
}

/// Threads and threadgroup for the items that a shape makes; no threads when there is nothing to do.
pub fn for_shape(row: &KernelRow, shape: &Shape, limits: GridLimits) -> (MTLSize, MTLSize) {
    match (row.work)(shape) {
        Work::Threads(items) => one_dimension(items, THREADS_PER_GROUP, limits),
        Work::Simdgroups(items) => {
            let threads = items.saturating_mul(limits.lanes);
            one_dimension(threads, SIMDGROUPS_PER_GROUP * limits.simd_width, limits)
        }
        Work::Threadgroup => one_dimension(limits.threadgroup(u64::MAX), u64::MAX, limits),
    }
}

/// Refuses a shape with more to do than a kernel can count.
pub(crate) fn check_extent(row: &KernelRow, shape: &Shape) -> Result<(), String> {
    let items = match (row.work)(shape) {
        Work::Threads(items) | Work::Simdgroups(items) => items,
        Work::Threadgroup => 1,
    };
    let extents =
        [(shape.batch, "rows"), (shape.input, "columns"), (shape.output, "outputs"), (items, "work items")];
    match extents.into_iter().find(|(extent, _)| *extent > MAX_EXTENT) {
        Some((extent, what)) => {
            Err(format!("it is to work on {extent} {what}, but takes {MAX_EXTENT} at most"))
        }
        None => Ok(()),
    }
}

/// Threads and threadgroup for someone who knows only how many elements there are: a thread an element, in
/// threadgroups of the size that suits who takes an item of the row's kernel. Right for every kernel; [`for_shape`]
/// is faster where an item is a simdgroup's work.
pub fn for_data_size(row: &KernelRow, data_size: u64, limits: GridLimits) -> (MTLSize, MTLSize) {
    let one_row = Shape { input: data_size, batch: 1, ..Shape::default() };
    let wanted_group = match (row.work)(&one_row) {
        Work::Threads(_) => THREADS_PER_GROUP,
        Work::Simdgroups(_) => SIMDGROUPS_PER_GROUP * limits.simd_width,
        Work::Threadgroup => u64::MAX,
    };
    one_dimension(data_size, wanted_group, limits)
}

fn one_dimension(threads: u64, wanted_group: u64, limits: GridLimits) -> (MTLSize, MTLSize) {
    let threads = threads.min(MAX_GRID).next_multiple_of(limits.simd_width);
    let group = limits.threadgroup(wanted_group.min(threads));
    let threads = match limits.whole_threadgroups {
        // Rounding up must not pass the most threads of a grid.
        true => threads.next_multiple_of(group).min(MAX_GRID / group * group),
        false => threads,
    };
    (MTLSize::new(threads, 1, 1), MTLSize::new(group, 1, 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metal::BitNetShaderFunction as F;
    use crate::metal::kernels::Grouping;

    #[test]
    fn grids_are_whole_simdgroups_within_the_limits() {
        let check = |function: F, shape: Shape, max_threads, expect: (u64, u64)| {
            let limits = GridLimits { simd_width: 32, max_threads, lanes: 32, whole_threadgroups: false };
            let (threads, group) = for_shape(function.row(), &shape, limits);
            assert_eq!((threads.width, group.width), expect, "{function:?} {shape:?}");
            assert_eq!((threads.height, threads.depth, group.height, group.depth), (1, 1, 1, 1));
        };
        check(F::ReluForward, Shape::elements(0), 1024, (0, 32));
        check(F::ReluForward, Shape::elements(1), 1024, (32, 32));
        check(F::ReluForward, Shape::elements(1000), 1024, (1024, 256));
        check(F::ReluForward, Shape::elements(1000), 100, (1024, 96));
        check(F::ReluForward, Shape::elements(1000), 1, (1024, 32));
        check(F::SoftmaxForward, Shape::rows(3, 7), 1024, (96, 96));
        check(F::SoftmaxForward, Shape::rows(33, 7), 1024, (33 * 32, 128));
        check(F::BinarizeWeights, Shape::linear(0, 7, 5, Grouping::Tensor), 1000, (992, 992));
        check(F::BinarizeWeights, Shape::linear(0, 7, 0, Grouping::Tensor), 1000, (0, 32));
        check(F::BitLinearForward, Shape::linear(1, 4096, 4096, Grouping::Row), 1024, (32 * 1024, 128));
        check(F::BitLinearForward, Shape::linear(9, 64, 33, Grouping::Row), 1024, (32 * 6, 128));
    }

    #[test]
    fn what_kernels_cannot_count_is_refused() {
        let check = |function: F, shape: Shape, expect: Result<(), &str>| {
            assert_eq!(check_extent(function.row(), &shape), expect.map_err(str::to_owned), "{shape:?}");
        };
        let most = MAX_EXTENT as u32;
        check(F::ReluForward, Shape::elements(most), Ok(()));
        check(
            F::ReluForward,
            Shape::elements(most + 1),
            Err("it is to work on 4278190081 columns, but takes 4278190080 at most"),
        );
        check(
            F::SoftmaxForward,
            Shape::rows(u32::MAX, 1),
            Err("it is to work on 4294967295 rows, but takes 4278190080 at most"),
        );
        let shape = Shape::linear(0, 1 << 20, 1 << 18, Grouping::Columns(32));
        check(
            F::QuantizeWeights1Bit,
            shape,
            Err("it is to work on 8589934592 work items, but takes 4278190080 at most"),
        );
        // A thread goes on by the grid's threads, at most.
        assert!(u32::try_from(MAX_EXTENT - 1 + MAX_GRID).is_ok());
    }

    #[test]
    fn without_reductions_a_thread_takes_what_a_simdgroup_would() {
        let limits = GridLimits { simd_width: 32, max_threads: 1024, lanes: 1, whole_threadgroups: false };
        let (threads, group) = for_shape(F::SoftmaxForward.row(), &Shape::rows(33, 7), limits);
        assert_eq!((threads.width, group.width), (64, 64));
    }

    #[test]
    fn a_data_size_alone_makes_a_grid() {
        let limits = GridLimits { simd_width: 32, max_threads: 1024, lanes: 32, whole_threadgroups: false };
        for (size, threads, group) in [(0, 0, 32), (1, 32, 32), (33, 64, 64), (5000, 5024, 256)] {
            let grid = for_data_size(F::ReluForward.row(), size, limits);
            assert_eq!(grid, (MTLSize::new(threads, 1, 1), MTLSize::new(group, 1, 1)), "{size}");
        }
        for (function, group) in [(F::SoftmaxForward, 128), (F::BitLinearForward, 128), (F::ReluForward, 256)]
        {
            let grid = for_data_size(function.row(), u64::MAX, limits);
            assert_eq!((grid.0.width, grid.1.width), (MAX_GRID, group), "{function:?}");
        }
        let whole = GridLimits { whole_threadgroups: true, ..limits };
        for (size, threads, group) in [(0, 0, 32), (33, 64, 64), (5000, 5120, 256)] {
            let grid = for_data_size(F::ReluForward.row(), size, whole);
            assert_eq!(grid, (MTLSize::new(threads, 1, 1), MTLSize::new(group, 1, 1)), "{size}");
        }
        let (threads, group) =
            for_data_size(F::ReluForward.row(), u64::MAX, GridLimits { max_threads: 100, ..whole });
        assert_eq!((threads.width, group.width), (MAX_GRID / 96 * 96, 96));
    }
}

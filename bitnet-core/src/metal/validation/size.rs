//! The rules about the sizes of grids and threadgroups.

use bitnet_msl::ir::ThreadAttribute;
use bitnet_msl::reflect::{ElementInfo, KernelInfo};

use super::ValidationError;
use crate::metal::front_end::GridView;
use crate::metal::pipeline::ComputePipelineState;
use crate::metal::size::MTLSize;

/// How large the grid of a dispatch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grid {
    /// In threads: threadgroups at the far edges may be smaller.
    Threads(MTLSize),
    /// In whole threadgroups.
    Threadgroups(MTLSize),
}

impl Grid {
    /// Whether there is nothing to run.
    pub(crate) fn is_empty(self) -> bool {
        let (Grid::Threads(size) | Grid::Threadgroups(size)) = self;
        size.is_empty()
    }

    /// The same grid in threadgroups that are all of one size, for devices that have no others, if the kernel
    /// cannot tell the difference: whole threadgroups, one that is as small as its grid, or, for a kernel
    /// that sees positions only, the largest that divide the grid.
    pub(super) fn in_equal_threadgroups(
        self,
        threadgroup: MTLSize,
        view: GridView,
    ) -> Option<(Self, MTLSize)> {
        let Grid::Threads(threads) = self else { return Some((self, threadgroup)) };
        let (threads, mut group) = (threads.dimensions(), threadgroup.dimensions());
        for (threads, group) in threads.into_iter().zip(&mut group) {
            let needed = match threads % *group {
                0 => GridView::DispatchSize,
                rest if rest == threads => GridView::Threadgroups,
                _ => GridView::Positions,
            };
            if view > needed {
                return None;
            }
            *group = (1..=threads.min(*group)).rev().find(|n| threads.is_multiple_of(*n))?;
        }
        let [x, y, z] = [0, 1, 2].map(|axis| threads[axis] / group[axis]);
        Some((Grid::Threadgroups(MTLSize::new(x, y, z)), MTLSize::new(group[0], group[1], group[2])))
    }

    /// The size in threads.
    pub(super) fn threads(self, threadgroup: MTLSize) -> MTLSize {
        match self {
            Grid::Threads(size) => size,
            Grid::Threadgroups(size) => MTLSize::new(
                size.width.saturating_mul(threadgroup.width),
                size.height.saturating_mul(threadgroup.height),
                size.depth.saturating_mul(threadgroup.depth),
            ),
        }
    }

    /// The size in threadgroups, those at the edges included.
    fn threadgroups(self, threadgroup: MTLSize) -> MTLSize {
        match self {
            Grid::Threadgroups(size) => size,
            Grid::Threads(size) => MTLSize::new(
                size.width.div_ceil(threadgroup.width),
                size.height.div_ceil(threadgroup.height),
                size.depth.div_ceil(threadgroup.depth),
            ),
        }
    }
}

/// The rules about the sizes of grid and threadgroup.
pub(super) fn check(
    pipeline: &ComputePipelineState,
    kernel: &KernelInfo,
    grid: Grid,
    threadgroup: MTLSize,
) -> Result<(), ValidationError> {
    let kernel = || kernel.name.clone();
    if threadgroup.is_empty() {
        return Err(ValidationError::EmptyThreadgroup { kernel: kernel(), threadgroup });
    }
    let limit = pipeline.device_limits().max_total_threads_per_threadgroup;
    if threadgroup.count() > limit {
        return Err(ValidationError::ThreadgroupTooLarge { kernel: kernel(), threadgroup, limit });
    }
    let limit = pipeline.device_limits().max_threads_per_threadgroup;
    if is_longer(threadgroup, limit) {
        return Err(ValidationError::ThreadgroupTooLong { kernel: kernel(), threadgroup, limit });
    }
    let limit = pipeline.max_total_threads_per_threadgroup();
    if threadgroup.count() > limit {
        return Err(ValidationError::ThreadgroupTooLargeForPipeline { kernel: kernel(), threadgroup, limit });
    }
    let threads = grid.threads(threadgroup);
    if threads.dimensions().into_iter().any(|n| n > u64::from(u32::MAX)) {
        return Err(ValidationError::GridTooLarge { kernel: kernel(), grid: threads });
    }
    Ok(())
}

/// Whether a size passes another one along some dimension.
fn is_longer(size: MTLSize, limit: MTLSize) -> bool {
    size.dimensions().into_iter().zip(limit.dimensions()).any(|(size, limit)| size > limit)
}

/// The rule that the kernel can count what it asks for: the threads of a grid that is not empty, its threadgroups, the
/// threads of one.
pub(super) fn check_counts(
    kernel: &KernelInfo,
    grid: Grid,
    threadgroup: MTLSize,
) -> Result<(), ValidationError> {
    for param in &kernel.params {
        let Some(attribute) = param.attribute else { continue };
        let Some(counted) = counted_by(attribute, grid, threadgroup) else { continue };
        let most = greatest_counts(&param.element);
        let counts = counted.dimensions().into_iter().zip(most).zip(["width", "height", "depth"]);
        for ((count, most), dimension) in counts {
            if count > most {
                return Err(ValidationError::ParameterCannotCount {
                    kernel: kernel.name.clone(),
                    name: param.name.clone(),
                    attribute: attribute.mnemonic(),
                    type_name: param.type_name.clone(),
                    count,
                    dimension,
                });
            }
        }
    }
    Ok(())
}

/// What an attribute counts, or tells the position in.
fn counted_by(attribute: ThreadAttribute, grid: Grid, threadgroup: MTLSize) -> Option<MTLSize> {
    use ThreadAttribute as A;
    match attribute {
        A::ThreadPositionInGrid | A::ThreadsPerGrid => Some(grid.threads(threadgroup)),
        A::ThreadgroupPositionInGrid | A::ThreadgroupsPerGrid => Some(grid.threadgroups(threadgroup)),
        A::ThreadPositionInThreadgroup | A::ThreadsPerThreadgroup | A::DispatchThreadsPerThreadgroup => {
            Some(threadgroup)
        }
        _ => None,
    }
}

/// The greatest count along each dimension that a type holds; 1 where it has no component.
fn greatest_counts(element: &ElementInfo) -> [u64; 3] {
    let (elem, len) = match *element {
        ElementInfo::Scalar(elem) => (elem, 1),
        ElementInfo::Vector { elem, len, .. } => (elem, len),
        _ => return [u64::MAX; 3],
    };
    let most = if elem.size_bytes() == 2 { u16::MAX.into() } else { u64::MAX };
    [0, 1, 2].map(|dimension| if dimension < len { most } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_in_threadgroups_of_one_size() {
        let check = |threads: [u64; 3], group: [u64; 3], view, expect: Option<([u64; 3], [u64; 3])>| {
            let size = |[x, y, z]: [u64; 3]| MTLSize::new(x, y, z);
            let equal = Grid::Threads(size(threads)).in_equal_threadgroups(size(group), view);
            let expect = expect.map(|(groups, group)| (Grid::Threadgroups(size(groups)), size(group)));
            assert_eq!(equal, expect, "{threads:?} by {group:?} for {view:?}");
        };
        use GridView::{DispatchSize, Positions, Threadgroups};
        for view in [Positions, Threadgroups, DispatchSize] {
            check([64, 1, 1], [32, 1, 1], view, Some(([2, 1, 1], [32, 1, 1])));
            check([6, 4, 3], [3, 2, 1], view, Some(([2, 2, 3], [3, 2, 1])));
        }
        check([5, 1, 1], [32, 1, 1], Positions, Some(([1, 1, 1], [5, 1, 1])));
        check([5, 64, 1], [32, 2, 4], Threadgroups, Some(([1, 32, 1], [5, 2, 1])));
        check([5, 1, 1], [32, 1, 1], DispatchSize, None);
        check([100, 1, 1], [32, 1, 1], Positions, Some(([4, 1, 1], [25, 1, 1])));
        check([37, 9, 1], [32, 8, 1], Positions, Some(([37, 3, 1], [1, 3, 1])));
        check([100, 1, 1], [32, 1, 1], Threadgroups, None);
        check([32, 9, 1], [32, 8, 1], Threadgroups, None);
    }
}

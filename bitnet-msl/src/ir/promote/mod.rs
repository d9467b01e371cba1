//! Turns variables in memory into variables by value.
//!
//! A local whose address is only ever loaded from and stored to becomes a promoted local
//! (`LocalGet` / `LocalSet`). Members of structs and elements of small arrays become locals of their
//! own if every index is constant; components of vectors and matrices are taken out of and put into
//! their vector or matrix. What stays in memory: whatever a call, an atomic op, a cast or a pointer
//! computation gets the address of, and arrays indexed at run time. Reads of promoted locals whose value
//! is known become that value, and what nobody uses then is dropped.
//!
//! **Invariant:** a function that [`verify`](super::verify::verify) accepts is accepted afterwards, and
//! computes the same.

mod access;
pub(super) mod forward;
mod rewrite;

use super::passes::dead_code::drop_dead_code;
use super::{Function, LocalId, Type, TypeId, TypeTable};
use access::Accesses;

/// Most locals that one aggregate is split into.
const MAX_LEAVES: usize = 64;

/// What splitting may add to a function, in locals and instructions: this, and [`GROWTH`] times its
/// instructions. Copying aggregates about takes few words, so unbounded it could take all memory.
const SMALL_GROWTH: usize = 1 << 14;
const GROWTH: usize = 4;

/// A pointer variable that is promoted may free what it points to: each round sees through one more.
const MAX_ROUNDS: usize = 3;

/// Which accesses of a vector's component by run-time index a promoted variable may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DynamicComponents {
    /// Any: they become [`Op::ExtractDynamic`](super::Op::ExtractDynamic), which traps past the last component.
    Promoted,
    /// None: such a variable stays in memory, where an index past the end is an access out of bounds.
    InMemory,
}

/// Promotes what can be promoted and drops values and locals that nobody uses.
pub fn promote(function: &mut Function, types: &TypeTable) {
    promote_with(function, types, DynamicComponents::Promoted);
}

/// Promotes again, after other passes have freed addresses. What a source means has been settled by the first
/// promotion, so that the trap of a wrong index stays the one it was with [`DynamicComponents::InMemory`].
pub(super) fn promote_with(function: &mut Function, types: &TypeTable, dynamic: DynamicComponents) {
    let mut budget = SMALL_GROWTH + GROWTH * function.insts.len();
    for round in 0..MAX_ROUNDS {
        let accesses = Accesses::of(function, types, dynamic);
        let plans: Vec<_> = (0..function.locals.len())
            .map(|index| {
                let local = LocalId(index as u32);
                let access_count = accesses.access_count(local)?;
                Plan::of(function, local, access_count, &mut budget, types)
            })
            .collect();
        if round > 0 && plans.iter().all(Option::is_none) {
            return;
        }
        rewrite::rewrite(function, types, &accesses, &plans);
        forward::forward(function);
        drop_dead_code(function);
    }
}

/// A part of a promoted variable that is a local of its own.
struct Leaf {
    /// Members and elements that lead to it.
    path: Vec<u32>,
    ty: TypeId,
    /// `.x`, `[2]`.
    suffix: String,
    /// Set once the local exists.
    local: LocalId,
}

/// How a variable is split: into itself, or into its members and elements.
struct Plan {
    leaves: Vec<Leaf>,
}

impl Plan {
    /// The plan for a local and the locals for its leaves; `None` if they are too many or share bytes.
    fn of(
        function: &mut Function,
        local: LocalId,
        access_count: usize,
        budget: &mut usize,
        types: &TypeTable,
    ) -> Option<Plan> {
        let whole = function.locals[local.0 as usize].clone();
        let mut leaves = Vec::new();
        let root = Leaf { path: Vec::new(), ty: whole.ty, suffix: String::new(), local };
        collect_leaves(root, types, &mut leaves)?;
        if leaves.len() > 1 {
            *budget = budget.checked_sub(leaves.len() * (access_count + 1))?;
        }
        for leaf in leaves.iter_mut().filter(|leaf| !leaf.path.is_empty()) {
            leaf.local = LocalId(function.locals.len() as u32);
            let name = format!("{}{}", whole.name, leaf.suffix);
            function.locals.push(super::Local { name, ty: leaf.ty, span: whole.span });
        }
        Some(Plan { leaves })
    }

    /// The leaf that a path of members and elements ends in or passes through, and how many steps lead to it.
    fn leaf_on(&self, path: &[u32]) -> Option<&Leaf> {
        self.leaves.iter().find(|leaf| path.starts_with(&leaf.path))
    }

    /// The leaf with exactly this path.
    fn leaf_at(&self, path: &[u32]) -> Option<&Leaf> {
        self.leaves.iter().find(|leaf| leaf.path == path)
    }
}

fn collect_leaves(part: Leaf, types: &TypeTable, leaves: &mut Vec<Leaf>) -> Option<()> {
    let inner = |index: u32, ty: TypeId, name: String| Leaf {
        path: part.path.iter().copied().chain([index]).collect(),
        ty,
        suffix: format!("{}{name}", part.suffix),
        local: part.local,
    };
    match types.get(part.ty) {
        Type::Struct(id) => {
            let definition = types.get_struct(id);
            if definition.is_union {
                return None;
            }
            for (index, field) in definition.fields.iter().enumerate() {
                collect_leaves(inner(index as u32, field.ty, format!(".{}", field.name)), types, leaves)?;
            }
        }
        Type::Array { elem, len } => {
            for index in 0..len {
                collect_leaves(inner(index, elem, format!("[{index}]")), types, leaves)?;
            }
        }
        Type::Atomic(_) | Type::Void => return None,
        _ => leaves.push(part),
    }
    (leaves.len() <= MAX_LEAVES).then_some(())
}

#[cfg(test)]
mod tests;

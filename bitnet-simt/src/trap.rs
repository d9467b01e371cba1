//! Traps: what a shader did wrong, by whom and where.

use std::fmt;

use bitnet_msl::source::{Location, Span};

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TrapKind {
    /// An access outside the memory that its pointer points into.
    OutOfBounds,
    /// An access whose address is not a multiple of the type's alignment.
    Misaligned,
    /// An access to a buffer that the host did not bind.
    UnboundBuffer,
    /// An access through a null pointer.
    NullPointer,
    /// A write to inline constants or program-scope constants.
    WriteToConstant,
    /// A vector component index past the last component.
    IndexPastEnd,
    /// A barrier that only some threads reach.
    DivergentBarrier,
    /// Calls nested too deep, or too much memory for the variables of nested calls.
    StackOverflow,
    /// The instruction budget of the run was used up.
    InstructionBudget,
    /// The launch does not fit the kernel: no threads in a threadgroup, too many, too little bound.
    BadLaunch,
}

impl TrapKind {
    /// A short name, as fixtures write it.
    pub fn name(self) -> &'static str {
        match self {
            TrapKind::OutOfBounds => "out-of-bounds",
            TrapKind::Misaligned => "misaligned",
            TrapKind::UnboundBuffer => "unbound-buffer",
            TrapKind::NullPointer => "null-pointer",
            TrapKind::WriteToConstant => "write-to-constant",
            TrapKind::IndexPastEnd => "index-past-end",
            TrapKind::DivergentBarrier => "divergent-barrier",
            TrapKind::StackOverflow => "stack-overflow",
            TrapKind::InstructionBudget => "instruction-budget",
            TrapKind::BadLaunch => "bad-launch",
        }
    }
}

/// The run of a kernel went wrong.
///
/// Of all that goes wrong in a run, the one reported is that of the first threadgroup (in linear order);
/// within it, that of the first simdgroup that gets there; within it, that of the lowest lane.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Trap {
    /// What it is.
    pub kind: TrapKind,
    /// The kernel.
    pub kernel: String,
    /// Position of the threadgroup in the grid.
    pub threadgroup: [u32; 3],
    /// Position of the thread in the grid.
    pub thread: [u32; 3],
    /// Source of the instruction.
    pub span: Span,
    /// Where that is.
    pub location: Location,
    /// What the thread did: "wrote 4 bytes at offset 20 of buffer 1 `out`, which is 20 bytes long".
    pub message: String,
    /// The other place involved and what is there: the other barrier.
    pub related: Option<(Location, String)>,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, message, .. } = self;
        if self.kind == TrapKind::BadLaunch {
            return write!(f, "kernel `{kernel}`: {message}");
        }
        let ([x, y, z], [gx, gy, gz]) = (self.thread, self.threadgroup);
        write!(f, "kernel `{kernel}`: thread ({x}, {y}, {z}) of threadgroup ({gx}, {gy}, {gz}) {message}")?;
        if let Some(place) = display(&self.location) {
            write!(f, ", at {place}")?;
        }
        if let Some((location, what)) = &self.related {
            write!(f, "; {what}")?;
            if let Some(place) = display(location) {
                write!(f, " at {place}")?;
            }
        }
        Ok(())
    }
}

/// `file:line:column`; none for a module whose source places were dropped.
fn display(location: &Location) -> Option<String> {
    (location.line > 0).then(|| format!("{}:{}:{}", location.file, location.line, location.column))
}

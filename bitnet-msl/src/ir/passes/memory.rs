//! What passes know of memory: where a pointer comes from, what may write there, which loads cannot trap.
//!
//! Lanes run in lockstep, so the order of the text is the order in which a simdgroup reads and writes, branches
//! included: `then` before `other`. Other simdgroups of the threadgroup run at barriers only. Between two loads of one
//! address nothing has changed if the text between them holds no write to that address space, no atomic op, no
//! barrier and no call; and no head of a loop, since a loop may wait for what another threadgroup writes.
//!
//! A value that was stored does *not* stand in for the load after it: lanes may have stored to one address, where
//! the highest lane's value stays.
//!
//! Constant memory does not change during a launch (MSL specification, 4.2: it is read-only).

use super::super::{
    AddressSpace, Block, Function, FunctionConstantId, GlobalId, GlobalKind, Op, Stmt, Type, TypeId,
    TypeTable, Value,
};
use super::Context;

/// Address spaces whose memory changes during a launch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spaces {
    pub(super) device: bool,
    pub(super) threadgroup: bool,
    pub(super) thread: bool,
}

impl Spaces {
    pub(super) const ALL: Spaces = Spaces { device: true, threadgroup: true, thread: true };
    /// What other threads can write.
    pub(super) const SHARED: Spaces = Spaces { device: true, threadgroup: true, thread: false };

    /// One space; none for constant memory.
    pub(super) fn of(space: AddressSpace) -> Self {
        let mut spaces = Self::default();
        match space {
            AddressSpace::Device => spaces.device = true,
            AddressSpace::Threadgroup => spaces.threadgroup = true,
            AddressSpace::Thread => spaces.thread = true,
            AddressSpace::Constant => {}
        }
        spaces
    }
}

/// The address space that a pointer points into.
pub(super) fn space_of(function: &Function, types: &TypeTable, ptr: Value) -> Option<AddressSpace> {
    match types.get(function.inst(ptr).ty) {
        Type::Pointer { space, .. } => Some(space),
        _ => None,
    }
}

/// What may be different after an instruction.
pub(super) fn written_by(op: &Op) -> Spaces {
    match op {
        // Compare-exchange writes to the thread's expected value.
        Op::Call(..) | Op::AtomicCompareExchange(..) => Spaces::ALL,
        Op::Barrier(..) | Op::Atomic(..) | Op::AtomicLoad(_) | Op::AtomicStore(..) => Spaces::SHARED,
        _ => Spaces::default(),
    }
}

/// Where a constant address starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// A program-scope variable.
    Global(GlobalId),
    /// A parameter.
    Param(u32),
}

/// The start of an address that a load of type `ty` goes to, if it is a part of the whole that the start points to, by
/// constant members and indices: then the access lies within the whole and is as aligned as its type asks.
pub(super) fn static_root(function: &Function, types: &TypeTable, ptr: Value) -> Option<Root> {
    let mut at = ptr;
    // Types bound the number of parts of parts.
    loop {
        match &function.inst(at).op {
            Op::GlobalAddr(id) => return Some(Root::Global(*id)),
            Op::Param(index) => return Some(Root::Param(*index)),
            Op::FieldAddr(base, _) => at = *base,
            Op::ElementAddr(base, index) => {
                let Type::Pointer { pointee, .. } = types.get(function.inst(*base).ty) else { return None };
                let index = match function.inst(*index).op {
                    Op::Const(bits) => bits,
                    Op::Zero => 0,
                    _ => return None,
                };
                if index >= u64::from(types.part_count(pointee)?) {
                    return None;
                }
                at = *base;
            }
            _ => return None,
        }
    }
}

/// References to constant buffers that a load has gone through: they are bound, so that loads of no greater alignment
/// from them cannot trap. (That a whole element is bound is checked at the launch.)
#[derive(Clone, Debug, Default)]
pub(super) struct Proven {
    /// Parameter and alignment.
    loaded: Vec<(u32, u32)>,
}

impl Proven {
    /// Notes a load that is executed here, before all that follows in the block.
    pub(super) fn note(&mut self, function: &Function, cx: &Context<'_>, ptr: Value, ty: TypeId) {
        let align = cx.types.align_bytes(ty);
        if let Some(Root::Param(index)) = constant_root(function, cx, ptr)
            && cx.is_reference(index)
            && !self.covers(index, align)
        {
            self.loaded.push((index, align));
        }
    }

    /// Whether a load may be executed although the source does not: it cannot trap, and always gives the same.
    pub(super) fn is_safe(&self, function: &Function, cx: &Context<'_>, ptr: Value, ty: TypeId) -> bool {
        match constant_root(function, cx, ptr) {
            Some(Root::Global(id)) => matches!(cx.globals[id.0 as usize].kind, GlobalKind::Constant(_)),
            Some(Root::Param(index)) => {
                cx.is_reference(index) && self.covers(index, cx.types.align_bytes(ty))
            }
            None => false,
        }
    }

    fn covers(&self, param: u32, align: u32) -> bool {
        self.loaded.iter().any(|&(known, greatest)| known == param && align <= greatest)
    }
}

fn constant_root(function: &Function, cx: &Context<'_>, ptr: Value) -> Option<Root> {
    (space_of(function, cx.types, ptr)? == AddressSpace::Constant)
        .then(|| static_root(function, cx.types, ptr))
        .flatten()
}

/// Whether dropping the block could change what a host must give: it asks for function constants.
pub(super) fn asks_for_constants(function: &Function, block: &Block) -> bool {
    block.has_stmt(&mut |stmt| {
        matches!(stmt, Stmt::Eval(value) if matches!(
            function.inst(*value).op,
            Op::FunctionConstant(FunctionConstantId(_)) | Op::IsFunctionConstantDefined(_) | Op::Call(..)
        ))
    })
}

//! Where the values of a function are while its code is made.

use std::rc::Rc;

use crate::bytecode::{Base, Index, R, W};

/// Where a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Loc {
    /// In a register.
    R(R),
    /// In a wide register.
    W(W),
}

/// Where a value is.
#[derive(Clone, Debug)]
pub(super) enum Val {
    /// Its cells, one by one.
    Cells(Rc<[Loc]>),
    /// A pointer that no instruction has computed: loads and stores take it as it is.
    Addr(AddrExpr),
}

/// An address under construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AddrExpr {
    pub(super) base: Base,
    pub(super) indices: [Option<Index>; 2],
    pub(super) offset: i64,
}

impl AddrExpr {
    pub(super) fn new(base: Base) -> Self {
        Self { base, indices: [None; 2], offset: 0 }
    }
}

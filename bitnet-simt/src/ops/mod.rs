//! What the instructions compute, one function an operation: on one lane ([`int`], [`long`], [`float`],
//! [`half`], [`math`], [`convert`], [`atomic`]) or on all lanes of a simdgroup ([`lane`]).
//!
//! **Invariant:** every result is a function of the operands alone, the same on every machine: no call of
//! the system's math library, no dependence on the state of the floating-point unit.

pub(crate) mod atomic;
pub(crate) mod convert;
pub(crate) mod float;
pub(crate) mod half;
pub(crate) mod int;
mod integer;
pub(crate) mod intmath;
pub(crate) mod lane;
pub(crate) mod long;
pub(crate) mod math;

//! The built-in functions of MSL's standard library: one table, its look-up, and what comes of a call.
//!
//! [`table`] has a row for each function: name, signatures over a class of types, lowering. [`resolve()`]
//! picks the overload as C++ does over the concrete functions a signature stands for, so that a call that
//! Apple's compiler finds ambiguous (`max(1.0f, 0)`) is ambiguous here. [`expand()`] makes the IR.
//! [`names`] has the constants and `numeric_limits`, [`other_names`] the names that only matter for look-up.
//!
//! **Invariant:** a name that the table lacks is not a built-in function; nothing else lists them.

pub(crate) mod convert;
pub(crate) mod expand;
pub(crate) mod names;
mod other_names;
pub(crate) mod resolve;
pub(crate) mod signature;
mod table;

pub(crate) use convert::{ConversionRank, conversion_rank};
pub(crate) use expand::{ExpandError, expand};
pub(crate) use names::{BuiltinEnum, NamedConstant, named_constant, numeric_limit};
pub(crate) use other_names::{OtherName, has_fast_version, other_name};
pub(crate) use resolve::{ArgType, ResolveError, resolve};
pub(crate) use signature::{BuiltinFamily, Overloads};
pub(crate) use table::{closest_name, lookup};

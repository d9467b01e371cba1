//! Constant evaluation: scalar constants, and the bytes of IR values that are constant.
//!
//! The checker lowers a constant expression like any other and folds what came of it, so that there is
//! one meaning of every operator: [`fold`] over [`ConstValue`]. The passes over the IR fold with the same [`Folder`].

mod float;
mod fold;
mod literal;
mod scalar;
mod undefined;

pub(crate) use fold::{Constant, Folder, Known, Place, Root, fold};
pub(crate) use literal::{float_literal_type, int_literal_type};
pub(crate) use scalar::{ConstValue, common_scalar, promote};
pub(crate) use undefined::{Undefined, undefined};

//! Why an expression is not a constant expression.

use crate::check::const_eval::Undefined;
use crate::source::Span;
use std::fmt;

/// Why, and where.
#[derive(Clone, Debug)]
pub(in crate::check) struct NotConstant {
    pub(in crate::check) reason: Reason,
    pub(in crate::check) span: Span,
}

/// What constant expressions do not do (C++ \[expr.const\]), and the bounds of this evaluator.
#[derive(Clone, Debug)]
pub(in crate::check) enum Reason {
    Undefined(Undefined),
    /// Reads a variable that is neither `constexpr` nor a `const` integer with a constant initialiser.
    Variable(String),
    FunctionConstant(String),
    /// Calls a function of the standard library.
    Library,
    /// Looks at the bits of a value.
    AsType,
    /// Calls a function that is not `constexpr`.
    Function(String),
    /// Calls a `constexpr` function whose definition has not ended.
    NoBody(String),
    /// A call ends without `return`.
    NoReturn,
    /// Reads something that has no value yet.
    Unset,
    /// Declares a struct without a value.
    UnsetStruct(String),
    /// Reads a member of a union that is not the one with a value.
    InactiveMember,
    OutOfBounds,
    /// Reads or writes a variable whose life has ended.
    Dangling,
    /// Changes something that was there before.
    WritesOutside,
    MatrixConstructor,
    /// Depends on memory, other threads or anything else that is there only when the program runs.
    RunTime,
    TooLong,
    TooDeep,
    TooLarge,
}

impl Reason {
    pub(super) fn at(self, span: Span) -> NotConstant {
        NotConstant { reason: self, span }
    }

    /// The rule behind it, where the reason does not say it.
    pub(in crate::check) fn note(&self) -> Option<&'static str> {
        match self {
            Self::Variable(_) => Some(
                "constant expressions read constexpr variables, and const integers and enumerations with a constant \
                 initialiser",
            ),
            Self::Library => Some("write the value, or compute it in a constexpr function of your own"),
            _ => None,
        }
    }

    /// Whether it is a rule of C++, and not a bound of this evaluator or something that may still be defined.
    pub(super) fn is_definite(&self) -> bool {
        !matches!(
            self,
            Self::NoBody(_)
                | Self::AsType
                | Self::Unset
                | Self::MatrixConstructor
                | Self::RunTime
                | Self::TooLong
                | Self::TooDeep
                | Self::TooLarge
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undefined(undefined) => undefined.fmt(f),
            Self::Variable(name) if name.starts_with('%') => f.write_str("not known at compile time"),
            Self::Variable(name) => write!(f, "`{name}` cannot be read in a constant expression"),
            Self::FunctionConstant(name) => write!(f, "the function constant `{name}` gets its value later"),
            Self::Library => f.write_str("functions of the standard library are not constexpr"),
            Self::AsType => f.write_str("as_type cannot be part of a constant expression"),
            Self::NoReturn => f.write_str("the function ends without returning a value"),
            Self::Function(name) => write!(f, "`{name}` is not constexpr"),
            Self::NoBody(name) => write!(f, "`{name}` is not defined yet"),
            Self::Unset => f.write_str("read before it was given a value"),
            Self::UnsetStruct(name) => write!(f, "`{name}` is declared without a value"),
            Self::InactiveMember => f.write_str("another member of the union has the value"),
            Self::OutOfBounds => f.write_str("outside of the array"),
            Self::Dangling => f.write_str("its variable is gone"),
            Self::WritesOutside => f.write_str("changes a variable of the code around"),
            Self::MatrixConstructor => f.write_str("the constructors of matrices are not constexpr"),
            Self::RunTime => f.write_str("not known at compile time"),
            Self::TooLong => f.write_str("takes too many steps to compute at compile time"),
            Self::TooDeep => write!(f, "calls nest more than {} deep", super::MAX_CALLS),
            Self::TooLarge => write!(f, "takes more than {} MiB", super::MAX_MEMORY_BYTES >> 20),
        }
    }
}

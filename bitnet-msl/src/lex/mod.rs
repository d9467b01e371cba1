//! From characters to tokens.
//!
//! `Lexer` cuts one file into preprocessing tokens: they know their spelling and whether they start a
//! line, but a number or string is not looked into. `decode` turns them into the [`token::Token`]s of the
//! parser once macros are expanded.
//!
//! **Invariant:** the lexer reports nothing. What is wrong with a token shows in its `RawKind` and becomes
//! a diagnostic when the token is used, so that prose in `#if 0`, `#error` and `#pragma mark` stays prose.

mod decode;
mod intern;
mod number;
mod raw;
mod scan;
pub mod token;

pub(crate) use decode::{alternative, character, decode};
pub(crate) use intern::{Interner, Symbol};
pub(crate) use number::parse_integer;
pub(crate) use raw::{Lexer, RawKind, RawToken, join, lex_fragment};

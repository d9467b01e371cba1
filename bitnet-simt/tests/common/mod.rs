//! Runs kernels as a line of text describes it.
//!
//! ```text
//! // run: k(grid = 20, group = 32, x = 1..=20, out = zeros(1)) => out == [210]
//! // run: k(grid = (4, 2), x = zeros(4)) => trap out-of-bounds at 5 by (0, 1, 0)
//! ```
//!
//! `grid` counts threads (`groups` threadgroups), `group` is the size of a threadgroup (32 unless given), both
//! with one to three numbers. Every other name is a parameter of the kernel: values of its element's scalars
//! as `a..b`, `a..=b`, `[…]`, `zeros(n)`, `fill(n, v)` (elements), one number, or `unbound`; for a
//! threadgroup parameter the number of bytes. `name.offset = n` binds from byte `n` on, `name.inline` as
//! inline constants. `fc.name = v` sets a function constant. `fast_math = off`, `budget = n`,
//! `exited = error | warn` set options. Expectations, with `,` between: `name == values`,
//! `name ~= values` (relative 1e-5), `trap KIND [at LINE] [by (x, y, z)]`, `warns LINE`. An expected list may
//! end in `..`.

pub(crate) mod parse;
pub(crate) mod run;

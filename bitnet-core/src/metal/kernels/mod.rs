//! The kernels: their shaders, the table that says what each takes and gives, and the launch by row.
//!
//! - [`table`]: one row a kernel, the single source of truth; [`BitNetShaderFunction`] names the rows.
//! - [`params`]: the parameter structs that host and shaders share. [`shape`]: the sizes they stand for.
//! - [`encode()`]: a launch that checks the row's contract first. [`geometry`]: grids and threadgroups.
//! - [`case`](mod@case): a kernel's operands as data; [`launch`]: run on a device, as often as wanted; [`verdict`]:
//!   what it wrote, compared with the reference in double precision. `cases` and `reference` hold both for every
//!   row. [`verify`](mod@verify) does it for all cases of a kernel.
//! - [`sized`]: a case of any size. [`measure`]: how long it takes, and what the machine's memory allows.

pub mod case;
mod cases;
mod encode;
pub mod geometry;
pub(crate) mod infer;
pub mod launch;
pub mod measure;
pub mod params;
mod reference;
pub mod row;
pub mod shape;
pub mod sized;
pub mod table;
pub mod verdict;
pub mod verify;

use std::collections::BTreeMap;

use crate::metal::CompileOptions;

pub use case::Case;
pub(crate) use encode::check_arguments;
pub use encode::{Arg, encode, encode_in};
pub(crate) use geometry::MAX_EXTENT;
pub use launch::{Launch, run_case};
pub use row::{KernelRow, Precision};
pub use shape::{Grouping, Shape};
pub use sized::{Size, case_of_size};
pub use table::{BitNetShaderFunction, TABLE};
pub use verdict::{Verdict, compare, compare_with};

/// The built-in shaders: name and text. They include [`HEADERS`].
pub static SHADERS: &[(&str, &str)] = &[
    ("bitlinear", include_str!("../shaders/bitlinear.metal")),
    ("quantization", include_str!("../shaders/quantization.metal")),
    ("activation", include_str!("../shaders/activation.metal")),
];

/// What built-in shaders include, and shaders of a directory may include too: name and text.
pub static HEADERS: &[(&str, &str)] = &[
    ("accurate.h", include_str!("../shaders/accurate.h")),
    ("philox.h", include_str!("../shaders/philox.h")),
    ("rows.h", include_str!("../shaders/rows.h")),
    ("simdgroups.h", include_str!("../shaders/simdgroups.h")),
];

/// Makes options suit the built-in shaders, to which NaN and infinity mean something. They ask for exact arithmetic
/// themselves where the language has a way to, but no text can ask for the functions of the library that keep NaN.
pub(crate) fn suit_built_in(options: &mut CompileOptions) {
    options.fast_math = false;
}

/// [`HEADERS`] as [`CompileOptions::includes`](crate::metal::CompileOptions::includes) takes them.
pub fn built_in_includes() -> BTreeMap<String, String> {
    HEADERS.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

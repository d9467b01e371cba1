//! What each kernel should give, in double precision, written as plainly as the formulas.
//!
//! A reference also says how much float32 may err: for each result the magnitudes that add up to it
//! (Σ|terms|) and how many of them there are. A *gradient* gives the function that a backward kernel
//! differentiates, in double precision, for a check by central differences.

pub(super) mod activation;
pub(super) mod bitlinear;
pub(super) mod eight_bit;
pub(super) mod loss;
pub(super) mod norm;
pub(super) mod optimizer;
pub(super) mod philox;
pub(super) mod quantization;

use super::case::{Derivative, Float};
use super::shape::Grouping;
use std::ops::Range;

/// Roundings beside those of a sum, in formulas that end in a handful of products, quotients, an `exp` or
/// a root (4 ulp each at most): what the number of terms is raised by.
const FORMULA: f64 = 20.0;

/// A sum and the magnitudes that add up to it.
fn sum(terms: impl IntoIterator<Item = f64>) -> Float {
    terms.into_iter().fold(Float::default(), |sum, term| Float {
        value: sum.value + term,
        magnitude: sum.magnitude + term.abs(),
        ..sum
    })
}

/// Σ a·b
fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// What a kernel's output `index` holds: the derivative at `at` of Σ upstream·f(x), the upstream being the
/// gradient that the kernel gets.
fn pull_back(
    index: u32,
    at: Vec<f64>,
    upstream: Vec<f64>,
    function: impl Fn(&[f64]) -> Vec<f64> + 'static,
) -> Derivative {
    Derivative { index, at, function: Box::new(move |x| dot(&upstream, &function(x))) }
}

/// The places of the elements of each group of a matrix, in the order of the scales. A tensor is one group.
fn groups_of(rows: usize, columns: usize, grouping: Grouping) -> Vec<Range<usize>> {
    let size = match grouping {
        Grouping::Tensor => return std::iter::once(0..rows * columns).collect(),
        Grouping::Row => columns,
        Grouping::Columns(size) => size as usize,
    };
    let count = grouping.of_row(columns as u64) as usize;
    let range = |n: usize, g: usize| n * columns + g * size..n * columns + columns.min((g + 1) * size);
    (0..rows).flat_map(|n| (0..count).map(move |g| (n, g))).map(|(n, g)| range(n, g)).collect()
}

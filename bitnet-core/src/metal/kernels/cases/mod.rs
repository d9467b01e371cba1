//! The cases that every kernel is tested with: empty shapes, single elements, sizes around multiples of 32,
//! several rows, groups, and values that are not numbers. Data is random by seed and the same everywhere.
//!
//! One file a family of kernels; what they share is here.

pub(super) mod activation;
pub(super) mod bitlinear;
pub(super) mod eight_bit;
pub(super) mod loss;
pub(super) mod norm;
pub(super) mod optimizer;
pub(super) mod quantization;

use super::case::{Case, Data};
use super::reference::philox;
use super::shape::{Grouping, Shape};
use std::cell::Cell;

/// Random data, the same for the same seed.
struct Random {
    seed: u32,
    drawn: Cell<u64>,
}

impl Random {
    fn new(seed: u32) -> Self {
        Self { seed, drawn: Cell::new(0) }
    }

    /// A multiple of 2⁻²³ in [−1, 1).
    fn unit(&self) -> f32 {
        let index = self.drawn.replace(self.drawn.get() + 1);
        (2.0 * philox::uniform(index, [self.seed, 0x5eed]) - 1.0) as f32
    }

    /// So many floats in [−scale, scale).
    fn floats(&self, count: u64, scale: f32) -> Vec<f32> {
        (0..count).map(|_| self.unit() * scale).collect()
    }

    fn data(&self, count: u64) -> Data {
        Data::F32(self.floats(count, 1.0))
    }

    fn below(&self, bound: u32) -> u32 {
        ((f64::from(self.unit()) + 1.0) / 2.0 * f64::from(bound)) as u32
    }

    fn word(&self) -> u32 {
        self.below(1 << 16) << 16 | self.below(1 << 16)
    }

    /// Packed random weights; the bits past the last column are 0.
    fn packed(&self, shape: &Shape) -> Data {
        let (words, tail) = (shape.words(), shape.input % 32);
        let last = if tail == 0 { !0 } else { (1 << tail) - 1 };
        let word = |i: u64| self.word() & if i % words == words - 1 { last } else { !0 };
        Data::U32((0..shape.packed()).map(word).collect())
    }
}

/// (rows, size) of the kernels that work on rows or elements.
const ROWS: &[(u32, u32)] = &[
    (0, 5),
    (3, 0),
    (1, 1),
    (1, 31),
    (1, 32),
    (2, 33),
    (3, 64),
    (5, 7),
    (33, 10),
    (4, 100),
    (7, 259),
    (1, 4099),
];

const COUNTS: &[u32] = &[0, 1, 3, 31, 32, 33, 63, 100, 1024, 5003];

fn by_rows(case: impl Fn(&Random, u32, u32) -> Case) -> Vec<Case> {
    let cases = ROWS.iter().zip(1..);
    cases.map(|(&(rows, size), seed)| case(&Random::new(seed), rows, size)).collect()
}

fn by_count(case: impl Fn(&Random, u32) -> Case) -> Vec<Case> {
    COUNTS.iter().zip(1..).map(|(&count, seed)| case(&Random::new(seed), count)).collect()
}

fn label(rows: u32, size: u32) -> String {
    format!("{rows}×{size}")
}

const SPECIAL: [f32; 7] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1e-40, -1e-40];

/// The greatest `group_size` that a kernel takes: sums with it wrap.
const LARGEST_GROUP: u32 = u32::MAX - 31;

/// (N, K, grouping) of weights to be quantised.
const WEIGHTS: &[(u32, u32, Grouping)] = &[
    (0, 5, Grouping::Row),
    (3, 0, Grouping::Row),
    (1, 1, Grouping::Row),
    (2, 31, Grouping::Row),
    (3, 32, Grouping::Columns(32)),
    (5, 33, Grouping::Columns(32)),
    (4, 100, Grouping::Row),
    (7, 300, Grouping::Columns(64)),
    (70, 65, Grouping::Row),
    (2, 96, Grouping::Columns(4096)),
    (2, 64, Grouping::Columns(LARGEST_GROUP)),
];

/// Weights with some exact zeros and a common offset, so that their mean counts.
fn latent(random: &Random, shape: &Shape) -> Vec<f32> {
    let mut weights = random.floats(shape.weights(), 0.5);
    weights.iter_mut().for_each(|w| *w += 0.125);
    weights.iter_mut().step_by(13).for_each(|w| *w = 0.0);
    weights
}

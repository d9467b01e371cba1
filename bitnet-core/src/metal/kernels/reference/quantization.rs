//! Weights to bits and scales, activations to 8 bits.

use super::{FORMULA, sum};
use crate::metal::kernels::case::{Case, Expected, Float, Values};
use crate::metal::kernels::params::{KernelParams, QuantizeActivationsParams};
use crate::metal::kernels::shape::{Grouping, Shape};
use std::ops::Range;

/// The least γ that activations are divided by, as float32 holds it.
const LEAST_GAMMA: f32 = 1e-5;

/// The places of the weights of each group, in the order of the scales.
fn groups(shape: &Shape) -> Vec<Range<usize>> {
    super::groups_of(shape.output as usize, shape.input as usize, shape.grouping)
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> Float {
    let count = values.len().max(1) as f64;
    let total = sum(values);
    Float { value: total.value / count, magnitude: total.magnitude / count, slack: 0.0 }
}

/// Packs `bit(i)` of all weights.
fn pack(shape: &Shape, bit: impl Fn(usize) -> bool) -> Vec<u32> {
    let (columns, words) = (shape.input as usize, shape.words() as usize);
    let mut packed = vec![0; shape.packed() as usize];
    for i in (0..shape.weights() as usize).filter(|&i| bit(i)) {
        packed[i / columns * words + i % columns / 32] |= 1 << (i % columns % 32);
    }
    packed
}

pub(crate) fn binarize_weights(case: &Case) -> Vec<Expected> {
    let (shape, w) = (&case.shape, case.floats(0));
    let mut thresholds = vec![Float::default(); w.len()];
    let mut scales = Vec::new();
    let mut longest = 0;
    for group in groups(shape) {
        longest = longest.max(group.len());
        thresholds[group.clone()].fill(mean(w[group.clone()].iter().copied()));
        scales.push(mean(w[group].iter().map(|w| w.abs())));
    }
    if shape.grouping == Grouping::Tensor {
        scales = scales.repeat(shape.output as usize);
    }
    let terms = longest as f64 + 1.0;
    // A float32 mean may lie on the other side of a weight that is as near as this.
    let undecided = |i: usize| {
        let mean = thresholds[i];
        (w[i] - mean.value).abs() <= terms * 2f64.powi(-24) * mean.magnitude && mean.magnitude > 0.0
    };
    let words = pack(shape, |i| w[i] > thresholds[i].value);
    vec![
        Expected { index: 1, values: Values::Bits { words, undecided: pack(shape, undecided) } },
        Expected::sums(2, terms, scales),
    ]
}

pub(crate) fn quantize_weights_1bit(case: &Case) -> Vec<Expected> {
    let (shape, w) = (&case.shape, case.floats(0));
    let groups = groups(shape);
    let longest = groups.iter().map(Range::len).max().unwrap_or(0);
    let scales = groups.into_iter().map(|group| mean(w[group].iter().map(|w| w.abs()))).collect();
    vec![Expected::bits(1, pack(shape, |i| w[i] > 0.0)), Expected::sums(2, longest as f64 + 1.0, scales)]
}

pub(crate) fn dequantize_weights_1bit(case: &Case) -> Vec<Expected> {
    let (shape, packed, scales) = (&case.shape, case.words(0), case.floats(1));
    let (columns, words) = (shape.input as usize, shape.words() as usize);
    let mut weights = vec![0.0; shape.weights() as usize];
    for (group, scale) in groups(shape).into_iter().zip(scales) {
        for i in group {
            let bit = packed[i / columns * words + i % columns / 32] >> (i % columns % 32) & 1;
            weights[i] = if bit == 1 { scale } else { -scale };
        }
    }
    vec![Expected::floats(2, weights)]
}

pub(crate) fn quantize_activations(case: &Case) -> Vec<Expected> {
    let params = QuantizeActivationsParams::from_bytes(&case.params);
    let x = case.floats(0);
    let (mut scales, mut steps, mut dequantized) = (Vec::new(), Vec::new(), Vec::new());
    for m in 0..params.batch_size as usize {
        let row = &x[m * params.input_size as usize..][..params.input_size as usize];
        let peak = row.iter().fold(0.0, |peak: f64, x| if x.is_nan() { *x } else { peak_of(peak, x.abs()) });
        let gamma = if peak.is_nan() { peak } else { peak.max(LEAST_GAMMA.into()) };
        let scale = gamma / 127.0;
        scales.push(scale);
        for x in row {
            let step = x * 127.0 / gamma;
            // The conversion of NaN to an integer gives 0; a row of infinite γ has no other values.
            let step = if gamma.is_finite() && step.is_finite() { step.clamp(-128.0, 127.0) } else { 0.0 };
            let q = step.round_ties_even();
            let is_tie = (step - step.floor() - 0.5).abs() <= 1e-6;
            steps.push(step);
            dequantized.push(Float { slack: if is_tie { scale } else { 0.0 }, ..Float::from(q * scale) });
        }
    }
    let mut expected =
        vec![Expected { index: 1, values: Values::Rounded(steps) }, Expected::floats(2, scales)];
    if params.write_dequantized != 0 {
        expected.push(Expected::sums(4, FORMULA, dequantized));
    }
    expected
}

/// The greater of two, NaN if either is.
fn peak_of(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

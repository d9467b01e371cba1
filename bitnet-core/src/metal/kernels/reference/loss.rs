//! Softmax and cross-entropy.

use super::{FORMULA, pull_back, sum};
use crate::metal::kernels::case::{Case, Derivative, Expected, Float};
use crate::metal::kernels::params::{CrossEntropyParams, KernelParams, SoftmaxParams};

/// A row of softmax, and what its errors are in proportion to.
struct Softmax {
    /// x − max x
    shifted: Vec<f64>,
    /// Σ exp(x − max x)
    sum: f64,
    /// Mean of |x − max x| by the probabilities: rounding x − max x errs in proportion to it.
    spread: f64,
}

impl Softmax {
    fn of(row: &[f64]) -> Self {
        let greatest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let shifted: Vec<f64> = row.iter().map(|x| x - greatest).collect();
        let sum = shifted.iter().map(|d| d.exp()).sum();
        let spread = shifted.iter().filter(|d| d.is_finite()).map(|d| d.exp() * d.abs()).sum::<f64>() / sum;
        Self { shifted, sum, spread }
    }

    fn probability(&self, k: usize) -> Float {
        let value = self.shifted[k].exp() / self.sum;
        let distance = if self.shifted[k].is_finite() { self.shifted[k].abs() } else { 0.0 };
        Float { value, magnitude: value * (1.0 + distance + self.spread), slack: 0.0 }
    }

    fn loss(&self, label: usize) -> Float {
        let Some(&shifted) = self.shifted.get(label) else { return f64::NAN.into() };
        let magnitude = 1.0 + self.sum.ln().abs() + shifted.abs() + self.spread;
        Float { value: self.sum.ln() - shifted, magnitude, slack: 0.0 }
    }
}

/// The rows of (rows, size) elements, empty ones too.
fn rows(x: &[f64], rows: u32, size: u32) -> impl Iterator<Item = &[f64]> {
    (0..rows as usize).map(move |m| &x[m * size as usize..(m + 1) * size as usize])
}

pub(crate) fn softmax_forward(case: &Case) -> Vec<Expected> {
    let params = SoftmaxParams::from_bytes(&case.params);
    let x = case.floats(0);
    let probabilities = |row: &[f64]| {
        let softmax = Softmax::of(row);
        (0..row.len()).map(|k| softmax.probability(k)).collect::<Vec<_>>()
    };
    let elements = rows(&x, params.rows, params.size).flat_map(probabilities).collect();
    vec![Expected::sums(1, f64::from(params.size) + FORMULA, elements)]
}

pub(crate) fn softmax_backward(case: &Case) -> Vec<Expected> {
    let params = SoftmaxParams::from_bytes(&case.params);
    let (dy, y) = (case.floats(0), case.floats(1));
    let rows = rows(&dy, params.rows, params.size).zip(rows(&y, params.rows, params.size));
    let gradients = |(dy, y): (&[f64], &[f64])| {
        let total = sum(dy.iter().zip(y).map(|(dy, y)| dy * y));
        let gradient = move |(dy, y): (&f64, &f64)| Float {
            value: y * (dy - total.value),
            magnitude: y.abs() * (dy.abs() + total.magnitude),
            slack: 0.0,
        };
        dy.iter().zip(y).map(gradient).collect::<Vec<_>>()
    };
    vec![Expected::sums(2, f64::from(params.size) + FORMULA, rows.flat_map(gradients).collect())]
}

/// Softmax as a function of the logits, at logits that give the outputs of the case.
pub(crate) fn softmax_gradient(case: &Case) -> Vec<Derivative> {
    let params = SoftmaxParams::from_bytes(&case.params);
    let at = case.floats(1).into_iter().map(f64::ln).collect();
    let softmax = move |x: &[f64]| {
        let probabilities = |row: &[f64]| {
            let softmax = Softmax::of(row);
            (0..row.len()).map(|k| softmax.probability(k).value).collect::<Vec<_>>()
        };
        rows(x, params.rows, params.size).flat_map(probabilities).collect()
    };
    vec![pull_back(2, at, case.floats(0), softmax)]
}

pub(crate) fn cross_entropy_forward(case: &Case) -> Vec<Expected> {
    let params = CrossEntropyParams::from_bytes(&case.params);
    let x = case.floats(0);
    let rows = rows(&x, params.rows, params.classes).zip(case.words(1));
    let losses = rows.map(|(row, &label)| Softmax::of(row).loss(label as usize)).collect();
    vec![Expected::sums(2, f64::from(params.classes) + FORMULA, losses)]
}

pub(crate) fn cross_entropy_backward(case: &Case) -> Vec<Expected> {
    let params = CrossEntropyParams::from_bytes(&case.params);
    let x = case.floats(0);
    let gradients = |(row, &label): (&[f64], &u32)| {
        let softmax = Softmax::of(row);
        let scale = if label < params.classes { f64::from(params.scale) } else { f64::NAN };
        let gradient = |k: usize| {
            let probability = softmax.probability(k);
            let target = if k == label as usize { 1.0 } else { 0.0 };
            Float {
                value: scale * (probability.value - target),
                magnitude: scale.abs() * (probability.magnitude + target),
                slack: 0.0,
            }
        };
        (0..row.len()).map(gradient).collect::<Vec<_>>()
    };
    let elements = rows(&x, params.rows, params.classes).zip(case.words(1)).flat_map(gradients).collect();
    vec![Expected::sums(2, f64::from(params.classes) + FORMULA, elements)]
}

pub(crate) fn cross_entropy_gradient(case: &Case) -> Vec<Derivative> {
    let params = CrossEntropyParams::from_bytes(&case.params);
    let labels = case.words(1).to_vec();
    let total = move |x: &[f64]| {
        let rows = rows(x, params.rows, params.classes).zip(&labels);
        let losses = rows.map(|(row, &label)| Softmax::of(row).loss(label as usize).value);
        f64::from(params.scale) * losses.sum::<f64>()
    };
    vec![Derivative { index: 2, at: case.floats(0), function: Box::new(total) }]
}

//! The element-wise activations and dropout.
//!
//! At ±∞ the smooth ones give their limits, as the kernels do: a formula such as x·Φ(x) would give ∞·0.

use super::philox::uniform;
use super::pull_back;
use crate::metal::kernels::case::{Case, Derivative, Expected};
use crate::metal::kernels::params::{DropoutParams, KernelParams, LeakyReluParams};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI, SQRT_2};

/// y = f(x), x being buffer 0.
pub(crate) fn forward(case: &Case, f: impl Fn(f64) -> f64) -> Vec<Expected> {
    vec![Expected::floats(1, case.floats(0).into_iter().map(f))]
}

/// dx = dy·f'(x), dy being buffer 0 and x (or for a derivative in terms of it, the output) buffer 1.
pub(crate) fn backward(case: &Case, derivative: impl Fn(f64) -> f64) -> Vec<Expected> {
    let pairs = case.floats(0).into_iter().zip(case.floats(1));
    vec![Expected::floats(2, pairs.map(|(dy, x)| dy * derivative(x)))]
}

/// The function that [`backward`] differentiates.
pub(crate) fn gradient(case: &Case, f: impl Fn(f64) -> f64 + 'static) -> Vec<Derivative> {
    vec![pull_back(2, case.floats(1), case.floats(0), move |x| x.iter().copied().map(&f).collect())]
}

/// The function that [`backward`] differentiates, where it gets the outputs; `inverse` gives x for y.
pub(crate) fn gradient_from_output(
    case: &Case,
    f: impl Fn(f64) -> f64 + 'static,
    inverse: impl Fn(f64) -> f64,
) -> Vec<Derivative> {
    let at = case.floats(1).into_iter().map(inverse).collect();
    vec![pull_back(2, at, case.floats(0), move |x| x.iter().copied().map(&f).collect())]
}

/// NaN stays NaN.
pub(crate) fn relu(x: f64) -> f64 {
    if x <= 0.0 { 0.0 } else { x }
}

pub(crate) fn relu_derivative(x: f64) -> f64 {
    if x > 0.0 { 1.0 } else { relu(x) }
}

pub(crate) fn relu_squared(x: f64) -> f64 {
    relu(x).powi(2)
}

pub(crate) fn relu_squared_derivative(x: f64) -> f64 {
    2.0 * relu(x)
}

/// Beyond these bounds the smooth activations are at their limits, in double precision too.
fn above_least(x: f64) -> f64 {
    if x < -1000.0 { -1000.0 } else { x }
}

fn within_bounds(x: f64) -> f64 {
    -above_least(-above_least(x))
}

/// Φ: the distribution function of the normal distribution.
fn normal(x: f64) -> f64 {
    libm::erfc(-x * FRAC_1_SQRT_2) / 2.0
}

pub(crate) fn gelu(x: f64) -> f64 {
    let x = above_least(x);
    x * normal(x)
}

pub(crate) fn gelu_derivative(x: f64) -> f64 {
    let x = within_bounds(x);
    normal(x) + x * (-x * x / 2.0).exp() / (2.0 * PI).sqrt()
}

pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

pub(crate) fn sigmoid_derivative_at_output(y: f64) -> f64 {
    y * (1.0 - y)
}

pub(crate) fn logit(y: f64) -> f64 {
    (y / (1.0 - y)).ln()
}

pub(crate) fn swish(x: f64) -> f64 {
    let x = above_least(x);
    x * sigmoid(x)
}

pub(crate) fn swish_derivative(x: f64) -> f64 {
    let x = within_bounds(x);
    sigmoid(x) * (1.0 + x * sigmoid(-x))
}

const CUBIC: f64 = 0.044715;

/// 1 + tanh(z/2) is 2σ(z), which keeps its precision where tanh comes near −1; z = 2√(2/π)·(x + 0.044715·x³).
fn gelu_tanh_argument(x: f64) -> f64 {
    SQRT_2 * FRAC_2_SQRT_PI * (x + CUBIC * x.powi(3))
}

pub(crate) fn gelu_tanh(x: f64) -> f64 {
    let x = above_least(x);
    x * sigmoid(gelu_tanh_argument(x))
}

pub(crate) fn gelu_tanh_derivative(x: f64) -> f64 {
    let x = within_bounds(x);
    let z = gelu_tanh_argument(x);
    let slope = SQRT_2 * FRAC_2_SQRT_PI * (1.0 + 3.0 * CUBIC * x * x);
    sigmoid(z) * (1.0 + x * slope * sigmoid(-z))
}

pub(crate) fn tanh_derivative_at_output(y: f64) -> f64 {
    1.0 - y * y
}

/// x, or below zero slope·x; `slope` as a float is.
fn leaky(x: f64, slope: f64) -> f64 {
    if x > 0.0 { x } else { slope * x }
}

fn slope(case: &Case) -> f64 {
    LeakyReluParams::from_bytes(&case.params).slope.into()
}

pub(crate) fn leaky_relu_forward(case: &Case) -> Vec<Expected> {
    let slope = slope(case);
    forward(case, |x| leaky(x, slope))
}

pub(crate) fn leaky_relu_backward(case: &Case) -> Vec<Expected> {
    let slope = slope(case);
    backward(case, |x| match x {
        nan if nan.is_nan() => nan,
        x if x > 0.0 => 1.0,
        _ => slope,
    })
}

pub(crate) fn leaky_relu_gradient(case: &Case) -> Vec<Derivative> {
    let slope = slope(case);
    gradient(case, move |x| leaky(x, slope))
}

fn mask_bit(mask: &[u32], i: usize) -> bool {
    mask[i / 32] >> (i % 32) & 1 == 1
}

pub(crate) fn fused_relu_dropout(case: &Case) -> Vec<Expected> {
    let params = DropoutParams::from_bytes(&case.params);
    let (x, key) = (case.floats(0), [params.seed_low, params.seed_high]);
    let probability = f64::from(params.probability);
    let passes = |i: usize| x[i] > 0.0 && uniform(i as u64, key) >= probability;
    let value = |i: usize| match x[i] {
        nan if nan.is_nan() => nan,
        x if passes(i) => x / (1.0 - probability),
        _ => 0.0,
    };
    let mut expected = vec![Expected::floats(1, (0..x.len()).map(value))];
    if params.write_mask != 0 {
        let mut mask = vec![0; x.len().div_ceil(32)];
        for i in (0..x.len()).filter(|&i| passes(i)) {
            mask[i / 32] |= 1 << (i % 32);
        }
        expected.push(Expected::bits(3, mask));
    }
    expected
}

/// x / (1 − p) where the mask is set, for constant mask and probability.
fn masked(x: &[f64], mask: &[u32], probability: f64) -> Vec<f64> {
    let value = |(i, x): (usize, &f64)| if mask_bit(mask, i) { x / (1.0 - probability) } else { 0.0 };
    x.iter().enumerate().map(value).collect()
}

pub(crate) fn fused_relu_dropout_backward(case: &Case) -> Vec<Expected> {
    let probability = DropoutParams::from_bytes(&case.params).probability;
    vec![Expected::floats(2, masked(&case.floats(0), case.words(1), probability.into()))]
}

pub(crate) fn fused_relu_dropout_gradient(case: &Case) -> Vec<Derivative> {
    let probability = DropoutParams::from_bytes(&case.params).probability;
    let mask = case.words(1).to_vec();
    let at = vec![1.0; case.shape.inputs() as usize];
    vec![pull_back(2, at, case.floats(0), move |x| masked(x, &mask, probability.into()))]
}

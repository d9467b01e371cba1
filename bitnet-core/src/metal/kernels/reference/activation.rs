//! ReLU and dropout.

use super::philox::uniform;
use super::pull_back;
use crate::metal::kernels::case::{Case, Derivative, Expected};
use crate::metal::kernels::params::{DropoutParams, KernelParams};

/// NaN stays NaN.
fn relu(x: f64) -> f64 {
    if x <= 0.0 { 0.0 } else { x }
}

pub(crate) fn relu_forward(case: &Case) -> Vec<Expected> {
    vec![Expected::floats(1, case.floats(0).into_iter().map(relu))]
}

pub(crate) fn relu_backward(case: &Case) -> Vec<Expected> {
    let pairs = case.floats(0).into_iter().zip(case.floats(1));
    vec![Expected::floats(2, pairs.map(|(dy, x)| if x > 0.0 { dy } else { relu(x) }))]
}

pub(crate) fn relu_gradient(case: &Case) -> Vec<Derivative> {
    let function = |x: &[f64]| x.iter().copied().map(relu).collect();
    vec![pull_back(2, case.floats(1), case.floats(0), function)]
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

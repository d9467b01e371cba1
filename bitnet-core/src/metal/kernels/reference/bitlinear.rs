//! Linear layers with 1-bit weights.

use super::{pull_back, sum};
use crate::metal::kernels::case::{Case, Derivative, Expected};
use crate::metal::kernels::params::{BitLinearGradParams, BitLinearParams, KernelParams};

/// The weights s·w as a dense matrix (N, K).
fn dense_weights(case: &Case, words_at: u32, scales_at: u32) -> Vec<f64> {
    let (columns, words, groups) = (case.shape.input, case.shape.words(), case.shape.groups());
    let (packed, scales) = (case.words(words_at), case.floats(scales_at));
    let group_columns = match u64::from(case.shape.grouping.size()) {
        0 => columns.max(1),
        size => size,
    };
    let weight = |n: u64, k: u64| {
        let bit = packed[(n * words + k / 32) as usize] >> (k % 32) & 1;
        let scale = scales.get((n * groups + k / group_columns) as usize).copied().unwrap_or(1.0);
        if bit == 1 { scale } else { -scale }
    };
    (0..case.shape.output)
        .flat_map(|n| (0..columns).map(move |k| (n, k)))
        .map(|(n, k)| weight(n, k))
        .collect()
}

/// X·Wᵀ for X (M, K) and W (N, K).
fn linear(x: &[f64], w: &[f64], [batch, input, output]: [usize; 3]) -> Vec<f64> {
    let row = |v: &[f64], i: usize| v[i * input..(i + 1) * input].to_vec();
    let entry = |m: usize, n: usize| super::dot(&row(x, m), &row(w, n));
    (0..batch * output).map(|i| entry(i / output, i % output)).collect()
}

fn sizes(case: &Case) -> [usize; 3] {
    [case.shape.batch as usize, case.shape.input as usize, case.shape.output as usize]
}

pub(crate) fn forward(case: &Case) -> Vec<Expected> {
    let has_bias = BitLinearParams::from_bytes(&case.params).has_bias != 0;
    let [batch, input, output] = sizes(case);
    let (x, w, bias) = (case.floats(0), dense_weights(case, 1, 5), case.floats(2));
    let entry = |m: usize, n: usize| {
        let products = (0..input).map(|k| x[m * input + k] * w[n * input + k]);
        sum(products.chain(has_bias.then(|| bias[n])))
    };
    let elements = (0..batch * output).map(|i| entry(i / output, i % output)).collect();
    vec![Expected::sums(3, input as f64 + f64::from(u8::from(has_bias)), elements)]
}

pub(crate) fn backward_input(case: &Case) -> Vec<Expected> {
    let [batch, input, output] = sizes(case);
    let (dy, w) = (case.floats(0), dense_weights(case, 1, 4));
    let entry = |m: usize, k: usize| sum((0..output).map(|n| dy[m * output + n] * w[n * input + k]));
    let elements = (0..batch * input).map(|i| entry(i / input, i % input)).collect();
    vec![Expected::sums(2, output as f64, elements)]
}

pub(crate) fn backward_input_gradient(case: &Case) -> Vec<Derivative> {
    let (sizes, w) = (sizes(case), dense_weights(case, 1, 4));
    let at = vec![0.5; case.shape.inputs() as usize];
    vec![pull_back(2, at, case.floats(0), move |x| linear(x, &w, sizes))]
}

pub(crate) fn backward_weights(case: &Case) -> Vec<Expected> {
    let params = BitLinearGradParams::from_bytes(&case.params);
    let [batch, input, output] = sizes(case);
    let (dy, x, latent) = (case.floats(0), case.floats(1), case.floats(5));
    let entry = |n: usize, k: usize| {
        if params.clip_latent != 0 && latent[n * input + k].abs() > 1.0 {
            return 0.0.into();
        }
        sum((0..batch).map(|m| dy[m * output + n] * x[m * input + k]))
    };
    let weights = (0..output * input).map(|i| entry(i / input, i % input)).collect();
    let mut expected = vec![Expected::sums(2, batch as f64, weights)];
    if params.has_bias != 0 {
        let bias = (0..output).map(|n| sum((0..batch).map(|m| dy[m * output + n]))).collect();
        expected.push(Expected::sums(3, batch as f64, bias));
    }
    expected
}

/// Straight through: the layer is differentiated as if its weights were the latent ones, clipped to
/// [−1, 1] if so asked.
pub(crate) fn backward_weights_gradient(case: &Case) -> Vec<Derivative> {
    let params = BitLinearGradParams::from_bytes(&case.params);
    let (sizes, x, dy) = (sizes(case), case.floats(1), case.floats(0));
    let clip = params.clip_latent != 0;
    let at = if clip { case.floats(5) } else { vec![0.5; case.shape.weights() as usize] };
    let of_weights = move |w: &[f64]| {
        let clipped: Vec<f64> = w.iter().map(|w| if clip { w.clamp(-1.0, 1.0) } else { *w }).collect();
        linear(&x, &clipped, sizes)
    };
    let mut derivatives = vec![pull_back(2, at, dy.clone(), of_weights)];
    if params.has_bias != 0 {
        let [batch, _, output] = sizes;
        let rows = move |bias: &[f64]| bias.repeat(batch);
        derivatives.push(pull_back(3, vec![0.0; output], dy, rows));
    }
    derivatives
}

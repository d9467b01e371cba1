//! Layer and root-mean-square normalisation.

use super::{FORMULA, pull_back, sum};
use crate::metal::kernels::case::{Case, Derivative, Expected, Float};
use crate::metal::kernels::params::{KernelParams, LayerNormParams, RmsNormParams};

/// Mean and 1/√(variance + ε) of a row.
struct Statistics {
    mean: Float,
    rstd: f64,
    /// How far a float32 `rstd` may be off relatively because its mean is.
    shift: f64,
}

fn statistics(row: &[f64], epsilon: f64) -> Statistics {
    let count = row.len().max(1) as f64;
    let total = sum(row.iter().copied());
    let mean = Float { value: total.value / count, magnitude: total.magnitude / count, slack: 0.0 };
    let variance = row.iter().map(|x| (x - mean.value).powi(2)).sum::<f64>() / count + epsilon;
    let mean_error = (count + FORMULA) * 2f64.powi(-24) * mean.magnitude;
    Statistics { mean, rstd: 1.0 / variance.sqrt(), shift: mean_error.powi(2) / variance }
}

pub(crate) fn layer_norm_forward(case: &Case) -> Vec<Expected> {
    let params = LayerNormParams::from_bytes(&case.params);
    let (x, gamma, beta) = (case.floats(0), case.floats(1), case.floats(2));
    let size = params.size as usize;
    let rows = (0..params.rows as usize).map(|m| &x[m * size..(m + 1) * size]);
    let (mut output, mut means, mut rstds) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let Statistics { mean, rstd, shift } = statistics(row, params.epsilon.into());
        means.push(mean);
        rstds.push(Float { slack: rstd * shift, ..Float::from(rstd) });
        for (k, x) in row.iter().enumerate() {
            let normal = (x - mean.value) * rstd;
            output.push(Float {
                value: normal * gamma[k] + beta[k],
                magnitude: (x.abs() + mean.magnitude) * rstd * gamma[k].abs() + beta[k].abs(),
                slack: (normal * gamma[k]).abs() * shift,
            });
        }
    }
    let terms = f64::from(params.size) + FORMULA;
    vec![Expected::sums(3, terms, output), Expected::sums(5, terms, means), Expected::sums(6, terms, rstds)]
}

pub(crate) fn layer_norm_backward(case: &Case) -> Vec<Expected> {
    let params = LayerNormParams::from_bytes(&case.params);
    let (size, rows) = (params.size as usize, params.rows as usize);
    let (dy, x, gamma, mean, rstd) =
        (case.floats(0), case.floats(1), case.floats(2), case.floats(3), case.floats(4));
    let normal = |m: usize, k: usize| (x[m * size + k] - mean[m]) * rstd[m];
    let upstream = |m: usize, k: usize| dy[m * size + k] * gamma[k];

    let mut grad_input = Vec::new();
    for (m, &rstd) in rstd.iter().enumerate() {
        let average = |total: Float| (total.value / size as f64, total.magnitude / size as f64);
        let (g, g_magnitude) = average(sum((0..size).map(|k| upstream(m, k))));
        let (gx, gx_magnitude) = average(sum((0..size).map(|k| upstream(m, k) * normal(m, k))));
        grad_input.extend((0..size).map(|k| Float {
            value: rstd * (upstream(m, k) - g - normal(m, k) * gx),
            magnitude: rstd * (upstream(m, k).abs() + g_magnitude + normal(m, k).abs() * gx_magnitude),
            slack: 0.0,
        }));
    }
    let grad_gamma = |k: usize| sum((0..rows).map(|m| dy[m * size + k] * normal(m, k)));
    let grad_beta = |k: usize| sum((0..rows).map(|m| dy[m * size + k]));
    vec![
        Expected::sums(5, size as f64 + FORMULA, grad_input),
        Expected::sums(6, rows as f64 + FORMULA, (0..size).map(grad_gamma).collect()),
        Expected::sums(7, rows as f64, (0..size).map(grad_beta).collect()),
    ]
}

/// The forward as a function of x, γ and β.
fn layer_norm(x: &[f64], gamma: &[f64], beta: &[f64], epsilon: f64) -> Vec<f64> {
    x.chunks(gamma.len().max(1))
        .flat_map(|row| {
            let Statistics { mean, rstd, .. } = statistics(row, epsilon);
            row.iter().enumerate().map(move |(k, x)| (x - mean.value) * rstd * gamma[k] + beta[k])
        })
        .collect()
}

pub(crate) fn layer_norm_gradient(case: &Case) -> Vec<Derivative> {
    let epsilon = f64::from(LayerNormParams::from_bytes(&case.params).epsilon);
    let (dy, x, gamma) = (case.floats(0), case.floats(1), case.floats(2));
    let beta = vec![0.0; gamma.len()];
    let (of_x, of_gamma, of_beta) = {
        let (g, b) = (gamma.clone(), beta.clone());
        let of_x = move |x: &[f64]| layer_norm(x, &g, &b, epsilon);
        let (at, b) = (x.clone(), beta.clone());
        let of_gamma = move |gamma: &[f64]| layer_norm(&at, gamma, &b, epsilon);
        let (at, g) = (x.clone(), gamma.clone());
        (of_x, of_gamma, move |beta: &[f64]| layer_norm(&at, &g, beta, epsilon))
    };
    vec![
        pull_back(5, x, dy.clone(), of_x),
        pull_back(6, gamma, dy.clone(), of_gamma),
        pull_back(7, beta, dy, of_beta),
    ]
}

/// 1/√(mean(x²) + ε) of a row.
fn root_mean_square(row: &[f64], epsilon: f64) -> f64 {
    let squares: f64 = row.iter().map(|x| x * x).sum();
    1.0 / (squares / row.len().max(1) as f64 + epsilon).sqrt()
}

pub(crate) fn rms_norm_forward(case: &Case) -> Vec<Expected> {
    let params = RmsNormParams::from_bytes(&case.params);
    let (x, gamma, size) = (case.floats(0), case.floats(1), params.size as usize);
    let rows = (0..params.rows as usize).map(|m| &x[m * size..(m + 1) * size]);
    let (mut output, mut rstds) = (Vec::new(), Vec::new());
    for row in rows {
        let rstd = root_mean_square(row, params.epsilon.into());
        rstds.push(rstd.into());
        output.extend(row.iter().zip(&gamma).map(|(x, gamma)| Float::from(x * rstd * gamma)));
    }
    let terms = f64::from(params.size) + FORMULA;
    vec![Expected::sums(2, terms, output), Expected::sums(4, terms, rstds)]
}

pub(crate) fn rms_norm_backward(case: &Case) -> Vec<Expected> {
    let params = RmsNormParams::from_bytes(&case.params);
    let (size, rows) = (params.size as usize, params.rows as usize);
    let (dy, x, gamma, rstd) = (case.floats(0), case.floats(1), case.floats(2), case.floats(3));
    let normal = |m: usize, k: usize| x[m * size + k] * rstd[m];
    let upstream = |m: usize, k: usize| dy[m * size + k] * gamma[k];

    let mut grad_input = Vec::new();
    for (m, &rstd) in rstd.iter().enumerate() {
        let total = sum((0..size).map(|k| upstream(m, k) * normal(m, k)));
        let (gx, gx_magnitude) = (total.value / size as f64, total.magnitude / size as f64);
        grad_input.extend((0..size).map(|k| Float {
            value: rstd * (upstream(m, k) - normal(m, k) * gx),
            magnitude: rstd * (upstream(m, k).abs() + normal(m, k).abs() * gx_magnitude),
            slack: 0.0,
        }));
    }
    let grad_gamma = |k: usize| sum((0..rows).map(|m| dy[m * size + k] * normal(m, k)));
    vec![
        Expected::sums(4, size as f64 + FORMULA, grad_input),
        Expected::sums(5, rows as f64 + FORMULA, (0..size).map(grad_gamma).collect()),
    ]
}

/// The forward as a function of x and γ.
fn rms_norm(x: &[f64], gamma: &[f64], epsilon: f64) -> Vec<f64> {
    x.chunks(gamma.len().max(1))
        .flat_map(|row| {
            let rstd = root_mean_square(row, epsilon);
            row.iter().zip(gamma).map(move |(x, gamma)| x * rstd * gamma)
        })
        .collect()
}

pub(crate) fn rms_norm_gradient(case: &Case) -> Vec<Derivative> {
    let epsilon = f64::from(RmsNormParams::from_bytes(&case.params).epsilon);
    let (dy, x, gamma) = (case.floats(0), case.floats(1), case.floats(2));
    let (at_x, at_gamma) = (x.clone(), gamma.clone());
    vec![
        pull_back(4, x, dy.clone(), move |x| rms_norm(x, &at_gamma, epsilon)),
        pull_back(5, gamma, dy, move |gamma| rms_norm(&at_x, gamma, epsilon)),
    ]
}

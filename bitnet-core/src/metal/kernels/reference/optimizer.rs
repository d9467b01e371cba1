//! Optimisers.

use super::{FORMULA, sum};
use crate::metal::kernels::case::{Case, Expected, Float};
use crate::metal::kernels::params::{AdamWParams, KernelParams, SgdParams};

pub(crate) fn adamw_step(case: &Case) -> Vec<Expected> {
    let params = AdamWParams::from_bytes(&case.params);
    let (p, g, m, v) = (case.floats(0), case.floats(1), case.floats(2), case.floats(3));
    let wide = |x: f32| f64::from(x);
    let (beta1, beta2) = (wide(params.beta1), wide(params.beta2));
    let step = wide(params.learning_rate) / wide(params.bias_correction1);
    let decay = 1.0 - wide(params.learning_rate) * wide(params.weight_decay);

    let (mut parameters, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..p.len() {
        let m = sum([beta1 * m[i], (1.0 - beta1) * g[i]]);
        let v = sum([beta2 * v[i], (1.0 - beta2) * g[i] * g[i]]);
        let divisor = v.value.sqrt() / wide(params.bias_correction2).sqrt() + wide(params.epsilon);
        parameters.push(Float {
            value: p[i] * decay - step * m.value / divisor,
            magnitude: p[i].abs() + (step * m.magnitude / divisor).abs(),
            slack: 0.0,
        });
        first.push(m);
        second.push(v);
    }
    vec![
        Expected::sums(0, FORMULA, parameters),
        Expected::sums(2, FORMULA, first),
        Expected::sums(3, FORMULA, second),
    ]
}

/// a + factor·b
fn plus(a: Float, factor: f64, b: Float) -> Float {
    Float {
        value: a.value + factor * b.value,
        magnitude: a.magnitude + factor.abs() * b.magnitude,
        slack: 0.0,
    }
}

pub(crate) fn sgd_step(case: &Case) -> Vec<Expected> {
    let params = SgdParams::from_bytes(&case.params);
    let (p, g, momentum) = (case.floats(0), case.floats(1), case.floats(2));
    let wide = |x: f32| f64::from(x);
    let (rate, mu) = (wide(params.learning_rate), wide(params.momentum));
    let fresh = 1.0 - wide(params.dampening);

    let (mut parameters, mut buffer) = (Vec::new(), Vec::new());
    for i in 0..p.len() {
        let g = sum([g[i], wide(params.weight_decay) * p[i]]);
        let mut step = g;
        if mu != 0.0 {
            let b = if params.first_step != 0 { g } else { plus((mu * momentum[i]).into(), fresh, g) };
            buffer.push(b);
            step = if params.nesterov != 0 { plus(g, mu, b) } else { b };
        }
        parameters.push(Float {
            value: p[i] - rate * step.value,
            magnitude: p[i].abs() + rate.abs() * step.magnitude,
            slack: 0.0,
        });
    }
    let mut expected = vec![Expected::sums(0, FORMULA, parameters)];
    if mu != 0.0 {
        expected.push(Expected::sums(2, FORMULA, buffer));
    }
    expected
}

//! Optimisers.

use super::{FORMULA, sum};
use crate::metal::kernels::case::{Case, Expected, Float};
use crate::metal::kernels::params::{AdamWParams, KernelParams};

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

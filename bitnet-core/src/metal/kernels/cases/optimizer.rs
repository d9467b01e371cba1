//! Cases of the optimisers' steps.

use super::{Random, by_count};
use crate::metal::kernels::case::{Case, Data};
use crate::metal::kernels::params::AdamWParams;
use crate::metal::kernels::shape::Shape;

pub(in crate::metal::kernels) fn adamw_step() -> Vec<Case> {
    let case = |random: &Random, count: u32, step: i32| {
        let (beta1, beta2) = (0.9f32, 0.98f32);
        let params = AdamWParams {
            count,
            learning_rate: 2.4e-3,
            beta1,
            beta2,
            epsilon: 1e-8,
            weight_decay: 0.1,
            bias_correction1: 1.0 - beta1.powi(step),
            bias_correction2: 1.0 - beta2.powi(step),
        };
        let second: Vec<f32> = random.floats(count.into(), 0.1).iter().map(|v| v.abs()).collect();
        Case::new(format!("{count}, step {step}"), Shape::elements(count), &params)
            .with(0, random.data(count.into()))
            .with(1, random.data(count.into()))
            .with(2, Data::F32(random.floats(count.into(), 0.1)))
            .with(3, Data::F32(second))
    };
    let mut cases = by_count(|random, count| case(random, count, 10));
    let mut first = case(&Random::new(700), 40, 1);
    for at in [2, 3] {
        first.buffers[at].1 = Data::F32(vec![0.0; 40]);
    }
    first.label = "the first step".to_owned();
    cases.push(first);
    let mut still = case(&Random::new(701), 5, 3);
    for at in [1, 2, 3] {
        still.buffers[at].1 = Data::F32(vec![0.0; 5]);
    }
    still.label = "no gradient".to_owned();
    cases.push(still);
    cases
}

//! Cases of the optimisers' steps.

use super::{COUNTS, Random, by_count};
use crate::metal::kernels::case::{Case, Data};
use crate::metal::kernels::params::{AdamWParams, SgdParams};
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

/// μ, dampening, λ, Nesterov, first step
const SGD: &[(f32, f32, f32, bool, bool)] = &[
    (0.0, 0.0, 0.0, false, false),
    (0.0, 0.0, 0.1, false, true),
    (0.9, 0.0, 0.0, false, true),
    (0.9, 0.0, 0.0, false, false),
    (0.9, 0.5, 0.01, false, true),
    (0.9, 0.5, 0.01, false, false),
    (0.8, 0.0, 0.1, true, true),
    (0.8, 0.0, 0.1, true, false),
];

pub(in crate::metal::kernels) fn sgd_step() -> Vec<Case> {
    let case = |&(momentum, dampening, weight_decay, nesterov, first): &(f32, f32, f32, bool, bool),
                count: u32| {
        let random = Random::new(710 + count);
        let params = SgdParams {
            count,
            learning_rate: 0.05,
            momentum,
            dampening,
            weight_decay,
            nesterov: nesterov.into(),
            first_step: first.into(),
        };
        let label = format!("{count}, {params:?}");
        let case = Case::new(label, Shape::elements(count), &params)
            .with(0, random.data(count.into()))
            .with(1, random.data(count.into()));
        // At the first step the buffer holds nothing yet.
        match (momentum != 0.0, first) {
            (false, _) => case,
            (true, true) => case.with(2, Data::F32(vec![f32::NAN; count as usize])),
            (true, false) => case.with(2, random.data(count.into())),
        }
    };
    let of_count = |&count: &u32| SGD.iter().map(move |variant| case(variant, count)).collect::<Vec<_>>();
    COUNTS.iter().filter(|count| **count < 1024).flat_map(of_count).collect()
}

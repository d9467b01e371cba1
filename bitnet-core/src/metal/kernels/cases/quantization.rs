//! Cases of the quantisation kernels.

use super::{Random, WEIGHTS, latent};
use crate::metal::kernels::case::{Case, Data};
use crate::metal::kernels::params::WeightGroupParams;
use crate::metal::kernels::shape::{Grouping, Shape};

fn weight_groups(output_size: u32, input_size: u32, grouping: Grouping, seed: u32) -> (Case, Random) {
    let shape = Shape::linear(0, input_size, output_size, grouping);
    let params = WeightGroupParams { input_size, output_size, group_size: grouping.size() };
    (Case::new(format!("{output_size}×{input_size}, {grouping:?}"), shape, &params), Random::new(seed))
}

pub(in crate::metal::kernels) fn quantize_weights_1bit() -> Vec<Case> {
    let case = |(&(rows, columns, grouping), seed): (&(u32, u32, Grouping), u32)| {
        let (case, random) = weight_groups(rows, columns, grouping, seed);
        let weights = latent(&random, &case.shape);
        case.with(0, Data::F32(weights))
    };
    let mut cases: Vec<Case> = WEIGHTS.iter().zip(400..).map(case).collect();
    let (special, _) = weight_groups(1, 6, Grouping::Row, 0);
    let values = vec![f32::NAN, 0.0, -0.0, 1.0, -1.0, f32::INFINITY];
    cases.push(special.with(0, Data::F32(values)));
    cases
}

pub(in crate::metal::kernels) fn dequantize_weights_1bit() -> Vec<Case> {
    let case = |(&(rows, columns, grouping), seed): (&(u32, u32, Grouping), u32)| {
        let (case, random) = weight_groups(rows, columns, grouping, seed);
        let (packed, scales) = (random.packed(&case.shape), random.data(case.shape.scales()));
        case.with(0, packed).with(1, scales)
    };
    WEIGHTS.iter().zip(450..).map(case).collect()
}

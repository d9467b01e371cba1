//! Cases of the element-wise activations and of dropout.

use super::{SPECIAL, by_count};
use crate::metal::kernels::case::{Case, Data};
use crate::metal::kernels::params::{DropoutParams, ElementwiseParams};
use crate::metal::kernels::shape::Shape;

fn elementwise(label: impl Into<String>, count: u32) -> Case {
    Case::new(label, Shape::elements(count), &ElementwiseParams { count })
}

pub(in crate::metal::kernels) fn relu_forward() -> Vec<Case> {
    let mut cases =
        by_count(|random, count| elementwise(count.to_string(), count).with(0, random.data(count.into())));
    cases.push(elementwise("special values", 7).with(0, Data::F32(SPECIAL.to_vec())));
    cases
}

pub(in crate::metal::kernels) fn relu_backward() -> Vec<Case> {
    let mut cases = by_count(|random, count| {
        elementwise(count.to_string(), count)
            .with(0, random.data(count.into()))
            .with(1, random.data(count.into()))
    });
    let ones = Data::F32(vec![1.0; 7]);
    cases.push(elementwise("special values", 7).with(0, ones).with(1, Data::F32(SPECIAL.to_vec())));
    cases
}

fn dropout(count: u32, probability: f32, write_mask: bool) -> (DropoutParams, String) {
    let params =
        DropoutParams { count, probability, seed_low: 77, seed_high: 5, write_mask: write_mask.into() };
    (params, format!("{count}, p = {probability}, mask {write_mask}"))
}

pub(in crate::metal::kernels) fn fused_relu_dropout() -> Vec<Case> {
    let mut cases = Vec::new();
    for (probability, write_mask) in [(0.0, true), (0.3, true), (0.9, false), (1.0, true)] {
        cases.extend(by_count(|random, count| {
            let (params, label) = dropout(count, probability, write_mask);
            Case::new(label, Shape::elements(count), &params).with(0, random.data(count.into()))
        }));
    }
    let (params, _) = dropout(7, 0.5, true);
    cases.push(Case::new("special values", Shape::elements(7), &params).with(0, Data::F32(SPECIAL.to_vec())));
    cases
}

pub(in crate::metal::kernels) fn fused_relu_dropout_backward() -> Vec<Case> {
    by_count(|random, count| {
        let (params, label) = dropout(count, 0.3, true);
        let mask = (0..count.div_ceil(32)).map(|_| random.word()).collect();
        Case::new(label, Shape::elements(count), &params)
            .with(0, random.data(count.into()))
            .with(1, Data::U32(mask))
    })
}

//! Cases of `example_kernel`.

use super::{SPECIAL, by_count};
use crate::metal::kernels::case::{Case, Data};
use crate::metal::kernels::params::ElementwiseParams;
use crate::metal::kernels::shape::Shape;

fn elementwise(label: impl Into<String>, count: u32) -> Case {
    Case::new(label, Shape::elements(count), &ElementwiseParams { count })
}

pub(in crate::metal::kernels) fn example_kernel() -> Vec<Case> {
    let mut cases =
        by_count(|random, count| elementwise(count.to_string(), count).with(0, random.data(count.into())));
    cases.push(elementwise("special values", 7).with(0, Data::F32(SPECIAL.to_vec())));
    cases
}

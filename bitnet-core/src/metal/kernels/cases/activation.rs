//! Cases of the element-wise activations and of dropout.

use super::{COUNTS, Random, SPECIAL, by_count};
use crate::metal::kernels::case::{Case, Data};
use crate::metal::kernels::params::{DropoutParams, ElementwiseParams, LeakyReluParams};
use crate::metal::kernels::shape::Shape;

fn elementwise(label: impl Into<String>, count: u32) -> Case {
    Case::new(label, Shape::elements(count), &ElementwiseParams { count })
}

/// Values far from zero, where exponentials leave float32 or nearly do.
const FAR: [f32; 12] = [1e30, -1e30, 3e38, -3e38, 104.0, -104.0, 88.8, -88.8, 13.5, -13.5, 1e-30, -1e-30];

/// Where gelu, gelu_tanh and swish have their least value: their derivatives change sign.
const LEAST: [f32; 3] = [-0.751_791_54, -0.752_461_43, -1.278_464_6];

fn special() -> Vec<f32> {
    [&SPECIAL[..], &FAR].concat()
}

/// From end to end of what exponentials can do in float32.
fn wide() -> Vec<f32> {
    (-300..=300).map(|i| i as f32 * 0.37).collect()
}

/// Near the least values, and at the very floats that are nearest to them.
fn near_least() -> Vec<f32> {
    let around = |least: f32| {
        let floats = (-8i32..=8).map(move |i| f32::from_bits(least.to_bits().wrapping_add_signed(i)));
        floats.chain((-8..=8).map(move |i| least + i as f32 * 1e-3))
    };
    LEAST.into_iter().flat_map(around).collect()
}

/// Inputs of forward kernels, and what distinguishes them.
fn inputs() -> Vec<(String, Vec<f32>)> {
    let random =
        |(&count, seed): (&u32, u32)| (count.to_string(), Random::new(seed).floats(count.into(), 8.0));
    let mut all: Vec<_> = COUNTS.iter().zip(1..).map(random).collect();
    all.push(("special values".to_owned(), special()));
    all.push(("far and wide".to_owned(), wide()));
    all.push(("near the least value".to_owned(), near_least()));
    all
}

/// Upstream gradients for the inputs of that label: 1 for special values, so that they show.
fn upstream(label: &str, count: usize) -> Vec<f32> {
    match label {
        "special values" => vec![1.0; count],
        "far and wide" => Random::new(801).floats(count as u64, 30_000.0),
        _ => Random::new(800).floats(count as u64, 1.0),
    }
}

/// Of every activation y = f(x).
pub(in crate::metal::kernels) fn forward() -> Vec<Case> {
    let case = |(label, x): (String, Vec<f32>)| elementwise(label, x.len() as u32).with(0, Data::F32(x));
    inputs().into_iter().map(case).collect()
}

/// Of every derivative at x.
pub(in crate::metal::kernels) fn backward() -> Vec<Case> {
    let case = |(label, x): (String, Vec<f32>)| {
        let dy = upstream(&label, x.len());
        elementwise(label, x.len() as u32).with(0, Data::F32(dy)).with(1, Data::F32(x))
    };
    inputs().into_iter().map(case).collect()
}

/// Of the derivative of σ, in terms of the output.
pub(in crate::metal::kernels) fn sigmoid_backward() -> Vec<Case> {
    from_output(f32::abs)
}

/// Of the derivative of tanh, in terms of the output.
pub(in crate::metal::kernels) fn tanh_backward() -> Vec<Case> {
    from_output(|y| y)
}

fn from_output(into_range: impl Fn(f32) -> f32) -> Vec<Case> {
    let case = |label: String, dy: Vec<f32>, y: Vec<f32>| {
        let y = y.into_iter().map(&into_range).collect();
        elementwise(label, dy.len() as u32).with(0, Data::F32(dy)).with(1, Data::F32(y))
    };
    let mut cases = by_count(|random, count| {
        let (dy, y) = (random.floats(count.into(), 1.0), random.floats(count.into(), 1.0));
        case(count.to_string(), dy, y)
    });
    let edges = [0.0, -0.0, 1.0, -1.0, 1f32.next_down(), f32::NAN, 1e-30, 1e-40, 0.5];
    cases.push(case("special values".to_owned(), vec![1.0; 9], edges.to_vec()));
    cases
}

/// The cases of the plain activations, with a slope for them.
fn with_slopes(cases: Vec<Case>) -> Vec<Case> {
    let with_slope = |(case, i): (Case, usize)| {
        let slope = [0.01, 0.25, -0.5, 0.0][i % 4];
        let params = LeakyReluParams { count: case.shape.input as u32, slope };
        let label = format!("{}, slope {slope}", case.label);
        Case { buffers: case.buffers, ..Case::new(label, case.shape, &params) }
    };
    cases.into_iter().zip(0..).map(with_slope).collect()
}

pub(in crate::metal::kernels) fn leaky_relu_forward() -> Vec<Case> {
    with_slopes(forward())
}

pub(in crate::metal::kernels) fn leaky_relu_backward() -> Vec<Case> {
    with_slopes(backward())
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

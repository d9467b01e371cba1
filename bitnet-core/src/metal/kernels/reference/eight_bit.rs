//! 8-bit activations and gradients, and their product with 1-bit weights.

use super::{philox, sum};
use crate::metal::kernels::case::{Case, Data, Expected, Float, Values};
use crate::metal::kernels::params::{
    DynamicQuantizeParams, GradientGroupParams, KernelParams, MixedPrecisionParams,
};
use crate::metal::kernels::shape::{Grouping, Shape};
use std::ops::Range;

/// The places of the elements of each group of activations, in the order of the scales.
fn groups(shape: &Shape) -> Vec<Range<usize>> {
    let grouping = shape.activation_grouping;
    super::groups_of(shape.batch as usize, shape.input as usize, grouping)
}

/// Integers that must be met exactly.
fn integers(index: u32, values: impl IntoIterator<Item = u8>) -> Expected {
    Expected { index, values: Values::Rounded(values.into_iter().map(f64::from).collect()) }
}

/// x is about (q − zero_point)·scale.
struct Affine {
    scale: f32,
    zero_point: u8,
}

impl Affine {
    /// As ONNX Runtime computes them, by the same float32 operations: here the formula is one of float32, and
    /// double precision would give other integers. The steps are NaN where the scale underflows to 0, and
    /// where an infinity is divided by another.
    fn of(x: &[f32]) -> Self {
        if x.iter().any(|x| x.is_nan()) {
            return Self { scale: f32::NAN, zero_point: 0 };
        }
        let low = x.iter().copied().fold(0.0, f32::min);
        let high = x.iter().copied().fold(0.0, f32::max);
        let scale = if low == high { 1.0 } else { (high - low) / 255.0 };
        let steps = -low / scale;
        let zero_point = if steps.is_nan() { 255.0 } else { steps.clamp(0.0, 255.0) };
        Self { scale, zero_point: zero_point.round_ties_even() as u8 }
    }

    /// 0 where x/scale is NaN: Rust's `max` gives the number then.
    fn quantize(&self, x: f32) -> u8 {
        let least = -f32::from(self.zero_point);
        let steps = (x / self.scale).round_ties_even();
        (steps.max(least).min(255.0 + least) - least) as u8
    }
}

/// `quantize_activations_8bit` and `dynamic_quantize_activations`: quantised, scales, zero points.
pub(crate) fn quantize_activations(case: &Case) -> Vec<Expected> {
    // Exact: the operands are float32 or half.
    let x: Vec<f32> = case.floats(0).iter().map(|&x| x as f32).collect();
    let groups = groups(&case.shape);
    let affine: Vec<Affine> = groups.iter().map(|group| Affine::of(&x[group.clone()])).collect();
    let quantized = groups
        .iter()
        .zip(&affine)
        .flat_map(|(group, affine)| x[group.clone()].iter().map(|&x| affine.quantize(x)).collect::<Vec<_>>());
    vec![
        integers(1, quantized),
        Expected::floats(2, affine.iter().map(|affine| affine.scale.into())),
        integers(3, affine.iter().map(|affine| affine.zero_point)),
    ]
}

/// A float as a number that orders as the float does, −0 before 0.
fn ordered(x: f32) -> u32 {
    let bits = x.to_bits();
    if x.is_sign_negative() { !bits } else { bits | 1 << 31 }
}

/// The least and the greatest of each part and 0.
pub(crate) fn dynamic_quantize_ranges(case: &Case) -> Vec<Expected> {
    let x = case.floats(0);
    let parts = DynamicQuantizeParams::from_bytes(&case.params).parts as usize;
    // Parts begin at multiples of 4.
    let size = x.len().div_ceil(4).div_ceil(parts) * 4;
    let words = (0..parts).flat_map(|part| {
        let range = x.len().min(part * size)..x.len().min((part + 1) * size);
        let order = || x[range.clone()].iter().map(|&x| ordered(x as f32)).chain([ordered(0.0)]);
        [order().min(), order().max()].map(|order| order.expect("0 is among them"))
    });
    vec![Expected::bits(5, words.collect())]
}

/// The bytes of a buffer; none if it is absent or holds something else.
fn bytes(case: &Case, index: u32) -> &[u8] {
    match case.data(index) {
        Some(Data::U8(values)) => values,
        _ => &[],
    }
}

pub(crate) fn dequantize_activations(case: &Case) -> Vec<Expected> {
    let (quantized, scales, zero_points) = (bytes(case, 0), case.floats(1), bytes(case, 2));
    let values = groups(&case.shape).into_iter().zip(scales.iter().zip(zero_points)).flat_map(
        |(group, (scale, &zero_point))| {
            quantized[group].iter().map(move |&q| (f64::from(q) - f64::from(zero_point)) * scale)
        },
    );
    vec![Expected::floats(3, values)]
}

pub(crate) fn quantize_gradients(case: &Case) -> Vec<Expected> {
    let params = GradientGroupParams::from_bytes(&case.params);
    let gradients = case.floats(0);
    let (mut steps, mut scales) = (Vec::new(), Vec::new());
    for group in groups(&case.shape) {
        let peak = gradients[group.clone()]
            .iter()
            .fold(0.0, |peak: f64, g| if g.is_nan() || peak.is_nan() { f64::NAN } else { peak.max(g.abs()) });
        // Below the least normal float32 a device may take what there is for zeros.
        let is_zero = peak < f32::MIN_POSITIVE.into();
        let gamma = if is_zero { 127.0 } else { peak };
        scales.push(gamma / 127.0);
        for i in group {
            let step = 127.0 * gradients[i] / gamma;
            steps.push(match (gamma.is_finite() && !is_zero, params.stochastic != 0) {
                (false, _) => 0.0,
                (true, false) => step,
                // Rounds up where the random number is below the fraction, and is a tie where they are equal.
                (true, true) => {
                    let random = philox::uniform(i as u64, [params.seed_low, params.seed_high]);
                    step.floor() + 0.5 + (step - step.floor() - random)
                }
            });
        }
    }
    vec![Expected { index: 1, values: Values::Rounded(steps) }, Expected::floats(2, scales)]
}

pub(crate) fn mixed_precision_matmul(case: &Case) -> Vec<Expected> {
    let params = MixedPrecisionParams::from_bytes(&case.params);
    let shape = &case.shape;
    let (batch, columns, rows) = (shape.batch as usize, shape.input as usize, shape.output as usize);
    let (scales, zero_points) = (case.floats(2), bytes(case, 3));
    let (bias, weight_scales) = (case.floats(4), case.floats(7));
    // The coarsest groups in which both scales are the same.
    let size = match (shape.grouping, shape.activation_grouping) {
        (Grouping::Columns(size), _) | (_, Grouping::Columns(size)) => size as usize,
        _ => columns.max(1),
    };
    let scale_of = |grouping: Grouping, row: usize, g: usize| match grouping {
        Grouping::Tensor => 0,
        Grouping::Row => row,
        Grouping::Columns(_) => row * columns.div_ceil(size) + g,
    };
    let entry = |m: usize, n: usize| {
        let groups = (0..columns.div_ceil(size)).map(|g| {
            let at = scale_of(shape.activation_grouping, m, g);
            let zero_point = zero_points.get(at).copied().unwrap_or(0).into();
            let exact = integer_sum(case, m, n, g * size..columns.min((g + 1) * size), zero_point);
            let weight_scale = weight_scales.get(scale_of(shape.grouping, n, g)).copied().unwrap_or(1.0);
            exact as f64 * scales[at] * weight_scale
        });
        sum(groups.chain((params.has_bias != 0).then(|| bias[n])))
    };
    let elements: Vec<Float> = (0..batch * rows).map(|i| entry(i / rows, i % rows)).collect();
    // For each group the conversion and two products, beside the sum of the groups.
    let terms = columns.div_ceil(size) + usize::from(params.has_bias != 0) + 3;
    vec![Expected::sums(5, terms as f64, elements)]
}

/// Σ w·(q − zero_point) over a run of columns.
fn integer_sum(case: &Case, m: usize, n: usize, run: Range<usize>, zero_point: i64) -> i64 {
    let is_unsigned = MixedPrecisionParams::from_bytes(&case.params).has_zero_points != 0;
    let (columns, words) = (case.shape.input as usize, case.shape.words() as usize);
    let (activations, packed) = (bytes(case, 0), case.words(1));
    run.map(|k| {
        let byte = activations[m * columns + k];
        let q: i64 = if is_unsigned { byte.into() } else { byte.cast_signed().into() };
        let bit = packed[n * words + k / 32] >> (k % 32) & 1;
        if bit == 1 { q - zero_point } else { zero_point - q }
    })
    .sum()
}

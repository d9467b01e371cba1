//! Cases of the kernels of BitLinear layers.

use super::{LARGEST_GROUP, Random, WEIGHTS, by_rows, label, latent};
use crate::metal::kernels::case::{Case, Data};
use crate::metal::kernels::params::{
    BinarizeParams, BitLinearGradParams, BitLinearParams, QuantizeActivationsParams,
};
use crate::metal::kernels::shape::{Grouping, Shape};

/// M, K, N, group size, bias, scales
type Linear = (u32, u32, u32, u32, bool, bool);

/// Through both ways of `bitlinear_forward`, which takes the narrow one for few rows of many columns.
const LINEAR: &[Linear] = &[
    (0, 5, 3, 0, true, true),
    (2, 0, 3, 0, true, true),
    (2, 0, 3, 0, false, false),
    (2, 5, 0, 0, true, true),
    (1, 1, 1, 0, false, false),
    (1, 1, 1, 0, true, true),
    (1, 31, 2, 0, false, true),
    (1, 32, 3, 0, true, false),
    (1, 33, 4, 32, true, true),
    (3, 64, 33, 64, true, true),
    (2, 512, 5, 0, true, true),
    (1, 1000, 7, 0, false, true),
    (3, 1061, 6, 64, true, true),
    (1, 545, 1, 512, false, true),
    (1, 512, 2, 0, true, false),
    (4, 512, 9, 0, true, true),
    (8, 100, 10, 32, true, true),
    (5, 256, 40, 128, false, true),
    (9, 97, 65, 96, true, true),
    (64, 64, 10, 0, true, true),
    (6, 40, 12, 64, false, false),
    (5, 64, 3, LARGEST_GROUP, true, true),
    (2, 700, 3, LARGEST_GROUP, false, true),
];

fn linear_params((batch_size, input_size, output_size, group_size, bias, scales): Linear) -> BitLinearParams {
    BitLinearParams {
        input_size,
        output_size,
        batch_size,
        group_size,
        has_bias: bias.into(),
        has_scales: scales.into(),
    }
}

fn linear_shape((batch, input, output, group_size, ..): Linear) -> Shape {
    let grouping = if group_size == 0 { Grouping::Row } else { Grouping::Columns(group_size) };
    Shape::linear(batch, input, output, grouping)
}

fn linear_label((batch, input, output, group_size, bias, scales): Linear) -> String {
    let with = |flag: bool, text: &'static str| if flag { text } else { "" };
    format!(
        "{batch}×{input}→{output}, groups of {group_size}{}{}",
        with(bias, ", bias"),
        with(scales, ", scales")
    )
}

fn forward_case(seed: u32, sizes: Linear, label: String) -> Case {
    let (shape, random) = (linear_shape(sizes), Random::new(seed));
    let mut case = Case::new(label, shape, &linear_params(sizes))
        .with(0, random.data(shape.inputs()))
        .with(1, random.packed(&shape));
    if sizes.4 {
        case = case.with(2, random.data(shape.output));
    }
    if sizes.5 {
        case = case.with(5, random.data(shape.scales()));
    }
    case
}

pub(in crate::metal::kernels) fn bitlinear_forward() -> Vec<Case> {
    let mut cases: Vec<Case> =
        LINEAR.iter().zip(1..).map(|(&sizes, seed)| forward_case(seed, sizes, linear_label(sizes))).collect();
    for (seed, sizes) in [(51, (5, 70, 3, 0, true, true)), (52, (2, 600, 3, 32, true, true))] {
        let mut case = forward_case(seed, sizes, "padding bits set".to_owned());
        set_padding(&mut case, 1);
        cases.push(case);
        let mut case = forward_case(seed, sizes, "infinities and NaN".to_owned());
        if let Some((_, Data::F32(x))) = case.buffers.first_mut() {
            (x[3], x[sizes.1 as usize + 40]) = (f32::INFINITY, f32::NAN);
        }
        cases.push(case);
    }
    cases
}

/// Sets the bits past the last column, which no kernel may count.
fn set_padding(case: &mut Case, index: u32) {
    let (words, tail) = (case.shape.words() as usize, case.shape.input % 32);
    for (at, data) in &mut case.buffers {
        if let (true, Data::U32(packed)) = (*at == index && tail != 0, data) {
            packed.iter_mut().skip(words - 1).step_by(words).for_each(|word| *word |= !0 << tail);
        }
    }
}

pub(in crate::metal::kernels) fn bitlinear_backward_input() -> Vec<Case> {
    let case = |(&sizes, seed): (&Linear, u32)| {
        let sizes = (sizes.0, sizes.1, sizes.2, sizes.3, false, sizes.5);
        let (shape, random) = (linear_shape(sizes), Random::new(seed));
        let case = Case::new(linear_label(sizes), shape, &linear_params(sizes))
            .with(0, random.data(shape.outputs()))
            .with(1, random.packed(&shape));
        if sizes.5 { case.with(4, random.data(shape.scales())) } else { case }
    };
    let mut cases: Vec<Case> = LINEAR.iter().zip(100..).map(case).collect();
    let mut padded = case((&(3, 70, 5, 32, false, true), 151));
    padded.label = "padding bits set".to_owned();
    set_padding(&mut padded, 1);
    cases.push(padded);
    cases
}

pub(in crate::metal::kernels) fn bitlinear_backward_weights() -> Vec<Case> {
    let case = |(&(batch_size, input_size, output_size, _, has_bias, clip), seed): (&Linear, u32)| {
        let shape = Shape::linear(batch_size, input_size, output_size, Grouping::Row);
        let random = Random::new(seed);
        let params = BitLinearGradParams {
            input_size,
            output_size,
            batch_size,
            has_bias: has_bias.into(),
            clip_latent: clip.into(),
        };
        let text = format!("{batch_size}×{input_size}→{output_size}, bias {has_bias}, clip {clip}");
        let case = Case::new(text, shape, &params)
            .with(0, random.data(shape.outputs()))
            .with(1, random.data(shape.inputs()));
        if clip { case.with(5, Data::F32(random.floats(shape.weights(), 2.0))) } else { case }
    };
    LINEAR.iter().zip(200..).map(case).collect()
}

const TENSORS: &[(u32, u32)] = &[(0, 5), (3, 0), (1, 1), (1, 33), (5, 7), (33, 64), (70, 100), (3, 4099)];

pub(in crate::metal::kernels) fn binarize_weights() -> Vec<Case> {
    let tensors = TENSORS.iter().map(|&(rows, columns)| (rows, columns, Grouping::Tensor));
    let all = WEIGHTS.iter().copied().chain(tensors);
    let case = |(output_size, input_size, grouping): (u32, u32, Grouping), seed: u32, label: String| {
        let shape = Shape::linear(0, input_size, output_size, grouping);
        let params = BinarizeParams {
            input_size,
            output_size,
            group_size: grouping.size(),
            per_tensor: (grouping == Grouping::Tensor).into(),
        };
        Case::new(label, shape, &params).with(0, Data::F32(latent(&Random::new(seed), &shape)))
    };
    let mut cases: Vec<Case> =
        all.zip(300..).map(|(w, seed)| case(w, seed, format!("{}×{}, {:?}", w.0, w.1, w.2))).collect();
    for grouping in [Grouping::Row, Grouping::Columns(32), Grouping::Tensor] {
        let mut equal = case((3, 64, grouping), 0, format!("all equal, {grouping:?}"));
        equal.buffers = vec![(0, Data::F32(vec![0.5; 3 * 64]))];
        cases.push(equal);
        let mut nan = case((3, 64, grouping), 0, format!("one NaN, {grouping:?}"));
        if let Some((_, Data::F32(w))) = nan.buffers.first_mut() {
            w[70] = f32::NAN;
        }
        cases.push(nan);
    }
    cases
}

fn activations(label: impl Into<String>, batch_size: u32, input_size: u32, x: Vec<f32>) -> Case {
    let params = QuantizeActivationsParams { input_size, batch_size, write_dequantized: 1 };
    Case::new(label, Shape::rows(batch_size, input_size), &params).with(0, Data::F32(x))
}

/// The floats on either side of every tie, for so many γ: what plain float32 division rounds the wrong way.
fn near_ties(rows: u32) -> Case {
    let random = Random::new(800);
    let row = |_| {
        let gamma = random.unit().abs() + 0.5;
        let tie = move |step: u16| ((f64::from(step) + 0.5) * f64::from(gamma) / 127.0) as f32;
        let around = move |step| [tie(step).next_down(), tie(step), tie(step).next_up()];
        (0..126).flat_map(around).chain([gamma])
    };
    activations("near every tie", rows, 3 * 126 + 1, (0..rows).flat_map(row).collect())
}

pub(in crate::metal::kernels) fn quantize_activations() -> Vec<Case> {
    let mut cases = by_rows(|random, rows, size| {
        activations(label(rows, size), rows, size, random.floats(u64::from(rows) * u64::from(size), 3.0))
    });
    let integers = (0..=254).map(|i| (i - 127) as f32).collect();
    cases.push(activations("every step", 1, 255, integers));
    let halves = (0..255).map(|i| (i - 127) as f32 + 0.5).chain([127.0]).collect();
    cases.push(activations("every tie", 1, 256, halves));
    cases.push(near_ties(20));
    let tiny = vec![1e-6, -1e-6, 0.0, 1e-20, 9.9e-6, 1e-40];
    cases.push(activations("below the least γ", 1, 6, tiny));
    cases.push(activations("the greatest floats", 1, 3, vec![3e38, -3e38, 1e38]));
    cases.push(activations("zeros", 2, 3, vec![0.0; 6]));
    let rows = [[1.0, f32::NAN, 2.0], [f32::INFINITY, 1.0, 0.0], [1.0, -2.0, 0.5]];
    cases.push(activations("NaN, infinity, numbers", 3, 3, rows.concat()));
    let mut plain = activations("without dequantised", 1, 3, vec![1.0, 2.0, 3.0]);
    let params = QuantizeActivationsParams { input_size: 3, batch_size: 1, write_dequantized: 0 };
    plain.params = bytemuck::bytes_of(&params).to_vec();
    cases.push(plain);
    cases
}

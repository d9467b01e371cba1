//! The cases that every kernel is tested with: empty shapes, single elements, sizes around multiples of 32,
//! several rows, groups, and values that are not numbers. Data is random by seed and the same everywhere.

use super::case::{Case, Data};
use super::params::{
    AdamWParams, BinarizeParams, BitLinearGradParams, BitLinearParams, CrossEntropyParams, DropoutParams,
    ElementwiseParams, LayerNormParams, QuantizeActivationsParams, SoftmaxParams, WeightGroupParams,
};
use super::reference::philox;
use super::shape::{Grouping, Shape};
use std::cell::Cell;

/// Random data, the same for the same seed.
struct Random {
    seed: u32,
    drawn: Cell<u64>,
}

impl Random {
    fn new(seed: u32) -> Self {
        Self { seed, drawn: Cell::new(0) }
    }

    /// A multiple of 2⁻²³ in [−1, 1).
    fn unit(&self) -> f32 {
        let index = self.drawn.replace(self.drawn.get() + 1);
        (2.0 * philox::uniform(index, [self.seed, 0x5eed]) - 1.0) as f32
    }

    /// So many floats in [−scale, scale).
    fn floats(&self, count: u64, scale: f32) -> Vec<f32> {
        (0..count).map(|_| self.unit() * scale).collect()
    }

    fn data(&self, count: u64) -> Data {
        Data::F32(self.floats(count, 1.0))
    }

    fn below(&self, bound: u32) -> u32 {
        ((f64::from(self.unit()) + 1.0) / 2.0 * f64::from(bound)) as u32
    }

    fn word(&self) -> u32 {
        self.below(1 << 16) << 16 | self.below(1 << 16)
    }

    /// Packed random weights; the bits past the last column are 0.
    fn packed(&self, shape: &Shape) -> Data {
        let (words, tail) = (shape.words(), shape.input % 32);
        let last = if tail == 0 { !0 } else { (1 << tail) - 1 };
        let word = |i: u64| self.word() & if i % words == words - 1 { last } else { !0 };
        Data::U32((0..shape.packed()).map(word).collect())
    }
}

/// (rows, size) of the kernels that work on rows or elements.
const ROWS: &[(u32, u32)] = &[
    (0, 5),
    (3, 0),
    (1, 1),
    (1, 31),
    (1, 32),
    (2, 33),
    (3, 64),
    (5, 7),
    (33, 10),
    (4, 100),
    (7, 259),
    (1, 4099),
];

const COUNTS: &[u32] = &[0, 1, 3, 31, 32, 33, 63, 100, 1024, 5003];

fn by_rows(case: impl Fn(&Random, u32, u32) -> Case) -> Vec<Case> {
    let cases = ROWS.iter().zip(1..);
    cases.map(|(&(rows, size), seed)| case(&Random::new(seed), rows, size)).collect()
}

fn by_count(case: impl Fn(&Random, u32) -> Case) -> Vec<Case> {
    COUNTS.iter().zip(1..).map(|(&count, seed)| case(&Random::new(seed), count)).collect()
}

fn label(rows: u32, size: u32) -> String {
    format!("{rows}×{size}")
}

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

pub(super) fn bitlinear_forward() -> Vec<Case> {
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

pub(super) fn bitlinear_backward_input() -> Vec<Case> {
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

pub(super) fn bitlinear_backward_weights() -> Vec<Case> {
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

/// (N, K, grouping) of weights to be quantised.
const WEIGHTS: &[(u32, u32, Grouping)] = &[
    (0, 5, Grouping::Row),
    (3, 0, Grouping::Row),
    (1, 1, Grouping::Row),
    (2, 31, Grouping::Row),
    (3, 32, Grouping::Columns(32)),
    (5, 33, Grouping::Columns(32)),
    (4, 100, Grouping::Row),
    (7, 300, Grouping::Columns(64)),
    (70, 65, Grouping::Row),
    (2, 96, Grouping::Columns(4096)),
];

const TENSORS: &[(u32, u32)] = &[(0, 5), (3, 0), (1, 1), (1, 33), (5, 7), (33, 64), (70, 100), (3, 4099)];

/// Weights with some exact zeros and a common offset, so that their mean counts.
fn latent(random: &Random, shape: &Shape) -> Vec<f32> {
    let mut weights = random.floats(shape.weights(), 0.5);
    weights.iter_mut().for_each(|w| *w += 0.125);
    weights.iter_mut().step_by(13).for_each(|w| *w = 0.0);
    weights
}

pub(super) fn binarize_weights() -> Vec<Case> {
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

fn weight_groups(output_size: u32, input_size: u32, grouping: Grouping, seed: u32) -> (Case, Random) {
    let shape = Shape::linear(0, input_size, output_size, grouping);
    let params = WeightGroupParams { input_size, output_size, group_size: grouping.size() };
    (Case::new(format!("{output_size}×{input_size}, {grouping:?}"), shape, &params), Random::new(seed))
}

pub(super) fn quantize_weights_1bit() -> Vec<Case> {
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

pub(super) fn dequantize_weights_1bit() -> Vec<Case> {
    let case = |(&(rows, columns, grouping), seed): (&(u32, u32, Grouping), u32)| {
        let (case, random) = weight_groups(rows, columns, grouping, seed);
        let (packed, scales) = (random.packed(&case.shape), random.data(case.shape.scales()));
        case.with(0, packed).with(1, scales)
    };
    WEIGHTS.iter().zip(450..).map(case).collect()
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

pub(super) fn quantize_activations() -> Vec<Case> {
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

const SPECIAL: [f32; 7] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1e-40, -1e-40];

fn elementwise(label: impl Into<String>, count: u32) -> Case {
    Case::new(label, Shape::elements(count), &ElementwiseParams { count })
}

pub(super) fn relu_forward() -> Vec<Case> {
    let mut cases =
        by_count(|random, count| elementwise(count.to_string(), count).with(0, random.data(count.into())));
    cases.push(elementwise("special values", 7).with(0, Data::F32(SPECIAL.to_vec())));
    cases
}

pub(super) fn relu_backward() -> Vec<Case> {
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

pub(super) fn fused_relu_dropout() -> Vec<Case> {
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

pub(super) fn fused_relu_dropout_backward() -> Vec<Case> {
    by_count(|random, count| {
        let (params, label) = dropout(count, 0.3, true);
        let mask = (0..count.div_ceil(32)).map(|_| random.word()).collect();
        Case::new(label, Shape::elements(count), &params)
            .with(0, random.data(count.into()))
            .with(1, Data::U32(mask))
    })
}

fn layer_norm(rows: u32, size: u32, epsilon: f32) -> (LayerNormParams, Shape) {
    (LayerNormParams { size, rows, epsilon }, Shape::rows(rows, size))
}

pub(super) fn layer_norm_forward() -> Vec<Case> {
    let case = |random: &Random, rows: u32, size: u32, label: String, offset: f32| {
        let (params, shape) = layer_norm(rows, size, 1e-5);
        let mut x = random.floats(shape.inputs(), 2.0);
        x.iter_mut().for_each(|x| *x += offset);
        Case::new(label, shape, &params)
            .with(0, Data::F32(x))
            .with(1, random.data(shape.input))
            .with(2, random.data(shape.input))
    };
    let mut cases = by_rows(|random, rows, size| case(random, rows, size, label(rows, size), 0.0));
    cases.push(case(&Random::new(500), 2, 96, "far from zero".to_owned(), 1000.0));
    let mut constant = case(&Random::new(501), 1, 50, "constant row".to_owned(), 0.0);
    constant.buffers[0].1 = Data::F32(vec![0.1; 50]);
    cases.push(constant);
    let mut nan = case(&Random::new(502), 2, 40, "NaN in one row".to_owned(), 0.0);
    if let (_, Data::F32(x)) = &mut nan.buffers[0] {
        x[3] = f32::NAN;
    }
    cases.push(nan);
    cases
}

pub(super) fn layer_norm_backward() -> Vec<Case> {
    by_rows(|random, rows, size| {
        let (params, shape) = layer_norm(rows, size, 1e-3);
        let x = random.floats(shape.inputs(), 2.0);
        let row = |m: u64| &x[(m * shape.input) as usize..][..shape.input as usize];
        let mean = |m: u64| row(m).iter().map(|&x| f64::from(x)).sum::<f64>() / f64::from(size.max(1));
        let square = |m: u64, x: &f32| (f64::from(*x) - mean(m)).powi(2);
        let variance = |m: u64| row(m).iter().map(|x| square(m, x)).sum::<f64>() / f64::from(size.max(1));
        let rstd = |m: u64| 1.0 / (variance(m) + f64::from(params.epsilon)).sqrt();
        let (means, rstds) = (0..shape.batch).map(|m| (mean(m) as f32, rstd(m) as f32)).unzip();
        Case::new(label(rows, size), shape, &params)
            .with(0, random.data(shape.inputs()))
            .with(1, Data::F32(x))
            .with(2, random.data(shape.input))
            .with(3, Data::F32(means))
            .with(4, Data::F32(rstds))
    })
}

/// Rows of logits: ordinary ones, and ones with values that no exponential takes well.
fn logits() -> Vec<(String, u32, u32, Vec<f32>)> {
    let mut all: Vec<_> = ROWS
        .iter()
        .zip(600..)
        .map(|(&(rows, size), seed)| {
            let values = Random::new(seed).floats(u64::from(rows) * u64::from(size), 8.0);
            (label(rows, size), rows, size, values)
        })
        .collect();
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    let special = [
        ("far apart", vec![1000.0, -1000.0, 999.0]),
        ("some −∞", vec![-inf, 1.0, -inf]),
        ("all −∞", vec![-inf; 3]),
        ("+∞", vec![inf, 1.0, 2.0]),
        ("NaN", vec![1.0, nan, 2.0]),
        ("equal", vec![3.5; 3]),
    ];
    all.extend(special.map(|(label, row)| (label.to_owned(), 1, 3, row)));
    all
}

pub(super) fn softmax_forward() -> Vec<Case> {
    let case = |(label, rows, size, values)| {
        Case::new(label, Shape::rows(rows, size), &SoftmaxParams { size, rows }).with(0, Data::F32(values))
    };
    logits().into_iter().map(case).collect()
}

fn cross_entropy() -> Vec<Case> {
    let case = |(label, rows, classes, values): (String, u32, u32, Vec<f32>)| {
        let random = Random::new(rows + classes);
        let labels = (0..rows).map(|_| random.below(classes)).collect();
        let params = CrossEntropyParams { classes, rows, scale: 1.0 / rows.max(1) as f32 };
        Case::new(label, Shape::rows(rows, classes), &params)
            .with(0, Data::F32(values))
            .with(1, Data::U32(labels))
    };
    let mut cases: Vec<Case> = logits().into_iter().map(case).collect();
    let params = CrossEntropyParams { classes: 3, rows: 2, scale: 0.5 };
    cases.push(
        Case::new("a label that names no class", Shape::rows(2, 3), &params)
            .with(0, Data::F32(vec![1.0, 2.0, 3.0, 1.0, 2.0, 3.0]))
            .with(1, Data::U32(vec![3, 2])),
    );
    cases
}

pub(super) fn cross_entropy_forward() -> Vec<Case> {
    cross_entropy()
}

pub(super) fn cross_entropy_backward() -> Vec<Case> {
    cross_entropy()
}

pub(super) fn adamw_step() -> Vec<Case> {
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

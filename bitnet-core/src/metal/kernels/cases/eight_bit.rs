//! Cases of 8-bit activations and gradients, and of their product with 1-bit weights.

use super::{COUNTS, LARGEST_GROUP, Random};
use crate::metal::kernels::case::{Case, Data};
use crate::metal::kernels::params::{
    ActivationGroupParams, DynamicQuantizeParams, GradientGroupParams, KernelParams, MixedPrecisionParams,
};

/// (M, K, group size)
const GROUPS: &[(u32, u32, u32)] = &[
    (0, 5, 0),
    (3, 0, 0),
    (3, 0, 32),
    (1, 1, 0),
    (1, 3, 0),
    (2, 31, 0),
    (3, 32, 32),
    (5, 33, 32),
    (4, 100, 0),
    (7, 300, 64),
    (33, 70, 0),
    (2, 96, 4096),
    (2, 64, LARGEST_GROUP),
    (1, 4099, 0),
];

/// Rows of four that are not like the others: empty ranges, ranges on one side of zero, ranges that float32
/// cannot hold, and what is not a number.
const ODD_ROWS: &[[f32; 4]] = &[
    [0.0, 0.0, 0.0, 0.0],
    [-0.0, 0.0, -0.0, -0.0],
    [3.0, 1.0, 2.0, 2.5],
    [-3.0, -1.0, -2.0, -2.5],
    [100.0, 100.25, 100.5, 101.0],
    [65504.0, -65504.0, 1e-7, -1e-7],
    [3e38, -3e38, 1e38, 0.0],
    [3.4e38, 1.0, 0.0, -1.0],
    [1e-38, -3e-39, 5e-39, 0.0],
    [1e-45, 0.0, -1e-45, 3e-45],
    [1.0, f32::NAN, -1.0, 0.0],
    [-f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0],
    [1.0, f32::INFINITY, -1.0, 0.0],
    [1.0, f32::NEG_INFINITY, -1.0, 0.0],
    [f32::INFINITY, f32::NEG_INFINITY, 0.0, 2.0],
];

fn bytes(random: &Random, count: u64) -> Data {
    Data::U8((0..count).map(|_| random.below(256) as u8).collect())
}

/// A case for these parameters, whose shape they say.
fn case_of<P: KernelParams>(label: impl Into<String>, params: &P) -> Case {
    Case::new(label, params.shape().expect("cases have parameters that kernels take"), params)
}

fn group_case((batch_size, input_size, group_size): (u32, u32, u32)) -> Case {
    let label = format!("{batch_size}×{input_size}, groups of {group_size}");
    case_of(label, &ActivationGroupParams { input_size, batch_size, group_size })
}

/// Ranges of all kinds: about zero, far above it and far below.
fn shifted(random: &Random, count: u64) -> Vec<f32> {
    let shift = random.unit() * 2.0;
    random.floats(count, 3.0).into_iter().map(|x| x + shift).collect()
}

pub(in crate::metal::kernels) fn quantize_activations_8bit() -> Vec<Case> {
    let case = |(&sizes, seed): (&(u32, u32, u32), u32)| {
        let case = group_case(sizes);
        let x = shifted(&Random::new(seed), case.shape.inputs());
        case.with(0, Data::F32(x))
    };
    let mut cases: Vec<Case> = GROUPS.iter().zip(900..).map(case).collect();
    let mut odd = group_case((ODD_ROWS.len() as u32, 4, 0)).with(0, Data::F32(ODD_ROWS.concat()));
    odd.label = "odd rows".to_owned();
    cases.push(odd);
    cases
}

pub(in crate::metal::kernels) fn dequantize_activations_8bit() -> Vec<Case> {
    let case = |(&sizes, seed): (&(u32, u32, u32), u32)| {
        let (case, random) = (group_case(sizes), Random::new(seed));
        let (inputs, scales) = (case.shape.inputs(), case.shape.activation_scales());
        case.with(0, bytes(&random, inputs)).with(1, random.data(scales)).with(2, bytes(&random, scales))
    };
    let mut cases: Vec<Case> = GROUPS.iter().zip(930..).map(case).collect();
    let mut odd = case((&(4, 5, 0), 950));
    odd.label = "odd scales".to_owned();
    odd.buffers[1].1 = Data::F32(vec![f32::NAN, f32::INFINITY, 3e38, 1e-44]);
    cases.push(odd);
    cases
}

fn dynamic(label: String, x: Vec<f32>) -> Case {
    case_of(label, &DynamicQuantizeParams::of(x.len() as u32)).with(0, Data::F32(x))
}

pub(in crate::metal::kernels) fn dynamic_quantize() -> Vec<Case> {
    // Around the sizes of parts too, which are dealt out.
    let counts = COUNTS.iter().copied().chain([1023, 1025, 2049, 20_000]);
    let case =
        |(count, seed): (u32, u32)| dynamic(count.to_string(), shifted(&Random::new(seed), count.into()));
    let mut cases: Vec<Case> = counts.zip(960..).map(case).collect();
    for row in ODD_ROWS {
        cases.push(dynamic(format!("{row:?}"), row.to_vec()));
    }
    for (at, value) in [(1, 50.0), (2048, -70.0), (2499, f32::NAN)] {
        let mut x = shifted(&Random::new(990), 2500);
        x[at] = value;
        cases.push(dynamic(format!("{value} at {at} of 2500"), x));
    }
    cases
}

fn gradient_case(sizes: (u32, u32, u32), stochastic: bool) -> Case {
    let (batch_size, input_size, group_size) = sizes;
    let label = format!(
        "{batch_size}×{input_size}, groups of {group_size}{}",
        if stochastic { ", stochastic" } else { "" }
    );
    let stochastic = stochastic.into();
    let (seed_low, seed_high) = (0xfeed_beef, 7);
    case_of(
        label,
        &GradientGroupParams { input_size, batch_size, group_size, stochastic, seed_low, seed_high },
    )
}

pub(in crate::metal::kernels) fn quantize_gradients() -> Vec<Case> {
    let mut cases = Vec::new();
    for stochastic in [false, true] {
        for (&sizes, seed) in GROUPS.iter().zip(1000..) {
            let case = gradient_case(sizes, stochastic);
            let gradients = Random::new(seed).floats(case.shape.inputs(), 1e-3);
            cases.push(case.with(0, Data::F32(gradients)));
        }
        let odd = |what: &str, columns: u32, gradients: Vec<f32>| {
            let mut case = gradient_case((gradients.len() as u32 / columns, columns, 0), stochastic);
            case.label = format!("{what}{}", if stochastic { ", stochastic" } else { "" });
            case.with(0, Data::F32(gradients))
        };
        cases.push(odd("odd rows", 4, ODD_ROWS.concat()));
        cases.push(odd("every step", 255, (0..255).map(|i| (i - 127) as f32).collect()));
        let halves = (0..255).map(|i| (i - 127) as f32 + 0.5).chain([127.0]).collect();
        cases.push(odd("every tie", 256, halves));
    }
    cases
}

/// Fewer than 32 rows of activations, where lanes share a row, and more, where each takes one.
///
/// M, K, N, group size, scales of the weights, scales of the activations, zero points, bias
type Mixed = (u32, u32, u32, u32, u32, u32, bool, bool);

const MIXED: &[Mixed] = &[
    (0, 5, 3, 0, 1, 1, true, true),
    (2, 0, 3, 0, 1, 1, true, true),
    (2, 0, 3, 32, 2, 2, false, false),
    (2, 5, 0, 0, 1, 1, true, true),
    (1, 1, 1, 0, 0, 0, false, false),
    (1, 1, 1, 0, 2, 2, true, true),
    (1, 31, 2, 0, 1, 0, true, true),
    (1, 32, 3, 0, 0, 1, false, true),
    (1, 33, 4, 32, 2, 2, true, false),
    (33, 33, 9, 32, 1, 1, true, false),
    (3, 64, 33, 64, 2, 1, true, true),
    (2, 512, 5, 0, 1, 1, false, false),
    (1, 1061, 7, 0, 1, 0, true, false),
    (3, 1061, 6, 64, 2, 2, true, true),
    (2, 300, 17, 128, 1, 2, false, true),
    (3, 200, 5, 32, 1, 2, true, true),
    (2, 300, 16, 128, 0, 2, true, false),
    (5, 97, 8, 96, 2, 0, false, false),
    (32, 7, 3, 0, 1, 0, true, true),
    (40, 130, 9, 32, 2, 2, true, true),
    (65, 70, 11, 0, 0, 1, false, false),
    (2, 64, 3, LARGEST_GROUP, 2, 2, true, false),
    (33, 64, 3, LARGEST_GROUP, 2, 2, true, false),
];

fn mixed_case(sizes: Mixed, seed: u32) -> Case {
    let (
        batch_size,
        input_size,
        output_size,
        group_size,
        weight_scales,
        activation_scales,
        zero_points,
        bias,
    ) = sizes;
    let params = MixedPrecisionParams {
        input_size,
        output_size,
        batch_size,
        group_size,
        weight_scales,
        activation_scales,
        has_zero_points: zero_points.into(),
        has_bias: bias.into(),
    };
    let label = format!("{batch_size}×{input_size}→{output_size}, {params:?}");
    let random = Random::new(seed);
    let mut case = case_of(label, &params);
    let shape = case.shape;
    case = case
        .with(0, bytes(&random, shape.inputs()))
        .with(1, random.packed(&shape))
        .with(2, random.data(shape.activation_scales()));
    if zero_points {
        case = case.with(3, bytes(&random, shape.activation_scales()));
    }
    if bias {
        case = case.with(4, random.data(shape.output));
    }
    if weight_scales != 0 {
        case = case.with(7, random.data(shape.scales()));
    }
    case
}

/// A change of a case's buffers.
type Change = dyn Fn(&mut Vec<(u32, Data)>);

pub(in crate::metal::kernels) fn mixed_precision_matmul() -> Vec<Case> {
    let mut cases: Vec<Case> =
        MIXED.iter().zip(1100..).map(|(&sizes, seed)| mixed_case(sizes, seed)).collect();
    let mut odd = |label: &str, sizes: Mixed, change: &Change| {
        let mut case = mixed_case(sizes, 1150);
        case.label = label.to_owned();
        change(&mut case.buffers);
        cases.push(case);
    };
    odd("the greatest sums", (2, 2500, 9, 0, 0, 0, true, false), &|buffers| {
        buffers[0].1 = Data::U8([vec![255; 2500], vec![0; 2500]].concat());
        buffers[1].1 = Data::U32([vec![!0; 4 * 79], vec![0; 5 * 79]].concat());
        buffers[3].1 = Data::U8(vec![255]);
    });
    odd("the least signed", (1, 2500, 9, 0, 0, 0, false, false), &|buffers| {
        buffers[0].1 = Data::U8(vec![0x80; 2500]);
    });
    odd("padding bits set", (2, 70, 5, 32, 2, 2, true, true), &|buffers| {
        if let Data::U32(packed) = &mut buffers[1].1 {
            packed.iter_mut().skip(2).step_by(3).for_each(|word| *word |= !0 << 6);
        }
    });
    odd("scales that are no numbers", (3, 70, 5, 32, 2, 1, true, false), &|buffers| {
        buffers[2].1 = Data::F32(vec![f32::NAN, 0.5, f32::INFINITY]);
        if let Data::F32(scales) = &mut buffers[4].1 {
            scales[4] = f32::NAN;
        }
    });
    cases
}

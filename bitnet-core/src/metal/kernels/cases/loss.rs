//! Cases of softmax and the losses.

use super::{ROWS, Random, label};
use crate::metal::kernels::case::{Case, Data};
use crate::metal::kernels::params::{CrossEntropyParams, SoftmaxParams};
use crate::metal::kernels::shape::Shape;

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

pub(in crate::metal::kernels) fn softmax_forward() -> Vec<Case> {
    let case = |(label, rows, size, values)| {
        Case::new(label, Shape::rows(rows, size), &SoftmaxParams { size, rows }).with(0, Data::F32(values))
    };
    logits().into_iter().map(case).collect()
}

/// Softmax of a row, in double precision until the end.
fn softmax(row: &[f32]) -> Vec<f32> {
    let greatest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = row.iter().map(|&x| f64::from(x - greatest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| (power / sum) as f32).collect()
}

pub(in crate::metal::kernels) fn softmax_backward() -> Vec<Case> {
    let case = |(label, rows, size, values): (String, u32, u32, Vec<f32>)| {
        let random = Random::new(900 + rows + size);
        let y = values.chunks(size.max(1) as usize).flat_map(softmax).collect();
        Case::new(label, Shape::rows(rows, size), &SoftmaxParams { size, rows })
            .with(0, random.data(values.len() as u64))
            .with(1, Data::F32(y))
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

pub(in crate::metal::kernels) fn cross_entropy_forward() -> Vec<Case> {
    cross_entropy()
}

pub(in crate::metal::kernels) fn cross_entropy_backward() -> Vec<Case> {
    cross_entropy()
}

//! Cases of the normalisations.

use super::{Random, by_rows, label};
use crate::metal::kernels::case::{Case, Data};
use crate::metal::kernels::params::{LayerNormParams, RmsNormParams};
use crate::metal::kernels::shape::Shape;

fn layer_norm(rows: u32, size: u32, epsilon: f32) -> (LayerNormParams, Shape) {
    (LayerNormParams { size, rows, epsilon }, Shape::rows(rows, size))
}

pub(in crate::metal::kernels) fn layer_norm_forward() -> Vec<Case> {
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

pub(in crate::metal::kernels) fn layer_norm_backward() -> Vec<Case> {
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

fn rms_norm(rows: u32, size: u32, epsilon: f32) -> (RmsNormParams, Shape) {
    (RmsNormParams { size, rows, epsilon }, Shape::rows(rows, size))
}

pub(in crate::metal::kernels) fn rms_norm_forward() -> Vec<Case> {
    let case = |label: String, rows: u32, size: u32, x: Vec<f32>, random: &Random| {
        let (params, shape) = rms_norm(rows, size, 1e-5);
        Case::new(label, shape, &params).with(0, Data::F32(x)).with(1, random.data(shape.input))
    };
    let mut cases = by_rows(|random, rows, size| {
        let x = random.floats(u64::from(rows) * u64::from(size), 2.0);
        case(label(rows, size), rows, size, x, random)
    });
    let random = Random::new(510);
    cases.push(case("zeros".to_owned(), 2, 40, vec![0.0; 80], &random));
    cases.push(case("below ε".to_owned(), 1, 40, random.floats(40, 1e-4), &random));
    let mut nan = random.floats(80, 1.0);
    nan[3] = f32::NAN;
    cases.push(case("NaN in one row".to_owned(), 2, 40, nan, &random));
    cases
}

pub(in crate::metal::kernels) fn rms_norm_backward() -> Vec<Case> {
    by_rows(|random, rows, size| {
        let (params, shape) = rms_norm(rows, size, 0.1);
        let x = random.floats(shape.inputs(), 2.0);
        let row = |m: u64| &x[(m * shape.input) as usize..][..shape.input as usize];
        let squares = |m: u64| row(m).iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
        let rstd = |m: u64| 1.0 / (squares(m) / f64::from(size.max(1)) + f64::from(params.epsilon)).sqrt();
        let rstds = (0..shape.batch).map(|m| rstd(m) as f32).collect();
        Case::new(label(rows, size), shape, &params)
            .with(0, random.data(shape.inputs()))
            .with(1, Data::F32(x))
            .with(2, random.data(shape.input))
            .with(3, Data::F32(rstds))
    })
}

//! Backward kernels against central differences of the forward in double precision.

use super::run;
use super::support::with_shaders;
use bitnet_core::metal::kernels::case::{Case, Data, Derivative, Expected, Values};
use bitnet_core::metal::kernels::{KernelRow, TABLE};

/// Variables that are tried in each case, spread over all of them.
const VARIABLES: usize = 60;
const STEP: f64 = 1e-4;
/// Of the derivative and of the greatest derivative in the case: what is left of the step's square, and of
/// float32 in the kernel.
const TOLERANCE: f64 = 2e-5;

/// The central difference by variable `i`.
fn central_difference(derivative: &Derivative, i: usize) -> f64 {
    let shifted = |by: f64| {
        let mut at = derivative.at.clone();
        at[i] += by;
        (derivative.function)(&at)
    };
    (shifted(STEP) - shifted(-STEP)) / (2.0 * STEP)
}

fn values(expected: &Expected) -> Vec<f64> {
    match &expected.values {
        Values::Floats { elements, .. } => elements.iter().map(|float| float.value).collect(),
        Values::Rounded(_) | Values::Bits { .. } => panic!("a derivative is made of floats"),
    }
}

/// The number of derivatives that were compared.
fn check(row: &KernelRow, case: &Case, derivative: &Derivative, got: &[f64], who: &str) -> usize {
    assert_eq!(got.len(), derivative.at.len(), "{} ({})", row.name, case.label);
    let scale = got.iter().fold(1e-3, |max: f64, g| max.max(g.abs()));
    let stride = got.len().div_ceil(VARIABLES).max(1);
    for i in (0..got.len()).step_by(stride) {
        let want = central_difference(derivative, i);
        assert!(
            (got[i] - want).abs() <= TOLERANCE * scale,
            "{} ({}), parameter {}, element {i}: {who} says {}, central differences {want}",
            row.name,
            case.label,
            derivative.index,
            got[i],
        );
    }
    got.len().div_ceil(stride)
}

#[test]
fn backward_kernels_are_the_derivatives_of_their_forwards() {
    with_shaders(|shaders| {
        for row in TABLE {
            let Some(gradient) = row.gradient else { continue };
            let mut compared = 0;
            for case in (row.cases)().into_iter().map(|case| case.on_device(shaders.device())) {
                let (expected, outputs) = ((row.reference)(&case), run(shaders, row, &case));
                for derivative in gradient(&case) {
                    let reference =
                        expected.iter().find(|e| e.index == derivative.index).expect("a reference");
                    let reference = values(reference);
                    // Where a derivative is not a number there is no difference to take.
                    if reference.iter().any(|value| !value.is_finite()) {
                        continue;
                    }
                    let output = outputs.iter().find(|(index, _)| *index == derivative.index);
                    let Some((_, Data::F32(kernel))) = output else { panic!("{} gives floats", row.name) };
                    let kernel: Vec<f64> = kernel.iter().map(|&v| v.into()).collect();
                    compared += check(row, &case, &derivative, &reference, "the reference");
                    check(row, &case, &derivative, &kernel, "the kernel");
                }
            }
            assert!(compared > 100, "{}: {compared} derivatives compared", row.name);
        }
    });
}

#[test]
fn every_backward_kernel_has_a_gradient() {
    for row in TABLE {
        let is_backward = row.name.contains("_backward");
        assert_eq!(row.gradient.is_some(), is_backward, "{}", row.name);
    }
}

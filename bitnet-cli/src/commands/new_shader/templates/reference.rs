//! `example_kernel` in double precision.

use crate::metal::kernels::case::{Case, Expected};

/// y = x²
pub(crate) fn example_kernel(case: &Case) -> Vec<Expected> {
    vec![Expected::floats(1, case.floats(0).into_iter().map(|x| x * x))]
}

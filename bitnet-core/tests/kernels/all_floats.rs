//! The element-wise activations at floats of every size, where cases hold a few thousand.

use super::support::with_shaders;
use super::{complaint, run};
use bitnet_core::metal::kernels::case::Data;
use bitnet_core::metal::kernels::params::{ElementwiseParams, KernelParams};
use bitnet_core::metal::kernels::row::Element;
use bitnet_core::metal::kernels::{Case, KernelRow, Shape, TABLE};

/// All exponents and both signs, NaN and infinities among them; then densely what is neither so small that the
/// functions are lines nor so large that they are constants.
fn floats() -> Vec<f32> {
    let all = (0..=u32::MAX).step_by(1_000_003);
    let dense = (1e-4f32.to_bits()..128f32.to_bits()).step_by(4_001);
    let signs = dense.flat_map(|bits| [bits, bits | 1 << 31]);
    all.chain(signs).map(f32::from_bits).collect()
}

/// Floats from 1 to 2 with all kinds of mantissas.
fn upstream(count: usize) -> Vec<f32> {
    let bits = |i: u32| 1f32.to_bits() | i.wrapping_mul(0x9E37_79B9) >> 9;
    (0..count as u32).map(|i| f32::from_bits(bits(i))).collect()
}

fn case(row: &KernelRow) -> Case {
    let x = floats();
    let count = x.len() as u32;
    let case = Case::new("floats of every size", Shape::elements(count), &ElementwiseParams { count });
    match row.param(1).map(|param| param.name) {
        Some("input") => case.with(0, Data::F32(upstream(x.len()))).with(1, Data::F32(x)),
        Some("output") if row.gradient.is_some() => {
            let y = x.iter().map(|x| x.clamp(-1.0, 1.0)).collect();
            case.with(0, Data::F32(upstream(x.len()))).with(1, Data::F32(y))
        }
        _ => case.with(0, Data::F32(x)),
    }
}

#[test]
fn activations_agree_with_their_references_at_floats_of_every_size() {
    with_shaders(|shaders| {
        let is_elementwise = |row: &&KernelRow| row.constants().1.name == ElementwiseParams::LAYOUT.name;
        let mut kernels = 0;
        for row in TABLE.iter().filter(is_elementwise) {
            assert!(row.params.iter().all(|param| param.element().is_none_or(|e| e == Element::Real)));
            for &precision in row.precisions() {
                let case = case(row).in_precision(row, precision).on_device(shaders.device());
                let outputs = run(shaders, row, &case);
                assert_eq!(complaint(row, &case, &outputs), None);
                kernels += 1;
            }
        }
        assert!(kernels >= 28, "{kernels} kernels");
    });
}

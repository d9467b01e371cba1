//! The helpers are those of the kernel table.

use super::{activation, bitlinear, loss, norm, optimizer, quantization};
use crate::metal::BitNetShaderFunction;
use crate::metal::kernels::TABLE;
use crate::metal::kernels::row::ParamKind;

/// A helper's name, its kernel and the names of its buffers.
pub(super) type Helper = (&'static str, BitNetShaderFunction, &'static [&'static str]);

static FAMILIES: &[&[Helper]] = &[
    bitlinear::HELPERS,
    quantization::HELPERS,
    activation::HELPERS,
    norm::HELPERS,
    loss::HELPERS,
    optimizer::HELPERS,
];

#[test]
fn every_kernel_has_a_helper_of_its_name() {
    for row in TABLE {
        let named = format!("dispatch_{}", row.name);
        let helper = FAMILIES.iter().copied().flatten().find(|(name, ..)| *name == named);
        assert_eq!(helper.map(|(_, function, _)| *function), Some(row.function), "{named}");
    }
}

#[test]
fn helpers_take_the_buffers_of_their_row_in_its_order() {
    for (name, function, buffers) in FAMILIES.iter().copied().flatten() {
        let mut left = buffers.iter();
        let mut next = left.next();
        for param in function.row().params {
            let is_buffer = matches!(param.kind, ParamKind::Buffer { .. });
            if next == Some(&param.name) {
                assert!(is_buffer, "{name}: {}", param.name);
                next = left.next();
            } else {
                assert!(!is_buffer || param.is_optional(), "{name} leaves out {}", param.name);
            }
        }
        assert_eq!(next, None, "{name}");
    }
}

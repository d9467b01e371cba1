//! What is derived describes the shape that made the lengths; what cannot be derived is refused in words.

use proptest::prelude::*;

use super::*;
use crate::metal::BitNetShaderFunction as F;
use crate::metal::kernels::TABLE;
use crate::metal::kernels::shape::{Grouping, Shape};

/// What a version of a kernel is derived to take from buffers that are as long as `params` needs them.
fn from_lengths_for(row: &KernelRow, precision: Precision, params: &[u8]) -> Result<Vec<u8>, String> {
    let shape = (row.constants().1.shape)(params).expect("the struct describes a shape");
    let bytes = |index| {
        let param = row.param(index)?;
        let ParamKind::Buffer { element, least, .. } = param.kind else { return None };
        param.is_used(params).then(|| least(&shape) * element.size_bytes(precision))
    };
    infer(row, precision, &bytes)
}

/// Lengths in elements by name of the parameter.
fn check_refusal(function: F, elements: &[(&str, u64)], expect: &str) {
    let row = function.row();
    let bytes = |index| {
        let param = row.param(index)?;
        let (_, elements) = elements.iter().find(|(name, _)| *name == param.name)?;
        Some(elements * param.element()?.size_bytes(Precision::Single))
    };
    assert_eq!(infer(row, Precision::Single, &bytes), Err(expect.to_owned()), "{function:?} {elements:?}");
}

#[test]
fn every_rule_has_rows_and_every_other_row_is_refused() {
    for rule in RULES {
        assert!(TABLE.iter().any(|row| row.constants().1.name == rule.name), "{}", rule.name);
    }
    for row in TABLE {
        let name = row.constants().1.name;
        let has_rule = RULES.iter().any(|rule| rule.name == name);
        for case in (row.cases)() {
            match from_lengths_for(row, Precision::Single, &case.params) {
                Ok(params) => {
                    assert!(has_rule, "{}", row.name);
                    let derived = (row.constants().1.shape)(&params).expect("it suits");
                    // A group that is a row may be called either.
                    let sizes = |s: &Shape| (s.inputs(), s.outputs(), s.scales(), s.activation_scales());
                    assert_eq!(sizes(&derived), sizes(&case.shape), "{} {}", row.name, case.label);
                }
                Err(reason) => {
                    let start = format!("the lengths of the buffers do not determine {name} (");
                    assert!(reason.starts_with(&start), "{} {}: {reason}", row.name, case.label);
                }
            }
        }
    }
}

#[test]
fn a_group_size_follows_where_one_number_of_words_fits() {
    for (words, scales, expect) in [
        (128, 32, Ok(128)),
        (8, 1, Ok(0)),
        (8, 8, Ok(32)),
        (3, 2, Ok(64)),
        (4, 2, Err(Why::Undetermined)),
        (8, 9, Err(Why::Unsuited)),
        (9, 7, Err(Why::Unsuited)),
        (8, 0, Err(Why::Unsuited)),
    ] {
        assert_eq!(group_size(words, 1, scales), expect, "{words} words, {scales} scales");
        assert_eq!(group_size(words, 5, scales * 5), expect, "5 rows of {words} words, {scales} scales each");
    }
    assert_eq!(group_size(8, 5, 6), Err(Why::Unsuited));
}

#[test]
fn lengths_that_fit_nothing_are_named() {
    check_refusal(
        F::BitLinearForward,
        &[("input", 80), ("weights", 7), ("output", 6)],
        "no BitLinearParams suits the lengths of the buffers (elements of input: 80, weights: 7, output: 6)",
    );
    check_refusal(
        F::BitLinearForward,
        &[("input", 80), ("weights", 6), ("bias", 4), ("output", 6)],
        "no BitLinearParams suits the lengths of the buffers \
         (elements of input: 80, weights: 6, bias: 4, output: 6)",
    );
    check_refusal(
        F::ReluBackward,
        &[("grad_output", 8), ("input", 8), ("grad_input", 9)],
        "no ElementwiseParams suits the lengths of the buffers \
         (elements of grad_output: 8, input: 8, grad_input: 9)",
    );
    check_refusal(
        F::BitLinearBackwardWeights,
        &[("grad_output", 6), ("input", 80), ("grad_weights", 121)],
        "no BitLinearGradParams suits the lengths of the buffers \
         (elements of grad_output: 6, input: 80, grad_weights: 121)",
    );
    check_refusal(
        F::QuantizeActivations,
        &[("input", 10), ("quantized", 10), ("scales", 3)],
        "no QuantizeActivationsParams suits the lengths of the buffers \
         (elements of input: 10, quantized: 10, scales: 3)",
    );
}

#[test]
fn what_lengths_cannot_tell_is_named() {
    check_refusal(
        F::SoftmaxForward,
        &[("input", 12), ("output", 12)],
        "the lengths of the buffers do not determine SoftmaxParams (elements of input: 12, output: 12)",
    );
    check_refusal(
        F::FusedReluDropout,
        &[("input", 8), ("output", 8)],
        "the lengths of the buffers do not determine DropoutParams (elements of input: 8, output: 8)",
    );
    // Two groups of four words: of two and two, or of three and one.
    check_refusal(
        F::BitLinearForward,
        &[("input", 128), ("weights", 4), ("output", 1), ("scales", 2)],
        "the lengths of the buffers do not determine BitLinearParams \
         (elements of input: 128, weights: 4, output: 1, scales: 2)",
    );
}

/// A size from 1 to 2³¹, each number of digits as likely as another.
fn size(bits: u32) -> impl Strategy<Value = u32> {
    (0..=bits).prop_flat_map(|bits| 1..=1u32 << bits)
}

proptest! {
    #[test]
    fn the_batch_is_found_whatever_the_sizes(batch in size(31), input in size(31), output in size(31)) {
        let shape = Shape::linear(batch, input, output, Grouping::Row);
        prop_assert_eq!(batch_of(shape.inputs(), shape.outputs(), shape.packed()), Some(shape.batch));
    }

    #[test]
    fn linear_layers_are_derived(
        batch in size(12),
        input in size(12),
        output in size(12),
        has_bias in 0u32..2,
        has_scales in 0u32..2,
    ) {
        let params = BitLinearParams {
            input_size: input, output_size: output, batch_size: batch, group_size: 0, has_bias, has_scales,
        };
        let forward = from_lengths_for(F::BitLinearForward.row(), Precision::Single, bytemuck::bytes_of(&params));
        prop_assert_eq!(forward, Ok(bytes_of(params)));
        let params = BitLinearParams { has_bias: 0, ..params };
        let row = F::BitLinearBackwardInput.row();
        let backward = from_lengths_for(row, Precision::Single, bytemuck::bytes_of(&params));
        prop_assert_eq!(backward, Ok(bytes_of(params)));
        let params = BitLinearGradParams {
            input_size: input, output_size: output, batch_size: batch, has_bias, clip_latent: has_scales,
        };
        let row = F::BitLinearBackwardWeights.row();
        let gradient = from_lengths_for(row, Precision::Single, bytemuck::bytes_of(&params));
        prop_assert_eq!(gradient, Ok(bytes_of(params)));
    }

    #[test]
    fn a_derived_group_size_makes_the_groups_that_there_are(
        input in 1u32..20_000,
        output in 1u32..5,
        words in 1u32..700,
    ) {
        let shape = Shape::linear(1, input, output, Grouping::Columns(32 * words));
        match group_size(shape.words(), shape.output, shape.scales()) {
            Ok(size) => {
                let grouping = Grouping::from_size(size).expect("a multiple of 32");
                let derived = Shape::linear(1, input, output, grouping);
                prop_assert_eq!(derived.scales(), shape.scales());
                prop_assert!(shape.groups() == 1 || derived == shape, "{:?} is not {:?}", derived, shape);
            }
            Err(why) => prop_assert_eq!(why, Why::Undetermined),
        }
    }

    #[test]
    fn rows_of_activations_are_derived(batch in size(12), input in size(12), write_dequantized in 0u32..2) {
        let params = QuantizeActivationsParams { input_size: input, batch_size: batch, write_dequantized };
        let row = F::QuantizeActivations.row();
        let derived = from_lengths_for(row, Precision::Single, bytemuck::bytes_of(&params));
        prop_assert_eq!(derived, Ok(bytes_of(params)));
    }
}

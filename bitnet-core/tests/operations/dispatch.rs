//! Dispatch helpers bind the right buffers, make the right struct, and refuse what breaks the kernel's contract.

use super::support::{all_cases, with_shaders};
use super::{buffers, check, grid, outputs, record};
use bitnet_core::metal::BitNetShaderFunction as F;
use bitnet_core::metal::kernels::params::*;
use bitnet_core::metal::kernels::{Case, KernelRow, TABLE};
use bitnet_core::metal::*;

/// A case's buffers, and the shaders that its grid is for.
struct Operands<'a> {
    shaders: &'a BitNetShaders,
    case: &'a Case,
    buffers: &'a [(u32, Buffer)],
}

impl Operands<'_> {
    fn some(&self, index: u32) -> Option<&Buffer> {
        self.buffers.iter().find(|(at, _)| *at == index).map(|(_, buffer)| buffer)
    }

    fn get(&self, index: u32) -> &Buffer {
        self.some(index).expect("the case uses it")
    }

    fn params<P: KernelParams>(&self) -> P {
        P::from_bytes(&self.case.params)
    }
}

/// The helper of each kernel with a case's operands.
fn dispatch(function: F, e: &ComputeCommandEncoder, o: &Operands<'_>) {
    let (b, some) = (|index| o.get(index), |index| o.some(index));
    let (t, g) = grid(o.shaders, function, o.case);
    match function {
        F::BitLinearForward => {
            let p: BitLinearParams = o.params();
            let (k, n, m) = (p.input_size, p.output_size, p.batch_size);
            match some(5) {
                None => dispatch_bitlinear_forward(e, b(0), b(1), some(2), b(3), k, n, m, t, g),
                Some(scales) => {
                    let size = p.group_size;
                    dispatch_bitlinear_forward_scaled(
                        e,
                        b(0),
                        b(1),
                        some(2),
                        b(3),
                        scales,
                        k,
                        n,
                        m,
                        size,
                        t,
                        g,
                    );
                }
            }
        }
        F::BitLinearBackwardInput => {
            let p: BitLinearParams = o.params();
            let (k, n, m) = (p.input_size, p.output_size, p.batch_size);
            dispatch_bitlinear_backward_input(e, b(0), b(1), b(2), some(4), k, n, m, p.group_size, t, g);
        }
        F::BitLinearBackwardWeights => {
            let p: BitLinearGradParams = o.params();
            let (k, n, m) = (p.input_size, p.output_size, p.batch_size);
            dispatch_bitlinear_backward_weights(e, b(0), b(1), b(2), some(3), some(5), k, n, m, t, g);
        }
        F::BinarizeWeights => {
            let p: BinarizeParams = o.params();
            let grouping = o.case.shape.grouping;
            dispatch_binarize_weights(e, b(0), b(1), b(2), p.input_size, p.output_size, grouping, t, g);
        }
        F::QuantizeActivations => {
            let p: QuantizeActivationsParams = o.params();
            dispatch_quantize_activations(e, b(0), b(1), b(2), some(4), p.input_size, p.batch_size, t, g);
        }
        F::QuantizeWeights1Bit => {
            let p: WeightGroupParams = o.params();
            let (k, n, size) = (p.input_size, p.output_size, p.group_size);
            dispatch_quantize_weights_1bit(e, b(0), b(1), b(2), k, n, size, t, g);
        }
        F::DequantizeWeights1Bit => {
            let p: WeightGroupParams = o.params();
            let (k, n, size) = (p.input_size, p.output_size, p.group_size);
            dispatch_dequantize_weights_1bit(e, b(0), b(1), b(2), k, n, size, t, g);
        }
        F::QuantizeActivations8Bit => {
            let p: ActivationGroupParams = o.params();
            let (k, m, size) = (p.input_size, p.batch_size, p.group_size);
            dispatch_quantize_activations_8bit(e, b(0), b(1), b(2), b(3), k, m, size, t, g);
        }
        F::DequantizeActivations8Bit => {
            let p: ActivationGroupParams = o.params();
            let (k, m, size) = (p.input_size, p.batch_size, p.group_size);
            dispatch_dequantize_activations_8bit(e, b(0), b(1), b(2), b(3), k, m, size, t, g);
        }
        F::DynamicQuantizeRanges => dispatch_dynamic_quantize_ranges(e, b(0), b(5), count(o), t, g),
        F::DynamicQuantizeActivations => {
            dispatch_dynamic_quantize_activations(e, b(0), b(1), b(2), b(3), b(5), count(o), t, g);
        }
        F::QuantizeGradients => {
            let p: GradientGroupParams = o.params();
            let seed = (p.stochastic != 0).then(|| u64::from(p.seed_high) << 32 | u64::from(p.seed_low));
            let (k, m, size) = (p.input_size, p.batch_size, p.group_size);
            dispatch_quantize_gradients(e, b(0), b(1), b(2), k, m, size, seed, t, g);
        }
        F::MixedPrecisionMatmul => {
            let sizes: MixedPrecisionParams = o.params();
            let [q, weights, scales, output] = [0, 1, 2, 5].map(b);
            dispatch_mixed_precision_matmul(
                e,
                q,
                weights,
                scales,
                some(3),
                some(4),
                output,
                some(7),
                &sizes,
                t,
                g,
            );
        }
        F::ReluForward => dispatch_relu_forward(e, b(0), b(1), count(o), t, g),
        F::ReluBackward => dispatch_relu_backward(e, b(0), b(1), b(2), count(o), t, g),
        F::ReluSquaredForward => dispatch_relu_squared_forward(e, b(0), b(1), count(o), t, g),
        F::ReluSquaredBackward => dispatch_relu_squared_backward(e, b(0), b(1), b(2), count(o), t, g),
        F::GeluForward => dispatch_gelu_forward(e, b(0), b(1), count(o), t, g),
        F::GeluBackward => dispatch_gelu_backward(e, b(0), b(1), b(2), count(o), t, g),
        F::GeluTanhForward => dispatch_gelu_tanh_forward(e, b(0), b(1), count(o), t, g),
        F::GeluTanhBackward => dispatch_gelu_tanh_backward(e, b(0), b(1), b(2), count(o), t, g),
        F::SwishForward => dispatch_swish_forward(e, b(0), b(1), count(o), t, g),
        F::SwishBackward => dispatch_swish_backward(e, b(0), b(1), b(2), count(o), t, g),
        F::SigmoidForward => dispatch_sigmoid_forward(e, b(0), b(1), count(o), t, g),
        F::SigmoidBackward => dispatch_sigmoid_backward(e, b(0), b(1), b(2), count(o), t, g),
        F::TanhForward => dispatch_tanh_forward(e, b(0), b(1), count(o), t, g),
        F::TanhBackward => dispatch_tanh_backward(e, b(0), b(1), b(2), count(o), t, g),
        F::LeakyReluForward => {
            let slope = o.params::<LeakyReluParams>().slope;
            dispatch_leaky_relu_forward(e, b(0), b(1), count(o), slope, t, g);
        }
        F::LeakyReluBackward => {
            let slope = o.params::<LeakyReluParams>().slope;
            dispatch_leaky_relu_backward(e, b(0), b(1), b(2), count(o), slope, t, g);
        }
        F::FusedReluDropout => {
            let p: DropoutParams = o.params();
            let seed = u64::from(p.seed_high) << 32 | u64::from(p.seed_low);
            dispatch_fused_relu_dropout(e, b(0), b(1), some(3), p.count, p.probability, seed, t, g);
        }
        F::FusedReluDropoutBackward => {
            let p: DropoutParams = o.params();
            dispatch_fused_relu_dropout_backward(e, b(0), b(1), b(2), p.count, p.probability, t, g);
        }
        F::LayerNormForward => {
            let p: LayerNormParams = o.params();
            let (k, m, epsilon) = (p.size, p.rows, p.epsilon);
            dispatch_layer_norm_forward(e, b(0), b(1), b(2), b(3), b(5), b(6), k, m, epsilon, t, g);
        }
        F::LayerNormBackward => {
            let p: LayerNormParams = o.params();
            let (k, m, epsilon) = (p.size, p.rows, p.epsilon);
            let [dy, x, gamma, mean, rstd, dx, dgamma, dbeta] = [0, 1, 2, 3, 4, 5, 6, 7].map(b);
            dispatch_layer_norm_backward(e, dy, x, gamma, mean, rstd, dx, dgamma, dbeta, k, m, epsilon, t, g);
        }
        F::RmsNormForward => {
            let p: RmsNormParams = o.params();
            dispatch_rms_norm_forward(e, b(0), b(1), b(2), b(4), p.size, p.rows, p.epsilon, t, g);
        }
        F::RmsNormBackward => {
            let p: RmsNormParams = o.params();
            let [dy, x, gamma, rstd, dx, dgamma] = [0, 1, 2, 3, 4, 5].map(b);
            dispatch_rms_norm_backward(e, dy, x, gamma, rstd, dx, dgamma, p.size, p.rows, p.epsilon, t, g);
        }
        F::SoftmaxBackward => {
            let p: SoftmaxParams = o.params();
            dispatch_softmax_backward(e, b(0), b(1), b(2), p.size, p.rows, t, g);
        }
        F::SoftmaxForward => {
            let p: SoftmaxParams = o.params();
            dispatch_softmax_forward(e, b(0), b(1), p.size, p.rows, t, g);
        }
        F::CrossEntropyForward => {
            let p: CrossEntropyParams = o.params();
            dispatch_cross_entropy_forward(e, b(0), b(1), b(2), p.classes, p.rows, t, g);
        }
        F::CrossEntropyBackward => {
            let p: CrossEntropyParams = o.params();
            dispatch_cross_entropy_backward(e, b(0), b(1), b(2), p.classes, p.rows, p.scale, t, g);
        }
        F::SgdStep => dispatch_sgd_step(e, b(0), b(1), some(2), &o.params(), t, g),
        F::AdamWStep => dispatch_adamw_step(e, b(0), b(1), b(2), b(3), &o.params(), t, g),
    }
}

/// Elements of a kernel that is told no more, in so many words.
fn count(operands: &Operands<'_>) -> u32 {
    operands.case.shape.inputs() as u32
}

#[test]
fn every_helper_gives_what_the_reference_says() {
    with_shaders(|shaders| {
        for row in TABLE {
            let mut ran = 0;
            for case in all_cases(shaders.device(), row) {
                let Some(buffers) = buffers(shaders.device(), row, &case) else { continue };
                let operands = Operands { shaders, case: &case, buffers: &buffers };
                let result =
                    record(shaders, row, &case, |function, encoder| dispatch(function, encoder, &operands));
                assert_eq!(
                    result.map_err(|error| error.to_string()),
                    Ok(()),
                    "{} ({})",
                    row.name,
                    case.label
                );
                check(row, &case, &outputs(row, &case, &buffers));
                ran += 1;
            }
            assert!(ran >= 3, "{}: only {ran} cases have buffers", row.name);
        }
    });
}

/// What a misuse of the helper for `relu_forward` with buffers of these lengths, in floats, is refused with.
fn refusal(
    shaders: &BitNetShaders,
    opened_for: F,
    lengths: [usize; 2],
    count: u32,
    threads: MTLSize,
) -> String {
    let row: &KernelRow = opened_for.row();
    let case = (row.cases)().remove(0);
    let buffer = |length| create_buffer(shaders.device(), &vec![1.0f32; length]).expect("there is memory");
    let [input, output] = lengths.map(buffer);
    let result = record(shaders, row, &case, |_, encoder| {
        dispatch_relu_forward(encoder, &input, &output, count, threads, MTLSize::new(32, 1, 1));
        assert!(encoder.error().is_some(), "the encoder keeps it");
    });
    assert!(read_buffer::<f32>(&output).expect("floats").iter().all(|&x| x == 1.0), "nothing ran");
    result.expect_err("it surfaces").to_string()
}

#[test]
fn misuse_is_kept_by_the_encoder_and_surfaces_at_the_wait() {
    with_shaders(|shaders| {
        let line = MTLSize::new(32, 1, 1);
        assert_eq!(
            refusal(shaders, F::ReluForward, [8, 7], 8, line),
            "dispatch_relu_forward: parameter 1 ('output') has 7 elements, but needs 8"
        );
        assert_eq!(
            refusal(shaders, F::ReluBackward, [8, 8], 8, line),
            "dispatch_relu_forward: the encoder's pipeline is the kernel 'relu_backward', not 'relu_forward'"
        );
        assert_eq!(
            refusal(shaders, F::ReluForward, [8, 8], 8, MTLSize::new(8, 4, 1)),
            "dispatch_relu_forward: a grid of 8×4×1 threads has more than one dimension"
        );
        assert_eq!(
            refusal(shaders, F::ReluForward, [8, 8], 8, MTLSize::new(1 << 25, 1, 1)),
            "dispatch_relu_forward: a grid of 33554432 threads has more than 16777216"
        );
    });
}

#[test]
fn encoders_of_a_shader_are_for_its_kernels() {
    with_shaders(|shaders| {
        let command_buffer = shaders.device().new_command_queue().new_command_buffer();
        let encoder = create_activation_encoder(shaders, &command_buffer, F::ReluForward).expect("it is one");
        encoder.end_encoding();
        let encoder = create_quantization_encoder(shaders, &command_buffer, F::QuantizeWeights1Bit);
        encoder.expect("it is one").end_encoding();
        let error = create_activation_encoder(shaders, &command_buffer, F::BinarizeWeights);
        let text = error.expect_err("it is in another shader").to_string();
        let start = "Function 'binarize_weights' not found in shader 'activation' (available: adamw_step, ";
        assert!(text.starts_with(start), "{text}");
        let error = create_quantization_encoder(shaders, &command_buffer, F::QuantizeActivations);
        let text = error.expect_err("it is in another shader").to_string();
        assert!(text.contains("dequantize_weights_1bit"), "{text}");
    });
}

#[test]
fn encoders_of_kernels_have_their_pipelines() {
    with_shaders(|shaders| {
        type Create = fn(&BitNetShaders, &CommandBuffer) -> Result<ComputeCommandEncoder, MetalError>;
        let creates: [(F, Create); 5] = [
            (F::BitLinearForward, create_bitlinear_forward_encoder),
            (F::BitLinearBackwardInput, create_bitlinear_backward_input_encoder),
            (F::BitLinearBackwardWeights, create_bitlinear_backward_weights_encoder),
            (F::BinarizeWeights, create_binarize_weights_encoder),
            (F::QuantizeActivations, create_quantize_activations_encoder),
        ];
        for (function, create) in creates {
            let command_buffer = shaders.device().new_command_queue().new_command_buffer();
            let encoder = create(shaders, &command_buffer).expect("it compiles");
            let line = MTLSize::new(32, 1, 1);
            encoder.dispatch_threads(line, line);
            // Nothing is bound: the kernel is named in the refusal.
            let text = encoder.error().expect("refused").to_string();
            assert!(text.starts_with(&format!("kernel '{}': buffer 0 ", function.name())), "{text}");
        }
    });
}

//! Operations on tensors: every kernel has one, and it gives what the reference says; what does not fit is refused
//! with both shapes.

use super::check;
use super::support::{all_cases, name, with_shaders_as};
use bitnet_core::metal::BitNetShaderFunction as F;
use bitnet_core::metal::kernels::case::Data;
use bitnet_core::metal::kernels::params::*;
use bitnet_core::metal::kernels::{Case, TABLE};
use bitnet_core::metal::ops::*;
use bitnet_core::metal::testing::name_of;
use bitnet_core::metal::*;
use half::f16;

/// Runs a test with the operations of each device.
fn with_ops<F: Fn(&Ops)>(test: F) {
    with_shaders_as(name_of::<F>(), |shaders| test(&Ops::with_shaders(shaders.clone())));
}

/// A case's operands as tensors.
struct Operands<'a> {
    ops: &'a Ops,
    case: &'a Case,
}

impl Operands<'_> {
    fn params<P: KernelParams>(&self) -> P {
        P::from_bytes(&self.case.params)
    }

    fn get(&self, index: u32, dims: &[usize]) -> Result<Tensor, MetalError> {
        match self.case.data(index).expect("the case uses it") {
            Data::F32(values) => self.ops.tensor(values, dims),
            Data::F16(values) => self.ops.tensor(values, dims),
            Data::U32(values) => self.ops.tensor(values, dims),
            Data::I8(values) => self.ops.tensor(values, dims),
            Data::U8(values) => self.ops.tensor(values, dims),
        }
    }

    fn some(&self, index: u32, dims: &[usize]) -> Result<Option<Tensor>, MetalError> {
        self.case.data(index).map(|_| self.get(index, dims)).transpose()
    }

    /// 8-bit values at one index, scales and zero points at others. Without zero points they are signed, whatever
    /// the type that the row has for the bytes.
    fn quantized(&self, values: u32, scales: u32, zero_points: u32) -> Result<Quantized, MetalError> {
        let (shape, grouping) = (&self.case.shape, self.case.shape.activation_grouping);
        let (rows, columns) = (shape.batch as usize, shape.input as usize);
        let groups = match grouping {
            Grouping::Tensor => Vec::new(),
            grouping => vec![rows, grouping.of_row(shape.input) as usize],
        };
        let zero_points = self.some(zero_points, &groups)?;
        let values = match self.case.data(values) {
            Some(Data::U8(bytes)) if zero_points.is_none() => {
                self.ops.tensor::<i8>(bytemuck::cast_slice(bytes), [rows, columns])?
            }
            _ => self.get(values, &[rows, columns])?,
        };
        Ok(Quantized { values, scales: self.get(scales, &groups)?, zero_points, grouping })
    }

    /// Packed weights at one index, scales at another.
    fn weights(&self, words: u32, scales: u32) -> Result<PackedWeights, MetalError> {
        let shape = &self.case.shape;
        let (rows, columns) = (shape.output as usize, shape.input as usize);
        let words = self.get(words, &[rows, columns.div_ceil(32)])?;
        let scales = self.some(scales, &[rows, shape.groups() as usize])?;
        PackedWeights::new(words, columns, scales, shape.grouping)
    }
}

fn data(tensor: &Tensor) -> Result<Data, MetalError> {
    Ok(match tensor.data_type() {
        DataType::F32 => Data::F32(tensor.to_vec()?),
        DataType::F16 => Data::F16(tensor.to_vec()?),
        DataType::U32 => Data::U32(tensor.to_vec()?),
        DataType::I8 => Data::I8(tensor.to_vec()?),
        DataType::U8 => Data::U8(tensor.to_vec()?),
    })
}

/// Results by index of the row.
type Outputs = Vec<(u32, Data)>;

/// What the operation of each kernel gives for a case.
fn run(function: F, o: &Operands<'_>) -> Result<Outputs, MetalError> {
    let ops = o.ops;
    let shape = &o.case.shape;
    let [m, k, n] = [shape.batch, shape.input, shape.output].map(|size| size as usize);
    let elements = [m * k];
    let forward = |op: &dyn Fn(&Ops, &Tensor) -> Result<Tensor, MetalError>| -> Result<Outputs, MetalError> {
        Ok(vec![(1, data(&op(ops, &o.get(0, &elements)?)?)?)])
    };
    type Backward<'a> = &'a dyn Fn(&Ops, &Tensor, &Tensor) -> Result<Tensor, MetalError>;
    let backward = |op: Backward<'_>| -> Result<Outputs, MetalError> {
        Ok(vec![(2, data(&op(ops, &o.get(0, &elements)?, &o.get(1, &elements)?)?)?)])
    };
    Ok(match function {
        F::BitLinearForward => {
            let bias = o.some(2, &[n])?;
            let output = ops.bitlinear_forward(&o.get(0, &[m, k])?, &o.weights(1, 5)?, bias.as_ref())?;
            vec![(3, data(&output)?)]
        }
        F::BitLinearBackwardInput => {
            vec![(2, data(&ops.bitlinear_backward_input(&o.get(0, &[m, n])?, &o.weights(1, 4)?)?)?)]
        }
        F::BitLinearBackwardWeights => {
            let latent = o.some(5, &[n, k])?;
            let bias = o.params::<BitLinearGradParams>().has_bias != 0;
            let wanted = WeightGradient { bias, clip_latent: latent.as_ref() };
            let gradients =
                ops.bitlinear_backward_weights(&o.get(0, &[m, n])?, &o.get(1, &[m, k])?, wanted)?;
            assert_eq!(gradients.bias.is_some(), bias);
            let bias = gradients.bias.as_ref().map(data).transpose()?;
            [(2, data(&gradients.weights)?)].into_iter().chain(bias.map(|bias| (3, bias))).collect()
        }
        F::BinarizeWeights => packed(&ops.binarize_weights(&o.get(0, &[n, k])?, shape.grouping)?)?,
        F::QuantizeActivations => {
            let input = o.get(0, &[m, k])?;
            if o.params::<QuantizeActivationsParams>().write_dequantized == 0 {
                quantized(&ops.quantize_activations(&input)?)?
            } else {
                let (rows, dequantized) = ops.quantize_and_dequantize_activations(&input)?;
                quantized(&rows)?.into_iter().chain([(4, data(&dequantized)?)]).collect()
            }
        }
        F::QuantizeWeights1Bit => packed(&ops.quantize_weights_1bit(&o.get(0, &[n, k])?, shape.grouping)?)?,
        F::DequantizeWeights1Bit => vec![(2, data(&ops.dequantize_weights_1bit(&o.weights(0, 1)?)?)?)],
        F::QuantizeActivations8Bit => {
            quantized(&ops.quantize_activations_8bit(&o.get(0, &[m, k])?, shape.activation_grouping)?)?
        }
        F::DequantizeActivations8Bit => {
            let quantized = o.quantized(0, 1, 2)?;
            vec![(3, data(&ops.dequantize_activations_8bit(&quantized, o.case.precision)?)?)]
        }
        F::DynamicQuantizeRanges => vec![(5, data(&ops.dynamic_quantize_ranges(&o.get(0, &elements)?)?)?)],
        F::DynamicQuantizeActivations => {
            quantized(&ops.dynamic_quantize_activations(&o.get(0, &elements)?)?)?
        }
        F::QuantizeGradients => {
            let p: GradientGroupParams = o.params();
            let seed = u64::from(p.seed_high) << 32 | u64::from(p.seed_low);
            let rounding = if p.stochastic == 0 { Rounding::Nearest } else { Rounding::Stochastic { seed } };
            quantized(&ops.quantize_gradients(&o.get(0, &[m, k])?, shape.activation_grouping, rounding)?)?
        }
        F::MixedPrecisionMatmul => {
            let bias = o.some(4, &[n])?;
            let (activations, weights) = (o.quantized(0, 2, 3)?, o.weights(1, 7)?);
            let precision = o.case.precision;
            vec![(5, data(&ops.mixed_precision_matmul(&activations, &weights, bias.as_ref(), precision)?)?)]
        }
        F::ReluForward => forward(&Ops::relu_forward)?,
        F::ReluBackward => backward(&Ops::relu_backward)?,
        F::ReluSquaredForward => forward(&Ops::relu_squared_forward)?,
        F::ReluSquaredBackward => backward(&Ops::relu_squared_backward)?,
        F::GeluForward => forward(&Ops::gelu_forward)?,
        F::GeluBackward => backward(&Ops::gelu_backward)?,
        F::GeluTanhForward => forward(&Ops::gelu_tanh_forward)?,
        F::GeluTanhBackward => backward(&Ops::gelu_tanh_backward)?,
        F::SwishForward => forward(&Ops::swish_forward)?,
        F::SwishBackward => backward(&Ops::swish_backward)?,
        F::SigmoidForward => forward(&Ops::sigmoid_forward)?,
        F::SigmoidBackward => backward(&Ops::sigmoid_backward)?,
        F::TanhForward => forward(&Ops::tanh_forward)?,
        F::TanhBackward => backward(&Ops::tanh_backward)?,
        F::LeakyReluForward => {
            let slope = o.params::<LeakyReluParams>().slope;
            forward(&move |ops, input| ops.leaky_relu_forward(input, slope))?
        }
        F::LeakyReluBackward => {
            let slope = o.params::<LeakyReluParams>().slope;
            backward(&move |ops, grad_output, input| ops.leaky_relu_backward(grad_output, input, slope))?
        }
        F::FusedReluDropout => {
            let p: DropoutParams = o.params();
            let seed = u64::from(p.seed_high) << 32 | u64::from(p.seed_low);
            let (output, mask) = ops.fused_relu_dropout(&o.get(0, &elements)?, p.probability, seed)?;
            vec![(1, data(&output)?), (3, data(&mask)?)]
        }
        F::FusedReluDropoutBackward => {
            let mask = o.get(1, &[elements[0].div_ceil(32)])?;
            let probability = o.params::<DropoutParams>().probability;
            let gradient = ops.fused_relu_dropout_backward(&o.get(0, &elements)?, &mask, probability)?;
            vec![(2, data(&gradient)?)]
        }
        F::LayerNormForward => {
            let epsilon = o.params::<LayerNormParams>().epsilon;
            let (gamma, beta) = (o.get(1, &[k])?, o.get(2, &[k])?);
            let norm = ops.layer_norm_forward(&o.get(0, &[m, k])?, &gamma, &beta, epsilon)?;
            vec![(3, data(&norm.output)?), (5, data(&norm.mean)?), (6, data(&norm.rstd)?)]
        }
        F::LayerNormBackward => {
            let (grad_output, input, gamma) = (o.get(0, &[m, k])?, o.get(1, &[m, k])?, o.get(2, &[k])?);
            let (mean, rstd) = (o.get(3, &[m])?, o.get(4, &[m])?);
            let gradients = ops.layer_norm_backward(&grad_output, &input, &gamma, &mean, &rstd)?;
            vec![(5, data(&gradients.input)?), (6, data(&gradients.gamma)?), (7, data(&gradients.beta)?)]
        }
        F::RmsNormForward => {
            let epsilon = o.params::<RmsNormParams>().epsilon;
            let norm = ops.rms_norm_forward(&o.get(0, &[m, k])?, &o.get(1, &[k])?, epsilon)?;
            vec![(2, data(&norm.output)?), (4, data(&norm.rstd)?)]
        }
        F::RmsNormBackward => {
            let (grad_output, input) = (o.get(0, &[m, k])?, o.get(1, &[m, k])?);
            let gradients =
                ops.rms_norm_backward(&grad_output, &input, &o.get(2, &[k])?, &o.get(3, &[m])?)?;
            vec![(4, data(&gradients.input)?), (5, data(&gradients.gamma)?)]
        }
        F::SoftmaxBackward => {
            vec![(2, data(&ops.softmax_backward(&o.get(0, &[m, k])?, &o.get(1, &[m, k])?)?)?)]
        }
        F::SoftmaxForward => vec![(1, data(&ops.softmax_forward(&o.get(0, &[m, k])?)?)?)],
        F::CrossEntropyForward => {
            vec![(2, data(&ops.cross_entropy_forward(&o.get(0, &[m, k])?, &o.get(1, &[m])?)?)?)]
        }
        F::CrossEntropyBackward => {
            let scale = o.params::<CrossEntropyParams>().scale;
            let gradient = ops.cross_entropy_backward(&o.get(0, &[m, k])?, &o.get(1, &[m])?, scale)?;
            vec![(2, data(&gradient)?)]
        }
        F::SgdStep => {
            let p: SgdParams = o.params();
            let mut parameters = o.get(0, &elements)?;
            let sum = o.some(2, &elements)?;
            let mut momentum = sum.map(|sum| Momentum { sum, steps: u32::from(p.first_step == 0) });
            let settings = Sgd {
                learning_rate: p.learning_rate,
                momentum: p.momentum,
                dampening: p.dampening,
                weight_decay: p.weight_decay,
                nesterov: p.nesterov != 0,
            };
            ops.sgd_step(&mut parameters, &o.get(1, &elements)?, momentum.as_mut(), &settings)?;
            let sum = momentum.as_ref().map(|momentum| data(&momentum.sum)).transpose()?;
            let parameters = [(0, data(&parameters)?)];
            parameters.into_iter().chain(sum.map(|sum| (2, sum))).collect()
        }
        F::AdamWStep => {
            let (settings, step) = settings_and_step(&o.params());
            let mut parameters = o.get(0, &elements)?;
            let (first, second) = (o.get(2, &elements)?, o.get(3, &elements)?);
            let mut moments = Moments { first, second, steps: step - 1 };
            ops.adamw_step(&mut parameters, &o.get(1, &elements)?, &mut moments, &settings)?;
            assert_eq!(moments.steps, step);
            vec![(0, data(&parameters)?), (2, data(&moments.first)?), (3, data(&moments.second)?)]
        }
    })
}

fn quantized(quantized: &Quantized) -> Result<Outputs, MetalError> {
    let zero_points = quantized.zero_points.as_ref().map(data).transpose()?;
    let values = [(1, data(&quantized.values)?), (2, data(&quantized.scales)?)];
    Ok(values.into_iter().chain(zero_points.map(|zero_points| (3, zero_points))).collect())
}

fn packed(weights: &PackedWeights) -> Result<Outputs, MetalError> {
    Ok(vec![(1, data(weights.words())?), (2, data(weights.scales().expect("it has made them"))?)])
}

/// The settings of a case of `adamw_step`, and its step, which the first bias correction tells.
fn settings_and_step(p: &AdamWParams) -> (AdamW, u32) {
    let &AdamWParams { learning_rate, beta1, beta2, epsilon, weight_decay, bias_correction1, .. } = p;
    let step = (1.0 - bias_correction1).ln() / beta1.ln();
    (AdamW { learning_rate, beta1, beta2, epsilon, weight_decay }, step.round() as u32)
}

#[test]
fn every_operation_gives_what_the_reference_says() {
    with_ops(|ops| {
        for row in TABLE {
            for mut case in all_cases(ops.device(), row) {
                if row.function == F::AdamWStep {
                    // The operation computes the bias corrections more exactly than the case has them.
                    let p = AdamWParams::from_bytes(&case.params);
                    let (settings, step) = settings_and_step(&p);
                    case.params = bytemuck::bytes_of(&settings.params(p.count, step)).to_vec();
                }
                let outputs = run(row.function, &Operands { ops, case: &case });
                let outputs = outputs.unwrap_or_else(|error| panic!("{}: {error}", name(row, &case)));
                check(row, &case, &outputs);
            }
        }
    });
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, MetalError>, expect: &str) {
    assert_eq!(result.expect_err(expect).to_string(), expect);
}

#[test]
fn operands_that_do_not_fit_are_named_with_both_shapes() {
    with_ops(|ops| {
        let tensor = |dims: &[usize]| ops.tensor(&vec![0.5f32; dims.iter().product()], dims).expect("small");
        let words = ops.tensor(&[1u32; 6], [3, 2]).expect("small");
        let weights = PackedWeights::new(words, 40, None, Grouping::Row).expect("40 columns are 2 words");

        let bias = tensor(&[2]);
        refused(
            ops.bitlinear_forward(&tensor(&[2, 41]), &weights, None),
            "bitlinear_forward: 'input' is f32 [2, 41], but f32 [2, 40] is needed",
        );
        refused(
            ops.bitlinear_forward(&tensor(&[2, 40]), &weights, Some(&bias)),
            "bitlinear_forward: 'bias' is f32 [2], but f32 [3] is needed",
        );
        refused(
            ops.relu_backward(&tensor(&[2, 3]), &tensor(&[3, 2])),
            "relu_backward: 'input' is f32 [3, 2], but f32 [2, 3] is needed",
        );
        refused(
            ops.relu_forward(&ops.tensor(&[1u32; 4], [4]).expect("small")),
            "relu_forward: 'input' is u32 [4], but f32 [4] is needed",
        );
        refused(
            ops.binarize_weights(&tensor(&[4]), Grouping::Row),
            "binarize_weights: 'latent' is f32 [4], but f32 [1, 4] is needed",
        );
        refused(
            ops.cross_entropy_forward(&tensor(&[2, 3]), &ops.tensor(&[0u32; 3], [3]).expect("small")),
            "cross_entropy_forward: 'labels' is u32 [3], but u32 [2] is needed",
        );
        refused(
            ops.dequantize_weights_1bit(&weights),
            "dequantize_weights_1bit: 'scales' is absent, but f32 [3, 1] is needed",
        );
        refused(
            ops.quantize_weights_1bit(&tensor(&[2, 3]), Grouping::Tensor),
            "quantize_weights_1bit: 'grouping' is the whole tensor, but rows or columns is needed",
        );
        refused(
            ops.binarize_weights(&tensor(&[2, 64]), Grouping::Columns(5)),
            "kernel 'binarize_weights': BinarizeParams has a group_size that is not a multiple of 32",
        );
        let half = ops.tensor(&[f16::ONE; 6], [2, 3]).expect("small");
        refused(
            ops.relu_backward(&half, &tensor(&[2, 3])),
            "relu_backward: 'input' is f32 [2, 3], but f16 [2, 3] is needed",
        );
    });
}

#[test]
fn quantised_operands_that_do_not_fit_are_named() {
    with_ops(|ops| {
        let input = ops.tensor(&[0.5f32; 128], [2, 64]).expect("small");
        let signed = ops.quantize_activations(&input).expect("it runs");
        refused(
            ops.dequantize_activations_8bit(&signed, Precision::Single),
            "dequantize_activations_8bit: 'quantized' is i8 [2, 64], but u8 [2, 64] is needed",
        );
        let unsigned = ops.quantize_activations_8bit(&input, Grouping::Columns(32)).expect("it runs");
        let latent = ops.tensor(&[0.5f32; 192], [3, 64]).expect("small");
        let weights = ops.quantize_weights_1bit(&latent, Grouping::Columns(64)).expect("it runs");
        refused(
            ops.mixed_precision_matmul(&unsigned, &weights, None, Precision::Single),
            "mixed_precision_matmul: 'activations' is in groups of 32 columns, but 64 columns, as of weights, is needed",
        );
        let without = Quantized { zero_points: None, ..unsigned };
        refused(
            ops.mixed_precision_matmul(&without, &weights, None, Precision::Single),
            "mixed_precision_matmul: 'activations' is u8 [2, 64], but i8 [2, 64] is needed",
        );
        refused(
            ops.dequantize_activations_8bit(&without, Precision::Half),
            "dequantize_activations_8bit: 'zero_points' is absent, but u8 [2, 2] is needed",
        );
    });
}

#[test]
fn a_momentum_that_the_settings_keep_is_needed() {
    with_ops(|ops| {
        let tensor = || ops.tensor(&[1.0f32, 2.0], [2]).expect("small");
        let settings = Sgd { learning_rate: 0.5, momentum: 0.5, ..Sgd::default() };
        refused(
            ops.sgd_step(&mut tensor(), &tensor(), None, &settings),
            "sgd_step: 'momentum' is absent, but f32 [2] is needed",
        );
        let mut parameters = tensor();
        let mut momentum = Momentum::new(ops.device(), &[2]).expect("small");
        for (step, expect) in [(1, [0.5, 1.0]), (2, [-0.25, -0.5])] {
            ops.sgd_step(&mut parameters, &tensor(), Some(&mut momentum), &settings).expect("it runs");
            assert_eq!(
                (momentum.steps, parameters.to_vec::<f32>().expect("floats")),
                (step, expect.to_vec())
            );
        }
    });
}

#[test]
fn a_tensor_that_is_one_group_goes_there_and_back() {
    with_ops(|ops| {
        let input = ops.tensor(&[-1.0f32, 0.0, 2.0, 4.1], [2, 1, 2]).expect("small");
        let quantized = ops.quantize_activations_8bit(&input, Grouping::Tensor).expect("it runs");
        assert_eq!((quantized.scales.dims(), quantized.grouping), ([].as_slice(), Grouping::Tensor));
        assert_eq!(quantized.values.to_vec::<u8>().expect("bytes"), [0, 50, 150, 255]);
        let back = ops.dequantize_activations_8bit(&quantized, Precision::Single).expect("it runs");
        assert_eq!(back.dims(), [2, 1, 2]);
        for (x, y) in back.to_vec::<f32>().expect("floats").iter().zip([-1.0, 0.0, 2.0, 4.1]) {
            assert!((x - y).abs() < 1e-6, "{x} for {y}");
        }
        let gradients = ops.quantize_gradients(&input, Grouping::Tensor, Rounding::Nearest).expect("it runs");
        assert_eq!(gradients.values.to_vec::<i8>().expect("bytes"), [-31, 0, 62, 127]);
        assert_eq!((gradients.values.dims(), gradients.scales.dims()), ([2, 1, 2].as_slice(), [].as_slice()));
    });
}

#[test]
fn packed_weights_are_checked_when_they_are_made() {
    with_ops(|ops| {
        let words = |dims: [usize; 2]| ops.tensor(&vec![1u32; dims[0] * dims[1]], dims).expect("small");
        let scales =
            |dims: [usize; 2]| Some(ops.tensor(&vec![1f32; dims[0] * dims[1]], dims).expect("small"));
        let new = PackedWeights::new;
        refused(
            new(words([3, 2]), 65, None, Grouping::Row),
            "PackedWeights::new: 'words' is u32 [3, 2], but u32 [3, 3] is needed",
        );
        refused(
            new(words([3, 2]), 40, scales([3, 1]), Grouping::Columns(32)),
            "PackedWeights::new: 'scales' is f32 [3, 1], but f32 [3, 2] is needed",
        );
        refused(
            new(words([3, 2]), 40, None, Grouping::Columns(0)),
            "PackedWeights::new: 'grouping' is of 0 columns, but a positive multiple of 32 is needed",
        );
        let weights = new(words([3, 2]), 40, scales([3, 2]), Grouping::Columns(32)).expect("it fits");
        assert_eq!((weights.rows(), weights.columns(), weights.grouping()), (3, 40, Grouping::Columns(32)));
    });
}

#[test]
fn tensors_keep_their_elements_and_have_as_many_as_their_dimensions_say() {
    with_ops(|ops| {
        let tensor = ops.tensor(&[1i8, -2, 3, -4, 5, -6], [3, 1, 2]).expect("small");
        assert_eq!((tensor.rows(), tensor.columns(), tensor.len(), tensor.is_empty()), (3, 2, 6, false));
        assert_eq!((tensor.data_type(), tensor.dims()), (DataType::I8, [3, 1, 2].as_slice()));
        assert_eq!(tensor.to_vec::<i8>().expect("its type"), [1, -2, 3, -4, 5, -6]);
        refused(tensor.to_vec::<u8>(), "Tensor::to_vec: 'self' is i8 [3, 1, 2], but u8 [3, 1, 2] is needed");
        let tensor = tensor.reshape([6]).expect("as many");
        assert_eq!((tensor.rows(), tensor.columns()), (1, 6));
        refused(tensor.reshape([5]), "Tensor::reshape: 'elements' is i8 [6], but i8 [5] is needed");

        let number = ops.tensor(&[2.5f32], []).expect("one number");
        assert_eq!((number.rows(), number.columns(), number.len()), (1, 1, 1));
        let none = ops.tensor::<f32>(&[], [7, 0]).expect("no elements");
        assert_eq!((none.rows(), none.columns(), none.is_empty()), (7, 0, true));
        assert!(none.buffer().is_none());
        assert_eq!(none.to_vec::<f32>().expect("none"), Vec::<f32>::new());
        refused(
            ops.tensor(&[1.0f32], [usize::MAX, 2]),
            &format!("Tensor::from_slice: 'elements' is f32 [1], but f32 [{}, 2] is needed", usize::MAX),
        );
        let limit = ops.device().max_buffer_length();
        let huge = Tensor::zeros(ops.device(), DataType::F32, [usize::MAX, 2]);
        refused(
            huge,
            &format!(
                "a buffer of {} bytes is longer than the {limit} bytes that the device allows",
                u64::MAX
            ),
        );

        let buffer = create_buffer(ops.device(), &[1.0f32, 2.0]).expect("small");
        let view = Tensor::from_buffer(buffer.clone(), DataType::F32, [2, 1]).expect("it fits");
        write_buffer(&buffer, 4, &[9.0f32]).expect("it lies within");
        assert_eq!(view.to_vec::<f32>().expect("its type"), [1.0, 9.0]);
        refused(
            Tensor::from_buffer(buffer.clone(), DataType::F16, [3]),
            "Tensor::from_buffer: 'elements' is f16 [4], but f16 [3] is needed",
        );
        let odd = create_buffer(ops.device(), &[1u8; 3]).expect("small");
        refused(
            Tensor::from_buffer(odd, DataType::F16, [1]),
            "a buffer of 3 bytes does not hold a whole number of elements of 2 bytes",
        );
    });
}

#[test]
fn leading_dimensions_are_rows() {
    with_ops(|ops| {
        let input = ops.tensor(&[1.0f32, 1.0, 5.0, 5.0, -2.0, -2.0], [3, 1, 2]).expect("small");
        let output = ops.softmax_forward(&input).expect("it runs");
        assert_eq!(
            (output.dims(), output.to_vec::<f32>().expect("floats")),
            ([3, 1, 2].as_slice(), vec![0.5; 6])
        );
        let rows = ops.quantize_activations(&input).expect("it runs");
        assert_eq!((rows.values.dims(), rows.scales.dims()), ([3, 1, 2].as_slice(), [3, 1, 1].as_slice()));
    });
}

#[test]
fn tensors_of_another_device_are_refused() {
    with_ops(|ops| {
        let other = Device::host(HostOptions::default());
        let tensor = Tensor::from_slice(&other, &[1.0f32], [1]).expect("small");
        refused(ops.relu_forward(&tensor), "set_buffer: the buffer belongs to another device");
    });
}

#[test]
fn operations_may_be_called_from_many_threads() {
    with_ops(|ops| {
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let ops = ops.clone();
                scope.spawn(move || {
                    for step in 0..20 {
                        let value = (thread * 100 + step) as f32;
                        let input = ops.tensor(&[value, -value], [2]).expect("small");
                        let output = ops.relu_forward(&input).expect("it runs");
                        assert_eq!(output.to_vec::<f32>().expect("floats"), [value, 0.0]);
                    }
                });
            }
        });
    });
}

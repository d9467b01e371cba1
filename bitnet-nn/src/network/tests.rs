//! The device's network against the plain double-precision one.

use bitnet_core::metal::testing::on_each_device;
use bitnet_core::metal::{Device, HostOptions};

use super::reference::{self, Options};
use super::*;
use crate::checkpoint::{Checkpoint, LatentLayer, TensorState};
use crate::config::{TrainConfig, WeightScale};
use crate::data::{Dataset, DatasetShape};
use crate::rng::{Purpose, Stream};
use crate::schedule::{BETA1, BETA2, EPSILON, Schedule};
use crate::shape::{self, NORM_EPSILON};
use crate::train::Trainer;

/// Nothing that float32 could round otherwise lies nearer to its threshold than this. A row's largest
/// quantised value is 127 steps, known to about 10 units in the last place (127·10·2⁻²⁴ = 8e-5 steps);
/// outputs and weights are nearer to exact.
const MARGIN: f64 = 3e-4;

struct Problem {
    layers: Vec<LatentLayer>,
    images: Vec<f32>,
    labels: Vec<u32>,
    options: Options,
}

/// Sizes that are no multiples of 32, 8 or each other.
const ROWS: usize = 7;
const WIDTHS: [usize; 4] = [45, 67, 33, 5];

fn problem(seed: u64, scale: WeightScale) -> Problem {
    let stream = Stream::new(seed, Purpose::Weights, 99);
    let mut counter = 0;
    let mut draw = |low: f32, high: f32| {
        counter += 1;
        low + (high - low) * stream.uniform(counter)
    };
    let data =
        DatasetShape { name: "toy".into(), width: WIDTHS[0], height: 1, classes: WIDTHS[3], full_scale: 255 };
    let shapes = shape::layers(&data, &WIDTHS[1..3], scale).expect("a small network");
    let layers = shapes
        .into_iter()
        .map(|shape| LatentLayer {
            shape,
            latent: TensorState::start((0..shape.weights()).map(|_| draw(-0.25, 0.3)).collect()),
            bias: TensorState::start((0..shape.outputs).map(|_| draw(-0.5, 0.5)).collect()),
            gain: TensorState::start((0..shape.inputs).map(|_| draw(0.5, 1.5)).collect()),
            shift: TensorState::start((0..shape.inputs).map(|_| draw(-0.3, 0.3)).collect()),
        })
        .collect();
    let images = (0..ROWS * WIDTHS[0]).map(|_| draw(0.0, 1.0)).collect();
    let labels = (0..ROWS).map(|_| draw(0.0, WIDTHS[3] as f32) as u32).collect();
    Problem { layers, images, labels, options: options(scale) }
}

fn options(scale: WeightScale) -> Options {
    Options {
        epsilon: f64::from(NORM_EPSILON),
        per_tensor: scale == WeightScale::Tensor,
        group_size: if let WeightScale::Group(size) = scale { size as usize } else { 0 },
        identity: false,
    }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

fn widen(layers: &[LatentLayer]) -> Vec<reference::Layer> {
    let layer = |layer: &LatentLayer| reference::Layer {
        inputs: layer.shape.inputs,
        outputs: layer.shape.outputs,
        latent: wide(&layer.latent.value),
        bias: wide(&layer.bias.value),
        gain: wide(&layer.gain.value),
        shift: wide(&layer.shift.value),
    };
    layers.iter().map(layer).collect()
}

fn check_close(what: &str, found: &[f32], expect: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expect.len(), "{what}");
    let largest = expect.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    for (index, (found, expect)) in found.iter().zip(expect).enumerate() {
        let error = (f64::from(*found) - expect).abs();
        assert!(error <= tolerance * largest, "{what}[{index}]: {found}, in double precision {expect}");
    }
}

/// A gradient is what up to twelve sums of up to 72 terms in a row make of the loss: each is exact to
/// 72·2⁻²⁴ of the sum of its terms' magnitudes, which bounds the error by 12·72·2⁻²⁴ = 5e-5 of the largest
/// gradients.
const GRADIENT_TOLERANCE: f64 = 5e-5;

fn check_gradients(device: &Device, scale: WeightScale) {
    let (problem, expect) = (0..1000)
        .map(|seed| {
            let problem = problem(seed, scale);
            let layers = widen(&problem.layers);
            let pass = reference::pass(&layers, problem.options, &wide(&problem.images), &problem.labels);
            (problem, pass)
        })
        .find(|(_, pass)| pass.margin > MARGIN)
        .expect("one of a thousand problems keeps away from all thresholds");
    let gpu = Gpu::new(device).expect("the device has the built-in kernels");
    let network = TrainingNetwork::new(&gpu, &problem.layers, ROWS, 0.0).expect("small buffers");
    let images = gpu.buffer(&problem.images).expect("small");
    let labels = gpu.buffer(&problem.labels).expect("small");
    let logits = gpu.zeros(ROWS * WIDTHS[3]).expect("small");
    let losses = gpu.zeros(ROWS).expect("small");
    let input = StepInput {
        rows: ROWS,
        images: (&images).into(),
        labels: (&labels).into(),
        logits: (&logits).into(),
        losses: (&losses).into(),
        masks: Stream::new(0, Purpose::Dropout, 0),
    };
    gpu.run(|recorder| network.record_gradients(recorder, input)).expect("all kernels run");

    check_close("logits", &read::<f32>(&logits).expect("shared"), &expect.logits, 1e-5);
    check_close("losses", &read::<f32>(&losses).expect("shared"), &expect.losses, 1e-5);
    let found = network.gradients().expect("shared");
    for (index, ([latent, bias, gain, shift], expect)) in found.iter().zip(&expect.gradients).enumerate() {
        check_close(&format!("latent {index}"), latent, &expect.latent, GRADIENT_TOLERANCE);
        check_close(&format!("bias {index}"), bias, &expect.bias, GRADIENT_TOLERANCE);
        check_close(&format!("gain {index}"), gain, &expect.gain, GRADIENT_TOLERANCE);
        check_close(&format!("shift {index}"), shift, &expect.shift, GRADIENT_TOLERANCE);
    }
}

#[test]
fn gradients_agree_with_double_precision_for_one_scale_a_tensor() {
    on_each_device(|device| check_gradients(device, WeightScale::Tensor));
}

#[test]
fn gradients_agree_with_double_precision_for_one_scale_a_row() {
    on_each_device(|device| check_gradients(device, WeightScale::Row));
}

#[test]
fn gradients_agree_with_double_precision_for_one_scale_a_group() {
    on_each_device(|device| check_gradients(device, WeightScale::Group(32)));
}

/// The reference itself: with the identity in place of both roundings, its gradients are derivatives.
#[test]
fn the_reference_gradients_are_central_differences() {
    let problem = problem(3, WeightScale::Tensor);
    let options = Options { identity: true, ..problem.options };
    let layers = widen(&problem.layers);
    let images = wide(&problem.images);
    let gradients = reference::pass(&layers, options, &images, &problem.labels).gradients;
    let loss = |layers: &[reference::Layer]| {
        let losses = reference::pass(layers, options, &images, &problem.labels).losses;
        losses.iter().sum::<f64>() / losses.len() as f64
    };
    let check = |what: &str, layer: usize, expect: &[f64], at: fn(&mut reference::Layer) -> &mut Vec<f64>| {
        for (element, expect) in expect.iter().enumerate().step_by(7) {
            let moved = |by: f64| {
                let mut layers = layers.clone();
                at(&mut layers[layer])[element] += by;
                loss(&layers)
            };
            let h = 1e-6;
            let difference = (moved(h) - moved(-h)) / (2.0 * h);
            // h² of the third derivative, and 2⁻⁵² of the loss over h: both below 1e-9 here.
            assert!((difference - expect).abs() < 1e-8, "{what} {layer}[{element}]: {difference} {expect}");
        }
    };
    for (index, gradients) in gradients.iter().enumerate() {
        check("latent", index, &gradients.latent, |layer| &mut layer.latent);
        check("bias", index, &gradients.bias, |layer| &mut layer.bias);
        check("gain", index, &gradients.gain, |layer| &mut layer.gain);
        check("shift", index, &gradients.shift, |layer| &mut layer.shift);
    }
}

/// Three bands of brightness with noise, so that a few steps learn something.
fn toy_dataset() -> Dataset {
    let stream = Stream::new(5, Purpose::Split, 7);
    let levels = |rows: std::ops::Range<u64>| -> (Vec<u8>, Vec<u32>) {
        let labels: Vec<u32> = rows.clone().map(|row| (row % 3) as u32).collect();
        let level = |row: u64, pixel: u64| {
            let noise = (stream.bits(row * 100 + pixel) % 60) as u8;
            if pixel / 11 == row % 3 { 150 + noise } else { noise }
        };
        (rows.flat_map(|row| (0..33).map(move |pixel| level(row, pixel))).collect(), labels)
    };
    let shape = DatasetShape { name: "bands".into(), width: 11, height: 3, classes: 3, full_scale: 255 };
    let (train, train_labels) = levels(0..47);
    let (test, test_labels) = levels(47..60);
    Dataset::new(shape, (&train, train_labels), (&test, test_labels)).expect("labels below 3")
}

fn adamw_layer(
    layer: &mut reference::Layer,
    by: &reference::Gradients,
    moments: &mut [Vec<f64>],
    step: AdamStep,
) {
    let tensors = [
        (&mut layer.latent, &by.latent),
        (&mut layer.bias, &by.bias),
        (&mut layer.gain, &by.gain),
        (&mut layer.shift, &by.shift),
    ];
    for (index, (value, gradient)) in tensors.into_iter().enumerate() {
        let (first, second) = moments[2 * index..][..2].split_at_mut(1);
        let decay = if index == 0 { step.weight_decay } else { 0.0 };
        let by = reference::AdamW {
            learning_rate: step.learning_rate,
            beta1: f64::from(BETA1),
            beta2: f64::from(BETA2),
            epsilon: f64::from(EPSILON),
            weight_decay: decay,
            step: step.number,
        };
        reference::adamw(by, value, gradient, &mut first[0], &mut second[0]);
    }
}

#[derive(Clone, Copy)]
struct AdamStep {
    learning_rate: f64,
    weight_decay: f64,
    number: i32,
}

/// Losses of the reference trained as [`Trainer`] trains: same start, same order, same schedule.
fn reference_losses(config: &TrainConfig, data: &Dataset) -> Vec<f64> {
    let shapes = shape::layers(data.shape(), config.hidden(), config.weight_scale()).expect("small");
    let mut layers = widen(&start(&shapes, config.seed()));
    let sizes = |layer: &reference::Layer| [layer.latent.len(), layer.bias.len(), layer.inputs, layer.inputs];
    let mut moments: Vec<Vec<Vec<f64>>> = layers
        .iter()
        .map(|layer| sizes(layer).iter().flat_map(|&size| [vec![0.0; size], vec![0.0; size]]).collect())
        .collect();
    let (rows, features) = (data.train().len(), data.shape().features());
    let schedule = Schedule::new(config, rows.div_ceil(config.batch()) as u64);
    let mut losses = Vec::new();
    for epoch in 0..config.epochs() {
        let order = Stream::new(config.seed(), Purpose::Shuffle, epoch.into()).permutation(rows as u32);
        for batch in order.chunks(config.batch()) {
            let image = |&row: &u32| wide(&data.train().images()[row as usize * features..][..features]);
            let images: Vec<f64> = batch.iter().flat_map(image).collect();
            let labels: Vec<u32> = batch.iter().map(|&row| data.train().labels()[row as usize]).collect();
            let pass = reference::pass(&layers, options(config.weight_scale()), &images, &labels);
            let settings = schedule.at(losses.len() as u64);
            losses.push(pass.losses.iter().sum::<f64>() / labels.len() as f64);
            let step = AdamStep {
                learning_rate: settings.learning_rate.into(),
                weight_decay: settings.weight_decay.into(),
                number: losses.len() as i32,
            };
            for ((layer, gradients), moments) in layers.iter_mut().zip(&pass.gradients).zip(&mut moments) {
                adamw_layer(layer, gradients, moments, step);
            }
        }
    }
    losses
}

#[test]
fn twelve_steps_of_training_follow_double_precision() {
    on_each_device(|device| {
        let config = TrainConfig::builder()
            .hidden(vec![35, 40])
            .batch(16)
            .epochs(4)
            .learning_rate(0.01)
            .warmup(0.2)
            .build()
            .expect("in range");
        let data = toy_dataset();
        let expect = reference_losses(&config, &data);
        let mut trainer = Trainer::new(device, config, data).expect("small");
        trainer.train(&mut |_| {}).expect("converges");
        let found = &trainer.history().step_losses;
        assert_eq!((found.len(), expect.len()), (12, 12));
        // One activation that float32 rounds to the other neighbour moves by a 127th of its row's largest: the
        // loss follows by far less. A wrong schedule, order, moment or decay moves it in the first digits.
        for (step, (found, expect)) in found.iter().zip(&expect).enumerate() {
            let error = (f64::from(*found) - expect).abs();
            assert!(error < 2e-3 * expect.max(0.1), "step {step}: {found}, in double precision {expect}");
        }
        assert!(expect[11] < 0.5 * expect[0], "the toy problem is learned: {expect:?}");
    });
}

#[test]
fn a_checkpoint_that_does_not_fit_the_data_is_refused() {
    let device = Device::host(HostOptions::default());
    let config = TrainConfig::builder().hidden(vec![5]).batch(16).epochs(1).build().expect("in range");
    let mut trainer = Trainer::new(&device, config, toy_dataset()).expect("small");
    trainer.train(&mut |_| {}).expect("converges");
    let good = trainer.checkpoint().expect("shared buffers");
    let check = |change: fn(&mut Checkpoint), fits: bool| {
        let mut checkpoint = good.clone();
        change(&mut checkpoint);
        assert_eq!(Trainer::resume(&device, checkpoint, toy_dataset()).is_ok(), fits);
    };
    check(|_| {}, true);
    check(|checkpoint| checkpoint.data.name = "moved".into(), true);
    check(|checkpoint| checkpoint.fingerprint ^= 1, false);
    check(|checkpoint| checkpoint.data.classes = 2, false);
    check(|checkpoint| checkpoint.data.full_scale = 16, false);
    check(|checkpoint| checkpoint.epochs[0].train.total = 46, false);
    check(|checkpoint| checkpoint.epochs[0].test.total = 1, false);
}

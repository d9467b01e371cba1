//! Whole runs on the handwritten digits.

use bitnet_core::metal::testing::on_each_device;
use bitnet_core::metal::{Device, HostOptions};
use bitnet_nn::data::digits;
use bitnet_nn::{
    Checkpoint, Model, ModelFile, PredictError, Progress, TrainConfig, TrainConfigBuilder, TrainError,
    Trainer, model_file,
};

fn host() -> Device {
    Device::host(HostOptions::default())
}

fn host_with_threads(threads: usize) -> Device {
    Device::host(HostOptions { threads: Some(threads), ..HostOptions::default() })
}

/// Small and quick; 37 and 21 are multiples of nothing that matters.
fn small() -> TrainConfigBuilder {
    TrainConfig::builder().hidden(vec![37, 21]).epochs(2).batch(120).learning_rate(0.01)
}

fn trainer(device: &Device, config: TrainConfigBuilder) -> Trainer {
    Trainer::new(device, config.build().expect("in range"), digits::load()).expect("a small network")
}

fn trained(device: &Device, config: TrainConfigBuilder) -> Trainer {
    let mut trainer = trainer(device, config);
    trainer.train(&mut |_| {}).expect("converges");
    trainer
}

/// The first ten losses of a run with the defaults.
///
/// Today's kernels give exactly these. Whoever changes the order of a sum moves the first loss by a few units
/// of 2⁻²⁴, and later ones by more: AdamW's first steps move each latent weight by about the learning rate
/// along the sign of its gradient, so that a gradient near zero whose sign rounds the other way ends in other
/// bits. Kernels that sum one term after the other moved the tenth losses by up to 0.008.
#[test]
fn the_first_ten_losses_are_those_of_each_seed() {
    #[rustfmt::skip]
    let golden: [(u64, [f32; 10]); 3] = [
        (1, [2.2113385, 2.3092139, 2.3524473, 2.5493116, 2.3234391, 2.320021, 2.2427027, 2.1165135, 2.2139487, 2.1562033]),
        (2, [2.407662, 2.3855062, 2.6174023, 2.3983696, 2.2565415, 2.303387, 2.3195806, 2.1694915, 2.0670788, 2.1525884]),
        (3, [2.538972, 2.4956522, 2.4955516, 2.1861649, 2.2666605, 2.172847, 2.2648332, 2.1995287, 2.1317272, 1.9742826]),
    ];
    for (seed, expect) in golden {
        let mut trainer = trainer(&host(), TrainConfig::builder().seed(seed));
        trainer.train_epoch(&mut |_| {}).expect("converges");
        let found = &trainer.history().step_losses[..10];
        let close = |(step, (found, expect)): (usize, (&f32, &f32))| {
            (found - expect).abs() <= if step == 0 { 1e-5 } else { 0.02 }
        };
        assert!(found.iter().zip(&expect).enumerate().all(close), "seed {seed}: {found:?}");
    }
}

#[test]
fn four_epochs_read_95_percent_for_the_first_three_seeds() {
    on_each_device(|device| {
        for seed in [1, 2, 3] {
            let metrics = trainer(device, TrainConfig::builder().epochs(4).seed(seed))
                .train(&mut |_| {})
                .expect("converges");
            assert!(metrics.accuracy >= 0.95, "seed {seed}: {}", metrics.accuracy);
        }
    });
}

#[test]
fn a_run_is_the_same_on_any_number_of_cores() {
    let [one, three] = [1, 3].map(|threads| trained(&host_with_threads(threads), small()));
    assert_eq!(one.history(), three.history());
    let bytes = |trainer: &Trainer| model_file::serialize_model(&trainer.model().expect("trained"));
    assert_eq!(bytes(&one), bytes(&three));
    assert_ne!(one.history(), trained(&host(), small().seed(2)).history());
}

#[test]
fn a_run_resumed_from_a_file_goes_on_as_if_it_had_not_stopped() {
    on_each_device(|device| {
        let config = || small().epochs(4).dropout(0.1);
        let whole = trained(device, config());

        let mut first = trainer(device, config());
        first.train_epoch(&mut |_| {}).expect("converges");
        first.train_epoch(&mut |_| {}).expect("converges");
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("run.checkpoint.safetensors");
        first.checkpoint().expect("shared buffers").save(&path).expect("writable");
        drop(first);

        let checkpoint = Checkpoint::load(&path).expect("whole");
        assert_eq!((checkpoint.epochs_done(), checkpoint.config()), (2, whole.config()));
        let mut second = Trainer::resume(device, checkpoint, digits::load()).expect("the same data");
        second.train(&mut |_| {}).expect("converges");
        assert_eq!(second.history(), whole.history());
        assert_eq!(second.model().expect("trained"), whole.model().expect("trained"));
        assert_eq!(second.checkpoint().expect("shared"), whole.checkpoint().expect("shared"));
    });
}

#[test]
fn a_checkpoint_refuses_other_data() {
    let checkpoint = trainer(&host(), small()).checkpoint().expect("shared buffers");
    let digits = digits::load();
    let swapped: Vec<u8> = digits.test().images().iter().map(|x| (x * 16.0) as u8).collect();
    let labels = digits.test().labels().to_vec();
    let other =
        bitnet_nn::Dataset::new(digits.shape().clone(), (&swapped, labels.clone()), (&swapped, labels))
            .expect("levels of the digits");
    let error = Trainer::resume(&host(), checkpoint, other).err().expect("other data");
    assert!(matches!(error, TrainError::OtherData { .. }), "{error}");
}

#[test]
fn a_saved_model_reads_what_training_read_and_keeps_one_bit_a_weight() {
    on_each_device(|device| {
        let mut trainer = trainer(device, small());
        let while_training = trainer.train(&mut |_| {}).expect("converges");
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("digits.bitnet.safetensors");
        trainer.model().expect("trained").save(&path).expect("writable");

        let model = Model::load(&path).expect("whole");
        let from_file = model.evaluate(device, trainer.dataset()).expect("the same data");
        assert_eq!(from_file, while_training);
        assert_eq!(model.training().test, while_training.score());
        assert_eq!(model.training().epochs, 2);

        // Rows of 64, 37 and 21 columns take 2, 2 and 1 words.
        let size = model.size();
        assert_eq!(size.weights, 64 * 37 + 37 * 21 + 21 * 10);
        assert_eq!(size.weight_bytes, 4 * (2 * 37 + 2 * 21 + 10));
        assert_eq!(size.scale_bytes, 3 * 4);
    });
}

/// The packed bits are the signs of the latent weights about their mean, the scale their mean magnitude.
#[test]
fn packed_weights_are_the_binarised_latent_weights_bit_by_bit() {
    on_each_device(|device| {
        let trainer = trained(device, small());
        let model = trainer.model().expect("trained");
        let bytes = model_file::serialize_checkpoint(&trainer.checkpoint().expect("shared buffers"));
        assert!(matches!(ModelFile::parse(&bytes), Ok(ModelFile::Checkpoint(_))));
        let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("whole");
        for (index, layer) in model.layers().iter().enumerate() {
            let view = tensors.tensor(&format!("layers.{index}.latent")).expect("a checkpoint has it");
            let latent: Vec<f64> =
                view.data().as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect();
            let count = latent.len() as f64;
            let mean = latent.iter().sum::<f64>() / count;
            let magnitude = latent.iter().map(|w| w.abs()).sum::<f64>() / count;
            assert!((f64::from(layer.scales()[0]) - magnitude).abs() < 1e-6 * magnitude);
            let columns = layer.shape().inputs;
            for (element, weight) in latent.iter().enumerate() {
                // Within the error of a float32 mean either sign is right.
                if (weight - mean).abs() > 1e-6 * magnitude {
                    let expect = if *weight > mean { 1 } else { -1 };
                    assert_eq!(
                        layer.sign(element / columns, element % columns),
                        Some(expect),
                        "{index} {element}"
                    );
                }
            }
            let used = columns % 32;
            let last_words = layer.weights().iter().skip(columns / 32).step_by(layer.shape().row_words());
            assert!(used == 0 || last_words.clone().all(|word| word >> used == 0), "padding is clear");
            assert_eq!(layer.sign(layer.shape().outputs, 0), None);
        }
    });
}

#[test]
fn images_of_another_size_are_refused() {
    let device = host();
    let model = trainer(&device, small()).model().expect("untrained is a model too");
    let error = model.predict(&device, &[0.0; 65]).expect_err("64 pixels an image");
    assert_eq!(error.to_string(), "65 pixels are no whole number of images of 64");
    let nothing = model.predict(&device, &[]).expect("no images are no error");
    assert!(nothing.classes.is_empty() && nothing.probabilities.is_empty());
    let error = model.predict(&device, &[f32::NAN; 64]).expect_err("no image");
    assert!(matches!(error, PredictError::NotANumber { image: 0 }), "{error}");
}

#[test]
fn progress_tells_every_step_and_epoch() {
    let (mut steps, mut epochs) = (Vec::new(), Vec::new());
    let mut trainer = trainer(&host(), small());
    trainer
        .train(&mut |progress| match progress {
            Progress::Step { step, total_steps, loss } => {
                assert_eq!((total_steps, loss.is_finite()), (24, true));
                steps.push(step);
            }
            Progress::Epoch(record) => epochs.push(record),
        })
        .expect("converges");
    assert_eq!(steps, (1..=24).collect::<Vec<_>>());
    assert_eq!(trainer.history().epochs, epochs);
    assert_eq!(epochs.iter().map(|epoch| epoch.epoch).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((epochs[1].train.total, epochs[1].test.total), (1437, 360));
    let losses = &trainer.history().step_losses[12..];
    // Eleven batches of 120 rows and one of 117.
    let mean = losses
        .iter()
        .enumerate()
        .map(|(i, &l)| f64::from(l) * if i < 11 { 120.0 } else { 117.0 })
        .sum::<f64>();
    assert!((epochs[1].loss - mean / 1437.0).abs() < 1e-12);
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_with_its_step() {
    let mut trainer = trainer(&host(), small());
    trainer.train_epoch(&mut |_| {}).expect("converges");
    let mut bytes = model_file::serialize_checkpoint(&trainer.checkpoint().expect("shared buffers"));
    // The largest finite biases: the logits overflow, and with them the loss.
    let header = 8 + u64::from_le_bytes(*bytes.first_chunk().expect("whole")) as usize;
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).expect("whole");
    let (begin, end) = metadata.info("layers.2.bias").expect("a checkpoint has it").data_offsets;
    for (index, bias) in bytes[header + begin..header + end].chunks_exact_mut(4).enumerate() {
        let sign = if index % 2 == 0 { 1.0 } else { -1.0 };
        bias.copy_from_slice(&(sign * f32::MAX).to_le_bytes());
    }
    let Ok(ModelFile::Checkpoint(checkpoint)) = ModelFile::parse(&bytes) else {
        panic!("finite numbers make a checkpoint");
    };
    let mut trainer = Trainer::resume(&host(), checkpoint, digits::load()).expect("the same data");
    let error = trainer.train(&mut |_| {}).expect_err("not finite");
    assert!(matches!(error, TrainError::Diverged { step: 13, epoch: 2, .. }), "{error}");
    assert!(error.to_string().starts_with("step 13 (epoch 2): the loss is "), "{error}");
}

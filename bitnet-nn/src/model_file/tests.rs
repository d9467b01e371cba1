//! Model files: what is written is read again, and nothing else is.

use std::collections::HashMap;
use std::fs;

use proptest::prelude::*;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::*;
use crate::checkpoint::{EpochScores, LatentLayer, TensorState};
use crate::config::{TrainConfig, WeightScale};
use crate::data::DatasetShape;
use crate::metrics::Score;
use crate::model::{PackedLayer, TrainingRecord};
use crate::rng::{Purpose, Stream};
use crate::shape::{self, LayerShape};

/// Numbers by counter: any of the finite ones, for a file keeps all of them.
struct Numbers(Stream, u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.1 += 1;
        self.0.bits(self.1)
    }

    fn floats(&mut self, count: usize) -> Vec<f32> {
        let float = |bits: u64| Some(f32::from_bits(bits as u32)).filter(|x| x.is_finite()).unwrap_or(0.0);
        (0..count).map(|_| float(self.next())).collect()
    }

    fn magnitudes(&mut self, count: usize) -> Vec<f32> {
        self.floats(count).into_iter().map(f32::abs).collect()
    }

    fn state(&mut self, count: usize) -> TensorState {
        TensorState {
            value: self.floats(count),
            first_moment: self.floats(count),
            second_moment: self.magnitudes(count),
        }
    }

    fn words(&mut self, shape: LayerShape) -> Vec<u32> {
        let used = |word: usize| (shape.inputs - 32 * (word % shape.row_words())).min(32);
        (0..shape.packed_words()).map(|word| (self.next() as u32) >> (32 - used(word))).collect()
    }
}

fn data(width: usize, classes: usize) -> DatasetShape {
    DatasetShape { name: "a \"toy\"".into(), width, height: 1, classes, full_scale: 16 }
}

fn model(seed: u64, width: usize, hidden: &[usize], scale: WeightScale) -> Model {
    let mut numbers = Numbers(Stream::new(seed, Purpose::Weights, 0), 0);
    let shapes = shape::layers(&data(width, 3), hidden, scale).expect("small");
    let layers = shapes
        .into_iter()
        .map(|shape| PackedLayer {
            shape,
            weights: numbers.words(shape),
            scales: numbers.magnitudes(shape.kept_scales().iter().product()),
            bias: numbers.floats(shape.outputs),
            gain: numbers.floats(shape.inputs),
            shift: numbers.floats(shape.inputs),
        })
        .collect();
    let training = TrainingRecord { seed: u64::MAX - seed, epochs: 7, test: Score { correct: 5, total: 6 } };
    Model { data: data(width, 3), norm_epsilon: 1e-5, layers, training }
}

fn checkpoint(seed: u64, width: usize, hidden: &[usize], scale: WeightScale) -> Checkpoint {
    let mut numbers = Numbers(Stream::new(seed, Purpose::Weights, 0), 0);
    let config = TrainConfig::builder()
        .hidden(hidden.to_vec())
        .weight_scale(scale)
        .learning_rate(0.001 + (seed % 1000) as f32 * 1e-6)
        .batch(2)
        .seed(seed)
        .build()
        .expect("in range");
    let shapes = shape::layers(&data(width, 3), hidden, scale).expect("small");
    let layers = shapes
        .into_iter()
        .map(|shape| LatentLayer {
            shape,
            latent: numbers.state(shape.weights()),
            bias: numbers.state(shape.outputs),
            gain: numbers.state(shape.inputs),
            shift: numbers.state(shape.inputs),
        })
        .collect();
    let scores = EpochScores { train: Score { correct: 1, total: 5 }, test: Score { correct: 2, total: 2 } };
    let (epochs, step_losses) = (vec![scores; 2], numbers.magnitudes(6));
    Checkpoint { config, data: data(width, 3), fingerprint: !seed, layers, epochs, step_losses }
}

fn scales() -> impl Strategy<Value = WeightScale> {
    prop_oneof![
        Just(WeightScale::Tensor),
        Just(WeightScale::Row),
        (1_u32..3).prop_map(|n| WeightScale::Group(32 * n))
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_model_is_read_as_it_was_written(
        seed: u64,
        width in 1_usize..100,
        hidden in proptest::collection::vec(1_usize..70, 1..4),
        scale in scales(),
    ) {
        let model = model(seed, width, &hidden, scale);
        let bytes = serialize_model(&model);
        prop_assert_eq!(&bytes, &serialize_model(&model));
        match ModelFile::parse(&bytes) {
            Ok(ModelFile::Model(read)) => prop_assert_eq!(read, model),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn a_checkpoint_is_read_as_it_was_written(
        seed: u64,
        width in 1_usize..40,
        hidden in proptest::collection::vec(1_usize..40, 1..3),
        scale in scales(),
    ) {
        let checkpoint = checkpoint(seed, width, &hidden, scale);
        match ModelFile::parse(&serialize_checkpoint(&checkpoint)) {
            Ok(ModelFile::Checkpoint(read)) => prop_assert_eq!(read, checkpoint),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

/// Whatever a damaged file still says must be said by a whole file too.
fn check_damaged(bytes: &[u8]) -> bool {
    match ModelFile::parse(bytes) {
        Err(fault) => {
            assert!(!fault.to_string().is_empty());
            false
        }
        Ok(file) => {
            let again = match &file {
                ModelFile::Model(model) => serialize_model(model),
                ModelFile::Checkpoint(checkpoint) => serialize_checkpoint(checkpoint),
            };
            assert_eq!(ModelFile::parse(&again).expect("what is written is read"), file);
            true
        }
    }
}

#[test]
fn every_truncation_is_an_error() {
    let whole = serialize_model(&model(1, 33, &[5], WeightScale::Row));
    for length in 0..whole.len() {
        assert!(!check_damaged(&whole[..length]), "{length} of {} bytes", whole.len());
    }
    assert!(check_damaged(&whole));
    assert!(!check_damaged(&[whole.as_slice(), &[0]].concat()), "a byte more");
}

#[test]
fn damaged_bytes_never_panic_and_are_mostly_noticed_in_the_header() {
    let files = [
        serialize_model(&model(1, 33, &[5], WeightScale::Group(32))),
        serialize_checkpoint(&checkpoint(2, 9, &[4], WeightScale::Tensor)),
    ];
    let stream = Stream::new(11, Purpose::Shuffle, 0);
    let mut noticed = 0;
    for round in 0..4000_u64 {
        let mut bytes = files[(round % 2) as usize].clone();
        let header = 8 + u64::from_le_bytes(*bytes.first_chunk().expect("a whole file"));
        for change in 0..=round % 3 {
            let draw = stream.bits(round * 4 + change);
            let at = (draw >> 16) % if round % 4 < 2 { header } else { bytes.len() as u64 };
            bytes[at as usize] ^= (draw as u8).max(1);
        }
        noticed += u32::from(!check_damaged(&bytes));
    }
    // Changed weights are weights: only the header, and a few patterns of bits behind it, can tell.
    assert!(noticed > 2000, "{noticed} of 4000");
}

type Tensor = (String, Dtype, Vec<usize>, Vec<u8>);

/// A model file taken apart, changed, and put together again.
fn changed(change: impl FnOnce(&mut Vec<Tensor>, &mut HashMap<String, String>)) -> String {
    let whole = serialize_model(&model(1, 33, &[5], WeightScale::Row));
    let container = SafeTensors::deserialize(&whole).expect("whole");
    let (_, header) = SafeTensors::read_metadata(&whole).expect("whole");
    let mut metadata = header.metadata().clone().expect("the document");
    let mut tensors: Vec<Tensor> = container
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, view.dtype(), view.shape().to_vec(), view.data().to_vec()))
        .collect();
    tensors.sort();
    change(&mut tensors, &mut metadata);
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        (name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).expect("consistent"))
    });
    let bytes = safetensors::serialize(views, Some(metadata)).expect("consistent");
    ModelFile::parse(&bytes).map(|_| "read".to_owned()).unwrap_or_else(|fault| fault.to_string())
}

fn tensor<'a>(tensors: &'a mut [Tensor], name: &str) -> &'a mut Tensor {
    tensors.iter_mut().find(|tensor| tensor.0 == name).expect("a tensor of a model")
}

fn set_float(tensors: &mut [Tensor], name: &str, element: usize, value: f32) {
    tensor(tensors, name).3[4 * element..][..4].copy_from_slice(&value.to_le_bytes());
}

#[test]
fn an_unchanged_file_is_read() {
    assert_eq!(changed(|_, _| {}), "read");
}

#[test]
fn faulty_tensors_are_named_with_what_was_expected() {
    let check = |change: fn(&mut Vec<Tensor>), expect: &str| {
        assert_eq!(changed(|tensors, _| change(tensors)), expect);
    };
    check(
        |tensors| tensors.retain(|tensor| tensor.0 != "layers.1.bias"),
        "tensor `layers.1.bias` is missing; expected F32 of shape [3]",
    );
    check(
        |tensors| tensors.push(("layers.2.bias".into(), Dtype::F32, vec![1], vec![0; 4])),
        "tensor `layers.2.bias` does not belong into this file",
    );
    check(
        |tensors| tensor(tensors, "layers.0.weight").1 = Dtype::I32,
        "tensor `layers.0.weight` is I32; expected U32",
    );
    check(
        |tensors| tensor(tensors, "layers.0.weight").2 = vec![2, 5],
        "tensor `layers.0.weight` has shape [2, 5]; expected [5, 2]",
    );
    check(
        |tensors| tensor(tensors, "layers.0.weight").3[8 * 3 + 7] = 0x80,
        "tensor `layers.0.weight`: row 3 has bits set past its last column",
    );
    check(
        |tensors| set_float(tensors, "layers.0.scale", 2, f32::NAN),
        "tensor `layers.0.scale`: element 2 is NaN; expected a finite number of at least 0",
    );
    check(
        |tensors| set_float(tensors, "layers.0.scale", 0, -1.5),
        "tensor `layers.0.scale`: element 0 is -1.5; expected a finite number of at least 0",
    );
    check(
        |tensors| set_float(tensors, "layers.1.norm.weight", 4, f32::INFINITY),
        "tensor `layers.1.norm.weight`: element 4 is inf; expected a finite number",
    );
}

#[test]
fn faulty_metadata_is_named() {
    let check = |from: &str, to: &str, expect: &str| {
        let found = changed(|_, metadata| {
            let text = metadata.get_mut("bitnet").expect("the document");
            assert!(text.contains(from), "{text} has no {from}");
            *text = text.replacen(from, to, 1);
        });
        assert!(found.contains(expect), "{found}\nshould say: {expect}");
    };
    check("\"version\":1", "\"version\":2", "format version 2; this program reads version 1");
    check("\"version\":1,", "", "format version none; this program reads version 1");
    check("\"kind\":\"model\"", "\"kind\":\"mode1\"", "unknown variant `mode1`");
    check("\"hidden\":[5]", "\"hidden\":[]", "hidden: 0 layers is not accepted");
    check("\"hidden\":[5]", "\"hidden\":[5,0,5]", "hidden: 0 is not accepted");
    check("\"hidden\":[5]", "\"hidden\":[65536,65536]", "hidden: 4297326592 weights is not accepted");
    check("\"hidden\":[5]", "\"hidden\":[18446744073709551615]", "hidden: 18446744073709551615 is not");
    check("\"hidden\":[5]", "\"hidden\":[6]", "tensor `layers.0.weight` has shape [5, 2]; expected [6, 2]");
    check("\"hidden\":[5]", "\"hidden\":[5],\"extra\":0", "unknown field `extra`");
    check("\"width\":33", "\"width\":0", "data: images of 0 × 1 pixels");
    check("\"width\":33", "\"width\":-33", "invalid value: integer `-33`");
    check("\"classes\":3", "\"classes\":0", "classes: 0 is not accepted");
    check("\"full_scale\":16", "\"full_scale\":0", "data.full_scale: 0 cannot be divided by");
    check("\"norm_epsilon\":", "\"norm_epsilon\":-", "norm_epsilon: -0.00001 is no finite number above 0");
    check("\"row\"", "{\"group\":31}", "weight_scale: groups of 31 columns; expected a multiple of 32");
    check("\"correct\":5", "\"correct\":7", "training.test: more correct than there are");
    check("{", "", "metadata `bitnet`: ");
}

#[test]
fn files_of_other_programs_are_told_apart() {
    let foreign = "no model of this program: the metadata should have one entry, `bitnet`, and has ";
    let check = |change: fn(&mut HashMap<String, String>), found: &str| {
        assert_eq!(changed(|_, metadata| change(metadata)), format!("{foreign}{found}"));
    };
    check(HashMap::clear, "none");
    check(|metadata| drop(metadata.insert("format".into(), "pt".into())), "bitnet, format");
}

#[test]
fn an_absurd_header_length_is_refused_before_anything_is_allocated() {
    let mut bytes = vec![0xFF; 8];
    bytes.extend_from_slice(b"{}");
    let expect = "the header claims 18446744073709551615 bytes; at most 16777216 are accepted";
    assert_eq!(ModelFile::parse(&bytes).unwrap_err().to_string(), expect);
}

#[test]
fn a_model_survives_the_way_over_the_disk_and_replaces_what_was_there() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("toy.bitnet.safetensors");
    fs::write(&path, "something else").expect("writable");
    let model = model(3, 40, &[8, 9], WeightScale::Tensor);
    model.save(&path).expect("writable");
    assert_eq!(Model::load(&path).expect("whole"), model);
    assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1, "no temporary file stays");

    let error = Checkpoint::load(&path).unwrap_err().to_string();
    assert_eq!(error, format!("{}: the file holds a model, but a checkpoint is needed here", path.display()));
}

#[test]
fn what_cannot_be_written_is_an_error_that_names_the_file_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let occupied = folder.path().join("directory");
    fs::create_dir(&occupied).expect("writable");
    let model = model(3, 4, &[2], WeightScale::Tensor);
    for path in [occupied, folder.path().join("missing").join("model")] {
        for result in [model.save(&path), check_destination(&path)] {
            let error = result.unwrap_err();
            assert_eq!(error.file, path);
            assert!(matches!(error.fault, ModelFault::Write(_)), "{error}");
        }
    }
    assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1);
    check_destination(&folder.path().join("new")).expect("writable");
    assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1, "asking leaves nothing");
}

#[test]
fn what_cannot_be_read_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let missing = folder.path().join("missing");
    let error = Model::load(&missing).unwrap_err();
    assert!(error.to_string().starts_with(&format!("{}: cannot be read: ", missing.display())), "{error}");
    let error = Model::load(folder.path()).unwrap_err().to_string();
    assert_eq!(error, format!("{}: cannot be read: not a regular file", folder.path().display()));
    let text = folder.path().join("text");
    fs::write(&text, "not a model").expect("writable");
    let error = Model::load(&text).unwrap_err();
    assert!(matches!(error.fault, ModelFault::HeaderSize { .. }), "{error}");
}

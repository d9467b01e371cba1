//! The fuzz target's entry point over seeded mutations of real files: a bounded smoke run on stable Rust.
//!
//! `BITNET_FUZZ_CASES` sets how many cases run; the seed is fixed, so that a failure can be repeated.

use bitnet_core::metal::{Device, HostOptions};
use bitnet_nn::rng::{Purpose, Stream};
use bitnet_nn::{ModelFile, TrainConfig, Trainer, data::digits};

/// A model and a checkpoint, as files.
fn corpus() -> [Vec<u8>; 2] {
    let device = Device::host(HostOptions::default());
    let config = TrainConfig::builder()
        .hidden(vec![33])
        .epochs(1)
        .batch(1437)
        .build()
        .expect("the settings are valid");
    let trainer = Trainer::new(&device, config, digits::load()).expect("it starts");
    let directory = tempfile::tempdir().expect("there is a temporary directory");
    let (model, checkpoint) = (directory.path().join("model"), directory.path().join("checkpoint"));
    trainer.model().expect("it can be packed").save(&model).expect("it can be written");
    trainer.checkpoint().expect("it can be read").save(&checkpoint).expect("it can be written");
    [model, checkpoint].map(|path| std::fs::read(path).expect("it can be read"))
}

/// Bytes replaced, cut out, doubled, the end cut off; half of the changes hit the header, where the structure is.
fn mutate(bytes: &mut Vec<u8>, mut random: impl FnMut() -> u64) {
    for _ in 0..=random() % 4 {
        if bytes.is_empty() {
            return;
        }
        let reach = if random().is_multiple_of(2) { bytes.len().min(1200) } else { bytes.len() };
        let at = random() as usize % reach;
        let to = (at + random() as usize % 16).min(bytes.len());
        match random() % 5 {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..to)),
            2 => {
                let doubled = bytes[at..to].to_vec();
                bytes.splice(at..at, doubled);
            }
            3 => bytes[at] ^= 1 << (random() % 8),
            _ => bytes[at] = random() as u8,
        }
    }
}

#[test]
fn mutated_files_are_read_or_refused_with_a_reason() {
    let cases: u64 =
        std::env::var("BITNET_FUZZ_CASES").map_or(500, |n| n.parse().expect("BITNET_FUZZ_CASES is a number"));
    let corpus = corpus();
    for original in &corpus {
        assert!(ModelFile::parse(original).is_ok(), "what is not mutated is read");
    }
    let (mut accepted, mut refused) = (0, 0);
    for case in 0..cases {
        let stream = Stream::new(case, Purpose::Shuffle, 0);
        let mut counter = 0;
        let random = || {
            counter += 1;
            stream.bits(counter)
        };
        let mut bytes = corpus[case as usize % 2].clone();
        mutate(&mut bytes, random);
        match ModelFile::parse(&bytes) {
            Ok(_) => accepted += 1,
            Err(fault) => {
                assert!(!fault.to_string().is_empty(), "case {case}");
                refused += 1;
            }
        }
    }
    println!("{accepted} mutants were read, {refused} were refused");
    assert!(refused > cases / 4, "{accepted} mutants were read, {refused} were refused");
}

//! Modules as artifacts: every shader there and back, and mutated artifacts whose checksum holds.
//!
//! `BITNET_FUZZ_CASES` sets how many mutants there are; the seed is fixed, so that a failure can be repeated.

mod shaders;

use bitnet_msl::artifact::{ArtifactError, decode, encode, payload, seal};
use bitnet_msl::ir::{Module, print};
use bitnet_msl::reflect::reflect;
use bitnet_msl::{CompileOptions, compile};
use shaders::{BUILT_IN, texts};

/// Every shader that must compile: the fixtures of this crate and of the executor, and the built-in shaders.
fn modules() -> Vec<(String, Module)> {
    let folders = ["tests/fixtures/ok", "../bitnet-simt/tests/fixtures/run", BUILT_IN];
    let compiled = |(name, text): (String, String)| {
        let module = compile(&name, &text, &CompileOptions::default()).module;
        (name.clone(), module.unwrap_or_else(|| panic!("{name} does not compile")))
    };
    let modules: Vec<(String, Module)> = texts(&folders).into_iter().map(compiled).collect();
    assert!(modules.len() >= 40, "only {} shaders were found", modules.len());
    modules
}

#[test]
fn every_shader_comes_back_as_it_was() {
    for (name, module) in modules() {
        let bytes = encode(&module, &name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let back = decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(back.warnings, name);
        assert_eq!(print::print(&back.module), print::print(&module), "{name}");
        assert_eq!(reflect(&back.module), reflect(&module), "{name}");
        // Spans, names and sources too, which the printed form does not show.
        assert!(encode(&back.module, &name).is_ok_and(|again| again == bytes), "{name}");
        let places = |module: &Module| -> Vec<_> {
            module.kernels.iter().map(|kernel| module.sources.locate(kernel.span)).collect()
        };
        assert_eq!(places(&back.module), places(&module), "{name}");
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// One to four changes: a bit, a byte, a small number, a piece deleted, doubled or taken from another payload.
fn mutate(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        let len = random.below(12).min(bytes.len() - at);
        match random.below(7) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 | 3 => bytes[at] = random.below(24) as u8,
            4 => drop(bytes.drain(at..at + len)),
            5 => drop(bytes.splice(at..at, bytes[at..at + len].to_vec())),
            _ => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len());
                let piece = other[from..(from + len).min(other.len())].to_vec();
                bytes.splice(at..at + len, piece);
            }
        }
    }
    bytes
}

#[test]
fn mutated_artifacts_end_in_a_verified_module_or_an_error() {
    let cases = std::env::var("BITNET_FUZZ_CASES")
        .map_or(2000, |n| n.parse().expect("BITNET_FUZZ_CASES is a number"));
    let sealed: Vec<Vec<u8>> =
        modules().iter().map(|(name, module)| encode(module, name).expect("small")).collect();
    let payloads: Vec<Vec<u8>> = sealed.iter().map(|bytes| payload(bytes).expect("sound").to_vec()).collect();
    let mut random = Random(2);
    let (mut accepted, mut refused, mut malformed) = (0, 0, 0);
    for case in 0..cases {
        // As found on a disk: the checksum tells, wherever the change is.
        let broken = mutate(&sealed, &mut random);
        assert!(decode(&broken).is_err() || sealed.contains(&broken), "case {case}");
        // As written by somebody who means harm: only the verifier is left.
        match decode(&seal(&mutate(&payloads, &mut random))) {
            Ok(artifact) => {
                accepted += 1;
                let _ = (print::print(&artifact.module), reflect(&artifact.module));
            }
            Err(ArtifactError::Refused(_)) => refused += 1,
            Err(ArtifactError::Malformed) => malformed += 1,
            Err(error) => panic!("case {case}: {error}"),
        }
    }
    println!("{accepted} mutants were accepted, {refused} refused by the verifier, {malformed} malformed");
    assert!(accepted > 0 && refused > 0 && malformed > 0, "{accepted}, {refused}, {malformed}");
}

//! The fuzz target's entry point over seeded mutations of real shaders: a bounded smoke run on stable Rust.
//!
//! `BITNET_FUZZ_CASES` sets how many cases run; the seed is fixed, so that a failure can be repeated.

mod entry;
mod shaders;

use std::time::{Duration, Instant};

use shaders::{BUILT_IN, texts};

/// Far above what any case needs, even unoptimised on a busy machine: a hang, not a slow day.
const HANG: Duration = Duration::from_secs(20);

/// SplitMix64: small, seeded, good enough to choose mutations.
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

fn corpus() -> Vec<Vec<u8>> {
    texts(&["tests/fixtures", BUILT_IN]).into_iter().map(|(_, text)| text.into_bytes()).collect()
}

/// Cuts a text into words, blanks and single characters, so that mutations keep most of its shape.
fn pieces(text: &[u8]) -> Vec<&[u8]> {
    text.chunk_by(|a, b| a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric()).collect()
}

/// One to eight changes: pieces deleted, doubled, swapped, taken from another file, bytes replaced.
fn mutate(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let base = &corpus[random.below(corpus.len())];
    let other = pieces(&corpus[random.below(corpus.len())]);
    let mut parts: Vec<Vec<u8>> = pieces(base).into_iter().map(<[u8]>::to_vec).collect();
    for _ in 0..=random.below(8) {
        let at = random.below(parts.len());
        let to = random.below(parts.len());
        if parts.is_empty() {
            break;
        }
        match random.below(6) {
            0 => {
                parts.remove(at);
            }
            1 => parts.insert(at, parts[to].clone()),
            2 => parts.swap(at, to),
            3 => parts.insert(at, other[random.below(other.len())].to_vec()),
            4 => parts.truncate(at),
            _ => {
                let byte = random.next() as u8;
                let len = parts[at].len();
                parts[at][random.below(len)] = byte;
            }
        }
    }
    parts.concat()
}

#[test]
fn mutated_shaders_end_in_ir_or_diagnostics() {
    let cases =
        std::env::var("BITNET_FUZZ_CASES").map_or(300, |n| n.parse().expect("BITNET_FUZZ_CASES is a number"));
    let corpus = corpus();
    assert!(corpus.len() >= 20, "only {} shaders to mutate", corpus.len());
    let mut random = Random(1);
    let (mut clean, mut refused) = (0, 0);
    for case in 0..cases {
        let text = mutate(&corpus, &mut random);
        let started = Instant::now();
        let compilation = entry::compile_at_every_level(&text);
        assert!(
            started.elapsed() < HANG,
            "case {case} took {:?}:\n{}",
            started.elapsed(),
            String::from_utf8_lossy(&text)
        );
        assert_eq!(compilation.module.is_some(), compilation.errors().next().is_none(), "case {case}");
        if compilation.module.is_some() { clean += 1 } else { refused += 1 }
    }
    println!("{clean} mutants compiled, {refused} were refused");
    // Mutants that all fail, or all pass, would test next to nothing.
    assert!(clean > 0 && refused > 0, "{clean} mutants compiled, {refused} were refused");
}

//! The random numbers of training: counter based, so that a value depends on what it is for and never on
//! when it is drawn.
//!
//! Generator: SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA
//! 2014). Its state moves by a constant a step, so that draw `i` of a stream is `mix(key + (i + 1)·γ)` and
//! can be computed directly.
//!
//! **Invariant:** only integer arithmetic and multiplications by powers of two: the same on every machine.

/// The odd constant closest to 2⁶⁴/φ.
const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// What a stream of random numbers is for. Streams of different purposes are independent under one seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The fixed split of a data set into training and test rows.
    Split,
    /// The first values of one layer's latent weights; the index is the layer.
    Weights,
    /// The order of the training rows in one epoch; the index is the epoch.
    Shuffle,
    /// The key of one dropout mask; the index is the step, the counter the layer.
    Dropout,
}

impl Purpose {
    /// Part of every result that depends on a seed: never renumber.
    fn tag(self) -> u64 {
        match self {
            Purpose::Split => 1,
            Purpose::Weights => 2,
            Purpose::Shuffle => 3,
            Purpose::Dropout => 4,
        }
    }
}

/// One stream of random numbers, a pure function of (seed, purpose, index).
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    key: u64,
}

impl Stream {
    /// The stream for `purpose` number `index` under `seed`.
    pub fn new(seed: u64, purpose: Purpose, index: u64) -> Self {
        let purpose_key = mix(seed.wrapping_add(purpose.tag().wrapping_mul(GOLDEN_GAMMA)));
        Self { key: mix(purpose_key.wrapping_add(index.wrapping_mul(GOLDEN_GAMMA))) }
    }

    /// Draw number `counter`: 64 uniform bits.
    pub fn bits(&self, counter: u64) -> u64 {
        mix(self.key.wrapping_add(counter.wrapping_add(1).wrapping_mul(GOLDEN_GAMMA)))
    }

    /// Draw number `counter` as a float in [0, 1): a multiple of 2⁻²⁴, so exact in float32.
    pub fn uniform(&self, counter: u64) -> f32 {
        const SCALE: f32 = 1.0 / (1u32 << 24) as f32;
        (self.bits(counter) >> 40) as f32 * SCALE
    }

    /// A uniformly random order of `0..count` (Fisher–Yates; the bias of the multiply-and-shift index is
    /// below `count`·2⁻³²).
    pub fn permutation(&self, count: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..count).collect();
        for last in (1..count as usize).rev() {
            let high = self.bits(last as u64) >> 32;
            let pick = (high * (last as u64 + 1)) >> 32;
            order.swap(last, pick as usize);
        }
        order
    }
}

/// SplitMix64's output function: a bijection of 64 bits in which every input bit moves every output bit.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mix_agrees_with_the_published_sequence_of_splitmix64() {
        // The first outputs of the reference implementation seeded with 0 (prng.di.unimi.it/splitmix64.c).
        let stream = Stream { key: 0 };
        let drawn: Vec<u64> = (0..3).map(|i| stream.bits(i)).collect();
        assert_eq!(drawn, [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F]);
    }

    #[test]
    fn a_permutation_holds_every_index_once_and_differs_by_seed_purpose_and_index() {
        let of = |seed, purpose, index| Stream::new(seed, purpose, index).permutation(1000);
        let mut sorted = of(1, Purpose::Shuffle, 0);
        let first = sorted.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..1000).collect::<Vec<u32>>());
        assert_ne!(first, of(2, Purpose::Shuffle, 0));
        assert_ne!(first, of(1, Purpose::Split, 0));
        assert_ne!(first, of(1, Purpose::Shuffle, 1));
        assert_eq!(first, of(1, Purpose::Shuffle, 0));
    }

    #[test]
    fn permutations_of_nothing_and_of_one_thing_exist() {
        let stream = Stream::new(7, Purpose::Shuffle, 0);
        assert_eq!(stream.permutation(0), Vec::<u32>::new());
        assert_eq!(stream.permutation(1), [0]);
    }

    #[test]
    fn uniform_values_fill_the_unit_interval_evenly() {
        let stream = Stream::new(3, Purpose::Weights, 0);
        let mut bins = [0u32; 16];
        for i in 0..16_000 {
            let value = stream.uniform(i);
            assert!((0.0..1.0).contains(&value));
            bins[(value * 16.0) as usize] += 1;
        }
        // Each bin holds 1000 on average with a standard deviation of 31: six of them is beyond chance.
        assert!(bins.iter().all(|&n| n.abs_diff(1000) < 186), "{bins:?}");
    }
}

//! The counter-based random numbers of the kernels.

/// Philox 4×32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
pub(crate) fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    let product = |factor: u32, word: u32| {
        let wide = u64::from(factor) * u64::from(word);
        ((wide >> 32) as u32, wide as u32)
    };
    for _ in 0..10 {
        let (high0, low0) = product(0xD251_1F53, counter[0]);
        let (high1, low1) = product(0xCD9E_8D57, counter[2]);
        counter = [high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

/// The uniform number in [0, 1) of an element: a multiple of 2⁻²⁴.
pub(crate) fn uniform(index: u64, key: [u32; 2]) -> f64 {
    let quad = index / 4;
    let word = philox([quad as u32, (quad >> 32) as u32, 0, 0], key)[(index % 4) as usize];
    f64::from(word >> 8) * 2f64.powi(-24)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers of Random123.
    #[test]
    fn philox_gives_the_published_numbers() {
        let answers = include_str!("../../../../tests/vectors/philox4x32_10.txt");
        let lines = answers.lines().filter(|line| !line.starts_with('#'));
        let mut checked = 0;
        for line in lines {
            let words = line.split_whitespace().map(|word| u32::from_str_radix(word, 16));
            let words: Vec<u32> = words.collect::<Result<_, _>>().expect("hexadecimal words");
            let [c0, c1, c2, c3, k0, k1, expect @ ..] = &words[..] else { panic!("ten words") };
            assert_eq!(philox([*c0, *c1, *c2, *c3], [*k0, *k1]), *expect, "{line}");
            checked += 1;
        }
        assert_eq!(checked, 3);
    }
}

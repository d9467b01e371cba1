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

    /// The known answers of Random123 (`kat_vectors`).
    #[test]
    fn philox_gives_the_published_numbers() {
        let check = |counter, key, expect: [u32; 4]| assert_eq!(philox(counter, key), expect);
        check([0; 4], [0; 2], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
        check([!0; 4], [!0; 2], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
        check(
            [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
            [0xa4093822, 0x299f31d0],
            [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
        );
    }
}

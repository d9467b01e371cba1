//! What the benchmarks share: limits of this machine, measured in the same run as the figures that are held against
//! them, and the report that shows both.
//!
//! A figure without its limit says nothing: "30 ms" is good or bad only beside what the hardware allows.

mod chart;
pub mod report;
pub mod results;

use std::hint::black_box;
use std::time::{Duration, Instant};

/// The least time of several runs: what the machine can do when nothing disturbs it.
pub fn best_time(runs: usize, mut work: impl FnMut()) -> Duration {
    let timed = |work: &mut dyn FnMut()| {
        let started = Instant::now();
        work();
        started.elapsed()
    };
    (0..runs.max(1)).map(|_| timed(&mut work)).min().unwrap_or_default()
}

/// The time that `percent` of 100 samples stay within; zero of no samples. Sorts them.
pub fn percentile(samples: &mut [Duration], percent: usize) -> Duration {
    samples.sort_unstable();
    let last = samples.len().saturating_sub(1);
    samples.get((samples.len() * percent / 100).min(last)).copied().unwrap_or_default()
}

/// Bytes a second that one core reads from memory in a row, from an array far larger than its caches.
pub fn read_bandwidth_bytes_per_s() -> f64 {
    const WORDS: usize = 16 << 20;
    let words = vec![1u64; WORDS];
    let time = best_time(5, || {
        // Eight sums keep the additions from waiting for each other.
        let mut sums = [0u64; 8];
        for chunk in words.chunks_exact(8) {
            for (sum, word) in sums.iter_mut().zip(chunk) {
                *sum = sum.wrapping_add(*word);
            }
        }
        black_box(sums);
    });
    (WORDS * 8) as f64 / time.as_secs_f64()
}

/// The product of one row of activations (k columns) with 1-bit weights (n rows of k/32 words), by plain compiled
/// Rust on one core: what interpretation is held against. `k` is a multiple of 32.
pub fn native_matvec(activations: &[f32], weights: &[u32], n: usize, output: &mut [f32]) {
    let words = activations.len() / 32;
    let total: f32 = activations.iter().sum();
    for (row, out) in weights.chunks_exact(words).zip(output.iter_mut()).take(n) {
        let mut sums = [0.0f32; 32];
        for (word, x) in row.iter().zip(activations.chunks_exact(32)) {
            for (i, (sum, x)) in sums.iter_mut().zip(x).enumerate() {
                let kept = 0u32.wrapping_sub(word >> i & 1);
                *sum += f32::from_bits(x.to_bits() & kept);
            }
        }
        *out = 2.0 * sums.iter().sum::<f32>() - total;
    }
}

/// A line that sets a time against its limit.
pub fn report(what: &str, time: Duration, limit_name: &str, limit: Duration) {
    let ratio = time.as_secs_f64() / limit.as_secs_f64().max(1e-12);
    let ratio = if ratio < 1.0 { format!("{ratio:.2}") } else { format!("{ratio:.1}") };
    println!("{what}: {}; {limit_name}: {}; ratio {ratio}", readable(time), readable(limit));
}

/// In milliseconds, or microseconds below a tenth of one.
fn readable(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1e-4 { format!("{:.1} µs", seconds * 1e6) } else { format!("{:.3} ms", seconds * 1e3) }
}

//! How learning rate and weight decay move over a run: the two stages of "The Era of 1-bit LLMs: Training
//! Tips, Code and FAQ" (Microsoft, 2024), after a linear warm-up.
//!
//! With peak p, T steps and t counted from 0: the rate falls as p·(1 − t/T); from half of the steps on it
//! is two thirds of that, and weight decay, which served to keep latent weights near their threshold, ends.
//! Linear pieces only: a cosine would make results depend on the machine's mathematical library.

use crate::config::TrainConfig;

/// AdamW's settings that stay the same through a run (BitNet, arXiv 2310.11453, table 6 for the βs).
pub(crate) const BETA1: f32 = 0.9;
/// See [`BETA1`].
pub(crate) const BETA2: f32 = 0.98;
/// What keeps AdamW from dividing by zero.
pub(crate) const EPSILON: f32 = 1e-8;

/// What one optimiser step is taken with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StepSettings {
    pub(crate) learning_rate: f32,
    /// Of the latent weights; norms and biases never decay.
    pub(crate) weight_decay: f32,
    /// 1 − β₁ᵗ, t counted from 1.
    pub(crate) bias_correction1: f32,
    /// 1 − β₂ᵗ.
    pub(crate) bias_correction2: f32,
}

/// The settings of every step of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    total_steps: u64,
    warmup_steps: u64,
    peak: f64,
    weight_decay: f32,
}

impl Schedule {
    pub(crate) fn new(config: &TrainConfig, steps_per_epoch: u64) -> Self {
        let total_steps = steps_per_epoch * u64::from(config.epochs());
        Self {
            total_steps,
            warmup_steps: (total_steps as f64 * f64::from(config.warmup())) as u64,
            peak: f64::from(config.learning_rate()),
            weight_decay: config.weight_decay(),
        }
    }

    /// The settings of step `step`, counted from 0.
    pub(crate) fn at(&self, step: u64) -> StepSettings {
        let second_stage = 2 * step >= self.total_steps;
        let warm = if step < self.warmup_steps { (step + 1) as f64 / self.warmup_steps as f64 } else { 1.0 };
        let left = (1.0 - step as f64 / self.total_steps as f64).max(0.0);
        let stage = if second_stage { 2.0 / 3.0 } else { 1.0 };
        StepSettings {
            learning_rate: (self.peak * warm * left * stage) as f32,
            weight_decay: if second_stage { 0.0 } else { self.weight_decay },
            bias_correction1: (1.0 - power(f64::from(BETA1), step + 1)) as f32,
            bias_correction2: (1.0 - power(f64::from(BETA2), step + 1)) as f32,
        }
    }
}

/// base^exponent by squaring: the same bits on every machine, which `powi` does not promise.
fn power(base: f64, exponent: u64) -> f64 {
    let (mut result, mut square, mut rest) = (1.0, base, exponent);
    while rest > 0 {
        if rest % 2 == 1 {
            result *= square;
        }
        square *= square;
        rest /= 2;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(epochs: u32, steps_per_epoch: u64, warmup: f32) -> Vec<f32> {
        let config = TrainConfig::builder()
            .epochs(epochs)
            .warmup(warmup)
            .learning_rate(0.5)
            .build()
            .expect("in range");
        let schedule = Schedule::new(&config, steps_per_epoch);
        (0..steps_per_epoch * u64::from(epochs)).map(|step| schedule.at(step).learning_rate).collect()
    }

    #[test]
    fn the_rate_rises_then_falls_in_two_stages() {
        let expect = [0.5 * 0.5, 0.5 * 0.9, 0.5 * 0.8, 0.5 * 0.7, 0.5 * 0.6];
        let second = [0.5, 0.4, 0.3, 0.2, 0.1].map(|left| 0.5 * left * 2.0 / 3.0);
        let found = rates(2, 5, 0.2);
        for (found, expect) in found.iter().zip(expect.iter().chain(&second)) {
            assert!((f64::from(*found) - expect).abs() < 1e-7, "{found} {expect}");
        }
        assert_eq!(found.len(), 10);
    }

    #[test]
    fn after_the_last_step_the_rate_is_zero() {
        let config = TrainConfig::builder().epochs(1).build().expect("in range");
        let schedule = Schedule::new(&config, 4);
        assert_eq!([4, 5, 1000].map(|step| schedule.at(step).learning_rate), [0.0; 3]);
    }

    #[test]
    fn a_run_of_one_step_has_a_rate_above_zero() {
        assert!(rates(1, 1, 0.0)[0] > 0.0);
        assert!(rates(1, 1, 0.99)[0] > 0.0);
    }

    #[test]
    fn weight_decay_ends_at_half_and_corrections_start_with_one_minus_beta() {
        let config = TrainConfig::builder().epochs(1).weight_decay(0.1).build().expect("in range");
        let schedule = Schedule::new(&config, 4);
        let decay = [0, 1, 2, 3].map(|step| schedule.at(step).weight_decay);
        assert_eq!(decay, [0.1, 0.1, 0.0, 0.0]);
        assert!((schedule.at(0).bias_correction1 - 0.1).abs() < 1e-7);
        assert!((schedule.at(0).bias_correction2 - 0.02).abs() < 1e-7);
        assert_eq!(schedule.at(1_000_000).bias_correction2, 1.0);
    }

    #[test]
    fn powers_agree_with_repeated_multiplication() {
        let mut expect = 1.0;
        for exponent in 0..200 {
            assert!((power(0.98, exponent) - expect).abs() <= 1e-13);
            expect *= 0.98;
        }
    }
}

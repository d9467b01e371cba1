//! One epoch of `bitnet train` with its defaults, and what that makes of a whole run.

use std::time::{Duration, Instant};

use bitnet_benchmarks::{best_time, report};
use bitnet_core::metal::{Device, HostOptions};
use bitnet_nn::{TrainConfig, Trainer, data::digits};
use criterion::{Criterion, criterion_group, criterion_main};

/// What a whole run may take.
const BUDGET: Duration = Duration::from_secs(60);

fn trainer() -> Trainer {
    let device = Device::host(HostOptions::default());
    Trainer::new(&device, TrainConfig::default(), digits::load()).expect("the defaults are valid")
}

fn training(c: &mut Criterion) {
    let mut probe = trainer();
    let record = probe.train_epoch(&mut |_| {}).expect("an epoch runs");
    assert!(record.test.accuracy() > 0.5, "the first epoch already learns: {record:?}");
    let time = best_time(3, || drop(probe.train_epoch(&mut |_| {})));
    report("an epoch, all epochs", time * probe.config().epochs(), "budget", BUDGET);
    c.bench_function("an epoch of the digits", |b| {
        b.iter_custom(|iterations| {
            let mut trainer = trainer();
            let started = Instant::now();
            for _ in 0..iterations {
                trainer.train_epoch(&mut |_| {}).expect("an epoch runs");
            }
            started.elapsed()
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = training
}
criterion_main!(benches);

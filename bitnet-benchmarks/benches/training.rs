//! One epoch of `bitnet train` with its defaults, and what that makes of a whole run.

use std::time::{Duration, Instant};

use bitnet_benchmarks::results::{Limit, Measurement, Results, measure};
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
    let epochs = f64::from(probe.config().epochs());
    let about =
        "One epoch of `bitnet train` with its defaults; the limit is the budget of a run, an epoch's share.";
    let machine = Device::host(HostOptions::default()).name().to_owned();
    let mut results = Results::new("training", about, "images", machine);
    let mut group = c.benchmark_group("training");
    group.sample_size(10);
    let seconds = measure(&mut group, "an epoch of the digits", |iterations| {
        let mut trainer = trainer();
        let started = Instant::now();
        for _ in 0..iterations {
            trainer.train_epoch(&mut |_| {}).expect("an epoch runs");
        }
        started.elapsed()
    });
    results.measurements.extend(seconds.map(|seconds| Measurement {
        name: "an epoch of the digits".to_owned(),
        series: "as MSL".to_owned(),
        size: "1437 images".to_owned(),
        extent: 1437.0,
        seconds,
        limit: Some(Limit { name: "budget".to_owned(), seconds: BUDGET.as_secs_f64() / epochs }),
    }));
    group.finish();
    results.finish().expect("the report can be written");
}

criterion_group!(benches, training);
criterion_main!(benches);

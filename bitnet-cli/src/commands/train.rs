//! `bitnet train`: trains a BitNet with a progress bar, writes its packed model, says how good and how large it is.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use bitnet_core::metal::Device;
use bitnet_core::whole_file;
use bitnet_nn::{
    Checkpoint, Dataset, EpochRecord, Metrics, Model, ModelSize, Progress, TrainConfig, Trainer, data,
    model_file,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::cli::TrainArgs;
use crate::output;
use crate::plot::{self, EpochPoint, TrainingPlot};

/// One line of `--json` for each epoch.
#[derive(Serialize)]
struct EpochLine {
    epoch: u32,
    loss: f64,
    train_accuracy: f64,
    test_accuracy: f64,
}

/// The last line of `--json`.
#[derive(Serialize)]
struct ResultLine<'a> {
    test_accuracy: f64,
    test_correct: u64,
    test_total: u64,
    model: String,
    size: ModelSize,
    packed_bytes: u64,
    float32_bytes: u64,
    device: &'a str,
    seed: u64,
    seconds: f64,
}

pub(crate) fn run(args: &TrainArgs) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    check_outputs(args)?;
    let dataset = load_data(args)?;
    let device = Device::system_default()?;
    let mut trainer = start(args, &device, dataset)?;
    if !args.json {
        introduce(&trainer, &device);
    }
    let metrics = train(args, &mut trainer)?;
    let model = trainer.model()?;
    model.save(&args.out)?;
    if let Some(path) = &args.plot {
        let picture = TrainingPlot {
            title: &title(&trainer, &metrics),
            epochs: &points(&trainer),
            confusion: &output::confusion_rows(&metrics),
        };
        plot::write(&picture, path)?;
    }
    conclude(args, &model, &metrics, &device, started.elapsed())?;
    Ok(ExitCode::SUCCESS)
}

/// Refuses what could not be written at the end, before anyone waits for it.
fn check_outputs(args: &TrainArgs) -> anyhow::Result<()> {
    model_file::check_destination(&args.out)?;
    if let Some(path) = &args.plot {
        plot::Format::of(path)?;
        whole_file::check_destination(path).with_context(|| output::cannot_write(path))?;
    }
    if let Some(path) = &args.checkpoint {
        model_file::check_destination(path)?;
    }
    Ok(())
}

fn load_data(args: &TrainArgs) -> anyhow::Result<Dataset> {
    Ok(match &args.mnist {
        Some(directory) => data::mnist::load(directory)?,
        None => data::digits::load(),
    })
}

fn start(args: &TrainArgs, device: &Device, dataset: Dataset) -> anyhow::Result<Trainer> {
    match &args.checkpoint {
        Some(path) if args.resume => {
            let checkpoint = Checkpoint::load(path)?;
            Ok(Trainer::resume(device, checkpoint, dataset)?)
        }
        _ => Ok(Trainer::new(device, config(args)?, dataset)?),
    }
}

fn config(args: &TrainArgs) -> anyhow::Result<TrainConfig> {
    let mut builder = TrainConfig::builder();
    if let Some(epochs) = args.epochs {
        builder = builder.epochs(epochs);
    }
    if let Some(hidden) = &args.hidden {
        builder = builder.hidden(hidden.iter().map(|&width| width as usize).collect());
    }
    if let Some(lr) = args.lr {
        builder = builder.learning_rate(lr);
    }
    if let Some(batch) = args.batch {
        builder = builder.batch(batch as usize);
    }
    if let Some(dropout) = args.dropout {
        builder = builder.dropout(dropout);
    }
    if let Some(seed) = args.seed {
        builder = builder.seed(seed);
    }
    Ok(builder.build()?)
}

fn introduce(trainer: &Trainer, device: &Device) {
    let data = trainer.dataset();
    let shape = data.shape();
    let widths: Vec<String> = std::iter::once(shape.features())
        .chain(trainer.config().hidden().iter().copied())
        .chain([shape.classes])
        .map(|width| width.to_string())
        .collect();
    eprintln!("device  {}", device.name());
    eprintln!(
        "data    {}: {} training and {} test images of {}×{}",
        shape.name,
        data.train().len(),
        data.test().len(),
        shape.width,
        shape.height
    );
    eprintln!("model   {}, 1-bit weights, seed {}", widths.join(" → "), trainer.config().seed());
    let done = trainer.history().epochs.len();
    if done > 0 {
        eprintln!("resumed after epoch {done} of {}", trainer.config().epochs());
    }
}

/// Runs the epochs, drawing the bar, printing a line each, saving checkpoints.
fn train(args: &TrainArgs, trainer: &mut Trainer) -> anyhow::Result<Metrics> {
    let total = trainer.steps_per_epoch() as u64 * u64::from(trainer.config().epochs());
    let bar = progress_bar(total);
    bar.set_position(trainer.history().step_losses.len() as u64);
    while !trainer.is_finished() {
        let record = trainer.train_epoch(&mut |progress| {
            if let Progress::Step { step, loss, .. } = progress {
                bar.set_position(step);
                bar.set_message(format!("loss {loss:.4}"));
            }
        })?;
        if let Some(path) = &args.checkpoint {
            trainer.checkpoint()?.save(path)?;
        }
        tell_epoch(args, trainer, &bar, &record)?;
    }
    bar.finish_and_clear();
    Ok(trainer.evaluate()?)
}

/// Where standard error is no terminal, the lines of [`tell_epoch`] are the progress.
fn progress_bar(total: u64) -> ProgressBar {
    let target =
        if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let template = "{bar:40.cyan/blue} {pos}/{len} steps, {eta} left, {msg}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(total), target).with_style(style)
}

fn tell_epoch(
    args: &TrainArgs,
    trainer: &Trainer,
    bar: &ProgressBar,
    record: &EpochRecord,
) -> anyhow::Result<()> {
    let line = EpochLine {
        epoch: record.epoch,
        loss: record.loss,
        train_accuracy: record.train.accuracy(),
        test_accuracy: record.test.accuracy(),
    };
    if args.json {
        return output::print_json(&line);
    }
    let text = format!(
        "epoch {:>3}/{}  loss {:.4}  training accuracy {:6.2} %  test accuracy {:6.2} %",
        line.epoch,
        trainer.config().epochs(),
        line.loss,
        line.train_accuracy * 100.0,
        line.test_accuracy * 100.0
    );
    bar.suspend(|| eprintln!("{text}"));
    Ok(())
}

fn title(trainer: &Trainer, metrics: &Metrics) -> String {
    let (data, config) = (trainer.dataset().shape(), trainer.config());
    format!(
        "BitNet on {}, seed {}: {:.2} % of test images read correctly",
        data.name,
        config.seed(),
        metrics.accuracy * 100.0
    )
}

fn points(trainer: &Trainer) -> Vec<EpochPoint> {
    let point = |record: &EpochRecord| EpochPoint {
        epoch: record.epoch,
        loss: record.loss,
        train_accuracy: record.train.accuracy(),
        test_accuracy: record.test.accuracy(),
    };
    trainer.history().epochs.iter().map(point).collect()
}

fn conclude(
    args: &TrainArgs,
    model: &Model,
    metrics: &Metrics,
    device: &Device,
    time: Duration,
) -> anyhow::Result<()> {
    let (score, size) = (metrics.score(), model.size());
    if args.json {
        return output::print_json(&ResultLine {
            test_accuracy: metrics.accuracy,
            test_correct: score.correct,
            test_total: score.total,
            model: args.out.display().to_string(),
            size,
            packed_bytes: size.packed_bytes(),
            float32_bytes: size.float32_bytes(),
            device: device.name(),
            seed: model.training().seed,
            seconds: time.as_secs_f64(),
        });
    }
    println!("test accuracy  {:.2} % ({} of {})", metrics.accuracy * 100.0, score.correct, score.total);
    println!(
        "model          {}: {}, as float32 {}",
        args.out.display(),
        output::human_bytes(size.packed_bytes()),
        output::human_bytes(size.float32_bytes())
    );
    println!(
        "weights        {} of 1 bit: {} and {} of scales, as float32 {}",
        size.weights,
        output::human_bytes(size.weight_bytes),
        output::human_bytes(size.scale_bytes),
        output::human_bytes(4 * size.weights)
    );
    if let Some(path) = &args.plot {
        println!("plot           {}", path.display());
    }
    println!("time           {:.1} s", time.as_secs_f64());
    Ok(())
}

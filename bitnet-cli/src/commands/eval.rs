//! `bitnet eval`: accuracy of a model from its packed weights alone, and the images that it misreads.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, ensure};
use bitnet_core::metal::Device;
use bitnet_nn::{Dataset, Metrics, Model, data};
use serde::Serialize;

use crate::cli::EvalArgs;
use crate::output;

/// Brightness from none to full.
const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];

#[derive(Serialize)]
struct Report<'a> {
    test_accuracy: f64,
    test_correct: u64,
    test_total: u64,
    data: &'a str,
    confusion: Vec<Vec<u64>>,
    misread: Vec<Misread>,
    device: &'a str,
    seconds: f64,
}

/// One image that was read as another class.
#[derive(Serialize)]
struct Misread {
    index: usize,
    label: u32,
    predicted: u32,
    confidence: f32,
}

pub(crate) fn run(args: &EvalArgs) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let model = Model::load(&args.model)?;
    let dataset = match &args.mnist {
        Some(directory) => data::mnist::load(directory)?,
        None => data::digits::load(),
    };
    check_data(&model, &dataset, args)?;
    let device = Device::system_default()?;
    let metrics = model.evaluate(&device, &dataset)?;
    let misread = misread(&metrics, &dataset);
    if args.json {
        let score = metrics.score();
        output::print_json(&Report {
            test_accuracy: metrics.accuracy,
            test_correct: score.correct,
            test_total: score.total,
            data: &dataset.shape().name,
            confusion: output::confusion_rows(&metrics),
            misread,
            device: device.name(),
            seconds: started.elapsed().as_secs_f64(),
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    print(args, &model, &dataset, &metrics, &misread)?;
    Ok(ExitCode::SUCCESS)
}

/// A model reads only images like those it learned.
fn check_data(model: &Model, dataset: &Dataset, args: &EvalArgs) -> anyhow::Result<()> {
    let (wants, has) = (model.data(), dataset.shape());
    let same = (wants.width, wants.height, wants.classes) == (has.width, has.height, has.classes);
    let describe = |s: &bitnet_nn::DatasetShape| {
        format!("{}×{} images of {} classes ({})", s.width, s.height, s.classes, s.name)
    };
    let way_out = if args.mnist.is_none() {
        "name their directory with --mnist"
    } else {
        "give the directory it was trained on"
    };
    ensure!(
        same,
        "{}: the model reads {}, but the data are {}; {way_out}",
        args.model.display(),
        describe(wants),
        describe(has)
    );
    Ok(())
}

fn misread(metrics: &Metrics, dataset: &Dataset) -> Vec<Misread> {
    let pairs = metrics.predicted.iter().zip(&metrics.confidence).zip(dataset.test().labels()).enumerate();
    pairs
        .filter(|(_, ((predicted, _), label))| predicted != label)
        .map(|(index, ((&predicted, &confidence), &label))| Misread { index, label, predicted, confidence })
        .collect()
}

fn print(
    args: &EvalArgs,
    model: &Model,
    dataset: &Dataset,
    metrics: &Metrics,
    misread: &[Misread],
) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let score = metrics.score();
    writeln!(out, "test accuracy  {:.2} % ({} of {})", metrics.accuracy * 100.0, score.correct, score.total)?;
    let size = model.size();
    writeln!(
        out,
        "model          {}: {}, as float32 {}",
        args.model.display(),
        output::human_bytes(size.packed_bytes()),
        output::human_bytes(size.float32_bytes())
    )?;
    writeln!(out, "\n{}", confusion_table(&output::confusion_rows(metrics)))?;
    for one in misread.iter().take(args.show) {
        let image = dataset.test().image(one.index).context("the image lies in the data set")?;
        writeln!(
            out,
            "test image {}: is {}, read as {} ({:.0} % sure)",
            one.index,
            one.label,
            one.predicted,
            one.confidence * 100.0
        )?;
        writeln!(out, "{}", draw(image, dataset.shape().width))?;
    }
    if args.show > 0 && misread.is_empty() {
        writeln!(out, "no image was misread")?;
    }
    Ok(())
}

/// Rows are what an image is, columns what it was read as.
fn confusion_table(counts: &[Vec<u64>]) -> String {
    let cell = |text: String| format!("{text:>6}");
    let mut table =
        format!("is\\read{}\n", (0..counts.len()).map(|c| cell(c.to_string())).collect::<String>());
    for (label, row) in counts.iter().enumerate() {
        let shown =
            row.iter().map(|&n| cell(if n == 0 { "·".into() } else { n.to_string() })).collect::<String>();
        table.push_str(&format!("{label:>7}{shown}\n"));
    }
    table
}

/// The image in block characters, two to a pixel, so that it keeps its shape.
fn draw(image: &[f32], width: usize) -> String {
    let (least, most) = image.iter().fold((f32::MAX, f32::MIN), |(lo, hi), &x| (lo.min(x), hi.max(x)));
    let range = (most - least).max(f32::MIN_POSITIVE);
    let shade = |x: f32| {
        let level = ((x - least) / range * (SHADES.len() - 1) as f32).round() as usize;
        SHADES[level.min(SHADES.len() - 1)]
    };
    let line = |row: &[f32]| row.iter().flat_map(|&x| [shade(x); 2]).collect::<String>();
    image.chunks(width.max(1)).map(|row| format!("    {}\n", line(row))).collect()
}

//! Draws a training run: loss, accuracy, confusion matrix, side by side, as SVG or PNG.

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use bitnet_core::whole_file;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::output;

/// Pixels of the whole picture.
const SIZE: (u32, u32) = (1500, 520);
const FONT: &str = "sans-serif";
const BLUE_INK: RGBColor = RGBColor(31, 90, 160);
const ORANGE_INK: RGBColor = RGBColor(214, 110, 20);

/// One epoch of the curves.
pub(crate) struct EpochPoint {
    pub(crate) epoch: u32,
    pub(crate) loss: f64,
    pub(crate) train_accuracy: f64,
    pub(crate) test_accuracy: f64,
}

/// What is drawn.
pub(crate) struct TrainingPlot<'a> {
    pub(crate) title: &'a str,
    pub(crate) epochs: &'a [EpochPoint],
    /// Counts, `confusion[label][prediction]`.
    pub(crate) confusion: &'a [Vec<u64>],
}

/// The formats a file name can ask for.
#[derive(Clone, Copy)]
pub(crate) enum Format {
    Svg,
    Png,
}

impl Format {
    /// By the file's ending.
    pub(crate) fn of(path: &Path) -> anyhow::Result<Self> {
        match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("svg") => Ok(Format::Svg),
            Some("png") => Ok(Format::Png),
            _ => bail!("{}: a plot's name ends in .svg or .png", path.display()),
        }
    }
}

/// Draws into a file; whole or not at all.
pub(crate) fn write(plot: &TrainingPlot<'_>, path: &Path) -> anyhow::Result<()> {
    let format = Format::of(path)?;
    register_font()?;
    let bytes = match format {
        Format::Svg => {
            let mut text = String::new();
            draw(plot, SVGBackend::with_string(&mut text, SIZE).into_drawing_area())
                .map_err(drawing_failed)?;
            text.into_bytes()
        }
        Format::Png => png_bytes(plot)?,
    };
    whole_file::write(path, &bytes).with_context(|| output::cannot_write(path))
}

/// plotters' PNG encoder writes to a path only, so it gets one that disappears.
fn png_bytes(plot: &TrainingPlot<'_>) -> anyhow::Result<Vec<u8>> {
    let scratch =
        tempfile::Builder::new().suffix(".png").tempfile().context("cannot make a temporary file")?;
    draw(plot, BitMapBackend::new(scratch.path(), SIZE).into_drawing_area()).map_err(drawing_failed)?;
    std::fs::read(scratch.path()).context("cannot read the drawn picture back")
}

/// The font travels in the program: a fresh machine may have none.
fn register_font() -> anyhow::Result<()> {
    plotters::style::register_font(FONT, FontStyle::Normal, dejavu::sans::regular())
        .map_err(|_| anyhow!("the built-in font cannot be read"))
}

fn drawing_failed(error: Box<dyn Error>) -> anyhow::Error {
    anyhow!("cannot draw the plot: {error}")
}

type Drawn = Result<(), Box<dyn Error>>;

fn draw<B: DrawingBackend>(plot: &TrainingPlot<'_>, root: DrawingArea<B, Shift>) -> Drawn
where
    B::ErrorType: 'static,
{
    root.fill(&WHITE)?;
    let root = root.titled(plot.title, (FONT, 22))?;
    let panels = root.split_evenly((1, 3));
    draw_loss(plot, &panels[0])?;
    draw_accuracy(plot, &panels[1])?;
    draw_confusion(plot, &panels[2])?;
    root.present()?;
    Ok(())
}

/// The epochs' range; one epoch still needs an axis with some length.
fn epoch_range(plot: &TrainingPlot<'_>) -> Range<f64> {
    let first = plot.epochs.first().map_or(0.0, |e| f64::from(e.epoch));
    let last = plot.epochs.last().map_or(1.0, |e| f64::from(e.epoch));
    if last > first { first..last } else { first - 0.5..last + 0.5 }
}

/// A panel whose curves run over the epochs.
type Panel<'a, B> = ChartContext<'a, B, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Axes over the epochs, from the least to the greatest value.
fn epoch_panel<'a, B: DrawingBackend>(
    plot: &TrainingPlot<'_>,
    area: &'a DrawingArea<B, Shift>,
    caption: &str,
    values: Range<f64>,
) -> Result<Panel<'a, B>, Box<dyn Error>>
where
    B::ErrorType: 'static,
{
    let mut chart = panel(area, caption).build_cartesian_2d(epoch_range(plot), values)?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .x_label_formatter(&|epoch| format!("{epoch:.0}"))
        .label_style((FONT, 13))
        .light_line_style(WHITE)
        .draw()?;
    Ok(chart)
}

/// What all panels look like.
fn panel<'a, 'b, B: DrawingBackend>(
    area: &'a DrawingArea<B, Shift>,
    caption: &str,
) -> ChartBuilder<'a, 'b, B> {
    let mut builder = ChartBuilder::on(area);
    builder.margin(12).caption(caption, (FONT, 17)).x_label_area_size(36).y_label_area_size(52);
    builder
}

fn draw_loss<B: DrawingBackend>(plot: &TrainingPlot<'_>, area: &DrawingArea<B, Shift>) -> Drawn
where
    B::ErrorType: 'static,
{
    let top = plot.epochs.iter().map(|e| e.loss).fold(0.0, f64::max).max(1e-6) * 1.05;
    let mut chart = epoch_panel(plot, area, "training loss (cross-entropy)", 0.0..top)?;
    let points = plot.epochs.iter().map(|e| (f64::from(e.epoch), e.loss));
    chart.draw_series(LineSeries::new(points, BLUE_INK.stroke_width(2)))?;
    Ok(())
}

fn draw_accuracy<B: DrawingBackend>(plot: &TrainingPlot<'_>, area: &DrawingArea<B, Shift>) -> Drawn
where
    B::ErrorType: 'static,
{
    let least = plot.epochs.iter().map(|e| e.train_accuracy.min(e.test_accuracy)).fold(1.0, f64::min);
    let bottom = (least * 20.0).floor() * 5.0;
    let mut chart = epoch_panel(plot, area, "accuracy (%)", bottom.min(95.0)..100.0)?;
    type Curve = (&'static str, RGBColor, fn(&EpochPoint) -> f64);
    let curves: [Curve; 2] =
        [("training", BLUE_INK, |e| e.train_accuracy), ("test", ORANGE_INK, |e| e.test_accuracy)];
    for (name, colour, accuracy) in curves {
        let points = plot.epochs.iter().map(|e| (f64::from(e.epoch), accuracy(e) * 100.0));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .border_style(RGBColor(200, 200, 200))
        .label_font((FONT, 14))
        .draw()?;
    Ok(())
}

fn draw_confusion<B: DrawingBackend>(plot: &TrainingPlot<'_>, area: &DrawingArea<B, Shift>) -> Drawn
where
    B::ErrorType: 'static,
{
    let classes = plot.confusion.len().max(1) as i32;
    let mut chart = panel(area, "confusion matrix (test)")
        .build_cartesian_2d((0..classes - 1).into_segmented(), (0..classes - 1).into_segmented())?;
    chart
        .configure_mesh()
        .disable_mesh()
        .x_desc("read as")
        .y_desc("is")
        .x_labels(classes as usize)
        .y_labels(classes as usize)
        .label_style((FONT, 13))
        .draw()?;
    let label_style =
        |colour: &RGBColor| (FONT, 13).into_font().color(colour).pos(Pos::new(HPos::Center, VPos::Center));
    for (label, row) in plot.confusion.iter().enumerate() {
        let total: u64 = row.iter().sum();
        for (prediction, &count) in row.iter().enumerate() {
            let (x, y) = (prediction as i32, label as i32);
            let share = count as f64 / total.max(1) as f64;
            let ink = if prediction == label { BLUE_INK } else { ORANGE_INK };
            // Errors are few: a square root makes one in forty visible.
            let cell = Rectangle::new(
                [
                    (SegmentValue::Exact(x), SegmentValue::Exact(y)),
                    (SegmentValue::Exact(x + 1), SegmentValue::Exact(y + 1)),
                ],
                ink.mix(share.sqrt()).filled(),
            );
            chart.draw_series([cell])?;
            if count > 0 {
                let style = label_style(if share > 0.4 { &WHITE } else { &BLACK });
                chart.draw_series([Text::new(
                    count.to_string(),
                    (SegmentValue::CenterOf(x), SegmentValue::CenterOf(y)),
                    style,
                )])?;
            }
        }
    }
    Ok(())
}

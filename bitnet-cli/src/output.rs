//! What the commands share in speaking to the user: logging, JSON, sizes, checks of output paths.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use bitnet_core::metal::LOG_TARGET;
use bitnet_nn::Metrics;
use serde::Serialize;
use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Where the library says which device runs by default, and why not the GPU.
const DEVICE_TARGET: &str = "bitnet_core::metal::device";

/// Sends the library's messages to standard error: warnings always, more with `-v`. Everybody is told which device runs
/// by default. What shaders log is shown from the level of notices on, as Metal's console does.
pub(crate) fn init_logging(verbose: u8) {
    let level = match verbose {
        0 => Level::WARN,
        1 => Level::INFO,
        _ => Level::DEBUG,
    };
    let always = level.max(Level::INFO);
    let shown =
        Targets::new().with_default(level).with_targets([(LOG_TARGET, always), (DEVICE_TARGET, always)]);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .without_time()
        .with_target(false);
    tracing_subscriber::registry().with(layer.with_filter(shown)).init();
}

/// Prints a value as JSON with a line end.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}

/// Whether an error only says that the reader of our output went away (`bitnet shaders | head`).
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io_kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json_kind = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io_kind.or(json_kind) == Some(io::ErrorKind::BrokenPipe)
    })
}

/// An error with its causes. A cause that the message above it repeats is said once.
pub(crate) fn describe(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// What to say when a file cannot be written.
pub(crate) fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

/// The directory a file lies in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A size for people: `9.8 KiB`.
pub(crate) fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["bytes", "KiB", "MiB", "GiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} bytes") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A time for people: `3.42 ms`.
pub(crate) fn human_time(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.2} ms", s * 1e3),
        s => format!("{:.2} µs", s * 1e6),
    }
}

/// The counts of a confusion matrix, a row a true class.
pub(crate) fn confusion_rows(metrics: &Metrics) -> Vec<Vec<u64>> {
    let classes = metrics.confusion.classes();
    let row = |actual| (0..classes).map(|predicted| metrics.confusion.count(actual, predicted)).collect();
    (0..classes).map(row).collect()
}

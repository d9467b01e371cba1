//! `bitnet verify`: every kernel's cases on a device, against references in double precision.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bitnet_core::metal::kernels::row::Tolerance;
use bitnet_core::metal::kernels::verify::{Failure, Report, Way, Worst, cases_in, verify};
use bitnet_core::metal::{BitNetShaders, Device};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::VerifyArgs;
use crate::commands::kernels::{self, Version};
use crate::device::{self, DeviceReport, System};
use crate::output;

/// Failures of one kernel that are printed; the others are counted.
const SHOWN_FAILURES: usize = 3;

/// How one version of a kernel did.
struct Verified {
    version: Version,
    report: Report,
    time: Duration,
}

impl Verified {
    fn name(&self) -> String {
        self.version.0.kernel_name(self.version.1).into_owned()
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct JsonReport {
    ok: bool,
    version: &'static str,
    device: DeviceReport,
    system: System,
    /// The directory of the shaders; none for the built-in ones.
    shader_directory: Option<String>,
    ways: Vec<String>,
    cases: usize,
    seconds: f64,
    kernels: Vec<Value>,
}

pub(crate) fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let versions = kernels::versions(&args.kernels, args.precision.map(Into::into))?;
    let device = device::open(args.device)?;
    let config = kernels::shader_config(args.shader_dir.as_ref());
    let ways = Way::all(&device, &config)
        .into_iter()
        .map(|way| Ok((way, way.shaders(&device, &config)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let results = verify_all(&versions, &ways, args.json);
    let ok = results.iter().all(|result| result.report.is_ok());
    let cases = results.iter().map(|result| result.report.cases).sum();
    if args.json {
        output::print_json(&JsonReport {
            ok,
            version: env!("CARGO_PKG_VERSION"),
            device: DeviceReport::of(&device),
            system: System::this(),
            shader_directory: args.shader_dir.as_ref().map(|directory| directory.display().to_string()),
            ways: ways.iter().map(|(way, _)| way.to_string()).collect(),
            cases,
            seconds: started.elapsed().as_secs_f64(),
            kernels: results.iter().map(json_of).collect(),
        })?;
    } else {
        let mut out = io::stdout().lock();
        print_table(&mut out, &results)?;
        print_failures(&mut out, &results)?;
        print_summary(&mut out, &device, &ways, &results)?;
        writeln!(out, "{cases} cases, each way counted, in {:.1} s", started.elapsed().as_secs_f64())?;
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn verify_all(versions: &[Version], ways: &[(Way, BitNetShaders)], quiet: bool) -> Vec<Verified> {
    let cases: Vec<_> = versions.iter().map(|(row, precision)| cases_in(row, *precision)).collect();
    let total = cases.iter().map(Vec::len).sum::<usize>() * ways.len();
    let bar = progress_bar(total as u64, quiet);
    let verify_one = |(&version, cases): (&Version, &Vec<_>)| {
        bar.set_message(version.0.kernel_name(version.1).into_owned());
        let started = Instant::now();
        let report = verify(ways, version.0, cases, &mut || bar.inc(1));
        Verified { version, report, time: started.elapsed() }
    };
    let results = versions.iter().zip(&cases).map(verify_one).collect();
    bar.finish_and_clear();
    results
}

fn progress_bar(total: u64, quiet: bool) -> ProgressBar {
    let target = if !quiet && io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{bar:40.cyan/blue} {pos}/{len} cases, {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(total), target).with_style(style)
}

fn print_table(out: &mut impl Write, results: &[Verified]) -> io::Result<()> {
    let headings = ["kernel", "cases", "worst error", "of allowed", "tolerance", "verdict"];
    let [kernel, cases, error, fraction, tolerance, verdict] = headings;
    writeln!(out, "{kernel:<32} {cases:>5}  {error:>11}  {fraction:>10}  {tolerance:<16} {verdict}")?;
    for result in results {
        let (name, report) = (result.name(), &result.report);
        let (error, fraction, tolerance) = match &report.worst {
            Some(worst) => (error_text(worst), fraction_text(worst), worst.tolerance.to_string()),
            None => Default::default(),
        };
        let verdict = if report.is_ok() { "ok" } else { "FAIL" };
        writeln!(
            out,
            "{name:<32} {:>5}  {error:>11}  {fraction:>10}  {tolerance:<16} {verdict}",
            report.cases
        )?;
    }
    Ok(())
}

/// How far off the worst element is, in the unit of the result.
fn error_text(worst: &Worst) -> String {
    match worst.element {
        Some((_, got, wanted)) if worst.fraction > 0.0 => format!("{:.1e}", (got - wanted).abs()),
        Some(_) => "0".to_owned(),
        None if worst.fraction > 0.0 => "no elements".to_owned(),
        None => String::new(),
    }
}

/// The error as a fraction of what is allowed; where nothing is, there is none.
fn fraction_text(worst: &Worst) -> String {
    match (worst.tolerance, worst.fraction) {
        (Tolerance::Exact | Tolerance::NearTies, fraction) if fraction > 1.0 => "wrong".to_owned(),
        (_, fraction) if fraction < 1e4 => format!("{fraction:.2}"),
        (_, fraction) => format!("{fraction:.0e}"),
    }
}

fn print_failures(out: &mut impl Write, results: &[Verified]) -> io::Result<()> {
    for result in results.iter().filter(|result| !result.report.is_ok()) {
        let (name, failures) = (result.name(), &result.report.failures);
        writeln!(out)?;
        for failure in failures.iter().take(SHOWN_FAILURES) {
            writeln!(out, "FAIL {name}, {}", failure_text(failure))?;
        }
        match failures.len().saturating_sub(SHOWN_FAILURES) {
            0 => {}
            more => writeln!(out, "     {more} more")?,
        }
        if failures.is_empty() {
            writeln!(out, "FAIL {name}: no case ran")?;
        }
    }
    Ok(())
}

fn print_summary(
    out: &mut impl Write,
    device: &Device,
    ways: &[(Way, BitNetShaders)],
    results: &[Verified],
) -> io::Result<()> {
    let ways: Vec<String> = ways.iter().map(|(way, _)| way.to_string()).collect();
    let right = results.iter().filter(|result| result.report.is_ok()).count();
    writeln!(out)?;
    writeln!(out, "device   {}", device.name())?;
    writeln!(out, "system   {}", System::this())?;
    writeln!(out, "version  bitnet {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "ways     {}", ways.join("\n         "))?;
    write!(out, "{right} of {} kernel versions are right: ", results.len())
}

fn failure_text(failure: &Failure) -> String {
    match failure {
        Failure::Error { way, case: None, error } => format!("{way}: {error}"),
        Failure::Error { way, case: Some(case), error } => format!("{way}, case \"{case}\": {error}"),
        Failure::Wrong(worst) => {
            let Worst { way, case, output, tolerance, .. } = worst;
            let place = match worst.element {
                Some((at, got, wanted)) => format!("{output}[{at}] is {got}, should be {wanted}"),
                None => format!("{output} has not the right number of elements"),
            };
            let excess = match tolerance {
                Tolerance::Exact | Tolerance::NearTies => format!("tolerance: {tolerance}"),
                _ => format!("{} times what {tolerance} allows", fraction_text(worst)),
            };
            format!("{way}, case \"{case}\": {place} ({excess})")
        }
    }
}

fn json_of(result: &Verified) -> Value {
    let (row, precision) = result.version;
    let report = &result.report;
    let failures: Vec<Value> = report
        .failures
        .iter()
        .map(|failure| match failure {
            Failure::Wrong(worst) => json_of_worst(worst),
            Failure::Error { way, case, error } => {
                json!({ "way": way.to_string(), "case": case, "error": error.to_string() })
            }
        })
        .collect();
    json!({
        "kernel": result.name(),
        "shader": row.shader,
        "precision": precision.to_string(),
        "ok": report.is_ok(),
        "cases": report.cases,
        "seconds": result.time.as_secs_f64(),
        "worst": report.worst.as_ref().map(json_of_worst),
        "failures": failures,
    })
}

fn json_of_worst(worst: &Worst) -> Value {
    let (element, got, wanted) = worst.element.map_or((None, None, None), |(element, got, wanted)| {
        (Some(element), Some(number(got)), Some(number(wanted)))
    });
    json!({
        "way": worst.way.to_string(),
        "case": worst.case,
        "output": worst.output,
        "tolerance": worst.tolerance.to_string(),
        "fraction_of_tolerance": number(worst.fraction),
        "element": element,
        "got": got,
        "wanted": wanted,
    })
}

/// A number; JSON has no NaN and no infinity, which become words.
fn number(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { json!(value.to_string()) }
}

//! What the benchmarks measured, kept from one benchmark's process to the next so that one report shows all.
//!
//! `cargo bench` runs each benchmark as a process of its own. Each writes its measurements to
//! `target/bitnet-bench/NAME.json`, then makes `target/bitnet-bench/report.html` anew from all such files.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, fs, io};

use bitnet_core::whole_file;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, SamplingMode};
use serde::{Deserialize, Serialize};

use crate::report;

/// What the same machine allows, measured in the same run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Limit {
    /// What takes so long.
    pub name: String,
    /// Seconds.
    pub seconds: f64,
}

/// One figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measurement {
    /// What the figure is about: a kernel, a shader.
    pub name: String,
    /// The line of the chart that it belongs to: `f32`, `f16`, `cold`.
    pub series: String,
    /// Its size in words: `1×4096×4096`, `678 lines`.
    pub size: String,
    /// Its size as a number, which places it in the chart.
    pub extent: f64,
    /// The time, in seconds: the median of all samples.
    pub seconds: f64,
    /// What it is held against.
    pub limit: Option<Limit>,
}

/// The measurements of one benchmark's last run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// The benchmark: `kernels`.
    pub bench: String,
    /// What it measures, in a sentence.
    pub about: String,
    /// What [`Measurement::extent`] counts: `bytes moved`.
    pub extent: String,
    /// The machine, in words.
    pub machine: String,
    /// When it ended, in seconds since 1970.
    pub unix_time: u64,
    /// The figures, in the order of their measuring.
    pub measurements: Vec<Measurement>,
}

impl Results {
    /// Of a benchmark that has measured nothing yet.
    pub fn new(bench: &str, about: &str, extent: &str, machine: String) -> Self {
        let texts = (bench.to_owned(), about.to_owned(), extent.to_owned());
        Self {
            bench: texts.0,
            about: texts.1,
            extent: texts.2,
            machine,
            unix_time: 0,
            measurements: Vec::new(),
        }
    }

    /// Writes the measurements and the report of all benchmarks, and prints where the report is. Does neither when
    /// nothing was measured, or under `cargo test`, which runs everything once.
    ///
    /// # Errors
    /// If a file cannot be written, or an earlier result cannot be read.
    pub fn finish(mut self) -> io::Result<()> {
        if self.measurements.is_empty() || !env::args().any(|arg| arg == "--bench") {
            return Ok(());
        }
        self.unix_time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let directory = directory()?;
        fs::create_dir_all(&directory)?;
        let path = write(&self, &directory)?;
        println!("report: {}", path.display());
        Ok(())
    }
}

/// Lets criterion time `work`, which runs so many iterations and says how long they took; gives the median of the
/// samples, in seconds for one iteration. `None` if criterion's command line leaves it out.
pub fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    mut work: impl FnMut(u64) -> Duration,
) -> Option<f64> {
    let mut samples = Vec::new();
    group.sampling_mode(SamplingMode::Flat);
    group.bench_function(name, |b| {
        b.iter_custom(|iterations| {
            let time = work(iterations);
            samples.push(time.as_secs_f64() / iterations.max(1) as f64);
            time
        });
    });
    median(samples)
}

/// Adds results to a directory and makes its report anew; gives the report's path.
fn write(results: &Results, directory: &Path) -> io::Result<PathBuf> {
    let file = directory.join(format!("{}.json", results.bench));
    whole_file::write(&file, &serde_json::to_vec_pretty(results)?)?;
    let path = directory.join("report.html");
    whole_file::write(&path, report::html(&all(directory)?).as_bytes())?;
    Ok(path)
}

/// The results in a directory, by name.
fn all(directory: &Path) -> io::Result<Vec<Results>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<PathBuf>>>()?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let named = |error: &dyn std::fmt::Display| {
            io::Error::other(format!("{}: {error}; delete it and measure again", path.display()))
        };
        let bytes = fs::read(path).map_err(|error| named(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| named(&error))
    };
    paths.iter().map(read).collect()
}

/// `target/bitnet-bench`, beside the directory of the profile that this program was built into.
fn directory() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let deps = program.ancestors().find(|path| path.ends_with("deps"));
    let target = deps.and_then(|deps| deps.parent()?.parent());
    let target = target.ok_or_else(|| io::Error::other("this program does not lie in a target directory"))?;
    Ok(target.join("bitnet-bench"))
}

/// The middle of the samples, the mean of the two in the middle where there are two; `None` of none.
fn median(mut samples: Vec<f64>) -> Option<f64> {
    samples.sort_by(f64::total_cmp);
    let (low, high) = (samples.get(samples.len().checked_sub(1)? / 2)?, samples.get(samples.len() / 2)?);
    Some((low + high) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(bench: &str, name: &str) -> Results {
        let measurement = Measurement {
            name: name.to_owned(),
            series: "float".to_owned(),
            size: "1×2×3".to_owned(),
            extent: 24.0,
            seconds: 2e-3,
            limit: None,
        };
        Results {
            measurements: vec![measurement],
            ..Results::new(bench, "About.", "bytes", "a machine".to_owned())
        }
    }

    #[test]
    fn medians() {
        for (samples, expect) in [
            (vec![], None),
            (vec![3.0], Some(3.0)),
            (vec![4.0, 1.0], Some(2.5)),
            (vec![9.0, 1.0, 2.0], Some(2.0)),
        ] {
            assert_eq!(median(samples.clone()), expect, "{samples:?}");
        }
    }

    #[test]
    fn one_report_shows_the_last_results_of_every_benchmark() {
        let directory = tempfile::tempdir().expect("there is a temporary directory");
        for (bench, name) in [("kernels", "old_kernel"), ("dispatch", "empty"), ("kernels", "new_kernel")] {
            write(&results(bench, name), directory.path()).expect("it can be written");
        }
        let report = fs::read_to_string(directory.path().join("report.html")).expect("the report is there");
        assert!(report.contains("new_kernel") && report.contains("empty"), "{report}");
        assert!(!report.contains("old_kernel"), "{report}");
    }

    #[test]
    fn a_damaged_result_is_named() {
        let directory = tempfile::tempdir().expect("there is a temporary directory");
        fs::write(directory.path().join("broken.json"), "{").expect("it can be written");
        let error = write(&results("kernels", "k"), directory.path()).expect_err("it cannot be read");
        assert!(error.to_string().contains("broken.json"), "{error}");
    }
}

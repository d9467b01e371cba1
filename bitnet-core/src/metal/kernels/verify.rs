//! Kernels on a device against their references: what `bitnet verify` reports.

use super::case::Case;
use super::launch::run_case;
use super::row::{KernelRow, Precision, Tolerance};
use super::verdict::{OutputVerdict, compare_with};
use crate::metal::device::NO_SIMDGROUP_REDUCTIONS;
use crate::metal::{BitNetShaders, Device, MetalError, ShaderCompilerConfig};

/// A way of compiling the shaders that changes what runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Whether sums over rows go through `simd_sum` and its like, or are done by single threads.
    pub simdgroup_reductions: bool,
    /// [`CompileOptions::fast_math`](crate::metal::CompileOptions::fast_math), which concerns the shaders of a directory.
    pub fast_math: bool,
}

impl Way {
    /// All ways that a device has for the shaders of a configuration.
    pub fn all(device: &Device, config: &ShaderCompilerConfig) -> Vec<Self> {
        let all = [(true, false), (true, true), (false, false), (false, true)];
        let way = |(simdgroup_reductions, fast_math)| Self { simdgroup_reductions, fast_math };
        let is_built_in = config.shader_directory.as_os_str().is_empty();
        let has = |way: &Self| {
            (device.limits().simdgroup_reductions || !way.simdgroup_reductions)
                && !(is_built_in && way.fast_math)
        };
        all.map(way).into_iter().filter(has).collect()
    }

    /// The shaders of a configuration, compiled in this way.
    ///
    /// # Errors
    /// As [`BitNetShaders::with_config`].
    pub fn shaders(
        self,
        device: &Device,
        config: &ShaderCompilerConfig,
    ) -> Result<BitNetShaders, MetalError> {
        let mut config = config.clone();
        config.compile_options.fast_math = self.fast_math;
        if !self.simdgroup_reductions {
            config.compile_options.defines.insert(NO_SIMDGROUP_REDUCTIONS, "1");
        }
        BitNetShaders::with_config(device.clone(), config)
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let reductions = if self.simdgroup_reductions { "simdgroup reductions" } else { "plain reductions" };
        let math = if self.fast_math { "fast math" } else { "exact math" };
        f.pad(&format!("{reductions}, {math}"))
    }
}

/// The element of an output that is furthest off, as a fraction of what its tolerance allows.
#[derive(Clone, Debug, PartialEq)]
pub struct Worst {
    /// The way in which the shader was compiled.
    pub way: Way,
    /// The case's label.
    pub case: String,
    /// The output.
    pub output: &'static str,
    /// What its error is measured by.
    pub tolerance: Tolerance,
    /// The error as a fraction of what is allowed: at most 1 is right.
    pub fraction: f64,
    /// The element, what came out, what should have; `None` if there is not the right number of elements.
    pub element: Option<(usize, f64, f64)>,
}

impl Worst {
    fn new(way: Way, case: &Case, verdict: &OutputVerdict) -> Self {
        Self {
            way,
            case: case.label.clone(),
            output: verdict.name,
            tolerance: verdict.tolerance,
            fraction: verdict.worst_error,
            element: verdict.worst,
        }
    }
}

/// Why a kernel is not right.
#[derive(Clone, Debug)]
pub enum Failure {
    /// It gave something else than the reference.
    Wrong(Worst),
    /// It could not be compiled, or went wrong while it ran.
    Error {
        /// The way in which the shader was compiled.
        way: Way,
        /// The case's label; `None` if it did not come to run any.
        case: Option<String>,
        /// What happened.
        error: MetalError,
    },
}

/// How a version of a kernel did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Cases that were run, each way counted.
    pub cases: usize,
    /// The worst element of all; `None` if nothing was compared.
    pub worst: Option<Worst>,
    /// What was not right, output by output.
    pub failures: Vec<Failure>,
}

impl Report {
    /// Whether everything was right, and there was something.
    pub fn is_ok(&self) -> bool {
        self.failures.is_empty() && self.cases > 0
    }

    fn note(&mut self, worst: Worst) {
        // A fraction is never NaN: what cannot be compared is infinitely wrong.
        if worst.fraction > 1.0 {
            self.failures.push(Failure::Wrong(worst.clone()));
        }
        let place = |worst: &Worst| (worst.fraction, worst.element.is_some());
        if self.worst.as_ref().is_none_or(|old| place(&worst) > place(old)) {
            self.worst = Some(worst);
        }
    }
}

/// Runs cases of one version of a kernel in all these ways, and compares what comes out with the reference.
/// `progress` is called after each run.
pub fn verify(
    ways: &[(Way, BitNetShaders)],
    row: &KernelRow,
    cases: &[Case],
    progress: &mut dyn FnMut(),
) -> Report {
    let mut report = Report::default();
    let mut usable: Vec<&(Way, BitNetShaders)> = Vec::new();
    let precision = cases.first().map_or(Precision::Single, |case| case.precision);
    for way in ways {
        match way.1.get_pipeline_in(row.function, precision) {
            Ok(_) => usable.push(way),
            Err(error) => report.failures.push(Failure::Error { way: way.0, case: None, error }),
        }
    }
    for case in cases {
        let case = match usable.first() {
            Some((_, shaders)) => &case.clone().on_device(shaders.device()),
            None => case,
        };
        let expected = (row.reference)(case);
        for (way, shaders) in &usable {
            match run_case(shaders, row, case) {
                Ok(outputs) => compare_with(row, case, &outputs, &expected)
                    .outputs
                    .iter()
                    .for_each(|verdict| report.note(Worst::new(*way, case, verdict))),
                Err(error) => {
                    let case = Some(case.label.clone());
                    report.failures.push(Failure::Error { way: *way, case, error });
                }
            }
            report.cases += 1;
            progress();
        }
    }
    report
}

/// All cases of a version of a kernel.
pub fn cases_in(row: &KernelRow, precision: Precision) -> Vec<Case> {
    (row.cases)().into_iter().map(|case| case.in_precision(row, precision)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metal::kernels::{BitNetShaderFunction, SHADERS};
    use crate::metal::{HostOptions, ShaderCompilerConfig};
    use std::fs;

    /// Verifies one kernel with `relu`'s line in the shaders replaced, in all ways of the host device.
    fn report(function: BitNetShaderFunction, precision: Precision, from: &str, to: &str) -> Report {
        let directory = tempfile::tempdir().expect("there is a temporary directory");
        for (name, text) in SHADERS {
            let text = text.replace(from, to);
            fs::write(directory.path().join(format!("{name}.metal")), text).expect("it can be written");
        }
        let device = Device::host(HostOptions::default());
        let config = ShaderCompilerConfig {
            shader_directory: directory.path().to_owned(),
            enable_caching: false,
            ..ShaderCompilerConfig::default()
        };
        let ways = Way::all(&device, &config).into_iter();
        let ways: Vec<_> =
            ways.map(|way| (way, way.shaders(&device, &config).expect("a readable directory"))).collect();
        let (row, mut steps) = (function.row(), 0);
        let cases = cases_in(row, precision);
        let report = verify(&ways, row, &cases, &mut || steps += 1);
        assert_eq!(report.cases, steps);
        report
    }

    const RELU: &str = "return x <= 0.0f ? 0.0f : x;";

    #[test]
    fn right_kernels_pass_in_all_ways() {
        let row = BitNetShaderFunction::SoftmaxForward.row();
        for &precision in row.precisions() {
            let report = report(row.function, precision, "", "");
            let cases = (row.cases)().len();
            assert!(report.is_ok(), "{report:?}");
            assert_eq!(report.cases, 4 * cases);
            let worst = report.worst.expect("outputs were compared");
            // In half precision all may be the very values that the exact ones are rounded to.
            let is_exact = precision == Precision::Half && worst.fraction == 0.0;
            assert!(is_exact || (worst.fraction > 0.0 && worst.fraction <= 1.0), "{worst:?}");
        }
    }

    #[test]
    fn a_wrong_kernel_fails_with_its_case_and_element() {
        let report = report(
            BitNetShaderFunction::ReluForward,
            Precision::Single,
            RELU,
            "return x <= 0.0f ? 0.25f : x;",
        );
        assert!(!report.is_ok());
        let Some(Failure::Wrong(worst)) = report.failures.first() else { panic!("{report:?}") };
        let (_, got, wanted) = worst.element.expect("as many elements as there should be");
        assert_eq!((worst.output, got, wanted), ("output", 0.25, 0.0));
        assert!(!worst.case.is_empty());
    }

    #[test]
    fn a_kernel_that_does_not_compile_fails_once_a_way() {
        let report = report(BitNetShaderFunction::ReluForward, Precision::Half, RELU, "return y;");
        assert!(!report.is_ok());
        assert_eq!((report.cases, report.failures.len()), (0, 4), "{report:?}");
    }

    #[test]
    fn a_kernel_that_traps_fails_with_its_case() {
        let body = "device const float *null = nullptr; return x <= 0.0f ? null[0] : x;";
        let report = report(BitNetShaderFunction::ReluForward, Precision::Single, RELU, body);
        let trapped = |failure: &Failure| match failure {
            Failure::Error { case, error, .. } => case.is_some() && error.trap().is_some(),
            Failure::Wrong(_) => false,
        };
        assert!(!report.is_ok() && report.failures.iter().any(trapped), "{report:?}");
    }
}

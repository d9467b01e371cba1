//! How the host device runs, and the environment variables that say so.

use std::env;
use std::ffi::OsString;

use bitnet_msl::LanguageVersion;

use super::error::MetalError;
use super::log_state::{LOG_BUFFER_SIZES, LogStateDescriptor, MTLLogLevel};

/// How a host device runs shaders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostOptions {
    /// CPU threads at most; `None` (or 0) takes as many as the machine has. Results do not depend on it.
    pub threads: Option<usize>,
    /// Checks beyond bounds and alignment, which are always checked: a thread that returns before a
    /// barrier which others reach traps.
    pub checks: bool,
    /// Traps a simdgroup that executes more instructions than this, so that no shader runs for ever.
    pub max_instructions: Option<u64>,
    /// What happens at a misuse of the API, beside that it fails the command buffer.
    pub error_mode: ErrorMode,
    /// Whether the device has simdgroup reductions and shuffles. Without them it is like the older Apple
    /// GPUs and the virtual ones of CI machines: shaders are compiled for their plain versions, and a
    /// kernel that uses `simd_sum` all the same is refused.
    pub simdgroup_reductions: bool,
    /// Whether threadgroups at the edges of a grid may be smaller than the others. Without it the device is
    /// like the GPUs before A11: see
    /// [`DeviceLimits::non_uniform_threadgroups`](super::DeviceLimits::non_uniform_threadgroups).
    pub non_uniform_threadgroups: bool,
    /// The newest version of the language that the device compiles: with an older one it is like a system of its time.
    pub language_version: LanguageVersion,
    /// What is kept of what shaders log, where no [`LogState`](super::LogState) says it. It becomes `tracing`
    /// events of target [`LOG_TARGET`](super::LOG_TARGET) when the command buffer ends. A buffer size out of
    /// range is brought into it.
    pub log: LogStateDescriptor,
}

impl Default for HostOptions {
    fn default() -> Self {
        Self {
            threads: None,
            checks: false,
            max_instructions: None,
            error_mode: ErrorMode::default(),
            simdgroup_reductions: true,
            non_uniform_threadgroups: true,
            language_version: LanguageVersion::NEWEST,
            log: LogStateDescriptor::default(),
        }
    }
}

/// What happens at a misuse of the API, at once and where it happens. In all modes it also fails the
/// command buffer, so that nothing is swallowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum ErrorMode {
    /// The misused method panics: the backtrace shows the call.
    Assert,
    /// It is logged as an error.
    #[default]
    Log,
    /// Nothing else.
    Ignore,
}

/// Metal's switches for its validation layers. Each turns the host device's checks on.
const CHECK_SWITCHES: [&str; 3] = ["METAL_DEVICE_WRAPPER_TYPE", "MTL_DEBUG_LAYER", "MTL_SHADER_VALIDATION"];
/// What Metal's validation layer does at an error. The first one that is set counts.
const ERROR_MODES: [&str; 2] = ["MTL_DEBUG_LAYER_ERROR_MODE", "METAL_DEBUG_ERROR_MODE"];

/// Metal's variables for what shaders log.
const LOG_LEVEL: &str = "MTL_LOG_LEVEL";
const LOG_SIZE: &str = "MTL_LOG_BUFFER_SIZE";

impl HostOptions {
    /// What the environment says.
    ///
    /// - `METAL_DEVICE_WRAPPER_TYPE`, `MTL_DEBUG_LAYER`, `MTL_SHADER_VALIDATION`: a number; any but 0
    ///   turns [`checks`](Self::checks) on, as it does Metal's.
    /// - `MTL_DEBUG_LAYER_ERROR_MODE`, else `METAL_DEBUG_ERROR_MODE`: [`error_mode`](Self::error_mode) as
    ///   `assert` (`abort` and 0 mean the same), `log` (so do `nslog` and any other number) or `ignore`.
    /// - `MTL_LOG_LEVEL`: the [level](LogStateDescriptor::level) of [`log`](Self::log) by the name of Metal's
    ///   constant, `MTLLogLevelDebug` and so on; `MTL_LOG_BUFFER_SIZE`: its
    ///   [size](LogStateDescriptor::buffer_size).
    ///
    /// # Errors
    /// [`MetalError::BadEnvironment`] for any other value.
    pub fn from_env() -> Result<Self, MetalError> {
        Self::from_variables(env::var_os)
    }

    fn from_variables(variable: impl Fn(&'static str) -> Option<OsString>) -> Result<Self, MetalError> {
        let mut options = Self::default();
        for name in CHECK_SWITCHES {
            let Some(value) = variable(name) else { continue };
            options.checks |= parse(name, &value, "a number", |text| Some(text.parse::<u32>().ok()? != 0))?;
        }
        for name in ERROR_MODES.into_iter().rev() {
            let Some(value) = variable(name) else { continue };
            options.error_mode =
                parse(name, &value, "assert, abort, log, nslog, ignore, a number", error_mode)?;
        }
        if let Some(value) = variable(LOG_LEVEL) {
            let named = |text: &str| MTLLogLevel::ALL.into_iter().find(|level| level.name() == text);
            options.log.level =
                parse(LOG_LEVEL, &value, "MTLLogLevelDebug, …Info, …Notice, …Error, …Fault", named)?;
        }
        if let Some(value) = variable(LOG_SIZE) {
            let size = |text: &str| text.parse().ok().filter(|size| LOG_BUFFER_SIZES.contains(size));
            options.log.buffer_size =
                parse(LOG_SIZE, &value, "a number of bytes from 1024 to 1073741824", size)?;
        }
        Ok(options)
    }
}

fn error_mode(text: &str) -> Option<ErrorMode> {
    match text {
        "assert" | "abort" | "0" => Some(ErrorMode::Assert),
        "log" | "nslog" => Some(ErrorMode::Log),
        "ignore" => Some(ErrorMode::Ignore),
        number => number.parse::<u32>().ok().map(|_| ErrorMode::Log),
    }
}

fn parse<T>(
    variable: &'static str,
    value: &OsString,
    expected: &'static str,
    meaning: impl Fn(&str) -> Option<T>,
) -> Result<T, MetalError> {
    let value = value.to_string_lossy();
    meaning(value.trim()).ok_or_else(|| MetalError::BadEnvironment {
        variable,
        value: value.clone().into_owned(),
        expected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<HostOptions, String> {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into());
        HostOptions::from_variables(find).map_err(|error| error.to_string())
    }

    #[test]
    fn metals_switches_turn_checks_on() {
        assert_eq!(from(&[]), Ok(HostOptions::default()));
        for name in CHECK_SWITCHES {
            for (value, checks) in [("1", true), ("4", true), ("0", false)] {
                assert_eq!(from(&[(name, value)]).map(|o| o.checks), Ok(checks), "{name}={value}");
            }
        }
        assert_eq!(
            from(&[("METAL_DEVICE_WRAPPER_TYPE", "0"), ("MTL_DEBUG_LAYER", "1")]).map(|o| o.checks),
            Ok(true)
        );
    }

    #[test]
    fn error_modes_by_word_and_number() {
        let modes = [
            ("assert", ErrorMode::Assert),
            ("abort", ErrorMode::Assert),
            ("0", ErrorMode::Assert),
            ("log", ErrorMode::Log),
            ("nslog", ErrorMode::Log),
            ("1", ErrorMode::Log),
            ("5", ErrorMode::Log),
            ("ignore", ErrorMode::Ignore),
        ];
        for (value, mode) in modes {
            for name in ERROR_MODES {
                assert_eq!(from(&[(name, value)]).map(|o| o.error_mode), Ok(mode), "{name}={value}");
            }
        }
        let both = [("METAL_DEBUG_ERROR_MODE", "0"), ("MTL_DEBUG_LAYER_ERROR_MODE", "ignore")];
        assert_eq!(from(&both).map(|o| o.error_mode), Ok(ErrorMode::Ignore));
    }

    #[test]
    fn metals_variables_say_what_is_logged() {
        let log = |variables: &[(&str, &str)]| from(variables).map(|options| options.log);
        let default = LogStateDescriptor::default();
        assert_eq!(log(&[]), Ok(default));
        for level in MTLLogLevel::ALL {
            let expect = LogStateDescriptor { level, ..default };
            assert_eq!(log(&[("MTL_LOG_LEVEL", level.name())]), Ok(expect));
        }
        let expect = LogStateDescriptor { buffer_size: 2048, ..default };
        assert_eq!(log(&[("MTL_LOG_BUFFER_SIZE", "2048")]), Ok(expect));
    }

    #[test]
    fn unknown_values_are_refused() {
        let check = |name, value, expect: &str| assert_eq!(from(&[(name, value)]), Err(expect.to_owned()));
        check(
            "MTL_DEBUG_LAYER",
            "yes",
            "environment variable MTL_DEBUG_LAYER is 'yes', which is not one of: a number",
        );
        check(
            "MTL_LOG_LEVEL",
            "debug",
            "environment variable MTL_LOG_LEVEL is 'debug', which is not one of: \
             MTLLogLevelDebug, …Info, …Notice, …Error, …Fault",
        );
        check(
            "MTL_LOG_BUFFER_SIZE",
            "1023",
            "environment variable MTL_LOG_BUFFER_SIZE is '1023', which is not one of: \
             a number of bytes from 1024 to 1073741824",
        );
        check(
            "METAL_DEBUG_ERROR_MODE",
            "panic",
            "environment variable METAL_DEBUG_ERROR_MODE is 'panic', which is not one of: \
             assert, abort, log, nslog, ignore, a number",
        );
    }
}

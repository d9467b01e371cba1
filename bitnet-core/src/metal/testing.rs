//! For tests: the devices that a test of a shader, or of the API, runs on.
//!
//! A test runs on the host device always and on the Metal GPU where there is one. Where there is none, it says
//! so, by name and counted, in a line on standard error that begins with `SKIPPED on metal`;
//! `BITNET_MUST_RUN=metal` in the environment makes that a failure.
//!
//! ```
//! use bitnet_core::metal::ops::Ops;
//! use bitnet_core::metal::{MetalError, testing};
//!
//! testing::on_each_device(|device| -> Result<(), MetalError> {
//!     let ops = Ops::new(device)?;
//!     let output = ops.relu_forward(&ops.tensor(&[-1.0f32, 2.0], [2])?)?;
//!     assert_eq!(output.to_vec::<f32>()?, [0.0, 2.0]);
//!     Ok(())
//! });
//! ```

use std::any::type_name;
use std::collections::BTreeSet;
use std::env;
use std::io::{self, Write};
use std::sync::Mutex;

use super::device::{Device, DeviceKind};
use super::error::MetalError;
use super::host_options::HostOptions;
use super::sync::lock;

/// The environment variable that lists, separated by commas, the devices that no test may skip: `host`, `metal`.
pub const MUST_RUN: &str = "BITNET_MUST_RUN";

/// Runs a test on each device: a host device of its own, with the [options of the environment](HostOptions::from_env)
/// and every check, and the Metal GPU where there is one. A skip names the function that the closure is in.
///
/// # Panics
/// If the test does, which says on which device, or gives an error; if the environment has options that the host device
/// does not know; if Metal has to run and is not there; if [`MUST_RUN`] names a device that there never is.
pub fn on_each_device<F, O>(test: F)
where
    F: Fn(&Device) -> O,
    O: Outcome,
{
    on_each_device_as(name_of::<F>(), test);
}

/// As [`on_each_device`], for a test whose name the closure does not tell.
///
/// # Panics
/// As [`on_each_device`].
pub fn on_each_device_as<O: Outcome>(name: &str, test: impl Fn(&Device) -> O) {
    let options = HostOptions::from_env().unwrap_or_else(|error| panic!("{error}"));
    for device in devices(name, Device::host(HostOptions { checks: true, ..options })) {
        let on = NamedInPanics(device.name());
        test(&device).expect_success();
        drop(on);
    }
}

/// A host device and, where there is one, the Metal GPU; where there is none, the skip of a test of this name is
/// reported.
///
/// # Panics
/// If Metal has to run and is not there; if [`MUST_RUN`] names a device that there never is.
pub fn devices(name: &str, host: Device) -> Vec<Device> {
    let must_run = env::var(MUST_RUN).unwrap_or_default();
    let (devices, skip) = choose(host, Device::metal(), &must_run).unwrap_or_else(|why| panic!("{why}"));
    if let Some(reason) = skip {
        report_skip("metal", name, &reason);
    }
    devices
}

/// Says that a test of this name cannot run on a device that lacks what it tests, as it is said of a device that is not
/// there. [`MUST_RUN`] does not forbid it: the device is there.
pub fn skip(name: &str, device: &Device, reason: &str) {
    let kind = match device.kind() {
        DeviceKind::Host => "host",
        DeviceKind::Metal => "metal",
    };
    report_skip(kind, name, reason);
}

/// Says, while a test panics, which device it was on.
struct NamedInPanics<'a>(&'a str);

impl Drop for NamedInPanics<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("on {}", self.0);
        }
    }
}

/// The path of the function that a closure of this type is in.
pub fn name_of<F>() -> &'static str {
    type_name::<F>().trim_end_matches("::{{closure}}")
}

/// What a test may give: nothing, or a result that must not be an error.
pub trait Outcome {
    /// # Panics
    /// If it is an error.
    fn expect_success(self);
}

impl Outcome for () {
    fn expect_success(self) {}
}

impl<E: std::fmt::Display> Outcome for Result<(), E> {
    fn expect_success(self) {
        if let Err(error) = self {
            panic!("{error}");
        }
    }
}

/// The devices, and why Metal is not among them, unless it must be.
fn choose(
    host: Device,
    metal: Result<Device, MetalError>,
    must_run: &str,
) -> Result<(Vec<Device>, Option<String>), String> {
    let named = named_in(must_run)?;
    match metal {
        Ok(metal) => Ok((vec![host, metal], None)),
        Err(error) if named.contains(&"metal") => Err(format!("{MUST_RUN} wants metal, but {error}")),
        Err(error) => Ok((vec![host], Some(error.to_string()))),
    }
}

/// The devices that a value of [`MUST_RUN`] names.
fn named_in(must_run: &str) -> Result<Vec<&str>, String> {
    let names: Vec<&str> = must_run.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    match names.iter().find(|name| !["host", "metal"].contains(name)) {
        Some(unknown) => Err(format!("{MUST_RUN} names '{unknown}', but there are only host and metal")),
        None => Ok(names),
    }
}

/// Says so, once a test, past the test harness, which swallows what a passing test prints.
fn report_skip(kind: &'static str, test: &str, reason: &str) {
    static SKIPPED: Mutex<BTreeSet<(&str, String)>> = Mutex::new(BTreeSet::new());
    let mut skipped = lock(&SKIPPED);
    if skipped.insert((kind, test.to_owned())) {
        let count = skipped.iter().filter(|(other, _)| *other == kind).count();
        let line = format!("SKIPPED on {kind} ({count}): {test}: {reason}\n");
        io::stderr().write_all(line.as_bytes()).expect("stderr takes a line");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_tested_or_the_skip_is_named() {
        let host = || Device::host(HostOptions::default());
        let no_metal = || MetalError::NoMetalDevice { reason: "none here".to_owned() };
        let check = |metal, must_run, expect: Result<(usize, Option<&str>), &str>| {
            let found = choose(host(), metal, must_run);
            let found = found.as_ref().map(|(devices, skip)| (devices.len(), skip.as_deref()));
            assert_eq!(found.map_err(String::as_str), expect, "BITNET_MUST_RUN={must_run}");
        };
        // Another host device stands for the GPU: which it is makes no difference here.
        check(Ok(host()), "", Ok((2, None)));
        check(Ok(host()), "metal", Ok((2, None)));
        check(Err(no_metal()), "", Ok((1, Some("no Metal device: none here"))));
        check(Err(no_metal()), "host", Ok((1, Some("no Metal device: none here"))));
        let wanted = "BITNET_MUST_RUN wants metal, but no Metal device: none here";
        check(Err(no_metal()), "host, metal", Err(wanted));
        check(Ok(host()), "gpu", Err("BITNET_MUST_RUN names 'gpu', but there are only host and metal"));
    }

    #[test]
    fn a_closure_is_named_by_its_function() {
        fn name<F: Fn()>(_: F) -> &'static str {
            name_of::<F>()
        }
        let expect = concat!(module_path!(), "::a_closure_is_named_by_its_function");
        assert_eq!(name(|| {}), expect);
        let nested = || name(|| {});
        assert_eq!(nested(), expect);
    }

    #[test]
    fn an_error_fails_a_test() {
        let fail = || Err::<(), _>("wrong").expect_success();
        let panic = std::panic::catch_unwind(fail).expect_err("it fails");
        assert_eq!(super::super::completion::panic_text(panic.as_ref()), "wrong");
        Ok::<(), &str>(()).expect_success();
    }
}

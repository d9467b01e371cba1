//! The devices to test: the host device always, the Metal GPU where there is one. A test that could not
//! run on Metal says so, by name and counted; `BITNET_MUST_RUN=metal` makes that a failure.

use std::env;
use std::io::{self, Write};
use std::sync::Mutex;

use bitnet_core::metal::{Device, HostOptions, MetalError};

/// Lists, separated by commas, the devices that a test must not skip.
const MUST_RUN: &str = "BITNET_MUST_RUN";

/// Runs a test on each device.
pub(crate) fn on_each_device(test: &str, run: impl Fn(&Device)) {
    let must_run = env::var(MUST_RUN).unwrap_or_default();
    let host = Device::host(HostOptions { checks: true, ..HostOptions::default() });
    let (devices, skip) = devices(host, Device::metal(), &must_run).unwrap_or_else(|why| panic!("{why}"));
    if let Some(reason) = skip {
        report_skip(test, &reason);
    }
    for device in devices {
        run(&device);
    }
}

/// The devices, and why Metal is not among them, unless it must be.
pub(crate) fn devices(
    host: Device,
    metal: Result<Device, MetalError>,
    must_run: &str,
) -> Result<(Vec<Device>, Option<String>), String> {
    let names: Vec<&str> = must_run.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if let Some(unknown) = names.iter().find(|name| !["host", "metal"].contains(name)) {
        return Err(format!("{MUST_RUN} names '{unknown}', but there are only host and metal"));
    }
    match metal {
        Ok(metal) => Ok((vec![host, metal], None)),
        Err(error) if names.contains(&"metal") => Err(format!("{MUST_RUN} wants metal, but {error}")),
        Err(error) => Ok((vec![host], Some(error.to_string()))),
    }
}

/// Says so past the test harness, which swallows what a passing test prints.
fn report_skip(test: &str, reason: &str) {
    static SKIPPED: Mutex<usize> = Mutex::new(0);
    let mut skipped = SKIPPED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    *skipped += 1;
    let line = format!("SKIPPED on metal ({skipped}): {test}: {reason}\n");
    io::stderr().write_all(line.as_bytes()).expect("stderr takes a line");
}

//! The device that a command runs on, and the machine around it, as reports name them.

use std::fs;

use anyhow::Context;
use bitnet_core::metal::{Device, DeviceKind, HostOptions};
use serde::Serialize;

use crate::cli::DeviceChoice;

/// The device that was asked for; without a choice, the default one.
pub(crate) fn open(choice: Option<DeviceChoice>) -> anyhow::Result<Device> {
    Ok(match choice {
        None => Device::system_default()?,
        Some(DeviceChoice::Metal) => Device::metal().context("--device metal")?,
        Some(DeviceChoice::Host) => Device::host(HostOptions::from_env()?),
    })
}

/// What commands call a kind of device.
pub(crate) fn kind_name(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Metal => "metal",
        DeviceKind::Host => "host",
    }
}

/// A device, for reports.
#[derive(Serialize)]
pub(crate) struct DeviceReport {
    kind: &'static str,
    name: String,
    /// Metal's GPU families.
    families: Vec<String>,
    #[serde(flatten)]
    limits: Limits,
}

impl DeviceReport {
    pub(crate) fn of(device: &Device) -> Self {
        Self {
            kind: kind_name(device.kind()),
            name: device.name().to_owned(),
            families: device.families().iter().map(|family| format!("{family:?}")).collect(),
            limits: Limits::of(device),
        }
    }
}

/// What a device can do at most.
#[derive(Clone, Serialize)]
pub(crate) struct Limits {
    /// The newest version of the language: `3.2`.
    pub(crate) metal: String,
    pub(crate) max_buffer_bytes: u64,
    pub(crate) max_threads_per_threadgroup: u64,
    pub(crate) threadgroup_memory_bytes: u64,
    pub(crate) simd_width: u64,
    pub(crate) simdgroup_reductions: bool,
    pub(crate) non_uniform_threadgroups: bool,
    pub(crate) unified_memory: bool,
    pub(crate) recommended_working_set_bytes: Option<u64>,
}

impl Limits {
    pub(crate) fn of(device: &Device) -> Self {
        let limits = device.limits();
        Self {
            metal: limits.language_version.to_string(),
            max_buffer_bytes: limits.max_buffer_length,
            max_threads_per_threadgroup: limits.max_total_threads_per_threadgroup,
            threadgroup_memory_bytes: limits.max_threadgroup_memory_length,
            simd_width: limits.thread_execution_width,
            simdgroup_reductions: limits.simdgroup_reductions,
            non_uniform_threadgroups: limits.non_uniform_threadgroups,
            unified_memory: limits.has_unified_memory,
            recommended_working_set_bytes: limits.recommended_max_working_set_size,
        }
    }
}

/// The operating system, whose drivers are part of what a report is about.
#[derive(Serialize)]
pub(crate) struct System {
    os: &'static str,
    arch: &'static str,
    /// Name and version, where the system keeps them in a file.
    version: Option<String>,
}

impl System {
    pub(crate) fn this() -> Self {
        let version = macos_version().or_else(linux_version);
        Self { os: std::env::consts::OS, arch: std::env::consts::ARCH, version }
    }
}

impl std::fmt::Display for System {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.version.as_deref().unwrap_or(self.os), self.arch)
    }
}

/// `macOS 15.5 (24F74)`
fn macos_version() -> Option<String> {
    let plist = fs::read_to_string("/System/Library/CoreServices/SystemVersion.plist").ok()?;
    let value = |key: &str| plist_string(&plist, key);
    Some(format!(
        "{} {} ({})",
        value("ProductName")?,
        value("ProductVersion")?,
        value("ProductBuildVersion")?
    ))
}

/// The string that follows a key in a property list.
fn plist_string<'a>(plist: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = plist.split_once(&format!("<key>{key}</key>"))?;
    Some(rest.trim_start().strip_prefix("<string>")?.split_once("</string>")?.0)
}

/// `Debian GNU/Linux 13 (trixie), Linux 6.12.0`
fn linux_version() -> Option<String> {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = name.map_or_else(String::new, |name| format!("{}, ", name.trim_matches('"')));
    Some(format!("{name}Linux {}", kernel.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn property_lists_are_read_by_key() {
        let plist = "<dict>\n\t<key>ProductName</key>\n\t<string>macOS</string>\n\t<key>ProductVersion</key>\n\
                     \t<string>15.5</string>\n</dict>";
        assert_eq!(plist_string(plist, "ProductName"), Some("macOS"));
        assert_eq!(plist_string(plist, "ProductVersion"), Some("15.5"));
        assert_eq!(plist_string(plist, "ProductBuildVersion"), None);
    }
}

//! `bitnet devices`: what can run shaders here, and why the others cannot.

use std::io::{self, Write};
use std::process::ExitCode;

use bitnet_core::metal::{Device, DeviceKind, HostOptions};
use serde::Serialize;

use crate::cli::ListArgs;
use crate::output;

#[derive(Serialize)]
struct Row {
    kind: &'static str,
    available: bool,
    name: Option<String>,
    /// Why it is not available.
    reason: Option<String>,
    is_default: bool,
    max_buffer_bytes: Option<u64>,
    max_threads_per_threadgroup: Option<u64>,
    threadgroup_memory_bytes: Option<u64>,
    simd_width: Option<u64>,
}

pub(crate) fn run(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let default = Device::system_default()?.kind();
    let rows = [
        row("metal", DeviceKind::Metal, default, Device::metal().map_err(anyhow::Error::from)),
        row("host", DeviceKind::Host, default, host_device()),
    ];
    if args.json {
        output::print_json(&rows)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = io::stdout().lock();
    for row in &rows {
        let mark = if row.is_default { "*" } else { " " };
        match (&row.name, &row.reason) {
            (Some(name), _) => writeln!(out, "{mark} {:<6} {name}", row.kind)?,
            (None, reason) => {
                writeln!(
                    out,
                    "{mark} {:<6} not available: {}",
                    row.kind,
                    reason.as_deref().unwrap_or("unknown")
                )?;
            }
        }
        let limits = (
            row.max_threads_per_threadgroup,
            row.threadgroup_memory_bytes,
            row.max_buffer_bytes,
            row.simd_width,
        );
        if let (Some(threads), Some(memory), Some(buffer), Some(width)) = limits {
            let (memory, buffer) = (output::human_bytes(memory), output::human_bytes(buffer));
            writeln!(
                out,
                "         simdgroups of {width}, threadgroups of up to {threads} threads and {memory}, buffers of up to {buffer}"
            )?;
        }
    }
    writeln!(out, "* runs by default")?;
    Ok(ExitCode::SUCCESS)
}

fn host_device() -> anyhow::Result<Device> {
    Ok(Device::host(HostOptions::from_env()?))
}

fn row(kind: &'static str, this: DeviceKind, default: DeviceKind, device: anyhow::Result<Device>) -> Row {
    let limits = device.as_ref().ok().map(|d| *d.limits());
    Row {
        kind,
        available: device.is_ok(),
        name: device.as_ref().ok().map(|d| d.name().to_owned()),
        reason: device.err().map(|e| format!("{e:#}")),
        is_default: this == default,
        max_buffer_bytes: limits.map(|l| l.max_buffer_length),
        max_threads_per_threadgroup: limits.map(|l| l.max_total_threads_per_threadgroup),
        threadgroup_memory_bytes: limits.map(|l| l.max_threadgroup_memory_length),
        simd_width: limits.map(|l| l.thread_execution_width),
    }
}

//! `bitnet devices`: what can run shaders here, and why the others cannot.

use std::io::{self, Write};
use std::process::ExitCode;

use bitnet_core::metal::{Device, DeviceKind};
use serde::Serialize;

use crate::cli::{DeviceChoice, ListArgs};
use crate::device::{self, Limits};
use crate::output;

#[derive(Serialize)]
struct Row {
    kind: &'static str,
    available: bool,
    name: Option<String>,
    /// Why it is not available.
    reason: Option<String>,
    is_default: bool,
    #[serde(flatten)]
    limits: Option<Limits>,
}

pub(crate) fn run(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let default = Device::system_default()?.kind();
    let rows = [
        row(DeviceKind::Metal, default, Device::metal().map_err(anyhow::Error::from)),
        row(DeviceKind::Host, default, device::open(Some(DeviceChoice::Host))),
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
        if let Some(limits) = &row.limits {
            let (width, threads) = (limits.simd_width, limits.max_threads_per_threadgroup);
            let memory = output::human_bytes(limits.threadgroup_memory_bytes);
            let buffer = output::human_bytes(limits.max_buffer_bytes);
            writeln!(
                out,
                "         Metal {}, simdgroups of {width}, threadgroups of up to {threads} threads and {memory}, buffers of up to {buffer}",
                limits.metal
            )?;
        }
    }
    writeln!(out, "* runs by default")?;
    Ok(ExitCode::SUCCESS)
}

fn row(kind: DeviceKind, default: DeviceKind, device: anyhow::Result<Device>) -> Row {
    Row {
        kind: device::kind_name(kind),
        available: device.is_ok(),
        name: device.as_ref().ok().map(|d| d.name().to_owned()),
        limits: device.as_ref().ok().map(Limits::of),
        reason: device.err().map(|e| format!("{e:#}")),
        is_default: kind == default,
    }
}

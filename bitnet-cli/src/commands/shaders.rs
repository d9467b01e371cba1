//! `bitnet shaders`: the kernel table, with bindings.

use std::io::{self, Write};
use std::process::ExitCode;

use bitnet_core::metal::kernels::row::{Access, Element, Param, ParamKind};
use bitnet_core::metal::kernels::{KernelRow, TABLE};
use serde::Serialize;

use crate::cli::ListArgs;
use crate::output;

#[derive(Serialize)]
struct Kernel {
    shader: &'static str,
    name: &'static str,
    summary: &'static str,
    bindings: Vec<Binding>,
}

#[derive(Serialize)]
struct Binding {
    index: u32,
    name: &'static str,
    /// As MSL declares it.
    #[serde(rename = "type")]
    ty: String,
    access: &'static str,
    optional: bool,
    /// How exact the results in it are.
    tolerance: Option<String>,
}

pub(crate) fn run(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let kernels: Vec<Kernel> = TABLE.iter().map(kernel).collect();
    if args.json {
        output::print_json(&kernels)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = io::stdout().lock();
    let mut shader = "";
    for kernel in &kernels {
        if kernel.shader != shader {
            shader = kernel.shader;
            writeln!(out, "{shader}.metal")?;
        }
        writeln!(out, "  {:<30} {}", kernel.name, kernel.summary)?;
        for binding in &kernel.bindings {
            let Binding { index, name, ty, access, .. } = binding;
            let optional = if binding.optional { ", optional" } else { "" };
            writeln!(out, "      [[buffer({index})]] {:<34} {access}{optional}", format!("{ty}{name}"))?;
        }
    }
    writeln!(out, "{} kernels", kernels.len())?;
    Ok(ExitCode::SUCCESS)
}

fn kernel(row: &KernelRow) -> Kernel {
    Kernel {
        shader: row.shader,
        name: row.name,
        summary: row.summary,
        bindings: row.params.iter().map(binding).collect(),
    }
}

fn binding(param: &Param) -> Binding {
    let (ty, access) = match &param.kind {
        ParamKind::Buffer { element, access, .. } => {
            let constness = if *access == Access::Read { "const " } else { "" };
            (format!("device {constness}{} *", element_name(*element)), access_name(*access))
        }
        ParamKind::Constants(layout) => (format!("constant {} &", layout.name), "read"),
    };
    Binding {
        index: param.index,
        name: param.name,
        ty,
        access,
        optional: param.is_optional(),
        tolerance: param.tolerance().map(|tolerance| tolerance.to_string()),
    }
}

fn element_name(element: Element) -> &'static str {
    element.scalar().msl_name()
}

fn access_name(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::Write(_) => "write",
        Access::ReadWrite(_) => "read and write",
    }
}

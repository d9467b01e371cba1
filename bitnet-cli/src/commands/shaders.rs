//! `bitnet shaders`: the kernel table, with bindings.

use std::io::{self, Write};
use std::process::ExitCode;

use bitnet_core::metal::kernels::row::{Access, Param, ParamKind};
use bitnet_core::metal::kernels::{KernelRow, Precision, TABLE};
use serde::Serialize;

use crate::cli::ListArgs;
use crate::output;

#[derive(Serialize)]
struct Kernel {
    shader: &'static str,
    name: String,
    precision: String,
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
    let versions = |row: &'static KernelRow| row.precisions().iter().map(move |&p| kernel(row, p));
    let kernels: Vec<Kernel> = TABLE.iter().flat_map(versions).collect();
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
    writeln!(out, "{} kernels, {} with their versions in half precision", TABLE.len(), kernels.len())?;
    Ok(ExitCode::SUCCESS)
}

fn kernel(row: &KernelRow, precision: Precision) -> Kernel {
    Kernel {
        shader: row.shader,
        name: row.kernel_name(precision).into_owned(),
        precision: precision.to_string(),
        summary: row.summary,
        bindings: row.params.iter().map(|param| binding(param, precision)).collect(),
    }
}

fn binding(param: &Param, precision: Precision) -> Binding {
    let (ty, access) = match &param.kind {
        ParamKind::Buffer { element, access, .. } => {
            let is_const = matches!(access, Access::Read | Access::Scratch(_));
            let constness = if is_const { "const " } else { "" };
            (format!("device {constness}{} *", element.scalar(precision).msl_name()), access_name(*access))
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

fn access_name(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::Write(_) => "write",
        Access::ReadWrite(_) => "read and write",
        Access::Scratch(_) => "scratch",
    }
}

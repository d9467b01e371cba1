//! `bitnet explain`: what a diagnostic code means.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::bail;
use bitnet_core::msl::diag::Code;

use crate::cli::ExplainArgs;

pub(crate) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let Some(wanted) = &args.code else {
        for code in Code::ALL {
            let info = code.info();
            writeln!(out, "{}  {}", info.name, info.summary)?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let Some(code) = Code::ALL.iter().find(|code| code.info().name.eq_ignore_ascii_case(wanted)) else {
        bail!("there is no diagnostic `{wanted}`; `bitnet explain` lists them all");
    };
    let info = code.info();
    writeln!(out, "{}: {}\n\n{}", info.name, info.summary, info.explanation)?;
    Ok(ExitCode::SUCCESS)
}

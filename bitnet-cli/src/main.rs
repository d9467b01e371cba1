//! The `bitnet` program: trains and evaluates BitNets, checks Metal shaders, verifies and times kernels.
//!
//! Exit codes: 0 for success, 1 when something failed or a shader has errors, 2 for a wrong command line.

mod cli;
mod commands;
mod device;
mod output;
mod plot;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    output::init_logging(cli.verbose);
    let result = match cli.command {
        cli::Command::Train(args) => commands::train::run(&args),
        cli::Command::Eval(args) => commands::eval::run(&args),
        cli::Command::Check(args) => commands::check::run(&args),
        cli::Command::Explain(args) => commands::explain::run(&args),
        cli::Command::Shaders(args) => commands::shaders::run(&args),
        cli::Command::Devices(args) => commands::devices::run(&args),
        cli::Command::Verify(args) => commands::verify::run(&args),
        cli::Command::Bench(args) => commands::bench::run(&args),
        cli::Command::NewShader(args) => commands::new_shader::run(&args),
        cli::Command::Cache(args) => commands::cache::run(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", output::describe(&error));
            ExitCode::FAILURE
        }
    }
}

//! The command line: every command, option, default and example.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// BitNets in Metal shaders, on any machine.
#[derive(Parser)]
#[command(name = "bitnet", version, about, max_term_width = 110, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Say more on standard error: -v for information, -vv for debugging
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Train a BitNet on handwritten digits (or MNIST files) and write its packed 1-bit model
    Train(TrainArgs),
    /// Evaluate a model from its packed weights alone
    Eval(EvalArgs),
    /// Check Metal shaders and print what is wrong with them
    Check(CheckArgs),
    /// Explain a diagnostic code
    Explain(ExplainArgs),
    /// List the built-in kernels with their bindings
    Shaders(ListArgs),
    /// List the devices that can run shaders here
    Devices(ListArgs),
}

#[derive(Args)]
#[command(after_help = "Examples:
  bitnet train                                   train on the built-in digits, write digits.bitnet.safetensors
  bitnet train --seed 2 --plot training.svg      another seed, and a picture of how it went
  bitnet train --hidden 256,256 --epochs 40      two larger hidden layers, longer
  bitnet train --checkpoint run.ckpt             save the whole state after each epoch
  bitnet train --checkpoint run.ckpt --resume    go on from there: the same losses as if never interrupted
  bitnet train --mnist ~/mnist --hidden 512      train on IDX files (MNIST, Fashion-MNIST, …; raw or .gz)")]
pub(crate) struct TrainArgs {
    /// Passes over the training images
    #[arg(long)]
    pub(crate) epochs: Option<u32>,
    /// Sizes of the hidden layers, separated by commas
    #[arg(long, value_delimiter = ',')]
    pub(crate) hidden: Option<Vec<u32>>,
    /// Peak learning rate
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) lr: Option<f32>,
    /// Images in a step
    #[arg(long)]
    pub(crate) batch: Option<u32>,
    /// Probability with which dropout zeroes an activation
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) dropout: Option<f32>,
    /// Seed of initial weights, shuffles and dropout: the same seed gives the same model
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Directory with the IDX files of MNIST or its kin, raw or gzip, instead of the built-in digits
    #[arg(long, value_name = "DIR")]
    pub(crate) mnist: Option<PathBuf>,
    /// Model file to write
    #[arg(long, value_name = "FILE", default_value = "digits.bitnet.safetensors")]
    pub(crate) out: PathBuf,
    /// Draw loss, accuracy and a confusion matrix into this .svg or .png file
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// Save latent weights and optimiser state to this file after each epoch
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Go on from the file given by --checkpoint, with the settings it holds
    #[arg(long, requires = "checkpoint", conflicts_with_all = ["epochs", "hidden", "lr", "batch", "dropout", "seed"])]
    pub(crate) resume: bool,
    /// Print JSON lines on standard output: one an epoch, then the result
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "Examples:
  bitnet eval digits.bitnet.safetensors              accuracy and confusion matrix on the test images
  bitnet eval digits.bitnet.safetensors --show 3     draw three misread digits in the terminal
  bitnet eval model.safetensors --mnist ~/mnist      a model trained with --mnist")]
pub(crate) struct EvalArgs {
    /// Model file written by `bitnet train`
    pub(crate) model: PathBuf,
    /// Draw up to N misread digits
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) show: usize,
    /// Directory with IDX files to evaluate on, instead of the built-in digits
    #[arg(long, value_name = "DIR")]
    pub(crate) mnist: Option<PathBuf>,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "Examples:
  bitnet check kernels/*.metal                    report every error with its place and code
  bitnet check -D TILE=32 -I shaders k.metal      with a macro, and a directory for #include \"…\"
  bitnet check --json k.metal                     the same for a program

Exit code 0: no errors. 1: errors, or a file that cannot be read. Explain a code with `bitnet explain E0401`.")]
pub(crate) struct CheckArgs {
    /// Files to check
    #[arg(required = true, value_name = "FILE.metal")]
    pub(crate) files: Vec<PathBuf>,
    /// Define a macro: NAME or NAME=VALUE
    #[arg(short = 'D', value_name = "NAME[=VALUE]")]
    pub(crate) defines: Vec<String>,
    /// Directory whose files #include "name" finds, beside that of the file itself
    #[arg(short = 'I', value_name = "DIR")]
    pub(crate) include_dirs: Vec<PathBuf>,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct ExplainArgs {
    /// A code such as E0401; without one, all codes are listed
    pub(crate) code: Option<String>,
}

#[derive(Args)]
pub(crate) struct ListArgs {
    /// Print one JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

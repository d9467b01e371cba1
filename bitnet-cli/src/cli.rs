//! The command line: every command, option, default and example.

use std::path::PathBuf;

use bitnet_core::metal::kernels::{Precision, Size};
use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// Run the kernels' cases on a device and compare what comes out with references in double precision
    Verify(VerifyArgs),
    /// Time kernels on a device, beside what the memory of the machine allows
    Bench(BenchArgs),
    /// Write the files of a new shader: a kernel that compiles, its tests, and where to name it
    NewShader(NewShaderArgs),
    /// Show, warm or clear the cache of compiled shaders
    Cache(CacheArgs),
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

/// What runs the shaders.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum DeviceChoice {
    /// The Metal GPU
    Metal,
    /// This machine's CPU, executing the shaders
    Host,
}

/// [`Precision`] as an argument.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum PrecisionChoice {
    /// float
    F32,
    /// half
    F16,
}

impl From<PrecisionChoice> for Precision {
    fn from(choice: PrecisionChoice) -> Self {
        match choice {
            PrecisionChoice::F32 => Precision::Single,
            PrecisionChoice::F16 => Precision::Half,
        }
    }
}

#[derive(Args)]
#[command(after_help = "Examples:
  bitnet verify                                  every kernel on the default device
  bitnet verify --device metal --json            on the GPU, as a report to send
  bitnet verify --kernel relu_forward            one kernel in all its precisions (relu_forward_f16: in that one)
  bitnet verify --shader-dir my/shaders          the .metal files of a directory instead of the built-in ones

Each case runs in every way that the device has: with simdgroup reductions and without, and the shaders of a directory with
exact and with fast math. On a GPU fast math may lose NaN and infinity, unless the shaders do without functions that test them.
Exit code 0: all right. 1: a kernel is wrong, or there is no such device.")]
pub(crate) struct VerifyArgs {
    /// Device to run on; without it, the GPU where there is one
    #[arg(long, value_enum)]
    pub(crate) device: Option<DeviceChoice>,
    /// Kernel to verify; may be given several times
    #[arg(long = "kernel", value_name = "NAME")]
    pub(crate) kernels: Vec<String>,
    /// Only the versions in this precision
    #[arg(long, value_enum)]
    pub(crate) precision: Option<PrecisionChoice>,
    /// Directory whose .metal files replace the built-in shaders
    #[arg(long, value_name = "DIR")]
    pub(crate) shader_dir: Option<PathBuf>,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "Examples:
  bitnet bench                                         every kernel, briefly
  bitnet bench bitlinear_forward --size 1x4096x4096    one row of activations, 4096 columns, 4096 outputs
  bitnet bench relu_forward --precision f16 --json     one version, as JSON

Results are compared with the reference before anything is timed. Times are medians of the device's own time.")]
pub(crate) struct BenchArgs {
    /// Kernel to time; without one, all
    pub(crate) kernel: Option<String>,
    /// Rows, columns and outputs; kernels without weights take M rows of K elements
    #[arg(long, value_name = "MxKxN", default_value = "16x1024x1024")]
    pub(crate) size: Size,
    /// Only the versions in this precision
    #[arg(long, value_enum)]
    pub(crate) precision: Option<PrecisionChoice>,
    /// Device to run on; without it, the GPU where there is one
    #[arg(long, value_enum)]
    pub(crate) device: Option<DeviceChoice>,
    /// Directory whose .metal files replace the built-in shaders
    #[arg(long, value_name = "DIR")]
    pub(crate) shader_dir: Option<PathBuf>,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "Examples:
  bitnet new-shader swish --dir my/shaders    my/shaders/swish.metal, and tests/swish.rs in the crate around it
  bitnet new-shader swish                     in a checkout of bitnet-rust: shader, reference, cases and table row,
                                              and the lines to add to files that exist
  bitnet new-shader swish --apply             the same, with those lines added")]
pub(crate) struct NewShaderArgs {
    /// Name of shader and kernel: small letters, digits and underscores
    pub(crate) name: String,
    /// Directory of a shader of your own; without it, the shaders of this checkout of bitnet-rust
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Also add the lines that name the kernel to the files that exist
    #[arg(long, conflicts_with = "dir")]
    pub(crate) apply: bool,
    /// Replace files that are there already
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Args)]
#[command(after_help = "Examples:
  bitnet cache                              what is in the cache, and whether it is of use
  bitnet cache clear                        remove the cache's files, and nothing else
  bitnet cache warm                         compile the built-in shaders now, not when they are first used
  bitnet cache warm --shaders my bitlinear  compile one shader of a directory, and make its kernels' pipelines
  bitnet cache --dir target/shaders --json  another cache, for a program

Without --dir the cache is in $BITNET_CACHE_DIR, else in bitnet-rust/shaders in the user's cache directory.")]
pub(crate) struct CacheArgs {
    /// Directory of the cache
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) dir: Option<PathBuf>,
    /// Print one JSON object on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) action: Option<CacheAction>,
}

#[derive(Subcommand)]
pub(crate) enum CacheAction {
    /// List the cache's files (what `bitnet cache` alone does)
    Show,
    /// Remove the cache's files; other files in the directory stay
    Clear,
    /// Compile shaders into the cache, and check that the pipelines of their kernels can be made
    Warm {
        /// Shaders to compile; all of them if none is named
        #[arg(value_name = "SHADER")]
        names: Vec<String>,
        /// Directory with .metal files, instead of the built-in shaders
        #[arg(long, value_name = "DIR")]
        shaders: Option<PathBuf>,
        /// Device to compile for; without it, the GPU where there is one
        #[arg(long, value_enum)]
        device: Option<DeviceChoice>,
    },
}

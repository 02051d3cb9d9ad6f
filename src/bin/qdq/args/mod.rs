//! The arguments of the command line. This module does not access the file system; [`crate::resolve`] does.

mod config;
mod data;
mod inputs;
mod output;
mod precision;
mod search;
mod tensorrt;

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand};

pub use config::ConfigArgs;
pub use data::{Channels, DataArgs, Exif, Feeds, Layout, Resize, ResizeFilter, Runtime, RuntimeArgs};
pub use inputs::InputArgs;
pub use output::{
    Attention, CacheHeaderArgs, Format, FrontEnd, PolicyArgs, RecoveryArgs, Target, WeightArgs, Weights,
};
pub use precision::{Cast, PrecisionArgs};
pub use search::{BudgetArgs, Sensitivity};
pub use tensorrt::TensorRtArgs;

/// INT8 for TensorRT without Python: calibrates ONNX models and writes Q/DQ models and calibration caches.
#[derive(Debug, Parser)]
#[command(name = "qdq", version, color = clap::ColorChoice::Never, max_term_width = 100)]
#[command(
    after_help = "Exit status: 0 done, 1 a gate failed (compare, a budget of quantize, cache check), 2 could not run."
)]
pub struct Args {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub verb: Verb,
}

/// Options of every command.
#[derive(Debug, clap::Args)]
pub struct Common {
    /// Print the result as JSON
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// Also print progress messages and the nodes that stay in float
    #[arg(short, long, global = true, help_heading = "Output", conflicts_with = "quiet")]
    pub verbose: bool,
    /// Print errors and failed gates only; with --json, also the result
    #[arg(short, long, global = true, help_heading = "Output")]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Calibrate a float model and write its Q/DQ form
    Quantize(Box<Quantize>),
    /// Compute ranges, a calibration cache or statistics, without writing a model
    Calibrate(Calibrate),
    /// Convert a model to half precision, without quantizing it
    Cast(Cast),
    /// Make a Q/DQ model from ranges or from a TensorRT calibration cache, without data
    Apply(Apply),
    /// Build TensorRT's engine of a model, as it is or with ranges
    Engine(Engine),
    /// Show which kernels an engine runs and what they move
    Cost(Cost),
    /// Merge statistics of several calibrations of one model
    Merge(Merge),
    /// Look at, check and convert TensorRT calibration caches
    #[command(subcommand)]
    Cache(Cache),
    /// Measure how far a quantized model is from the float model
    Compare(Compare),
    /// Measure what quantizing each layer alone costs
    Sensitivity(Box<Sensitivity>),
    /// Show which nodes would be quantized and why
    Inspect(Inspect),
    /// Show the version, the kernels in use and the runtimes found
    Info,
}

#[derive(Debug, clap::Args)]
#[command(override_usage = "qdq quantize [OPTIONS] <MODEL> --data <[NAME=]PATH>... --output <FILE>")]
pub struct Quantize {
    /// The float ONNX model
    pub model: PathBuf,
    #[command(flatten)]
    pub data: DataArgs,
    /// File of the Q/DQ model
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Calibration method of activations: max, entropy, percentile[=P], mse, or auto, which measures the best
    /// one for each tensor [default: mse]
    #[arg(long, value_name = "METHOD", help_heading = "Calibration")]
    pub method: Option<String>,
    #[command(flatten)]
    pub files: RangeFiles,
    /// Compare the result with the float model on the calibration data, and write a report: a page (.html) or
    /// data (.json)
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub report: Option<PathBuf>,
    #[command(flatten)]
    pub inputs: InputArgs,
    #[command(flatten)]
    pub policy: PolicyArgs,
    #[command(flatten)]
    pub weights: WeightArgs,
    #[command(flatten)]
    pub recovery: RecoveryArgs,
    /// Try everything that may improve the model, and keep what helps on samples that are held out: ranges,
    /// recovery, up to two layers in float
    #[arg(long, help_heading = "Accuracy",
          conflicts_with_all = ["method", "equalize", "smooth", "awq", "learned_rounding", "bias_correction",
                                "min_quantized", "min_sqnr", "output_min", "max_disagreement", "top_k", "metric",
                                "min_metric", "max_metric", "metric_timeout"])]
    pub best: bool,
    #[command(flatten)]
    pub budget: BudgetArgs,
    #[command(flatten)]
    pub precision: PrecisionArgs,
    #[command(flatten)]
    pub runtime: RuntimeArgs,
    /// Also build TensorRT's engine and write it here
    #[arg(long, value_name = "FILE", help_heading = "TensorRT")]
    pub engine: Option<PathBuf>,
    #[command(flatten)]
    pub tensorrt: TensorRtArgs,
    #[command(flatten)]
    pub config: ConfigArgs,
}

#[derive(Debug, clap::Args)]
#[command(override_usage = "qdq calibrate [OPTIONS] <MODEL> --data <[NAME=]PATH>...\n       \
    qdq calibrate [OPTIONS] <MODEL> --from-stats <FILE>")]
pub struct Calibrate {
    /// The float ONNX model
    pub model: PathBuf,
    #[command(flatten)]
    pub data: DataArgs,
    /// Take statistics that were saved before instead of data
    #[arg(long, value_name = "FILE", conflicts_with = "data", help_heading = "Data")]
    pub from_stats: Option<PathBuf>,
    /// Calibration method of activations: max, entropy, percentile[=P], mse, or auto, which measures the best
    /// one for each tensor [default: mse]
    #[arg(long, value_name = "METHOD", help_heading = "Calibration")]
    pub method: Option<String>,
    #[command(flatten)]
    pub files: RangeFiles,
    #[command(flatten)]
    pub inputs: InputArgs,
    #[command(flatten)]
    pub policy: PolicyArgs,
    #[command(flatten)]
    pub runtime: RuntimeArgs,
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// The files of a calibration's results.
#[derive(Debug, clap::Args)]
pub struct RangeFiles {
    /// Write a TensorRT calibration cache
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub cache: Option<PathBuf>,
    #[command(flatten)]
    pub header: CacheHeaderArgs,
    /// Write the ranges as JSON
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub ranges: Option<PathBuf>,
    /// Write the statistics, from which ranges can be computed again by any method
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub stats: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct Apply {
    /// The float ONNX model
    pub model: PathBuf,
    /// Ranges as JSON, or a TensorRT calibration cache; formats of weights alone need none
    #[arg(long, value_name = "FILE")]
    pub ranges: Option<PathBuf>,
    /// File of the Q/DQ model
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    #[command(flatten)]
    pub inputs: InputArgs,
    #[command(flatten)]
    pub policy: PolicyArgs,
    #[command(flatten)]
    pub weights: WeightArgs,
    #[command(flatten)]
    pub precision: PrecisionArgs,
    #[command(flatten)]
    pub config: ConfigArgs,
}

#[derive(Debug, clap::Args)]
pub struct Engine {
    /// The ONNX model: with Q/DQ, or a float one
    pub model: PathBuf,
    /// File of the engine
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Quantize the float model by these ranges: JSON, or a TensorRT calibration cache
    #[arg(long, value_name = "FILE")]
    pub ranges: Option<PathBuf>,
    /// Compare what the engine moves with another engine of the same network, such as the FP16 one
    #[arg(long, value_name = "ENGINE")]
    pub against: Option<PathBuf>,
    #[command(flatten)]
    pub tensorrt: TensorRtArgs,
    #[command(flatten)]
    pub inputs: InputArgs,
    #[command(flatten)]
    pub policy: PolicyArgs,
    #[command(flatten)]
    pub weights: WeightArgs,
    #[command(flatten)]
    pub precision: PrecisionArgs,
    #[command(flatten)]
    pub config: ConfigArgs,
}

#[derive(Debug, clap::Args)]
pub struct Cost {
    /// The engine: of TensorRT-RTX, or of TensorRT if this qdq has it and the machine its GPU
    pub engine: PathBuf,
    /// Compare with another engine of the same network, such as the FP16 one
    #[arg(long, value_name = "ENGINE")]
    pub against: Option<PathBuf>,
    /// libnvinfer or its folder, for engines of TensorRT [default: found, or QDQ_TENSORRT]
    #[arg(long, value_name = "PATH")]
    pub tensorrt: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct Merge {
    /// Statistics written by --stats
    #[arg(required = true, value_name = "STATS")]
    pub stats: Vec<PathBuf>,
    /// File of the merged statistics
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum Cache {
    /// Print the header, and scale and range of every tensor
    Show {
        /// The calibration cache
        file: PathBuf,
    },
    /// Find lines that TensorRT would fail on or ignore; exits 1 if there are any
    Check {
        /// The calibration cache
        file: PathBuf,
        /// Also compare the names with the tensors of this ONNX model
        #[arg(long, value_name = "FILE")]
        model: Option<PathBuf>,
        #[command(flatten)]
        header: CacheHeaderArgs,
        /// Let warnings fail too
        #[arg(long)]
        strict: bool,
    },
    /// Write a cache with another header, a cache as ranges, or ranges as a cache
    Convert {
        /// A calibration cache, or ranges as JSON
        file: PathBuf,
        /// File of the result
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Kind of output
        #[arg(long, value_enum, default_value_t = CacheForm::Cache)]
        to: CacheForm,
        #[command(flatten)]
        header: CacheHeaderArgs,
    },
}

/// The forms between which `cache convert` converts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CacheForm {
    /// A TensorRT calibration cache
    Cache,
    /// Ranges as JSON
    Ranges,
}

#[derive(Debug, clap::Args)]
#[command(override_usage = "qdq compare [OPTIONS] <FLOAT> <QUANTIZED> --data <[NAME=]PATH>...")]
pub struct Compare {
    /// The float ONNX model
    pub float: PathBuf,
    /// The quantized model
    pub quantized: PathBuf,
    #[command(flatten)]
    pub data: DataArgs,
    /// Compare this output, or another tensor that both models compute, instead of all outputs; repeatable
    #[arg(long = "output", value_name = "NAME")]
    pub outputs: Vec<String>,
    /// The right class of every sample, as .npy: prints the accuracy of both models
    #[arg(long, value_name = "NPY")]
    pub labels: Option<PathBuf>,
    /// Exit 1 unless every floating-point output that is compared has at least this SQNR
    #[arg(long, value_name = "DB", allow_negative_numbers = true)]
    pub min_sqnr: Option<f64>,
    /// Also compare every activation that both models have
    #[arg(long, action = ArgAction::SetTrue)]
    pub per_tensor: bool,
    /// Explain bad results also by these statistics of the calibration, written by --stats of quantize
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub stats: Option<PathBuf>,
    /// Write a report on every tensor: a page (.html) or data (.json)
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub report: Option<PathBuf>,
    #[command(flatten)]
    pub inputs: InputArgs,
    #[command(flatten)]
    pub runtime: RuntimeArgs,
    #[command(flatten)]
    pub config: ConfigArgs,
}

#[derive(Debug, clap::Args)]
pub struct Inspect {
    /// The ONNX model
    pub model: PathBuf,
    #[command(flatten)]
    pub inputs: InputArgs,
    #[command(flatten)]
    pub policy: PolicyArgs,
    #[command(flatten)]
    pub precision: PrecisionArgs,
    /// With --fp16 or --bf16: judge the values by these statistics
    #[arg(long, value_name = "FILE", help_heading = "Half precision")]
    pub stats: Option<PathBuf>,
    #[command(flatten)]
    pub config: ConfigArgs,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Args::command().debug_assert();
    }
}

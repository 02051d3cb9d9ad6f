//! Arguments of the search for accuracy.

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;

use super::config::ConfigArgs;
use super::data::{DataArgs, RuntimeArgs};
use super::inputs::InputArgs;
use super::output::{Format, PolicyArgs, WeightArgs};

#[derive(Debug, clap::Args)]
#[command(override_usage = "qdq sensitivity [OPTIONS] <MODEL> --data <[NAME=]PATH>...")]
pub struct Sensitivity {
    /// The float ONNX model
    pub model: PathBuf,
    #[command(flatten)]
    pub data: DataArgs,
    /// Measure each of these formats instead of --format, separated by commas
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "FORMATS",
        help_heading = "Sensitivity",
        conflicts_with = "format"
    )]
    pub formats: Vec<Format>,
    /// Measure each of these calibration methods, separated by commas [default: mse]
    #[arg(long, value_delimiter = ',', value_name = "METHODS", help_heading = "Sensitivity")]
    pub methods: Vec<String>,
    /// Measure at most this many samples, evenly spread over the data; all of them calibrate
    #[arg(long, value_name = "N", default_value_t = 32, help_heading = "Sensitivity",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub samples: usize,
    /// Write a report: .html is a page without network access, .json the same data
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub report: Option<PathBuf>,
    #[command(flatten)]
    pub inputs: InputArgs,
    #[command(flatten)]
    pub policy: PolicyArgs,
    #[command(flatten)]
    pub weights: WeightArgs,
    #[command(flatten)]
    pub runtime: RuntimeArgs,
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// The least quality of the written model. Layers go back to float until it holds.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Budget")]
pub struct BudgetArgs {
    /// Leave layers in float until every floating-point output has at least this SQNR; exit 1 if that is not
    /// enough
    #[arg(long, value_name = "DB", allow_negative_numbers = true, conflicts_with = "min_quantized")]
    pub min_sqnr: Option<f64>,
    /// The same for one output; repeatable
    #[arg(long, value_name = "NAME=DB", conflicts_with = "min_quantized")]
    pub output_min: Vec<String>,
    /// Leave layers in float until at most this share of the samples gets another class, such as 0.5%
    #[arg(long, value_name = "SHARE", conflicts_with = "min_quantized")]
    pub max_disagreement: Option<String>,
    /// With --max-disagreement: the float model's class must be among the K best of the quantized model
    #[arg(long, value_name = "K", default_value_t = 1, requires = "max_disagreement",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub top_k: usize,
    /// Leave layers in float until this program is satisfied: it reads the path of an .npz file with the
    /// outputs of both models from its standard input, and prints one number
    #[arg(long, value_name = "PROGRAM", conflicts_with = "min_quantized")]
    pub metric: Option<PathBuf>,
    /// The least number of the program
    #[arg(long, value_name = "X", allow_negative_numbers = true, requires = "metric")]
    pub min_metric: Option<f64>,
    /// The largest number of the program
    #[arg(long, value_name = "X", allow_negative_numbers = true, requires = "metric")]
    pub max_metric: Option<f64>,
    /// Seconds that the program may take each time
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "metric",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub metric_timeout: u64,
}

//! Arguments for half precision.

use std::path::PathBuf;

use super::{ConfigArgs, DataArgs, InputArgs, RuntimeArgs};

/// Half precision for what is not INT8.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Half precision")]
pub struct PrecisionArgs {
    /// Compute a node in float16 if it is not INT8 and its values allow it; in an engine, a weakly typed
    /// TensorRT (8 to 10) chooses the float16 layers itself
    #[arg(long, conflicts_with = "bf16")]
    pub fp16: bool,
    /// Compute a node in bfloat16 if it is not INT8 and its values allow it
    #[arg(long)]
    pub bf16: bool,
    #[command(flatten)]
    pub choice: PrecisionChoice,
    /// Opset to which an older model is raised [default: what the format and half precision need, at least
    /// 13]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(13..=22))]
    pub opset: Option<i64>,
}

/// Choice of the nodes that compute in half precision.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Half precision")]
pub struct PrecisionChoice {
    /// Change the type of the model's float32 inputs and outputs too
    #[arg(long)]
    pub half_io: bool,
    /// Keep nodes with a matching name in float32 (* is any text, ? one character); repeatable
    #[arg(long, value_name = "PATTERN")]
    pub float32: Vec<String>,
    /// Keep nodes of this operator in float32; repeatable
    #[arg(long, value_name = "OP")]
    pub float32_op: Vec<String>,
    /// Compute nodes with a matching name in half precision, whatever their values are; repeatable
    #[arg(long, value_name = "PATTERN")]
    pub half: Vec<String>,
    /// Compute nodes of this operator in half precision, whatever their values are; repeatable
    #[arg(long, value_name = "OP")]
    pub half_op: Vec<String>,
}

#[derive(Debug, clap::Args)]
#[command(
    override_usage = "qdq cast [OPTIONS] <MODEL> <--fp16|--bf16> --output <FILE> [--data <[NAME=]PATH>...|--stats <FILE>]"
)]
pub struct Cast {
    /// The ONNX model: a float one, or one with Q/DQ
    pub model: PathBuf,
    #[command(flatten)]
    pub data: DataArgs,
    /// Take statistics that were saved before instead of data
    #[arg(long, value_name = "FILE", conflicts_with = "data", help_heading = "Data")]
    pub stats: Option<PathBuf>,
    /// File of the model in half precision
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    #[command(flatten)]
    pub precision: PrecisionArgs,
    #[command(flatten)]
    pub inputs: InputArgs,
    #[command(flatten)]
    pub runtime: RuntimeArgs,
    #[command(flatten)]
    pub config: ConfigArgs,
}

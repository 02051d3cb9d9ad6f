//! Arguments for building a TensorRT engine.

use std::path::PathBuf;

/// Options of TensorRT's builder.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "TensorRT")]
pub struct TensorRtArgs {
    /// libnvinfer or libtensorrt_rtx, or its folder [default: found, or QDQ_TENSORRT]
    #[arg(long, value_name = "PATH")]
    pub tensorrt: Option<PathBuf>,
    /// Shapes of an input that the model leaves open, such as image=1x3x224x224:8x3x224x224:16x3x224x224; one
    /// shape stands for all three; repeatable, and an input that comes again begins the next profile
    #[arg(long, value_name = "NAME=MIN:OPT:MAX")]
    pub shapes: Vec<String>,
    /// The builder's workspace in MiB [default: all of the GPU]
    #[arg(long, value_name = "MIB")]
    pub workspace: Option<u64>,
    /// Keep the details of layers in the engine, so that its kernels and what they move are shown (TensorRT
    /// 8.2 to 11; engines of TensorRT-RTX always have them)
    #[arg(long)]
    pub detailed: bool,
    /// Keep measured times in this file for later builds
    #[arg(long, value_name = "FILE")]
    pub timing_cache: Option<PathBuf>,
    /// TensorRT-RTX: build for a GPU of this compute capability, such as 8.6; repeatable [default: this
    /// machine's]
    #[arg(long, value_name = "X.Y")]
    pub compute_capability: Vec<String>,
}

//! Arguments for the quantization and for the form of the results.

use clap::ValueEnum;

/// The header of a calibration cache.
#[derive(Debug, clap::Args)]
pub struct CacheHeaderArgs {
    /// The TensorRT that reads the cache, such as 8.5.1, 10.3.0 or 8501
    #[arg(long, value_name = "VERSION", help_heading = "Files")]
    pub tensorrt_version: Option<String>,
    /// The calibrator that reads the cache, such as EntropyCalibration2 (trtexec's) or MinMaxCalibration
    #[arg(long, value_name = "NAME", help_heading = "Files")]
    pub algorithm: Option<String>,
}

/// Choice of the nodes to quantize.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Placement")]
pub struct PolicyArgs {
    /// Quantize only nodes whose name matches (* is any text, ? one character); repeatable
    #[arg(long, value_name = "PATTERN")]
    pub include: Vec<String>,
    /// Quantize only nodes of this operator, such as Conv; repeatable
    #[arg(long, value_name = "OP")]
    pub include_op: Vec<String>,
    /// Never quantize nodes whose name matches; repeatable
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// Never quantize nodes of this operator; repeatable
    #[arg(long, value_name = "OP")]
    pub exclude_op: Vec<String>,
    /// Format of quantized numbers: int8, fp8 (e4m3), or weights alone as int8 or as int4 in blocks
    #[arg(long, value_enum, default_value_t = Format::Int8)]
    pub format: Format,
    /// Format of nodes whose name matches; the first match decides; repeatable
    #[arg(long, value_name = "PATTERN=FORMAT")]
    pub format_of: Vec<String>,
    /// With int4-weights: weights in a row that share a scale, 128 or 64 [default: 128 if it divides
    /// the input axis, else 64]
    #[arg(long, value_name = "N")]
    pub block_size: Option<usize>,
    /// With int8-weights: also the weights of convolutions, which TensorRT still computes in float
    #[arg(long)]
    pub conv_weights: bool,
    /// One scale per weight instead of one per output channel
    #[arg(long)]
    pub per_tensor_weights: bool,
    /// Treatment of the two products of an attention; its projections are always quantized
    #[arg(long, value_enum, default_value_t = Attention::Auto)]
    pub attention: Attention,
    /// Treatment of front ends: fixed bases (Fourier, mel, wavelets) of one channel whose results are squared
    /// or lose their sign, and the first layer that reads those before a Log
    #[arg(long, value_enum, default_value_t = FrontEnd::Float)]
    pub front_end: FrontEnd,
    /// The product that builds the engine [default: tensorrt; with an engine, the product of the library]
    #[arg(long, value_enum)]
    pub target: Option<Target>,
    /// Fail if less than this share of the convolutions and products that may be quantized would be, from
    /// 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, hide_default_value = true)]
    pub min_quantized: f32,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Placement")]
pub struct WeightArgs {
    /// Storage of weights in int8
    #[arg(long, value_enum, default_value_t = Weights::Int8)]
    pub weights: Weights,
    /// Bits of a weight's integer; fewer than 8 are stored as int8 all the same, on a coarser grid
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=8))]
    pub weight_bits: u32,
    /// Calibration method of weights [default: mse]
    #[arg(long, value_name = "METHOD")]
    pub weight_method: Option<String>,
}

/// Methods that recover accuracy without training; each layer keeps what lowers the error of its output.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Accuracy")]
pub struct RecoveryArgs {
    /// Give channels between two layers scales of their own (cross-layer equalization)
    #[arg(long)]
    pub equalize: bool,
    /// Give channels in front of a layer scales of their own if no layer before can take them; adds a Mul if
    /// constants before cannot either (smoothing)
    #[arg(long)]
    pub smooth: bool,
    /// With int4-weights: give input channels of weights scales of their own, by the size of the activations
    /// (AWQ)
    #[arg(long)]
    pub awq: bool,
    /// Round each weight up or down to lower the error of its layer's output on the data
    #[arg(long)]
    pub learned_rounding: bool,
    /// Correct biases by the mean error of each layer's output on the data
    #[arg(long)]
    pub bias_correction: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// Weights and activations as 8-bit integers
    Int8,
    /// Weights and activations as 8-bit floats, for GPUs from SM 8.9 on
    Fp8,
    /// Weights of products as 8-bit integers, without data
    Int8Weights,
    /// Weights of products as 4-bit integers in blocks, without data
    Int4Weights,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Weights {
    /// As int8 with DequantizeLinear: a quarter of the size
    Int8,
    /// As float with QuantizeLinear and DequantizeLinear
    Float,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// TensorRT
    Tensorrt,
    /// TensorRT-RTX: a convolution's weight has one scale, and its channels' scales follow the convolution
    Rtx,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FrontEnd {
    /// In float if the format quantizes activations
    Float,
    /// Quantized
    Int8,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Attention {
    /// Quantized up to 512 keys, and in float above; the data decides if the model leaves the number open
    Auto,
    /// Quantized
    Int8,
    /// In float
    Float,
}

//! Arguments for the calibration data and for the runtime of the model.

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{ArgAction, ValueEnum};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Data")]
pub struct DataArgs {
    /// Samples: .npz, .npy, raw binary, images (JPEG, PNG, BMP, GIF, WebP, TIFF, PNM), or folders of them;
    /// NAME= if the model has several inputs
    #[arg(short, long, value_name = "[NAME=]PATH", num_args = 1..)]
    pub data: Vec<PathBuf>,
    /// Samples per batch [default: the model's batch size, or 1]
    #[arg(long, value_name = "N")]
    pub batch_size: Option<usize>,
    /// Content of arrays: samples along the first axis, or whole feeds, each for one run of the model
    #[arg(long, value_enum, default_value_t = Feeds::Auto)]
    pub feeds: Feeds,
    /// Use at most this many samples, or whole feeds
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Draw the --limit samples at random instead of taking the first; the same number draws the same samples
    #[arg(long, value_name = "N", requires = "limit")]
    pub seed: Option<u64>,
    /// Type and shape of one sample in raw files, such as f32:3x224x224 [default: the model's]
    #[arg(long, value_name = "TYPE:SHAPE")]
    pub raw: Option<String>,
    /// Height and width of the model's images [default: by the input's shape]
    #[arg(long, value_name = "HxW")]
    pub image_size: Option<String>,
    /// Way to bring images to that size
    #[arg(long, value_enum, default_value_t = Resize::Stretch)]
    pub resize: Resize,
    /// Interpolation of pixels of another size
    #[arg(long, value_enum, default_value_t = ResizeFilter::Antialias)]
    pub resize_filter: ResizeFilter,
    /// Treatment of the orientation that a camera stored in an image
    #[arg(long, value_enum, default_value_t = Exif::Ignore)]
    pub exif: Exif,
    /// With --resize crop: length of the shorter side before the centre is cut out, such as 256
    #[arg(long, value_name = "N")]
    pub shorter_side: Option<usize>,
    /// Order of the colours in the model's input
    #[arg(long, value_enum, default_value_t = Channels::Rgb)]
    pub channels: Channels,
    /// Factor of pixels (0 to 255), before anything else [default: 1/255]
    #[arg(long, value_name = "X")]
    pub scale: Option<f32>,
    /// Mean to subtract from the scaled pixels, one number or one per channel [default: 0]
    #[arg(long, value_name = "A,B,C", action = ArgAction::Set, value_delimiter = ',', allow_negative_numbers = true)]
    pub mean: Vec<f32>,
    /// Divisor after that, one number or one per channel [default: 1]
    #[arg(long, value_name = "A,B,C", action = ArgAction::Set, value_delimiter = ',')]
    pub std: Vec<f32>,
    /// Pixel value around letterboxed images
    #[arg(long, value_name = "N", default_value_t = 114)]
    pub fill: u8,
    /// Order of the axes in the model's input [default: by the input's shape]
    #[arg(long, value_enum)]
    pub layout: Option<Layout>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Feeds {
    /// Samples, unless an input has no axis for them in front or the arrays fit as whole feeds only
    Auto,
    /// Samples along the first axis
    Samples,
    /// One .npz per run with every input in its declared shape, or the runs along one more axis in front
    Whole,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ResizeFilter {
    /// Bilinear over all pixels that fall on one, as Pillow and torchvision
    Antialias,
    /// Bilinear between four pixels, bit for bit as OpenCV's resize (INTER_LINEAR)
    Opencv,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Exif {
    /// Pixels as the file has them, as Pillow; a warning if images have another orientation
    Ignore,
    /// Images as they are shown, as OpenCV's imread
    Apply,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Resize {
    /// Without regard to the proportions
    Stretch,
    /// Fill the size and cut off the rest
    Crop,
    /// Fit into the size and fill up the rest
    Letterbox,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Channels {
    Rgb,
    Bgr,
    Gray,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Layout {
    Nchw,
    Nhwc,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Runtime")]
pub struct RuntimeArgs {
    /// Runtime that runs the model
    #[arg(long, value_enum, default_value_t = Runtime::Embedded)]
    pub runtime: Runtime,
    /// Path of ONNX Runtime's library or of its folder, if it is not found by itself
    #[arg(long, value_name = "PATH")]
    pub onnxruntime: Option<PathBuf>,
    /// Threads of the runtime [default: one per physical core]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1024))]
    pub threads: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Runtime {
    /// The runtime inside this program
    Embedded,
    /// ONNX Runtime's shared library
    Onnxruntime,
    /// ONNX Runtime if it is found, else the embedded runtime
    Auto,
}

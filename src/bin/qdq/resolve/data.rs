//! Calibration data and labels.

use std::path::{Path, PathBuf};

use qdq::batch::{
    self, BatchSource, Channels, DataOptions, Exif, Feeds, ImageOptions, Layout, RawFormat, Resize,
    ResizeFilter,
};
use qdq::error::{Error, ErrorKind, Result};
use qdq::onnx::Model;
use qdq::tensor::{DataView, Tensor};

use super::of_option;
use crate::args::{self, DataArgs};

/// Returns the files and folders of the data, for comparison with the output paths.
///
/// The text before a `=` may be an input name or the beginning of a path, so both readings are returned.
pub fn data_paths(args: &DataArgs) -> Vec<PathBuf> {
    let after_name = |typed: &PathBuf| Some(PathBuf::from(typed.to_str()?.split_once('=')?.1));
    args.data.iter().flat_map(|typed| std::iter::once(typed.clone()).chain(after_name(typed))).collect()
}

/// Opens the data for the inputs of `model`.
pub fn source(args: &DataArgs, model: &Model) -> Result<Box<dyn BatchSource>> {
    if args.data.is_empty() {
        return Err(Error::new(ErrorKind::InvalidArgument, "no data to run the model on")
            .with_remedy("give samples with -d; calibrate also takes saved statistics with --from-stats"));
    }
    batch::open(&args.data, &model.inputs(), &options(args)?)
}

fn options(args: &DataArgs) -> Result<DataOptions> {
    let raw = args.raw.as_deref().map(str::parse::<RawFormat>).transpose();
    let size = args.image_size.as_deref().map(image_size).transpose();
    let defaults = ImageOptions::default();
    Ok(DataOptions {
        batch_size: args.batch_size,
        feeds: match args.feeds {
            args::Feeds::Auto => Feeds::Auto,
            args::Feeds::Samples => Feeds::Samples,
            args::Feeds::Whole => Feeds::Whole,
        },
        limit: args.limit,
        seed: args.seed,
        raw: of_option("--raw", raw)?,
        image: ImageOptions {
            size: of_option("--image-size", size)?,
            resize: match args.resize {
                args::Resize::Stretch => Resize::Stretch,
                args::Resize::Crop => Resize::Crop,
                args::Resize::Letterbox => Resize::Letterbox,
            },
            resize_filter: match args.resize_filter {
                args::ResizeFilter::Antialias => ResizeFilter::Antialias,
                args::ResizeFilter::Opencv => ResizeFilter::OpenCv,
            },
            exif: match args.exif {
                args::Exif::Ignore => Exif::Ignore,
                args::Exif::Apply => Exif::Apply,
            },
            shorter_side: args.shorter_side,
            channels: match args.channels {
                args::Channels::Rgb => Channels::Rgb,
                args::Channels::Bgr => Channels::Bgr,
                args::Channels::Gray => Channels::Gray,
            },
            scale: args.scale.unwrap_or(defaults.scale),
            mean: args.mean.clone(),
            std: args.std.clone(),
            layout: args.layout.map(|layout| match layout {
                args::Layout::Nchw => Layout::Nchw,
                args::Layout::Nhwc => Layout::Nhwc,
            }),
            fill: args.fill,
        },
    })
}

/// Reads `HxW`.
fn image_size(text: &str) -> Result<(usize, usize)> {
    let parsed =
        text.split_once('x').and_then(|(height, width)| Some((height.parse().ok()?, width.parse().ok()?)));
    parsed.filter(|&(height, width): &(usize, usize)| height > 0 && width > 0).ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, format!("'{text}' is not a height and a width"))
            .with_remedy("write it as 224x224")
    })
}

/// Reads labels: integers, one per sample, from a `.npy` file.
pub fn labels(path: &Path) -> Result<Vec<i64>> {
    let tensor = batch::read_npy(path)?;
    let is_list = matches!(tensor.shape(), [_] | [_, 1]);
    integers(&tensor).filter(|_| is_list).ok_or_else(|| {
        let message =
            format!("{}: labels of type {} and shape {:?}", path.display(), tensor.dtype(), tensor.shape());
        Error::new(ErrorKind::Data, message)
            .with_remedy("give one integer per sample, the number of its class")
    })
}

fn integers(tensor: &Tensor) -> Option<Vec<i64>> {
    Some(match tensor.view().data() {
        DataView::I8(values) => values.iter().map(|&value| value.into()).collect(),
        DataView::U8(values) => values.iter().map(|&value| value.into()).collect(),
        DataView::I16(values) => values.iter().map(|&value| value.into()).collect(),
        DataView::U16(values) => values.iter().map(|&value| value.into()).collect(),
        DataView::I32(values) => values.iter().map(|&value| value.into()).collect(),
        DataView::U32(values) => values.iter().map(|&value| value.into()).collect(),
        DataView::I64(values) => values.to_vec(),
        DataView::U64(values) => {
            values.iter().map(|&value| i64::try_from(value).ok()).collect::<Option<_>>()?
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use qdq::tensor::Data;

    use super::*;

    #[test]
    fn sizes_of_images() {
        assert_eq!(image_size("240x320").unwrap(), (240, 320));
        for text in ["", "240", "240x", "x320", "0x320", "240x320x3", "-1x3", "a*b"] {
            assert!(image_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn labels_are_whole_numbers() {
        let tensor = |data: Data| Tensor::new(vec![2], data).unwrap();
        assert_eq!(integers(&tensor(Data::U8(vec![3, 7]))), Some(vec![3, 7]));
        assert_eq!(integers(&tensor(Data::I32(vec![-1, 7]))), Some(vec![-1, 7]));
        assert_eq!(integers(&tensor(Data::U64(vec![u64::MAX, 7]))), None);
        assert_eq!(integers(&tensor(Data::F32(vec![3.0, 7.0]))), None);
    }
}

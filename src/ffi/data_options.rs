//! `qdq_data_options`: the rules for making batches from files.

use crate::batch::{Channels, DataOptions, Exif, Feeds, Layout, RawFormat, Resize, ResizeFilter};
use crate::error::{Error, ErrorKind, Result};
use std::mem::MaybeUninit;

use super::dtype::{of, qdq_dtype};
use super::error::qdq_error;
use super::guard::{constructed, guard};
use super::handle::{self, array, axes, get_mut};
use super::number_set::NumberSet;
use super::status::qdq_status;

/// The rules for making batches from files: batch size, limit and sampling, the layout of raw files, and the
/// conversion of images into numbers.
#[derive(Default)]
pub struct qdq_data_options {
    pub(super) options: DataOptions,
}

/// The way in which an image gets the model's height and width: one of the QDQ_RESIZE_ numbers.
pub type qdq_resize = i32;

/// Both sides are resized independently, so that proportions change. The default.
pub const QDQ_RESIZE_STRETCH: qdq_resize = 0;
/// The image covers the target. The excess at two sides is cut off.
pub const QDQ_RESIZE_CROP: qdq_resize = 1;
/// The image fits into the centre of the target. The rest is filled.
pub const QDQ_RESIZE_LETTERBOX: qdq_resize = 2;

const RESIZES: NumberSet<Resize> = NumberSet::new(
    "resize",
    "QDQ_RESIZE_",
    &[
        (QDQ_RESIZE_STRETCH, Resize::Stretch),
        (QDQ_RESIZE_CROP, Resize::Crop),
        (QDQ_RESIZE_LETTERBOX, Resize::Letterbox),
    ],
);

/// The meaning of arrays: one of the QDQ_FEEDS_ numbers.
pub type qdq_feeds = i32;

/// Samples along the first axis, unless the inputs indicate whole feeds. They do if an input is a scalar, if
/// its first axis has the name of a sequence (`time`, `seq_len`, `T`), or if a later axis has the batch's
/// name. Arrays that fit only as whole feeds are read as whole feeds. A choice that is not obvious is among
/// the findings. The default.
pub const QDQ_FEEDS_AUTO: qdq_feeds = 0;
/// Samples along the first axis.
pub const QDQ_FEEDS_SAMPLES: qdq_feeds = 1;
/// Whole feeds: the inputs of one run of the model. Each feed is one .npz with every input in its declared
/// shape, or all feeds are stacked along one more axis in front.
pub const QDQ_FEEDS_WHOLE: qdq_feeds = 2;

const FEEDS: NumberSet<Feeds> = NumberSet::new(
    "feeds",
    "QDQ_FEEDS_",
    &[(QDQ_FEEDS_AUTO, Feeds::Auto), (QDQ_FEEDS_SAMPLES, Feeds::Samples), (QDQ_FEEDS_WHOLE, Feeds::Whole)],
);

/// The interpolation of pixels when an image is resized: one of the QDQ_RESIZE_FILTER_ numbers.
pub type qdq_resize_filter = i32;

/// Bilinear over all source pixels of a target pixel, within 1 of 255 of Pillow's result. The default.
pub const QDQ_RESIZE_FILTER_ANTIALIAS: qdq_resize_filter = 0;
/// Bilinear between four pixels: OpenCV's `resize` with INTER_LINEAR, bit for bit.
pub const QDQ_RESIZE_FILTER_OPENCV: qdq_resize_filter = 1;

const RESIZE_FILTERS: NumberSet<ResizeFilter> = NumberSet::new(
    "resize filter",
    "QDQ_RESIZE_FILTER_",
    &[
        (QDQ_RESIZE_FILTER_ANTIALIAS, ResizeFilter::Antialias),
        (QDQ_RESIZE_FILTER_OPENCV, ResizeFilter::OpenCv),
    ],
);

/// The treatment of the orientation that a camera stored in an image (EXIF): one of the QDQ_EXIF_ numbers.
pub type qdq_exif = i32;

/// Pixels are taken in the order of the file, as Pillow does. If images have another orientation, a finding
/// reports it. The default.
pub const QDQ_EXIF_IGNORE: qdq_exif = 0;
/// Images are rotated and mirrored for display, as OpenCV's `imread` does.
pub const QDQ_EXIF_APPLY: qdq_exif = 1;

const EXIFS: NumberSet<Exif> =
    NumberSet::new("exif", "QDQ_EXIF_", &[(QDQ_EXIF_IGNORE, Exif::Ignore), (QDQ_EXIF_APPLY, Exif::Apply)]);

/// The channels of the model's input: one of the QDQ_CHANNELS_ numbers.
pub type qdq_channels = i32;

/// Red, green, blue. The default.
pub const QDQ_CHANNELS_RGB: qdq_channels = 0;
/// Blue, green, red.
pub const QDQ_CHANNELS_BGR: qdq_channels = 1;
/// Rec. 601 luma only.
pub const QDQ_CHANNELS_GRAY: qdq_channels = 2;

const CHANNELS: NumberSet<Channels> = NumberSet::new(
    "channels",
    "QDQ_CHANNELS_",
    &[
        (QDQ_CHANNELS_RGB, Channels::Rgb),
        (QDQ_CHANNELS_BGR, Channels::Bgr),
        (QDQ_CHANNELS_GRAY, Channels::Gray),
    ],
);

/// The order of the axes of the model's input: one of the QDQ_LAYOUT_ numbers.
pub type qdq_layout = i32;

/// Detected by the size of the channels' axis in the input's shape. The default.
pub const QDQ_LAYOUT_AUTO: qdq_layout = 0;
/// Batch, channels, height, width.
pub const QDQ_LAYOUT_NCHW: qdq_layout = 1;
/// Batch, height, width, channels.
pub const QDQ_LAYOUT_NHWC: qdq_layout = 2;

const LAYOUTS: NumberSet<Option<Layout>> = NumberSet::new(
    "layout",
    "QDQ_LAYOUT_",
    &[(QDQ_LAYOUT_AUTO, None), (QDQ_LAYOUT_NCHW, Some(Layout::Nchw)), (QDQ_LAYOUT_NHWC, Some(Layout::Nhwc))],
);

/// Returns the default options. Free them with qdq_data_options_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_data_options_new() -> *mut qdq_data_options {
    constructed(qdq_data_options::default)
}

/// Frees `*options` and sets it to NULL. Does nothing if `options` or `*options` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_data_options_free(options: Option<&mut *mut qdq_data_options>) {
    handle::free(options);
}

fn set(
    options: Option<&mut qdq_data_options>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
    change: impl FnOnce(&mut DataOptions) -> Result<()>,
) -> qdq_status {
    guard(error, || change(&mut get_mut(options, "options")?.options))
}

/// Sets the number of samples in one batch. 0 means the model's own batch size, or 1 if it has none.
/// Default: 0.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_data_options_set_batch_size(
    options: Option<&mut qdq_data_options>,
    batch_size: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(options, error, |options| {
        options.batch_size = (batch_size > 0).then_some(batch_size);
        Ok(())
    })
}

/// Sets the meaning of arrays. Default: QDQ_FEEDS_AUTO.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_data_options_set_feeds(
    options: Option<&mut qdq_data_options>,
    feeds: qdq_feeds,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(options, error, |options| {
        options.feeds = FEEDS.value(feeds)?;
        Ok(())
    })
}

/// Sets the largest number of samples, or of whole feeds, that are used; 0 means all. Default: 0.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_data_options_set_limit(
    options: Option<&mut qdq_data_options>,
    limit: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(options, error, |options| {
        options.limit = (limit > 0).then_some(limit);
        Ok(())
    })
}

/// Draws the samples of a limit at random instead of taking the first ones. The same seed draws the same
/// samples on every machine.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_data_options_set_seed(
    options: Option<&mut qdq_data_options>,
    seed: u64,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(options, error, |options| {
        options.seed = Some(seed);
        Ok(())
    })
}

/// Sets the type and shape of one sample in raw files (.bin, .raw, .dat), which are little-endian, row-major
/// and without a header. Default: type and shape of the input.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_data_options_set_raw(
    options: Option<&mut qdq_data_options>,
    dtype: qdq_dtype,
    ndim: i32,
    shape: *const i64,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(options, error, |options| {
        // SAFETY: the header's rules for arrays.
        let sizes = unsafe { axes(shape, usize::try_from(ndim).unwrap_or(usize::MAX), "shape") }?;
        let size = |&size: &i64| {
            usize::try_from(size)
                .map_err(|_| Error::new(ErrorKind::InvalidArgument, format!("a size of {size}")))
        };
        let shape = sizes.iter().map(size).collect::<Result<_>>()?;
        options.raw = Some(RawFormat::new(of(dtype, "dtype")?, shape)?);
        Ok(())
    })
}

/// Sets the height and width of resized images. 0 and 0 mean those of the input's shape, the default.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_data_options_set_image_size(
    options: Option<&mut qdq_data_options>,
    height: usize,
    width: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(options, error, |options| {
        if (height == 0) != (width == 0) {
            let message = format!("an image size of {height} x {width}");
            return Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy("use at least 1 x 1"));
        }
        options.image.size = (height > 0).then_some((height, width));
        Ok(())
    })
}

/// Sets the way in which images of other proportions get this size. Default: QDQ_RESIZE_STRETCH.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_data_options_set_image_resize(
    options: Option<&mut qdq_data_options>,
    resize: qdq_resize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(options, error, |options| {
        options.image.resize = RESIZES.value(resize)?;
        Ok(())
    })
}

/// Sets the interpolation of pixels when an image is resized. Default: QDQ_RESIZE_FILTER_ANTIALIAS.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_data_options_set_image_resize_filter(
    options: Option<&mut qdq_data_options>,
    filter: qdq_resize_filter,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(options, error, |options| {
        options.image.resize_filter = RESIZE_FILTERS.value(filter)?;
        Ok(())
    })
}

/// Sets the treatment of the orientation that a camera stored in an image. Default: QDQ_EXIF_IGNORE.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_data_options_set_image_exif(
    options: Option<&mut qdq_data_options>,
    exif: qdq_exif,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(options, error, |options| {
        options.image.exif = EXIFS.value(exif)?;
        Ok(())
    })
}

/// Sets the number of pixels of the shorter side for QDQ_RESIZE_CROP: images are resized to it before the
/// centre is cut out (256 before 224 is usual for ImageNet models). 0 means to cut as little as possible, the
/// default.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_data_options_set_image_shorter_side(
    options: Option<&mut qdq_data_options>,
    pixels: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(options, error, |options| {
        options.image.shorter_side = (pixels > 0).then_some(pixels);
        Ok(())
    })
}

/// Sets the channels of the model's input. Default: QDQ_CHANNELS_RGB.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_data_options_set_image_channels(
    options: Option<&mut qdq_data_options>,
    channels: qdq_channels,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(options, error, |options| {
        options.image.channels = CHANNELS.value(channels)?;
        Ok(())
    })
}

/// Sets the factor by which every pixel, 0 to 255, is multiplied first. Default: 1/255.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_data_options_set_image_scale(
    options: Option<&mut qdq_data_options>,
    scale: f32,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(options, error, |options| {
        options.image.scale = scale;
        Ok(())
    })
}

/// Sets the mean, which is subtracted from scaled pixels: nothing, one number, or one per channel in the
/// model's order. Default: nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_data_options_set_image_mean(
    options: Option<&mut qdq_data_options>,
    mean: *const f32,
    count: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(options, error, |options| {
        // SAFETY: the header's rules for arrays.
        options.image.mean = unsafe { array(mean, count, "mean") }?.to_vec();
        Ok(())
    })
}

/// Sets the standard deviation, by which the difference is divided: nothing, one number, or one per channel
/// in the model's order. Default: nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_data_options_set_image_std(
    options: Option<&mut qdq_data_options>,
    std: *const f32,
    count: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(options, error, |options| {
        // SAFETY: the header's rules for arrays.
        options.image.std = unsafe { array(std, count, "std") }?.to_vec();
        Ok(())
    })
}

/// Sets the order of the axes of the model's input. Default: QDQ_LAYOUT_AUTO.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_data_options_set_image_layout(
    options: Option<&mut qdq_data_options>,
    layout: qdq_layout,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(options, error, |options| {
        options.image.layout = LAYOUTS.value(layout)?;
        Ok(())
    })
}

/// Sets the pixel value of the border around a letterboxed image. Default: 114.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_data_options_set_image_fill(
    options: Option<&mut qdq_data_options>,
    fill: u8,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(options, error, |options| {
        options.image.fill = fill;
        Ok(())
    })
}

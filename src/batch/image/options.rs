//! Options for the conversion of images to tensors.

/// The conversion of images to samples: decode, resize, then `value = (pixel * scale - mean) / std` per
/// channel.
///
/// Pixels are 0 to 255. A transparent image loses its transparency, and a 16-bit image its low byte. If a
/// file has several frames or pages, the first is read. [`ResizeFilter`] and [`Exif`] document which
/// libraries the defaults match and which options match OpenCV.
///
/// Lossless formats give the same pixels as every other reader. The JPEG standard leaves rounding open, so
/// decoders differ by a few of 255.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageOptions {
    /// Height and width of the model's input; `None` if the input's shape declares them.
    pub size: Option<(usize, usize)>,
    /// The fitting of images with other proportions.
    pub resize: Resize,
    /// The computation of the resized pixels.
    pub resize_filter: ResizeFilter,
    /// The handling of the orientation that a camera stored in the file.
    pub exif: Exif,
    /// With [`Resize::Crop`]: the length of the image's shorter side after resizing. The model's size is then
    /// cut from the centre of the whole resized image. At least the longer side of the model's size; `None`
    /// cuts as little as possible. ImageNet models are mostly evaluated with 256 before a cut of 224.
    ///
    /// The longer side is rounded down. If the offset of the cut ends in one half, it is rounded to the even
    /// number. Both are as in torchvision's `Resize` and `CenterCrop`.
    pub shorter_side: Option<usize>,
    /// Order of the model's channels.
    pub channels: Channels,
    /// The factor that every pixel is multiplied by first: 1/255 maps pixels to 0 to 1, 1 leaves them
    /// unchanged.
    pub scale: f32,
    /// The number subtracted from scaled pixels: empty, one number, or one per channel in the model's order.
    pub mean: Vec<f32>,
    /// The divisor of the difference: empty, one number, or one per channel in the model's order.
    pub std: Vec<f32>,
    /// Order of the axes; `None` finds the channel axis by its size in the input's shape.
    pub layout: Option<Layout>,
    /// The pixel value around a letterboxed image.
    pub fill: u8,
}

impl Default for ImageOptions {
    /// RGB, stretched to the model's size and scaled to 0 to 1. Letterboxed images get a mid-grey border
    /// (114).
    fn default() -> Self {
        Self {
            size: None,
            resize: Resize::Stretch,
            resize_filter: ResizeFilter::Antialias,
            exif: Exif::Ignore,
            shorter_side: None,
            channels: Channels::Rgb,
            scale: 1.0 / 255.0,
            mean: Vec::new(),
            std: Vec::new(),
            layout: None,
            fill: 114,
        }
    }
}

impl ImageOptions {
    /// Returns the names of the options that differ from the default.
    pub(crate) fn changed(&self) -> Vec<&'static str> {
        let plain = Self::default();
        let changes = [
            ("image size", self.size != plain.size),
            ("resize", self.resize != plain.resize),
            ("resize filter", self.resize_filter != plain.resize_filter),
            ("exif", self.exif != plain.exif),
            ("shorter side", self.shorter_side != plain.shorter_side),
            ("channels", self.channels != plain.channels),
            ("scale", self.scale.to_bits() != plain.scale.to_bits()),
            ("mean", self.mean != plain.mean),
            ("std", self.std != plain.std),
            ("layout", self.layout != plain.layout),
            ("fill", self.fill != plain.fill),
        ];
        changes.into_iter().filter(|(_, is_changed)| *is_changed).map(|(name, _)| name).collect()
    }
}

/// The method that gives an image the height and width of the model's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resize {
    /// Both sides are scaled separately, so the proportions change.
    #[default]
    Stretch,
    /// The image covers the target. The parts beyond it are cut off on both sides. See
    /// [`shorter_side`](ImageOptions::shorter_side) for a closer cut.
    Crop,
    /// The whole image fits into the centre of the target. The rest is filled.
    Letterbox,
}

/// The computation of resized pixels: bilinear in both cases, on 8-bit pixels.
///
/// Choose the filter that resized the training images of the model. The pixels of a reduced image differ so
/// much between the filters that the ranges differ too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResizeFilter {
    /// When an image is reduced, each pixel is an average of all source pixels that it covers.
    ///
    /// No value differs by more than 1 of 255 from Pillow's bilinear `resize`, and so from torchvision's on a
    /// PIL image. Measured with Pillow 13.0 on photo-like and on random images of 32 to 1920 pixels a side,
    /// reduced and enlarged; 1 to 26 % of the values do differ.
    #[default]
    Antialias,
    /// Each pixel is a weighted sum of four neighbours, however far the image is reduced.
    ///
    /// This is OpenCV's `resize` with its default `INTER_LINEAR`, bit for bit (measured with OpenCV 4.5, 4.13
    /// and 5.0). With [`Resize::Crop`] and no [`shorter_side`](ImageOptions::shorter_side), the image is
    /// resized to the smallest size of its proportions that covers the target, and the centre of that is cut
    /// out.
    OpenCv,
}

/// The handling of the orientation that a camera stored in a file (EXIF).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exif {
    /// Pixels stay as they are stored in the file, as with Pillow's `open`. The source reports images that
    /// have another orientation.
    #[default]
    Ignore,
    /// The image is rotated and mirrored for display, as with OpenCV's `imread` and Pillow's
    /// `exif_transpose`.
    Apply,
}

/// Channels of the model's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channels {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// Luma only. For colour images it is the Rec. 601 luma, computed before resizing with Pillow's rounding:
    /// `(19595 R + 38470 G + 7471 B + 32768) >> 16`.
    Gray,
}

impl Channels {
    /// Returns the number of channels.
    pub const fn count(self) -> usize {
        match self {
            Self::Rgb | Self::Bgr => 3,
            Self::Gray => 1,
        }
    }
}

/// Order of the axes of the model's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Batch, channels, height, width.
    Nchw,
    /// Batch, height, width, channels.
    Nhwc,
}

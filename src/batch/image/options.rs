//! How an image becomes a tensor, as far as the caller decides it.

/// How images become samples: decoded, resized, then `value = (pixel * scale - mean) / std` per channel.
///
/// Pixels are 0 to 255. A transparent image loses its transparency, a 16-bit one its low byte; of several
/// frames or pages the first is read. [`ResizeFilter`] and [`Exif`] say what the defaults equal and what
/// OpenCV's way is.
///
/// Lossless formats give the pixels that every other reader gives. JPEG does not say how to round, so that
/// decoders differ by a few of 255.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageOptions {
    /// Height and width that the model takes; `None` where its input's shape says them.
    pub size: Option<(usize, usize)>,
    /// How images of other proportions get there.
    pub resize: Resize,
    /// How pixels of the new size are computed.
    pub resize_filter: ResizeFilter,
    /// What is done about the orientation that a camera stored in the file.
    pub exif: Exif,
    /// With [`Resize::Crop`]: the image is resized as a whole until its shorter side has this many pixels,
    /// and the model's size is cut from its centre. ImageNet models are mostly evaluated with 256 before a
    /// cut of
    /// 224. At least the longer side of the model's size; `None` cuts as little as possible.
    ///
    /// The longer side is rounded down, and half a pixel off the centre goes to the even side, as in
    /// torchvision's `Resize` and `CenterCrop`.
    pub shorter_side: Option<usize>,
    /// Order of the model's channels.
    pub channels: Channels,
    /// Every pixel is multiplied by this first. 1/255 maps pixels to 0 to 1, 1 leaves them.
    pub scale: f32,
    /// Subtracted from scaled pixels: nothing, one number, or one per channel in the model's order.
    pub mean: Vec<f32>,
    /// What the difference is divided by: nothing, one number, or one per channel in the model's order.
    pub std: Vec<f32>,
    /// Order of the axes; `None` finds the channels' axis by its size in the input's shape.
    pub layout: Option<Layout>,
    /// The pixel value around a letterboxed image.
    pub fill: u8,
}

impl Default for ImageOptions {
    /// RGB stretched to the model's size and scaled to 0 to 1; mid-grey (114) around letterboxed images.
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
    /// The names of the options that are not as by default.
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

/// How an image gets the height and width that the model takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resize {
    /// Both sides by themselves, so that proportions change.
    #[default]
    Stretch,
    /// The image fills the target; what stands over on both sides is cut off. See
    /// [`shorter_side`](ImageOptions::shorter_side) for a closer cut.
    Crop,
    /// The image fits into the target's centre; the rest is filled.
    Letterbox,
}

/// How pixels of another size are computed: bilinear in both cases, on 8-bit pixels. Images that a model was
/// trained on were resized one way or the other, and the pixels of a reduced image differ so much that ranges
/// do too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResizeFilter {
    /// A reduced image is averaged over all pixels that fall on one. From Pillow's bilinear `resize`, and so
    /// torchvision's of a PIL image, no value differs by more than 1 of 255 (measured with Pillow 13.0 on
    /// photo-like and on random images of 32 to 1920 pixels a side, reduced and enlarged; 1 to 26 % of the
    /// values do differ).
    #[default]
    Antialias,
    /// Four neighbours are weighed however far the image is reduced: OpenCV's `resize` with `INTER_LINEAR`,
    /// its default, bit for bit (measured with OpenCV 4.5, 4.13 and 5.0). With [`Resize::Crop`] and no
    /// [`shorter_side`](ImageOptions::shorter_side), the image is resized to the smallest size of its
    /// proportions that covers the target, and the centre of that is cut out.
    OpenCv,
}

/// What is done about the orientation that a camera stored in a file (EXIF).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exif {
    /// Pixels are taken as they lie in the file, as from Pillow's `open`. Where an image has another
    /// orientation, the source says so.
    #[default]
    Ignore,
    /// The image is turned and mirrored as it is to be shown, as from OpenCV's `imread` and Pillow's
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
    /// Luma only. Of colours it is the Rec. 601 luma, computed before resizing with Pillow's rounding:
    /// `(19595 R + 38470 G + 7471 B + 32768) >> 16`.
    Gray,
}

impl Channels {
    /// How many.
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

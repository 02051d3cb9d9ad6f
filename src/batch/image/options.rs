//! How an image becomes a tensor, as far as the caller decides it.

/// How images become samples: decoded, resized, then `value = (pixel * scale - mean) / std` per channel.
///
/// Pixels are 0 to 255. Resizing is bilinear with antialiasing on 8-bit pixels. A transparent image loses its
/// transparency, a 16-bit one its low byte. From Pillow's bilinear `resize`, no value differs by more than 1 of
/// 255 (measured with Pillow 13.0 on photo-like and on random images of 32 to 1920 pixels a side, reduced and
/// enlarged; 1 to 26 % of the values do differ).
///
/// The orientation stored in a camera's JPEG (EXIF) is not applied: pixels come as they lie in the file, as
/// from Pillow's `open`, whereas OpenCV's `imread` turns them. For a model that was trained on turned images,
/// store the images turned.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageOptions {
    /// Height and width that the model takes; `None` where its input's shape says them.
    pub size: Option<(usize, usize)>,
    /// How images of other proportions get there.
    pub resize: Resize,
    /// With [`Resize::Crop`]: the image is resized as a whole until its shorter side has this many pixels, and
    /// the model's size is cut from its centre. ImageNet models are mostly evaluated with 256 before a cut of
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

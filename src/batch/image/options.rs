//! How an image becomes a tensor, as far as the caller decides it.

/// How images become samples: decoded, resized, then `value = (pixel * scale - mean) / std` per channel.
///
/// Pixels are 0 to 255. Resizing is bilinear with antialiasing on 8-bit pixels. A transparent image loses its
/// transparency, a 16-bit one its low byte, and the orientation stored in a camera's JPEG is not applied.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageOptions {
    /// Height and width that the model takes; `None` where its input's shape says them.
    pub size: Option<(usize, usize)>,
    /// How images of other proportions get there.
    pub resize: Resize,
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
    /// The image fills the target; what stands over on both sides is cut off.
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
    /// Luma only (Rec. 709 weights for colour images).
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

//! The tensor that images are converted to, for one input of the model.

use super::options::{Channels, Exif, ImageOptions, Layout, Resize, ResizeFilter};
use super::values::Values;
use crate::batch::fit::shape_text;
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::{Data, Dim, TensorSpec};

/// The longest side of a model's input. It limits the memory of a resized image.
const LONGEST_SIDE: usize = 16384;

/// The combined settings of the options and the input.
#[derive(Debug)]
pub(super) struct Target {
    pub height: usize,
    pub width: usize,
    pub channels: Channels,
    pub resize: Resize,
    pub resize_filter: ResizeFilter,
    pub exif: Exif,
    pub shorter_side: Option<usize>,
    pub fill: u8,
    layout: Layout,
    values: Values,
}

impl Target {
    /// Combines the input `spec` and the options. Fails if they contradict each other.
    pub fn new(spec: &TensorSpec, options: &ImageOptions) -> Result<Self> {
        let dims = four_dims(spec)?;
        let layout = layout(spec, &dims, options)?;
        let (height, width) = match layout {
            Layout::Nchw => (&dims[2], &dims[3]),
            Layout::Nhwc => (&dims[1], &dims[2]),
        };
        let asked = |side: fn((usize, usize)) -> usize| options.size.map(side);
        let height = side(spec, "height", height, asked(|size| size.0))?;
        let width = side(spec, "width", width, asked(|size| size.1))?;
        Ok(Self {
            shorter_side: shorter_side(options, height.max(width))?,
            height,
            width,
            channels: options.channels,
            resize: options.resize,
            resize_filter: options.resize_filter,
            exif: options.exif,
            fill: options.fill,
            layout,
            values: Values::new(spec, options)?,
        })
    }

    /// Returns the shape of a sample.
    pub fn shape(&self) -> Vec<usize> {
        let channels = self.channels.count();
        match self.layout {
            Layout::Nchw => vec![channels, self.height, self.width],
            Layout::Nhwc => vec![self.height, self.width, channels],
        }
    }

    /// Returns the element type of a sample.
    pub fn dtype(&self) -> DataType {
        self.values.dtype()
    }

    /// Makes samples from images of the target's size. Each image is a row of RGB or grey pixels.
    pub fn samples(&self, images: &[Vec<u8>]) -> Data {
        match &self.values {
            Values::Pixel => Data::U8(self.mapped(images, |_, pixel| pixel)),
            Values::Table(table) => {
                Data::F32(self.mapped(images, |channel, pixel| table[channel][usize::from(pixel)]))
            }
            Values::HalfTable(table) => {
                Data::F16(self.mapped(images, |channel, pixel| table[channel][usize::from(pixel)]))
            }
            Values::BrainTable(table) => {
                Data::Bf16(self.mapped(images, |channel, pixel| table[channel][usize::from(pixel)]))
            }
        }
    }

    fn mapped<T>(&self, images: &[Vec<u8>], map: impl Fn(usize, u8) -> T) -> Vec<T> {
        images.iter().flat_map(|pixels| self.arranged(pixels, &map)).collect()
    }

    /// Returns one image in the model's order of axes and channels, with each pixel mapped.
    fn arranged<T>(&self, pixels: &[u8], map: impl Fn(usize, u8) -> T) -> Vec<T> {
        let channels = self.channels.count();
        let source = |channel: usize| match self.channels {
            Channels::Bgr => channels - 1 - channel,
            _ => channel,
        };
        let of_channel = |pixel: &[u8], channel: usize| map(channel, pixel[source(channel)]);
        let mut out = Vec::with_capacity(pixels.len());
        match self.layout {
            Layout::Nchw => {
                for channel in 0..channels {
                    out.extend(pixels.chunks_exact(channels).map(|pixel| of_channel(pixel, channel)));
                }
            }
            Layout::Nhwc => {
                for pixel in pixels.chunks_exact(channels) {
                    out.extend((0..channels).map(|channel| of_channel(pixel, channel)));
                }
            }
        }
        out
    }
}

fn four_dims(spec: &TensorSpec) -> Result<[Dim; 4]> {
    let Some(dims) = &spec.shape else { return Ok([const { Dim::Unknown }; 4]) };
    dims.clone().try_into().map_err(|_| {
        let message = format!("input '{}' is {}, which takes no images", spec.name, shape_text(spec));
        Error::new(ErrorKind::Shape, message).with_remedy("give its samples as .npz, .npy or raw files")
    })
}

fn layout(spec: &TensorSpec, dims: &[Dim; 4], options: &ImageOptions) -> Result<Layout> {
    let channels = options.channels.count();
    let states_channels = |axis: usize| dims[axis] == Dim::Fixed(channels);
    let found = match options.layout {
        _ if spec.shape.is_none() => options.layout,
        Some(Layout::Nchw) => (states_channels(1) || is_open(&dims[1])).then_some(Layout::Nchw),
        Some(Layout::Nhwc) => (states_channels(3) || is_open(&dims[3])).then_some(Layout::Nhwc),
        None if states_channels(1) => Some(Layout::Nchw),
        None if states_channels(3) => Some(Layout::Nhwc),
        None => None,
    };
    found.ok_or_else(|| {
        let message = format!(
            "input '{}' is {}: no axis for the {channels} channels of {} images",
            spec.name,
            shape_text(spec),
            format!("{:?}", options.channels).to_lowercase()
        );
        let fixed = |axis: usize| match dims[axis] {
            Dim::Fixed(size) => Some(size),
            _ => None,
        };
        let takes = |count: usize| [fixed(1), fixed(3)].contains(&Some(count));
        let remedy = if options.layout.is_none() && (is_open(&dims[1]) || is_open(&dims[3])) {
            "state the layout, NCHW or NHWC".to_owned()
        } else if takes(1) || takes(3) {
            "choose the channels (rgb, bgr or gray) and the layout (NCHW or NHWC) of the model".to_owned()
        } else {
            "images become 3 channels or 1: prepare an input of others, such as RGBA, by your own code, and give it as \
             .npz or .npy"
                .to_owned()
        };
        Error::new(ErrorKind::Shape, message).with_remedy(remedy)
    })
}

fn is_open(dim: &Dim) -> bool {
    !matches!(dim, Dim::Fixed(_))
}

fn side(spec: &TensorSpec, name: &str, dim: &Dim, asked: Option<usize>) -> Result<usize> {
    let size = match (dim, asked) {
        (Dim::Fixed(fixed), Some(asked)) if *fixed != asked => {
            let message = format!("image {name} {asked}, but input '{}' is {}", spec.name, shape_text(spec));
            return Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy("leave the size out"));
        }
        (Dim::Fixed(fixed), _) => *fixed,
        (_, Some(asked)) => asked,
        (_, None) => {
            let message = format!("input '{}' is {}: no image {name}", spec.name, shape_text(spec));
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_remedy("state the height and width that images get"));
        }
    };
    if !(1..=LONGEST_SIDE).contains(&size) {
        return Err(Error::new(ErrorKind::InvalidArgument, format!("image {name} {size}"))
            .with_remedy(format!("use 1 to {LONGEST_SIDE}")));
    }
    Ok(size)
}

fn shorter_side(options: &ImageOptions, longest: usize) -> Result<Option<usize>> {
    let Some(side) = options.shorter_side else { return Ok(None) };
    let refused = |message: String, remedy: &str| {
        Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy(remedy))
    };
    if options.resize != Resize::Crop {
        let message = format!("a shorter side of {side}, but images are not cut");
        return refused(message, "choose to crop, or leave the shorter side out");
    }
    if !(longest..=LONGEST_SIDE).contains(&side) {
        let message = format!("a shorter side of {side} to cut {longest} pixels from");
        return refused(message, &format!("use {longest} to {LONGEST_SIDE}"));
    }
    Ok(Some(side))
}

//! From an image file to pixels of the target's size.

use std::io::Cursor;
use std::path::Path;

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, ImageReader, Limits};

use super::options::{Channels, Resize};
use super::target::Target;
use crate::error::{Context, Error, ErrorKind, Result};

/// What a file and its decoded image may take up. A small damaged file may claim any size.
const LARGEST_FILE: u64 = 256 << 20;
const LARGEST_IMAGE: u64 = 512 << 20;
const LONGEST_SIDE: u32 = 32768;

/// Decodes and resizes the image to rows of RGB or grey pixels.
pub(super) fn load(path: &Path, target: &Target) -> Result<Vec<u8>> {
    let image = decode(path)?;
    let (width, height) = (image.width(), image.height());
    let (pixel_type, pixels) = match target.channels {
        Channels::Gray => (PixelType::U8, image.into_luma8().into_raw()),
        Channels::Rgb | Channels::Bgr => (PixelType::U8x3, image.into_rgb8().into_raw()),
    };
    let cannot = || format!("{}: {width}x{height} pixels cannot be resized", path.display());
    let source = Image::from_vec_u8(width, height, pixels, pixel_type).context(ErrorKind::Format, cannot)?;
    resize(&source, target).context(ErrorKind::Format, cannot)
}

fn decode(path: &Path) -> Result<DynamicImage> {
    let failed = |source| Error::io("read", path, source);
    let damaged = |what: &str| {
        Error::new(ErrorKind::Format, format!("{}: {what}", path.display()))
            .with_remedy("replace the image or take it out of the folder")
    };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length == 0 || length > LARGEST_FILE {
        return Err(damaged(&format!("an image of {length} bytes")));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    if bytes.starts_with(&[0xff, 0xd8]) && !jpeg_is_whole(&bytes) {
        return Err(damaged("the JPEG is cut off"));
    }
    let mut reader = ImageReader::new(Cursor::new(&bytes)).with_guessed_format().map_err(failed)?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(LARGEST_IMAGE);
    reader.limits(limits);
    reader.decode().map_err(|source| damaged("cannot be decoded as JPEG or PNG").with_source(source))
}

/// Whether an end marker follows the start of the scan. The decoder fills up what is missing from a file that
/// was cut off, and grey areas would be calibrated like the rest.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        match bytes.get(at..at + 4) {
            None => return false,
            Some([0xff, 0xff, ..]) => at += 1,
            Some([0xff, 0xda, ..]) => return bytes[at..].windows(2).any(|pair| pair == [0xff, 0xd9]),
            Some(&[0xff, _, high, low]) => at += 2 + usize::from(u16::from_be_bytes([high, low])),
            // Not between two segments: the decoder knows better.
            Some(_) => return true,
        }
    }
}

fn resize(source: &Image<'_>, target: &Target) -> Result<Vec<u8>, fast_image_resize::ResizeError> {
    let bilinear = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    let (width, height) = (target.width as u32, target.height as u32);
    let (inner_width, inner_height, options) = match target.resize {
        Resize::Stretch => (width, height, bilinear),
        Resize::Crop => (width, height, bilinear.fit_into_destination(None)),
        Resize::Letterbox => {
            let (width, height) = inner_size(source, target);
            (width, height, bilinear)
        }
    };
    let mut inner = Image::new(inner_width, inner_height, source.pixel_type());
    Resizer::new().resize(source, &mut inner, &options)?;
    if (inner_width, inner_height) == (width, height) {
        return Ok(inner.into_vec());
    }
    let channels = target.channels.count();
    let row = target.width * channels;
    let inner_row = inner_width as usize * channels;
    let top = (target.height - inner_height as usize) / 2;
    let left = (target.width - inner_width as usize) / 2 * channels;
    let mut framed = vec![target.fill; target.height * row];
    for (to, from) in framed.chunks_exact_mut(row).skip(top).zip(inner.buffer().chunks_exact(inner_row)) {
        to[left..left + inner_row].copy_from_slice(from);
    }
    Ok(framed)
}

/// The largest size of the source's proportions that fits into the target.
fn inner_size(source: &Image<'_>, target: &Target) -> (u32, u32) {
    let (width, height) = (f64::from(source.width()), f64::from(source.height()));
    let scale = (target.width as f64 / width).min(target.height as f64 / height);
    let side = |source: f64, most: usize| ((source * scale).round() as u32).clamp(1, most as u32);
    (side(width, target.width), side(height, target.height))
}

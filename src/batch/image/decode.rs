//! From an image file to pixels of the target's size.

use std::io::Cursor;
use std::path::Path;

use fast_image_resize::PixelType;
use fast_image_resize::images::Image;
use image::{DynamicImage, ImageReader, Limits};

use super::options::Channels;
use super::resize::resize;
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
        Channels::Gray => (PixelType::U8, luma(image)),
        Channels::Rgb | Channels::Bgr => (PixelType::U8x3, image.into_rgb8().into_raw()),
    };
    let unusable = || format!("{}: {width}x{height} pixels cannot be used", path.display());
    let source =
        Image::from_vec_u8(width, height, pixels, pixel_type).context(ErrorKind::Format, unusable)?;
    resize(&source, target).map_err(|error| error.within(path.display()))
}

/// Rec. 601 luma of colours; grey as it is.
fn luma(image: DynamicImage) -> Vec<u8> {
    if !image.color().has_color() {
        return image.into_luma8().into_raw();
    }
    let weighted = |pixel: &image::Rgb<u8>| {
        let [red, green, blue] = pixel.0.map(u32::from);
        ((19595 * red + 38470 * green + 7471 * blue + (1 << 15)) >> 16) as u8
    };
    image.into_rgb8().pixels().map(weighted).collect()
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

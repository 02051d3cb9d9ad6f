//! From an image file to pixels of the target's size.

use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation as Turn;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use qdq_resize::{Image, PixelType};

use super::options::{Channels, Exif};
use super::resize::resize;
use super::target::Target;
use crate::batch::find::IMAGES;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::file;

/// The size limits of a file and of its decoded image. A small damaged file can declare any size.
const LARGEST_FILE: u64 = 256 << 20;
const LARGEST_IMAGE: u64 = 512 << 20;
const LONGEST_SIDE: u32 = 32768;

/// An image of the target's size.
pub(super) struct Loaded {
    /// Rows of RGB or grey pixels.
    pub pixels: Vec<u8>,
    /// Whether the file stores an orientation that was not applied.
    pub is_turned: bool,
}

/// Decodes the image, applies the orientation if requested, and resizes the image.
pub(super) fn load(path: &Path, target: &Target) -> Result<Loaded> {
    let (mut image, turn) = decode(path)?;
    if target.exif == Exif::Apply {
        image.apply_orientation(turn);
    }
    let is_turned = turn != Turn::NoTransforms && target.exif == Exif::Ignore;
    let (width, height) = (image.width(), image.height());
    let (pixel_type, pixels) = match target.channels {
        Channels::Gray => (PixelType::U8, luma(image)),
        Channels::Rgb | Channels::Bgr => (PixelType::U8x3, image.into_rgb8().into_raw()),
    };
    let unusable = || format!("{}: {width}x{height} pixels cannot be used", path.display());
    let source =
        Image::from_vec_u8(width, height, pixels, pixel_type).context(ErrorKind::Format, unusable)?;
    let pixels = resize(&source, target).map_err(|error| error.within(path.display()))?;
    Ok(Loaded { pixels, is_turned })
}

/// Returns the Rec. 601 luma of colours. Grey images stay as they are.
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

/// Decodes the pixels as they are in the file, and the stored orientation. An unreadable orientation counts
/// as none.
fn decode(path: &Path) -> Result<(DynamicImage, Turn)> {
    let failed = |source| Error::io("read", path, source);
    let refused = |what: &str, remedy: &str| {
        Error::new(ErrorKind::Format, format!("{}: {what}", path.display())).with_remedy(remedy)
    };
    let damaged = |what: &str| refused(what, "replace the image or take it out of the folder");
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length == 0 || length > LARGEST_FILE {
        return Err(damaged(&format!("an image of {length} bytes")));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    file::check_is_no_pointer(path.display(), &bytes)?;
    if bytes.starts_with(&[0xff, 0xd8]) && !jpeg_is_whole(&bytes) {
        return Err(damaged("the JPEG is cut off"));
    }
    let mut reader = ImageReader::new(Cursor::new(&bytes)).with_guessed_format().map_err(failed)?;
    if reader.format().is_none_or(|format| !format.reading_enabled()) {
        let remedy = format!("convert it to one of {IMAGES}, or take it out of the folder");
        return Err(refused("is no image of a format that is read", &remedy));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(LARGEST_IMAGE);
    reader.limits(limits);
    let undecodable = |source| damaged("cannot be decoded").with_source(source);
    let mut decoder = reader.into_decoder().map_err(undecodable)?;
    if decoder.total_bytes() > LARGEST_IMAGE {
        return Err(damaged(&format!("takes {} bytes decoded", decoder.total_bytes())));
    }
    let turn = decoder.orientation().unwrap_or(Turn::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(undecodable)?;
    if matches!(image, DynamicImage::ImageRgb32F(_) | DynamicImage::ImageRgba32F(_)) {
        let remedy = "give it as .npy or .npz, as the model takes it";
        return Err(refused("has floating-point pixels, whose white is not known", remedy));
    }
    Ok((image, turn))
}

/// Whether an end marker follows the start of the scan.
///
/// The decoder fills up the missing part of a truncated file with grey, which must not enter the calibration.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        match bytes.get(at..at + 4) {
            None => return false,
            Some([0xff, 0xff, ..]) => at += 1,
            Some([0xff, 0xda, ..]) => return bytes[at..].windows(2).any(|pair| pair == [0xff, 0xd9]),
            Some(&[0xff, _, high, low]) => at += 2 + usize::from(u16::from_be_bytes([high, low])),
            // No segment starts here: the decoder decides.
            Some(_) => return true,
        }
    }
}

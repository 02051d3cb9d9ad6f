//! Resizing of images to the size of the target.

use qdq_resize::{Image, bilinear};

use super::opencv;
use super::options::{Resize, ResizeFilter};
use super::target::Target;
use crate::error::{Context, Error, ErrorKind, Result};

/// The size limit of a resized image in bytes, before it is cut. The longer side of an image with extreme
/// proportions would grow without bound.
const LARGEST: u64 = 512 << 20;

/// Resizes the image and returns rows of pixels of the target's size.
pub(super) fn resize(source: &Image<'_>, target: &Target) -> Result<Vec<u8>> {
    let whole = (target.width as u32, target.height as u32);
    let cannot = || format!("{}x{} pixels cannot be resized", source.width(), source.height());
    let too_large = |to: String| {
        Error::new(ErrorKind::Format, format!("{} {to}", cannot()))
            .with_remedy("take the image out of the folder, or cut it to other proportions")
    };
    let channels = target.channels.count() as u64;
    let ((width, height), is_cut) = match (target.resize, target.shorter_side) {
        (Resize::Stretch, _) => (whole, false),
        (Resize::Crop, None) if target.resize_filter == ResizeFilter::OpenCv => {
            let size = covering_size(source, target, channels)
                .ok_or_else(|| too_large(format!("to cover {}x{}", whole.0, whole.1)))?;
            (size, false)
        }
        (Resize::Crop, None) => (whole, true),
        (Resize::Crop, Some(side)) => {
            let size = scaled_size(source, side as u64, channels)
                .ok_or_else(|| too_large(format!("to a shorter side of {side}")))?;
            (size, false)
        }
        (Resize::Letterbox, _) => (inner_size(source, target), false),
    };
    let resized = match target.resize_filter {
        ResizeFilter::OpenCv => opencv::resize(source, (width, height), target.channels.count())
            .and_then(|pixels| Image::from_vec_u8(width, height, pixels, source.pixel_type()).ok())
            .ok_or_else(|| Error::new(ErrorKind::Format, cannot()))?,
        ResizeFilter::Antialias => {
            let mut resized = Image::new(width, height, source.pixel_type());
            bilinear(source, &mut resized, is_cut).context(ErrorKind::Format, cannot)?;
            resized
        }
    };
    Ok(match target.resize {
        Resize::Letterbox => frame(&resized, target),
        Resize::Stretch | Resize::Crop => cut(&resized, target),
    })
}

/// Returns the smallest size with the source's proportions that covers the target.
fn covering_size(source: &Image<'_>, target: &Target, channels: u64) -> Option<(u32, u32)> {
    let (width, height) = (f64::from(source.width()), f64::from(source.height()));
    let scale = (target.width as f64 / width).max(target.height as f64 / height);
    let side = |source: f64, least: usize| ((source * scale).round() as u64).max(least as u64);
    let (width, height) = (side(width, target.width), side(height, target.height));
    width.checked_mul(height)?.checked_mul(channels).filter(|bytes| *bytes <= LARGEST)?;
    Some((u32::try_from(width).ok()?, u32::try_from(height).ok()?))
}

/// Returns the size with a shorter side of `side`, and the longer side rounded down.
fn scaled_size(source: &Image<'_>, side: u64, channels: u64) -> Option<(u32, u32)> {
    let (width, height) = (u64::from(source.width()), u64::from(source.height()));
    let longer = side.checked_mul(width.max(height))? / width.min(height);
    longer.checked_mul(side)?.checked_mul(channels).filter(|bytes| *bytes <= LARGEST)?;
    let (longer, side) = (u32::try_from(longer).ok()?, u32::try_from(side).ok()?);
    Some(if width < height { (side, longer) } else { (longer, side) })
}

/// Returns the largest size with the source's proportions that fits into the target.
fn inner_size(source: &Image<'_>, target: &Target) -> (u32, u32) {
    let (width, height) = (f64::from(source.width()), f64::from(source.height()));
    let scale = (target.width as f64 / width).min(target.height as f64 / height);
    let side = |source: f64, most: usize| ((source * scale).round() as u32).clamp(1, most as u32);
    (side(width, target.width), side(height, target.height))
}

/// Cuts out the centre of an image that is at least as large as the target.
fn cut(image: &Image<'_>, target: &Target) -> Vec<u8> {
    let channels = target.channels.count();
    let before = |size: u32, kept: usize| ((size as usize - kept) as f64 / 2.0).round_ties_even() as usize;
    let top = before(image.height(), target.height);
    let left = before(image.width(), target.width) * channels;
    let rows = image.buffer().chunks_exact(image.width() as usize * channels).skip(top).take(target.height);
    rows.flat_map(|row| &row[left..left + target.width * channels]).copied().collect()
}

/// Puts an image that is at most as large as the target into its centre and fills the border.
fn frame(image: &Image<'_>, target: &Target) -> Vec<u8> {
    let channels = target.channels.count();
    let (row, inner_row) = (target.width * channels, image.width() as usize * channels);
    let top = (target.height - image.height() as usize) / 2;
    let left = (target.width - image.width() as usize) / 2 * channels;
    let mut framed = vec![target.fill; target.height * row];
    for (to, from) in framed.chunks_exact_mut(row).skip(top).zip(image.buffer().chunks_exact(inner_row)) {
        to[left..left + inner_row].copy_from_slice(from);
    }
    framed
}

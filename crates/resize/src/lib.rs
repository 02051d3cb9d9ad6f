//! Bilinear resizing of grey and RGB images of bytes.
//!
//! This is a crate of its own because of compile time. The resizer is generic over the pixel type, so the
//! calling crate compiles it. Its run-time dispatch would compile thirteen pixel types, but images for a
//! model have two. This code also changes less often than qdq.

use fast_image_resize::pixels::{U8, U8x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

pub use fast_image_resize::images::Image;
pub use fast_image_resize::{PixelType, ResizeError};

/// Resizes `source` to the size of `resized`, bilinear with antialiasing as in Pillow.
///
/// If `is_cut` is set, only the largest centred part of `source` with the proportions of `resized` is used;
/// otherwise the whole image.
///
/// # Errors
/// An error if the two images do not both have pixels of type `U8` or both of type `U8x3`.
pub fn bilinear(source: &Image<'_>, resized: &mut Image<'_>, is_cut: bool) -> Result<(), ResizeError> {
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    let options = if is_cut { options.fit_into_destination(None) } else { options };
    match source.pixel_type() {
        PixelType::U8 => of_type::<U8>(source, resized, &options),
        _ => of_type::<U8x3>(source, resized, &options),
    }
}

fn of_type<P: PixelTrait>(
    source: &Image<'_>,
    resized: &mut Image<'_>,
    options: &ResizeOptions,
) -> Result<(), ResizeError> {
    let (Some(source), Some(mut resized)) = (source.typed_image::<P>(), resized.typed_image_mut::<P>())
    else {
        return Err(ResizeError::PixelTypesAreDifferent);
    };
    Resizer::new().resize_typed(&source, &mut resized, options)
}

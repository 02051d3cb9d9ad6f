//! Bilinear resizing of grey and RGB images of bytes.
//!
//! The resizer is generic over the kind of pixel, so whoever calls it compiles it, and its own choice at run
//! time would compile thirteen kinds. A model's images have two, and what resizes them does not change with
//! qdq: so they are a crate.

use fast_image_resize::pixels::{U8, U8x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

pub use fast_image_resize::images::Image;
pub use fast_image_resize::{PixelType, ResizeError};

/// Fills `resized` with the pixels of `source`, antialiased as Pillow's are: with all of them, or with those
/// of the largest part in the centre that has the proportions of `resized`.
///
/// # Errors
/// Where the images do not both have pixels of type `U8` or both of type `U8x3`.
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

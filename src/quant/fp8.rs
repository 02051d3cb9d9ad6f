//! Quantization to scaled e4m3.

use ndarray::{Array, ArrayView, Dimension};

use crate::e4m3;
use crate::error::Result;
use crate::kernel::{self, InOut};

use super::apply::Quantized;
use super::dense::{dense, shaped};
use super::element::Element;
use super::group::PerGroup;
use super::params::{EPSILON, bad_amax, check_inverse_scale};

/// Fake-quantizes to e4m3: y = e4m3(x * s) / s with s = 448 / amax, or s = 1 without an amax.
///
/// e4m3 rounds to the nearest value, ties to even, and saturates at ±448, infinities included. y is 0 if |x|
/// is below 2^-24, if amax is 0, or if amax is so small that s is infinite. NaN stays NaN.
///
/// # Errors
///
/// `InvalidArgument` if an amax is negative, NaN or infinite; `Shape` if it does not fit the shape of x.
///
/// ```
/// use ndarray::array;
/// use qdq::quant::scaled_e4m3;
///
/// let x = array![1.0f32, 17.0, 1000.0];
/// assert_eq!(scaled_e4m3(x.view(), None)?, array![1.0, 16.0, 448.0]);
/// assert_eq!(scaled_e4m3(x.view(), Some(896.0.into()))?, array![1.0, 16.0, 896.0]);
/// # Ok::<(), qdq::error::Error>(())
/// ```
pub fn scaled_e4m3<T: Element, D: Dimension>(
    x: ArrayView<'_, T, D>,
    amax: Option<PerGroup<'_>>,
) -> Result<Array<T, D>> {
    let (amax, dim) = (checked(amax)?, x.raw_dim());
    let x = dense(x);
    let mut out = vec![T::default(); x.len()];
    let inverse_scale: Vec<f32> = amax.values().iter().map(|amax| e4m3::MAX / amax).collect();
    let groups = amax.groups(dim.slice(), "amax")?;
    groups.for_each_by(
        InOut::new(&x, &mut out),
        (&inverse_scale, &inverse_scale),
        |_, io, inverse_scales| kernel::active().fake_e4m3(io, inverse_scales),
    );
    shaped(dim, out)
}

/// Returns the e4m3 codes of x * s and the inverse scale s = 448 / amax.
///
/// [`dequantize_e4m3`] converts them to the result of [`scaled_e4m3`]. If s is infinite, the codes are 0 and
/// the inverse scale is 1. A NaN has the code 0x7f or 0xff.
///
/// # Errors
///
/// `InvalidArgument` if an amax is negative, NaN or infinite; `Shape` if it does not fit the shape of x.
pub fn quantize_e4m3<T: Element, D: Dimension>(
    x: ArrayView<'_, T, D>,
    amax: Option<PerGroup<'_>>,
) -> Result<Quantized<u8, D>> {
    let (amax, dim) = (checked(amax)?, x.raw_dim());
    let x = dense(x);
    let mut codes = vec![0; x.len()];
    amax.groups(dim.slice(), "amax")?.for_each(InOut::new(&x, &mut codes), |_, io, number| {
        let inverse_scale = e4m3::MAX / amax.values()[number];
        io.map(|x| {
            let x = x.widen();
            let zero = x.abs() < EPSILON || (inverse_scale.is_infinite() && !x.is_nan());
            if zero { 0 } else { e4m3::encode(x * inverse_scale) }
        });
    });
    let inverse_scale = amax
        .map(|amax| e4m3::MAX / amax)
        .map(|inverse_scale| if inverse_scale.is_finite() { inverse_scale } else { 1.0 });
    Ok(Quantized { values: shaped(dim, codes)?, inverse_scale })
}

/// Dequantizes e4m3 codes: y = value of the code / s.
///
/// # Errors
///
/// `InvalidArgument` if an inverse scale is not a positive finite number; `Shape` if it does not fit the
/// shape of the codes.
pub fn dequantize_e4m3<'a, T: Element, D: Dimension>(
    codes: ArrayView<'_, u8, D>,
    inverse_scale: impl Into<PerGroup<'a>>,
) -> Result<Array<T, D>> {
    let (inverse_scale, dim) = (inverse_scale.into(), codes.raw_dim());
    check_inverse_scale(&inverse_scale)?;
    let codes = dense(codes);
    let mut out = vec![T::default(); codes.len()];
    inverse_scale.groups(dim.slice(), "inverse_scale")?.for_each(
        InOut::new(&codes, &mut out),
        |_, io, number| {
            let inverse_scale = inverse_scale.values()[number];
            io.map(|code| T::narrow(e4m3::decode(code) / inverse_scale));
        },
    );
    shaped(dim, out)
}

fn checked(amax: Option<PerGroup<'_>>) -> Result<PerGroup<'_>> {
    let amax = amax.unwrap_or_else(|| e4m3::MAX.into());
    match amax.values().iter().find(|amax| !amax.is_finite() || **amax < 0.0) {
        Some(&bad) => Err(bad_amax(bad)),
        None => Ok(amax),
    }
}

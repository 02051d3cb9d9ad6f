//! Quantization, fake quantization and the way back.

use ndarray::{Array, ArrayView, Dimension};

use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::kernel::{self, Grid};

use super::dense::{check_lengths, dense, shaped};
use super::element::{CHUNK, Element, Function, Storage};
use super::group::{PerGroup, index_of};
use super::params::{Mode, QuantParams, check_scale};

/// Integers and the scale that turns them back into numbers: x is about value / scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantized<Q, D: Dimension> {
    /// The integers, in the shape of the data.
    pub values: Array<Q, D>,
    /// M / amax, grouped like amax; 1 where amax counts as zero. This is the reciprocal of ONNX's and TensorRT's
    /// scale.
    pub scale: PerGroup<'static>,
}

/// Quantizes and keeps the integers in the type of the data: q = clamp(rne(x * M / amax), L, M).
///
/// In [`Mode::Reference`] this is pytorch-quantization's function of that name: NaN stays NaN, and the scale is
/// rounded to the type of the data. For integers in an integer type see [`quantize`].
///
/// # Errors
///
/// A negative amax, one that does not fit the shape of x, an unsigned quantization of negative values; in
/// `Reference` an f16 scale beyond 65504; in `Corrected` an amax that is not finite.
///
/// ```
/// use ndarray::array;
/// use qdq::quant::{QuantParams, abs_max, tensor_quant};
///
/// let x = array![0.9817f32, 0.8796, 0.9921, 0.4611, 0.0832, 0.1784, 0.3674, 0.5676, 0.3376, 0.2119];
/// let amax = abs_max(x.view(), None)?;
/// let found = tensor_quant(x.view(), &amax, &QuantParams::new(8)?)?;
/// assert_eq!(found.values, array![126.0, 113.0, 127.0, 59.0, 11.0, 23.0, 47.0, 73.0, 43.0, 27.0]);
/// assert!((found.scale.values()[0] - 128.0057).abs() < 0.01);
/// # Ok::<(), qdq::error::Error>(())
/// ```
pub fn tensor_quant<'a, T: Element, D: Dimension>(
    x: ArrayView<'_, T, D>,
    amax: impl Into<PerGroup<'a>>,
    params: &QuantParams,
) -> Result<Quantized<T, D>> {
    let (amax, dim) = (amax.into(), x.raw_dim());
    let staged = T::STAGED && params.in_mode() != Mode::Corrected;
    if staged {
        check_f16_scale(&amax, params)?;
    }
    let x = dense(x);
    check(&x, dim.slice(), &amax, params, false)?;
    let mut values = vec![T::default(); x.len()];
    amax.groups(dim.slice(), "amax")?.for_each(|range, number| {
        let (x, out, amax) = (&x[range.clone()], &mut values[range], amax.values()[number]);
        let grid = params.grid(amax);
        if grid.scale == 0.0 && params.in_mode() == Mode::Corrected {
            T::map(x, out, &SignedZero);
        } else {
            T::map(x, out, &Quantize(grid));
        }
    });
    let round = |scale: f32| if staged { T::from_f32(scale).to_f64() as f32 } else { scale };
    let scale = amax.map(|amax| round(params.scale(amax)));
    Ok(Quantized { values: shaped(dim, values)?, scale })
}

/// Quantizes to an integer type: q = clamp(rne(x * M / amax), L, M), the same integers in every [`Mode`].
///
/// Infinities become L and M; where amax counts as zero everything becomes 0.
///
/// # Errors
///
/// An amax that is negative, not finite, or does not fit the shape of x; an unsigned quantization of negative
/// values; an integer type that does not hold L to M; a NaN in x, for which there is no integer.
///
/// ```
/// use ndarray::array;
/// use qdq::quant::{QuantParams, dequantize, quantize};
///
/// let x = array![-2.0f32, -0.3, 0.4, 9.0];
/// let found = quantize::<f32, i8, _>(x.view(), 2.0, &QuantParams::new(4)?)?;
/// assert_eq!(found.values, array![-7, -1, 1, 7]);
/// assert_eq!(dequantize::<_, f32, _>(found.values.view(), &found.scale)?[0], -2.0);
/// # Ok::<(), qdq::error::Error>(())
/// ```
pub fn quantize<'a, T: Element, Q: Storage, D: Dimension>(
    x: ArrayView<'_, T, D>,
    amax: impl Into<PerGroup<'a>>,
    params: &QuantParams,
) -> Result<Quantized<Q, D>> {
    let (amax, dim) = (amax.into(), x.raw_dim());
    let mut values = vec![Q::default(); x.len()];
    quantize_slice(&dense(x), dim.slice(), &amax, params, &mut values)?;
    Ok(Quantized { values: shaped(dim, values)?, scale: amax.map(|amax| params.scale(amax)) })
}

/// [`quantize`] for row-major slices: `x` of `shape`, and `out` with as many elements.
///
/// # Errors
///
/// Those of [`quantize`], and slices that do not fit the shape. After an error `out` is unspecified.
pub fn quantize_slice<T: Element, Q: Storage>(
    x: &[T],
    shape: &[usize],
    amax: &PerGroup<'_>,
    params: &QuantParams,
    out: &mut [Q],
) -> Result<()> {
    check_lengths(shape, &[x.len(), out.len()])?;
    params.check_storage(Q::NAME, Q::RANGE)?;
    check(x, shape, amax, params, true)?;
    let mut nan = false;
    let mut integers = [0.0; CHUNK];
    amax.groups(shape, "amax")?.for_each(|range, number| {
        let grid = params.grid(amax.values()[number]);
        let (x, out) = (&x[range.clone()], &mut out[range]);
        for (x, out) in x.chunks(CHUNK).zip(out.chunks_mut(CHUNK)) {
            let integers = &mut integers[..x.len()];
            if grid.scale == 0.0 {
                T::map_to_f32(x, integers, &SignedZero);
            } else {
                T::map_to_f32(x, integers, &Quantize(grid));
            }
            for (out, &integer) in out.iter_mut().zip(&*integers) {
                nan |= integer.is_nan();
                *out = Q::from_f32(integer);
            }
        }
    });
    if nan {
        return Err(at_first(x, shape, |x| x.to_f64().is_nan(), "is NaN, for which there is no integer")
            .with_remedy("find out where the NaN comes from"));
    }
    Ok(())
}

/// Quantizes and goes back at once: y = clamp(rne(x * M / amax), L, M) * amax / M, computed as a division by
/// M / amax. Where amax counts as zero, y is 0. NaN stays NaN. See [`Mode`] for the arithmetic.
///
/// # Errors
///
/// Those of [`tensor_quant`], without that for f16 scales.
///
/// ```
/// use ndarray::array;
/// use qdq::quant::{QuantParams, abs_max, fake_tensor_quant};
///
/// let x = array![0.9817f32, 0.8796, 0.9921, 0.4611, 0.0832, 0.1784, 0.3674, 0.5676, 0.3376, 0.2119];
/// let y = fake_tensor_quant(x.view(), &abs_max(x.view(), None)?, &QuantParams::new(8)?)?;
/// let expected = [0.9843, 0.8828, 0.9921, 0.4609, 0.0859, 0.1797, 0.3672, 0.5703, 0.3359, 0.2109];
/// assert!(y.iter().zip(expected).all(|(y, expected)| (y - expected).abs() < 1e-4));
/// # Ok::<(), qdq::error::Error>(())
/// ```
pub fn fake_tensor_quant<'a, T: Element, D: Dimension>(
    x: ArrayView<'_, T, D>,
    amax: impl Into<PerGroup<'a>>,
    params: &QuantParams,
) -> Result<Array<T, D>> {
    let dim = x.raw_dim();
    let mut out = vec![T::default(); x.len()];
    fake_tensor_quant_slice(&dense(x), dim.slice(), &amax.into(), params, &mut out)?;
    shaped(dim, out)
}

/// [`fake_tensor_quant`] for row-major slices: `x` of `shape`, and `out` with as many elements.
///
/// # Errors
///
/// Those of [`fake_tensor_quant`], and slices that do not fit the shape.
pub fn fake_tensor_quant_slice<T: Element>(
    x: &[T],
    shape: &[usize],
    amax: &PerGroup<'_>,
    params: &QuantParams,
    out: &mut [T],
) -> Result<()> {
    check_lengths(shape, &[x.len(), out.len()])?;
    check(x, shape, amax, params, false)?;
    let mode = params.in_mode();
    amax.groups(shape, "amax")?.for_each(|range, number| {
        let (x, out, amax) = (&x[range.clone()], &mut out[range], amax.values()[number]);
        let grid = params.fake_grid(amax);
        let zero = params.fakes_zero(amax);
        if mode == Mode::GpuCompat {
            if zero { T::map(x, out, &Zero) } else { T::map(x, out, &InF32(FakeQuantize(grid))) }
        } else if mode == Mode::Corrected && zero {
            T::map(x, out, &SignedZero);
        } else if mode == Mode::Reference && (T::STAGED || zero) {
            T::map(x, out, &Quantize(grid));
            let scale = T::from_f32(params.scale(amax)).to_f64() as f32;
            for q in out {
                *q = T::quotient(*q, scale);
            }
        } else {
            T::map(x, out, &FakeQuantize(grid));
        }
    });
    Ok(())
}

/// The way back from integers: y = q / scale, with the scale of [`Quantized`].
///
/// # Errors
///
/// A scale that is not a positive finite number or does not fit the shape of the integers.
pub fn dequantize<'a, Q: Storage, T: Element, D: Dimension>(
    values: ArrayView<'_, Q, D>,
    scale: impl Into<PerGroup<'a>>,
) -> Result<Array<T, D>> {
    let (scale, dim) = (scale.into(), values.raw_dim());
    check_scale(&scale)?;
    let values = dense(values);
    let mut out = vec![T::default(); values.len()];
    scale.groups(dim.slice(), "scale")?.for_each(|range, number| {
        let scale = scale.values()[number];
        for (out, &q) in out[range.clone()].iter_mut().zip(&values[range]) {
            *out = T::dequantize(q.into(), scale);
        }
    });
    shaped(dim, out)
}

/// clamp(rne(x * scale), low, high).
struct Quantize(Grid);

impl Function for Quantize {
    fn f32(&self, x: &[f32], out: &mut [f32]) {
        kernel::active().quantize(x, out, self.0);
    }

    fn f64(&self, x: f64) -> f64 {
        let Grid { scale, low, high } = self.0;
        (x * f64::from(scale)).round_ties_even().clamp(low.into(), high.into())
    }
}

/// clamp(rne(x * scale), low, high) / scale.
struct FakeQuantize(Grid);

impl Function for FakeQuantize {
    fn f32(&self, x: &[f32], out: &mut [f32]) {
        kernel::active().fake_quantize(x, out, self.0);
    }

    fn f64(&self, x: f64) -> f64 {
        Quantize(self.0).f64(x) / f64::from(self.0.scale)
    }
}

/// 0 for everything.
struct Zero;

impl Function for Zero {
    fn f32(&self, _: &[f32], out: &mut [f32]) {
        out.fill(0.0);
    }

    fn f64(&self, _: f64) -> f64 {
        0.0
    }
}

/// 0 with the sign of x for every number, infinities included; NaN stays NaN.
struct SignedZero;

impl Function for SignedZero {
    fn f32(&self, x: &[f32], out: &mut [f32]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = if x.is_nan() { x } else { 0f32.copysign(x) };
        }
    }

    fn f64(&self, x: f64) -> f64 {
        if x.is_nan() { x } else { 0f64.copysign(x) }
    }
}

/// The function computed in f32, whatever the type of the data.
struct InF32<F>(F);

impl<F: Function> Function for InF32<F> {
    fn f32(&self, x: &[f32], out: &mut [f32]) {
        self.0.f32(x, out);
    }

    fn f64(&self, x: f64) -> f64 {
        let mut out = [0.0];
        self.0.f32(&[x as f32], &mut out);
        out[0].into()
    }
}

fn check<T: Element>(
    x: &[T],
    shape: &[usize],
    amax: &PerGroup<'_>,
    params: &QuantParams,
    finite: bool,
) -> Result<()> {
    params.check_amax(amax.values().iter(), finite)?;
    if params.is_unsigned() && T::any_negative(x) {
        return Err(at_first(
            x,
            shape,
            |&x| x < T::default(),
            "is negative, but the quantization is unsigned",
        )
        .with_remedy("use a signed quantization, or clip the data at 0"));
    }
    Ok(())
}

/// The reference refuses scales that f16 cannot hold.
fn check_f16_scale(amax: &PerGroup<'_>, params: &QuantParams) -> Result<()> {
    let largest = f32::from(half::f16::MAX);
    let Some(&amax) = amax.values().iter().find(|amax| params.scale(**amax) > largest) else {
        return Ok(());
    };
    let scale = params.scale(amax);
    Err(Error::new(
        ErrorKind::InvalidArgument,
        format!("amax {amax} is too small for {}: its scale {scale} is beyond {largest}", DataType::F16),
    )
    .with_remedy("use f32 data or Mode::Corrected"))
}

fn at_first<T: Element>(x: &[T], shape: &[usize], is_it: impl Fn(&T) -> bool, what: &str) -> Error {
    let at = x.iter().position(is_it).unwrap_or_default();
    let value = x.get(at).map_or(0.0, |x| x.to_f64());
    Error::new(ErrorKind::Data, format!("element {:?} = {value} {what}", index_of(at, shape)))
}

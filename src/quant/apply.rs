//! Quantization, fake quantization and dequantization.

use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{Array, ArrayView, Dimension};

use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::kernel::{self, InOut, Pattern, Real};

use super::dense::{check_lengths, dense, shaped};
use super::element::{Element, Storage};
use super::group::{PerGroup, index_of};
use super::params::{Grid, Mode, QuantParams, check_inverse_scale};

/// Integers and the inverse scale that converts them back to numbers: x is about value / inverse_scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantized<Q, D: Dimension> {
    /// The integers, in the shape of the data.
    pub values: Array<Q, D>,
    /// M / amax, grouped like amax; 1 if amax counts as zero. This is the reciprocal of the scale of ONNX and
    /// TensorRT.
    pub inverse_scale: PerGroup<'static>,
}

/// Quantizes to integers in the type of the data: q = clamp(rne(x * M / amax), L, M).
///
/// In [`Mode::Reference`] this is pytorch-quantization's function of that name: NaN stays NaN, and the
/// inverse scale is rounded to the type of the data. [`quantize`] gives integers in an integer type.
///
/// # Errors
///
/// - `InvalidArgument` if an amax is negative; in `Corrected` also if an amax is not finite; in `Reference`
///   also if an f16 inverse scale is beyond 65504.
/// - `Shape` if amax does not fit the shape of x.
/// - `Data` if the quantization is unsigned and x has negative values.
///
/// ```
/// use ndarray::array;
/// use qdq::quant::{QuantParams, abs_max, tensor_quant};
///
/// let x = array![0.9817f32, 0.8796, 0.9921, 0.4611, 0.0832, 0.1784, 0.3674, 0.5676, 0.3376, 0.2119];
/// let amax = abs_max(x.view(), None)?;
/// let found = tensor_quant(x.view(), &amax, &QuantParams::new(8)?)?;
/// assert_eq!(found.values, array![126.0, 113.0, 127.0, 59.0, 11.0, 23.0, 47.0, 73.0, 43.0, 27.0]);
/// assert!((found.inverse_scale.values()[0] - 128.0057).abs() < 0.01);
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
    let groups = amax.groups(dim.slice(), "amax")?;
    let io = InOut::new(&x, &mut values);
    let inverse_scales: Vec<f32> =
        amax.values().iter().map(|&amax| params.grid(amax).inverse_scale).collect();
    let (kernels, Grid { low, high, .. }) = (kernel::active(), params.grid(1.0));
    if params.in_mode() == Mode::Corrected && inverse_scales.contains(&0.0) {
        groups.for_each(io, |_, io, number| match inverse_scales[number] {
            0.0 => signed_zero(io),
            inverse_scale => _ = kernels.quantize_floats(io, &Pattern::one(inverse_scale), low, high),
        });
    } else {
        groups.for_each_by(io, (&inverse_scales, &inverse_scales), |_, io, inverse_scales| {
            kernels.quantize_floats(io, inverse_scales, low, high);
        });
    }
    let round = |inverse_scale: f32| if staged { T::narrow(inverse_scale).widen() } else { inverse_scale };
    let inverse_scale = amax.map(|amax| round(params.inverse_scale(amax)));
    Ok(Quantized { values: shaped(dim, values)?, inverse_scale })
}

/// Quantizes to an integer type: q = clamp(rne(x * M / amax), L, M), the same integers in every [`Mode`].
///
/// Infinities become L and M. If amax counts as zero, every integer is 0.
///
/// # Errors
///
/// - `InvalidArgument` if an amax is negative or not finite.
/// - `Shape` if amax does not fit the shape of x.
/// - `Type` if the integer type does not hold L to M.
/// - `Data` if the quantization is unsigned and x has negative values, or if x has a NaN, for which there is
///   no integer.
///
/// ```
/// use ndarray::array;
/// use qdq::quant::{QuantParams, dequantize, quantize};
///
/// let x = array![-2.0f32, -0.3, 0.4, 9.0];
/// let found = quantize::<f32, i8, _>(x.view(), 2.0, &QuantParams::new(4)?)?;
/// assert_eq!(found.values, array![-7, -1, 1, 7]);
/// assert_eq!(dequantize::<_, f32, _>(found.values.view(), &found.inverse_scale)?[0], -2.0);
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
    Ok(Quantized { values: shaped(dim, values)?, inverse_scale: amax.map(|amax| params.inverse_scale(amax)) })
}

/// Quantizes like [`quantize`], for row-major slices: `x` of `shape`, and `out` with as many elements.
///
/// # Errors
///
/// Those of [`quantize`]; `Shape` if a slice does not fit the shape. After an error `out` is unspecified.
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
    let inverse_scales: Vec<f32> =
        amax.values().iter().map(|&amax| params.grid(amax).inverse_scale).collect();
    let groups = amax.groups(shape, "amax")?;
    let nan = AtomicBool::new(false);
    let (kernels, Grid { low, high, .. }) = (kernel::active(), params.grid(1.0));
    groups.for_each_by(InOut::new(x, out), (&inverse_scales, &inverse_scales), |_, io, inverse_scales| {
        nan.fetch_or(kernels.quantize(io, inverse_scales, low, high), Ordering::Relaxed);
    });
    if nan.into_inner() {
        return Err(at_first(x, shape, |x| x.to_f64().is_nan(), "is NaN, for which there is no integer")
            .with_remedy("find out where the NaN comes from"));
    }
    Ok(())
}

/// Quantizes and dequantizes: y = clamp(rne(x * M / amax), L, M) * amax / M.
///
/// The last step is computed as a division by M / amax. If amax counts as zero, y is 0. NaN stays NaN. See
/// [`Mode`] for the arithmetic.
///
/// # Errors
///
/// Those of [`tensor_quant`], except that for f16 inverse scales.
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

/// Computes [`fake_tensor_quant`] for row-major slices: `x` of `shape`, and `out` with as many elements.
///
/// # Errors
///
/// Those of [`fake_tensor_quant`]; `Shape` if a slice does not fit the shape.
pub fn fake_tensor_quant_slice<T: Element>(
    x: &[T],
    shape: &[usize],
    amax: &PerGroup<'_>,
    params: &QuantParams,
    out: &mut [T],
) -> Result<()> {
    check_lengths(shape, &[x.len(), out.len()])?;
    fake(InOut::new(x, out), shape, amax, params)
}

/// Overwrites row-major `x` of `shape` with its [`fake_tensor_quant`]. An error leaves `x` unchanged.
///
/// # Errors
///
/// Those of [`fake_tensor_quant`]; `Shape` if the slice does not fit the shape.
///
/// ```
/// use qdq::quant::{QuantParams, fake_tensor_quant_in_place};
///
/// let mut x = [0.4f32, -3.0];
/// fake_tensor_quant_in_place(&mut x, &[2], &7.0.into(), &QuantParams::new(4)?)?;
/// assert_eq!(x, [0.0, -3.0]);
/// # Ok::<(), qdq::error::Error>(())
/// ```
pub fn fake_tensor_quant_in_place<T: Element>(
    x: &mut [T],
    shape: &[usize],
    amax: &PerGroup<'_>,
    params: &QuantParams,
) -> Result<()> {
    check_lengths(shape, &[x.len()])?;
    fake(InOut::in_place(x), shape, amax, params)
}

fn fake<T: Element>(io: InOut<T>, shape: &[usize], amax: &PerGroup<'_>, params: &QuantParams) -> Result<()> {
    check(io.input(), shape, amax, params, false)?;
    let groups = amax.groups(shape, "amax")?;
    let plain = amax.values().iter().all(|&amax| is_plain::<T>(params, amax));
    if !plain {
        groups.for_each(io, |_, io, number| fake_one(io, amax.values()[number], params));
        return Ok(());
    }
    let inverse_scale: Vec<f32> =
        amax.values().iter().map(|&amax| params.fake_grid(amax).inverse_scale).collect();
    let divisor: Vec<f32> =
        inverse_scale.iter().map(|&inverse_scale| divisor::<T>(params, inverse_scale)).collect();
    let Grid { low, high, .. } = params.fake_grid(1.0);
    groups.for_each_by(io, (&inverse_scale, &divisor), |_, io, inverse_scales| {
        kernel::active().fake_quantize(io, inverse_scales, low, high)
    });
    Ok(())
}

/// Whether fake quantization with `amax` needs only a grid and a divisor.
fn is_plain<T: Element>(params: &QuantParams, amax: f32) -> bool {
    let staged = T::STAGED && params.in_mode() == Mode::Reference;
    // f16 holds all integers up to this one, so rounding them to f16 changes nothing.
    let exact = params.high() <= 2048;
    let computed_otherwise = params.in_mode() == Mode::GpuCompat && size_of::<T>() == size_of::<f64>();
    !params.fakes_zero(amax) && (!staged || exact) && !computed_otherwise
}

/// Returns the divisor of the integers.
fn divisor<T: Element>(params: &QuantParams, inverse_scale: f32) -> f32 {
    if T::STAGED && params.in_mode() == Mode::Reference {
        T::narrow(inverse_scale).widen()
    } else {
        inverse_scale
    }
}

/// Fake-quantizes elements that share one amax.
fn fake_one<T: Element>(io: InOut<T>, amax: f32, params: &QuantParams) {
    let Grid { inverse_scale, low, high } = params.fake_grid(amax);
    match (params.in_mode(), params.fakes_zero(amax)) {
        _ if is_plain::<T>(params, amax) => {
            let scales = Pattern::Same(inverse_scale, divisor::<T>(params, inverse_scale));
            kernel::active().fake_quantize(io, &scales, low, high);
        }
        (Mode::GpuCompat, true) => io.map(|_| T::default()),
        (Mode::GpuCompat, false) => {
            io.map(|x| T::narrow(x.widen().to_grid(inverse_scale, low, high) / inverse_scale));
        }
        (Mode::Corrected, _) => signed_zero(io),
        (Mode::Reference, _) => {
            let divisor = divisor::<T>(params, params.inverse_scale(amax));
            io.map(|x| {
                let staged = T::narrow(x.to_grid(inverse_scale, low, high));
                T::quotient(staged.widen(), divisor)
            });
        }
    }
}

/// Converts integers back to numbers: y = q / inverse_scale, with the inverse scale of [`Quantized`].
///
/// # Errors
///
/// `InvalidArgument` if an inverse scale is not a positive finite number; `Shape` if it does not fit the
/// shape of the integers.
pub fn dequantize<'a, Q: Storage, T: Element, D: Dimension>(
    values: ArrayView<'_, Q, D>,
    inverse_scale: impl Into<PerGroup<'a>>,
) -> Result<Array<T, D>> {
    let (inverse_scale, dim) = (inverse_scale.into(), values.raw_dim());
    check_inverse_scale(&inverse_scale)?;
    let values = dense(values);
    let mut out = vec![T::default(); values.len()];
    let groups = inverse_scale.groups(dim.slice(), "inverse_scale")?;
    let numbers = (inverse_scale.values(), inverse_scale.values());
    groups.for_each_by(InOut::new(&values, &mut out), numbers, |_, io, inverse_scales| {
        kernel::active().dequantize(io, inverse_scales)
    });
    shaped(dim, out)
}

/// Writes 0 with the sign of x for every number, infinities included. NaN stays NaN.
fn signed_zero<T: Element>(io: InOut<T>) {
    io.map(|x| {
        let sign = x.widen();
        if sign.is_nan() { x } else { T::narrow(0f32.copysign(sign)) }
    });
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

/// Refuses inverse scales that f16 cannot hold, as the reference does.
fn check_f16_scale(amax: &PerGroup<'_>, params: &QuantParams) -> Result<()> {
    let largest = f32::from(half::f16::MAX);
    let Some(&amax) = amax.values().iter().find(|amax| params.inverse_scale(**amax) > largest) else {
        return Ok(());
    };
    let inverse_scale = params.inverse_scale(amax);
    Err(Error::new(
        ErrorKind::InvalidArgument,
        format!(
            "amax {amax} is too small for {}: its inverse_scale {inverse_scale} is beyond {largest}",
            DataType::F16
        ),
    )
    .with_remedy("use f32 data or Mode::Corrected"))
}

fn at_first<T: Element>(x: &[T], shape: &[usize], is_it: impl Fn(&T) -> bool, what: &str) -> Error {
    let at = x.iter().position(is_it).unwrap_or_default();
    let value = x.get(at).map_or(0.0, |x| x.to_f64());
    Error::new(ErrorKind::Data, format!("element {:?} = {value} {what}", index_of(at, shape)))
}

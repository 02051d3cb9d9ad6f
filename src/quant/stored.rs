//! Quantized values in a storage type that is known at run time.

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::error::{Error, ErrorKind, Result};
use crate::tensor::element_count;

use super::apply::{dequantize, quantize_slice};
use super::dense::check_lengths;
use super::element::{Element, Storage};
use super::fp8::dequantize_e4m3;
use super::group::PerGroup;
use super::pack;
use super::params::QuantParams;

/// Quantized values in their storage type, row-major.
#[derive(Clone, Copy, Debug)]
pub enum Stored<'a> {
    /// Integers.
    I8(&'a [i8]),
    /// Integers, or codes of e4m3 if that is the format.
    U8(&'a [u8]),
    /// Integers.
    I16(&'a [i16]),
    /// Integers.
    U16(&'a [u16]),
    /// Integers of -8 to 7, two per byte as in [`pack`].
    I4(&'a [u8]),
    /// Integers of 0 to 15, two per byte as in [`pack`].
    U4(&'a [u8]),
    /// Codes of e4m3.
    E4m3(&'a [u8]),
}

/// The destination of quantized values, as in [`Stored`].
#[derive(Debug)]
pub enum StoredMut<'a> {
    /// Integers.
    I8(&'a mut [i8]),
    /// Integers, or codes of e4m3 if that is the format.
    U8(&'a mut [u8]),
    /// Integers.
    I16(&'a mut [i16]),
    /// Integers.
    U16(&'a mut [u16]),
    /// Integers of -8 to 7, two per byte as in [`pack`].
    I4(&'a mut [u8]),
    /// Integers of 0 to 15, two per byte as in [`pack`].
    U4(&'a mut [u8]),
    /// Codes of e4m3.
    E4m3(&'a mut [u8]),
}

impl StoredMut<'_> {
    /// Stores the integers of `x`.
    pub(super) fn quantize<T: Element>(
        self,
        x: &[T],
        shape: &[usize],
        amax: &PerGroup<'_>,
        params: &QuantParams,
    ) -> Result<()> {
        match self {
            Self::I8(out) => quantize_slice(x, shape, amax, params, out),
            Self::U8(out) => quantize_slice(x, shape, amax, params, out),
            Self::I16(out) => quantize_slice(x, shape, amax, params, out),
            Self::U16(out) => quantize_slice(x, shape, amax, params, out),
            Self::I4(out) => {
                params.check_storage("i4", -8..=7)?;
                store(&pack::pack_int4(&integers(x, shape, amax, params)?)?, out)
            }
            Self::U4(out) => {
                params.check_storage("u4", 0..=15)?;
                store(&pack::pack_uint4(&integers(x, shape, amax, params)?)?, out)
            }
            // e4m3 holds no integer but 0.
            Self::E4m3(_) => params.check_storage("e4m3", 0..=0),
        }
    }

    /// Stores codes of e4m3.
    pub(super) fn store_codes(self, codes: &[u8]) -> Result<()> {
        match self {
            Self::E4m3(out) | Self::U8(out) => store(codes, out),
            _ => Err(Error::new(ErrorKind::Type, "only e4m3 and u8 hold the codes of e4m3")
                .with_remedy("use one of these types, or a format of integers")),
        }
    }
}

impl Stored<'_> {
    /// Dequantizes the values. `is_e4m3` marks bytes as codes of e4m3.
    pub(super) fn dequantize<T: Element>(
        self,
        shape: &[usize],
        inverse_scale: &PerGroup<'_>,
        is_e4m3: bool,
    ) -> Result<ArrayD<T>> {
        let count = element_count(shape)?;
        match self {
            Self::E4m3(codes) => dequantize_e4m3(viewed(codes, shape)?, inverse_scale),
            Self::U8(codes) if is_e4m3 => dequantize_e4m3(viewed(codes, shape)?, inverse_scale),
            Self::I8(values) => dequantize(viewed(values, shape)?, inverse_scale),
            Self::U8(values) => dequantize(viewed(values, shape)?, inverse_scale),
            Self::I16(values) => dequantize(viewed(values, shape)?, inverse_scale),
            Self::U16(values) => dequantize(viewed(values, shape)?, inverse_scale),
            Self::I4(bytes) => dequantize(viewed(&pack::unpack_int4(bytes, count)?, shape)?, inverse_scale),
            Self::U4(bytes) => dequantize(viewed(&pack::unpack_uint4(bytes, count)?, shape)?, inverse_scale),
        }
    }
}

fn integers<T: Element, Q: Storage>(
    x: &[T],
    shape: &[usize],
    amax: &PerGroup<'_>,
    params: &QuantParams,
) -> Result<Vec<Q>> {
    let mut out = vec![Q::default(); x.len()];
    quantize_slice(x, shape, amax, params, &mut out)?;
    Ok(out)
}

fn store(bytes: &[u8], out: &mut [u8]) -> Result<()> {
    if bytes.len() != out.len() {
        let message = format!("{} bytes to store, and place for {}", bytes.len(), out.len());
        return Err(Error::new(ErrorKind::Shape, message));
    }
    out.copy_from_slice(bytes);
    Ok(())
}

fn viewed<'a, Q>(values: &'a [Q], shape: &[usize]) -> Result<ArrayViewD<'a, Q>> {
    check_lengths(shape, &[values.len()])?;
    ArrayViewD::from_shape(IxDyn(shape), values)
        .map_err(|error| Error::new(ErrorKind::Shape, error.to_string()))
}

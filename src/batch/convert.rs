//! Conversion from the element type of the data to that of the input.
//!
//! Integers keep their values. Floating-point numbers are rounded to the nearest of the input's type.

use std::borrow::Cow;

use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::{Data, DataView, Tensor};

/// Fails if type `from` can never convert to `to`.
///
/// Floating-point numbers convert to every floating-point type, rounded to nearest. Integers and truth values
/// convert to every type, if it holds each value exactly. [`convert`] checks the values: a finite number must
/// stay finite.
pub(super) fn check(label: &str, from: DataType, to: DataType, input: &str) -> Result<()> {
    if !from.is_float() || to.is_float() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Type, format!("{label}: is {from}, but input '{input}' takes {to}"))
        .with_remedy(remedy(to)))
}

/// Returns the remedy: the way to get data of type `to`.
fn remedy(to: DataType) -> String {
    let how = match to {
        DataType::Bf16 => {
            ": array.astype(ml_dtypes.bfloat16) in NumPy, with the package ml_dtypes; or \
             tensor.bfloat16().view(torch.int16).numpy().tofile(path) in PyTorch, for a raw file"
        }
        _ => "",
    };
    format!("convert it to {to} before saving it{how}")
}

/// Converts the elements to type `to`. [`check`] must have accepted the types.
///
/// # Errors
/// `Type` if the type holds a value neither exactly nor, for floating-point numbers, rounded.
pub(super) fn convert(label: &str, data: Data, to: DataType) -> Result<Data> {
    let from = data.view().dtype();
    if from == to {
        return Ok(data);
    }
    let converted = match data.view() {
        DataView::I8(values) | DataView::I4(values) => from_integers(values, to),
        DataView::U8(values) | DataView::Bool(values) | DataView::U4(values) => from_integers(values, to),
        // The bits are a number of 8 bits to every other program: there is nothing to convert.
        DataView::F8E4M3(_) => None,
        DataView::I16(values) => from_integers(values, to),
        DataView::U16(values) => from_integers(values, to),
        DataView::I32(values) => from_integers(values, to),
        DataView::U32(values) => from_integers(values, to),
        DataView::I64(values) => from_integers(values, to),
        DataView::U64(values) => from_integers(values, to),
        DataView::F16(values) => from_floats(values, to),
        DataView::Bf16(values) => from_floats(values, to),
        DataView::F32(values) => from_floats(values, to),
        DataView::F64(values) => from_floats(values, to),
    };
    converted.ok_or_else(|| {
        Error::new(ErrorKind::Type, format!("{label}: has {from} values that {to} cannot hold"))
            .with_remedy(remedy(to))
    })
}

/// Returns the tensor with the element type `to` if both types are floating-point, and else as it is.
///
/// # Errors
/// `Type` if a finite number would become infinite.
pub(crate) fn to_float<'t>(label: &str, tensor: &'t Tensor, to: Option<DataType>) -> Result<Cow<'t, Tensor>> {
    match to {
        Some(to) if to != tensor.dtype() && to.is_float() && tensor.dtype().is_float() => {
            let data = convert(label, tensor.data().clone(), to)?;
            Tensor::new(tensor.shape().to_vec(), data).map(Cow::Owned)
        }
        _ => Ok(Cow::Borrowed(tensor)),
    }
}

/// Returns `None` if a finite number would become infinite, or if `to` is no floating-point type.
fn from_floats<T: Copy + Into<f64>>(values: &[T], to: DataType) -> Option<Data> {
    macro_rules! floats {
        ($variant:ident, $narrow:expr) => {{
            let narrow = |&value: &T| {
                let (value, narrow) = (value.into(), $narrow(value.into()));
                (narrow.is_infinite() == value.is_infinite()).then_some(narrow)
            };
            values.iter().map(narrow).collect::<Option<Vec<_>>>().map(Data::$variant)
        }};
    }
    match to {
        DataType::F64 => floats!(F64, f64::from),
        DataType::F32 => floats!(F32, |value: f64| value as f32),
        DataType::F16 => floats!(F16, half::f16::from_f64),
        DataType::Bf16 => floats!(Bf16, half::bf16::from_f64),
        _ => None,
    }
}

/// Returns `None` if a value is not held exactly.
fn from_integers<T: Copy + Into<i128>>(values: &[T], to: DataType) -> Option<Data> {
    let values = || values.iter().map(|&value| value.into());
    macro_rules! integers {
        ($element:ty, $variant:ident) => {
            values()
                .map(|value| <$element>::try_from(value).ok())
                .collect::<Option<Vec<_>>>()
                .map(Data::$variant)
        };
    }
    macro_rules! floats {
        ($digits:expr, $variant:ident, $make:expr) => {
            values()
                .all(|value| value.unsigned_abs() <= 1 << $digits)
                .then(|| Data::$variant(values().map($make).collect()))
        };
    }
    match to {
        DataType::I8 => integers!(i8, I8),
        DataType::U8 => integers!(u8, U8),
        DataType::I16 => integers!(i16, I16),
        DataType::U16 => integers!(u16, U16),
        DataType::I32 => integers!(i32, I32),
        DataType::U32 => integers!(u32, U32),
        DataType::I64 => integers!(i64, I64),
        DataType::U64 => integers!(u64, U64),
        DataType::F32 => floats!(24, F32, |value| value as f32),
        DataType::F64 => floats!(53, F64, |value| value as f64),
        DataType::F16 => floats!(11, F16, |value| half::f16::from_f32(value as f32)),
        DataType::Bf16 => floats!(8, Bf16, |value| half::bf16::from_f32(value as f32)),
        DataType::Bool => integers!(u8, Bool).filter(|_| values().all(|value| value <= 1)),
        DataType::I4 => integers!(i8, I4).filter(|_| values().all(|value| (-8..=7).contains(&value))),
        DataType::U4 => integers!(u8, U4).filter(|_| values().all(|value| value <= 15)),
        DataType::F8E4M3 => None,
    }
}

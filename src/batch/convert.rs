//! Conversion from the element type of the data to that of the input, without changing values.

use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::{Data, DataView};

/// Fails if type `from` can never convert to `to`.
///
/// Floating-point numbers convert to types that hold them exactly. In addition, f64, NumPy's default,
/// converts to f32, rounded to nearest. Integers and truth values convert to every type, if it holds each
/// value exactly; [`convert`] checks the values.
pub(super) fn check(label: &str, from: DataType, to: DataType, input: &str) -> Result<()> {
    use DataType::{Bf16, F16, F32, F64};
    let allowed = !from.is_float()
        || from == to
        || matches!((from, to), (F16 | Bf16, F32) | (F16 | Bf16 | F32, F64) | (F64, F32));
    if allowed {
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
pub(super) fn convert(label: &str, data: Data, to: DataType) -> Result<Data> {
    let from = data.view().dtype();
    if from == to {
        return Ok(data);
    }
    let converted = match data.view() {
        DataView::I8(values) => from_integers(values, to),
        DataView::U8(values) | DataView::Bool(values) => from_integers(values, to),
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

fn from_floats<T: Copy + Into<f64>>(values: &[T], to: DataType) -> Option<Data> {
    let values = values.iter().map(|&value| value.into());
    match to {
        DataType::F64 => Some(Data::F64(values.collect())),
        // Only an infinite f64 becomes an infinite f32: a finite f64 can exceed the largest f32.
        DataType::F32 => values
            .map(|value: f64| Some(value as f32).filter(|x| x.is_infinite() == value.is_infinite()))
            .collect::<Option<Vec<_>>>()
            .map(Data::F32),
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
    }
}

//! Conversions between qdq's tensors and those of rten, which has only f32, i32, i8 and u8.

use rten::{Value, ValueOrView, ValueView};
use rten_tensor::prelude::*;

use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::USE_ONNXRUNTIME;
use crate::tensor::{Data, DataView, Tensor, TensorSpec};

/// Converts to an input of rten. i64 and bool become i32, f64 becomes f32, other types are borrowed.
///
/// # Errors
/// `Data` if a value does not fit the narrower type; `Unsupported` for other types.
pub(super) fn to_rten<'t>(name: &str, tensor: &'t Tensor) -> Result<ValueOrView<'t>> {
    let shape = tensor.shape();
    match tensor.view().data() {
        DataView::F32(values) => borrow(shape, values),
        DataView::I32(values) => borrow(shape, values),
        DataView::I8(values) => borrow(shape, values),
        DataView::U8(values) => borrow(shape, values),
        DataView::Bool(values) => own(shape, values, |&value| Ok(i32::from(value != 0))),
        DataView::I64(values) => own(shape, values, |&value| {
            i32::try_from(value).map_err(|_| out_of_range(name, &value, "i64", "i32"))
        }),
        DataView::F64(values) => own(shape, values, |&value| match value as f32 {
            narrow if narrow.is_infinite() && value.is_finite() => {
                Err(out_of_range(name, &value, "f64", "f32"))
            }
            narrow => Ok(narrow),
        }),
        other => Err(Error::new(
            ErrorKind::Unsupported,
            format!("input '{name}': the embedded runtime has no {} tensors", other.dtype()),
        )
        .with_remedy(USE_ONNXRUNTIME)),
    }
}

fn own<'t, T, R>(shape: &[usize], values: &[T], convert: impl Fn(&T) -> Result<R>) -> Result<ValueOrView<'t>>
where
    Value: From<rten_tensor::Tensor<R>>,
{
    let values = values.iter().map(convert).collect::<Result<Vec<R>>>()?;
    Value::from_shape(shape, values).map(ValueOrView::Value).map_err(misfit)
}

fn borrow<'t, T>(shape: &[usize], values: &'t [T]) -> Result<ValueOrView<'t>>
where
    ValueView<'t>: From<rten_tensor::TensorView<'t, T>>,
{
    ValueView::from_shape(shape, values).map(ValueOrView::View).map_err(misfit)
}

fn misfit(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, "a tensor's shape does not fit its data").with_source(source)
}

fn out_of_range(name: &str, value: &dyn std::fmt::Display, wide: &str, narrow: &str) -> Error {
    Error::new(
        ErrorKind::Data,
        format!("input '{name}': {value} does not fit {narrow}, which the embedded runtime uses for {wide}"),
    )
    .with_remedy(USE_ONNXRUNTIME)
}

/// Converts an output of rten to the type that the model declares for it. Without a declaration, the type
/// stays.
///
/// # Errors
/// `Unsupported` if the output is a sequence or cannot be converted to the declared type.
pub(super) fn from_rten(spec: &TensorSpec, value: Value) -> Result<Tensor> {
    let (shape, data) = match value {
        Value::FloatTensor(tensor) => (tensor.shape().to_vec(), Data::F32(tensor.into_data())),
        Value::Int32Tensor(tensor) => (tensor.shape().to_vec(), Data::I32(tensor.into_data())),
        Value::Int8Tensor(tensor) => (tensor.shape().to_vec(), Data::I8(tensor.into_data())),
        Value::UInt8Tensor(tensor) => (tensor.shape().to_vec(), Data::U8(tensor.into_data())),
        _ => return Err(unusable(spec, "a sequence")),
    };
    let data = match (spec.dtype, data) {
        (Some(DataType::F64), Data::F32(values)) => Data::F64(values.into_iter().map(f64::from).collect()),
        (Some(DataType::I64), Data::I32(values)) => Data::I64(values.into_iter().map(i64::from).collect()),
        (Some(DataType::Bool), Data::I32(values)) => {
            Data::Bool(values.into_iter().map(|value| u8::from(value != 0)).collect())
        }
        (declared, data) => {
            let dtype = data.view().dtype();
            if declared.is_some_and(|declared| declared != dtype) {
                return Err(unusable(spec, dtype.name()));
            }
            data
        }
    };
    Tensor::new(shape, data)
}

fn unusable(spec: &TensorSpec, found: &str) -> Error {
    let declared = spec.dtype.map_or("a tensor", DataType::name);
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "output '{}': the embedded runtime computed {found}, and the model declares {declared}",
            spec.name
        ),
    )
    .with_remedy(USE_ONNXRUNTIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrower_types_are_refused_only_where_a_value_is_lost() {
        let tensor = |data: Data| Tensor::new(vec![1], data).unwrap();
        let cases = [
            (tensor(vec![i64::from(i32::MAX)].into()), None),
            (tensor(vec![i64::from(i32::MIN) - 1].into()), Some(ErrorKind::Data)),
            (tensor(vec![f64::INFINITY].into()), None),
            (tensor(vec![1e39f64].into()), Some(ErrorKind::Data)),
            (tensor(Data::Bool(vec![1])), None),
            (tensor(vec![half::f16::ONE].into()), Some(ErrorKind::Unsupported)),
            (tensor(Data::U16(vec![1])), Some(ErrorKind::Unsupported)),
        ];
        for (tensor, expected) in cases {
            let dtype = tensor.dtype();
            let kind = to_rten("x", &tensor).err().map(|error| error.kind());
            assert_eq!(kind, expected, "{dtype}");
        }
    }

    #[test]
    fn outputs_take_their_declared_type() {
        let ones = || Value::from_shape([2], vec![1i32, 0]).unwrap();
        let cases = [
            (Some(DataType::Bool), Some(Data::Bool(vec![1, 0]))),
            (Some(DataType::I64), Some(Data::I64(vec![1, 0]))),
            (None, Some(Data::I32(vec![1, 0]))),
            (Some(DataType::U16), None),
        ];
        for (dtype, expected) in cases {
            let spec = TensorSpec { name: "y".to_owned(), dtype, shape: None };
            let got = from_rten(&spec, ones()).ok().map(|tensor| tensor.data().clone());
            assert_eq!(got, expected, "{dtype:?}");
        }
    }
}

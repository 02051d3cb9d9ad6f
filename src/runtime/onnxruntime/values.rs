//! Conversions between qdq's tensors and those of ONNX Runtime.

use ort::session::SessionInputValue;
use ort::value::{DynValue, Tensor as OrtTensor, TensorElementType, TensorRef, ValueType};

use crate::error::{Context, Error, ErrorKind, Result};
use crate::tensor::{Data, DataView, Tensor};

macro_rules! conversions {
    ($($variant:ident => $element:ident),* $(,)?) => {
        /// Converts to an input of ONNX Runtime, which borrows the elements. Only booleans are copied.
        pub(super) fn to_ort<'t>(name: &str, tensor: &'t Tensor) -> Result<SessionInputValue<'t>> {
            let shape = tensor.shape();
            let value = match tensor.view().data() {
                $(DataView::$variant(values) => TensorRef::from_array_view((shape, values)).map(Into::into),)*
                DataView::Bool(values) => {
                    let values: Vec<bool> = values.iter().map(|&value| value != 0).collect();
                    OrtTensor::from_array((shape, values)).map(Into::into)
                }
                DataView::F8E4M3(_) | DataView::I4(_) | DataView::U4(_) => {
                    let message = format!("input '{name}': {} is no type that qdq hands to ONNX Runtime", tensor.dtype());
                    return Err(Error::new(ErrorKind::Unsupported, message)
                        .with_remedy("give the model an input of a wider type, and a Cast or QuantizeLinear behind it"));
                }
            };
            value.context(ErrorKind::Runtime, || format!("input '{name}': ONNX Runtime cannot take it"))
        }

        /// Copies an output of ONNX Runtime.
        ///
        /// # Errors
        /// `Unsupported` if it is not a tensor or has a type that qdq does not compute with.
        pub(super) fn from_ort(name: &str, value: &DynValue) -> Result<Tensor> {
            let unusable = || {
                Error::new(
                    ErrorKind::Unsupported,
                    format!("output '{name}' is a {}, which qdq does not take from ONNX Runtime", value.dtype()),
                )
                .with_remedy("remove it from the model's outputs")
            };
            let ValueType::Tensor { ty, .. } = value.dtype() else { return Err(unusable()) };
            let unreadable = || format!("output '{name}': ONNX Runtime does not give it");
            let (shape, data) = match ty {
                $(TensorElementType::$element => {
                    let (shape, values) = value.try_extract_tensor().context(ErrorKind::Runtime, unreadable)?;
                    (shape, Data::$variant(values.to_vec()))
                })*
                TensorElementType::Bool => {
                    let (shape, values) =
                        value.try_extract_tensor::<bool>().context(ErrorKind::Runtime, unreadable)?;
                    (shape, Data::Bool(values.iter().map(|&value| u8::from(value)).collect()))
                }
                _ => return Err(unusable()),
            };
            // A tensor in memory has no negative dimension.
            Tensor::new(shape.iter().map(|&dim| dim as usize).collect(), data)
        }
    };
}

conversions! {
    F32 => Float32, F16 => Float16, Bf16 => Bfloat16, F64 => Float64, I8 => Int8, U8 => Uint8,
    I16 => Int16, U16 => Uint16, I32 => Int32, U32 => Uint32, I64 => Int64, U64 => Uint64,
}

//! The elements of stored tensors.

use bytes::Bytes;
use half::{bf16, f16};

use super::element::{ElementType, element_type};
use super::external::{ExternalFiles, is_external, label};
use super::proto::{AttributeProto, NodeProto, SparseTensorProto, TensorProto};
use super::types::MAX_RANK;
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::quant::pack::{unpack_int4, unpack_uint4};
use crate::tensor::{self, Data, Tensor};

/// Returns the shape of a stored tensor.
pub(super) fn shape_of(tensor: &TensorProto) -> Result<Vec<usize>> {
    shape_from(&tensor.dims, || label(tensor))
}

fn shape_from(dims: &[i64], thing: impl Fn() -> String) -> Result<Vec<usize>> {
    let shape: Option<Vec<usize>> = dims.iter().map(|&dim| usize::try_from(dim).ok()).collect();
    let shape = shape.filter(|shape| shape.len() <= MAX_RANK && element_count(shape).is_some());
    shape.ok_or_else(|| {
        Error::new(ErrorKind::Format, format!("{}: the shape {dims:?} is not possible", thing()))
            .with_remedy("export the model again")
    })
}

fn element_count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |count, &dim| count.checked_mul(dim))
}

/// Returns the value of a stored tensor.
pub(super) fn tensor_of(tensor: &TensorProto, files: &ExternalFiles) -> Result<Tensor> {
    let element = element_type(tensor.data_type, || label(tensor))?;
    let Some(dtype) = element.dtype() else {
        return Err(unsupported(format!("{}: qdq does not compute with {element}", label(tensor))));
    };
    let shape = shape_of(tensor)?;
    match stored_bytes(tensor, element, &shape, files)? {
        Some(bytes) if dtype == DataType::Bool => {
            Tensor::new(shape, Data::Bool(bytes.iter().map(|&byte| u8::from(byte != 0)).collect()))
        }
        Some(bytes) if dtype.is_packed() => unpacked(dtype, shape, &bytes),
        Some(bytes) => Tensor::from_bytes(dtype, shape, &bytes),
        None => typed_elements(tensor, dtype, shape),
    }
    .map_err(|error| error.within(label(tensor)))
}

/// Makes a tensor of 4-bit integers of packed bytes.
fn unpacked(dtype: DataType, shape: Vec<usize>, bytes: &[u8]) -> Result<Tensor> {
    let count = tensor::element_count(&shape)?;
    let data = match dtype {
        DataType::I4 => Data::I4(unpack_int4(bytes, count)?),
        _ => Data::U4(unpack_uint4(bytes, count)?),
    };
    Tensor::new(shape, data)
}

/// Returns the elements as little-endian bytes if the model stores them in this form, in itself or in a file
/// beside it, and not in a typed field. The bytes are shared with the mapped file.
fn stored_bytes(
    tensor: &TensorProto,
    element: ElementType,
    shape: &[usize],
    files: &ExternalFiles,
) -> Result<Option<Bytes>> {
    if tensor.segment.is_set() {
        return Err(unsupported(format!("{}: is stored in segments", label(tensor))));
    }
    if is_external(tensor) {
        return files.bytes(tensor, element.byte_len(shape)).map(Some);
    }
    // Some writers add empty raw data beside a typed field.
    Ok(tensor.raw_data.clone().filter(|bytes| !bytes.is_empty()))
}

/// Returns the elements of a typed field. ONNX prescribes one field for each type.
fn typed_elements(tensor: &TensorProto, dtype: DataType, shape: Vec<usize>) -> Result<Tensor> {
    let int32 = &tensor.int32_data;
    let data = match dtype {
        DataType::F32 => Data::F32(tensor.float_data.clone()),
        DataType::F64 => Data::F64(tensor.double_data.clone()),
        DataType::I64 => Data::I64(tensor.int64_data.clone()),
        DataType::U64 => Data::U64(tensor.uint64_data.clone()),
        DataType::U32 => Data::U32(tensor.uint64_data.iter().map(|&value| value as u32).collect()),
        DataType::I32 => Data::I32(int32.clone()),
        DataType::I16 => Data::I16(int32.iter().map(|&value| value as i16).collect()),
        DataType::U16 => Data::U16(int32.iter().map(|&value| value as u16).collect()),
        DataType::I8 => Data::I8(int32.iter().map(|&value| value as i8).collect()),
        DataType::U8 => Data::U8(int32.iter().map(|&value| value as u8).collect()),
        DataType::Bool => Data::Bool(int32.iter().map(|&value| u8::from(value != 0)).collect()),
        DataType::F16 => Data::F16(int32.iter().map(|&bits| f16::from_bits(bits as u16)).collect()),
        DataType::Bf16 => Data::Bf16(int32.iter().map(|&bits| bf16::from_bits(bits as u16)).collect()),
        DataType::F8E4M3 => Data::F8E4M3(int32.iter().map(|&bits| bits as u8).collect()),
        // Each number of the field is a byte with two elements.
        DataType::I4 | DataType::U4 => {
            return unpacked(dtype, shape, &int32.iter().map(|&value| value as u8).collect::<Vec<_>>());
        }
    };
    Tensor::new(shape, data)
}

/// Fails if a tensor has more or fewer stored elements than its shape says. External data is located but not
/// read.
///
/// # Errors
/// `Format` if the number of elements does not match; also the errors of locating external data.
pub(super) fn check_size(tensor: &TensorProto, files: &ExternalFiles) -> Result<()> {
    let element = element_type(tensor.data_type, || label(tensor))?;
    let shape = shape_of(tensor)?;
    let misfit = |stored: String, needed: String| {
        let message =
            format!("{}: {stored} are stored, {element} of shape {shape:?} takes {needed}", label(tensor));
        Err(Error::new(ErrorKind::Format, message)
            .with_remedy("export or copy the model again: it was cut short or edited wrongly"))
    };
    // Tensors that qdq does not read at all are left to the runtime.
    let (false, Some(expected)) = (tensor.segment.is_set(), element.byte_len(&shape)) else { return Ok(()) };
    match (stored_bytes(tensor, element, &shape, files)?, element.dtype()) {
        (Some(bytes), _) if bytes.len() != expected => {
            misfit(format!("{} bytes", bytes.len()), expected.to_string())
        }
        // The size in memory is that of a number of the field too: two elements for packed types.
        (None, Some(dtype)) => match (typed_count(tensor, dtype), expected / dtype.size()) {
            (found, expected) if found != expected => {
                let unit = if dtype.is_packed() { "bytes" } else { "elements" };
                misfit(format!("{found} {unit}"), expected.to_string())
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Returns the number of elements in the typed field of a tensor.
fn typed_count(tensor: &TensorProto, dtype: DataType) -> usize {
    match dtype {
        DataType::F32 => tensor.float_data.len(),
        DataType::F64 => tensor.double_data.len(),
        DataType::I64 => tensor.int64_data.len(),
        DataType::U64 | DataType::U32 => tensor.uint64_data.len(),
        _ => tensor.int32_data.len(),
    }
}

/// The value of a `Constant` node, from any of its attributes.
pub(super) enum ConstantValue<'a> {
    /// A tensor.
    Dense(&'a TensorProto),
    /// A sparse tensor.
    Sparse(&'a SparseTensorProto),
    /// Numbers given directly as attributes.
    Numbers(Tensor),
    /// Strings: their shape.
    Texts(Vec<usize>),
}

/// Whether `node` is a `Constant` of ONNX's own domain.
pub(super) fn is_constant(node: &NodeProto) -> bool {
    node.op_type.as_deref() == Some("Constant") && super::is_default_domain(node.domain.as_deref())
}

/// Returns the value of a `Constant` node.
pub(super) fn constant_value(node: &NodeProto) -> Result<ConstantValue<'_>> {
    let named = |attribute: &&AttributeProto| {
        let name = attribute.name.as_deref().unwrap_or_default();
        name.starts_with("value") || name == "sparse_value"
    };
    let value = node.attribute.iter().find(named).and_then(|attribute| {
        Some(match attribute.name.as_deref()? {
            "value" => ConstantValue::Dense(attribute.t.as_option()?),
            "sparse_value" => ConstantValue::Sparse(attribute.sparse_tensor.as_option()?),
            "value_float" => ConstantValue::Numbers(Tensor::new(vec![], vec![attribute.f?]).ok()?),
            "value_int" => ConstantValue::Numbers(Tensor::new(vec![], vec![attribute.i?]).ok()?),
            "value_floats" => ConstantValue::Numbers(list(attribute.floats.clone())?),
            "value_ints" => ConstantValue::Numbers(list(attribute.ints.clone())?),
            "value_string" => ConstantValue::Texts(vec![]),
            "value_strings" => ConstantValue::Texts(vec![attribute.strings.len()]),
            _ => return None,
        })
    });
    value.ok_or_else(|| {
        let name = node.name.as_deref().unwrap_or_default();
        let output = node.output.first().map_or("", String::as_str);
        Error::new(ErrorKind::Format, format!("node '{name}' (Constant) of tensor '{output}' has no value"))
            .with_remedy("export the model again")
    })
}

fn list<T>(values: Vec<T>) -> Option<Tensor>
where
    Data: From<Vec<T>>,
{
    Tensor::new(vec![values.len()], values).ok()
}

impl ConstantValue<'_> {
    /// Returns the element type and shape.
    pub fn describe(&self) -> Result<(ElementType, Vec<usize>)> {
        Ok(match self {
            Self::Dense(tensor) => (element_type(tensor.data_type, || label(tensor))?, shape_of(tensor)?),
            Self::Sparse(sparse) => describe_sparse(sparse)?,
            Self::Numbers(tensor) => (tensor.dtype().into(), tensor.shape().to_vec()),
            Self::Texts(shape) => (ElementType::String, shape.clone()),
        })
    }

    /// Returns the value; `name` is the tensor's name for messages.
    pub fn tensor(self, name: &str, files: &ExternalFiles) -> Result<Tensor> {
        match self {
            Self::Dense(tensor) => tensor_of(tensor, files),
            Self::Numbers(tensor) => Ok(tensor),
            Self::Sparse(_) => Err(unsupported(format!("tensor '{name}' is sparse"))),
            Self::Texts(_) => Err(unsupported(format!("tensor '{name}' holds texts"))),
        }
    }
}

/// Returns the element type and shape of a sparse tensor.
pub(super) fn describe_sparse(sparse: &SparseTensorProto) -> Result<(ElementType, Vec<usize>)> {
    let thing = || format!("sparse {}", label(&sparse.values));
    Ok((element_type(sparse.values.data_type, thing)?, shape_from(&sparse.dims, thing)?))
}

/// Makes an error for a valid value that qdq does not read.
pub(super) fn unsupported(message: String) -> Error {
    Error::new(ErrorKind::Unsupported, message)
        .with_remedy("store the tensor densely, as numbers of a common type")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(element: ElementType, dims: &[i64], raw: &[u8], int32: &[i32]) -> Result<Data> {
        let tensor = TensorProto {
            data_type: Some(element.code()),
            dims: dims.to_vec(),
            raw_data: (!raw.is_empty()).then(|| Bytes::copy_from_slice(raw)),
            int32_data: int32.to_vec(),
            ..Default::default()
        };
        let files = ExternalFiles::default();
        check_size(&tensor, &files).and_then(|()| tensor_of(&tensor, &files)).map(Tensor::into_data)
    }

    #[test]
    fn formats_of_8_and_4_bits_are_read_from_either_field() {
        let (i4, u4) = (Data::I4(vec![1, -2, 7]), Data::U4(vec![1, 14, 7]));
        for (element, raw, data) in [(ElementType::I4, [0xe1, 0x07], i4), (ElementType::U4, [0xe1, 0x07], u4)]
        {
            assert_eq!(read(element, &[3], &raw, &[]).unwrap(), data);
            assert_eq!(read(element, &[3, 1], &[], &raw.map(i32::from)).unwrap(), data);
        }
        let codes = [0x7e, 0xff];
        for (raw, int32) in [(&codes[..], &[][..]), (&[], &codes.map(i32::from))] {
            assert_eq!(read(ElementType::F8E4M3Fn, &[2], raw, int32).unwrap(), Data::F8E4M3(codes.to_vec()));
        }
        assert_eq!(read(ElementType::I4, &[0], &[], &[]).unwrap(), Data::I4(vec![]));
    }

    #[test]
    fn wrong_sizes_of_the_packed_types_are_refused() {
        for (element, dims, raw, int32) in [
            (ElementType::I4, 3, &[1u8][..], &[][..]),
            (ElementType::I4, 3, &[1, 2, 3], &[]),
            (ElementType::U4, 4, &[], &[1, 2, 3, 4]),
            (ElementType::U4, 1, &[], &[]),
            (ElementType::F8E4M3Fn, 3, &[1, 2], &[]),
            (ElementType::F8E4M3Fn, 3, &[], &[1, 2]),
        ] {
            let error = read(element, &[dims], raw, int32).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Format, "{error}");
            assert!(error.to_string().contains("are stored"), "{error}");
        }
    }
}

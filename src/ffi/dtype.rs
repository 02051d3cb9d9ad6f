//! Element types as numbers.

use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};

use super::number_set::NumberSet;

/// An element type, one of the QDQ_DTYPE_ numbers. The number is DLPack's DLDataType read as one
/// little-endian number: code | bits << 8 | 1 << 16.
pub type qdq_dtype = i32;

/// IEEE binary32.
pub const QDQ_DTYPE_F32: qdq_dtype = 0x12002;
/// IEEE binary16.
pub const QDQ_DTYPE_F16: qdq_dtype = 0x11002;
/// The upper half of a binary32.
pub const QDQ_DTYPE_BF16: qdq_dtype = 0x11004;
/// IEEE binary64.
pub const QDQ_DTYPE_F64: qdq_dtype = 0x14002;
/// Signed 8-bit integer.
pub const QDQ_DTYPE_I8: qdq_dtype = 0x10800;
/// Unsigned 8-bit integer.
pub const QDQ_DTYPE_U8: qdq_dtype = 0x10801;
/// Signed 16-bit integer.
pub const QDQ_DTYPE_I16: qdq_dtype = 0x11000;
/// Unsigned 16-bit integer.
pub const QDQ_DTYPE_U16: qdq_dtype = 0x11001;
/// Signed 32-bit integer.
pub const QDQ_DTYPE_I32: qdq_dtype = 0x12000;
/// Unsigned 32-bit integer.
pub const QDQ_DTYPE_U32: qdq_dtype = 0x12001;
/// Signed 64-bit integer.
pub const QDQ_DTYPE_I64: qdq_dtype = 0x14000;
/// Unsigned 64-bit integer.
pub const QDQ_DTYPE_U64: qdq_dtype = 0x14001;
/// A truth value in one byte, 0 or 1.
pub const QDQ_DTYPE_BOOL: qdq_dtype = 0x10806;
/// Signed 4-bit integer, two in a byte, the first in the low half. n elements take ceil(n / 2) bytes and have
/// no strides. In the tensors that qdq hands out they have the type QDQ_DTYPE_I8, one in a byte.
pub const QDQ_DTYPE_I4: qdq_dtype = 0x10400;
/// Unsigned 4-bit integer, stored like QDQ_DTYPE_I4, and handed out as QDQ_DTYPE_U8.
pub const QDQ_DTYPE_U4: qdq_dtype = 0x10401;
/// The 8-bit float e4m3 without infinities (e4m3fn).
pub const QDQ_DTYPE_E4M3: qdq_dtype = 0x1080A;
/// No type: it is not known.
pub const QDQ_DTYPE_UNKNOWN: qdq_dtype = 0;

const DTYPES: NumberSet<DataType> = NumberSet::new(
    "element type",
    "QDQ_DTYPE_",
    &[
        (QDQ_DTYPE_F32, DataType::F32),
        (QDQ_DTYPE_F16, DataType::F16),
        (QDQ_DTYPE_BF16, DataType::Bf16),
        (QDQ_DTYPE_F64, DataType::F64),
        (QDQ_DTYPE_I8, DataType::I8),
        (QDQ_DTYPE_U8, DataType::U8),
        (QDQ_DTYPE_I16, DataType::I16),
        (QDQ_DTYPE_U16, DataType::U16),
        (QDQ_DTYPE_I32, DataType::I32),
        (QDQ_DTYPE_U32, DataType::U32),
        (QDQ_DTYPE_I64, DataType::I64),
        (QDQ_DTYPE_U64, DataType::U64),
        (QDQ_DTYPE_BOOL, DataType::Bool),
        (QDQ_DTYPE_I4, DataType::I4),
        (QDQ_DTYPE_U4, DataType::U4),
        (QDQ_DTYPE_E4M3, DataType::F8E4M3),
    ],
);

/// Returns the number of bytes of `count` elements in C's memory, if it does not overflow.
pub(super) fn bytes(dtype: DataType, count: usize) -> Option<usize> {
    if dtype.is_packed() { Some(count.div_ceil(2)) } else { count.checked_mul(dtype.size()) }
}

fn unknown(number: qdq_dtype, name: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("{name}: {number:#x} is no element type"))
        .with_remedy("use one of the QDQ_DTYPE_ numbers")
}

/// Returns the element type of a number.
pub(super) fn of(number: qdq_dtype, name: &str) -> Result<DataType> {
    DTYPES.find(number).ok_or_else(|| unknown(number, name))
}

/// Returns the element type of a number; `None` for QDQ_DTYPE_UNKNOWN.
pub(super) fn known(number: qdq_dtype, name: &str) -> Result<Option<DataType>> {
    if number == QDQ_DTYPE_UNKNOWN { Ok(None) } else { of(number, name).map(Some) }
}

/// Returns the number of an element type.
pub(super) fn number_of(dtype: Option<DataType>) -> qdq_dtype {
    dtype.and_then(|dtype| DTYPES.number(dtype)).unwrap_or(QDQ_DTYPE_UNKNOWN)
}

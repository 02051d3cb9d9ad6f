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
/// no strides.
pub const QDQ_DTYPE_I4: qdq_dtype = 0x10400;
/// Unsigned 4-bit integer, stored like QDQ_DTYPE_I4.
pub const QDQ_DTYPE_U4: qdq_dtype = 0x10401;
/// The 8-bit float e4m3 without infinities (e4m3fn).
pub const QDQ_DTYPE_E4M3: qdq_dtype = 0x1080A;
/// No type: it is not known.
pub const QDQ_DTYPE_UNKNOWN: qdq_dtype = 0;

/// The stored form of a tensor's elements, including the packed types and the 8-bit float.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    Plain(DataType),
    I4,
    U4,
    E4m3,
}

const DTYPES: NumberSet<Stored> = NumberSet::new(
    "element type",
    "QDQ_DTYPE_",
    &[
        (QDQ_DTYPE_F32, Stored::Plain(DataType::F32)),
        (QDQ_DTYPE_F16, Stored::Plain(DataType::F16)),
        (QDQ_DTYPE_BF16, Stored::Plain(DataType::Bf16)),
        (QDQ_DTYPE_F64, Stored::Plain(DataType::F64)),
        (QDQ_DTYPE_I8, Stored::Plain(DataType::I8)),
        (QDQ_DTYPE_U8, Stored::Plain(DataType::U8)),
        (QDQ_DTYPE_I16, Stored::Plain(DataType::I16)),
        (QDQ_DTYPE_U16, Stored::Plain(DataType::U16)),
        (QDQ_DTYPE_I32, Stored::Plain(DataType::I32)),
        (QDQ_DTYPE_U32, Stored::Plain(DataType::U32)),
        (QDQ_DTYPE_I64, Stored::Plain(DataType::I64)),
        (QDQ_DTYPE_U64, Stored::Plain(DataType::U64)),
        (QDQ_DTYPE_BOOL, Stored::Plain(DataType::Bool)),
        (QDQ_DTYPE_I4, Stored::I4),
        (QDQ_DTYPE_U4, Stored::U4),
        (QDQ_DTYPE_E4M3, Stored::E4m3),
    ],
);

impl Stored {
    pub(super) fn of(number: qdq_dtype, name: &str) -> Result<Self> {
        DTYPES.find(number).ok_or_else(|| unknown(number, name))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain(dtype) => dtype.name(),
            Self::I4 => "i4",
            Self::U4 => "u4",
            Self::E4m3 => "e4m3",
        }
    }

    /// Returns the number of bytes of `count` elements, if it does not overflow.
    pub(super) fn bytes(self, count: usize) -> Option<usize> {
        match self {
            Self::Plain(dtype) => count.checked_mul(dtype.size()),
            Self::I4 | Self::U4 => Some(count.div_ceil(2)),
            Self::E4m3 => Some(count),
        }
    }

    /// Returns the alignment of an element's address in bytes.
    pub(super) fn alignment(self) -> usize {
        self.bytes(1).unwrap_or(1)
    }

    pub(super) fn is_packed(self) -> bool {
        matches!(self, Self::I4 | Self::U4)
    }
}

fn unknown(number: qdq_dtype, name: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("{name}: {number:#x} is no element type"))
        .with_remedy("use one of the QDQ_DTYPE_ numbers")
}

/// Returns the element type of a number, if a tensor of a model can have it.
pub(super) fn plain(number: qdq_dtype, name: &str) -> Result<DataType> {
    match DTYPES.find(number) {
        Some(Stored::Plain(dtype)) => Ok(dtype),
        _ => Err(unknown(number, name)),
    }
}

/// Returns the element type of a number; `None` for QDQ_DTYPE_UNKNOWN.
pub(super) fn known(number: qdq_dtype, name: &str) -> Result<Option<DataType>> {
    if number == QDQ_DTYPE_UNKNOWN { Ok(None) } else { plain(number, name).map(Some) }
}

/// Returns the number of an element type.
pub(super) fn number_of(dtype: Option<DataType>) -> qdq_dtype {
    dtype.and_then(|dtype| DTYPES.number(Stored::Plain(dtype))).unwrap_or(QDQ_DTYPE_UNKNOWN)
}

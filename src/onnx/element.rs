//! Element types with their ONNX codes.

use std::fmt;

use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};

macro_rules! element_types {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal, $bits:literal, $dtype:expr;)*) => {
        /// The element type of a tensor in an ONNX file; more types than qdq computes with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ElementType { $($(#[$doc])* $variant = $code),* }

        impl ElementType {
            /// Returns the type with ONNX's code `code`.
            pub const fn from_code(code: i32) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }

            /// Returns the bits of one stored element; 0 for strings, whose size varies.
            pub const fn bits(self) -> usize {
                match self { $(Self::$variant => $bits),* }
            }

            /// Returns the name used in messages.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// Returns the corresponding [`DataType`]; `None` if qdq does not compute with the type.
            pub const fn dtype(self) -> Option<DataType> {
                match self { $(Self::$variant => $dtype),* }
            }

            /// Every type, in no particular order.
            const ALL: &[Self] = &[$(Self::$variant),*];
        }
    };
}

element_types! {
    /// IEEE binary32.
    F32 = 1, "f32", 32, Some(DataType::F32);
    /// Unsigned 8-bit integer.
    U8 = 2, "u8", 8, Some(DataType::U8);
    /// Signed 8-bit integer.
    I8 = 3, "i8", 8, Some(DataType::I8);
    /// Unsigned 16-bit integer.
    U16 = 4, "u16", 16, Some(DataType::U16);
    /// Signed 16-bit integer.
    I16 = 5, "i16", 16, Some(DataType::I16);
    /// Signed 32-bit integer.
    I32 = 6, "i32", 32, Some(DataType::I32);
    /// Signed 64-bit integer.
    I64 = 7, "i64", 64, Some(DataType::I64);
    /// Text.
    String = 8, "string", 0, None;
    /// A truth value in one byte.
    Bool = 9, "bool", 8, Some(DataType::Bool);
    /// IEEE binary16.
    F16 = 10, "f16", 16, Some(DataType::F16);
    /// IEEE binary64.
    F64 = 11, "f64", 64, Some(DataType::F64);
    /// Unsigned 32-bit integer.
    U32 = 12, "u32", 32, Some(DataType::U32);
    /// Unsigned 64-bit integer.
    U64 = 13, "u64", 64, Some(DataType::U64);
    /// Two binary32.
    Complex64 = 14, "complex64", 64, None;
    /// Two binary64.
    Complex128 = 15, "complex128", 128, None;
    /// The upper half of a binary32.
    Bf16 = 16, "bf16", 16, Some(DataType::Bf16);
    /// 8-bit float, 4 exponent bits, finite.
    F8E4M3Fn = 17, "f8e4m3fn", 8, Some(DataType::F8E4M3);
    /// 8-bit float, 4 exponent bits, finite, one zero.
    F8E4M3Fnuz = 18, "f8e4m3fnuz", 8, None;
    /// 8-bit float, 5 exponent bits.
    F8E5M2 = 19, "f8e5m2", 8, None;
    /// 8-bit float, 5 exponent bits, finite, one zero.
    F8E5M2Fnuz = 20, "f8e5m2fnuz", 8, None;
    /// Unsigned 4-bit integer, two to a byte, the first in the low half.
    U4 = 21, "u4", 4, Some(DataType::U4);
    /// Signed 4-bit integer, two to a byte, the first in the low half.
    I4 = 22, "i4", 4, Some(DataType::I4);
    /// 4-bit float, two to a byte, the first in the low half.
    F4E2M1 = 23, "f4e2m1", 4, None;
    /// A power of two in 8 bits.
    F8E8M0 = 24, "f8e8m0", 8, None;
    /// Unsigned 2-bit integer, four to a byte, the first in the lowest bits.
    U2 = 25, "u2", 2, None;
    /// Signed 2-bit integer, four to a byte, the first in the lowest bits.
    I2 = 26, "i2", 2, None;
}

impl ElementType {
    /// Returns ONNX's code of the type.
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// Returns the bytes of a stored tensor of `shape`, with sub-byte types packed. Returns `None` for
    /// strings and if the size exceeds the address space.
    pub fn byte_len(self, shape: &[usize]) -> Option<usize> {
        if self == Self::String {
            return None;
        }
        let elements = shape.iter().try_fold(1usize, |count, &dim| count.checked_mul(dim))?;
        Some(elements.checked_mul(self.bits())?.div_ceil(8))
    }
}

impl From<DataType> for ElementType {
    fn from(dtype: DataType) -> Self {
        let found = Self::ALL.iter().find(|element| element.dtype() == Some(dtype));
        *found.expect("the table has every data type")
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Returns the element type with code `code`, or an error that names `thing`.
pub(super) fn element_type(code: Option<i32>, thing: impl FnOnce() -> String) -> Result<ElementType> {
    code.and_then(ElementType::from_code).ok_or_else(|| {
        let code = code.unwrap_or_default();
        Error::new(ErrorKind::Unsupported, format!("{}: element type {code} is unknown", thing()))
            .with_remedy("export the model with one of the element types of ONNX 1.23")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_data_types_go_both_ways() {
        for &element in ElementType::ALL {
            assert_eq!(ElementType::from_code(element.code()), Some(element));
        }
        for dtype in DataType::ALL {
            assert_eq!(ElementType::from(dtype).dtype(), Some(dtype));
            let bits = if dtype.is_packed() { 4 } else { dtype.size() * 8 };
            assert_eq!(ElementType::from(dtype).bits(), bits);
        }
    }

    #[test]
    fn sub_byte_types_are_packed() {
        assert_eq!(ElementType::I4.byte_len(&[3, 3]), Some(5));
        assert_eq!(ElementType::U2.byte_len(&[]), Some(1));
        assert_eq!(ElementType::F32.byte_len(&[usize::MAX, 2]), None);
    }
}

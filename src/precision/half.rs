//! The two 16-bit types, with their limits.

use std::fmt;
use std::str::FromStr;

use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};

/// A 16-bit floating-point type for values that are not quantized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Half {
    /// IEEE binary16: 11 significant bits, up to 65504, coarser below 2^-14.
    #[default]
    F16,
    /// bfloat16: 8 significant bits, the range of float32.
    Bf16,
}

impl Half {
    /// Returns the element type.
    pub const fn dtype(self) -> DataType {
        match self {
            Self::F16 => DataType::F16,
            Self::Bf16 => DataType::Bf16,
        }
    }

    /// Returns the 16-bit type with these elements; `None` for other elements.
    pub const fn of(dtype: DataType) -> Option<Self> {
        match dtype {
            DataType::F16 => Some(Self::F16),
            DataType::Bf16 => Some(Self::Bf16),
            _ => None,
        }
    }

    /// Returns the command that shows the reasons of a plan for the type.
    pub const fn inspection(self) -> &'static str {
        match self {
            Self::F16 => "qdq inspect MODEL --fp16 -v",
            Self::Bf16 => "qdq inspect MODEL --bf16 -v",
        }
    }

    /// Returns the largest finite number.
    pub const fn largest(self) -> f32 {
        match self {
            Self::F16 => 65504.0,
            Self::Bf16 => 3.389_531_4e38,
        }
    }

    /// Returns the smallest normal number. Smaller numbers lose significant bits.
    pub const fn smallest_normal(self) -> f32 {
        match self {
            Self::F16 => 6.103_515_6e-5,
            Self::Bf16 => f32::MIN_POSITIVE,
        }
    }

    /// Returns the bits of the mantissa that are stored.
    pub const fn mantissa_bits(self) -> i32 {
        match self {
            Self::F16 => 10,
            Self::Bf16 => 7,
        }
    }

    /// Returns the largest whole number up to which all whole numbers are exact: 2048 or 256.
    pub const fn whole_numbers(self) -> f32 {
        (1u32 << (self.mantissa_bits() + 1)) as f32
    }

    /// Returns the least SQNR in dB at which a tensor counts as well stored.
    ///
    /// Rounding leaves 73.7 dB in f16 and 55.6 dB in bf16 if no value is subnormal and the mantissas are
    /// spread evenly. The limit is 13 dB lower: then the values that got coarser make 20 times as much error
    /// as the others.
    pub const fn least_sqnr(self) -> f64 {
        match self {
            Self::F16 => 60.0,
            Self::Bf16 => 42.0,
        }
    }

    /// Returns the distance between neighbouring numbers at magnitude `x`.
    pub fn step(self, x: f32) -> f64 {
        let exponent = (x.max(self.smallest_normal()).to_bits() >> 23) as i32 - 127;
        let exponent = exponent - self.mantissa_bits();
        // A power of two by its bits: plans ask for the step of every bin of every tensor.
        f64::from_bits(((f64::MAX_EXP - 1 + exponent) as u64) << (f64::MANTISSA_DIGITS - 1))
    }

    /// Rounds a number to the type, and returns it as f32.
    pub fn round(self, x: f32) -> f32 {
        match self {
            Self::F16 => half::f16::from_f32(x).to_f32(),
            Self::Bf16 => half::bf16::from_f32(x).to_f32(),
        }
    }
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dtype().fmt(f)
    }
}

impl FromStr for Half {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "f16" | "fp16" | "float16" => Ok(Self::F16),
            "bf16" | "bfloat16" => Ok(Self::Bf16),
            _ => Err(Error::new(ErrorKind::InvalidArgument, format!("'{name}' is no 16-bit type"))
                .with_remedy("use f16 or bf16")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_the_types() {
        assert_eq!(Half::F16.largest(), half::f16::MAX.to_f32());
        assert_eq!(Half::Bf16.largest(), half::bf16::MAX.to_f32());
        assert_eq!(Half::F16.smallest_normal(), half::f16::MIN_POSITIVE.to_f32());
        assert_eq!(Half::F16.whole_numbers(), 2048.0);
        for half in [Half::F16, Half::Bf16] {
            for x in [1.0f32, 3.7, 1e-3] {
                let step = half.step(x) as f32;
                let rounded = half.round(x);
                assert_eq!(half.round(rounded + step), rounded + step);
                assert!((rounded - x).abs() <= step / 2.0, "{half} {x}");
            }
        }
        assert_eq!(Half::F16.step(1e-6), 2f64.powi(-24));
    }
}

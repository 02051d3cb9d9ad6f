//! The types that data and integers come in.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use crate::kernel;

pub(super) use sealed::Function;

/// 16-bit floats are widened in pieces of this many, which stay in the fastest cache.
pub(super) const CHUNK: usize = 1024;

pub(super) type StorageRange = RangeInclusive<i32>;

/// A type that data comes in: f32, f16, bf16, f64.
///
/// 16-bit floats are computed in f32 and rounded (half to even) at the end.
pub trait Element: sealed::Element {}

/// A type that holds quantized integers: i8, u8, i16, u16.
pub trait Storage: sealed::Storage {}

pub(super) mod sealed {
    /// A function of one element, for slices of f32 and for single f64.
    pub trait Function {
        fn f32(&self, x: &[f32], out: &mut [f32]);
        fn f64(&self, x: f64) -> f64;
    }

    use std::borrow::Cow;

    pub trait Element: Copy + std::fmt::Debug + Default + PartialOrd + Send + Sync + 'static {
        /// Whether the reference rounds integers and scale to this type before it divides them.
        const STAGED: bool = false;
        fn from_f32(x: f32) -> Self;
        fn to_f64(self) -> f64;
        /// q / scale, of an integer that has been rounded to this type.
        fn quotient(q: Self, scale: f32) -> Self;
        /// q / scale.
        fn dequantize(q: i32, scale: f32) -> Self;
        /// out = f(x).
        fn map(x: &[Self], out: &mut [Self], f: &impl Function);
        /// out = f(x), rounded to f32.
        fn map_to_f32(x: &[Self], out: &mut [f32], f: &impl Function);
        /// max |x|, NaN where there is a NaN.
        fn abs_max(x: &[Self]) -> f32;
        /// The elements in f32.
        fn to_f32s(x: &[Self]) -> Cow<'_, [f32]> {
            x.iter().map(|x| x.to_f64() as f32).collect()
        }
        /// out = gradient where low <= x <= high, else 0.
        fn mask(x: &[Self], gradient: &[Self], out: &mut [Self], low: f32, high: f32) {
            for ((out, &x), &gradient) in out.iter_mut().zip(x).zip(gradient) {
                // Rounded like the range itself: the largest f64 may exceed its own amax in f32.
                let x = x.to_f64() as f32;
                *out = if x >= low && x <= high { gradient } else { Self::default() };
            }
        }
        /// Whether there is an element below zero.
        fn any_negative(x: &[Self]) -> bool {
            x.iter().any(|&x| x < Self::default())
        }
    }

    pub trait Storage: Copy + std::fmt::Debug + Default + Into<i32> + Send + Sync + 'static {
        const NAME: &'static str;
        const RANGE: super::StorageRange;
        /// The integer `q`, which is one and within the range.
        fn from_f32(q: f32) -> Self;
    }
}

impl Element for f32 {}

impl sealed::Element for f32 {
    fn from_f32(x: f32) -> Self {
        x
    }

    fn to_f64(self) -> f64 {
        self.into()
    }

    fn quotient(q: Self, scale: f32) -> Self {
        q / scale
    }

    fn dequantize(q: i32, scale: f32) -> Self {
        q as f32 / scale
    }

    fn map(x: &[Self], out: &mut [Self], f: &impl Function) {
        f.f32(x, out);
    }

    fn map_to_f32(x: &[Self], out: &mut [f32], f: &impl Function) {
        f.f32(x, out);
    }

    fn abs_max(x: &[Self]) -> f32 {
        kernel::active().abs_max(x)
    }

    fn to_f32s(x: &[Self]) -> Cow<'_, [f32]> {
        x.into()
    }

    fn mask(x: &[Self], gradient: &[Self], out: &mut [Self], low: f32, high: f32) {
        kernel::active().mask(x, gradient, out, low, high);
    }

    fn any_negative(x: &[Self]) -> bool {
        kernel::active().min_max(x).min < 0.0
    }
}

impl Element for f64 {}

impl sealed::Element for f64 {
    fn from_f32(x: f32) -> Self {
        x.into()
    }

    fn to_f64(self) -> f64 {
        self
    }

    fn quotient(q: Self, scale: f32) -> Self {
        q / f64::from(scale)
    }

    fn dequantize(q: i32, scale: f32) -> Self {
        f64::from(q) / f64::from(scale)
    }

    fn map(x: &[Self], out: &mut [Self], f: &impl Function) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = f.f64(x);
        }
    }

    fn map_to_f32(x: &[Self], out: &mut [f32], f: &impl Function) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = f.f64(x) as f32;
        }
    }

    fn abs_max(x: &[Self]) -> f32 {
        let larger = |max: f64, x: &f64| if x.abs() <= max || max.is_nan() { max } else { x.abs() };
        x.iter().fold(0.0, larger) as f32
    }
}

macro_rules! element_of_16_bits {
    ($element:ty, staged: $staged:literal) => {
        impl Element for $element {}

        impl sealed::Element for $element {
            const STAGED: bool = $staged;

            fn from_f32(x: f32) -> Self {
                Self::from_f32(x)
            }

            fn to_f64(self) -> f64 {
                self.into()
            }

            fn quotient(q: Self, scale: f32) -> Self {
                Self::from_f32(q.to_f32() / scale)
            }

            fn dequantize(q: i32, scale: f32) -> Self {
                Self::from_f32(q as f32 / scale)
            }

            fn map(x: &[Self], out: &mut [Self], f: &impl Function) {
                let mut results = [0.0; CHUNK];
                for (x, out) in x.chunks(CHUNK).zip(out.chunks_mut(CHUNK)) {
                    let results = &mut results[..x.len()];
                    Self::map_to_f32(x, results, f);
                    out.convert_from_f32_slice(results);
                }
            }

            fn map_to_f32(x: &[Self], out: &mut [f32], f: &impl Function) {
                let mut wide = [0.0; CHUNK];
                for (x, out) in x.chunks(CHUNK).zip(out.chunks_mut(CHUNK)) {
                    let wide = &mut wide[..x.len()];
                    x.convert_to_f32_slice(wide);
                    f.f32(wide, out);
                }
            }

            fn abs_max(x: &[Self]) -> f32 {
                // Without their sign bit, the bits of floats order like integers, NaN last.
                let bits = x.iter().fold(0, |max, x| (x.to_bits() & 0x7fff).max(max));
                Self::from_bits(bits).to_f32()
            }
        }
    };
}

element_of_16_bits!(f16, staged: true);
element_of_16_bits!(bf16, staged: false);

macro_rules! storage {
    ($($integer:ident),*) => {
        $(
            impl Storage for $integer {}

            impl sealed::Storage for $integer {
                const NAME: &'static str = stringify!($integer);
                const RANGE: StorageRange = $integer::MIN as i32..=$integer::MAX as i32;

                fn from_f32(q: f32) -> Self {
                    q as Self
                }
            }
        )*
    };
}

storage!(i8, u8, i16, u16);

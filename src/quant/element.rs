//! The types of data and integers.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

pub(super) use sealed::Function;

/// The kernels widen 16-bit floats in pieces of this many elements, which stay in the fastest cache.
pub(super) const CHUNK: usize = 1024;

pub(super) type StorageRange = RangeInclusive<i32>;

/// Returns the larger of two magnitudes. NaN is the largest.
pub(super) fn larger(a: f32, b: f32) -> f32 {
    if a >= b || a.is_nan() { a } else { b }
}

/// A type of data: f32, f16, bf16, f64.
///
/// 16-bit floats are computed in f32 and rounded (half to even) at the end.
pub trait Element: sealed::Element {}

/// A type that stores quantized integers: i8, u8, i16, u16.
pub trait Storage: sealed::Storage {}

pub(super) mod sealed {
    use std::borrow::Cow;

    use crate::kernel::{self, Integer, Real};

    /// A function of one element, for slices of f32 and for a single f64.
    pub trait Function {
        fn f32(&self, x: &[f32], out: &mut [f32]);
        fn f64(&self, x: f64) -> f64;
    }

    /// The kernels of a type, and further functions of it.
    pub trait Element: Real + PartialOrd {
        /// Whether the reference rounds integers and inverse scale to this type before it divides them.
        const STAGED: bool = false;
        fn to_f64(self) -> f64;
        /// x * factor.
        fn product(self, factor: f32) -> Self {
            Self::narrow(self.widen() * factor)
        }
        /// out = f(x).
        fn map(x: &[Self], out: &mut [Self], f: &impl Function);
        /// out = f(x), rounded to f32.
        fn map_to_f32(x: &[Self], out: &mut [f32], f: &impl Function);
        /// The elements in f32.
        fn to_f32s(x: &[Self]) -> Cow<'_, [f32]> {
            x.iter().map(|x| x.widen()).collect()
        }
        /// Whether an element is below zero.
        fn any_negative(x: &[Self]) -> bool {
            kernel::active().min_max(x).min < 0.0
        }
    }

    pub trait Storage: Integer + Into<i32> {
        const NAME: &'static str;
        const RANGE: super::StorageRange;
    }
}

impl Element for f32 {}

impl sealed::Element for f32 {
    fn to_f64(self) -> f64 {
        self.into()
    }

    fn map(x: &[Self], out: &mut [Self], f: &impl Function) {
        f.f32(x, out);
    }

    fn map_to_f32(x: &[Self], out: &mut [f32], f: &impl Function) {
        f.f32(x, out);
    }

    fn to_f32s(x: &[Self]) -> Cow<'_, [f32]> {
        x.into()
    }
}

macro_rules! element_of_16_bits {
    ($element:ty, staged: $staged:literal) => {
        impl Element for $element {}

        impl sealed::Element for $element {
            const STAGED: bool = $staged;

            fn to_f64(self) -> f64 {
                self.into()
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
        }
    };
}

element_of_16_bits!(f16, staged: true);
element_of_16_bits!(bf16, staged: false);

impl Element for f64 {}

impl sealed::Element for f64 {
    fn to_f64(self) -> f64 {
        self
    }

    fn product(self, factor: f32) -> Self {
        self * f64::from(factor)
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

    /// An element that is too small for f32 also has a sign.
    fn any_negative(x: &[Self]) -> bool {
        x.iter().any(|&x| x < 0.0)
    }
}

macro_rules! storage {
    ($($integer:ident),*) => {
        $(
            impl Storage for $integer {}

            impl sealed::Storage for $integer {
                const NAME: &'static str = stringify!($integer);
                const RANGE: StorageRange = $integer::MIN as i32..=$integer::MAX as i32;
            }
        )*
    };
}

storage!(i8, u8, i16, u16);

//! The types that data and integers come in.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use crate::kernel::scalar::fake_e4m3;
use crate::kernel::{self, Grid, InOut, Pattern};

pub(super) use sealed::Function;

/// 16-bit floats are widened in pieces of this many, which stay in the fastest cache.
pub(super) const CHUNK: usize = 1024;

pub(super) type StorageRange = RangeInclusive<i32>;

/// The larger of two magnitudes, NaN being the largest.
pub(super) fn larger(a: f32, b: f32) -> f32 {
    if a >= b || a.is_nan() { a } else { b }
}

/// A type that data comes in: f32, f16, bf16, f64.
///
/// 16-bit floats are computed in f32 and rounded (half to even) at the end.
pub trait Element: sealed::Element {}

/// A type that holds quantized integers: i8, u8, i16, u16.
pub trait Storage: sealed::Storage {}

pub(super) mod sealed {
    use std::borrow::Cow;

    use crate::kernel::{Grid, InOut, Pattern};

    /// A function of one element, for slices of f32 and for single f64.
    pub trait Function {
        fn f32(&self, x: &[f32], out: &mut [f32]);
        fn f64(&self, x: f64) -> f64;
    }

    /// The functions of the table of kernels, for f64 too. A `Pattern` says which numbers belong to which
    /// element.
    pub trait Element: Copy + std::fmt::Debug + Default + PartialOrd + Send + Sync + 'static {
        /// Whether the reference rounds integers and inverse scale to this type before it divides them.
        const STAGED: bool = false;
        fn from_f32(x: f32) -> Self;
        fn to_f64(self) -> f64;
        /// q / inverse_scale, of an integer that has been rounded to this type.
        fn quotient(q: Self, inverse_scale: f32) -> Self;
        /// x * factor.
        fn product(self, factor: f32) -> Self;
        /// out = f(x).
        fn map(x: &[Self], out: &mut [Self], f: &impl Function);
        /// out = f(x), rounded to f32.
        fn map_to_f32(x: &[Self], out: &mut [f32], f: &impl Function);
        /// The elements in f32.
        fn to_f32s(x: &[Self]) -> Cow<'_, [f32]> {
            x.iter().map(|x| x.to_f64() as f32).collect()
        }

        /// max |x|, NaN where there is a NaN.
        fn abs_max(x: &[Self]) -> f32;
        /// The same at each place of a row, with what is in `largest`.
        fn abs_max_rows(x: &[Self], largest: &mut [f32]);
        /// Whether there is an element below zero.
        fn any_negative(x: &[Self]) -> bool;
        fn any_nan(x: &[Self]) -> bool;

        fn quantize(io: InOut<Self>, grid: Grid) -> bool;
        fn quantize_by(io: InOut<Self>, inverse_scales: &Pattern, low: f32, high: f32) -> bool;
        fn quantize_f32(io: InOut<Self, f32>, grid: Grid) -> bool;
        fn quantize_i8(io: InOut<Self, i8>, grid: Grid) -> bool;
        fn quantize_i8_by(io: InOut<Self, i8>, inverse_scales: &Pattern, low: f32, high: f32) -> bool;
        fn quantize_u8(io: InOut<Self, u8>, grid: Grid) -> bool;
        fn quantize_u8_by(io: InOut<Self, u8>, inverse_scales: &Pattern, low: f32, high: f32) -> bool;
        fn fake_quantize(io: InOut<Self>, grid: Grid, divisor: f32);
        fn fake_quantize_by(io: InOut<Self>, inverse_scales: &Pattern, low: f32, high: f32);
        fn fake_e4m3(io: InOut<Self>, inverse_scale: f32);
        fn fake_e4m3_by(io: InOut<Self>, inverse_scales: &Pattern);
        /// out = gradient where low <= x <= high, else 0.
        fn mask(x: &[Self], gradient: InOut<Self>, low: f32, high: f32);
        fn mask_by(x: &[Self], gradient: InOut<Self>, ends: &Pattern);
        fn dequantize_i8(io: InOut<i8, Self>, inverse_scale: f32);
        fn dequantize_i8_by(io: InOut<i8, Self>, inverse_scales: &Pattern);
        fn dequantize_u8(io: InOut<u8, Self>, inverse_scale: f32);
        fn dequantize_u8_by(io: InOut<u8, Self>, inverse_scales: &Pattern);
        /// q / inverse_scale, for the integers that no kernel reads.
        fn dequantize(q: i32, inverse_scale: f32) -> Self;
    }

    pub trait Storage: Copy + std::fmt::Debug + Default + Into<i32> + Send + Sync + 'static {
        const NAME: &'static str;
        const RANGE: super::StorageRange;
        /// out = clamp(rne(x * inverse_scale), low, high); NaN becomes 0, and the answer says whether there
        /// was one.
        fn quantize<T: Element>(io: InOut<T, Self>, grid: Grid) -> bool;
        fn quantize_by<T: Element>(io: InOut<T, Self>, inverse_scales: &Pattern, low: f32, high: f32)
        -> bool;
        /// out = q / inverse_scale.
        fn dequantize<T: Element>(io: InOut<Self, T>, inverse_scale: f32);
        fn dequantize_by<T: Element>(io: InOut<Self, T>, inverse_scales: &Pattern);
    }
}

/// The functions that the table of kernels has for a type.
macro_rules! kernels {
    () => {
        fn abs_max(x: &[Self]) -> f32 {
            kernel::active().abs_max(x)
        }

        fn abs_max_rows(x: &[Self], largest: &mut [f32]) {
            kernel::active().abs_max_rows(x, largest);
        }

        fn any_negative(x: &[Self]) -> bool {
            kernel::active().min_max(x).min < 0.0
        }

        fn any_nan(x: &[Self]) -> bool {
            kernel::active().min_max(x).nan
        }

        kernels! {
            quantize(io: InOut<Self>, grid: Grid) -> bool;
            quantize_by(io: InOut<Self>, inverse_scales: &Pattern, low: f32, high: f32) -> bool;
            quantize_f32(io: InOut<Self, f32>, grid: Grid) -> bool;
            quantize_i8(io: InOut<Self, i8>, grid: Grid) -> bool;
            quantize_i8_by(io: InOut<Self, i8>, inverse_scales: &Pattern, low: f32, high: f32) -> bool;
            quantize_u8(io: InOut<Self, u8>, grid: Grid) -> bool;
            quantize_u8_by(io: InOut<Self, u8>, inverse_scales: &Pattern, low: f32, high: f32) -> bool;
            fake_quantize(io: InOut<Self>, grid: Grid, divisor: f32);
            fake_quantize_by(io: InOut<Self>, inverse_scales: &Pattern, low: f32, high: f32);
            fake_e4m3(io: InOut<Self>, inverse_scale: f32);
            fake_e4m3_by(io: InOut<Self>, inverse_scales: &Pattern);
            dequantize_i8(io: InOut<i8, Self>, inverse_scale: f32);
            dequantize_i8_by(io: InOut<i8, Self>, inverse_scales: &Pattern);
            dequantize_u8(io: InOut<u8, Self>, inverse_scale: f32);
            dequantize_u8_by(io: InOut<u8, Self>, inverse_scales: &Pattern);
        }

        fn mask(x: &[Self], gradient: InOut<Self>, low: f32, high: f32) {
            kernel::active().mask(x, gradient, low, high);
        }

        fn mask_by(x: &[Self], gradient: InOut<Self>, ends: &Pattern) {
            kernel::active().mask_by(x, gradient, ends);
        }
    };
    ($($name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        $(fn $name($($argument: $type),*) $(-> $result)? {
            kernel::active().$name($($argument),*)
        })*
    };
}

impl Element for f32 {}

impl sealed::Element for f32 {
    fn from_f32(x: f32) -> Self {
        x
    }

    fn to_f64(self) -> f64 {
        self.into()
    }

    fn quotient(q: Self, inverse_scale: f32) -> Self {
        q / inverse_scale
    }

    fn product(self, factor: f32) -> Self {
        self * factor
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

    fn dequantize(q: i32, inverse_scale: f32) -> Self {
        q as f32 / inverse_scale
    }

    kernels! {}
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

            fn quotient(q: Self, inverse_scale: f32) -> Self {
                Self::from_f32(q.to_f32() / inverse_scale)
            }

            fn product(self, factor: f32) -> Self {
                Self::from_f32(self.to_f32() * factor)
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

            fn dequantize(q: i32, inverse_scale: f32) -> Self {
                Self::from_f32(q as f32 / inverse_scale)
            }

            kernels! {}
        }
    };
}

element_of_16_bits!(f16, staged: true);
element_of_16_bits!(bf16, staged: false);

impl Element for f64 {}

/// Computed in f64, one by one: f64 is for those who compare results, not for those who ship them.
impl sealed::Element for f64 {
    fn from_f32(x: f32) -> Self {
        x.into()
    }

    fn to_f64(self) -> f64 {
        self
    }

    fn quotient(q: Self, inverse_scale: f32) -> Self {
        q / f64::from(inverse_scale)
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

    fn abs_max(x: &[Self]) -> f32 {
        let larger = |max: f64, x: &f64| if x.abs() <= max || max.is_nan() { max } else { x.abs() };
        x.iter().fold(0.0, larger) as f32
    }

    fn abs_max_rows(x: &[Self], largest: &mut [f32]) {
        for row in x.chunks(largest.len()) {
            for (largest, x) in largest.iter_mut().zip(row) {
                *largest = larger(*largest, x.abs() as f32);
            }
        }
    }

    fn any_negative(x: &[Self]) -> bool {
        x.iter().any(|&x| x < 0.0)
    }

    fn any_nan(x: &[Self]) -> bool {
        x.iter().any(|x| x.is_nan())
    }

    fn quantize(io: InOut<Self>, grid: Grid) -> bool {
        seeing_nan(io, |io| io.map(|x| to_grid(x, grid)))
    }

    fn quantize_by(io: InOut<Self>, inverse_scales: &Pattern, low: f32, high: f32) -> bool {
        seeing_nan(io, |io| {
            io.map_by(inverse_scales, |x, inverse_scale, _| to_grid(x, Grid { inverse_scale, low, high }))
        })
    }

    fn quantize_f32(io: InOut<Self, f32>, grid: Grid) -> bool {
        seeing_nan(io, |io| io.map(|x| to_grid(x, grid) as f32))
    }

    fn quantize_i8(io: InOut<Self, i8>, grid: Grid) -> bool {
        seeing_nan(io, |io| io.map(|x| to_grid(x, grid) as i8))
    }

    fn quantize_i8_by(io: InOut<Self, i8>, inverse_scales: &Pattern, low: f32, high: f32) -> bool {
        seeing_nan(io, |io| {
            io.map_by(inverse_scales, |x, inverse_scale, _| {
                to_grid(x, Grid { inverse_scale, low, high }) as i8
            })
        })
    }

    fn quantize_u8(io: InOut<Self, u8>, grid: Grid) -> bool {
        seeing_nan(io, |io| io.map(|x| to_grid(x, grid) as u8))
    }

    fn quantize_u8_by(io: InOut<Self, u8>, inverse_scales: &Pattern, low: f32, high: f32) -> bool {
        seeing_nan(io, |io| {
            io.map_by(inverse_scales, |x, inverse_scale, _| {
                to_grid(x, Grid { inverse_scale, low, high }) as u8
            })
        })
    }

    fn fake_quantize(io: InOut<Self>, grid: Grid, divisor: f32) {
        io.map(|x| to_grid(x, grid) / f64::from(divisor));
    }

    fn fake_quantize_by(io: InOut<Self>, inverse_scales: &Pattern, low: f32, high: f32) {
        io.map_by(inverse_scales, |x, inverse_scale, divisor| {
            to_grid(x, Grid { inverse_scale, low, high }) / f64::from(divisor)
        });
    }

    fn fake_e4m3(io: InOut<Self>, inverse_scale: f32) {
        io.map(|x| fake_e4m3(x as f32, inverse_scale).into());
    }

    fn fake_e4m3_by(io: InOut<Self>, inverse_scales: &Pattern) {
        io.map_by(inverse_scales, |x, inverse_scale, _| fake_e4m3(x as f32, inverse_scale).into());
    }

    // Compared as f32, like the ends themselves: the largest f64 may exceed its own amax in f32.
    fn mask(x: &[Self], gradient: InOut<Self>, low: f32, high: f32) {
        gradient.zip(x, |gradient, x| if (low..=high).contains(&(x as f32)) { gradient } else { 0.0 });
    }

    fn mask_by(x: &[Self], gradient: InOut<Self>, ends: &Pattern) {
        let within = x.iter().zip(ends.iter()).map(|(&x, (low, high))| (low..=high).contains(&(x as f32)));
        let within: Vec<bool> = within.collect();
        gradient.zip(&within, |gradient, within| if within { gradient } else { 0.0 });
    }

    fn dequantize_i8(io: InOut<i8, Self>, inverse_scale: f32) {
        io.map(|q| f64::from(q) / f64::from(inverse_scale));
    }

    fn dequantize_i8_by(io: InOut<i8, Self>, inverse_scales: &Pattern) {
        io.map_by(inverse_scales, |q, inverse_scale, _| f64::from(q) / f64::from(inverse_scale));
    }

    fn dequantize_u8(io: InOut<u8, Self>, inverse_scale: f32) {
        io.map(|q| f64::from(q) / f64::from(inverse_scale));
    }

    fn dequantize_u8_by(io: InOut<u8, Self>, inverse_scales: &Pattern) {
        io.map_by(inverse_scales, |q, inverse_scale, _| f64::from(q) / f64::from(inverse_scale));
    }

    fn dequantize(q: i32, inverse_scale: f32) -> Self {
        f64::from(q) / f64::from(inverse_scale)
    }
}

/// Whether `f` is given a NaN.
fn seeing_nan<Y>(io: InOut<f64, Y>, f: impl FnOnce(InOut<f64, Y>)) -> bool {
    let nan = io.input().iter().any(|x| x.is_nan());
    f(io);
    nan
}

fn to_grid(x: f64, Grid { inverse_scale, low, high }: Grid) -> f64 {
    (x * f64::from(inverse_scale)).round_ties_even().clamp(low.into(), high.into())
}

macro_rules! storage_of_8_bits {
    ($($integer:ident: $quantize:ident, $quantize_by:ident, $dequantize:ident, $dequantize_by:ident;)*) => {
        $(
            impl Storage for $integer {}

            impl sealed::Storage for $integer {
                const NAME: &'static str = stringify!($integer);
                const RANGE: StorageRange = $integer::MIN as i32..=$integer::MAX as i32;

                fn quantize<T: sealed::Element>(io: InOut<T, Self>, grid: Grid) -> bool {
                    T::$quantize(io, grid)
                }

                fn quantize_by<T: sealed::Element>(io: InOut<T, Self>, inverse_scales: &Pattern, low: f32, high: f32) -> bool {
                    T::$quantize_by(io, inverse_scales, low, high)
                }

                fn dequantize<T: sealed::Element>(io: InOut<Self, T>, inverse_scale: f32) {
                    T::$dequantize(io, inverse_scale);
                }

                fn dequantize_by<T: sealed::Element>(io: InOut<Self, T>, inverse_scales: &Pattern) {
                    T::$dequantize_by(io, inverse_scales);
                }
            }
        )*
    };
}

storage_of_8_bits! {
    i8: quantize_i8, quantize_i8_by, dequantize_i8, dequantize_i8_by;
    u8: quantize_u8, quantize_u8_by, dequantize_u8, dequantize_u8_by;
}

macro_rules! storage_of_16_bits {
    ($($integer:ident),*) => {
        $(
            impl Storage for $integer {}

            impl sealed::Storage for $integer {
                const NAME: &'static str = stringify!($integer);
                const RANGE: StorageRange = $integer::MIN as i32..=$integer::MAX as i32;

                fn quantize<T: sealed::Element>(mut io: InOut<T, Self>, grid: Grid) -> bool {
                    let (mut integers, mut nan) = ([0.0; CHUNK], false);
                    let len = io.len();
                    for start in (0..len).step_by(CHUNK) {
                        let part = io.part(start..len.min(start + CHUNK));
                        let integers = &mut integers[..part.len()];
                        nan |= T::quantize_f32(InOut::new(part.input(), integers), grid);
                        part.zip(integers, |_, integer| integer as Self);
                    }
                    nan
                }

                fn quantize_by<T: sealed::Element>(io: InOut<T, Self>, inverse_scales: &Pattern, low: f32, high: f32) -> bool {
                    let nan = T::any_nan(io.input());
                    io.map_by(inverse_scales, |x, inverse_scale, _| {
                        let mut integer = [0.0];
                        T::quantize_f32(InOut::new(&[x], &mut integer), Grid { inverse_scale, low, high });
                        integer[0] as Self
                    });
                    nan
                }

                fn dequantize<T: sealed::Element>(io: InOut<Self, T>, inverse_scale: f32) {
                    io.map(|q| T::dequantize(q.into(), inverse_scale));
                }

                fn dequantize_by<T: sealed::Element>(io: InOut<Self, T>, inverse_scales: &Pattern) {
                    io.map_by(inverse_scales, |q, inverse_scale, _| T::dequantize(q.into(), inverse_scale));
                }
            }
        )*
    };
}

storage_of_16_bits!(i16, u16);

//! How the kernels of `generic` become the table of an instruction set.

/// Makes the table of an instruction set of the kernels over any [`Vector`](super::vector::Vector).
macro_rules! table {
    ($name:literal, $vector:ty, $features:literal) => {
        /// The table. Only for machines where [`is_available`] says so.
        pub(super) static KERNELS: $crate::kernel::Kernels = $crate::kernel::Kernels {
            name: $name,
            f32: enabled::loops(),
            f16: enabled::loops(),
            bf16: enabled::loops(),
            // SAFETY: the table is only used where the machine has the instruction set; so for all of them.
            linear_bins: |io, bins| unsafe { enabled::linear_bins(io, bins) },
            rounding_errors: |x, step, low, high| unsafe { enabled::rounding_errors(x, step, low, high) },
            pack_4_bits: |values, bytes| unsafe { enabled::pack_4_bits(values, bytes) },
            unpack_4_bits: |bytes, values| unsafe { enabled::unpack_4_bits(bytes, values) },
        };

        /// The kernels with the instruction set enabled.
        mod enabled {
            use super::*;
            use $crate::kernel::in_out::InOut;
            use $crate::kernel::lattice::{Found, Indices};
            use $crate::kernel::pattern::Pattern;
            use $crate::kernel::table::{Loops, Real};
            use $crate::kernel::vector::Lane;
            use $crate::kernel::{Grid, LinearBins, MinMax, generic, scalar};

            $crate::kernel::instructions::enable! { $features, $vector,
                fn abs_max<X: Lane>(x: &[X]) -> f32;
                fn abs_max_rows<X: Lane>(x: &[X], largest: &mut [f32]) -> ();
                fn min_max<X: Lane>(x: &[X]) -> MinMax;
                fn lattice<X: Lane>(x: &[X], first: u32, indices: &mut Indices) -> Found;
                fn quantize<X: Lane, Y: Lane>(io: InOut<X, Y>, grid: Grid) -> bool;
                fn quantize_by<X: Lane, Y: Lane>(io: InOut<X, Y>, inverse_scales: &Pattern, low: f32, high: f32) -> bool;
                fn fake_quantize<X: Lane>(io: InOut<X>, grid: Grid, divisor: f32) -> ();
                fn fake_quantize_by<X: Lane>(io: InOut<X>, inverse_scales: &Pattern, low: f32, high: f32) -> ();
                fn fake_e4m3<X: Lane>(io: InOut<X>, inverse_scale: f32) -> ();
                fn fake_e4m3_by<X: Lane>(io: InOut<X>, inverse_scales: &Pattern) -> ();
                fn mask<X: Lane>(x: &[X], io: InOut<X>, low: f32, high: f32) -> ();
                fn mask_by<X: Lane>(x: &[X], io: InOut<X>, ends: &Pattern) -> ();
                fn dequantize<Q: Lane, X: Lane>(io: InOut<Q, X>, inverse_scale: f32) -> ();
                fn dequantize_by<Q: Lane, X: Lane>(io: InOut<Q, X>, inverse_scales: &Pattern) -> ();
            }

            #[target_feature(enable = $features)]
            pub unsafe fn linear_bins(io: InOut<f32>, bins: LinearBins) {
                // SAFETY: the instruction set is enabled.
                unsafe { generic::linear_bins::<$vector>(io, bins) }
            }

            #[target_feature(enable = $features)]
            pub unsafe fn rounding_errors(x: &[f32], step: f32, low: f32, high: f32) -> (f64, f64) {
                // SAFETY: the instruction set is enabled.
                unsafe { generic::rounding_errors::<$vector>(x, step, low, high) }
            }

            // The compiler finds the vectors by itself.
            #[target_feature(enable = $features)]
            pub unsafe fn pack_4_bits(values: &[u8], bytes: &mut [u8]) {
                scalar::pack_4_bits(values, bytes);
            }

            #[target_feature(enable = $features)]
            pub unsafe fn unpack_4_bits(bytes: &[u8], values: &mut [u8]) {
                scalar::unpack_4_bits(bytes, values);
            }

            pub const fn loops<X: Real>() -> Loops<X> {
                // SAFETY: the table is only used where the machine has the instruction set; so for all of
                // them.
                Loops {
                    abs_max: |x| unsafe { abs_max(x) },
                    abs_max_rows: |x, largest| unsafe { abs_max_rows(x, largest) },
                    min_max: |x| unsafe { min_max(x) },
                    lattice: |x, first, indices| unsafe { lattice(x, first, indices) },
                    quantize: |io, grid| unsafe { quantize(io, grid) },
                    quantize_f32: |io, grid| unsafe { quantize(io, grid) },
                    quantize_i8: |io, grid| unsafe { quantize(io, grid) },
                    quantize_u8: |io, grid| unsafe { quantize(io, grid) },
                    quantize_by: |io, inverse_scales, low, high| unsafe { quantize_by(io, inverse_scales, low, high) },
                    quantize_i8_by: |io, inverse_scales, low, high| unsafe { quantize_by(io, inverse_scales, low, high) },
                    quantize_u8_by: |io, inverse_scales, low, high| unsafe { quantize_by(io, inverse_scales, low, high) },
                    fake_quantize: |io, grid, divisor| unsafe { fake_quantize(io, grid, divisor) },
                    fake_quantize_by: |io, inverse_scales, low, high| unsafe { fake_quantize_by(io, inverse_scales, low, high) },
                    fake_e4m3: |io, inverse_scale| unsafe { fake_e4m3(io, inverse_scale) },
                    fake_e4m3_by: |io, inverse_scales| unsafe { fake_e4m3_by(io, inverse_scales) },
                    mask: |x, io, low, high| unsafe { mask(x, io, low, high) },
                    mask_by: |x, io, ends| unsafe { mask_by(x, io, ends) },
                    dequantize_i8: |io, inverse_scale| unsafe { dequantize(io, inverse_scale) },
                    dequantize_u8: |io, inverse_scale| unsafe { dequantize(io, inverse_scale) },
                    dequantize_i8_by: |io, inverse_scales| unsafe { dequantize_by(io, inverse_scales) },
                    dequantize_u8_by: |io, inverse_scales| unsafe { dequantize_by(io, inverse_scales) },
                }
            }
        }
    };
}

/// Functions that call those of `generic` of the same name with the instruction set enabled.
macro_rules! enable {
    ($features:literal, $vector:ty,
     $(fn $name:ident<$($type:ident: $bound:ident),*>($($arg:ident: $of:ty),*) -> $result:ty;)*) => {
        $(
            #[target_feature(enable = $features)]
            unsafe fn $name<$($type: $bound),*>($($arg: $of),*) -> $result {
                // SAFETY: the instruction set is enabled.
                unsafe { generic::$name::<$vector, $($type),*>($($arg),*) }
            }
        )*
    };
}

pub(super) use {enable, table};

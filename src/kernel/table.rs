//! The table of functions of one instruction set.

use half::{bf16, f16};

use super::in_out::InOut;
use super::lattice::{Found, Indices};
use super::pattern::Pattern;
use super::vector::Lane;
use super::{Grid, LinearBins, MinMax};

/// The functions of one instruction set.
///
/// Inputs and outputs of one call have the same length; a call with other lengths is a defect of the caller
/// and panics before anything is read or written. Data is f32, f16 or bf16; f16 and bf16 are computed in f32
/// and rounded half to even at the end.
#[derive(Debug)]
pub struct Kernels {
    pub(super) name: &'static str,
    pub(super) f32: Loops<f32>,
    pub(super) f16: Loops<f16>,
    pub(super) bf16: Loops<bf16>,
    pub(super) linear_bins: fn(InOut<f32>, LinearBins),
    pub(super) rounding_errors: fn(&[f32], f32, f32, f32) -> (f64, f64),
    pub(super) pack_4_bits: fn(&[u8], &mut [u8]),
    pub(super) unpack_4_bits: fn(&[u8], &mut [u8]),
}

/// The functions for data of one type.
#[derive(Debug)]
pub struct Loops<X: 'static> {
    pub abs_max: fn(&[X]) -> f32,
    pub abs_max_rows: fn(&[X], &mut [f32]),
    pub min_max: fn(&[X]) -> MinMax,
    pub lattice: fn(&[X], u32, &mut Indices) -> Found,
    pub quantize: fn(InOut<X>, Grid) -> bool,
    pub quantize_f32: fn(InOut<X, f32>, Grid) -> bool,
    pub quantize_i8: fn(InOut<X, i8>, Grid) -> bool,
    pub quantize_u8: fn(InOut<X, u8>, Grid) -> bool,
    pub quantize_by: fn(InOut<X>, &Pattern, f32, f32) -> bool,
    pub quantize_i8_by: fn(InOut<X, i8>, &Pattern, f32, f32) -> bool,
    pub quantize_u8_by: fn(InOut<X, u8>, &Pattern, f32, f32) -> bool,
    pub fake_quantize: fn(InOut<X>, Grid, f32),
    pub fake_quantize_by: fn(InOut<X>, &Pattern, f32, f32),
    pub fake_e4m3: fn(InOut<X>, f32),
    pub fake_e4m3_by: fn(InOut<X>, &Pattern),
    pub mask: fn(&[X], InOut<X>, f32, f32),
    pub mask_by: fn(&[X], InOut<X>, &Pattern),
    pub dequantize_i8: fn(InOut<i8, X>, f32),
    pub dequantize_u8: fn(InOut<u8, X>, f32),
    pub dequantize_i8_by: fn(InOut<i8, X>, &Pattern),
    pub dequantize_u8_by: fn(InOut<u8, X>, &Pattern),
}

/// A type of data that kernels work on.
pub trait Real: Lane + Send + Sync + std::fmt::Debug + 'static {
    /// Its part of a table.
    fn loops(kernels: &Kernels) -> &Loops<Self>;
    /// The same number in f32.
    fn widen(self) -> f32;
    /// The nearest number of this type, ties to even.
    fn narrow(x: f32) -> Self;
}

macro_rules! reals {
    ($($name:ident: $widen:expr, $narrow:expr;)*) => {
        $(impl Real for $name {
            fn loops(kernels: &Kernels) -> &Loops<Self> { &kernels.$name }
            fn widen(self) -> f32 { $widen(self) }
            fn narrow(x: f32) -> Self { $narrow(x) }
        })*
    };
}

reals! {
    f32: std::convert::identity, std::convert::identity;
    f16: f16::to_f32, f16::from_f32;
    bf16: bf16::to_f32, bf16::from_f32;
}

impl Kernels {
    /// The name of the instruction set, as [`QDQ_ISA`](super::ISA_VARIABLE) takes it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// max |x|: NaN where there is a NaN, 0 where there is no element.
    pub fn abs_max<X: Real>(&self, x: &[X]) -> f32 {
        (X::loops(self).abs_max)(x)
    }

    /// largest = max(largest, |x|) at each place of a row, for `x` of such rows one after the other, the last
    /// one perhaps shorter. NaN is larger than all. `largest` holds magnitudes.
    pub fn abs_max_rows<X: Real>(&self, x: &[X], largest: &mut [f32]) {
        assert!(x.is_empty() || !largest.is_empty(), "rows without an element");
        (X::loops(self).abs_max_rows)(x, largest);
    }

    /// Smallest and largest value.
    pub fn min_max<X: Real>(&self, x: &[X]) -> MinMax {
        (X::loops(self).min_max)(x)
    }

    /// The bins of finite numbers, at most [`BLOCK`](super::lattice::BLOCK), counted from the bin `first`, of
    /// those other than zero that are within the window that begins there.
    pub fn lattice<X: Real>(&self, x: &[X], first: u32, indices: &mut Indices) -> Found {
        assert!(x.len() <= super::lattice::BLOCK, "{} elements in a block", x.len());
        (X::loops(self).lattice)(x, first, indices)
    }

    /// out = clamp(rne(x * inverse_scale), low, high), in the type of the data. NaN stays NaN, and the answer
    /// says whether there was one.
    pub fn quantize<X: Real>(&self, io: InOut<X>, grid: Grid) -> bool {
        (X::loops(self).quantize)(io, grid)
    }

    /// As [`quantize`](Self::quantize), in f32.
    pub fn quantize_f32<X: Real>(&self, io: InOut<X, f32>, grid: Grid) -> bool {
        (X::loops(self).quantize_f32)(io, grid)
    }

    /// As [`quantize`](Self::quantize), in i8, which holds low to high. NaN becomes 0.
    pub fn quantize_i8<X: Real>(&self, io: InOut<X, i8>, grid: Grid) -> bool {
        (X::loops(self).quantize_i8)(io, grid)
    }

    /// As [`quantize`](Self::quantize), in u8, which holds low to high. NaN becomes 0.
    pub fn quantize_u8<X: Real>(&self, io: InOut<X, u8>, grid: Grid) -> bool {
        (X::loops(self).quantize_u8)(io, grid)
    }

    /// [`quantize`](Self::quantize) with an inverse scale for each element.
    pub fn quantize_by<X: Real>(&self, io: InOut<X>, inverse_scales: &Pattern, low: f32, high: f32) -> bool {
        inverse_scales.check();
        (X::loops(self).quantize_by)(io, inverse_scales, low, high)
    }

    /// [`quantize_i8`](Self::quantize_i8) with an inverse scale for each element.
    pub fn quantize_i8_by<X: Real>(
        &self,
        io: InOut<X, i8>,
        inverse_scales: &Pattern,
        low: f32,
        high: f32,
    ) -> bool {
        inverse_scales.check();
        (X::loops(self).quantize_i8_by)(io, inverse_scales, low, high)
    }

    /// [`quantize_u8`](Self::quantize_u8) with an inverse scale for each element.
    pub fn quantize_u8_by<X: Real>(
        &self,
        io: InOut<X, u8>,
        inverse_scales: &Pattern,
        low: f32,
        high: f32,
    ) -> bool {
        inverse_scales.check();
        (X::loops(self).quantize_u8_by)(io, inverse_scales, low, high)
    }

    /// out = clamp(rne(x * inverse_scale), low, high) / divisor. NaN stays NaN; a divisor of 0 gives NaN.
    pub fn fake_quantize<X: Real>(&self, io: InOut<X>, grid: Grid, divisor: f32) {
        (X::loops(self).fake_quantize)(io, grid, divisor);
    }

    /// [`fake_quantize`](Self::fake_quantize) with an inverse scale and a divisor for each element.
    pub fn fake_quantize_by<X: Real>(&self, io: InOut<X>, inverse_scales: &Pattern, low: f32, high: f32) {
        inverse_scales.check();
        (X::loops(self).fake_quantize_by)(io, inverse_scales, low, high);
    }

    /// out = e4m3(x * inverse_scale) / inverse_scale, see [`e4m3`](super::e4m3); 0 where |x| < 2^-24. NaN
    /// stays NaN.
    pub fn fake_e4m3<X: Real>(&self, io: InOut<X>, inverse_scale: f32) {
        (X::loops(self).fake_e4m3)(io, inverse_scale);
    }

    /// [`fake_e4m3`](Self::fake_e4m3) with an inverse scale for each element.
    pub fn fake_e4m3_by<X: Real>(&self, io: InOut<X>, inverse_scales: &Pattern) {
        inverse_scales.check();
        (X::loops(self).fake_e4m3_by)(io, inverse_scales);
    }

    /// out = gradient where low <= x <= high, else 0. A NaN in x counts as outside.
    pub fn mask<X: Real>(&self, x: &[X], gradient: InOut<X>, low: f32, high: f32) {
        assert_eq!(x.len(), gradient.len(), "as many gradients as elements");
        (X::loops(self).mask)(x, gradient, low, high);
    }

    /// [`mask`](Self::mask) with a low and a high end for each element.
    pub fn mask_by<X: Real>(&self, x: &[X], gradient: InOut<X>, ends: &Pattern) {
        assert_eq!(x.len(), gradient.len(), "as many gradients as elements");
        ends.check();
        (X::loops(self).mask_by)(x, gradient, ends);
    }

    /// out = q / inverse_scale.
    pub fn dequantize_i8<X: Real>(&self, io: InOut<i8, X>, inverse_scale: f32) {
        (X::loops(self).dequantize_i8)(io, inverse_scale);
    }

    /// out = q / inverse_scale.
    pub fn dequantize_u8<X: Real>(&self, io: InOut<u8, X>, inverse_scale: f32) {
        (X::loops(self).dequantize_u8)(io, inverse_scale);
    }

    /// [`dequantize_i8`](Self::dequantize_i8) with an inverse scale for each element.
    pub fn dequantize_i8_by<X: Real>(&self, io: InOut<i8, X>, inverse_scales: &Pattern) {
        inverse_scales.check();
        (X::loops(self).dequantize_i8_by)(io, inverse_scales);
    }

    /// [`dequantize_u8`](Self::dequantize_u8) with an inverse scale for each element.
    pub fn dequantize_u8_by<X: Real>(&self, io: InOut<u8, X>, inverse_scales: &Pattern) {
        inverse_scales.check();
        (X::loops(self).dequantize_u8_by)(io, inverse_scales);
    }

    /// The bin of each x as a whole number, in the float32 arithmetic of torch's histogram; the last bin for
    /// NaN.
    pub fn linear_bins(&self, io: InOut<f32>, bins: LinearBins) {
        (self.linear_bins)(io, bins);
    }

    /// (Σ e², Σ e) of the errors e = clamp(rne(x / step), low, high) * step - x of finite x, where x / step
    /// is computed as x * (1 / step): sums in f32 over every sixteenth element of 1024, added up in f64.
    pub fn rounding_errors(&self, x: &[f32], step: f32, low: f32, high: f32) -> (f64, f64) {
        (self.rounding_errors)(x, step, low, high)
    }

    /// Two numbers to a byte, the first of each pair in the low half: the low four bits of each. The last one
    /// of an odd number gets a high half of 0.
    pub fn pack_4_bits(&self, values: &[u8], bytes: &mut [u8]) {
        assert_eq!(values.len().div_ceil(2), bytes.len(), "half as many bytes as values");
        (self.pack_4_bits)(values, bytes);
    }

    /// The way back from [`pack_4_bits`](Self::pack_4_bits): numbers of 0 to 15.
    pub fn unpack_4_bits(&self, bytes: &[u8], values: &mut [u8]) {
        assert_eq!(values.len().div_ceil(2), bytes.len(), "half as many bytes as values");
        (self.unpack_4_bits)(bytes, values);
    }
}

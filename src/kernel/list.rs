//! The list of kernels. Beside it a kernel is named where it is defined, in `scalar` and in `generic`.

/// Hands the list to the macro in brackets, behind what else that one is to get.
///
/// `data` are kernels over one type of data `X`, `integers` those between data and integers `Q`, `other`
/// those over types of their own. `where` says what a caller must see to: a call without it is a defect and
/// panics before anything is read or written.
macro_rules! kernels {
    ([$($macro:tt)*] $($with:tt)*) => {
        $($macro)* ! {
            $($with)*
            data {
                /// max |x|: NaN where there is a NaN, 0 where there is no element.
                abs_max(x: &[X]) -> f32;

                /// largest = max(largest, |x|) at each place of a row, for `x` of such rows one after the
                /// other, the last one perhaps shorter. NaN is larger than all. `largest` holds magnitudes.
                abs_max_rows(x: &[X], largest: &mut [f32]) -> ()
                where x.is_empty() || !largest.is_empty(), "rows without an element";

                /// Smallest and largest value.
                min_max(x: &[X]) -> MinMax;

                /// The bins of finite numbers, at most [`BLOCK`](super::lattice::BLOCK), counted from the bin
                /// `first`, of those other than zero that are within the window that begins there.
                lattice(x: &[X], first: u32, indices: &mut Indices) -> Found
                where x.len() <= super::lattice::BLOCK, "more elements than a block has";

                /// out = clamp(rne(x * inverse_scale), low, high), in the type of the data; rne rounds half
                /// to even. The first number of an element is its finite inverse scale, of which 0 sends
                /// every finite x to 0; low and high are integers of -65536 to 65535. NaN stays NaN, and the
                /// answer says whether there was one.
                quantize_floats(io: InOut<X>, inverse_scales: &Pattern, low: f32, high: f32) -> bool
                where inverse_scales.is_complete(), "a number for every element";

                /// out = clamp(rne(x * inverse_scale), low, high) / divisor, by the first and the second
                /// number of each element. NaN stays NaN; a divisor of 0 gives NaN.
                fake_quantize(io: InOut<X>, scales: &Pattern, low: f32, high: f32) -> ()
                where scales.is_complete(), "two numbers for every element";

                /// out = e4m3(x * inverse_scale) / inverse_scale, see [`e4m3`](super::e4m3), by the first
                /// number of each element; 0 where |x| < 2^-24. NaN stays NaN.
                fake_e4m3(io: InOut<X>, inverse_scales: &Pattern) -> ()
                where inverse_scales.is_complete(), "a number for every element";

                /// out = gradient where low <= x <= high, the first and the second number of each element,
                /// else 0. A NaN in x counts as outside.
                mask(x: &[X], gradient: InOut<X>, ends: &Pattern) -> ()
                where x.len() == gradient.len() && ends.is_complete(), "a gradient and ends for every element";
            }
            integers {
                /// As [`quantize_floats`](Self::quantize_floats), in an integer type that holds low to high.
                /// NaN becomes 0.
                quantize(io: InOut<X, Q>, inverse_scales: &Pattern, low: f32, high: f32) -> bool
                where inverse_scales.is_complete(), "a number for every element";

                /// out = q / inverse_scale, by the first number of each element.
                dequantize(io: InOut<Q, X>, inverse_scales: &Pattern) -> ()
                where inverse_scales.is_complete(), "a number for every element";
            }
            other {
                /// The bin of each x as a whole number, in the float32 arithmetic of torch's histogram; the
                /// last bin for NaN.
                linear_bins(io: InOut<f32>, bins: LinearBins) -> ();

                /// (Σ e², Σ e) of the errors e = clamp(rne(x / step), low, high) * step - x of finite x,
                /// where x / step is computed as x * (1 / step): sums in f32 over every sixteenth element of
                /// 1024, added up in f64.
                rounding_errors(x: &[f32], step: f32, low: f32, high: f32) -> (f64, f64);

                /// Two numbers to a byte, the first of each pair in the low half: the low four bits of each.
                /// The last one of an odd number gets a high half of 0.
                pack_4_bits(values: &[u8], bytes: &mut [u8]) -> ()
                where values.len().div_ceil(2) == bytes.len(), "half as many bytes as values";

                /// The way back from [`pack_4_bits`](Self::pack_4_bits): numbers of 0 to 15.
                unpack_4_bits(bytes: &[u8], values: &mut [u8]) -> ()
                where values.len().div_ceil(2) == bytes.len(), "half as many bytes as values";
            }
        }
    };
}

pub(super) use kernels;

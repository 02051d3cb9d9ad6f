//! The list of kernels. The only other places that name a kernel are its definitions in `scalar` and
//! `generic`.

/// Passes the list to the macro in brackets, after the other arguments of that macro.
///
/// `data` are kernels over one type of data `X`, `integers` those between data and integers `Q`, and `other`
/// those over types of their own. `where` is a condition that the caller must meet. A call that does not meet
/// it is a defect: it panics before anything is read or written.
macro_rules! kernels {
    ([$($macro:tt)*] $($with:tt)*) => {
        $($macro)* ! {
            $($with)*
            data {
                /// max |x|; NaN if there is a NaN, 0 if there is no element.
                abs_max(x: &[X]) -> f32;

                /// largest = max(largest, |x|) at each place of a row. `x` consists of such rows one after
                /// the other; the last one may be shorter. NaN is larger than all numbers. `largest` holds
                /// magnitudes.
                abs_max_rows(x: &[X], largest: &mut [f32]) -> ()
                where x.is_empty() || !largest.is_empty(), "rows without an element";

                /// Smallest and largest value.
                min_max(x: &[X]) -> MinMax;

                /// The bins of at most [`BLOCK`](super::lattice::BLOCK) finite numbers, counted from the bin
                /// `first`. Only numbers other than zero that are within the window that begins there have a
                /// bin.
                lattice(x: &[X], first: u32, indices: &mut Indices) -> Found
                where x.len() <= super::lattice::BLOCK, "more elements than a block has";

                /// out = clamp(rne(x * inverse_scale), low, high), in the type of the data; rne rounds half
                /// to even. The first number of an element is its finite inverse scale; with 0 every finite x
                /// becomes 0. low and high are integers of -65536 to 65535. NaN stays NaN. Returns whether
                /// there was a NaN.
                quantize_floats(io: InOut<X>, inverse_scales: &Pattern, low: f32, high: f32) -> bool
                where inverse_scales.is_complete(), "a number for every element";

                /// out = clamp(rne(x * inverse_scale), low, high) / divisor, with the first and the second
                /// number of each element. NaN stays NaN; a divisor of 0 gives NaN.
                fake_quantize(io: InOut<X>, scales: &Pattern, low: f32, high: f32) -> ()
                where scales.is_complete(), "two numbers for every element";

                /// out = e4m3(x * inverse_scale) / inverse_scale with the first number of each element, see
                /// [`e4m3`](crate::e4m3); 0 if |x| < 2^-24. NaN stays NaN.
                fake_e4m3(io: InOut<X>, inverse_scales: &Pattern) -> ()
                where inverse_scales.is_complete(), "a number for every element";

                /// out = gradient if low <= x <= high, else 0. low and high are the first and the second
                /// number of each element. A NaN in x counts as outside.
                mask(x: &[X], gradient: InOut<X>, ends: &Pattern) -> ()
                where x.len() == gradient.len() && ends.is_complete(), "a gradient and ends for every element";
            }
            integers {
                /// Like [`quantize_floats`](Self::quantize_floats), in an integer type that holds low to
                /// high. NaN becomes 0.
                quantize(io: InOut<X, Q>, inverse_scales: &Pattern, low: f32, high: f32) -> bool
                where inverse_scales.is_complete(), "a number for every element";

                /// out = q / inverse_scale, with the first number of each element.
                dequantize(io: InOut<Q, X>, inverse_scales: &Pattern) -> ()
                where inverse_scales.is_complete(), "a number for every element";
            }
            other {
                /// The bin of each x as an integer, in the float32 arithmetic of torch's histogram. NaN gets
                /// the last bin.
                linear_bins(io: InOut<f32>, bins: LinearBins) -> ();

                /// (Σ e², Σ e) of the errors e = clamp(rne(x / step), low, high) * step - x of finite x. The
                /// quotient is computed as x * (1 / step). Sums are in f32 over every sixteenth element of
                /// 1024, and these are added in f64.
                rounding_errors(x: &[f32], step: f32, low: f32, high: f32) -> (f64, f64);

                /// Packs the low four bits of two numbers into each byte, the first of each pair in the low
                /// half. If their number is odd, the last high half is 0.
                pack_4_bits(values: &[u8], bytes: &mut [u8]) -> ()
                where values.len().div_ceil(2) == bytes.len(), "half as many bytes as values";

                /// The inverse of [`pack_4_bits`](Self::pack_4_bits): numbers of 0 to 15.
                unpack_4_bits(bytes: &[u8], values: &mut [u8]) -> ()
                where values.len().div_ceil(2) == bytes.len(), "half as many bytes as values";
            }
        }
    };
}

pub(super) use kernels;

//! `qdq_descriptor`: the quantization of one tensor.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use crate::error::Result;
use crate::quant::{Block, CalibMethod, Mode, NumBits, QuantDescriptor};

use super::array::qdq_array;
use super::buffer::qdq_buffer;
use super::error::qdq_error;
use super::guard::{constructed, guard};
use super::handle::{self, array, c_text, get, get_mut, give, give_or_null, optional_text, text};
use super::number_set::NumberSet;
use super::status::qdq_status;
use super::tensor::{numbers, qdq_tensor};

/// The description of a tensor's quantization: format, sign, range, and the elements that share one amax.
/// Fields and defaults are those of pytorch-quantization's descriptor. qdq_descriptor_new() gives signed
/// 8-bit integers with one amax for the tensor.
///
/// Setters may be called in any order. Fields that contradict each other are refused when the descriptor is
/// used, or by qdq_descriptor_validate().
pub struct qdq_descriptor {
    pub(super) descriptor: QuantDescriptor,
    name: Option<CString>,
}

impl qdq_descriptor {
    pub(super) fn new(descriptor: QuantDescriptor) -> Self {
        let name = descriptor.name.as_deref().map(c_text);
        Self { descriptor, name }
    }
}

/// A predefined descriptor: one of the QDQ_PREDEFINED_ numbers.
pub type qdq_predefined = i32;

/// Signed 8 bits, one amax: for activations.
pub const QDQ_PREDEFINED_PER_TENSOR_8BIT: qdq_predefined = 0;
/// Unsigned 8 bits, one amax: for activations that are never negative.
pub const QDQ_PREDEFINED_UNSIGNED_PER_TENSOR_8BIT: qdq_predefined = 1;
/// 8 bits, one amax per output channel, axis 0: for weights of convolutions.
pub const QDQ_PREDEFINED_CONV_WEIGHT_PER_CHANNEL: qdq_predefined = 2;
/// 8 bits, one amax per row, axis 0: for weights of linear layers.
pub const QDQ_PREDEFINED_LINEAR_WEIGHT_PER_ROW: qdq_predefined = 3;
/// 8 bits, one amax per output channel, axis 1: for weights of transposed convolutions.
pub const QDQ_PREDEFINED_CONV_TRANSPOSE_WEIGHT_PER_CHANNEL: qdq_predefined = 4;

const PREDEFINED: NumberSet<fn() -> QuantDescriptor> = NumberSet::new(
    "predefined descriptor",
    "QDQ_PREDEFINED_",
    &[
        (QDQ_PREDEFINED_PER_TENSOR_8BIT, QuantDescriptor::per_tensor_8bit as fn() -> _),
        (QDQ_PREDEFINED_UNSIGNED_PER_TENSOR_8BIT, QuantDescriptor::unsigned_per_tensor_8bit),
        (QDQ_PREDEFINED_CONV_WEIGHT_PER_CHANNEL, QuantDescriptor::conv_weight_per_channel),
        (QDQ_PREDEFINED_LINEAR_WEIGHT_PER_ROW, QuantDescriptor::linear_weight_per_row),
        (
            QDQ_PREDEFINED_CONV_TRANSPOSE_WEIGHT_PER_CHANNEL,
            QuantDescriptor::conv_transpose_weight_per_channel,
        ),
    ],
);

/// The arithmetic of fake quantization: one of the QDQ_MODE_ numbers. For f32 data with a finite amax above
/// 2^-24 REFERENCE and CORRECTED are equal.
pub type qdq_mode = i32;

/// pytorch-quantization on a CPU, bit for bit, except for bf16. In every mode bf16 data is computed in f32
/// and rounded once, while PyTorch's own result depends on the types of the other operands. The default.
pub const QDQ_MODE_REFERENCE: qdq_mode = 0;
/// pytorch-quantization's CUDA kernel for fake quantization: always the narrow range; a range counts as zero
/// only below 2^-24.
pub const QDQ_MODE_GPU_COMPAT: qdq_mode = 1;
/// Arithmetic without the known defects: an amax that is not finite is an error, and 16-bit data is computed
/// in f32 and rounded once.
pub const QDQ_MODE_CORRECTED: qdq_mode = 2;

const MODES: NumberSet<Mode> = NumberSet::new(
    "mode",
    "QDQ_MODE_",
    &[
        (QDQ_MODE_REFERENCE, Mode::Reference),
        (QDQ_MODE_GPU_COMPAT, Mode::GpuCompat),
        (QDQ_MODE_CORRECTED, Mode::Corrected),
    ],
);

/// The kind of statistics that calibration collects: one of the QDQ_CALIB_ numbers.
pub type qdq_calib_method = i32;

/// The largest magnitude, per tensor, axis or block. The default.
pub const QDQ_CALIB_MAX: qdq_calib_method = 0;
/// A histogram of magnitudes, per tensor.
pub const QDQ_CALIB_HISTOGRAM: qdq_calib_method = 1;
/// pytorch-quantization's own histogram of magnitudes and its rules for a range, per tensor, as in
/// qdq_histogram_calibrator. Use it to reproduce its numbers. The result depends on the order of the batches;
/// therefore two such calibrations cannot be merged, and none can be saved.
pub const QDQ_CALIB_COMPAT: qdq_calib_method = 2;

const CALIB_METHODS: NumberSet<CalibMethod> = NumberSet::new(
    "calibration method",
    "QDQ_CALIB_",
    &[
        (QDQ_CALIB_MAX, CalibMethod::Max),
        (QDQ_CALIB_HISTOGRAM, CalibMethod::Histogram),
        (QDQ_CALIB_COMPAT, CalibMethod::Compat),
    ],
);

/// Returns a descriptor with the default fields. Free it with qdq_descriptor_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_new() -> *mut qdq_descriptor {
    constructed(|| qdq_descriptor::new(QuantDescriptor::default()))
}

/// Returns one of the predefined descriptors. It can be changed like any other. Free `*out` with
/// qdq_descriptor_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_predefined(
    which: qdq_predefined,
    out: Option<&mut MaybeUninit<*mut qdq_descriptor>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_descriptor::new(PREDEFINED.value(which)?()))))
}

/// Reads a descriptor from the JSON text that qdq_descriptor_to_json() writes. Missing fields have their
/// default. Unknown fields are an error. Free `*out` with qdq_descriptor_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_descriptor_from_json(
    json: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_descriptor>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            // SAFETY: the header's rules for texts.
            let json = unsafe { text(json, "json") }?;
            QuantDescriptor::from_json(&json).map(qdq_descriptor::new)
        })
    })
}

/// Returns the descriptor as a JSON text with every field. Free `*out` with qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_to_json(
    descriptor: Option<&qdq_descriptor>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || get(descriptor, "descriptor")?.descriptor.to_json().map(qdq_buffer::new)))
}

/// Returns a copy of the descriptor. Free `*out` with qdq_descriptor_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_clone(
    descriptor: Option<&qdq_descriptor>,
    out: Option<&mut MaybeUninit<*mut qdq_descriptor>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_descriptor::new(get(descriptor, "descriptor")?.descriptor.clone()))))
}

/// Frees `*descriptor` and sets it to NULL. Does nothing if `descriptor` or `*descriptor` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_free(descriptor: Option<&mut *mut qdq_descriptor>) {
    handle::free(descriptor);
}

/// Checks that the fields do not contradict each other.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_validate(
    descriptor: Option<&qdq_descriptor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || get(descriptor, "descriptor")?.descriptor.validate())
}

/// Changes one field. A value that no descriptor can have is refused here, so that the caller sees which call
/// is wrong.
fn set(
    descriptor: Option<&mut qdq_descriptor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
    change: impl FnOnce(&mut QuantDescriptor) -> Result<()>,
) -> qdq_status {
    guard(error, || change(&mut get_mut(descriptor, "descriptor")?.descriptor))
}

/// Sets the format to integers of `num_bits`, 2 to 16. Default: 8.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_set_num_bits(
    descriptor: Option<&mut qdq_descriptor>,
    num_bits: u32,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(descriptor, error, |descriptor| {
        let num_bits = NumBits::Integer(num_bits);
        QuantDescriptor { num_bits, ..QuantDescriptor::default() }.validate()?;
        descriptor.num_bits = num_bits;
        Ok(())
    })
}

/// Sets the format to the 8-bit float e4m3.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_set_e4m3(
    descriptor: Option<&mut qdq_descriptor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(descriptor, error, |descriptor| {
        descriptor.num_bits = NumBits::E4M3;
        Ok(())
    })
}

/// Sets a name for messages. `name` may be NULL for no name, the default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_descriptor_set_name(
    descriptor: Option<&mut qdq_descriptor>,
    name: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let descriptor = get_mut(descriptor, "descriptor")?;
        // SAFETY: the header's rules for texts.
        let name = unsafe { optional_text(name, "name") }?;
        descriptor.name = name.as_deref().map(c_text);
        descriptor.descriptor.name = name;
        Ok(())
    })
}

/// Sets whether a quantizer returns floats (true, the default) or integers.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_set_fake_quant(
    descriptor: Option<&mut qdq_descriptor>,
    fake_quant: bool,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(descriptor, error, |descriptor| {
        descriptor.fake_quant = fake_quant;
        Ok(())
    })
}

/// Sets the kept axes: each index of these axes has its own amax. `axes` holds `count` numbers; negative ones
/// count from the last axis. `axes` NULL means one amax for the tensor, the default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_descriptor_set_axis(
    descriptor: Option<&mut qdq_descriptor>,
    axes: *const i32,
    count: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(descriptor, error, |descriptor| {
        descriptor.axis = if axes.is_null() {
            None
        } else {
            // SAFETY: the header's rules for arrays.
            Some(unsafe { array(axes, count, "axes") }?.iter().map(|&axis| axis as isize).collect())
        };
        Ok(())
    })
}

/// Sets blocks: `size` neighbours along `axis` share one amax, and every other axis is kept. The last block
/// may be shorter. A size of 0 means no blocks, the default.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_set_block(
    descriptor: Option<&mut qdq_descriptor>,
    axis: i32,
    size: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(descriptor, error, |descriptor| {
        descriptor.block = (size > 0).then_some(Block { axis: axis as isize, size });
        Ok(())
    })
}

/// Sets a fixed amax (f32, finite, not negative). Its shape groups the data: it has size 1 in every axis that
/// shares one amax. The numbers are copied. `amax` NULL means a calibrated or dynamic range, the default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_descriptor_set_amax(
    descriptor: Option<&mut qdq_descriptor>,
    amax: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(descriptor, error, |descriptor| {
        // SAFETY: the header's rules for tensors.
        let amax = unsafe { numbers(amax, "amax") }?;
        QuantDescriptor { amax: amax.clone(), ..QuantDescriptor::default() }.validate()?;
        descriptor.amax = amax;
        Ok(())
    })
}

/// Sets whether training learns amax. This needs one amax for the tensor. Default: false.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_set_learn_amax(
    descriptor: Option<&mut qdq_descriptor>,
    learn_amax: bool,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(descriptor, error, |descriptor| {
        descriptor.learn_amax = learn_amax;
        Ok(())
    })
}

/// Sets a positive factor on amax. 1 has no effect and is the default.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_set_scale_amax(
    descriptor: Option<&mut qdq_descriptor>,
    factor: f32,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(descriptor, error, |descriptor| {
        QuantDescriptor { scale_amax: Some(factor), ..QuantDescriptor::default() }.validate()?;
        descriptor.scale_amax = (factor != 1.0).then_some(factor);
        Ok(())
    })
}

/// Sets the kind of statistics that calibration collects. Default: QDQ_CALIB_MAX.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_set_calib_method(
    descriptor: Option<&mut qdq_descriptor>,
    calib_method: qdq_calib_method,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(descriptor, error, |descriptor| {
        descriptor.calib_method = CALIB_METHODS.value(calib_method)?;
        Ok(())
    })
}

/// Sets whether the integers start at 0, for data without negative values. Default: false.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_set_unsigned(
    descriptor: Option<&mut qdq_descriptor>,
    is_unsigned: bool,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(descriptor, error, |descriptor| {
        descriptor.unsigned = is_unsigned;
        Ok(())
    })
}

/// Sets whether the lowest integer is the negative of the highest. Default: false.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_set_narrow_range(
    descriptor: Option<&mut qdq_descriptor>,
    narrow_range: bool,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(descriptor, error, |descriptor| {
        descriptor.narrow_range = narrow_range;
        Ok(())
    })
}

/// Sets the arithmetic of fake quantization. Default: QDQ_MODE_REFERENCE.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_set_mode(
    descriptor: Option<&mut qdq_descriptor>,
    mode: qdq_mode,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    set(descriptor, error, |descriptor| {
        descriptor.mode = MODES.value(mode)?;
        Ok(())
    })
}

/// Returns the number of bits of the integers; 0 for e4m3 and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_num_bits(descriptor: Option<&qdq_descriptor>) -> u32 {
    match descriptor.map(|descriptor| descriptor.descriptor.num_bits) {
        Some(NumBits::Integer(bits)) => bits,
        _ => 0,
    }
}

/// Returns whether the format is e4m3.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_is_e4m3(descriptor: Option<&qdq_descriptor>) -> bool {
    descriptor.is_some_and(|descriptor| descriptor.descriptor.num_bits == NumBits::E4M3)
}

/// Returns the name for messages; NULL if there is none. The text is valid until the name is set again or the
/// descriptor is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_name(descriptor: Option<&qdq_descriptor>) -> *const c_char {
    let name = descriptor.and_then(|descriptor| descriptor.name.as_ref());
    name.map_or(std::ptr::null(), |name| name.as_ptr())
}

/// Returns whether a quantizer returns floats.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_fake_quant(descriptor: Option<&qdq_descriptor>) -> bool {
    descriptor.is_some_and(|descriptor| descriptor.descriptor.fake_quant)
}

/// Returns the number of kept axes; 0 if there is one amax for the tensor.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_axis_count(descriptor: Option<&qdq_descriptor>) -> usize {
    descriptor.and_then(|descriptor| descriptor.descriptor.axis.as_ref()).map_or(0, Vec::len)
}

/// Returns the kept axis at `index`, as it was set; 0 past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_axis_at(descriptor: Option<&qdq_descriptor>, index: usize) -> i32 {
    let axes = descriptor.and_then(|descriptor| descriptor.descriptor.axis.as_ref());
    axes.and_then(|axes| axes.get(index)).map_or(0, |&axis| axis as i32)
}

/// Returns the size of the blocks that share one amax; 0 without blocks.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_block_size(descriptor: Option<&qdq_descriptor>) -> usize {
    descriptor.and_then(|descriptor| descriptor.descriptor.block).map_or(0, |block| block.size)
}

/// Returns the axis of the blocks, as it was set; 0 without blocks.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_block_axis(descriptor: Option<&qdq_descriptor>) -> i32 {
    descriptor.and_then(|descriptor| descriptor.descriptor.block).map_or(0, |block| block.axis as i32)
}

/// Returns a copy of the fixed amax. `*out` is NULL if there is none. Free `*out` with qdq_array_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_amax(
    descriptor: Option<&qdq_descriptor>,
    out: Option<&mut MaybeUninit<*mut qdq_array>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_or_null(out, || {
            get(descriptor, "descriptor")?.descriptor.amax.as_ref().map(qdq_array::copy).transpose()
        })
    })
}

/// Returns whether training learns amax.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_learn_amax(descriptor: Option<&qdq_descriptor>) -> bool {
    descriptor.is_some_and(|descriptor| descriptor.descriptor.learn_amax)
}

/// Returns the factor on amax; 1 if none is set.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_scale_amax(descriptor: Option<&qdq_descriptor>) -> f32 {
    descriptor.and_then(|descriptor| descriptor.descriptor.scale_amax).unwrap_or(1.0)
}

/// Returns the kind of statistics that calibration collects.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_calib_method(descriptor: Option<&qdq_descriptor>) -> qdq_calib_method {
    let method = descriptor.map(|descriptor| descriptor.descriptor.calib_method);
    method.and_then(|method| CALIB_METHODS.number(method)).unwrap_or(QDQ_CALIB_MAX)
}

/// Returns whether the integers start at 0.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_unsigned(descriptor: Option<&qdq_descriptor>) -> bool {
    descriptor.is_some_and(|descriptor| descriptor.descriptor.unsigned)
}

/// Returns whether the lowest integer is the negative of the highest.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_narrow_range(descriptor: Option<&qdq_descriptor>) -> bool {
    descriptor.is_some_and(|descriptor| descriptor.descriptor.narrow_range)
}

/// Returns the arithmetic of fake quantization.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_mode(descriptor: Option<&qdq_descriptor>) -> qdq_mode {
    let mode = descriptor.map(|descriptor| descriptor.descriptor.mode);
    mode.and_then(|mode| MODES.number(mode)).unwrap_or(QDQ_MODE_REFERENCE)
}

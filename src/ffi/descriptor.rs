//! `qdq_descriptor`: how one tensor is quantized.

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

/// How one tensor is quantized: format, sign, range, which elements share an amax. The fields and defaults
/// are those of pytorch-quantization's descriptor; qdq_descriptor_new() gives signed 8-bit integers with one
/// amax for the tensor.
///
/// Setters may be called in any order; what does not go together is refused where the descriptor is used, or
/// by qdq_descriptor_validate().
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

/// A descriptor that is ready to use: one of the QDQ_PREDEFINED_ numbers.
pub type qdq_predefined = i32;

/// Signed 8 bits, one amax: activations.
pub const QDQ_PREDEFINED_PER_TENSOR_8BIT: qdq_predefined = 0;
/// Unsigned 8 bits, one amax: activations that are never negative.
pub const QDQ_PREDEFINED_UNSIGNED_PER_TENSOR_8BIT: qdq_predefined = 1;
/// 8 bits, one amax per output channel, axis 0: weights of convolutions.
pub const QDQ_PREDEFINED_CONV_WEIGHT_PER_CHANNEL: qdq_predefined = 2;
/// 8 bits, one amax per row, axis 0: weights of linear layers.
pub const QDQ_PREDEFINED_LINEAR_WEIGHT_PER_ROW: qdq_predefined = 3;
/// 8 bits, one amax per output channel, axis 1: weights of transposed convolutions.
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

/// Whose arithmetic fake quantization follows: one of the QDQ_MODE_ numbers. For f32 data with a finite amax
/// above 2^-24 REFERENCE and CORRECTED are equal.
pub type qdq_mode = i32;

/// pytorch-quantization on a CPU, bit for bit, but for bf16: in every mode it is computed in f32 and rounded
/// once, where PyTorch's own result depends on the types of the other operands. The default.
pub const QDQ_MODE_REFERENCE: qdq_mode = 0;
/// pytorch-quantization's CUDA kernel for fake quantization: always the narrow range, zero ranges only below
/// 2^-24.
pub const QDQ_MODE_GPU_COMPAT: qdq_mode = 1;
/// Without the known defects: an amax that is not finite is an error, 16-bit data is computed in f32 and
/// rounded once.
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

/// What calibration observes: one of the QDQ_CALIB_ numbers.
pub type qdq_calib_method = i32;

/// The largest magnitude, per tensor, axis or block. The default.
pub const QDQ_CALIB_MAX: qdq_calib_method = 0;
/// A histogram of magnitudes, per tensor.
pub const QDQ_CALIB_HISTOGRAM: qdq_calib_method = 1;
/// pytorch-quantization's own histogram of magnitudes and its rules for a range, per tensor, as
/// qdq_histogram_calibrator has them: for whoever needs its numbers. The result depends on the order of the
/// batches, so that two cannot be merged or saved.
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

/// A descriptor with the default fields. Free it with qdq_descriptor_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_new() -> *mut qdq_descriptor {
    constructed(|| qdq_descriptor::new(QuantDescriptor::default()))
}

/// One of the predefined descriptors, to be changed like any other. Free it with qdq_descriptor_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_predefined(
    which: qdq_predefined,
    out: Option<&mut MaybeUninit<*mut qdq_descriptor>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_descriptor::new(PREDEFINED.value(which)?()))))
}

/// A descriptor from the JSON text that qdq_descriptor_to_json() writes; fields that are missing have their
/// default, unknown ones are an error.
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

/// The descriptor as a JSON text with every field.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_to_json(
    descriptor: Option<&qdq_descriptor>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || get(descriptor, "descriptor")?.descriptor.to_json().map(qdq_buffer::new)))
}

/// A descriptor of its own with the same fields.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_clone(
    descriptor: Option<&qdq_descriptor>,
    out: Option<&mut MaybeUninit<*mut qdq_descriptor>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_descriptor::new(get(descriptor, "descriptor")?.descriptor.clone()))))
}

/// Frees `*descriptor` and sets it to NULL. NULL in either place is allowed and does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_free(descriptor: Option<&mut *mut qdq_descriptor>) {
    handle::free(descriptor);
}

/// Tells whether the fields go together.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_validate(
    descriptor: Option<&qdq_descriptor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || get(descriptor, "descriptor")?.descriptor.validate())
}

/// Changes one field. A value that no descriptor can have is refused there, where the caller sees which call
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

/// Sets a name for messages; `name` may be NULL for none, the default.
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

/// Sets whether a quantizer gives floats again (true, the default) or integers.
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

/// Sets the axes whose indices keep an amax of their own: `count` numbers, negative ones count from the last
/// axis. `axes` NULL means one amax for the tensor, the default.
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

/// Lets blocks of `size` neighbours along `axis` share an amax, every other axis being kept; the last block
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

/// Sets a fixed amax (f32, finite, not negative) of a shape that groups the data: size 1 in every axis that
/// shares it. The numbers are copied. `amax` NULL means calibrated or dynamic, the default.
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

/// Sets whether training learns amax; only with one amax for the tensor. Default: false.
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

/// Sets a positive factor on amax; 1 is the same as none, the default.
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

/// Sets what calibration observes. Default: QDQ_CALIB_MAX.
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

/// Sets whether integers start at 0, for data without negative values. Default: false.
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

/// Sets whose arithmetic fake quantization follows. Default: QDQ_MODE_REFERENCE.
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

/// The number of bits of the integers; 0 for e4m3 and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_num_bits(descriptor: Option<&qdq_descriptor>) -> u32 {
    match descriptor.map(|descriptor| descriptor.descriptor.num_bits) {
        Some(NumBits::Integer(bits)) => bits,
        _ => 0,
    }
}

/// Whether the format is e4m3.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_is_e4m3(descriptor: Option<&qdq_descriptor>) -> bool {
    descriptor.is_some_and(|descriptor| descriptor.descriptor.num_bits == NumBits::E4M3)
}

/// The name for messages; NULL where there is none. Valid until the name is set again or the descriptor is
/// freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_name(descriptor: Option<&qdq_descriptor>) -> *const c_char {
    let name = descriptor.and_then(|descriptor| descriptor.name.as_ref());
    name.map_or(std::ptr::null(), |name| name.as_ptr())
}

/// Whether a quantizer gives floats again.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_fake_quant(descriptor: Option<&qdq_descriptor>) -> bool {
    descriptor.is_some_and(|descriptor| descriptor.descriptor.fake_quant)
}

/// How many axes keep an amax of their own: 0 for one amax for the tensor.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_axis_count(descriptor: Option<&qdq_descriptor>) -> usize {
    descriptor.and_then(|descriptor| descriptor.descriptor.axis.as_ref()).map_or(0, Vec::len)
}

/// The kept axis at `index`, as it was set; 0 past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_axis_at(descriptor: Option<&qdq_descriptor>, index: usize) -> i32 {
    let axes = descriptor.and_then(|descriptor| descriptor.descriptor.axis.as_ref());
    axes.and_then(|axes| axes.get(index)).map_or(0, |&axis| axis as i32)
}

/// The size of the blocks that share an amax; 0 without blocks.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_block_size(descriptor: Option<&qdq_descriptor>) -> usize {
    descriptor.and_then(|descriptor| descriptor.descriptor.block).map_or(0, |block| block.size)
}

/// The axis along which blocks lie, as it was set; 0 without blocks.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_block_axis(descriptor: Option<&qdq_descriptor>) -> i32 {
    descriptor.and_then(|descriptor| descriptor.descriptor.block).map_or(0, |block| block.axis as i32)
}

/// The fixed amax; `*out` is NULL where there is none. Free it with qdq_array_free().
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

/// Whether training learns amax.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_learn_amax(descriptor: Option<&qdq_descriptor>) -> bool {
    descriptor.is_some_and(|descriptor| descriptor.descriptor.learn_amax)
}

/// The factor on amax; 1 where none is set.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_scale_amax(descriptor: Option<&qdq_descriptor>) -> f32 {
    descriptor.and_then(|descriptor| descriptor.descriptor.scale_amax).unwrap_or(1.0)
}

/// What calibration observes.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_calib_method(descriptor: Option<&qdq_descriptor>) -> qdq_calib_method {
    let method = descriptor.map(|descriptor| descriptor.descriptor.calib_method);
    method.and_then(|method| CALIB_METHODS.number(method)).unwrap_or(QDQ_CALIB_MAX)
}

/// Whether integers start at 0.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_unsigned(descriptor: Option<&qdq_descriptor>) -> bool {
    descriptor.is_some_and(|descriptor| descriptor.descriptor.unsigned)
}

/// Whether the lowest integer is the negative of the highest.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_narrow_range(descriptor: Option<&qdq_descriptor>) -> bool {
    descriptor.is_some_and(|descriptor| descriptor.descriptor.narrow_range)
}

/// Whose arithmetic fake quantization follows.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_descriptor_mode(descriptor: Option<&qdq_descriptor>) -> qdq_mode {
    let mode = descriptor.map(|descriptor| descriptor.descriptor.mode);
    mode.and_then(|mode| MODES.number(mode)).unwrap_or(QDQ_MODE_REFERENCE)
}

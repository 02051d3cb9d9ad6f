//! `qdq_comparison`: a comparison of a float model with its quantized form.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use crate::pipeline::{self, CompareOptions};
use crate::report::compare::{Agreement, Comparison, NamedMetrics};

use super::batches::qdq_batches;
use super::buffer::qdq_buffer;
use super::error::qdq_error;
use super::findings::qdq_findings;
use super::guard::guard;
use super::handle::{self, array, c_text, get, get_mut, give, text_at, texts};
use super::model::qdq_model;
use super::run_options::{Run, qdq_run_options};
use super::status::qdq_status;

/// The differences between a float model and its quantized form on the same data. Tensors are numbered from
/// 0: first the compared outputs, then the activations. Immutable; any number of threads may read one.
pub struct qdq_comparison {
    comparison: Comparison,
    names: Vec<CString>,
}

impl qdq_comparison {
    fn new(comparison: Comparison) -> Self {
        let tensors = comparison.outputs.iter().chain(&comparison.tensors);
        let names = tensors.map(|tensor| c_text(&tensor.name)).collect();
        Self { comparison, names }
    }

    fn tensor(&self, index: usize) -> Option<&NamedMetrics> {
        let Comparison { outputs, tensors, .. } = &self.comparison;
        outputs.get(index).or_else(|| tensors.get(index.checked_sub(outputs.len())?))
    }
}

/// Runs a model and its quantized form over all batches and measures the differences of their outputs. With
/// `every_activation` it also compares every activation that both models have. Only the part of the models
/// that the compared tensors need is run. Free `*out` with qdq_comparison_free().
///
/// `labels` may be NULL. Otherwise it holds the correct class of each of the `label_count` samples. `options`
/// may be NULL.
///
/// Some outputs are left out with a warning: those that hold no tensor of numbers, and those that depend on
/// an operator that no runtime knows, such as a TensorRT plugin. If no floating-point output is left, the
/// function also compares the nearest floating-point tensors from which the outputs are computed.
///
/// Tensors of f16 and bf16 are rounded to their type behind each node, as on a device. The models may have
/// different floating-point types.
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if inputs of the quantized model were fixed (qdq_model_fix_input()) at
/// other values than those of `model` or the batches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_model_compare(
    model: Option<&qdq_model>,
    quantized: Option<&qdq_model>,
    batches: Option<&mut qdq_batches>,
    every_activation: bool,
    labels: *const i64,
    label_count: usize,
    options: Option<&qdq_run_options>,
    out: Option<&mut MaybeUninit<*mut qdq_comparison>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    let outputs = std::ptr::null();
    // SAFETY: the same arguments under the same rules, and no outputs.
    unsafe {
        qdq_model_compare_outputs(
            model,
            quantized,
            batches,
            outputs,
            0,
            every_activation,
            labels,
            label_count,
            options,
            out,
            error,
        )
    }
}

/// Compares the models as qdq_model_compare() does, for chosen tensors: the `output_count` names in `outputs`
/// are outputs or other tensors that both models compute. `outputs` may be NULL if `output_count` is 0; then
/// all outputs are compared. `labels` may be NULL; they belong to the first compared output. `options` may be
/// NULL. Free `*out` with qdq_comparison_free().
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if a name is no such tensor or appears twice; QDQ_ERROR_UNSUPPORTED if
/// a name holds no tensor of numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_model_compare_outputs(
    model: Option<&qdq_model>,
    quantized: Option<&qdq_model>,
    batches: Option<&mut qdq_batches>,
    outputs: *const *const c_char,
    output_count: usize,
    every_activation: bool,
    labels: *const i64,
    label_count: usize,
    options: Option<&qdq_run_options>,
    out: Option<&mut MaybeUninit<*mut qdq_comparison>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let (model, quantized) = (&get(model, "model")?.model, &get(quantized, "quantized")?.model);
            // SAFETY: the header's rules for texts and arrays.
            let outputs = unsafe { texts(outputs, output_count, "outputs") }?;
            // SAFETY: the header's rules for arrays.
            let labels =
                (!labels.is_null()).then(|| unsafe { array(labels, label_count, "labels") }).transpose()?;
            let mut run = Run::new(options);
            let mut source = run.stoppable(get_mut(batches, "batches")?.source.as_mut());
            let compare = CompareOptions {
                runtime: run.runtime.clone(),
                per_tensor: every_activation,
                labels: labels.map(<[i64]>::to_vec),
                outputs,
                stats: None,
            };
            let mut report = |progress| run.report(progress);
            let result = pipeline::compare(model, quantized, &mut source, &compare, &mut report);
            run.end(result).map(qdq_comparison::new)
        })
    })
}

/// Frees `*comparison` and sets it to NULL. Does nothing if `comparison` or `*comparison` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_free(comparison: Option<&mut *mut qdq_comparison>) {
    handle::free(comparison);
}

/// Returns the findings of the comparison: outputs that are not compared, samples that were left out. Free
/// `*out` with qdq_findings_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_findings(
    comparison: Option<&qdq_comparison>,
    out: Option<&mut MaybeUninit<*mut qdq_findings>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_findings::new(&get(comparison, "comparison")?.comparison.findings))))
}

/// Returns the comparison as JSON. Free `*out` with qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_to_json(
    comparison: Option<&qdq_comparison>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || Ok(qdq_buffer::new(get(comparison, "comparison")?.comparison.to_json().to_string())))
    })
}

/// Returns the comparison as tables for people. Free `*out` with qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_to_text(
    comparison: Option<&qdq_comparison>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_buffer::new(get(comparison, "comparison")?.comparison.to_string()))))
}

/// Returns the number of samples that ran through both models.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_samples(comparison: Option<&qdq_comparison>) -> usize {
    comparison.map_or(0, |comparison| comparison.comparison.samples)
}

/// Returns the number of compared outputs.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_output_count(comparison: Option<&qdq_comparison>) -> usize {
    comparison.map_or(0, |comparison| comparison.comparison.outputs.len())
}

/// Returns the number of compared tensors, outputs included.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_count(comparison: Option<&qdq_comparison>) -> usize {
    comparison.map_or(0, |comparison| comparison.names.len())
}

/// Returns the name of tensor `index`; NULL past the last. The text is valid until the comparison is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_name(comparison: Option<&qdq_comparison>, index: usize) -> *const c_char {
    comparison.map_or(std::ptr::null(), |comparison| text_at(&comparison.names, index))
}

/// Returns the signal-to-quantization-noise ratio (SQNR) of tensor `index` in dB, 10 log10(sum x^2 / sum
/// (x - y)^2). It is infinite if the two are equal, and NaN if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_sqnr_db(comparison: Option<&qdq_comparison>, index: usize) -> f64 {
    let tensor = comparison.and_then(|comparison| comparison.tensor(index));
    tensor.and_then(|tensor| tensor.metrics.sqnr_db()).unwrap_or(f64::NAN)
}

/// Returns the cosine between the two forms of tensor `index`; NaN if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_cosine(comparison: Option<&qdq_comparison>, index: usize) -> f64 {
    let tensor = comparison.and_then(|comparison| comparison.tensor(index));
    tensor.and_then(|tensor| tensor.metrics.cosine()).unwrap_or(f64::NAN)
}

/// Returns the largest |x - y| in tensor `index`, in the unit of the tensor; NaN if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_max_error(comparison: Option<&qdq_comparison>, index: usize) -> f64 {
    let tensor = comparison.and_then(|comparison| comparison.tensor(index));
    tensor.and_then(|tensor| tensor.metrics.max_error()).unwrap_or(f64::NAN)
}

/// Returns the mean of |x - y| in tensor `index`, in the unit of the tensor; NaN if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_mean_error(comparison: Option<&qdq_comparison>, index: usize) -> f64 {
    let tensor = comparison.and_then(|comparison| comparison.tensor(index));
    tensor.and_then(|tensor| tensor.metrics.mean_error()).unwrap_or(f64::NAN)
}

/// Returns the number of compared pairs of elements of tensor `index`: pairs of finite values, or of whole
/// numbers or truth values. If it is 0, the tensor has no figures.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_values(comparison: Option<&qdq_comparison>, index: usize) -> u64 {
    comparison.and_then(|comparison| comparison.tensor(index)).map_or(0, |tensor| tensor.metrics.count())
}

/// Returns the share of equal elements of tensor `index`, 0 to 1, if it holds whole numbers or truth values,
/// which have no other figure; NaN for floating-point numbers.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_equal(comparison: Option<&qdq_comparison>, index: usize) -> f64 {
    let tensor = comparison.and_then(|comparison| comparison.tensor(index));
    tensor.and_then(|tensor| tensor.metrics.equal()).unwrap_or(f64::NAN)
}

/// Returns the number of pairs of tensor `index` in which one side has an infinity or a NaN that the other
/// side does not have. The figures leave out these pairs.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_non_finite(comparison: Option<&qdq_comparison>, index: usize) -> u64 {
    comparison.and_then(|comparison| comparison.tensor(index)).map_or(0, |tensor| tensor.metrics.non_finite())
}

/// Returns whether the SQNR of tensor `index` is at least `min_db`, at least one pair was compared, and no
/// infinity or NaN is on one side only: an acceptance test for outputs. Returns false past the last, and for
/// whole numbers and truth values, which have no SQNR.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_reaches(
    comparison: Option<&qdq_comparison>,
    index: usize,
    min_db: f64,
) -> bool {
    let tensor = comparison.and_then(|comparison| comparison.tensor(index));
    tensor.is_some_and(|tensor| tensor.metrics.reaches(min_db))
}

/// Returns the share of the samples for which both models choose the same class, 0 to 1. Returns NaN if the
/// first output is not [samples, classes], or if neither labels nor a preceding softmax indicate that it
/// holds class scores.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_top1(comparison: Option<&qdq_comparison>) -> f64 {
    comparison.and_then(|comparison| comparison.comparison.agreement.top1()).unwrap_or(f64::NAN)
}

/// Returns the accuracy of the float model, 0 to 1; NaN without labels.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_float_accuracy(comparison: Option<&qdq_comparison>) -> f64 {
    let accuracy = comparison.and_then(|comparison| comparison.comparison.agreement.accuracy());
    accuracy.map_or(f64::NAN, |(float, _)| float)
}

/// Returns the accuracy of the quantized model, 0 to 1; NaN without labels.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_quantized_accuracy(comparison: Option<&qdq_comparison>) -> f64 {
    let accuracy = comparison.and_then(|comparison| comparison.comparison.agreement.accuracy());
    accuracy.map_or(f64::NAN, |(_, quantized)| quantized)
}

fn agreement(comparison: Option<&qdq_comparison>, count: impl FnOnce(&Agreement) -> u64) -> u64 {
    comparison.map_or(0, |comparison| count(&comparison.comparison.agreement))
}

/// Returns the number of samples for which the classes of both models were compared; 0 if
/// qdq_comparison_top1() is NaN.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_classified(comparison: Option<&qdq_comparison>) -> u64 {
    agreement(comparison, |agreement| agreement.samples)
}

/// Returns the number of samples for which both models chose the same class.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_same_class(comparison: Option<&qdq_comparison>) -> u64 {
    agreement(comparison, |agreement| agreement.same)
}

/// Returns the number of samples that have a label.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_labelled(comparison: Option<&qdq_comparison>) -> u64 {
    agreement(comparison, |agreement| agreement.labelled)
}

/// Returns the number of labelled samples that the float model classified correctly.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_float_right(comparison: Option<&qdq_comparison>) -> u64 {
    agreement(comparison, |agreement| agreement.float_right)
}

/// Returns the number of labelled samples that the quantized model classified correctly.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_quantized_right(comparison: Option<&qdq_comparison>) -> u64 {
    agreement(comparison, |agreement| agreement.quantized_right)
}

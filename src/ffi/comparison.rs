//! `qdq_comparison`: a float model beside its quantized form.

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

/// How far a quantized model is from its float model on the same data. Tensors are numbered from 0: the
/// outputs that were compared, then the activations. Immutable; any number of threads may read one.
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

/// Runs a model and its quantized form over all batches and measures how far apart they are; with
/// `every_activation` on every activation that both have, not only on the outputs. Only what is compared is
/// run. Outputs that hold no tensor of numbers or lie behind an operator that no runtime knows, such as a
/// plugin of TensorRT, are left out with a warning; where no floating-point output is left, the nearest
/// floating-point tensors that the outputs are computed from are compared as well. `labels`, which may be
/// NULL, holds the right class of each of the `label_count` samples. `options` may be NULL.
/// QDQ_ERROR_INVALID_ARGUMENT where inputs of the quantized model were fixed (qdq_model_fix_input()) at other
/// values than `model` or the batches have. Free `*out` with qdq_comparison_free().
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

/// As qdq_model_compare(), for the `output_count` outputs named in `outputs`, or other tensors that both
/// models compute. `outputs` may be NULL if `output_count` is 0, for all outputs. `labels`, which may be
/// NULL, belong to the first of them; `options` may be NULL. QDQ_ERROR_INVALID_ARGUMENT where a name is no
/// such tensor or comes twice, QDQ_ERROR_UNSUPPORTED where it holds no tensor of numbers. Free `*out` with
/// qdq_comparison_free().
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
            };
            let mut report = |progress| run.report(progress);
            let result = pipeline::compare(model, quantized, &mut source, &compare, &mut report);
            run.end(result).map(qdq_comparison::new)
        })
    })
}

/// Frees `*comparison` and sets it to NULL. NULL in either place is allowed and does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_free(comparison: Option<&mut *mut qdq_comparison>) {
    handle::free(comparison);
}

/// What the user must know of the comparison: outputs that are not compared, samples that were left out. Free
/// `*out` with qdq_findings_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_findings(
    comparison: Option<&qdq_comparison>,
    out: Option<&mut MaybeUninit<*mut qdq_findings>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_findings::new(&get(comparison, "comparison")?.comparison.findings))))
}

/// The comparison as JSON. Free `*out` with qdq_buffer_free().
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

/// The comparison as tables for people. Free `*out` with qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_to_text(
    comparison: Option<&qdq_comparison>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_buffer::new(get(comparison, "comparison")?.comparison.to_string()))))
}

/// How many samples ran through both.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_samples(comparison: Option<&qdq_comparison>) -> usize {
    comparison.map_or(0, |comparison| comparison.comparison.samples)
}

/// How many outputs were compared.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_output_count(comparison: Option<&qdq_comparison>) -> usize {
    comparison.map_or(0, |comparison| comparison.comparison.outputs.len())
}

/// How many tensors were compared, outputs included.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_count(comparison: Option<&qdq_comparison>) -> usize {
    comparison.map_or(0, |comparison| comparison.names.len())
}

/// The name of tensor `index`; NULL past the last. Valid until the comparison is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_name(comparison: Option<&qdq_comparison>, index: usize) -> *const c_char {
    comparison.map_or(std::ptr::null(), |comparison| text_at(&comparison.names, index))
}

/// The signal-to-quantization-noise ratio of tensor `index` in dB, 10 log10(sum x^2 / sum (x - y)^2),
/// infinite where the two are equal; NaN where there is none.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_sqnr_db(comparison: Option<&qdq_comparison>, index: usize) -> f64 {
    let tensor = comparison.and_then(|comparison| comparison.tensor(index));
    tensor.and_then(|tensor| tensor.metrics.sqnr_db()).unwrap_or(f64::NAN)
}

/// The cosine between the two forms of tensor `index`; NaN where there is none.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_cosine(comparison: Option<&qdq_comparison>, index: usize) -> f64 {
    let tensor = comparison.and_then(|comparison| comparison.tensor(index));
    tensor.and_then(|tensor| tensor.metrics.cosine()).unwrap_or(f64::NAN)
}

/// The largest |x - y| in tensor `index`, in the tensor's unit; NaN where there is none.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_max_error(comparison: Option<&qdq_comparison>, index: usize) -> f64 {
    let tensor = comparison.and_then(|comparison| comparison.tensor(index));
    tensor.and_then(|tensor| tensor.metrics.max_error()).unwrap_or(f64::NAN)
}

/// The mean of |x - y| in tensor `index`, in the tensor's unit; NaN where there is none.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_mean_error(comparison: Option<&qdq_comparison>, index: usize) -> f64 {
    let tensor = comparison.and_then(|comparison| comparison.tensor(index));
    tensor.and_then(|tensor| tensor.metrics.mean_error()).unwrap_or(f64::NAN)
}

/// How many pairs of tensor `index` were compared: of finite values, or of whole numbers or truth values;
/// where it is 0 there are no figures.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_values(comparison: Option<&qdq_comparison>, index: usize) -> u64 {
    comparison.and_then(|comparison| comparison.tensor(index)).map_or(0, |tensor| tensor.metrics.count())
}

/// The share of equal elements of tensor `index`, 0 to 1, where it holds whole numbers or truth values, which
/// have no other figure; NaN for floating-point numbers.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_equal(comparison: Option<&qdq_comparison>, index: usize) -> f64 {
    let tensor = comparison.and_then(|comparison| comparison.tensor(index));
    tensor.and_then(|tensor| tensor.metrics.equal()).unwrap_or(f64::NAN)
}

/// How many pairs of tensor `index` have an infinity or a NaN on one side that the other side does not have.
/// They are left out of the figures.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_non_finite(comparison: Option<&qdq_comparison>, index: usize) -> u64 {
    comparison.and_then(|comparison| comparison.tensor(index)).map_or(0, |tensor| tensor.metrics.non_finite())
}

/// Whether the SQNR of tensor `index` is `min_db` or more, with something compared and nothing infinite or
/// NaN on one side only: a gate for outputs. False past the last, and for whole numbers and truth values,
/// which have no SQNR.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_reaches(
    comparison: Option<&qdq_comparison>,
    index: usize,
    min_db: f64,
) -> bool {
    let tensor = comparison.and_then(|comparison| comparison.tensor(index));
    tensor.is_some_and(|tensor| tensor.metrics.reaches(min_db))
}

/// The part of the samples for which both models choose the same class, 0 to 1; NaN where the first output is
/// no [samples, classes], or neither labels nor a softmax before it say that it holds scores of classes.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_top1(comparison: Option<&qdq_comparison>) -> f64 {
    comparison.and_then(|comparison| comparison.comparison.agreement.top1()).unwrap_or(f64::NAN)
}

/// The accuracy of the float model, 0 to 1; NaN without labels.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_float_accuracy(comparison: Option<&qdq_comparison>) -> f64 {
    let accuracy = comparison.and_then(|comparison| comparison.comparison.agreement.accuracy());
    accuracy.map_or(f64::NAN, |(float, _)| float)
}

/// The accuracy of the quantized model, 0 to 1; NaN without labels.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_quantized_accuracy(comparison: Option<&qdq_comparison>) -> f64 {
    let accuracy = comparison.and_then(|comparison| comparison.comparison.agreement.accuracy());
    accuracy.map_or(f64::NAN, |(_, quantized)| quantized)
}

fn agreement(comparison: Option<&qdq_comparison>, count: impl FnOnce(&Agreement) -> u64) -> u64 {
    comparison.map_or(0, |comparison| count(&comparison.comparison.agreement))
}

/// How many samples both models were asked for the class of; 0 where qdq_comparison_top1() is NaN.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_classified(comparison: Option<&qdq_comparison>) -> u64 {
    agreement(comparison, |agreement| agreement.samples)
}

/// For how many of those both chose the same class.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_same_class(comparison: Option<&qdq_comparison>) -> u64 {
    agreement(comparison, |agreement| agreement.same)
}

/// How many samples have a label.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_labelled(comparison: Option<&qdq_comparison>) -> u64 {
    agreement(comparison, |agreement| agreement.labelled)
}

/// How many of those the float model classified rightly.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_float_right(comparison: Option<&qdq_comparison>) -> u64 {
    agreement(comparison, |agreement| agreement.float_right)
}

/// How many of those the quantized model classified rightly.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_comparison_quantized_right(comparison: Option<&qdq_comparison>) -> u64 {
    agreement(comparison, |agreement| agreement.quantized_right)
}

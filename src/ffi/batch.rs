//! `qdq_batch`: named tensors, such as one for every input.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use crate::batch::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Tensor;

use super::error::qdq_error;
use super::guard::{constructed, guard};
use super::handle::{self, c_text, get, get_mut, put, text};
use super::status::qdq_status;
use super::tensor::{borrowed, checked, qdq_tensor, sizes};

/// One batch: named tensors, such as one for every input of a network. It comes from a stream of batches or a
/// session, or the caller or a callback fills it.
#[derive(Default)]
pub struct qdq_batch {
    pub(super) batch: Batch,
    /// The names and shapes of the tensors for C.
    labels: Vec<(CString, Vec<i64>)>,
    /// Whether the batch is only lent to a callback, which must not free it.
    is_lent: bool,
}

fn label(name: &str, tensor: &Tensor) -> (CString, Vec<i64>) {
    (c_text(name), sizes(tensor.shape()))
}

impl qdq_batch {
    pub(super) fn new(batch: Batch) -> Self {
        let labels = batch.inputs.iter().map(|(name, tensor)| label(name, tensor)).collect();
        Self { batch, labels, is_lent: false }
    }

    /// Returns an empty batch for a callback to fill.
    pub(super) fn lent() -> Self {
        Self { is_lent: true, ..Self::default() }
    }

    /// Returns the tensors that a callback has set; `None` at the end of the data.
    pub(super) fn into_inputs(self) -> Option<Vec<(String, Tensor)>> {
        (!self.batch.inputs.is_empty()).then_some(self.batch.inputs)
    }
}

/// Returns a batch without tensors, for qdq_session_run(). Free it with qdq_batch_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_batch_new() -> *mut qdq_batch {
    constructed(qdq_batch::default)
}

/// Frees `*batch` and sets it to NULL. Does nothing if `batch` or `*batch` is NULL. The batch that a callback
/// receives belongs to qdq and is valid during the call; this function does not free it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_batch_free(batch: Option<&mut *mut qdq_batch>) {
    // SAFETY: the header's rules for handles.
    match batch {
        Some(batch) if unsafe { batch.as_ref() }.is_some_and(|batch| batch.is_lent) => {
            *batch = std::ptr::null_mut()
        }
        batch => handle::free(batch),
    }
}

/// Sets the tensor `name`, such as the value of an input, and replaces an earlier one. The elements are
/// copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_batch_set(
    batch: Option<&mut qdq_batch>,
    name: *const c_char,
    tensor: Option<&qdq_tensor>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || -> Result<()> {
        let batch = get_mut(batch, "batch")?;
        // SAFETY: the header's rules for texts and tensors.
        let (name, tensor) = unsafe { (text(name, "name")?, checked(tensor, "tensor")?.to_owned()?) };
        let label = label(&name, &tensor);
        if let Some(index) = batch.batch.inputs.iter().position(|(known, _)| *known == name) {
            batch.batch.inputs.remove(index);
            batch.labels.remove(index);
        }
        batch.batch.inputs.push((name, tensor));
        batch.labels.push(label);
        Ok(())
    })
}

/// Returns the number of samples in the batch, without repeats; 0 if a callback or the caller fills the
/// batch.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_batch_samples(batch: Option<&qdq_batch>) -> usize {
    batch.map_or(0, |batch| batch.batch.samples)
}

/// Returns the number of repeats that follow the samples in every tensor. If the model's batch size is fixed,
/// repeats fill the last batch from files. Calibration leaves out their results.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_batch_repeats(batch: Option<&qdq_batch>) -> usize {
    batch.map_or(0, |batch| batch.batch.repeats)
}

/// Returns the number of tensors.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_batch_count(batch: Option<&qdq_batch>) -> usize {
    batch.map_or(0, |batch| batch.labels.len())
}

/// Returns the name of tensor `index`; NULL past the last. The text is valid until the batch is changed or
/// freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_batch_name(batch: Option<&qdq_batch>, index: usize) -> *const c_char {
    batch.and_then(|batch| batch.labels.get(index)).map_or(std::ptr::null(), |(name, _)| name.as_ptr())
}

fn view(batch: &qdq_batch, index: usize) -> Option<qdq_tensor> {
    let ((_, tensor), (_, sizes)) = batch.batch.inputs.get(index).zip(batch.labels.get(index))?;
    Some(borrowed(tensor.view(), sizes))
}

/// Returns a view of tensor `index`. It is valid until the batch is changed or freed. Do not write through
/// it.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_batch_at(
    batch: Option<&qdq_batch>,
    index: usize,
    out: Option<&mut MaybeUninit<qdq_tensor>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let batch = get(batch, "batch")?;
        let found = view(batch, index).ok_or_else(|| {
            let message = format!("the batch has no tensor {index}, only {}", batch.labels.len());
            Error::new(ErrorKind::InvalidArgument, message)
        })?;
        put(out, found)
    })
}

/// Returns a view of tensor `name`, like that of qdq_batch_at(). Returns QDQ_ERROR_DATA if the batch has no
/// such tensor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_batch_get(
    batch: Option<&qdq_batch>,
    name: *const c_char,
    out: Option<&mut MaybeUninit<qdq_tensor>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let batch = get(batch, "batch")?;
        // SAFETY: the header's rules for texts.
        let name = unsafe { text(name, "name") }?;
        let index = batch.batch.inputs.iter().position(|(known, _)| *known == name);
        let found = index.and_then(|index| view(batch, index)).ok_or_else(|| {
            Error::new(ErrorKind::Data, format!("the batch has no tensor '{name}'"))
                .with_remedy("see which names there are")
        })?;
        put(out, found)
    })
}

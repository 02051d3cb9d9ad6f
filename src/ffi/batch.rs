//! `qdq_batch`: a tensor for every input.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use crate::batch::Batch;
use crate::error::Result;
use crate::tensor::Tensor;

use super::dtype::number_of;
use super::error::qdq_error;
use super::guard::guard;
use super::handle::{self, c_text, get, get_mut, put, text, text_at};
use super::status::qdq_status;
use super::tensor::{QDQ_DEVICE_CPU, checked, qdq_tensor};

/// One batch: a tensor for every input of a network. A batch source hands it out, or its callback fills it.
#[derive(Default)]
pub struct qdq_batch {
    samples: usize,
    entries: Vec<Entry>,
    /// Whether it is only lent to a callback, which must not free it.
    is_lent: bool,
}

struct Entry {
    name: String,
    name_for_c: CString,
    tensor: Tensor,
    shape: Vec<i64>,
}

impl Entry {
    fn new(name: String, tensor: Tensor) -> Self {
        let shape = tensor.shape().iter().map(|&size| size as i64).collect();
        Self { name_for_c: c_text(&name), name, tensor, shape }
    }
}

impl qdq_batch {
    pub(super) fn new(batch: Batch) -> Self {
        let entries = batch.inputs.into_iter().map(|(name, tensor)| Entry::new(name, tensor)).collect();
        Self { samples: batch.samples, entries, is_lent: false }
    }

    /// An empty batch for a callback to fill.
    pub(super) fn lent() -> Self {
        Self { is_lent: true, ..Self::default() }
    }

    /// What a callback has put in: nothing at the end of the data.
    pub(super) fn into_inputs(self) -> Option<Vec<(String, Tensor)>> {
        let inputs: Vec<_> = self.entries.into_iter().map(|entry| (entry.name, entry.tensor)).collect();
        (!inputs.is_empty()).then_some(inputs)
    }
}

/// Frees `*batch` and sets it to NULL. NULL in either place is allowed and does nothing. The batch that a callback is given
/// belongs to qdq, is valid during the call, and is not freed by this.
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

/// Sets the tensor of the input `name`, in place of one that was set before. The elements are copied.
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
        batch.entries.retain(|entry| entry.name != name);
        batch.entries.push(Entry::new(name, tensor));
        Ok(())
    })
}

/// How many samples the batch holds; 0 for one that a callback is filling.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_batch_samples(batch: Option<&qdq_batch>) -> usize {
    batch.map_or(0, |batch| batch.samples)
}

/// How many tensors there are.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_batch_count(batch: Option<&qdq_batch>) -> usize {
    batch.map_or(0, |batch| batch.entries.len())
}

/// The name of the input that tensor `index` is for; NULL past the last. Valid until the batch is changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_batch_name(batch: Option<&qdq_batch>, index: usize) -> *const c_char {
    let entry = batch.and_then(|batch| batch.entries.get(index));
    entry.map_or(std::ptr::null(), |entry| text_at(std::slice::from_ref(&entry.name_for_c), 0))
}

/// Tensor `index`: a view that is valid until the batch is changed or freed. Nothing may be written through it.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_batch_tensor(
    batch: Option<&qdq_batch>,
    index: usize,
    out: Option<&mut MaybeUninit<qdq_tensor>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    use crate::error::{Error, ErrorKind};
    guard(error, || {
        let batch = get(batch, "batch")?;
        let entry = batch.entries.get(index).ok_or_else(|| {
            let message = format!("the batch has no tensor {index}, only {}", batch.entries.len());
            Error::new(ErrorKind::InvalidArgument, message)
        })?;
        put(
            out,
            qdq_tensor {
                data: entry.tensor.view().data().as_bytes().as_ptr().cast_mut().cast(),
                device_type: QDQ_DEVICE_CPU,
                device_id: 0,
                ndim: entry.shape.len() as i32,
                dtype: number_of(Some(entry.tensor.dtype())),
                shape: entry.shape.as_ptr(),
                strides: std::ptr::null(),
                byte_offset: 0,
            },
        )
    })
}

//! `qdq_batches`: the source of batches.

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::path::PathBuf;

use crate::batch::{self, BatchSource};
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Tensor;

use super::batch::qdq_batch;
use super::callback::{User, outcome, qdq_free_fn};
use super::data_options::qdq_data_options;
use super::error::qdq_error;
use super::findings::qdq_findings;
use super::guard::guard;
use super::handle::{self, array, get, get_mut, give, give_or_null};
use super::specs::qdq_specs;
use super::status::qdq_status;

/// A stream of batches from files or from a callback. It can be read once.
pub struct qdq_batches {
    pub(super) source: Box<dyn BatchSource>,
}

/// Produces the next batch. The callback fills `batch` by qdq_batch_set(), one tensor for every input, with
/// the samples along the first axis, and returns QDQ_OK. If it returns QDQ_OK without setting a tensor, the
/// data ends. If it returns any other status, the run ends with that status. The callback may then set
/// `*error`, which is NULL at first, to an error from qdq_error_new() with the reason.
///
/// qdq calls it on the thread that asks for the batch, one call at a time. It must not leave by an exception
/// or longjmp.
pub type qdq_next_batch_fn = Option<
    unsafe extern "C" fn(user: *mut c_void, batch: *mut qdq_batch, error: *mut *mut qdq_error) -> qdq_status,
>;

/// Opens calibration data from files, for a network with these inputs. `paths` holds `count` paths of files
/// (.npz, .npy, raw, images in JPEG, PNG, BMP, GIF, WebP, TIFF or PNM) or of folders. "NAME=PATH" names the
/// input that the path feeds. `options` may be NULL. Free `*out` with qdq_batches_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_batches_open(
    inputs: Option<&qdq_specs>,
    paths: *const *const c_char,
    count: usize,
    options: Option<&qdq_data_options>,
    out: Option<&mut MaybeUninit<*mut qdq_batches>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let inputs = get(inputs, "inputs")?;
            // SAFETY: the header's rules for texts and arrays.
            let paths = unsafe { array(paths, count, "paths") }?;
            // SAFETY: as above.
            let paths = paths.iter().map(|&path| unsafe { handle::path(path, "paths") });
            let paths: Vec<PathBuf> = paths.collect::<Result<_>>()?;
            if paths.is_empty() {
                return Err(Error::new(ErrorKind::InvalidArgument, "no path of calibration data")
                    .with_remedy("give at least one file or folder"));
            }
            let options = options.map(|options| options.options.clone()).unwrap_or_default();
            Ok(qdq_batches { source: batch::open(&paths, &inputs.specs, &options)? })
        })
    })
}

/// Makes a stream of batches from a callback, for a network with these inputs. Every batch is checked against
/// the inputs; floating-point tensors are rounded to the types of the inputs. Free `*out` with
/// qdq_batches_free().
///
/// `free_user` may be NULL. Otherwise it is called once with `user`: when the stream is freed, or before this
/// function returns with an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_batches_from_callback(
    inputs: Option<&qdq_specs>,
    next: qdq_next_batch_fn,
    user: *mut c_void,
    free_user: qdq_free_fn,
    out: Option<&mut MaybeUninit<*mut qdq_batches>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    let user = User::new(user, free_user);
    guard(error, || {
        give(out, || {
            let inputs = get(inputs, "inputs")?;
            let next = next.ok_or_else(|| handle::null("next"))?;
            let next_batch = move || -> Result<Option<Vec<(String, Tensor)>>> {
                let mut batch = qdq_batch::lent();
                outcome("the batch callback", |error| {
                    // SAFETY: the header's rules for callbacks.
                    unsafe { next(user.pointer(), &raw mut batch, error) }
                })?;
                Ok(batch.into_inputs())
            };
            Ok(qdq_batches { source: Box::new(batch::from_fn(&inputs.specs, next_batch)) })
        })
    })
}

/// Frees `*batches` and sets it to NULL. Does nothing if `batches` or `*batches` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_batches_free(batches: Option<&mut *mut qdq_batches>) {
    handle::free(batches);
}

/// Returns the findings of the data that was read so far: files and samples that were left out. Free `*out`
/// with qdq_findings_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_batches_findings(
    batches: Option<&qdq_batches>,
    out: Option<&mut MaybeUninit<*mut qdq_findings>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || Ok(qdq_findings::new(&get(batches, "batches")?.source.findings()))))
}

/// Returns the next batch; `*out` is NULL after the last. After an error there are no more batches. Free
/// `*out` with qdq_batch_free().
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if the function is called again after the end, because batches can be
/// read only once. Every run over such a stream fails in the same way.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_batches_next(
    batches: Option<&mut qdq_batches>,
    out: Option<&mut MaybeUninit<*mut qdq_batch>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_or_null(out, || Ok(get_mut(batches, "batches")?.source.next_batch()?.map(qdq_batch::new)))
    })
}

/// Returns the number of remaining batches; -1 if it is not known.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_batches_remaining(batches: Option<&mut qdq_batches>) -> i64 {
    batches.and_then(|batches| batches.source.remaining()).map_or(-1, |remaining| remaining as i64)
}

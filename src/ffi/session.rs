//! `qdq_session`: a model that is ready to run.

use std::ffi::{CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::batch::Batch;
use crate::error::Result;
use crate::runtime::{self, Runtime, Tap};
use crate::tensor::{Tensor, TensorView};

use super::batch::qdq_batch;
use super::callback::{User, outcome, qdq_free_fn};
use super::error::qdq_error;
use super::guard::guard;
use super::handle::{self, c_text, get, get_mut, give, give_wanted, texts};
use super::model::qdq_model;
use super::run_options::qdq_run_options;
use super::status::qdq_status;
use super::tensor::{borrowed, qdq_tensor, sizes};

/// Receives a tapped tensor as soon as the runtime has computed it. `tap` is its position in the list of taps
/// of the session. `value` is a view (f32, f16, bf16 or f64) that is valid during the call; do not write
/// through it. If the callback returns QDQ_OK, the run goes on. If it returns any other status, the run ends
/// with that status. The callback may then set `*error`, which is NULL at first, to an error from
/// qdq_error_new() with the reason.
///
/// qdq calls it on threads of the runtime, on several at the same time. It must not leave by an exception or
/// longjmp.
pub type qdq_tap_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        tap: usize,
        value: *const qdq_tensor,
        error: *mut *mut qdq_error,
    ) -> qdq_status,
>;

/// A model that is ready to run, in the chosen runtime. It runs one batch at a time. Do not change the
/// model's files in place as long as the session exists.
pub struct qdq_session {
    runtime: Mutex<Box<dyn Runtime>>,
    outputs: Vec<String>,
    taps: Vec<String>,
    tapped: Arc<Tapped>,
    description: CString,
}

/// The receiver of the activations from the runtime.
struct Tapped {
    call: qdq_tap_fn,
    user: User,
    /// Whether the current run keeps copies.
    is_keeping: AtomicBool,
    copies: Mutex<Vec<Option<Tensor>>>,
}

impl Tap for Tapped {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        if self.is_keeping.load(Ordering::Relaxed) {
            self.copies.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(value.to_owned());
        }
        let Some(call) = self.call else { return Ok(()) };
        let sizes = sizes(value.shape());
        let tensor = borrowed(value, &sizes);
        outcome("the tap callback", |error| {
            // SAFETY: the header's rules for callbacks.
            unsafe { call(self.user.pointer(), index, &raw const tensor, error) }
        })
    }
}

/// Makes a model ready to run, with the runtime, library and threads of `options`. `options` may be NULL for
/// the embedded runtime; its progress callback and its cancel switch are ignored. The session does not depend
/// on the model's handle. Free `*out` with qdq_session_free().
///
/// `taps` holds the names of `tap_count` tensors. Inputs, activations and outputs can be tapped, but
/// constants are not passed to the callback. A name that is no tensor of the model or appears twice is an
/// error.
///
/// `tap` may be NULL. Otherwise each run calls it once for every tapped tensor that the run computes and that
/// holds floating-point numbers. A tensor inside an If has no elements if its branch is not taken. For a
/// tensor in the body of a Loop or Scan there is one call for all iterations: the iterations are the first
/// axis, or the elements of all iterations are in one axis.
///
/// `free_user` may be NULL. Otherwise it is called once with `user`: when the session is freed, or before
/// this function returns with an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_session_open(
    model: Option<&qdq_model>,
    taps: *const *const c_char,
    tap_count: usize,
    tap: qdq_tap_fn,
    user: *mut c_void,
    free_user: qdq_free_fn,
    options: Option<&qdq_run_options>,
    out: Option<&mut MaybeUninit<*mut qdq_session>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    let user = User::new(user, free_user);
    guard(error, || {
        give(out, || {
            let model = &get(model, "model")?.model;
            // SAFETY: the header's rules for texts and arrays.
            let taps = unsafe { texts(taps, tap_count, "taps") }?;
            let copies = Mutex::new(vec![None; taps.len()]);
            let tapped = Arc::new(Tapped { call: tap, user, is_keeping: AtomicBool::new(false), copies });
            let options = options.map(|options| options.runtime.clone()).unwrap_or_default();
            let runtime = runtime::open(model, &taps, tapped.clone(), &options)?;
            Ok(qdq_session {
                description: c_text(&runtime.describe()),
                runtime: Mutex::new(runtime),
                outputs: model.outputs().into_iter().map(|output| output.name).collect(),
                taps,
                tapped,
            })
        })
    })
}

/// Frees `*session` and sets it to NULL. Does nothing if `session` or `*session` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_session_free(session: Option<&mut *mut qdq_session>) {
    handle::free(session);
}

/// Returns the name and version of the runtime that runs the model, such as "ONNX Runtime 1.24.1", for
/// people; NULL for NULL. The text is valid until the session is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_session_runtime(session: Option<&qdq_session>) -> *const c_char {
    session.map_or(std::ptr::null(), |session| session.description.as_ptr())
}

/// Runs a batch with one tensor for every input of the model. `*out` receives the model's outputs by name, in
/// order. `tapped` may be NULL. Otherwise `*tapped` receives copies of the tapped tensors that the run
/// computed, in the order of the taps. Free both with qdq_batch_free().
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT, QDQ_ERROR_TYPE or QDQ_ERROR_SHAPE if the batch does not fit the
/// model's inputs; the status that the tap callback returned; QDQ_ERROR_RUNTIME if the runtime failed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_session_run(
    session: Option<&mut qdq_session>,
    batch: Option<&qdq_batch>,
    out: Option<&mut MaybeUninit<*mut qdq_batch>>,
    tapped: Option<&mut MaybeUninit<*mut qdq_batch>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let is_keeping = tapped.is_some();
        give_wanted(tapped, || {
            let mut copies = None;
            give(out, || {
                let (session, batch) = (get_mut(session, "session")?, &get(batch, "batch")?.batch);
                let outputs = session.run(batch, is_keeping)?;
                copies = is_keeping.then(|| session.take_copies(batch));
                let inputs = session.outputs.iter().cloned().zip(outputs).collect();
                Ok(qdq_batch::new(Batch { inputs, ..*batch }))
            })?;
            Ok(copies)
        })
    })
}

impl qdq_session {
    fn run(&mut self, batch: &Batch, is_keeping: bool) -> Result<Vec<Tensor>> {
        // Drop the copies that a failed run has left.
        self.tapped.copies.lock().unwrap_or_else(PoisonError::into_inner).fill(None);
        self.tapped.is_keeping.store(is_keeping, Ordering::Relaxed);
        self.runtime.get_mut().unwrap_or_else(PoisonError::into_inner).run(batch)
    }

    fn take_copies(&self, batch: &Batch) -> qdq_batch {
        let mut copies = self.tapped.copies.lock().unwrap_or_else(PoisonError::into_inner);
        let copies = self.taps.iter().zip(copies.iter_mut());
        let inputs = copies.filter_map(|(name, copy)| Some((name.clone(), copy.take()?))).collect();
        qdq_batch::new(Batch { inputs, ..*batch })
    }
}

//! `qdq_session`: a model made ready to run.

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

/// Receives a tapped tensor as soon as the runtime has computed it: `tap` is its position in the list of taps
/// that the session was opened with, `value` a view (f32, f16, bf16 or f64) that is valid during the call and
/// must not be written through. Returning QDQ_OK goes on. Any other status ends the run with that status;
/// `*error`, which is NULL at first, may be set to an error from qdq_error_new() that says why.
///
/// Called from the runtime's threads, from several at once. It must not return by an exception or longjmp.
pub type qdq_tap_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        tap: usize,
        value: *const qdq_tensor,
        error: *mut *mut qdq_error,
    ) -> qdq_status,
>;

/// A model that is ready to run, in the runtime that was asked for. It runs one batch at a time. The files of
/// the model must not be changed in place while it lives.
pub struct qdq_session {
    runtime: Mutex<Box<dyn Runtime>>,
    outputs: Vec<String>,
    taps: Vec<String>,
    tapped: Arc<Tapped>,
    description: CString,
}

/// Where the runtime hands its activations to.
struct Tapped {
    call: qdq_tap_fn,
    user: User,
    /// Whether the run that is under way keeps copies.
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

/// Makes a model ready to run, by the runtime, library and threads of `options`, which may be NULL for the
/// embedded runtime; who is told about progress and the switch that stops runs play no part. The session
/// keeps nothing of the model's handle.
///
/// While it runs, `tap`, which may be NULL, is called once for every one of the `tap_count` tensors named in
/// `taps` that the run computes and whose elements are floating-point numbers. Inputs, activations and
/// outputs can be tapped; constants are not handed over. A tensor inside an If is handed over without
/// elements where its branch is not taken; one in the body of a Loop or Scan once for all rounds, which are
/// the first axis, or the elements of all rounds in one axis. A tap that names no tensor of the model or is
/// named twice is an error. `free_user`, which may be NULL, is called once with `user`: when the session is
/// freed, or before this function returns with an error. Free `*out` with qdq_session_free().
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

/// Frees `*session` and sets it to NULL. NULL in either place is allowed and does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_session_free(session: Option<&mut *mut qdq_session>) {
    handle::free(session);
}

/// The runtime that runs the model and its version, such as "ONNX Runtime 1.24.1", for people. Valid until
/// the session is freed; NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_session_runtime(session: Option<&qdq_session>) -> *const c_char {
    session.map_or(std::ptr::null(), |session| session.description.as_ptr())
}

/// Runs a batch with one tensor for every input of the model. `*out` receives the model's outputs by name, in
/// order; `tapped`, which may be NULL, copies of the tapped tensors that the run computed, in the order of
/// the taps. Free both with qdq_batch_free().
///
/// QDQ_ERROR_INVALID_ARGUMENT, QDQ_ERROR_TYPE or QDQ_ERROR_SHAPE where the batch does not fit the model's
/// inputs, what the tap callback returned, QDQ_ERROR_RUNTIME where the runtime failed.
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
        // What a run that failed has left.
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

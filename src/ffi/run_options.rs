//! `qdq_run_options`: the options for running a model over data.

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::ops::{ControlFlow, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::batch::{Batch, BatchSource};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::Finding;
use crate::pipeline::Progress;
use crate::runtime::{RuntimeKind, RuntimeOptions};

use super::callback::{User, outcome, qdq_free_fn};
use super::cancel::qdq_cancel;
use super::error::qdq_error;
use super::guard::{constructed, guard};
use super::handle::{self, get_mut};
use super::number_set::NumberSet;
use super::status::qdq_status;

/// Receives the progress of a run after every batch: the finished batches and samples, and the number of all
/// batches or -1 if it is not known. If the callback returns QDQ_OK, the run goes on. If it returns any other
/// status, such as QDQ_ERROR_CANCELLED, the run ends with that status. The callback may then set `*error`,
/// which is NULL at first, to an error from qdq_error_new() with the reason.
///
/// qdq calls it on the thread that runs the model. It must not leave by an exception or longjmp.
pub type qdq_progress_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        batches: u64,
        samples: u64,
        total_batches: i64,
        error: *mut *mut qdq_error,
    ) -> qdq_status,
>;

/// The options for running a model over data: the runtime, the progress callback, and the cancel switch.
pub struct qdq_run_options {
    pub(super) runtime: RuntimeOptions,
    progress: qdq_progress_fn,
    user: User,
    cancel: Option<Arc<AtomicBool>>,
}

/// The runtime that runs a model: one of the QDQ_RUNTIME_ numbers.
pub type qdq_runtime = i32;

/// The embedded runtime inside qdq: pure Rust, without dependencies. The default.
pub const QDQ_RUNTIME_EMBEDDED: qdq_runtime = 0;
/// ONNX Runtime, loaded at run time: faster, and with every operator.
pub const QDQ_RUNTIME_ONNXRUNTIME: qdq_runtime = 1;
/// ONNX Runtime if it is found, otherwise the embedded runtime.
pub const QDQ_RUNTIME_AUTO: qdq_runtime = 2;

const RUNTIMES: NumberSet<RuntimeKind> = NumberSet::new(
    "runtime",
    "QDQ_RUNTIME_",
    &[
        (QDQ_RUNTIME_EMBEDDED, RuntimeKind::Embedded),
        (QDQ_RUNTIME_ONNXRUNTIME, RuntimeKind::OnnxRuntime),
        (QDQ_RUNTIME_AUTO, RuntimeKind::Auto),
    ],
);

/// The state of a run.
pub(super) struct Run<'a> {
    pub(super) runtime: RuntimeOptions,
    options: Option<&'a qdq_run_options>,
    /// The answer of the progress callback, which has more details than the fact that the run was stopped.
    answer: Result<()>,
}

impl<'a> Run<'a> {
    pub(super) fn new(options: Option<&'a qdq_run_options>) -> Self {
        let runtime = options.map(|options| options.runtime.clone()).unwrap_or_default();
        Self { runtime, options, answer: Ok(()) }
    }

    /// Returns the source with an end: it fails as soon as the cancel switch is on.
    pub(super) fn stoppable<S>(&self, source: S) -> Stoppable<S> {
        Stoppable { source, cancel: self.cancel() }
    }

    /// Returns the switch that stops the run.
    pub(super) fn cancel(&self) -> Option<Arc<AtomicBool>> {
        self.options.and_then(|options| options.cancel.clone())
    }

    pub(super) fn report(&mut self, progress: Progress) -> ControlFlow<()> {
        // Runs over data in memory read no source that could stop.
        if self.cancel().is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            return ControlFlow::Break(());
        }
        let Some((call, user)) =
            self.options.and_then(|options| Some((options.progress?, options.user.pointer())))
        else {
            return ControlFlow::Continue(());
        };
        let (batches, samples) = (progress.batches as u64, progress.samples as u64);
        let total = progress.total_batches.map_or(-1, |total| total as i64);
        self.answer = outcome("the progress callback", |error| {
            // SAFETY: the header's rules for callbacks.
            unsafe { call(user, batches, samples, total, error) }
        });
        if self.answer.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    /// Returns the result of the run, with the callback's own error if that stopped it.
    pub(super) fn end<T>(self, result: Result<T>) -> Result<T> {
        self.answer.and(result)
    }
}

pub(super) struct Stoppable<S> {
    pub(super) source: S,
    pub(super) cancel: Option<Arc<AtomicBool>>,
}

impl<S: DerefMut<Target: BatchSource> + Send> BatchSource for Stoppable<S> {
    fn next_batch(&mut self) -> Result<Option<Batch>> {
        if self.cancel.as_ref().is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            return Err(Error::new(ErrorKind::Cancelled, "stopped on request"));
        }
        self.source.next_batch()
    }

    fn remaining(&self) -> Option<usize> {
        self.source.remaining()
    }

    fn findings(&self) -> Vec<Finding> {
        self.source.findings()
    }
}

/// Returns the default options. Free them with qdq_run_options_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_run_options_new() -> *mut qdq_run_options {
    constructed(|| qdq_run_options {
        runtime: RuntimeOptions::default(),
        progress: None,
        user: User::new(std::ptr::null_mut(), None),
        cancel: None,
    })
}

/// Frees `*options` and sets it to NULL. Does nothing if `options` or `*options` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_run_options_free(options: Option<&mut *mut qdq_run_options>) {
    handle::free(options);
}

/// Sets the runtime. Default: QDQ_RUNTIME_EMBEDDED.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_run_options_set_runtime(
    options: Option<&mut qdq_run_options>,
    runtime: qdq_runtime,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(options, "options")?.runtime.kind = RUNTIMES.value(runtime)?;
        Ok(())
    })
}

/// Returns the runtime that is set: one of the QDQ_RUNTIME_ numbers; -1 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_run_options_runtime(options: Option<&qdq_run_options>) -> qdq_runtime {
    options.and_then(|options| RUNTIMES.number(options.runtime.kind)).unwrap_or(-1)
}

/// Replaces QDQ_RUNTIME_AUTO by the runtime that it stands for, so that several models run in the same
/// runtime. qdq_run_options_runtime() then returns this runtime. Another setting stays the same. Returns
/// QDQ_ERROR_RUNTIME if ONNX Runtime was requested by a path and cannot be used.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_run_options_settle(
    options: Option<&mut qdq_run_options>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let options = get_mut(options, "options")?;
        options.runtime = options.runtime.settled()?;
        Ok(())
    })
}

/// Sets ONNX Runtime's library, or the folder that it is in. `path` may be NULL, the default: then qdq
/// searches the environment variable QDQ_ONNXRUNTIME, the Python package and the places where the system
/// looks for libraries.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_run_options_set_onnxruntime(
    options: Option<&mut qdq_run_options>,
    path: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let options = get_mut(options, "options")?;
        // SAFETY: the header's rules for texts.
        let path = (!path.is_null()).then(|| unsafe { handle::path(path, "path") }).transpose()?;
        options.runtime.onnxruntime = path;
        Ok(())
    })
}

/// Sets the number of threads that compute, at most 1024; 0 means one per physical core, the default.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_run_options_set_threads(
    options: Option<&mut qdq_run_options>,
    threads: usize,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let options = get_mut(options, "options")?;
        let runtime = RuntimeOptions { threads: (threads > 0).then_some(threads), ..options.runtime.clone() };
        runtime.check()?;
        options.runtime = runtime;
        Ok(())
    })
}

/// Sets the progress callback. `progress` may be NULL for none, the default. `free_user` may be NULL.
/// Otherwise it is called once with `user`: when another callback is set or the options are freed, or before
/// this function returns with an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_run_options_set_progress(
    options: Option<&mut qdq_run_options>,
    progress: qdq_progress_fn,
    user: *mut c_void,
    free_user: qdq_free_fn,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    let user = User::new(user, free_user);
    guard(error, || {
        let options = get_mut(options, "options")?;
        (options.progress, options.user) = (progress, user);
        Ok(())
    })
}

/// Sets the switch that stops runs. `cancel` may be NULL for none, the default. It may be freed before the
/// options.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_run_options_set_cancel(
    options: Option<&mut qdq_run_options>,
    cancel: Option<&qdq_cancel>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(options, "options")?.cancel = cancel.map(|cancel| cancel.requested.clone());
        Ok(())
    })
}

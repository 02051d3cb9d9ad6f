//! The operations while a model runs.

use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::ThreadId;

use ndarray::ArrayD;
use qdq::error::ErrorKind;
use qdq::ffi::*;

use super::readings::{array_of, c_path, model, texts};
use super::{Capi, Owned, buffer, call, floats, make, string, text};
use crate::api::runs::images;
use crate::api::{Fault, Named, Outcome, Raised, Ran, Runs, Script, Watched};
use crate::environment::{digits, onnxruntime};

/// The data of the callbacks.
struct Watch {
    script: Script,
    stop_after: Option<u64>,
    asked: AtomicUsize,
    reports: Mutex<Vec<(u64, u64, Option<u64>)>>,
}

fn status_of(kind: ErrorKind) -> qdq_status {
    match kind {
        ErrorKind::Io => QDQ_ERROR_IO,
        ErrorKind::Data => QDQ_ERROR_DATA,
        ErrorKind::Callback => QDQ_ERROR_CALLBACK,
        ErrorKind::Cancelled => QDQ_ERROR_CANCELLED,
        other => panic!("{other:?}"),
    }
}

fn set(batch: *mut qdq_batch, name: &CStr, x: &ArrayD<f32>, error: *mut *mut qdq_error) -> qdq_status {
    let view = floats(x);
    // SAFETY: qdq gives a batch and a place for an error, and the view is of live memory.
    unsafe {
        let error = error.cast::<MaybeUninit<*mut qdq_error>>().as_mut();
        qdq_batch_set(batch.as_mut(), name.as_ptr(), Some(&view.tensor), error)
    }
}

unsafe extern "C" fn next(
    user: *mut c_void,
    batch: *mut qdq_batch,
    error: *mut *mut qdq_error,
) -> qdq_status {
    // SAFETY: the pointer is the one of `batches`, which outlives it.
    let watch = unsafe { &*user.cast::<Watch>() };
    let asked = watch.asked.fetch_add(1, Ordering::Relaxed);
    match watch.script.fault {
        Some((at, fault)) if at == asked => match fault {
            Fault::Fails(kind, message, remedy) => {
                let (message, remedy) = (CString::new(message).unwrap(), CString::new(remedy).unwrap());
                let status = status_of(kind);
                // SAFETY: texts end with a NUL, and the place is for an error.
                unsafe { *error = qdq_error_new(status, message.as_ptr(), remedy.as_ptr()) };
                status
            }
            Fault::GivesAnotherInput => set(batch, c"another", &images(asked), error),
            Fault::GivesAnotherShape => {
                let x = images(asked).into_shape_with_order(vec![2, 1, 16, 4]).unwrap();
                set(batch, c"input", &x, error)
            }
        },
        _ if asked >= watch.script.batches => QDQ_OK,
        _ => set(batch, c"input", &images(asked % 9), error),
    }
}

unsafe extern "C" fn report(
    user: *mut c_void,
    batches: u64,
    samples: u64,
    total: i64,
    _: *mut *mut qdq_error,
) -> qdq_status {
    // SAFETY: as in `next`.
    let watch = unsafe { &*user.cast::<Watch>() };
    watch.reports.lock().unwrap().push((batches, samples, u64::try_from(total).ok()));
    if watch.stop_after == Some(batches) { QDQ_ERROR_CANCELLED } else { QDQ_OK }
}

fn calibrate(watch: &Watch, options: &Owned<qdq_run_options>) -> Outcome<Vec<u8>> {
    let model = model(&digits("model.onnx"))?;
    let inputs = make(qdq_specs_free, |out, error| qdq_model_inputs(model.get(), out, error))?;
    let plan = make(qdq_plan_free, |out, error| qdq_model_plan(model.get(), None, None, out, error))?;
    let user = (&raw const *watch).cast_mut().cast();
    // SAFETY: the callback's data outlives the source.
    let mut batches = make(qdq_batches_free, |out, error| unsafe {
        qdq_batches_from_callback(inputs.get(), Some(next), user, None, out, error)
    })?;
    let stats = make(qdq_stats_free, |out, error| {
        let (model, plan, batches) = (model.get(), plan.get(), batches.get_mut());
        qdq_model_calibrate(model, plan, batches, true, options.get(), out, error)
    })?;
    buffer(|out, error| qdq_stats_to_bytes(stats.get(), out, error))
}

fn options() -> Owned<qdq_run_options> {
    Owned { pointer: qdq_run_options_new(), free: qdq_run_options_free }
}

extern "C" fn free_batch(batch: Option<&mut *mut qdq_batch>) {
    // SAFETY: the tests free what they own.
    unsafe { qdq_batch_free(batch) }
}

fn tensors(batch: &Owned<qdq_batch>) -> Named {
    let batch = batch.get();
    let tensor = |index| {
        let mut view = MaybeUninit::uninit();
        call(|error| qdq_batch_at(batch, index, Some(&mut view), error)).unwrap();
        // SAFETY: it succeeded.
        (text(qdq_batch_name(batch, index)).unwrap(), array_of(&unsafe { view.assume_init() }))
    };
    (0..qdq_batch_count(batch)).map(tensor).collect()
}

type Seen = Mutex<Vec<Option<ArrayD<f32>>>>;

unsafe extern "C" fn see(
    user: *mut c_void,
    tap: usize,
    value: *const qdq_tensor,
    _: *mut *mut qdq_error,
) -> qdq_status {
    // SAFETY: the pointer is the one of `session`, with a tensor.
    let (seen, value) = unsafe { (&*user.cast::<Seen>(), &*value) };
    seen.lock().unwrap()[tap] = Some(array_of(value));
    QDQ_OK
}

struct Log {
    /// The thread of the test. The process has one log callback, and other tests report to it too.
    thread: ThreadId,
    found: Mutex<Vec<(i32, String)>>,
}

unsafe extern "C" fn log_message(user: *mut c_void, level: qdq_log_level, message: *const c_char) {
    // SAFETY: the pointer is the one of `log`, which outlives it.
    let log = unsafe { &*user.cast::<Log>() };
    if std::thread::current().id() == log.thread {
        log.found.lock().unwrap().push((level, text(message).unwrap()));
    }
}

impl Runs for Capi {
    fn calibrate(script: Script, stop_after: Option<u64>) -> Watched {
        let (asked, reports) = (AtomicUsize::new(0), Mutex::default());
        let watch = Watch { script, stop_after, asked, reports };
        let mut options = options();
        let user = (&raw const watch).cast_mut().cast();
        // SAFETY: the callback's data outlives the options.
        call(|error| unsafe {
            qdq_run_options_set_progress(options.get_mut(), Some(report), user, None, error)
        })
        .unwrap();
        let stats = calibrate(&watch, &options);
        drop(options);
        Watched { stats, asked: watch.asked.into_inner(), reports: watch.reports.into_inner().unwrap() }
    }

    fn endless(given: &AtomicUsize) -> Outcome<()> {
        let cancel = Owned { pointer: qdq_cancel_new(), free: qdq_cancel_free };
        let mut options = options();
        call(|error| qdq_run_options_set_cancel(options.get_mut(), cancel.get(), error))?;
        let script = Script { batches: usize::MAX, fault: None };
        let watch = Watch { script, stop_after: None, asked: AtomicUsize::new(0), reports: Mutex::default() };
        let switch = cancel.get();
        let stats = std::thread::scope(|scope| {
            scope.spawn(|| {
                while watch.asked.load(Ordering::Relaxed) < 3 {
                    std::thread::yield_now();
                }
                qdq_cancel_request(switch);
            });
            calibrate(&watch, &options)
        });
        given.store(watch.asked.into_inner(), Ordering::Relaxed);
        stats.map(drop)
    }

    fn raise_opset(path: &Path, to: i64) -> Outcome<Raised> {
        let mut model = model(path)?;
        let from = qdq_model_opset(model.get());
        let converted =
            make(qdq_texts_free, |out, error| qdq_model_raise_opset(model.get_mut(), to, out, error))?;
        Ok(Raised {
            from,
            to: qdq_model_opset(model.get()),
            converted: texts(&converted),
            model: buffer(|out, error| qdq_model_to_bytes(model.get(), out, error))?,
        })
    }

    fn log(level: i32) -> Vec<(i32, String)> {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let log = Log { thread: std::thread::current().id(), found: Mutex::default() };
        let user = (&raw const log).cast_mut().cast();
        // SAFETY: the callback's data outlives its registration.
        call(|error| unsafe { qdq_log_set(Some(log_message), user, None, level, error) }).unwrap();
        let mut options = options();
        let library = c_path(&onnxruntime());
        call(|error| qdq_run_options_set_runtime(options.get_mut(), QDQ_RUNTIME_AUTO, error)).unwrap();
        // SAFETY: the text ends with a NUL.
        call(|error| unsafe { qdq_run_options_set_onnxruntime(options.get_mut(), library.as_ptr(), error) })
            .unwrap();
        call(|error| qdq_run_options_settle(options.get_mut(), error)).unwrap();
        assert_eq!(qdq_run_options_runtime(options.get()), QDQ_RUNTIME_ONNXRUNTIME);
        let none = std::ptr::null_mut();
        // SAFETY: NULL is allowed for all of it.
        call(|error| unsafe { qdq_log_set(None, none, None, QDQ_LOG_DEBUG, error) }).unwrap();
        log.found.into_inner().unwrap()
    }

    fn session(taps: &[&str], images: &ArrayD<f32>, onnxruntime: Option<&Path>) -> Outcome<Ran> {
        let model = model(&digits("model.onnx"))?;
        let mut options = options();
        call(|error| qdq_run_options_set_threads(options.get_mut(), 1, error))?;
        if let Some(place) = onnxruntime {
            let place = c_path(place);
            call(|error| qdq_run_options_set_runtime(options.get_mut(), QDQ_RUNTIME_ONNXRUNTIME, error))?;
            // SAFETY: the text ends with a NUL.
            call(|error| unsafe {
                qdq_run_options_set_onnxruntime(options.get_mut(), place.as_ptr(), error)
            })?;
        }
        let names: Vec<CString> = taps.iter().map(|tap| CString::new(*tap).unwrap()).collect();
        let pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let seen: Seen = Mutex::new(vec![None; taps.len()]);
        let user = (&raw const seen).cast_mut().cast();
        // SAFETY: texts end with a NUL, and the callback's data outlives the session.
        let mut session = make(qdq_session_free, |out, error| unsafe {
            let (taps, count) = (pointers.as_ptr(), pointers.len());
            qdq_session_open(model.get(), taps, count, Some(see), user, None, options.get(), out, error)
        })?;
        let mut batch = Owned { pointer: qdq_batch_new(), free: free_batch };
        let view = floats(images);
        // SAFETY: the view is of live memory.
        call(|error| unsafe {
            qdq_batch_set(batch.get_mut(), c"input".as_ptr(), Some(&view.tensor), error)
        })?;
        let mut tapped = Owned { pointer: std::ptr::null_mut(), free: free_batch };
        let outputs = make(free_batch, |out, error| {
            let mut place = MaybeUninit::new(std::ptr::null_mut());
            let status = qdq_session_run(session.get_mut(), batch.get(), out, Some(&mut place), error);
            // SAFETY: it was initialised above.
            tapped.pointer = unsafe { place.assume_init() };
            status
        })?;
        let tapped = tensors(&tapped);
        let seen = taps.iter().zip(seen.into_inner().unwrap());
        let seen: Named = seen.filter_map(|(name, x)| Some((name.to_string(), x?))).collect();
        assert_eq!(tapped, seen);
        Ok(Ran {
            runtime: text(qdq_session_runtime(session.get())).unwrap(),
            outputs: tensors(&outputs),
            tapped,
        })
    }

    fn onnxruntime(place: &Path) -> Outcome<(String, String)> {
        let place = c_path(place);
        // SAFETY: here and below texts end with a NUL.
        let path = string(|out, error| unsafe { qdq_onnxruntime_find(place.as_ptr(), out, error) })?;
        let library = CString::new(path.clone()).unwrap();
        let version = string(|out, error| unsafe { qdq_onnxruntime_version(library.as_ptr(), out, error) })?;
        Ok((path, version))
    }
}

//! The operations while a model runs, through both interfaces.

use std::sync::atomic::AtomicUsize;

use ndarray::{ArrayD, IxDyn};
use qdq::error::ErrorKind;
use qdq::observe::Stats;

use super::bodies::{both_ways, same};
use super::capi::Capi;
use super::native::Native;
use super::{Fault, Runs, Script};
use crate::environment::{digits, onnxruntime, project, run_python};

both_ways!(
    a_callback_feeds_a_run,
    what_a_batch_callback_says_comes_out,
    progress_is_told_and_stops_a_run,
    another_thread_stops_a_run,
    the_log_has_levels,
);

/// Returns two images, different ones in every batch.
pub fn images(batch: usize) -> ArrayD<f32> {
    let pixels = (0..128).map(|i| ((i * 7 + batch * 5) % 17) as f32 / 16.0).collect();
    ArrayD::from_shape_vec(IxDyn(&[2, 1, 8, 8]), pixels).unwrap()
}

fn script(batches: usize) -> Script {
    Script { batches, fault: None }
}

fn a_callback_feeds_a_run<A: Runs>() {
    let watched = A::calibrate(script(3), None);
    let stats = Stats::from_bytes(&watched.stats.unwrap()).unwrap();
    assert_eq!((stats.samples, watched.asked), (6, 4));
    assert_eq!(stats.tensors["input"].count(), 6 * 64);
    let failure = A::calibrate(script(0), None).stats.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Data);
    assert!(failure.message.contains("no sample"), "{failure:?}");
}

fn what_a_batch_callback_says_comes_out<A: Runs>() {
    let kinds = [ErrorKind::Io, ErrorKind::Data, ErrorKind::Callback, ErrorKind::Cancelled];
    for kind in kinds {
        let fault = Fault::Fails(kind, "the camera is gone", "look for it");
        let watched = A::calibrate(Script { fault: Some((2, fault)), ..script(5) }, None);
        let failure = watched.stats.unwrap_err();
        assert_eq!((failure.kind, failure.message.as_str()), (kind, "the camera is gone"));
        assert_eq!(failure.remedy.as_deref(), Some("look for it"));
        assert_eq!((watched.asked, watched.reports.len()), (3, 2));
    }
    for (fault, kind, says) in [
        (Fault::GivesAnotherInput, ErrorKind::Data, "no tensor for input 'input'"),
        (Fault::GivesAnotherShape, ErrorKind::Shape, "input"),
    ] {
        let watched = A::calibrate(Script { fault: Some((1, fault)), ..script(5) }, None);
        let failure = watched.stats.unwrap_err();
        assert!(failure.kind == kind && failure.message.contains(says), "{failure:?}");
        assert_eq!(watched.asked, 2);
    }
}

fn progress_is_told_and_stops_a_run<A: Runs>() {
    let watched = A::calibrate(script(3), None);
    assert_eq!(watched.reports, [(1, 2, None), (2, 4, None), (3, 6, None)]);
    let watched = A::calibrate(script(9), Some(2));
    assert_eq!(watched.stats.unwrap_err().kind, ErrorKind::Cancelled);
    assert_eq!((watched.asked, watched.reports.len()), (2, 2));
}

fn another_thread_stops_a_run<A: Runs>() {
    let given = AtomicUsize::new(0);
    assert_eq!(A::endless(&given).unwrap_err().kind, ErrorKind::Cancelled);
    assert!(given.into_inner() >= 3);
}

fn the_log_has_levels<A: Runs>() {
    assert_eq!(A::log(0), []);
    for level in [1, 2] {
        let messages = A::log(level);
        assert!(
            messages.iter().any(|(level, text)| *level == 1 && text.contains("ONNX Runtime")),
            "{messages:?}"
        );
        assert!(messages.iter().all(|(of, text)| *of <= level && !text.is_empty()), "{messages:?}");
    }
}

#[test]
fn the_log_is_the_same_on_both_ways() {
    // The process has one log callback of the C interface, which the body above uses too.
    assert_eq!(Native::log(1), Capi::log(1));
}

#[test]
fn a_run_by_a_callback_leaves_the_same_bytes_on_both_ways() {
    let (native, capi) = (Native::calibrate(script(4), None), Capi::calibrate(script(4), None));
    same("statistics", native.stats, capi.stats);
    let fault = Script { fault: Some((1, Fault::GivesAnotherShape)), ..script(4) };
    let (native, capi) = (Native::calibrate(fault, None).stats, Capi::calibrate(fault, None).stats);
    assert_eq!(native.unwrap_err(), capi.unwrap_err());
}

/// Every conversion that there is.
#[test]
fn the_opset_is_raised_in_the_same_way_on_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let cases = project("tests/suite/onnx/opset_cases.py");
    let (cases, to) = (cases.to_str().unwrap(), folder.path().to_str().unwrap());
    run_python(&[cases, "make", to]);
    let mut converted = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "onnx") {
            continue;
        }
        let what = path.display().to_string();
        let raised = same(&what, Native::raise_opset(&path, 21), Capi::raise_opset(&path, 21));
        assert_eq!((raised.to, raised.from < 21), (21, true), "{what}");
        converted += raised.converted.len();
    }
    assert!(converted > 20, "{converted}");
    let path = digits("model.onnx");
    let unchanged = same("13", Native::raise_opset(&path, 13), Capi::raise_opset(&path, 13));
    assert!(unchanged.from == unchanged.to && unchanged.converted.is_empty());
    let failure = Native::raise_opset(&path, 99).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::InvalidArgument);
    assert_eq!(failure, Capi::raise_opset(&path, 99).unwrap_err());
}

#[test]
fn a_session_is_the_same_on_both_ways() {
    let library = onnxruntime();
    for library in [None, Some(library.as_path())] {
        let what = format!("{library:?}");
        let run = |taps: &[&str]| {
            (Native::session(taps, &images(0), library), Capi::session(taps, &images(0), library))
        };
        let (native, capi) = run(&[]);
        let plain = same(&what, native, capi);
        assert_eq!(plain.runtime.contains("ONNX Runtime"), library.is_some(), "{}", plain.runtime);
        assert_eq!(plain.outputs[0].1.shape(), [2, 10]);
        let output = plain.outputs[0].0.clone();
        let (native, capi) = run(&[&output, "input"]);
        let tapped = same(&what, native, capi);
        assert_eq!(tapped.tapped, [tapped.outputs[0].clone(), ("input".to_owned(), images(0))]);
        for wrong in [&["nowhere"][..], &["input", "input"]] {
            let (native, capi) = run(wrong);
            assert_eq!(native.unwrap_err(), capi.unwrap_err(), "{wrong:?}");
        }
    }
    let misfit = ArrayD::zeros(IxDyn(&[2, 1, 8, 9]));
    let failure = Native::session(&[], &misfit, None).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Shape);
    assert_eq!(failure, Capi::session(&[], &misfit, None).unwrap_err());
}

#[test]
fn onnxruntime_is_found_on_both_ways() {
    let place = onnxruntime();
    let (path, version) = same("ONNX Runtime", Native::onnxruntime(&place), Capi::onnxruntime(&place));
    assert!(path.starts_with(place.to_str().unwrap()) && version.split('.').count() >= 2, "{path} {version}");
    for place in ["/nowhere/at/all", "Cargo.toml"] {
        let (native, capi) = (Native::onnxruntime(place.as_ref()), Capi::onnxruntime(place.as_ref()));
        assert_eq!(native.unwrap_err(), capi.unwrap_err());
    }
}

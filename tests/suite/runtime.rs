//! Both runtimes: the same values, every tap once, and errors that name the problem.

mod formats;
mod halves;
mod memory;
mod operators;

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use ndarray::{Array2, Array4};
use ndarray_npy::{NpzReader, ReadNpyExt};
use qdq::batch::Batch;
use qdq::dtype::DataType;
use qdq::error::{Error, ErrorKind, Result};
use qdq::graph::TensorKind;
use qdq::onnx::Model;
use qdq::runtime::{self, RuntimeKind, RuntimeOptions, Tap};
use qdq::tensor::{Data, Tensor, TensorView};

use crate::environment::{digits, onnxruntime, project, run_python};

const BOTH: [RuntimeKind; 2] = [RuntimeKind::Embedded, RuntimeKind::OnnxRuntime];

/// Returns a model that tests/python/runtime_models.py makes.
fn made(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("runtime_models");
        std::fs::create_dir_all(&folder).unwrap();
        let script = project("tests/python/runtime_models.py");
        run_python(&[script.to_str().unwrap(), folder.to_str().unwrap()]);
        folder
    });
    folder.join(format!("{name}.onnx"))
}

fn options(kind: RuntimeKind) -> RuntimeOptions {
    let onnxruntime = (kind != RuntimeKind::Embedded).then(onnxruntime);
    RuntimeOptions { kind, onnxruntime, threads: Some(1) }
}

fn tensor(shape: &[usize], data: impl Into<Data>) -> Tensor {
    Tensor::new(shape.to_vec(), data).unwrap()
}

fn batch(inputs: Vec<(&str, Tensor)>) -> Batch {
    let samples = inputs.first().and_then(|(_, tensor)| tensor.shape().first().copied()).unwrap_or(1);
    Batch {
        inputs: inputs.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect(),
        samples,
        repeats: 0,
    }
}

/// Copies the tensors that it gets.
#[derive(Default)]
struct Recorder(Mutex<Vec<(usize, Tensor)>>);

impl Tap for Recorder {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        self.0.lock().unwrap().push((index, value.to_owned()));
        Ok(())
    }
}

/// The results of one run: the outputs, and the tapped tensors by name.
struct Ran {
    outputs: Vec<Tensor>,
    seen: Vec<(String, Tensor)>,
}

impl Ran {
    fn seen(&self, name: &str) -> Vec<&Tensor> {
        self.seen.iter().filter(|(known, _)| known == name).map(|(_, tensor)| tensor).collect()
    }
}

fn run(kind: RuntimeKind, path: &Path, taps: &[&str], batch: &Batch) -> Result<Ran> {
    let model = Model::open(path)?;
    let taps: Vec<String> = taps.iter().map(|&tap| tap.to_owned()).collect();
    let recorder = Arc::new(Recorder::default());
    let mut runtime = runtime::open(&model, &taps, recorder.clone(), &options(kind))?;
    let outputs = runtime.run(batch)?;
    let seen =
        recorder.0.lock().unwrap().drain(..).map(|(index, tensor)| (taps[index].clone(), tensor)).collect();
    Ok(Ran { outputs, seen })
}

/// Lists all tensors in the main graph that can be tapped.
fn all_taps(path: &Path) -> Vec<String> {
    let graph = Model::open(path).unwrap().graph().unwrap();
    let tensors = graph.tensors.iter().filter(|tensor| tensor.kind != TensorKind::Constant);
    tensors.map(|tensor| tensor.name.clone()).collect()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.data().view().to_f32().unwrap().into_owned()
}

fn amax(tensor: &Tensor) -> f32 {
    values(tensor).iter().fold(0.0, |amax, value| amax.max(value.abs()))
}

fn assert_close(left: &[f32], right: &[f32], relative: f32) {
    assert_eq!(left.len(), right.len());
    let scale = left.iter().fold(f32::MIN_POSITIVE, |amax, value| amax.max(value.abs()));
    for (index, (left, right)) in left.iter().zip(right).enumerate() {
        assert!((left - right).abs() <= relative * scale, "element {index}: {left} and {right}");
    }
}

#[test]
fn digits_have_the_same_logits_and_activations_everywhere() {
    let mut archive = NpzReader::new(std::fs::File::open(digits("test.npz")).unwrap()).unwrap();
    let names = archive.names().unwrap();
    let images: Array4<f32> = archive.by_name(&names[0]).unwrap();
    let logits = std::fs::File::open(digits("test_logits_fp32.npy")).unwrap();
    let logits = Array2::<f32>::read_npy(BufReader::new(logits)).unwrap();
    let shape = images.shape().to_vec();
    let name = Model::open(&digits("model.onnx")).unwrap().inputs()[0].name.clone();
    let batch = batch(vec![(&name, tensor(&shape, images.into_raw_vec_and_offset().0))]);
    let taps = all_taps(&digits("model.onnx"));
    let taps: Vec<&str> = taps.iter().map(String::as_str).collect();

    let mut ranges: Vec<Vec<f32>> = Vec::new();
    for kind in BOTH {
        let tapped = run(kind, &digits("model.onnx"), &taps, &batch).unwrap();
        let plain = run(kind, &digits("model.onnx"), &[], &batch).unwrap();
        for outputs in [&tapped.outputs, &plain.outputs] {
            assert_eq!(outputs[0].shape(), logits.shape());
            assert_close(logits.as_slice().unwrap(), &values(&outputs[0]), 1e-5);
        }
        let once = |tap: &&str| match tapped.seen(tap)[..] {
            [tensor] => amax(tensor),
            ref several => panic!("{kind}: '{tap}' was seen {} times", several.len()),
        };
        ranges.push(taps.iter().map(once).collect());
    }
    assert_eq!(taps.len(), 10);
    for ((tap, embedded), onnxruntime) in taps.iter().zip(&ranges[0]).zip(&ranges[1]) {
        let difference = (embedded - onnxruntime).abs();
        assert!(difference <= 1e-5 * onnxruntime, "'{tap}': {embedded} and {onnxruntime}");
    }
}

#[test]
fn control_flow_runs_whole_and_reads_tapped_tensors() {
    let x = [-1.0, 2.0, 0.5, 3.0, -4.0, 0.0];
    for kind in BOTH {
        for (flag, sign) in [(1u8, -1.0), (0, 2.0)] {
            let batch = batch(vec![
                ("x", tensor(&[2, 3], x.to_vec())),
                ("flag", tensor(&[], Data::Bool(vec![flag]))),
            ]);
            let taps = ["x", "r", "chosen", "summed", "y", "flag"];
            let ran = run(kind, &made("control_flow"), &taps, &batch).unwrap();
            let relu = x.map(|x: f32| x.max(0.0));
            let summed = relu.map(|r| sign * r + 3.0 * r);
            let expected = [
                ("x", x.to_vec()),
                ("r", relu.to_vec()),
                ("chosen", relu.map(|r| sign * r).to_vec()),
                ("summed", summed.to_vec()),
                ("y", summed.map(|s| 1.0 / (1.0 + (-s).exp())).to_vec()),
            ];
            assert_eq!(ran.seen.len(), expected.len(), "{kind}: bool inputs are not handed over");
            for (name, expected) in &expected {
                assert_close(expected, &values(ran.seen(name)[0]), 1e-6);
            }
            assert_eq!(ran.seen("y"), [&ran.outputs[0]]);
        }
    }
}

#[test]
fn integers_and_truth_values_come_and_go_as_declared() {
    let ids = tensor(&[2, 5], vec![0i64, 3, 10, 7, 1, 2, 2, 9, 4, 5]);
    let mask = tensor(&[2, 5], Data::Bool(vec![1, 1, 0, 1, 0, 1, 1, 1, 1, 0]));
    let batch = batch(vec![("ids", ids), ("mask", mask)]);
    let ran = BOTH.map(|kind| run(kind, &made("tokens"), &["rows", "masked", "best"], &batch).unwrap());
    let dtypes: Vec<DataType> = ran[0].outputs.iter().map(Tensor::dtype).collect();
    assert_eq!(dtypes, [DataType::I64, DataType::Bool, DataType::F32]);
    assert_eq!(ran[0].outputs, ran[1].outputs);
    assert_eq!(ran[0].seen, ran[1].seen);
    assert_eq!(ran[0].seen.len(), 2, "integers are not handed over");

    let far = tensor(&[1, 5], vec![0i64, 1, 2, 3, 1 << 40]);
    let batch = self::batch(vec![("ids", far), ("mask", tensor(&[1, 5], Data::Bool(vec![1; 5])))]);
    let error = run(RuntimeKind::Embedded, &made("tokens"), &[], &batch).err().unwrap();
    assert_eq!(
        error.message(),
        "input 'ids': 1099511627776 does not fit i32, which the embedded runtime uses for i64"
    );
}

#[test]
fn other_floating_point_types_reach_the_taps() {
    let x = [1.5f32, -2.0, 0.25];
    let cases = [
        ("doubles", tensor(&[3], x.map(f64::from).to_vec()), "squared"),
        ("f16", tensor(&[3], x.map(half::f16::from_f32).to_vec()), "twice"),
        ("bf16", tensor(&[3], x.to_vec()), "twice"),
    ];
    for (name, input, tap) in cases {
        let dtype = input.dtype();
        let batch = batch(vec![("x", input)]);
        let ran = BOTH.map(|kind| run(kind, &made(name), &[tap, "x"], &batch).unwrap());
        for ran in &ran {
            assert_eq!((amax(ran.seen(tap)[0]), amax(ran.seen("x")[0])), (4.0, 2.0), "{name}");
            assert_eq!(ran.outputs[0].dtype(), dtype);
        }
        assert_eq!(ran[0].outputs, ran[1].outputs);
    }
}

#[test]
fn weights_stored_as_f16_are_widened_exactly() {
    let batch = batch(vec![("x", tensor(&[3], vec![3f32, 0.7, 1.0]))]);
    let ran = BOTH.map(|kind| run(kind, &made("stored_in_halves"), &["wide"], &batch).unwrap());
    assert_eq!(ran[0].outputs, ran[1].outputs);
    assert_eq!(ran[0].seen, ran[1].seen);
}

#[test]
fn a_model_of_any_depth_runs() {
    let batch = batch(vec![("t0", tensor(&[1, 4], vec![0.5f32; 4]))]);
    let ran = [&["t7"][..], &[]].map(|taps| run(RuntimeKind::Embedded, &made("deep"), taps, &batch).unwrap());
    assert_eq!(ran[0].outputs, ran[1].outputs);
    assert_eq!(ran[0].seen.len(), 1);
}

#[test]
fn quantized_models_give_the_same_integers() {
    // The values contain ties, saturation far beyond the integers, and ordinary values.
    let mut x: Vec<f32> = (0..128).map(|index| (index as f32 - 64.0) / 40.0).collect();
    x[..6].copy_from_slice(&[0.5 / 127.0, 1.5 / 127.0, -2.5 / 127.0, 3e9, -3e38, f32::INFINITY]);
    let batch = batch(vec![("x", tensor(&[1, 2, 8, 8], x))]);
    let taps = ["x", "xd", "wd", "c", "cd", "y"];
    let ran = BOTH.map(|kind| run(kind, &made("quantized"), &taps, &batch).unwrap());
    assert_eq!(ran[0].outputs[1], ran[1].outputs[1], "the quantized input");
    assert_eq!(ran[0].outputs[1].dtype(), DataType::I8);
    for tap in taps.into_iter().filter(|tap| *tap != "c") {
        assert_eq!(ran[0].seen(tap), ran[1].seen(tap), "{tap}");
    }
    assert_close(&values(ran[0].seen("c")[0]), &values(ran[1].seen("c")[0]), 1e-5);
    assert_eq!(ran[0].outputs[0], ran[1].outputs[0]);
    // Without taps the model runs as exactly.
    assert_eq!(run(RuntimeKind::Embedded, &made("quantized"), &[], &batch).unwrap().outputs, ran[0].outputs);
}

#[test]
fn inputs_and_constants_can_be_outputs() {
    let x = tensor(&[1, 4], vec![1f32, 2.0, -3.0, 4.0]);
    let batch = batch(vec![("x", x.clone()), ("unread", tensor(&[1], vec![0f32]))]);
    for kind in BOTH {
        for taps in [&["x", "y", "right", "k", "unused"][..], &[]] {
            let ran = run(kind, &made("passed_through"), taps, &batch).unwrap();
            let expected = [tensor(&[1, 2], vec![3f32, 4.0]), x.clone(), tensor(&[2], vec![1f32, -5.0])];
            assert_eq!(ran.outputs, expected, "{kind}");
            let mut seen: Vec<&str> = ran.seen.iter().map(|(name, _)| name.as_str()).collect();
            seen.sort_unstable();
            let expected: &[&str] = if taps.is_empty() { &[] } else { &["right", "unused", "x", "y"] };
            assert_eq!(seen, expected, "{kind}: constants are not handed over");
        }
    }
}

#[test]
fn what_a_file_states_wrongly_of_its_inside_does_no_harm() {
    let batch = batch(vec![("x", tensor(&[2, 3], vec![-1f32, 2.0, 3.0, 0.0, 5.0, -6.0]))]);
    for kind in BOTH {
        let ran = run(kind, &made("stated_wrongly"), &["t0", "t5"], &batch).unwrap();
        assert_eq!(values(&ran.outputs[0]), [0.0, 2.0, 3.0, 0.0, 5.0, 0.0], "{kind}");
        assert_eq!(amax(ran.seen("t0")[0]), 5.0);
    }
}

#[test]
fn weights_beside_the_model_are_found() {
    let x: Vec<f32> = (0..122).map(|index| index as f32 / 61.0 - 1.0).collect();
    let batch = batch(vec![("x", tensor(&[2, 61], x))]);
    let ran = BOTH.map(|kind| run(kind, &made("external"), &["h", "wd"], &batch).unwrap());
    assert_close(&values(&ran[0].outputs[0]), &values(&ran[1].outputs[0]), 1e-5);
    assert_eq!(ran[0].seen("wd"), ran[1].seen("wd"));
    let plain = BOTH.map(|kind| run(kind, &made("external"), &[], &batch).unwrap());
    assert_close(&values(&plain[0].outputs[0]), &values(&plain[1].outputs[0]), 1e-5);
}

#[test]
fn an_operator_that_is_missing_is_named_with_the_remedy() {
    let input = || batch(vec![("x", tensor(&[1, 4, 2, 2], vec![1f32; 16]))]);
    let error = run(RuntimeKind::Embedded, &made("unsupported"), &["r"], &input()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let text = error.to_string();
    for part in
        ["node 'det' (Det)", "embedded runtime", "run it in ONNX Runtime", "its releases", "QDQ_ONNXRUNTIME"]
    {
        assert!(text.contains(part), "'{part}' in: {text}");
    }
    assert_eq!(run(RuntimeKind::OnnxRuntime, &made("unsupported"), &["r"], &input()).unwrap().seen.len(), 1);
}

#[test]
fn responses_are_normalized_as_in_onnxruntime() {
    let x: Vec<f32> = (0..72).map(|index| ((index * 29) % 72) as f32 / 9.0 - 3.0).collect();
    let batch = batch(vec![("x", tensor(&[3, 4, 3, 2], x))]);
    for taps in [&["n", "y"][..], &[]] {
        let ran = BOTH.map(|kind| run(kind, &made("normalized"), taps, &batch).unwrap());
        assert_close(&values(&ran[0].outputs[0]), &values(&ran[1].outputs[0]), 1e-6);
        for tap in taps {
            assert_close(&values(ran[0].seen(tap)[0]), &values(ran[1].seen(tap)[0]), 1e-6);
        }
    }
}

#[test]
fn a_part_of_a_model_runs_like_the_whole() {
    let whole = Model::open(&made("control_flow")).unwrap();
    let part = whole.reduced_to(["chosen"]).unwrap();
    assert!(part.outputs().is_empty() && part.nodes().len() < whole.nodes().len());
    assert_eq!(part.inputs().len(), whole.inputs().len(), "it takes the same batches");
    let mut with_output = part.clone();
    with_output.add_output("chosen", Some(DataType::F32)).unwrap();
    let batch = batch(vec![
        ("x", tensor(&[2, 3], vec![-1f32, 2.0, 0.5, 3.0, -4.0, 0.0])),
        ("flag", tensor(&[], Data::Bool(vec![1]))),
    ]);
    for kind in BOTH {
        let taps = ["chosen".to_owned()];
        let expected = run(kind, &made("control_flow"), &["chosen"], &batch).unwrap();
        let run = |model: &Model, taps: &[String]| {
            let recorder = Arc::new(Recorder::default());
            let outputs =
                runtime::open(model, taps, recorder.clone(), &options(kind)).unwrap().run(&batch).unwrap();
            (outputs, recorder.0.lock().unwrap().drain(..).map(|(_, tensor)| tensor).collect::<Vec<_>>())
        };
        let chosen = expected.seen("chosen")[0].clone();
        assert_eq!(run(&part, &taps), (vec![], vec![chosen.clone()]), "{kind}");
        assert_eq!(run(&part, &[]), (vec![], vec![]), "{kind}");
        assert_eq!(run(&with_output, &[]), (vec![chosen], vec![]), "{kind}");
    }
    let error = whole.reduced_to(["chosen", "absent"]).unwrap_err();
    assert!(error.message().ends_with("no tensor of the model's main graph is called 'absent'"), "{error}");
}

#[test]
fn tensors_of_unknown_type_are_handed_over_where_they_are_numbers() {
    let path = made("untyped");
    let batch = batch(vec![("x", tensor(&[2, 3], vec![1f32, 0.0, 2.0, 0.0, 3.0, 0.0]))]);
    let ran = run(RuntimeKind::OnnxRuntime, &path, &["p", "s", "y"], &batch).unwrap();
    assert_eq!(ran.seen.len(), 1, "neither a sequence nor whole numbers");
    assert_eq!(values(ran.seen("p")[0]), [5.0, 0.0, 0.0, 9.0]);
    let whole = Model::open(&path).unwrap();
    let uses = |model: &Model| model.nodes_using(&|_, op| op == "SplitToSequence");
    assert!(uses(&whole).is_empty());
    let mut put_in = whole.clone();
    put_in.inline_functions().unwrap();
    assert_eq!(uses(&put_in), [(1, "SplitToSequence".to_owned())]);
    let mut part = whole.reduced_to(["p"]).unwrap();
    assert!(part.inline_functions().unwrap().is_empty() && part.nodes().len() == 1);
}

/// The requested runtime must not direct the user to the other one.
#[test]
fn an_operator_that_no_engine_knows_is_named_with_where_to_cut() {
    let path = project("tests/data/cases/nms_plugin.onnx");
    let batch = batch(vec![("x", tensor(&[1, 4, 8, 8], vec![0f32; 256]))]);
    for kind in BOTH {
        let error = run(kind, &path, &["r"], &batch).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(
            error.to_string(),
            "node 'EfficientNMS_TRT_num' (EfficientNMS_TRT): no runtime knows this operator; cut the model before it, at \
             'boxes', 'scores': everything up to there runs"
        );
    }
}

#[test]
fn a_library_that_is_not_there_is_named() {
    let nowhere = RuntimeOptions {
        kind: RuntimeKind::OnnxRuntime,
        onnxruntime: Some("/nowhere/libonnxruntime.so".into()),
        threads: None,
    };
    let model = Model::open(&digits("model.onnx")).unwrap();
    for kind in [RuntimeKind::OnnxRuntime, RuntimeKind::Auto] {
        let asked = RuntimeOptions { kind, ..nowhere.clone() };
        let error = runtime::open(&model, &[], Arc::new(Recorder::default()), &asked).err().unwrap();
        assert_eq!(error.message(), "/nowhere/libonnxruntime.so: there is no library of ONNX Runtime");
    }

    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("libonnxruntime.so");
    std::fs::write(&broken, b"not a library").unwrap();
    let error = runtime::onnxruntime_version(&broken).unwrap_err();
    assert!(error.message().contains("cannot be loaded as the library of ONNX Runtime"), "{error}");

    // The process can use only one library.
    let first = RuntimeOptions { kind: RuntimeKind::Auto, onnxruntime: Some(onnxruntime()), threads: None };
    let runtime = runtime::open(&model, &[], Arc::new(Recorder::default()), &first).unwrap();
    let library = runtime::find_onnxruntime(Some(&onnxruntime())).unwrap();
    let version = runtime::onnxruntime_version(&library).unwrap();
    assert_eq!(runtime.describe(), format!("ONNX Runtime {version}"));
    let second = RuntimeOptions { onnxruntime: Some(broken), ..nowhere };
    let error = runtime::open(&model, &[], Arc::new(Recorder::default()), &second).err().unwrap();
    assert!(error.message().contains("this process uses the ONNX Runtime library"), "{error}");
}

#[test]
fn what_does_not_fit_the_model_is_refused_before_it_runs() {
    let model = Model::open(&digits("model.onnx")).unwrap();
    let open = |taps: &[&str], threads| {
        let taps: Vec<String> = taps.iter().map(|&tap| tap.to_owned()).collect();
        let options = RuntimeOptions { threads, ..RuntimeOptions::default() };
        runtime::open(&model, &taps, Arc::new(Recorder::default()), &options).err().unwrap().to_string()
    };
    assert_eq!(open(&["nothing"], None), "tap 'nothing' is no tensor of the model's main graph");
    let name = &model.inputs()[0].name;
    assert_eq!(open(&[name, name], None), format!("tap '{name}' is listed twice"));
    assert_eq!(open(&[], Some(0)), "a runtime cannot run on 0 threads; give 1 or more");
    for kind in BOTH {
        let batch = batch(vec![(name.as_str(), tensor(&[1, 3], vec![0f32; 3]))]);
        let error = run(kind, &digits("model.onnx"), &[], &batch).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Shape, "{kind}: {error}");
        assert!(error.message().contains(&format!("input '{name}' has shape [1, 3]")), "{error}");
    }
}

/// Fails at the second tensor that it gets.
struct Failing {
    seen: Mutex<usize>,
    panics: bool,
}

impl Tap for Failing {
    fn observe(&self, _: usize, _: TensorView<'_>) -> Result<()> {
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *seen += 1;
        match (*seen, self.panics) {
            (2, false) => Err(Error::new(ErrorKind::Cancelled, "enough").with_remedy("go on later")),
            (2, true) => panic!("a defect in the tap"),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_failure_of_the_tap_stops_the_run_and_comes_out() {
    let model = Model::open(&made("control_flow")).unwrap();
    let taps = ["r", "chosen", "summed"].map(str::to_owned);
    let x = batch(vec![("x", tensor(&[1, 3], vec![1f32; 3])), ("flag", tensor(&[], Data::Bool(vec![1])))]);
    for kind in BOTH {
        let tap = Arc::new(Failing { seen: Mutex::new(0), panics: false });
        let mut runtime = runtime::open(&model, &taps, tap.clone(), &options(kind)).unwrap();
        let error = runtime.run(&x).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string()),
            (ErrorKind::Cancelled, "enough; go on later".to_owned())
        );
        assert_eq!(*tap.seen.lock().unwrap(), 2, "{kind}: the rest of the model does not run");
        assert_eq!(runtime.run(&x).unwrap().len(), 1, "{kind}: the runtime can go on");
    }
    let tap = Arc::new(Failing { seen: Mutex::new(0), panics: true });
    let mut runtime = runtime::open(&model, &taps, tap, &options(RuntimeKind::OnnxRuntime)).unwrap();
    let error = runtime.run(&x).unwrap_err();
    assert_eq!(error.message(), "observing an activation failed unexpectedly: a defect in the tap");
}

#[test]
fn tapped_sessions_of_onnx_runtime_open_from_several_threads_at_once() {
    let path = made("control_flow");
    let ready = std::sync::Barrier::new(8);
    let open = || {
        let model = Model::open(&path)?;
        ready.wait();
        let taps = ["r".to_owned()];
        runtime::open(&model, &taps, Arc::new(Recorder::default()), &options(RuntimeKind::OnnxRuntime))
            .map(drop)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
    });
}

//! The preparation of a model before all other steps: it is the same for every kind of caller and keeps the
//! names of tensors.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use qdq::batch::{self, Batch};
use qdq::error::Result;
use qdq::onnx::Model;
use qdq::pipeline::{self, CalibrateOptions, CompareOptions, Prepared, go_on};
use qdq::place::{Plan, Policy, Verdict};
use qdq::range::Method;
use qdq::report::compare::Comparison;
use qdq::runtime::{self, RuntimeKind, RuntimeOptions, Tap};
use qdq::tensor::{Data, Dim, Tensor, TensorView};

use crate::environment::{onnxruntime, project, run_python};

const BOTH: [RuntimeKind; 2] = [RuntimeKind::Embedded, RuntimeKind::OnnxRuntime];

/// Returns the folder of the models that tests/python/prepare_models.py makes.
pub fn made(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("prepare_models");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let script = project("tests/python/prepare_models.py");
        run_python(&[script.to_str().unwrap(), folder.to_str().unwrap()]);
        folder
    });
    folder.join(format!("{name}.onnx"))
}

/// Returns a model from a user's report, with its data beside it.
fn handed(name: &str) -> PathBuf {
    project("tests/data/cases").join(format!("{name}.onnx"))
}

fn runtime(kind: RuntimeKind) -> RuntimeOptions {
    let onnxruntime = (kind != RuntimeKind::Embedded).then(onnxruntime);
    RuntimeOptions { kind, onnxruntime, threads: Some(1) }
}

fn data(path: &Path, model: &Model) -> Result<Box<dyn batch::BatchSource>> {
    batch::open(&[path.with_extension("npz")], &model.inputs(), &batch::DataOptions::default())
}

/// A quantized model, with the ranges of the embedded runtime.
struct Quantized {
    float: Model,
    prepared: Prepared,
    plan: Plan,
    model: Model,
    path: PathBuf,
}

impl Quantized {
    fn open(path: &Path) -> Result<Self> {
        Self::of(Model::open(path)?, path)
    }

    fn of(float: Model, path: &Path) -> Result<Self> {
        let prepared = pipeline::prepare(&float)?;
        let plan = prepared.plan(&Policy::default())?;
        let runtime = runtime(RuntimeKind::Embedded);
        let options = CalibrateOptions { runtime, every_activation: true, ..Default::default() };
        let mut source = data(path, prepared.model())?;
        let stats = prepared.calibrate(&plan, source.as_mut(), &options, &mut go_on)?;
        let ranges = prepared.ranges(&plan, &stats, Method::default())?;
        let written = prepared.quantize(&plan, &ranges, &Default::default())?;
        // The comparison uses the content of a written file.
        let model = Model::from_bytes(written.encode()?.into())?;
        Ok(Self { float, prepared, plan, model, path: path.to_owned() })
    }

    fn compare(&self, kind: RuntimeKind, per_tensor: bool) -> Comparison {
        let options = CompareOptions { runtime: runtime(kind), per_tensor, ..Default::default() };
        let mut source = data(&self.path, &self.float).unwrap();
        pipeline::compare(&self.float, &self.model, source.as_mut(), &options, &mut go_on).unwrap()
    }

    /// Returns the SQNR of the first output in both runtimes.
    fn decibels(&self) -> [f64; 2] {
        BOTH.map(|kind| self.compare(kind, false).outputs[0].metrics.sqnr_db().unwrap())
    }

    fn verdicts(&self, op: &str) -> Vec<Verdict> {
        let nodes =
            self.plan.decisions.iter().map(|decision| (self.prepared.graph().node(decision.node), decision));
        nodes.filter(|(node, _)| node.op == op).map(|(_, decision)| decision.verdict).collect()
    }
}

struct Nothing;

impl Tap for Nothing {
    fn observe(&self, _: usize, _: TensorView<'_>) -> Result<()> {
        Ok(())
    }
}

/// Returns the model's first output for its first batch.
fn output(model: &Model, path: &Path, kind: RuntimeKind) -> Result<Tensor> {
    let mut runtime = runtime::open(model, &[], Arc::new(Nothing), &runtime(kind))?;
    let batch: Batch = data(path, model)?.next_batch()?.unwrap();
    Ok(runtime.run(&batch)?.remove(0))
}

fn floats(tensor: &Tensor) -> &[f32] {
    match tensor.data() {
        Data::F32(values) => values,
        other => panic!("{:?} instead of f32", other.view().dtype()),
    }
}

fn assert_close(found: &Tensor, expected: &Tensor) {
    assert_eq!(found.shape(), expected.shape());
    for (found, expected) in floats(found).iter().zip(floats(expected)) {
        assert!((found - expected).abs() <= 1e-4 * expected.abs().max(1.0), "{found} instead of {expected}");
    }
}

#[test]
fn older_models_mean_the_same_in_both_runtimes() {
    let handed = ["softmax_no_axis_opset11", "logsoftmax_no_axis_opset9"].map(handed);
    for path in handed.iter().chain([&made("resize_opset10")]) {
        let model = Model::open(path).unwrap();
        let [embedded, reference] = BOTH.map(|kind| output(&model, path, kind).unwrap());
        assert_close(&embedded, &reference);
        let quantized = Quantized::open(path).unwrap();
        let [embedded, reference] = quantized.decibels();
        let least = if path.ends_with("resize_opset10.onnx") { 35.0 } else { 40.0 };
        assert!(embedded > least && (embedded - reference).abs() < 0.5, "{embedded} and {reference} dB");
    }
}

#[test]
fn an_engine_refuses_what_cannot_be_raised() {
    let mut model = Model::open(&handed("softmax_no_axis_opset11")).unwrap().encode().unwrap();
    // The version of the opset that the model imports is the last byte of its import.
    let at = model
        .windows(4)
        .rposition(|bytes| bytes == [0x42, 0x02, 0x10, 11])
        .unwrap_or_else(|| model.windows(2).rposition(|bytes| bytes == [0x10, 11]).unwrap() - 2);
    model[at + 3] = 5;
    let model = Model::from_bytes(model.into()).unwrap();
    assert_eq!(model.opset(), 5);
    let refused =
        runtime::open(&model, &[], Arc::new(Nothing), &runtime(RuntimeKind::Embedded)).err().unwrap();
    let text = format!("{refused:#}");
    assert!(text.contains("opset 13") && refused.remedy().unwrap().contains("onnxruntime"), "{text}");
}

#[test]
fn nodes_are_sorted_for_every_way_in() {
    let path = made("unsorted");
    let model = Model::open(&path).unwrap();
    let [embedded, reference] = BOTH.map(|kind| output(&model, &path, kind).unwrap());
    assert_close(&embedded, &reference);
    let quantized = Quantized::open(&path).unwrap();
    assert_eq!(quantized.verdicts("Conv"), [Verdict::Quantized; 2]);
    assert!(quantized.decibels().iter().all(|&decibels| decibels > 30.0));
}

#[test]
fn dimensions_without_a_real_name_have_nothing_in_common() {
    let path = handed("dims_called_none");
    let quantized = Quantized::open(&path).unwrap();
    assert!(quantized.decibels().iter().all(|&decibels| decibels > 30.0));
    let path = made("one_name_for_two_sizes");
    let model = Model::open(&path).unwrap();
    let shape = vec![1, 3, 8, 4];
    let batch = Batch {
        inputs: vec![("x".into(), Tensor::new(shape, vec![0f32; 96]).unwrap())],
        samples: 1,
        repeats: 0,
    };
    let mut runtime = runtime::open(&model, &[], Arc::new(Nothing), &runtime(RuntimeKind::Embedded)).unwrap();
    let refused = runtime.run(&batch).unwrap_err();
    assert!(refused.message().contains("TensorRT refuses that too"), "{refused}");
}

#[test]
fn weights_that_are_computed_are_constants() {
    let cases = [
        (handed("weight_norm_unfolded"), 38.0),
        (made("computed_weights"), 25.0),
        (made("computed_further"), 25.0),
    ];
    for (path, least) in cases {
        let quantized = Quantized::open(&path).unwrap();
        let in_float = quantized.plan.decisions.iter().filter(|decision| {
            quantized.prepared.graph().node(decision.node).op == "Conv" && decision.verdict == Verdict::Float
        });
        for decision in in_float {
            assert!(decision.reason.contains("both inputs are constant"), "{}", decision.reason);
        }
        assert!(!quantized.plan.weights.is_empty());
        assert!(
            quantized.plan.weights.iter().all(|weight| weight.grid.axis == Some(0)),
            "a scale per channel"
        );
        let decibels = quantized.decibels();
        assert!(decibels.iter().all(|&decibels| decibels > least), "{}: {decibels:?}", path.display());
        // The nodes that computed the weights are gone, and so are the nodes that only they read.
        let left: Vec<&str> = quantized.model.nodes().map(|node| node.op()).collect();
        let computing = [
            "Mul",
            "Div",
            "ReduceL2",
            "Split",
            "Slice",
            "Expand",
            "Concat",
            "ConstantOfShape",
            "Cast",
            "GatherND",
            "Einsum",
            "Dropout",
        ];
        assert!(!left.iter().any(|op| computing.contains(op)), "{left:?}");
        for gone in ["v", "g", "packed", "large", "row", "integers", "wide"] {
            assert!(quantized.model.constant(gone).unwrap().is_none(), "{gone}");
        }
    }
}

#[test]
fn a_computed_weight_has_the_value_that_the_model_gives_it() {
    for name in ["computed_weights", "computed_weights_half", "computed_further"] {
        let path = made(name);
        let prepared = pipeline::prepare(&Model::open(&path).unwrap()).unwrap();
        let plan = prepared.plan(&Policy::default()).unwrap();
        assert!(!plan.weights.is_empty());
        for planned in &plan.weights {
            let name = &prepared.graph().tensor(planned.tensor).name;
            let mut shown = prepared.model().clone();
            shown.add_output(name, prepared.graph().tensor(planned.tensor).dtype).unwrap();
            let mut runtime =
                runtime::open(&shown, &[], Arc::new(Nothing), &runtime(RuntimeKind::OnnxRuntime)).unwrap();
            let batch = data(&path, &shown).unwrap().next_batch().unwrap().unwrap();
            let expected = runtime.run(&batch).unwrap().pop().unwrap();
            let found = runtime::constant_value(prepared.network(), planned.tensor).unwrap();
            assert_eq!((found.shape(), found.dtype()), (expected.shape(), expected.dtype()), "{name}");
            let (found, expected) = (found.view().data().to_f32().unwrap().into_owned(), expected);
            for (found, expected) in found.iter().zip(expected.view().data().to_f32().unwrap().iter()) {
                assert!(
                    (found - expected).abs() <= 2e-3 * expected.abs(),
                    "{name}: {found} instead of {expected}"
                );
            }
        }
    }
}

#[test]
fn what_is_random_or_too_large_stays_as_it_is() {
    let prepared = pipeline::prepare(&Model::open(&made("random_weight")).unwrap()).unwrap();
    let plan = prepared.plan(&Policy::default()).unwrap();
    assert!(plan.weights.is_empty());
    let prepared = pipeline::prepare(&Model::open(&made("huge_weight")).unwrap()).unwrap();
    let sum = prepared.graph().find("sum").unwrap();
    let refused = runtime::constant_value(prepared.network(), sum).unwrap_err();
    let why = std::error::Error::source(&refused).unwrap().to_string();
    assert!(why.contains("constants are computed up to 1073741824"), "{why}");
    let prepared = pipeline::prepare(&Model::open(&made("huge_product")).unwrap()).unwrap();
    let plan = prepared.plan(&Policy::default()).unwrap();
    let finding = plan.findings.iter().find(|finding| finding.tensors == ["w"]).unwrap();
    assert!(finding.message.contains("cannot be computed before the model runs"), "{finding}");
}

#[test]
fn constants_that_are_not_computed_ahead_are_said_with_the_cause() {
    let found = |name: &str| {
        let prepared = pipeline::prepare(&Model::open(&made(name)).unwrap()).unwrap();
        let plan = prepared.plan(&Policy::default()).unwrap();
        // The branches of an If whose condition is not a constant are planned like all others.
        assert_eq!(plan.weights.is_empty(), name != "uncomputed_condition");
        let findings = plan.findings.iter().map(|finding| (finding.message.clone(), finding.tensors.clone()));
        findings.collect::<Vec<_>>()
    };
    let weights = found("uncomputed");
    let expected = [
        (["(operator Loop is not computed ahead)", "('Conv_1', 'MatMul_7')"], vec!["w0", "w2"]),
        (["(operator SplitToSequence is not computed ahead)", "('Conv_4')"], vec!["w1"]),
    ];
    assert_eq!(weights.len(), expected.len(), "{weights:?}");
    for ((message, tensors), (parts, names)) in weights.iter().zip(expected) {
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        assert_eq!(*tensors, names);
    }
    let conditions = found("uncomputed_condition");
    assert!(
        conditions[0].0.contains("which branch runs is constant, but cannot be computed"),
        "{conditions:?}"
    );
    assert_eq!((conditions.len(), &conditions[0].1[..]), (1, &["c".to_owned()][..]));
    let product = found("huge_product");
    assert!(product[0].0.contains("(it would take 34359738368 bytes"), "{product:?}");
}

/// The models of the onnx package with generated instead of stored weights: ResNet, VGG, Inception, ...
#[test]
fn generated_weights_are_planned() {
    let find =
        "import onnx, os; print(os.path.join(os.path.dirname(onnx.__file__), 'backend/test/data/light'))";
    let folder = PathBuf::from(run_python(&["-c", find]));
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let models: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "onnx")).collect();
    assert_eq!(models.len(), 9);
    for path in models {
        let prepared = pipeline::prepare(&Model::open(&path).unwrap()).unwrap();
        let plan = prepared.plan(&Policy::default()).unwrap();
        let nodes = plan.decisions.iter().map(|decision| (prepared.graph().node(decision.node), decision));
        let mut weighted = nodes.filter(|(node, _)| qdq::place::ops::is_weighted(node)).peekable();
        assert!(weighted.peek().is_some(), "{}", path.display());
        for (node, decision) in weighted {
            assert_eq!(
                decision.verdict,
                Verdict::Quantized,
                "{}: {}: {}",
                path.display(),
                node.name,
                decision.reason
            );
        }
    }
}

#[test]
fn functions_are_put_in_where_they_are_called() {
    let path = handed("only_a_function");
    let quantized = Quantized::open(&path).unwrap();
    assert_eq!(quantized.verdicts("MatMul"), [Verdict::Quantized; 2]);
    assert!(quantized.decibels().iter().all(|&decibels| decibels > 30.0));
    let within = quantized.compare(RuntimeKind::Embedded, true).tensors.len();
    assert!(within >= 3, "tensors inside the function are compared too, not {within} alone");

    for name in ["functions", "functions_of_older_opset", "function_alone"] {
        let path = made(name);
        let expected = batch::read_npy(&path.with_extension("expected.npy")).unwrap();
        let model = Model::open(&path).unwrap();
        for kind in BOTH {
            assert_close(&output(&model, &path, kind).unwrap(), &expected);
        }
        let quantized = Quantized::open(&path).unwrap();
        assert!(quantized.verdicts("Conv").iter().all(|verdict| *verdict == Verdict::Quantized), "{name}");
        let decibels = quantized.decibels();
        assert!(decibels.iter().all(|&decibels| decibels > 30.0), "{name}: {decibels:?}");
    }
    let prepared = pipeline::prepare(&Model::open(&made("functions")).unwrap()).unwrap();
    assert!(["pair/t", "pair/first/t"].iter().all(|name| prepared.graph().find(name).is_some()));
    assert!(prepared.model().is_flat() && qdq::place::ops::all_nested_weighted(prepared.graph()).is_none());
}

#[test]
fn functions_that_call_themselves_are_refused() {
    let refused = pipeline::prepare(&Model::open(&made("recursion")).unwrap()).err().unwrap();
    assert!(refused.message().contains("function 'Ping' calls itself"), "{refused}");
}

#[test]
fn an_attribute_that_refers_to_itself_ends() {
    let model = Model::open(&made("self_reference")).unwrap();
    // The remaining reference has no value, so nothing can run.
    let prepared = pipeline::prepare(&model).map(|_| ());
    let opened = runtime::open(&model, &[], Arc::new(Nothing), &runtime(RuntimeKind::Embedded)).map(|_| ());
    assert!(prepared.and(opened).is_err());
}

#[test]
fn a_fixed_input_decides_which_branch_runs() {
    let fixed = |name: &str, rate: i64| {
        let mut model = Model::open(&made(name)).unwrap();
        model.fix_input("sr", Tensor::new(vec![], vec![rate]).unwrap()).unwrap();
        model
    };
    let open = pipeline::prepare(&Model::open(&made("rate")).unwrap()).unwrap();
    let plan = open.plan(&Policy::default()).unwrap();
    let coverage = plan.coverage(open.graph());
    assert_eq!((coverage.quantized, coverage.total), (3, 3), "either branch may run");

    for (rate, convolutions) in [(16000, 2), (8000, 1)] {
        let path = made("rate");
        let quantized = Quantized::of(fixed("rate", rate), &path).unwrap();
        assert_eq!(quantized.verdicts("Conv"), vec![Verdict::Quantized; convolutions]);
        assert_eq!(quantized.prepared.dropped_inputs, ["sr"]);
        assert!(quantized.decibels().iter().all(|&decibels| decibels > 30.0));
        let inputs: Vec<String> = quantized.model.inputs().into_iter().map(|input| input.name).collect();
        assert_eq!(inputs, ["x"]);
        // A session of the model itself has the tensors of the plan.
        let taps = quantized.prepared.taps(&quantized.plan, false);
        runtime::open(&fixed("rate", rate), &taps, Arc::new(Nothing), &runtime(RuntimeKind::Embedded))
            .unwrap();
        let tapped = quantized.compare(RuntimeKind::Embedded, true).tensors.len();
        assert!(tapped >= convolutions - 1, "{tapped}");
        let [embedded, reference] = BOTH.map(|kind| output(&fixed("rate", rate), &path, kind).unwrap());
        assert_close(&embedded, &reference);
    }
    // If the model also computes with it, it stays an input.
    let path = made("rate_used");
    let mut quantized = Quantized::of(fixed("rate_used", 16000), &path).unwrap();
    assert!(quantized.prepared.dropped_inputs.is_empty());
    let finding = quantized.plan.findings.iter().find(|finding| finding.tensors == ["sr"]).unwrap();
    assert!(finding.message.contains("stay inputs of the model"), "{finding}");
    let inputs: Vec<String> = quantized.model.inputs().into_iter().map(|input| input.name).collect();
    assert_eq!(inputs, ["x", "sr"]);
    quantized.model.fix_input("sr", Tensor::new(vec![], vec![16000i64]).unwrap()).unwrap();
    assert!(quantized.decibels().iter().all(|&decibels| decibels > 30.0));
}

/// A model that was made for one value reports that to every caller that compares it or fixes its input.
#[test]
fn a_model_is_compared_at_the_values_that_it_was_made_for() {
    let rate = |rate: i64| Tensor::new(vec![], vec![rate]).unwrap();
    for name in ["rate", "rate_used"] {
        let path = made(name);
        let mut float = Model::open(&path).unwrap();
        float.fix_input("sr", rate(16000)).unwrap();
        let mut quantized = Quantized::of(float, &path).unwrap().model;
        let recorded: Vec<(String, String)> =
            quantized.made_for().map(|(name, value)| (name.to_owned(), value.to_string())).collect();
        assert_eq!(recorded, [("sr".to_owned(), "i64[] 16000".to_owned())]);
        let has_input = quantized.declared("sr").is_ok();
        assert_eq!(has_input, name == "rate_used");
        if has_input {
            let refused = quantized.fix_input("sr", rate(8000)).unwrap_err();
            assert!(refused.message().contains("made for i64[] 16000"), "{refused}");
        }
        let compare = |float: &Model, fed: Option<i64>| {
            let batch = move || {
                let x = Tensor::new(vec![1, 3, 8, 8], vec![0.5f32; 192]).unwrap();
                let fed = fed.map(|value| ("sr".to_owned(), rate(value)));
                std::iter::once(("x".to_owned(), x)).chain(fed).collect::<Vec<_>>()
            };
            let mut left = 1;
            let inputs = float.inputs();
            let mut source = batch::from_fn(&inputs, move || {
                left -= 1;
                Ok((left >= 0).then(&batch))
            });
            pipeline::compare(float, &quantized, &mut source, &CompareOptions::default(), &mut go_on)
        };
        let refuses = |float: &Model, fed: Option<i64>, part: &str| {
            let refused = compare(float, fed).unwrap_err();
            let text = refused.to_string();
            assert!(text.contains(part) && text.contains("i64[] 16000; fix the input"), "{name}: {text}");
        };
        let mut other = Model::open(&path).unwrap();
        if has_input {
            // Data may feed the value to both models, if it is the right value.
            refuses(&other, Some(8000), "is fed i64[] 8000");
            compare(&other, Some(16000)).unwrap();
        } else {
            refuses(&other, Some(16000), "is not fixed");
        }
        other.fix_input("sr", rate(8000)).unwrap();
        refuses(&other, None, "is fixed at i64[] 8000");
        let (mut float, mut both) = (Model::open(&path).unwrap(), quantized.clone());
        let found = pipeline::fix_as_made(&mut float, &mut both).unwrap().unwrap();
        assert!(found.message.contains("'sr' = i64[] 16000"), "{found}");
        assert_eq!(pipeline::fix_as_made(&mut float, &mut both).unwrap(), None);
    }
}

#[test]
fn values_and_shapes_of_inputs_are_checked() {
    let mut model = Model::open(&made("rate")).unwrap();
    let mut refused = |name: &str, value: Tensor| model.fix_input(name, value).unwrap_err().to_string();
    let floats = |shape: &[usize]| Tensor::new(shape.to_vec(), vec![0f32; shape.iter().product()]).unwrap();
    assert!(refused("rate", floats(&[])).contains("its inputs are: x, sr"));
    assert!(refused("sr", floats(&[])).contains("is f32, the model declares i64"));
    assert!(
        refused("x", floats(&[1, 3, 8])).contains("has shape [1, 3, 8], the model declares [N, 3, 8, 8]")
    );
    // A single number is the same in every shape with one element, and in no other shape.
    let rate = |shape: &[usize]| Tensor::new(shape.to_vec(), vec![16000i64; shape.iter().product()]).unwrap();
    for shape in [&[][..], &[1], &[1, 1]] {
        model.fix_input("sr", rate(shape)).unwrap();
        let (_, value) = model.fixed_inputs().next().unwrap();
        assert_eq!(value.shape(), [0usize; 0]);
    }
    let refused = model.fix_input("sr", rate(&[2])).unwrap_err();
    assert!(refused.to_string().contains("has shape [2], the model declares []"), "{refused}");
    let refused = model.set_input_shape("x", &[Dim::Fixed(1)]).unwrap_err().to_string();
    assert!(refused.contains("has 1 axes, the model declares [N, 3, 8, 8]"), "{refused}");
}

#[test]
fn another_shape_holds_for_runs_and_not_for_the_file() {
    let path = made("open_size");
    let mut model = Model::open(&path).unwrap();
    assert!(output(&model, &path, RuntimeKind::OnnxRuntime).is_err());
    let shape = [Dim::Unknown, Dim::Fixed(3), Dim::Fixed(8), Dim::Fixed(10)];
    model.set_input_shape("x", &shape).unwrap();
    assert_eq!(model.inputs()[0].shape.as_deref(), Some(&shape[..]));
    let [embedded, reference] = BOTH.map(|kind| output(&model, &path, kind).unwrap());
    assert_close(&embedded, &reference);
    let mut quantized = Quantized::of(model, &path).unwrap();
    let written = &quantized.model.inputs()[0].shape;
    let declared = [Dim::Named("N".into()), Dim::Fixed(3), Dim::Fixed(0), Dim::Named("W".into())];
    assert_eq!(written.as_deref(), Some(&declared[..]));
    quantized.model.set_input_shape("x", &shape).unwrap();
    assert!(quantized.decibels().iter().all(|&decibels| decibels > 30.0));
}

/// Keeps which tensors were passed.
#[derive(Default)]
struct Seen(std::sync::Mutex<Vec<usize>>);

impl Tap for Seen {
    fn observe(&self, index: usize, _: TensorView<'_>) -> Result<()> {
        self.0.lock().unwrap().push(index);
        Ok(())
    }
}

#[test]
fn a_tapped_tensor_is_handed_over_though_it_is_constant() {
    let path = made("computed_weights");
    let model = Model::open(&path).unwrap();
    let taps = ["w2".to_owned(), "c2".to_owned(), "spread".to_owned()];
    for kind in BOTH {
        let seen = Arc::new(Seen::default());
        let mut runtime = runtime::open(&model, &taps, seen.clone(), &runtime(kind)).unwrap();
        runtime.run(&data(&path, &model).unwrap().next_batch().unwrap().unwrap()).unwrap();
        let mut found = seen.0.lock().unwrap().clone();
        found.sort_unstable();
        assert_eq!(found, [0, 1, 2], "{kind}");
    }
}

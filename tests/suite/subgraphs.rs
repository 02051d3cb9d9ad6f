//! Convolutions and products inside If, Loop and Scan. They are quantized in their own graph, and the rest of
//! the model stays unchanged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use qdq::batch::{self, DataOptions};
use qdq::emit::{WeightForm, Weights};
use qdq::error::Result;
use qdq::onnx::{Model, SaveOptions};
use qdq::pipeline::{self, CalibrateOptions, CompareOptions, Passes, Prepared, RecoverOptions, go_on};
use qdq::place::{Plan, Policy, Verdict};
use qdq::range::Method;
use qdq::recover::Recovery;
use qdq::report::compare::Comparison;
use qdq::runtime::{self, RuntimeKind, RuntimeOptions, Tap};
use qdq::tensor::TensorView;

use crate::environment::{onnxruntime, project, run_python};

const BOTH: [RuntimeKind; 2] = [RuntimeKind::Embedded, RuntimeKind::OnnxRuntime];

fn python(what: &str, folder: &Path) -> String {
    let script = project("tests/python/subgraph_models.py");
    run_python(&[script.to_str().unwrap(), what, folder.to_str().unwrap()])
}

/// Returns the folder of the models that tests/python/subgraph_models.py makes.
pub fn made(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("subgraph_models");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        python("make", &folder);
        folder
    });
    folder.join(format!("{name}.onnx"))
}

/// Returns the runtimes for the model. rten has no Scan.
fn runtimes(name: &str) -> &'static [RuntimeKind] {
    if matches!(name, "scan" | "branch_in_scan") { &BOTH[1..] } else { &BOTH }
}

fn runtime(kind: RuntimeKind) -> RuntimeOptions {
    let onnxruntime = (kind != RuntimeKind::Embedded).then(onnxruntime);
    RuntimeOptions { kind, onnxruntime, threads: Some(1) }
}

/// Reads one sample at a time, so that each takes its own branch.
fn data(path: &Path, model: &Model) -> Result<Box<dyn batch::BatchSource>> {
    let options = DataOptions { batch_size: Some(1), ..DataOptions::default() };
    batch::open(&[path.with_extension("npz")], &model.inputs(), &options)
}

/// A model in the steps of the quantization.
struct Way {
    name: &'static str,
    float: Model,
    prepared: Prepared,
    plan: Plan,
}

impl Way {
    fn new(name: &'static str) -> Self {
        let float = Model::open(&made(name)).unwrap();
        let prepared = pipeline::prepare(&float).unwrap();
        let plan = prepared.plan(&Policy::default()).unwrap();
        Self { name, float, prepared, plan }
    }

    fn ranges(&self, kind: RuntimeKind, every: bool) -> qdq::emit::Ranges {
        let mut source = data(&made(self.name), &self.float).unwrap();
        let (prepared, plan) = (&self.prepared, &self.plan);
        let options =
            CalibrateOptions { runtime: runtime(kind), every_activation: every, ..Default::default() };
        let stats = prepared.calibrate(plan, source.as_mut(), &options, &mut go_on).unwrap();
        prepared.ranges(plan, &stats, Method::default()).unwrap()
    }

    fn quantized(&self, kind: RuntimeKind, form: WeightForm) -> Model {
        let weights = Weights { form, ..Weights::default() };
        let ranges = self.ranges(kind, false);
        let model = self.prepared.quantize(&self.plan, &ranges, &weights).unwrap();
        assert!(!model.is_flat());
        Model::from_bytes(model.encode().unwrap().into()).unwrap()
    }

    fn compare(&self, quantized: &Model, kind: RuntimeKind, per_tensor: bool) -> Comparison {
        let options = CompareOptions { runtime: runtime(kind), per_tensor, ..CompareOptions::default() };
        let mut source = data(&made(self.name), &self.float).unwrap();
        pipeline::compare(&self.float, quantized, source.as_mut(), &options, &mut go_on).unwrap()
    }

    fn verdicts(&self, plan: &Plan) -> BTreeMap<String, Verdict> {
        let graph = self.prepared.graph();
        let weighted =
            plan.decisions.iter().filter(|decision| qdq::place::ops::is_weighted(graph.node(decision.node)));
        let output = |decision: &qdq::place::Decision| {
            graph.tensor(graph.node(decision.node).output(0).unwrap()).name.clone()
        };
        weighted.map(|decision| (output(decision), decision.verdict)).collect()
    }
}

fn decibels(comparison: &Comparison) -> f64 {
    comparison.outputs[0].metrics.sqnr_db().unwrap()
}

/// Returns the lowest accepted SQNR of a quantized model.
fn least_decibels(name: &str) -> f64 {
    match name {
        // The errors of nine products in a row add up.
        "branch_in_loop" => 24.0,
        // The model has a coarse step. A value on its other side differs by a whole step.
        "crossing" => 26.0,
        _ => 33.0,
    }
}

/// Name, and how many convolutions and products are quantized of how many.
const MODELS: [(&str, usize, usize); 16] = [
    ("both", 6, 6),
    ("half", 2, 2),
    ("outer_weight", 4, 4),
    ("deep", 5, 5),
    ("bare", 2, 2),
    ("older", 3, 3),
    ("loop", 3, 3),
    ("growing", 3, 3),
    ("scan", 3, 3),
    ("never", 4, 5),
    ("branch_in_loop", 3, 3),
    ("branch_in_scan", 1, 1),
    ("loop_in_branch", 3, 3),
    ("given_pair", 3, 3),
    ("crossing", 4, 4),
    ("pair_alone", 1, 1),
];

#[test]
fn what_lies_in_subgraphs_is_quantized_there() {
    for (name, quantized, all) in MODELS {
        let way = Way::new(name);
        let mut written = Vec::new();
        for &kind in runtimes(name) {
            let ranges = way.ranges(kind, false);
            let plan = way.prepared.seen(&way.plan, &ranges);
            let verdicts = way.verdicts(&plan);
            let count = verdicts.values().filter(|verdict| **verdict == Verdict::Quantized).count();
            assert_eq!((count, verdicts.len()), (quantized, all), "{name}: {verdicts:?}");
            written.push(way.quantized(kind, WeightForm::Int8));
        }
        let float = way.quantized(runtimes(name)[0], WeightForm::Float);
        for &kind in runtimes(name) {
            for model in written.iter().chain([&float]) {
                let found = decibels(&way.compare(model, kind, false));
                assert!(found > least_decibels(name), "{name} in {kind}: {found} dB");
            }
        }
        let path = made(name).with_extension("qdq.onnx");
        written[0].save(&path, &SaveOptions::default()).unwrap();
    }
    for line in python("check", made("both").parent().unwrap()).lines() {
        let (name, found) = line.split_once(' ').unwrap();
        assert!(
            found.parse::<f64>().unwrap() > least_decibels(name),
            "{name}: {found} dB in ONNX Runtime itself"
        );
    }
}

#[test]
fn both_engines_see_the_same_inside_subgraphs() {
    for (name, ..) in MODELS {
        if let [one, other] = *runtimes(name) {
            let way = Way::new(name);
            let (one, other) = (way.ranges(one, true), way.ranges(other, true));
            assert_eq!(one.len(), other.len(), "{name}");
            assert!(one.len() >= way.plan.activations.len() - 1);
            for (tensor, amax) in one.iter() {
                let same = other.get(tensor).unwrap();
                // ONNX Runtime rounds to f16 between its operators.
                let most = if name == "half" { 4e-3 } else { 1e-4 };
                assert!((amax - same).abs() <= most * amax, "{name}, {tensor}: {amax} and {same}");
            }
        }
    }
}

#[test]
fn what_is_laid_flat_goes_back_and_computes_the_same() {
    // The Q/DQ nodes of another tool are made anew, or move to their reader.
    let is_quantized = |name: &str| ["given_pair", "crossing", "pair_alone"].contains(&name);
    for (name, ..) in MODELS.into_iter().filter(|(name, ..)| !is_quantized(name)) {
        let way = Way::new(name);
        assert!(way.prepared.model().is_flat(), "{name}");
        let nested = Model::from_bytes(way.prepared.model().encode().unwrap().into()).unwrap();
        let nodes = |model: &Model| {
            let mut found: Vec<String> = model.nodes().map(|node| node.op().to_owned()).collect();
            found.extend(model.nested_operators().into_iter().map(|(_, op)| op.to_owned()));
            found.sort();
            found
        };
        let mut source = way.float.clone();
        source.inline_functions().unwrap();
        source.raise_opset(nested.opset()).unwrap();
        assert_eq!(nodes(&nested), nodes(&source), "{name}");
        for &kind in runtimes(name) {
            let comparison = way.compare(&nested, kind, true);
            let same = comparison.tensors.iter().chain(&comparison.outputs);
            for tensor in same.filter(|tensor| tensor.metrics.sqnr_db().is_some()) {
                assert_eq!(tensor.metrics.sqnr_db(), Some(f64::INFINITY), "{name}, {}", tensor.name);
            }
            assert!(
                comparison.tensors.len() > way.float.nodes().len(),
                "{name}: {}",
                comparison.tensors.len()
            );
        }
    }
}

/// DequantizeLinear is in the graph of its reader, and so are the integers of a weight.
#[test]
fn a_dequantize_never_crosses_the_border_of_a_subgraph() {
    for (name, ..) in MODELS {
        for form in [WeightForm::Int8, WeightForm::Float] {
            let way = Way::new(name);
            let path = made(name).with_extension(format!("{form:?}.onnx"));
            way.quantized(runtimes(name)[0], form).save(&path, &SaveOptions::default()).unwrap();
        }
    }
    assert_eq!(python("borders", made("both").parent().unwrap()), "");
}

#[test]
fn a_branch_that_no_sample_takes_stays_in_float_and_that_is_said() {
    let way = Way::new("never");
    let ranges = way.ranges(RuntimeKind::Embedded, false);
    let finding = ranges
        .findings
        .iter()
        .find(|finding| finding.message.contains("no value was seen of 1 planned tensor"));
    assert_eq!(finding.unwrap().tensors, ["t"]);
    assert_eq!(ranges.get("t"), None);
    let plan = way.prepared.seen(&way.plan, &ranges);
    let graph = way.prepared.graph();
    let left = plan.decisions.iter().filter(|decision| decision.reason.contains("seen in calibration"));
    let left: Vec<&str> = left.map(|decision| graph.node(decision.node).name.as_str()).collect();
    assert_eq!(left, ["o"]);
}

#[test]
fn layers_in_branches_recover_and_those_in_bodies_are_left_alone() {
    for (name, is_body) in [("both", false), ("outer_weight", false), ("loop", true)] {
        let way = Way::new(name);
        let ranges = way.ranges(RuntimeKind::Embedded, false);
        let runtime = runtime(RuntimeKind::Embedded);
        let mut passes =
            Passes { open: &mut || data(&made(name), &way.float), runtime: &runtime, report: &mut go_on };
        let recovery = Recovery {
            equalization: true,
            smooth: true,
            awq: false,
            learned_rounding: true,
            bias_correction: true,
        };
        let options = RecoverOptions { recovery, ..Default::default() };
        let found = way.prepared.recover(&way.plan, &ranges, &options, &mut passes).unwrap();
        assert!(!found.model.is_flat() && !found.float.is_flat());
        let plain = decibels(&way.compare(
            &way.quantized(RuntimeKind::Embedded, WeightForm::Int8),
            RuntimeKind::Embedded,
            false,
        ));
        let better = decibels(&way.compare(&found.model, RuntimeKind::Embedded, false));
        // Each layer is judged by itself, so a whole network may lose a little.
        assert!(better > plain - 1.0, "{name}: {plain} dB, {better} dB");
        let alone = found.report.layers.iter().filter(|layer| layer.what.contains("body of a Loop or Scan"));
        assert_eq!(alone.count(), if is_body { 8 } else { 0 }, "{name}");
        let measured = found.report.layers.iter().filter(|layer| layer.error.is_some());
        assert!(
            measured.map(|layer| &layer.layer).collect::<std::collections::BTreeSet<_>>().len()
                >= if is_body { 1 } else { 4 }
        );
    }
}

/// The passed tensors: tap and shape.
#[derive(Default)]
struct Shapes(Mutex<Vec<(usize, Vec<usize>)>>);

impl Tap for Shapes {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        self.0.lock().unwrap().push((index, value.shape().to_vec()));
        Ok(())
    }
}

#[test]
fn a_session_hands_over_what_lies_in_subgraphs() {
    let cases = [
        ("both", vec!["r", "o_1"], vec![vec![vec![1, 5, 8, 8], vec![0]], vec![vec![0], vec![1, 4, 8, 8]]]),
        ("loop", vec!["h", "p"], vec![vec![vec![3, 1, 16], vec![3 * 16]]; 2]),
        ("growing", vec!["all", "q"], vec![vec![vec![16 * (2 + 3 + 4)], vec![3, 1, 4]]; 2]),
    ];
    for (name, taps, expected) in cases {
        let taps: Vec<String> = taps.into_iter().map(str::to_owned).collect();
        let model = Model::open(&made(name)).unwrap();
        for kind in BOTH {
            let shapes = Arc::new(Shapes::default());
            let mut runtime = runtime::open(&model, &taps, shapes.clone(), &runtime(kind)).unwrap();
            let mut source = data(&made(name), &model).unwrap();
            let mut found = Vec::new();
            for _ in 0..2 {
                runtime.run(&source.next_batch().unwrap().unwrap()).unwrap();
                let mut seen = std::mem::take(&mut *shapes.0.lock().unwrap());
                seen.sort();
                found.push(seen.into_iter().map(|(_, shape)| shape).collect::<Vec<_>>());
            }
            found.sort();
            let mut expected = expected.clone();
            expected.sort();
            assert_eq!(found, expected, "{name} in {kind}");
        }
    }
}

#[test]
fn a_product_where_nothing_can_observe_it_stays_in_float_and_that_is_said() {
    let way = Way::new("branch_in_scan");
    let inside = way
        .plan
        .decisions
        .iter()
        .find(|decision| way.prepared.graph().node(decision.node).op == "If")
        .unwrap();
    assert!(inside.reason.contains("holds 1 MatMul inside the body of a Scan"), "{}", inside.reason);
}

#[test]
fn a_model_without_weights_in_subgraphs_stays_as_it_is() {
    let path = crate::prepare::made("unsorted");
    let model = Model::open(&path).unwrap();
    assert!(model.nested_operators().iter().any(|(_, op)| *op == "Relu"));
    let prepared = pipeline::prepare(&model).unwrap();
    assert!(!prepared.model().is_flat());
    let mut named = model;
    assert!(named.name_nodes());
    assert_eq!(prepared.model().encode().unwrap(), named.encode().unwrap());
}

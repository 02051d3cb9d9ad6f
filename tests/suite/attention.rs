//! Attentions whose number of keys only data shows, from statistics to the written model.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use qdq::batch::{self, DataOptions};
use qdq::emit::Ranges;
use qdq::emit::Weights;
use qdq::finding::Finding;
use qdq::observe::Stats;
use qdq::onnx::Model;
use qdq::pipeline::{self, CalibrateOptions, Prepared, go_on};
use qdq::place::{Attention, Plan, Policy, Verdict};
use qdq::range::Method;

use crate::environment::{project, run_python};

/// Returns a file that tests/python/attention_models.py makes.
pub fn made(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("attention_models");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let script = project("tests/python/attention_models.py");
        run_python(&[script.to_str().unwrap(), folder.to_str().unwrap()]);
        folder
    });
    folder.join(name)
}

fn prepared(name: &str) -> Prepared {
    pipeline::prepare(&Model::open(&made(name)).unwrap()).unwrap()
}

fn observed(prepared: &Prepared, plan: &Plan, lengths: &[usize]) -> Stats {
    let files = Vec::from_iter(lengths.iter().map(|length| made(&format!("{length}.npz"))));
    let options = DataOptions { batch_size: Some(1), ..DataOptions::default() };
    let mut source = batch::open(&files, &prepared.model().inputs(), &options).unwrap();
    prepared.calibrate(plan, source.as_mut(), &CalibrateOptions::default(), &mut go_on).unwrap()
}

/// Returns the verdicts on the two products of the attention.
fn verdicts(prepared: &Prepared, plan: &Plan) -> [Verdict; 2] {
    ["scores", "context"].map(|name| plan.decisions[prepared.graph().find_node(name).unwrap().0].verdict)
}

/// Counts the inputs of the two products that are dequantized in `model`.
fn dequantized(model: &Model) -> usize {
    let graph = model.graph().unwrap();
    let products = ["scores", "context"].map(|name| graph.find_node(name).unwrap());
    let inputs = products.into_iter().flat_map(|id| graph.node(id).inputs.iter().flatten());
    inputs.filter(|&&input| graph.producer(input).is_some_and(|node| node.is("DequantizeLinear"))).count()
}

#[test]
fn the_longest_sample_decides() {
    let prepared = prepared("open.onnx");
    let mut plan = prepared.plan(&Policy::default()).unwrap();
    plan.findings.push(Finding::note("of the plan"));
    assert_eq!(verdicts(&prepared, &plan), [Verdict::Quantized; 2]);
    for (lengths, keys, verdict) in [
        (&[16][..], 16, Verdict::Quantized),
        (&[16, 520], 520, Verdict::Float),
        (&[520, 16], 520, Verdict::Float),
    ] {
        let stats = observed(&prepared, &plan, lengths);
        assert_eq!(stats.keys, [("probabilities".to_owned(), keys)].into());
        let ranges = prepared.ranges(&plan, &stats, Method::Max).unwrap();
        assert_eq!(ranges.findings, []);
        let seen = prepared.seen(&plan, &ranges);
        assert_eq!(verdicts(&prepared, &seen), [verdict; 2], "{lengths:?}");
        assert_eq!(seen.findings, plan.findings);
        assert_eq!(seen.coverage(prepared.graph()).total, 6);
        let model = prepared.quantize(&plan, &ranges, &Weights::default()).unwrap();
        let expected = if verdict == Verdict::Quantized { 4 } else { 0 };
        assert_eq!(dequantized(&model), expected, "{lengths:?}");
        // A file of ranges says as much, and so does a plan that begins with it.
        let read = Ranges::from_json(ranges.to_json().as_bytes(), "ranges").unwrap();
        assert_eq!(read.keys, ranges.keys);
        let followed = prepared.plan_for_ranges(&Policy::default(), &read).unwrap();
        assert_eq!(followed.decisions, seen.decisions);
        assert_eq!((followed.activations, followed.findings), (seen.activations, vec![]));
    }
}

#[test]
fn statistics_keep_the_number_of_keys() {
    let prepared = prepared("open.onnx");
    let plan = prepared.plan(&Policy::default()).unwrap();
    let [short, long] = [[16], [520]].map(|lengths| observed(&prepared, &plan, &lengths));
    let both = observed(&prepared, &plan, &[16, 520]).to_bytes().unwrap();
    for (first, second) in [(&short, &long), (&long, &short)] {
        let mut merged = Stats::from_bytes(&first.to_bytes().unwrap()).unwrap();
        assert_eq!(&merged, first);
        merged.merge(second).unwrap();
        assert_eq!(merged.to_bytes().unwrap(), both);
    }
}

#[test]
fn a_number_of_keys_that_nothing_tells_is_a_finding() {
    let prepared = prepared("open.onnx");
    for attention in [Attention::Auto, Attention::Int8, Attention::Float] {
        let policy = Policy { attention, ..Policy::default() };
        let plan = prepared.plan(&policy).unwrap();
        // Files of earlier versions do not have the number.
        let stats = Stats { keys: [].into(), ..observed(&prepared, &plan, &[520]) };
        let ranges = prepared.ranges(&plan, &stats, Method::Max).unwrap();
        let followed = prepared.plan_for_ranges(&policy, &ranges).unwrap();
        let verdict = if attention == Attention::Float { Verdict::Float } else { Verdict::Quantized };
        assert_eq!(verdicts(&prepared, &followed), [verdict; 2]);
        for findings in [ranges.findings, followed.findings] {
            let is_said = |finding: &Finding| {
                finding.message.contains("number of keys of 1 attention is not known")
                    && finding.tensors == ["probabilities"]
            };
            assert_eq!(findings.iter().filter(|finding| is_said(finding)).count(), findings.len());
            assert_eq!(findings.len(), usize::from(attention == Attention::Auto), "{attention:?}");
        }
    }
}

/// An engine is built for shapes that the data need not have.
#[test]
fn the_largest_shape_of_a_profile_tells_the_number_of_keys() {
    let prepared = prepared("open.onnx");
    let plan = prepared.plan(&Policy::default()).unwrap();
    let keys = |shapes: &[(&str, &[i64])]| plan.keys_for(prepared.graph(), shapes.iter().copied());
    let expected = |keys| [("probabilities".to_owned(), keys)].into();
    assert_eq!(keys(&[("x", &[1, 16, 32]), ("x", &[1, 520, 32]), ("x", &[1, 64, 32])]), expected(520));
    assert_eq!(keys(&[("other", &[1, 16, 32])]), [].into());
    assert_eq!(keys(&[("x", &[1, -1, 32])]), [].into());
    let seen = plan.with_keys(prepared.graph(), &keys(&[("x", &[1, 520, 32])]));
    assert_eq!(verdicts(&prepared, &seen), [Verdict::Float; 2]);
}

/// The projections of an operator that is a whole attention are products of their own.
#[test]
fn a_whole_attention_in_one_operator_keeps_its_products_in_float() {
    let prepared = prepared("fused.onnx");
    let plan = prepared.plan(&Policy::default()).unwrap();
    let coverage = plan.coverage(prepared.graph());
    assert_eq!((coverage.quantized, coverage.total), (4, 4));
    let whole = plan.decisions.iter().find(|decision| prepared.graph().node(decision.node).is("Attention"));
    assert!(whole.unwrap().reason.contains("products lie inside the operator"));
}

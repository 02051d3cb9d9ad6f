use std::collections::BTreeMap;

use super::super::compare::{Metrics, NamedMetrics};
use super::super::numbers::Numbers;
use super::*;
use crate::dtype::DataType;
use crate::graph::{NewNode, TensorKind};
use crate::observe::TensorStats;
use crate::place::Format;
use crate::tensor::Dim;

/// Two convolutions with a Log between them: x ─ first ─► a ─ log ─► b ─ second ─► y.
fn graph() -> Graph {
    let mut graph = Graph::new();
    let (float, four) = (Some(DataType::F32), vec![Dim::Fixed(1); 4]);
    let mut from = graph.add_tensor("x", TensorKind::Input, float, Some(four.clone())).unwrap();
    for (name, op, output) in [("first", "Conv", "a"), ("log", "Log", "b"), ("second", "Conv", "y")] {
        let weight = format!("{name}_weight");
        let weight = graph.add_tensor(&weight, TensorKind::Constant, float, Some(four.clone())).unwrap();
        let both = [Some(from), Some(weight)];
        let inputs = if op == "Conv" { &both[..] } else { &both[..1] };
        let node = NewNode { name, op, inputs, outputs: &[Some(output)], ..NewNode::default() };
        let node = graph.add_node(node).unwrap();
        from = graph.node(node).output(0).unwrap();
    }
    graph.mark_output(from);
    graph
}

/// Returns metrics with this SQNR.
fn metrics(decibels: f64) -> Metrics {
    let mut metrics = Metrics::default();
    metrics.add(&[1.0], &[1.0 - 10f64.powf(-decibels / 20.0) as f32]);
    metrics
}

fn named(name: &str, decibels: f64) -> NamedMetrics {
    NamedMetrics { name: name.into(), metrics: metrics(decibels) }
}

fn comparison(a: f64, b: f64, y: f64) -> Comparison {
    let tensors = vec![named("a", a), named("b", b), named("y", y)];
    Comparison { outputs: vec![named("y", y)], tensors, ..Comparison::default() }
}

fn facts() -> Facts {
    let numbers = [("first", Numbers::Int8), ("log", Numbers::F32), ("second", Numbers::Int8)];
    Facts { numbers: numbers.map(|(name, numbers)| (name.to_owned(), numbers)).into(), ..Facts::default() }
}

/// Returns the facts with a range of x.
fn ranged(amax: f32) -> Facts {
    let range = QuantizedRange { amax, format: Format::Int8 };
    Facts { ranges: BTreeMap::from([("x".to_owned(), range)]), ..facts() }
}

fn stats(values: &[f32]) -> Stats {
    let mut of_x = TensorStats::new();
    of_x.observe(values);
    Stats { tensors: BTreeMap::from([("x".to_owned(), of_x)]), samples: 1, ..Stats::default() }
}

fn kinds(advice: &[Advice]) -> Vec<(&str, Kind)> {
    advice.iter().map(|advice| (advice.layer.as_str(), advice.kind)).collect()
}

/// Returns the kinds of reasons for a bad first layer.
fn of_first(facts: &Facts, stats: Option<&Stats>) -> Vec<Kind> {
    let advice = advise(&graph(), &comparison(5.0, 5.0, 5.0), facts, stats);
    assert!(advice.iter().all(|advice| advice.layer == "first"), "{advice:?}");
    advice.iter().map(|advice| advice.kind).collect()
}

fn many(value: impl Fn(usize) -> f32) -> Vec<f32> {
    (0..20_000).map(value).collect()
}

#[test]
fn a_good_result_needs_no_advice() {
    assert_eq!(advise(&graph(), &comparison(40.0, 38.0, 20.5), &facts(), None), []);
    let nothing = Comparison {
        outputs: vec![NamedMetrics { name: "y".into(), metrics: Metrics::default() }],
        ..Comparison::default()
    };
    assert_eq!(advise(&graph(), &nothing, &facts(), None), [], "a tensor without values is not bad");
}

#[test]
fn the_layer_that_adds_the_error_is_named_and_not_those_behind_it() {
    let advice = advise(&graph(), &comparison(8.0, 7.5, 7.0), &facts(), None);
    assert_eq!(kinds(&advice), [("first", Kind::Unexplained)]);
    assert!(advice[0].message.contains("no statistics of its input are given"), "{advice:?}");
    let advice = advise(&graph(), &comparison(40.0, 38.0, 7.0), &facts(), Some(&stats(&[])));
    assert_eq!(kinds(&advice), [("second", Kind::Unexplained)]);
    assert!((advice[0].sqnr_db.unwrap() - 7.0).abs() < 1e-3);
}

#[test]
fn the_layer_where_the_error_grows_most_comes_first() {
    let advice = advise(&graph(), &comparison(8.0, 7.9, -5.0), &facts(), None);
    assert_eq!(kinds(&advice), [("first", Kind::Unexplained), ("second", Kind::Unexplained)]);
    // A node in float that gets a large error is not to blame for a larger one.
    let advice = advise(&graph(), &comparison(8.0, -5.0, -5.1), &facts(), None);
    assert_eq!(kinds(&advice), [("first", Kind::Unexplained)]);
}

#[test]
fn a_node_in_float_may_amplify() {
    let advice = advise(&graph(), &comparison(40.0, 8.0, 7.9), &facts(), None);
    assert_eq!(kinds(&advice), [("log", Kind::Amplified)]);
    assert!(advice[0].message.contains("40.0 dB of its input into 8.0 dB"), "{advice:?}");
}

#[test]
fn layers_before_a_bad_output_are_examined_if_none_is_bad_itself() {
    let advice = advise(&graph(), &comparison(25.0, 24.0, 15.0), &facts(), None);
    assert_eq!(kinds(&advice), [("second", Kind::Unexplained), ("first", Kind::Unexplained)]);
    // Without figures of the tensors inside, only a reason names a layer.
    let outputs = vec![named("y", 15.0)];
    let alone = Comparison { outputs, ..Comparison::default() };
    let weight = |outputs: Vec<f32>| WeightFacts {
        tensor: "first_weight".into(),
        layers: vec!["first".into()],
        outputs,
        ..WeightFacts::default()
    };
    let dead = Facts { weights: vec![weight(vec![1.0, 0.0, 2.0])], ..facts() };
    assert_eq!(kinds(&advise(&graph(), &alone, &dead, None))[0], ("first", Kind::DeadChannels));
    let unknown = advise(
        &graph(),
        &Comparison { outputs: vec![named("a", 15.0)], ..Comparison::default() },
        &facts(),
        None,
    );
    assert_eq!(kinds(&unknown), [("", Kind::Unexplained)]);
    assert!(unknown[0].finding().to_string().contains("compare every tensor"), "{unknown:?}");
}

#[test]
fn outliers_are_found() {
    let graph = graph();
    let mut compared = comparison(5.0, 5.0, 5.0);
    compared.channels.insert("x".into(), vec![7.0, 613.0, 6.0, 8.0]);
    let advice = advise(&graph, &compared, &ranged(613.0), None);
    assert_eq!(kinds(&advice), [("first", Kind::OutlierChannel)]);
    assert!(advice[0].remedy.starts_with("equalize or smooth the channels"));
    let in_float = advise(&graph, &compared, &facts(), None);
    assert_eq!(kinds(&in_float), [("first", Kind::Unexplained)], "nothing is rounded");
    assert_eq!(advice[0].message, "channel 1 of its input reaches 613.0, and the median channel 7.000");
    assert_eq!(advice[0].evidence[1], ("channel_max", 613.0));
    compared.channels.insert("x".into(), vec![7.0, 50.0, 6.0, 8.0]);
    assert_eq!(kinds(&advise(&graph, &compared, &ranged(50.0), None)), [("first", Kind::Unexplained)]);
}

#[test]
fn ranges_that_are_too_wide_or_too_narrow_are_found() {
    let values = stats(&many(|at| if at == 0 { 100.0 } else { at as f32 / 20_000.0 + 1e-5 }));
    assert_eq!(of_first(&ranged(100.0), Some(&values))[0], Kind::FarRange);
    assert_eq!(of_first(&ranged(0.9), Some(&values)), [Kind::Clipped]);
    assert_eq!(of_first(&ranged(1.0), Some(&values)), [Kind::Unexplained]);
    // One value in ten is large: the percentile is too.
    let wide = stats(&many(|at| if at % 10 == 0 { 100.1 } else { 0.1 + at as f32 * 1e-6 }));
    assert_eq!(of_first(&ranged(100.1), Some(&wide)), [Kind::Coarse]);
}

#[test]
fn values_that_do_not_fit_a_step_are_found() {
    let flat = stats(&many(|at| 10.0 + at as f32 * 1e-7));
    assert_eq!(of_first(&ranged(10.0), Some(&flat)), [Kind::NearlyConstant]);
    let pixels = stats(&many(|at| (at % 101) as f32));
    assert_eq!(of_first(&ranged(100.0), Some(&pixels)), [Kind::Discrete]);
    assert_eq!(of_first(&ranged(127.0), Some(&pixels)), [Kind::Unexplained], "the step is 1");
    let advice = advise(
        &graph(),
        &comparison(5.0, 5.0, 5.0),
        &ranged(255.0),
        Some(&stats(&many(|at| (at % 256) as f32))),
    );
    assert!(advice[0].remedy.starts_with("scale the input"), "{advice:?}");
}

#[test]
fn values_that_are_not_finite_come_first() {
    let broken = stats(&[f32::NAN, f32::INFINITY, 1.0, 1.5, 1.25]);
    assert_eq!(of_first(&ranged(100.0), Some(&broken))[0], Kind::NonFinite);
    let mut compared = comparison(40.0, 40.0, 40.0);
    compared.tensors[0].metrics.add(&[1.0], &[f32::NAN]);
    let advice = advise(&graph(), &compared, &facts(), None);
    assert_eq!(kinds(&advice)[0], ("first", Kind::NonFinite));
    assert!(advice[0].message.contains("in one model only"), "{advice:?}");
}

#[test]
fn weights_have_reasons_too() {
    let weight = |change: &dyn Fn(&mut WeightFacts)| {
        let mut weight = WeightFacts {
            tensor: "first_weight".into(),
            layers: vec!["first".into()],
            outputs: vec![1.0, 2.0, 3.0],
            inputs: vec![1.0; 16],
            scales: 3,
            ..WeightFacts::default()
        };
        change(&mut weight);
        of_first(&Facts { weights: vec![weight], ..facts() }, None)
    };
    assert_eq!(weight(&|_| {}), [Kind::Unexplained]);
    assert_eq!(weight(&|weight| weight.inputs[3] = 100.0), [Kind::OutlierWeight]);
    assert_eq!(weight(&|weight| weight.inputs.truncate(3)), [Kind::FewChannels]);
    let spread = |weight: &mut WeightFacts| weight.outputs[1] = 100.0;
    assert_eq!(weight(&spread), [Kind::Unexplained], "each channel has a scale");
    let one_scale = |weight: &mut WeightFacts| (weight.outputs[1], weight.scales) = (100.0, 1);
    assert_eq!(weight(&one_scale), [Kind::SharedScale]);
    let all = |weight: &mut WeightFacts| {
        (weight.outputs[1], weight.outputs[2], weight.scales) = (100.0, 0.0, 1);
        weight.inputs = vec![1.0, 100.0, 1.0];
    };
    assert_eq!(weight(&all).len(), MOST_REASONS);
}

//! The methods in their order.

use std::collections::BTreeSet;

use super::equalize::Equalizer;
use super::measure::Subject;
use super::scaled::statistics;
use super::{Passes, RecoverOptions, Recovered, awq, biases, rounding, smooth, smoothed};
use crate::emit::Ranges;
use crate::emit::qdq_model::{self, ReadyWeights};
use crate::error::Result;
use crate::graph::NodeId;
use crate::onnx::Network;
use crate::pipeline::prepared::for_target;
use crate::place::Plan;
use crate::recover::bias;
use crate::recover::layer::layers;
use crate::report::recovery::{LayerRecovery, RecoveryMethod, RecoveryReport};

/// Carries out [`Prepared::recover`](crate::pipeline::Prepared::recover).
pub(super) fn recover(
    mut network: Network,
    whole: &Plan,
    ranges: &Ranges,
    options: &RecoverOptions,
    passes: &mut Passes<'_>,
) -> Result<Recovered> {
    let RecoverOptions { weights, recovery, .. } = options;
    let mut ranges = ranges.clone();
    let mut whole = whole.clone();
    let (mut plan, bodies) = outside_bodies(&network, &whole);
    let bodies = &bodies;
    let mut report = RecoveryReport::default();
    let mut scaled: BTreeSet<String> = BTreeSet::new();
    if recovery.equalization {
        let equalizer = Equalizer::new(&mut network, &plan, &mut ranges, options);
        let (entries, between) = equalizer.run(passes)?;
        report.layers.extend(entries);
        scaled.extend(between);
        report.layers.extend(left_alone(bodies, RecoveryMethod::Equalization));
    }
    let mut multiplied = Vec::new();
    if recovery.smooth {
        let subject = Subject { network: &network, plan: &plan, ranges: &ranges, weights };
        let (kept, entries) = smooth::find(subject, options.method, passes)?;
        let smoothed = smoothed::apply(network, &whole, &mut ranges, kept)?;
        (network, whole, multiplied) = (smoothed.network, smoothed.plan, smoothed.multiplied);
        plan = outside_bodies(&network, &whole).0;
        scaled.extend(smoothed.scaled);
        report.layers.extend(entries);
        report.layers.extend(smoothed.entries);
        report.layers.extend(left_alone(bodies, RecoveryMethod::Smoothing));
    }
    if recovery.awq {
        let subject = Subject { network: &network, plan: &plan, ranges: &ranges, weights };
        let (kept, entries) = awq::find(subject, passes)?;
        scaled.extend(awq::apply(&mut network, &kept)?);
        report.layers.extend(entries);
        report.layers.extend(left_alone(bodies, RecoveryMethod::ActivationAwareScaling));
    }
    let names: Vec<String> = scaled.into_iter().collect();
    let scaled = statistics(&network.model, &names, passes)?;
    let subject = Subject { network: &network, plan: &plan, ranges: &ranges, weights };
    let mut ready = ReadyWeights::new();
    if recovery.learned_rounding {
        let (found, entries) = rounding::learn_rounding(subject, passes)?;
        ready = found;
        report.layers.extend(entries);
        report.layers.extend(left_alone(bodies, RecoveryMethod::LearnedRounding));
    }
    let mut quantized = qdq_model::quantize_with(&network, &whole, &ranges, weights, &ready)?;
    if recovery.bias_correction {
        let (biases, entries) = biases::correct_biases(subject, &ready, passes)?;
        bias::apply(&mut quantized, &network.graph, &biases)?;
        report.layers.extend(entries);
        report.layers.extend(left_alone(bodies, RecoveryMethod::BiasCorrection));
    }
    let mut model = for_target(quantized, &whole)?.nested()?;
    if let Some(cost) = smoothed::cost(&multiplied) {
        model.add_finding(cost);
    }
    Ok(Recovered { model, float: network.model.nested()?, ranges, scaled, report })
}

/// Returns the plan without the layers in bodies of Loop and Scan, and the names of these layers.
///
/// Their results come from all iterations at once, so that no method can separate the channels.
fn outside_bodies(network: &Network, plan: &Plan) -> (Plan, Vec<String>) {
    let graph = &network.graph;
    let bodies = network.model.nodes_in_bodies();
    let inside: BTreeSet<NodeId> =
        graph.node_ids().filter(|&id| bodies.contains(&network.position(id))).collect();
    let layers = layers(graph, plan).into_iter().map(|layer| layer.node).filter(|node| inside.contains(node));
    let names = layers.map(|node| graph.node(node).name.clone()).collect();
    (plan.without(&inside, IN_BODY), names)
}

const IN_BODY: &str = "it lies in the body of a Loop or Scan, which runs several times for one sample";

fn left_alone(layers: &[String], method: RecoveryMethod) -> impl Iterator<Item = LayerRecovery> + '_ {
    layers.iter().map(move |layer| LayerRecovery::left_alone(method, layer, IN_BODY))
}

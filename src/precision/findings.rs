//! Reasons of nodes that compute in 16 bits, and the findings of a plan.

use super::context::Context;
use super::{Facts, Half, Limited, NodePrecision, Precision, storage};
use crate::dtype::DataType;
use crate::finding::{Finding, counted};
use crate::graph::{Graph, Node, NodeId, TensorId, TensorKind};
use crate::place::existing::is_pair;

/// Returns the reason why a node may compute in 16 bits.
pub(super) fn well_stored(context: &Context<'_>, node: &Node) -> String {
    let inside = match &*node.op {
        "LayerNormalization" | "GroupNormalization" => ", and it sums in float32 inside",
        "Softmax" | "LogSoftmax" => ", and it subtracts the largest first",
        _ => "",
    };
    let stored: Vec<TensorId> =
        context.stored(node).filter(|&id| context.graph.tensor(id).kind != TensorKind::Constant).collect();
    let known: Vec<&Facts> = stored.iter().filter_map(|&id| context.evidence.get(id)).collect();
    if stored.is_empty() || is_pair(node) && known.is_empty() {
        return format!("its constants fit{inside}");
    }
    if known.is_empty() {
        return format!("nothing is known of its values{inside}");
    }
    let largest = known.iter().map(|facts| facts.largest).fold(0.0, f32::max);
    let some = if known.len() < stored.len() { ", as far as they are known" } else { "" };
    format!("its values fit, with a largest of {largest:.4e}{some}{inside}")
}

/// Returns the finding about nodes that the user forced against the rules.
pub(super) fn against_the_rules(graph: &Graph, forced: &[NodeId]) -> Option<Finding> {
    let names: Vec<&str> = forced.iter().map(|&id| &*graph.node(id).name).collect();
    (!names.is_empty()).then(|| {
        let count = counted(names.len(), "node");
        Finding::warning(format!(
            "{count} in half precision by your choice, against what is known of the values"
        ))
        .about(names)
        .with_remedy("compare the model with its float form on data")
    })
}

/// Returns the finding about nodes that the user named for half precision and that have no 16-bit form.
pub(super) fn without_half(graph: &Graph, half: Half, refused: &[NodeId]) -> Option<Finding> {
    let names: Vec<&str> = refused.iter().map(|&id| &*graph.node(id).name).collect();
    (!names.is_empty()).then(|| {
        Finding::warning(format!("cannot be in {half} and stay in float32, whatever you chose"))
            .about(names)
            .with_remedy(format!("see the reasons with '{}'", half.inspection()))
    })
}

/// Returns the finding about Quantize and Dequantize that stay in float32 for their steps.
pub(super) fn unheld_steps(graph: &Graph, half: Half, unheld: &[NodeId]) -> Option<Finding> {
    let names: Vec<&str> = unheld.iter().map(|&id| &*graph.node(id).name).collect();
    (!names.is_empty()).then(|| {
        let count = counted(names.len(), "node");
        Finding::note(format!(
            "{count} of QuantizeLinear and DequantizeLinear stay in float32, with Casts around them, as \
             {half} cannot hold their steps"
        ))
        .about(names)
        .with_remedy("leave the layers that read them in float if the Casts cost more than INT8 gains")
    })
}

/// Returns the findings about masks, and about values of which nothing is known.
pub(super) fn findings(context: &Context<'_>, nodes: &[NodePrecision], masks: &[Limited]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !masks.is_empty() {
        let what = format!(
            "masks end at the lowest number of {}, or at half of it: only a Softmax reads them, and its result is 0 as before",
            context.half
        );
        findings.push(Finding::note(what).about(masks.iter().map(|mask| context.name(mask.tensor))));
    }
    let is_unknown = |node: &&NodePrecision| {
        let mut stored = context.stored(context.graph.node(node.node));
        let is_activation = |id: TensorId| context.graph.tensor(id).kind == TensorKind::Activation;
        node.precision == Precision::Half
            && stored.any(|id| is_activation(id) && context.evidence.get(id).is_none())
    };
    let unknown: Vec<&str> =
        nodes.iter().filter(is_unknown).map(|node| &*context.graph.node(node.node).name).collect();
    if !unknown.is_empty() {
        let what = format!(
            "{} in half precision, although nothing is known of their values",
            counted(unknown.len(), "node")
        );
        findings.push(
            Finding::warning(what)
                .about(unknown)
                .with_remedy("calibrate with data or give statistics, or keep nodes in float32"),
        );
    }
    findings
}

/// Returns the finding about inputs and outputs of the model that become 16-bit although their values do not
/// fit.
pub(super) fn unfit_borders(context: &Context<'_>) -> Option<Finding> {
    let graph = context.graph;
    let is_unfit = |id: &TensorId| {
        let tensor = graph.tensor(*id);
        let is_border = tensor.is_output || tensor.kind == TensorKind::Input;
        is_border && tensor.dtype == Some(DataType::F32) && storage::refusal(context, *id).is_some()
    };
    let names: Vec<&str> = graph.tensor_ids().filter(is_unfit).map(|id| context.name(id)).collect();
    (!names.is_empty()).then(|| {
        let what = format!("inputs and outputs become {} although their values do not fit", context.half);
        let remedy = "leave inputs and outputs in float32, or scale their values";
        Finding::warning(what).about(names).with_remedy(remedy)
    })
}

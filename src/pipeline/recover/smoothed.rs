//! A model with smoothed activations.

use crate::emit::Ranges;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, counted};
use crate::graph::Edge;
use crate::onnx::{Edits, Network, NodeSpec, Position};
use crate::place::Plan;
use crate::report::recovery::LayerRecovery;

use super::smooth::Kept;

/// The reason why a Mul that divides channels stays in float.
const DIVIDES: &str = "it divides the channels for the layers behind it (smoothing)";

/// A model with smoothed activations.
pub(super) struct Smoothed {
    pub network: Network,
    /// The given plan for this network.
    pub plan: Plan,
    /// The tensors that differ from those of the given model, or that it does not have.
    pub scaled: Vec<String>,
    /// The activations that a Mul divides.
    pub multiplied: Vec<String>,
    pub entries: Vec<LayerRecovery>,
}

/// Scales the activations and the weights that read them.
pub(super) fn apply(
    mut network: Network,
    plan: &Plan,
    ranges: &mut Ranges,
    kept: Vec<Kept>,
) -> Result<Smoothed> {
    let graph = network.graph.clone();
    let (mut edits, mut names) = (Edits::new(), network.model.unique_names());
    let (mut scaled, mut entries, mut products) = (Vec::new(), Vec::new(), Vec::new());
    for Kept { site, scales, amax, balance, entries: own } in kept {
        for (_, name, value) in site.weights(&network.model, &scales)?.ok_or_else(|| {
            Error::new(ErrorKind::Internal, "the weights of a layer no longer take its scales")
        })? {
            network.model.set_constant(&name, value)?;
        }
        let tensor = graph.tensor(site.tensor);
        let how = if let Some(constants) = site.fold(&network.model, &scales)? {
            for (_, name, value) in constants {
                network.model.set_constant(&name, value)?;
            }
            let outputs = site.before().iter().filter_map(|&node| graph.node(node).output(0));
            scaled.extend(outputs.map(|tensor| graph.tensor(tensor).name.clone()));
            ranges.set(&tensor.name, amax)?;
            "folded into what stands before".to_owned()
        } else {
            let [factors, product] =
                ["factors", "smoothed"].map(|part| names.fresh(&format!("{}_{part}", tensor.name)));
            let value = site.factors(&scales)?;
            let shape = value.shape().to_vec();
            network.model.add_initializer(&factors, &shape, value.into_data())?;
            let position =
                tensor.producer.map_or(Position::Start, |node| Position::After(network.position(node)));
            let name = names.fresh(&format!("{}_Mul", tensor.name));
            edits.insert(position, NodeSpec::new("Mul", &name, &[&tensor.name, &factors], &[&product]));
            for edge in site.edges() {
                edits.replace_input(network.position(edge.node), edge.input, &product);
            }
            ranges.set(&product, amax)?;
            scaled.push(product.clone());
            products.push((site, product));
            match own.len() {
                1 => "one Mul more".to_owned(),
                layers => format!("one Mul more for {layers} layers"),
            }
        };
        let what = format!("input channels scaled, balance {balance}, {how}");
        entries.extend(own.into_iter().map(|entry| LayerRecovery { what: what.clone(), ..entry }));
    }
    let multiplied = products.iter().map(|(site, _)| graph.tensor(site.tensor).name.clone()).collect();
    if products.is_empty() {
        return Ok(Smoothed { network, plan: plan.clone(), scaled, multiplied, entries });
    }
    let (network, nodes) = network.extended(edits)?;
    let mut moved = plan.moved(&graph, &network.graph, &nodes, DIVIDES)?;
    for (site, product) in products {
        let find = |name: &str| network.graph.find(name);
        let (Some(from), Some(to)) = (find(&graph.tensor(site.tensor).name), find(&product)) else {
            continue;
        };
        let edges: Vec<_> = (site.edges()).map(|edge| Edge { node: nodes[edge.node.0], ..edge }).collect();
        moved.redirect(from, to, &edges);
    }
    Ok(Smoothed { network, plan: moved, scaled, multiplied, entries })
}

/// Returns the finding about activations that a Mul divides.
pub(super) fn cost(multiplied: &[String]) -> Option<Finding> {
    let message = format!(
        "{} divided by a Mul before Quantize (smoothing): each Mul is an elementwise operator \
         more, which TensorRT-RTX computes in the kernel of the Quantize",
        match multiplied.len() {
            1 => "1 activation is".to_owned(),
            count => format!("{} are", counted(count, "activation")),
        }
    );
    (!multiplied.is_empty()).then(|| Finding::note(message).about(multiplied.iter().cloned()))
}

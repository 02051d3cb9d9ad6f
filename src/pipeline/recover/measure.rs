//! The errors of layers in their written form: the one measurement that judges every method.

use std::sync::Arc;

use crate::emit::Ranges;
use crate::emit::Weights;
use crate::error::{ErrorKind, Result};
use crate::graph::{Graph, NodeId};
use crate::onnx::{Model, Network};
use crate::place::Plan;
use crate::recover::beside::{Segment, beside};
use crate::recover::errors::ErrorSums;
use crate::runtime::Unknown;

use super::Passes;
use super::meter::{Comparison, Meter};

/// The float model, and the form in which it is going to be written.
#[derive(Clone, Copy)]
pub(in crate::pipeline) struct Subject<'a> {
    pub network: &'a Network,
    pub plan: &'a Plan,
    pub ranges: &'a Ranges,
    pub weights: &'a Weights,
}

/// The reason why a segment has no measurement.
pub(super) const NOT_MEASURED: &str =
    "cannot be measured: it cannot be copied, or it reads what an operator computes that no runtime knows";

/// Runs the float model with a quantized copy of each segment beside it, and sums the copies' errors.
///
/// A segment and its copy read the same float input. The result is `None` for a segment that could not be
/// copied or is behind an operator that no runtime knows.
pub(in crate::pipeline) fn measure(
    subject: Subject<'_>,
    segments: &[Segment<'_>],
    passes: &mut Passes<'_>,
) -> Result<Vec<Option<ErrorSums>>> {
    if segments.is_empty() {
        return Ok(Vec::new());
    }
    let Subject { network, plan, ranges, weights } = subject;
    let copies = beside(network, plan, segments, ranges, weights)?;
    let comparison = |(segment, pair): (&Segment<'_>, &Option<(String, String)>)| {
        let (float, copy) = pair.clone()?;
        Some(Comparison {
            float,
            copy,
            axis: channels(&network.graph, *segment.nodes.last()?),
            unit: segment.unit.clone(),
        })
    };
    let comparisons: Vec<Option<Comparison>> = segments.iter().zip(&copies.pairs).map(comparison).collect();
    match run(&copies.model, &comparisons, passes) {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            let Some(unknown) = Unknown::of(&copies.model)? else { return Err(error) };
            let reached = comparisons
                .into_iter()
                .map(|comparison| comparison.filter(|comparison| !unknown.behind.contains(&comparison.float)))
                .collect::<Vec<_>>();
            run(&copies.model, &reached, passes)
        }
        measured => measured,
    }
}

fn run(
    model: &Model,
    comparisons: &[Option<Comparison>],
    passes: &mut Passes<'_>,
) -> Result<Vec<Option<ErrorSums>>> {
    let made: Vec<Comparison> = comparisons.iter().flatten().cloned().collect();
    if made.is_empty() {
        return Ok(comparisons.iter().map(|_| None).collect());
    }
    let (meter, taps) = Meter::new(&made);
    let meter = Arc::new(meter);
    passes.run(model, &taps, meter.clone())?;
    let mut sums = meter.take().into_iter();
    Ok(comparisons.iter().map(|comparison| comparison.as_ref().and_then(|_| sums.next())).collect())
}

/// Returns the axis of the channels that a node computes, as a function of the rank of its output.
fn channels(graph: &Graph, node: NodeId) -> fn(usize) -> usize {
    if graph.node(node).op.starts_with("Conv") { |_| 1 } else { |rank| rank.saturating_sub(1) }
}

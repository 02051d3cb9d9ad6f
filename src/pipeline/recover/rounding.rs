//! Learned rounding of a whole model.

use ndarray::Array2;

use crate::emit::qdq_model::ReadyWeights;
use crate::emit::round_weights::{round_to_nearest, scale_of};
use crate::error::Result;
use crate::graph::Graph;
use crate::kernel::parallel;
use crate::place::PlannedWeight;
use crate::quant::weights::{QuantizedWeights, max_level};
use crate::recover::layer::{Layer, Matrix, layers, matrix};
use crate::recover::moments;
use crate::recover::rounding;
use crate::report::recovery::{LayerRecovery, RecoveryMethod};
use crate::runtime::constant_value;

use super::Passes;
use super::gather::gather;
use super::measure::{NOT_MEASURED, Subject};
use super::rows::{Proposal, Weight, judge, keep_rows, key};

/// The most inputs of a weight's row that are searched, because H has the square of this number of elements.
///
/// The largest convolutions of ResNets have 4608.
const MOST_COLUMNS: usize = 4608;
/// The most bytes of moments that one pass over the data gathers, unless a single layer needs more.
const MOST_MOMENTS: usize = 512 << 20;

/// Rounds the weights of all layers by the data that passes through them.
pub(super) fn learn_rounding(
    subject: Subject<'_>,
    passes: &mut Passes<'_>,
) -> Result<(ReadyWeights, Vec<LayerRecovery>)> {
    let Subject { network, plan, weights, .. } = subject;
    let graph = &network.graph;
    let left_alone =
        |name: &str, why: &str| LayerRecovery::left_alone(RecoveryMethod::LearnedRounding, name, why);
    let layers = layers(graph, plan);
    let (mut todo, mut entries) = (Vec::new(), Vec::new());
    for (planned, weight) in plan.weights.iter().enumerate() {
        let own: Vec<&Layer> = layers.iter().filter(|layer| layer.planned == planned).collect();
        let names: Vec<&str> = own.iter().map(|layer| graph.node(layer.node).name.as_str()).collect();
        let name = if own.is_empty() { graph.tensor(weight.tensor).name.clone() } else { names.join(", ") };
        let value = constant_value(network, weight.tensor)?;
        match common_matrix(graph, &own, value.shape()) {
            Ok(matrix) => {
                let readers = own.iter().map(|layer| (layer.node, layer.input)).collect();
                todo.push(Weight { planned, readers, matrix, value, name });
            }
            Err(reason) => entries.push(left_alone(&name, &reason)),
        }
    }
    let mut proposals = Vec::new();
    let mut rest = todo.as_slice();
    while !rest.is_empty() {
        let mut bytes = 0usize;
        let fits = |weight: &&Weight| {
            bytes = bytes.saturating_add(moments::size(&weight.matrix));
            bytes <= MOST_MOMENTS
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (now, later) = rest.split_at(count);
        rest = later;
        for (weight, moments) in now.iter().zip(gather(network, now, passes)?) {
            let planned = &plan.weights[weight.planned];
            let nearest = round_to_nearest(network, planned, &weight.value, weights)?;
            let Some(moments) = moments.mean() else {
                entries.push(left_alone(&weight.name, "its inputs have no finite second moments"));
                continue;
            };
            let learned = parallel::within(passes.runtime.threads, || {
                round_weight((weight, planned), &nearest, weights.bits_of(planned.grid.format), &moments)
            })?;
            proposals.push(Proposal { weight, nearest, learned });
        }
    }
    let mut ready = ReadyWeights::new();
    for (Proposal { weight, nearest, learned }, errors) in
        proposals.iter().zip(judge(subject, &proposals, passes)?)
    {
        let Some(errors) = errors else {
            entries.push(left_alone(&weight.name, NOT_MEASURED));
            continue;
        };
        let (rounded, entry) = keep_rows(weight, nearest, learned, &errors);
        entries.push(entry);
        ready.insert(key(subject, weight), rounded);
    }
    Ok((ready, entries))
}

/// Returns the matrix that all readers of a weight have in common.
fn common_matrix(graph: &Graph, layers: &[&Layer], shape: &[usize]) -> std::result::Result<Matrix, String> {
    let mut matrices = layers.iter().map(|layer| matrix(graph.node(layer.node), layer.weight_input, shape));
    let first = matrices.next().ok_or("nothing quantized is multiplied with it")??;
    for other in matrices {
        if other? != first {
            return Err("its readers read it in different ways".into());
        }
    }
    if first.rows == 0 || first.columns == 0 {
        return Err("it has no weights".into());
    }
    if first.columns > MOST_COLUMNS {
        return Err(format!("its rows have {} weights, more than {MOST_COLUMNS}", first.columns));
    }
    Ok(first)
}

fn round_weight(
    (weight, planned): (&Weight, &PlannedWeight),
    nearest: &QuantizedWeights,
    bits: u32,
    moments: &[Array2<f32>],
) -> Result<QuantizedWeights> {
    let matrix = &weight.matrix;
    let high = max_level(bits)? as i8;
    let view = weight.value.view().data();
    let floats = view.to_f32().unwrap_or_default();
    let row = |row: usize| {
        let at = |column| matrix.at(row, column);
        let values: Vec<f32> = (0..matrix.columns).map(|column| floats[at(column)]).collect();
        let integers: Vec<i8> = (0..matrix.columns).map(|column| nearest.values[at(column)]).collect();
        let scale = |column| nearest.scale[scale_of(planned, weight.value.shape(), at(column))];
        let scales: Vec<f32> = (0..matrix.columns).map(scale).collect();
        rounding::round(&values, &integers, &scales, (-high - 1, high), moments[matrix.group(row)].view())
            .values
    };
    let mut rounded = nearest.clone();
    for (row, values) in parallel::tasks(matrix.rows, row).into_iter().enumerate() {
        for (column, value) in values.into_iter().enumerate() {
            rounded.values[matrix.at(row, column)] = value;
        }
    }
    Ok(rounded)
}

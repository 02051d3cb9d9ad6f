//! Learned rounding of a whole model.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::Array2;

use crate::emit::fold::constant_value;
use crate::emit::qdq_model::{ReadyWeights, Weights, round_to_nearest};
use crate::error::Result;
use crate::graph::{Graph, Node, NodeId, TensorId};
use crate::kernel::parallel;
use crate::onnx::Model;
use crate::pipeline::Prepared;
use crate::place::Plan;
use crate::quant::weights::{QuantizedWeights, max_level};
use crate::recover::bias;
use crate::recover::layer::{Layer, Matrix, layers, matrix};
use crate::recover::moments::{self, Moments};
use crate::recover::rounding::{self, Rounded};
use crate::report::recovery::{LayerRecovery, RecoveryMethod};
use crate::runtime::Tap;
use crate::tensor::{Tensor, TensorView};

use super::Passes;

/// More inputs of a weight's row than this are not searched: H has their square of numbers. The largest convolutions of
/// ResNets have 4608.
const MOST_COLUMNS: usize = 4608;
/// Bytes of moments that one pass over the data gathers at most, unless a single layer needs more.
const MOST_MOMENTS: usize = 512 << 20;

/// A planned weight to be rounded.
struct Weight {
    planned: usize,
    /// The nodes that read it and their inputs.
    readers: Vec<(NodeId, TensorId)>,
    matrix: Matrix,
    /// By what the square of the product grows on its way out of the layer: alpha² of a Gemm, in the mean over the readers.
    gain: f64,
    value: Tensor,
    name: String,
}

/// Rounds the weights of all layers by what passes through them.
pub(super) fn learn_rounding(
    prepared: &Prepared,
    plan: &Plan,
    weights: &Weights,
    passes: &mut Passes<'_>,
) -> Result<(ReadyWeights, Vec<LayerRecovery>)> {
    let Prepared { model, graph, .. } = prepared;
    let method = RecoveryMethod::LearnedRounding;
    let layers = layers(graph, plan);
    let (mut todo, mut entries) = (Vec::new(), Vec::new());
    for (planned, weight) in plan.weights.iter().enumerate() {
        let own: Vec<&Layer> = layers.iter().filter(|layer| layer.planned == planned).collect();
        let names: Vec<&str> = own.iter().map(|layer| graph.node(layer.node).name.as_str()).collect();
        let name = if own.is_empty() { graph.tensor(weight.tensor).name.clone() } else { names.join(", ") };
        let value = constant_value(model, graph, weight.tensor)?;
        match common_matrix(graph, &own, value.shape()) {
            Ok(matrix) => {
                let readers = own.iter().map(|layer| (layer.node, layer.input)).collect();
                let gains =
                    own.iter().map(|layer| f64::from(bias::number(graph.node(layer.node), "alpha")).powi(2));
                let gain = gains.sum::<f64>() / own.len() as f64;
                todo.push(Weight { planned, readers, matrix, gain, value, name });
            }
            Err(reason) => entries.push(LayerRecovery::left_alone(method, &name, reason)),
        }
    }
    let mut ready = ReadyWeights::new();
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
        for (weight, moments) in now.iter().zip(gather(model, graph, now, passes)?) {
            let planned = &plan.weights[weight.planned];
            let nearest = round_to_nearest(graph, planned, &weight.value, weights)?;
            let Some(moments) = moments.mean() else {
                entries.push(LayerRecovery::left_alone(
                    method,
                    &weight.name,
                    "its inputs have no finite second moments",
                ));
                continue;
            };
            let (rounded, entry) = parallel::within(passes.engine.threads, || {
                round_weight(weight, nearest, weights.bits, &moments)
            })?;
            entries.push(entry);
            ready.insert((graph.tensor(planned.tensor).name.clone(), planned.axis), rounded);
        }
    }
    Ok((ready, entries))
}

/// The matrix that all readers of a weight make of it.
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

/// Adds what each weight is multiplied with to its moments.
struct Gather {
    /// For each tap the weights that it is an input of, by their place, the node and what it takes to read the input.
    readers: Vec<Vec<(usize, Node)>>,
    weights: Vec<(Matrix, Vec<usize>)>,
    moments: Vec<Mutex<Moments>>,
    /// As many as the engine's, which waits meanwhile.
    threads: Option<usize>,
}

impl Tap for Gather {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        for (weight, node) in &self.readers[index] {
            let (matrix, shape) = &self.weights[*weight];
            let mut moments = self.moments[*weight].lock().unwrap_or_else(PoisonError::into_inner);
            parallel::within(self.threads, || moments.add(node, matrix, shape, value));
        }
        Ok(())
    }
}

/// Runs the float model once and gathers the moments of these weights' inputs.
fn gather(model: &Model, graph: &Graph, weights: &[Weight], passes: &mut Passes<'_>) -> Result<Vec<Moments>> {
    let mut readers: BTreeMap<TensorId, Vec<(usize, Node)>> = BTreeMap::new();
    for (at, weight) in weights.iter().enumerate() {
        for &(node, input) in &weight.readers {
            readers.entry(input).or_default().push((at, graph.node(node).clone()));
        }
    }
    let taps: Vec<String> = readers.keys().map(|&input| graph.tensor(input).name.clone()).collect();
    let gather = Arc::new(Gather {
        readers: readers.into_values().collect(),
        weights: weights.iter().map(|weight| (weight.matrix, weight.value.shape().to_vec())).collect(),
        moments: weights.iter().map(|weight| Mutex::new(Moments::new(&weight.matrix))).collect(),
        threads: passes.engine.threads,
    });
    passes.run(model, &taps, gather.clone())?;
    let take = |(moments, weight): (&Mutex<Moments>, &Weight)| {
        let mut moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *moments, Moments::new(&weight.matrix))
    };
    Ok(gather.moments.iter().zip(weights).map(take).collect())
}

fn round_weight(
    weight: &Weight,
    nearest: QuantizedWeights,
    bits: u32,
    moments: &[Array2<f64>],
) -> Result<(QuantizedWeights, LayerRecovery)> {
    let matrix = &weight.matrix;
    let high = max_level(bits)? as i8;
    let view = weight.value.view().data();
    let floats = view.to_f32().unwrap_or_default();
    let row = |row: usize| {
        let at = |column| matrix.at(row, column);
        let values: Vec<f32> = (0..matrix.columns).map(|column| floats[at(column)]).collect();
        let integers: Vec<i8> = (0..matrix.columns).map(|column| nearest.values[at(column)]).collect();
        let scale = nearest.scale[if nearest.scale.len() > 1 { row } else { 0 }];
        rounding::round(&values, &integers, scale, (-high - 1, high), moments[matrix.group(row)].view())
    };
    let rows: Vec<Rounded> = parallel::tasks(matrix.rows, row);
    let mut rounded = nearest.clone();
    for (row, found) in rows.iter().enumerate() {
        for (column, &value) in found.values.iter().enumerate() {
            rounded.values[matrix.at(row, column)] = value;
        }
    }
    let mean =
        |error: fn(&Rounded) -> f64| weight.gain * rows.iter().map(error).sum::<f64>() / rows.len() as f64;
    let changed = nearest.values.iter().zip(&rounded.values).filter(|(a, b)| a != b).count();
    let entry = LayerRecovery {
        method: RecoveryMethod::LearnedRounding,
        layer: weight.name.clone(),
        changed: (changed, rounded.values.len()),
        error: Some((mean(|row| row.error_before), mean(|row| row.error_after))),
        what: format!("{changed} of {} weights rounded the other way", rounded.values.len()),
    };
    Ok((rounded, entry))
}

//! Quantizing with the methods that recover accuracy.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::batch::BatchSource;
use crate::emit::Ranges;
use crate::emit::fold::constant_value;
use crate::emit::qdq_model::{self, ReadyWeights, Weights, round_to_nearest};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Graph, NodeId, TensorId};
use crate::observe::Stats;
use crate::onnx::Model;
use crate::place::Plan;
use crate::quant::weights::{QuantizedWeights, max_level};
use crate::range::Method;
use crate::recover::beside::{Original, Segment, beside};
use crate::recover::layer::{Layer, Matrix, layers, matrix};
use crate::recover::moments::{self, Moments};
use crate::recover::{Recovery, bias, rounding};
use crate::report::recovery::{LayerRecovery, RecoveryMethod, RecoveryReport};
use crate::runtime::{EngineOptions, Tap};
use crate::tensor::{Tensor, TensorView};

use super::calibrate::pass;
use super::equalize::equalize;
use super::meter::{Comparison, Meter};
use super::{Prepared, Progress, calibrate};

/// More inputs of a weight's row than this are not searched: H has their square of numbers. The largest convolutions of
/// ResNets have 4608.
const MOST_COLUMNS: usize = 4608;
/// Bytes of moments that one pass over the data gathers at most, unless a single layer needs more.
const MOST_MOMENTS: usize = 512 << 20;

/// What it takes to run over the data several times.
pub struct Passes<'a> {
    /// Opens the data from its beginning; called once for each pass.
    pub open: &'a mut dyn FnMut() -> Result<Box<dyn BatchSource>>,
    /// The engine that runs the models.
    pub engine: &'a EngineOptions,
    /// Called after every batch of every pass; `Break` stops with a `Cancelled` error.
    pub report: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
}

impl Passes<'_> {
    pub(super) fn run(&mut self, model: &Model, taps: &[String], tap: Arc<dyn Tap>) -> Result<()> {
        let mut source = (self.open)()?;
        pass(model, taps, tap, source.as_mut(), self.engine, self.report).map(drop)
    }

    pub(super) fn calibrate(&mut self, model: &Model, taps: &[String]) -> Result<Stats> {
        let mut source = (self.open)()?;
        calibrate(model, taps, source.as_mut(), self.engine, self.report)
    }
}

/// A quantized model and what was done for its accuracy.
#[derive(Clone)]
pub struct Recovered {
    /// The Q/DQ model.
    pub model: Model,
    /// The ranges that it has: where channels were equalized, they are others than those of the float model.
    pub ranges: Ranges,
    /// What each method changed.
    pub report: RecoveryReport,
}

/// As [`quantize`](super::quantize), with the methods of [`recover`](crate::recover) that `recovery` names, in their order:
/// equalization, learned rounding, bias correction. `method` is that of `ranges`; ranges between equalized layers are
/// computed by it anew.
///
/// The data is read once for learned rounding (more often where the moments of all layers do not fit into 512 MiB), once for bias
/// correction, and four times for equalization. Memory does not grow with the amount of data.
///
/// # Errors
/// Those of [`quantize`](super::quantize) and [`calibrate`]; `InvalidArgument` for learned rounding of weights that are
/// stored as float.
pub fn recover(
    prepared: &Prepared,
    plan: &Plan,
    ranges: &Ranges,
    method: Method,
    weights: Weights,
    recovery: Recovery,
    passes: &mut Passes<'_>,
) -> Result<Recovered> {
    if recovery.learned_rounding && weights.form == qdq_model::WeightForm::Float {
        let message = "learned rounding needs weights that are stored as int8";
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_remedy("store weights as int8, or leave learned rounding out"));
    }
    let (mut prepared, mut ranges) = (prepared.clone(), ranges.clone());
    let mut report = RecoveryReport::default();
    if recovery.equalization {
        report.layers.extend(equalize(&mut prepared, plan, &mut ranges, method, weights, passes)?);
    }
    let mut ready = ReadyWeights::new();
    if recovery.learned_rounding {
        let (found, entries) = learn_rounding(&prepared, plan, weights, passes)?;
        ready = found;
        report.layers.extend(entries);
    }
    let Prepared { model, graph, index, .. } = &prepared;
    let mut quantized = qdq_model::quantize_with(model, graph, index, plan, &ranges, weights, &ready)?;
    if recovery.bias_correction {
        let (biases, entries) = correct_biases(&prepared, plan, &ranges, weights, &ready, passes)?;
        bias::apply(&mut quantized, graph, &biases)?;
        report.layers.extend(entries);
    }
    Ok(Recovered { model: quantized, ranges, report })
}

fn left_alone(method: RecoveryMethod, layer: &str, what: impl Into<String>) -> LayerRecovery {
    LayerRecovery { method, layer: layer.to_owned(), changed: (0, 0), error: None, what: what.into() }
}

/// A planned weight to be rounded.
struct Weight {
    planned: usize,
    /// The nodes that read it and their inputs.
    readers: Vec<(NodeId, TensorId)>,
    matrix: Matrix,
    value: Tensor,
    name: String,
}

/// Rounds the weights of all layers by what passes through them.
fn learn_rounding(
    prepared: &Prepared,
    plan: &Plan,
    weights: Weights,
    passes: &mut Passes<'_>,
) -> Result<(ReadyWeights, Vec<LayerRecovery>)> {
    let Prepared { model, graph, .. } = prepared;
    let method = RecoveryMethod::LearnedRounding;
    let layers = layers(graph, plan);
    let (mut todo, mut entries) = (Vec::new(), Vec::new());
    for (planned, weight) in plan.weights.iter().enumerate() {
        let own: Vec<&Layer> = layers.iter().filter(|layer| layer.planned == planned).collect();
        let name =
            own.iter().map(|layer| graph.node(layer.node).name.as_str()).collect::<Vec<_>>().join(", ");
        let value = constant_value(model, graph, weight.tensor)?;
        match common_matrix(graph, &own, value.shape()) {
            Ok(matrix) => {
                let readers = own.iter().map(|layer| (layer.node, layer.input)).collect();
                todo.push(Weight { planned, readers, matrix, value, name });
            }
            Err(reason) => entries.push(left_alone(method, &name, reason)),
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
                entries.push(left_alone(method, &weight.name, "its inputs have no finite second moments"));
                continue;
            };
            let (rounded, entry) = round_weight(weight, nearest, weights.bits, &moments)?;
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
    if first.columns > MOST_COLUMNS {
        return Err(format!("its rows have {} weights, more than {MOST_COLUMNS}", first.columns));
    }
    Ok(first)
}

/// Adds what each weight is multiplied with to its moments.
struct Gather {
    /// For each tap the weights that it is an input of, by their place, the node and what it takes to read the input.
    readers: Vec<Vec<(usize, crate::graph::Node)>>,
    weights: Vec<(Matrix, Vec<usize>)>,
    moments: Vec<Mutex<Moments>>,
}

impl Tap for Gather {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        for (weight, node) in &self.readers[index] {
            let (matrix, shape) = &self.weights[*weight];
            let mut moments = self.moments[*weight].lock().unwrap_or_else(PoisonError::into_inner);
            moments.add(node, matrix, shape, value);
        }
        Ok(())
    }
}

/// Runs the float model once and gathers the moments of these weights' inputs.
fn gather(model: &Model, graph: &Graph, weights: &[Weight], passes: &mut Passes<'_>) -> Result<Vec<Moments>> {
    let mut readers: BTreeMap<TensorId, Vec<(usize, crate::graph::Node)>> = BTreeMap::new();
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
    moments: &[ndarray::Array2<f64>],
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
    let rows: Vec<rounding::Rounded> = (0..matrix.rows).into_par_iter().map(row).collect();
    let mut rounded = nearest.clone();
    for (row, found) in rows.iter().enumerate() {
        for (column, &value) in found.values.iter().enumerate() {
            rounded.values[matrix.at(row, column)] = value;
        }
    }
    let mean = |error: fn(&rounding::Rounded) -> f64| rows.iter().map(error).sum::<f64>() / rows.len() as f64;
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

type NewBiases = Vec<(bias::Bias, Vec<f32>)>;

/// Measures what each layer is off by in the mean and finds its new bias.
fn correct_biases(
    prepared: &Prepared,
    plan: &Plan,
    ranges: &Ranges,
    weights: Weights,
    ready: &ReadyWeights,
    passes: &mut Passes<'_>,
) -> Result<(NewBiases, Vec<LayerRecovery>)> {
    let Prepared { model, graph, index, .. } = prepared;
    let method = RecoveryMethod::BiasCorrection;
    let layers = layers(graph, plan);
    let segments: Vec<Segment<'_>> =
        layers.iter().map(|layer| Segment { nodes: vec![layer.node], ..Segment::default() }).collect();
    let copies = beside(Original { model, graph, index, plan }, &segments, ranges, weights, ready)?;
    let measured = layers.iter().zip(&copies.pairs);
    let (layers, comparisons): (Vec<&Layer>, Vec<Comparison>) = measured
        .filter_map(|(layer, pair)| {
            let (float, copy) = pair.clone()?;
            let axis: fn(usize) -> usize = if graph.node(layer.node).op.starts_with("Conv") {
                |_| 1
            } else {
                |rank| rank.saturating_sub(1)
            };
            Some((layer, Comparison { float, copy, axis }))
        })
        .unzip();
    let (meter, taps) = Meter::new(&comparisons);
    let meter = Arc::new(meter);
    passes.run(&copies.model, &taps, meter.clone())?;
    let (mut biases, mut entries) = (Vec::new(), Vec::new());
    for (layer, sums) in layers.into_iter().zip(meter.take()) {
        let name = graph.node(layer.node).name.as_str();
        let dtype =
            graph.tensor(plan.weights[layer.planned].tensor).dtype.unwrap_or(crate::dtype::DataType::F32);
        let bias = match bias::find(model, graph, layer, sums.channels(), dtype)? {
            Ok(bias) => bias,
            Err(reason) => {
                entries.push(left_alone(method, name, reason));
                continue;
            }
        };
        let Some(corrected) = bias::correct(&bias.values, &sums, bias.factor, |value| bias.stored(value))
        else {
            entries.push(left_alone(method, name, "no finite output was seen"));
            continue;
        };
        entries.push(LayerRecovery {
            method,
            layer: name.to_owned(),
            changed: (corrected.changed, corrected.values.len()),
            error: Some((corrected.error_before, corrected.error_after)),
            what: format!("{} of {} biases moved", corrected.changed, corrected.values.len()),
        });
        if corrected.changed > 0 {
            biases.push((bias, corrected.values));
        }
    }
    Ok((biases, entries))
}

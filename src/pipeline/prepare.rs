//! What happens to a model before anything looks at it.

use std::sync::Arc;

use super::QDQ_OPSET;
use crate::dtype::DataType;
use crate::error::Result;
use crate::finding::{self, Finding};
use crate::graph::{Graph, Node};
use crate::onnx::Model;
use crate::place::ops::is_weighted;
use crate::runtime::{computed_constants, constant_value, take_branches};

/// A model that is ready to be planned: its opset has per-channel Quantize/Dequantize.
#[derive(Clone)]
pub struct Prepared {
    /// The model, with its functions and the branches that always run put in where they are called.
    pub model: Model,
    /// The neutral view of its main graph. What follows from constants alone is a constant there.
    pub graph: Arc<Graph>,
    /// The position in the model of each node of the graph.
    pub index: Vec<usize>,
    /// The opset that the model came with.
    pub original_opset: i64,
    /// The inputs whose value is fixed ([`Model::fix_input`]) and which nothing reads any more: the model has them no more.
    pub dropped_inputs: Vec<String>,
    /// What the user must know of it; logged once, and part of every plan ([`Plan::findings`](crate::place::Plan::findings)).
    pub findings: Vec<Finding>,
}

/// Makes a model ready to be planned. Names of tensors stay as they are. Engines that are opened without it (comparisons, sessions)
/// take steps 1 and 3 as well, look at stored tensors, and take step 2 where the engine needs it:
///
/// 0. Stored tensors are looked at: each has the size that its shape says ([`Model::check_stored`]), and sparse ones become dense
///    ([`Model::make_dense`]).
/// 1. The model's own functions are put in where they are called ([`Model::inline_functions`]).
/// 2. Its opset is raised where Q/DQ needs it ([`Model::raise_opset`]).
/// 3. An If whose condition follows from constants, or from inputs that are fixed ([`Model::fix_input`]), gives way to the branch
///    that always runs. A fixed input that nothing reads then is no input any more, so that nobody can feed another value
///    and get what belongs to this one. The metadata keeps the values ([`Model::made_for`]).
/// 4. What follows from constants alone is a constant of the graph, computed by the embedded engine when its value is asked for,
///    up to [`crate::runtime::MOST_CONSTANT_BYTES`]. In a model that is written it stays as it was; only a quantized weight is
///    stored, and the nodes that computed it go.
///
/// Nodes were sorted when the model was read.
///
/// # Errors
/// `Unsupported` where an operator has no form in the higher opset; `Format` where functions or branches do not fit, or a stored
/// tensor its shape.
pub fn prepare(model: &Model) -> Result<Prepared> {
    let original_opset = model.opset();
    model.check_stored()?;
    let mut model = model.clone();
    model.make_dense()?;
    model.inline_functions()?;
    if model.opset() < QDQ_OPSET {
        model.raise_opset(QDQ_OPSET)?;
    }
    let (mut graph, index) = take_branches(&mut model)?;
    let not_computed = fold_constants(&model, &mut graph);
    let dropped_inputs = model.remove_unused_fixed_inputs();
    model.note_fixed_inputs();
    let mut findings = findings(&model, &dropped_inputs);
    findings.extend(not_computed);
    findings.extend(not_symmetric(&model, &graph));
    finding::log_all(&findings);
    Ok(Prepared { model, graph: Arc::new(graph), index, original_opset, dropped_inputs, findings })
}

/// States in the graph what follows from constants alone, as far as something else reads it. What only gives another form to a
/// stored constant needs no such statement: placement sees through it. What cannot be computed ahead stays an activation; that is
/// a finding where layers want it for a weight.
fn fold_constants(model: &Model, graph: &mut Graph) -> Option<Finding> {
    let mut left = Vec::new();
    for id in computed_constants(graph) {
        match constant_value(model, graph, id) {
            Ok(value) => graph.fold(id, value.dtype(), value.shape()),
            Err(error) => {
                let tensor = graph.tensor(id);
                tracing::debug!("'{}' is computed when the model runs: {error:#}", tensor.name);
                // What another tool has quantized, to int4 or float8, is stored and stays as it is.
                let is_quantized = graph.producer(id).is_some_and(|node| node.is("DequantizeLinear"));
                if !is_quantized && tensor.consumers.iter().any(|edge| is_weighted(graph.node(edge.node))) {
                    left.push(tensor.name.clone());
                }
            }
        }
    }
    (!left.is_empty()).then(|| {
        let what = "not quantized as weights, since they cannot be computed before the model runs";
        Finding::warning(what).about(left).with_remedy("store their values in the model when you export it")
    })
}

/// Says where the model's own Quantize and Dequantize are of a form that TensorRT refuses.
fn not_symmetric(model: &Model, graph: &Graph) -> Option<Finding> {
    let is_refused = |node: &Node| {
        let integers = if node.is("QuantizeLinear") { node.output(0) } else { node.input(0) };
        let is_uint8 = integers.is_some_and(|id| graph.tensor(id).dtype == Some(DataType::U8));
        let zero_point = node.input(2).map(|id| model.constant(&graph.tensor(id).name));
        let is_shifted = match zero_point {
            Some(Ok(Some(value))) => value.view().data().as_bytes().iter().any(|&byte| byte != 0),
            _ => false,
        };
        is_uint8 || is_shifted
    };
    let pairs = graph.nodes.iter().filter(|node| node.is("QuantizeLinear") || node.is("DequantizeLinear"));
    let refused: Vec<&str> = pairs
        .filter(|node| is_refused(node))
        .filter_map(|node| Some(graph.tensor(node.output(0)?).name.as_str()))
        .collect();
    (!refused.is_empty()).then(|| {
        let what = "the model's own QuantizeLinear and DequantizeLinear are of uint8 or have a zero point other than 0, which TensorRT \
                    refuses";
        Finding::warning(what).about(refused).with_remedy("give the float model, or quantize it symmetrically to int8")
    })
}

/// What the user must know of inputs whose value is fixed.
fn findings(model: &Model, dropped: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !dropped.is_empty() {
        let what =
            "what depends on inputs that are fixed is decided, and the model has no such inputs any more";
        findings.push(Finding::note(what).about(dropped));
    }
    let is_left = |name: &&str| !dropped.iter().any(|dropped| dropped == name);
    let left: Vec<&str> = model.fixed_inputs().map(|(name, _)| name).filter(is_left).collect();
    if !left.is_empty() {
        let what = "inputs are fixed for planning and calibration and stay inputs of the model, which holds for these values alone";
        findings
            .push(Finding::warning(what).about(left).with_remedy("feed these values when the model runs"));
    }
    findings
}

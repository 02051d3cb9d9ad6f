//! What happens to a model before anything looks at it.

use super::QDQ_OPSET;
use super::folded::fold_constants;
use super::prepared::Prepared;
use super::symmetric::{self, Symmetric};
use crate::error::Result;
use crate::finding::{self, Finding};
use crate::onnx::{Model, Network};
use crate::runtime::{lay_flat, take_branches};

/// Makes a model ready to be planned. Names of tensors stay as they are. Runtimes that are opened without it
/// (comparisons, sessions) take steps 1 and 3 as well, look at stored tensors, and take step 2 where the
/// runtime needs it:
///
/// 0. Stored tensors are looked at: each has the size that its shape says ([`Model::check_stored`]), and
///    sparse ones become dense ([`Model::make_dense`]).
/// 1. The model's own functions are put in where they are called ([`Model::inline_functions`]).
/// 2. Its opset is raised where Q/DQ needs it ([`Model::raise_opset`]), and Q/DQ of Microsoft's domain become
///    ONNX's own ([`Model::use_standard_pairs`]).
/// 3. An If whose condition follows from constants, or from inputs that are fixed ([`Model::fix_input`]),
///    gives way to the branch that always runs. A fixed input that nothing reads then is no input any more,
///    so that nobody can feed another value and get what belongs to this one. The metadata keeps the values
///    ([`Model::made_for`]).
/// 4. What lies in the subgraphs of If, Loop and Scan is laid flat if convolutions, products or another
///    tool's Q/DQ are among it ([`Model::flatten`]); [`Model::nested`] puts it back, and so do
///    [`Model::save`] and [`Model::encode`].
/// 5. QuantizeLinear and DequantizeLinear of another tool in forms that TensorRT refuses, not of int8 or with
///    a zero point, give way to ones that it takes, or to none, so that qdq quantizes anew what they
///    quantized.
/// 6. What follows from constants alone is a constant of the graph, computed by the embedded runtime when its
///    value is asked for, up to [`crate::runtime::MOST_CONSTANT_BYTES`] each and
///    [`crate::runtime::MOST_CONSTANT_BYTES_TOGETHER`]. In a model that is written it stays as it was; only a
///    quantized weight is stored, and the nodes that computed it go.
///
/// Nodes were sorted when the model was read.
///
/// # Errors
/// `Unsupported` where an operator has no form in the higher opset; `Format` where functions or branches do
/// not fit, or a stored tensor its shape.
pub fn prepare(model: &Model) -> Result<Prepared> {
    let original_opset = model.opset();
    model.check_stored()?;
    let mut model = model.clone();
    model.make_dense()?;
    model.inline_functions()?;
    if model.opset() < QDQ_OPSET {
        model.raise_opset(QDQ_OPSET)?;
    }
    model.use_standard_pairs();
    let mut network = take_branches(model)?.edit(lay_flat)?;
    let Symmetric { model, findings: rewritten } = symmetric::make_symmetric(&network)?;
    let is_remade = model.is_some();
    if let Some(model) = model {
        network = Network::of(model)?;
    }
    symmetric::mark(&mut network);
    let not_computed = fold_constants(&mut network);
    let dropped_inputs = network.model.remove_unused_fixed_inputs();
    network.model.note_fixed_inputs();
    let mut findings = findings(&network.model, &dropped_inputs);
    findings.extend(not_computed);
    findings.extend(rewritten);
    finding::log_all(&findings);
    Ok(Prepared { network, original_opset, dropped_inputs, is_remade, findings })
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

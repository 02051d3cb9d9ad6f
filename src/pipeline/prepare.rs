//! The preparation of a model for all other steps.

use super::QDQ_OPSET;
use super::folded::fold_constants;
use super::prepared::Prepared;
use super::symmetric::{self, Symmetric};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{self, Finding};
use crate::onnx::{Model, Network};
use crate::runtime::{flatten_subgraphs, take_branches};

/// Makes a model ready to be planned. Names of tensors stay as they are.
///
/// Runtimes that are opened without it (comparisons, sessions) also take steps 1 and 3 and check stored
/// tensors. They take step 2 if the runtime needs it:
///
/// 0. Stored tensors are checked: each must have the size that its shape states ([`Model::check_stored`]).
///    Sparse tensors become dense ([`Model::make_dense`]).
/// 1. The model's own functions are inlined ([`Model::inline_functions`]).
/// 2. The opset is raised if Q/DQ needs it ([`Model::raise_opset`]). Q/DQ of Microsoft's domain become ONNX's
///    own ([`Model::use_standard_pairs`]).
/// 3. An If whose condition follows from constants, or from fixed inputs ([`Model::fix_input`]), is replaced
///    by the branch that always runs. A fixed input that nothing reads then is removed. So nobody can feed
///    another value and get the results of this one. The metadata keeps the values ([`Model::made_for`]).
/// 4. The subgraphs of If, Loop and Scan are flattened if they contain convolutions, products or another
///    tool's Q/DQ ([`Model::flatten`]). [`Model::nested`], [`Model::save`] and [`Model::encode`] restore the
///    subgraphs.
/// 5. QuantizeLinear and DequantizeLinear of another tool in forms that TensorRT refuses (with a zero point,
///    in blocks of other numbers than int4, or none of int8, int4 and e4m3) are replaced by forms that it
///    accepts, or removed. qdq then quantizes anew what they quantized.
/// 6. Nodes without a name get one ([`Model::name_nodes`]), so that plans and written models name the same.
/// 7. Tensors that follow from constants alone become constants of the graph. The embedded runtime computes
///    them when their value is requested, up to [`crate::runtime::MOST_CONSTANT_BYTES`] each and
///    [`crate::runtime::MOST_CONSTANT_BYTES_TOGETHER`]. A written model keeps their nodes. Only a quantized
///    weight is stored, and the nodes that computed it are removed.
///
/// The nodes were sorted when the model was read.
///
/// # Errors
/// `Unsupported` if an operator has no form in the higher opset; `Format` if functions or branches do not
/// fit, or if a stored tensor does not fit its shape.
pub fn prepare(model: &Model) -> Result<Prepared> {
    prepare_with(model, &PrepareOptions::default())
}

/// The settings of the preparation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrepareOptions {
    /// The opset to which an older model is raised, if it can be; at least [`QDQ_OPSET`].
    ///
    /// If the model cannot be raised beyond [`QDQ_OPSET`], a finding says why.
    pub opset: i64,
    /// Whether another tool's Q/DQ that TensorRT refuses stay as they are: step 5 is left out.
    pub keeps_pairs: bool,
}

impl Default for PrepareOptions {
    fn default() -> Self {
        Self { opset: QDQ_OPSET, keeps_pairs: false }
    }
}

/// Refuses an opset below that of the model: a preparation raises the opset and never lowers it.
///
/// # Errors
/// `InvalidArgument` with both opsets.
pub fn check_opset(model: &Model, opset: i64) -> Result<()> {
    let own = model.opset();
    if opset >= own {
        return Ok(());
    }
    let message =
        format!("the model has opset {own}, which is raised if it must be and never lowered to {opset}");
    Err(Error::new(ErrorKind::InvalidArgument, message)
        .with_remedy(format!("leave the choice out, or ask for opset {own} or a higher one")))
}

/// Prepares a model as [`prepare`] does, with other settings.
///
/// # Errors
/// Those of [`prepare`].
pub fn prepare_with(model: &Model, options: &PrepareOptions) -> Result<Prepared> {
    let original_opset = model.opset();
    model.check_stored()?;
    let mut model = model.clone();
    model.make_dense()?;
    model.inline_functions()?;
    if model.opset() < QDQ_OPSET {
        model.raise_opset(QDQ_OPSET)?;
    }
    let not_raised = raise_further(&mut model, options.opset);
    model.use_standard_pairs();
    let mut network = take_branches(model)?.edit(flatten_subgraphs)?;
    let Symmetric { model, findings: rewritten } = match options.keeps_pairs {
        true => Symmetric::default(),
        false => symmetric::make_symmetric(&network)?,
    };
    let is_remade = model.is_some();
    if let Some(model) = model {
        network = Network::of(model)?;
    }
    network = network.edit(|model| Ok(model.name_nodes()))?;
    let kept = if options.keeps_pairs { symmetric::kept(&network) } else { Vec::new() };
    symmetric::mark(&mut network);
    let not_computed = fold_constants(&mut network);
    let dropped_inputs = network.model.remove_unused_fixed_inputs();
    network.model.note_fixed_inputs();
    let mut findings = findings(&network.model, &dropped_inputs);
    findings.extend(not_raised);
    findings.extend(not_computed);
    findings.extend(rewritten);
    findings.extend(kept);
    finding::log_all(&findings);
    Ok(Prepared { network, original_opset, dropped_inputs, is_remade, findings })
}

/// Raises the opset further, or returns the finding that says why it stays.
fn raise_further(model: &mut Model, opset: i64) -> Option<Finding> {
    if model.opset() >= opset {
        return None;
    }
    let mut raised = model.clone();
    match raised.raise_opset(opset) {
        Ok(_) => {
            *model = raised;
            None
        }
        Err(error) => {
            let what = format!("the model stays at opset {} instead of {opset}: {error}", model.opset());
            Some(Finding::warning(what))
        }
    }
}

/// Returns the findings about inputs whose value is fixed.
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

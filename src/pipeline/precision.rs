//! Half precision for a model: its evidence, its plan, and the model that carries the plan out.

use std::collections::BTreeMap;

use super::calibrate::CalibrateOptions;
use super::known::{BF16_OPSET, Constants, Known, plan_by};
use super::prepared::Prepared;
use super::{dequantized, folded, prepare::PrepareOptions, prepare::check_opset, prepare::prepare_with};
use crate::dtype::DataType;
use crate::emit::cast::cast;
use crate::emit::scale::{self, Channels};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{self, Finding};
use crate::graph::{Graph, TensorId, TensorKind};
use crate::kernel::parallel;
use crate::observe::TensorStats;
use crate::onnx::{Model, Network};
use crate::place::existing::{is_pair, is_pair_op};
use crate::precision::{self, Facts, Half, NodePrecision, Precision, PrecisionPlan, PrecisionPolicy};
use crate::runtime::{flatten_subgraphs, map_constants};
use crate::tensor::Data;

/// The opset at which Quantize and Dequantize have scales in the type of the data.
pub const HALF_QDQ_OPSET: i64 = 19;
/// A model in half precision, with its plan.
pub struct Halved {
    /// The model with its subgraphs.
    pub model: Model,
    /// The network for which the plan is: that before the Casts.
    pub network: Network,
    /// The plan.
    pub plan: PrecisionPlan,
    /// All findings: those of the plan, and those about constants and steps.
    pub findings: Vec<Finding>,
}

/// Makes a model ready for [`Prepared::cast`]: its opset has the 16-bit forms of its operators, or is
/// `opset`.
///
/// Q/DQ of other tools stay as they are.
///
/// # Errors
/// Those of [`prepare`](super::prepare) and of [`check_opset`].
pub fn prepare_cast(model: &Model, half: Half, opset: Option<i64>) -> Result<Prepared> {
    if let Some(opset) = opset {
        check_opset(model, opset)?;
    }
    let mut inlined = model.clone();
    inlined.inline_functions()?;
    let graph = inlined.graph()?;
    let has_pairs =
        graph.nodes.iter().any(|node| is_pair(node) || node.nested.iter().any(|op| is_pair_op(op)));
    let usual = match half {
        Half::Bf16 => BF16_OPSET,
        Half::F16 if has_pairs => HALF_QDQ_OPSET,
        Half::F16 => super::QDQ_OPSET,
    };
    prepare_with(model, &PrepareOptions { opset: opset.unwrap_or(usual), keeps_pairs: true })
}

impl Prepared {
    /// Adds the tensors that a plan of precision needs to the observed ones ([`precision::taps`]).
    pub fn observe_for_precision(&self, options: &mut CalibrateOptions) {
        let precision::PrecisionTaps { whole, sampled, limits } = precision::taps(self.graph());
        let names = |ids: Vec<TensorId>| ids.into_iter().map(|id| self.network.name(id).to_owned());
        options.also.extend(names(whole));
        options.sampled.extend(names(sampled));
        options.limits.extend(names(limits));
    }

    /// Plans the precision of the nodes, and logs the findings of the plan.
    ///
    /// # Errors
    /// `InvalidArgument` if a pattern of the policy matches no node.
    pub fn plan_precision(&self, known: Known<'_>, policy: &PrecisionPolicy) -> Result<PrecisionPlan> {
        policy.check(self.graph())?;
        let plan = plan(&self.network, known, policy);
        finding::log_all(&plan.findings);
        Ok(plan)
    }

    /// Converts the model to half precision, as it is: with the Q/DQ that it has.
    ///
    /// # Errors
    /// `Unsupported` if no node becomes 16-bit; `InvalidArgument` if a pattern of the policy matches no node;
    /// the errors of reading constants.
    pub fn cast(&self, known: Known<'_>, policy: &PrecisionPolicy) -> Result<Halved> {
        policy.check(self.graph())?;
        let plan = plan(&self.network, known, policy);
        if plan.count(Precision::Half) == 0 {
            return Err(nothing_to_do(self.graph(), &plan));
        }
        halved(self.network.clone(), plan)
    }
}

/// Converts a model that has just been quantized to half precision.
///
/// `known` has the values of the float model: its tensors have the same names.
///
/// A pattern of the policy that matches no node has no effect, and a model in which nothing becomes 16-bit is
/// no error.
///
/// # Errors
/// Those of reading and of editing the model.
pub fn halve(model: Model, known: Known<'_>, policy: &PrecisionPolicy) -> Result<Halved> {
    let mut network = Network::of(model)?.edit(flatten_subgraphs)?;
    folded::fold_constants(&mut network);
    let plan = plan(&network, known, policy);
    halved(network, plan)
}

fn halved(network: Network, plan: PrecisionPlan) -> Result<Halved> {
    let cast = cast(&network, &plan)?;
    let findings = [plan.findings.as_slice(), &cast.findings].concat();
    finding::log_all(&findings);
    Ok(Halved { model: cast.model.nested()?, network, plan, findings })
}

fn plan(network: &Network, known: Known<'_>, policy: &PrecisionPolicy) -> PrecisionPlan {
    let graph = &*network.graph;
    let is_fixed = |id: &TensorId| {
        let tensor = graph.tensor(*id);
        tensor.is_given() && !network.model.is_stored(&tensor.name)
    };
    let constants = Constants {
        facts: constants(network, policy.half),
        raised: raised_steps(network, policy.half),
        fixed: graph.tensor_ids().filter(is_fixed).collect(),
    };
    plan_by(graph, network.model.opset(), constants, known, policy)
}

/// Returns the facts about every float32 constant whose value can be had.
fn constants(network: &Network, half: Half) -> BTreeMap<TensorId, Facts> {
    let graph = &network.graph;
    let is_wanted = |id: &TensorId| {
        graph.tensor(*id).kind == TensorKind::Constant && graph.tensor(*id).dtype == Some(DataType::F32)
    };
    let (stored, wanted): (Vec<TensorId>, Vec<TensorId>) =
        graph.tensor_ids().filter(is_wanted).partition(|&id| dequantized::maker(graph, id).is_some());
    let of_stored = parallel::tasks(stored.len(), |at| {
        let stats = dequantized::stats(network, dequantized::maker(graph, stored[at])?)?;
        Facts::of(&stats, half)
    });
    let facts = map_constants(network, &wanted, |_, value| {
        let value = value.ok()?;
        let mut stats = TensorStats::new();
        stats.observe(&value.view().data().to_f32()?);
        Facts::of(&stats, half)
    });
    let all = stored.into_iter().zip(of_stored).chain(wanted.into_iter().zip(facts));
    all.filter_map(|(id, facts)| Some((id, facts?))).collect()
}

/// Returns, for each tensor of steps that the 16-bit type cannot hold, the share of the weight's energy in
/// the channels whose steps would be raised.
fn raised_steps(network: &Network, half: Half) -> BTreeMap<TensorId, f64> {
    let graph = &network.graph;
    let mut raised = BTreeMap::new();
    for node in graph.nodes.iter().filter(|node| node.is("DequantizeLinear")) {
        let (Some(integers), Some(steps)) = (node.input(0), node.input(1)) else { continue };
        let read = |id: TensorId| network.model.constant(network.name(id)).ok().flatten();
        let Some(steps_read) = read(steps) else { continue };
        let Data::F32(found) = steps_read.data() else { continue };
        if found.iter().all(|&step| scale::held(step, half.dtype()).is_some()) {
            continue;
        }
        let Some(stored) = read(integers) else { continue };
        let Some(values) = scale::stored_numbers(stored.view().data()) else { continue };
        let has_offset =
            node.input(2).is_some_and(|id| read(id).is_none_or(|zero| !zero.view().data().is_zero()));
        if has_offset {
            // Integers around another number than zero are not computed anew.
            raised.insert(steps, 1.0);
            continue;
        }
        let channels = Channels::of(node, stored.shape(), found.len());
        let value = |(at, &q): (usize, &f32)| f64::from(q) * f64::from(found[channels.at(at)]);
        let share = scale::raised_share(values.iter().enumerate().map(value), &channels, found, half.dtype());
        let known: &mut f64 = raised.entry(steps).or_default();
        *known = known.max(share);
    }
    raised
}

fn nothing_to_do(graph: &Graph, plan: &PrecisionPlan) -> Error {
    let stays = plan.count(Precision::Float32);
    let (message, remedy) = match plan.nodes.iter().find(|node| node.precision == Precision::Float32) {
        None => (
            "nothing is left to convert: no node computes float32 numbers".to_owned(),
            "use the model as it is".to_owned(),
        ),
        Some(NodePrecision { node, reason, .. }) => (
            format!(
                "nothing is left to convert: {} float32, such as '{}' ({reason})",
                if stays == 1 { "1 node stays".to_owned() } else { format!("{stays} nodes stay") },
                graph.node(*node).name
            ),
            format!("see all reasons with '{}', and force nodes into half precision", plan.half.inspection()),
        ),
    };
    Error::new(ErrorKind::Unsupported, message).with_remedy(remedy)
}

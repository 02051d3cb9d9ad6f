//! Makes a plan from a model and the user's options, and checks that it quantizes something.

use std::path::Path;

use qdq::dtype::DataType;
use qdq::emit::Ranges;
use qdq::error::{Error, ErrorKind, Result};
use qdq::graph::Graph;
use qdq::pipeline::{self, Prepared};
use qdq::place::existing::quantized_nodes;
use qdq::place::ops::{all_nested_weighted, is_weighted};
use qdq::place::{self, Format, Plan, Policy};

use crate::args::{InputArgs, PrecisionArgs};
use crate::resolve;

/// A model with its plan.
pub struct Planned {
    pub prepared: Prepared,
    pub plan: Plan,
}

impl Planned {
    pub fn open(
        model: &Path,
        inputs: &InputArgs,
        policy: &Policy,
        precision: Option<&PrecisionArgs>,
    ) -> Result<Self> {
        let model = resolve::model(model, inputs)?;
        let preparation = resolve::preparation(precision, &model, policy)?;
        let prepared = pipeline::prepare_with(&model, &preparation)?;
        let plan = prepared.plan(policy)?;
        Ok(Self { prepared, plan })
    }

    /// Returns the same model with the part of the plan for which `ranges` has ranges.
    pub fn restrict(self, policy: &Policy, ranges: &Ranges) -> Result<Self> {
        let plan = self.prepared.plan_for_ranges(policy, ranges)?;
        Ok(Self { plan, ..self })
    }

    /// Refuses a plan that quantizes nothing, if the output would be the unchanged model. `path` is for
    /// messages.
    pub fn check_worth(&self, path: &Path, policy: &Policy) -> Result<()> {
        if !self.plan.is_empty() || self.prepared.is_remade {
            return Ok(());
        }
        let model = path.display();
        let is_narrowed = !policy.include.is_empty() || !policy.exclude.is_empty();
        let (kind, message, remedy) = if is_narrowed && !self.default_plan()?.is_empty() {
            let message = format!("{model}: --include and --exclude leave nothing to quantize");
            let remedy = format!("see what they match with 'qdq inspect {model}' and the same options");
            (ErrorKind::InvalidArgument, message, remedy)
        } else if let Some(reason) = self.refusal_of_format(policy)? {
            let formats: Vec<&str> = policy.used_formats().map(Format::name).collect();
            let message = format!("{model}: nothing can be quantized to {}: {reason}", formats.join(" or "));
            let remedy =
                format!("see all reasons with 'qdq inspect {model}' and the same options, or choose int8");
            (ErrorKind::Unsupported, message, remedy)
        } else if quantized_nodes(self.prepared.graph()) > 0 {
            let message = format!("{model}: is quantized already");
            (ErrorKind::Unsupported, message, "give the float model that it was made from".to_owned())
        } else if let Some(inside) = all_nested_weighted(self.prepared.graph()) {
            let message = format!(
                "{model}: has nothing to quantize: {inside} lie in subgraphs inside the body of a Scan, where \
                 qdq quantizes nothing"
            );
            let remedy = format!(
                "export the model with the steps of the Scan written out, or fix the input that decides what runs; see 'qdq inspect {model}'"
            );
            (ErrorKind::Unsupported, message, remedy)
        } else {
            let message = format!("{model}: has nothing to quantize");
            let remedy = format!("see why with 'qdq inspect {model}'; {}", as_it_is(self.prepared.graph()));
            (ErrorKind::Unsupported, message, remedy)
        };
        Err(Error::new(kind, message).with_remedy(remedy))
    }

    /// Returns the reason for the last product or convolution that only another format than int8 leaves.
    fn refusal_of_format(&self, policy: &Policy) -> Result<Option<String>> {
        if policy.used_formats().eq([Format::Int8]) || self.default_plan()?.is_empty() {
            return Ok(None);
        }
        let graph = self.prepared.graph();
        let mut weighted =
            self.plan.decisions.iter().filter(|decision| is_weighted(graph.node(decision.node)));
        Ok(weighted.next_back().map(|decision| {
            format!("'{}' stays in float: {}", graph.node(decision.node).name, decision.reason)
        }))
    }

    /// Returns the plan without the user's options.
    fn default_plan(&self) -> Result<Plan> {
        place::plan(self.prepared.graph(), &Policy::default())
    }
}

/// Returns TensorRT's treatment of a model that is not quantized.
fn as_it_is(graph: &Graph) -> &'static str {
    if graph.tensors.iter().any(|tensor| tensor.dtype == Some(DataType::F64)) {
        "export it in float32, since TensorRT has no float64 and its ONNX parser casts to float32 only if it can"
    } else {
        "TensorRT takes the model as it is"
    }
}

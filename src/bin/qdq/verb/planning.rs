//! From a model and the user's wishes to a plan that is worth carrying out.

use std::path::Path;

use qdq::emit::Ranges;
use qdq::error::{Error, ErrorKind, Result};
use qdq::graph::Graph;
use qdq::onnx::Model;
use qdq::pipeline::{self, Prepared};
use qdq::place::{Plan, Policy};

use crate::term::Term;

/// A model with its plan.
pub struct Planned {
    pub prepared: Prepared,
    pub plan: Plan,
}

impl Planned {
    pub fn open(model: &Path, policy: &Policy) -> Result<Self> {
        let prepared = pipeline::prepare(&Model::open(model)?)?;
        let plan = pipeline::plan(&prepared, policy)?;
        Ok(Self { prepared, plan })
    }

    /// The same model with what of the plan `ranges` allow, and the planned tensors that have none.
    pub fn restrict(self, policy: &Policy, ranges: &Ranges) -> Result<(Self, Vec<String>)> {
        let plan = pipeline::plan_for_ranges(&self.prepared.graph, policy, ranges)?;
        let mut missing = pipeline::taps(&self.prepared.graph, &self.plan, false);
        missing.retain(|name| ranges.get(name).is_none());
        Ok((Self { plan, ..self }, missing))
    }

    /// Refuses a plan that quantizes nothing, which would write the model as it came; `path` is for messages.
    /// Says where the model is partly quantized already.
    pub fn check_worth(&self, path: &Path, policy: &Policy, term: &Term) -> Result<()> {
        let own = own_pairs(&self.prepared.graph);
        if !self.plan.is_empty() {
            if own > 0 {
                term.note(format_args!(
                    "the model has {own} QuantizeLinear and DequantizeLinear nodes already: they stay, and only \
                     nodes that read float are quantized"
                ));
            }
            return Ok(());
        }
        let model = path.display();
        let is_narrowed = !policy.include.is_empty() || !policy.exclude.is_empty();
        let (kind, message, remedy) = if is_narrowed && !self.default_plan()?.is_empty() {
            let message = format!("{model}: --include and --exclude leave nothing to quantize");
            let remedy = format!("see what they match with 'qdq inspect {model}' and the same options");
            (ErrorKind::InvalidArgument, message, remedy)
        } else if own > 0 {
            let message = format!(
                "{model}: is quantized already: it has {own} QuantizeLinear and DequantizeLinear nodes"
            );
            (ErrorKind::Unsupported, message, "give the float model that it was made from".to_owned())
        } else {
            let message = format!("{model}: has nothing to quantize");
            let remedy = format!("see why with 'qdq inspect {model}'; TensorRT takes the model as it is");
            (ErrorKind::Unsupported, message, remedy)
        };
        Err(Error::new(kind, message).with_remedy(remedy))
    }

    /// What would be quantized without the user's wishes.
    fn default_plan(&self) -> Result<Plan> {
        pipeline::plan(&self.prepared, &Policy::default())
    }
}

/// How many Quantize and Dequantize nodes the model came with.
fn own_pairs(graph: &Graph) -> usize {
    graph.nodes.iter().filter(|node| matches!(&*node.op, "QuantizeLinear" | "DequantizeLinear")).count()
}

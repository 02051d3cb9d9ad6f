//! A written model that may be in half precision.

use std::collections::BTreeMap;

use qdq::error::Result;
use qdq::finding::Finding;
use qdq::onnx::Model;
use qdq::pipeline::{self, Halved, Known};
use qdq::precision::PrecisionPolicy;
use qdq::report::numbers::NumbersOf;
use qdq::report::precision;
use serde_json::Value;

use crate::term::Term;

/// A quantized model: with the rest in float32, or in half precision.
pub enum Halves {
    Float32(Model),
    Half(Box<Halved>),
}

impl Halves {
    /// Converts the model if a policy asks for it.
    pub fn make(quantized: Model, known: Known<'_>, policy: Option<&PrecisionPolicy>) -> Result<Self> {
        Ok(match policy {
            None => Self::Float32(quantized),
            Some(policy) => Self::Half(Box::new(pipeline::halve(quantized, known, policy)?)),
        })
    }

    pub fn model(&self) -> &Model {
        match self {
            Self::Float32(model) => model,
            Self::Half(halved) => &halved.model,
        }
    }

    /// Lists the findings about the quantized model, and about its half precision.
    pub fn findings(&self) -> Vec<Finding> {
        let about_half: &[Finding] = match self {
            Self::Float32(_) => &[],
            Self::Half(halved) => &halved.findings,
        };
        [self.model().findings(), about_half].concat()
    }

    /// Adds the plan of precision to the result of a command.
    pub fn add_to(&self, json: &mut Value) {
        if let Self::Half(halved) = self {
            json["precision"] = precision::to_json(&halved.network.graph, &halved.plan);
        }
    }

    /// Replaces the reasons of nodes by those of the plan of precision, by the name of the node.
    ///
    /// Nodes on quantized numbers keep theirs.
    pub fn add_reasons(&self, reasons: &mut BTreeMap<String, String>) {
        let Self::Half(halved) = self else { return };
        let numbers = NumbersOf::new(&halved.network.graph);
        for decision in &halved.plan.nodes {
            let node = halved.network.graph.node(decision.node);
            if !numbers.of(node).is_quantized() && !decision.reason.is_empty() {
                reasons.insert(node.name.clone(), decision.reason.clone());
            }
        }
    }

    /// Returns the lines about half precision for the result of a command.
    pub fn text(&self, term: &Term) -> String {
        match self {
            Self::Float32(_) => String::new(),
            Self::Half(halved) => precision::totals(&halved.network.graph, &halved.plan, term.is_verbose()),
        }
    }
}

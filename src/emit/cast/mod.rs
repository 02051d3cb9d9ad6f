//! A model in which the nodes of a precision plan compute in 16 bits.
//!
//! Each tensor is stored in the type of the node that computes it. Nodes of the other type read one Cast of
//! it. A constant is converted in place, once for all its readers; a float32 copy stays for readers in
//! float32 alone. Inputs and outputs of the model keep their types, unless the plan says otherwise.

mod constants;
mod steps;
mod uses;

use std::collections::HashMap;

use crate::dtype::DataType;
use crate::error::Result;
use crate::finding::Finding;
use crate::graph::{NodeId, TensorId};
use crate::onnx::{AttributeValue, Edits, ElementType, Model, Network, NodeSpec, Position, UniqueNames};
use crate::precision::{Precision, PrecisionPlan};
pub(crate) use constants::stored;
pub(crate) use steps::readers_of_steps;
use uses::{Uses, is_stored_half};

/// A model in half precision.
pub struct Cast {
    /// The model. It is flat if the network was.
    pub model: Model,
    /// The findings about constants and steps.
    pub findings: Vec<Finding>,
}

/// Carries a precision plan out.
///
/// # Errors
/// `Data` or `Unsupported` if a constant cannot be read.
pub fn cast(network: &Network, plan: &PrecisionPlan) -> Result<Cast> {
    let mut caster = Caster {
        network,
        plan,
        half: plan.half.dtype(),
        model: network.model.clone(),
        edits: Edits::new(),
        names: network.model.unique_names(),
        types: HashMap::new(),
        captures: captures(network),
        replaced: HashMap::new(),
        findings: Vec::new(),
    };
    for id in network.graph.tensor_ids() {
        if network.graph.tensor(id).dtype == Some(DataType::F32) {
            caster.tensor(id)?;
        }
    }
    network.graph.node_ids().for_each(|id| caster.own_cast(id));
    let Caster { mut model, edits, types, findings, .. } = caster;
    model.edit(edits)?;
    model.state_types(&types);
    Ok(Cast { model, findings })
}

struct Caster<'a> {
    network: &'a Network,
    plan: &'a PrecisionPlan,
    half: DataType,
    model: Model,
    edits: Edits,
    names: UniqueNames,
    /// The new types of tensors that the model states.
    types: HashMap<String, ElementType>,
    /// The nodes whose subgraphs read a tensor.
    captures: HashMap<TensorId, Vec<NodeId>>,
    /// The 16-bit tensors in place of the outputs of removed Casts.
    replaced: HashMap<TensorId, String>,
    findings: Vec<Finding>,
}

fn captures(network: &Network) -> HashMap<TensorId, Vec<NodeId>> {
    let mut captures: HashMap<TensorId, Vec<NodeId>> = HashMap::new();
    for id in network.graph.node_ids() {
        for &captured in &network.graph.node(id).captures {
            captures.entry(captured).or_default().push(id);
        }
    }
    captures
}

impl Caster<'_> {
    fn tensor(&mut self, id: TensorId) -> Result<()> {
        let tensor = self.network.graph.tensor(id);
        let captures = self.captures.get(&id).cloned().unwrap_or_default();
        let uses = Uses::of(self.network, self.plan, id, captures);
        if tensor.is_given() && self.constant(id, &uses)? {
            return Ok(());
        }
        match is_stored_half(self.network, self.plan, id) {
            true => self.stored_half(id, &uses),
            false => self.stored_float32(id, &uses),
        }
        Ok(())
    }

    /// Treats a tensor whose maker computes in 16 bits.
    fn stored_half(&mut self, id: TensorId, uses: &Uses) {
        let tensor = self.network.graph.tensor(id);
        let name = tensor.name.clone();
        let keeps_type = tensor.is_output && !self.plan.half_io;
        let half_name = match keeps_type {
            true => self.renamed(id, self.half),
            false => name.clone(),
        };
        self.types.insert(half_name.clone(), self.half.into());
        if keeps_type || uses.needs_float32() {
            let float32 = if keeps_type { name.clone() } else { self.fresh(&name, DataType::F32) };
            self.insert_cast(id, &half_name, &float32, DataType::F32);
            self.rewire(uses.float32.iter(), &name, &float32);
            self.recapture(uses, &name, &float32);
        }
        self.rewire(uses.half.iter(), &name, &half_name);
        self.replace_casts(uses, &half_name);
    }

    /// Treats a tensor that stays in float32.
    fn stored_float32(&mut self, id: TensorId, uses: &Uses) {
        let tensor = self.network.graph.tensor(id);
        let name = tensor.name.clone();
        let becomes_half = tensor.is_output && self.plan.half_io && tensor.producer.is_some();
        if uses.half.is_empty() && !becomes_half {
            return;
        }
        if let Some(source) = self.source_of_cast(id).filter(|_| !becomes_half) {
            self.rewire(uses.half.iter(), &name, &source);
            self.replace_casts(uses, &source);
            if let Some(maker) = tensor.producer.filter(|_| !uses.keeps_float32()) {
                self.edits.remove(self.network.position(maker));
            }
            return;
        }
        let float32 = if becomes_half { self.renamed(id, DataType::F32) } else { name.clone() };
        let half_name = if becomes_half { name.clone() } else { self.fresh(&name, self.half) };
        if becomes_half {
            self.types.insert(name.clone(), self.half.into());
            self.rewire(uses.float32.iter().chain(&uses.others), &name, &float32);
            self.recapture(uses, &name, &float32);
        }
        self.insert_cast(id, &float32, &half_name, self.half);
        self.rewire(uses.half.iter(), &name, &half_name);
        self.replace_casts(uses, &half_name);
    }

    /// Returns the 16-bit tensor of which a float32 tensor is a Cast.
    fn source_of_cast(&self, id: TensorId) -> Option<String> {
        let graph = &self.network.graph;
        let source = graph.producer(id).filter(|node| node.is("Cast"))?.input(0)?;
        let replaced = self.replaced.get(&source).map(String::as_str);
        let name = replaced.unwrap_or_else(|| self.network.name(source));
        (graph.tensor(source).dtype == Some(self.half)).then(|| name.to_owned())
    }

    /// Gives the output of the maker another name, so that the tensor's own name is free for its Cast.
    fn renamed(&mut self, id: TensorId, dtype: DataType) -> String {
        let name = self.network.name(id).to_owned();
        let fresh = self.fresh(&name, dtype);
        if let Some(maker) = self.network.graph.tensor(id).producer {
            let outputs = &self.network.graph.node(maker).outputs;
            let index = outputs.iter().position(|output| *output == Some(id)).unwrap_or_default();
            self.edits.replace_output(self.network.position(maker), index, &fresh);
        }
        fresh
    }

    fn fresh(&mut self, name: &str, dtype: DataType) -> String {
        self.names.fresh(&format!("{name}_{dtype}"))
    }

    fn insert_cast(&mut self, id: TensorId, from: &str, to: &str, dtype: DataType) {
        let maker = self.network.graph.tensor(id).producer;
        let position = maker.map_or(Position::Start, |id| Position::After(self.network.position(id)));
        let name = self.names.fresh(&format!("{}_Cast_{dtype}", self.network.name(id)));
        self.edits.insert(position, NodeSpec::cast(&name, from, to, dtype));
    }

    fn rewire<'e>(&mut self, edges: impl Iterator<Item = &'e crate::graph::Edge>, old: &str, new: &str) {
        if old != new {
            for edge in edges {
                self.edits.replace_input(self.network.position(edge.node), edge.input, new);
            }
        }
    }

    fn recapture(&mut self, uses: &Uses, old: &str, new: &str) {
        if old != new {
            for &node in &uses.captures {
                self.edits.replace_capture(self.network.position(node), old, new);
            }
        }
    }

    /// Removes Casts of the source to the 16-bit type: their readers read `half_name`.
    fn replace_casts(&mut self, uses: &Uses, half_name: &str) {
        for &node in &uses.casts {
            let Some(output) = self.network.graph.node(node).output(0) else { continue };
            let name = self.network.name(output).to_owned();
            let readers = self.network.graph.tensor(output).consumers.clone();
            self.rewire(readers.iter(), &name, half_name);
            for id in self.captures.get(&output).into_iter().flatten() {
                self.edits.replace_capture(self.network.position(*id), &name, half_name);
            }
            self.edits.remove(self.network.position(node));
            self.replaced.insert(output, half_name.to_owned());
        }
    }

    /// Lets a Cast to float32 that computes in 16 bits make the 16-bit type instead, and a Dequantize that
    /// names float32 as its type.
    fn own_cast(&mut self, id: NodeId) {
        let node = self.network.graph.node(id);
        let makes_float32 = node
            .output(0)
            .is_some_and(|output| self.network.graph.tensor(output).dtype == Some(DataType::F32));
        let attribute = match &*node.op {
            "Cast" => "to",
            "DequantizeLinear" if node.int("output_dtype", 0) != 0 => "output_dtype",
            _ => return,
        };
        if node.domain.is_empty() && makes_float32 && self.plan.of(id) == Precision::Half {
            let code = i64::from(ElementType::from(self.half).code());
            self.edits.set_attribute(self.network.position(id), attribute, AttributeValue::Int(code));
        }
    }
}

//! Raising of the version of ONNX's own operators in a model.
//!
//! Each node passes every version between the old and the new one. If its operator changes at a version
//! ([`table`]), a small function converts it to one or several nodes with the same meaning.

mod attributes;
mod convert;
mod misc;
mod norm;
mod resize;
mod softmax;
mod table;

use std::collections::{HashMap, HashSet};

use super::Model;
use super::infer::Scope;
use super::node::{label, subgraphs_mut};
use super::proto::{FunctionProto, GraphProto, ModelProto, NodeProto};
use super::types::Known;
use super::value::shape_of;
use super::walk::{UniqueNames, graphs_mut, names_read};
use crate::error::{Error, ErrorKind, Result};
use convert::{Conversion, Convert, constant_node};
use table::{CHANGES, NEWEST, OLDEST, OPERATORS, ir_version};

/// The result of [`Model::raise_opset`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpsetChange {
    /// The opset before.
    pub from: i64,
    /// The opset now.
    pub to: i64,
    /// The labels of the nodes that were converted.
    pub converted: Vec<String>,
}

impl Model {
    /// Raises the version of ONNX's own operators to `to` in the whole model: main graph, subgraphs,
    /// functions. The model computes the same as before.
    ///
    /// Nothing happens if the model uses `to` or a higher version already. Opsets 7 to 21 can be raised, to
    /// 22 at most. If the IR version rises past 3, weights are removed from the list of the graph's inputs,
    /// where older versions repeat them.
    ///
    /// # Errors
    /// `InvalidArgument` if `to` is above 22; `Unsupported`, with the node's name, if a node has no
    /// equivalent at `to` or its operator is unknown. The model is unchanged then.
    pub fn raise_opset(&mut self, to: i64) -> Result<OpsetChange> {
        let from = self.opset();
        if from >= to {
            return Ok(OpsetChange { from, to: from, converted: Vec::new() });
        }
        check_range(from, to).map_err(|error| self.located(error))?;
        let mut proto = (*self.proto).clone();
        let mut raise = Raise::new(self, to);
        for graph in graphs_mut(&mut proto) {
            raise.graph(graph, from, None).map_err(|error| self.located(error))?;
        }
        for function in &mut proto.functions {
            raise.function(function).map_err(|error| self.located(error))?;
        }
        let converted = raise.converted;
        set_version(&mut proto.opset_import, to);
        set_ir_version(&mut proto, ir_version(to));
        *self.edited() = proto;
        Ok(OpsetChange { from, to, converted })
    }

    /// Raises only the functions, which declare their own versions.
    pub(super) fn raise_functions(&mut self, to: i64) -> Result<()> {
        let mut functions = self.proto.functions.clone();
        let mut raise = Raise::new(self, to);
        for function in &mut functions {
            raise.function(function).map_err(|error| self.located(error))?;
        }
        self.edited().functions = functions;
        Ok(())
    }
}

fn check_range(from: i64, to: i64) -> Result<()> {
    if to > NEWEST {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("the opset cannot be raised to {to}; {NEWEST} is the newest that qdq knows"),
        ));
    }
    if from < OLDEST {
        let message =
            format!("opset {from} is too old to be raised to {to}; {OLDEST} is the oldest that can be");
        return Err(Error::new(ErrorKind::Unsupported, message)
            .with_remedy(format!("export the model at opset {to}")));
    }
    Ok(())
}

fn changes() -> HashMap<(&'static str, i64), Convert> {
    CHANGES.iter().map(|&(op, version, convert)| ((op, version), convert)).collect()
}

/// Lists the names of the model's own functions in ONNX's own domain.
fn local_functions(model: &ModelProto) -> HashSet<String> {
    let own = model.functions.iter().filter(|function| super::is_default_domain(function.domain.as_deref()));
    own.filter_map(|function| function.name.clone()).collect()
}

fn set_version(imports: &mut [super::proto::OperatorSetIdProto], to: i64) {
    for import in imports.iter_mut().filter(|import| super::is_default_domain(import.domain.as_deref())) {
        import.version = Some(to);
    }
}

/// Sets the IR version.
///
/// From IR version 4 on, a weight among the inputs is a default that callers may replace. Before, every
/// weight had to be listed, and none was a default.
fn set_ir_version(model: &mut ModelProto, wanted: i64) {
    let old = model.ir_version.unwrap_or_default();
    if old < 4 && wanted >= 4 {
        let graph = model.graph.get_or_insert_default();
        let weights: HashSet<_> =
            graph.initializer.iter().filter_map(|tensor| tensor.name.as_deref()).collect();
        graph.input.retain(|input| !weights.contains(input.name.as_deref().unwrap_or_default()));
    }
    model.ir_version = Some(old.max(wanted));
}

/// The conversion of a whole model.
struct Raise<'a> {
    /// The model before the conversion.
    model: &'a Model,
    to: i64,
    changes: HashMap<(&'static str, i64), Convert>,
    names: UniqueNames,
    /// Every name that something in the model reads.
    read: HashSet<String>,
    functions: HashSet<String>,
    converted: Vec<String>,
}

impl<'a> Raise<'a> {
    fn new(model: &'a Model, to: i64) -> Self {
        Self {
            model,
            to,
            changes: changes(),
            names: model.unique_names(),
            read: names_read(&model.proto),
            functions: local_functions(&model.proto),
            converted: Vec::new(),
        }
    }
}

impl Raise<'_> {
    fn graph(&mut self, graph: &mut GraphProto, from: i64, outer: Option<&Scope<'_>>) -> Result<()> {
        let mut scope = Scope::of_graph(graph, outer);
        let mut constants = Vec::new();
        for node in std::mem::take(&mut graph.node) {
            graph.node.extend(self.node(node, from, &mut scope, &mut constants)?);
        }
        graph.initializer.append(&mut constants);
        Ok(())
    }

    fn function(&mut self, function: &mut FunctionProto) -> Result<()> {
        let own =
            function.opset_import.iter().filter(|import| super::is_default_domain(import.domain.as_deref()));
        let Some(from) = own.filter_map(|import| import.version).max().filter(|&from| from < self.to) else {
            return Ok(());
        };
        let name = function.name.clone().unwrap_or_default();
        let inside = |error: Error| error.within(format!("function '{name}'"));
        check_range(from, self.to).map_err(inside)?;
        let mut scope = Scope::default();
        let mut constants = Vec::new();
        let mut nodes = Vec::with_capacity(function.node.len());
        for node in std::mem::take(&mut function.node) {
            nodes.extend(self.node(node, from, &mut scope, &mut constants).map_err(inside)?);
        }
        // A function has no initializers; its constants are nodes.
        function.node = constants.into_iter().map(constant_node).chain(nodes).collect();
        set_version(&mut function.opset_import, self.to);
        Ok(())
    }

    /// Converts one node and its subgraphs.
    fn node(
        &mut self,
        mut node: NodeProto,
        from: i64,
        scope: &mut Scope<'_>,
        constants: &mut Vec<super::proto::TensorProto>,
    ) -> Result<Vec<NodeProto>> {
        scope.learn(&node);
        for graph in subgraphs_mut(&mut node) {
            self.graph(graph, from, Some(scope))?;
        }
        if !super::is_default_domain(node.domain.as_deref()) {
            return Ok(vec![node]);
        }
        self.check_known(&node, from)?;
        let name = label(&node);
        let stored = constants.len();
        let mut changed = false;
        let mut nodes = vec![node];
        for version in from + 1..=self.to {
            let mut next = Vec::with_capacity(nodes.len());
            for node in nodes {
                let op = node.op_type.as_deref().unwrap_or_default();
                let Some(&convert) = self.changes.get(&(op, version)) else {
                    next.push(node);
                    continue;
                };
                let mut conversion = Conversion {
                    model: self.model,
                    node,
                    version,
                    target: self.to,
                    scope,
                    read: &self.read,
                    names: &mut self.names,
                    constants,
                    before: Vec::new(),
                    after: Vec::new(),
                };
                changed |= convert(&mut conversion)?;
                next.append(&mut conversion.before);
                next.push(conversion.node);
                next.append(&mut conversion.after);
            }
            nodes = next;
        }
        self.converted.extend(Some(name).filter(|_| changed));
        for tensor in constants.iter().skip(stored) {
            let element = tensor.data_type.and_then(super::ElementType::from_code);
            if let (Some(name), Some(element), Ok(shape)) = (&tensor.name, element, shape_of(tensor)) {
                scope.note(name, Known::fixed(element, &shape));
            }
        }
        Ok(nodes)
    }

    fn check_known(&self, node: &NodeProto, from: i64) -> Result<()> {
        let op = node.op_type.as_deref().unwrap_or_default();
        if OPERATORS.binary_search(&op).is_ok() || self.functions.contains(op) {
            return Ok(());
        }
        let to = self.to;
        Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "{}: cannot be raised from opset {from} to {to}, since qdq does not know {op}",
                label(node)
            ),
        )
        .with_remedy(format!("export the model at opset {to} or later")))
    }
}

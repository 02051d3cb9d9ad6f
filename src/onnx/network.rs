//! A model and its main graph as one value.

use std::sync::Arc;

use super::{Edits, Model};
use crate::error::Result;
use crate::graph::{Graph, NodeId, TensorId, TensorKind};

/// A model, its main graph as a neutral graph, and the positions of the graph's nodes in the model.
#[derive(Clone, Debug)]
pub struct Network {
    /// The model. Changes to the names, the order or the number of its nodes go through [`Network::edit`],
    /// because the graph has the same.
    pub model: Model,
    /// Its main graph. `Constant` nodes and initializers are constants in it.
    pub graph: Arc<Graph>,
    /// The position in the model of each node of the graph.
    index: Vec<usize>,
}

impl Network {
    /// Describes the main graph of `model`.
    ///
    /// # Errors
    /// Those of [`Model::graph`].
    pub fn of(model: Model) -> Result<Self> {
        let (graph, index) = model.graph_with_index()?;
        Ok(Self { model, graph: Arc::new(graph), index })
    }

    /// Changes the model. If `change` returns true, the graph is made anew.
    ///
    /// # Errors
    /// Those of `change` and of [`Model::graph`].
    pub fn edit(self, change: impl FnOnce(&mut Model) -> Result<bool>) -> Result<Self> {
        let Self { mut model, graph, index } = self;
        if change(&mut model)? { Self::of(model) } else { Ok(Self { model, graph, index }) }
    }

    /// Adds nodes, and lets inputs read other tensors. Constants that the graph marks stay constants.
    ///
    /// Returns the nodes of the former graph in the new one, too.
    ///
    /// # Errors
    /// Those of [`Model::edit`] and [`Model::graph`].
    pub fn extended(self, edits: Edits) -> Result<(Self, Vec<NodeId>)> {
        let Self { mut model, graph: old, .. } = self;
        model.edit(edits)?;
        let mut network = Self::of(model)?;
        let graph = Arc::make_mut(&mut network.graph);
        for tensor in old.tensors.iter().filter(|tensor| tensor.kind == TensorKind::Constant) {
            if let (Some(id), Some(dtype), Some(shape)) =
                (graph.find(&tensor.name), tensor.dtype, tensor.fixed_shape())
                && tensor.producer.is_some()
            {
                graph.fold(id, dtype, &shape);
            }
        }
        let is_old = |id: &NodeId| {
            let mut outputs = graph.node(*id).outputs.iter().flatten();
            outputs.all(|&output| old.find(&graph.tensor(output).name).is_some())
        };
        let nodes = graph.node_ids().filter(is_old).collect();
        Ok((network, nodes))
    }

    /// Returns the position of a node in the model, as [`Model::node`] and [`Edits`](super::Edits) count.
    pub fn position(&self, node: NodeId) -> usize {
        self.index[node.0]
    }

    /// Returns the node of the graph for the model's node at `position`; `None` for a constant.
    pub fn node_at(&self, position: usize) -> Option<NodeId> {
        self.index.binary_search(&position).ok().map(NodeId)
    }

    /// Returns the name of a tensor.
    pub fn name(&self, tensor: TensorId) -> &str {
        &self.graph.tensor(tensor).name
    }
}

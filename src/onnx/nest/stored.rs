//! The content of graphs other than nodes.

use std::collections::{HashMap, HashSet};

use super::Nest;
use crate::onnx::proto::{GraphProto, TensorProto};

impl<'a> Nest<'a> {
    /// Returns the graphs without nodes: the main graph, and the other content of the subgraphs.
    pub fn stored(&self) -> HashMap<&'a str, GraphProto> {
        let mut main = GraphProto { node: Vec::new(), ..self.source.clone() };
        let mut graphs: HashMap<&str, GraphProto> = HashMap::new();
        let listed = listed(self.source);
        let around_readers = |name: &Option<String>| {
            let name = name.as_deref().filter(|name| !listed.contains(name))?;
            self.readers.get(name)?.iter().copied().reduce(|one, other| self.common(one, other))
        };
        let home = |name: &Option<String>| name.as_deref().and_then(|name| self.defined.get(name).copied());
        for tensor in std::mem::take(&mut main.initializer) {
            let name = tensor.name.as_deref().unwrap_or_default();
            if !self.shared.contains(name) {
                let place = around_readers(&tensor.name).unwrap_or_default();
                graphs.entry(place).or_default().initializer.push(tensor);
                continue;
            }
            for &place in self.readers.get(name).into_iter().flatten() {
                let name = self.renamed.get(&(place, name)).cloned().or(tensor.name.clone());
                graphs.entry(place).or_default().initializer.push(TensorProto { name, ..tensor.clone() });
            }
        }
        for tensor in std::mem::take(&mut main.sparse_initializer) {
            let place = around_readers(&tensor.values.name).unwrap_or_default();
            graphs.entry(place).or_default().sparse_initializer.push(tensor);
        }
        for note in std::mem::take(&mut main.quantization_annotation) {
            let place =
                home(&note.tensor_name).or_else(|| around_readers(&note.tensor_name)).unwrap_or_default();
            graphs.entry(place).or_default().quantization_annotation.push(note);
        }
        for info in std::mem::take(&mut main.value_info) {
            let place = home(&info.name).or_else(|| around_readers(&info.name)).unwrap_or_default();
            graphs.entry(place).or_default().value_info.push(info);
        }
        let taken = graphs.remove("").unwrap_or_default();
        main.initializer = taken.initializer;
        main.sparse_initializer = taken.sparse_initializer;
        main.quantization_annotation = taken.quantization_annotation;
        main.value_info = taken.value_info;
        graphs.insert("", main);
        graphs
    }
}

/// Lists the names of the graph's inputs. Before version 4 of the format, initializers are among them.
pub(super) fn listed(graph: &GraphProto) -> HashSet<&str> {
    graph.input.iter().filter_map(|info| info.name.as_deref()).collect()
}

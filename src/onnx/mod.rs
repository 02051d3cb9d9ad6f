//! ONNX files: read, edited and written without losing anything. Nothing here knows about quantization.
//!
//! A [`Model`] keeps the whole file: unknown fields at any depth, metadata, functions, subgraphs, training
//! information. Weights are not copied: they stay in the mapped file, inside it or beside it (external data),
//! until they are asked for or written.

mod alone;
mod branch;
mod called;
mod clip;
mod contrib;
mod defined;
mod detach;
mod edit;
mod element;
mod external;
mod flat;
mod infer;
mod initializer;
mod inline;
mod links;
mod load;
mod made_for;
mod mapped;
mod nest;
mod node;
mod reduce;
mod rename;
mod save;
mod sort;
mod sparse;
mod stated;
mod types;
mod upgrade;
mod value;
mod view;
mod walk;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use qdq_onnx_proto as proto;

pub use detach::Detached;
pub use edit::{Edits, Position};
pub use element::ElementType;
pub use initializer::InitializerData;
pub use made_for::FixedValue;
pub use node::{AttributeValue, NodeRef, NodeSpec};
pub use save::SaveOptions;
pub use upgrade::OpsetChange;
pub use walk::UniqueNames;

use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::tensor::{Tensor, TensorSpec};
use external::ExternalFiles;
use proto::ModelProto;
use stated::Stated;
use value::{ConstantValue, constant_value, is_constant};

/// An ONNX model. Clones share everything until one of them is edited, and the weights even then.
#[derive(Clone)]
pub struct Model {
    proto: Arc<ModelProto>,
    /// The file as it was read, until the first edit; none where reading changed it.
    source: Option<Bytes>,
    /// What messages call the model.
    origin: String,
    files: ExternalFiles,
    constants: OnceLock<Arc<HashMap<String, Stored>>>,
    stated: Arc<Stated>,
    /// Whether the main graph holds what lies in subgraphs ([`Model::flatten`]).
    is_flat: bool,
}

/// Where the main graph keeps a constant.
#[derive(Clone, Copy)]
enum Stored {
    Initializer(usize),
    Sparse(usize),
    Node(usize),
}

impl Model {
    /// Opens a file by mapping it into memory. External data is opened when it is first needed, and only from
    /// the model's own folder.
    ///
    /// The files must not be changed in place while the model lives; replacing them (renaming a new file over
    /// the old) is fine, which is also what [`Model::save`] does.
    ///
    /// # Errors
    /// `Io` where the file cannot be read, `Format` where it is no ONNX model or a damaged one.
    pub fn open(path: &Path) -> Result<Self> {
        Self::decode(mapped::file_bytes(path)?, path.display().to_string(), Some(path.to_owned()))
    }

    /// A model from memory. It has no folder, so that external data cannot be read.
    ///
    /// # Errors
    /// `Format` where the bytes are no ONNX model.
    pub fn from_bytes(bytes: Bytes) -> Result<Self> {
        Self::decode(bytes, "model".to_owned(), None)
    }

    fn decode(bytes: Bytes, origin: String, path: Option<PathBuf>) -> Result<Self> {
        let (proto, changed) = load::decode(&bytes, &origin)?;
        let source = Some(bytes).filter(|_| !changed);
        let files = ExternalFiles::new(path, &proto);
        Ok(Self { source, files, ..Self::new(proto, origin) })
    }

    fn new(proto: ModelProto, origin: String) -> Self {
        Self {
            proto: Arc::new(proto),
            source: None,
            origin,
            files: ExternalFiles::default(),
            constants: OnceLock::new(),
            stated: Arc::default(),
            is_flat: false,
        }
    }

    /// The folder where external data lies; `None` for a model from memory.
    pub fn folder(&self) -> Option<&Path> {
        self.files.folder()
    }

    /// The files beside the model's own that held its weights when it was read. [`Model::save`] never writes
    /// to one of them.
    pub fn data_files(&self) -> Vec<PathBuf> {
        self.files.paths()
    }

    /// The inputs that the caller must feed: those of the graph without the weights, which models before IR
    /// version 4 list as well, and without those whose value is fixed ([`Model::fix_input`]).
    pub fn inputs(&self) -> Vec<TensorSpec> {
        self.fed(self.declared_inputs())
    }

    /// The outputs of the graph.
    pub fn outputs(&self) -> Vec<TensorSpec> {
        self.proto.graph.output.iter().map(types::spec_of).collect()
    }

    /// The version of ONNX's own operators that the model uses; 0 where it imports none.
    pub fn opset(&self) -> i64 {
        let own = self.proto.opset_import.iter().filter(|import| is_default_domain(import.domain.as_deref()));
        own.map(|import| import.version.unwrap_or_default()).max().unwrap_or(0)
    }

    /// The version of the file format.
    pub fn ir_version(&self) -> i64 {
        self.proto.ir_version.unwrap_or_default()
    }

    /// The main graph as a neutral one. `Constant` nodes and stored tensors are constants there; see
    /// [`Model::graph_with_index`] for the way back to the model's nodes.
    ///
    /// # Errors
    /// `Format` where a node reads what no earlier node computes, or a name is defined twice;
    /// `Unsupported` for element types that ONNX does not define.
    pub fn graph(&self) -> Result<Graph> {
        Ok(self.graph_with_index()?.0)
    }

    /// The main graph, and for each of its nodes (by `NodeId`) the position of the model's node that it
    /// stands for, as [`Model::node`] and [`Edits`] count them.
    ///
    /// # Errors
    /// As [`Model::graph`].
    pub fn graph_with_index(&self) -> Result<(Graph, Vec<usize>)> {
        view::graph_of(self).map_err(|error| self.located(error))
    }

    /// The position of each node of the neutral graph, in its order: of every node that is no constant.
    pub fn positions(&self) -> Vec<usize> {
        let nodes = self.proto.graph.node.iter().enumerate();
        nodes.filter(|(_, node)| !is_constant(node)).map(|(position, _)| position).collect()
    }

    /// The nodes of the main graph in order.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = NodeRef<'_>> {
        self.proto.graph.node.iter().map(NodeRef::new)
    }

    /// Node `index` of the main graph.
    pub fn node(&self, index: usize) -> Option<NodeRef<'_>> {
        self.proto.graph.node.get(index).map(NodeRef::new)
    }

    /// The value of a stored tensor, of a `Constant` node of the main graph or of an input that is fixed;
    /// `None` where `name` is none of these.
    ///
    /// # Errors
    /// `Unsupported` for sparse tensors and for element types that qdq does not compute with; `Format` where
    /// data does not fit type and shape; `Io` where external data is missing.
    pub fn constant(&self, name: &str) -> Result<Option<Tensor>> {
        if let Some(value) = self.stated.fixed.get(name) {
            return Ok(Some(value.clone()));
        }
        let graph = &self.proto.graph;
        let Some(&place) = self.constants().get(name) else { return Ok(None) };
        let value = match place {
            Stored::Initializer(index) => value::tensor_of(&graph.initializer[index], &self.files),
            Stored::Sparse(index) => {
                ConstantValue::Sparse(&graph.sparse_initializer[index]).tensor(name, &self.files)
            }
            Stored::Node(index) => {
                constant_value(&graph.node[index]).and_then(|value| value.tensor(name, &self.files))
            }
        };
        value.map(Some).map_err(|error| self.located(error))
    }

    /// Where the constants of the main graph are, by name.
    fn constants(&self) -> &HashMap<String, Stored> {
        self.constants.get_or_init(|| {
            let graph = &self.proto.graph;
            let mut places = HashMap::new();
            for (index, node) in graph.node.iter().enumerate().filter(|(_, node)| is_constant(node)) {
                places.extend(node.output.first().map(|name| (name.clone(), Stored::Node(index))));
            }
            for (index, sparse) in graph.sparse_initializer.iter().enumerate() {
                places.extend(sparse.values.name.clone().map(|name| (name, Stored::Sparse(index))));
            }
            for (index, tensor) in graph.initializer.iter().enumerate() {
                places.extend(tensor.name.clone().map(|name| (name, Stored::Initializer(index))));
            }
            Arc::new(places)
        })
    }

    /// Puts the model's name before a message that names only a part of it.
    fn located(&self, error: Error) -> Error {
        error.within(&self.origin)
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("origin", &self.origin).field("opset", &self.opset()).finish()
    }
}

/// Whether `domain` is that of ONNX's own operators, which has two spellings.
fn is_default_domain(domain: Option<&str>) -> bool {
    matches!(domain, None | Some("" | "ai.onnx"))
}

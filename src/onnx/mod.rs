//! ONNX files: reading, editing and writing without loss. This module knows nothing about quantization.
//!
//! A [`Model`] keeps the whole file: unknown fields at any depth, metadata, functions, subgraphs, training
//! information. Weights are not copied. They stay in the mapped file, or in mapped files beside it (external
//! data), until they are requested or written.

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
mod float_types;
mod infer;
mod initializer;
mod inline;
mod links;
mod load;
mod made_for;
mod mapped;
mod name;
mod nest;
mod network;
mod node;
mod plain;
mod reduce;
mod rename;
mod retype;
mod rounded;
mod save;
mod sort;
mod sparse;
mod start;
mod stated;
mod types;
mod upgrade;
mod value;
mod view;
mod walk;
mod widen;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use qdq_onnx_proto as proto;

pub use detach::Detached;
pub use edit::{Edits, Position};
pub use element::ElementType;
pub use float_types::{FloatType, FloatTypes};
pub use initializer::InitializerData;
pub use made_for::FixedValue;
pub use network::Network;
pub use node::{AttributeValue, NodeRef, NodeSpec};
pub(crate) use plain::{from_plain_type, in_plain_type};
pub use save::SaveOptions;
pub use upgrade::OpsetChange;
pub use walk::UniqueNames;
pub use widen::Rounding;

use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::graph::Graph;
use crate::tensor::{Tensor, TensorSpec};
use external::ExternalFiles;
use proto::ModelProto;
use stated::Stated;
use value::{ConstantValue, constant_value, is_constant};

/// An ONNX model. Clones share all data until one of them is edited. They share the weights even then.
#[derive(Clone)]
pub struct Model {
    proto: Arc<ModelProto>,
    /// The file as it was read, until the first edit; `None` if reading changed the model.
    source: Option<Bytes>,
    /// The model's name in messages.
    origin: String,
    files: ExternalFiles,
    constants: OnceLock<Arc<HashMap<String, Stored>>>,
    stated: Arc<Stated>,
    /// Whether the main graph contains the nodes of subgraphs ([`Model::flatten`]).
    is_flat: bool,
    findings: Vec<Finding>,
}

/// The place of a constant in the main graph.
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
    /// The files must not be changed in place while the model exists. Replacing them is allowed (renaming a
    /// new file over the old one); [`Model::save`] does so.
    ///
    /// # Errors
    /// `Io` if the file cannot be read; `Format` if it is no ONNX model or is damaged.
    pub fn open(path: &Path) -> Result<Self> {
        Self::decode(mapped::file_bytes(path)?, path.display().to_string(), Some(path.to_owned()))
    }

    /// Reads a model from memory. It has no folder, so external data cannot be read.
    ///
    /// # Errors
    /// `Format` if the bytes are no ONNX model.
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
            findings: Vec::new(),
        }
    }

    /// Returns the folder of the external data; `None` for a model from memory.
    pub fn folder(&self) -> Option<&Path> {
        self.files.folder()
    }

    /// Lists the files beside the model that contained its weights when it was read. [`Model::save`] never
    /// writes to them.
    pub fn data_files(&self) -> Vec<PathBuf> {
        self.files.paths()
    }

    /// Returns the findings of the steps that gave the model its form for a target.
    ///
    /// Edits keep them; files do not hold them.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Adds a finding, and logs it.
    pub(crate) fn add_finding(&mut self, finding: Finding) {
        finding.log();
        self.findings.push(finding);
    }

    /// Lists the inputs that the caller must feed.
    ///
    /// These are the inputs of the graph without fixed inputs ([`Model::fix_input`]) and without the weights
    /// that models before IR version 4 also list as inputs.
    pub fn inputs(&self) -> Vec<TensorSpec> {
        self.fed(self.declared_inputs())
    }

    /// Lists the outputs of the graph.
    pub fn outputs(&self) -> Vec<TensorSpec> {
        self.proto.graph.output.iter().map(types::spec_of).collect()
    }

    /// Returns the version of ONNX's own operators that the model uses; 0 if it imports none.
    pub fn opset(&self) -> i64 {
        let own = self.proto.opset_import.iter().filter(|import| is_default_domain(import.domain.as_deref()));
        own.map(|import| import.version.unwrap_or_default()).max().unwrap_or(0)
    }

    /// Returns the IR version, the version of the file format.
    pub fn ir_version(&self) -> i64 {
        self.proto.ir_version.unwrap_or_default()
    }

    /// Converts the main graph to a neutral graph. `Constant` nodes and initializers become constants.
    /// [`Network`] also has the way back to the model's nodes.
    ///
    /// # Errors
    /// `Format` if a node reads a tensor that no earlier node computes, or if a name is defined twice;
    /// `Unsupported` for element types that ONNX does not define.
    pub fn graph(&self) -> Result<Graph> {
        Ok(self.graph_with_index()?.0)
    }

    /// Converts the main graph to a neutral graph. For each of its nodes (by `NodeId`), also returns the
    /// position of the model's node, as [`Model::node`] and [`Edits`] count them.
    fn graph_with_index(&self) -> Result<(Graph, Vec<usize>)> {
        view::graph_of(self).map_err(|error| self.located(error))
    }

    /// Iterates over the nodes of the main graph in order.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = NodeRef<'_>> {
        self.proto.graph.node.iter().map(NodeRef::new)
    }

    /// Returns node `index` of the main graph.
    pub fn node(&self, index: usize) -> Option<NodeRef<'_>> {
        self.proto.graph.node.get(index).map(NodeRef::new)
    }

    /// Returns the value of an initializer, of a `Constant` node of the main graph, or of a fixed input.
    /// Returns `None` if `name` is none of these.
    ///
    /// # Errors
    /// `Unsupported` for sparse tensors and for element types that qdq does not compute with; `Format` if the
    /// data does not match type and shape; `Io` if external data is missing.
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

    /// Returns the places of the main graph's constants, by name.
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

    /// Puts the model's name before an error message about a part of the model.
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

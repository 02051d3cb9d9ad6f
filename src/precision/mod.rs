//! A plan of precision: which nodes compute in a 16-bit type, and which stay in float32.
//!
//! A strongly typed TensorRT (11, RTX) computes in the types of the model. The plan is a pure function of the
//! graph, of what is known about its values, and of a policy. Its rules, in their order:
//!
//! 1. A node has a choice if ONNX defines it for the 16-bit type (`types`). The user's choice comes next.
//! 2. Casts from a 16-bit type that an exporter wrote mean float32 up to the Cast back (`guards`).
//! 3. A tensor is stored in 16 bits if its values fit, and if rounding them costs little (`storage`).
//! 4. Operators are judged by what they compute inside, and by what they do with small values (`delicate`).
//! 5. The node that makes what a delicate node reads stays in float32 with it.
//!
//! Everything else computes in the 16-bit type.

mod by_size;
mod context;
mod delicate;
mod draft;
mod evidence;
mod facts;
mod findings;
mod guards;
mod half;
mod io;
mod masks;
mod pairs;
mod plan;
mod positions;
mod sampling;
mod storage;
mod taps;
mod types;

use crate::error::Result;
use crate::finding::Finding;
use crate::graph::{Graph, NodeId, TensorId};
use crate::place::Selection;

pub use evidence::Evidence;
pub(crate) use evidence::MOST_RAISED;
pub use facts::Facts;
pub use half::Half;
pub use io::{input_is_half, output_is_half};
pub use plan::plan;
pub use taps::{PrecisionTaps, taps};

/// The factor by which the values of other data may exceed the largest value of the calibration data.
///
/// An overflow ruins the whole result, while a node in float32 only costs time. Four is two of the 40 octaves
/// of f16.
pub const MARGIN: f32 = 4.0;

/// The user's choices for half precision.
#[derive(Clone, Debug, Default)]
pub struct PrecisionPolicy {
    /// The 16-bit type.
    pub half: Half,
    /// The nodes that stay in float32.
    pub float32: Selection,
    /// The nodes that compute in the 16-bit type, whatever their values are.
    pub forced: Selection,
    /// Whether float32 inputs and outputs of the model become 16-bit as well.
    pub half_io: bool,
}

impl PrecisionPolicy {
    /// Refuses patterns and operators that match no node.
    ///
    /// # Errors
    /// `InvalidArgument`, with the pattern.
    pub fn check(&self, graph: &Graph) -> Result<()> {
        self.float32.check(graph, "float32")?;
        self.forced.check(graph, "half")
    }
}

/// The precision of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// Its float32 inputs and outputs become 16-bit.
    Half,
    /// Its float32 inputs and outputs stay.
    Float32,
    /// It has no float32 inputs or outputs.
    Neither,
}

/// The precision of a node and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePrecision {
    /// The node.
    pub node: NodeId,
    /// The precision.
    pub precision: Precision,
    /// The reason.
    pub reason: String,
}

/// A constant whose numbers the 16-bit form limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limited {
    /// The constant.
    pub tensor: TensorId,
    /// The number that replaces smaller ones.
    pub lowest: f32,
    /// The number that replaces larger ones.
    pub highest: f32,
    /// Whether it is a mask. Its float32 form is limited too, since a 16-bit Softmax may read what float32
    /// nodes make of it.
    pub is_mask: bool,
}

/// The precision of every node.
#[derive(Clone, Debug)]
pub struct PrecisionPlan {
    /// The 16-bit type.
    pub half: Half,
    /// Whether inputs and outputs of the model become 16-bit.
    pub half_io: bool,
    /// One entry per node, in order.
    pub nodes: Vec<NodePrecision>,
    /// Constants whose numbers end at those of the 16-bit type: masks, and bounds that bound nothing.
    pub limited: Vec<Limited>,
    /// The findings for the user.
    pub findings: Vec<Finding>,
}

impl PrecisionPlan {
    /// Returns the precision of a node.
    pub fn of(&self, node: NodeId) -> Precision {
        self.nodes[node.0].precision
    }

    /// Counts the nodes of one precision.
    pub fn count(&self, precision: Precision) -> usize {
        self.nodes.iter().filter(|node| node.precision == precision).count()
    }
}

#[cfg(test)]
mod tests;

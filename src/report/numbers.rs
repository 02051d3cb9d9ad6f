//! The numbers that each node of a written model computes with.

use std::collections::HashMap;

use serde::Serialize;

use crate::dtype::DataType;
use crate::graph::{Graph, Node, TensorId};
use crate::place::Forms;
use crate::place::existing::{is_integer_operator, is_pair};
use crate::place::ops::is_weighted;

/// The numbers that a node computes with in an engine of TensorRT, as far as the model decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Numbers {
    /// 8-bit integers: all operands are dequantized, or the node moves dequantized numbers.
    Int8,
    /// 8-bit floats.
    Fp8,
    /// Floats, with a weight that is stored as 8-bit integers.
    Int8Weights,
    /// Floats, with a weight that is stored as 4-bit integers.
    Int4Weights,
    /// 16-bit floats, IEEE 754.
    F16,
    /// 16-bit floats with 8 bits of exponent.
    Bf16,
    /// 32-bit floats.
    F32,
    /// Whole numbers, truth values, shapes, or numbers of unknown type.
    Other,
}

impl Numbers {
    /// Every kind, in the order of the enum.
    pub const ALL: [Self; 8] = [
        Self::Int8,
        Self::Fp8,
        Self::Int8Weights,
        Self::Int4Weights,
        Self::F16,
        Self::Bf16,
        Self::F32,
        Self::Other,
    ];

    /// Returns the word for people, such as `INT8` or `float32`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Int8 => "INT8",
            Self::Fp8 => "FP8",
            Self::Int8Weights => "INT8 weights",
            Self::Int4Weights => "INT4 weights",
            Self::F16 => "half (FP16)",
            Self::Bf16 => "half (BF16)",
            Self::F32 => "float32",
            Self::Other => "other",
        }
    }

    /// Whether something that the node reads is quantized.
    pub fn is_quantized(self) -> bool {
        matches!(self, Self::Int8 | Self::Fp8 | Self::Int8Weights | Self::Int4Weights)
    }

    /// Returns the reason that a model gives by itself, without the plan that it was made by.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Int8 => "its operands are dequantized from 8-bit integers",
            Self::Fp8 => "its operands are dequantized from 8-bit floats",
            Self::Int8Weights | Self::Int4Weights => "only its weight is dequantized",
            Self::F16 | Self::Bf16 => "its tensors have a 16-bit type",
            Self::F32 => "no Q/DQ stands before its operands",
            Self::Other => "its results are no floating-point numbers",
        }
    }
}

/// The numbers of every node of a graph with Q/DQ.
#[derive(Debug)]
pub struct NumbersOf<'a> {
    graph: &'a Graph,
    forms: Forms,
    by_name: HashMap<&'a str, &'a Node>,
}

impl<'a> NumbersOf<'a> {
    /// Examines a graph.
    pub fn new(graph: &'a Graph) -> Self {
        let by_name = graph.nodes.iter().map(|node| (node.name.as_str(), node)).collect();
        Self { graph, forms: Forms::of(graph), by_name }
    }

    /// Returns the node of this graph that computes the same as `node` of the float model's `graph`.
    ///
    /// Tensors keep their names when a model is quantized, and nodes do so unless other tools write them.
    pub fn counterpart(&self, graph: &Graph, node: &Node) -> Option<&'a Node> {
        let by_output = node.outputs.iter().flatten().find_map(|&id| {
            let found = self.graph.find(&graph.tensor(id).name)?;
            self.graph.producer(found).filter(|found| found.op == node.op)
        });
        by_output.or_else(|| self.by_name.get(node.name.as_str()).copied())
    }

    /// Returns the DequantizeLinear that an operand comes from, through changes of its form.
    pub fn dequantize(&self, operand: TensorId) -> Option<&'a Node> {
        self.forms.dequantized(operand).map(|id| self.graph.node(id))
    }

    /// Returns the numbers that a node of this graph computes with.
    pub fn of(&self, node: &Node) -> Numbers {
        let stored = |id: TensorId| {
            let input = self.dequantize(id)?.input(0)?;
            Some(self.graph.tensor(input).dtype.unwrap_or(DataType::I8))
        };
        let operands: Vec<Option<DataType>> =
            node.inputs.iter().take(2).flatten().map(|&id| stored(id)).collect();
        let first = operands.iter().flatten().next();
        let is_quantized = match is_weighted(node) {
            true => !operands.is_empty() && operands.iter().all(Option::is_some),
            false => first.is_some() && !is_pair(node),
        };
        match first {
            Some(DataType::F8E4M3) if is_quantized => Numbers::Fp8,
            Some(_) if is_quantized => Numbers::Int8,
            _ if is_integer_operator(node) => Numbers::Int8,
            Some(DataType::I4 | DataType::U4) if is_weighted(node) => Numbers::Int4Weights,
            Some(_) if is_weighted(node) => Numbers::Int8Weights,
            _ => self.float(node),
        }
    }

    fn float(&self, node: &Node) -> Numbers {
        let outputs = node.outputs.iter().flatten().map(|&id| self.graph.tensor(id));
        let types: Vec<Option<DataType>> =
            outputs.filter(|it| it.may_be_float()).map(|it| it.dtype).collect();
        match types.first() {
            None => Numbers::Other,
            Some(Some(DataType::F16)) => Numbers::F16,
            Some(Some(DataType::Bf16)) => Numbers::Bf16,
            Some(_) => Numbers::F32,
        }
    }
}

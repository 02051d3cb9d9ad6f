//! The evidence of a plan: what is known about the values of each tensor.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::int8_sqnr;
use super::{Facts, Half};
use crate::dtype::DataType;
use crate::e4m3;
use crate::graph::{Graph, Node, TensorId};
use crate::observe::TensorStats;
use crate::place::existing::is_pair;
use crate::place::sharing;

/// The known facts about the values of the tensors of a graph.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    facts: BTreeMap<TensorId, Facts>,
    /// The SQNR after int8 of tensors that a QuantizeLinear reads.
    int8: BTreeMap<TensorId, f64>,
    /// For tensors of steps that the 16-bit type cannot hold, the share of the weight's energy in the
    /// channels whose steps would be raised.
    raised: BTreeMap<TensorId, f64>,
    /// Constants that are values of fixed inputs: no file stores them.
    fixed: BTreeSet<TensorId>,
}

/// The largest share of a weight's energy in channels whose steps are raised. The error that this makes is 40
/// dB below the weight.
pub(crate) const MOST_RAISED: f64 = 1e-4;

/// Operators whose output is a value of the first input, zero, or one of few constants.
const BOUNDED_BY_INPUT: [&str; 7] = ["Relu", "Dropout", "MaxPool", "GlobalMaxPool", "Cast", "Tile", "Expand"];
/// Operators whose output lies between -1 and 1.
const BOUNDED_BY_ONE: [&str; 7] = ["Sigmoid", "HardSigmoid", "Tanh", "Softmax", "Erf", "Sin", "Cos"];

/// Whether the facts about the outputs of a node follow from those about its inputs, exactly enough for the
/// rules.
pub(super) fn follows(graph: &Graph, node: &Node) -> bool {
    let is_float = |id: TensorId| graph.tensor(id).dtype == Some(DataType::F32);
    let is_cast_of_integers = node.is("Cast") && !node.input(0).is_some_and(is_float);
    let moves = sharing::only_moves(node) || sharing::selects(node) || node.is("Cast");
    moves && !is_cast_of_integers || is_pair(node)
}

impl Evidence {
    /// Collects facts. `stats` gives the statistics of an activation, and `known` the facts about constants,
    /// and about activations without statistics.
    pub fn collect<'a>(
        graph: &Graph,
        half: Half,
        stats: &dyn Fn(TensorId) -> Option<&'a TensorStats>,
        known: BTreeMap<TensorId, Facts>,
    ) -> Self {
        let mut evidence = Self { facts: known, ..Self::default() };
        for id in graph.tensor_ids() {
            if let Some(facts) = stats(id).and_then(|stats| Facts::of(stats, half)) {
                evidence.facts.insert(id, facts);
            }
        }
        for node in &graph.nodes {
            evidence.derive(graph, node);
            if let (true, Some(input), Some(scale)) =
                (node.is("QuantizeLinear"), node.input(0), node.input(1))
                && node.output(0).is_some_and(|id| graph.tensor(id).dtype == Some(DataType::I8))
                && let (Some(stats), Some(scale)) = (stats(input), evidence.get(scale))
            {
                evidence.int8.insert(input, int8_sqnr(stats, scale.largest));
            }
        }
        evidence
    }

    /// Adds what raising the steps of weights would cost.
    pub fn with_raised(mut self, raised: BTreeMap<TensorId, f64>) -> Self {
        self.raised = raised;
        self
    }

    /// Adds the constants that are values of fixed inputs.
    pub fn with_fixed(mut self, fixed: BTreeSet<TensorId>) -> Self {
        self.fixed = fixed;
        self
    }

    /// Whether a constant is the value of a fixed input.
    pub fn is_fixed(&self, tensor: TensorId) -> bool {
        self.fixed.contains(&tensor)
    }

    /// Whether the steps of stored weights may be raised to what the 16-bit type holds: the channels with
    /// such steps are dead, or nearly so.
    pub fn may_raise(&self, steps: TensorId) -> bool {
        self.raised.get(&steps).is_none_or(|&share| share <= MOST_RAISED)
    }

    /// Returns the facts about a tensor; `None` if nothing is known.
    pub fn get(&self, tensor: TensorId) -> Option<&Facts> {
        self.facts.get(&tensor)
    }

    /// Returns the SQNR of a tensor after its quantization to int8.
    pub fn int8_sqnr(&self, tensor: TensorId) -> Option<f64> {
        self.int8.get(&tensor).copied()
    }

    /// Derives the facts of outputs that were not observed.
    fn derive(&mut self, graph: &Graph, node: &Node) {
        let Some(derived) = self.derived(graph, node) else { return };
        for output in node.outputs.iter().flatten() {
            self.facts.entry(*output).or_insert(derived);
        }
    }

    fn derived(&self, graph: &Graph, node: &Node) -> Option<Facts> {
        let one_of = |list: &[&str]| list.iter().any(|op| node.is(op));
        let first = || self.get(node.input(0)?).copied();
        if one_of(&BOUNDED_BY_ONE) {
            return Some(Facts::of_largest(1.0));
        }
        if node.is("Concat") {
            let parts = node.inputs.iter().flatten().map(|&input| self.get(input));
            return parts.collect::<Option<Vec<_>>>()?.into_iter().copied().reduce(union);
        }
        if sharing::only_moves(node) || one_of(&BOUNDED_BY_INPUT) || sharing::selects(node) {
            return first();
        }
        match &*node.op {
            "DequantizeLinear" if node.domain.is_empty() => self.dequantized(graph, node),
            // The integers keep the facts of the values, for the Dequantize behind.
            "QuantizeLinear" if node.domain.is_empty() => first(),
            _ => None,
        }
    }

    /// Returns the facts of dequantized values: whole multiples of the step, or e4m3 multiples of the scale.
    fn dequantized(&self, graph: &Graph, node: &Node) -> Option<Facts> {
        let stored = graph.tensor(node.input(0)?).dtype?;
        let largest = match stored {
            DataType::I8 => 128.0,
            DataType::U8 => 255.0,
            DataType::I16 => 32768.0,
            DataType::U16 => 65535.0,
            DataType::I32 => 2_147_483_648.0,
            DataType::I4 => 8.0,
            DataType::U4 => 15.0,
            DataType::F8E4M3 => e4m3::MAX,
            _ => return None,
        };
        let scale = self.get(node.input(1)?)?;
        let integers = self.get(node.input(0)?).copied();
        let facts = integers.unwrap_or_else(|| Facts::of_largest(scale.largest * largest));
        // The step of e4m3 is its smallest number.
        let least = if stored == DataType::F8E4M3 { e4m3::SMALLEST } else { 1.0 };
        let smallest = scale.smallest.map(|smallest| smallest * least);
        Some(Facts { smallest, sqnr: None, ..facts })
    }
}

/// Returns the facts of the values of two tensors together.
fn union(a: Facts, b: Facts) -> Facts {
    let both = |a: Option<f64>, b: Option<f64>, join: fn(f64, f64) -> f64| a.zip(b).map(|(a, b)| join(a, b));
    Facts {
        largest: a.largest.max(b.largest),
        highest: a.highest.max(b.highest),
        smallest: a.smallest.zip(b.smallest).map(|(a, b)| smaller_nonzero(a, b)),
        rms: both(a.rms, b.rms, f64::max),
        sqnr: both(a.sqnr, b.sqnr, f64::min),
        coarse: both(a.coarse, b.coarse, f64::max),
        count: a.count.zip(b.count).map(|(a, b)| a + b),
    }
}

/// Returns the smaller of two magnitudes; 0 stands for no magnitude.
fn smaller_nonzero(a: f32, b: f32) -> f32 {
    match (a, b) {
        (0.0, x) | (x, 0.0) => x,
        (a, b) => a.min(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{NewNode, TensorKind};

    #[test]
    fn dequantized_values_reach_as_far_as_their_type() {
        for (dtype, largest, least) in [
            (DataType::I8, 128.0, 1.0),
            (DataType::I4, 8.0, 1.0),
            (DataType::U4, 15.0, 1.0),
            (DataType::F8E4M3, 448.0, 1.0 / 512.0),
        ] {
            let mut graph = Graph::new();
            let stored = graph.add_tensor("q", TensorKind::Constant, Some(dtype), None).unwrap();
            let scale = graph.add_tensor("s", TensorKind::Constant, Some(DataType::F32), None).unwrap();
            let node = graph
                .add_node(NewNode {
                    op: "DequantizeLinear",
                    inputs: &[Some(stored), Some(scale)],
                    outputs: &[Some("w")],
                    ..Default::default()
                })
                .unwrap();
            let facts = Facts { smallest: Some(0.25), ..Facts::of_largest(0.5) };
            let known = BTreeMap::from([(scale, facts)]);
            let evidence = Evidence::collect(&graph, Half::F16, &|_| None, known);
            let found = evidence.get(graph.node(node).output(0).unwrap()).unwrap();
            assert_eq!((found.largest, found.smallest), (0.5 * largest, Some(0.25 * least)), "{dtype}");
        }
    }
}

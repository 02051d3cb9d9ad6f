use std::collections::BTreeMap;

use super::*;
use crate::dtype::DataType;
use crate::graph::{NewNode, TensorKind};
use crate::observe::TensorStats;

/// A graph of single nodes in a row, and the values of its tensors.
struct Row {
    graph: Graph,
    values: BTreeMap<String, TensorStats>,
}

impl Row {
    fn new(values: &[f32]) -> Self {
        let mut row = Self { graph: Graph::new(), values: BTreeMap::new() };
        row.graph.add_tensor("x", TensorKind::Input, Some(DataType::F32), None).unwrap();
        row.observe("x", values);
        row
    }

    fn observe(&mut self, name: &str, values: &[f32]) {
        let mut stats = TensorStats::new();
        stats.observe(values);
        self.values.insert(name.to_owned(), stats);
    }

    fn constant(&mut self, name: &str, values: &[f32]) {
        self.graph.add_tensor(name, TensorKind::Constant, Some(DataType::F32), None).unwrap();
        self.observe(name, values);
    }

    /// Adds a node, named as its output, with these values.
    fn node(&mut self, op: &str, inputs: &[&str], output: &str, values: &[f32]) -> &mut Self {
        let inputs: Vec<_> = inputs.iter().map(|name| self.graph.find(name)).collect();
        let outputs = [Some(output)];
        let node = NewNode { name: output, op, inputs: &inputs, outputs: &outputs, ..NewNode::default() };
        let id = self.graph.add_node(node).unwrap();
        let made = self.graph.node(id).output(0).unwrap();
        self.graph.describe(made, Some(DataType::F32), None);
        if !values.is_empty() {
            self.observe(output, values);
        }
        self
    }

    fn plan(&self, policy: &PrecisionPolicy) -> PrecisionPlan {
        let stats = |id: TensorId| self.values.get(&self.graph.tensor(id).name);
        let evidence = Evidence::collect(&self.graph, policy.half, &stats, BTreeMap::new());
        plan(&self.graph, 19, &evidence, 1, policy)
    }

    /// Lists the nodes that stay in float32.
    fn float32(&self) -> Vec<&str> {
        let plan = self.plan(&PrecisionPolicy::default());
        let stay = plan.nodes.iter().filter(|node| node.precision == Precision::Float32);
        stay.map(|node| &*self.graph.node(node.node).name).collect()
    }
}

#[test]
fn values_that_fit_are_stored_in_16_bits() {
    let mut row = Row::new(&[0.1, -2.0, 3.3]);
    row.node("Relu", &["x"], "a", &[0.1, 3.3]).node("Sigmoid", &["a"], "b", &[0.5, 0.9]);
    assert_eq!(row.float32(), [] as [&str; 0]);
    let plan = row.plan(&PrecisionPolicy::default());
    assert!(plan.nodes[0].reason.contains("largest of 3.3"), "{}", plan.nodes[0].reason);
}

#[test]
fn overflow_keeps_the_maker_and_the_readers_in_float32() {
    for (largest, stays) in [(16000.0f32, false), (17000.0, true), (1e6, true)] {
        let mut row = Row::new(&[0.1, 2.0]);
        row.node("Neg", &["x"], "a", &[0.1, largest]).node("Relu", &["a"], "b", &[0.1, 2.0]);
        row.node("Relu", &["b"], "c", &[0.1, 2.0]);
        assert_eq!(row.float32(), if stays { vec!["a", "b"] } else { vec![] }, "{largest}");
    }
}

#[test]
fn small_values_stay_with_what_divides_by_them() {
    for (smallest, stays) in [(3e-4f32, false), (2e-4, true), (1e-9, true)] {
        for (op, inputs) in
            [("Log", &["a"][..]), ("Sqrt", &["a"]), ("Reciprocal", &["a"]), ("Div", &["x", "a"])]
        {
            let mut row = Row::new(&[0.1, 2.0]);
            row.node("Sigmoid", &["x"], "a", &[smallest, 0.5]).node(op, inputs, "b", &[0.1, 2.0]);
            assert_eq!(row.float32(), if stays { vec!["a", "b"] } else { vec![] }, "{op} {smallest}");
        }
    }
}

#[test]
fn a_small_constant_that_is_added_counts_as_a_value() {
    let mut row = Row::new(&[0.1, 2.0]);
    row.constant("epsilon", &[1e-5]);
    row.node("Add", &["x", "epsilon"], "a", &[0.1, 2.0]).node("Sqrt", &["a"], "b", &[0.3, 1.4]);
    row.node("Relu", &["b"], "c", &[0.3, 1.4]);
    assert_eq!(row.float32(), ["a", "b"]);
}

#[test]
fn sums_that_cancel_stay_in_float32() {
    let near: Vec<f32> = (0..100).map(|k| 1.0 + 3e-5 * (k as f32).sin()).collect();
    let rest: Vec<f32> = near.iter().map(|x| x - 1.0).collect();
    let mut row = Row::new(&near);
    row.node("ReduceMean", &["x"], "mean", &[1.0]).node("Sub", &["x", "mean"], "d", &rest);
    assert_eq!(row.float32(), ["mean", "d"]);
}

#[test]
fn squares_and_exponentials_need_more_margin() {
    for (largest, stays) in [(60.0f32, false), (70.0, true)] {
        let mut row = Row::new(&[0.1, largest]);
        row.node("Mul", &["x", "x"], "a", &[0.01, largest * largest]);
        assert_eq!(row.float32().len(), usize::from(stays), "{largest}");
    }
    for (highest, stays) in [(-1.0f32, false), (5.0, false), (6.0, true)] {
        let mut row = Row::new(&[-10.0, highest]);
        row.node("Exp", &["x"], "a", &[4e-3, highest.exp()]);
        assert_eq!(row.float32().len(), usize::from(stays), "{highest}");
    }
}

#[test]
fn a_mask_that_only_a_softmax_reads_ends_at_the_lowest_number() {
    for (reader, is_mask) in [("Softmax", true), ("Relu", false)] {
        let mut row = Row::new(&[0.1, 2.0]);
        row.constant("mask", &[0.0, f32::MIN]);
        row.node("Add", &["x", "mask"], "a", &[0.1, f32::MIN]).node(reader, &["a"], "b", &[0.0, 1.0]);
        let plan = row.plan(&PrecisionPolicy::default());
        assert_eq!(plan.limited.len(), usize::from(is_mask));
        assert_eq!(row.float32().is_empty(), is_mask, "{reader}");
        if let Some(Limited { lowest, .. }) = plan.limited.first() {
            assert!((-40000.0..-30000.0).contains(lowest), "room for the sum: {lowest}");
        }
    }
}

#[test]
fn the_user_decides_before_the_values() {
    let mut row = Row::new(&[0.1, 2.0]);
    row.node("Neg", &["x"], "a", &[0.1, 1e6]).node("Relu", &["a"], "b", &[0.1, 2.0]);
    let select = |name: &str| Selection { names: vec![name.to_owned()], ops: vec![] };
    let forced = row.plan(&PrecisionPolicy { forced: select("a"), ..PrecisionPolicy::default() });
    assert_eq!(forced.of(NodeId(0)), Precision::Half);
    let kept = row.plan(&PrecisionPolicy { float32: select("*"), ..PrecisionPolicy::default() });
    assert_eq!(kept.count(Precision::Half), 0);
    let misspelt = PrecisionPolicy { forced: select("z*"), ..PrecisionPolicy::default() };
    assert!(misspelt.check(&row.graph).unwrap_err().message().contains("'z*'"));
}

#[test]
fn without_statistics_only_risky_operators_stay() {
    let mut row = Row::new(&[0.1, 2.0]);
    row.node("Relu", &["x"], "a", &[]).node("Exp", &["a"], "b", &[]).node("Log", &["b"], "c", &[]);
    row.node("Neg", &["c"], "d", &[]).node("Relu", &["d"], "e", &[]);
    row.values.clear();
    // Between the input and Exp, a Relu in 16 bits would only cost Casts.
    assert_eq!(row.float32(), ["a", "b", "c"]);
    let plan = row.plan(&PrecisionPolicy::default());
    assert_eq!(plan.findings.len(), 1, "{:?}", plan.findings);
}

#[test]
fn bf16_has_the_range_of_float32_and_few_whole_numbers() {
    let mut row = Row::new(&[0.1, 1e6]);
    row.node("Neg", &["x"], "a", &[0.1, 1e6]);
    let policy = PrecisionPolicy { half: Half::Bf16, ..PrecisionPolicy::default() };
    assert_eq!(row.plan(&policy).count(Precision::Half), 1);
    assert_eq!(Half::Bf16.whole_numbers(), 256.0);
}

#[test]
fn findings_say_what_the_user_must_know() {
    let messages = |plan: &PrecisionPlan| -> Vec<String> {
        plan.findings.iter().map(|finding| finding.message.clone()).collect()
    };
    let select = |name: &str| Selection { names: vec![name.to_owned()], ops: vec![] };
    let mut row = Row::new(&[0.1, 1e6]);
    row.node("Neg", &["x"], "a", &[0.1, 1e6]).node("Celu", &["a"], "b", &[0.1, 1e6]);
    let forced = PrecisionPolicy { forced: select("a"), ..PrecisionPolicy::default() };
    assert!(messages(&row.plan(&forced))[0].contains("against what is known of the values"));
    let refused = PrecisionPolicy { forced: select("b"), ..PrecisionPolicy::default() };
    assert!(messages(&row.plan(&refused))[0].contains("cannot be in f16"));
    let border = PrecisionPolicy { half_io: true, ..PrecisionPolicy::default() };
    assert!(messages(&row.plan(&border))[0].contains("inputs and outputs become f16"));
}

#[test]
fn a_tensor_that_int8_coarsens_anyway_may_be_coarse_in_16_bits() {
    // Steps of f16 are 6e-8 here: 55 dB. One value of 1e-4 makes the steps of int8 8e-7: 33 dB.
    let value = |k: u32| if k == 0 { 1e-4 } else { 1e-5 + k as f32 * 1e-9 };
    let values: Vec<f32> = (0..1000).map(value).collect();
    for (is_quantized, stays) in [(false, true), (true, false)] {
        let mut row = Row::new(&[0.1, 2.0]);
        row.node("Neg", &["x"], "a", &values);
        if is_quantized {
            row.constant("scale", &[1e-4 / 127.0]);
            row.node("QuantizeLinear", &["a", "scale"], "q", &[]);
            let integers = row.graph.find("q").unwrap();
            row.graph.describe(integers, Some(DataType::I8), None);
        } else {
            row.node("Relu", &["a"], "b", &values);
        }
        let is_kept = row.float32().contains(&"a");
        assert_eq!(is_kept, stays, "quantized: {is_quantized}");
    }
}

/// A step that float16 cannot hold would give other integers, whoever asks for float16.
#[test]
fn a_pair_keeps_a_step_that_16_bits_cannot_hold() {
    for (step, forced, stays) in [
        (0.02f32, "", false),
        (1e-5, "", true),
        (1e-5, "q dq", true),
        (1e-5, "*", true),
        (1e-5, "a y", true),
        (1e6, "q dq", true),
    ] {
        let mut row = Row::new(&[0.1, 2.0]);
        row.constant("step", &[step]);
        row.node("Neg", &["x"], "a", &[0.1, 2.0]).node("QuantizeLinear", &["a", "step"], "q", &[]);
        let integers = row.graph.find("q").unwrap();
        row.graph.describe(integers, Some(DataType::I8), None);
        row.node("DequantizeLinear", &["q", "step"], "dq", &[0.1, 2.0]).node(
            "Neg",
            &["dq"],
            "y",
            &[0.1, 2.0],
        );
        let names = forced.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let forced = crate::place::Selection { names, ops: Vec::new() };
        let plan = row.plan(&PrecisionPolicy { forced: forced.clone(), ..PrecisionPolicy::default() });
        let expected = if stays { Precision::Float32 } else { Precision::Half };
        for node in &plan.nodes {
            let (name, is_pair) = (&row.graph.node(node.node).name, node.node.0 == 1 || node.node.0 == 2);
            let expected = if is_pair { expected } else { Precision::Half };
            assert_eq!(node.precision, expected, "{step} {forced:?} {name}: {}", node.reason);
            assert!(!is_pair || node.reason.contains("does not fit") == stays, "{}", node.reason);
        }
        let is_forced = forced.names.iter().any(|name| name == "q" || name == "*");
        let said = plan.findings.iter().find(|finding| finding.message.contains("whatever you chose"));
        assert_eq!(said.map(|finding| finding.tensors.len()), is_forced.then_some(2), "{forced:?}");
        let said = plan.findings.iter().find(|finding| finding.message.contains("cannot hold their steps"));
        assert_eq!(said.map(|finding| finding.tensors.len()), stays.then_some(2), "{step}");
    }
}

/// The names of the tensors that are observed whole, of those that are sampled, and of those whose extremes
/// are enough.
fn tapped(row: &Row) -> [Vec<&str>; 3] {
    let PrecisionTaps { whole, sampled, limits } = taps(&row.graph);
    [whole, sampled, limits].map(|ids| ids.into_iter().map(|id| &*row.graph.tensor(id).name).collect())
}

#[test]
fn scores_and_probabilities_need_no_histogram() {
    let mut row = Row::new(&[]);
    row.constant("w", &[0.5]);
    row.constant("root", &[0.125]);
    row.node("MatMul", &["x", "w"], "scores", &[]).node("Mul", &["scores", "root"], "scaled", &[]);
    row.node("Softmax", &["scaled"], "weights", &[]).node("Transpose", &["weights"], "turned", &[]);
    row.node("MatMul", &["turned", "w"], "context", &[]).node("Mul", &["context", "root"], "small", &[]);
    row.node("MatMul", &["small", "w"], "y", &[]);
    assert_eq!(tapped(&row), [vec!["x"], vec!["context", "small", "y"], vec!["scores", "scaled"]]);
    // Any other reader of the probabilities needs to know more of them.
    row.node("Log", &["turned"], "log", &[]);
    let [whole, sampled, _] = tapped(&row);
    assert_eq!((whole, sampled), (vec!["x", "weights", "log"], vec!["context", "small", "y"]));
}

#[test]
fn what_is_read_behind_a_move_counts() {
    let mut row = Row::new(&[]);
    row.constant("w", &[0.5]);
    row.node("Conv", &["x", "w"], "conv", &[]).node("Clip", &["conv"], "clip", &[]);
    row.node("MaxPool", &["clip"], "pool", &[]).node("GlobalAveragePool", &["pool"], "average", &[]);
    assert_eq!(tapped(&row), [vec!["x"], vec!["clip", "average"], vec!["conv"]]);
    let mut row = Row::new(&[]);
    row.constant("w", &[0.5]);
    row.node("Conv", &["x", "w"], "conv", &[]).node("MaxPool", &["conv"], "pool", &[]);
    row.node("Conv", &["pool", "w"], "y", &[]);
    assert_eq!(tapped(&row), [vec!["x"], vec!["y"], vec!["conv"]]);
}

#[test]
fn what_small_values_come_from_is_not_sampled() {
    let mut row = Row::new(&[]);
    row.constant("w", &[0.5]);
    row.node("MatMul", &["x", "w"], "a", &[]).node("MatMul", &["x", "w"], "b", &[]);
    row.node("Mul", &["a", "b"], "product", &[]).node("Reshape", &["product"], "moved", &[]);
    row.node("Add", &["moved", "w"], "raised", &[]).node("Exp", &["raised"], "e", &[]);
    row.node("ReduceSum", &["e"], "sum", &[]).node("Div", &["e", "sum"], "y", &[]);
    // A divisor matters by its smallest values. The sum before it makes new ones.
    assert_eq!(tapped(&row), [vec!["x", "sum"], vec!["a", "b", "product", "raised", "e", "y"], vec![]]);
    row.node("Sqrt", &["raised"], "root", &[]);
    let [whole, sampled, _] = tapped(&row);
    assert_eq!(whole, ["x", "a", "b", "product", "raised", "sum", "root"]);
    assert_eq!(sampled, ["e", "y"]);
}

#[test]
fn factors_of_masks_and_tensors_that_integers_read_are_not_sampled() {
    let mut row = Row::new(&[]);
    row.constant("lowest", &[-3e38]);
    row.node("Sigmoid", &["x"], "gate", &[]).node("Mul", &["gate", "lowest"], "mask", &[]);
    row.node("MatMul", &["x", "x"], "scores", &[]).node("Mul", &["scores", "lowest"], "scaled", &[]);
    row.node("Add", &["scaled", "mask"], "sum", &[]).node("Softmax", &["sum"], "y", &[]);
    assert_eq!(tapped(&row), [vec!["x", "gate"], vec!["mask", "scores", "scaled", "sum", "y"], vec![]]);
    for op in ["TopK", "Cast", "Sin", "Pow", "CumSum", "QuantizeLinear", "LSTM", "Unknown"] {
        let mut row = Row::new(&[]);
        row.node("Add", &["x", "x"], "read", &[]).node(op, &["read"], "y", &[]);
        assert!(tapped(&row)[0].contains(&"read"), "{op}");
        assert!(tapped(&row)[1].is_empty(), "{op}");
    }
}

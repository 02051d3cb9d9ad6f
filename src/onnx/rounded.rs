//! Replacement of Casts to 16 bits and to e4m3 in subgraphs by arithmetic in f32, for a runtime without such
//! numbers.

use super::Model;
use super::element::ElementType;
use super::initializer::tensor_proto;
use super::node::{AttributeValue, NodeRef, NodeSpec, nested_in, subgraphs, subgraphs_mut};
use super::proto::{GraphProto, NodeProto};
use super::walk::UniqueNames;
use crate::e4m3;
use crate::error::Result;

/// The numbers of a type.
struct Type {
    /// The smallest normal number.
    least: f32,
    /// 1.5 times the factor between a power of two and the smallest f32 whose last bit is the type's last bit
    /// at this power.
    shift: f32,
    /// The smallest number that the type does not reach.
    beyond: f32,
    /// The factor that makes the result of larger numbers.
    overflow: f32,
    /// The largest number, if larger ones become this one.
    most: Option<f32>,
}

const F16: Type = Type {
    least: f32::from_bits(0x3880_0000),
    shift: 1.5 * 8192.0,
    beyond: 65520.0,
    overflow: f32::INFINITY,
    most: None,
};
const BF16: Type = Type {
    least: f32::MIN_POSITIVE,
    shift: 1.5 * 65536.0,
    beyond: f32::from_bits(0x7f7f_8000),
    overflow: f32::INFINITY,
    most: None,
};
/// Up to 464, the middle to the number that does not exist, everything rounds to 448.
const E4M3: Type = Type {
    least: 1.0 / 64.0,
    shift: 1.5 * 1_048_576.0,
    beyond: 464.0f32.next_up(),
    overflow: f32::NAN,
    most: None,
};

impl Model {
    /// Replaces Casts to f16, bf16 and e4m3 in subgraphs by nodes that round to the type and keep f32.
    ///
    /// The result is that of the Cast for every number, except that the sign of 0 is lost.
    ///
    /// # Errors
    /// `Internal` if a constant cannot be stored.
    pub fn round_nested_casts(&mut self) -> Result<()> {
        if !nested_in(self.proto.graph.node.iter().flat_map(subgraphs)).any(|node| type_of(node).is_some()) {
            return Ok(());
        }
        let mut made = Made { names: self.unique_names(), numbers: Vec::new() };
        let main = self.edited().graph.get_or_insert_default();
        main.node.iter_mut().flat_map(subgraphs_mut).for_each(|graph| made.graph(graph));
        for (number, name) in made.numbers {
            main.initializer.push(tensor_proto(&name, &[], vec![number].into())?);
        }
        Ok(())
    }
}

fn type_of(node: &NodeProto) -> Option<Type> {
    let node = NodeRef::new(node);
    if node.op() != "Cast" || !node.domain().is_empty() {
        return None;
    }
    match ElementType::from_code(i32::try_from(node.int("to")?).ok()?)? {
        ElementType::F16 => Some(F16),
        ElementType::Bf16 => Some(BF16),
        ElementType::F8E4M3Fn => {
            let saturates = node.int("saturate").unwrap_or(1) != 0;
            Some(Type { most: saturates.then_some(e4m3::MAX), ..E4M3 })
        }
        _ => None,
    }
}

/// The names and constants of new nodes.
struct Made {
    names: UniqueNames,
    /// The constants of the main graph, which all subgraphs read.
    numbers: Vec<(f32, String)>,
}

impl Made {
    fn graph(&mut self, graph: &mut GraphProto) {
        for mut node in std::mem::take(&mut graph.node) {
            subgraphs_mut(&mut node).for_each(|inner| self.graph(inner));
            match type_of(&node) {
                Some(to) => self.round(&node, &to, &mut graph.node),
                None => graph.node.push(node),
            }
        }
    }

    fn number(&mut self, number: f32) -> String {
        if let Some((_, name)) = self.numbers.iter().find(|(known, _)| known.to_bits() == number.to_bits()) {
            return name.clone();
        }
        let name = self.names.fresh("qdq_rounding");
        self.numbers.push((number, name.clone()));
        name
    }

    /// Adds the nodes that round the input of the Cast `node`.
    ///
    /// A sum with `shift` times the power of two below the number has its last bit where the type has it, so
    /// that the addition rounds. The power is the number rounded to one bit, by Veltkamp's splitting, and
    /// halved if that rounded up. Numbers from 1 on are scaled down, so that nothing overflows.
    fn round(&mut self, node: &NodeProto, to: &Type, nodes: &mut Vec<NodeProto>) {
        let node = NodeRef::new(node);
        let ([source], [output]) = (node.inputs(), node.outputs()) else { return };
        let [one, half, down, split, least, shift, beyond, factor] =
            [1.0, 0.5, f32::from_bits(0x2f80_0000), 8_388_609.0, to.least, to.shift, to.beyond, to.overflow]
                .map(|number| self.number(number));
        let ends = to.most.map(|most| [-most, most].map(|end| self.number(end)));
        let mut add = |op: &str, inputs: &[&str], output: Option<&str>| {
            let fresh = |names: &mut UniqueNames| names.fresh(&format!("{}/{op}", node.name()));
            let output = output.map_or_else(|| fresh(&mut self.names), str::to_owned);
            let spec = NodeSpec::new(op, &fresh(&mut self.names), inputs, &[&output]);
            let is_cast = op == "Cast";
            let spec = if is_cast { spec.with("to", AttributeValue::Int(1)) } else { spec };
            nodes.push(spec.into_proto());
            output
        };
        let mut x = add("Cast", &[source], None);
        if let Some([least, most]) = &ends {
            x = add("Clip", &[&x, least, most], None);
        }
        let size = add("Abs", &[&x], None);
        let is_small = add("Less", &[&size, &one], None);
        let scale = add("Where", &[&is_small, &one, &down], None);
        let x_scaled = add("Mul", &[&x, &scale], None);
        let scaled = add("Mul", &[&size, &scale], None);
        let product = add("Mul", &[&scaled, &split], None);
        let rest = add("Sub", &[&product, &scaled], None);
        let power = add("Sub", &[&product, &rest], None);
        let is_above = add("Greater", &[&power, &scaled], None);
        let halved = add("Mul", &[&power, &half], None);
        let power = add("Where", &[&is_above, &halved, &power], None);
        let lowest = add("Mul", &[&scale, &least], None);
        let power = add("Max", &[&power, &lowest], None);
        let shifted = add("Mul", &[&power, &shift], None);
        let sum = add("Add", &[&x_scaled, &shifted], None);
        let rounded = add("Sub", &[&sum, &shifted], None);
        let unscaled = add("Div", &[&rounded, &scale], None);
        let is_held = add("Less", &[&size, &beyond], None);
        let overflow = add("Mul", &[&x, &factor], None);
        add("Where", &[&is_held, &unscaled, &overflow], Some(output));
    }
}

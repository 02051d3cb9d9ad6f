//! Computes constants in one pass over the nodes that they need.

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

use super::node::compute;
use super::{MOST_CONSTANT_BYTES_TOGETHER, MOST_TIMES_STORED, depends, size, why_not};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Graph, Node, NodeId, TensorId};
use crate::kernel::parallel;
use crate::onnx::Network;
use crate::tensor::Tensor;

/// Returns the value of a constant of the network: stored, or computed from stored values.
///
/// For many constants use [`each_constant`] or [`map_constants`]: they compute shared nodes once.
///
/// # Errors
/// `Unsupported` if the embedded runtime cannot compute the tensor, if the tensor depends on an input, or if
/// it takes more than [`MOST_CONSTANT_BYTES`](super::MOST_CONSTANT_BYTES) or
/// [`MOST_CONSTANT_BYTES_TOGETHER`]; `Format` if the model's parameters do not fit. Each error names the
/// tensor or the node.
pub fn constant_value(network: &Network, tensor: TensorId) -> Result<Tensor> {
    let mut found = Err(Error::new(ErrorKind::Internal, "a constant was not computed"));
    each_constant(network, &[tensor], |_, value| found = value);
    found
}

/// Calls `give` with the value of each of `tensors` and its position among them, as soon as it is computed.
///
/// The order of the calls is not specified. [`MOST_CONSTANT_BYTES_TOGETHER`] limits all of them together. The
/// errors are those of [`constant_value`].
pub fn each_constant(network: &Network, tensors: &[TensorId], give: impl FnMut(usize, Result<Tensor>)) {
    let source = Source::new(network);
    Sweep::over(&source, tensors).run(tensors, give);
}

/// Calls `work` with the value of each of `tensors` and returns the results in the order of `tensors`.
///
/// Several threads work at the same time, each on constants that share no nodes with those of the others.
/// [`MOST_CONSTANT_BYTES_TOGETHER`] limits each group of constants that share nodes. The errors are those of
/// [`constant_value`].
pub fn map_constants<T: Send>(
    network: &Network,
    tensors: &[TensorId],
    work: impl Fn(usize, Result<Tensor>) -> T + Sync,
) -> Vec<T> {
    let source = Source::new(network);
    let groups = groups(&network.graph, tensors);
    let done = parallel::tasks(groups.len(), |group| {
        let places = &groups[group];
        let members: Vec<TensorId> = places.iter().map(|&at| tensors[at]).collect();
        let mut done = Vec::with_capacity(places.len());
        Sweep::over(&source, &members)
            .run(&members, |member, value| done.push((places[member], work(places[member], value))));
        done
    });
    let mut done: Vec<(usize, T)> = done.into_iter().flatten().collect();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Groups the positions of `tensors`. Two tensors are in different groups if they share no node.
fn groups(graph: &Graph, tensors: &[TensorId]) -> Vec<Vec<usize>> {
    fn first(leaders: &mut [usize], mut at: usize) -> usize {
        while leaders[at] != at {
            leaders[at] = leaders[leaders[at]];
            at = leaders[at];
        }
        at
    }
    let mut leaders: Vec<usize> = (0..tensors.len()).collect();
    let mut owners: HashMap<NodeId, usize> = HashMap::new();
    for (at, &tensor) in tensors.iter().enumerate() {
        let mut pending = vec![tensor];
        while let Some(node) = pending.pop().map(|tensor| graph.tensor(tensor).producer) {
            let Some(node) = node else { continue };
            match owners.insert(node, at) {
                None => pending.extend(graph.node(node).inputs.iter().flatten()),
                Some(owner) => {
                    let (a, b) = (first(&mut leaders, owner), first(&mut leaders, at));
                    leaders[a.max(b)] = a.min(b);
                }
            }
        }
    }
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); tensors.len()];
    (0..tensors.len()).for_each(|at| groups[first(&mut leaders, at)].push(at));
    groups.retain(|group| !group.is_empty());
    groups
}

/// The source of the values, with lookups that are shared by all of them.
struct Source<'a> {
    network: &'a Network,
    budget: OnceLock<u64>,
}

impl<'a> Source<'a> {
    fn new(network: &'a Network) -> Self {
        Self { network, budget: OnceLock::new() }
    }

    fn budget(&self) -> u64 {
        let stored = || self.network.model.stored_bytes();
        let most = || MOST_CONSTANT_BYTES_TOGETHER.max(stored().saturating_mul(MOST_TIMES_STORED));
        *self.budget.get_or_init(most)
    }
}

/// The values that are known so far.
struct Sweep<'a> {
    source: &'a Source<'a>,
    nodes: BTreeSet<NodeId>,
    /// The value of a tensor, or the reason why it has none. An entry stays until its last use.
    values: HashMap<TensorId, Result<Tensor>>,
    uses: HashMap<TensorId, usize>,
    /// The number of bytes computed so far.
    spent: u64,
}

impl<'a> Sweep<'a> {
    fn over(source: &'a Source<'a>, tensors: &[TensorId]) -> Self {
        let graph = &source.network.graph;
        let nodes = ancestors(graph, tensors);
        let mut uses: HashMap<TensorId, usize> = HashMap::new();
        let read = nodes.iter().flat_map(|&id| graph.node(id).inputs.iter().flatten());
        read.chain(tensors).for_each(|&tensor| *uses.entry(tensor).or_default() += 1);
        Self { source, nodes, values: HashMap::new(), uses, spent: 0 }
    }

    fn run(mut self, tensors: &[TensorId], mut give: impl FnMut(usize, Result<Tensor>)) {
        let graph = &self.source.network.graph;
        let mut wanted: HashMap<TensorId, Vec<usize>> = HashMap::new();
        for (at, &tensor) in tensors.iter().enumerate() {
            match graph.tensor(tensor).producer {
                Some(_) => wanted.entry(tensor).or_default().push(at),
                None => give(at, self.read(tensor)),
            }
        }
        for id in std::mem::take(&mut self.nodes) {
            let node = graph.node(id);
            let is_wanted = |output: &&TensorId| self.uses.contains_key(output);
            let outputs: Vec<TensorId> = node.outputs.iter().flatten().filter(is_wanted).copied().collect();
            match self.node(id, &outputs) {
                Ok(results) => {
                    self.values.extend(outputs.iter().copied().zip(results.into_iter().map(Ok)));
                }
                Err(error) => {
                    self.values.extend(outputs.iter().map(|&output| (output, Err(error.clone()))));
                }
            }
            for output in outputs {
                for at in wanted.remove(&output).unwrap_or_default() {
                    give(at, self.read(output));
                }
            }
        }
    }

    /// Computes the values of `outputs` of a node.
    fn node(&mut self, id: NodeId, outputs: &[TensorId]) -> Result<Vec<Tensor>> {
        let network = self.source.network;
        let node = network.graph.node(id);
        let inputs: Vec<Option<Result<Tensor>>> =
            node.inputs.iter().map(|input| input.map(|input| self.read(input))).collect();
        // If an input could not be computed, its error is the cause here too.
        let inputs: Vec<Option<Tensor>> = inputs.into_iter().map(Option::transpose).collect::<Result<_>>()?;
        is_computed(node)
            .and_then(|()| size::check(node, &inputs))
            .and_then(|bytes| self.spend(bytes))
            .and_then(|()| compute(network, id, inputs, outputs))
            .map_err(|error| {
                let what = format!("node '{}' ({}): cannot be computed ahead", node.name, node.op);
                Error::new(error.kind(), what).with_source(error)
            })
    }

    fn spend(&mut self, bytes: u64) -> Result<()> {
        let (spent, most) = (self.spent.saturating_add(bytes), self.source.budget());
        if spent > most {
            let message = format!("the model's constants would take more than {most} bytes together");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        self.spent = spent;
        Ok(())
    }

    /// Returns a value for one of its uses. The last use takes it out of the map.
    fn read(&mut self, tensor: TensorId) -> Result<Tensor> {
        let left = self.uses.entry(tensor).or_default();
        *left = left.saturating_sub(1);
        let computed =
            if *left == 0 { self.values.remove(&tensor) } else { self.values.get(&tensor).cloned() };
        if let Some(value) = computed {
            return value;
        }
        let name = self.source.network.name(tensor);
        self.source.network.model.constant(name)?.ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("tensor '{name}' has no value before the model runs"))
                .with_remedy("store the value in the model, or fix the input that it depends on")
        })
    }
}

/// Refuses a node that is not computed ahead. A caller may ask for it regardless of its dependence.
fn is_computed(node: &Node) -> Result<()> {
    if depends::is_computed(node) { Ok(()) } else { Err(Error::new(ErrorKind::Unsupported, why_not(node))) }
}

/// Returns the nodes that `tensors` need, in order.
fn ancestors(graph: &Graph, tensors: &[TensorId]) -> BTreeSet<NodeId> {
    let mut nodes = BTreeSet::new();
    let mut pending = tensors.to_vec();
    while let Some(tensor) = pending.pop() {
        if let Some(node) = graph.tensor(tensor).producer
            && nodes.insert(node)
        {
            pending.extend(graph.node(node).inputs.iter().flatten());
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::{Edits, Model, NodeSpec, Position};

    /// Weights of 16 bytes each; every weight is computed from the previous one.
    fn chain(count: usize) -> (Network, Vec<TensorId>) {
        let mut model = Model::from_bytes(vec![0x08, 8, 0x3a, 0, 0x42, 2, 0x10, 17].into()).unwrap();
        model.add_initializer("w0", &[4], vec![1f32, 2.0, 3.0, 4.0]).unwrap();
        let mut edits = Edits::new();
        for at in 0..count {
            let (before, name) = (format!("w{at}"), format!("w{}", at + 1));
            edits.insert(Position::End, NodeSpec::new("Add", &name, &[&before, "w0"], &[&name]));
        }
        model.edit(edits).unwrap();
        let network = Network::of(model).unwrap();
        let all = (1..=count).map(|at| network.graph.find(&format!("w{at}")).unwrap()).collect();
        (network, all)
    }

    #[test]
    fn what_constants_have_in_common_is_computed_once() {
        let (network, all) = chain(20);
        let source = Source::new(&network);
        let mut sums = vec![0.0; all.len()];
        Sweep::over(&source, &all).run(&all, |at, value| {
            sums[at] = value.unwrap().view().data().to_f32().unwrap().iter().sum();
        });
        let expected: Vec<f32> = (1..=20).map(|at| 10.0 * (at + 1) as f32).collect();
        assert_eq!(sums, expected);
        // The same tensor twice, any order, and tensors that share no nodes.
        let some = [all[3], network.graph.find("w0").unwrap(), all[0], all[3]];
        let sum =
            |_, value: Result<Tensor>| value.unwrap().view().data().to_f32().unwrap().iter().sum::<f32>();
        assert_eq!(map_constants(&network, &some, sum), [50.0, 10.0, 20.0, 50.0]);
        assert_eq!(groups(&network.graph, &some), [vec![0, 2, 3], vec![1]]);
    }

    #[test]
    fn constants_have_one_budget_together() {
        let (network, all) = chain(20);
        let source = Source::new(&network);
        source.budget.set(16 * 10).unwrap();
        let mut refused = Vec::new();
        Sweep::over(&source, &all)
            .run(&all, |at, value| refused.extend(value.err().map(|error| (at, error))));
        let (places, errors): (Vec<usize>, Vec<Error>) = refused.into_iter().unzip();
        assert_eq!(places, Vec::from_iter(10..20));
        let first = std::error::Error::source(&errors[0]).unwrap().to_string();
        assert_eq!(first, "the model's constants would take more than 160 bytes together");
        assert!(
            errors.iter().all(|error| error.message() == errors[0].message()),
            "what follows has the same cause"
        );
    }
}

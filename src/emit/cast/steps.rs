//! The steps of Quantize and Dequantize in 16 bits.

use super::Caster;
use crate::dtype::DataType;
use crate::emit::scale::{Channels, held, raised, stored_again, stored_numbers};
use crate::error::Result;
use crate::finding::{Finding, counted};
use crate::graph::{Graph, NodeId, TensorId};
use crate::place::existing::is_pair;
use crate::tensor::{Data, Tensor};

impl Caster<'_> {
    /// Rounds the steps of a pair to the 16-bit type; another constant stays as it is.
    ///
    /// A step that would be subnormal becomes the smallest normal number, so that it keeps all its bits. The
    /// stored integers of its channel are computed anew. Such a channel holds numbers below 0.008 only: often
    /// it is dead. `stays` says that float32 nodes read the steps too: they get the same steps, because a
    /// Quantize and its Dequantize need equal ones.
    pub(super) fn step(&mut self, id: TensorId, value: Tensor, stays: bool) -> Result<Tensor> {
        let graph = &*self.network.graph;
        let readers = readers_of_steps(graph, id);
        let (false, Data::F32(steps)) = (readers.is_empty(), value.data()) else { return Ok(value) };
        let rounded = rounded_steps(steps, self.half);
        let too_small = steps.iter().filter(|&&step| held(step, self.half).is_none()).count();
        if too_small > 0 {
            for &reader in &readers {
                self.requantize(reader, steps, &rounded)?;
            }
            let channels = counted(too_small, "channel");
            let what = format!(
                "the step of {channels} was raised to {:.4e}, the smallest that {} holds with all its bits",
                self.plan.half.smallest_normal(),
                self.plan.half
            );
            self.findings.push(Finding::note(what).about([self.network.name(id)]));
        }
        let rounded = Tensor::new(value.shape().to_vec(), rounded)?;
        if stays {
            self.model.replace_constant(self.network.name(id), rounded.clone())?;
        }
        Ok(rounded)
    }

    /// Computes stored integers anew for other steps.
    fn requantize(&mut self, reader: NodeId, old: &[f32], new: &[f32]) -> Result<()> {
        let graph = &*self.network.graph;
        let node = graph.node(reader);
        let Some(integers) =
            node.input(0).filter(|&id| node.is("DequantizeLinear") && graph.tensor(id).is_given())
        else {
            return Ok(());
        };
        let name = self.network.name(integers).to_owned();
        let Some(value) = self.model.constant(&name)? else { return Ok(()) };
        let Some(stored) = stored_numbers(value.view().data()) else { return Ok(()) };
        let shape = value.shape().to_vec();
        let channels = Channels::of(node, &shape, old.len());
        let rescale = |(at, q): (usize, f32)| {
            let channel = channels.at(at);
            f64::from(q) * f64::from(old[channel]) / f64::from(new[channel])
        };
        let changed = stored.into_iter().enumerate().map(rescale).collect();
        let changed = Tensor::new(shape.clone(), stored_again(changed, value.dtype()))?;
        let tensor = graph.tensor(integers);
        let is_own =
            tensor.consumers.len() == 1 && !tensor.is_output && !self.captures.contains_key(&integers);
        if is_own {
            self.model.replace_constant(&name, changed)?;
        } else {
            let copy = self.names.fresh(&name);
            self.model.add_initializer(&copy, &shape, changed.into_data())?;
            self.edits.replace_input(self.network.position(reader), 0, &copy);
        }
        Ok(())
    }
}

/// Returns steps as the 16-bit type holds them.
pub(super) fn rounded_steps(steps: &[f32], half: DataType) -> Vec<f32> {
    steps.iter().map(|&step| raised(step, half)).collect()
}

/// Lists the Quantize and Dequantize nodes that read a tensor as their step.
pub(crate) fn readers_of_steps(graph: &Graph, id: TensorId) -> Vec<NodeId> {
    let edges = graph.tensor(id).consumers.iter().filter(|edge| edge.input == 1);
    edges.map(|edge| edge.node).filter(|&id| is_pair(graph.node(id))).collect()
}

//! The moments of the inputs of weights, from one run over the data.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;
use crate::graph::{Node, TensorId};
use crate::kernel::parallel;
use crate::onnx::Network;
use crate::recover::layer::Matrix;
use crate::recover::moments::Moments;
use crate::runtime::Tap;
use crate::tensor::TensorView;

use super::Passes;
use super::rows::Weight;

/// A tap that adds the inputs of each weight to its moments.
struct Gather {
    /// For each tap, the weights whose input it is.
    ///
    /// A weight has its index, and the node with all that is needed to read the input.
    readers: Vec<Vec<(usize, Node)>>,
    weights: Vec<(Matrix, Vec<usize>)>,
    moments: Vec<Mutex<Moments>>,
    /// As many threads as the runtime has, which waits meanwhile.
    threads: Option<usize>,
}

impl Tap for Gather {
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()> {
        for (weight, node) in &self.readers[index] {
            let (matrix, shape) = &self.weights[*weight];
            let mut moments = self.moments[*weight].lock().unwrap_or_else(PoisonError::into_inner);
            parallel::within(self.threads, || moments.add(node, matrix, shape, value));
        }
        Ok(())
    }
}

/// Runs the float model once and gathers the moments of the inputs of these weights.
pub(super) fn gather(network: &Network, weights: &[Weight], passes: &mut Passes<'_>) -> Result<Vec<Moments>> {
    let mut readers: BTreeMap<TensorId, Vec<(usize, Node)>> = BTreeMap::new();
    for (at, weight) in weights.iter().enumerate() {
        for &(node, input) in &weight.readers {
            readers.entry(input).or_default().push((at, network.graph.node(node).clone()));
        }
    }
    let taps: Vec<String> = readers.keys().map(|&input| network.name(input).to_owned()).collect();
    let gather = Arc::new(Gather {
        readers: readers.into_values().collect(),
        weights: weights.iter().map(|weight| (weight.matrix, weight.value.shape().to_vec())).collect(),
        moments: weights.iter().map(|weight| Mutex::new(Moments::new(&weight.matrix))).collect(),
        threads: passes.runtime.threads,
    });
    passes.run(&network.model, &taps, gather.clone())?;
    let take = |(moments, weight): (&Mutex<Moments>, &Weight)| {
        let mut moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *moments, Moments::new(&weight.matrix))
    };
    Ok(gather.moments.iter().zip(weights).map(take).collect())
}

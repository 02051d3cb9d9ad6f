//! Conversion of sparse tensors to dense ones. Neither TensorRT's parser nor the embedded runtime reads them.

use super::Model;
use super::external::{ExternalFiles, label};
use super::initializer::tensor_proto;
use super::node::{subgraphs, subgraphs_mut};
use super::proto::attribute_proto::AttributeType;
use super::proto::{AttributeProto, GraphProto, NodeProto, SparseTensorProto, TensorProto};
use super::value::{describe_sparse, is_constant, tensor_of, unsupported};
use super::walk::{graphs, graphs_mut};
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::{Data, Tensor, element_count};

/// The bytes that one dense form may always have.
const USUAL: usize = 64 << 20;
/// The bytes that all dense forms of a model together may always have.
const USUAL_TOGETHER: usize = 1 << 30;
/// The factor by which dense forms may otherwise exceed the stored bytes: no small file may exhaust the
/// memory.
const MOST_TIMES: usize = 1024;

/// The bytes of the dense forms so far, and of the sparse tensors behind them.
struct Room {
    dense: usize,
    stored: usize,
    most: usize,
}

impl Room {
    /// Reserves space for a dense form that is made from `stored` bytes. Returns whether it is within the
    /// limits.
    fn take(&mut self, dense: usize, stored: usize) -> bool {
        self.dense = self.dense.saturating_add(dense);
        self.stored = self.stored.saturating_add(stored);
        dense <= USUAL.max(stored.saturating_mul(MOST_TIMES))
            && self.dense <= self.most.max(self.stored.saturating_mul(MOST_TIMES))
    }
}

impl Model {
    /// Makes every sparse tensor of the graphs dense, under the same name: initializers and `Constant` nodes.
    /// A model without sparse tensors is not changed.
    ///
    /// # Errors
    /// `Format` if indices do not match the shape; `Unsupported` if the dense form would be too large; also
    /// those of [`Model::constant`]. The model is unchanged then.
    pub fn make_dense(&mut self) -> Result<()> {
        if !graphs(&self.proto).any(has_sparse) {
            return Ok(());
        }
        let mut dense = self.clone();
        let mut room = Room { dense: 0, stored: 0, most: USUAL_TOGETHER };
        graphs_mut(dense.edited())
            .try_for_each(|graph| make_dense(graph, &self.files, &mut room))
            .map_err(|error| self.located(error))?;
        *self = dense;
        Ok(())
    }
}

fn has_sparse(graph: &GraphProto) -> bool {
    let in_node = |node: &NodeProto| {
        let is_sparse = |attribute: &AttributeProto| attribute.sparse_tensor.is_set();
        subgraphs(node).any(has_sparse) || (is_constant(node) && node.attribute.iter().any(is_sparse))
    };
    !graph.sparse_initializer.is_empty() || graph.node.iter().any(in_node)
}

fn make_dense(graph: &mut GraphProto, files: &ExternalFiles, room: &mut Room) -> Result<()> {
    for sparse in std::mem::take(&mut graph.sparse_initializer) {
        graph.initializer.push(dense_of(&sparse, files, room)?);
    }
    for node in &mut graph.node {
        if is_constant(node) {
            for attribute in &mut node.attribute {
                if let Some(sparse) = attribute.sparse_tensor.as_option() {
                    *attribute = AttributeProto {
                        name: Some("value".to_owned()),
                        r#type: Some(AttributeType::TENSOR),
                        t: Some(dense_of(sparse, files, room)?).into(),
                        ..Default::default()
                    };
                }
            }
        }
        subgraphs_mut(node).try_for_each(|inner| make_dense(inner, files, room))?;
    }
    Ok(())
}

/// Makes the dense form: zeros, except for the stored values. Their places are indices of the flat tensor, or
/// one index per axis.
fn dense_of(sparse: &SparseTensorProto, files: &ExternalFiles, room: &mut Room) -> Result<TensorProto> {
    let (_, shape) = describe_sparse(sparse)?;
    let values = tensor_of(&sparse.values, files)?;
    let size = values.dtype().size();
    let (count, stored) = (values.view().data().len(), values.view().data().as_bytes().len());
    let len = element_count(&shape).ok().and_then(|count| count.checked_mul(size));
    let Some(len) = len.filter(|&len| room.take(len, stored)) else {
        let message = format!(
            "sparse {}: of {shape:?} elements only {count} are stored, and the dense forms of the model's sparse tensors would take \
             {} bytes so far",
            label(&sparse.values),
            room.dense
        );
        return Err(unsupported(message));
    };
    let wrong = |what: String| {
        Error::new(ErrorKind::Format, format!("sparse {}: {what}", label(&sparse.values)))
            .with_remedy("export the model again")
    };
    let indices = tensor_of(&sparse.indices, files)?;
    let axes = match indices.shape() {
        &[found] if found == count => 1,
        &[found, axes] if found == count && axes == shape.len() => axes,
        found => return Err(wrong(format!("indices of shape {found:?} do not fit {count} values"))),
    };
    let Data::I64(places) = indices.data() else {
        return Err(wrong("its indices are not i64".to_owned()));
    };
    let is_flat = indices.shape().len() == 1;
    let mut dense = vec![0u8; len];
    for (at, value) in values.view().data().as_bytes().chunks_exact(size).enumerate() {
        let place = &places[at * axes..][..axes];
        let flat = if is_flat { flat_index(place, &[len / size]) } else { flat_index(place, &shape) };
        let flat = flat.ok_or_else(|| wrong(format!("index {place:?} is outside the shape {shape:?}")))?;
        dense[flat * size..][..size].copy_from_slice(value);
    }
    let name = sparse.values.name.as_deref().unwrap_or_default();
    let dense = Tensor::from_bytes(values.dtype(), shape, &dense)?;
    tensor_proto(name, dense.shape(), dense.data().clone().into())
}

fn flat_index(place: &[i64], shape: &[usize]) -> Option<usize> {
    place.iter().zip(shape).try_fold(0, |flat, (&index, &size)| {
        let index = usize::try_from(index).ok().filter(|&index| index < size)?;
        Some(flat * size + index)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dense_forms_have_a_limit_each_and_together() {
        let mut room = Room { dense: 0, stored: 0, most: 3 * USUAL };
        assert!(!room.take(USUAL + 1, 4));
        let mut room = Room { dense: 0, stored: 0, most: 3 * USUAL };
        assert_eq!([(); 4].map(|()| room.take(USUAL, 4)), [true, true, true, false]);
        // More stored bytes raise the limits.
        let mut room = Room { dense: 0, stored: 0, most: 3 * USUAL };
        assert_eq!([(); 4].map(|()| room.take(2 * USUAL, 2 * USUAL / MOST_TIMES)), [true; 4]);
    }
}

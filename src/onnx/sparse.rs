//! Sparse tensors made dense: neither TensorRT's parser nor the embedded runtime reads them.

use super::Model;
use super::external::{ExternalFiles, label};
use super::initializer::{InitializerData, tensor_proto};
use super::node::{subgraphs, subgraphs_mut};
use super::proto::attribute_proto::AttributeType;
use super::proto::{AttributeProto, GraphProto, NodeProto, SparseTensorProto, TensorProto};
use super::value::{describe_sparse, is_constant, tensor_of, unsupported};
use super::walk::{graphs, graphs_mut};
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Data;

/// A dense form may have so many bytes whatever is stored, ...
const USUAL: usize = 64 << 20;
/// ... all dense forms of a model together so many ...
const USUAL_TOGETHER: usize = 1 << 30;
/// ... and otherwise so many times what is stored: no small file shall fill the memory.
const MOST_TIMES: usize = 1024;

/// What the dense forms take so far, and what they were made of.
struct Room {
    dense: usize,
    stored: usize,
    most: usize,
}

impl Room {
    /// Whether there is room for so many bytes more, of which so many are stored; they are taken then.
    fn take(&mut self, dense: usize, stored: usize) -> bool {
        self.dense = self.dense.saturating_add(dense);
        self.stored = self.stored.saturating_add(stored);
        dense <= USUAL.max(stored.saturating_mul(MOST_TIMES))
            && self.dense <= self.most.max(self.stored.saturating_mul(MOST_TIMES))
    }
}

impl Model {
    /// Stores every sparse tensor of the graphs densely, under the same name. A model without one is not
    /// changed.
    ///
    /// # Errors
    /// `Format` where indices do not fit the shape, `Unsupported` where the dense form would be too large,
    /// and those of [`Model::constant`]. The model is unchanged then.
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

/// The dense form: zeros but for the values that are stored, whose places are numbers of the flat tensor or
/// one number per axis.
fn dense_of(sparse: &SparseTensorProto, files: &ExternalFiles, room: &mut Room) -> Result<TensorProto> {
    let (element, shape) = describe_sparse(sparse)?;
    let values = tensor_of(&sparse.values, files)?;
    let size = values.dtype().size();
    let (count, stored) = (values.view().data().len(), values.view().data().as_bytes().len());
    let Some(len) = element.byte_len(&shape).filter(|&len| room.take(len, stored)) else {
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
    tensor_proto(name, &shape, InitializerData::new(element, dense))
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
        // What is stored makes room.
        let mut room = Room { dense: 0, stored: 0, most: 3 * USUAL };
        assert_eq!([(); 4].map(|()| room.take(2 * USUAL, 2 * USUAL / MOST_TIMES)), [true; 4]);
    }
}

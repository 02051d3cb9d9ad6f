//! Clip nodes, for networks that were trained with a learned range.

use half::f16;

use super::Model;
use super::edit::{Edits, Position};
use super::node::NodeSpec;
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::Data;

/// The first version of Clip with its bounds as inputs.
const CLIP_OPSET: i64 = 11;

impl Model {
    /// Inserts a Clip to `min` and `max` before input `input` of the first node called `node`.
    ///
    /// Returns the name of the clipped tensor. The bounds are rounded to the type of the tensor.
    ///
    /// # Errors
    /// `InvalidArgument` if no node is called `node`, if its input does not exist, or if the bounds are not
    /// finite or `min` is above `max`; `Type` if the tensor is not known to be floating-point; `Unsupported`
    /// below opset 11. The model is unchanged then.
    pub fn clip_input(&mut self, node: &str, input: usize, min: f32, max: f32) -> Result<String> {
        let refused = |kind, what: String, remedy: &str| {
            Err(self.located(Error::new(kind, what).with_remedy(remedy.to_owned())))
        };
        if !(min.is_finite() && max.is_finite() && min <= max) {
            let what = format!("there is no range from {min} to {max}");
            return refused(
                ErrorKind::InvalidArgument,
                what,
                "give finite ends, the minimum not above the maximum",
            );
        }
        if self.opset() < CLIP_OPSET {
            let what = format!("in opset {} a Clip has no inputs for its ends", self.opset());
            return refused(ErrorKind::Unsupported, what, "raise the opset to 11 or more");
        }
        let (graph, index) = self.graph_with_index()?;
        let Some(id) = graph.find_node(node) else {
            let what = format!("no node is called '{node}'");
            return refused(ErrorKind::InvalidArgument, what, "give the name of a node of the main graph");
        };
        let Some(read) = graph.node(id).inputs.get(input).copied().flatten() else {
            let what = format!("node '{node}' has no input {input}");
            return refused(ErrorKind::InvalidArgument, what, "give the number of an input, from 0");
        };
        let tensor = graph.tensor(read);
        let of = |end: f32| match tensor.dtype {
            Some(DataType::F32) => Some(Data::F32(vec![end])),
            Some(DataType::F64) => Some(Data::F64(vec![end.into()])),
            Some(DataType::F16) => Some(Data::F16(vec![f16::from_f32(end)])),
            _ => None,
        };
        let (Some(min), Some(max)) = (of(min), of(max)) else {
            let what = format!("tensor '{}' is not known to hold floats", tensor.name);
            return refused(ErrorKind::Type, what, "clip a tensor of f32, f64 or f16");
        };
        let mut names = self.unique_names();
        let [clipped, lower, upper, name] = ["clipped", "clip_min", "clip_max", "Clip"]
            .map(|label| names.fresh(&format!("{}_{label}", tensor.name)));
        let spec = NodeSpec::new("Clip", &name, &[&tensor.name, &lower, &upper], &[&clipped]);
        let at = index[id.0];
        let mut edited = self.clone();
        edited.add_initializer(&lower, &[], min)?;
        edited.add_initializer(&upper, &[], max)?;
        let mut edits = Edits::new();
        edits.insert(Position::Before(at), spec).replace_input(at, input, clipped.clone());
        edited.edit(edits)?;
        *self = edited;
        Ok(clipped)
    }
}

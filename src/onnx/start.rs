//! Models that begin in the middle of another one.

use std::collections::BTreeMap;

use super::Model;
use super::types::{Known, value_info};
use crate::error::{Error, ErrorKind, Result};
use crate::tensor::TensorSpec;

impl Model {
    /// Returns the model that is fed these activations of the main graph instead of computing them.
    ///
    /// They are inputs behind the model's own. Nodes that compute them stay; [`Model::reduced_to`] removes
    /// those that nothing needs any more.
    ///
    /// # Errors
    /// `InvalidArgument` if no node of the main graph computes one of them.
    pub fn starting_at(&self, tensors: &[TensorSpec]) -> Result<Self> {
        let mut model = self.clone();
        let mut names = model.unique_names();
        let graph = model.edited().graph.get_or_insert_default();
        let mut missing: BTreeMap<&str, &TensorSpec> =
            tensors.iter().map(|spec| (spec.name.as_str(), spec)).collect();
        for output in graph.node.iter_mut().flat_map(|node| &mut node.output) {
            if let Some(spec) = missing.remove(output.as_str()) {
                let element = spec.dtype.map(Into::into);
                let known = Known { element, shape: spec.shape.clone(), is_other: false };
                graph.input.push(value_info(&spec.name, &known));
                *output = names.fresh(&format!("{}_before", spec.name));
            }
        }
        if let Some(name) = missing.keys().next() {
            let message = format!("no node of the model's main graph computes '{name}'");
            return Err(self.located(Error::new(ErrorKind::InvalidArgument, message)));
        }
        let is_fed = |name: &String| tensors.iter().any(|spec| spec.name == *name);
        graph.value_info.retain(|info| !info.name.as_ref().is_some_and(is_fed));
        Ok(model)
    }
}

#[cfg(test)]
mod tests {
    use super::super::node::NodeSpec;
    use super::super::proto::{GraphProto, ModelProto, ValueInfoProto};
    use super::*;
    use crate::dtype::DataType;

    #[test]
    fn a_model_begins_at_an_activation() {
        let named = |name: &str| ValueInfoProto { name: Some(name.to_owned()), ..Default::default() };
        let relu =
            |input: &str, output: &str| NodeSpec::new("Relu", output, &[input], &[output]).into_proto();
        let graph = GraphProto {
            node: vec![relu("x", "a"), relu("a", "b"), relu("b", "y")],
            input: vec![named("x")],
            output: vec![named("y")],
            value_info: vec![named("a"), named("b")],
            ..Default::default()
        };
        let model = Model::new(ModelProto { graph: Some(graph).into(), ..Default::default() }, "made".into());
        let spec = |name: &str| TensorSpec { name: name.to_owned(), dtype: Some(DataType::F32), shape: None };
        let from = |name: &str| model.starting_at(&[spec(name)]);
        let part = from("b").unwrap().reduced_to(["y"]).unwrap();
        assert_eq!(part.nodes().map(|node| node.name().to_owned()).collect::<Vec<_>>(), ["y"]);
        let inputs: Vec<String> = part.inputs().into_iter().map(|input| input.name).collect();
        assert_eq!(inputs, ["x", "b"]);
        assert!(part.graph().is_ok());
        for wrong in ["x", "z"] {
            let error = from(wrong).err().unwrap();
            assert!(error.to_string().contains(&format!("computes '{wrong}'")), "{error}");
        }
    }
}

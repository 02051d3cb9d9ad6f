//! Models that begin in the middle of another one.

use std::collections::BTreeMap;

use super::Model;
use super::types::{Known, value_info};
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};

impl Model {
    /// Returns the model that is fed these activations of the main graph instead of computing them.
    ///
    /// They are inputs of any shape behind the model's own. Nodes that compute them stay;
    /// [`Model::reduced_to`] removes those that nothing needs any more.
    ///
    /// # Errors
    /// `InvalidArgument` if no node of the main graph computes one of them.
    pub fn starting_at(&self, tensors: &BTreeMap<String, DataType>) -> Result<Self> {
        let mut model = self.clone();
        let mut names = model.unique_names();
        let graph = model.edited().graph.get_or_insert_default();
        let mut missing: BTreeMap<&String, DataType> =
            tensors.iter().map(|(name, &dtype)| (name, dtype)).collect();
        for output in graph.node.iter_mut().flat_map(|node| &mut node.output) {
            if let Some((name, dtype)) = missing.remove_entry(output) {
                let known = Known { element: Some(dtype.into()), ..Known::default() };
                graph.input.push(value_info(name, &known));
                *output = names.fresh(&format!("{name}_before"));
            }
        }
        if let Some(name) = missing.keys().next() {
            let message = format!("no node of the model's main graph computes '{name}'");
            return Err(self.located(Error::new(ErrorKind::InvalidArgument, message)));
        }
        graph.value_info.retain(|info| !info.name.as_ref().is_some_and(|name| tensors.contains_key(name)));
        Ok(model)
    }
}

#[cfg(test)]
mod tests {
    use super::super::node::NodeSpec;
    use super::super::proto::{GraphProto, ModelProto, ValueInfoProto};
    use super::*;

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
        let from = |name: &str| model.starting_at(&BTreeMap::from([(name.to_owned(), DataType::F32)]));
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

//! Attributes of a function's nodes that get their values from a call.

use super::super::node::subgraphs_mut;
use super::super::proto::{AttributeProto, FunctionProto, GraphProto, NodeProto};

/// Whether the attribute refers to one of the function's attributes.
pub(super) fn refers(attribute: &AttributeProto) -> bool {
    attribute.ref_attr_name.as_deref().is_some_and(|name| !name.is_empty())
}

/// The values that a call gives for the attributes of its function.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a> {
    pub call: &'a NodeProto,
    pub function: &'a FunctionProto,
}

impl Arguments<'_> {
    /// Returns the attribute with the value from the call, or with the function's default. Returns `None` if
    /// there is neither; the operator's own default applies then.
    pub fn resolve(self, attribute: &AttributeProto) -> Option<AttributeProto> {
        let given = self.call.attribute.iter().chain(&self.function.attribute_proto);
        let value = given.clone().find(|given| given.name == attribute.ref_attr_name)?;
        Some(AttributeProto { name: attribute.name.clone(), ref_attr_name: None, ..value.clone() })
    }

    pub fn resolve_in(self, graph: &mut GraphProto) {
        for node in &mut graph.node {
            subgraphs_mut(node).for_each(|graph| self.resolve_in(graph));
            let attributes = std::mem::take(&mut node.attribute).into_iter();
            node.attribute =
                attributes.filter_map(|it| if refers(&it) { self.resolve(&it) } else { Some(it) }).collect();
        }
    }
}

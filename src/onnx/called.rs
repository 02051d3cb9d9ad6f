//! Search for the model functions that are called.

use std::collections::{HashMap, HashSet};

use super::node::subgraphs;
use super::proto::{FunctionProto, ModelProto, NodeProto};
use super::walk::graphs;

/// The key by which a call names a function: domain, name and overload.
pub(super) type Key = (String, String, String);

pub(super) fn key_of(function: &FunctionProto) -> Key {
    key(&function.domain, &function.name, &function.overload)
}

pub(super) fn key_of_call(node: &NodeProto) -> Key {
    key(&node.domain, &node.op_type, &node.overload)
}

fn key(domain: &Option<String>, name: &Option<String>, overload: &Option<String>) -> Key {
    let domain = domain.as_deref().filter(|domain| !super::is_default_domain(Some(domain)));
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    (domain.unwrap_or_default().to_owned(), text(name), text(overload))
}

/// Lists the functions that the model's graphs call, directly or through each other.
pub(super) fn called(model: &ModelProto) -> HashSet<Key> {
    let functions: HashMap<Key, &FunctionProto> =
        model.functions.iter().map(|function| (key_of(function), function)).collect();
    let mut called = HashSet::new();
    if functions.is_empty() {
        return called;
    }
    let mut pending: Vec<&[NodeProto]> = graphs(model).map(|graph| graph.node.as_slice()).collect();
    while let Some(nodes) = pending.pop() {
        for node in nodes {
            pending.extend(subgraphs(node).map(|graph| graph.node.as_slice()));
            if let Some((key, function)) = functions.get_key_value(&key_of_call(node))
                && called.insert(key.clone())
            {
                pending.push(&function.node);
            }
        }
    }
    called
}

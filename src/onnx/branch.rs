//! The branch of an If whose condition is known, in its place.

use std::collections::HashSet;

use super::Model;
use super::node::{NodeSpec, label, subgraphs};
use super::proto::{GraphProto, NodeProto};
use super::rename::Renaming;
use super::walk::free_names;
use super::walk::{UniqueNames, names_read};
use crate::error::{Error, ErrorKind, Result};

impl Model {
    /// Puts the nodes of one branch in the place of each of these If nodes of the main graph: position of the node, and what its
    /// condition is. The outputs of an If keep their names; what lies inside does too where the name is free. What only the
    /// condition or the other branch needed goes.
    ///
    /// # Errors
    /// `Format` where a node has no such branch or the branch does not fit; the model is unchanged then.
    pub fn take_branches(&mut self, conditions: &[(usize, bool)]) -> Result<()> {
        let mut graph = self.proto.graph.clone();
        let main = graph.get_or_insert_default();
        let mut chosen: Vec<Option<(NodeProto, GraphProto)>> = vec![None; main.node.len()];
        let mut read_before: Vec<String> = Vec::new();
        for &(position, condition) in conditions {
            let node = main.node.get_mut(position).map(std::mem::take).unwrap_or_default();
            let branch = branch(&node, condition).map_err(|error| self.located(error))?.clone();
            read_before.extend(node.input.iter().cloned());
            read_before.extend(subgraphs(&node).flat_map(free_names).map(str::to_owned));
            // Whoever looks for free names must not meet those of the other branch.
            main.node[position] = NodeProto { output: node.output.clone(), ..Default::default() };
            chosen[position] = Some((node, branch));
        }
        let mut rest = (*self.proto).clone();
        rest.graph = graph.clone();
        let mut names = UniqueNames::of(&rest);
        let main = graph.get_or_insert_default();
        let mut nodes = Vec::with_capacity(main.node.len());
        for (node, chosen) in std::mem::take(&mut main.node).into_iter().zip(chosen) {
            match chosen {
                None => nodes.push(node),
                Some((node, branch)) => {
                    nodes.extend(
                        put_in(&node, branch, main, &mut names).map_err(|error| self.located(error))?,
                    );
                }
            }
        }
        main.node = nodes;
        self.edited().graph = graph;
        self.remove_unread(read_before);
        Ok(())
    }

    /// Takes out what computed these tensors of the main graph and nothing else, as far as nothing reads them any more.
    fn remove_unread(&mut self, mut names: Vec<String>) {
        let mut seen = HashSet::new();
        while !names.is_empty() {
            let read = names_read(&self.proto);
            let unread: HashSet<String> = names.drain(..).filter(|name| !read.contains(name)).collect();
            let graph = self.edited().graph.get_or_insert_default();
            graph.node.retain(|node| {
                let is_dead = node.output.iter().any(|name| unread.contains(name))
                    && node.output.iter().all(|name| !read.contains(name));
                if is_dead {
                    let captured = subgraphs(node).flat_map(free_names).map(str::to_owned);
                    names.extend(node.input.iter().cloned().chain(captured));
                }
                !is_dead
            });
            seen.extend(unread);
        }
        self.remove_unused_constants(seen.iter().map(String::as_str));
    }
}

fn branch(node: &NodeProto, condition: bool) -> Result<&GraphProto> {
    let wanted = if condition { "then_branch" } else { "else_branch" };
    let found = node.attribute.iter().find(|attribute| attribute.name.as_deref() == Some(wanted));
    found
        .and_then(|attribute| attribute.g.as_option())
        .ok_or_else(|| misfit(node, &format!("has no {wanted}")))
}

fn misfit(node: &NodeProto, what: &str) -> Error {
    Error::new(ErrorKind::Format, format!("{}: {what}", label(node))).with_remedy("export the model again")
}

/// The nodes of `branch` as nodes of `main`, which takes what the branch stores.
fn put_in(
    node: &NodeProto,
    mut branch: GraphProto,
    main: &mut GraphProto,
    names: &mut UniqueNames,
) -> Result<Vec<NodeProto>> {
    if branch.output.len() < node.output.len() {
        return Err(misfit(node, "has more outputs than its branch"));
    }
    let mut renaming = Renaming::of_branch();
    let is_computed =
        |name: &str| branch.node.iter().any(|node| node.output.iter().any(|output| output == name));
    let mut passed_on = Vec::new();
    for (outer, inner) in node.output.iter().zip(&branch.output).filter(|(outer, _)| !outer.is_empty()) {
        let inner = inner.name.as_deref().unwrap_or_default();
        if is_computed(inner) && !renaming.knows(inner) {
            renaming.set(inner, outer);
        } else {
            passed_on.push((outer.clone(), inner.to_owned()));
        }
    }
    let stored = branch.initializer.iter().filter_map(|tensor| tensor.name.as_deref());
    let sparse = branch.sparse_initializer.iter().filter_map(|sparse| sparse.values.name.as_deref());
    for name in stored.chain(sparse) {
        renaming.define(name, names);
    }
    let computed = branch.node.iter().flat_map(|node| &node.output).filter(|name| !name.is_empty());
    for name in computed {
        renaming.define(name, names);
    }
    for inner in &mut branch.node {
        renaming.node(inner, names);
    }
    for tensor in &mut branch.initializer {
        renaming.known(&mut tensor.name);
    }
    for sparse in &mut branch.sparse_initializer {
        renaming.known(&mut sparse.values.get_or_insert_default().name);
    }
    renaming.infos(branch.value_info.iter_mut());
    let is_stated = |name: &Option<String>| main.value_info.iter().any(|info| info.name == *name);
    branch.value_info.retain(|info| !is_stated(&info.name));
    main.initializer.append(&mut branch.initializer);
    main.sparse_initializer.append(&mut branch.sparse_initializer);
    main.value_info.append(&mut branch.value_info);
    let mut nodes = branch.node;
    for (outer, inner) in passed_on {
        let source = renaming.read(&inner, names);
        let name = names.fresh(&format!("{outer}/Identity"));
        nodes.push(NodeSpec::new("Identity", &name, &[&source], &[&outer]).into_proto());
    }
    Ok(nodes)
}

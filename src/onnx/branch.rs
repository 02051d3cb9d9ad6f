//! Replacement of an If with a known condition by one of its branches.

use std::collections::{HashMap, HashSet};

use super::Model;
use super::node::{NodeSpec, label, subgraphs};
use super::proto::{GraphProto, NodeProto};
use super::rename::Renaming;
use super::walk::{UniqueNames, free_names, names_read_elsewhere};
use crate::error::{Error, ErrorKind, Result};

impl Model {
    /// Replaces If nodes of the main graph by the nodes of one branch.
    ///
    /// `conditions` lists the position and the condition of each If. The outputs of an If keep their names.
    /// The tensors of the branch also keep theirs if the names are free. Nodes that only the condition or the
    /// other branch needed are removed.
    ///
    /// # Errors
    /// `Format` if a node has no such branch or the branch does not fit. The model is unchanged then.
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
            // The search for free names must not see the names of the other branch.
            main.node[position] = NodeProto { output: node.output.clone(), ..Default::default() };
            chosen[position] = Some((node, branch));
        }
        let mut rest = (*self.proto).clone();
        rest.graph = graph.clone();
        let mut names = UniqueNames::of(&rest);
        let main = graph.get_or_insert_default();
        let mut stated: HashSet<String> =
            main.value_info.iter().filter_map(|info| info.name.clone()).collect();
        let mut nodes = Vec::with_capacity(main.node.len());
        for (node, chosen) in std::mem::take(&mut main.node).into_iter().zip(chosen) {
            match chosen {
                None => nodes.push(node),
                Some((node, branch)) => {
                    let put = put_in(&node, branch, main, &mut names, &mut stated);
                    nodes.extend(put.map_err(|error| self.located(error))?);
                }
            }
        }
        main.node = nodes;
        self.edited().graph = graph;
        self.remove_unread(read_before);
        Ok(())
    }

    /// Removes the nodes that computed only these tensors of the main graph, if nothing reads the tensors any
    /// more.
    fn remove_unread(&mut self, names: Vec<String>) {
        let nodes = &self.proto.graph.node;
        let mut readers: HashMap<&str, usize> = HashMap::new();
        for name in nodes.iter().flat_map(read_by) {
            *readers.entry(name).or_default() += 1;
        }
        let kept = names_read_elsewhere(&self.proto);
        let computed =
            nodes.iter().enumerate().flat_map(|(at, node)| node.output.iter().map(move |name| (name, at)));
        let producers: HashMap<&str, usize> = computed.map(|(name, at)| (name.as_str(), at)).collect();
        let mut dead = HashSet::new();
        let mut seen: HashSet<&str> = HashSet::new();
        let mut pending: Vec<&str> = names.iter().map(String::as_str).collect();
        while let Some(name) = pending.pop() {
            seen.insert(name);
            let is_read =
                |name: &str| kept.contains(name) || readers.get(name).is_some_and(|&count| count > 0);
            let Some(&at) = producers.get(name) else { continue };
            if nodes[at].output.iter().any(|name| !name.is_empty() && is_read(name)) || !dead.insert(at) {
                continue;
            }
            for name in read_by(&nodes[at]) {
                if let Some(count) = readers.get_mut(name) {
                    *count -= 1;
                }
                pending.push(name);
            }
        }
        let seen: Vec<String> = seen.into_iter().map(str::to_owned).collect();
        let mut position = 0..;
        self.edited()
            .graph
            .get_or_insert_default()
            .node
            .retain(|_| !position.next().is_some_and(|at| dead.contains(&at)));
        self.remove_unused_constants(seen.iter().map(String::as_str));
    }
}

/// Lists the names that a node and its subgraphs read from the graph around the node.
fn read_by(node: &NodeProto) -> impl Iterator<Item = &str> {
    node.input.iter().map(String::as_str).chain(subgraphs(node).flat_map(free_names))
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

/// Converts the nodes of `branch` to nodes of `main`, and moves the branch's initializers to `main`. `stated`
/// contains the tensors whose types `main` states.
fn put_in(
    node: &NodeProto,
    mut branch: GraphProto,
    main: &mut GraphProto,
    names: &mut UniqueNames,
    stated: &mut HashSet<String>,
) -> Result<Vec<NodeProto>> {
    if branch.output.len() < node.output.len() {
        return Err(misfit(node, "has more outputs than its branch"));
    }
    let mut renaming = Renaming::of_branch();
    let computed: HashSet<&str> = branch
        .node
        .iter()
        .flat_map(|node| &node.output)
        .map(String::as_str)
        .filter(|name| !name.is_empty())
        .collect();
    let mut passed_on = Vec::new();
    for (outer, inner) in node.output.iter().zip(&branch.output).filter(|(outer, _)| !outer.is_empty()) {
        let inner = inner.name.as_deref().unwrap_or_default();
        if computed.contains(inner) && !renaming.knows(inner) {
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
    branch.value_info.retain(|info| info.name.as_ref().is_some_and(|name| stated.insert(name.clone())));
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

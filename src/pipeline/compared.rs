//! The tensors of two models that are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::finding::Finding;
use crate::graph::{Graph, GraphTensor, TensorId, TensorKind};
use crate::observe::Stats;
use crate::onnx::Model;
use crate::runtime::{RuntimeOptions, Unknown};

/// The tensors to compare, and the runtime.
#[derive(Clone, Debug, Default)]
pub struct CompareOptions {
    /// The runtime that runs both models.
    pub runtime: RuntimeOptions,
    /// Whether to compare also every activation that both models have, not only the outputs.
    pub per_tensor: bool,
    /// The right class of every sample, in the order of the data, for the first compared output.
    pub labels: Option<Vec<i64>>,
    /// The outputs to compare, or other tensors that both models compute.
    ///
    /// If this is empty, all outputs are compared that are tensors of numbers and are not behind an operator
    /// that no runtime knows. If none of those is floating-point, the nearest floating-point tensors from
    /// which they are computed are compared as well.
    pub outputs: Vec<String>,
    /// The statistics of the calibration. They help to find the reasons for bad outputs and tensors.
    pub stats: Option<Arc<Stats>>,
}

/// The names of the compared tensors.
pub(super) struct Compared {
    /// The requested outputs, or all that can be compared. They replace the outputs of the models.
    pub outputs: Vec<String>,
    /// The activations that both models have, if they were requested.
    pub activations: Vec<String>,
    /// Whether the first output holds scores of classes, so that its largest element is an answer.
    pub has_classes: bool,
    /// The findings about tensors that are compared in another way than expected.
    pub findings: Vec<Finding>,
}

impl Compared {
    /// Chooses the compared tensors of a float model and its quantized form.
    ///
    /// `unknown` holds the nodes that no runtime can run.
    ///
    /// # Errors
    /// `InvalidArgument` if the models do not have the same outputs, or if a requested output is not in both;
    /// `Unsupported` if nothing is left to compare.
    pub fn choose(
        float: &Model,
        quantized: &Model,
        options: &CompareOptions,
        unknown: &[Unknown],
    ) -> Result<Self> {
        let (ours, theirs) = (float.graph()?, quantized.graph()?);
        let names = if options.outputs.is_empty() {
            common_outputs(float, quantized)?
        } else {
            asked_for(&options.outputs, &ours, &theirs)?
        };
        let is_behind = |name: &str| unknown.iter().any(|unknown| unknown.behind.contains(name));
        let can_be_compared =
            |name: &String| !is_behind(name) && ours.find(name).is_some_and(|id| !ours.tensor(id).is_opaque);
        let (mut outputs, left_out): (Vec<String>, Vec<String>) =
            names.iter().cloned().partition(can_be_compared);
        let mut reasons: BTreeMap<String, Vec<&String>> = BTreeMap::new();
        for name in &left_out {
            let reason = match unknown.iter().find(|unknown| unknown.behind.contains(name)) {
                Some(unknown) => format!("behind {}, an operator that no runtime knows", unknown.label),
                None => "no tensor of numbers".to_owned(),
            };
            if !options.outputs.is_empty() {
                let message = format!("'{name}' cannot be compared: {reason}");
                return Err(Error::new(ErrorKind::Unsupported, message)
                    .with_remedy("choose other outputs to compare, or tensors before it"));
            }
            reasons.entry(reason).or_default().push(name);
        }
        let found = reasons.into_iter().map(|(reason, names)| {
            Finding::warning(format!("outputs that are not compared ({reason})")).about(names)
        });
        let mut findings: Vec<Finding> = found.collect();
        let is_float = |name: &String| ours.find(name).is_some_and(|id| ours.tensor(id).may_be_float());
        if options.outputs.is_empty() && !outputs.iter().any(is_float) {
            let found = nearest_floats(&ours, &names, |name| theirs.find(name).is_some() && !is_behind(name));
            if !found.is_empty() {
                let message = "no output that can be compared is floating-point, so the tensors that the outputs are \
                               computed from are compared too";
                findings.push(Finding::note(message).about(&found));
            }
            outputs.extend(found);
        }
        let Some(first) = outputs.first() else {
            return Err(Error::new(ErrorKind::Unsupported, "no output of the models can be compared")
                .with_remedy("choose tensors of numbers that both models compute as outputs to compare"));
        };
        let has_classes = options.labels.is_some() || is_softmax(&ours, first);
        let mut activations =
            if options.per_tensor { common_activations(&ours, &theirs) } else { Vec::new() };
        activations.retain(|name| !is_behind(name));
        Ok(Self { outputs, activations, has_classes, findings })
    }

    /// Returns the part of `model` that computes all compared tensors.
    ///
    /// Its outputs include the compared outputs.
    pub fn part_of(&self, model: &Model) -> Result<Model> {
        let graph = model.graph()?;
        let mut part = model.reduced_to(self.outputs.iter().chain(&self.activations).map(String::as_str))?;
        for name in &self.outputs {
            part.add_output(name, graph.find(name).and_then(|id| graph.tensor(id).dtype))?;
        }
        Ok(part)
    }
}

fn common_outputs(float: &Model, quantized: &Model) -> Result<Vec<String>> {
    // A model may list an output twice.
    let names = |model: &Model| {
        let mut seen = BTreeSet::new();
        let names = model.outputs().into_iter().map(|output| output.name);
        names.filter(|name| seen.insert(name.clone())).collect::<Vec<_>>()
    };
    let (names, others) = (names(float), names(quantized));
    if names != others {
        let message = format!("the models have different outputs: {names:?} and {others:?}");
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_remedy("compare a model with its own quantized form, or choose outputs that both have"));
    }
    Ok(names)
}

fn asked_for(names: &[String], ours: &Graph, theirs: &Graph) -> Result<Vec<String>> {
    for (index, name) in names.iter().enumerate() {
        let wrong = |what: &str| {
            let outputs = ours.tensors.iter().filter(|tensor| tensor.is_output);
            let outputs: Vec<&str> = outputs.map(|tensor| tensor.name.as_str()).collect();
            Error::new(ErrorKind::InvalidArgument, format!("output '{name}' to compare {what}")).with_remedy(
                format!(
                    "name outputs ('{}') or other tensors that both models compute, each once",
                    outputs.join("', '")
                ),
            )
        };
        for (graph, which) in [(ours, "the float model"), (theirs, "the quantized model")] {
            let found = graph.find(name).map(|id| graph.tensor(id).kind);
            if found.is_none_or(|kind| kind == TensorKind::Constant) {
                return Err(wrong(&format!("is no tensor that {which} computes")));
            }
        }
        if names[..index].contains(name) {
            return Err(wrong("is named twice"));
        }
    }
    Ok(names.to_vec())
}

/// Lists the float activations that both models compute under one name, in the order of the float model.
fn common_activations(ours: &Graph, theirs: &Graph) -> Vec<String> {
    let is_common = |tensor: &&GraphTensor| {
        tensor.kind == TensorKind::Activation
            && tensor.may_be_float()
            && theirs.find(&tensor.name).is_some_and(|id| theirs.tensor(id).may_be_float())
    };
    ours.tensors.iter().filter(is_common).map(|tensor| tensor.name.clone()).collect()
}

/// Lists the floating-point activations from which `names` are computed, the last one on every path back.
fn nearest_floats(graph: &Graph, names: &[String], is_usable: impl Fn(&str) -> bool) -> Vec<String> {
    let mut pending: Vec<TensorId> = names.iter().filter_map(|name| graph.find(name)).collect();
    let mut seen: BTreeSet<TensorId> = pending.iter().copied().collect();
    let mut found = BTreeSet::new();
    while let Some(id) = pending.pop() {
        let tensor = graph.tensor(id);
        let is_float = tensor.dtype.is_some_and(|dtype| dtype.is_float());
        if is_float && tensor.kind == TensorKind::Activation && is_usable(&tensor.name) {
            found.insert(id);
        } else if let Some(node) = tensor.producer {
            pending.extend(graph.reads(node).filter(|&read| seen.insert(read)));
        }
    }
    found.into_iter().map(|id| graph.tensor(id).name.clone()).collect()
}

/// Whether a tensor is the output of a softmax, perhaps in another form.
fn is_softmax(graph: &Graph, name: &str) -> bool {
    let mut tensor = graph.find(name);
    while let Some(node) = tensor.and_then(|id| graph.producer(id)).filter(|node| node.domain.is_empty()) {
        match node.op.as_str() {
            "Softmax" | "LogSoftmax" => return true,
            "Cast" | "Dropout" | "Flatten" | "Identity" | "Reshape" | "Squeeze" => tensor = node.input(0),
            _ => return false,
        }
    }
    false
}

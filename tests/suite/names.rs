//! Nodes without a name get one, which plans show and written models keep.

use std::collections::HashSet;
use std::path::Path;

use qdq::emit::Ranges;
use qdq::graph::BODY_DOMAIN;
use qdq::onnx::Model;
use qdq::pipeline;
use qdq::place::Policy;

use crate::environment::{digits, project, run_python};
use crate::subgraphs::made;

fn python(what: &str, files: &[&Path]) -> String {
    let script = project("tests/python/node_names.py");
    let files = files.iter().map(|file| file.to_str().unwrap());
    run_python(&Vec::from_iter([script.to_str().unwrap(), what].into_iter().chain(files)))
}

/// Lists the names of all nodes in a model, at any depth, `-` for none.
fn names(model: &Model, folder: &Path) -> Vec<String> {
    let file = folder.join("written.onnx");
    std::fs::write(&file, model.encode().unwrap()).unwrap();
    python("list", &[&file]).lines().map(str::to_owned).collect()
}

#[test]
fn plan_and_file_name_the_same_nodes() {
    let folder = tempfile::tempdir().unwrap();
    for model in [digits("model.onnx"), made("both"), made("deep"), made("loop"), made("hidden")] {
        let bare = folder.path().join("bare.onnx");
        python("strip", &[&model, &bare]);
        let prepared = pipeline::prepare(&Model::open(&bare).unwrap()).unwrap();
        let plan = prepared.plan(&Policy::default()).unwrap();
        let mut ranges = Ranges::new("by hand");
        for tensor in prepared.taps(&plan, false) {
            ranges.set(tensor, 1.0).unwrap();
        }
        let quantized = prepared.quantize(&plan, &ranges, &Default::default()).unwrap();
        let written = names(&quantized, folder.path());
        let unique: HashSet<&String> = written.iter().collect();
        assert!(unique.len() == written.len() && !written.contains(&"-".to_owned()), "{written:?}");
        let graph = prepared.graph();
        for node in plan.decisions.iter().map(|decision| graph.node(decision.node)) {
            // The inputs of a body are a node of the plan alone.
            let name = &node.name;
            assert!(
                node.domain == BODY_DOMAIN || unique.contains(name),
                "{}: {name} is not in {written:?}",
                model.display()
            );
        }
        // A second time changes nothing.
        let mut again = quantized.clone();
        assert!(!again.name_nodes());
        assert_eq!(again.encode().unwrap(), quantized.encode().unwrap());
    }
}

#[test]
fn names_that_are_there_stay_and_are_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let before = python("list", &[&digits("model.onnx")]);
    let mut model = Model::open(&digits("model.onnx")).unwrap();
    assert!(!model.name_nodes());
    assert_eq!(names(&model, folder.path()).join("\n"), before);

    let some = folder.path().join("some.onnx");
    python("take", &[&digits("model.onnx"), &some]);
    let mut model = Model::open(&some).unwrap();
    assert!(model.name_nodes());
    let found = names(&model, folder.path());
    assert_eq!(&found[..3], ["Conv_0_1", "Relu_1", "Conv_0"], "{found:?}");
    assert_eq!(found.iter().collect::<HashSet<_>>().len(), found.len());
}

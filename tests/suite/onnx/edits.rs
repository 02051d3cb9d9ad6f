//! The neutral graph, and changes to a model.

use qdq::error::ErrorKind;
use qdq::graph::TensorKind;
use qdq::onnx::{Edits, ElementType, InitializerData, Model, Network, NodeSpec, Position};
use qdq::tensor::Tensor;

use super::digits;

fn model() -> Model {
    Model::open(&digits()).unwrap()
}

fn identity(name: &str, from: &str, to: &str) -> NodeSpec {
    NodeSpec::new("Identity", name, &[from], &[to])
}

#[test]
fn the_graph_shows_the_model() {
    let model = model();
    let network = Network::of(model.clone()).unwrap();
    let graph = &network.graph;
    let input = graph.tensor(graph.find("input").unwrap());
    assert_eq!(input.kind, TensorKind::Input);
    assert_eq!(model.inputs()[0].shape, input.shape);
    for id in graph.node_ids() {
        let (node, same) = (graph.node(id), model.node(network.position(id)).unwrap());
        assert_eq!(network.node_at(network.position(id)), Some(id));
        assert_eq!((node.op.as_str(), node.name.as_str()), (same.op(), same.name()));
    }
    let conv = graph.nodes.iter().find(|node| node.is("Conv")).unwrap();
    let weight = graph.tensor(conv.input(1).unwrap());
    assert_eq!(weight.kind, TensorKind::Constant);
    assert_eq!(weight.fixed_shape().unwrap(), model.constant(&weight.name).unwrap().unwrap().shape());
    assert!(conv.ints("kernel_shape").is_some());
    // The type of every activation of this model follows from the type of the input.
    assert!(graph.tensors.iter().filter(|t| t.kind == TensorKind::Activation).all(|t| t.dtype.is_some()));
    assert_eq!(graph.tensors.iter().filter(|tensor| tensor.is_output).count(), model.outputs().len());
}

#[test]
fn nodes_go_where_they_are_put() {
    let mut model = model();
    let count = model.nodes().len();
    let first = model.node(0).unwrap().outputs()[0].clone();
    let reader = model.nodes().position(|node| node.inputs().contains(&first)).unwrap();
    let at = model.node(reader).unwrap().inputs().iter().position(|input| *input == first).unwrap();
    let mut edits = Edits::new();
    edits
        .insert(Position::End, identity("last", "b", "c"))
        .insert(Position::Before(1), identity("second", "a", "b"))
        .insert(Position::After(0), identity("first", &first, "a"))
        .insert(Position::Start, identity("start", "input", "s"))
        .replace_input(reader, at, "b");
    model.edit(edits).unwrap();
    let names: Vec<_> = model.nodes().map(|node| node.name().to_owned()).collect();
    assert_eq!(names.len(), count + 4);
    assert_eq!((names[0].as_str(), names[2].as_str(), names[3].as_str()), ("start", "first", "second"));
    assert_eq!(names[count + 3], "last");
    assert_eq!(model.node(reader + 3).unwrap().inputs()[at], "b");
    model.graph().unwrap();
    model.add_output("c", None).unwrap();
    assert_eq!(model.outputs().last().unwrap().name, "c");
}

#[test]
fn an_observer_takes_the_place_of_what_it_observes() {
    let mut model = model();
    let output = model.node(0).unwrap().outputs()[0].clone();
    let mut observer = identity("observer", "raw", &output);
    observer.domain = "qdq".to_owned();
    let mut edits = Edits::new();
    edits.replace_output(0, 0, "raw").insert(Position::After(0), observer);
    model.edit(edits).unwrap();
    model.import("qdq", 1);
    let graph = model.graph().unwrap();
    let observed = graph.tensor(graph.find(&output).unwrap());
    assert_eq!(graph.node(observed.producer.unwrap()).name, "observer");
}

#[test]
fn an_edit_that_does_not_hold_together_changes_nothing() {
    type Change = fn(&mut Edits);
    let cases: [(Change, &str); 7] = [
        (
            |edits| {
                edits.insert(Position::Start, identity("n", "nothing", "y"));
            },
            "'nothing'",
        ),
        (
            |edits| {
                edits.insert(Position::End, identity("n", "input", "input"));
            },
            "taken",
        ),
        (
            |edits| {
                edits.insert(Position::Before(9999), identity("n", "input", "y"));
            },
            "9999",
        ),
        (
            |edits| {
                edits.replace_input(9999, 0, "input");
            },
            "9999",
        ),
        (
            |edits| {
                edits.replace_input(0, 99, "input");
            },
            "99",
        ),
        (
            |edits| {
                edits.replace_output(0, 0, "elsewhere");
            },
            "before",
        ),
        (
            |edits| {
                edits.remove(0);
            },
            "before",
        ),
    ];
    for (change, part) in cases {
        let mut model = model();
        let mut edits = Edits::new();
        change(&mut edits);
        let refused = model.edit(edits).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
        assert!(refused.message().contains(part) && refused.message().contains("model.onnx"), "{refused}");
        assert_eq!(model.encode().unwrap(), std::fs::read(digits()).unwrap());
    }
}

#[test]
fn stored_tensors_come_and_go() {
    let mut model = model();
    let mut names = model.unique_names();
    let name = names.fresh("input");
    assert_ne!(name, "input");
    model.add_initializer(&name, &[3, 3], InitializerData::new(ElementType::I4, vec![0u8; 5])).unwrap();
    model.add_initializer("small", &[], vec![1i8]).unwrap();
    assert_eq!(model.constant("small").unwrap().unwrap().shape(), &[] as &[usize]);
    assert_eq!(
        model.add_initializer("small", &[], vec![1i8]).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
    assert_eq!(model.add_initializer("wrong", &[2], vec![1i8]).unwrap_err().kind(), ErrorKind::Shape);
    let used =
        model.graph().unwrap().tensors.iter().find(|t| t.kind == TensorKind::Constant).unwrap().name.clone();
    assert!(!model.remove_initializer_if_unused(&used));
    assert_eq!(model.remove_unused_constants(["small", name.as_str(), "unheard of"]), 2);
    assert_eq!(model.constant("small").unwrap(), None);
}

#[test]
fn a_stored_tensor_takes_other_values_of_its_shape_and_type() {
    let mut model = model();
    let old = model.constant("fc.bias").unwrap().unwrap();
    let new = Tensor::new(old.shape().to_vec(), vec![0.5f32; 10]).unwrap();
    model.set_initializer("fc.bias", new.clone()).unwrap();
    assert_eq!(
        Model::from_bytes(model.encode().unwrap().into()).unwrap().constant("fc.bias").unwrap(),
        Some(new)
    );
    for (name, value, kind) in [
        ("fc.bias", Tensor::new(vec![2, 5], vec![0f32; 10]).unwrap(), ErrorKind::Shape),
        ("fc.bias", Tensor::new(vec![10], vec![0f64; 10]).unwrap(), ErrorKind::Type),
        ("input", Tensor::new(vec![10], vec![0f32; 10]).unwrap(), ErrorKind::InvalidArgument),
    ] {
        let before = model.encode().unwrap();
        let error = model.set_initializer(name, value.clone()).unwrap_err();
        assert!(error.kind() == kind && error.message().contains(name), "{error}");
        assert_eq!(model.encode().unwrap(), before);
    }
    assert!(model.is_initializer("fc.bias") && !model.is_initializer("input"));
}

#[test]
fn an_input_can_be_clipped_for_one_node() {
    let mut model = model();
    let graph = model.graph().unwrap();
    let reader = graph.nodes.iter().find(|node| node.op == "Gemm").unwrap();
    let (name, read) = (reader.name.clone(), graph.tensor(reader.inputs[0].unwrap()).name.clone());
    let clipped = model.clip_input(&name, 0, -0.5, 2.0).unwrap();
    let graph = Model::from_bytes(model.encode().unwrap().into()).unwrap().graph().unwrap();
    let reader = graph.nodes.iter().find(|node| node.name == name).unwrap();
    let tensor = graph.tensor(reader.inputs[0].unwrap());
    assert_eq!(tensor.name, clipped);
    let clip = graph.node(tensor.producer.unwrap());
    assert_eq!((clip.op.as_str(), &graph.tensor(clip.inputs[0].unwrap()).name), ("Clip", &read));
    for (input, end) in [(1, -0.5f32), (2, 2.0)] {
        let stored = model.constant(&graph.tensor(clip.inputs[input].unwrap()).name).unwrap().unwrap();
        assert_eq!(stored, Tensor::new(vec![], vec![end]).unwrap());
    }
    for (node, input, min, max, part) in [
        ("nobody", 0, 0.0, 1.0, "'nobody'"),
        (name.as_str(), 7, 0.0, 1.0, "no input 7"),
        (name.as_str(), 0, 2.0, 1.0, "from 2 to 1"),
        (name.as_str(), 0, f32::NAN, 1.0, "from NaN"),
        (name.as_str(), 0, 0.0, f32::INFINITY, "to inf"),
    ] {
        let before = model.encode().unwrap();
        let error = model.clip_input(node, input, min, max).unwrap_err();
        assert!(error.message().contains(part) && error.remedy().is_some(), "{error}");
        assert_eq!(model.encode().unwrap(), before);
    }
}

#[test]
fn a_node_can_be_copied_and_given_one_more_input() {
    let mut model = model();
    let at = model.nodes().position(|node| node.op() == "Gemm").unwrap();
    let spec = model.node(at).unwrap().to_spec().unwrap();
    assert!(spec.attributes.len() > 1);
    let copy = NodeSpec { inputs: spec.inputs[..2].to_vec(), outputs: vec!["copy".into()], ..spec.clone() };
    let mut edits = Edits::new();
    edits.insert(Position::End, copy);
    model.edit(edits).unwrap();
    let last = model.nodes().len() - 1;
    let mut edits = Edits::new();
    edits.replace_input(last, 2, spec.inputs[2].as_str());
    model.edit(edits).unwrap();
    let copy = model.node(last).unwrap().to_spec().unwrap();
    assert_eq!(copy, NodeSpec { outputs: vec!["copy".into()], ..spec });
}

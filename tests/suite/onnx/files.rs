//! Reading and writing.

use qdq::onnx::{Model, SaveOptions};

use super::digits;

#[test]
fn an_unedited_model_is_written_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.onnx");
    let model = Model::open(&digits()).unwrap();
    assert_eq!(model.save(&path, &SaveOptions::default()).unwrap(), [path.clone()]);
    assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(digits()).unwrap());
}

#[test]
fn the_digits_model_becomes_a_graph() {
    let model = Model::open(&digits()).unwrap();
    let (graph, index) = model.graph_with_index().unwrap();
    assert_eq!(graph.nodes.len(), index.len());
    let inputs = model.inputs();
    assert_eq!(inputs.len(), 1);
    assert_eq!(inputs[0].name, "input");
    for (node, &position) in graph.nodes.iter().zip(&index) {
        assert_eq!(node.op, model.node(position).unwrap().op());
    }
    let conv = graph.nodes.iter().find(|node| node.is("Conv")).unwrap();
    let weight = graph.tensor(conv.input(1).unwrap());
    let value = model.constant(&weight.name).unwrap().unwrap();
    assert_eq!(weight.fixed_shape().unwrap(), value.shape());
}

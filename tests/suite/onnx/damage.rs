//! Damaged and hostile files give errors, never panics.

use std::fs;
use std::sync::LazyLock;

use bytes::Bytes;
use proptest::prelude::*;
use qdq::error::{ErrorKind, Result};
use qdq::onnx::{Edits, Model, NodeSpec, Position};

use super::{digits, python};

static MODELS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    python("lossless.py make", &[folder.path()]);
    python("opset_cases.py make", &[folder.path()]);
    let names = ["everything", "branches", "functions", "softmax_flattened_7", "pad_7", "upsample_nearest_7"];
    let small = names.iter().map(|name| fs::read(folder.path().join(format!("{name}.onnx"))).unwrap());
    small.chain([fs::read(digits()).unwrap()]).collect()
});

/// Uses every part of a model that depends on the content of the file.
fn exercise(bytes: Vec<u8>) -> Result<()> {
    let mut model = Model::from_bytes(Bytes::from(bytes))?;
    let (specs, _) = ((model.inputs(), model.outputs()), model.unique_names());
    let graph = model.graph();
    let names: Vec<String> = graph.iter().flat_map(|graph| &graph.tensors).map(|t| t.name.clone()).collect();
    for name in &names {
        let _ = model.constant(name);
    }
    let _ = model.inlined().and_then(|model| model.encode());
    if let Some(input) = specs.0.first() {
        let mut edits = Edits::new();
        edits.insert(Position::End, NodeSpec::new("Identity", "new", &[&input.name], &["new_output"]));
        let _ = model.edit(edits);
    }
    model.remove_unused_constants(names.iter().map(String::as_str));
    let _ = model.clone().raise_opset(13);
    let _ = model.raise_opset(21);
    graph.map(drop)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_never_panic(
        which in 0usize..7,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = MODELS[which].clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = exercise(bytes);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = exercise(bytes);
    }
}

#[test]
fn what_is_no_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.onnx");
    let whole = fs::read(digits()).unwrap();
    let cases: [&[u8]; 4] = [b"", b"not a model at all", &whole[..whole.len() / 2], &[0xff; 64]];
    for content in cases {
        fs::write(&path, content).unwrap();
        let refused = Model::open(&path).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Format);
        assert!(refused.message().contains("broken.onnx") && refused.remedy().is_some(), "{refused}");
    }
    let missing = Model::open(&folder.path().join("missing.onnx")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Io);
    assert_eq!(Model::open(folder.path()).unwrap_err().kind(), ErrorKind::InvalidArgument);
}

/// Returns a field of a message: number and content.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = varint(u64::from(number) << 3 | 2);
    bytes.extend(varint(content.len() as u64));
    bytes.extend(content);
    bytes
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 & 0x7f | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

const GRAPH: u32 = 7;
const NODE: u32 = 1;

#[test]
fn small_files_do_not_take_large_memory() {
    // A length of nearly 2 GiB in a file of a few bytes.
    let lengths = [varint(u64::from(GRAPH) << 3 | 2), varint(0x7fff_fff0), vec![0; 8]].concat();
    // A million empty nodes.
    let nodes = field(GRAPH, &field(NODE, &[]).repeat(1_000_000));
    // Subgraphs in subgraphs, a thousand levels deep: graph, node, attribute, graph, ...
    let mut deep = Vec::new();
    for _ in 0..1000 {
        deep = field(NODE, &field(5, &field(6, &deep)));
    }
    let deep = field(GRAPH, &deep);
    for (bytes, part) in [(lengths, "damaged"), (nodes, "memory"), (deep, "deeply")] {
        let refused = exercise(bytes).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Format);
        assert!(refused.message().contains(part), "{refused}");
    }
}

/// Returns a graph of nodes, each with inputs and outputs.
fn graph(nodes: &[(&[&str], &[&str])]) -> Vec<u8> {
    let texts = |number, names: &[&str]| -> Vec<u8> {
        names.iter().flat_map(|name| field(number, name.as_bytes())).collect()
    };
    let node = |(inputs, outputs): &(&[&str], &[&str])| {
        field(NODE, &[texts(1, inputs), texts(2, outputs), field(4, b"Add")].concat())
    };
    field(GRAPH, &nodes.iter().flat_map(node).collect::<Vec<u8>>())
}

#[test]
fn graphs_that_do_not_hold_together_are_named() {
    let cases = [
        (graph(&[(&["b"], &["a"]), (&["a"], &["b"])]), "before it is computed"),
        (graph(&[(&["a"], &["a"])]), "before it is computed"),
        (graph(&[(&["x"], &["a"])]), "nothing computes"),
        (graph(&[(&[], &["a"]), (&[], &["a"])]), "twice"),
    ];
    for (bytes, part) in cases {
        let refused = Model::from_bytes(bytes.into()).unwrap().graph().unwrap_err();
        assert!(refused.message().contains(part) && refused.remedy().is_some(), "{refused}");
    }
}

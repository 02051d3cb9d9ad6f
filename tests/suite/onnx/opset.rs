//! Raising the opset: what a model computes stays the same.

use std::path::Path;

use qdq::onnx::{Model, SaveOptions};

use super::python;

/// Every conversion: ONNX Runtime gives the same result before and after, and onnx.checker passes.
#[test]
fn converted_models_compute_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let made: usize = python("opset_cases.py make", &[folder]).trim().parse().unwrap();
    let mut converted = 0;
    let models: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    for path in models.iter().filter(|path| path.extension().is_some_and(|end| end == "onnx")) {
        let original = Model::open(path).unwrap();
        for to in [13, 18, 21].into_iter().filter(|&to| to > original.opset()) {
            let mut model = original.clone();
            let change = model.raise_opset(to).unwrap();
            assert_eq!((change.from, change.to), (original.opset(), to));
            assert_eq!(model.opset(), to);
            model.graph().unwrap();
            model.save(&path.with_extension(format!("to{to}.onnx")), &SaveOptions::default()).unwrap();
        }
        converted += 1;
    }
    assert_eq!(converted, made);
    python("opset_cases.py check", &[folder]);
}

/// The list of operators is ONNX's, and every change in the table has a case above.
#[test]
fn the_tables_are_complete() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/onnx/upgrade/table.rs");
    python("opset_cases.py tables", &[&table]);
}

//! Raising the opset keeps the results of a model.

use std::path::Path;

use qdq::error::ErrorKind;
use qdq::onnx::{Model, SaveOptions};

use super::{digits, python};

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
        for to in [13, 18, 21, 22].into_iter().filter(|&to| to > original.opset()) {
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

/// The list of operators is that of ONNX, and every change in the table has a case above.
#[test]
fn the_tables_are_complete() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/onnx/upgrade/table.rs");
    python("opset_cases.py tables", &[&table]);
}

#[test]
fn what_has_no_equal_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    python("opset_cases.py refused", &[folder.path()]);
    let mut refused = 0;
    while let Ok(expected) = std::fs::read_to_string(folder.path().join(format!("{refused}.txt"))) {
        let mut model = Model::open(&folder.path().join(format!("{refused}.onnx"))).unwrap();
        let before = model.encode().unwrap();
        let error = model.raise_opset(22).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains(&expected) && error.remedy().is_some(), "{expected}: {error}");
        assert_eq!(model.encode().unwrap(), before);
        refused += 1;
    }
    assert_eq!(refused, 11);
}

#[test]
fn the_opset_only_rises_and_only_to_what_is_known() {
    let mut model = Model::open(&digits()).unwrap();
    let before = model.opset();
    let change = model.raise_opset(13).unwrap();
    assert_eq!((change.from, change.to, change.converted.len()), (before, before, 0));
    assert_eq!(model.raise_opset(23).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(model.encode().unwrap(), std::fs::read(digits()).unwrap());
}

/// Before IR version 4, weights are also inputs. qdq never requires them, and afterwards it does not list
/// them.
#[test]
fn weights_leave_the_inputs_when_the_format_rises() {
    let folder = tempfile::tempdir().unwrap();
    python("opset_cases.py make", &[folder.path()]);
    let mut model = Model::open(&folder.path().join("conv_7.onnx")).unwrap();
    assert_eq!(model.ir_version(), 3);
    let inputs = model.inputs();
    assert_eq!(inputs.len(), 1);
    model.add_initializer("added", &[1], vec![1.0f32]).unwrap();
    assert_eq!(model.inputs(), inputs);
    model.raise_opset(13).unwrap();
    assert_eq!(model.ir_version(), 7);
    assert_eq!(model.inputs(), inputs);
}

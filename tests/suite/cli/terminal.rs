//! Output that the tool writes only to a terminal.

use super::place::Place;
use crate::environment::{project, run_python};

/// Returns the output of the tool in a terminal, run in the place with the words of `line`.
fn shown(place: &Place, line: &str) -> String {
    let script = project("tests/python/terminal.py");
    let folder = place.at("");
    let command = [script.to_str().unwrap(), folder.to_str().unwrap(), env!("CARGO_BIN_EXE_qdq")];
    run_python(&command.into_iter().chain(line.split_whitespace()).collect::<Vec<_>>())
}

#[test]
fn long_work_shows_a_bar_on_a_terminal_and_nothing_in_a_pipe() {
    let place = Place::with_digits();
    for (line, bar) in [
        ("calibrate model.onnx -d calib.npz --batch-size 1", ["calibrating [", "/256 batches"]),
        ("quantize model.onnx -d calib.npz -o out.onnx", ["calibrating [", "/256 batches"]),
        ("compare model.onnx model.onnx -d test.npz", ["comparing [", "/500 batches"]),
    ] {
        let on_terminal = shown(&place, line);
        assert!(bar.iter().all(|part| on_terminal.contains(part)), "{line}: {on_terminal:?}");
        assert_eq!(shown(&place, &format!("{line} --quiet")), "", "{line}");
        assert_eq!(place.run(line).succeeds().stderr, "", "{line}");
    }
}

//! `qdq cost` with an engine that was written by hand. Real engines are built in `make peers`.

use super::place::{Place, data};

/// Makes a folder with an engine, and one whose activations are smaller.
fn engines() -> Place {
    let place = Place::new();
    let engine = std::fs::read(data("engines/small.engine")).unwrap();
    let text = b"\"n\" 8 16 16";
    let mut smaller = engine.clone();
    for at in 0..engine.len() - text.len() {
        if engine[at..].starts_with(text) {
            smaller[at..at + text.len()].copy_from_slice(b"\"n\" 8 16 4 ");
        }
    }
    place.write("int8.engine", &engine);
    place.write("smaller.engine", smaller);
    place
}

#[test]
fn the_kernels_are_shown() {
    let place = engines();
    let ran = place.run("cost int8.engine");
    ran.notes(&["decided at run time count as 1", "the engine has loops or branches"]);
    assert!(
        ran.stdout.ends_with("3 kernels of TensorRT-RTX 1.7.1 move 14.0 KiB: i8 2.0, f16 8.0, f32 4.0\n")
    );
    let verbose = place.run("cost int8.engine -v").succeeds().stdout.clone();
    assert!(verbose.contains("conv, relu") && !ran.stdout.contains("conv, relu"), "{verbose}");
    let json = place.run("cost int8.engine --json --quiet").json();
    assert_eq!((&json["bytes"], &json["known"]), (&14_336.into(), &true.into()));
    assert_eq!(json["findings"].as_array().unwrap().len(), 2);
    assert!(json.get("against").is_none());
}

#[test]
fn an_int8_engine_that_moves_more_is_a_warning() {
    let place = engines();
    let ran = place.run("cost int8.engine --against smaller.engine");
    ran.notes(&["warning: the engine computes in INT8 and moves 1.75 times the bytes"]);
    assert_eq!(ran.stderr.matches("decided at run time").count(), 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("\nKiB                14.0        8.0   1.75\n"), "{}", ran.stdout);
    let json = place.run("cost int8.engine --against smaller.engine --json").json();
    assert_eq!((&json["against"]["ratio"], &json["against"]["other"]["bytes"]), (&1.75.into(), &8192.into()));
    assert_eq!(json["findings"].as_array().unwrap().len(), 3);
    let other = place.run("cost smaller.engine --against int8.engine");
    assert!(!other.succeeds().stderr.contains("warning"), "{}", other.stderr);
}

#[test]
fn what_is_no_engine_is_refused() {
    let place = engines();
    place.write("text", "more than the twenty-eight bytes of a header");
    place.run("cost text").refuses(&["text: is no engine of TensorRT", "help: give a file"]);
    place.run("cost int8.engine --against none").refuses(&["none: cannot read"]);
    let engine = place.read("int8.engine");
    place.write("cut", &engine[..600]);
    place.run("cost cut").refuses(&["cut: the engine's plan is damaged", "help: build the engine again"]);
}

#[test]
fn an_unknown_plan_is_said_once() {
    let place = engines();
    let mut engine = place.read("int8.engine");
    engine[24..27].copy_from_slice(&[11, 4, 0]);
    place.write("other", engine);
    let ran = place.run("cost other --against other");
    ran.notes(&["note: the plan in an engine of TensorRT 11.4.0 is unknown"]);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("cannot be compared"), "{}", ran.stdout);
    assert!(place.run("cost other --json").json()["kernels"].is_null());
}

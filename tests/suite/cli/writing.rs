//! Files are complete or unchanged, whatever happens.

use std::fs::OpenOptions;
use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use qdq::onnx::{Model, SaveOptions};
use qdq::tensor::Data;

use super::place::Place;

const CACHE: &str = "TRT-8501-EntropyCalibration2\ninput: 3c010204\n";

#[test]
fn a_full_disk_is_an_error() {
    let place = Place::with_digits();
    place.write("c.cache", CACHE);
    place.run("calibrate model.onnx -d calib.npz --limit 8 --stats s.stats").succeeds();
    for line in [
        "quantize model.onnx -d calib.npz --limit 8 -o /dev/full",
        "quantize model.onnx -d calib.npz --limit 8 -o out.onnx --cache /dev/full",
        "quantize model.onnx -d calib.npz --limit 8 -o out.onnx --ranges /dev/full",
        "quantize model.onnx -d calib.npz --limit 8 -o out.onnx --stats /dev/full",
        "apply model.onnx --ranges c.cache -o /dev/full",
        "merge s.stats -o /dev/full",
        "cache convert c.cache -o /dev/full",
    ] {
        place.run(line).refuses(&["/dev/full: cannot write", "caused by: No space left on device"]);
    }
    assert!(!place.at("out.onnx").exists());
}

#[test]
fn a_full_standard_output_is_an_error() {
    let place = Place::new();
    place.write("c.cache", CACHE);
    for line in ["cache show c.cache", "--help"] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = place.command(line).stdout(full).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("standard output: cannot write"), "{stderr}");
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let place = Place::new();
    let lines: String = (0..20_000).map(|i| format!("tensor_{i}: 3c010204\n")).collect();
    place.write("long.cache", format!("TRT-8501-EntropyCalibration2\n{lines}"));
    let mut child =
        place.command("cache show long.cache").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut head = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut head).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn outputs_that_cannot_be_are_refused_before_the_work() {
    let place = Place::with_digits();
    std::fs::create_dir(place.at("folder")).unwrap();
    let model = place.read("model.onnx");
    for (line, parts) in [
        (
            "quantize model.onnx -d calib.npz -o missing/out.onnx",
            ["missing/out.onnx", "make the folder missing"],
        ),
        ("quantize model.onnx -d calib.npz -o model.onnx", ["model.onnx: is also an input", "another file"]),
        (
            "quantize model.onnx -d calib.npz -o out.onnx --stats calib.npz",
            ["calib.npz: is also an input", "help:"],
        ),
        ("quantize model.onnx -d calib.npz -o out.onnx --cache out.onnx", ["out.onnx: two outputs", "help:"]),
        ("calibrate model.onnx -d calib.npz --ranges folder", ["folder: is a folder", "name of a file"]),
    ] {
        place.run(line).refuses(&parts);
    }
    assert!(place.read("model.onnx") == model);
    assert!(!place.at("out.onnx").exists());
}

#[test]
fn a_failing_step_leaves_every_output_as_it_was() {
    let place = Place::with_digits();
    let outputs = ["out.onnx", "out.cache", "out.json", "out.stats"];
    for name in outputs {
        place.write(name, "old");
    }
    let npz = place.read("calib.npz");
    place.write("cut.npz", &npz[..npz.len() / 2]);
    place
        .run("quantize model.onnx -d cut.npz -o out.onnx --cache out.cache --ranges out.json --stats out.stats")
        .refuses(&["cut.npz"]);
    for name in outputs {
        assert_eq!(place.read(name), b"old", "{name}");
    }
    assert_eq!(place.files().len(), 9, "no file is left over: {:?}", place.files());
}

/// Starts `line` repeatedly, kills it while it writes `output`, and checks that the old file is still there.
#[cfg(unix)]
fn kill_while_writing(place: &Place, line: &str, output: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut kills_while_writing = 0;
    while kills_while_writing < 3 {
        assert!(Instant::now() < deadline, "no process was caught while it wrote");
        place.write(output, "old");
        let before = place.files();
        let mut child = place.command(line).spawn().unwrap();
        while place.files() == before && child.try_wait().unwrap().is_none() {}
        child.kill().unwrap();
        child.wait().unwrap();
        let left: Vec<String> = place.files().into_iter().filter(|name| !before.contains(name)).collect();
        let found = place.read(output);
        if left.is_empty() {
            assert!(found != b"old", "the process ended by itself, but wrote nothing");
            continue;
        }
        kills_while_writing += 1;
        assert!(found == b"old", "{} bytes", found.len());
        for name in left {
            assert!(name.starts_with(".qdq-") && name.ends_with(".tmp"), "{name}");
            std::fs::remove_file(place.at(&name)).unwrap();
        }
    }
}

#[test]
#[cfg(unix)]
fn a_killed_conversion_leaves_the_old_file() {
    let place = Place::new();
    let lines: String = (0..300_000).map(|i| format!("network/block_{i}/output: 3c010204\n")).collect();
    place.write("in.cache", format!("TRT-8501-EntropyCalibration2\n{lines}"));
    kill_while_writing(&place, "cache convert in.cache -o out.json --to ranges --quiet", "out.json");
}

#[test]
#[cfg(unix)]
fn a_killed_quantization_leaves_the_old_model() {
    let place = Place::with_digits();
    // A tensor that nothing reads makes the model large enough to be caught half written.
    let mut model = Model::open(&place.at("model.onnx")).unwrap();
    model.add_initializer("ballast", &[1 << 22], Data::F32(vec![0.5; 1 << 22])).unwrap();
    model.save(&place.at("large.onnx"), &SaveOptions::default()).unwrap();
    let line = "quantize large.onnx -d calib.npz --limit 4 -o out.onnx --quiet";
    kill_while_writing(&place, line, "out.onnx");
    place.run(line).succeeds();
    assert!(place.read("out.onnx").len() > 4 << 22);
}

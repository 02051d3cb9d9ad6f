//! Options from a file, and the file that a run writes of its options.

use super::place::Place;

const QUANTIZE: &str = "quantize model.onnx -d calib.npz --limit 16 --weight-bits 6 --equalize --mean 0.5 -o out.onnx --ranges r.json";

#[test]
fn a_run_from_its_saved_options_writes_the_same_bytes() {
    let place = Place::with_digits();
    let text = place.run(&format!("{QUANTIZE} --save-config q.toml")).succeeds().stdout.clone();
    assert!(text.ends_with("wrote q.toml (config)\n"), "{text}");
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "# Options of qdq {version}, for 'qdq quantize --config FILE'. Relative paths count from this file's folder.\n\
         \n\
         model = \"model.onnx\"\n\
         \n\
         # Data\n\
         data = [\"calib.npz\"]\n\
         limit = 16\n\
         mean = [0.5]\n\
         output = \"out.onnx\"\n\
         \n\
         # Files\n\
         ranges = \"r.json\"\n\
         \n\
         # Placement\n\
         weight-bits = 6\n\
         \n\
         # Accuracy\n\
         equalize = true\n"
    );
    assert_eq!(String::from_utf8(place.read("q.toml")).unwrap(), expected);
    let first = ["out.onnx", "r.json"].map(|file| place.read(file));
    for file in ["out.onnx", "r.json"] {
        std::fs::remove_file(place.at(file)).unwrap();
    }
    let again = place.run("quantize --config q.toml --save-config again.toml --json");
    assert_eq!(again.succeeds().json()["files"]["config"], "again.toml");
    assert_eq!(["out.onnx", "r.json"].map(|file| place.read(file)), first);
    // The second file also has the option that the command line added.
    let (one, two) = (expected, String::from_utf8(place.read("again.toml")).unwrap());
    assert_eq!(two, format!("{one}\n# Output\njson = true\n"));
}

#[test]
fn relative_paths_count_from_the_folder_of_the_file() {
    let place = Place::with_digits();
    std::fs::create_dir_all(place.at("runs/one")).unwrap();
    place
        .run(
            "calibrate model.onnx -d input=calib.npz --limit 8 --ranges r.json --save-config runs/one/c.toml",
        )
        .succeeds();
    let text = String::from_utf8(place.read("runs/one/c.toml")).unwrap();
    for line in
        ["model = \"../../model.onnx\"", "data = [\"input=../../calib.npz\"]", "ranges = \"../../r.json\""]
    {
        assert!(text.contains(line), "{text}");
    }
    let first = place.read("r.json");
    std::fs::remove_file(place.at("r.json")).unwrap();
    place.run("calibrate --config runs/one/c.toml").succeeds();
    assert_eq!(place.read("r.json"), first);
    // Moved with the file, and typed paths that count from here.
    place.write(
        "runs/one/short.toml",
        "model = \"../../model.onnx\"\ndata = \"samples.npz\"\nlimit = 8\nranges = \"r.json\"",
    );
    std::fs::copy(place.at("calib.npz"), place.at("runs/one/samples.npz")).unwrap();
    place.run("calibrate --config runs/one/short.toml").succeeds();
    assert_eq!(place.read("runs/one/r.json"), first);
    place.run("calibrate model.onnx --ranges here.json --config runs/one/short.toml").succeeds();
    assert_eq!(place.read("here.json"), first);
    // A file whose name has a = in it is no input's.
    std::fs::copy(place.at("calib.npz"), place.at("runs/one/a=b.npz")).unwrap();
    place.write("runs/one/sign.toml", "data = \"a=b.npz\"\n");
    place
        .run("calibrate model.onnx --limit 8 --config runs/one/sign.toml --save-config sign.toml")
        .succeeds();
    let text = String::from_utf8(place.read("sign.toml")).unwrap();
    assert!(text.contains("data = [\"runs/one/a=b.npz\"]"), "{text}");
}

#[test]
fn every_command_of_a_run_repeats_from_its_file() {
    let place = Place::with_digits();
    place
        .run("quantize model.onnx -d calib.npz --limit 16 -o q.onnx --ranges r.json --stats s.stats")
        .succeeds();
    for line in [
        "calibrate model.onnx --from-stats s.stats --method percentile=99.9",
        "apply model.onnx --ranges r.json -o a.onnx",
        "cast model.onnx --fp16 --stats s.stats -o h.onnx --float32-op Gemm",
        "compare model.onnx q.onnx -d test.npz --labels test_labels.npy --min-sqnr 10 --json",
        "inspect model.onnx --exclude-op Gemm -v",
    ] {
        let verb = line.split(' ').next().unwrap();
        let first = place.run(&format!("{line} --save-config {verb}.toml")).succeeds().stdout.clone();
        assert!(first.contains(&format!("{verb}.toml")), "{first}");
        let plain = place.run(line).succeeds().stdout.clone();
        assert_eq!(place.run(&format!("{verb} --config {verb}.toml")).succeeds().stdout, plain, "{line}");
    }
    // A failed gate leaves the options that it failed with.
    place
        .run("compare model.onnx q.onnx -d test.npz --min-sqnr 90 --save-config gate.toml")
        .fails_with(&["gate failed"]);
    place.run("compare --config gate.toml").fails_with(&["is below 90 dB"]);
    place.run("compare --config gate.toml --min-sqnr 5").succeeds();
}

#[test]
fn files_that_cannot_be_read_or_written_are_refused() {
    let place = Place::with_digits();
    place.write("q.toml", "data = \"calib.npz\"\nmethod = \"mx\"\ncache = \"c.cache\"\n");
    place.write("idle.toml", "data = \"calib.npz\"\n\nalgorithm = \"MinMaxCalibration\"\n");
    place.write("text.toml", b"data = \"\xff\"");
    place.write("large.toml", "#".repeat((1 << 20) + 1));
    std::fs::create_dir(place.at("sub")).unwrap();
    let before = place.files();
    for (options, parts) in [
        ("--config none.toml", ["none.toml: cannot read", "help: check the path"]),
        ("--config sub", ["sub: cannot read", "s a directory"]),
        ("--config text.toml", ["text.toml: cannot read", "valid UTF-8"]),
        ("--config large.toml", ["large.toml: is too large", "help: give the file that --save-config wrote"]),
        // Values that clap does not check.
        ("--config q.toml", ["--method: ", "note: --method is set in q.toml, line 2"]),
        (
            "--config idle.toml",
            ["--algorithm changes nothing", "note: --algorithm is set in idle.toml, line 3"],
        ),
        ("-d calib.npz --save-config sub", ["sub: is a folder", "help: give the name of a file"]),
        (
            "-d calib.npz --save-config none/q.toml",
            ["none/q.toml: cannot write", "help: make the folder none first"],
        ),
        (
            "-d calib.npz --save-config model.onnx",
            ["model.onnx: is also another file of this command", "help: write to"],
        ),
        (
            "-d calib.npz --save-config sub/../calib.npz",
            ["is also another file of this command", "help: write to"],
        ),
        (
            "-d input=calib.npz --save-config calib.npz",
            ["is also another file of this command", "help: write to"],
        ),
        (
            "-d calib.npz --ranges new --save-config ./new",
            ["./new: is also another file of this command", "help: write to"],
        ),
        (
            "--config q.toml --method max --save-config q.toml",
            ["q.toml: is also another file of this command", "help: write to"],
        ),
        ("-d calib.npz --save-config /dev/full", ["/dev/full: cannot write", "No space left"]),
    ] {
        place.run(&format!("calibrate model.onnx {options}")).refuses(&parts);
    }
    assert_eq!(place.files(), before, "a refused run wrote something");
}

/// TOML is UTF-8, and paths need not be.
#[cfg(unix)]
#[test]
fn a_path_that_is_no_text_is_not_saved() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let place = Place::with_digits();
    let name = OsStr::from_bytes(b"caf\xe9.npz");
    std::fs::copy(place.at("calib.npz"), place.at("model.onnx").with_file_name(name)).unwrap();
    let mut command = place.command("calibrate model.onnx --save-config q.toml --limit 8 -d");
    let output = command.arg(name).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("the value of 'data'") && stderr.contains("is not UTF-8"), "{stderr}");
    assert!(!place.at("q.toml").exists());
}

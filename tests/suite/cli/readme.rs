//! The commands and links in the README and the documents.

use std::path::{Path, PathBuf};

use image::{GrayImage, Luma};

use super::place::{Place, data};
use crate::environment::project;

/// Replacements that adapt the README's photo classifier to the digits.
const ADAPTED: [(&str, &str); 5] = [
    ("--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225", "--channels gray --mean 0.1307 --std 0.3081"),
    ("compare …", "compare model.onnx model.qdq.onnx -d test.npz"),
    ("cache show", "cache show model.cache"),
    ("cache check", "cache check model.cache"),
    ("cache convert", "cache convert model.cache -o other.cache --tensorrt-version 8.6.1"),
];

/// Other tools, whose options in a line are not those of qdq.
const OTHER_TOOLS: [&str; 6] = ["cargo", "cmake", "CMake", "pkg-config", "trtexec", "TensorRT 11"];

/// Documents whose commands need programs with their own files. Other tests run them.
const ELSEWHERE: [&str; 2] = ["migration.md", "findings.md"];

/// Lists the README and the documents, each with its path.
fn documents() -> Vec<(PathBuf, String)> {
    let folder = std::fs::read_dir(project("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths = Vec::from_iter(folder.filter(|path| path.extension().is_some_and(|it| it == "md")));
    paths.extend(["README.md", "examples/README.md"].map(project));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap())).collect()
}

fn readme() -> String {
    let is_ours = |path: &Path| !ELSEWHERE.iter().any(|name| path.ends_with(name));
    let texts = documents().into_iter().filter(|(path, _)| is_ours(path)).map(|(_, text)| text);
    texts.collect::<Vec<_>>().join("\n").replace("\\\n", " ")
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    let mut links = 0;
    for (path, text) in documents() {
        for target in
            text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
        {
            let (file, section) = target.split_once('#').unwrap_or((target, ""));
            // An external link, or a lambda of C++.
            if file.contains("://") || file.contains(' ') {
                continue;
            }
            let found = if file.is_empty() { path.clone() } else { path.with_file_name(file) };
            let linked = std::fs::read(&found).unwrap_or_else(|_| panic!("{path:?} links {target}"));
            // A picture has no headings.
            let linked = String::from_utf8_lossy(&linked);
            let keep = |letter: char| letter.is_alphanumeric() || letter == '-';
            let anchor = |line: &str| line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-");
            let mut headings = linked.lines().filter(|line| line.starts_with('#')).map(anchor);
            let is_there = headings.any(|anchor| anchor.chars().filter(|&it| keep(it)).eq(section.chars()));
            assert!(section.is_empty() || is_there, "{path:?}: {target}");
            links += 1;
        }
    }
    assert!(links >= 10, "{links}");
}

#[test]
fn every_command_of_the_readme_runs() {
    let place = Place::with_digits();
    for (name, copy) in [("calib.npz", "calibration.npz"), ("test_labels.npy", "labels.npy")] {
        std::fs::rename(place.at(name), place.at(copy)).unwrap();
    }
    for engine in ["model", "int8", "fp16"] {
        std::fs::copy(data("engines/small.engine"), place.at(&format!("{engine}.engine"))).unwrap();
    }
    std::fs::create_dir(place.at("images")).unwrap();
    for shade in 0..3 {
        let image = GrayImage::from_fn(12, 10, |x, y| Luma([(x * 20 + y * (shade + 1)) as u8]));
        image.save(place.at(&format!("images/{shade}.png"))).unwrap();
    }
    for name in ["model", "a", "b"] {
        place.run(&format!("calibrate model.onnx -d calibration.npz --stats {name}.stats")).succeeds();
    }
    place.run("calibrate model.onnx -d calibration.npz --cache old.cache").succeeds();

    let text = readme();
    // The text in fences is code, and so is the text between two single marks.
    let (shell, prose): (Vec<_>, Vec<_>) = text.split("```").enumerate().partition(|(at, _)| at % 2 == 1);
    let lines = shell.iter().filter(|(_, code)| code.starts_with("sh\n")).flat_map(|(_, code)| code.lines());
    let spans = prose.iter().flat_map(|(_, text)| text.split('`').skip(1).step_by(2));
    let commands: Vec<&str> =
        lines.chain(spans).filter_map(|line| line.trim().strip_prefix("qdq ")).collect();
    assert!(commands.len() >= 10, "{commands:?}");
    // tests/tensorrt/tool.py runs the commands that need TensorRT.
    let is_one = |command: &&str| command.contains(' ') || *command == "info";
    for command in commands.into_iter().filter(is_one).filter(|command| !command.starts_with("engine ")) {
        let adapt = |line: String, (from, to): &(&str, &str)| line.replace(from, to);
        let line = ADAPTED.iter().fold(command.replace('\'', ""), adapt);
        place.run(&line).succeeds();
    }
}

#[test]
fn every_option_of_the_readme_exists() {
    let help = std::fs::read_to_string(data("cli").join("help.txt")).unwrap();
    let known: Vec<&str> = help.split([' ', '\n', ',']).collect();
    let text = readme();
    let lines = text.lines().filter(|line| !OTHER_TOOLS.iter().any(|tool| line.contains(tool)));
    let options = lines.flat_map(|line| line.split([' ', '`', '\''])).filter(|word| word.starts_with("--"));
    let of_others = |option: &str| option.starts_with("--onnx=") || option == "--stronglyTyped";
    let options: Vec<&str> = options.filter(|option| !of_others(option)).collect();
    assert!(options.len() >= 10, "{options:?}");
    for option in options {
        assert!(known.contains(&option), "{option}");
    }
}

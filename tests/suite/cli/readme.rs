//! What the README tells people to type.

use image::{GrayImage, Luma};

use super::place::{Place, data};
use crate::environment::project;

/// What the README says about a photo classifier, in terms of digits.
const ADAPTED: [(&str, &str); 5] = [
    ("--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225", "--channels gray --mean 0.1307 --std 0.3081"),
    ("compare …", "compare model.onnx model.qdq.onnx -d test.npz"),
    ("cache show", "cache show model.cache"),
    ("cache check", "cache check model.cache"),
    ("cache convert", "cache convert model.cache -o other.cache --tensorrt-version 8.6.1"),
];

/// Tools with options of their own, on lines of which qdq's are not.
const OTHER_TOOLS: [&str; 4] = ["cargo", "cmake", "CMake", "pkg-config"];

fn readme() -> String {
    std::fs::read_to_string(project("README.md")).unwrap().replace("\\\n", " ")
}

#[test]
fn every_command_of_the_readme_runs() {
    let place = Place::with_digits();
    for (name, copy) in [("calib.npz", "calibration.npz"), ("test_labels.npy", "labels.npy")] {
        std::fs::rename(place.at(name), place.at(copy)).unwrap();
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
    let commands: Vec<&str> =
        text.split(['`', '\n']).filter_map(|line| line.trim().strip_prefix("qdq ")).collect();
    assert!(commands.len() >= 10, "{commands:?}");
    // What needs TensorRT is run by tests/tensorrt/tool.py.
    for command in commands.into_iter().filter(|command| !command.starts_with("engine ")) {
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

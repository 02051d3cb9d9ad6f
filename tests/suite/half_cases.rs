//! Models that are hard to convert to half precision. tests/python/half_cases.py makes them, says the
//! conditions, and checks the written models by a judge that rounds and overflows as their types do.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rayon::prelude::*;
use serde_json::Value;

use crate::environment::{onnxruntime, project, run_python};

fn python(what: &str, folder: &Path) -> String {
    let script = project("tests/python/half_cases.py");
    run_python(&[script.to_str().unwrap(), what, folder.to_str().unwrap()])
}

/// One case of the manifest, in its folder.
struct Case<'a> {
    folder: &'a Path,
    wanted: &'a Value,
}

impl Case<'_> {
    fn name(&self) -> &str {
        self.wanted["name"].as_str().unwrap()
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}{ending}", self.name()))
    }

    /// Runs the tool on one model and lets it write another.
    fn run(&self, model: &str, written: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qdq"));
        command.arg(self.wanted["verb"].as_str().unwrap()).arg(self.file(model));
        command
            .args(self.wanted["options"].as_array().unwrap().iter().map(|option| option.as_str().unwrap()));
        command.arg("-o").arg(self.file(written)).args(["--json", "--quiet"]);
        if self.wanted["data"] != false {
            command.arg("-d").arg(self.file(".npz")).args(["--feeds", "whole"]);
            if self.wanted["runtime"] == "onnxruntime" {
                command.args(["--runtime", "onnxruntime", "--onnxruntime"]).arg(onnxruntime());
            }
        }
        command.output().unwrap()
    }

    /// Compares the plan with the precisions that the case asks for, if ONNX cannot infer the model's types.
    fn judged(&self, printed: &str) -> Vec<String> {
        if self.wanted["inferred"] != false {
            return Vec::new();
        }
        let plan: Value = serde_json::from_str(printed).unwrap();
        let nodes = plan["nodes"].as_array().unwrap();
        let names = |kind: &str| self.wanted[kind].as_array().unwrap().clone();
        let all = [("float32", "f32"), ("half", "f16")].map(|(kind, dtype)| (names(kind), dtype));
        let wanted = all.iter().flat_map(|(names, dtype)| names.iter().map(move |name| (name, *dtype)));
        let is_other = |(name, dtype): &(&Value, &str)| {
            !nodes.iter().any(|node| node["name"] == **name && node["type"] == *dtype)
        };
        wanted
            .filter(is_other)
            .map(|(name, dtype)| format!("{}: {name} is not in {dtype}", self.name()))
            .collect()
    }

    /// Casts the model, and its result once more. Returns the problems.
    fn cast(&self) -> Vec<String> {
        let ran = self.run(".onnx", ".cast.onnx");
        let printed = [ran.stdout, ran.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        let problem = |what: &str| vec![format!("{}: {what}: {printed}", self.name())];
        match self.wanted["says"].as_str() {
            Some(says) if !printed.contains(says) => return problem(&format!("does not say '{says}'")),
            Some(_) if !ran.status.success() => return Vec::new(),
            None if !ran.status.success() => return problem("fails"),
            _ => {}
        }
        let problems = self.judged(&printed);
        if !problems.is_empty() {
            return problems;
        }
        if self.wanted["verb"] == "cast" {
            let again = self.run(".cast.onnx", ".again.onnx");
            let printed = String::from_utf8_lossy(&again.stderr);
            if !again.status.success() && !printed.contains("nothing is left to convert") {
                return vec![format!("{}: fails the second time: {printed}", self.name())];
            }
        }
        Vec::new()
    }
}

#[test]
fn hard_models_become_half_where_they_may() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("half_cases");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    python("make", &folder);
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&manifest).unwrap();
    let cast = |wanted| Case { folder: &folder, wanted }.cast();
    let mut problems: Vec<String> = cases.par_iter().flat_map_iter(cast).collect();
    // Every case is checked, but for those that leave nothing to write.
    let written =
        cases.iter().filter(|case| Case { folder: &folder, wanted: case }.file(".cast.onnx").exists());
    let written: Vec<&str> = written.map(|case| case["name"].as_str().unwrap()).collect();
    let is_empty = |case: &&Value| case["says"].as_str().is_some_and(|says| says.contains("nothing is left"));
    assert_eq!(written.len() + cases.iter().filter(is_empty).count(), cases.len());
    let lines = python("check", &folder);
    let checked = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["name"].clone());
    assert_eq!(checked.collect::<Vec<_>>(), written);
    let is_bad = |line: &&str| !line.ends_with("\"problems\": []}");
    problems.extend(lines.lines().filter(is_bad).map(str::to_owned));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

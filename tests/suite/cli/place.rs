//! A folder to run the tool in, and the comparison of its output with files under `tests/data/cli`.
//!
//! `UPDATE_SNAPSHOTS=1` writes these files anew. The diff then shows the change.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use ndarray::ArrayD;
use ndarray_npy::{NpzWriter, WritableElement};
use tempfile::TempDir;

use crate::environment::{project, run_python};

/// The result of a run of the tool.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Checks that the run could not do its work and reported all of `parts` and a remedy.
    pub fn refuses(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(2), "{}", self.stderr);
        assert!(self.stderr.lines().any(|line| line.starts_with("qdq: error: ")), "{}", self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "'{part}' is not in\n{}", self.stderr);
        }
        assert_eq!(self.stdout, "");
    }

    /// Checks that the run's check failed, for reasons with all of `parts`.
    pub fn fails_with(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(1), "{}", self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "'{part}' is not in\n{}", self.stderr);
        }
    }

    /// Checks that the run did its work.
    pub fn succeeds(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// Checks that the run did its work and also reported all of `parts`.
    pub fn notes(&self, parts: &[&str]) -> &Self {
        let text = &self.succeeds().stderr;
        let says = |kind: &str| text.starts_with(&format!("qdq: {kind}: "));
        assert!(says("note") || says("warning"), "{text}");
        for part in parts {
            assert!(text.contains(part), "'{part}' is not in\n{text}");
        }
        self
    }

    /// Returns the output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{}", self.stdout))
    }
}

/// A separate folder for each test.
pub struct Place {
    folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Makes a folder with the digits model and its data.
    pub fn with_digits() -> Self {
        let place = Self::new();
        for name in ["model.onnx", "calib.npz", "test.npz", "test_labels.npy"] {
            std::fs::copy(data("digits").join(name), place.at(name)).unwrap();
        }
        place
    }

    /// Makes a folder with digits and with the models of `tests/python/cli_models.py`.
    pub fn with_models() -> Self {
        let place = Self::with_digits();
        let script = project("tests/python/cli_models.py");
        run_python(&[script.to_str().unwrap(), place.folder.path().to_str().unwrap()]);
        place
    }

    /// Writes an `.npz` with one array.
    pub fn write_npz<T: WritableElement>(&self, file: &str, name: &str, array: &ArrayD<T>) {
        let mut npz = NpzWriter::new(File::create(self.at(file)).unwrap());
        npz.add_array(name, array).unwrap();
        npz.finish().unwrap();
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.at(name), contents).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.at(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Lists the names of the files in the folder, sorted.
    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Returns the command that starts the tool in the folder with the words of `line`.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qdq"));
        command.current_dir(self.folder.path()).args(line.split_whitespace()).env_remove("COLUMNS");
        command
    }

    /// Runs the tool in the folder.
    pub fn run(&self, line: &str) -> Ran {
        let output = self.command(line).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let ran =
            Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert!(ran.code.is_some_and(|code| code <= 2), "qdq {line}: {:?}\n{}", ran.code, ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "qdq {line}\n{}", ran.stderr);
        ran
    }

    /// Runs the tool once per line and compares all output with `tests/data/cli/NAME.txt`.
    pub fn snapshot(&self, name: &str, lines: &[&str]) {
        let mut text = String::new();
        for line in lines {
            let ran = self.run(line);
            writeln!(text, "$ qdq {line}").unwrap();
            text += &ran.stdout;
            if !ran.stderr.is_empty() {
                writeln!(text, "[stderr]\n{}", ran.stderr.trim_end()).unwrap();
            }
            writeln!(text, "[exit {}]\n", ran.code.unwrap()).unwrap();
        }
        compare(name, &rounded(&self.filtered(&text)));
    }

    /// Removes the parts that differ between machines and releases.
    fn filtered(&self, text: &str) -> String {
        let folder = self.folder.path().display().to_string();
        text.replace(&folder, "[FOLDER]").replace(env!("CARGO_PKG_VERSION"), "[VERSION]")
    }
}

/// Cuts decimals after the third, because the last digits of a runtime's results differ between machines.
fn rounded(text: &str) -> String {
    let mut decimals = None;
    let keep = |c: &char| {
        decimals = match (decimals, c) {
            (None, '.') => Some(0),
            (Some(count), '0'..='9') => Some(count + 1),
            _ => None,
        };
        decimals.is_none_or(|count| count <= 3)
    };
    text.chars().filter(keep).collect()
}

/// Returns a folder of test data.
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn compare(name: &str, found: &str) {
    let path = data("cli").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(data("cli")).unwrap();
        return std::fs::write(path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let first = expected.lines().zip(found.lines()).position(|(expected, found)| expected != found);
    assert!(
        expected == found,
        "{}: differs from line {} on; UPDATE_SNAPSHOTS=1 takes the new text\n{found}",
        path.display(),
        first.unwrap_or_else(|| expected.lines().count().min(found.lines().count())) + 1,
    );
}

//! The files that a command has written, as part of its result.

use std::path::Path;

use qdq::error::Result;
use qdq::onnx::{Model, SaveOptions};
use serde_json::{Map, Value};

/// The kind and the path of each file, in the order of writing.
#[derive(Default)]
pub struct Written(Vec<(&'static str, String)>);

impl Written {
    pub fn add(&mut self, kind: &'static str, path: &Path) {
        self.0.push((kind, path.display().to_string()));
    }

    /// Saves a model. A model that is too large for one file gets a second file with its weights.
    pub fn save(&mut self, model: &Model, path: &Path) -> Result<()> {
        let files = model.save(path, &SaveOptions::default())?;
        for (kind, file) in ["model", "weights"].into_iter().zip(&files) {
            self.add(kind, file);
        }
        Ok(())
    }

    /// Returns one line for each file.
    pub fn text(&self) -> String {
        self.0.iter().map(|(kind, path)| format!("wrote {path} ({kind})\n")).collect()
    }

    /// Returns the paths by kind.
    pub fn to_json(&self) -> Value {
        let entries = self.0.iter().map(|(kind, path)| ((*kind).to_owned(), Value::from(path.as_str())));
        Value::Object(entries.collect::<Map<_, _>>())
    }
}

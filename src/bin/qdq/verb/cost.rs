//! `qdq cost`: shows which kernels an engine runs and what they move.

use std::path::Path;

use qdq::error::{Error, ErrorKind, Result};
use qdq::finding::Finding;
use qdq::report::engine_cost::{self, EngineCost};
use qdq::tensorrt::{self, Libraries};
use serde_json::{Value, json};

use crate::Outcome;
use crate::args::Cost;
use crate::term::Term;

/// Reads the kernels of an engine from its file.
pub fn read(path: &Path, libraries: Option<&Libraries>) -> Result<EngineCost> {
    engine_cost::load_with(path, |bytes| tensorrt::engine_cost(bytes, libraries))
}

/// Returns the tables, the JSON and the findings of an engine, beside those of another engine if there is
/// one.
pub fn shown(
    this: &EngineCost,
    other: Option<&EngineCost>,
    is_verbose: bool,
) -> (String, Value, Vec<Finding>) {
    let mut text = if is_verbose { this.text() } else { this.summary() };
    let (mut json, mut findings) = (this.to_json(), this.findings.clone());
    if let Some(other) = other {
        let beside = this.beside(other);
        text += &format!("\n{beside}");
        json["against"] = beside.to_json();
        findings.extend(other.findings.iter().filter(|one| !this.findings.contains(one)).cloned());
        findings.extend(beside.findings);
    }
    (text, json, findings)
}

pub fn run(args: &Cost, term: &Term) -> Result<Outcome> {
    if args.tensorrt.is_some() && tensorrt::compiled().is_none() {
        return Err(Error::new(ErrorKind::Unsupported, "--tensorrt: this qdq was built without TensorRT")
            .with_remedy("leave it out: engines of TensorRT-RTX are read without it"));
    }
    let libraries = match tensorrt::compiled() {
        // Engines of RTX are read without the library.
        Some(_) if args.tensorrt.is_none() => tensorrt::find_tensorrt(None).ok(),
        Some(_) => Some(tensorrt::find_tensorrt(args.tensorrt.as_deref())?),
        None => None,
    };
    let this = read(&args.engine, libraries.as_ref())?;
    let other = args.against.as_deref().map(|path| read(path, libraries.as_ref())).transpose()?;
    let (text, mut json, findings) = shown(&this, other.as_ref(), term.is_verbose());
    json["findings"] = json!(findings);
    term.result(text, &json)?;
    Ok(Outcome::Done)
}

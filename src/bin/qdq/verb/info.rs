//! `qdq info`: prints the parts of this program and the libraries that it finds on this machine.

use qdq::error::Result;
use qdq::{kernel, runtime};
use serde_json::json;

use crate::Outcome;
use crate::term::Term;

/// The parts of the library that a build may leave out, and whether this one has them.
const PARTS: [(&str, bool); 5] = [
    ("embedded-runtime", runtime::HAS_EMBEDDED),
    ("images", cfg!(feature = "images")),
    ("onnxruntime", cfg!(feature = "onnxruntime")),
    ("recover", cfg!(feature = "recover")),
    ("tensorrt", cfg!(feature = "tensorrt")),
];

pub fn run(term: &Term) -> Result<Outcome> {
    let version = env!("CARGO_PKG_VERSION");
    let chosen = kernel::requested()?;
    let available: Vec<&str> = kernel::available().iter().map(|kernels| kernels.name()).collect();
    let found = runtime::find_onnxruntime(None)
        .and_then(|path| runtime::onnxruntime_version(&path).map(|version| (path, version)));
    let (onnxruntime, runtime) = match &found {
        Ok((path, version)) => {
            let path = path.display().to_string();
            (
                format!("ONNX Runtime {version} ({path})"),
                json!({"name": "onnxruntime", "version": version, "path": path}),
            )
        }
        Err(error) => (
            format!("ONNX Runtime cannot be used: {}", error.message()),
            json!({"name": "onnxruntime", "version": null, "problem": error.message()}),
        ),
    };
    let (name, reason) = (chosen.kernels.name(), &chosen.reason);
    let features: Vec<&str> = PARTS.into_iter().filter(|(_, is_in)| *is_in).map(|(name, _)| name).collect();
    let embedded = runtime::HAS_EMBEDDED.then_some(json!({"name": "embedded", "version": version}));
    let embedded_line = if runtime::HAS_EMBEDDED { "runtime: embedded\n" } else { "" };
    let text = format!(
        "qdq {version}\nfeatures: {}\nkernels: {name} ({reason})\n{embedded_line}runtime: {onnxruntime}\n",
        features.join(", ")
    );
    let json = json!({
        "version": version,
        "kernels": {"active": name, "reason": reason, "available": available},
        "features": features,
        "runtimes": Vec::from_iter(embedded.into_iter().chain([runtime])),
    });
    term.result(text, &json)?;
    Ok(Outcome::Done)
}

//! `qdq info`: what this program consists of and finds on this machine.

use qdq::error::Result;
use qdq::{kernel, runtime};
use serde_json::json;

use crate::Outcome;
use crate::term::Term;

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
    let text =
        format!("qdq {version}\nkernels: {name} ({reason})\nruntime: embedded\nruntime: {onnxruntime}\n");
    let json = json!({
        "version": version,
        "kernels": {"active": name, "reason": reason, "available": available},
        "runtimes": [{"name": "embedded", "version": version}, runtime],
    });
    term.result(text, &json)?;
    Ok(Outcome::Done)
}

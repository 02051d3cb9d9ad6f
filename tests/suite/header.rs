//! `include/qdq/qdq.h` is cbindgen's result for `src/ffi`, with the functions in sections. `make header`
//! rewrites it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::environment::project;

/// The environment variable that makes the test write the header instead of comparing it.
const UPDATE: &str = "QDQ_UPDATE_HEADER";

/// The sections in the order of the data flow, each with the files of its functions in `src/ffi`.
const SECTIONS: [(&str, &[&str]); 38] = [
    ("Inputs and outputs: qdq_specs", &["specs"]),
    ("Data options: qdq_data_options", &["data_options"]),
    ("A batch: qdq_batch", &["batch"]),
    ("A stream of batches: qdq_batches", &["batches"]),
    ("A model: qdq_model", &["model", "model_inputs", "model_quantize", "recover", "search"]),
    ("A neutral graph of a network: qdq_graph", &["graph", "graph_tensors", "graph_nodes"]),
    ("A new node of a graph: qdq_node", &["node"]),
    ("Rules for a plan: qdq_policy", &["policy"]),
    ("A quantization plan: qdq_plan", &["plan"]),
    ("Run options: qdq_run_options", &["run_options"]),
    ("A switch that stops runs: qdq_cancel", &["cancel"]),
    ("A model ready to run: qdq_session", &["session"]),
    ("The ONNX Runtime library", &["onnxruntime"]),
    ("Statistics of a network: qdq_stats", &["stats"]),
    ("Statistics of one tensor: qdq_tensor_stats", &["tensor_stats"]),
    ("Maxima along axes: qdq_axis_max", &["axis_max"]),
    ("pytorch-quantization's histogram: qdq_histogram_calibrator", &["histogram_calibrator"]),
    ("Ranges: qdq_ranges", &["ranges"]),
    ("Quantize options: qdq_quantize_options", &["quantize_options"]),
    ("Recover options: qdq_recover_options", &["recover_options"]),
    ("Half precision options: qdq_precision_options", &["precision_options"]),
    ("The precision of nodes: qdq_precision_plan", &["precision_plan", "graph_precision"]),
    ("A calibration cache: qdq_cache", &["cache"]),
    ("A comparison of float and quantized: qdq_comparison", &["comparison"]),
    ("The kernels of an engine: qdq_engine_cost", &["engine_cost"]),
    ("Functions of tensors: qdq_tensor", &["quantize", "clip", "learned_step", "convert"]),
    ("Weights", &["weights", "stored_weights"]),
    ("A descriptor of a quantization: qdq_descriptor", &["descriptor"]),
    ("A quantizer that is calibrated and trained: qdq_quantizer", &["quantizer", "quantizer_calibration"]),
    ("A training schedule: qdq_qat_schedule", &["qat_schedule"]),
    ("Arrays: qdq_array", &["array"]),
    ("Bytes and files: qdq_buffer", &["buffer"]),
    ("Lists of texts: qdq_texts", &["texts"]),
    ("Findings of a result: qdq_findings", &["findings"]),
    ("Errors: qdq_error", &["error"]),
    ("Statuses", &["status"]),
    ("Messages", &["log"]),
    ("Version, kernels, threads", &["version"]),
];

fn generated() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let version: Vec<u32> = env!("CARGO_PKG_VERSION").split('.').map(|part| part.parse().unwrap()).collect();
    let [major, minor, patch] = version[..] else { panic!("{version:?}") };
    let constants = config.after_includes.take().unwrap_or_default();
    config.after_includes = Some(format!(
        "{constants}\n/// The version of this header: major * 10000 + minor * 100 + patch. See qdq_version().\n\
         #define QDQ_VERSION {}\n\
         /// The version of this header as text.\n\
         #define QDQ_VERSION_TEXT \"{major}.{minor}.{patch}\"",
        major * 10_000 + minor * 100 + patch,
    ));
    let builder = cbindgen::Builder::new().with_config(config).with_src(root.join("src/ffi/mod.rs"));
    let mut text = Vec::new();
    builder.generate().unwrap().write(&mut text);
    in_sections(&String::from_utf8(text).unwrap())
}

/// Maps each exported function to its file of `src/ffi`.
fn files() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(project("src/ffi")).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let names = text.split("fn qdq_").skip(1).filter_map(|rest| rest.split_once('('));
        found.extend(names.map(|(name, _)| (format!("qdq_{name}"), file.clone())));
    }
    found
}

/// Returns the name of the function of a comment and its declaration.
fn function(block: &str) -> &str {
    let code = block.lines().find(|line| !line.starts_with("//")).unwrap();
    let name = &code[code.find("qdq_").filter(|_| code.contains('(')).unwrap()..code.find('(').unwrap()];
    &name[name.rfind(['*', ' ']).map_or(0, |at| at + 1)..]
}

/// Returns cbindgen's header with the functions in the order of `SECTIONS`, each section below a banner.
fn in_sections(header: &str) -> String {
    let start = header.find("#endif // __cplusplus\n\n").unwrap() + "#endif // __cplusplus\n\n".len();
    let end = header.rfind("\n\n#ifdef __cplusplus").unwrap();
    let files = files();
    let mut by_file: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for block in header[start..end].split("\n\n") {
        by_file.entry(&files[function(block)]).or_default().push(block);
    }
    let mut text = header[..start].to_owned();
    for (title, names) in SECTIONS {
        text += &format!("// ---- {title} {}\n\n", "-".repeat(110 - 9 - title.len()));
        for name in names {
            text += &by_file
                .remove(name)
                .unwrap_or_else(|| panic!("src/ffi/{name}.rs has no function"))
                .join("\n\n");
            text += "\n\n";
        }
    }
    assert!(by_file.is_empty(), "files in no section of {}: {:?}", file!(), by_file.keys());
    text.truncate(text.trim_end().len());
    text + &header[end..]
}

#[test]
fn the_header_is_that_of_the_sources() {
    let path = project("include/qdq/qdq.h");
    let expected = generated();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "include/qdq/qdq.h is not what src/ffi says; run 'make header'");
}

#[test]
fn functions_that_comments_name_exist() {
    let files = files();
    let header = std::fs::read_to_string(project("include/qdq/qdq.h")).unwrap();
    let named: Vec<String> = header
        .split("qdq_")
        .skip(1)
        .filter_map(|rest| Some(format!("qdq_{}", rest.split_once("()")?.0)))
        .filter(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_'))
        .collect();
    assert!(named.len() > 100, "{}", named.len());
    for name in named {
        assert!(files.contains_key(&name), "qdq.h speaks of {name}(), which is not there");
    }
}

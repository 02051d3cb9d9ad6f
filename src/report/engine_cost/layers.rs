//! The kernels in the text of TensorRT's IEngineInspector.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::{Element, EngineCost, Kernel, LEAST_ELEMENTS, Operand, run_time_sizes, unknown_types};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::finding::log_all;

/// The layers that compute nothing while the engine runs.
const NO_KERNELS: [&str; 3] = ["Constant", "NoOp", "Signal"];

/// Reads the kernels from the text of `IEngineInspector::getEngineInformation()` in the format kJSON.
/// `builder` names the program that built the engine, such as `TensorRT 10.3.0`.
///
/// The engine must have been built with the profiling verbosity kDETAILED.
///
/// # Errors
/// `Format` if the text is no such JSON; `InvalidArgument` if the layers have no details.
pub fn from_layers(builder: &str, json: &str) -> Result<EngineCost> {
    let text: Value = serde_json::from_str(json)
        .context(ErrorKind::Format, || "the layer information of the engine is no JSON".to_owned())?;
    let layers = text["Layers"].as_array().ok_or_else(|| {
        Error::new(ErrorKind::Format, "the layer information of the engine has no list 'Layers'")
            .with_remedy("give the text of IEngineInspector::getEngineInformation() in the format kJSON")
    })?;
    if layers.iter().any(|layer| layer["Outputs"].as_array().is_none()) {
        let message = "the engine was built without details of its layers, so what they move is not known";
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_remedy("build it again with the profiling verbosity kDETAILED"));
    }
    let kind = |layer: &Value| layer["LayerType"].as_str().unwrap_or_default().to_owned();
    let constants = layers.iter().filter(|layer| kind(layer) == "Constant");
    let constants = constants.flat_map(|layer| tensors(layer, "Outputs")).filter_map(name).collect();
    let mut reader = Reader { constants, ..Reader::default() };
    let kernels = layers.iter().filter(|layer| !NO_KERNELS.contains(&kind(layer).as_str()));
    let kernels = kernels.map(|layer| Kernel {
        name: name(layer).unwrap_or_default().to_owned(),
        kind: kind(layer),
        layers: onnx_layers(layer),
        reads: reader.operands(layer, "Inputs"),
        writes: reader.operands(layer, "Outputs"),
    });
    let kernels = kernels.collect();
    let mut findings = Vec::from_iter(unknown_types(reader.unknown_types));
    findings.extend(reader.has_run_time_sizes.then(run_time_sizes));
    log_all(&findings);
    Ok(EngineCost { builder: builder.to_owned(), is_known: true, kernels, findings })
}

fn name(object: &Value) -> Option<&str> {
    object["Name"].as_str()
}

fn tensors<'a>(layer: &'a Value, side: &str) -> impl Iterator<Item = &'a Value> {
    layer[side].as_array().into_iter().flatten()
}

fn onnx_layers(layer: &Value) -> Vec<String> {
    super::plan::onnx_layers(layer["Metadata"].as_str().unwrap_or_default())
}

/// Reads operands, and notes what the findings are about.
#[derive(Default)]
struct Reader<'a> {
    constants: HashSet<&'a str>,
    has_run_time_sizes: bool,
    unknown_types: BTreeSet<String>,
}

impl Reader<'_> {
    fn operands(&mut self, layer: &Value, side: &str) -> Vec<Operand> {
        let activations = tensors(layer, side).filter(|one| {
            one["Location"].as_str() != Some("Host")
                && !name(one).is_some_and(|name| self.constants.contains(name))
        });
        let mut found = Vec::new();
        for tensor in activations {
            let mut elements = 1u64;
            for size in tensor["Dimensions"].as_array().into_iter().flatten() {
                match size.as_u64() {
                    Some(size) => elements = elements.saturating_mul(size),
                    None => self.has_run_time_sizes = true,
                }
            }
            if elements < LEAST_ELEMENTS {
                continue;
            }
            // TensorRT 11 has the type alone; those before it say it amid the format.
            let words =
                tensor["DataType"].as_str().or(tensor["Format/Datatype"].as_str()).unwrap_or_default();
            let mut words_of = words.split(|c: char| !c.is_ascii_alphanumeric());
            match words_of.find_map(Element::of_word) {
                Some(element) => found.push(Operand { element, bytes: element.bytes(elements) }),
                None => {
                    self.unknown_types.insert(words.to_owned());
                }
            }
        }
        found
    }
}

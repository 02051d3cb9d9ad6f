//! The kernels in the plan of a TensorRT-RTX engine.
//!
//! The section `header` has the memory regions, `descriptors` the tensors, and `main` the operations in their
//! order. Operations that only write memory of the host, such as sizes and conditions, are no kernels.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

use super::syntax::{Value, field, items};
use super::{Element, Kernel, LEAST_ELEMENTS, Operand, damaged, run_time_sizes, unknown_types};
use crate::error::Result;
use crate::finding::Finding;

/// The version of the notation that is known, in RTX 1.4 to 1.7. The plans of single kernels have version 4.
const VERSION: &str = "5";

/// Reads a plan. Returns `None` if its notation has another version than the known one.
pub fn read(text: Cow<'_, str>) -> Result<Option<(Vec<Kernel>, Vec<Finding>)>> {
    let [header, descriptors, main] = sections(&text)?;
    if field(header, &["version"])?.map(Value::text) != Some(VERSION) {
        return Ok(None);
    }
    let tensors = tensors(descriptors, &host_regions(header)?)?;
    let mut reader = Reader { tensors, ..Reader::default() };
    let mut kernels = Vec::new();
    for item in items(main) {
        match item? {
            (Some("cjmp" | "jmp"), _) => reader.has_jumps = true,
            (Some(kind), Value::List(operation)) => kernels.extend(reader.kernel(kind, operation)?),
            _ => {}
        }
    }
    Ok(Some((kernels, reader.findings())))
}

/// Returns the first section of each name.
fn sections(text: &str) -> Result<[&str; 3]> {
    let mut found = ["header", "descriptors", "main"].map(|name| (name, None));
    let mut word = "";
    for item in items(text) {
        match item? {
            (None, Value::Word(next)) => word = next,
            (None, Value::List(section)) => {
                if let Some((_, place)) = found.iter_mut().find(|(name, _)| *name == word) {
                    place.get_or_insert(section);
                }
            }
            _ => {}
        }
        if found.iter().all(|(_, section)| section.is_some()) {
            break;
        }
    }
    match found.map(|(_, section)| section) {
        [Some(header), Some(descriptors), Some(main)] => Ok([header, descriptors, main]),
        _ => Err(damaged("one of its sections header, descriptors and main is missing")),
    }
}

/// Lists the names of the memory regions that are not on the GPU.
fn host_regions(header: &str) -> Result<HashSet<&str>> {
    let mut found = HashSet::new();
    for item in items(header) {
        let (Some("region"), Value::List(region)) = item? else { continue };
        if field(region, &["place"])?.is_some_and(|place| place.text().starts_with("host")) {
            found.extend(field(region, &["name"])?.map(Value::text));
        }
    }
    Ok(found)
}

/// A tensor of a plan. A part of another tensor, such as an input of a Concat that is written in place, is a
/// tensor too.
struct Tensor<'a> {
    kind: &'a str,
    elements: u64,
    is_constant: bool,
    is_on_host: bool,
    is_sized_at_run_time: bool,
}

fn tensors<'a>(descriptors: &'a str, host: &HashSet<&str>) -> Result<HashMap<&'a str, Tensor<'a>>> {
    let mut found = HashMap::new();
    let mut parts = Vec::new();
    for item in items(descriptors) {
        let (Some("tensor" | "sub_tensor"), Value::List(fields)) = item? else { continue };
        let (mut name, mut kind, mut dims, mut base) = (None, None, None, None);
        let (mut region, mut is_constant) = ("", false);
        for field in items(fields) {
            match field? {
                (Some("name"), value) => name = Some(value.text()),
                (Some("type"), value) => kind = Some(value.text()),
                (Some("dims"), value) => dims = value.list(),
                (Some("region"), value) => region = value.text(),
                (Some("base"), value) => base = Some(value.text()),
                (Some("const_payload_size"), _) => is_constant = true,
                _ => {}
            }
        }
        let (Some(name), Some(kind), Some(dims)) = (name, kind, dims) else {
            return Err(damaged("a tensor has no name, type or dimensions"));
        };
        let (elements, is_sized_at_run_time) = size(dims)?;
        let is_on_host = host.contains(region);
        parts.extend(base.map(|base| (name, base)));
        found.insert(name, Tensor { kind, elements, is_constant, is_on_host, is_sized_at_run_time });
    }
    for (name, base) in parts {
        let place = found.get(base).map(|base| (base.is_constant, base.is_on_host));
        if let (Some(part), Some((is_constant, is_on_host))) = (found.get_mut(name), place) {
            (part.is_constant, part.is_on_host) = (is_constant, is_on_host);
        }
    }
    Ok(found)
}

/// Returns the number of elements, and whether a dimension is decided at run time and counts as 1.
fn size(dims: &str) -> Result<(u64, bool)> {
    let (mut elements, mut is_sized_at_run_time) = (1u64, false);
    for dim in items(dims) {
        // A name stands for a size that is decided at run time.
        match dim?.1.text().parse::<u64>() {
            Ok(size) => elements = elements.saturating_mul(size),
            Err(_) => is_sized_at_run_time = true,
        }
    }
    Ok((elements, is_sized_at_run_time))
}

/// Reads operations, and notes what the findings are about.
#[derive(Default)]
struct Reader<'a> {
    tensors: HashMap<&'a str, Tensor<'a>>,
    has_jumps: bool,
    has_run_time_sizes: bool,
    unknown_types: BTreeSet<&'a str>,
}

impl<'a> Reader<'a> {
    /// Reads an operation. Returns `None` for one that writes no memory of the GPU.
    fn kernel(&mut self, kind: &str, operation: &'a str) -> Result<Option<Kernel>> {
        let written = self.known(field(operation, &["output_args", "output"])?)?;
        if written.iter().all(|name| self.tensors[name].is_on_host) {
            return Ok(None);
        }
        let mut read = self.known(field(operation, &["input_args", "input"])?)?;
        read.retain(|name| !self.tensors[name].is_constant);
        let text = |key| field(operation, &[key]).map(|value| value.map_or("", Value::text));
        let backbone = text("backbone")?;
        Ok(Some(Kernel {
            name: text("name")?.to_owned(),
            kind: if backbone.is_empty() { kind.to_owned() } else { format!("{kind}/{backbone}") },
            layers: onnx_layers(text("layers")?),
            reads: self.operands(&read),
            writes: self.operands(&written),
        }))
    }

    /// Lists the names in a list that are declared as tensors.
    fn known(&self, list: Option<Value<'a>>) -> Result<Vec<&'a str>> {
        let names = items(list.and_then(Value::list).unwrap_or_default());
        let mut found = Vec::new();
        for name in names {
            found.extend(Some(name?.1.text()).filter(|name| self.tensors.contains_key(name)));
        }
        Ok(found)
    }

    fn operands(&mut self, names: &[&str]) -> Vec<Operand> {
        let mut found = Vec::new();
        for tensor in names.iter().filter_map(|name| self.tensors.get(name)) {
            self.has_run_time_sizes |= tensor.is_sized_at_run_time;
            if tensor.elements < LEAST_ELEMENTS {
                continue;
            }
            match Element::of_word(tensor.kind) {
                Some(element) => found.push(Operand { element, bytes: element.bytes(tensor.elements) }),
                None => {
                    self.unknown_types.insert(tensor.kind);
                }
            }
        }
        found
    }

    fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::from_iter(unknown_types(self.unknown_types.iter().copied()));
        if self.has_run_time_sizes {
            found.push(run_time_sizes());
        }
        if self.has_jumps {
            found.push(Finding::note(
                "the engine has loops or branches, and each kernel in them counts once, however often it runs",
            ));
        }
        found
    }
}

/// Lists the names in a text such as `[ONNX Layer: conv][ONNX Layer: relu]`. TensorRT puts a control
/// character between two.
pub fn onnx_layers(text: &str) -> Vec<String> {
    let names = text.split("[ONNX Layer: ").skip(1).map(|name| name.trim_end_matches(char::is_control));
    names.map(|name| name.strip_suffix(']').unwrap_or(name).to_owned()).collect()
}

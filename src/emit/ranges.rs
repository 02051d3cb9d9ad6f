//! The ranges of a network's activations, and the JSON file that holds them.
//!
//! ```json
//! {
//!   "format": "qdq-ranges",
//!   "version": 1,
//!   "method": "entropy",
//!   "tensors": {
//!     "input": {"amax": 1.0},
//!     "softmax": {"amax": 0.375, "keys": 197}
//!   }
//! }
//! ```
//!
//! `amax` is the largest magnitude that int8 represents, in the tensor's own unit: 127 stands for `amax`. It
//! is written in the shortest decimal form that reads back to the same `f32`. `keys`, of the probabilities of
//! an attention, is the largest number of keys that was seen. Tensors keep their order. A reader skips keys
//! of JSON that it does not know. `version` increases when an old reader would misunderstand a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use crate::emit::text::{refuse_empty, refuse_utf16, without_mark};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::file::write_atomic;
use crate::finding::Finding;
use crate::graph::{Graph, TensorId};
use crate::place::sharing::only_moves;
use crate::quant::step;

const FORMAT: &str = "qdq-ranges";
const VERSION: u32 = 1;

/// Returns the int8 scale of a range: amax / 127, computed in `f32`.
///
/// The scale is a normal number for every range. [`step`] documents the ranges whose quotient is not a normal
/// number. Only amax 0, of a tensor with nothing but zeros, has the scale 1.
///
/// ```
/// assert_eq!(qdq::emit::ranges::int8_scale(127.0), 1.0);
/// assert_eq!(qdq::emit::ranges::int8_scale(0.0), 1.0);
/// ```
pub fn int8_scale(amax: f32) -> f32 {
    step(amax, 127.0)
}

/// Returns the range of an int8 scale: 127 times the scale, and at most the largest number of `f32`.
///
/// Scales of other tools may exceed that number by rounding.
///
/// ```
/// assert_eq!(qdq::emit::ranges::amax_of(2.0), 254.0);
/// assert_eq!(qdq::emit::ranges::amax_of(f32::MAX / 127.0), f32::MAX);
/// ```
pub fn amax_of(scale: f32) -> f32 {
    if scale.is_finite() { (scale * 127.0).clamp(f32::MIN, f32::MAX) } else { scale }
}

/// The ranges of a network's activations by tensor name, in the order in which they were set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranges {
    /// The method that computed the ranges. It is for the reader; nothing depends on it.
    pub method: Option<String>,
    /// The findings about the ranges. Files do not hold them.
    pub findings: Vec<Finding>,
    /// The planned tensors of which no value was seen, so that their readers stay in float.
    ///
    /// Files do not hold them.
    pub unseen: BTreeSet<String>,
    /// The largest numbers of keys of attentions that were seen, by the name of the tensor of probabilities.
    pub keys: BTreeMap<String, u64>,
    tensors: Vec<(String, f32)>,
    index: BTreeMap<String, usize>,
}

impl Ranges {
    /// Creates an empty set of ranges that `method` is going to compute.
    pub fn new(method: impl Into<String>) -> Self {
        Self { method: Some(method.into()), ..Self::default() }
    }

    /// Sets the range of tensor `name` to -`amax` ..= `amax`. A second call replaces the first.
    ///
    /// # Errors
    /// `InvalidArgument` if `amax` is negative, infinite or NaN.
    pub fn set(&mut self, name: impl Into<String>, amax: f32) -> Result<()> {
        let name = name.into();
        check_amax(&name, amax)
            .map_err(|message| Error::new(ErrorKind::InvalidArgument, message).with_remedy(AMAX_REMEDY))?;
        match self.index.get(&name) {
            Some(&position) => self.tensors[position].1 = amax,
            None => {
                self.index.insert(name.clone(), self.tensors.len());
                self.tensors.push((name, amax));
            }
        }
        Ok(())
    }

    /// Returns the range of tensor `name`.
    pub fn get(&self, name: &str) -> Option<f32> {
        self.index.get(name).map(|&position| self.tensors[position].1)
    }

    /// Returns the int8 scale of tensor `name`, computed by [`int8_scale`].
    pub fn scale(&self, name: &str) -> Option<f32> {
        self.get(name).map(int8_scale)
    }

    /// Lists name and amax of every tensor.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, f32)> {
        self.tensors.iter().map(|(name, amax)| (name.as_str(), *amax))
    }

    /// Returns these ranges, and those of tensors with the values of a ranged tensor in another shape or
    /// order.
    ///
    /// Such tensors are before and behind Reshape, Transpose and similar operators. This is for networks
    /// whose makers insert such operators, as TensorRT's ONNX parser does, so that not every tensor existed
    /// at calibration.
    pub fn spread(&self, graph: &Graph) -> Self {
        let mut all = self.clone();
        let mut give = |from: Option<TensorId>, to: Option<TensorId>| {
            let (Some(from), Some(to)) = (from, to) else { return };
            let [from, to] = [from, to].map(|id| &graph.tensor(id).name);
            if let (Some(amax), None) = (all.get(from), all.get(to)) {
                all.index.insert(to.clone(), all.tensors.len());
                all.tensors.push((to.clone(), amax));
            }
        };
        for node in graph.nodes.iter().filter(|node| only_moves(node)) {
            give(node.input(0), node.outputs.first().copied().flatten());
        }
        for node in graph.nodes.iter().rev().filter(|node| only_moves(node)) {
            give(node.outputs.first().copied().flatten(), node.input(0));
        }
        all
    }

    /// Returns the number of tensors that have a range.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether no tensor has a range.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// Returns the JSON text of these ranges. Equal ranges give equal text.
    pub fn to_json(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut json = format!("{{\n  \"format\": \"{FORMAT}\",\n  \"version\": {VERSION},\n");
        if let Some(method) = &self.method {
            json += &format!("  \"method\": {},\n", quoted(method));
        }
        json += "  \"tensors\": {";
        for (position, (name, amax)) in self.iter().enumerate() {
            let separator = if position == 0 { "" } else { "," };
            let keys = self.keys.get(name).map_or_else(String::new, |keys| format!(", \"keys\": {keys}"));
            json += &format!("{separator}\n    {}: {{\"amax\": {amax:?}{keys}}}", quoted(name));
        }
        json += if self.is_empty() { "}\n}\n" } else { "\n  }\n}\n" };
        json
    }

    /// Reads ranges from JSON text, with or without a byte order mark. Messages name `origin`.
    ///
    /// # Errors
    /// `Format`, with line and column, if the text is damaged, has another format or a newer version, has a
    /// tensor twice, or has an amax that is negative or does not fit an `f32`.
    pub fn from_json(json: &[u8], origin: &str) -> Result<Self> {
        refuse_utf16(json, origin)?;
        refuse_empty(json, origin)?;
        let file: File = serde_json::from_slice(without_mark(json).0)
            .context(ErrorKind::Format, || format!("{origin}: not a ranges file"))
            .map_err(|error| {
                error.with_remedy("give a file that qdq has written as ranges, or write it anew")
            })?;
        if file.format != FORMAT {
            let message = format!("{origin}: the format is '{}', not '{FORMAT}'", file.format);
            return Err(Error::new(ErrorKind::Format, message)
                .with_remedy("give a file that qdq has written as ranges"));
        }
        if file.version > VERSION {
            let message = format!("{origin}: version {} of the format is newer than {VERSION}", file.version);
            return Err(Error::new(ErrorKind::Unsupported, message).with_remedy("read it with a newer qdq"));
        }
        Ok(Self { method: file.method, ..file.tensors.0 })
    }

    /// Reads a ranges file.
    ///
    /// # Errors
    /// `Io` if the file cannot be read; those of [`Ranges::from_json`].
    pub fn load(path: &Path) -> Result<Self> {
        let json = std::fs::read(path).map_err(|error| Error::io("read", path, error))?;
        Self::from_json(&json, &path.display().to_string())
    }

    /// Writes a ranges file as a whole. If that fails, the old file stays.
    pub fn save(&self, path: &Path) -> Result<()> {
        write_atomic(path, |out| {
            out.write_all(self.to_json().as_bytes()).map_err(|error| Error::io("write", path, error))
        })
    }
}

const AMAX_REMEDY: &str = "a range is a finite number that is not negative";

fn check_amax(name: &str, amax: f32) -> Result<(), String> {
    if amax.is_finite() && amax >= 0.0 {
        return Ok(());
    }
    Err(format!("tensor '{name}': amax {amax} is not a range"))
}

#[derive(Deserialize)]
struct File {
    format: String,
    version: u32,
    method: Option<String>,
    tensors: Tensors,
}

#[derive(Deserialize)]
struct Entry {
    amax: f32,
    keys: Option<u64>,
}

/// The `tensors` object. It is read entry by entry, so that every error names its tensor and position.
struct Tensors(Ranges);

impl<'de> Deserialize<'de> for Tensors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TensorsVisitor)
    }
}

struct TensorsVisitor;

impl<'de> Visitor<'de> for TensorsVisitor {
    type Value = Tensors;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensor names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tensors, A::Error> {
        let mut ranges = Ranges::default();
        while let Some(name) = map.next_key::<String>()? {
            let entry: Entry =
                map.next_value().map_err(|error| A::Error::custom(format!("tensor '{name}': {error}")))?;
            check_amax(&name, entry.amax).map_err(A::Error::custom)?;
            if ranges.get(&name).is_some() {
                return Err(A::Error::custom(format!("tensor '{name}' appears twice")));
            }
            ranges.keys.extend(entry.keys.map(|keys| (name.clone(), keys)));
            ranges.set(name, entry.amax).map_err(A::Error::custom)?;
        }
        Ok(Tensors(ranges))
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use proptest::prelude::*;

    use super::*;

    fn complaint(json: &str) -> String {
        let error = Ranges::from_json(json.as_bytes(), "r.json").unwrap_err();
        let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        format!("{}{cause}", error.message())
    }

    #[test]
    fn the_documented_file_is_what_is_written() {
        let mut ranges = Ranges::new("entropy");
        ranges.set("input", 1.0).unwrap();
        ranges.set("conv1", 2.6875).unwrap();
        let expected = r#"{
  "format": "qdq-ranges",
  "version": 1,
  "method": "entropy",
  "tensors": {
    "input": {"amax": 1.0},
    "conv1": {"amax": 2.6875}
  }
}
"#;
        assert_eq!(ranges.to_json(), expected);
        assert_eq!(Ranges::from_json(expected.as_bytes(), "").unwrap(), ranges);
        assert_eq!(ranges.scale("conv1"), Some(2.6875 / 127.0));
    }

    #[test]
    fn damage_is_refused_with_its_place() {
        let body = |tensors: &str| {
            format!("{{\"format\": \"qdq-ranges\", \"version\": 1,\n\"tensors\": {{{tensors}}}}}")
        };
        for (json, expected) in [
            (String::new(), "r.json: is empty"),
            ("{".into(), "r.json: not a ranges file: EOF while parsing an object at line 1 column 1"),
            (body(r#""a b": {"amax": -1}"#), "tensor 'a b': amax -1 is not a range at line 2 column 32"),
            (body(r#""a": {"amax": 1e39}"#), "tensor 'a': number out of range at line 2 column 30"),
            (body(r#""a": {}"#), "tensor 'a': missing field `amax` at line 2 column 19"),
            (body(r#""a": {"amax": 1}, "a": {"amax": 2}"#), "tensor 'a' appears twice at line 2"),
            (r#"{"format": "x", "version": 1, "tensors": {}}"#.into(), "the format is 'x'"),
            (r#"{"format": "qdq-ranges", "version": 2, "tensors": {}}"#.into(), "newer than 1"),
        ] {
            let found = complaint(&json);
            assert!(found.contains(expected), "{found}\nexpected {expected}");
        }
    }

    #[test]
    fn unknown_keys_are_skipped() {
        let json = r#"{"new": [1], "format": "qdq-ranges", "version": 1,
            "tensors": {"a": {"amax": 3, "axis": null}}}"#;
        assert_eq!(Ranges::from_json(json.as_bytes(), "").unwrap().get("a"), Some(3.0));
    }

    #[test]
    fn a_range_that_is_none_is_refused() {
        for amax in [-1.0, f32::NAN, f32::INFINITY] {
            let error = Ranges::default().set("conv 1", amax).unwrap_err();
            assert!(error.message().contains("'conv 1'"), "{error}");
        }
    }

    #[test]
    fn what_holds_the_same_values_has_the_same_range() {
        use crate::dtype::DataType;
        use crate::graph::{NewNode, TensorKind};
        let mut graph = Graph::new();
        let mut last = graph.add_tensor("x", TensorKind::Input, Some(DataType::F32), None).unwrap();
        for (op, name) in
            [("Unsqueeze", "a"), ("Transpose", "b"), ("Relu", "c"), ("Reshape", "d"), ("Identity", "e")]
        {
            let node = NewNode { op, inputs: &[Some(last)], outputs: &[Some(name)], ..NewNode::default() };
            graph.add_node(node).unwrap();
            last = graph.find(name).unwrap();
        }
        let mut ranges = Ranges::default();
        ranges.set("a", 2.0).unwrap();
        ranges.set("e", 3.0).unwrap();
        ranges.set("d", 4.0).unwrap();
        let spread: Vec<_> =
            ranges.spread(&graph).iter().map(|(name, amax)| (name.to_owned(), amax)).collect();
        let expected = [("a", 2.0), ("e", 3.0), ("d", 4.0), ("b", 2.0), ("c", 4.0), ("x", 2.0)];
        assert_eq!(spread, expected.map(|(name, amax)| (name.to_owned(), amax)));
    }

    proptest! {
        #[test]
        fn any_range_survives_the_file(
            tensors in prop::collection::btree_map(".*", 0u32..=f32::MAX.to_bits(), 0..8),
            method in prop::option::of(".*"),
        ) {
            let mut ranges = Ranges { method, ..Ranges::default() };
            for (name, bits) in tensors {
                let amax = f32::from_bits(bits);
                ranges.set(name, amax).unwrap();
                prop_assert!(int8_scale(amax).is_normal());
            }
            prop_assert_eq!(Ranges::from_json(ranges.to_json().as_bytes(), "").unwrap(), ranges);
        }

        #[test]
        fn random_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Ranges::from_json(&bytes, "");
        }
    }
}

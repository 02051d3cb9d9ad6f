//! The floating-point types that each version of ONNX's own operators takes, for every input and output.
//!
//! `float_types.txt` has one line per operator: for each version with other types than the version before it,
//! the number of the version, one letter per input, and one letter per output. A `*` after a letter repeats
//! it, and `.` stands for no input.
//!
//! | letter | f32 | f16 | bf16 |
//! |---|---|---|---|
//! | `h` | yes | yes | yes |
//! | `6` | yes | yes | no |
//! | `b` | yes | no | yes |
//! | `f` | yes | no | no |
//! | `-` | no | | |

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::dtype::DataType;

/// The types of one input or output of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatType {
    /// Takes no float32.
    Other,
    /// Takes float32, and not the 16-bit type in question.
    Float32,
    /// Takes both.
    Either,
}

/// The floating-point types of the inputs and outputs of one version of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloatTypes {
    inputs: &'static str,
    outputs: &'static str,
}

impl FloatTypes {
    /// Returns the types of operator `op` of ONNX's own domain in `opset`; `None` for an unknown operator.
    pub fn of(op: &str, opset: i64) -> Option<Self> {
        let versions = table().get(op)?;
        versions.iter().rev().find(|(since, _)| *since <= opset).map(|(_, types)| *types)
    }

    /// Returns the type of input `index` beside the 16-bit type `half`.
    pub fn input(&self, index: usize, half: DataType) -> FloatType {
        at(self.inputs, index, half)
    }

    /// Returns the type of output `index` beside the 16-bit type `half`.
    pub fn output(&self, index: usize, half: DataType) -> FloatType {
        at(self.outputs, index, half)
    }
}

fn at(letters: &str, index: usize, half: DataType) -> FloatType {
    let (listed, repeated) = match letters.strip_suffix('*') {
        Some(listed) => (listed, listed.chars().last()),
        None => (letters, None),
    };
    match listed.chars().nth(index).or(repeated) {
        Some('h') => FloatType::Either,
        Some('6') if half == DataType::F16 => FloatType::Either,
        Some('b') if half == DataType::Bf16 => FloatType::Either,
        Some('6' | 'b' | 'f') => FloatType::Float32,
        _ => FloatType::Other,
    }
}

type Versions = Vec<(i64, FloatTypes)>;

fn table() -> &'static HashMap<&'static str, Versions> {
    static TABLE: OnceLock<HashMap<&'static str, Versions>> = OnceLock::new();
    TABLE.get_or_init(|| include_str!("float_types.txt").lines().filter_map(line).collect())
}

fn line(line: &'static str) -> Option<(&'static str, Versions)> {
    let (op, versions) = line.split_once(": ")?;
    let versions = versions.split(", ").filter_map(|version| {
        let mut parts = version.split(' ');
        let (since, inputs, outputs) = (parts.next()?, parts.next()?, parts.next()?);
        Some((since.parse().ok()?, FloatTypes { inputs, outputs }))
    });
    Some((op, versions.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        let lines = include_str!("float_types.txt").lines();
        for text in lines {
            let versions = text.matches(',').count() + 1;
            let (op, read) = line(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(read.len(), versions, "{text}");
            assert!(read.is_sorted_by_key(|(since, _)| *since), "{op}");
        }
    }

    #[test]
    fn versions_and_variadic_inputs_are_found() {
        use FloatType::{Either, Float32, Other};
        let of = |op, opset| FloatTypes::of(op, opset).unwrap();
        assert_eq!(of("Add", 12).input(0, DataType::Bf16), Float32);
        assert_eq!(of("Add", 13).input(1, DataType::Bf16), Either);
        assert_eq!(of("Concat", 13).input(7, DataType::F16), Either);
        assert_eq!(of("Resize", 19).input(2, DataType::F16), Float32);
        assert_eq!(of("QuantizeLinear", 13).input(0, DataType::F16), Float32);
        assert_eq!(of("QuantizeLinear", 19).input(1, DataType::F16), Either);
        assert_eq!(of("ArgMax", 13).output(0, DataType::F16), Other);
        assert_eq!(FloatTypes::of("Plugin", 19), None);
    }
}

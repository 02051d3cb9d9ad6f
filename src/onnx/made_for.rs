//! The values of inputs that were fixed when a model was made. The model keeps them in its metadata.
//!
//! If nothing reads a fixed input any more, the written model no longer has this input, and no other value
//! can be fed. If something reads it, the model is valid for this value only. In both cases the metadata
//! entry `qdq.fixed_input.NAME` contains the value, such as `i64[] 16000`.

use std::fmt;

use super::Model;
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind};
use crate::tensor::{Data, Tensor, element_count};

const PREFIX: &str = "qdq.fixed_input.";

/// The largest number of elements in the text. A larger value is kept as a digest, unless all its elements
/// are equal.
const MOST_NUMBERS: usize = 256;

/// The value of an input as text: type, shape, and its elements in row-major order. If all elements are
/// equal, the text has one of them. A large value has a digest instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedValue(String);

impl FixedValue {
    /// Formats a value.
    pub fn of(value: &Tensor) -> Self {
        let (dtype, data) = (value.dtype(), value.view().data());
        let is_uniform = data.as_bytes().chunks_exact(dtype.size()).is_sorted_by(|a, b| a == b);
        let numbers = match data.len() {
            0 => String::new(),
            _ if is_uniform => data.slice(0, 1).texts().join(","),
            1..=MOST_NUMBERS => data.texts().join(","),
            _ => format!("#{:016x}", digest(data.as_bytes())),
        };
        let shape: Vec<String> = value.shape().iter().map(ToString::to_string).collect();
        Self(format!("{dtype}[{}] {numbers}", shape.join(",")))
    }

    /// Whether `value` is this value. A single number for all elements also matches in any other shape.
    pub fn is(&self, value: &Tensor) -> bool {
        let other = Self::of(value);
        let (Some((_, ours)), Some((_, theirs))) = (self.0.split_once(' '), other.0.split_once(' ')) else {
            return false;
        };
        let is_one = !ours.contains([',', '#']) && !ours.is_empty();
        let dtype = |text: &str| text.split('[').next().map(str::to_owned);
        self.0 == other.0 || (is_one && ours == theirs && dtype(&self.0) == dtype(&other.0))
    }

    /// Returns the value; `None` if only its digest is known, or if the text is not from [`FixedValue::of`].
    pub fn tensor(&self) -> Option<Tensor> {
        let (dtype, rest) = self.0.split_once('[')?;
        let (shape, numbers) = rest.split_once("] ")?;
        let list = |text: &str| -> Vec<String> {
            text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        let shape: Vec<usize> = list(shape).iter().map(|size| size.parse().ok()).collect::<Option<_>>()?;
        let mut numbers = list(numbers);
        let count = element_count(&shape).ok()?;
        if let ([one], true) = (&numbers[..], count <= MOST_ELEMENTS) {
            numbers = vec![one.clone(); count];
        }
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        Tensor::new(shape, Data::parse(DataType::from_name(dtype)?, &numbers)?).ok()
    }
}

/// The largest number of elements that [`FixedValue::tensor`] creates. A text of a few bytes can state any
/// shape.
const MOST_ELEMENTS: usize = 1 << 24;

impl fmt::Display for FixedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Computes the 64-bit FNV-1a digest. It must stay the same in every version, because files contain it.
fn digest(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

impl Model {
    /// Lists the inputs that were fixed when this model was made, with their values.
    pub fn made_for(&self) -> impl Iterator<Item = (&str, FixedValue)> {
        self.proto.metadata_props.iter().filter_map(|entry| {
            let name = entry.key.as_deref()?.strip_prefix(PREFIX)?;
            Some((name, FixedValue(entry.value.clone().unwrap_or_default())))
        })
    }

    /// Records the values of fixed inputs in the metadata.
    pub fn note_fixed_inputs(&mut self) {
        let fixed: Vec<(String, FixedValue)> =
            self.fixed_inputs().map(|(name, value)| (name.to_owned(), FixedValue::of(value))).collect();
        for (name, value) in fixed {
            self.set_metadata(&format!("{PREFIX}{name}"), &value.0);
        }
    }

    /// Fails if the model was made for another value of the input `name`.
    pub(super) fn check_made_for(&self, name: &str, value: &Tensor) -> Result<(), Error> {
        match self.made_for().find(|(known, made)| *known == name && !made.is(value)) {
            None => Ok(()),
            Some((_, made)) => {
                let message = format!(
                    "input '{name}': the value is {}, but the model was made for {made}",
                    FixedValue::of(value)
                );
                Err(Error::new(ErrorKind::InvalidArgument, message)
                    .with_remedy("give this value, or take the model that this one was made from"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_texts_and_texts_are_values() {
        let tensor = |shape: &[usize], data: Data| Tensor::new(shape.to_vec(), data).unwrap();
        let many: Vec<f32> = (0..1000).map(|at| at as f32 / 7.0).collect();
        for (value, text, is_kept) in [
            (tensor(&[], vec![16000i64].into()), "i64[] 16000", true),
            (
                tensor(&[2, 2], vec![0.1f32, -0.0, f32::MAX, 1e-45].into()),
                "f32[2,2] 0.1,-0,340282350000000000000000000000000000000,0.000000000000000000000000000000000000000000001",
                true,
            ),
            (tensor(&[1, 3, 64], vec![0.5f32; 192].into()), "f32[1,3,64] 0.5", true),
            (tensor(&[2], Data::Bool(vec![1, 0])), "bool[2] 1,0", true),
            (tensor(&[1], vec![half::bf16::from_f32(0.1)].into()), "bf16[1] 0.100097656", true),
            (tensor(&[0, 3], Vec::<f32>::new().into()), "f32[0,3] ", true),
            (tensor(&[1000], many.into()), "f32[1000] #", false),
        ] {
            let found = FixedValue::of(&value);
            assert!(found.0.starts_with(text) && (!is_kept || found.0 == text), "{found}");
            assert_eq!(found.tensor(), is_kept.then(|| value.clone()), "{text}");
            assert!(found.is(&value), "{text}");
        }
        let one = FixedValue::of(&tensor(&[], vec![2i64].into()));
        assert!(one.is(&tensor(&[3], vec![2i64; 3].into())));
        assert!(!one.is(&tensor(&[], vec![3i64].into())) && !one.is(&tensor(&[], vec![2i32].into())));
        for text in [
            "",
            "i64",
            "i64[",
            "i64[] ",
            "i64[] x",
            "i64[2] 1,2,3",
            "i64[99999999999999,9999999999] 1",
            "x[] 1",
        ] {
            assert_eq!(FixedValue(text.to_owned()).tensor(), None, "{text}");
        }
    }
}

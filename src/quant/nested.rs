//! An optional array in JSON: null, a number or nested lists.

use ndarray::{Array, ArrayD, IxDyn};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, SerializeSeq, Serializer};
use serde_json::Value;

/// Nested lists, one level per axis.
struct Nested<'a> {
    shape: &'a [usize],
    values: &'a [f32],
}

impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some((&count, shape)) = self.shape.split_first() else {
            // An f64 has many digits, and reading them back is exact.
            return serializer.serialize_f64(self.values.first().copied().unwrap_or_default().into());
        };
        let mut list = serializer.serialize_seq(Some(count))?;
        let each = self.values.len() / count.max(1);
        for index in 0..count {
            let values = &self.values[index * each..(index + 1) * each];
            list.serialize_element(&Nested { shape, values })?;
        }
        list.end()
    }
}

pub fn serialize<S: Serializer>(array: &Option<ArrayD<f32>>, serializer: S) -> Result<S::Ok, S::Error> {
    match array {
        None => serializer.serialize_none(),
        Some(array) => {
            let values: Vec<f32> = array.iter().copied().collect();
            Nested { shape: array.shape(), values: &values }.serialize(serializer)
        }
    }
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ArrayD<f32>>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    if value.is_null() {
        return Ok(None);
    }
    let mut shape = Vec::new();
    let mut first = &value;
    while let Value::Array(list) = first {
        shape.push(list.len());
        match list.first() {
            Some(inner) => first = inner,
            None => break,
        }
    }
    let mut values = Vec::new();
    flatten(&value, &shape, &mut values)
        .and_then(|()| Array::from_shape_vec(IxDyn(&shape), values).ok())
        .map(Some)
        .ok_or_else(|| D::Error::custom("amax is neither null, a number nor nested lists of equal length"))
}

fn flatten(value: &Value, shape: &[usize], values: &mut Vec<f32>) -> Option<()> {
    match (value, shape.split_first()) {
        (Value::Array(list), Some((&count, shape))) if list.len() == count => {
            list.iter().try_for_each(|inner| flatten(inner, shape, values))
        }
        (Value::Number(number), None) => {
            values.push(number.as_f64()? as f32);
            Some(())
        }
        _ => None,
    }
}

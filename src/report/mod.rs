//! Results as text for people and as JSON for programs.

pub mod advice;
pub mod best;
pub mod budget;
pub mod compare;
pub mod document;
pub mod engine_cost;
pub mod figure;
pub mod numbers;
pub mod plan;
pub mod precision;
pub mod recovery;
pub mod sensitivity;
pub mod table;
pub mod trouble;

use serde_json::Value;

/// Returns `value` as a JSON number in the shortest decimal form that reads back to the same `f32`.
///
/// JSON has no infinity and no NaN: they become the texts `"inf"`, `"-inf"` and `"NaN"`.
///
/// ```
/// assert_eq!(qdq::report::json_number(0.1).to_string(), "0.1");
/// assert_eq!(qdq::report::json_number(f32::NEG_INFINITY), "-inf");
/// ```
pub fn json_number(value: f32) -> Value {
    let shortest = value.to_string();
    match shortest.parse::<f64>() {
        Ok(number) if number.is_finite() => number.into(),
        _ => shortest.into(),
    }
}

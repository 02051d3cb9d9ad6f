//! Figures in JSON: short, and with a text for each number that JSON does not have.

use serde::Serializer;

/// Writes a figure that may be absent, with seven significant digits.
///
/// An absent figure is `null`. Infinities and NaN are the texts `"inf"`, `"-inf"` and `"NaN"`.
///
/// # Errors
/// Those of the serializer.
pub fn optional<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => required(value, serializer),
        None => serializer.serialize_none(),
    }
}

/// Writes a figure, see [`optional`].
///
/// # Errors
/// Those of the serializer.
pub fn required<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match value.is_finite() {
        true => serializer.serialize_f64(short(*value)),
        false => serializer.serialize_str(&value.to_string()),
    }
}

/// Returns a number rounded to seven significant digits.
pub fn short(value: f64) -> f64 {
    format!("{value:.6e}").parse().unwrap_or(value)
}

/// Returns a number with four significant digits, for people.
///
/// ```
/// let shown = [0.0, 0.012345, 123.456, 65504.0, -2.5e-9].map(qdq::report::figure::text);
/// assert_eq!(shown, ["0", "0.01235", "123.5", "65504", "-2.500e-9"]);
/// ```
pub fn text(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if (1e-3..1e5).contains(&size) => {
            let digits = 3 - size.log10().floor() as i32;
            format!("{value:.*}", digits.clamp(0, 6) as usize)
        }
        _ => format!("{value:.3e}"),
    }
}

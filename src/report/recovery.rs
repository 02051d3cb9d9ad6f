//! The changes of the methods that recover accuracy.

use std::fmt;

use serde_json::{Value, json};

use super::table::{Align, Table};

/// A method that recovers accuracy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecoveryMethod {
    /// Scales the channels between two layers.
    Equalization,
    /// Scales the input channels of layers, by a multiplication before Quantize.
    Smoothing,
    /// Scales the input channels of weights in blocks.
    ActivationAwareScaling,
    /// Rounds each weight up or down.
    LearnedRounding,
    /// Moves biases.
    BiasCorrection,
}

impl RecoveryMethod {
    /// Returns the word for the method in text and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Equalization => "equalization",
            Self::Smoothing => "smoothing",
            Self::ActivationAwareScaling => "activation-aware scaling",
            Self::LearnedRounding => "learned rounding",
            Self::BiasCorrection => "bias correction",
        }
    }
}

/// The change that a method made to a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerRecovery {
    /// The method.
    pub method: RecoveryMethod,
    /// The name of the node.
    pub layer: String,
    /// The number of changed weights, channels or biases, and the number of all of them.
    pub changed: (usize, usize),
    /// The mean squared error of the layer's output before and after, in the output's unit squared.
    ///
    /// `None` if the layer was left alone without a measurement.
    pub error: Option<(f64, f64)>,
    /// A description of the change, or the reason why nothing changed.
    pub what: String,
}

impl LayerRecovery {
    /// Creates the entry of a layer that was neither changed nor measured, with the reason.
    pub fn left_alone(method: RecoveryMethod, layer: &str, why: impl Into<String>) -> Self {
        Self { method, layer: layer.to_owned(), changed: (0, 0), error: None, what: why.into() }
    }

    /// Returns the decrease of the error in decibels, 10·log10(before / after).
    ///
    /// It is 0 if nothing changed, and infinite if no error is left.
    pub fn gain_db(&self) -> Option<f64> {
        self.error.map(|(before, after)| if before == after { 0.0 } else { 10.0 * (before / after).log10() })
    }
}

/// The changes of the methods, in the order of their runs and of the network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecoveryReport {
    /// An entry for every method and layer.
    pub layers: Vec<LayerRecovery>,
}

impl RecoveryReport {
    /// Returns the report as JSON, for programs.
    ///
    /// Each entry of `layers` has `method`, `layer`, `changed`, `of`, `error_before`, `error_after`,
    /// `gain_db` and `what`. A figure that does not exist is `null`. An infinite gain is the text `"inf"`.
    pub fn to_json(&self) -> Value {
        let layers = self.layers.iter().map(|layer| {
            let gain = match layer.gain_db() {
                Some(gain) if gain.is_infinite() => json!(gain.to_string()),
                gain => json!(gain),
            };
            json!({
                "method": layer.method.name(),
                "layer": layer.layer,
                "changed": layer.changed.0,
                "of": layer.changed.1,
                "error_before": layer.error.map(|(before, _)| before),
                "error_after": layer.error.map(|(_, after)| after),
                "gain_db": gain,
                "what": layer.what,
            })
        });
        json!({ "layers": layers.collect::<Vec<_>>() })
    }
}

impl fmt::Display for RecoveryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&[
            ("method", Align::Left),
            ("layer", Align::Left),
            ("error before", Align::Right),
            ("after", Align::Right),
            ("gain dB", Align::Right),
            ("what", Align::Left),
        ]);
        for layer in &self.layers {
            let error = |value: Option<f64>| value.map_or_else(|| "-".into(), |value| format!("{value:.3e}"));
            table.row([
                layer.method.name().to_owned(),
                layer.layer.clone(),
                error(layer.error.map(|(before, _)| before)),
                error(layer.error.map(|(_, after)| after)),
                layer.gain_db().map_or_else(|| "-".into(), |gain| format!("{gain:.2}")),
                layer.what.clone(),
            ]);
        }
        write!(f, "{table}")
    }
}

//! A comparison as text and as JSON, from one list of figures.

use std::fmt;

use serde_json::{Map, Value, json};

use super::metrics::Metrics;
use super::{Comparison, NamedMetrics};
use crate::report::table::{Align, Table};

/// A figure of a tensor and its text form.
struct Figure {
    key: &'static str,
    title: &'static str,
    of: fn(&Metrics) -> Option<f64>,
    text: fn(f64) -> String,
}

/// All figures except [`EQUAL`], in order.
const FIGURES: [Figure; 4] = [
    Figure { key: "sqnr_db", title: "SQNR dB", of: Metrics::sqnr_db, text: |value| format!("{value:.2}") },
    Figure { key: "cosine", title: "cosine", of: Metrics::cosine, text: |value| format!("{value:.6}") },
    Figure { key: "max_error", title: "max error", of: Metrics::max_error, text: scientific },
    Figure { key: "mean_error", title: "mean error", of: Metrics::mean_error, text: scientific },
];

/// The only figure of whole numbers and truth values. Tables without them leave it out.
const EQUAL: Figure = Figure { key: "equal", title: "equal", of: Metrics::equal, text: percent };

fn scientific(value: f64) -> String {
    format!("{value:.3e}")
}

fn percent(share: f64) -> String {
    format!("{:.2}%", 100.0 * share)
}

impl Figure {
    fn to_text(&self, metrics: &Metrics) -> String {
        (self.of)(metrics).map_or_else(|| "-".into(), self.text)
    }

    /// Returns the figure as JSON. JSON has no infinity, so an infinite figure is a text.
    fn to_json(&self, metrics: &Metrics) -> Value {
        match (self.of)(metrics) {
            Some(value) if value.is_infinite() => json!(value.to_string()),
            value => json!(value),
        }
    }
}

impl Comparison {
    /// Returns the comparison as JSON, for programs.
    ///
    /// It has `samples`, `outputs`, `tensors`, `top1_agreement`, `accuracy` and `findings`. Each entry of
    /// `outputs` and `tensors` has `name`, `values`, `sqnr_db`, `cosine`, `max_error`, `mean_error`, `equal`
    /// and `non_finite`.
    ///
    /// A figure that does not exist is `null`. JSON has no infinity, so an infinite SQNR is the text `"inf"`
    /// or `"-inf"`.
    pub fn to_json(&self) -> Value {
        let tensors = |tensors: &[NamedMetrics]| tensors.iter().map(tensor_json).collect::<Vec<_>>();
        json!({
            "samples": self.samples,
            "outputs": tensors(&self.outputs),
            "tensors": tensors(&self.tensors),
            "findings": self.findings,
            "top1_agreement": self.agreement.top1(),
            "accuracy": self.agreement.accuracy().map(|(float, quantized)| {
                json!({"float": float, "quantized": quantized, "samples": self.agreement.labelled})
            }),
        })
    }
}

fn tensor_json(NamedMetrics { name, metrics }: &NamedMetrics) -> Value {
    let mut object =
        Map::from_iter([("name".to_owned(), json!(name)), ("values".to_owned(), json!(metrics.count()))]);
    let figures = FIGURES.iter().chain([&EQUAL]);
    object.extend(figures.map(|figure| (figure.key.to_owned(), figure.to_json(metrics))));
    object.insert("non_finite".to_owned(), json!(metrics.non_finite()));
    Value::Object(object)
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "samples: {}\n", self.samples)?;
        write!(f, "{}", table("output", &self.outputs))?;
        if !self.tensors.is_empty() {
            write!(f, "\n{}", table("tensor", &self.tensors))?;
        }
        if let Some(top1) = self.agreement.top1() {
            let (same, samples) = (self.agreement.same, self.agreement.samples);
            writeln!(f, "\ntop-1 agreement: {} ({same} of {samples})", percent(top1))?;
        }
        if let Some((float, quantized)) = self.agreement.accuracy() {
            writeln!(f, "accuracy: float {}, quantized {}", percent(float), percent(quantized))?;
        }
        Ok(())
    }
}

fn table(title: &str, tensors: &[NamedMetrics]) -> Table {
    let has_discrete = tensors.iter().any(|tensor| tensor.metrics.is_discrete());
    let figures: Vec<&Figure> = FIGURES.iter().chain(has_discrete.then_some(&EQUAL)).collect();
    let titles = figures.iter().map(|figure| (figure.title, Align::Right));
    let columns: Vec<_> =
        [(title, Align::Left)].into_iter().chain(titles).chain([("", Align::Left)]).collect();
    let mut table = Table::new(&columns);
    for NamedMetrics { name, metrics } in tensors {
        let remark = match metrics.non_finite() {
            0 => String::new(),
            count => format!("{count} values are infinite or NaN in one model only"),
        };
        let cells = figures.iter().map(|figure| figure.to_text(metrics));
        table.row([name.clone()].into_iter().chain(cells).chain([remark]));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::metrics::of_pairs as metrics;
    use super::*;
    use crate::report::compare::Agreement;

    #[test]
    fn text_and_json() {
        let comparison = Comparison {
            samples: 2,
            outputs: vec![
                NamedMetrics { name: "logits".into(), metrics: metrics(&[(3.0, 3.5), (4.0, 4.0)]) },
                NamedMetrics { name: "same".into(), metrics: metrics(&[(1.0, 1.0)]) },
                NamedMetrics { name: "ids".into(), metrics: metrics(&[]) },
            ],
            agreement: Agreement { samples: 2, same: 1, labelled: 2, float_right: 2, quantized_right: 1 },
            ..Comparison::default()
        };
        let expected = "samples: 2

output  SQNR dB    cosine  max error  mean error
logits    20.00  0.997164   5.000e-1    2.500e-1
same        inf  1.000000    0.000e0     0.000e0
ids           -         -          -           -

top-1 agreement: 50.00% (1 of 2)
accuracy: float 100.00%, quantized 50.00%
";
        assert_eq!(comparison.to_string(), expected);
        let json = comparison.to_json();
        assert_eq!(json["outputs"][1]["sqnr_db"], "inf");
        assert_eq!(json["outputs"][2]["sqnr_db"], Value::Null);
        assert_eq!(json["outputs"][0]["max_error"], 0.5);
        assert_eq!(json["accuracy"]["quantized"], 0.5);
        let below: Vec<&str> =
            comparison.outputs_below(30.0).iter().map(|output| output.name.as_str()).collect();
        assert_eq!(below, ["logits", "ids"]);
    }

    #[test]
    fn what_is_finite_in_one_model_only_is_remarked() {
        let output = NamedMetrics { name: "y".into(), metrics: metrics(&[(1.0, f32::NAN), (1.0, 1.0)]) };
        let comparison = Comparison { outputs: vec![output], ..Comparison::default() };
        assert!(comparison.to_string().contains("1 values are infinite or NaN in one model only"));
        assert_eq!(comparison.outputs_below(10.0).len(), 1);
    }
}

//! The page: one file with its style, its script and its drawings, which loads nothing.

use std::path::Path;

use minijinja::value::{Serde, Value};
use minijinja::{Environment, Output, State, context, escape_formatter};
use qdq::error::{Error, ErrorKind, Result};
use qdq::report::document::{Document, GOOD_OUTPUT, LayerCost, TensorEntry, Values, WeightEntry};
use qdq::report::figure::{short, text as figure};
use qdq::report::numbers::Numbers;
use qdq::report::trouble::{BAD_OUTPUT, QuantizedRange};
use serde::Serialize;

use super::draw::{self, Drawing};

const FILES: [(&str, &str); 3] = [
    ("page.html", include_str!("page.html")),
    ("style.css", include_str!("style.css")),
    ("script.js", include_str!("script.js")),
];

/// A number in a table: its text, and the number by which rows are sorted.
#[derive(Serialize)]
struct Cell {
    text: String,
    sort: String,
}

/// An SQNR in a table, with a bar.
#[derive(Serialize)]
struct Decibels {
    text: String,
    sort: String,
    /// The width of the bar in percent.
    width: u32,
    /// The class of the bar: `good`, `fair` or `bad`.
    class: &'static str,
}

#[derive(Serialize)]
struct LayerRow<'a> {
    name: &'a str,
    op: &'a str,
    numbers: &'static str,
    reason: &'a str,
    sqnr: Decibels,
}

#[derive(Serialize)]
struct TensorRow<'a> {
    name: &'a str,
    numbers: &'a str,
    range: Cell,
    largest: Cell,
    usual: Cell,
    clipped: Cell,
    lost: Cell,
    broken: u64,
    sqnr: Decibels,
    drawing: Option<Drawing>,
}

#[derive(Serialize)]
struct WeightRow<'a> {
    name: &'a str,
    layers: String,
    shape: String,
    scales: usize,
    largest: Cell,
    drawing: Option<Drawing>,
    channels: usize,
    band: Option<String>,
}

#[derive(Serialize)]
struct CostRow<'a> {
    layer: &'a str,
    format: &'a str,
    method: &'a str,
    own: Decibels,
    output: Decibels,
    share: Cell,
}

/// Fills the template.
///
/// # Errors
/// `Internal` if the template does not fit the data.
pub fn render(document: &Document) -> Result<String> {
    let mut templates = Environment::new();
    templates.set_formatter(escaped);
    for (name, text) in FILES {
        templates.add_template(name, text).map_err(wrong)?;
    }
    let layers = document.layers.iter().map(|layer| LayerRow {
        name: &layer.name,
        op: &layer.op,
        numbers: layer.numbers.map_or("left out", Numbers::label),
        reason: &layer.reason,
        sqnr: decibels(layer.sqnr_db),
    });
    let layers: Vec<LayerRow<'_>> = layers.collect();
    let of = |label: &str| layers.iter().filter(|layer| layer.numbers == label).count();
    let labels = Numbers::ALL.map(Numbers::label).into_iter().chain(["left out"]);
    let counts: Vec<(&str, usize)> =
        labels.map(|label| (label, of(label))).filter(|&(_, count)| count > 0).collect();
    let outputs: Vec<Decibels> = document.outputs.iter().map(|output| decibels(output.sqnr_db)).collect();
    let tensors: Vec<TensorRow<'_>> = document.tensors.iter().map(tensor).collect();
    let weights: Vec<WeightRow<'_>> = document.weights.iter().map(weight).collect();
    let costs: Vec<CostRow<'_>> = document.sensitivity.iter().map(cost).collect();
    let curve = draw::curve(&document.curve).map(|(path, low, high)| (path, figure(low), figure(high)));
    let page = context! {
        document => Serde(document),
        title => document.run.files.first().map_or("model", |file| name(&file.path)),
        outputs => Serde(&outputs), counts => Serde(&counts), layers => Serde(&layers),
        tensors => Serde(&tensors), weights => Serde(&weights), costs => Serde(&costs), curve => Serde(&curve),
        most_in_float => document.curve.iter().map(|point| point.layers_in_float).max(),
        good => GOOD_OUTPUT, bad => BAD_OUTPUT,
        width => draw::WIDTH, height => draw::HEIGHT, curve_width => draw::CURVE.0, curve_height => draw::CURVE.1,
    };
    templates.get_template("page.html").and_then(|page_template| page_template.render(page)).map_err(wrong)
}

/// Returns the name of a file without its folders.
fn name(path: &str) -> &str {
    Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path)
}

/// Writes a value with the five characters escaped that mean something in HTML.
///
/// The usual formatter also escapes slashes, of which names of layers are full.
fn escaped(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    let Some(text) = value.as_str().filter(|_| !value.is_safe()) else {
        return escape_formatter(out, state, value);
    };
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        out.write_str(&rest[..at])?;
        out.write_str(match &rest[at..=at] {
            "&" => "&amp;",
            "<" => "&lt;",
            ">" => "&gt;",
            "\"" => "&quot;",
            _ => "&#x27;",
        })?;
        rest = &rest[at + 1..];
    }
    Ok(out.write_str(rest)?)
}

fn wrong(error: minijinja::Error) -> Error {
    Error::new(ErrorKind::Internal, format!("the page of the report cannot be made: {error}"))
        .with_source(error)
        .with_remedy("write the report as .json, and report the mistake to qdq's developers")
}

fn decibels(value: Option<f64>) -> Decibels {
    let class = match value {
        Some(value) if value < BAD_OUTPUT => "bad",
        Some(value) if value < GOOD_OUTPUT => "fair",
        _ => "good",
    };
    // 60 dB fill the bar.
    let width = value.map_or(0.0, |value| (value / 0.6).clamp(0.0, 100.0));
    let text = match value {
        None => "–".to_owned(),
        Some(value) if value.is_infinite() && value > 0.0 => "exact".to_owned(),
        Some(value) => format!("{value:.2}"),
    };
    Decibels { text, sort: sortable(value), width: width as u32, class }
}

/// Returns a number by which rows are sorted, in few characters: absent figures come last.
fn sortable(value: Option<f64>) -> String {
    value.map_or_else(|| "1e300".to_owned(), |value| short(value.clamp(-1e299, 1e299)).to_string())
}

fn cell(value: Option<f64>) -> Cell {
    Cell { text: value.map_or_else(|| "–".to_owned(), figure), sort: sortable(value) }
}

fn percent(share: Option<f64>) -> Cell {
    let text = match share {
        None => "–".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(share) if share < 1e-4 => "< 0.01%".to_owned(),
        Some(share) => format!("{:.2}%", 100.0 * share),
    };
    Cell { text, sort: sortable(share) }
}

fn largest(values: &Values) -> Option<f64> {
    values.min.zip(values.max).map(|(min, max)| min.abs().max(max.abs()))
}

fn tensor(entry: &TensorEntry) -> TensorRow<'_> {
    let values = entry.values.as_ref();
    let format = qdq::place::Format::ALL.into_iter().find(|format| format.name() == entry.numbers);
    let range = entry.range.zip(format).map(|(amax, format)| QuantizedRange { amax: amax as f32, format });
    let least = range.map(|range| f64::from(range.least()));
    let shown = |share: fn(&Values) -> f64| percent(entry.range.and(values).map(share));
    TensorRow {
        name: &entry.name,
        numbers: &entry.numbers,
        range: cell(entry.range),
        largest: cell(values.and_then(largest)),
        usual: cell(values.and_then(|values| values.percentile_99_99)),
        clipped: shown(|values| values.clipped),
        lost: shown(|values| values.lost),
        broken: values.map_or(0, |values| values.nans + values.infinities),
        sqnr: decibels(entry.sqnr_db),
        drawing: values
            .and_then(|values| values.histogram.as_ref())
            .map(|histogram| draw::histogram(histogram, entry.range, least)),
    }
}

fn weight(entry: &WeightEntry) -> WeightRow<'_> {
    let shape = entry.shape.iter().map(usize::to_string).collect::<Vec<_>>();
    WeightRow {
        name: &entry.name,
        layers: entry.layers.join(", "),
        shape: shape.join("×"),
        scales: entry.scales,
        largest: cell(largest(&entry.values)),
        drawing: entry.values.histogram.as_ref().map(|histogram| draw::histogram(histogram, None, None)),
        channels: entry.channels.as_ref().map_or(0, |band| band.count),
        band: entry.channels.as_ref().map(draw::band),
    }
}

fn cost(cost: &LayerCost) -> CostRow<'_> {
    CostRow {
        layer: &cost.layer,
        format: &cost.format,
        method: &cost.method,
        own: decibels(cost.own_db),
        output: decibels(cost.output_db),
        share: percent(Some(cost.share)),
    }
}

#[cfg(test)]
mod tests;

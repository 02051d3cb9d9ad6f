use std::collections::BTreeMap;

use qdq::report::document::histogram::BARS;
use qdq::report::document::{
    Band, CurvePoint, FileEntry, Histogram, Layer, Output, Run, Verdict, WeightEntry, Word,
};

use super::*;

fn values() -> Values {
    Values {
        count: 1_000_000,
        min: Some(-3.5),
        max: Some(7.25),
        percentile_99_99: Some(7.0),
        clipped: 0.01234,
        lost: 0.0567,
        histogram: Some(Histogram {
            largest: 7.25,
            bars: (0..BARS as u16).map(|bar| bar * 37 % 199).collect(),
        }),
        ..Values::default()
    }
}

/// A report as of a network with names as exporters make them.
fn document(layers: usize) -> Document {
    let name =
        |at: usize, what: &str| format!("/backbone/stage_{}/blocks.{at}/conv_{}/{what}", at % 4, at % 3);
    let tensor = |name: String| TensorEntry {
        name,
        numbers: "int8".into(),
        range: Some(6.5),
        sqnr_db: Some(31.25),
        values: Some(values()),
    };
    let layer = |at: usize, op: &str| Layer {
        name: name(at, op),
        op: op.into(),
        numbers: Some(if op == "Conv" { Numbers::Int8 } else { Numbers::F32 }),
        reason: "its input is quantized and every reader computes in INT8".into(),
        output: name(at, "output"),
        sqnr_db: Some(at as f64 / 10.0),
    };
    let band = Band { count: 256, low: vec![0.125; 32], high: (0..32).map(|at| 0.25 + at as f32).collect() };
    Document {
        run: Run {
            command: "qdq quantize '<model>'".into(),
            files: vec![FileEntry { path: "models/m.onnx".into(), ..FileEntry::default() }],
            settings: BTreeMap::from([("runtime".into(), "embedded".into())]),
            ..Run::default()
        },
        verdict: Verdict { word: Word::Fair, text: "<b>".into(), ..Verdict::default() },
        outputs: vec![Output { name: "y".into(), sqnr_db: Some(f64::INFINITY), ..Output::default() }],
        layers: (0..layers).flat_map(|at| ["Conv", "Relu", "Add"].map(|op| layer(at, op))).collect(),
        tensors: (0..layers).flat_map(|at| ["conv", "relu", "sum"].map(|it| tensor(name(at, it)))).collect(),
        weights: (0..layers)
            .map(|at| WeightEntry {
                name: name(at, "weight"),
                layers: vec![name(at, "Conv")],
                shape: vec![256, 256, 3, 3],
                scales: 256,
                values: values(),
                channels: Some(band.clone()),
            })
            .collect(),
        ..Document::default()
    }
}

#[test]
fn a_report_on_300_layers_has_less_than_2_mb() {
    let page = render(&document(300)).unwrap();
    let bytes = page.len();
    assert!(bytes < 2_000_000, "{bytes}");
    assert_eq!(page.matches("aria-label=\"Histogram of ").count(), 1200, "each tensor and weight has one");
}

#[test]
fn names_cannot_become_markup() {
    let mut document = document(1);
    document.layers[0].name = "<script>alert(1)</script>\" onload=\"x".into();
    document.tensors[0].name = "\"><img src=x>".into();
    let page = render(&document).unwrap();
    assert!(
        !page.contains("<script>alert") && !page.contains("<img") && !page.contains("\" onload"),
        "{page}"
    );
    assert!(page.contains("<h1>Quantization of m.onnx</h1>"), "{page}");
    assert!(page.contains("&lt;b&gt;") && page.contains("qdq quantize &#x27;&lt;model&gt;&#x27;"), "{page}");
}

#[test]
fn parts_without_data_are_left_out() {
    let empty = render(&Document::default()).unwrap();
    for part in ["costs-title", "curve-title", "<h3>"] {
        assert!(!empty.contains(part), "{part}");
    }
    let cost = LayerCost { layer: "conv".into(), output_db: Some(12.5), share: 0.75, ..LayerCost::default() };
    let point = |layers_in_float, sqnr| CurvePoint { layers_in_float, sqnr_db: Some(sqnr) };
    let full = Document {
        sensitivity: vec![cost],
        curve: vec![point(0, 12.5), point(3, 33.0)],
        ..Document::default()
    };
    let page = render(&full).unwrap();
    for part in ["costs-title", "75.00%", "0 to 3 layers in float", "12.50 to 33.00 dB", "M0 200L600 0"] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn shares_are_percent() {
    let shown = [None, Some(0.0), Some(1e-6), Some(0.5)].map(|share| percent(share).text);
    assert_eq!(shown, ["–", "0", "< 0.01%", "50.00%"]);
}

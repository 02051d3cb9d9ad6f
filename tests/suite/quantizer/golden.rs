//! Quantizers compared with the numbers of pytorch-quantization (`tests/data/golden`), bit for bit.

use half::f16;
use ndarray::{ArrayD, IxDyn};
use qdq::quant::QuantDescriptor;
use qdq::range::Method;
use serde_json::Value;

use super::{dynamic, quantizer};
use crate::golden::{Arrays, cases};
use crate::numbers::golden::{Golden, assert_same, check_error, text};

fn run<T: Golden>(case: &Value, arrays: &mut Arrays, x: ArrayD<T>, amax: ArrayD<f32>, narrow: fn(f32) -> T) {
    let id = text(case, "id");
    let mut quantizer = quantizer(QuantDescriptor {
        num_bits: (case["num_bits"].as_u64().unwrap() as u32).into(),
        unsigned: case["unsigned"].as_bool().unwrap(),
        narrow_range: case["narrow_range"].as_bool().unwrap(),
        fake_quant: text(case, "kind") != "tensor",
        amax: Some(amax),
        ..QuantDescriptor::default()
    });
    let found = quantizer.forward(x.view());
    if case.get("error").is_some() {
        let error = found.expect_err(id);
        return check_error(case, error.kind(), error.message(), error.remedy());
    }
    assert_same(
        id,
        found.unwrap_or_else(|error| panic!("{id}: {error}")),
        &T::array(&arrays.get(text(case, "y"))),
    );
    if let Some(scale) = quantizer.inverse_scale() {
        let expected = T::array(&arrays.get(text(case, "scale")));
        assert_eq!(scale.shape(), expected.shape(), "{id}");
        assert_same(id, scale.iter().map(|&scale| narrow(scale)), &expected);
    }
    let gradient = T::array(&arrays.get(text(case, "gout")));
    let found = quantizer.backward(gradient.view(), x.view()).unwrap();
    assert_same(id, found.x, &T::array(&arrays.get(text(case, "gin"))));
}

#[test]
fn quantization_equals_golden() {
    let mut arrays = Arrays::open();
    let mut refused = Vec::new();
    for case in &cases("quant") {
        let x = f32::array(&arrays.get(text(case, "x")));
        let mut amax = f32::array(&arrays.get(text(case, "amax")));
        if text(case, "amax_dtype") == "float16" {
            amax = amax.mapv(|amax| f16::from_f32(amax).to_f32());
        }
        if dynamic().set_amax(Some(amax.clone())).is_err() {
            refused.push(text(case, "amax").to_owned());
            continue;
        }
        match text(case, "x_dtype") {
            "float16" => run(case, &mut arrays, x.mapv(f16::from_f32), amax, f16::from_f32),
            "float64" => run(case, &mut arrays, x.mapv(f64::from), amax, f64::from),
            _ => run(case, &mut arrays, x, amax, |scale| scale),
        }
    }
    refused.sort_unstable();
    refused.dedup();
    assert_eq!(refused, ["amax_inf", "amax_nan"]);
}

#[test]
fn maxima_equal_golden() {
    let mut arrays = Arrays::open();
    for case in &cases("max") {
        let id = text(case, "id");
        let axis = match &case["axis"] {
            Value::Null => None,
            Value::Number(axis) => Some(vec![axis.as_i64().unwrap() as isize]),
            axes => Some(serde_json::from_value(axes.clone()).unwrap()),
        };
        let mut quantizer = quantizer(QuantDescriptor { axis, ..QuantDescriptor::default() });
        let batches = case["inputs"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
        let observed = batches
            .map(|name| f32::array(&arrays.get(name)))
            .try_for_each(|batch| quantizer.observe(batch.view()));
        if id.ends_with("axis7") {
            // The original keeps nothing for a missing axis.
            assert!(observed.unwrap_err().message().contains("no axis 7"));
            continue;
        }
        observed.unwrap();
        if case["amax"] == "inf" {
            assert!(quantizer.load_calib_amax(Method::Max, true).is_err());
            continue;
        }
        let amax = quantizer.load_calib_amax(Method::Max, true).unwrap().unwrap();
        let shape: Vec<usize> = serde_json::from_value(case["shape"].clone()).unwrap();
        let mut numbers = Vec::new();
        flatten(&case["amax"], &mut numbers);
        assert_eq!(amax, &ArrayD::from_shape_vec(IxDyn(&shape), numbers).unwrap(), "{id}");
    }
}

fn flatten(value: &Value, numbers: &mut Vec<f32>) {
    match value {
        Value::Array(list) => list.iter().for_each(|inner| flatten(inner, numbers)),
        number => numbers.push(number.as_f64().unwrap() as f32),
    }
}

//! Weights, quantizers, caches and graphs.

use std::collections::BTreeMap;

use ndarray::{ArrayD, IxDyn};
use qdq::dtype::DataType;
use qdq::emit::Cache;
use qdq::emit::trt_cache::Expected;
use qdq::finding::Severity;
use qdq::graph::{Attribute, Graph, NewNode, TensorKind};
use qdq::place::{self, Policy, Selection};
use qdq::quant::weights::quantize_weights_within;
use qdq::quant::{self, QuantDescriptor};
use qdq::quantizer::{QatSchedule, TensorQuantizer};
use qdq::range::{self, Method, Target};
use qdq::report;
use qdq::tensor::Dim;

use super::Native;
use crate::api::{Calibrated, Clipped, Finding, Objects, Outcome, Setting, Stepped, Switched};
use crate::numbers::golden::Golden;

impl Objects for Native {
    fn weights(
        weights: &ArrayD<f32>,
        axis: Option<usize>,
        method: Method,
    ) -> Outcome<(ArrayD<f32>, Vec<i8>, ArrayD<f32>)> {
        let values = weights.as_slice().unwrap();
        let amax = range::weights(values, weights.shape(), axis, method, Target::default())?;
        let found = quantize_weights_within(values, weights.shape(), axis, &amax)?;
        let shape: Vec<usize> = axis.map(|axis| weights.shape()[axis]).into_iter().collect();
        let array = |values| ArrayD::from_shape_vec(IxDyn(&shape), values).unwrap();
        Ok((array(amax), found.values, array(found.scale)))
    }

    fn clip(x: &ArrayD<f32>, gradient: &ArrayD<f32>, min: f32, max: f32) -> Outcome<Clipped> {
        let (passed, ends) = quant::clip_backward(gradient.view(), x.view(), min, max)?;
        let values = quant::clip(x.view(), min, max)?;
        Ok(Clipped { values, gradient: passed, ends: (ends.min, ends.max) })
    }

    fn learned_step<T: Golden>(
        x: &ArrayD<T>,
        gradient: &ArrayD<T>,
        step: &ArrayD<f32>,
        descriptor: &QuantDescriptor,
    ) -> Outcome<Stepped<T>> {
        let (params, step) = (descriptor.params()?, descriptor.per_group(step, x.ndim())?);
        let scale = quant::learned_step_gradient_scale(x.len(), &params);
        let values = quant::learned_step_quant(x.view(), &step, &params)?;
        let found = quant::learned_step_quant_backward(gradient.view(), x.view(), step, &params, scale)?;
        Ok(Stepped { values, gradient: found.x, step_gradient: found.step })
    }

    fn schedule(original_steps: u64, rate: f64) -> Outcome<[Vec<f64>; 2]> {
        let recommended = QatSchedule::from_original(original_steps, rate)?;
        let (steps, start) = (recommended.steps(), recommended.learning_rate(0));
        let own = QatSchedule::new(steps, start, recommended.learning_rate(steps))?;
        Ok([recommended, own].map(|schedule| (0..=steps).map(|step| schedule.learning_rate(step)).collect()))
    }

    fn multiply(x: &ArrayD<f32>, factors: &ArrayD<f32>) -> Outcome<ArrayD<f32>> {
        Ok(quant::multiply(x.view(), factors)?)
    }

    fn quantizer(
        batches: &[ArrayD<f32>],
        descriptor: &QuantDescriptor,
        method: Method,
        is_strict: bool,
    ) -> Outcome<Calibrated> {
        let mut quantizer = TensorQuantizer::new(descriptor.clone())?;
        quantizer.set_quantizing(false);
        quantizer.set_calibrating(true);
        for batch in batches {
            assert_eq!(quantizer.forward(batch.view())?, batch);
        }
        quantizer.set_calibrating(false);
        quantizer.set_quantizing(true);
        quantizer.load_calib_amax(method, is_strict)?;
        if descriptor.learn_amax {
            quantizer.init_learn_amax()?;
        }
        let x = &batches[0];
        let gradients = quantizer.backward(x.view(), x.view())?;
        let ends = gradients.clip.unwrap_or_default();
        Ok(Calibrated {
            values: quantizer.forward(x.view())?,
            state: quantizer.to_json()?,
            shown: quantizer.to_string(),
            gradient: gradients.x,
            ends: (ends.min, ends.max),
        })
    }

    fn switched(x: &ArrayD<f32>, descriptor: &QuantDescriptor, setting: &Setting) -> Outcome<Switched> {
        super::switches::switched(x, descriptor, setting)
    }

    fn cache(text: &str, version: u32, activations: &[&str]) -> Outcome<(String, Vec<Finding>)> {
        let cache = Cache::parse(text.as_bytes(), "cache")?;
        let names: Vec<String> = activations.iter().map(ToString::to_string).collect();
        let version = Some(version.to_string().parse()?);
        let expected = Expected { version, algorithm: None, activations: Some(&names) };
        let severity = |severity| match severity {
            Severity::Note => 0,
            Severity::Warning => 1,
            Severity::Error => 2,
        };
        let found = cache.check(&expected).into_iter();
        let found = found
            .map(|finding| (severity(finding.severity), finding.message, finding.remedy, finding.tensors));
        Ok((cache.to_ranges()?.to_json(), found.collect()))
    }

    fn plan(excluded: Option<&str>) -> Outcome<String> {
        let mut graph = Graph::new();
        let float = Some(DataType::F32);
        let image = vec![Dim::Unknown, Dim::Fixed(16), Dim::Fixed(8), Dim::Fixed(8)];
        let filter = [16, 16, 3, 3].map(Dim::Fixed).to_vec();
        let x = graph.add_tensor("x", TensorKind::Input, float, Some(image))?;
        let w = graph.add_tensor("w", TensorKind::Constant, float, Some(filter))?;
        let pads = BTreeMap::from([("pads".to_owned(), Attribute::Ints(vec![1; 4]))]);
        let mut add = |op, inputs: &[_], output, attributes| {
            let outputs = &[Some(output)];
            graph.add_node(NewNode { op, inputs, outputs, attributes, ..NewNode::default() })?;
            Outcome::Ok(graph.find(output))
        };
        let y = add("Conv", &[Some(x), Some(w)], "y", pads)?;
        let z = add("Add", &[y, Some(x)], "z", BTreeMap::new())?;
        let out = add("Relu", &[z], "out", BTreeMap::new())?;
        graph.mark_output(out.unwrap());
        let exclude =
            Selection { ops: excluded.map(str::to_owned).into_iter().collect(), ..Selection::default() };
        let plan = place::plan(&graph, &Policy { exclude, ..Policy::default() })?;
        Ok(report::plan::to_json(&graph, &plan).to_string())
    }
}

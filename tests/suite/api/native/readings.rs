//! Operations that read data, and that write data to read it again.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{ArrayD, IxDyn};
use qdq::batch;
use qdq::graph::{Attribute, Graph, GraphTensor, NewNode, Node, TensorId, TensorKind};
use qdq::observe::TensorStats;
use qdq::observe::axis_max::{Amax, AxisMax};
use qdq::onnx::{Model, SaveOptions};
use qdq::quant::QuantDescriptor;
use qdq::quantizer::TensorQuantizer;
use qdq::range::compat;
use qdq::range::{Method, Target};
use qdq::tensor::{Dim, Tensor, TensorSpec};

use super::Native;
use crate::api::{Elements, Maxima, Outcome, Readings};

fn array(amax: &Amax) -> ArrayD<f32> {
    ArrayD::from_shape_vec(IxDyn(&amax.shape), amax.values.clone()).unwrap()
}

fn parts(tensor: &Tensor) -> Elements {
    let bytes = tensor.data().view().as_bytes().to_vec();
    (format!("{:?}", tensor.dtype()), tensor.shape().to_vec(), bytes)
}

fn dims(shape: Option<&[Dim]>) -> String {
    let dim = |dim: &Dim| match dim {
        Dim::Fixed(size) => size.to_string(),
        Dim::Named(name) => name.clone(),
        Dim::Unknown => "?".to_owned(),
    };
    shape
        .map_or("?".to_owned(), |shape| format!("[{}]", shape.iter().map(dim).collect::<Vec<_>>().join(", ")))
}

fn spec_line(spec: &TensorSpec) -> String {
    let dtype = spec.dtype.map_or("?".to_owned(), |dtype| format!("{dtype:?}"));
    format!("input {} {dtype} {}", spec.name, dims(spec.shape.as_deref()))
}

fn tensor_line(tensor: &GraphTensor) -> String {
    let readers: Vec<(usize, usize)> =
        tensor.consumers.iter().map(|edge| (edge.node.0, edge.input)).collect();
    format!("tensor {} {} read by {readers:?}", tensor.name, dims(tensor.shape.as_deref()))
}

fn node_line(node: &Node) -> String {
    let attribute = |(name, value): (&String, &Attribute)| match value {
        Attribute::Int(value) => format!("{name} = {value}"),
        Attribute::Ints(values) => format!("{name} = {values:?}"),
        Attribute::Float(value) => format!("{name} = {value}"),
        Attribute::Text(value) => format!("{name} = '{value}'"),
    };
    let attributes: Vec<String> = node.attributes.iter().map(attribute).collect();
    let captures: Vec<usize> = node.captures.iter().map(|tensor| tensor.0).collect();
    let (name, op, domain) = (&node.name, &node.op, &node.domain);
    format!("node {name} {op} of '{domain}' with {} captures {captures:?}", attributes.join(", "))
}

fn lines(graph: &Graph) -> Vec<String> {
    graph.tensors.iter().map(tensor_line).chain(graph.nodes.iter().map(node_line)).collect()
}

impl Readings for Native {
    fn maxima(batches: &[ArrayD<f32>], axes: &[i32]) -> Outcome<Maxima> {
        let axes: Vec<i64> = axes.iter().map(|&axis| axis.into()).collect();
        let mut max = AxisMax::keeping(&axes).tracking();
        let folder = tempfile::tempdir().unwrap();
        for batch in batches {
            max.save(&folder.path().join("maxima"))?;
            max = AxisMax::load(&folder.path().join("maxima"))?;
            max.observe(batch.shape(), batch.as_slice().unwrap())?;
        }
        Ok(Maxima { file: max.to_bytes()?, history: max.history().iter().map(array).collect() })
    }

    fn load_maxima(file: &[u8]) -> Outcome<Vec<u8>> {
        Ok(AxisMax::from_bytes(file)?.to_bytes()?)
    }

    fn calibration(batches: &[ArrayD<f32>], descriptor: &QuantDescriptor) -> Outcome<(Vec<u8>, ArrayD<f32>)> {
        let mut all = TensorQuantizer::new(descriptor.clone())?;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calibration");
        for batch in batches {
            let mut one = TensorQuantizer::new(descriptor.clone())?;
            one.observe(batch.view())?;
            one.save_calibration(&path)?;
            let mut loaded = TensorQuantizer::new(descriptor.clone())?;
            loaded.load_calibration(&path)?;
            all.merge(&loaded)?;
        }
        let file = all.calibration_to_bytes()?;
        // Only finite data has ranges.
        let finite = batches.iter().flatten().all(|x| x.is_finite());
        let amax = if finite { all.load_calib_amax(Method::Max, true)?.cloned() } else { None };
        Ok((file, amax.unwrap_or_default()))
    }

    fn load_calibration(file: &[u8], descriptor: &QuantDescriptor) -> Outcome<()> {
        Ok(TensorQuantizer::new(descriptor.clone())?.calibration_from_bytes(file)?)
    }

    fn compat_weights(
        weights: &ArrayD<f32>,
        axis: Option<usize>,
        method: Method,
        num_bins: usize,
    ) -> Outcome<Vec<f32>> {
        let (values, shape) = (weights.as_slice().unwrap(), weights.shape());
        Ok(compat::weights_along(values, shape, axis, method, Target::default(), num_bins)?)
    }

    fn histogram_ends(values: &ArrayD<f32>) -> (u64, u64, Option<f32>) {
        let mut stats = TensorStats::new();
        stats.observe(values.as_slice().unwrap());
        (stats.histogram().below(), stats.histogram().between(), stats.abs_max())
    }

    fn graph(model: &Path) -> Outcome<Vec<String>> {
        let model = Model::open(model)?;
        let graph = qdq::pipeline::prepare(&model)?.graph().clone();
        Ok(model.inputs().iter().map(spec_line).chain(lines(&graph)).collect())
    }

    fn described() -> Outcome<Vec<String>> {
        let mut graph = Graph::new();
        let shape = vec![Dim::Named("N".into()), Dim::Fixed(3)];
        let x = graph.add_tensor("x", TensorKind::Input, None, Some(shape.clone()))?;
        let attributes = BTreeMap::from([
            ("mode".to_owned(), Attribute::Text("linear".into())),
            ("f".to_owned(), Attribute::Float(0.5)),
            ("i".to_owned(), Attribute::Int(-3)),
            ("ints".to_owned(), Attribute::Ints(vec![])),
        ]);
        graph.add_node(NewNode {
            name: "branch",
            op: "If",
            domain: "my.domain",
            inputs: &[Some(x)],
            outputs: &[Some("y")],
            attributes,
            captures: &[TensorId(0)],
            nested: Vec::new(),
        })?;
        let find = |name| graph.find_node(name).map_or("none".to_owned(), |node| node.0.to_string());
        let mut lines = lines(&graph);
        lines.push(format!("found {} and {}", find("branch"), find("x")));
        lines.push(spec_line(&TensorSpec { name: "x".into(), dtype: None, shape: Some(shape) }));
        Ok(lines)
    }

    fn save(model: &Path, to: &Path, max_file: u32, min_external: usize) -> Outcome<Vec<String>> {
        let files = Model::open(model)?.save(to, &SaveOptions { max_file, min_external })?;
        Ok(files.iter().map(|file| file.display().to_string()).collect())
    }

    fn read_npy(path: &Path) -> Outcome<Elements> {
        Ok(parts(&batch::read_npy(path)?))
    }

    fn constant(model: &Path, name: &str) -> Outcome<Option<Elements>> {
        Ok(Model::open(model)?.constant(name)?.as_ref().map(parts))
    }

    fn metadata(model: &Path, key: &str, value: &str) -> Outcome<(Option<String>, Option<String>)> {
        let mut model = Model::open(model)?;
        let before = model.metadata(key).map(str::to_owned);
        model.set_metadata(key, value);
        Ok((before, model.metadata(key).map(str::to_owned)))
    }
}

//! scratch
use qdq::{batch::*, onnx::Model, pipeline, place::Policy, range::Method, runtime, tensor::Tensor};
use std::{fs::File, ops::ControlFlow, path::Path};
struct S(Tensor, String, usize);
impl BatchSource for S {
    fn next_batch(&mut self) -> qdq::error::Result<Option<Batch>> {
        let n = self.0.shape()[0];
        if self.2 >= n {
            return Ok(None);
        }
        let e = (self.2 + 32).min(n);
        let t = self.0.view().samples(self.2, e)?;
        let s = e - self.2;
        self.2 = e;
        Ok(Some(Batch { inputs: vec![(self.1.clone(), t)], samples: s }))
    }
    fn remaining(&self) -> Option<usize> {
        None
    }
}
fn load(p: &str) -> S {
    let mut z = ndarray_npy::NpzReader::new(File::open(p).unwrap()).unwrap();
    let a: ndarray::ArrayD<f32> = z.by_name("input").or_else(|_| z.by_name("input.npy")).unwrap();
    S(Tensor::new(a.shape().to_vec(), a.into_raw_vec_and_offset().0).unwrap(), "input".into(), 0)
}
fn main() {
    more();
    let d = "tests/data/digits/";
    let model = Model::open(Path::new(&format!("{d}model.onnx"))).unwrap();
    let p = pipeline::prepare(&model).unwrap();
    let plan = pipeline::plan(&p, &Policy::default()).unwrap();
    println!("{}", qdq::report::plan::text(&p.graph, &plan));
    let taps = pipeline::taps(&p.graph, &plan, true);
    let engine = runtime::EngineOptions::default();
    let stats =
        pipeline::calibrate(&p.model, &taps, &mut load(&format!("{d}calib.npz")), &engine, &mut |_| {
            ControlFlow::Continue(())
        })
        .unwrap();
    for m in ["max", "percentile", "entropy", "mse"] {
        let Ok(ranges) = pipeline::ranges(&p.graph, &plan, &stats, m.parse::<Method>().unwrap()) else {
            println!("{m} no");
            continue;
        };
        let q = pipeline::quantise(&p, &plan, &ranges, Default::default()).unwrap();
        q.save(Path::new(&format!("/tmp/digits_{m}.onnx")), &Default::default()).unwrap();
        let c = pipeline::compare(
            &model,
            &q,
            &mut load(&format!("{d}test.npz")),
            &Default::default(),
            &mut |_| ControlFlow::Continue(()),
        )
        .unwrap();
        println!("{m} {:?} {}", c.outputs[0].metrics.sqnr_db(), ranges.to_json().replace("\n", " "));
    }
}
#[allow(dead_code)]
fn more() {
    let d = "tests/data/digits/";
    let model = Model::open(Path::new(&format!("{d}model.onnx"))).unwrap();
    let p = pipeline::prepare(&model).unwrap();
    let plan = pipeline::plan(&p, &Policy::default()).unwrap();
    let taps = pipeline::taps(&p.graph, &plan, true);
    let engine = runtime::EngineOptions::default();
    let stats =
        pipeline::calibrate(&p.model, &taps, &mut load(&format!("{d}calib.npz")), &engine, &mut |_| {
            ControlFlow::Continue(())
        })
        .unwrap();
    let base = pipeline::ranges(&p.graph, &plan, &stats, "max".parse::<Method>().unwrap()).unwrap();
    let go = |plan: &qdq::place::Plan, r: &qdq::emit::Ranges| {
        let q = pipeline::quantise(&p, plan, r, Default::default()).unwrap();
        let c = pipeline::compare(
            &model,
            &q,
            &mut load(&format!("{d}test.npz")),
            &Default::default(),
            &mut |_| ControlFlow::Continue(()),
        )
        .unwrap();
        c.outputs[0].metrics.sqnr_db().unwrap()
    };
    let mut a = plan.clone();
    a.weights.clear();
    println!("activations only {}", go(&a, &base));
    let mut w = plan.clone();
    w.activations.clear();
    println!("weights only {}", go(&w, &base));
    for i in 0..plan.activations.len() {
        let mut a = plan.clone();
        a.weights.clear();
        let keep = a.activations[i].clone();
        a.activations = vec![keep];
        let n = p.graph.tensor(plan.activations[i].tensor).name.clone();
        for f in [0.6f32, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.9921875, 1.0, 1.133929] {
            let mut r = base.clone();
            r.set(&n, base.get(&n).unwrap() * f).unwrap();
            print!("{n} {f}: {:.2}  ", go(&a, &r));
        }
        println!();
    }
}

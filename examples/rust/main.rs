//! Quantizes a tensor, finds a range, and takes an ONNX model from calibration to the three files for
//! TensorRT.
//! usage: pipeline MODEL OUT_FOLDER

use std::path::Path;
use std::process::ExitCode;

use ndarray::array;
use qdq::emit::Cache;
use qdq::emit::trt_cache::{Algorithm, Header};
use qdq::error::Result;
use qdq::observe::TensorStats;
use qdq::onnx::Model;
use qdq::pipeline::{CalibrateOptions, go_on, prepare};
use qdq::place::{Policy, Verdict};
use qdq::quant::{QuantParams, quantize};
use qdq::range::{Method, Target};
use qdq::tensor::Tensor;
use qdq::{batch, range};

fn quantize_a_tensor() -> Result<()> {
    let x = array![-2.0f32, -0.3, 0.4, 9.0];
    let found = quantize::<_, i8, _>(x.view(), 2.0, &QuantParams::new(4)?)?;
    let [a, b, c, d] = found.values.as_slice().unwrap_or_default() else { return Ok(()) };
    println!("integers {a} {b} {c} {d}, inverse scale {:.2}", found.inverse_scale.values()[0]);
    Ok(())
}

fn find_a_range() -> Result<()> {
    let x: Vec<f32> = (0..1000).map(|i| i as f32 / 1000.0).collect();
    let mut stats = TensorStats::new();
    stats.observe(&x);
    let by_max = range::compute(&stats, Method::Max, Target::default())?;
    let by_percentile = range::compute(&stats, Method::Percentile(99.0), Target::default())?;
    println!("amax {by_max:.3}, by percentile {by_percentile:.3}");
    Ok(())
}

/// Returns batch `batch` of eight batches of 32 images.
fn images(batch: usize) -> Result<Tensor> {
    let pixel = |i: usize, j: usize| (((batch * 32 + i) * 7 + j * 3) % 17) as f32 / 16.0;
    let pixels: Vec<f32> = (0..32 * 64).map(|at| pixel(at / 64, at % 64)).collect();
    Tensor::new(vec![32, 1, 8, 8], pixels)
}

fn quantize_a_model(path: &Path, folder: &Path) -> Result<()> {
    let model = Model::open(path)?;
    let prepared = prepare(&model)?;
    let plan = prepared.plan(&Policy::default())?;
    let mut batches = 0..8;
    let mut source = batch::from_fn(&model.inputs(), || {
        batches.next().map(|batch| Ok(vec![("input".to_owned(), images(batch)?)])).transpose()
    });
    let options = CalibrateOptions { every_activation: true, ..Default::default() };
    let stats = prepared.calibrate(&plan, &mut source, &options, &mut go_on)?;
    let ranges = prepared.ranges(&plan, &stats, Method::Mse)?;
    let quantized = prepared.quantize(&plan, &ranges, &Default::default())?;
    let header = Header::new("10.3.0".parse()?, Algorithm::EntropyCalibration2);
    quantized.save(&folder.join("model.qdq.onnx"), &Default::default())?;
    Cache::from_ranges(&ranges, header).save(&folder.join("model.cache"))?;
    ranges.save(&folder.join("model.json"))?;
    let is_quantized = |verdict| verdict == Verdict::Quantized;
    let count = plan.decisions.iter().filter(|decision| is_quantized(decision.verdict)).count();
    println!("quantized {count} of {} nodes", plan.decisions.len());
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, model, folder] = &arguments[..] else {
        eprintln!("usage: pipeline MODEL OUT_FOLDER");
        return ExitCode::from(2);
    };
    let steps = quantize_a_tensor()
        .and_then(|()| find_a_range())
        .and_then(|()| quantize_a_model(model.as_ref(), folder.as_ref()));
    match steps {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

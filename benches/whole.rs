//! A whole calibration, or a plain run of the same images.
//!
//! Usage: `whole plain|planned|half|every RUNTIME THREADS MODEL DATA`. "planned" observes the tensors that a
//! Q/DQ model needs, and "half" also those that a plan for half precision needs. "every" observes all
//! activations, as a calibration cache needs them.
//!
//! Prints the seconds from the opened model to the ranges, and the process's peak of memory in MiB.
//! `benches/peers/run.py` runs it beside the peers, and `benches/half.py` runs "planned" and "half" in turn.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use qdq::batch::{self, BatchSource, DataOptions};
use qdq::error::Result;
use qdq::kernel;
use qdq::onnx::Model;
use qdq::pipeline::{self, CalibrateOptions, go_on};
use qdq::place::Policy;
use qdq::range::Method;
use qdq::runtime::{self, RuntimeOptions, Tap};
use qdq::tensor::TensorView;

struct Nobody;

impl Tap for Nobody {
    fn observe(&self, _: usize, _: TensorView<'_>) -> Result<()> {
        Ok(())
    }
}

fn plain(model: &Model, source: &mut dyn BatchSource, runtime: &RuntimeOptions) -> Result<()> {
    let mut runtime = runtime::open(model, &[], std::sync::Arc::new(Nobody), runtime)?;
    while let Some(batch) = source.next_batch()? {
        runtime.run(&batch)?;
    }
    Ok(())
}

fn calibrate(model: &Model, what: &str, source: &mut dyn BatchSource, runtime: RuntimeOptions) -> Result<()> {
    let prepared = pipeline::prepare(model)?;
    let plan = prepared.plan(&Policy::default())?;
    let every_activation = what == "every";
    let mut options = CalibrateOptions { runtime, every_activation, ..Default::default() };
    if what == "half" {
        prepared.observe_for_precision(&mut options);
    }
    let stats = prepared.calibrate(&plan, source, &options, &mut go_on)?;
    let stats = stats.only(&prepared.taps(&plan, every_activation));
    for method in [Method::Max, Method::Entropy, Method::Percentile(99.99), Method::Mse] {
        prepared.ranges(&plan, &stats, method)?;
    }
    Ok(())
}

fn run(arguments: &[String]) -> Result<()> {
    let [what, kind, threads, model, data] = arguments else {
        // `cargo bench` without a name runs every benchmark. This one needs arguments.
        println!("whole plain|planned|half|every RUNTIME THREADS MODEL DATA: run by benches/peers/run.py");
        return Ok(());
    };
    let threads: usize = threads.parse().unwrap_or(1);
    kernel::parallel::set_threads(NonZeroUsize::new(threads));
    let runtime = RuntimeOptions { kind: kind.parse()?, threads: Some(threads), ..RuntimeOptions::default() };
    let model = Model::open(model.as_ref())?;
    let options = DataOptions { batch_size: Some(1), ..DataOptions::default() };
    let mut source = batch::open(&[PathBuf::from(data)], &model.inputs(), &options)?;

    let start = Instant::now();
    match what.as_str() {
        "plain" => plain(&model, source.as_mut(), &runtime)?,
        _ => calibrate(&model, what, source.as_mut(), runtime)?,
    }
    println!("{:.4} {:.1}", start.elapsed().as_secs_f64(), peak_mib());
    Ok(())
}

/// Returns the largest resident set of this process so far, in MiB.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse::<f64>().ok()).map_or(f64::NAN, |kib| kib / 1024.0)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Err(error) = run(&arguments) {
        eprintln!("{error:?}");
        std::process::exit(1);
    }
}

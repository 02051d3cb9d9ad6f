//! A calibration needs the memory of one run.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use qdq::error::Result;
use qdq::onnx::Model;
use qdq::runtime::{self, RuntimeKind, Tap};
use qdq::tensor::TensorView;

use super::{BOTH, all_taps, batch, made, options, tensor};

#[test]
fn memory_grows_neither_with_batches_nor_with_taps() {
    let peak = |kind: RuntimeKind, batches: usize| -> (f64, f64) {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "runtime::memory::peak_of_a_calibration", "--ignored", "--nocapture"])
            .env("QDQ_TEST_RUN", format!("{kind} {batches} {}", made("chain").display()))
            .output()
            .unwrap();
        let text = String::from_utf8(child.stdout).unwrap();
        let line = text.lines().find_map(|line| line.split("peak and growth in MiB: ").nth(1));
        let numbers: Vec<f64> =
            line.into_iter().flat_map(str::split_whitespace).map(|number| number.parse().unwrap()).collect();
        match numbers[..] {
            [peak, growth] => (peak, growth),
            _ => panic!("{text}{}", String::from_utf8_lossy(&child.stderr)),
        }
    };
    for kind in BOTH {
        let ((few, growth), (many, _)) = (peak(kind, 8), peak(kind, 80));
        // 60 activations of 2 MiB are tapped. Keeping them would take 120 MiB.
        assert!(growth < 50.0, "{kind}: {growth} MiB above the loaded model");
        // The allocator may leave a gap of one activation, which is much in such a small process.
        assert!(many < few * 1.05 + 2.1, "{kind}: {few} and {many} MiB");
    }
}

/// The child process of the test above.
#[test]
#[ignore = "measures its own process"]
fn peak_of_a_calibration() {
    let Ok(run) = std::env::var("QDQ_TEST_RUN") else { return };
    let mut parts = run.splitn(3, ' ');
    let kind: RuntimeKind = parts.next().unwrap().parse().unwrap();
    let batches: usize = parts.next().unwrap().parse().unwrap();
    let path = Path::new(parts.next().unwrap());
    let memory = |entry: &str| -> f64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with(entry)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    };
    /// Only reads the tensors that it gets.
    struct Summing(Mutex<f64>);
    impl Tap for Summing {
        fn observe(&self, _: usize, value: TensorView<'_>) -> Result<()> {
            let sum: f32 = value.data().to_f32().unwrap().iter().sum();
            *self.0.lock().unwrap() += f64::from(sum);
            Ok(())
        }
    }
    let model = Model::open(path).unwrap();
    let tap = Arc::new(Summing(Mutex::new(0.0)));
    let mut runtime = runtime::open(&model, &all_taps(path), tap, &options(kind)).unwrap();
    let before = memory("VmRSS");
    let x = batch(vec![("t0", tensor(&[16, 1 << 15], vec![0.5f32; 1 << 19]))]);
    for _ in 0..batches {
        runtime.run(&x).unwrap();
    }
    println!("peak and growth in MiB: {} {}", memory("VmHWM"), memory("VmHWM") - before);
}

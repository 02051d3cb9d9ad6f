//! The searches for a range, on histograms like those of a calibration.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use qdq::observe::TensorStats;
use qdq::observe::compat::{HistogramCalibrator, Library};
use qdq::range::{Method, Target, compat, compute};

/// Makes activations of usual shape: a sum of uniform numbers, and the same after ReLU.
fn data() -> [(&'static str, Vec<f32>); 2] {
    let mut state = 88172645463325252u64;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    let normal: Vec<f32> = (0..1 << 20).map(|_| (0..12).map(|_| uniform()).sum::<f32>() - 6.0).collect();
    let relu = normal.iter().map(|x| x.max(0.0)).collect();
    [("normal", normal), ("relu", relu)]
}

fn searches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("search");
    group.sample_size(15).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    for (name, values) in data() {
        let mut stats = TensorStats::new();
        stats.observe(&values[..]);
        for method in [Method::Max, Method::Percentile(99.99), Method::Entropy, Method::Mse] {
            group.bench_function(format!("{name}/{method}"), |bencher| {
                bencher.iter(|| compute(black_box(&stats), method, Target::default()).unwrap());
            });
        }
        let mut calibrator = HistogramCalibrator::new(2048, false, Library::Torch).unwrap();
        calibrator.observe(&values).unwrap();
        let histogram = calibrator.histogram().unwrap();
        let (target, search) = (Target::default(), compat::Search::default());
        group.bench_function(format!("{name}/2048 bins, entropy"), |bencher| {
            bencher.iter(|| compat::entropy(black_box(histogram), target, search).unwrap());
        });
        group.bench_function(format!("{name}/2048 bins, mse"), |bencher| {
            bencher.iter(|| compat::mse(black_box(histogram), target, search).unwrap());
        });
    }
}

criterion_group!(benches, searches);
criterion_main!(benches);

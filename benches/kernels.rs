//! Kernels beside the machine's own speed: reading, copying and scaling the very same buffers in the same
//! run.
//!
//! The buffers must be the same, because two buffers may differ in their pages.
//!
//! `QDQ_ISA` chooses the instruction set, whose name begins the name of every group. `make bench` runs all of
//! them and makes a table.

#[path = "support/machine.rs"]
mod machine;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use half::{bf16, f16};
use ndarray::{ArrayView1, ArrayView3};
use qdq::kernel::{self, InOut, Pattern, parallel};
use qdq::observe::TensorStats;
use qdq::observe::compat::{HistogramCalibrator, Library};
use qdq::quant::{PerGroup, QuantParams, abs_max, fake_tensor_quant_in_place, fake_tensor_quant_slice};

/// The number of elements beyond every cache, and within the second cache.
const SIZES: [(&str, usize); 2] = [("256MiB", 64 << 20), ("256KiB", 64 << 10)];
const SCALES: Pattern<'_> = Pattern::Same(127.0 / 4.0, 127.0 / 4.0);
const LOW: f32 = -128.0;
const HIGH: f32 = 127.0;

/// Makes numbers of a normal distribution, like activations before a nonlinearity.
fn normal(count: usize) -> Vec<f32> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    // A sum of twelve is near enough. A block is made only once and then repeated.
    let block: Vec<f32> =
        (0..count.min(1 << 20)).map(|_| (0..12).map(|_| uniform()).sum::<f32>() - 6.0).collect();
    block.iter().copied().cycle().take(count).collect()
}

fn group<'a>(
    criterion: &'a mut Criterion,
    name: &str,
    bytes: usize,
) -> criterion::BenchmarkGroup<'a, criterion::measurement::WallTime> {
    let mut group = criterion.benchmark_group(format!("{}/{name}", kernel::active().name()));
    group.throughput(Throughput::Bytes(bytes as u64)).sample_size(15);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(1200));
    group
}

fn extremes(criterion: &mut Criterion) {
    let kernels = kernel::active();
    for (size, count) in SIZES {
        let x = normal(count);
        let halves: Vec<f16> = x.iter().map(|&x| f16::from_f32(x)).collect();
        let brains: Vec<bf16> = x.iter().map(|&x| bf16::from_f32(x)).collect();
        let mut group = group(criterion, &format!("abs-max/{size}"), 4 * count);
        group.bench_function("read", |bencher| bencher.iter(|| machine::read(black_box(&x))));
        group.bench_function("f32", |bencher| bencher.iter(|| kernels.abs_max(black_box(&x))));
        group.bench_function("f16", |bencher| bencher.iter(|| kernels.abs_max(black_box(&halves))));
        group.bench_function("bf16", |bencher| bencher.iter(|| kernels.abs_max(black_box(&brains))));
        group.bench_function("min-max f32", |bencher| bencher.iter(|| kernels.min_max(black_box(&x))));
        parallel::within(Some(1), || {
            for (name, [outer, channels, inner]) in axes(count) {
                let view = ArrayView3::from_shape((outer, channels, inner), &x).unwrap();
                group.bench_function(name, |bencher| {
                    bencher.iter(|| abs_max(black_box(view), Some(&[1])).unwrap());
                });
            }
        });
    }
}

/// Lists shapes with an axis of channels in the middle, by the number of neighbours that share a channel.
fn axes(count: usize) -> [(String, [usize; 3]); 4] {
    [8, 64, 1024, 1].map(|inner| {
        let channels = 64;
        (format!("axis, {inner} neighbours"), [count / channels / inner, channels, inner])
    })
}

fn histograms(criterion: &mut Criterion) {
    for (size, count) in SIZES {
        let normal = normal(count);
        let relu: Vec<f32> = normal.iter().map(|x| x.max(0.0)).collect();
        let constant = vec![0.3f32; count];
        let halves: Vec<f16> = normal.iter().map(|&x| f16::from_f32(x)).collect();
        let brains: Vec<bf16> = normal.iter().map(|&x| bf16::from_f32(x)).collect();
        let mut group = group(criterion, &format!("histogram/{size}"), 4 * count);
        group.bench_function("read", |bencher| bencher.iter(|| machine::read(black_box(&normal))));
        let mut stats = TensorStats::new();
        for (name, x) in [("normal", &normal), ("relu", &relu), ("constant", &constant)] {
            group.bench_function(name, |bencher| {
                bencher.iter(|| parallel::within(Some(1), || stats.observe(black_box(&x[..]))));
            });
        }
        let mut linear = HistogramCalibrator::new(2048, false, Library::Torch).unwrap();
        group.bench_function("linear", |bencher| {
            bencher.iter(|| parallel::within(Some(1), || linear.observe(black_box(&normal)).unwrap()));
        });
        group.bench_function("normal f16", |bencher| {
            bencher.iter(|| parallel::within(Some(1), || stats.observe(black_box(&halves[..]))));
        });
        group.bench_function("normal bf16", |bencher| {
            bencher.iter(|| parallel::within(Some(1), || stats.observe(black_box(&brains[..]))));
        });
        group.bench_function("normal, two threads", |bencher| {
            bencher.iter(|| parallel::within(Some(2), || stats.observe(black_box(&normal[..]))));
        });
    }
}

fn fake_quantization(criterion: &mut Criterion) {
    let (kernels, params) = (kernel::active(), QuantParams::new(8).unwrap());
    for (size, count) in SIZES {
        let x = normal(count);
        let mut out = vec![0.0f32; count];
        let mut group = group(criterion, &format!("fake-quantize/{size}"), 4 * count);
        group.bench_function("copy", |bencher| bencher.iter(|| machine::copy(black_box(&x), &mut out)));
        group.bench_function("scale", |bencher| bencher.iter(|| machine::scale(black_box(&mut out))));
        group.bench_function("in place", |bencher| {
            bencher.iter(|| kernels.fake_quantize(InOut::in_place(black_box(&mut out)), &SCALES, LOW, HIGH));
        });
        group.bench_function("to another buffer", |bencher| {
            bencher.iter(|| kernels.fake_quantize(InOut::new(black_box(&x), &mut out), &SCALES, LOW, HIGH));
        });
        let amax: Vec<f32> = (0..64).map(|channel| 3.0 + channel as f32 / 64.0).collect();
        parallel::within(Some(1), || {
            for (name, shape) in axes(count) {
                let amax = PerGroup::new(&amax, &[64, 1]).unwrap();
                group.bench_function(format!("in place, {name}"), |bencher| {
                    bencher.iter(|| {
                        fake_tensor_quant_in_place(black_box(&mut out), &shape, &amax, &params).unwrap()
                    });
                });
                group.bench_function(format!("to another buffer, {name}"), |bencher| {
                    bencher.iter(|| {
                        fake_tensor_quant_slice(black_box(&x), &shape, &amax, &params, &mut out).unwrap();
                    });
                });
            }
        });
        let halves: Vec<f16> = x.iter().map(|&x| f16::from_f32(x)).collect();
        let brains: Vec<bf16> = x.iter().map(|&x| bf16::from_f32(x)).collect();
        let (mut half_out, mut brain_out) = (halves.clone(), brains.clone());
        group.bench_function("to another buffer f16", |bencher| {
            bencher.iter(|| {
                kernels.fake_quantize(InOut::new(black_box(&halves), &mut half_out), &SCALES, LOW, HIGH)
            });
        });
        group.bench_function("to another buffer bf16", |bencher| {
            bencher.iter(|| {
                kernels.fake_quantize(InOut::new(black_box(&brains), &mut brain_out), &SCALES, LOW, HIGH)
            });
        });
        let mut integers = vec![0i8; count];
        group.bench_function("quantize to i8", |bencher| {
            let mut run = || kernels.quantize(InOut::new(black_box(&x), &mut integers), &SCALES, LOW, HIGH);
            bencher.iter(&mut run);
        });
        group.bench_function("dequantize from i8", |bencher| {
            bencher.iter(|| kernels.dequantize(InOut::new(black_box(&integers), &mut out), &SCALES));
        });
        group.bench_function("e4m3", |bencher| {
            bencher.iter(|| kernels.fake_e4m3(InOut::new(black_box(&x), &mut out), &Pattern::one(112.0)));
        });
        group.bench_function("backward", |bencher| {
            let ends = Pattern::Same(-2.0, 2.0);
            bencher.iter(|| kernels.mask(black_box(&x), InOut::in_place(&mut out), &ends));
        });
    }
}

fn two_threads(criterion: &mut Criterion) {
    let (size, count) = SIZES[0];
    let x = normal(count);
    let mut out = vec![0.0f32; count];
    let params = QuantParams::new(8).unwrap();
    let mut group = group(criterion, &format!("threads/{size}"), 4 * count);
    for threads in [1, 2] {
        group.bench_function(format!("abs-max, {threads}"), |bencher| {
            bencher.iter(|| {
                parallel::within(Some(threads), || abs_max(ArrayView1::from(black_box(&x)), None).unwrap())
            });
        });
        group.bench_function(format!("fake-quantize in place, {threads}"), |bencher| {
            bencher.iter(|| {
                parallel::within(Some(threads), || {
                    fake_tensor_quant_in_place(black_box(&mut out), &[count], &4.0.into(), &params).unwrap();
                });
            });
        });
    }
}

criterion_group!(benches, extremes, histograms, fake_quantization, two_threads);
criterion_main!(benches);

//! `TensorQuantizer` through the public API: the behaviour of pytorch-quantization, and the differences.

mod backward;
mod calibration;
mod forward;
mod golden;
mod ranges;
mod saved;
mod schedule;
mod state;
mod trained;

use ndarray::{Array2, ArrayD, arr0};
use qdq::quant::{Block, CalibMethod, NumBits, QuantDescriptor};
use qdq::quantizer::TensorQuantizer;

/// Returns values of both signs, of magnitude 4 at most.
fn data() -> Array2<f32> {
    Array2::from_shape_fn((3, 5), |(row, column)| {
        (((row * 5 + column) * 37 % 41) as f32 - 20.0) / (5.0 + row as f32)
    })
}

fn quantizer(descriptor: QuantDescriptor) -> TensorQuantizer {
    TensorQuantizer::new(descriptor).unwrap()
}

fn dynamic() -> TensorQuantizer {
    quantizer(QuantDescriptor::default())
}

fn with_amax(amax: f32) -> QuantDescriptor {
    QuantDescriptor { amax: Some(scalar(amax)), ..QuantDescriptor::default() }
}

fn learning(amax: f32) -> TensorQuantizer {
    quantizer(QuantDescriptor { learn_amax: true, ..with_amax(amax) })
}

fn scalar(x: f32) -> ArrayD<f32> {
    arr0(x).into_dyn()
}

fn e4m3() -> QuantDescriptor {
    QuantDescriptor { num_bits: NumBits::E4M3, ..QuantDescriptor::default() }
}

fn histogram() -> QuantDescriptor {
    QuantDescriptor { calib_method: CalibMethod::Histogram, ..QuantDescriptor::default() }
}

fn per_axis(axis: &[isize]) -> QuantDescriptor {
    QuantDescriptor { axis: Some(axis.to_vec()), ..QuantDescriptor::default() }
}

fn per_block(axis: isize, size: usize) -> QuantDescriptor {
    QuantDescriptor { block: Some(Block { axis, size }), ..QuantDescriptor::default() }
}

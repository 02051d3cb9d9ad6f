//! The same test bodies through the Rust API and through the C functions, with equal results.
//!
//! A body is generic over [`Api`]; [`native::Native`] calls the Rust API, [`capi::Capi`] the functions of `qdq.h`.

mod bodies;
mod capi;
mod native;

use ndarray::ArrayD;
use qdq::error::ErrorKind;
use qdq::quant::QuantDescriptor;
use qdq::range::{Method, Target};

use crate::numbers::golden::Golden;

/// What is left of an error on both ways.
#[derive(Debug, PartialEq)]
pub struct Failure {
    pub kind: ErrorKind,
    pub message: String,
    pub remedy: Option<String>,
}

pub type Outcome<T> = Result<T, Failure>;

/// Integers of any type, with the scale that belongs to them.
#[derive(Debug, PartialEq)]
pub struct Integers {
    pub values: Vec<i32>,
    pub scale: ArrayD<f32>,
}

/// Where integers are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Storage {
    I8,
    U8,
    I16,
    U16,
    I4,
    U4,
    E4m3,
}

/// pytorch-quantization's histogram and the ranges asked for.
#[derive(Debug, PartialEq)]
pub struct Histogram {
    pub counts: Vec<u64>,
    pub edges: Vec<f64>,
}

/// A histogram range to ask for: method, bits, first bin and step of the search.
#[derive(Clone, Copy)]
pub struct Question {
    pub method: Method,
    pub target: Target,
    pub start_bin: usize,
    pub stride: usize,
}

/// Everything that a whole run leaves behind.
#[derive(Debug, PartialEq)]
pub struct Run {
    pub plan: String,
    pub stats: Vec<u8>,
    pub ranges: String,
    pub cache: String,
    pub model: Vec<u8>,
    pub sqnr_db: f64,
    pub accuracy: (f64, f64),
}

/// The operations that the bodies need.
pub trait Api {
    fn amax<T: Golden>(x: &ArrayD<T>, descriptor: &QuantDescriptor) -> Outcome<ArrayD<f32>>;
    fn tensor_quant<T: Golden>(
        x: &ArrayD<T>,
        amax: Option<&ArrayD<f32>>,
        descriptor: &QuantDescriptor,
    ) -> Outcome<(ArrayD<T>, ArrayD<f32>)>;
    fn fake_quant<T: Golden>(
        x: &ArrayD<T>,
        amax: Option<&ArrayD<f32>>,
        descriptor: &QuantDescriptor,
    ) -> Outcome<ArrayD<T>>;
    fn backward<T: Golden>(
        gradient: &ArrayD<T>,
        x: &ArrayD<T>,
        amax: &ArrayD<f32>,
        descriptor: &QuantDescriptor,
    ) -> Outcome<ArrayD<T>>;
    fn quantize<T: Golden>(
        x: &ArrayD<T>,
        amax: Option<&ArrayD<f32>>,
        descriptor: &QuantDescriptor,
        storage: Storage,
    ) -> Outcome<Integers>;
    fn dequantize<T: Golden>(
        integers: &Integers,
        shape: &[usize],
        descriptor: &QuantDescriptor,
        storage: Storage,
    ) -> Outcome<ArrayD<T>>;
    fn affine(x: &ArrayD<f32>, min: f32, max: f32, num_bits: u32) -> Outcome<ArrayD<f32>>;
    fn affine_backward(gradient: &ArrayD<f32>, x: &ArrayD<f32>, min: f32, max: f32) -> Outcome<ArrayD<f32>>;
    fn axis_max(batches: &[ArrayD<f32>], axes: &[i32]) -> Outcome<ArrayD<f32>>;
    fn histogram(
        batches: &[ArrayD<f32>],
        num_bins: usize,
        skip_zeros: bool,
        is_torch: bool,
        questions: &[Question],
    ) -> Outcome<(Histogram, Vec<Outcome<f32>>)>;
    fn stats_amax(batches: &[ArrayD<f32>], method: Method, target: Target) -> Outcome<f32>;
    fn digits(method: Method) -> Outcome<Run>;
}

/// What a quantizer leaves behind that was calibrated on batches and then used.
#[derive(Debug, PartialEq)]
pub struct Calibrated {
    pub state: String,
    pub shown: String,
    pub values: ArrayD<f32>,
    pub gradient: ArrayD<f32>,
    pub ends: (f64, f64),
}

/// Clipped values, the gradient of x, and those of the ends.
#[derive(Debug, PartialEq)]
pub struct Clipped {
    pub values: ArrayD<f32>,
    pub gradient: ArrayD<f32>,
    pub ends: (f64, f64),
}

/// A finding of a cache: severity from 0, message, remedy, tensors.
pub type Finding = (i32, String, String, Vec<String>);

/// The objects beside tensors and models.
pub trait Objects {
    fn weights(
        weights: &ArrayD<f32>,
        axis: Option<usize>,
        method: Method,
    ) -> Outcome<(ArrayD<f32>, Vec<i8>, ArrayD<f32>)>;
    fn clip(x: &ArrayD<f32>, gradient: &ArrayD<f32>, min: f32, max: f32) -> Outcome<Clipped>;
    fn multiply(x: &ArrayD<f32>, factors: &ArrayD<f32>) -> Outcome<ArrayD<f32>>;
    fn quantizer(
        batches: &[ArrayD<f32>],
        descriptor: &QuantDescriptor,
        method: Method,
        is_strict: bool,
    ) -> Outcome<Calibrated>;
    /// The ranges in the text of a cache, and what is wrong with it.
    fn cache(text: &str, version: u32, activations: &[&str]) -> Outcome<(String, Vec<Finding>)>;
    /// The plan of a convolution with a residual, where `excluded` names an operator that stays in float.
    fn plan(excluded: Option<&str>) -> Outcome<String>;
}

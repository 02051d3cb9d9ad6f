//! The same test bodies through the Rust API and through the C functions, with equal results.
//!
//! A body is generic over [`Api`]; [`native::Native`] calls the Rust API, [`capi::Capi`] the functions of
//! `qdq.h`.

mod bodies;
mod capi;
mod native;
mod readings;
mod runs;
mod switches;

use std::path::Path;
use std::sync::atomic::AtomicUsize;

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
    /// Of the logits: mean error, values compared, values that are finite on one side only.
    pub figures: (f64, u64, u64),
    /// Of the classes: samples, same, labelled, right by float, right by int8.
    pub classes: [u64; 5],
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

/// What a quantizer is told before it gets data.
#[derive(Clone, Debug)]
pub struct Setting {
    pub disabled: bool,
    pub quantizing: bool,
    pub clipping: bool,
    pub calibrating: bool,
    pub factors: Option<ArrayD<f32>>,
    /// Of a quantizer that learns.
    pub ends: Option<(f32, f32)>,
}

/// What a quantizer makes of data, and what it is then.
#[derive(Debug, PartialEq)]
pub struct Switched {
    pub values: ArrayD<f32>,
    pub gradient: ArrayD<f32>,
    pub ends: (f64, f64),
    /// The file of what was observed.
    pub observed: Vec<u8>,
    /// Disabled, quantizing, clipping, calibrating, dynamic.
    pub switches: [bool; 5],
    /// The clip range; NaN where there is none.
    pub clip_range: [u32; 2],
    /// amax, the amax in use, the step size, the scale, the pre-quantization scale.
    pub numbers: [Option<ArrayD<f32>>; 5],
    /// The amax for a file.
    pub exported: Outcome<ArrayD<f32>>,
}

/// Clipped values, the gradient of x, and those of the ends.
#[derive(Debug, PartialEq)]
pub struct Clipped {
    pub values: ArrayD<f32>,
    pub gradient: ArrayD<f32>,
    pub ends: (f64, f64),
}

/// Values quantized by a learned step, and the gradients of x and of the step.
#[derive(Debug, PartialEq)]
pub struct Stepped<T> {
    pub values: ArrayD<T>,
    pub gradient: ArrayD<T>,
    pub step_gradient: ArrayD<f32>,
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
    /// The gradient of the step is scaled for as many values as x has.
    fn learned_step<T: Golden>(
        x: &ArrayD<T>,
        gradient: &ArrayD<T>,
        step: &ArrayD<f32>,
        descriptor: &QuantDescriptor,
    ) -> Outcome<Stepped<T>>;
    /// The learning rates of all steps and of one more: of the recommended schedule, and of the same by its
    /// own numbers.
    fn schedule(original_steps: u64, rate: f64) -> Outcome<[Vec<f64>; 2]>;
    fn multiply(x: &ArrayD<f32>, factors: &ArrayD<f32>) -> Outcome<ArrayD<f32>>;
    fn quantizer(
        batches: &[ArrayD<f32>],
        descriptor: &QuantDescriptor,
        method: Method,
        is_strict: bool,
    ) -> Outcome<Calibrated>;
    /// Runs `x` through a new quantizer, and the gradient 1 back.
    fn switched(x: &ArrayD<f32>, descriptor: &QuantDescriptor, setting: &Setting) -> Outcome<Switched>;
    /// The ranges in the text of a cache, and what is wrong with it.
    fn cache(text: &str, version: u32, activations: &[&str]) -> Outcome<(String, Vec<Finding>)>;
    /// The plan of a convolution with a residual, where `excluded` names an operator that stays in float.
    fn plan(excluded: Option<&str>) -> Outcome<String>;
}

/// What a source of batches does at one of its calls instead of giving a batch.
#[derive(Clone, Copy)]
pub enum Fault {
    Fails(ErrorKind, &'static str, &'static str),
    GivesAnotherInput,
    GivesAnotherShape,
}

/// A source of batches of two images for the digits model.
#[derive(Clone, Copy)]
pub struct Script {
    pub batches: usize,
    /// At which call, from 0, what happens.
    pub fault: Option<(usize, Fault)>,
}

/// What a calibration by a script was like: how it ended, how often batches were asked for, and what was
/// reported.
pub struct Watched {
    pub stats: Outcome<Vec<u8>>,
    pub asked: usize,
    /// Batches and samples done, and all batches where that is known.
    pub reports: Vec<(u64, u64, Option<u64>)>,
}

/// What raising the opset of a model did.
#[derive(Debug, PartialEq)]
pub struct Raised {
    pub from: i64,
    pub to: i64,
    pub converted: Vec<String>,
    pub model: Vec<u8>,
}

/// Tensors by name.
pub type Named = Vec<(String, ArrayD<f32>)>;

/// What one run of a model leaves behind.
#[derive(Debug, PartialEq)]
pub struct Ran {
    pub runtime: String,
    pub outputs: Named,
    pub tapped: Named,
}

/// What goes on while a model runs.
pub trait Runs {
    /// Calibrates the digits model; after `stop_after` batches whoever is told about progress stops it.
    fn calibrate(script: Script, stop_after: Option<u64>) -> Watched;
    /// Calibrates on batches without end until another thread stops it, which it does once three have been
    /// `given`.
    fn endless(given: &AtomicUsize) -> Outcome<()>;
    fn raise_opset(model: &Path, to: i64) -> Outcome<Raised>;
    /// What the library reports up to a level (0 for warnings, 1 for information, 2 for all) while it chooses
    /// a runtime.
    fn log(level: i32) -> Vec<(i32, String)>;
    /// Runs the digits model by itself, in ONNX Runtime where its library is given.
    fn session(taps: &[&str], images: &ArrayD<f32>, onnxruntime: Option<&Path>) -> Outcome<Ran>;
    /// Path and version of the library of ONNX Runtime at a place.
    fn onnxruntime(place: &Path) -> Outcome<(String, String)>;
}

/// Maxima of some batches: their file, and those of every batch.
#[derive(Debug, PartialEq)]
pub struct Maxima {
    pub file: Vec<u8>,
    pub history: Vec<ArrayD<f32>>,
}

/// Type, shape and bytes of a tensor.
pub type Elements = (String, Vec<usize>, Vec<u8>);

/// What is read, and what is written to be read again.
pub trait Readings {
    /// Maxima of batches along axes, the last batch after having gone through a file.
    fn maxima(batches: &[ArrayD<f32>], axes: &[i32]) -> Outcome<Maxima>;
    /// Maxima from a file, and their file again.
    fn load_maxima(file: &[u8]) -> Outcome<Vec<u8>>;
    /// Observes every batch in a quantizer of its own, merges them through files, and gives the file of all
    /// with the amax.
    fn calibration(batches: &[ArrayD<f32>], descriptor: &QuantDescriptor) -> Outcome<(Vec<u8>, ArrayD<f32>)>;
    /// Loads such a file into a quantizer.
    fn load_calibration(file: &[u8], descriptor: &QuantDescriptor) -> Outcome<()>;
    fn compat_weights(
        weights: &ArrayD<f32>,
        axis: Option<usize>,
        method: Method,
        num_bins: usize,
    ) -> Outcome<Vec<f32>>;
    /// Values below the histogram's window, values between edges, and the largest magnitude.
    fn histogram_ends(values: &ArrayD<f32>) -> (u64, u64, Option<f32>);
    /// Everything that is known of a graph and of a model's inputs, in lines.
    fn graph(model: &Path) -> Outcome<Vec<String>>;
    /// The graph of a node with every kind of attribute and a capture, and inputs whose dimensions have
    /// names.
    fn described() -> Outcome<Vec<String>>;
    /// The files that saving a model writes.
    fn save(model: &Path, to: &Path, max_file: u32, min_external: usize) -> Outcome<Vec<String>>;
    /// An array in a file.
    fn read_npy(path: &Path) -> Outcome<Elements>;
    /// A constant of a model.
    fn constant(model: &Path, name: &str) -> Outcome<Option<Elements>>;
    /// The metadata of a model for a key, and after it was set.
    fn metadata(model: &Path, key: &str, value: &str) -> Outcome<(Option<String>, Option<String>)>;
}

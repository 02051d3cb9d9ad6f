//! Tests that run the same bodies through the Rust API and the C functions and expect equal results.
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

/// The parts of an error that both interfaces have.
#[derive(Debug, PartialEq)]
pub struct Failure {
    pub kind: ErrorKind,
    pub message: String,
    pub remedy: Option<String>,
}

pub type Outcome<T> = Result<T, Failure>;

/// Integers of any type, with their scale.
#[derive(Debug, PartialEq)]
pub struct Integers {
    pub values: Vec<i32>,
    pub scale: ArrayD<f32>,
}

/// The storage type of integers.
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

/// pytorch-quantization's histogram and the requested ranges.
#[derive(Debug, PartialEq)]
pub struct Histogram {
    pub counts: Vec<u64>,
    pub edges: Vec<f64>,
}

/// The request for a histogram range: method, bits, first bin and step of the search.
#[derive(Clone, Copy)]
pub struct Question {
    pub method: Method,
    pub target: Target,
    pub start_bin: usize,
    pub stride: usize,
}

/// All results of a whole run.
#[derive(Debug, PartialEq)]
pub struct Run {
    pub plan: String,
    pub stats: Vec<u8>,
    pub ranges: String,
    pub cache: String,
    pub model: Vec<u8>,
    pub sqnr_db: f64,
    /// For the logits: mean error, values compared, values that are finite on one side only.
    pub figures: (f64, u64, u64),
    /// For the classes: samples, same, labelled, right by float, right by int8.
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

/// The results of a quantizer that was calibrated on batches and then used.
#[derive(Debug, PartialEq)]
pub struct Calibrated {
    pub state: String,
    pub shown: String,
    pub values: ArrayD<f32>,
    pub gradient: ArrayD<f32>,
    pub ends: (f64, f64),
}

/// The settings of a quantizer before it gets data.
#[derive(Clone, Debug)]
pub struct Setting {
    pub disabled: bool,
    pub quantizing: bool,
    pub clipping: bool,
    pub calibrating: bool,
    pub factors: Option<ArrayD<f32>>,
    /// The ends of the clip range, for a quantizer that learns.
    pub ends: Option<(f32, f32)>,
}

/// The results of a quantizer, and its state afterwards.
#[derive(Debug, PartialEq)]
pub struct Switched {
    pub values: ArrayD<f32>,
    pub gradient: ArrayD<f32>,
    pub ends: (f64, f64),
    /// The file of the statistics.
    pub observed: Vec<u8>,
    /// Disabled, quantizing, clipping, calibrating, dynamic.
    pub switches: [bool; 5],
    /// The clip range; NaN if there is none.
    pub clip_range: [u32; 2],
    /// amax, the amax in use, the step size, the scale, the pre-quantization scale.
    pub numbers: [Option<ArrayD<f32>>; 5],
    /// The amax for export to a file.
    pub exported: Outcome<ArrayD<f32>>,
}

/// Clipped values, the gradient of x, and the gradients of the ends.
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

/// The operations on objects other than tensors and models.
pub trait Objects {
    fn weights(
        weights: &ArrayD<f32>,
        axis: Option<usize>,
        method: Method,
    ) -> Outcome<(ArrayD<f32>, Vec<i8>, ArrayD<f32>)>;
    fn clip(x: &ArrayD<f32>, gradient: &ArrayD<f32>, min: f32, max: f32) -> Outcome<Clipped>;
    /// Scales the gradient of the step for as many values as x has.
    fn learned_step<T: Golden>(
        x: &ArrayD<T>,
        gradient: &ArrayD<T>,
        step: &ArrayD<f32>,
        descriptor: &QuantDescriptor,
    ) -> Outcome<Stepped<T>>;
    /// Lists the learning rates of all steps and of one more, for the recommended schedule and for the
    /// schedule with the same numbers.
    fn schedule(original_steps: u64, rate: f64) -> Outcome<[Vec<f64>; 2]>;
    fn multiply(x: &ArrayD<f32>, factors: &ArrayD<f32>) -> Outcome<ArrayD<f32>>;
    fn quantizer(
        batches: &[ArrayD<f32>],
        descriptor: &QuantDescriptor,
        method: Method,
        is_strict: bool,
    ) -> Outcome<Calibrated>;
    /// Runs `x` through a new quantizer, and the gradient 1 backwards.
    fn switched(x: &ArrayD<f32>, descriptor: &QuantDescriptor, setting: &Setting) -> Outcome<Switched>;
    /// Returns the ranges in the text of a cache, and its findings.
    fn cache(text: &str, version: u32, activations: &[&str]) -> Outcome<(String, Vec<Finding>)>;
    /// Returns the plan of a convolution with a residual. `excluded` names an operator that stays in float.
    fn plan(excluded: Option<&str>) -> Outcome<String>;
}

/// The action of a source of batches at one of its calls, instead of returning a batch.
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
    /// The index of the call, from 0, and its fault.
    pub fault: Option<(usize, Fault)>,
}

/// The result of a calibration by a script: its outcome, the number of requested batches, and the reports.
pub struct Watched {
    pub stats: Outcome<Vec<u8>>,
    pub asked: usize,
    /// Batches done, samples done, and the number of all batches if it is known.
    pub reports: Vec<(u64, u64, Option<u64>)>,
}

/// The result of raising the opset of a model.
#[derive(Debug, PartialEq)]
pub struct Raised {
    pub from: i64,
    pub to: i64,
    pub converted: Vec<String>,
    pub model: Vec<u8>,
}

/// Tensors by name.
pub type Named = Vec<(String, ArrayD<f32>)>;

/// The results of one run of a model.
#[derive(Debug, PartialEq)]
pub struct Ran {
    pub runtime: String,
    pub outputs: Named,
    pub tapped: Named,
}

/// The operations while a model runs.
pub trait Runs {
    /// Calibrates the digits model. After `stop_after` batches the progress callback stops it.
    fn calibrate(script: Script, stop_after: Option<u64>) -> Watched;
    /// Calibrates on endless batches until another thread stops it, after three batches were `given`.
    fn endless(given: &AtomicUsize) -> Outcome<()>;
    fn raise_opset(model: &Path, to: i64) -> Outcome<Raised>;
    /// Returns the log messages up to a level (0 for warnings, 1 for information, 2 for all) of the choice of
    /// a runtime.
    fn log(level: i32) -> Vec<(i32, String)>;
    /// Runs the digits model by itself, in ONNX Runtime if its library is given.
    fn session(taps: &[&str], images: &ArrayD<f32>, onnxruntime: Option<&Path>) -> Outcome<Ran>;
    /// Returns path and version of the library of ONNX Runtime at a place.
    fn onnxruntime(place: &Path) -> Outcome<(String, String)>;
}

/// Maxima of some batches: their file, and the maxima of every batch.
#[derive(Debug, PartialEq)]
pub struct Maxima {
    pub file: Vec<u8>,
    pub history: Vec<ArrayD<f32>>,
}

/// Type, shape and bytes of a tensor.
pub type Elements = (String, Vec<usize>, Vec<u8>);

/// The operations that read data, and that write data to read it again.
pub trait Readings {
    /// Observes maxima of batches along axes. The maxima go through a file before the last batch.
    fn maxima(batches: &[ArrayD<f32>], axes: &[i32]) -> Outcome<Maxima>;
    /// Reads maxima from a file and returns their file again.
    fn load_maxima(file: &[u8]) -> Outcome<Vec<u8>>;
    /// Observes every batch in a quantizer of its own, merges them through files, and returns the file of all
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
    /// Returns the number of values below the histogram's window, of values between edges, and the largest
    /// magnitude.
    fn histogram_ends(values: &ArrayD<f32>) -> (u64, u64, Option<f32>);
    /// Returns all facts about a graph and the inputs of a model, as lines.
    fn graph(model: &Path) -> Outcome<Vec<String>>;
    /// Returns the same for the graph of a node with every kind of attribute and a capture, and for inputs
    /// with named dimensions.
    fn described() -> Outcome<Vec<String>>;
    /// Lists the files that saving a model writes.
    fn save(model: &Path, to: &Path, max_file: u32, min_external: usize) -> Outcome<Vec<String>>;
    /// Reads an array from a file.
    fn read_npy(path: &Path) -> Outcome<Elements>;
    /// Reads a constant of a model.
    fn constant(model: &Path, name: &str) -> Outcome<Option<Elements>>;
    /// Returns the metadata of a model for a key, before and after setting it.
    fn metadata(model: &Path, key: &str, value: &str) -> Outcome<(Option<String>, Option<String>)>;
}

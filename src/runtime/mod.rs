//! Runtimes that run a model and pass its activations to a tap while it runs.
//!
//! | | embedded (rten) | ONNX Runtime |
//! |---|---|---|
//! | needs | nothing | its library, found when a runtime is opened |
//! | operators | most of ONNX | all of ONNX and Microsoft's own |
//! | 16-bit floats | computed in f32 | computed as ONNX Runtime sees fit |
//! | time with every activation observed | 62 ms | 51 ms |
//! | peak memory, batch of 1 and of 8 | 117 and 207 MiB | 153 and 315 MiB |
//!
//! The times are for one ResNet-50 image on one thread with AVX-512. Both runtimes give the same largest
//! absolute value of every activation, within 3e-6 relative.

mod check;
mod constants;
#[cfg_attr(not(feature = "embedded-runtime"), path = "embedded/absent.rs")]
mod embedded;
mod guard;
mod indices;
#[cfg_attr(not(feature = "onnxruntime"), path = "onnxruntime/absent.rs")]
mod onnxruntime;
mod subgraphs;
mod unknown;
mod widened;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

pub use constants::{
    Dependence, MOST_CONSTANT_BYTES, MOST_CONSTANT_BYTES_TOGETHER, MOST_TIMES_STORED, computed_constants,
    constant_value, dependences, each_constant, map_constants, take_branches, why_not,
};
pub use onnxruntime::{find_onnxruntime, onnxruntime_version};
pub use subgraphs::flatten_subgraphs;
pub use unknown::Unknown;
use widened::{Declared, Widened};

use crate::batch::Batch;
use crate::dtype::DataType;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Graph, Node, TensorId};
use crate::onnx::{Model, Network, Rounding};
use crate::tensor::{Tensor, TensorView};

/// Receives each tapped tensor as soon as it is computed. The runtime calls it from its own threads.
pub trait Tap: Send + Sync {
    /// Receives the value of one tensor.
    ///
    /// `index` is the position of the tensor in the list of taps given to [`open`]. An error stops the run,
    /// and [`Runtime::run`] returns it.
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()>;
}

/// A model that is ready to run. It may move between threads. It runs one batch at a time.
pub trait Runtime: Send {
    /// Runs one batch and returns the model's outputs in order.
    ///
    /// Calls the tap once for every tapped tensor that the run computes.
    ///
    /// # Errors
    /// `InvalidArgument`, `Type` or `Shape` if the batch does not fit the model's inputs; `Data` if the batch
    /// has indices beyond the model's tables; the error of the tap; `Runtime` if the runtime failed.
    fn run(&mut self, batch: &Batch) -> Result<Vec<Tensor>>;

    /// Returns the runtime's name and version, for messages.
    fn describe(&self) -> String;
}

/// The choice of the runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RuntimeKind {
    /// The runtime inside qdq.
    #[default]
    Embedded,
    /// ONNX Runtime, opened at run time.
    OnnxRuntime,
    /// ONNX Runtime if it is found, else the embedded runtime.
    Auto,
}

impl RuntimeKind {
    const NAMES: [(&'static str, Self); 3] =
        [("embedded", Self::Embedded), ("onnxruntime", Self::OnnxRuntime), ("auto", Self::Auto)];
}

impl FromStr for RuntimeKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::NAMES.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, kind)| kind).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, format!("there is no runtime '{name}'"))
                .with_remedy("use embedded, onnxruntime or auto")
        })
    }
}

impl fmt::Display for RuntimeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::NAMES.into_iter().find(|(_, kind)| kind == self);
        f.write_str(found.map_or("", |(name, _)| name))
    }
}

/// The settings for opening a runtime.
#[derive(Clone, Debug, Default)]
pub struct RuntimeOptions {
    /// The choice of the runtime.
    pub kind: RuntimeKind,
    /// The ONNX Runtime library or its folder. `None`: search for it ([`find_onnxruntime`]).
    pub onnxruntime: Option<PathBuf>,
    /// The number of threads that compute. `None`: as many as there are physical cores.
    pub threads: Option<usize>,
}

impl RuntimeOptions {
    /// Checks that a runtime can work with these settings.
    ///
    /// # Errors
    /// `InvalidArgument` if the number of threads is 0 or larger than the core count of any machine.
    pub fn check(&self) -> Result<()> {
        match self.threads {
            Some(0) => Err(Error::new(ErrorKind::InvalidArgument, "a runtime cannot run on 0 threads")
                .with_remedy("give 1 or more")),
            Some(threads) if threads > MOST_THREADS => {
                Err(Error::new(ErrorKind::InvalidArgument, format!("a runtime on {threads} threads"))
                    .with_remedy(format!("give at most {MOST_THREADS}")))
            }
            _ => Ok(()),
        }
    }

    /// Returns these settings with [`RuntimeKind::Auto`] replaced by the runtime that it selects.
    ///
    /// Several models can then run in the same runtime, and the choice is logged once.
    ///
    /// # Errors
    /// `Runtime` if ONNX Runtime cannot be used and the user named its path or this build has no embedded
    /// runtime.
    pub fn settled(&self) -> Result<Self> {
        if self.kind != RuntimeKind::Auto {
            return Ok(self.clone());
        }
        let kind = if has_onnxruntime(self)? { RuntimeKind::OnnxRuntime } else { RuntimeKind::Embedded };
        Ok(Self { kind, ..self.clone() })
    }
}

/// The lowest opset whose operator definitions the embedded runtime follows.
const EMBEDDED_OPSET: i64 = 13;

/// Whether the embedded runtime is part of this build (feature `embedded-runtime`).
pub const HAS_EMBEDDED: bool = cfg!(feature = "embedded-runtime");

/// More threads than any machine has cores.
const MOST_THREADS: usize = 1024;

/// Makes `model` ready to run.
///
/// During a run, `tap` receives each tensor named in `taps` if its elements are floating-point numbers: f32,
/// f16, bf16 or f64. Inputs, activations and outputs can be tapped. Constants are not passed to the tap.
///
/// Tensors inside subgraphs arrive in another form:
///
/// - A tensor inside an If has no elements if its branch is not taken.
/// - A tensor in the body of a Loop or Scan arrives once for all rounds. The rounds are the first axis, or
///   one axis holds the elements of all rounds.
///
/// The embedded runtime runs a copy of an older model, raised to opset 13. The names of tensors stay. Of a
/// model with f16 or bf16 it runs the f32 twin ([`Model::widened`]): taps receive f32, and outputs are
/// rounded to their type. So does ONNX Runtime for a model with bf16, for which its CPU lacks most operators.
/// Of a model with e4m3 or integers of 4 or 16 bits the embedded runtime runs the twin in other types with
/// the same values ([`Model::in_plain_types`]).
///
/// Floating-point inputs of another type are rounded to the type that the model declares.
///
/// # Errors
/// `InvalidArgument` if a tap names no tensor of the model or is named twice; `Format` if a stored tensor
/// does not fit its shape; `Unsupported` if the embedded runtime or every runtime ([`Unknown`]) is unable to
/// run the model; `Runtime` if ONNX Runtime is not found or refuses the model.
pub fn open(
    model: &Model,
    taps: &[String],
    tap: Arc<dyn Tap>,
    options: &RuntimeOptions,
) -> Result<Box<dyn Runtime>> {
    open_with(model, taps, tap, options, Rounding::Off)
}

/// Opens a runtime as [`open`] does, with [`Rounding::On`] so that 16-bit tensors hold what their type does.
///
/// Both runtimes then run the f32 twin with explicit Casts ([`Model::widened`]), and taps receive f32. Each
/// operator computes in f32 and its result is rounded. ONNX Runtime on a CPU otherwise leaves out such Casts
/// between its operators, so that its f16 tensors neither round nor overflow.
///
/// # Errors
/// Those of [`open`].
pub fn open_with(
    model: &Model,
    taps: &[String],
    tap: Arc<dyn Tap>,
    options: &RuntimeOptions,
    rounding: Rounding,
) -> Result<Box<dyn Runtime>> {
    options.check()?;
    model.check_stored()?;
    let RuntimeOptions { kind, onnxruntime, threads } = options.settled()?;
    let mut model = runnable(model, kind)?;
    // A prepared model has its branches taken too, so the names of a plan find their tensors here.
    if !model.is_flat() {
        model = Cow::Owned(take_branches(model.into_owned())?.model);
    }
    let mut names = subgraphs::brought_up(model.to_mut(), taps)?;
    let declared = Declared { inputs: model.inputs(), outputs: model.outputs() };
    let is_embedded = kind != RuntimeKind::OnnxRuntime;
    let must_widen = (is_embedded || rounding == Rounding::On) && model.has_halves();
    // ONNX Runtime's CPU has hardly an operator in bf16, but takes the bits of bf16 numbers.
    let may_widen = must_widen || model.has_numbers(|dtype| dtype == DataType::Bf16);
    let mut is_widened = match may_widen.then(|| model.widened(rounding)) {
        Some(Ok(twin)) => {
            model = Cow::Owned(twin.into_owned());
            true
        }
        Some(Err(error)) if must_widen => return Err(error),
        _ => false,
    };
    if is_embedded {
        // The scales of Microsoft's pairs may have been f16 until here.
        model.to_mut().use_standard_pairs();
        let plain = model.in_plain_types().map_err(|error| error.with_remedy(USE_ONNXRUNTIME))?;
        if let Cow::Owned(plain) = plain {
            // In the twin they would look like floating-point numbers of the model.
            let graph = model.graph()?;
            let is_e4m3 = |id: TensorId| graph.tensor(id).dtype == Some(DataType::F8E4M3);
            names.retain(|(_, name)| !graph.find(name).is_some_and(is_e4m3));
            is_widened = true;
            model = Cow::Owned(plain);
        }
        model.to_mut().define_nested_quantize();
        model.to_mut().round_nested_casts()?;
    }
    let mut network = Network::of(model.into_owned())?;
    let mut taps = numbered(&network.graph, &names)?;
    // With taps, the embedded runtime runs the model unoptimised. Without taps, rten computes the constants
    // once itself, except for those that it cannot compute.
    if is_embedded
        && (!taps.is_empty()
            || network.graph.nodes.iter().any(|node| dequantizes_unusually(&network.graph, node)))
        && let Some(stored) = constants::store(&network, &taps)?
    {
        network = Network::of(stored)?;
        taps = numbered(&network.graph, &names)?;
    }
    let opened: Result<Box<dyn Runtime>> = if kind == RuntimeKind::OnnxRuntime {
        let library = find_onnxruntime(onnxruntime.as_deref())?;
        // ort panics if ONNX Runtime derives an invalid shape.
        let open = || onnxruntime::OnnxRuntime::open(&library, &network, &taps, tap, threads);
        guard::guarded("opening the model in ONNX Runtime", open)?.map(|runtime| Box::new(runtime) as _)
    } else {
        embedded::Embedded::open(&network, taps, tap, threads).map(|runtime| Box::new(runtime) as _)
    };
    let opened = opened.map_err(|error| unknown::explained(&network.model, error))?;
    Ok(if is_widened { Box::new(Widened::new(opened, declared)) } else { opened })
}

/// The remedy if the embedded runtime cannot run the model.
const USE_ONNXRUNTIME: &str = "run it in ONNX Runtime, whose library comes with its releases and with the \
                                          Python package onnxruntime; give its path or set QDQ_ONNXRUNTIME where it \
                                          is not found";

/// The remedy if a runtime fails on a model that it accepted.
const CHECK_OR_OTHER: &str = "check the model with onnx.checker, or run it in the other runtime";

/// Returns the model in the form that a runtime of this kind runs. The names of tensors stay.
///
/// The embedded runtime computes each operator as opset 13 or later defines it and ignores the model's opset.
/// An older model would run but give other results, so this function raises its opset.
fn runnable(model: &Model, kind: RuntimeKind) -> Result<Cow<'_, Model>> {
    let mut model = model.for_run()?;
    model.to_mut().make_dense()?;
    model.to_mut().inline_functions()?;
    if kind == RuntimeKind::OnnxRuntime {
        return Ok(model);
    }
    if model.opset() < EMBEDDED_OPSET {
        model.to_mut().raise_opset(EMBEDDED_OPSET).map_err(|error| {
            let remedy = format!("{}, or {}", error.remedy().unwrap_or_default(), USE_ONNXRUNTIME);
            let message = format!("the embedded runtime runs models from opset {EMBEDDED_OPSET} on");
            Error::new(error.kind(), message).with_remedy(remedy).with_source(error)
        })?;
    }
    Ok(model)
}

/// Returns whether [`RuntimeKind::Auto`] selects ONNX Runtime.
///
/// A failure to open the library is an error if the user named it or this build has no embedded runtime.
/// Otherwise it only selects the embedded runtime.
fn has_onnxruntime(options: &RuntimeOptions) -> Result<bool> {
    let explicit = options.onnxruntime.as_deref();
    let found = find_onnxruntime(explicit).and_then(|path| {
        let (_, version) = onnxruntime::environment(&path)?;
        Ok((path, version))
    });
    match found {
        Ok((path, version)) => {
            tracing::info!("running the model in ONNX Runtime {version} ({})", path.display());
            Ok(true)
        }
        Err(error) if onnxruntime::is_asked_for(explicit) || !HAS_EMBEDDED => Err(error),
        Err(error) => {
            tracing::info!("running the model in the embedded runtime: {}", error.message());
            Ok(false)
        }
    }
}

/// Whether a node dequantizes in a form that rten does not have: in blocks, from e4m3, which lies in f32, or
/// to a type that it names.
fn dequantizes_unusually(graph: &Graph, node: &Node) -> bool {
    let is_float = node.input(0).is_some_and(|x| graph.tensor(x).dtype == Some(DataType::F32));
    let has = |attribute: &str| node.int(attribute, 0) != 0;
    node.is("DequantizeLinear") && (is_float || has("block_size") || has("output_dtype"))
}

/// Returns the tapped tensors with their positions in the list of taps.
fn numbered(graph: &Graph, taps: &[(usize, String)]) -> Result<BTreeMap<TensorId, usize>> {
    let mut numbered = BTreeMap::new();
    for (index, name) in taps {
        let wrong = |what: &str| Error::new(ErrorKind::InvalidArgument, format!("tap '{name}' {what}"));
        let tensor = graph.find(name).ok_or_else(|| wrong("is no tensor of the model's main graph"))?;
        if numbered.insert(tensor, *index).is_some() {
            return Err(wrong("is listed twice"));
        }
    }
    Ok(numbered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_runtimes_go_both_ways() {
        for kind in [RuntimeKind::Embedded, RuntimeKind::OnnxRuntime, RuntimeKind::Auto] {
            assert_eq!(kind.to_string().parse::<RuntimeKind>().unwrap(), kind);
        }
        assert_eq!(
            "tensorrt".parse::<RuntimeKind>().unwrap_err().to_string(),
            "there is no runtime 'tensorrt'; use embedded, onnxruntime or auto"
        );
    }
}

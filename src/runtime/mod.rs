//! Runtimes that run a model and hand over activations while it runs.
//!
//! | | embedded (rten) | ONNX Runtime |
//! |---|---|---|
//! | needs | nothing | its library, found when a runtime is opened |
//! | operators | most of ONNX; no 16-bit floats | all of ONNX and Microsoft's own |
//! | time with every activation observed | 62 ms | 51 ms |
//! | peak memory, batch of 1 and of 8 | 117 and 207 MiB | 153 and 315 MiB |
//!
//! Time is for one image through ResNet-50 on one thread with AVX-512. Both runtimes give the same largest
//! absolute value of every activation within 3e-6 relative.

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
pub use subgraphs::lay_flat;
pub use unknown::Unknown;

use crate::batch::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Graph, TensorId};
use crate::onnx::Model;
use crate::tensor::{Tensor, TensorView};

/// Receives each tapped tensor as soon as it is computed. Called from the runtime's threads.
pub trait Tap: Send + Sync {
    /// `index` is the position of the tensor in the list of taps that the runtime was opened with. An error
    /// stops the run and comes out of it.
    fn observe(&self, index: usize, value: TensorView<'_>) -> Result<()>;
}

/// A model made ready to run. It may wander between threads and runs one batch at a time.
pub trait Runtime: Send {
    /// Runs one batch, calls the tap once for every tapped tensor that the run computes, and returns the
    /// model's outputs in order.
    ///
    /// # Errors
    /// `InvalidArgument`, `Type` or `Shape` where the batch does not fit the model's inputs, `Data` where it
    /// has indices beyond the tables of the model, what the tap returned, `Runtime` where the runtime failed.
    fn run(&mut self, batch: &Batch) -> Result<Vec<Tensor>>;

    /// The runtime's name and version, for messages.
    fn describe(&self) -> String;
}

/// Which runtime to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RuntimeKind {
    /// The one inside qdq.
    #[default]
    Embedded,
    /// ONNX Runtime, opened at run time.
    OnnxRuntime,
    /// ONNX Runtime where it is found, else the embedded runtime.
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

/// How to open a runtime.
#[derive(Clone, Debug, Default)]
pub struct RuntimeOptions {
    /// Which runtime.
    pub kind: RuntimeKind,
    /// ONNX Runtime's library, or the folder it lies in; `None` to look for it ([`find_onnxruntime`]).
    pub onnxruntime: Option<PathBuf>,
    /// How many threads compute; `None` for as many as there are physical cores.
    pub threads: Option<usize>,
}

impl RuntimeOptions {
    /// Refuses what no runtime can do.
    ///
    /// # Errors
    /// `InvalidArgument` for 0 threads and for more than any machine has cores.
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

    /// The same with [`RuntimeKind::Auto`] settled, so that several models run in one runtime and the choice
    /// is reported once.
    ///
    /// # Errors
    /// `Runtime` where ONNX Runtime was asked for by a path and cannot be used.
    pub fn settled(&self) -> Result<Self> {
        if self.kind != RuntimeKind::Auto {
            return Ok(self.clone());
        }
        let kind = if has_onnxruntime(self)? { RuntimeKind::OnnxRuntime } else { RuntimeKind::Embedded };
        Ok(Self { kind, ..self.clone() })
    }
}

/// The opset from which the embedded runtime's operators mean what ONNX says.
const EMBEDDED_OPSET: i64 = 13;

/// More than any machine has cores.
const MOST_THREADS: usize = 1024;

/// Makes `model` ready to run. While it runs, `tap` receives each tensor named in `taps` whose elements are
/// floating-point numbers, as f32, f16, bf16 or f64. Inputs, activations and outputs can be tapped; constants
/// are not handed over. What lies inside an If is handed over without elements where its branch is not taken,
/// and what lies in the body of a Loop or Scan once for all rounds, which are the first axis, or the elements
/// of all rounds in one axis.
///
/// The embedded runtime runs a copy of an older model that is raised to opset 13; names of tensors stay.
///
/// # Errors
/// `InvalidArgument` where a tap names no tensor of the model or is named twice, `Format` where a stored
/// tensor does not fit its shape, `Unsupported` where the embedded runtime cannot run the model or no runtime
/// can ([`Unknown`]), `Runtime` where ONNX Runtime is not found or refuses it.
pub fn open(
    model: &Model,
    taps: &[String],
    tap: Arc<dyn Tap>,
    options: &RuntimeOptions,
) -> Result<Box<dyn Runtime>> {
    options.check()?;
    model.check_stored()?;
    let RuntimeOptions { kind, onnxruntime, threads } = options.settled()?;
    let mut model = runnable(model, kind)?;
    // As in a model that is prepared, so that its tensors are found by the names that a plan has.
    if !model.is_flat() {
        take_branches(model.to_mut())?;
    }
    let names = subgraphs::brought_up(model.to_mut(), taps)?;
    if kind != RuntimeKind::OnnxRuntime {
        model.to_mut().define_nested_quantize();
    }
    let (mut graph, index) = model.graph_with_index()?;
    let mut taps = numbered(&graph, &names)?;
    // With taps the embedded runtime runs the model as it stands; without, rten computes constants once
    // itself.
    if kind != RuntimeKind::OnnxRuntime
        && !taps.is_empty()
        && let Some(stored) = constants::store(&model, &graph, &index, &taps)?
    {
        graph = stored.graph()?;
        taps = numbered(&graph, &names)?;
        model = Cow::Owned(stored);
    }
    let opened: Result<Box<dyn Runtime>> = if kind == RuntimeKind::OnnxRuntime {
        let library = find_onnxruntime(onnxruntime.as_deref())?;
        // ort panics where ONNX Runtime derives shapes that are none.
        let open = || onnxruntime::OnnxRuntime::open(&library, &model, &taps, tap, threads);
        guard::guarded("opening the model in ONNX Runtime", open)?.map(|runtime| Box::new(runtime) as _)
    } else {
        embedded::Embedded::open(&model, graph, taps, tap, threads).map(|runtime| Box::new(runtime) as _)
    };
    opened.map_err(|error| unknown::explained(&model, error))
}

/// What to do where the embedded runtime cannot help.
const USE_ONNXRUNTIME: &str = "run it in ONNX Runtime, whose library comes with its releases and with the \
                                          Python package onnxruntime; give its path or set QDQ_ONNXRUNTIME where it \
                                          is not found";

/// What to do where a runtime fails on a model that it took.
const CHECK_OR_OTHER: &str = "check the model with onnx.checker, or run it in the other runtime";

/// The model as a runtime of this kind runs it. Names of tensors stay.
///
/// The embedded runtime knows each operator as opset 13 or a later one defines it, whatever the model says:
/// an older model would run and compute something else.
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
    model.to_mut().use_standard_pairs();
    Ok(model)
}

/// Whether [`RuntimeKind::Auto`] is ONNX Runtime. One that was asked for must work; otherwise its absence is
/// no error.
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
        Err(error) if onnxruntime::is_asked_for(explicit) => Err(error),
        Err(error) => {
            tracing::info!("running the model in the embedded runtime: {}", error.message());
            Ok(false)
        }
    }
}

/// The tapped tensors with their positions in the list.
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

//! The kernels of a TensorRT engine and the bytes of activations that they read and write.
//!
//! Bytes are not time. The figures compare two engines of one network, such as FP16 beside INT8, on a machine
//! without a GPU. The sources are the plan inside an engine of TensorRT-RTX ([`read`]) and the text of
//! TensorRT's IEngineInspector ([`from_layers`]).
//!
//! Constants and tensors of fewer than 256 elements are left out: scales, shapes, biases. A size that is
//! decided at run time counts as 1. A kernel in a loop or a branch counts once.

mod container;
mod element;
mod layers;
mod plan;
mod syntax;
mod table;

pub use element::Element;
pub use layers::from_layers;
pub use table::Beside;

use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::file::explained;
use crate::finding::{Finding, log_all};

/// The fewest elements of a tensor that counts.
const LEAST_ELEMENTS: u64 = 256;

/// An activation that a kernel reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    /// The type of its elements.
    pub element: &'static Element,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A kernel of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The name, as TensorRT gives it.
    pub name: String,
    /// The kind, as TensorRT calls it, such as `corrltn` or `CaskConvolution`.
    pub kind: String,
    /// The nodes of the ONNX model that it computes; empty if the engine does not name them.
    pub layers: Vec<String>,
    /// The activations that it reads. One that it reads twice is in the list twice.
    pub reads: Vec<Operand>,
    /// The activations that it writes.
    pub writes: Vec<Operand>,
}

/// The bytes of one element type that all kernels together move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The element type.
    pub element: &'static Element,
    /// The bytes that kernels read.
    pub read: u64,
    /// The bytes that kernels write.
    pub written: u64,
}

/// The kernels of an engine.
#[derive(Clone, Debug)]
pub struct EngineCost {
    /// The program that built the engine, such as `TensorRT-RTX 1.7.1`.
    pub builder: String,
    /// Whether qdq can read the plan of this builder. If not, there are no kernels.
    pub is_known: bool,
    /// The kernels in the order of the plan.
    pub kernels: Vec<Kernel>,
    /// Findings about the figures.
    pub findings: Vec<Finding>,
}

/// Returns whether [`read`] knows the plan in these bytes of an engine.
///
/// # Errors
/// `Format` if the bytes are no engine.
pub fn is_readable(engine: &[u8]) -> Result<bool> {
    Ok(container::version(engine)?.is_known())
}

/// Reads the kernels of an engine from its bytes. The plan is undocumented, so qdq reads it only in engines
/// of the versions that it was tested with: TensorRT-RTX 1.4 to 1.7. The engine of any other version gives a
/// finding and no kernels.
///
/// # Errors
/// `Format` if the bytes are no engine, or if the plan is damaged.
pub fn read(engine: &[u8]) -> Result<EngineCost> {
    let version = container::version(engine)?;
    let builder = version.to_string();
    let plan = if version.is_known() { plan::read(container::plan(engine)?)? } else { None };
    let is_known = plan.is_some();
    let (kernels, findings) = plan.unwrap_or_else(|| (Vec::new(), vec![unknown(&builder)]));
    log_all(&findings);
    Ok(EngineCost { builder, is_known, kernels, findings })
}

/// Reads the kernels of an engine from its file.
///
/// # Errors
/// `Io` if the file cannot be read; those of [`read`].
pub fn load(path: &Path) -> Result<EngineCost> {
    load_with(path, read)
}

/// Reads the kernels of an engine from its file, by a function that reads its bytes.
///
/// # Errors
/// `Io` if the file cannot be read; those of `read`.
pub fn load_with(path: &Path, read: impl FnOnce(&[u8]) -> Result<EngineCost>) -> Result<EngineCost> {
    let bytes = std::fs::read(path).map_err(|source| Error::io("read", path, source))?;
    read(&bytes).map_err(|error| explained(path, error.within(path.display())))
}

impl EngineCost {
    /// Returns the bytes that the kernels read and write, by element type, in the order of [`Element::ALL`].
    pub fn moved(&self) -> Vec<Moved> {
        let sum = |operands: fn(&Kernel) -> &[Operand], element: &Element| {
            let all = self.kernels.iter().flat_map(operands);
            bytes(all.filter(|one| one.element == element))
        };
        let all = Element::ALL.iter().map(|element| Moved {
            element,
            read: sum(|kernel| &kernel.reads, element),
            written: sum(|kernel| &kernel.writes, element),
        });
        all.filter(|moved| moved.total() > 0).collect()
    }

    /// Returns all bytes that the kernels read and write.
    pub fn total(&self) -> u64 {
        self.moved().iter().fold(0, |sum, moved| sum.saturating_add(moved.total()))
    }

    /// Returns whether a kernel reads or writes 8-bit integers.
    pub fn has_int8(&self) -> bool {
        self.moved().iter().any(|moved| moved.element.is_int8())
    }

    /// Compares the engine with `other`, an engine of the same network. Logs the findings.
    pub fn beside<'a>(&'a self, other: &'a Self) -> Beside<'a> {
        let compared = Beside::new(self, other);
        log_all(&compared.findings);
        compared
    }
}

impl Kernel {
    /// Returns the bytes of activations that it reads.
    pub fn bytes_read(&self) -> u64 {
        bytes(&self.reads)
    }

    /// Returns the bytes of activations that it writes.
    pub fn bytes_written(&self) -> u64 {
        bytes(&self.writes)
    }
}

fn bytes<'a>(operands: impl IntoIterator<Item = &'a Operand>) -> u64 {
    operands.into_iter().fold(0, |sum, one| sum.saturating_add(one.bytes))
}

impl Moved {
    /// Returns the bytes that kernels read and write.
    pub fn total(&self) -> u64 {
        self.read.saturating_add(self.written)
    }
}

/// Returns the finding about an engine whose plan qdq does not know.
fn unknown(builder: &str) -> Finding {
    Finding::note(format!(
        "the plan in an engine of {builder} is unknown, so its kernels and what they move are not shown"
    ))
    .with_remedy(format!(
        "engines of TensorRT-RTX {} can be read, and those of TensorRT by its IEngineInspector on the GPU",
        container::KNOWN
    ))
}

/// Returns the finding about types that are not in [`Element::ALL`].
fn unknown_types<Name: Into<String>>(types: impl IntoIterator<Item = Name>) -> Option<Finding> {
    let finding =
        Finding::warning("tensors of unknown element types are left out of the figures").about(types);
    (!finding.tensors.is_empty()).then_some(finding)
}

/// Returns the finding about sizes that are no numbers.
fn run_time_sizes() -> Finding {
    Finding::note("sizes that are decided at run time count as 1 in what the engine moves")
        .with_remedy("compare the figures only with those of engines of the same network")
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Format, format!("the engine's plan is damaged: {what}"))
        .with_remedy("build the engine again")
}

#[cfg(test)]
mod tests;

//! The kernels of engines as text and as JSON.

use std::fmt;

use serde_json::{Value, json};

use super::{Element, EngineCost, Kernel, Moved, Operand};
use crate::finding::{Finding, counted, listed};
use crate::report::table::{Align, Table};

/// The number of ONNX nodes that a line shows.
const SHOWN: usize = 3;

/// The kernels of an engine beside those of another engine of the same network.
#[derive(Clone, Debug)]
pub struct Beside<'a> {
    this: &'a EngineCost,
    other: &'a EngineCost,
    /// Findings of the comparison: whether an engine in INT8 moves more than the other one.
    pub findings: Vec<Finding>,
}

impl EngineCost {
    /// Returns one line for all kernels that read and write the same types, then the totals.
    pub fn summary(&self) -> String {
        let mut table = Table::new(&[
            ("reads", Align::Left),
            ("writes", Align::Left),
            ("kernels", Align::Right),
            ("KiB read", Align::Right),
            ("KiB written", Align::Right),
        ]);
        let mut groups: Vec<((String, String), [u64; 3])> = Vec::new();
        for kernel in &self.kernels {
            let key = (types(&kernel.reads), types(&kernel.writes));
            let position = groups.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
                groups.push((key, [0; 3]));
                groups.len() - 1
            });
            let [kernels, read, written] = &mut groups[position].1;
            *kernels += 1;
            *read = read.saturating_add(kernel.bytes_read());
            *written = written.saturating_add(kernel.bytes_written());
        }
        for ((reads, writes), [kernels, read, written]) in groups {
            table.row([reads, writes, kernels.to_string(), kib(read), kib(written)]);
        }
        self.whole(&table)
    }

    /// Returns one line per kernel, then the totals.
    pub fn text(&self) -> String {
        let columns = ["kernel", "reads", "writes", "KiB", "computes"];
        let align = |title| (title, if title == "KiB" { Align::Right } else { Align::Left });
        let mut table = Table::new(&columns.map(align));
        for kernel in &self.kernels {
            let moved = kib(kernel.bytes_read().saturating_add(kernel.bytes_written()));
            let computes =
                if kernel.layers.is_empty() { &kernel.name } else { &listed(&kernel.layers, SHOWN) };
            table.row([&kernel.kind, &types(&kernel.reads), &types(&kernel.writes), &moved, computes]);
        }
        self.whole(&table)
    }

    fn whole(&self, table: &Table) -> String {
        if !self.is_known {
            return format!("{}: the plan is unknown\n", self.builder);
        }
        let by_type: Vec<String> = self
            .moved()
            .iter()
            .map(|moved| format!("{} {}", moved.element.name, kib(moved.total())))
            .collect();
        let by_type = if by_type.is_empty() { String::new() } else { format!(": {}", by_type.join(", ")) };
        let kernels = counted(self.kernels.len(), "kernel");
        format!("{table}\n{kernels} of {} move {} KiB{by_type}\n", self.builder, kib(self.total()))
    }

    /// Returns the kernels as JSON, for programs.
    ///
    /// - `builder` names the program that built the engine, and `known` tells whether qdq can read its plan.
    ///   If not, the members below are `null`.
    /// - `bytes` are the bytes that kernels read and write.
    /// - `moved` has `type`, `read` and `written` in bytes.
    /// - `kernels` have `name`, `kind`, `layers`, `reads` and `writes`. The last two are lists of `type` and
    ///   `bytes`.
    pub fn to_json(&self) -> Value {
        if !self.is_known {
            return json!({"builder": self.builder, "known": false, "bytes": null, "moved": null, "kernels": null});
        }
        let moved = |&Moved { element, read, written }: &Moved| json!({"type": element.name, "read": read, "written": written});
        json!({
            "builder": self.builder,
            "known": true,
            "bytes": self.total(),
            "moved": self.moved().iter().map(moved).collect::<Vec<_>>(),
            "kernels": self.kernels.iter().map(kernel_json).collect::<Vec<_>>(),
        })
    }
}

impl<'a> Beside<'a> {
    pub(super) fn new(this: &'a EngineCost, other: &'a EngineCost) -> Self {
        let mut compared = Self { this, other, findings: Vec::new() };
        if let Some(ratio) = compared.ratio().filter(|ratio| *ratio > 1.0 && this.has_int8()) {
            let message = format!(
                "the engine computes in INT8 and moves {ratio:.2} times the bytes of the engine that it is compared \
                 with ({} and {} KiB), so it may be slower",
                kib(this.total()),
                kib(other.total()),
            );
            let remedy = "keep in half precision what is not INT8, exclude the layers around which tensors are \
                converted, or deploy the other engine";
            compared.findings.push(Finding::warning(message).with_remedy(remedy));
        }
        compared
    }

    /// Returns the bytes of the engine divided by those of the other; `None` if one plan is unknown or the
    /// other engine moves nothing that counts.
    pub fn ratio(&self) -> Option<f64> {
        let is_known = self.this.is_known && self.other.is_known && self.other.total() > 0;
        is_known.then(|| self.this.total() as f64 / self.other.total() as f64)
    }

    /// Returns the comparison as JSON: `ratio`, which is `null` if there is none, and `other`, the other
    /// engine in the form of [`EngineCost::to_json`].
    pub fn to_json(&self) -> Value {
        json!({"ratio": self.ratio(), "other": self.other.to_json()})
    }
}

impl fmt::Display for Beside<'_> {
    /// Writes one line per element type, then the totals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = ["", "this engine", "the other", "ratio"];
        let align = |title: &'static str| (title, if title.is_empty() { Align::Left } else { Align::Right });
        let mut table = Table::new(&columns.map(align));
        let quotient = |this: u64, other: u64| match (this, other) {
            (_, 0) => "-".to_owned(),
            _ => format!("{:.2}", this as f64 / other as f64),
        };
        let (ours, theirs) = (self.this.moved(), self.other.moved());
        let of = |all: &[Moved], element: &Element| {
            all.iter().find(|moved| moved.element == element).map_or(0, Moved::total)
        };
        for element in Element::ALL {
            let (this, other) = (of(&ours, element), of(&theirs, element));
            if this > 0 || other > 0 {
                table.row([format!("KiB of {}", element.name), kib(this), kib(other), quotient(this, other)]);
            }
        }
        let (this, other) = (self.this.total(), self.other.total());
        table.row(["KiB".to_owned(), kib(this), kib(other), quotient(this, other)]);
        let (this, other) = (self.this.kernels.len() as u64, self.other.kernels.len() as u64);
        table.row(["kernels".to_owned(), this.to_string(), other.to_string(), quotient(this, other)]);
        match self.this.is_known && self.other.is_known {
            true => write!(f, "{table}"),
            false => writeln!(f, "the engines cannot be compared, because a plan is unknown"),
        }
    }
}

fn kernel_json(kernel: &Kernel) -> Value {
    let operand = |one: &Operand| json!({"type": one.element.name, "bytes": one.bytes});
    json!({
        "name": kernel.name,
        "kind": kernel.kind,
        "layers": kernel.layers,
        "reads": kernel.reads.iter().map(operand).collect::<Vec<_>>(),
        "writes": kernel.writes.iter().map(operand).collect::<Vec<_>>(),
    })
}

/// Returns the element types of operands, each once, in the order of [`Element::ALL`]; `-` if there are none.
fn types(operands: &[Operand]) -> String {
    let found = Element::ALL.iter().filter(|element| operands.iter().any(|one| one.element == *element));
    let names: Vec<&str> = found.map(|element| element.name).collect();
    if names.is_empty() { "-".to_owned() } else { names.join("+") }
}

fn kib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1024.0)
}

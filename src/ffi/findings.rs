//! `qdq_findings`: facts about a result that its user must know.

use std::ffi::{CString, c_char};

use crate::finding::{Finding, Severity};

use super::handle::{self, c_text, text_at};
use super::number_set::NumberSet;

/// Facts about a result that its user must know and that are no errors: parts that were left out, parts that
/// stay in float, parts that are not as they should be. Each finding was logged when the result was made.
/// Immutable; any number of threads may read them.
pub struct qdq_findings {
    findings: Vec<Texts>,
}

struct Texts {
    severity: Severity,
    message: CString,
    remedy: CString,
    tensors: Vec<CString>,
}

/// The severity of a finding: one of the QDQ_SEVERITY_ numbers.
pub type qdq_severity = i32;

/// Worth knowing. The result is as requested.
pub const QDQ_SEVERITY_NOTE: qdq_severity = 0;
/// The result can be used, but it is slower, less exact or less complete than it should be.
pub const QDQ_SEVERITY_WARNING: qdq_severity = 1;
/// The result is useless: TensorRT ignores it, fails, or computes wrong values.
pub const QDQ_SEVERITY_ERROR: qdq_severity = 2;

const SEVERITIES: NumberSet<Severity> = NumberSet::new(
    "severity",
    "QDQ_SEVERITY_",
    &[
        (QDQ_SEVERITY_NOTE, Severity::Note),
        (QDQ_SEVERITY_WARNING, Severity::Warning),
        (QDQ_SEVERITY_ERROR, Severity::Error),
    ],
);

impl qdq_findings {
    pub(super) fn new(findings: &[Finding]) -> Self {
        let texts = findings.iter().map(|finding| Texts {
            severity: finding.severity,
            message: c_text(&finding.message),
            remedy: c_text(&finding.remedy),
            tensors: finding.tensors.iter().map(|tensor| c_text(tensor)).collect(),
        });
        Self { findings: texts.collect() }
    }
}

fn at(findings: Option<&qdq_findings>, index: usize) -> Option<&Texts> {
    findings?.findings.get(index)
}

/// Frees `*findings` and sets it to NULL. Does nothing if `findings` or `*findings` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_findings_free(findings: Option<&mut *mut qdq_findings>) {
    handle::free(findings);
}

/// Returns the number of findings; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_findings_count(findings: Option<&qdq_findings>) -> usize {
    findings.map_or(0, |findings| findings.findings.len())
}

/// Returns the severity of finding `index`; QDQ_SEVERITY_NOTE past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_findings_severity(findings: Option<&qdq_findings>, index: usize) -> qdq_severity {
    let severity = at(findings, index).map(|finding| finding.severity);
    severity.and_then(|severity| SEVERITIES.number(severity)).unwrap_or(QDQ_SEVERITY_NOTE)
}

/// Returns the message of finding `index`; NULL past the last. The text is valid until the findings are
/// freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_findings_message(findings: Option<&qdq_findings>, index: usize) -> *const c_char {
    at(findings, index).map_or(std::ptr::null(), |finding| finding.message.as_ptr())
}

/// Returns the remedy of finding `index`, empty if there is nothing to do; NULL past the last. The text is
/// valid until the findings are freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_findings_remedy(findings: Option<&qdq_findings>, index: usize) -> *const c_char {
    at(findings, index).map_or(std::ptr::null(), |finding| finding.remedy.as_ptr())
}

/// Returns the number of tensors or files that finding `index` is about; 0 if it is about the whole result.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_findings_tensor_count(findings: Option<&qdq_findings>, index: usize) -> usize {
    at(findings, index).map_or(0, |finding| finding.tensors.len())
}

/// Returns the name of tensor or file `tensor` of finding `index`; NULL past the last. The text is valid
/// until the findings are freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_findings_tensor_at(
    findings: Option<&qdq_findings>,
    index: usize,
    tensor: usize,
) -> *const c_char {
    at(findings, index).map_or(std::ptr::null(), |finding| text_at(&finding.tensors, tensor))
}

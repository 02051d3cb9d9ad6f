//! `qdq_findings`: what a user must know of a result.

use std::ffi::{CString, c_char};

use crate::finding::{Finding, Severity};

use super::handle::{self, c_text, text_at};
use super::number_set::NumberSet;

/// What a user must know of a result that is no error: what was left out, stays in float, or is not as it
/// should be. Each was logged when the result was made. Immutable; any number of threads may read them.
pub struct qdq_findings {
    findings: Vec<Texts>,
}

struct Texts {
    severity: Severity,
    message: CString,
    remedy: CString,
    tensors: Vec<CString>,
}

/// How bad a finding is: one of the QDQ_SEVERITY_ numbers.
pub type qdq_severity = i32;

/// Worth knowing; the result is what was asked for.
pub const QDQ_SEVERITY_NOTE: qdq_severity = 0;
/// The result can be used, and is slower, less exact or less complete than it should be.
pub const QDQ_SEVERITY_WARNING: qdq_severity = 1;
/// The result is of no use: TensorRT ignores it, fails, or computes nonsense.
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

/// Frees `*findings` and sets it to NULL. NULL in either place is allowed and does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_findings_free(findings: Option<&mut *mut qdq_findings>) {
    handle::free(findings);
}

/// How many findings there are; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_findings_count(findings: Option<&qdq_findings>) -> usize {
    findings.map_or(0, |findings| findings.findings.len())
}

/// How bad finding `index` is; QDQ_SEVERITY_NOTE past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_findings_severity(findings: Option<&qdq_findings>, index: usize) -> qdq_severity {
    let severity = at(findings, index).map(|finding| finding.severity);
    severity.and_then(|severity| SEVERITIES.number(severity)).unwrap_or(QDQ_SEVERITY_NOTE)
}

/// What was found; NULL past the last. Valid until the findings are freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_findings_message(findings: Option<&qdq_findings>, index: usize) -> *const c_char {
    at(findings, index).map_or(std::ptr::null(), |finding| finding.message.as_ptr())
}

/// What to do about finding `index`, empty if there is nothing to do; NULL past the last. Valid until the
/// findings are freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_findings_remedy(findings: Option<&qdq_findings>, index: usize) -> *const c_char {
    at(findings, index).map_or(std::ptr::null(), |finding| finding.remedy.as_ptr())
}

/// How many tensors or files finding `index` is about; 0 if it is about the whole.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_findings_tensor_count(findings: Option<&qdq_findings>, index: usize) -> usize {
    at(findings, index).map_or(0, |finding| finding.tensors.len())
}

/// Tensor `tensor` of finding `index`; NULL past the last. Valid until the findings are freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_findings_tensor_at(
    findings: Option<&qdq_findings>,
    index: usize,
    tensor: usize,
) -> *const c_char {
    at(findings, index).map_or(std::ptr::null(), |finding| text_at(&finding.tensors, tensor))
}

//! Statuses: the kinds of errors as numbers that never change.

use std::ffi::{CStr, c_char};

use crate::error::ErrorKind;

use super::number_set::NumberSet;

/// The result of a function or a callback: QDQ_OK, or the kind of the error. The numbers never change their
/// meaning; new ones may be added.
pub type qdq_status = i32;

/// Success.
pub const QDQ_OK: qdq_status = 0;
/// An argument or option that cannot be used, including NULL and unknown numbers of a set.
pub const QDQ_ERROR_INVALID_ARGUMENT: qdq_status = 1;
/// The operating system refused to read or write something.
pub const QDQ_ERROR_IO: qdq_status = 2;
/// A file that is damaged or of another kind.
pub const QDQ_ERROR_FORMAT: qdq_status = 3;
/// Valid input that qdq cannot handle.
pub const QDQ_ERROR_UNSUPPORTED: qdq_status = 4;
/// Shapes that do not fit each other.
pub const QDQ_ERROR_SHAPE: qdq_status = 5;
/// An element type that does not fit.
pub const QDQ_ERROR_TYPE: qdq_status = 6;
/// Calibration data or statistics that allow no result.
pub const QDQ_ERROR_DATA: qdq_status = 7;
/// A runtime (embedded, ONNX Runtime) failed.
pub const QDQ_ERROR_RUNTIME: qdq_status = 8;
/// The caller stopped the run.
pub const QDQ_ERROR_CANCELLED: qdq_status = 9;
/// A defect in qdq itself.
pub const QDQ_ERROR_INTERNAL: qdq_status = 10;
/// A function of the caller failed: a callback threw an exception or returned a number that is no status.
pub const QDQ_ERROR_CALLBACK: qdq_status = 11;
/// TensorRT or CUDA failed, or refused its input.
pub const QDQ_ERROR_TENSORRT: qdq_status = 12;

/// The kinds of errors and a word for each.
const STATUSES: NumberSet<(ErrorKind, &CStr)> = NumberSet::new(
    "status",
    "QDQ_ERROR_",
    &[
        (QDQ_ERROR_INVALID_ARGUMENT, (ErrorKind::InvalidArgument, c"invalid argument")),
        (QDQ_ERROR_IO, (ErrorKind::Io, c"input or output failed")),
        (QDQ_ERROR_FORMAT, (ErrorKind::Format, c"damaged or wrong format")),
        (QDQ_ERROR_UNSUPPORTED, (ErrorKind::Unsupported, c"unsupported")),
        (QDQ_ERROR_SHAPE, (ErrorKind::Shape, c"wrong shape")),
        (QDQ_ERROR_TYPE, (ErrorKind::Type, c"wrong element type")),
        (QDQ_ERROR_DATA, (ErrorKind::Data, c"unusable data")),
        (QDQ_ERROR_RUNTIME, (ErrorKind::Runtime, c"a runtime failed")),
        (QDQ_ERROR_CANCELLED, (ErrorKind::Cancelled, c"cancelled")),
        (QDQ_ERROR_INTERNAL, (ErrorKind::Internal, c"a defect inside qdq")),
        (QDQ_ERROR_CALLBACK, (ErrorKind::Callback, c"a callback failed")),
        (QDQ_ERROR_TENSORRT, (ErrorKind::TensorRt, c"TensorRT failed")),
    ],
);

/// Returns a word for a status, such as "invalid argument"; "unknown" for a number that is no status. The
/// text is always valid.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_status_text(status: qdq_status) -> *const c_char {
    let text = match STATUSES.find(status) {
        Some((_, text)) => text,
        None if status == QDQ_OK => c"ok",
        None => c"unknown",
    };
    text.as_ptr()
}

/// Returns the number of a kind.
pub(super) fn status_of(kind: ErrorKind) -> qdq_status {
    STATUSES.number_where(|(known, _)| *known == kind).unwrap_or(QDQ_ERROR_INTERNAL)
}

/// Returns the kind with a number; `None` for QDQ_OK and for numbers that are no status.
pub(crate) fn kind_of(status: qdq_status) -> Option<ErrorKind> {
    STATUSES.find(status).map(|(kind, _)| kind)
}

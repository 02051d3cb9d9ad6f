//! `qdq_texts`: a list of texts that a function returns.

use std::ffi::{CString, c_char};

use super::handle::{self, text_at};

/// A list of texts that a function returns, in order: paths, names. Immutable; any number of threads may read
/// one.
pub struct qdq_texts {
    texts: Vec<CString>,
}

impl qdq_texts {
    pub(super) fn new(texts: Vec<CString>) -> Self {
        Self { texts }
    }
}

/// Frees `*texts` and sets it to NULL. Does nothing if `texts` or `*texts` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_texts_free(texts: Option<&mut *mut qdq_texts>) {
    handle::free(texts);
}

/// Returns the number of texts; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_texts_count(texts: Option<&qdq_texts>) -> usize {
    texts.map_or(0, |texts| texts.texts.len())
}

/// Returns text `index`; NULL past the last. The text is valid until the list is freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_texts_at(texts: Option<&qdq_texts>, index: usize) -> *const c_char {
    texts.map_or(std::ptr::null(), |texts| text_at(&texts.texts, index))
}

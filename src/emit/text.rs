//! Texts that an editor or a shell may have changed.

use crate::error::{Error, ErrorKind, Result};
use crate::file::check_is_not_empty;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Returns the text without the byte order mark that editors put before UTF-8, and whether it had one.
pub(super) fn without_mark(bytes: &[u8]) -> (&[u8], bool) {
    bytes.strip_prefix(BYTE_ORDER_MARK).map_or((bytes, false), |rest| (rest, true))
}

/// Refuses UTF-16 with a message of its own, because as UTF-8 it looks like damage.
///
/// # Errors
/// `Format` if a text begins with the byte order mark of UTF-16, or with an ASCII letter in UTF-16.
pub(super) fn refuse_utf16(bytes: &[u8], origin: &str) -> Result<()> {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [1..=127, 0, ..] | [0, 1..=127, ..] => {
            Err(Error::new(ErrorKind::Format, format!("{origin}: is a text in UTF-16"))
                .with_remedy("save it as UTF-8: Windows' PowerShell writes UTF-16 where `>` makes the file"))
        }
        _ => Ok(()),
    }
}

/// Refuses an empty text.
///
/// # Errors
/// `Format` if a text is empty or has only white space.
pub(super) fn refuse_empty(bytes: &[u8], origin: &str) -> Result<()> {
    check_is_not_empty(origin, without_mark(bytes).0.trim_ascii())
}

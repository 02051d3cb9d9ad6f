//! Texts that have been through an editor or a shell.

use crate::error::{Error, ErrorKind, Result};
use crate::file::check_is_not_empty;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The text without the byte order mark that editors put before UTF-8, and whether it had one.
pub(super) fn without_mark(bytes: &[u8]) -> (&[u8], bool) {
    bytes.strip_prefix(BYTE_ORDER_MARK).map_or((bytes, false), |rest| (rest, true))
}

/// Refuses UTF-16 by its name: as UTF-8 it looks like damage.
///
/// # Errors
/// `Format` for a text that begins with UTF-16's byte order mark, or with an ASCII letter in it.
pub(super) fn refuse_utf16(bytes: &[u8], origin: &str) -> Result<()> {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [1..=127, 0, ..] | [0, 1..=127, ..] => {
            Err(Error::new(ErrorKind::Format, format!("{origin}: is a text in UTF-16"))
                .with_remedy("save it as UTF-8: Windows' PowerShell writes UTF-16 where `>` makes the file"))
        }
        _ => Ok(()),
    }
}

/// Refuses a text without anything in it.
///
/// # Errors
/// `Format` for a text of white space, or of nothing.
pub(super) fn refuse_empty(bytes: &[u8], origin: &str) -> Result<()> {
    check_is_not_empty(origin, without_mark(bytes).0.trim_ascii())
}
